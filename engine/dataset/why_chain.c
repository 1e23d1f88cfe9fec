/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_NOFOLLOW */
/* `why`, second half: record, answer, request, phase runs, plugin copies, input. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset/frame.h"
#include "dataset/redact.h"
#include "dataset/why_internal.h"
#include "worker/pool.h"

static void text_member(struct fnd_text *json, const char *name, const char *value)
{
    fnd_text_printf(json, ",\"%s\":", name);
    fnd_text_append_json_z(json, value);
}

static void span_member(struct fnd_text *json, const char *name, struct fnd_json value)
{
    if (value.bytes != NULL) {
        fnd_text_printf(json, ",\"%s\":", name);
        fnd_text_append(json, value.bytes, value.size);
    }
}

static struct fnd_json document(const struct fnd_text *text)
{
    struct fnd_json value = {NULL, 0};
    if (text->size > 0) {
        fnd_json_check(text->bytes, text->size, NULL, &value, NULL);
    }
    return value;
}

/** A payload of the chain; one that is missing or altered is noted under its link's name. */
static struct fnd_json payload(struct fnd_why *why, const char *link, int64_t event,
                               struct fnd_text *body, struct fnd_text *meta)
{
    struct fnd_error error = {0};
    if (event <= 0) {
        return (struct fnd_json){NULL, 0};
    }
    if (fnd_payload_get(why->reader, event, body, meta, &error) != FND_OK) {
        fnd_why_broken(why, link, "%s", error.message);
    }
    return document(body);
}

static void event_members(struct fnd_why *why, const char *link, int64_t number,
                          struct fnd_event_row *event)
{
    struct fnd_error error = {0};
    char at[FND_TIME_TEXT_SIZE];
    *event = (struct fnd_event_row){.id = number};
    if (fnd_event_get(why->reader, number, event, &error) != FND_OK) {
        fnd_why_broken(why, link, "%s", error.message);
        return;
    }
    fnd_time_format(event->at_us, at);
    fnd_text_printf(&why->json, ",\"event\":%" PRId64 ",\"at\":\"%s\"", number, at);
}

