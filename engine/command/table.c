/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "command/command.h"
#include "command/commands.h"
#include "dataset/dataset.h"

/* Options that several commands share, worded once. */
#define PLUGIN_PATH                                                                                \
    {                                                                                              \
        FND_OPTION_PLUGIN_PATH, 0, "plugin-path", "PATH",                                          \
            "look for plugins in these folders, too, separated by colons", NULL                    \
    }
#define PARAM                                                                                      \
    {                                                                                              \
        FND_OPTION_PARAM, 'p', "param", "KEY=VALUE",                                               \
            "set a param of the pipeline; may be given many times", NULL                           \
    }
#define PIPELINE                                                                                   \
    {                                                                                              \
        FND_OPTION_PIPELINE, 0, "pipeline", "NAME", "only jobs of the pipeline of this name", NULL \
    }
#define AS                                                                                         \
    {                                                                                              \
        FND_OPTION_AS, 0, "as", "NAME", "who does it; else the name of the system's user", NULL    \
    }
#define REASON                                                                                     \
    {                                                                                              \
        FND_OPTION_REASON, 0, "reason", "TEXT", "why; kept with it", NULL                          \
    }
#define NO_RUN                                                                                     \
    {                                                                                              \
        FND_OPTION_NO_RUN, 0, "no-run", NULL, "leave the job queued; the next run takes it up",    \
            NULL                                                                                   \
    }
#define ISOLATION                                                                                  \
    {                                                                                              \
        FND_OPTION_ISOLATION, 0, "isolation", "LEVEL",                                             \
            "how plugins run unless the pipeline says; sandbox if this is not given", isolations   \
    }
#define ALLOW_ROOT                                                                                 \
    {                                                                                              \
        FND_OPTION_ALLOW_ROOT, 0, "allow-root", NULL,                                              \
            "started as root: let plugins keep that user; recorded with each phase", NULL          \
    }
#define JOBS                                                                                       \
    {                                                                                              \
        FND_OPTION_JOBS, 'j', "jobs", "N", "worker processes at most; one a processor by default", \
            NULL                                                                                   \
    }
#define SECRETS_DIR                                                                                \
    {                                                                                              \
        FND_OPTION_SECRETS_DIR, 0, "secrets-dir", "DIR", "read ${secrets.NAME} from DIR/NAME",     \
            NULL                                                                                   \
    }
#define NETWORK                                                                                    \
    {                                                                                              \
        FND_OPTION_NETWORK, 0, "network-allowed", NULL,                                            \
            "work on NFS, SMB or FUSE, although locks and fsync may lie there", NULL               \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }
#define JOBDIR                                                                                     \
    {                                                                                              \
        "JOBDIR", "the job directory; else the nearest folder upward that holds .foundry", true,   \
            FND_OPERAND_DIRECTORY                                                                  \
    }
#define JOB                                                                                        \
    {                                                                                              \
        "JOB", "its number, its path, the end of its path, or its UUID", false, FND_OPERAND_TEXT   \
    }

static const char *const isolations[] = {"sandbox", "best-effort", "process", "inline", NULL};
static const char *const kinds[] = {"phase", "detector", NULL};
static const char *const splits[] = {"all", "train", "validation", "test", NULL};
static const char *const cases[] = {"invoice", "poles", NULL};

static const char *const log_formats[] = {"text", "json", NULL};

static const struct fnd_option common[] = {
    {FND_OPTION_JSON, 0, "json", NULL, "print JSON, for programs", NULL},
    {FND_OPTION_LOG_FORMAT, 0, "log-format", "FORMAT",
     "log lines on stderr as text or json; json with --json, else text", log_formats},
    {FND_OPTION_VERBOSE, 'v', "verbose", NULL, "tell more on stderr; twice: all there is", NULL},
    {FND_OPTION_QUIET, 'q', "quiet", NULL, "tell of errors only", NULL},
    {FND_OPTION_HELP, 'h', "help", NULL, "show help and stop", NULL},
    END};

