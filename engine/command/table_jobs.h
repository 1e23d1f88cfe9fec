/* SPDX-License-Identifier: MIT */
/* What commands that make, run and serve jobs take, and how they are used. For table.c only. */
#ifndef FND_COMMAND_TABLE_JOBS_H
#define FND_COMMAND_TABLE_JOBS_H

#include "command/table_shared.h"

static const struct fnd_operand run_operands[] = {
    {"PIPELINE", "a pipeline file (YAML)", false, FND_OPERAND_FILE}, JOBDIR, END};
static const struct fnd_option run_options[] = {
    PARAM,
    JOBS,
    {FND_OPTION_WATCH, 'w', "watch", NULL,
     "stay, and take in new files once they have rested for 2 s", NULL},
    {FND_OPTION_UPGRADE, 0, "upgrade", NULL,
     "move jobs under way to the pipeline and plugins as they are now", NULL},
    {FND_OPTION_DRY_RUN, 'n', "dry-run", NULL,
     "with --upgrade: only say which jobs could move, and why others cannot", NULL},
    {FND_OPTION_OWN, 0, "own", NULL,
     "run in this process or not at all: exit 7 if another engine has the directory", NULL},
    PLUGIN_PATH,
    ISOLATION,
    ALLOW_ROOT,
    SECRETS_DIR,
    NETWORK,
    {FND_OPTION_ACCEPT_LOSS, 0, "accept-loss", NULL,
     "go on although acknowledged transitions are missing; recorded", NULL},
    AS,
    END};
static const struct fnd_example run_examples[] = {
    {"run invoice-ocr.yaml invoices/", "take in what is new, run it, stop when all rests"},
    {"run invoice-ocr.yaml invoices/ -p threshold=0.95 -j 4", "with a param, in four workers"},
    {"run invoice-ocr.yaml invoices/ --upgrade --dry-run", "what would a changed pipeline move?"},
    {NULL, NULL}};
static const struct fnd_exit run_exits[] = {
    {0, "every job of the pipeline is completed"},
    {1, "a job failed or was cancelled, or an input could not become a job"},
    {3, "nothing failed, but jobs wait for people"},
    {0, NULL}};

static const struct fnd_operand serve_operands[] = {
    {"JOBDIR", "job directories; else the nearest folder upward that holds .foundry", true,
     FND_OPERAND_DIRECTORY, true},
    END};
static const struct fnd_option serve_options[] = {
    {FND_OPTION_LISTEN, 'l', "listen", "ADDR:PORT",
     "where: 127.0.0.1:7420 if this is not given; unix:PATH; another machine's reach needs "
     "--token-file",
     NULL},
    {FND_OPTION_PIPELINE, 0, "pipeline", "FILE",
     "a pipeline file for new jobs; may be given many times", NULL},
    PARAM,
    {FND_OPTION_NO_WATCH, 0, "no-watch", NULL,
     "take in no files of the directories, only what is submitted", NULL},
    {FND_OPTION_TOKEN_FILE, 0, "token-file", "FILE",
     "a line a person, TOKEN or NAME TOKEN, mode 600; else a random one for this run", NULL},
    {FND_OPTION_HOST, 0, "host", "NAME",
     "a further name that clients may ask for, with :PORT; may be given many times", NULL},
    {FND_OPTION_CONNECTIONS, 0, "connections", "N", "connections at once; 256 by default", NULL},
    {FND_OPTION_UPLOAD_MAX, 0, "upload-max", "N", "MiB of one upload at most; 1024 by default",
     NULL},
    {FND_OPTION_TIMEOUT, 0, "timeout", "SECONDS",
     "how long a body, a reply or a silent upload or download may take; 30 by default, and a head "
     "a sixth of it, at least 2",
     NULL},
    {FND_OPTION_METRICS_OPEN, 0, "metrics-open", NULL, "give /metrics without a token", NULL},
    JOBS,
    PLUGIN_PATH,
    ISOLATION,
    ALLOW_ROOT,
    SECRETS_DIR,
    NETWORK,
    AS,
    END};
static const struct fnd_example serve_examples[] = {
    {"serve invoices/ --pipeline invoice-ocr.yaml", "run what comes in, and let people answer"},
    {"serve a/ b/ --listen 127.0.0.1:8080 --no-watch", "two directories, submissions only"},
    {NULL, NULL}};
