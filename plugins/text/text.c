/* SPDX-License-Identifier: MIT
 *
 * Small phases over plain text, written to be read: `read` takes the text out of an artifact,
 * `uppercase` changes it, `limit` refuses what is too long, and the detector `mentions` asks a
 * person about texts that contain certain words.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "foundry/helpers.h"

enum { READ_BYTES_MAX_DEFAULT = 1 << 20, READ_BYTES_MAX_MOST = 8 << 20 };

/* Parts of a loop between two looks at cancelled(). */
enum { CHARACTERS_BETWEEN_LOOKS = 1 << 16 };

/* ---- read --------------------------------------------------------------------------------- */

struct read {
    size_t bytes_max;
};

static foundry_outcome_t read_create(const foundry_host_t *host, foundry_call_t *call, void **self)
{
    double bytes_max = 0;
    FOUNDRY_TRY(foundry_number_default(host, call, FOUNDRY_DOC_CONFIG, "/max_bytes",
                                       READ_BYTES_MAX_DEFAULT, &bytes_max));
    if (!(bytes_max >= 1 && bytes_max <= READ_BYTES_MAX_MOST)) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_max_bytes", "/max_bytes",
                             "max_bytes is %g, must be 1 to %d", bytes_max, READ_BYTES_MAX_MOST);
    }
    struct read *read = calloc(1, sizeof *read);
    if (read == NULL) {
        return FOUNDRY_E_NO_MEMORY; /* retried */
    }
    read->bytes_max = (size_t)bytes_max;
    *self = read;
    return FOUNDRY_DONE;
}

/* Where the bytes stop being text that JSON can hold (UTF-8 without NUL), or `size`. */
static size_t text_end(const char *bytes, size_t size)
{
    size_t at = 0;
    while (at < size) {
        utf8proc_int32_t character = 0;
        const utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)bytes + at,
                                                       (utf8proc_ssize_t)(size - at), &character);
        if (step < 1 || character == 0) {
            return at;
        }
        at += (size_t)step;
    }
    return at;
}

static foundry_outcome_t read_loaded(const foundry_host_t *host, foundry_call_t *call,
                                     const char *name, const foundry_text_t *loaded)
{
    const char *bytes = foundry_text_z(loaded);
    size_t size = loaded->size;
    if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        bytes += 3; /* a byte order mark is no part of the text */
        size -= 3;
    }
    const size_t end = text_end(bytes, size);
    if (end < size) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "not_text", "/file",
                             "%s is no text: byte %zu (0x%02x) is not part of UTF-8 text; save the "
                             "file as UTF-8",
                             name, end, (unsigned)(unsigned char)bytes[end]);
    }
    foundry_json_t json;
    foundry_json_init(&json);
    foundry_json_bytes(&json, bytes, size);
    const foundry_status_t status = foundry_json_stage(&json, host, call, "/text");
    foundry_json_finish(&json);
    host->progress(call, 1, "read");
    return status;
}

static foundry_outcome_t read_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    const struct read *read = self;
    const char *name = NULL;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/file", &name));
    uint64_t size = 0;
    FOUNDRY_TRY(host->artifact_size(call, name, &size));
    if (size > read->bytes_max) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "too_large", "/file",
                             "%s has %llu bytes, at most %zu are read; raise max_bytes if that is "
                             "meant",
                             name, (unsigned long long)size, read->bytes_max);
    }
    host->progress(call, 0, "reading");
    foundry_text_t loaded;
    foundry_text_init(&loaded);
    foundry_outcome_t outcome = foundry_artifact_load(host, call, name, read->bytes_max, &loaded);
    if (outcome == FOUNDRY_OK) {
        outcome = read_loaded(host, call, name, &loaded);
    }
    foundry_text_finish(&loaded);
    return outcome;
}

static const foundry_phase_t read_phase = {
    .struct_size = sizeof read_phase,
    .name = "read",
    .summary = "The text of a file",
    .config_schema = "{\"type\":\"object\",\"required\":[\"file\"],\"additionalProperties\":false,"
                     "\"properties\":{"
                     "\"file\":{\"type\":\"string\",\"x-foundry-per-job\":true,"
                     "\"description\":\"the artifact to read, e.g. ${input.file}\"},"
                     "\"max_bytes\":{\"type\":\"integer\",\"default\":1048576,\"minimum\":1,"
                     "\"maximum\":8388608,\"description\":\"larger files are refused\"}}}",
    .output_schema = "{\"type\":\"object\",\"required\":[\"text\"],"
                     "\"properties\":{\"text\":{\"type\":\"string\"}}}",
    .threads = FOUNDRY_CONCURRENT,
    .create = read_create,
    .process = read_process,
    .destroy = free};

/* ---- uppercase ---------------------------------------------------------------------------- */

/* Characters whose upper case is more than one (Unicode's SpecialCasing.txt, of the Latin script).
 * utf8proc maps one to one and would leave them as they are. */
