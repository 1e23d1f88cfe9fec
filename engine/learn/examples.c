/* SPDX-License-Identifier: MIT */
/* Lessons written out as a trainer reads them, with every artifact they name in one file. */
#define _GNU_SOURCE /* O_TMPFILE */
#include "learn/examples.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static struct fnd_json span(const struct fnd_text *text)
{
    return (struct fnd_json){text->size > 0 ? text->bytes : NULL, text->size};
}

/* --- the pack ------------------------------------------------------------------------------- */

static enum fnd_status pack_open(struct fnd_engine *engine, struct fnd_examples *examples,
                                 struct fnd_error *error)
{
    const int folder = fnd_store_folder(fnd_engine_store(engine));
    examples->pack = openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (examples->pack < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "cannot make a temporary file in %s/.foundry",
                               fnd_store_path(fnd_engine_store(engine)));
    }
    examples->artifacts = fnd_realloc(NULL, 1, sizeof *examples->artifacts);
    examples->artifacts[0] =
        (struct fnd_call_artifact){.name = fnd_strdup("pack"), .fd = examples->pack};
    examples->artifacts_count = 1;
    return FND_OK;
}

static void pack_note(struct fnd_examples *examples, const char *name, uint64_t offset,
                      uint64_t size)
{
    examples->artifacts = fnd_realloc(examples->artifacts, examples->artifacts_count + 1,
                                      sizeof *examples->artifacts);
    examples->artifacts[examples->artifacts_count++] = (struct fnd_call_artifact){
        .name = fnd_strdup(name), .size = size, .fd = -1, .offset = offset};
}

/* The list moves while it grows: the pack is pointed at once it is done. */
static void pack_end(struct fnd_examples *examples)
{
    examples->artifacts[0].size = examples->pack_size;
    for (size_t i = 1; i < examples->artifacts_count; i++) {
        examples->artifacts[i].pack = &examples->artifacts[0];
    }
}

static enum fnd_status pack_write(struct fnd_examples *examples, const void *bytes, size_t size,
                                  struct fnd_error *error)
{
    if (fnd_write_all(examples->pack, bytes, size) != 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "cannot write the examples' temporary file");
    }
    examples->pack_size += size;
    return FND_OK;
}

/* Pack what a descriptor gives, and close it. */
static enum fnd_status file_pack(struct fnd_examples *examples, const char *name, int fd,
                                 uint64_t size, struct fnd_error *error)
{
    char part[1 << 16];
    const uint64_t offset = examples->pack_size;
    enum fnd_status status = FND_OK;
    while (status == FND_OK) {
        const ssize_t got = read(fd, part, sizeof part);
        if (got < 0 && errno != EINTR) {
            status = fnd_error_errno(error, FND_IO, errno, "cannot read artifact %s", name);
        } else if (got == 0) {
            break;
        } else if (got > 0) {
            status = pack_write(examples, part, (size_t)got, error);
        }
    }
    (void)close(fd);
    if (status == FND_OK) {
        pack_note(examples, name, offset, size);
        pack_end(examples);
    }
    return status;
}

enum fnd_status fnd_examples_pack(struct fnd_engine *engine, struct fnd_examples *examples,
                                  const char *name, const struct fnd_artifact *artifact,
                                  struct fnd_error *error)
{
    int fd = -1;
    const enum fnd_status status =
        fnd_artifact_open(fnd_store_folder(fnd_engine_store(engine)), artifact, &fd, error);
    return status == FND_OK ? file_pack(examples, name, fd, artifact->size, error) : status;
}

/* Pack what the run calls `name`, once, under its hash: names of runs are not those of others. */
static enum fnd_status name_pack(struct fnd_examples *examples, const struct fnd_case *run,
                                 const char *name, char text[FND_DIGEST_TEXT_SIZE], bool *known,
                                 struct fnd_error *error)
{
    const struct fnd_case_artifact *artifact = fnd_case_artifact(run, name);
    *known = artifact != NULL;
    if (artifact == NULL) {
        return FND_OK;
    }
    fnd_digest_text(artifact->kept.hash, text);
    for (size_t i = 1; i < examples->artifacts_count; i++) {
        if (strcmp(examples->artifacts[i].name, text) == 0) {
            return FND_OK;
        }
    }
    int fd = -1;
    const enum fnd_status status = fnd_case_open(run, artifact, &fd, error);
    return status == FND_OK ? file_pack(examples, text, fd, artifact->kept.size, error) : status;
}

/* --- a line --------------------------------------------------------------------------------- */

static size_t string_end(const char *bytes, size_t at)
{
    for (at++; bytes[at] != '"'; at++) {
        at += bytes[at] == '\\' ? 1 : 0;
    }
    return at + 1;
}

/* Append a document without white space in which each text that names an artifact of the run names
 * it as the trainer's call knows it. Keys stay. */
