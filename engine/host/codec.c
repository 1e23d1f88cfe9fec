/* SPDX-License-Identifier: MIT */
/* The wire form of inputs and effects: a mark of what it is and a version, then fields in a fixed
 * order, each text with its size before it, integers little-endian, doubles as their 64 bits. What
 * is read comes from a process that may be under a plugin's control. */
#include <stdlib.h>
#include <string.h>

#include "host/state.h"

enum { WIRE_INPUT = 0x31494346 /* "FCI1" */, WIRE_EFFECTS = 0x31454346 /* "FCE1" */ };
static const uint32_t absent = UINT32_MAX; /* in place of a size: no value, NULL */

enum { INPUT_DETECTOR = 1, INPUT_CREATE = 2, INPUT_TRAINER = 4, HAS_POINTER = 1 };
/* Where an artifact is: behind its head, in a descriptor, or packed into another one. */
enum { IN_BYTES = 0, IN_FD = 1, IN_PACK = 2 };

static void put_u32(struct fnd_text *wire, uint32_t value)
{
    const unsigned char bytes[4] = {(unsigned char)value, (unsigned char)(value >> 8),
                                    (unsigned char)(value >> 16), (unsigned char)(value >> 24)};
    fnd_text_append(wire, bytes, sizeof bytes);
}

static void put_u64(struct fnd_text *wire, uint64_t value)
{
    put_u32(wire, (uint32_t)value);
    put_u32(wire, (uint32_t)(value >> 32));
}

static void put_double(struct fnd_text *wire, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_u64(wire, bits);
}

static void put_bytes(struct fnd_text *wire, const char *bytes, size_t size)
{
    if (bytes == NULL) {
        put_u32(wire, absent);
        return;
    }
    put_u32(wire, (uint32_t)size);
    fnd_text_append(wire, bytes, size);
}

static void put_z(struct fnd_text *wire, const char *z)
{
    put_bytes(wire, z, z == NULL ? 0 : strlen(z));
}

/** A reader that stays failed: what it gives after that is zero. */
struct reader {
    const char *at, *end;
    const char *flaw; /* the first one; static */
    const char *begin;
};

static const char *get(struct reader *reader, size_t size)
{
    if (reader->flaw != NULL || (size_t)(reader->end - reader->at) < size) {
        if (reader->flaw == NULL) {
            reader->flaw = "it ends early";
        }
        return NULL;
    }
    const char *bytes = reader->at;
    reader->at += size;
    return bytes;
}

static void flaw(struct reader *reader, const char *what)
{
    if (reader->flaw == NULL) {
        reader->flaw = what;
    }
}