static const struct {
    utf8proc_int32_t lower;
    const char *upper;
} long_upper[] = {{0x00DF, "SS"},  {0x0149, "\xCA\xBCN"}, {0xFB00, "FF"},
                  {0xFB01, "FI"},  {0xFB02, "FL"},        {0xFB03, "FFI"},
                  {0xFB04, "FFL"}, {0xFB05, "ST"},        {0xFB06, "ST"}};

static void append_upper(foundry_text_t *upper, utf8proc_int32_t character)
{
    for (size_t i = 0; i < sizeof long_upper / sizeof long_upper[0]; i++) {
        if (long_upper[i].lower == character) {
            foundry_text_add(upper, long_upper[i].upper);
            return;
        }
    }
    utf8proc_uint8_t bytes[4];
    const utf8proc_ssize_t size = utf8proc_encode_char(utf8proc_toupper(character), bytes);
    foundry_text_append(upper, (const char *)bytes, size > 0 ? (size_t)size : 0);
}

/* Appends the upper case of `text`; FOUNDRY_CANCELLED when the call should stop. */
static foundry_outcome_t append_uppercase(const foundry_host_t *host, foundry_call_t *call,
                                          const char *text, foundry_text_t *upper)
{
    const size_t size = strlen(text);
    size_t count = 0;
    for (size_t at = 0; at < size;) {
        utf8proc_int32_t character = 0;
        const utf8proc_ssize_t step = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
                                                       (utf8proc_ssize_t)(size - at), &character);
        if (step < 1) {
            return FOUNDRY_E_INVALID; /* the host promises UTF-8 */
        }
        append_upper(upper, character);
        at += (size_t)step;
        if (++count % CHARACTERS_BETWEEN_LOOKS == 0) {
            if (host->cancelled(call)) {
                return FOUNDRY_CANCELLED;
            }
            host->progress(call, (double)at / (double)size, "converting");
        }
    }
    return upper->status;
}

static foundry_outcome_t uppercase_process(void *self, const foundry_host_t *host,
                                           foundry_call_t *call)
{
    (void)self;
    const char *content = NULL;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/content", &content));
    host->progress(call, 0, "converting");
    foundry_text_t upper;
    foundry_text_init(&upper);
    foundry_outcome_t outcome = append_uppercase(host, call, content, &upper);
    if (outcome == FOUNDRY_OK) {
        outcome = foundry_set_text(host, call, "/content", foundry_text_z(&upper));
        host->progress(call, 1, "converted");
    }
    foundry_text_finish(&upper);
    return outcome;
}

static const foundry_phase_t uppercase_phase = {
    .struct_size = sizeof uppercase_phase,
    .name = "uppercase",
    .summary = "A text in upper case",
    .config_schema = "{\"type\":\"object\",\"required\":[\"content\"],"
                     "\"additionalProperties\":false,\"properties\":{"
                     "\"content\":{\"type\":\"string\",\"x-foundry-per-job\":true,"
                     "\"description\":\"the text to convert\"}}}",
    .output_schema = "{\"type\":\"object\",\"required\":[\"content\"],"
                     "\"properties\":{\"content\":{\"type\":\"string\"}}}",
    .threads = FOUNDRY_CONCURRENT,
    .process = uppercase_process};

/* ---- limit -------------------------------------------------------------------------------- */

struct limit {
    double words_max;
};

static foundry_outcome_t limit_create(const foundry_host_t *host, foundry_call_t *call, void **self)
{
    struct limit *limit = calloc(1, sizeof *limit);
    if (limit == NULL) {
        return FOUNDRY_E_NO_MEMORY; /* retried */
    }
    const foundry_status_t status =
        foundry_number_default(host, call, FOUNDRY_DOC_CONFIG, "/max", 500, &limit->words_max);
    if (status != FOUNDRY_OK) {
        free(limit); /* a create() that fails leaves nothing behind */
        return status;
    }
    *self = limit;
    return FOUNDRY_DONE;
}

/* Runs of bytes between ASCII white space. */
static size_t words_count(const char *text)
{
    static const char space[] = " \t\r\n\v\f";
    size_t count = 0;
    for (text += strspn(text, space); *text != '\0'; text += strspn(text, space)) {
        count++;
        text += strcspn(text, space);
    }
    return count;
}

static foundry_outcome_t limit_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    const struct limit *limit = self;
    const char *text = NULL; /* borrowed until we return */
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/text", &text));
    host->progress(call, 0, "counting words");
    const size_t words = words_count(text);
    if ((double)words > limit->words_max) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "text_too_long", "/text",
                             "the text has %zu words, at most %g are allowed", words,
                             limit->words_max);
    }
    FOUNDRY_TRY(foundry_set_number(host, call, "/words", (double)words));
    host->progress(call, 1, "counted");
    return foundry_set_boolean(host, call, "/within_limit", true); /* OK is DONE */
}

