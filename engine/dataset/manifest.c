/* SPDX-License-Identifier: MIT */
/* The manifest: all that decides an export's bytes, and nothing that differs between machines. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "dataset/bundle.h"
#include "dataset/internal.h"
#include "dataset/near.h"
#include "dataset/redact.h"

enum { MANIFEST_VERSION = 1 };

static void text_member(struct fnd_text *json, const char *name, const char *value)
{
    if (value != NULL) {
        fnd_text_printf(json, ",\"%s\":", name);
        fnd_text_append_json_z(json, value);
    }
}

static void bits_member(struct fnd_text *json, const char *name, unsigned bits,
                        const char *const *names)
{
    size_t count = 0;
    fnd_text_printf(json, ",\"%s\":[", name);
    for (unsigned i = 0; names[i] != NULL; i++) {
        if ((bits & 1U << (i + 1)) != 0) {
            fnd_text_printf(json, "%s\"%s\"", count++ > 0 ? "," : "", names[i]);
        }
    }
    fnd_text_append_byte(json, ']');
}

static const char *const verdicts[] = {"accepted", "corrected", "rejected", NULL};
static const char *const tiers[] = {"gold", "silver", NULL};

static void options_append(const struct fnd_plan *plan, struct fnd_text *json)
{
    const struct fnd_export_options *options = &plan->options;
    fnd_text_printf(json,
                    ",\"options\":{\"since\":%" PRId64 ",\"until\":%" PRId64
                    ",\"skip_bad\":%s,\"split\":\"%s\"",
                    options->since, options->until, options->skip_bad ? "true" : "false",
                    fnd_split_name(options->split));
    text_member(json, "name", options->name);
    text_member(json, "pipeline", options->pipeline);
    text_member(json, "of", options->of);
    text_member(json, "prompt", options->prompt);
    text_member(json, "system", options->system);
    text_member(json, "uri_prefix", options->uri_prefix);
    bits_member(json, "verdicts", options->verdicts, verdicts);
    bits_member(json, "tiers", options->tiers, tiers);
    fnd_text_append_byte(json, '}');
}

static void counts_append(const struct fnd_plan *plan, struct fnd_text *json)
{
    const struct fnd_export_result *result = plan->result;
    fnd_text_printf(json, ",\"counts\":{\"records\":%zu,\"lines\":%zu,\"left_out\":{",
                    result->records, result->lines);
    for (int i = 0; i < FND_LEFT_COUNT; i++) {
        fnd_text_printf(json, "%s\"%s\":%zu", i > 0 ? "," : "", fnd_left_name((enum fnd_left)i),
                        result->left_out[i]);
    }
    fnd_text_append_z(json, "},\"splits\":{");
    for (int i = 0; i < FND_SPLITS_COUNT; i++) {
        fnd_text_printf(json, "%s\"%s\":%zu", i > 0 ? "," : "",
                        fnd_split_name((enum fnd_split)(i + 1)), result->splits[i]);
    }
    fnd_text_append_z(json, "}}");
}

/** Of a folder: its files, and the classes by number. */
static void folder_append(const struct fnd_plan *plan, const struct fnd_bundle *bundle,
                          struct fnd_text *json)
{
    fnd_text_append_z(json, ",\"files\":");
    fnd_bundle_listing(bundle, json);
    fnd_text_append_z(json, ",\"classes\":[");
    for (size_t i = 0; i < plan->classes_count; i++) {
        fnd_text_append_z(json, i > 0 ? "," : "");
        fnd_text_append_json_z(json, plan->classes[i]);
    }
    fnd_text_append_byte(json, ']');
}

/** All but the list of records, which is `null` or empty there; canonical.
 *  sha256  of the whole manifest, to stand in for the list; NULL: the list comes. */