static const char serve_details[] =
    "Runs the engine of each job directory, as `run --watch` does, and offers it over HTTP: the "
    "API under /v1 (described by /openapi.json) and the review page at /. `answer`, `run` and "
    "every other command work beside it.\n\n"
    "It listens on this machine alone unless told otherwise, and asks for a token: the line it "
    "prints is a login link for a browser; programs send Authorization: Bearer TOKEN. A server "
    "that others may reach needs --token-file, --host with the name they use, and a proxy that "
    "speaks TLS before it.\n\n"
    "SIGINT or SIGTERM lets finish what runs, the second one stops it.";
static const struct fnd_exit serve_exits[] = {{7, "another engine has a directory"}, {0, NULL}};

static const struct fnd_operand demo_operands[] = {
    {"JOBDIR", "a new or empty folder for it; else one is made under $TMPDIR or /tmp", true,
     FND_OPERAND_DIRECTORY},
    END};
static const struct fnd_option demo_options[] = {
    {FND_OPTION_CASE, 0, "case", "CASE", "invoice (Invoice OCR) or poles (Pole Detection)", cases},
    {FND_OPTION_THRESHOLD, 0, "threshold", "SHARE", "ask below this confidence, 0 to 1; else 0.9",
     NULL},
    {FND_OPTION_PORT, 0, "port", "PORT", "of http://localhost; 8000 or the next that is free",
     NULL},
    {FND_OPTION_NO_BROWSER, 0, "no-browser", NULL, "print the login link, open nothing", NULL},
    {FND_OPTION_FLYWHEEL, 0, "flywheel", NULL,
     "rounds of new documents, a training between them, and the curve", NULL},
    {FND_OPTION_ROUNDS, 0, "rounds", "N", "of the flywheel, 1 to 50; else 8", NULL},
    {FND_OPTION_DOCUMENTS, 0, "documents", "N", "in each round, 1 to 500; else 20", NULL},
    {FND_OPTION_SEED, 0, "seed", "N",
     "the documents and the record's draws are made with: the same seed, the same curve; else 7",
     NULL},
    {FND_OPTION_TARGET, 0, "target", "SHARE",
     "how many of the fields or boxes nobody is asked about may be wrong; else 10% of fields, "
     "30% of boxes",
     NULL},
    {FND_OPTION_PROMOTE, 0, "promote", "WHO",
     "engine, which takes a version that the sign test promotes; hand takes those, too, that it "
     "holds and that look no worse; else engine",
     promoters},
    {FND_OPTION_REVIEWER, 0, "reviewer", "WHO",
     "script answers from the truth what is asked; me: you do, in the browser", reviewers},
    PLUGIN_PATH,
    ISOLATION,
    ALLOW_ROOT,
    AS,
    END};
static const struct fnd_example demo_examples[] = {
    {"demo", "asks what it needs to know, then opens the review page"},
    {"demo --case poles --threshold 0.8 --no-browser", "asks nothing"},
    {"demo --flywheel", "people are asked less from round to round: see how far, and at what cost"},
    {"demo --flywheel --case poles", "the same with boxes around utility poles"},
    {NULL, NULL}};
static const char demo_details[] =
    "Takes the samples that ship with a pipeline through the whole loop: they run, what is in "
    "doubt is asked in the review page (as `serve` has it), and when the last card is answered, "
    "or on Ctrl-C, it tells what was accepted and corrected and exports the corrections. What is "
    "not said by options is asked on a terminal, and elsewhere taken as it stands by default.\n\n"
    "invoice reads pictures of invoices with Tesseract. poles looks for utility poles in drawn "
    "streets; before anything was learnt it goes by rules, and asks about every picture.\n\n"
    "While a browser is being opened, the login link stands in the list of processes, which other "
    "users of the machine may read; --no-browser keeps it on the terminal. The folder stays.\n\n"
    "--flywheel shows what corrections are worth: in each round invoices or streets that nobody "
    "has seen are "
    "drawn, read by the newest model that was promoted, and reviewed; then a model is trained "
    "on the answers. Each round's figures come from the record and from the truth of the drawn "
    "pages: what people were asked, what went unasked and was wrong, and whether the target was "
    "proven. The target is 10% of fields, which 29 known documents can prove, and 30% of boxes; "
    "1% takes 299 (--rounds 20). The curve is printed, and left as out/flywheel.html. Stopped by "
    "Ctrl-C it goes "
    "on "
    "when the same folder is named again. Invoices are drawn by foundry-samples, streets by "
    "foundry-streets, which are built and installed where cairo, pango and leptonica are.";
