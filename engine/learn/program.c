/* SPDX-License-Identifier: MIT */
/* A trainer that is a program of the user's: a folder of its own with what it learns from, lines of
 * progress on its stdout, files that it leaves. What comes of it is handed on as if a plugin had
 * said it. */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "learn/internal.h"
#include "worker/process.h"
#include "worker/program.h"
#include "worker/work.h"

enum {
    RESULT_SIZE_MAX = 64 << 20, /* of result.json */
    LINE_SIZE_MAX = 64 << 10,   /* of a line of progress; more of one is not read */
    READS_MAX = 64,             /* of its stdout in one turn */
    SAID_SIZE_MAX = 300         /* of the last line it said, in the reason of a failure */
};

struct program {
    char *examples; /* that it learns from: their name in the pack */
    bool part;      /* these are not all of them */
    struct fnd_program process;
    char *path; /* of its folder */
    int folder; /* the same */
    struct fnd_text line;
    bool skips; /* the rest of a line that is too long */
    struct fnd_noise noise;
    char *garbage; /* the first line that was no progress */
    size_t garbage_count;
    struct timespec kept; /* when the checkpoint was written that is on record */
    int64_t deadline_us,
        end_us; /* monotonic; end_us: then what does not stop is ended, 0: not yet */
    bool late;
};

static const struct fnd_engine_options *options_of(const struct run *run)
{
    return fnd_engine_options_of(run->learn->engine);
}

static int64_t now_us(const struct run *run)
{
    const struct fnd_env *env = options_of(run)->env;
    return env->monotonic_us(env);
}

/* --- its life -------------------------------------------------------------------------------- */

/* "NAME=value" texts, ended by NULL: what the pipeline declares, and what no program does without.
 */
static char **environment_make(const struct run *run, const struct program *program)
{
    static const char *const names[] = {"PATH", "LANG", "HOME", "TMPDIR"};
    const char *const values[] = {"/usr/local/bin:/usr/bin:/bin", "C.UTF-8", program->path,
                                  program->path};
    const char *declared = run->model->environment != NULL ? run->model->environment : "{}";
    const struct fnd_json map = {declared, strlen(declared)};
    char **list = NULL;
    size_t count = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (fnd_json_member(map, names[i]).bytes == NULL) {
            struct fnd_text text = {0};
            fnd_text_printf(&text, "%s=%s", names[i], values[i]);
            list = fnd_realloc(list, count + 1, sizeof *list);
            list[count++] = fnd_text_take(&text);
        }
    }
    for (struct fnd_json_walk walk = fnd_json_walk(map); fnd_json_next(&walk);) {
        struct fnd_text text = {0};
        fnd_json_text(walk.key, &text);
        fnd_text_append_byte(&text, '=');
        fnd_json_text(walk.value, &text);
        list = fnd_realloc(list, count + 1, sizeof *list);
        list[count++] = fnd_text_take(&text);
    }
    list = fnd_realloc(list, count + 1, sizeof *list);
    list[count] = NULL;
    return list;
}

static enum fnd_status start(struct run *run, struct program *program, struct fnd_error *error)
{
    char *worker = fnd_worker_program(options_of(run)->worker_program, error);
    if (worker == NULL) {
        return FND_PLUGIN;
    }
    char **environment = environment_make(run, program);
    const struct fnd_program_start wanted = {
        .worker_program = worker,
        .folder = program->folder,
        .command = (const char *const *)run->model->command,
        .environment = (const char *const *)environment,
        .nice = FND_LEARN_NICE,
    };
    enum fnd_status status = fnd_program_start(&wanted, &program->process, error);
    struct epoll_event event = {.events = EPOLLIN};
    if (status == FND_OK &&
        epoll_ctl(run->learn->epoll, EPOLL_CTL_ADD, program->process.pidfd, &event) != 0) {
        status = fnd_error_errno(error, FND_IO, errno, "cannot wait for the trainer");
    }
    for (size_t i = 0; environment[i] != NULL; i++) {
        free(environment[i]);
    }
    free(environment);
    free(worker);
    return status;
}

