/* SPDX-License-Identifier: MIT */
#include "name.h"

#include <sodium.h>
#include <stdbool.h>
#include <string.h>

static const char job_ending[] = ".job.json";

static bool ends_with(const char *text, size_t size, const char *ending)
{
    const size_t ending_size = strlen(ending);
    return size > ending_size && memcmp(text + size - ending_size, ending, ending_size) == 0;
}

/* What follows the last dot, dot included, if it is a usual ending; "" else. */
static const char *ending_of(const char *text)
{
    const char *dot = strrchr(text, '.');
    return dot != NULL && dot > text && strlen(dot) <= 16 && strchr(dot, '/') == NULL ? dot : "";
}

static void add_hash(foundry_text_t *name, const char *wanted)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    char hex[2 * 4 + 1];
    (void)crypto_hash_sha256(digest, (const unsigned char *)wanted, strlen(wanted));
    (void)sodium_bin2hex(hex, sizeof hex, digest, 4);
    foundry_text_addf(name, "-%s", hex);
}

int name_safe(const char *wanted, const char *ending, foundry_text_t *name)
{
    size_t size = strlen(wanted);
    if (*ending == '\0') { /* a name that was given brings its own */
        ending = ending_of(wanted);
        size -= strlen(ending);
    } else if (ends_with(wanted, size, job_ending)) {
        size -= strlen(job_ending);
    }
    const size_t room = NAME_BYTES_MAX - strlen(ending);
    const bool is_long = size > room;
    if (is_long) {
        size = foundry_utf8_boundary(wanted, room - 9);
    }
    const size_t before = name->size;
    foundry_text_append(name, wanted, size);
    if (is_long) {
        add_hash(name, wanted);
    }
    foundry_text_add(name, ending);
    if (name->status != FOUNDRY_OK) {
        return 0; /* the caller looks at it */
    }
    bool is_name = false;
    for (size_t i = before; i < name->size; i++) {
        char *byte = &name->bytes[i];
        if ((unsigned char)*byte < 0x20 || *byte == 0x7F || *byte == '/' || *byte == '\\' ||
            (*byte == '.' && i == before)) {
            *byte = '_';
        }
        is_name = is_name || *byte != '_';
    }
    return is_name ? 0 : -1;
}