static const struct fnd_exit demo_exits[] = {
    {0, "every job ended, the corrections are exported"},
    {1, "a job failed"},
    {9, "the folder is not empty, or the ports are taken"},
    {130, "ended by Ctrl-C; what was answered is exported"},
    {0, NULL}};

static const struct fnd_option init_options[] = {NETWORK, END};
static const struct fnd_operand init_operands[] = {
    {"JOBDIR", "the folder to make a job directory of; else the current one", true,
     FND_OPERAND_DIRECTORY},
    END};
static const struct fnd_example init_examples[] = {
    {"init invoices/", "make invoices/.foundry, and the folder if it is not there"}, {NULL, NULL}};

static const struct fnd_option validate_options[] = {PARAM, PLUGIN_PATH, ISOLATION, END};
static const struct fnd_example validate_examples[] = {
    {"validate invoice-ocr.yaml", "phases and hash, or every error with file:line:column"},
    {"validate invoice-ocr.yaml --json", "the same for an editor or a script"},
    {NULL, NULL}};
static const struct fnd_exit validate_exits[] = {{0, "the pipeline is valid"}, {0, NULL}};

static const struct fnd_operand schema_operands[] = {
    {"USES", "a phase, detector or trainer, PLUGIN/NAME; else the pipeline file itself", true,
     FND_OPERAND_TEXT},
    END};
static const struct fnd_option schema_options[] = {{FND_OPTION_OUTPUT_SCHEMA, 'o', "output", NULL,
                                                    "of what the phase writes, not of its `with:`",
                                                    NULL},
                                                   PLUGIN_PATH,
                                                   END};
static const struct fnd_example schema_examples[] = {
    {"schema > pipeline.schema.json", "for an editor: all phases on the plugin path are in it"},
    {"schema tesseract/ocr", "what `with:` may hold"},
    {NULL, NULL}};

static const struct fnd_option plugins_options[] = {PLUGIN_PATH, END};

static const struct fnd_operand inspect_operands[] = {
    {"PLUGIN", "an id, or a file (./x.so)", false, FND_OPERAND_FILE}, END};

static const struct fnd_example plugins_list_examples[] = {
    {"plugins list", "every plugin file on the path, those that cannot be loaded too"},
    {NULL, NULL}};

static const struct fnd_example inspect_examples[] = {
    {"plugins inspect detect", "its phases, detectors and trainers with what they take"},
    {"plugins inspect ./build/mine.so", "a file that is not on the path"},
    {NULL, NULL}};

static const struct fnd_option plugins_test_options[] = {
    PLUGIN_PATH,
    {FND_OPTION_CASES, 0, "cases", "FILE",
     "cases of foundry-conform: what the plugin is tested with, in place of what its schemas say",
     NULL},
    END};
static const struct fnd_example plugins_test_examples[] = {
    {"plugins test ./build/mine.so", "everything that the contract asks, a line each"},
    {"plugins test detect --cases cases/required.json", "beginning with an input that it takes"},
    {NULL, NULL}};
static const struct fnd_exit plugins_test_exits[] = {
    {0, "it stood everything"},
    {1, "it did something wrong: what, and what the contract says"},
    {0, NULL}};

static const struct fnd_operand release_operands[] = {
    JOBDIR, {"HASH", "the plugin's SHA-256, or how it begins", false, FND_OPERAND_TEXT}, END};
static const struct fnd_example release_examples[] = {
    {"plugins release invoices/ 3f2a91c4", "lift the quarantine of the plugin of this hash"},
    {NULL, NULL}};
static const struct fnd_exit release_exits[] = {
    {5, "no plugin in quarantine has that hash"}, {9, "several begin so"}, {0, NULL}};

static const struct fnd_operand new_plugin_operands[] = {
    {"NAME", "of the plugin: lower-case letters, digits and '-'", false, FND_OPERAND_TEXT}, END};
