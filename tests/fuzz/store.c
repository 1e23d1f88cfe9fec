/* SPDX-License-Identifier: MIT */
/* A job directory's record, damaged: the input is a byte of switches and patches to state.db, its
 * log and the witness of a small store that is made at the start. Whatever is read says an error or
 * the truth: when `verify` finds nothing, everything reads as it was recorded. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "fuzz.h"
#include "store/verify_internal.h"

enum { FILES = 3, PATCHES_MAX = 8, PATCH_BYTES_MAX = 32, OPEN_FOR_WRITING = 1, NO_LOG = 2 };

static const char *const names[FILES] = {"state.db", "state.db-wal", "head"};

struct span {
    size_t from, to; /* bytes; nothing when they are equal */
};

static struct {
    char directory[300];
    int folder;                  /* .foundry */
    struct fnd_text base[FILES]; /* what the files hold when nothing is damaged */
    struct span dirty[FILES];    /* to be written anew */
    struct fnd_check kept;       /* the rebuild, opened: see below */
    struct fnd_env *env;
    uint8_t truth[FND_DIGEST_SIZE]; /* of all that is read */
} scene;

/* ---- SQLite's memory ----------------------------------------------------------------------- */

/* SQLite is not instrumented, so the sanitizer's allocator sees none of its faults and takes half
 * of the time. This one has a list of free blocks for each power of two. It is called some ten
 * thousand times an input: neither looked at by the sanitizers nor counted as the engine's code. */
#ifdef __clang__
#define PLAIN __attribute__((no_sanitize("address", "undefined", "coverage")))
#else
#define PLAIN
#endif
enum { CLASS_MIN = 5, CLASSES = 28, HEAD_SIZE = 16 };

static void *free_blocks[CLASSES];

PLAIN static unsigned class_of(int size)
{
    const unsigned bits = 32 - (unsigned)__builtin_clz((unsigned)size + HEAD_SIZE - 1);
    return bits < CLASS_MIN ? CLASS_MIN : bits;
}

PLAIN static void *block_take(int size)
{
    const unsigned index = class_of(size);
    FUZZ_CHECK(index < CLASSES, "SQLite wants %d bytes", size);
    char *block = free_blocks[index];
    if (block != NULL) {
        memcpy(&free_blocks[index], block + HEAD_SIZE, sizeof(void *));
    } else {
        block = malloc((size_t)1 << index);
        FUZZ_CHECK(block != NULL, "no memory");
    }
    memcpy(block, &index, sizeof index);
    return block + HEAD_SIZE;
}

PLAIN static void block_give(void *memory)
{
    char *block = (char *)memory - HEAD_SIZE;
    unsigned index;
    memcpy(&index, block, sizeof index);
    memcpy(block + HEAD_SIZE, &free_blocks[index], sizeof(void *));
    free_blocks[index] = block;
}

PLAIN static int block_size(void *memory)
{
    unsigned index;
    memcpy(&index, (char *)memory - HEAD_SIZE, sizeof index);
    return (int)((size_t)1 << index) - HEAD_SIZE;
}

PLAIN static void *block_resize(void *memory, int size)
{
    const int old = block_size(memory);
    if (size <= old) {
        return memory;
    }
    void *bigger = block_take(size);
    memcpy(bigger, memory, (size_t)old);
    block_give(memory);
    return bigger;
}

PLAIN static int block_round(int size)
{
    return (int)((size_t)1 << class_of(size)) - HEAD_SIZE;
}

static int blocks_begin(void *context)
{
    (void)context;
    return SQLITE_OK;
}

static void blocks_end(void *context)
{
    (void)context;
}

static void sqlite_setup(void)
{
    static const sqlite3_mem_methods methods = {.xMalloc = block_take,
                                                .xFree = block_give,
                                                .xRealloc = block_resize,
                                                .xSize = block_size,
                                                .xRoundup = block_round,
                                                .xInit = blocks_begin,
                                                .xShutdown = blocks_end};
    FUZZ_CHECK(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK &&
                   sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK,
               "SQLite began before");
}

/* ---- everything that can be read ----------------------------------------------------------- */

struct reading {
    struct fnd_reader *reader;
    struct fnd_text text;
};