static uint32_t get_u32(struct reader *reader)
{
    const unsigned char *bytes = (const unsigned char *)get(reader, 4);
    return bytes == NULL ? 0
                         : (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                               (uint32_t)bytes[3] << 24;
}

static uint64_t get_u64(struct reader *reader)
{
    const uint64_t low = get_u32(reader);
    return low | (uint64_t)get_u32(reader) << 32;
}

static double get_double(struct reader *reader)
{
    const uint64_t bits = get_u64(reader);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static struct fnd_json get_bytes(struct reader *reader)
{
    const uint32_t size = get_u32(reader);
    if (size == absent) {
        return (struct fnd_json){0};
    }
    const char *bytes = get(reader, size);
    return (struct fnd_json){bytes, bytes == NULL ? 0 : size};
}

/** A NUL-ended copy of a text that must be UTF-8 without NUL; NULL if it is absent. */
static char *get_z(struct reader *reader, bool required)
{
    const struct fnd_json bytes = get_bytes(reader);
    if (bytes.bytes == NULL) {
        if (required) {
            flaw(reader, "a text is missing");
        }
        return NULL;
    }
    if (memchr(bytes.bytes, '\0', bytes.size) != NULL || !fnd_utf8_valid(bytes.bytes, bytes.size)) {
        flaw(reader, "a text is no UTF-8");
        return NULL;
    }
    return fnd_strndup(bytes.bytes, bytes.size);
}

static struct fnd_json get_json(struct reader *reader)
{
    const struct fnd_json bytes = get_bytes(reader);
    struct fnd_json value = {0};
    if (bytes.bytes != NULL &&
        fnd_json_check(bytes.bytes, bytes.size, NULL, &value, NULL) != FND_OK) {
        flaw(reader, "a document is no JSON");
        value = (struct fnd_json){0};
    }
    return value;
}

static struct fnd_json get_object(struct reader *reader, bool required)
{
    const struct fnd_json value = get_json(reader);
    if ((value.bytes == NULL && required) ||
        (value.bytes != NULL && fnd_json_type(value) != FND_JSON_OBJECT)) {
        flaw(reader, "a document that must be an object is none");
    }
    return value;
}

/** A count of things that take `size_min` bytes each at least, bounded by what is left. */
static size_t get_count(struct reader *reader, size_t size_min, size_t count_max)
{
    const uint32_t count = get_u32(reader);
    if (count > count_max || count > (size_t)(reader->end - reader->at) / size_min) {
        flaw(reader, "a count is too large");
        return 0;
    }
    return count;
}

static enum fnd_status reader_end(struct reader *reader, const char *what, struct fnd_error *error)
{
    if (reader->flaw == NULL && reader->at != reader->end) {
        reader->flaw = "something follows its end";
    }
    if (reader->flaw == NULL) {
        return FND_OK;
    }
    return fnd_error_set(
        error, FND_INVALID, "the wire form of %s is damaged at byte %zu of %zu: %s", what,
        (size_t)(reader->at - reader->begin), (size_t)(reader->end - reader->begin), reader->flaw);
}

void fnd_call_input_encode(const struct fnd_call_input *input, struct fnd_text *wire)
{
    put_u32(wire, WIRE_INPUT);
    put_u32(wire, (input->detector ? INPUT_DETECTOR : 0u) | (input->create ? INPUT_CREATE : 0u) |
                      (input->trainer ? INPUT_TRAINER : 0u));
    put_bytes(wire, input->config.bytes, input->config.size);
    put_bytes(wire, input->subject.bytes, input->subject.size);
    put_bytes(wire, input->marks.bytes, input->marks.size);
    put_bytes(wire, input->answers.bytes, input->answers.size);
    put_bytes(wire, input->run.bytes, input->run.size);
    put_u32(wire, (uint32_t)input->artifacts_count);
    for (size_t i = 0; i < input->artifacts_count; i++) {
        const struct fnd_call_artifact *artifact = &input->artifacts[i];
        put_u32(wire, (uint32_t)strlen(artifact->name) + 1);
        fnd_text_append(wire, artifact->name, strlen(artifact->name) + 1); /* read in place */
        put_u64(wire, artifact->size);
        if (artifact->pack != NULL) {
            put_u32(wire, IN_PACK);
            put_u32(wire, (uint32_t)(artifact->pack - input->artifacts));
            put_u64(wire, artifact->offset);
        } else if (artifact->fd >= 0) {
            put_u32(wire, IN_FD);
        } else {
            put_u32(wire, IN_BYTES);
            fnd_text_append(wire, artifact->bytes, (size_t)artifact->size);
        }
    }
}

static void get_artifact(struct reader *reader, const struct fnd_call_artifact *first,
                         struct fnd_call_artifact *artifact)
{
    const struct fnd_json name = get_bytes(reader);
    artifact->fd = -1;
    if (name.bytes == NULL || name.size < 2 ||
        memchr(name.bytes, '\0', name.size) != name.bytes + name.size - 1 ||
        !fnd_utf8_valid(name.bytes, name.size - 1)) {
        flaw(reader, "an artifact has no name");
    }
    artifact->name = name.bytes;
    artifact->size = get_u64(reader);
    const uint32_t flags = get_u32(reader);
    if (flags > IN_PACK) {
        flaw(reader, "an artifact has unknown flags");
    }
    if (flags == IN_PACK) {
        const uint32_t index = get_u32(reader);
        artifact->offset = get_u64(reader);
        if (index >= (size_t)(artifact - first) || first[index].bytes != NULL ||
            first[index].pack != NULL || artifact->offset > first[index].size ||
            artifact->size > first[index].size - artifact->offset) {
            flaw(reader, "an artifact is packed into none, or beyond its end");
            return;
        }
        artifact->pack = &first[index];
    } else if (flags == IN_BYTES) {
        if (artifact->size > (uint64_t)(reader->end - reader->at)) {
            flaw(reader, "it ends early");
            return;
        }
        artifact->bytes = get(reader, (size_t)artifact->size);
    }
}

enum fnd_status fnd_call_input_decode(const char *wire, size_t size, struct fnd_call_input *input,
                                      struct fnd_error *error)
{
    struct reader reader = {.at = wire, .end = wire + size, .begin = wire};
    struct fnd_call_input read = {0};
    struct fnd_call_artifact *artifacts = NULL;
    if (get_u32(&reader) != WIRE_INPUT) {
        flaw(&reader, "it is none");
    }
    const uint32_t flags = get_u32(&reader);
    if (flags > (INPUT_DETECTOR | INPUT_CREATE | INPUT_TRAINER)) {
        flaw(&reader, "it has unknown flags");
    }
    read.detector = (flags & INPUT_DETECTOR) != 0;
    read.create = (flags & INPUT_CREATE) != 0;
    read.trainer = (flags & INPUT_TRAINER) != 0;
    read.config = get_object(&reader, true);
    read.subject = get_json(&reader);
    read.marks = get_object(&reader, false);
    read.answers = get_object(&reader, false);
    read.run = get_object(&reader, true);
    const size_t count = get_count(&reader, 17, SIZE_MAX);
    if (count > 0) {
        artifacts = fnd_alloc(count * sizeof *artifacts);
    }
    for (size_t i = 0; i < count && reader.flaw == NULL; i++) {
        get_artifact(&reader, artifacts, &artifacts[i]);
    }
    const enum fnd_status status = reader_end(&reader, "a call's input", error);
    if (status != FND_OK) {
        free(artifacts);
        return status;
    }
    read.artifacts = artifacts;
    read.artifacts_count = count;
    *input = read;
    return FND_OK;
}

struct fnd_call_artifact *fnd_call_input_artifacts(const struct fnd_call_input *decoded)
{
    /* The list is const for services and plugins; it was made writable, by the decoder. */
    return (struct fnd_call_artifact *)(uintptr_t)decoded->artifacts;
}

void fnd_effects_encode(const struct fnd_effects *effects, struct fnd_text *wire)
{
    put_u32(wire, WIRE_EFFECTS);
    put_u32(wire, (uint32_t)effects->outcome);
    put_bytes(wire, effects->output, effects->output_size);
    put_u32(wire, (uint32_t)effects->confidences_count);
    for (size_t i = 0; i < effects->confidences_count; i++) {
        put_z(wire, effects->confidences[i].pointer);
        put_double(wire, effects->confidences[i].score);
    }
    put_u32(wire, (uint32_t)effects->origins_count);
    for (size_t i = 0; i < effects->origins_count; i++) {
        const struct fnd_origin *origin = &effects->origins[i];
        put_z(wire, origin->pointer);
        put_z(wire, origin->artifact);
        put_u32(wire, origin->page);
        put_double(wire, origin->x);
        put_double(wire, origin->y);
        put_double(wire, origin->width);
        put_double(wire, origin->height);
    }
    put_u32(wire, (uint32_t)effects->questions_count);
    for (size_t i = 0; i < effects->questions_count; i++) {
        const struct fnd_question *question = &effects->questions[i];
        put_u32(wire, question->has_pointer ? HAS_POINTER : 0);
        put_z(wire, question->key);
        put_z(wire, question->kind);
        put_z(wire, question->question);
        put_z(wire, question->pointer);
        put_z(wire, question->context);
        put_z(wire, question->answer_schema);
    }
    put_u32(wire, (uint32_t)effects->artifacts_count);
    for (size_t i = 0; i < effects->artifacts_count; i++) {
        put_z(wire, effects->artifacts[i].name);
        put_z(wire, effects->artifacts[i].media_type);
        put_bytes(wire, effects->artifacts[i].bytes, effects->artifacts[i].size);
    }
    put_z(wire, effects->code);
    put_z(wire, effects->message);
    put_z(wire, effects->pointer);
    put_u64(wire, effects->retry_after_ms);
    put_bytes(wire, fnd_text_z(&effects->log), effects->log.size);
    put_u64(wire, effects->log_lines);
    put_u64(wire, effects->log_lines_dropped);
}

static void get_marks(struct reader *reader, struct fnd_effects *effects)
{
    const size_t confidences = get_count(reader, 12, FND_MARKS_MAX);
    if (confidences > 0) {
        effects->confidences = fnd_alloc(confidences * sizeof *effects->confidences);
    }
    for (size_t i = 0; i < confidences && reader->flaw == NULL; i++) {
        effects->confidences_count++;
        effects->confidences[i].pointer = get_z(reader, true);
        effects->confidences[i].score = get_double(reader);
    }
    const size_t origins = get_count(reader, 44, FND_MARKS_MAX);
    if (origins > 0) {
        effects->origins = fnd_alloc(origins * sizeof *effects->origins);
    }
    for (size_t i = 0; i < origins && reader->flaw == NULL; i++) {
        struct fnd_origin *origin = &effects->origins[effects->origins_count++];
        origin->pointer = get_z(reader, true);
        origin->artifact = get_z(reader, true);
        origin->page = get_u32(reader);
        origin->x = get_double(reader);
        origin->y = get_double(reader);
        origin->width = get_double(reader);
        origin->height = get_double(reader);
    }
}

/** A copy of a JSON text, or NULL if it is absent. */
static char *get_json_z(struct reader *reader, size_t *size)
{
    const struct fnd_json value = get_json(reader);
    if (size != NULL) {
        *size = value.size;
    }
    return value.bytes == NULL ? NULL : fnd_strndup(value.bytes, value.size);
}

static void get_questions(struct reader *reader, struct fnd_effects *effects)
{
    const size_t count = get_count(reader, 28, FND_QUESTIONS_MAX);
    if (count > 0) {
        effects->questions = fnd_alloc(count * sizeof *effects->questions);
    }
    for (size_t i = 0; i < count && reader->flaw == NULL; i++) {
        struct fnd_question *question = &effects->questions[effects->questions_count++];
        const uint32_t flags = get_u32(reader);
        if (flags > HAS_POINTER) {
            flaw(reader, "a question has unknown flags");
        }
        question->has_pointer = flags == HAS_POINTER;
        question->key = get_z(reader, true);
        question->kind = get_z(reader, true);
        question->question = get_z(reader, true);
        question->pointer = get_z(reader, true);
        question->context = get_json_z(reader, NULL);
        question->answer_schema = get_json_z(reader, NULL);
    }
}

static void get_artifacts(struct reader *reader, struct fnd_effects *effects)
{
    const size_t count = get_count(reader, 12, FND_ARTIFACTS_MAX);
    if (count > 0) {
        effects->artifacts = fnd_alloc(count * sizeof *effects->artifacts);
    }
    for (size_t i = 0; i < count && reader->flaw == NULL; i++) {
        struct fnd_staged_artifact *artifact = &effects->artifacts[effects->artifacts_count++];
        artifact->name = get_z(reader, true);
        artifact->media_type = get_z(reader, true);
        const struct fnd_json bytes = get_bytes(reader);
        if (bytes.bytes == NULL || bytes.size > FND_ARTIFACT_SIZE_MAX) {
            flaw(reader, "an artifact has no bytes, or too many");
            return;
        }
        artifact->bytes = fnd_strndup(bytes.bytes, bytes.size);
        artifact->size = bytes.size;
    }
}

/** The log, made of whole lines as fnd_service_log() writes them. */
static void get_log(struct reader *reader, struct fnd_effects *effects)
{
    const struct fnd_json log = get_bytes(reader);
    effects->log_lines = (size_t)get_u64(reader);
    effects->log_lines_dropped = (size_t)get_u64(reader);
    if (effects->log_lines > FND_LOG_LINES_MAX || log.bytes == NULL) {
        flaw(reader, "the log has too many lines, or is missing");
        return;
    }
    if (log.size > 0 && !fnd_log_lines_valid(log.bytes, log.size)) {
        flaw(reader, "the log is not made of log lines");
        return;
    }
    fnd_text_append(&effects->log, log.bytes, log.size);
}

bool fnd_log_lines_valid(const char *bytes, size_t size)
{
    size_t lines = 0;
    while (size > 0) {
        const char *end = memchr(bytes, '\n', size);
        if (end == NULL || end - bytes < 2 || strchr("DIWE", bytes[0]) == NULL ||
            bytes[0] == '\0' || bytes[1] != ' ' || end - bytes > FND_LOG_LINE_SIZE_MAX * 4 + 2 ||
            ++lines > FND_LOG_LINES_MAX) {
            return false;
        }
        for (const char *at = bytes; at < end; at++) {
            if ((unsigned char)*at < ' ' || *at == 0x7f) {
                return false;
            }
        }
        if (!fnd_utf8_valid(bytes, (size_t)(end - bytes))) {
            return false;
        }
        size -= (size_t)(end + 1 - bytes);
        bytes = end + 1;
    }
    return true;
}

enum fnd_status fnd_effects_decode(const char *wire, size_t size, struct fnd_effects *effects,
                                   struct fnd_error *error)
{
    struct reader reader = {.at = wire, .end = wire + size, .begin = wire};
    struct fnd_effects read = {0};
    if (get_u32(&reader) != WIRE_EFFECTS) {
        flaw(&reader, "it is none");
    }
    read.outcome = (foundry_outcome_t)get_u32(&reader);
    if (read.outcome < FOUNDRY_DONE || read.outcome > FOUNDRY_CANCELLED) {
        flaw(&reader, "its outcome is none");
    }
    read.output = get_json_z(&reader, &read.output_size);
    if (read.output_size > FND_OUTPUT_SIZE_MAX) {
        flaw(&reader, "its output is too large");
    }
    get_marks(&reader, &read);
    get_questions(&reader, &read);
    get_artifacts(&reader, &read);
    read.code = get_z(&reader, false);
    read.message = get_z(&reader, false);
    read.pointer = get_z(&reader, false);
    read.retry_after_ms = get_u64(&reader);
    get_log(&reader, &read);
    const enum fnd_status status = reader_end(&reader, "a call's effects", error);
    if (status != FND_OK) {
        fnd_effects_finish(&read);
        return status;
    }
    *effects = read;
    return FND_OK;
}