static void frame_append(const struct fnd_plan *plan, const struct fnd_bundle *bundle,
                         const char *sha256, struct fnd_text *canonical)
{
    struct fnd_text json = {0};
    const int32_t *shares = plan->options.shares;
    fnd_text_printf(&json, "{\"manifest\":%d,\"engine\":\"%s\",\"format\":\"%s\",\"store\":",
                    MANIFEST_VERSION, FND_VERSION, plan->format->name);
    fnd_text_append_json_z(&json, plan->store_uuid);
    fnd_text_printf(&json, ",\"file\":{\"sha256\":\"%s\",\"size\":%" PRIu64 "}",
                    plan->result->sha256, plan->result->size);
    options_append(plan, &json);
    fnd_text_append_z(&json, ",\"split\":{\"salt\":");
    fnd_text_append_json_z(&json, plan->options.salt);
    fnd_text_printf(&json, ",\"shares\":[%" PRId32 ",%" PRId32 ",%" PRId32 "]}", shares[0],
                    shares[1], shares[2]);
    counts_append(plan, &json);
    if (bundle != NULL) {
        folder_append(plan, bundle, &json);
    }
    if (plan->near != NULL) {
        fnd_near_manifest(plan->near, &json);
    }
    fnd_redact_manifest(plan, &json);
    text_member(&json, "manifest_sha256", sha256);
    fnd_text_append_z(&json, sha256 != NULL ? ",\"records\":[]" : ",\"records\":null");
    fnd_text_append_z(&json, ",\"skipped\":[");
    for (size_t i = 0; i < plan->skipped_count; i++) {
        fnd_text_printf(&json, "%s%" PRId64, i > 0 ? "," : "", plan->skipped[i]);
    }
    fnd_text_append_z(&json, "]}");
    fnd_json_canonical((struct fnd_json){json.bytes, json.size}, canonical);
    fnd_text_finish(&json);
}

char *fnd_manifest_short(const struct fnd_plan *plan, const struct fnd_bundle *bundle,
                         const struct fnd_sink *manifest)
{
    struct fnd_text json = {0};
    frame_append(plan, bundle, manifest->sha256, &json);
    return fnd_text_take(&json);
}

enum fnd_status fnd_manifest_record(struct fnd_sink *records, int64_t number,
                                    const uint8_t hash[FND_DIGEST_SIZE], struct fnd_error *error)
{
    char digest[FND_DIGEST_TEXT_SIZE];
    struct fnd_text line = {0};
    fnd_digest_text(hash, digest);
    fnd_text_reserve(&line, sizeof digest + 32);
    fnd_text_append_z(&line, records->size > 0 ? ",[" : "[");
    fnd_text_append_integer(&line, number);
    fnd_text_append_z(&line, ",\"");
    fnd_text_append(&line, digest, sizeof digest - 1);
    fnd_text_append_z(&line, "\"]");
    const enum fnd_status status = fnd_sink_write(records, line.bytes, line.size, error);
    fnd_text_finish(&line);
    return status;
}

enum fnd_status fnd_manifest_write(const struct fnd_plan *plan, const struct fnd_bundle *bundle,
                                   struct fnd_sink *records, struct fnd_sink *manifest,
                                   struct fnd_error *error)
{
    struct fnd_text frame = {0};
    frame_append(plan, bundle, NULL, &frame);
    const struct fnd_json whole = {frame.bytes, frame.size};
    const struct fnd_json list = fnd_json_member(whole, "records");
    const char *rest = list.bytes + list.size;
    enum fnd_status status = fnd_sink_seal(records, error);
    if (status == FND_OK) {
        status = fnd_sink_write(manifest, frame.bytes, (size_t)(list.bytes - frame.bytes), error);
    }
    if (status == FND_OK) {
        status = fnd_sink_write(manifest, "[", 1, error);
    }
    if (status == FND_OK) {
        status = fnd_sink_append(manifest, records, error);
    }
    if (status == FND_OK) {
        status = fnd_sink_write(manifest, "]", 1, error);
    }
    if (status == FND_OK) {
        status = fnd_sink_write(manifest, rest, (size_t)(frame.bytes + frame.size - rest), error);
    }
    if (status == FND_OK) {
        status = fnd_sink_write(manifest, "\n", 1, error);
    }
    fnd_text_finish(&frame);
    return status == FND_OK ? fnd_sink_seal(manifest, error) : status;
}

/* --- reading -----------------------------------------------------------------------------------
 */