static bool job_row(const struct fnd_job_row *job, const struct fnd_step_row *step, void *context)
{
    struct fnd_text *text = &((struct reading *)context)->text;
    fnd_text_printf(text, "job %lld %lld %s %s %d %lld\n", (long long)job->id, (long long)job->pin,
                    job->pipeline, job->path, (int)job->revision, (long long)job->created_us);
    fnd_text_printf(text, " %d %d %d %d %lld %lld", (int)step->stand.state, (int)step->stand.phase,
                    (int)step->stand.attempt, (int)step->stand.failures,
                    (long long)step->stand.due_us, (long long)step->event);
    for (size_t i = 0; i < step->outputs_count; i++) {
        fnd_text_printf(text, " %lld", (long long)step->outputs[i]);
    }
    return true;
}

static bool event_row(const struct fnd_event_row *row, void *context)
{
    struct reading *reading = context;
    struct fnd_error error = {0};
    fnd_text_printf(&reading->text, "event %lld %lld %lld %lld %lld %d %d %d %d %d %d\n",
                    (long long)row->id, (long long)row->at_us, (long long)row->step,
                    (long long)row->prev, (long long)row->ref, (int)row->kind, (int)row->phase,
                    (int)row->attempt, (int)row->level, (int)row->after.state,
                    (int)row->after.phase);
    const enum fnd_status status =
        fnd_payload_get(reading->reader, row->id, &reading->text, &reading->text, &error);
    if (status != FND_OK) {
        fuzz_error_check(&error, NULL, 0);
        fnd_text_printf(&reading->text, "%s\n", fnd_status_name(status));
    }
    return true;
}

static bool request_row(const struct fnd_request_row *row, void *context)
{
    fnd_text_printf(&((struct reading *)context)->text, "request %lld %lld %lld %d %d %d\n",
                    (long long)row->id, (long long)row->step, (long long)row->closed,
                    (int)row->phase, (int)row->version, (int)row->state);
    return true;
}

static bool correction_row(const struct fnd_correction_row *row, void *context)
{
    fnd_text_printf(&((struct reading *)context)->text, "correction %lld %lld %lld %lld %d %d %d\n",
                    (long long)row->id, (long long)row->step, (long long)row->request,
                    (long long)row->output, (int)row->phase, (int)row->tier, (int)row->verdict);
    return true;
}

/** Read it all.  Returns whether all could be read; a failure tells its story. */
static bool read_all(struct fnd_reader *reader, uint8_t digest[FND_DIGEST_SIZE])
{
    static const struct fnd_walk walk = {0, 1000};
    const struct fnd_job_filter filter = {NULL, -1};
    struct reading reading = {.reader = reader};
    struct fnd_error error = {0};
    enum fnd_status status = fnd_jobs_walk(reader, &filter, &walk, job_row, &reading, &error);
    if (status == FND_OK) {
        status = fnd_events_walk(reader, 0, &walk, event_row, &reading, &error);
    }
    for (int state = FND_REQUEST_OPEN; status == FND_OK && state <= FND_REQUEST_WITHDRAWN;
         state++) {
        status = fnd_requests_walk(reader, (enum fnd_request_state)state, &walk, request_row,
                                   &reading, &error);
    }
    if (status == FND_OK) {
        status = fnd_corrections_walk(reader, &walk, correction_row, &reading, &error);
    }
    if (status != FND_OK) {
        fuzz_error_check(&error, NULL, 0);
    }
    fnd_sha256(fnd_text_z(&reading.text), reading.text.size, digest);
    fnd_text_finish(&reading.text);
    return status == FND_OK;
}

/* ---- the rebuild of verify ------------------------------------------------------------------ */

/* It begins with empty tables, made by the same statements each time: a third of all the work, and
 * no byte of the input has a part in it. The first one is opened as ever and kept behind a COMMIT;
 * each look at a record then happens inside a transaction that is rolled back. The linker sends
 * verify.c's calls here (meson.build). */
enum fnd_status __real_fnd_rebuild_open(struct fnd_check *check, struct fnd_error *error);
enum fnd_status __wrap_fnd_rebuild_open(struct fnd_check *check, struct fnd_error *error);
void __wrap_fnd_rebuild_close(struct fnd_check *check);

static void kept_exec(const char *sql)
{
    char *message = NULL;
    FUZZ_CHECK(sqlite3_exec(scene.kept.made.handle, sql, NULL, NULL, &message) == SQLITE_OK,
               "%s: %s", sql, message == NULL ? "" : message);
}

