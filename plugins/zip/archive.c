/* SPDX-License-Identifier: MIT */
/* Layout: PKWARE's APPNOTE.TXT 6.3, sections 4.3.6 to 4.3.16. ZIP64, encryption and archives in
 * parts are refused: line images need none of them. */
#include "archive.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    END_SIZE = 22,
    COMMENT_MAX = 65535,
    LISTED_SIZE = 46,
    LOCAL_SIZE = 30,
    LIST_SIZE_MAX = 64 << 20, /* bytes: a million short names */
    METHOD_STORED = 0,
    METHOD_DEFLATED = 8,
    FLAG_ENCRYPTED = 1,
    FLAG_UTF8 = 0x800,
    MADE_BY_UNIX = 3
};

static uint32_t get16(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t get32(const unsigned char *at)
{
    return get16(at) | get16(at + 2) << 16;
}

static int get(const archive_t *archive, uint64_t offset, void *bytes, size_t size)
{
    const archive_source_t *source = &archive->source;
    if (offset > source->size || size > source->size - offset) {
        return -1;
    }
    return source->read(source->context, offset, bytes, size);
}

/* The record that ends the archive stands before its comment. */
static const char *end_read(archive_t *archive, const unsigned char *end, uint64_t offset)
{
    const uint32_t entries = get16(end + 10), size = get32(end + 12), from = get32(end + 16);
    if (get16(end + 4) != 0 || get16(end + 6) != 0 || get16(end + 8) != entries) {
        return "it is one of several parts";
    }
    if (entries == 0xFFFF || size == UINT32_MAX || from == UINT32_MAX) {
        return "it is a ZIP64 archive; make one of fewer or smaller files";
    }
    if ((uint64_t)from + size != offset || size > LIST_SIZE_MAX ||
        (uint64_t)entries * LISTED_SIZE > size) {
        return "its list of files is not where its end says";
    }
    archive->list_offset = from;
    archive->list_size = size;
    archive->count = entries;
    archive->at = from;
    return NULL;
}

const char *archive_open(archive_t *archive, const archive_source_t *source)
{
    const size_t tail_size =
        source->size < END_SIZE + COMMENT_MAX ? (size_t)source->size : END_SIZE + COMMENT_MAX;
    const char *wrong = "it is no ZIP archive, or its end is missing";
    *archive = (archive_t){.source = *source};
    if (tail_size < END_SIZE) {
        return wrong;
    }
    unsigned char *tail = malloc(tail_size);
    if (tail == NULL || get(archive, source->size - tail_size, tail, tail_size) != 0) {
        free(tail);
        return "it cannot be read";
    }
    for (size_t at = tail_size - END_SIZE + 1; at > 0; at--) {
        const unsigned char *end = tail + at - 1;
        if (memcmp(end, "PK\5\6", 4) == 0 && get16(end + 20) == tail_size - (at - 1) - END_SIZE) {
            wrong = end_read(archive, end, source->size - tail_size + (at - 1));
            break;
        }
    }
    free(tail);
    return wrong;
}

int archive_next(archive_t *archive, archive_entry_t *entry, const char **wrong)
{
    unsigned char head[LISTED_SIZE];
    const uint64_t end = archive->list_offset + archive->list_size;
    if (archive->given == archive->count) {
        return 0;
    }
    *wrong = "its list of files is damaged";
    if (end - archive->at < sizeof head || get(archive, archive->at, head, sizeof head) != 0 ||
        memcmp(head, "PK\1\2", 4) != 0) {
        return -1;
    }
    const size_t name = get16(head + 28), more = get16(head + 30) + get16(head + 32);
    if (end - archive->at < sizeof head + name + more) {
        return -1;
    }
    *entry = (archive_entry_t){.made_by = (uint16_t)(get16(head + 4) >> 8),
                               .flags = (uint16_t)get16(head + 8),
                               .method = (uint16_t)get16(head + 10),
                               .crc = get32(head + 16),
                               .compressed = get32(head + 20),
                               .size = get32(head + 24),
                               .attributes = get32(head + 38),
                               .offset = get32(head + 42)};
    const size_t kept = name < ARCHIVE_NAME_MAX ? name : ARCHIVE_NAME_MAX;
    if (get(archive, archive->at + sizeof head, entry->name, kept) != 0) {
        return -1;
    }
    if (name > ARCHIVE_NAME_MAX || memchr(entry->name, '\0', kept) != NULL) {
        entry->method = UINT16_MAX; /* such a name is refused below, whatever is left of it */
    }
    archive->at += sizeof head + name + more;
    archive->given++;
    return 1;
}

/* Whether bytes are UTF-8 without control characters. */
static int is_text(const char *name)
{
    const unsigned char *at = (const unsigned char *)name;
    while (*at != '\0') {
        const size_t more = *at < 0x80 ? 0 : *at >= 0xF0 ? 3 : *at >= 0xE0 ? 2 : 1;
        if (*at < 0x20 || *at == 0x7F || (*at >= 0x80 && *at < 0xC2) || *at > 0xF4) {
            return 0;
        }
        if ((*at == 0xE0 && at[1] < 0xA0) || (*at == 0xED && at[1] > 0x9F) ||
            (*at == 0xF0 && at[1] < 0x90) || (*at == 0xF4 && at[1] > 0x8F)) {
            return 0;
        }
        for (size_t i = 1; i <= more; i++) {
            if ((at[i] & 0xC0) != 0x80) {
                return 0;
            }
        }
        at += 1 + more;
    }
    return 1;
}

static const char *name_refuse(const char *name)
{
    size_t part = 0;
    if (name[0] == '\0' || name[0] == '/' || strchr(name, '\\') != NULL ||
        (name[0] != '\0' && name[1] == ':')) {
        return "its name is no relative path";
    }
    if (!is_text(name)) {
        return "its name is no UTF-8, or holds control characters";
    }
    for (const char *at = name;; at++) {
        if (*at != '/' && *at != '\0') {
            part++;
            continue;
        }
        const char *begin = at - part;
        if (part == 0 || (part == 1 && begin[0] == '.') ||
            (part == 2 && begin[0] == '.' && begin[1] == '.')) {
            return "its name leads out of the folder, or around in it";
        }
        if (begin[0] == '.') {
            return "its name is hidden";
        }
        if (part > 255) {
            return "its name is too long";
        }
        if (*at == '\0') {
            return NULL;
        }
        part = 0;
    }
}

const char *archive_refuse(const archive_entry_t *entry, uint64_t size_max)
{
    const uint32_t kind = entry->attributes >> 16 & 0170000;
    if (entry->method == UINT16_MAX) {
        return "its name is too long, or holds a NUL";
    }
    const char *wrong = name_refuse(entry->name);
    if (wrong != NULL) {
        return wrong;
    }
    if (entry->made_by == MADE_BY_UNIX && kind != 0 && kind != 0100000) {
        return kind == 0120000 ? "it is a link" : "it is no regular file";
    }
    if ((entry->flags & FLAG_ENCRYPTED) != 0) {
        return "it is encrypted";
    }
    if (entry->method != METHOD_STORED && entry->method != METHOD_DEFLATED) {
        return "its way of compression is not known here";
    }
    if (entry->size > size_max) {
        return "it is larger than entry_max";
    }
    /* What deflate cannot shrink it lengthens by a few bytes in 16 KiB: more is no honest file. */
    if ((entry->method == METHOD_STORED && entry->size != entry->compressed) ||
        entry->compressed > (uint64_t)entry->size + entry->size / 1000 + 64) {
        return "its sizes do not agree";
    }
    return NULL;
}

/* Inflate, but never past entry->size bytes: what it says is what it gets. */
static const char *inflate_all(const archive_entry_t *entry, unsigned char *from, unsigned char *to)
{
    z_stream stream = {
        .next_in = from, .avail_in = entry->compressed, .next_out = to, .avail_out = entry->size};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        return "there is no memory to inflate it";
    }
    unsigned char beyond = 0;
    int rc = inflate(&stream, Z_FINISH);
    if (rc == Z_BUF_ERROR && stream.avail_out == 0) { /* full: only the end may follow */
        stream.next_out = &beyond;
        stream.avail_out = 1;
        rc = inflate(&stream, Z_FINISH);
        rc = stream.avail_out == 0 ? Z_BUF_ERROR : rc;
    }
    const int whole = rc == Z_STREAM_END && stream.total_out == entry->size;
    inflateEnd(&stream);
    return whole ? NULL : "it is damaged, or larger than it says";
}

