/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "resume.h"
#include "store/verify.h"
#include "tools.h"

/* --- what was said ------------------------------------------------------------------------- */

static void promised_line(struct promised *promised, const char *line, size_t size)
{
    struct fnd_json json;
    int64_t event = 0;
    if (fnd_json_check(line, size, NULL, &json, NULL) != FND_OK) {
        return;
    }
    const bool news = fnd_json_text_is(fnd_json_member(json, "type"), "news");
    const bool taken = fnd_json_text_is(fnd_json_member(json, "type"), "end") &&
                       fnd_json_text_is(fnd_json_member(json, "status"), "ok");
    if ((news || taken) && fnd_json_integer(fnd_json_member(json, "event"), &event) &&
        event > promised->event) {
        promised->event = event;
    }
}

static void promised_said(struct promised *promised, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n') {
            promised_line(promised, promised->line, promised->line_size);
            promised->line_size = 0;
        } else if (promised->line_size < sizeof promised->line) {
            promised->line[promised->line_size++] = (char)bytes[i];
        }
    }
}

/* A command that ended well: what it put below out/ is promised. */
static void promised_files(struct promised *promised, const struct disk *disk)
{
    promised->files_count = 0;
    for (size_t i = 0; i < disk->now.count && promised->files_count < CHECK_FILES_MAX; i++) {
        const struct disk_name *name = &disk->now.list[i];
        if (name->file >= 0 && strncmp(name->name, "out/", 4) == 0) {
            promised->files[promised->files_count].name = name->name;
            promised->files[promised->files_count++].file = name->file;
        }
    }
}

void promised_step(struct promised *promised, const struct disk *disk, const struct record *record)
{
    if (record->kind == TRACE_SAID) {
        promised_said(promised, record->bytes, record->size);
    } else if (record->kind == TRACE_EXIT && record->at == 0) {
        promised_files(promised, disk);
    }
}

/* --- a state on disk ----------------------------------------------------------------------- */

static void file_put(const char *path, const struct content *content, mode_t mode)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 || (content->size > 0 && fnd_write_all(fd, content->bytes, content->size) != 0)) {
        stop("write", path);
    }
    close(fd);
}

/* The loader never forgets a file that it has loaded: whole copies are one file for all states. */
static void plugin_put(const struct check *check, const char *path, int file,
                       const struct content *content)
{
    char kept[CHECK_PATH_SIZE * 2];
    snprintf(kept, sizeof kept, "%s/%d", check->cache, file);
    if (access(kept, F_OK) != 0) {
        file_put(kept, content, 0444);
    }
    if (link(kept, path) != 0) {
        stop("link", path);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct disk_name *)a)->name, ((const struct disk_name *)b)->name);
}

static void state_put(const struct check *check, const struct state *state)
{
    char path[CHECK_PATH_SIZE * 2];
    snprintf(path, sizeof path, "%s/.foundry", check->jobs);
    tree_remove(path);
    snprintf(path, sizeof path, "%s/out", check->jobs);
    tree_remove(path);
    qsort(state->names.list, state->names.count, sizeof *state->names.list, by_name);
    for (size_t i = 0; i < state->names.count; i++) { /* a folder sorts before what is in it */
        const struct disk_name *name = &state->names.list[i];
        if (!state_reaches(state, name->name)) {
            continue;
        }
        snprintf(path, sizeof path, "%s/%s", check->jobs, name->name);
        if (name->file < 0) {
            if (mkdir(path, 0700) != 0) {
                stop("make", path);
            }
        } else if (state->contents[name->file].whole && strstr(path, "/plugins/") != NULL &&
                   strstr(path, ".so") != NULL) {
            plugin_put(check, path, name->file, &state->contents[name->file]);
        } else {
            file_put(path, &state->contents[name->file], 0600);
        }
    }
}

/* --- looking ------------------------------------------------------------------------------- */