static const struct fnd_operand jobdir_operands[] = {JOBDIR, END};
static const struct fnd_operand job_operands[] = {JOBDIR, JOB, END};
static const struct fnd_operand pipeline_operands[] = {
    {"PIPELINE", "a pipeline file (YAML)", false, FND_OPERAND_FILE}, END};

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
static const struct fnd_exit serve_exits[] = {
    {7, "another engine has a directory"}, {130, "ended by a signal, all is saved"}, {0, NULL}};

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
    PLUGIN_PATH,
    ISOLATION,
    ALLOW_ROOT,
    AS,
    END};
static const struct fnd_example demo_examples[] = {
    {"demo", "asks what it needs to know, then opens the review page"},
    {"demo --case poles --threshold 0.8 --no-browser", "asks nothing"},
    {NULL, NULL}};
static const char demo_details[] =
    "Takes the samples that ship with a pipeline through the whole loop: they run, what is in "
    "doubt is asked in the review page (as `serve` has it), and when the last card is answered, "
    "or on Ctrl-C, it tells what was accepted and corrected and exports the corrections. What is "
    "not said by options is asked on a terminal, and elsewhere taken as it stands by default.\n\n"
    "invoice reads pictures of invoices with Tesseract. poles has canned results: no model looks "
    "at its pictures.\n\n"
    "While a browser is being opened, the login link stands in the list of processes, which other "
    "users of the machine may read; --no-browser keeps it on the terminal. The folder stays.";
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

static const struct fnd_option ask_list_options[] = {
    {FND_OPTION_ALL, 'a', "all", NULL, "answered and withdrawn ones, too", NULL}, PIPELINE, END};
static const struct fnd_example ask_list_examples[] = {
    {"ask list invoices/", "who waits for what"},
    {"ask list --json invoices/", "a request a line, with questions, values and schemas"},
    {NULL, NULL}};
static const struct fnd_operand request_operands[] = {
    JOBDIR, {"REQUEST", "its number, or the job that waits", false, FND_OPERAND_TEXT}, END};
static const struct fnd_example ask_show_examples[] = {
    {"ask show 12", "the questions with what the model said, and how to answer"}, {NULL, NULL}};

#define FOR(text)                                                                                  \
    {                                                                                              \
        FND_OPTION_FOR, 0, "for", "DURATION", text, NULL                                           \
    }
static const struct fnd_option claim_options[] = {FOR("how long; else as the pipeline says, or 5m"),
                                                  AS, END};
static const struct fnd_option snooze_options[] = {FOR("how long; else 1h"), AS, END};
static const struct fnd_option as_options[] = {AS, END};
static const struct fnd_option reopen_options[] = {REASON, AS, END};
static const struct fnd_example claim_examples[] = {
    {"ask claim 12 --for 20m", "nobody else is given request 12, or may answer it"}, {NULL, NULL}};
static const struct fnd_example ask_release_examples[] = {
    {"ask release 12", "put it back into the queue"}, {NULL, NULL}};
static const struct fnd_example snooze_examples[] = {
    {"ask snooze 12 --for 2h", "nobody is given it before"}, {NULL, NULL}};
static const struct fnd_example undo_examples[] = {
    {"ask undo 12", "take back the answer you have just given"}, {NULL, NULL}};
static const struct fnd_example reopen_examples[] = {
    {"ask reopen 12 --reason 'wrong supplier'", "its job goes back to that question"},
    {NULL, NULL}};
static const struct fnd_exit desk_exits[] = {
    {9, "somebody else has it, or it does not stand so any more"}, {0, NULL}};
static const struct fnd_operand rule_operands[] = {
    JOBDIR, {"RULE", "its number, as rules list shows it", false, FND_OPERAND_TEXT}, END};
static const struct fnd_example rules_list_examples[] = {
    {"rules list invoices/", "which answers hold for other jobs, too"}, {NULL, NULL}};
static const struct fnd_example revoke_examples[] = {
    {"rules revoke 57 --reason 'two suppliers of that name'", "what it settled is open again"},
    {NULL, NULL}};

static const struct fnd_option notify_options[] = {
    {FND_OPTION_ALL, 'a', "all", NULL, "those that were sent, too", NULL}, END};
static const struct fnd_example notify_examples[] = {
    {"notify list invoices/", "messages to hooks that wait or were given up, and why"},
    {NULL, NULL}};

static const struct fnd_operand answer_operands[] = {
    JOBDIR,
    {"REQUEST", "its number, the job that waits, or - for answers on stdin, a JSON object a line",
     false, FND_OPERAND_TEXT},
    END};