unsigned char *archive_load(const archive_t *archive, const archive_entry_t *entry,
                            const char **wrong)
{
    unsigned char head[LOCAL_SIZE], name[ARCHIVE_NAME_MAX];
    unsigned char *from = NULL, *to = NULL;
    *wrong = "it does not lie where the list says";
    if (get(archive, entry->offset, head, sizeof head) != 0 || memcmp(head, "PK\3\4", 4) != 0 ||
        get16(head + 26) != strlen(entry->name) ||
        get(archive, entry->offset + sizeof head, name, get16(head + 26)) != 0 ||
        memcmp(name, entry->name, get16(head + 26)) != 0 || get16(head + 8) != entry->method) {
        return NULL;
    }
    const uint64_t at = entry->offset + sizeof head + get16(head + 26) + get16(head + 28);
    if (at > archive->list_offset || entry->compressed > archive->list_offset - at) {
        return NULL;
    }
    from = malloc((size_t)entry->compressed + 1);
    to = malloc((size_t)entry->size + 1);
    if (from == NULL || to == NULL) {
        *wrong = "there is no memory for it";
    } else if (get(archive, at, from, entry->compressed) != 0) {
        *wrong = "it cannot be read";
    } else if (entry->method == METHOD_STORED) {
        memcpy(to, from, entry->size);
        *wrong = NULL;
    } else {
        *wrong = inflate_all(entry, from, to);
    }
    if (*wrong == NULL && crc32(0, to, entry->size) != entry->crc) {
        *wrong = "its checksum is another: it is damaged";
    }
    free(from);
    if (*wrong != NULL) {
        free(to);
        to = NULL;
    }
    return to;
}
