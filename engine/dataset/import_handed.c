/* SPDX-License-Identifier: MIT */
/* An example as it is handed to whoever holds the directory: one JSON object of it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/example.h"
#include "dataset/import.h"

static const char *const verdicts[] = {
    [FND_ACCEPTED] = "accepted", [FND_CORRECTED] = "corrected", [FND_REJECTED] = "rejected"};
static const char *const tiers[] = {[FND_TIER_GOLD] = "gold", [FND_TIER_SILVER] = "silver"};

static void text_append(struct fnd_text *json, const char *name, const char *z)
{
    if (z != NULL) {
        fnd_text_printf(json, ",\"%s\":", name);
        fnd_text_append_json_z(json, z);
    }
}

static void value_append(struct fnd_text *json, const char *name, struct fnd_json value)
{
    if (value.bytes != NULL && value.size > 0) {
        fnd_text_printf(json, ",\"%s\":", name);
        fnd_json_compact(value, json); /* a line holds it */
    }
}

static struct fnd_json value_of(const struct fnd_text *text)
{
    return (struct fnd_json){text->bytes, text->size};
}

void fnd_incoming_append(const struct fnd_incoming *incoming,
                         const struct fnd_import_origin *origin, struct fnd_text *json)
{
    fnd_text_printf(json, "\"line\":%" PRId64 ",\"revision\":%" PRId64, origin->line,
                    incoming->revision);
    text_append(json, "format", origin->format);
    text_append(json, "name", origin->name);
    text_append(json, "sha256", origin->sha256);
    text_append(json, "file", origin->file);
    text_append(json, "by", origin->by);
    text_append(json, "path", incoming->path);
    text_append(json, "pipeline", incoming->pipeline);
    text_append(json, "phase", incoming->phase);
    text_append(json, "uuid", incoming->uuid);
    text_append(json, "answered_by", incoming->by);
    text_append(json, "tier", tiers[incoming->tier]);
    text_append(json, "verdict", verdicts[incoming->verdict]);
    value_append(json, "input", value_of(&incoming->input));
    fnd_text_append_z(json, incoming->is_file ? ",\"is_file\":true" : "");
    value_append(json, "model", value_of(&incoming->model));
    value_append(json, "human", value_of(&incoming->human));
    value_append(json, "marks", value_of(&incoming->marks));
    value_append(json, "fields", incoming->fields);
    value_append(json, "provenance", incoming->provenance);
    if (incoming->picture.size > 0) {
        fnd_text_append_z(json, ",\"picture\":\"");
        fnd_base64_append(json, (const uint8_t *)incoming->picture.bytes, incoming->picture.size);
        fnd_text_append_byte(json, '"');
    }
}

/* The place of a member's text among names; 0: it is none of them. */
static int named(struct fnd_json value, const char *const *names, int count)
{
    for (int i = 1; i < count; i++) {
        if (value.bytes != NULL && fnd_json_text_is(value, names[i])) {
            return i;
        }
    }
    return 0;
}

static void value_take(struct fnd_json example, const char *name, struct fnd_text *text)
{
    const struct fnd_json value = fnd_json_member(example, name);
    if (value.bytes != NULL) {
        fnd_text_append(text, value.bytes, value.size);
    }
}

static bool picture_take(struct fnd_json example, struct fnd_text *picture)
{
    char *base64 = fnd_json_strdup(fnd_json_member(example, "picture"));
    const bool well = base64 == NULL || fnd_base64_decode(base64, strlen(base64), picture);
    free(base64);
    return well;
}

void fnd_import_texts_finish(struct fnd_import_texts *texts)
{
    free(texts->format);
    free(texts->name);
    free(texts->sha256);
    free(texts->file);
    free(texts->by);
    *texts = (struct fnd_import_texts){0};
}

enum fnd_status fnd_incoming_parse(struct fnd_json example, struct fnd_incoming *incoming,
                                   struct fnd_import_origin *origin, struct fnd_import_texts *texts,
                                   struct fnd_error *error)
{
    uint8_t digest[FND_DIGEST_SIZE];
    *incoming = (struct fnd_incoming){0};
    *texts =
        (struct fnd_import_texts){.format = fnd_json_strdup(fnd_json_member(example, "format")),
                                  .name = fnd_json_strdup(fnd_json_member(example, "name")),
                                  .sha256 = fnd_json_strdup(fnd_json_member(example, "sha256")),
                                  .file = fnd_json_strdup(fnd_json_member(example, "file")),
                                  .by = fnd_json_strdup(fnd_json_member(example, "by"))};
    *origin = (struct fnd_import_origin){.format = texts->format,
                                         .name = texts->name,
                                         .sha256 = texts->sha256,
                                         .file = texts->file,
                                         .by = texts->by};
    incoming->path = fnd_json_strdup(fnd_json_member(example, "path"));
    incoming->pipeline = fnd_json_strdup(fnd_json_member(example, "pipeline"));
    incoming->phase = fnd_json_strdup(fnd_json_member(example, "phase"));
    incoming->uuid = fnd_json_strdup(fnd_json_member(example, "uuid"));
    incoming->by = fnd_json_strdup(fnd_json_member(example, "answered_by"));
    incoming->tier = (enum fnd_tier)named(fnd_json_member(example, "tier"), tiers,
                                          (int)(sizeof tiers / sizeof tiers[0]));
    incoming->verdict = (enum fnd_verdict)named(fnd_json_member(example, "verdict"), verdicts,
                                                (int)(sizeof verdicts / sizeof verdicts[0]));
    value_take(example, "input", &incoming->input);
    (void)fnd_json_boolean(fnd_json_member(example, "is_file"), &incoming->is_file);
    value_take(example, "model", &incoming->model);
    value_take(example, "human", &incoming->human);
    value_take(example, "marks", &incoming->marks);
    incoming->fields = fnd_json_member(example, "fields");
    incoming->provenance = fnd_json_member(example, "provenance");
    if (!fnd_json_integer(fnd_json_member(example, "line"), &origin->line) ||
        !fnd_json_integer(fnd_json_member(example, "revision"), &incoming->revision) ||
        !picture_take(example, &incoming->picture) || origin->format == NULL ||
        origin->name == NULL || origin->by == NULL || origin->sha256 == NULL ||
        !fnd_unhex(origin->sha256, strlen(origin->sha256), digest, sizeof digest) ||
        incoming->path == NULL || incoming->pipeline == NULL || incoming->tier == 0 ||
        (incoming->is_file ? !fnd_incoming_tells_file(value_of(&incoming->input))
                           : (incoming->picture.size == 0) == (incoming->input.size == 0))) {
        return fnd_error_set(
            error, FND_INVALID,
            "an example to be put on record has format, name, sha256, line and by "
            "of where it is from, path, pipeline, revision and tier, and either an "
            "input or a picture in base64; both only of an input that is a file");
    }
    return FND_OK;
}