static const struct fnd_option answer_options[] = {
    {FND_OPTION_SET, 's', "set", "FIELD=VALUE",
     "set a field, by name or JSON pointer; the schema says whether 10 is text", NULL},
    {FND_OPTION_REMOVE, 0, "remove", "POINTER", "remove a field or an item", NULL},
    {FND_OPTION_ACCEPT, 0, "accept", NULL, "what stands is right", NULL},
    {FND_OPTION_REJECT, 0, "reject", NULL, "the job cannot be saved: it ends failed", NULL},
    {FND_OPTION_REASON, 0, "reason", "TEXT", "why it is rejected", NULL},
    {FND_OPTION_OVERRIDE, 0, "override", "POINTER=REASON",
     "a detector is wrong about this field; an empty POINTER is the whole", NULL},
    {FND_OPTION_TWINS, 0, "twins", NULL,
     "it holds for the same question in other jobs, now and later", NULL},
    {FND_OPTION_FILE, 'f', "file", "FILE", "the answer as a JSON object, as on stdin", NULL},
    {FND_OPTION_IF_VERSION, 0, "if-version", "N", "only if the request still has this version",
     NULL},
    AS,
    NO_RUN,
    PLUGIN_PATH,
    JOBS,
    ISOLATION,
    ALLOW_ROOT,
    SECRETS_DIR,
    END};
static const struct fnd_example answer_examples[] = {
    {"answer 12 --set supplier_name='Hardware & Son' --set /line_items/0/quantity=10",
     "correct two fields; the job goes on at once"},
    {"answer 12 --accept", "the model was right: data, too"},
    {"answer 12 --accept --override /total_cost='rounded by the supplier'",
     "go against a detector, with a reason"},
    {"answer invoices/ - < answers.ndjson",
     "many: {\"request\":12,\"version\":1,\"values\":{\"/quantity\":10}}"},
    {NULL, NULL}};
static const struct fnd_exit answer_exits[] = {
    {0, "taken, and the jobs ran to their end"},
    {1, "refused: each field's error is on a line of its own; or a job failed behind it"},
    {3, "taken, and jobs wait for people again"},
    {9, "somebody answered first, or the version is another: what stands is shown"},
    {0, NULL}};

static const struct fnd_option export_options[] = {
    {FND_OPTION_FORMAT, 'f', "format", "FORMAT",
     "foundry (all there is), gemini, openai-chat, openai-dpo, trl-sft, trl-dpo, trl-kto, alpaca, "
     "sharegpt, nvidia-flywheel, argilla, label-studio, coco, or a folder as yolo or hf",
     fnd_dataset_formats},
    {FND_OPTION_NAME, 0, "name", "NAME", "the entry of the pipeline's `export:` to use", NULL},
    {FND_OPTION_OUT, 'o', "out", "FILE",
     "write here, else to out/NAME.jsonl (or .json, or a folder) in the job directory; - is stdout",
     NULL},
    {FND_OPTION_URI_PREFIX, 0, "uri-prefix", "URI",
     "where the inputs will lie for the trainer (gs://bucket/)", NULL},
    {FND_OPTION_PROMPT, 0, "prompt", "TEXT", "what the model is asked; else as the entry says",
     NULL},
    {FND_OPTION_SYSTEM, 0, "system", "TEXT", "the system instruction; else as the entry says",
     NULL},
    {FND_OPTION_PHASE, 0, "phase", "ID", "only records of this phase", NULL},
    {FND_OPTION_SPLIT, 0, "split", "SPLIT", "only this part of the records", splits},
    {FND_OPTION_SKIP_BAD, 0, "skip-bad", NULL,
     "leave out records that the format cannot hold; each is named", NULL},
    {FND_OPTION_FROM_MANIFEST, 0, "manifest", "FILE",
     "make the very export that this manifest tells of", NULL},
    PIPELINE,
    NETWORK,
    END};
static const struct fnd_example export_examples[] = {
    {"export invoices/ --format gemini --uri-prefix gs://bucket/",
     "corrections as fine-tuning data, with a manifest beside them"},
    {"export invoices/ --format trl-dpo --prompt 'Extract the invoice as JSON.' --split train",
     "what people put in place of what the model said, for preference training"},
    {"export invoices/ --manifest out/sft.jsonl.manifest.json -o again.jsonl",
     "the same bytes again"},
    {NULL, NULL}};