enum fnd_status __wrap_fnd_rebuild_open(struct fnd_check *check, struct fnd_error *error)
{
    if (scene.kept.made.handle == NULL) {
        scene.kept.reader = check->reader;
        const enum fnd_status status = __real_fnd_rebuild_open(&scene.kept, error);
        FUZZ_CHECK(status == FND_OK, "%s", error->message);
        scene.kept.reader = NULL;
        kept_exec("COMMIT");
    }
    kept_exec("BEGIN");
    check->made = scene.kept.made;
    check->made.path = check->reader->path;
    check->fold = scene.kept.fold;
    check->fold.db = &check->made;
    check->outputs = scene.kept.outputs;
    return FND_OK;
}

void __wrap_fnd_rebuild_close(struct fnd_check *check)
{
    fnd_parts_finish(&check->parts);
    for (size_t i = 0; i < FOLD_STATEMENTS; i++) {
        (void)sqlite3_reset(check->fold.statements[i]);
        (void)sqlite3_clear_bindings(check->fold.statements[i]);
    }
    (void)sqlite3_reset(check->outputs);
    kept_exec("ROLLBACK");
}

/* ---- the store that is damaged -------------------------------------------------------------- */

static int64_t commit(struct fnd_store *store, struct fnd_write *write)
{
    struct fnd_error error = {0};
    FUZZ_CHECK(fnd_store_commit(store, write, &error) == FND_OK, "%s", error.message);
    const int64_t first = write->first;
    fnd_write_destroy(write);
    return first;
}

static void event_add(struct fnd_write *write, enum fnd_event_kind kind, enum fnd_state state,
                      int32_t phase, const char *body)
{
    struct fnd_event *event = fnd_write_add(write, kind, fnd_strdup(body), fnd_strdup("{}"));
    event->phase = phase;
    event->attempt = 1;
    event->after = (struct fnd_stand){
        .state = state, .phase = kind == FND_EVENT_OUTPUT ? phase + 1 : phase, .attempt = 1};
}

/** The next write of a step, as it stands on record. */
static struct fnd_write *move(int64_t step, enum fnd_event_kind kind, enum fnd_state state,
                              int32_t phase, const char *body)
{
    struct fnd_reader *reader = NULL;
    struct fnd_step_row row;
    struct fnd_error error = {0};
    FUZZ_CHECK(fnd_reader_open(scene.directory, &reader, &error) == FND_OK &&
                   fnd_step_get(reader, step, &row, &error) == FND_OK,
               "%s", error.message);
    fnd_reader_close(reader);
    struct fnd_write *write = fnd_write_create();
    write->step = step;
    write->before = row.event;
    write->outputs_count = row.outputs_count;
    memcpy(write->outputs, row.outputs, sizeof write->outputs);
    event_add(write, kind, state, phase, body);
    return write;
}

static int64_t pin_make(struct fnd_store *store)
{
    static const char body[] = "{\"name\":\"invoice\",\"number\":1}";
    struct fnd_write *write = fnd_write_create();
    fnd_sha256(body, sizeof body - 1, write->hash);
    write->pipeline = fnd_strdup("invoice");
    (void)fnd_write_add(write, FND_EVENT_PIN, fnd_strdup(body), NULL);
    return commit(store, write);
}

static int64_t job_make(struct fnd_store *store, int64_t pin, const char *path)
{
    struct fnd_write *write = fnd_write_create();
    struct fnd_text body = {0};
    char uuid[FND_UUID_TEXT_SIZE];
    fnd_uuid_make(scene.env, write->uuid);
    fnd_uuid_format(write->uuid, uuid);
    write->pin = pin;
    write->pipeline = fnd_strdup("invoice");
    write->path = fnd_strdup(path);
    write->revision = 1;
    fnd_text_printf(&body,
                    "{\"uuid\":\"%s\",\"pipeline\":\"invoice\",\"path\":\"%s\",\"revision\":1,"
                    "\"pin\":%lld}",
                    uuid, path, (long long)pin);
    struct fnd_event *event = fnd_write_add(write, FND_EVENT_JOB, fnd_text_take(&body), NULL);
    event->after = (struct fnd_stand){.state = FND_QUEUED};
    return commit(store, write);
}

