/* SPDX-License-Identifier: MIT */
/* Job directories with records in them, written the way run and review write, without running
 * anything: a clock that stands still, ids from a seed. */
#ifndef TEST_DATASET_SUPPORT_H
#define TEST_DATASET_SUPPORT_H

#include "base/text.h"
#include "dataset/dataset.h"
#include "store/reader.h"
#include "store/store.h"

enum { PATH_SIZE = 1024, NOTES_MAX = 64 };

struct scene {
    char directory[PATH_SIZE];
    struct fnd_env *env;
    struct fnd_store *store;
    struct fnd_reader *reader;
    /* what an export said */
    struct fnd_dataset_note notes[NOTES_MAX];
    char messages[NOTES_MAX][512];
    size_t notes_count, errors, warnings;
    size_t die_at; /* progress ends the process with SIGKILL at this line; 0: never */
};

void scene_begin(struct scene *scene, uint64_t seed);
void scene_end(struct scene *scene);
const char *scene_path(const struct scene *scene, const char *name, char path[PATH_SIZE]);

/** A pin of pipeline `name` with phases extract and review and this `export:` (JSON). */
int64_t scene_pin(struct scene *scene, const char *name, const char *exports);
/** A job of a file; its input is not looked at. */
int64_t scene_job(struct scene *scene, int64_t pin, const char *pipeline, const char *path,
                  const char *media_type, uint64_t size, int32_t revision);
/** A job of a file whose bytes are stored. */
int64_t scene_file_job(struct scene *scene, int64_t pin, const char *pipeline, const char *path,
                       const char *media_type, const void *bytes, size_t size);
/** A job of a value. */
int64_t scene_value_job(struct scene *scene, int64_t pin, const char *pipeline, const char *path,
                        const char *value);
/** extract's output. */
void scene_model(struct scene *scene, int64_t job, const char *output, const char *marks);
/** review asks. */
int64_t scene_ask(struct scene *scene, int64_t job);
/** A person answers; `human` NULL: rejected, the job fails. Returns the record's number. */
int64_t scene_answer(struct scene *scene, int64_t job, int64_t request, const char *verdict,
                     const char *fields, const char *human);
/** A person answers what the phase asked by itself: no documents. */
int64_t scene_plain_answer(struct scene *scene, int64_t job, int64_t request, const char *answers);
/** The job goes back to review. */
void scene_reopen(struct scene *scene, int64_t job);
/** All of it: a PNG whose supplier was misread. */
int64_t scene_record(struct scene *scene, int64_t pin, const char *pipeline, const char *path,
                     int number);
/** Change a stored payload behind the store's back. */
void scene_tamper(struct scene *scene, const char *statement);

/** Options that collect what is said in the scene. */
struct fnd_export_options scene_options(struct scene *scene, const char *format);
/** Export and expect a status; notes are collected anew. */
void scene_export(struct scene *scene, const struct fnd_export_options *options,
                  struct fnd_export_result *result, enum fnd_status status,
                  struct fnd_error *error);
/** What take() of an import does where an engine holds the directory: from one line. */
enum fnd_status scene_take(struct scene *scene, const struct fnd_text *example, bool *known,
                           struct fnd_error *error);
bool scene_noted(const struct scene *scene, int64_t record, const char *part);

/** From here on this program is in Germany, where 1.5 is 1,5, and on the Chatham Islands. The
 *  locale is made for it: few machines have one. */
void elsewhere(void);

/** A whole file; fails the test if it is not there. */
void read_all(const char *path, struct fnd_text *text);
bool is_there(const char *path);

#endif