static const struct fnd_operand export_validate_operands[] = {
    {"FILE", "a dataset, ours or anybody's; yolo and hf are folders", false, FND_OPERAND_FILE},
    END};
static const struct fnd_option export_validate_options[] = {{FND_OPTION_FORMAT, 0, "as", "FORMAT",
                                                             "the format whose rules it must keep",
                                                             fnd_dataset_formats},
                                                            END};
static const struct fnd_example export_validate_examples[] = {
    {"export validate out/sft.jsonl --as gemini", "every rule that it breaks, by line"},
    {"export validate out/yolo --as yolo", "a folder, by file and line; its hashes, too"},
    {NULL, NULL}};

static const char *const tiers[] = {"gold", "silver", NULL};
static const char *const import_details =
    "The file is checked first: where one example cannot be taken, none is. What is on record is\n"
    "never changed. The same example again is known; one that says something else of the same\n"
    "input becomes a further revision. An import that was cut off goes on when it is repeated.\n"
    "Each record keeps the file's SHA-256, the line, and who imported it when.";
static const struct fnd_operand import_operands[] = {
    {"FORMAT", "foundry, coco, yolo or label-studio", false, FND_OPERAND_TEXT},
    {"FILE", "what was made elsewhere; of yolo a folder", false, FND_OPERAND_FILE},
    JOBDIR,
    END};
static const struct fnd_option import_options[] = {
    {FND_OPTION_TIER, 0, "as", "TIER",
     "gold: people made or checked each of them; silver: not so; else as the line says (foundry)",
     tiers},
    {FND_OPTION_IMAGES, 0, "images", "DIR",
     "where pictures lie that the file names; else beside the file", NULL},
    {FND_OPTION_PHASE, 0, "phase", "ID",
     "the phase of the answers; else the pipeline's first that people answer in", NULL},
    PIPELINE,
    NETWORK,
    END};
static const struct fnd_example import_examples[] = {
    {"import label-studio project.json poles/ --as gold --images photos/",
     "annotations of a Label Studio project as corrections"},
    {"import foundry corrections.jsonl", "what another job directory exported"},
    {NULL, NULL}};
static const struct fnd_exit import_exits[] = {
    {1, "the file breaks rules or an example cannot be taken: each thing is named by line"},
    {7, "an engine holds the directory: repeat it when that has ended"},
    {0, NULL}};

static const struct fnd_operand model_operands[] = {
    JOBDIR, {"MODEL", "its name; else the only one", true, FND_OPERAND_TEXT}, END};
#define MODEL_VERSION                                                                              \
    {                                                                                              \
        FND_OPTION_MODEL_VERSION, 0, "model-version", "N", "this version; 0 are the rules", NULL   \
    }
static const struct fnd_option train_options[] = {
    {FND_OPTION_EXPLAIN, 0, "explain", NULL,
     "only say what would be learned from, and whether a training is due", NULL},
    {FND_OPTION_WAIT, 0, "wait", NULL, "wait for the end, also where a live engine does the work",
     NULL},
    PIPELINE,
    AS,
    END};
static const struct fnd_example train_examples[] = {
    {"train invoice --explain", "what the model would be learned from, and whether it is due"},
    {"train invoice --wait", "learn a new version from the corrections so far, and decide"},
    {NULL, NULL}};
static const struct fnd_exit train_exits[] = {
    {1, "the training failed; the model in production goes on"},
    {5, "there is no such model"},
    {9, "there is nothing to learn from, or a training is under way"},
    {0, NULL}};
static const struct fnd_option models_list_options[] = {PIPELINE, END};
static const struct fnd_example models_list_examples[] = {
    {"models list invoices/", "every version, where it stands, and how it did when it was tried"},
    {NULL, NULL}};
static const struct fnd_option models_show_options[] = {MODEL_VERSION, PIPELINE, END};
static const struct fnd_example models_show_examples[] = {
    {"models show invoice", "the newest version, field by field"}, {NULL, NULL}};
static const struct fnd_option models_promote_options[] = {MODEL_VERSION, REASON, AS, PIPELINE,
                                                           END};
