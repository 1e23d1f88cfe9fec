/* SPDX-License-Identifier: MIT */
/* What commands about corrections, models and the record take, and how they are used. For table.c
 * only. */
#ifndef FND_COMMAND_TABLE_DATA_H
#define FND_COMMAND_TABLE_DATA_H

#include "command/table_shared.h"
#include "dataset/dataset.h"

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
    "A record of another directory brings the file it came with along if that lies beside, by "
    "hash.\n"
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
     "where pictures and inputs lie that the file names; else beside the file", NULL},
    {FND_OPTION_PHASE, 0, "phase", "ID",
     "the phase of the answers; else the pipeline's first that people answer in", NULL},
    {FND_OPTION_PIPELINE, 0, "pipeline", "NAME",
     "whose records they become; else as the line says (foundry), or `imported`", NULL},
    NETWORK,
    END};
static const struct fnd_example import_examples[] = {
    {"import label-studio project.json poles/ --as gold --images photos/",
     "annotations of a Label Studio project as corrections"},
    {"import foundry corrections.jsonl", "what another job directory exported"},
    {NULL, NULL}};
static const struct fnd_exit import_exits[] = {
    {1, "the file breaks rules or an example cannot be taken: each thing is named by line"},
    {0, NULL}};

static const struct fnd_operand model_operands[] = {
    JOBDIR, {"MODEL", "its name; else the only one", true, FND_OPERAND_TEXT}, END};

#define MODEL_VERSION                                                                              \
    {                                                                                              \
        FND_OPTION_MODEL_VERSION, 0, "model-version", "VERSION", "this version; 0 are the rules",  \
            NULL                                                                                   \
    }

static const struct fnd_option train_options[] = {
    {FND_OPTION_EXPLAIN, 0, "explain", NULL,
     "only say what would be learned from, and whether a training is due", NULL},
    {FND_OPTION_CANCEL, 0, "cancel", NULL,
     "end the training of this model that runs or waits; returns when it has ended", NULL},
    {FND_OPTION_REASON, 0, "reason", "TEXT", "with --cancel: why; kept with it", NULL},
    {FND_OPTION_WAIT, 0, "wait", NULL, "wait for the end, also where a live engine does the work",
     NULL},
    PIPELINE,
    AS,
    END};
static const struct fnd_example train_examples[] = {
    {"train invoice --explain", "what the model would be learned from, and whether it is due"},
    {"train invoice --wait", "learn a new version from the corrections so far, and decide"},
    {"train invoice --cancel --reason 'wrong labels'",
     "end the one that runs; the engine, and the version in production, go on"},
    {NULL, NULL}};
static const struct fnd_exit train_exits[] = {
    {1, "the training failed or was cancelled; the model in production goes on"},
    {5, "there is no such model, or nothing to cancel"},
    {9, "there is nothing to learn from, a training is under way, or it was cancelled already"},
    {0, NULL}};
static const char train_details[] =
    "Without a live engine this process trains, and ends with the training; an engine that has "
    "the directory does the work itself, and --wait waits for it.\n\n"
    "With --cancel the training of the model ends, whoever began it: a plugin's trainer is asked "
    "to return and its worker ended behind a second, a program gets SIGTERM, then SIGKILL behind "
    "10 seconds, and with it all that it started. No version comes of it. Who cancelled it is "
    "recorded, and its checkpoint kept: the next training of the same records goes on from there. "
    "By itself none begins for the model's cooldown, ten minutes at least.";

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
    {FND_OPTION_MODEL, 0, "model", "NAME",
     "the model of which another version takes the place of the one in production", NULL},
    {FND_OPTION_MODEL_VERSION, 0, "model-version", "VERSION",
     "which version; 0 are the rules; else the newest", NULL},
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
    {"replay lines/ --model lines --diff", "what would the newest version have said?"},
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
    "plugin copies that jobs and records need, the witness of the record's end. The curve "
    "(`models curve`) is counted again from the events and compared, figure by figure. Nothing is "
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

#endif