static enum fnd_status rename_append(struct fnd_examples *examples, const struct fnd_case *run,
                                     struct fnd_json document, struct fnd_text *json,
                                     struct fnd_error *error)
{
    struct fnd_text compact = {0}, name = {0};
    enum fnd_status status = FND_OK;
    fnd_json_compact(document, &compact);
    for (size_t at = 0; at < compact.size && status == FND_OK;) {
        if (compact.bytes[at] != '"') {
            fnd_text_append_byte(json, compact.bytes[at++]);
            continue;
        }
        const size_t end = string_end(compact.bytes, at);
        char text[FND_DIGEST_TEXT_SIZE];
        bool known = false;
        if (end >= compact.size || compact.bytes[end] != ':') {
            fnd_text_clear(&name);
            fnd_json_text((struct fnd_json){compact.bytes + at, end - at}, &name);
            status = name_pack(examples, run, fnd_text_z(&name), text, &known, error);
        }
        if (known) {
            fnd_text_append_json_z(json, text);
        } else {
            fnd_text_append(json, compact.bytes + at, end - at);
        }
        at = end;
    }
    fnd_text_finish(&compact);
    fnd_text_finish(&name);
    return status;
}

static enum fnd_status member_append(struct fnd_examples *examples, const struct fnd_case *run,
                                     const char *name, struct fnd_json value, struct fnd_text *line,
                                     struct fnd_error *error)
{
    fnd_text_printf(line, ",\"%s\":", name);
    if (value.bytes == NULL) {
        fnd_text_append_z(line, "{}");
        return FND_OK;
    }
    return rename_append(examples, run, value, line, error);
}

/* The documents of a lesson beside its run. */
struct told {
    struct fnd_text answer, asked, human, config;
};

