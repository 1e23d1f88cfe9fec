/* SPDX-License-Identifier: MIT */
/* A job directory with a past, and shadow spaces beside it: for their tests. */
#ifndef SHADOW_SPACE_H
#define SHADOW_SPACE_H

#include "desk.h"
#include "run/shadow.h"

#define HEAD                                                                                       \
    "foundry: v1\nname: past\nparams:\n  hint: {type: string, default: plain}\n"                   \
    "  most: {type: integer, default: 5}\n"
#define COPY                                                                                       \
    "  - {id: copy, uses: steps/copy, with: {value: ['${input}', '${params.hint}', "               \
    "'${params.most}']}}\n"
#define GATE "  - {id: review, uses: foundry/human, with: {of: copy, schema: form.json}}\n"
#define PAST                                                                                       \
    "phases:\n" COPY GATE "  - {id: behind, uses: steps/copy, with: {value: '${review}'}}\n"
extern struct desk desk;
extern char space_plugin[4096], space_another[4096]; /* files of plugins */

/** A job directory with the pipeline and some jobs of it; the engine is closed. */
void space_begin(const char *yaml);
struct fnd_reader *space_look(void);
enum fnd_status space_create(struct fnd_reader *reader, const char *file,
                             const struct fnd_shadow_model *model, struct fnd_shadow **shadow);
enum fnd_status space_add(struct fnd_reader *reader, struct fnd_shadow *shadow, const char *job,
                          char **path, struct fnd_error *error);
/** What lies in a file below a folder; "" if there is none. Valid until the next of these. */
const char *space_content(const char *folder, const char *name);
/** Whether nothing is left of any space. */
bool space_gone(void);
int64_t space_commit(struct fnd_write *write);
/** A space that cannot be made: how, in which words, and that nothing is left. */
void space_refused(const char *yaml, const char *file, const struct fnd_shadow_model *model,
                   enum fnd_status status, const char *words);

#endif