/** The file `path` below `folder` has the bytes that its name or the record tells of. */
static bool file_check(struct fnd_why *why, const char *link, int fd, int failure, const char *path,
                       const char *hex)
{
    uint8_t digest[FND_DIGEST_SIZE];
    char found[FND_DIGEST_TEXT_SIZE];
    int rc = fd >= 0 ? fnd_sha256_fd(fd, digest, NULL) : failure;
    bool whole = false;
    if (rc != 0) {
        fnd_why_broken(why, link, "%s: %s; restore it from a backup", path, strerror(rc));
    } else {
        fnd_digest_text(digest, found);
        whole = strcmp(found, hex) == 0;
        if (!whole) {
            fnd_why_broken(why, link, "%s: its bytes have the hash %s, not %s", path, found, hex);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return whole;
}

/* --- phase runs ---------------------------------------------------------------------------- */

/** `uses: PLUGIN/PHASE` is of PLUGIN; a file stands whole in the pin's list. */
static struct fnd_json plugin_of(struct fnd_json pin, struct fnd_json phase)
{
    char *uses = fnd_json_strdup(fnd_json_member(phase, "uses"));
    struct fnd_json plugins = fnd_json_member(pin, "plugins"), found = {NULL, 0};
    char *cut = uses != NULL ? strrchr(uses, uses[0] == '.' || uses[0] == '/' ? '#' : '/') : NULL;
    if (cut != NULL) {
        *cut = '\0';
    }
    if (uses != NULL && plugins.bytes != NULL) {
        found = fnd_json_member(plugins, uses);
    }
    free(uses);
    return found;
}

static void plugin_append(struct fnd_why *why, struct fnd_json plugin)
{
    char *hex = fnd_json_strdup(fnd_json_member(plugin, "sha256"));
    struct fnd_text path = {0};
    if (hex == NULL) {
        return; /* the engine's own phase */
    }
    fnd_text_printf(&path, "plugins/%s.so", hex);
    int fd = openat(fnd_reader_folder(why->reader), fnd_text_z(&path), O_RDONLY | O_CLOEXEC);
    const bool whole = file_check(why, "plugin", fd, errno, fnd_text_z(&path), hex);
    span_member(&why->json, "version", fnd_json_member(plugin, "version"));
    text_member(&why->json, "sha256", hex);
    fnd_text_printf(&why->json, ",\"copy\":%s", whole ? "true" : "false");
    fnd_text_finish(&path);
    free(hex);
}

/** One output on the way to what the person saw. */
static void run_append(struct fnd_why *why, struct fnd_json pin, const struct fnd_event_row *event)
{
    struct fnd_text *json = &why->json;
    struct fnd_text level = {0}, pointer = {0}, body = {0};
    char at[FND_TIME_TEXT_SIZE];
    fnd_text_printf(&pointer, "/canonical/phases/%" PRId32, event->phase);
    struct fnd_json phase = fnd_json_find(pin, fnd_text_z(&pointer));
    fnd_time_format(event->at_us, at);
    fnd_level_text(event->level, &level);
    fnd_text_printf(json, "{\"event\":%" PRId64 ",\"at\":\"%s\",\"attempt\":%" PRId32, event->id,
                    at, event->attempt);
    span_member(json, "phase", fnd_json_member(phase, "id"));
    span_member(json, "uses", fnd_json_member(phase, "uses"));
    plugin_append(why, plugin_of(pin, phase));
    text_member(json, "isolation", fnd_text_z(&level));
    span_member(json, "with", fnd_json_member(phase, "with"));
    fnd_text_append_byte(json, '}');
    payload(why, "prediction", event->id, &body, NULL);
    fnd_text_finish(&body);
    fnd_text_finish(&pointer);
    fnd_text_finish(&level);
}

/** Back from the subject's output: the last output of each phase before it. */
static void runs_append(struct fnd_why *why, struct fnd_json pin, int64_t subject)
{
    struct fnd_event_row events[FND_PHASES_MAX];
    struct fnd_error error = {0};
    size_t count = 0;
    int32_t below = INT32_MAX;
    for (int64_t at = subject; at > 0 && count < FND_PHASES_MAX;) {
        struct fnd_event_row event;
        if (fnd_event_get(why->reader, at, &event, &error) != FND_OK) {
            fnd_why_broken(why, "prediction", "%s", error.message);
            break;
        }
        if (event.kind == FND_EVENT_OUTPUT && event.phase < below) {
            events[count++] = event;
            below = event.phase;
        }
        at = event.prev;
    }
    fnd_text_append_z(&why->json, ",\"runs\":[");
    for (size_t i = count; i > 0; i--) {
        fnd_text_append_z(&why->json, i < count ? "," : "");
        run_append(why, pin, &events[i - 1]);
    }
    fnd_text_append_byte(&why->json, ']');
}

/* --- input --------------------------------------------------------------------------------- */

/** What the job came in as: kept below .foundry, or left where it lay. Returns a descriptor, or -1
 *  with errno. */
static int input_open(struct fnd_why *why, const char *hex, const char *path, bool kept,
                      struct fnd_text *file)
{
    const int folder = fnd_reader_folder(why->reader);
    char name[FND_ARTIFACT_PATH_SIZE] = "";
    uint8_t hash[FND_DIGEST_SIZE] = {0};
    if (kept) {
        fnd_unhex(hex, strlen(hex), hash, sizeof hash);
        fnd_artifact_path(hash, name);
        fnd_text_printf(file, ".foundry/%s", name);
        return openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    }
    fnd_text_printf(file, "%s/%s", fnd_reader_path(why->reader), path);
    return open(fnd_text_z(file), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/** Whether the input is one that no export tells: somebody who has the file would know it by its
 *  hash or size. Where the record cannot be read, nobody can say that it is not. */
static bool is_withheld(const struct fnd_why *why)
{
    const struct fnd_json record = why->datum.whole;
    return record.bytes != NULL
               ? fnd_json_text_is(fnd_json_find(record, "/redacted/input"), "withheld")
               : why->plan.redact != NULL;
}

/** A file that is withheld: whether it has its bytes is all that is told. */
static void withheld_append(struct fnd_why *why, const char *hex, int fd)
{
    uint8_t digest[FND_DIGEST_SIZE];
    char found[FND_DIGEST_TEXT_SIZE] = "";
    if (fd >= 0 && fnd_sha256_fd(fd, digest, NULL) == 0) {
        fnd_digest_text(digest, found);
    }
    const bool whole = strcmp(found, hex) == 0;
    if (!whole) {
        fnd_why_broken(why, "input", "the input, which is withheld, %s",
                       found[0] == '\0' ? "cannot be read; restore it from a backup"
                                        : "has other bytes than those on record");
    }
    if (fd >= 0) {
        close(fd);
    }
    fnd_text_printf(&why->json, ",\"withheld\":true,\"whole\":%s", whole ? "true" : "false");
}

/** What the job is called: as in exports, where a rule finds anything in its name. */
static const char *path_told(const struct fnd_why *why, const char *path)
{
    return why->plan.redact == NULL  ? path
           : why->datum.path != NULL ? why->datum.path
                                     : "[redacted]";
}

static void input_append(struct fnd_why *why, struct fnd_json job)
{
    struct fnd_text *json = &why->json;
    struct fnd_json kept = fnd_json_find(job, "/artifacts/input");
    struct fnd_json about = kept.bytes != NULL ? kept : fnd_json_find(job, "/references/input");
    struct fnd_json sha256 = about.bytes != NULL ? fnd_json_member(about, "sha256") : about;
    char *hex = sha256.bytes != NULL ? fnd_json_strdup(sha256) : NULL;
    char *path = fnd_json_strdup(fnd_json_member(job, "path"));
    const char *told = path_told(why, path);
    struct fnd_text file = {0};
    fnd_text_append_z(json, ",\"input\":{\"path\":");
    fnd_text_append_json_z(json, told);
    if (hex == NULL) {
        fnd_text_append_z(json, ",\"value\":true"); /* it stands in the JOB event */
    } else {
        const int fd = input_open(why, hex, path, kept.bytes != NULL, &file);
        const int failure = errno;
        if (kept.bytes == NULL && strcmp(told, path) != 0) {
            fnd_text_clear(&file); /* it ends in the name */
            fnd_text_append_z(&file, told);
        }
        if (is_withheld(why)) {
            withheld_append(why, hex, fd);
        } else {
            const bool whole = file_check(why, "input", fd, failure, fnd_text_z(&file), hex);
            text_member(json, "file", fnd_text_z(&file));
            span_member(json, "media_type", fnd_json_member(about, "media_type"));
            text_member(json, "sha256", hex);
            span_member(json, "size", fnd_json_member(about, "size"));
            fnd_text_printf(json, ",\"whole\":%s", whole ? "true" : "false");
        }
    }
    fnd_text_append_byte(json, '}');
    fnd_text_finish(&file);
    free(hex);
    free(path);
}

/* --- record, answer, request ---------------------------------------------------------------- */

static void record_append(struct fnd_why *why, int64_t number, const char *recorded, bool same)
{
    static const char *const members[] = {"uuid", "verdict",  "tier",   "pipeline", "phase",
                                          "path", "revision", "fields", "undone"};
    struct fnd_text *json = &why->json;
    fnd_text_printf(json, ",\"record\":{\"record\":%" PRId64 ",\"sha256\":\"%s\",\"same\":%s",
                    number, recorded, same ? "true" : "false");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        span_member(json, members[i],
                    why->datum.whole.bytes != NULL ? fnd_json_member(why->datum.whole, members[i])
                                                   : (struct fnd_json){NULL, 0});
    }
    fnd_text_append_byte(json, '}');
}

static void answer_append(struct fnd_why *why, int64_t number, struct fnd_json answer)
{
    static const char *const members[] = {"by",     "via",      "seconds", "reason",
                                          "source", "deadline", "rules",   "overrides"};
    struct fnd_event_row event;
    fnd_text_printf(&why->json, ",\"answer\":{\"answer\":%" PRId64, number);
    event_members(why, "answer", number, &event);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        /* Where the record cannot be read, nobody can say what these words may not quote. */
        const bool unknown = why->plan.redact != NULL && why->datum.whole.bytes == NULL;
        if (!unknown || strcmp(members[i], "reason") != 0) {
            span_member(&why->json, members[i], fnd_json_member(answer, members[i]));
        }
    }
    fnd_text_append_byte(&why->json, '}');
}

/** asked: the request's body; told: its questions as the record tells them, with nothing in them
 *  that may not be told. */
static void request_append(struct fnd_why *why, int64_t number, struct fnd_json asked,
                           struct fnd_json told)
{
    struct fnd_event_row event;
    fnd_text_printf(&why->json, ",\"request\":{\"request\":%" PRId64, number);
    event_members(why, "request", number, &event);
    span_member(&why->json, "subject", fnd_json_member(asked, "subject"));
    span_member(&why->json, "audit", fnd_json_member(asked, "audit"));
    fnd_text_append_z(&why->json, ",\"questions\":[");
    struct fnd_json questions =
        told.bytes != NULL || why->plan.redact != NULL ? told : fnd_json_member(asked, "questions");
    for (struct fnd_json_walk walk = fnd_json_walk(questions); fnd_json_next(&walk);) {
        static const char *const members[] = {"kind", "pointer", "question", "detector"};
        fnd_text_printf(&why->json, "%s{\"n\":%zu", walk.index > 0 ? "," : "", walk.index + 1);
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
            span_member(&why->json, members[i], fnd_json_member(walk.value, members[i]));
        }
        fnd_text_append_byte(&why->json, '}');
    }
    fnd_text_append_z(&why->json, "]}");
}

/** The record as a whole, as an export takes it; and whether the line is what it gives.
 *  Fails only where it cannot be made sure that nothing is told which may not be. */
static enum fnd_status datum_check(struct fnd_why *why, int64_t number,
                                   char recorded[FND_DIGEST_TEXT_SIZE], bool *same,
                                   struct fnd_error *error)
{
    struct fnd_error odd = {0};
    struct fnd_text line = {0};
    uint8_t hash[FND_DIGEST_SIZE];
    enum fnd_status status = fnd_manifest_hash(&why->manifest, &why->plan, why->index, hash, error);
    if (status != FND_OK) {
        return status;
    }
    fnd_digest_text(hash, recorded);
    status = fnd_datum_load(&why->plan, number, &why->datum, &odd);
    if (status != FND_OK) {
        fnd_why_broken(why, "record", "%s", odd.message);
        fnd_datum_finish(&why->datum);
        why->datum.redact = why->plan.redact; /* at least its patterns */
        return FND_OK;
    }
    *same = memcmp(why->datum.hash, hash, FND_DIGEST_SIZE) == 0;
    if (!*same) {
        fnd_why_broken(why, "record",
                       "record %" PRId64 " is not the one that the manifest names: its hash is "
                       "another",
                       number);
    }
    status = fnd_redact_datum(&why->plan, &why->datum, error);
    if (status != FND_OK || why->plan.format->pack != NULL) {
        return status;
    }
    status = why->plan.format->folder != NULL
                 ? fnd_why_folder_again(why, &line, &odd)
                 : why->plan.format->line(&why->plan, &why->datum, &line, &odd);
    if (status != FND_OK) {
        fnd_why_broken(why, "record", "its line cannot be made again: %s", odd.message);
    } else if (line.size != why->text.size || memcmp(line.bytes, why->text.bytes, line.size) != 0) {
        fnd_why_broken(why, "export", "line %zu is not what record %" PRId64 " gives",
                       why->question->line, number);
    }
    fnd_text_finish(&line);
    return FND_OK;
}

/** The pin that the step stood under when it was answered. */
static int64_t pin_then(struct fnd_why *why, int64_t answer, int64_t came_with)
{
    for (int64_t at = answer; at > 0;) {
        struct fnd_event_row event;
        if (fnd_event_get(why->reader, at, &event, NULL) != FND_OK) {
            break; /* noted where that event is looked at */
        }
        if (event.kind == FND_EVENT_UPGRADE) {
            return event.ref;
        }
        at = event.prev;
    }
    return came_with;
}

static int64_t integer(struct fnd_json object, const char *name)
{
    int64_t value = 0;
    struct fnd_json member = fnd_json_member(object, name);
    if (member.bytes != NULL) {
        fnd_json_integer(member, &value);
    }
    return value;
}

enum fnd_status fnd_why_chain(struct fnd_why *why, struct fnd_error *error)
{
    const int64_t number = why->plan.numbers[why->index];
    struct fnd_text answer_text = {0}, asked_text = {0}, job_text = {0}, pin_text = {0};
    struct fnd_text human_text = {0};
    struct fnd_correction_row row = {.id = number};
    struct fnd_event_row event = {.id = 0};
    struct fnd_error odd = {0};
    char recorded[FND_DIGEST_TEXT_SIZE];
    bool same = false;
    if (fnd_correction_get(why->reader, number, &row, &odd) != FND_OK) {
        fnd_why_broken(why, "record", "%s", odd.message);
    }
    enum fnd_status status = datum_check(why, number, recorded, &same, error);
    if (status != FND_OK) {
        return status;
    }
    record_append(why, number, recorded, same);
    struct fnd_json answer = payload(why, "answer", number, &answer_text, NULL);
    answer_append(why, number, answer);
    const int64_t request = row.request > 0 ? row.request : integer(answer, "request");
    struct fnd_json asked = payload(why, "request", request, &asked_text, NULL);
    struct fnd_json told = why->datum.whole.bytes != NULL
                               ? fnd_json_member(why->datum.whole, "asked")
                               : (struct fnd_json){NULL, 0};
    if (request > 0) {
        request_append(why, request, asked, told);
    }
    payload(why, "output", row.output, &human_text, NULL);
    /* A plain step has its job's number. */
    const bool known = fnd_event_get(why->reader, number, &event, NULL) == FND_OK;
    struct fnd_json job = payload(why, "job", known ? event.step : row.step, &job_text, NULL);
    const int64_t pin = pin_then(why, number, integer(job, "pin"));
    struct fnd_json pinned = payload(why, "pin", pin, &pin_text, NULL);
    fnd_text_printf(&why->json, ",\"pin\":{\"pin\":%" PRId64, pin);
    span_member(&why->json, "params", fnd_json_member(pinned, "params"));
    fnd_text_append_byte(&why->json, '}');
    runs_append(why, pinned, integer(answer, "subject_event"));
    if (job.bytes != NULL) {
        input_append(why, job);
    }
    fnd_text_finish(&answer_text);
    fnd_text_finish(&asked_text);
    fnd_text_finish(&job_text);
    fnd_text_finish(&pin_text);
    fnd_text_finish(&human_text);
    return FND_OK;
}