/** A job that was asked about, answered and completed. */
static void job_complete(struct fnd_store *store, int64_t pin)
{
    const int64_t job = job_make(store, pin, "a.png");
    (void)commit(store, move(job, FND_EVENT_START, FND_RUNNING, 0, "{}"));
    struct fnd_write *write = move(job, FND_EVENT_OUTPUT, FND_RUNNING, 0, "{\"total\":1.10}");
    event_add(write, FND_EVENT_ASK, FND_PAUSED, 1, "{\"questions\":[]}");
    const int64_t request = commit(store, write) + 1;
    write = move(job, FND_EVENT_ANSWER, FND_RUNNING, 1,
                 "{\"record\":true,\"tier\":\"gold\",\"verdict\":\"corrected\"}");
    write->events[0].ref = request;
    write->record = true;
    write->tier = FND_TIER_GOLD;
    write->verdict = FND_CORRECTED;
    (void)commit(store, write);
    (void)commit(store, move(job, FND_EVENT_OUTPUT, FND_COMPLETED, 1, "{\"total\":2}"));
}

static void dirty_add(size_t file, size_t from, size_t to)
{
    struct span *dirty = &scene.dirty[file];
    const bool clean = dirty->from == dirty->to;
    dirty->from = clean || from < dirty->from ? from : dirty->from;
    dirty->to = clean || to > dirty->to ? to : dirty->to;
}

static void dirty_all(size_t file)
{
    dirty_add(file, 0, scene.base[file].size);
}

