/* SPDX-License-Identifier: MIT */
/* Reading a ZIP archive that may be hostile: its list first, whole; then one entry at a time. */
#ifndef ZIP_ARCHIVE_H
#define ZIP_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

enum { ARCHIVE_NAME_MAX = 1024 };

/** Where the bytes come from. Returns 0 when all `size` bytes from `offset` were given. */
typedef struct archive_source {
    int (*read)(void *context, uint64_t offset, void *bytes, size_t size);
    void *context;
    uint64_t size;
} archive_source_t;

typedef struct archive_entry {
    char name[ARCHIVE_NAME_MAX + 1];
    uint64_t offset; /* of its local header */
    uint32_t compressed, size, crc, attributes;
    uint16_t flags, method, made_by;
} archive_entry_t;

typedef struct archive {
    archive_source_t source;
    uint64_t list_offset, list_size;
    size_t count;
    uint64_t at; /* of the next entry in the list */
    size_t given;
} archive_t;

/** Find the list at the archive's end.
 *  Returns NULL, or a sentence on what is wrong (static). */
const char *archive_open(archive_t *archive, const archive_source_t *source);
/** The next entry of the list; 1: there is one, 0: that was all, -1: *wrong says what is. */
int archive_next(archive_t *archive, archive_entry_t *entry, const char **wrong);
/** Why an entry may not become a file: its name, its kind or its size. NULL: it may. */
const char *archive_refuse(const archive_entry_t *entry, uint64_t size_max);
/** The bytes of an entry, malloc'ed, entry->size of them; never more memory than that.
 *  Returns NULL and `*wrong` where there is something wrong with it. */
unsigned char *archive_load(const archive_t *archive, const archive_entry_t *entry,
                            const char **wrong);

#endif