static const struct fnd_example models_promote_examples[] = {
    {"models promote invoice --model-version 3 --reason 'seen on real scans'",
     "jobs go by version 3 from their next phase on"},
    {NULL, NULL}};
static const struct fnd_option models_rollback_options[] = {REASON, AS, PIPELINE, END};
static const struct fnd_example models_rollback_examples[] = {
    {"models rollback invoice --reason 'dates are wrong'",
     "back to what stood before the version in production"},
    {NULL, NULL}};
static const struct fnd_exit models_exits[] = {
    {5, "there is no such model or version"}, {9, "it is so already"}, {0, NULL}};

static const struct fnd_option verify_options[] = {
    {FND_OPTION_DEEP, 0, "deep", NULL,
     "compile every pinned pipeline, check outputs by their schemas, make exports again", NULL},
    END};
static const struct fnd_example verify_examples[] = {
    {"verify invoices/", "prove that the record is what was recorded"},
    {"verify --deep invoices/", "and that it can still be used"},
    {NULL, NULL}};
static const struct fnd_exit verify_exits[] = {
    {0, "nothing is wrong"}, {1, "something is: a line for each"}, {0, NULL}};

static const struct fnd_operand why_operands[] = {
    JOBDIR,
    {"EXPORT:LINE[:FIELD]",
     "a line of an export; FIELD is a JSON pointer into it or into the corrected document behind "
     "it, or a name, with dots between names",
     false, FND_OPERAND_TEXT},
    END};
static const struct fnd_example why_examples[] = {
    {"why out/sft.jsonl:1:supplier_name",
     "who gave the value, what was asked, which phase said it first, where in the picture"},
    {"why out/sft.jsonl:1:/contents/1/parts/0/text/line_items/0/quantity",
     "the same by a pointer, on into the text that holds JSON"},
    {"why out/sft.jsonl:1 --json", "every field of the line"},
    {NULL, NULL}};
static const struct fnd_exit why_exits[] = {{0, "the whole chain is there"},
                                            {1, "a link is missing or altered: each is named"},
                                            {5, "no such file, line or field"},
                                            {9, "the export is of another job directory"},
                                            {0, NULL}};

static const struct fnd_option replay_options[] = {
    {FND_OPTION_WHERE, 0, "where", "KEY=VALUE",
     "which jobs: pipeline=NAME, path=GLOB, state=STATE, verdict=accepted or corrected; may be "
     "given many times, all must hold",
     NULL},
    {FND_OPTION_PLUGIN, 0, "plugin", "FILE",
     "the plugin file that takes the place of the one with its id", NULL},
    {FND_OPTION_DIFF, 0, "diff", NULL, "tell each field that came out otherwise", NULL},
    JOBS,
    ISOLATION,
    ALLOW_ROOT,
    SECRETS_DIR,
    END};
static const struct fnd_example replay_examples[] = {
    {"replay invoices/ --where verdict=corrected --plugin ./invoice.so --diff",
     "would the new one have got right what people corrected?"},
    {"replay --plugin ./invoice.so --json", "all jobs, for a script"},
    {NULL, NULL}};
static const struct fnd_exit replay_exits[] = {
    {0, "nothing is worse"},
    {1, "a field is wrong that was right, or a job fails that did not"},
    {0, NULL}};

static const struct fnd_operand backup_operands[] = {
    JOBDIR,
    {"FOLDER", "the folder to make; it must not be there yet", false, FND_OPERAND_DIRECTORY},
    END};
static const struct fnd_example backup_examples[] = {
    {"backup invoices/ /mnt/safe/invoices-monday", "while an engine runs, too"},
    {"backup /mnt/safe/invoices-now", "of the job directory that this folder is in"},
    {NULL, NULL}};
static const struct fnd_exit backup_exits[] = {
    {0, "the backup is there, whole"},
    {1, "it would not be whole (what is wrong is named), or the disk is full; nothing was made"},
    {9, "FOLDER is there already"},
    {0, NULL}};

static const struct fnd_option gc_options[] = {
    {FND_OPTION_DRY_RUN, 'n', "dry-run", NULL, "only say what would be removed", NULL}, END};
static const struct fnd_example gc_examples[] = {
    {"gc --dry-run invoices/", "what nothing names any more, and how large it is"}, {NULL, NULL}};
