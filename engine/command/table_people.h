/* SPDX-License-Identifier: MIT */
/* What commands about questions and answers take, and how they are used. For table.c only. */
#ifndef FND_COMMAND_TABLE_PEOPLE_H
#define FND_COMMAND_TABLE_PEOPLE_H

#include "command/table_shared.h"

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
static const char answer_details[] =
    "Answers a request; the corrected output is checked by every schema that covers it and by the "
    "detectors again, and the job goes on at the very next phase. One answer wins, any other is "
    "told what stands.\n\n"
    "An answer in JSON has \"values\" (JSON pointer to value), \"removed\" (pointers), "
    "\"overrides\" (pointer to reason), \"accept\" or \"reject\": true, \"reason\", \"version\", "
    "\"by\", \"seconds\"; on stdin \"request\", too.";

#endif
