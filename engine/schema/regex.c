/* SPDX-License-Identifier: MIT */
/* Patterns: PCRE2, set up so that what ECMA-262 and PCRE2 both know means the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema/node.h"

/* A pattern that needs more is not decided. Some ten milliseconds, a few hundred kilobytes. */
enum { MATCH_LIMIT = 200000, DEPTH_LIMIT = 20000, HEAP_LIMIT_KIB = 4096, PATTERN_SIZE_MAX = 10000 };

/* White space as ECMA-262 has it (section 22.2.2.9), for a class. */
#define SPACES                                                                                     \
    "\\t\\n\\u000b\\f\\r \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff"

/* Unicode's long names of general categories; PCRE2 knows the short ones. */
static const struct {
    const char *name, *brief;
} categories[] = {{"{Letter}", "{L}"},
                  {"{Lowercase_Letter}", "{Ll}"},
                  {"{Uppercase_Letter}", "{Lu}"},
                  {"{Number}", "{N}"},
                  {"{digit}", "{Nd}"},
                  {"{Decimal_Number}", "{Nd}"},
                  {"{Punctuation}", "{P}"},
                  {"{Symbol}", "{S}"},
                  {"{Separator}", "{Z}"},
                  {"{Mark}", "{M}"},
                  {"{Other}", "{C}"}};

/* One escape, `at` behind its backslash. Returns the bytes taken, 0 if ECMA-262 has no such escape:
 * most of those are anchors and classes of PCRE2 alone, which a browser would not know. */
static size_t translate_escape(const char *at, const char *end, bool in_class, struct fnd_text *to)
{
    if (at == end) {
        return 0;
    }
    if (*at == 's' || (*at == 'S' && !in_class)) {
        fnd_text_append_z(to, in_class ? SPACES : *at == 's' ? "[" SPACES "]" : "[^" SPACES "]");
        return 1;
    }
    if (*at == 'v') { /* one character there, a class here */
        fnd_text_append_z(to, "\\u000b");
        return 1;
    }
    const bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
    if (letter && strchr("bBcdDfknpPrStuwWx", *at) == NULL) {
        return 0;
    }
    fnd_text_append_byte(to, '\\');
    fnd_text_append_byte(to, *at);
    if (*at == 'p' || *at == 'P') {
        for (size_t i = 0; i < sizeof categories / sizeof categories[0]; i++) {
            const size_t size = strlen(categories[i].name);
            if ((size_t)(end - at - 1) >= size && memcmp(at + 1, categories[i].name, size) == 0) {
                fnd_text_append_z(to, categories[i].brief);
                return 1 + size;
            }
        }
    }
    return 1;
}

/* What may follow an opening bracket: nothing special, or one of the groups of ECMA-262. PCRE2 also
 * knows verbs that change its limits, comments, atomic groups and flags up to the pattern's end. */
static bool group_allowed(const char *at, const char *end)
{
    if (at == end || *at != '?') {
        return at == end || *at != '*';
    }
    at++;
    if (at == end) {
        return true; /* PCRE2 says it better */
    }
    if (*at == ':' || *at == '=' || *at == '!' || *at == '<') {
        return true;
    }
    while (at < end && strchr("ims-", *at) != NULL) {
        at++;
    }
    return at < end && *at == ':';
}

/* From ECMA-262 to PCRE2, where the two spell things differently. */
static bool translate(const char *at, const char *end, struct fnd_text *to, char *why,
                      size_t why_size)
{
    bool in_class = false;
    while (at < end) {
        if (*at == '\\') {
            const size_t taken = translate_escape(at + 1, end, in_class, to);
            if (taken == 0) {
                snprintf(why, why_size,
                         at + 1 < end ? "uses \\%c, which ECMA-262 does not know"
                                      : "ends with a lone backslash",
                         at + 1 < end ? at[1] : ' ');
                return false;
            }
            at += 1 + taken;
            continue;
        }
        if (!in_class && *at == '(' && !group_allowed(at + 1, end)) {
            snprintf(why, why_size, "has a group (%.*s that ECMA-262 does not know",
                     (int)(end - at > 3 ? 2 : end - at - 1), at + 1);
            return false;
        }
        if (in_class && *at == '[') {
            fnd_text_append_byte(to, '\\'); /* no [:alpha:] there */
        } else if (*at == '[') {
            in_class = true;
        } else if (*at == ']') {
            in_class = false;
        }
        fnd_text_append_byte(to, *at++);
    }
    return true;
}

static pcre2_code *compile_translated(const char *pattern, size_t size, char *why, size_t why_size)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context == NULL) {
        fnd_no_memory();
    }
    pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);              /* what '.' does not match */
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX); /* \u{1F600} */
    const uint32_t options = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX |
                             PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF |
                             PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UCP;
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)pattern, size, options, &code, &at, context);
    pcre2_compile_context_free(context);
    if (compiled == NULL) {
        PCRE2_UCHAR text[120];
        pcre2_get_error_message(code, text, sizeof text);
        snprintf(why, why_size, "cannot be compiled: %s", (const char *)text);
    }
    return compiled;
}

static pcre2_code *compile(const char *pattern, size_t size, char *why, size_t why_size)
{
    if (size > PATTERN_SIZE_MAX) {
        snprintf(why, why_size, "is longer than %d bytes", PATTERN_SIZE_MAX);
        return NULL;
    }
    struct fnd_text translated = {0};
    pcre2_code *code = NULL;
    if (translate(pattern, pattern + size, &translated, why, why_size)) {
        code = compile_translated(fnd_text_z(&translated), translated.size, why, why_size);
    }
    fnd_text_finish(&translated);
    return code;
}

const pcre2_code *fnd_schema_regex(struct fnd_schema *schema, const char *pattern, size_t size,
                                   char *why, size_t why_size)
{
    if (schema->limits == NULL) {
        schema->limits = pcre2_match_context_create(NULL);
        if (schema->limits == NULL) {
            fnd_no_memory();
        }
        pcre2_set_match_limit(schema->limits, MATCH_LIMIT);
        pcre2_set_depth_limit(schema->limits, DEPTH_LIMIT);
        pcre2_set_heap_limit(schema->limits, HEAP_LIMIT_KIB);
    }
    pcre2_code *code = compile(pattern, size, why, why_size);
    if (code != NULL) {
        struct fnd_schema_codes *entry = fnd_alloc(sizeof *entry);
        entry->code = code;
        entry->next = schema->codes;
        schema->codes = entry;
    }
    return code;
}

enum fnd_match fnd_schema_match(const struct fnd_schema *schema, const pcre2_code *code,
                                const char *bytes, size_t size, pcre2_match_data **data)
{
    if (*data == NULL) {
        /* One pair is enough: only whether it matches is asked. */
        *data = pcre2_match_data_create(1, NULL);
        if (*data == NULL) {
            fnd_no_memory();
        }
    }
    const int found =
        pcre2_match(code, (PCRE2_SPTR)bytes, size, 0, PCRE2_NO_UTF_CHECK, *data, schema->limits);
    if (found >= 0) {
        return FND_MATCH_YES;
    }
    if (found == PCRE2_ERROR_NOMEMORY) { /* that says nothing of the pattern or the text */
        fnd_no_memory();
    }
    return found == PCRE2_ERROR_NOMATCH ? FND_MATCH_NO : FND_MATCH_TOO_COSTLY;
}

bool fnd_schema_is_regex(const char *bytes, size_t size)
{
    char why[200];
    pcre2_code *code = compile(bytes, size, why, sizeof why);
    pcre2_code_free(code);
    return code != NULL;
}