static const struct fnd_exit gc_exits[] = {{1, "verify finds a flaw, so nothing was removed"},
                                           {7, "jobs are running: repeat it when they rest"},
                                           {0, NULL}};

static const struct fnd_option curve_options[] = {
    {FND_OPTION_PIPELINE, 0, "pipeline", "NAME", "only of the pipeline of this name", NULL}, END};
static const struct fnd_example curve_examples[] = {
    {"models curve invoices/",
     "are people asked less, and is what they are not asked about right?"},
    {NULL, NULL}};
static const char curve_details[] =
    "For each version of what a human phase reviews, and each day: how many documents passed "
    "without "
    "a person, how many values people were asked about and how many seconds that took them in 100 "
    "documents, how often values that passed were wrong among those that were checked (with the "
    "range in which the true rate lies with 95 %), and what the model never found. All of it is "
    "computed from the record each time. A version is unproven until checks show that it keeps the "
    "phase's target_error.";

static const struct fnd_operand help_operands[] = {
    {"COMMAND", "a command, or its first word", true, FND_OPERAND_TEXT},
    {"WORD", "a command's second word", true, FND_OPERAND_TEXT},
    END};

static const char run_details[] =
    "Takes in the new inputs of a job directory (one file is one job; NAME.job.json; *.jsonl: a "
    "job a line), runs every job of the pipeline that can move, and stops when each is completed, "
    "paused or failed. Run again, it does nothing twice.\n\n"
    "A job under way finishes on the pipeline, params and plugins that it started with, whatever "
    "changes meanwhile: a change is shown, and taken with --upgrade only.\n\n"
    "The first Ctrl-C lets finish what runs and stops; a second one stops now. Either way all is "
    "saved. Beside a live engine of the same directory the command hands over to it and follows.";
static const char answer_details[] =
    "Answers a request; the corrected output is checked by every schema that covers it and by the "
    "detectors again, and the job goes on at the very next phase. One answer wins, any other is "
    "told what stands.\n\n"
    "An answer in JSON has \"values\" (JSON pointer to value), \"removed\" (pointers), "
    "\"overrides\" (pointer to reason), \"accept\" or \"reject\": true, \"reason\", \"version\", "
    "\"by\", \"seconds\"; on stdin \"request\", too.";

static const char plugins_test_details[] =
    "Misuses every phase and detector of a plugin as no engine would, and says what it did wrong: "
    "configs that are not as declared, huge texts, cancelling, many instances, threads, services "
    "that fail; what it leaves behind, prints or changes around it; and whether it does the same "
    "in "
    "a sandboxed worker. Each check runs in a process of its own, which may crash.\n\n"
    "A phase or detector is tested with the first case (--cases) that uses it, else with a config "
    "made up from its schema, which may reach less of its code.";
static const char backup_details[] =
    "Copies the record as it is at this moment, every artifact it names, the plugin copies, the "
    "pinned pipelines and a witness of the record's end into a new folder. An engine that runs "
    "goes on meanwhile. The copy is verified and synced before it gets its name.\n\n"
    "The copy is a job directory: `run` takes up its jobs, `verify`, `show` and `export` work on "
    "it. Your own files are not in it: what came in is kept as artifacts (unless the pipeline says "
    "`keep: reference`), and results in out/ are for you to copy.";

static const char gc_details[] =
    "Removes files below .foundry that nothing names: artifacts without an event (an engine was "
    "killed between keeping and recording), plugin copies of pipelines that no job ever stood "
    "under, temporary files of programs that died. Whatever an event names stays for ever.\n\n"
    "The record is verified first. An engine that has the directory does the work itself if its "
    "jobs rest, and refuses otherwise.";

static const char verify_details[] =
    "Reads everything: SQLite's own check, the chain over the events, each payload's digest, every "
    "table against a rebuild from the events, every artifact and plugin copy against its hash, the "
    "plugin copies that jobs and records need, the witness of the record's end. Nothing is "
    "changed, and an "
    "engine may run meanwhile.\n\n"
    "With --deep, too: every pinned pipeline is compiled from its document and its plugin copies, "
    "every recorded output is checked against the schema of the phase that made it, every export "
    "in out/ is made again by its manifest and compared. Never looked at: your own files, and "
    "results that phases wrote.";