static bool violates(char text[CHECK_TEXT_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool violates(char text[CHECK_TEXT_SIZE], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, CHECK_TEXT_SIZE, format, arguments);
    va_end(arguments);
    return false;
}

static void flaw(const char *sentence, void *context)
{
    char *text = context;
    if (text[0] == '\0') {
        snprintf(text, CHECK_TEXT_SIZE, "verify: %s", sentence);
    }
}

/* The record is the beginning of what the traced run recorded, at least as far as was told. */
static bool check_record(const struct check *check, const struct promised *promised,
                         char text[CHECK_TEXT_SIZE])
{
    struct fnd_reader *reader = NULL;
    struct fnd_error error = {0};
    struct fnd_verify verify = {0};
    int64_t last = 0;
    uint8_t chain[FND_DIGEST_SIZE];
    bool fine = true;
    text[0] = '\0';
    if (fnd_reader_open(check->jobs, &reader, &error) != FND_OK ||
        fnd_store_verify(reader, &verify, flaw, text, &error) != FND_OK ||
        fnd_reader_head(reader, &last, chain, &error) != FND_OK) {
        fine = violates(text, "cannot be read: %.900s", error.message);
    } else if (verify.flaws > 0) {
        fine = false;
    } else if (last < promised->event) {
        fine = violates(text, "events %" PRId64 " to %" PRId64 " were told of and are lost",
                        last + 1, promised->event);
    } else if (promised->event > 0 && (last >= check->chain_count ||
                                       memcmp(chain, check->chain[last], sizeof chain) != 0)) {
        fine = violates(text, "event %" PRId64 " is not the one that was recorded", last);
    }
    fnd_reader_close(reader);
    return fine;
}

static bool check_files(const struct disk *disk, const struct promised *promised,
                        const struct state *state, char text[CHECK_TEXT_SIZE])
{
    for (size_t i = 0; i < promised->files_count; i++) {
        const int file = state_find(state, promised->files[i].name);
        if (file != promised->files[i].file) {
            return violates(text, "%s was written, and is lost", promised->files[i].name);
        }
        struct content all = content_applied(&disk->files[file]);
        const struct content *found = &state->contents[file];
        const bool same = found->size == all.size && memcmp(found->bytes, all.bytes, all.size) == 0;
        free((void *)(uintptr_t)all.bytes);
        if (!same) {
            return violates(text, "%s is not whole", promised->files[i].name);
        }
    }
    return true;
}

bool check_state(struct check *check, const struct disk *disk, const struct promised *promised,
                 const struct state *state, bool resume, char text[CHECK_TEXT_SIZE])
{
    struct fnd_error error = {0};
    struct fnd_store *store = NULL;
    state_put(check, state);
    if (!check_files(disk, promised, state, text)) {
        return false;
    }
    const struct fnd_store_options options = {.env = fnd_env_system(), .create = true};
    if (fnd_store_open(check->jobs, &options, &store, &error) != FND_OK) {
        return violates(text, "does not open: %.900s", error.message);
    }
    bool fine = check_record(check, promised, text);
    fnd_store_close(store);
    if (fine && resume) {
        check->resumed++;
        fine = resume_all(check, text) && check_record(check, &(struct promised){0}, text);
    }
    return fine;
}

/* --- the traced run ------------------------------------------------------------------------ */

void check_begin(struct check *check, const char *traced)
{
    char name[CHECK_PATH_SIZE + 64];
    sqlite3 *db = NULL;
    sqlite3_stmt *row = NULL;
    snprintf(name, sizeof name, "file:%s/.foundry/state.db", traced);
    if (sqlite3_open_v2(name, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "SELECT id, chain FROM event ORDER BY id", -1, &row, NULL) !=
            SQLITE_OK) {
        fprintf(stderr, "power: %s: %s\n", name, sqlite3_errmsg(db));
        exit(2);
    }
    check->chain_count = 1;
    check->chain = fnd_alloc(sizeof *check->chain);
    while (sqlite3_step(row) == SQLITE_ROW) {
        check->chain =
            fnd_realloc(check->chain, (size_t)check->chain_count + 1, sizeof *check->chain);
        memcpy(check->chain[check->chain_count++], sqlite3_column_blob(row, 1), FND_DIGEST_SIZE);
    }
    sqlite3_finalize(row);
    sqlite3_close(db);
    if (check->chain_count < 2) {
        fprintf(stderr, "power: the traced run recorded nothing\n");
        exit(2);
    }
}

void check_finish(struct check *check)
{
    free(check->chain);
}