enum fnd_status program_begin(struct run *run, const char *examples, struct fnd_error *error)
{
    struct program *program = fnd_alloc(sizeof *program);
    *program = (struct program){
        .folder = -1, .examples = fnd_strdup(examples), .part = strcmp(examples, "examples") != 0};
    run->program = program;
    enum fnd_status status = program_folder_make(run, program->examples, program->part,
                                                 &program->path, &program->folder, error);
    if (status == FND_OK) {
        status = start(run, program, error);
    }
    program->deadline_us = now_us(run) + run->model->timeout_ms * 1000;
    return status;
}

void program_finish(struct run *run)
{
    struct program *program = run->program;
    if (program == NULL) {
        return;
    }
    fnd_program_finish(&program->process);
    if (program->folder >= 0) {
        (void)close(program->folder);
    }
    fnd_work_remove(program->path);
    fnd_text_finish(&program->line);
    fnd_noise_finish(&program->noise);
    free(program->garbage);
    free(program->examples);
    free(program);
    run->program = NULL;
}

void program_stop(struct run *run)
{
    if (run->program != NULL && run->program->end_us == 0) {
        run->program->end_us = now_us(run) + (int64_t)FND_LEARN_GRACE_MS * 1000;
        fnd_program_stop(&run->program->process, false);
    }
}

/* --- what it leaves -------------------------------------------------------------------------- */

/* A file of its, whole.
 * FND_NOT_FOUND: there is none; FND_LIMIT, FND_INVALID, FND_IO. */
static enum fnd_status file_take(const struct program *program, const char *name, size_t max,
                                 struct fnd_text *bytes, struct timespec *when,
                                 struct fnd_error *error)
{
    struct stat about;
    if (fstatat(program->folder, name, &about, AT_SYMLINK_NOFOLLOW) != 0) {
        return fnd_error_errno(error, FND_NOT_FOUND, errno, "%s", name);
    }
    if (S_ISLNK(about.st_mode)) {
        return fnd_error_set(error, FND_INVALID, "%s is a link, must be a file", name);
    }
    if (about.st_size > (off_t)max) {
        return fnd_error_set(error, FND_LIMIT, "%s has %" PRIu64 " bytes, at most %zu are taken",
                             name, (uint64_t)about.st_size, max);
    }
    *when = about.st_mtim;
    return fnd_file_read(program->folder, name, max, bytes, error);
}

/* A checkpoint that is newer than the one on record. */
static void checkpoint_take(struct run *run)
{
    struct program *program = run->program;
    struct fnd_text bytes = {0};
    struct fnd_error error = {0};
    struct timespec when = {0};
    if (run->state != RUN_TRAINS) {
        return; /* a part's is of no use to a later training */
    }
    const enum fnd_status status =
        file_take(program, "checkpoint", FND_RESULT_BYTES_MAX, &bytes, &when, &error);
    if (status == FND_OK &&
        (when.tv_sec != program->kept.tv_sec || when.tv_nsec != program->kept.tv_nsec)) {
        program->kept = when;
        run_checkpoint(&run->call, fnd_text_z(&bytes), bytes.size);
    } else if (status != FND_OK && status != FND_NOT_FOUND) {
        fnd_log(options_of(run)->log, FND_LOG_WARNING, "learn", NULL, NULL,
                "a checkpoint of model %s is not kept: %s", run->name, error.message);
    }
    fnd_text_finish(&bytes);
}