static const char replay_details[] =
    "Runs past jobs again in a shadow space below .foundry, with another plugin file in place of "
    "the one of its id, under the pipeline as it was pinned last, up to its last foundry/human. "
    "Inputs are links to what was kept; the record of the past jobs is only read, and an engine "
    "may run meanwhile. What people answered is given again where the question and the values it "
    "is about are the same. The shadow space is removed in the end.\n\n"
    "Where a person's word stands (gold), each field is right or wrong before and now: fixed, "
    "broken, unchanged or still wrong. Elsewhere it is the same or differs. What is newly asked "
    "and what is no longer asked is told by question.";

static const char why_details[] =
    "Goes back from an exported value along every link: the file and its manifest (hashes are "
    "checked), the record, the answer, the request with the detectors that asked, the runs of the "
    "phases behind it with plugin, hash, isolation and parameters, and the input, down to the "
    "page and the pixels where a phase said where it read the value.\n\n"
    "What is missing or altered is named, and the exit code is 1; `verify --deep` finds the same. "
    "Without JOBDIR it is the job directory that the export lies in.";

static const char release_details[] =
    "A plugin whose workers died five times in a row is put in quarantine: its jobs are held, "
    "with a message that names the plugin's SHA-256, and every other plugin goes on. Lift that "
    "once "
    "you know why it died; `run` then takes up the jobs.";