/* Only what was damaged is written: whole files would cost as much as a look at them. */
static void files_restore(void)
{
    for (size_t i = 0; i < FILES; i++) {
        const struct fnd_text *base = &scene.base[i];
        const size_t from = scene.dirty[i].from;
        const size_t to = scene.dirty[i].to < base->size ? scene.dirty[i].to : base->size;
        if (scene.dirty[i].from == scene.dirty[i].to) {
            continue;
        }
        const int fd = openat(scene.folder, names[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        FUZZ_CHECK(fd >= 0 && ftruncate(fd, (off_t)base->size) == 0 &&
                       pwrite(fd, base->bytes + from, to - from, (off_t)from) ==
                           (ssize_t)(to - from),
                   "cannot write %s", names[i]);
        (void)close(fd);
        scene.dirty[i] = (struct span){0};
    }
    (void)unlinkat(scene.folder, "state.db-shm", 0);
}

static struct fnd_store *store_open(bool create)
{
    struct fnd_store *store = NULL;
    struct fnd_error error = {0};
    const struct fnd_store_options options = {.env = scene.env, .create = create};
    FUZZ_CHECK(fnd_store_open(scene.directory, &options, &store, &error) == FND_OK, "%s",
               error.message);
    return store;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct fnd_reader *reader = NULL;
    struct fnd_error error = {0};
    sqlite_setup();
    fnd_digest_setup();
    scene.env = fnd_env_seeded_create(1, INT64_C(1772366400000000));
    (void)snprintf(scene.directory, sizeof scene.directory, "%s/jobs", fuzz_folder());
    FUZZ_CHECK(mkdir(scene.directory, 0700) == 0, "cannot make %s", scene.directory);
    struct fnd_store *store = store_open(true);
    const int64_t pin = pin_make(store);
    job_complete(store, pin);
    fnd_store_close(store); /* all of that is in state.db, what comes now in the log alone */
    store = store_open(false);
    (void)job_make(store, pin, "b.png");
    FUZZ_CHECK(fnd_store_sync(store, &error) == FND_OK, "%s", error.message);
    scene.folder = dup(fnd_store_folder(store));
    for (size_t i = 0; i < FILES; i++) {
        FUZZ_CHECK(fnd_file_read(scene.folder, names[i], 1 << 24, &scene.base[i], &error) == FND_OK,
                   "%s", error.message);
        dirty_all(i);
    }
    fnd_store_close(store);
    files_restore();
    FUZZ_CHECK(fnd_reader_open(scene.directory, &reader, &error) == FND_OK, "%s", error.message);
    FUZZ_CHECK(read_all(reader, scene.truth), "the new store cannot be read");
    fnd_reader_close(reader);
    return 0;
}

/* ---- one input ----------------------------------------------------------------------------- */

struct source {
    const uint8_t *at, *end;
};

static size_t take(struct source *source, size_t bytes)
{
    size_t value = 0;
    for (size_t i = 0; i < bytes && source->at < source->end; i++) {
        value |= (size_t)*source->at++ << (8 * i);
    }
    return value;
}

/** A patch is which file (and whether it cuts it there), an offset, how many bytes, the bytes. */
static void files_patch(struct source *source)
{
    for (int i = 0; i < PATCHES_MAX && source->at < source->end; i++) {
        const size_t how = take(source, 1);
        const size_t file = (how & 3) % FILES;
        const size_t offset = take(source, 3) % scene.base[file].size;
        const int fd = openat(scene.folder, names[file], O_WRONLY | O_CLOEXEC);
        FUZZ_CHECK(fd >= 0, "no %s", names[file]);
        if ((how & 0x80) != 0) {
            FUZZ_CHECK(ftruncate(fd, (off_t)offset) == 0, "cannot cut %s", names[file]);
            dirty_add(file, offset, scene.base[file].size);
        } else {
            uint8_t bytes[PATCH_BYTES_MAX];
            const size_t size = take(source, 1) % PATCH_BYTES_MAX + 1;
            for (size_t b = 0; b < size; b++) {
                bytes[b] = (uint8_t)take(source, 1);
            }
            FUZZ_CHECK(pwrite(fd, bytes, size, (off_t)offset) == (ssize_t)size, "cannot patch");
            dirty_add(file, offset, offset + size);
        }
        (void)close(fd);
    }
}

static void flaw(const char *sentence, void *context)
{
    size_t *flaws = context;
    FUZZ_CHECK(sentence[0] != '\0' && fnd_utf8_valid(sentence, strlen(sentence)),
               "a flaw without a sentence");
    ++*flaws;
}

static void check_reading(void)
{
    struct fnd_reader *reader = NULL;
    struct fnd_error error = {0};
    struct fnd_verify result = {0};
    uint8_t digest[FND_DIGEST_SIZE];
    size_t flaws = 0;
    if (fnd_reader_open(scene.directory, &reader, &error) != FND_OK) {
        FUZZ_CHECK(reader == NULL, "refused, and a reader");
        fuzz_error_check(&error, NULL, 0);
        return;
    }
    const bool all = read_all(reader, digest);
    const enum fnd_status status = fnd_store_verify(reader, &result, flaw, &flaws, &error);
    fnd_reader_close(reader);
    if (status != FND_OK) {
        fuzz_error_check(&error, NULL, 0);
        return;
    }
    FUZZ_CHECK((size_t)result.flaws == flaws, "%zu flaws told of %lld", flaws,
               (long long)result.flaws);
    FUZZ_CHECK(flaws > 0 || (all && memcmp(digest, scene.truth, sizeof digest) == 0),
               "verify finds nothing, and what is read is %s", all ? "something else" : "broken");
}

/** Reading leaves the files alone, but for an empty log, which says nothing. */
static void files_look(struct stat found[FILES])
{
    memset(found, 0, FILES * sizeof *found);
    for (size_t i = 0; i < FILES; i++) {
        (void)fstatat(scene.folder, names[i], &found[i], AT_SYMLINK_NOFOLLOW);
    }
}

static void check_untouched(const struct stat before[FILES])
{
    struct stat after[FILES];
    files_look(after);
    for (size_t i = 0; i < FILES; i++) {
        FUZZ_CHECK(before[i].st_size == 0 ||
                       (before[i].st_ino == after[i].st_ino &&
                        before[i].st_size == after[i].st_size &&
                        before[i].st_mtim.tv_sec == after[i].st_mtim.tv_sec &&
                        before[i].st_mtim.tv_nsec == after[i].st_mtim.tv_nsec),
                   "reading changed %s: %lld bytes before, %lld now", names[i],
                   (long long)before[i].st_size, (long long)after[i].st_size);
    }
}

static void check_writing(void)
{
    struct fnd_store *store = NULL;
    struct fnd_error error = {0};
    const struct fnd_store_options options = {.env = scene.env};
    if (fnd_store_open(scene.directory, &options, &store, &error) != FND_OK) {
        FUZZ_CHECK(store == NULL, "refused, and a store");
        fuzz_error_check(&error, NULL, 0);
    }
    fnd_store_close(store);
    for (size_t i = 0; i < FILES; i++) {
        dirty_all(i);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct source source = {bytes, bytes + size};
    const size_t how = take(&source, 1);
    files_restore();
    files_patch(&source);
    if ((how & NO_LOG) != 0) {
        (void)unlinkat(scene.folder, names[1], 0);
        dirty_all(1);
    }
    struct stat before[FILES];
    files_look(before);
    check_reading();
    check_untouched(before);
    if ((how & OPEN_FOR_WRITING) != 0) {
        check_writing();
    }
    return 0;
}