static const char manifest_schema[] =
    "{\"type\":\"object\",\"required\":[\"manifest\",\"engine\",\"format\",\"store\",\"file\","
    "\"options\",\"split\",\"records\"],\"properties\":{"
    "\"engine\":{\"type\":\"string\"},\"format\":{\"type\":\"string\"},"
    "\"store\":{\"type\":\"string\"},"
    "\"file\":{\"type\":\"object\",\"required\":[\"sha256\"],"
    "\"properties\":{\"sha256\":{\"$ref\":\"#/$defs/hash\"}}},"
    "\"options\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},"
    "\"pipeline\":{\"type\":\"string\"},\"of\":{\"type\":\"string\"},"
    "\"prompt\":{\"type\":\"string\"},\"system\":{\"type\":\"string\"},"
    "\"uri_prefix\":{\"type\":\"string\"}}},"
    "\"split\":{\"type\":\"object\",\"required\":[\"salt\",\"shares\"],\"properties\":{"
    "\"salt\":{\"type\":\"string\"},\"shares\":{\"type\":\"array\",\"minItems\":3,\"maxItems\":3,"
    "\"items\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":1000}}}},"
    "\"classes\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
    "\"records\":{\"type\":\"array\",\"items\":{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,"
    "\"prefixItems\":[{\"type\":\"integer\",\"minimum\":1},{\"$ref\":\"#/$defs/hash\"}]}},"
    "\"redact\":{\"type\":\"object\",\"required\":[\"rules\"],\"properties\":{\"rules\":{"
    "\"type\":\"object\",\"additionalProperties\":{\"type\":\"array\",\"items\":{"
    "\"type\":\"object\"}}}}}},"
    "\"$defs\":{\"hash\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{64}$\"}}}";

static enum fnd_status shape_check(const char *path, struct fnd_json json, struct fnd_error *error)
{
    struct fnd_schema *schema = NULL;
    struct fnd_flaws flaws = {0};
    int64_t version = 0;
    enum fnd_status status =
        fnd_schema_create("manifest", manifest_schema, sizeof manifest_schema - 1, &schema, error);
    if (status != FND_OK) {
        return status;
    }
    struct fnd_json number = fnd_json_type(json) == FND_JSON_OBJECT
                                 ? fnd_json_member(json, "manifest")
                                 : (struct fnd_json){NULL, 0};
    if (number.bytes == NULL || !fnd_json_integer(number, &version)) {
        status = fnd_error_set(error, FND_INVALID,
                               "%s is no manifest of an export: it has no number `manifest`", path);
    } else if (version != MANIFEST_VERSION) {
        status = fnd_error_set(error, FND_INVALID,
                               "%s is a manifest of version %" PRId64 ", and this engine knows %d; "
                               "use a newer engine",
                               path, version, MANIFEST_VERSION);
    } else if (!fnd_schema_check(schema, json, NULL, &flaws)) {
        status = fnd_error_set(error, FND_INVALID, "%s is no manifest of an export: %s: %s", path,
                               flaws.list[0].pointer, flaws.list[0].message);
    }
    fnd_flaws_finish(&flaws);
    fnd_schema_destroy(schema);
    return status;
}

/** A text that lives as long as the manifest; NULL if it is not there. */
static const char *keep(struct fnd_manifest *manifest, struct fnd_json object, const char *name)
{
    struct fnd_json member = fnd_json_member(object, name);
    if (member.bytes == NULL) {
        return NULL;
    }
    char *text = fnd_json_strdup(member);
    manifest->strings[manifest->strings_count++] = text;
    return text;
}

