/* SPDX-License-Identifier: MIT */
/* The subcommands, one file each. Every one returns its exit code. */
#ifndef FND_COMMAND_COMMANDS_H
#define FND_COMMAND_COMMANDS_H

struct fnd_app;

int fnd_command_answer(struct fnd_app *app);
int fnd_command_ask_claim(struct fnd_app *app);
int fnd_command_ask_list(struct fnd_app *app);
int fnd_command_ask_release(struct fnd_app *app);
int fnd_command_ask_reopen(struct fnd_app *app);
int fnd_command_ask_show(struct fnd_app *app);
int fnd_command_ask_snooze(struct fnd_app *app);
int fnd_command_ask_undo(struct fnd_app *app);
int fnd_command_backup(struct fnd_app *app);
int fnd_command_cancel(struct fnd_app *app);
int fnd_command_train(struct fnd_app *app);
int fnd_command_models_list(struct fnd_app *app);
int fnd_command_models_show(struct fnd_app *app);
int fnd_command_models_promote(struct fnd_app *app);
int fnd_command_models_rollback(struct fnd_app *app);
int fnd_command_completion(struct fnd_app *app);
int fnd_command_demo(struct fnd_app *app);
int fnd_command_export(struct fnd_app *app);
int fnd_command_export_validate(struct fnd_app *app);
int fnd_command_gc(struct fnd_app *app);
int fnd_command_help(struct fnd_app *app);
int fnd_command_import(struct fnd_app *app);
int fnd_command_init(struct fnd_app *app);
int fnd_command_logs(struct fnd_app *app);
int fnd_command_man(struct fnd_app *app);
int fnd_command_models_curve(struct fnd_app *app);
int fnd_command_new_plugin(struct fnd_app *app);
int fnd_command_notify_list(struct fnd_app *app);
int fnd_command_plugins_inspect(struct fnd_app *app);
int fnd_command_plugins_list(struct fnd_app *app);
int fnd_command_plugins_release(struct fnd_app *app);
int fnd_command_plugins_test(struct fnd_app *app);
int fnd_command_replay(struct fnd_app *app);
int fnd_command_retry(struct fnd_app *app);
int fnd_command_rules_list(struct fnd_app *app);
int fnd_command_rules_revoke(struct fnd_app *app);
int fnd_command_run(struct fnd_app *app);
int fnd_command_schema(struct fnd_app *app);
int fnd_command_serve(struct fnd_app *app);
int fnd_command_show(struct fnd_app *app);
int fnd_command_status(struct fnd_app *app);
int fnd_command_validate(struct fnd_app *app);
int fnd_command_verify(struct fnd_app *app);
int fnd_command_why(struct fnd_app *app);

/** The path of foundry-conform: of this build if the program runs out of it, else the installed
 *  one. Static. (new_plugin.c) */
const char *fnd_sdk_conform(void);

#endif