static enum fnd_status told_load(struct fnd_reader *reader, const struct fnd_lesson *lesson,
                                 struct told *told, struct fnd_error *error)
{
    struct fnd_correction_row row;
    enum fnd_status status = fnd_correction_get(reader, lesson->record, &row, error);
    if (status == FND_OK) {
        status = fnd_payload_get(reader, lesson->record, &told->answer, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_payload_get(reader, row.request, &told->asked, NULL, error);
    }
    if (status == FND_OK && lesson->output > 0 && lesson->verdict != FND_REJECTED) {
        status = fnd_payload_get(reader, lesson->output, &told->human, NULL, error);
    }
    return status;
}

static void told_finish(struct told *told)
{
    fnd_text_finish(&told->answer);
    fnd_text_finish(&told->asked);
    fnd_text_finish(&told->human);
    fnd_text_finish(&told->config);
}

static enum fnd_status line_make(struct fnd_examples *examples, struct fnd_case *run,
                                 const struct fnd_lesson *lesson, const struct fnd_model *model,
                                 struct told *told, struct fnd_text *line, struct fnd_error *error)
{
    const struct fnd_json none = {0};
    const struct fnd_json marks = span(&run->marks);
    /* Files that have `models:` cannot; a run may be older than its file's. */
    if (fnd_bound_secret(&run->phase->bound)) {
        return fnd_error_set(error, FND_INVALID,
                             "phase %s read a secret then, which no example may hold",
                             run->phase->id);
    }
    enum fnd_status status = fnd_case_config(run, &told->config, error);
    if (status != FND_OK) {
        return status;
    }
    fnd_text_printf(line, "{\"id\":\"%" PRId64 "\",\"group\":", lesson->record);
    fnd_text_append_json_z(line, lesson->path);
    fnd_text_printf(line, ",\"split\":\"train\",\"tier\":\"%s\",\"verdict\":\"%s\"",
                    lesson->tier == FND_TIER_GOLD ? "gold" : "silver",
                    lesson->verdict == FND_ACCEPTED    ? "accepted"
                    : lesson->verdict == FND_CORRECTED ? "corrected"
                                                       : "rejected");
    status = member_append(examples, run, "with", span(&told->config), line, error);
    if (status == FND_OK) {
        status = member_append(examples, run, "output", span(&run->said), line, error);
    }
    if (status == FND_OK) {
        status = member_append(examples, run, "confidence",
                               marks.bytes != NULL ? fnd_json_member(marks, "confidence") : none,
                               line, error);
    }
    if (status == FND_OK) {
        status = member_append(examples, run, "origin",
                               marks.bytes != NULL ? fnd_json_member(marks, "origin") : none, line,
                               error);
    }
    fnd_text_append_z(line, ",\"human\":");
    if (told->human.size > 0) {
        fnd_json_compact(span(&told->human), line);
    } else {
        fnd_text_append_z(line, "null");
    }
    fnd_text_append_z(line, ",\"reviewed\":");
    fnd_lesson_reviewed(span(&told->answer), span(&told->asked), line);
    const struct fnd_json before =
        run->models.size > 0 ? fnd_json_member(span(&run->models), model->name) : none;
    fnd_text_append_z(line, ",\"previous_model\":");
    fnd_text_append(line, before.bytes != NULL ? before.bytes : "null",
                    before.bytes != NULL ? before.size : 4);
    fnd_text_append_z(line, "}\n");
    return status;
}

/* One lesson; a failure of its own documents leaves it out. */
static enum fnd_status lesson_add(struct fnd_engine *engine, const struct fnd_lesson *lesson,
                                  const struct fnd_model *model, struct fnd_examples *examples,
                                  struct fnd_error *error)
{
    struct fnd_case run = {0};
    struct told told = {0};
    struct fnd_text line = {0};
    struct fnd_error local = {0};
    enum fnd_status status = fnd_case_load(engine, lesson->subject, &run, &local);
    if (status == FND_OK) {
        status = told_load(fnd_engine_reader(engine), lesson, &told, &local);
    }
    if (status == FND_OK) {
        status = line_make(examples, &run, lesson, model, &told, &line, &local);
    }
    if (status == FND_OK) {
        uint8_t digest[FND_DIGEST_SIZE];
        char hash[FND_DIGEST_TEXT_SIZE];
        fnd_sha256(line.bytes, line.size, digest);
        fnd_digest_text(digest, hash);
        examples->list = fnd_realloc(examples->list, examples->count + 1, sizeof *examples->list);
        examples->list[examples->count] = (struct fnd_example){
            .record = lesson->record, .at = examples->lines.size, .size = line.size};
        fnd_text_append(&examples->lines, line.bytes, line.size);
        fnd_text_printf(&examples->manifest, "%s[%" PRId64 ",\"%s\"]",
                        examples->count > 0 ? "," : "", lesson->record, hash);
        examples->count++;
    } else if (status == FND_FULL || status == FND_IO) {
        *error = local;
    } else { /* its file is gone, say: the others still teach */
        fnd_error_prefix(&local, "record %" PRId64, lesson->record);
        if (examples->left++ == 0) {
            examples->left_why = local;
        }
        status = FND_OK;
    }
    fnd_case_finish(&run);
    told_finish(&told);
    fnd_text_finish(&line);
    return status;
}

static enum fnd_status keep(struct fnd_engine *engine, struct fnd_examples *examples,
                            struct fnd_error *error)
{
    struct fnd_store *store = fnd_engine_store(engine);
    const uint64_t offset = examples->pack_size;
    enum fnd_status status = fnd_artifact_put(store, fnd_text_z(&examples->lines),
                                              examples->lines.size, &examples->kept, error);
    if (status == FND_OK) {
        status = fnd_artifact_put(store, fnd_text_z(&examples->manifest), examples->manifest.size,
                                  &examples->manifest_kept, error);
    }
    if (status == FND_OK) {
        status = pack_write(examples, fnd_text_z(&examples->lines), examples->lines.size, error);
    }
    if (status == FND_OK) {
        pack_note(examples, "examples", offset, examples->lines.size);
        pack_end(examples);
    }
    return status;
}

enum fnd_status fnd_examples_pack_lines(struct fnd_examples *examples, const char *name,
                                        const struct fnd_text *lines, struct fnd_error *error)
{
    const uint64_t offset = examples->pack_size;
    const enum fnd_status status =
        pack_write(examples, lines->size > 0 ? lines->bytes : "", lines->size, error);
    if (status == FND_OK) {
        pack_note(examples, name, offset, lines->size);
        pack_end(examples);
    }
    return status;
}

enum fnd_status fnd_examples_make(struct fnd_engine *engine, const struct fnd_pipeline *pipeline,
                                  const struct fnd_model *model, struct fnd_examples *examples,
                                  struct fnd_error *error)
{
    struct fnd_lessons lessons = {0};
    const char *of = pipeline->phases[model->of].id;
    examples->pack = -1;
    enum fnd_status status = pack_open(engine, examples, error);
    if (status == FND_OK) {
        status = fnd_lessons_read(fnd_engine_reader(engine), pipeline->name, of, &lessons, error);
    }
    fnd_text_append_z(&examples->manifest, "{\"manifest\":1,\"model\":");
    fnd_text_append_json_z(&examples->manifest, model->name);
    fnd_text_append_z(&examples->manifest, ",\"of\":");
    fnd_text_append_json_z(&examples->manifest, of);
    fnd_text_append_z(&examples->manifest, ",\"pipeline\":");
    fnd_text_append_json_z(&examples->manifest, pipeline->name);
    fnd_text_append_z(&examples->manifest, ",\"records\":[");
    examples->until = lessons.until;
    for (size_t i = 0; i < lessons.count && status == FND_OK; i++) {
        if (lessons.list[i].split == FND_SPLIT_TRAIN) {
            status = lesson_add(engine, &lessons.list[i], model, examples, error);
        }
    }
    fnd_text_printf(&examples->manifest, "],\"split\":\"train\",\"until\":%" PRId64 "}\n",
                    lessons.until);
    if (status == FND_OK) {
        status = keep(engine, examples, error);
    }
    fnd_lessons_finish(&lessons);
    if (status != FND_OK) {
        fnd_examples_finish(examples);
    }
    return status;
}

void fnd_examples_finish(struct fnd_examples *examples)
{
    for (size_t i = 0; i < examples->artifacts_count; i++) {
        free((char *)(uintptr_t)examples->artifacts[i].name);
    }
    free(examples->artifacts);
    if (examples->artifacts_count > 0) {
        (void)close(examples->pack);
    }
    free(examples->list);
    fnd_text_finish(&examples->lines);
    fnd_text_finish(&examples->manifest);
    *examples = (struct fnd_examples){0};
}