static enum fnd_status records_read(const char *path, struct fnd_json records,
                                    struct fnd_plan *plan, struct fnd_error *error)
{
    const size_t count = fnd_json_count(records);
    plan->numbers = fnd_realloc(NULL, count + 1, sizeof *plan->numbers);
    plan->hashes = fnd_realloc(NULL, count + 1, sizeof *plan->hashes);
    for (struct fnd_json_walk walk = fnd_json_walk(records); fnd_json_next(&walk);) {
        struct fnd_json_walk pair = fnd_json_walk(walk.value);
        int64_t number = 0;
        fnd_json_next(&pair);
        fnd_json_integer(pair.value, &number);
        fnd_json_next(&pair);
        if (number < 1 || (plan->count > 0 && number <= plan->numbers[plan->count - 1]) ||
            !fnd_unhex(pair.value.bytes + 1, pair.value.size - 2, plan->hashes[plan->count],
                       FND_DIGEST_SIZE)) {
            return fnd_error_set(error, FND_INVALID,
                                 "%s is no manifest of an export: /records/%zu does not follow the "
                                 "one before it",
                                 path, walk.index);
        }
        plan->numbers[plan->count++] = number;
    }
    return FND_OK;
}

enum fnd_status fnd_manifest_read(const char *path, struct fnd_manifest *manifest,
                                  struct fnd_plan *plan, struct fnd_error *error)
{
    struct fnd_text text = {0};
    enum fnd_status status =
        fnd_file_read(AT_FDCWD, path, FND_DATASET_MANIFEST_SIZE_MAX, &text, error);
    if (status == FND_OK) {
        status = fnd_manifest_parse(path, &text, manifest, plan, error);
    }
    return status;
}

enum fnd_status fnd_manifest_parse(const char *path, struct fnd_text *text,
                                   struct fnd_manifest *manifest, struct fnd_plan *plan,
                                   struct fnd_error *error)
{
    struct fnd_json json = {NULL, 0};
    struct fnd_export_options *options = &plan->options;
    manifest->text = *text;
    *text = (struct fnd_text){0};
    enum fnd_status status =
        fnd_json_check(manifest->text.bytes, manifest->text.size, path, &json, error);
    if (status == FND_OK) {
        status = shape_check(path, json, error);
    }
    if (status != FND_OK) {
        return status;
    }
    struct fnd_json given = fnd_json_member(json, "options");
    struct fnd_json split = fnd_json_member(json, "split");
    options->format = keep(manifest, json, "format");
    options->name = keep(manifest, given, "name");
    options->pipeline = keep(manifest, given, "pipeline");
    options->of = keep(manifest, given, "of");
    options->prompt = keep(manifest, given, "prompt");
    options->system = keep(manifest, given, "system");
    options->uri_prefix = keep(manifest, given, "uri_prefix");
    options->salt = keep(manifest, split, "salt");
    for (struct fnd_json_walk walk = fnd_json_walk(fnd_json_member(split, "shares"));
         fnd_json_next(&walk);) {
        int64_t share = 0;
        fnd_json_integer(walk.value, &share);
        options->shares[walk.index] = (int32_t)share;
    }
    manifest->engine = fnd_json_strdup(fnd_json_member(json, "engine"));
    manifest->store = fnd_json_strdup(fnd_json_member(json, "store"));
    char *hash = fnd_json_strdup(fnd_json_find(json, "/file/sha256"));
    memcpy(manifest->sha256, hash, sizeof manifest->sha256);
    free(hash);
    fnd_json_integer(fnd_json_member(given, "until"), &plan->as_of); /* marks as they were then */
    plan->reproduces = true;
    struct fnd_json classes = fnd_json_member(json, "classes");
    plan->classes = fnd_realloc(NULL, fnd_json_count(classes) + 1, sizeof *plan->classes);
    for (struct fnd_json_walk walk = fnd_json_walk(classes);
         classes.bytes != NULL && fnd_json_next(&walk);) {
        plan->classes[plan->classes_count++] = fnd_json_strdup(walk.value);
    }
    status = fnd_redact_read(plan, fnd_json_member(json, "redact"), error);
    return status != FND_OK ? status
                            : records_read(path, fnd_json_member(json, "records"), plan, error);
}

void fnd_manifest_finish(struct fnd_manifest *manifest)
{
    for (size_t i = 0; i < manifest->strings_count; i++) {
        free(manifest->strings[i]);
    }
    free(manifest->engine);
    free(manifest->store);
    fnd_text_finish(&manifest->text);
    if (manifest->streamed) {
        fnd_sink_finish(&manifest->copy);
        fnd_sink_finish(&manifest->hashes);
    }
    *manifest = (struct fnd_manifest){0};
}
