/* SPDX-License-Identifier: MIT */
/* The one table of commands. What its rows name stands in a header a thing, so that the rows can be
 * read as a list. */
#include "command/command.h"
#include "command/commands.h"
#include "command/table_data.h"
#include "command/table_jobs.h"
#include "command/table_people.h"
#include "command/table_shared.h"

static const struct fnd_option common[] = {
    {FND_OPTION_JSON, 0, "json", NULL, "print JSON, for programs", NULL},
    {FND_OPTION_LOG_FORMAT, 0, "log-format", "FORMAT",
     "log lines on stderr as text or json; json with --json, else text", log_formats},
    {FND_OPTION_VERBOSE, 'v', "verbose", NULL, "tell more on stderr; twice: all there is", NULL},
    {FND_OPTION_QUIET, 'q', "quiet", NULL, "tell of errors only", NULL},
    {FND_OPTION_HELP, 'h', "help", NULL, "show help and stop", NULL},
    END};

static const struct fnd_operand help_operands[] = {
    {"COMMAND", "a command, or its first word", true, FND_OPERAND_TEXT},
    {"WORD", "a command's second word", true, FND_OPERAND_TEXT},
    END};

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
    {"train", "Learn a model from corrections", train_details, model_operands, train_options,
     train_examples, train_exits, fnd_command_train, false},
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
