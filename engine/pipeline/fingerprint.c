/* SPDX-License-Identifier: MIT */
#include "pipeline/fingerprint.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void string_append(struct fnd_json value, struct fnd_text *text)
{
    struct fnd_text plain = {0}, kept = {0};
    fnd_json_text(value, &plain);
    bool gap = false;
    for (size_t i = 0; i < plain.size; i++) {
        char c = plain.bytes[i];
        if (is_space(c)) {
            gap = kept.size > 0;
            continue;
        }
        if (gap) {
            fnd_text_append_byte(&kept, ' ');
            gap = false;
        }
        fnd_text_append_byte(&kept, c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c);
    }
    fnd_text_append_json(text, fnd_text_z(&kept), kept.size);
    fnd_text_finish(&plain);
    fnd_text_finish(&kept);
}

/* Digits without zeros around, and where their end is: 1.10 and 11e-1 give the same. */
static void number_append(struct fnd_json value, struct fnd_text *text)
{
    struct fnd_text digits = {0};
    int64_t exponent = 0;
    bool behind = false;
    size_t i = value.bytes[0] == '-' ? 1 : 0;
    for (; i < value.size && value.bytes[i] != 'e' && value.bytes[i] != 'E'; i++) {
        if (value.bytes[i] == '.') {
            behind = true;
            continue;
        }
        exponent -= behind ? 1 : 0;
        if (digits.size > 0 || value.bytes[i] != '0') {
            fnd_text_append_byte(&digits, value.bytes[i]);
        }
    }
    if (i < value.size) {
        int64_t given = 0;
        bool minus = value.bytes[i + 1] == '-';
        for (i += 1; i < value.size && given < INT64_C(1000000000000); i++) {
            if (value.bytes[i] >= '0' && value.bytes[i] <= '9') {
                given = given * 10 + (value.bytes[i] - '0');
            }
        }
        exponent += minus ? -given : given;
    }
    while (digits.size > 0 && digits.bytes[digits.size - 1] == '0') {
        digits.size--;
        exponent++;
    }
    if (digits.size == 0) {
        fnd_text_append_byte(text, '0');
    } else {
        fnd_text_append_z(text, value.bytes[0] == '-' ? "-" : "");
        fnd_text_append(text, digits.bytes, digits.size);
        fnd_text_printf(text, "e%" PRId64, exponent);
    }
    fnd_text_finish(&digits);
}

/* Scalars of a canonical text one after another: its keys are sorted already, and its nesting is
 * bounded by the reader's FND_JSON_DEPTH_MAX. */
static void value_append(struct fnd_json value, struct fnd_text *text)
{
    const enum fnd_json_type type = fnd_json_type(value);
    if (type == FND_JSON_STRING) {
        string_append(value, text);
    } else if (type == FND_JSON_NUMBER) {
        number_append(value, text);
    } else if (type == FND_JSON_OBJECT || type == FND_JSON_ARRAY) {
        const bool object = type == FND_JSON_OBJECT;
        fnd_text_append_byte(text, object ? '{' : '[');
        for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
            fnd_text_append_z(text, walk.index > 0 ? "," : "");
            if (object) {
                fnd_text_append(text, walk.key.bytes, walk.key.size);
                fnd_text_append_byte(text, ':');
            }
            value_append(walk.value, text);
        }
        fnd_text_append_byte(text, object ? '}' : ']');
    } else {
        fnd_text_append(text, value.bytes, value.size);
    }
}

void fnd_normalise(struct fnd_json value, struct fnd_text *text)
{
    struct fnd_text canonical = {0};
    fnd_json_canonical(value, &canonical);
    struct fnd_json sorted = {canonical.bytes, canonical.size};
    value_append(sorted, text);
    fnd_text_finish(&canonical);
}

void fnd_fingerprint(const char *pipeline, const char *phase, const char *kind,
                     const struct fnd_text *matter, char text[FND_FINGERPRINT_TEXT_SIZE])
{
    struct fnd_text whole = {0};
    uint8_t digest[FND_DIGEST_SIZE];
    fnd_text_append_byte(&whole, '[');
    fnd_text_append_json_z(&whole, pipeline);
    fnd_text_append_byte(&whole, ',');
    fnd_text_append_json_z(&whole, phase);
    fnd_text_append_byte(&whole, ',');
    fnd_text_append_json_z(&whole, kind);
    fnd_text_append_byte(&whole, ',');
    fnd_text_append(&whole, matter->bytes, matter->size);
    fnd_text_append_byte(&whole, ']');
    fnd_sha256(whole.bytes, whole.size, digest);
    fnd_hex(digest, (FND_FINGERPRINT_TEXT_SIZE - 1) / 2, text);
    fnd_text_finish(&whole);
}

bool fnd_fingerprint_of_context(const char *pipeline, const char *phase, const char *kind,
                                const char *context, struct fnd_text *json)
{
    struct fnd_json matter = {NULL, 0};
    struct fnd_text normal = {0};
    char text[FND_FINGERPRINT_TEXT_SIZE];
    if (context != NULL) {
        struct fnd_json whole = {context, strlen(context)};
        matter = fnd_json_type(whole) == FND_JSON_OBJECT ? fnd_json_member(whole, "fingerprint")
                                                         : matter;
    }
    if (matter.bytes == NULL) {
        return false;
    }
    fnd_normalise(matter, &normal);
    fnd_fingerprint(pipeline, phase, kind, &normal, text);
    fnd_text_printf(json, ",\"fingerprint\":\"%s\"", text);
    fnd_text_finish(&normal);
    return true;
}