static const foundry_phase_t limit_phase = {
    .struct_size = sizeof limit_phase,
    .name = "limit",
    .summary = "Refuse a text of too many words",
    .config_schema = "{\"type\":\"object\",\"required\":[\"text\"],\"additionalProperties\":false,"
                     "\"properties\":{"
                     "\"text\":{\"type\":\"string\",\"x-foundry-per-job\":true,"
                     "\"description\":\"the text to count\"},"
                     "\"max\":{\"type\":\"number\",\"minimum\":0,\"default\":500,"
                     "\"description\":\"words allowed\"}}}",
    .output_schema = "{\"type\":\"object\",\"required\":[\"words\",\"within_limit\"],"
                     "\"properties\":{\"words\":{\"type\":\"integer\"},"
                     "\"within_limit\":{\"type\":\"boolean\"}}}",
    .threads = FOUNDRY_CONCURRENT,
    .create = limit_create,
    .process = limit_process,
    .destroy = free};

/* ---- mentions ----------------------------------------------------------------------------- */

/* The text in the form in which "STRASSE" and "Straße" are equal; NULL without memory. Free with
 * free(). */
static char *folded(const char *text)
{
    utf8proc_uint8_t *copy = NULL;
    const utf8proc_ssize_t size =
        utf8proc_map((const utf8proc_uint8_t *)text, 0, &copy,
                     (utf8proc_option_t)(UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE |
                                         UTF8PROC_CASEFOLD));
    return size < 0 ? NULL : (char *)copy;
}

static foundry_status_t mentions_ask(const foundry_host_t *host, foundry_call_t *call,
                                     const char *field, const char *word)
{
    foundry_text_t key;
    foundry_text_t question;
    foundry_text_init(&key);
    foundry_text_init(&question);
    foundry_question_key(&key, "mentions", field, word);
    foundry_text_addf(&question, "%s mentions \"%s\": is it right as it stands?",
                      *field == '\0' ? "the text" : field + 1, word);
    foundry_status_t status = key.status != FOUNDRY_OK ? key.status : question.status;
    if (status == FOUNDRY_OK) {
        status = foundry_ask(host, call, foundry_text_z(&key), "MENTIONS", field,
                             foundry_text_z(&question), NULL);
    }
    foundry_text_finish(&key);
    foundry_text_finish(&question);
    return status;
}

/* Asks if the folded text has the index-th word of the config. */
static foundry_status_t mentions_look(const foundry_host_t *host, foundry_call_t *call,
                                      const char *field, const char *text, size_t index)
{
    char pointer[32];
    (void)snprintf(pointer, sizeof pointer, "/words/%zu", index);
    const char *word = NULL;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, pointer, &word));
    char *small = folded(word);
    if (small == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    const bool is_there = *small != '\0' && strstr(text, small) != NULL;
    free(small);
    return is_there ? mentions_ask(host, call, field, word) : FOUNDRY_OK;
}

static foundry_outcome_t mentions_detect(void *self, const foundry_host_t *host,
                                         foundry_call_t *call)
{
    (void)self;
    const char *field = NULL;
    const char *text = NULL;
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/field", "/text", &field));
    foundry_status_t status =
        foundry_text_default(host, call, FOUNDRY_DOC_SUBJECT, field, "", &text);
    if (status == FOUNDRY_E_TYPE) {
        return FOUNDRY_DONE; /* a value that is no text mentions nothing */
    }
    FOUNDRY_TRY(status);
    size_t count = 0;
    FOUNDRY_TRY(host->size_get(call, FOUNDRY_DOC_CONFIG, "/words", &count));
    char *small = folded(text);
    if (small == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    for (size_t i = 0; status == FOUNDRY_OK && i < count; i++) {
        status = mentions_look(host, call, field, small, i);
    }
    free(small);
    return status;
}

static const foundry_detector_t mentions_detector = {
    .struct_size = sizeof mentions_detector,
    .name = "mentions",
    .summary = "Ask about texts that contain certain words",
    .config_schema =
        "{\"type\":\"object\",\"required\":[\"words\"],\"additionalProperties\":false,"
        "\"properties\":{"
        "\"field\":{\"type\":\"string\",\"format\":\"json-pointer\",\"default\":\"/text\","
        "\"description\":\"the text to look at\"},"
        "\"words\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":1000,"
        "\"items\":{\"type\":\"string\",\"minLength\":1},"
        "\"description\":\"asked about wherever they occur, in upper or lower case\"}}}",
    .threads = FOUNDRY_CONCURRENT,
    .detect = mentions_detect};

/* ---- the plugin --------------------------------------------------------------------------- */

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&read_phase, &uppercase_phase, &limit_phase,
                                                    NULL};
    static const foundry_detector_t *const detectors[] = {&mentions_detector, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "text",
                                            .version = "0.1.0",
                                            .summary = "Small phases over plain text",
                                            .phases = phases,
                                            .detectors = detectors};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