/* result.json into what the run takes as told; none is fine. */
static enum fnd_status result_take(struct run *run, struct fnd_error *error)
{
    struct fnd_text bytes = {0};
    struct timespec when;
    struct fnd_json result = {0};
    enum fnd_status status =
        file_take(run->program, "result.json", RESULT_SIZE_MAX, &bytes, &when, error);
    if (status == FND_NOT_FOUND) {
        return FND_OK;
    }
    if (status == FND_OK) {
        status = fnd_json_check(fnd_text_z(&bytes), bytes.size, "result.json", &result, error);
    }
    if (status == FND_OK && fnd_json_type(result) != FND_JSON_OBJECT) {
        status =
            fnd_error_set(error, FND_INVALID, "result.json is no object such as {\"metrics\":{}}");
    }
    if (status == FND_OK) {
        struct fnd_text compact = {0};
        fnd_json_compact(result, &compact);
        run->call.effects.output_size = compact.size;
        run->call.effects.output = fnd_text_take(&compact);
    } else {
        fnd_error_code(error, "bad_result");
    }
    fnd_text_finish(&bytes);
    return status;
}

/* The model into what the run takes as written; that there is none is told where plugins' are. */
static enum fnd_status model_take(struct run *run, struct fnd_error *error)
{
    struct fnd_effects *effects = &run->call.effects;
    struct fnd_text bytes = {0};
    struct timespec when;
    const enum fnd_status status =
        file_take(run->program, "model", FND_RESULT_BYTES_MAX, &bytes, &when, error);
    if (status == FND_OK && bytes.size > 0) {
        struct fnd_staged_artifact *model = fnd_alloc(sizeof *model);
        model->name = fnd_strdup("model");
        model->media_type = fnd_strdup("application/octet-stream");
        model->size = bytes.size;
        model->bytes = fnd_text_take(&bytes);
        effects->artifacts = model;
        effects->artifacts_count = 1;
    }
    fnd_text_finish(&bytes);
    if (status != FND_OK && status != FND_NOT_FOUND) {
        fnd_error_code(error, status == FND_LIMIT ? "model_too_large" : "bad_model");
        return status;
    }
    return FND_OK;
}

/* The last line that it said on stderr, for the reason. */
static void said_append(const struct program *program, struct fnd_text *text)
{
    const char *bytes = program->noise.text.bytes;
    size_t end = program->noise.text.size;
    while (end > 0 && (bytes[end - 1] == '\n' || bytes[end - 1] == '\r')) {
        end--;
    }
    size_t begin = end;
    while (begin > 0 && bytes[begin - 1] != '\n' && end - begin < SAID_SIZE_MAX) {
        begin--;
    }
    if (end > begin && fnd_utf8_valid(bytes + begin, end - begin)) {
        fnd_text_append_z(text, "; it said: ");
        fnd_text_append(text, bytes + begin, end - begin);
    }
}

/* Its end as that of a call. */
static void call_fill(struct run *run, const struct fnd_program_end *end)
{
    const struct program *program = run->program;
    struct fnd_pool_call *call = &run->call;
    struct fnd_text text = {0};
    call->end = FND_CALL_RETURNED;
    if (run->cancelled) {
        call->end = FND_CALL_CANCELLED;
    } else if (program->late) {
        call->end = FND_CALL_TIMEOUT;
        fnd_error_set(&call->error, FND_PLUGIN, "it ran longer than its %" PRId64 " ms",
                      run->model->timeout_ms);
    } else if (end->signal != 0 || end->failure != 0 || end->code != 0) {
        call->end = end->failure != 0 ? FND_CALL_REFUSED : FND_CALL_CRASHED;
        fnd_program_end_text(end, &text);
        said_append(program, &text);
        fnd_error_set(&call->error, FND_PLUGIN, "%s", fnd_text_z(&text));
    } else if (result_take(run, &call->error) != FND_OK ||
               model_take(run, &call->error) != FND_OK) {
        call->end = FND_CALL_REFUSED;
        call->error.status = FND_PLUGIN;
    }
    fnd_text_finish(&text);
}

/* --- what it says ---------------------------------------------------------------------------- */

