/* SPDX-License-Identifier: MIT */
/* Stores to test with: in a directory of their own, with a clock that stands still. */
#ifndef TEST_STORE_SUPPORT_H
#define TEST_STORE_SUPPORT_H

#include <sqlite3.h>

#include "store/reader.h"

enum { PATH_SIZE = 4096, START_US = 1772366400 };

struct scene {
    char directory[PATH_SIZE];
    struct fnd_env *env;
    struct fnd_store *store;
    struct fnd_reader *reader;
    struct fnd_store_options options;
};

/** Make a directory and open a new store in it. */
void scene_begin(struct scene *scene, uint64_t seed);
/** Only the directory, no store. */
void scene_directory(struct scene *scene, uint64_t seed);
void scene_open(struct scene *scene);
enum fnd_status scene_try(struct scene *scene, struct fnd_error *error);
void scene_close(struct scene *scene);
void scene_read(struct scene *scene); /* (re)open the reader */
/** Close all and remove the directory. */
void scene_end(struct scene *scene);
/** "DIRECTORY/.foundry/name"; valid until the next call. */
const char *scene_file(const struct scene *scene, const char *name, char path[PATH_SIZE]);

/* Writes. Each has the bodies that engine/store/README.md asks for. */

struct fnd_write *write_pin(const char *name, int number);
struct fnd_write *write_job(struct scene *scene, int64_t pin, const char *pipeline,
                            const char *path, int32_t revision);
/** One event on the step as it stands in the record; `before` and outputs are read. */
struct fnd_write *write_move(struct scene *scene, int64_t step, enum fnd_event_kind kind,
                             enum fnd_state state, int32_t phase);
/** Append another to such a write. */
struct fnd_event *add_move(struct fnd_write *write, enum fnd_event_kind kind, enum fnd_state state,
                           int32_t phase);
/** An ANSWER to `request`; a record: gold, corrected. */
struct fnd_write *write_answer(struct scene *scene, int64_t step, int64_t request, bool record);

/** Commit, expect `status`, and destroy; returns the first event's number. */
int64_t commit(struct scene *scene, struct fnd_write *write, enum fnd_status status);
/** The same, with the error's text checked for `part`. */
void commit_fails(struct scene *scene, struct fnd_write *write, enum fnd_status status,
                  const char *part);

/* Jobs of pipeline "invoice", which is pinned when first needed. */
int64_t new_job(struct scene *scene, const char *path);
/** A job that has run to a question; returns its number. */
int64_t paused_job(struct scene *scene, const char *path, int64_t *request);

/* Rows that must be there. */
struct fnd_step_row step_of(struct scene *scene, int64_t id);
struct fnd_request_row request_of(struct scene *scene, int64_t id);
int64_t last_event(struct scene *scene);

/** Run SQL on state.db by a connection of its own; the store must be closed. */
void sql(const struct scene *scene, const char *statement);
int64_t sql_number(const struct scene *scene, const char *query);

void flip_byte(const char *path, long offset);
long file_size(const char *path);

#endif