static const struct fnd_command table[] = {
    {"init", "Make a folder a job directory", NULL, init_operands, init_options, init_examples,
     NULL, fnd_command_init, false},
    {"demo", "Try the whole loop with samples, in the browser", demo_details, demo_operands,
     demo_options, demo_examples, demo_exits, fnd_command_demo, false},
    {"validate", "Check a pipeline file whole, before any job runs", NULL, pipeline_operands,
     validate_options, validate_examples, validate_exits, fnd_command_validate, false},
    {"schema", "Print the JSON Schema of pipeline files or of a phase", NULL, schema_operands,
     schema_options, schema_examples, NULL, fnd_command_schema, false},
    {"plugins list", "List the plugins on the path", NULL, NULL, plugins_options,
     plugins_list_examples, NULL, fnd_command_plugins_list, false},
    {"plugins inspect", "Show what a plugin holds", NULL, inspect_operands, plugins_options,
     inspect_examples, NULL, fnd_command_plugins_inspect, false},
    {"plugins test", "Misuse a plugin and say what it did wrong", plugins_test_details,
     inspect_operands, plugins_test_options, plugins_test_examples, plugins_test_exits,
     fnd_command_plugins_test, false},
    {"plugins release", "Let a plugin run again that is in quarantine", release_details,
     release_operands, NULL, release_examples, release_exits, fnd_command_plugins_release, false},
    {"new plugin", "Make a folder with a plugin to begin from", NULL, new_plugin_operands,
     new_plugin_options, new_plugin_examples, NULL, fnd_command_new_plugin, false},
    {"run", "Take in new inputs and run what can move", run_details, run_operands, run_options,
     run_examples, run_exits, fnd_command_run, false},
    {"status", "Show how many jobs stand where", NULL, jobdir_operands, status_options,
     status_examples, NULL, fnd_command_status, false},
    {"serve", "Offer job directories over HTTP: API and review page", serve_details, serve_operands,
     serve_options, serve_examples, serve_exits, fnd_command_serve, false},
    {"show", "Show one job: where it stands, its outputs, its history", NULL, job_operands,
     show_options, show_examples, NULL, fnd_command_show, false},
    {"logs", "Show what a job's phases said", NULL, job_operands, logs_options, logs_examples, NULL,
     fnd_command_logs, false},
    {"cancel", "End a job; its open questions are withdrawn", NULL, job_operands, cancel_options,
     cancel_examples, cancel_exits, fnd_command_cancel, false},
    {"retry", "Run a job again that failed or was cancelled", NULL, retry_operands, retry_options,
     retry_examples, retry_exits, fnd_command_retry, false},
    {"ask list", "List the questions that wait for people", NULL, jobdir_operands, ask_list_options,
     ask_list_examples, NULL, fnd_command_ask_list, false},
    {"ask show", "Show a question with all that helps to answer it", NULL, request_operands, NULL,
     ask_show_examples, NULL, fnd_command_ask_show, false},
    {"ask claim", "Take a question onto your desk", NULL, request_operands, claim_options,
     claim_examples, desk_exits, fnd_command_ask_claim, false},
    {"ask release", "Put a question back into the queue", NULL, request_operands, as_options,
     ask_release_examples, desk_exits, fnd_command_ask_release, false},
    {"ask snooze", "Put a question off", NULL, request_operands, snooze_options, snooze_examples,
     desk_exits, fnd_command_ask_snooze, false},
    {"ask undo", "Take back the answer you have just given", NULL, request_operands, as_options,
     undo_examples, desk_exits, fnd_command_ask_undo, false},
    {"ask reopen", "Open an answered question again", NULL, request_operands, reopen_options,
     reopen_examples, desk_exits, fnd_command_ask_reopen, false},
    {"notify list", "List messages to webhooks that wait or were given up", NULL, jobdir_operands,
     notify_options, notify_examples, NULL, fnd_command_notify_list, false},
    {"rules list", "List the answers that hold for other jobs, too", NULL, jobdir_operands, NULL,
     rules_list_examples, NULL, fnd_command_rules_list, false},
    {"rules revoke", "End a rule; what it settled is open again", NULL, rule_operands,
     reopen_options, revoke_examples, desk_exits, fnd_command_rules_revoke, false},
    {"answer", "Answer a question; the job goes on", answer_details, answer_operands,
     answer_options, answer_examples, answer_exits, fnd_command_answer, false},
    {"models curve", "Show whether people are asked less, and whether that is right", curve_details,
     jobdir_operands, curve_options, curve_examples, NULL, fnd_command_models_curve, false},
    {"export", "Write corrections as training data", NULL, jobdir_operands, export_options,
     export_examples, NULL, fnd_command_export, false},
    {"export validate", "Check a dataset against the rules of a format", NULL,
     export_validate_operands, export_validate_options, export_validate_examples, NULL,
     fnd_command_export_validate, false},
    {"import", "Bring in corrections that were made elsewhere", import_details, import_operands,
     import_options, import_examples, import_exits, fnd_command_import, false},
    {"train", "Learn a model from corrections", NULL, model_operands, train_options, train_examples,
     train_exits, fnd_command_train, false},
    {"models list", "List versions of models and trainings", NULL, jobdir_operands,
     models_list_options, models_list_examples, NULL, fnd_command_models_list, false},
    {"models show", "Show a version of a model, field by field", NULL, model_operands,
     models_show_options, models_show_examples, models_exits, fnd_command_models_show, false},
    {"models promote", "Put a version of a model into production", NULL, model_operands,
     models_promote_options, models_promote_examples, models_exits, fnd_command_models_promote,
     false},
    {"models rollback", "Go back to the version before", NULL, model_operands,
     models_rollback_options, models_rollback_examples, models_exits, fnd_command_models_rollback,
     false},
    {"verify", "Prove that the record is what was recorded", verify_details, jobdir_operands,
     verify_options, verify_examples, verify_exits, fnd_command_verify, false},
    {"why", "Show where an exported value came from", why_details, why_operands, NULL, why_examples,
     why_exits, fnd_command_why, false},
    {"replay", "Run past jobs again with another plugin, and compare", replay_details,
     jobdir_operands, replay_options, replay_examples, replay_exits, fnd_command_replay, false},
    {"backup", "Copy the record into a folder that can be run", backup_details, backup_operands,
     NULL, backup_examples, backup_exits, fnd_command_backup, false},
    {"gc", "Remove files that nothing names", gc_details, jobdir_operands, gc_options, gc_examples,
     gc_exits, fnd_command_gc, false},
    {"help", "Show help on a command", NULL, help_operands, NULL, NULL, NULL, fnd_command_help,
     false},
    {"_man", "Print a manual page as roff", NULL, help_operands, NULL, NULL, NULL, fnd_command_man,
     true},
    {"_completion", "Print the completion script for bash", NULL, NULL, NULL, NULL, NULL,
     fnd_command_completion, true},
    {.name = NULL}};

const struct fnd_command *fnd_commands(void)
{
    return table;
}

const struct fnd_option *fnd_options_common(void)
{
    return common;
}