static const struct fnd_option new_plugin_options[] = {
    {FND_OPTION_KIND, 'k', "kind", "KIND", "what it holds first: phase or detector", kinds},
    {FND_OPTION_DIRECTORY, 'd', "dir", "DIR", "the folder to make; else ./NAME", NULL},
    END};
static const struct fnd_example new_plugin_examples[] = {
    {"new plugin weekend --kind detector", "a folder that builds and tests at once"}, {NULL, NULL}};

static const struct fnd_option status_options[] = {PIPELINE, END};
static const struct fnd_example status_examples[] = {
    {"status invoices/", "counts by pipeline, and what runs now"}, {NULL, NULL}};

static const struct fnd_option show_options[] = {
    {FND_OPTION_PHASE, 0, "phase", "ID", "print the output of this phase alone", NULL},
    PIPELINE,
    END};
static const struct fnd_example show_examples[] = {
    {"show invoice-7.png", "where the job stands, its outputs and its history"},
    {"show invoice-7.png --phase review --json", "one phase's output, as it was written"},
    {NULL, NULL}};

static const struct fnd_option logs_options[] = {
    {FND_OPTION_PHASE, 0, "phase", "ID", "only of this phase", NULL}, PIPELINE, END};
static const struct fnd_example logs_examples[] = {
    {"logs invoice-7.png", "what its phases said, and why attempts failed"}, {NULL, NULL}};

static const struct fnd_option cancel_options[] = {REASON, AS, PIPELINE, END};
static const struct fnd_example cancel_examples[] = {
    {"cancel invoice-7.png --reason 'sent twice'", "its open questions are withdrawn"},
    {NULL, NULL}};
static const struct fnd_exit cancel_exits[] = {{9, "the job has ended already"}, {0, NULL}};

static const struct fnd_operand retry_operands[] = {
    JOBDIR,
    {"JOB", "its number, its path, the end of its path, or its UUID", true, FND_OPERAND_TEXT},
    END};
static const struct fnd_option retry_options[] = {
    {FND_OPTION_PHASE, 0, "phase", "ID",
     "run again from this phase on; outputs behind it are dropped", NULL},
    {FND_OPTION_FAILED, 0, "failed", NULL, "every failed job of the directory", NULL},
    NO_RUN,
    PLUGIN_PATH,
    JOBS,
    ISOLATION,
    ALLOW_ROOT,
    SECRETS_DIR,
    AS,
    PIPELINE,
    END};
static const struct fnd_example retry_examples[] = {
    {"retry invoices/ invoice-7.png", "run a failed job again from where it stopped"},
    {"retry invoices/ invoice-7.png --phase extract", "and from an earlier phase"},
    {"retry --failed invoices/", "every failed job"},
    {NULL, NULL}};
static const struct fnd_exit retry_exits[] = {
    {0, "the job ran and is completed"}, {9, "the job has not ended"}, {0, NULL}};

static const char run_details[] =
    "Takes in the new inputs of a job directory (one file is one job; NAME.job.json; *.jsonl: a "
    "job a line), runs every job of the pipeline that can move, and stops when each is completed, "
    "paused or failed. Run again, it does nothing twice.\n\n"
    "A job under way finishes on the pipeline, params and plugins that it started with, whatever "
    "changes meanwhile: a change is shown, and taken with --upgrade only.\n\n"
    "The first Ctrl-C lets finish what runs and stops; a second one stops now. Either way all is "
    "saved. Beside a live engine of the same directory the command hands over to it and follows.";

static const char plugins_test_details[] =
    "Misuses every phase and detector of a plugin as no engine would, and says what it did wrong: "
    "configs that are not as declared, huge texts, cancelling, many instances, threads, services "
    "that fail; what it leaves behind, prints or changes around it; and whether it does the same "
    "in "
    "a sandboxed worker. Each check runs in a process of its own, which may crash.\n\n"
    "A phase or detector is tested with the first case (--cases) that uses it, else with a config "
    "made up from its schema, which may reach less of its code.";

static const char release_details[] =
    "A plugin whose workers died five times in a row is put in quarantine: its jobs are held, "
    "with a message that names the plugin's SHA-256, and every other plugin goes on. Lift that "
    "once "
    "you know why it died; `run` then takes up the jobs.";

#endif