static void note_copy(struct run *run, const char *text)
{
    size_t size = strlen(text);
    if (size >= sizeof run->call.note) {
        size = sizeof run->call.note - 1;
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) {
            size--; /* not within a letter */
        }
    }
    memcpy(run->call.note, text, size);
    run->call.note[size] = '\0';
}

static void line_take(struct run *run)
{
    struct program *program = run->program;
    const char *bytes = fnd_text_z(&program->line);
    struct fnd_json line = {0};
    double fraction = 0;
    bool keep = false;
    if (program->line.size == 0) {
        return;
    }
    if (fnd_json_check(bytes, program->line.size, "progress", &line, NULL) != FND_OK ||
        fnd_json_type(line) != FND_JSON_OBJECT) {
        if (program->garbage_count++ == 0) {
            struct fnd_text first = {0};
            const size_t size =
                program->line.size < SAID_SIZE_MAX ? program->line.size : SAID_SIZE_MAX;
            fnd_text_append_json(&first, bytes, fnd_utf8_valid(bytes, size) ? size : 0);
            program->garbage = fnd_text_take(&first);
        }
        return;
    }
    if (fnd_json_number(fnd_json_member(line, "progress"), &fraction) && fraction >= 0 &&
        fraction <= 1) {
        run->call.progress = fraction;
    }
    const struct fnd_json note = fnd_json_member(line, "note");
    if (note.bytes != NULL && fnd_json_type(note) == FND_JSON_STRING) {
        char *text = fnd_json_strdup(note);
        note_copy(run, text);
        free(text);
    }
    if (fnd_json_boolean(fnd_json_member(line, "checkpoint"), &keep) && keep) {
        checkpoint_take(run);
    }
}

static void out_read(struct run *run)
{
    struct program *program = run->program;
    char part[16 << 10];
    for (int i = 0; i < READS_MAX; i++) {
        const ssize_t got = read(program->process.out, part, sizeof part);
        if (got <= 0) {
            return;
        }
        for (ssize_t j = 0; j < got; j++) {
            if (part[j] == '\n') {
                if (!program->skips) {
                    line_take(run);
                }
                fnd_text_clear(&program->line);
                program->skips = false;
            } else if (program->line.size < LINE_SIZE_MAX) {
                fnd_text_append_byte(&program->line, part[j]);
            } else {
                program->garbage_count += program->skips ? 0 : 1;
                program->skips = true;
            }
        }
    }
}

void program_turn(struct run *run)
{
    struct program *program = run->program;
    struct fnd_program_end end;
    const int64_t now = now_us(run);
    const bool ended = fnd_program_ended(&program->process, &end); /* before the last is read */
    out_read(run);
    (void)fnd_noise_read(&program->noise, program->process.noise);
    if (!ended) {
        if (now >= program->deadline_us && program->end_us == 0) {
            program->late = true;
            program_stop(run);
        } else if (program->end_us != 0 && now >= program->end_us) {
            fnd_program_stop(&program->process, true);
        }
        return;
    }
    if (!program->skips) {
        line_take(run); /* one without an end */
    }
    if (program->garbage_count > 0) {
        fnd_log(options_of(run)->log, FND_LOG_WARNING, "learn", NULL, NULL,
                "the trainer of model %s printed %zu lines that are no progress, such as "
                "{\"progress\":0.3}; the first: %s",
                run->name, program->garbage_count,
                program->garbage != NULL ? program->garbage : "one that is too long");
    }
    if (run->hooks.progress != NULL) { /* the last that it told, before its end is */
        run->hooks.progress(run->hooks.context, run->call.progress, run->call.note);
    }
    call_fill(run, &end);
    if (run->call.end != FND_CALL_RETURNED) {
        checkpoint_take(run);
    }
    program_finish(run);
    run_called(run);
}

void program_end(struct run *run)
{
    if (run->program != NULL) {
        fnd_program_finish(&run->program->process);
        checkpoint_take(run);
        program_finish(run);
    }
}
