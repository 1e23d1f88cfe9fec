/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return list;
    }
    *capacity = *capacity * 2 + 16;
    list = realloc(list, *capacity * size);
    if (list == NULL) {
        abort();
    }
    return list;
}

#define GROW(list, count, capacity) ((list) = grow((list), (count), &(capacity), sizeof *(list)))

/* --- the trace ----------------------------------------------------------------------------- */

static char *file_bytes(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    if (bytes == NULL || fread(bytes, 1, *size, file) != *size) {
        perror(path);
        exit(2);
    }
    fclose(file);
    return bytes;
}

void trace_read(struct trace *trace, const char *path)
{
    size_t size, capacity = 0, names = 0;
    *trace = (struct trace){.bytes = file_bytes(path, &size)};
    trace->names = malloc(size + 1); /* names with a NUL behind each: never longer than the heads */
    if (trace->names == NULL) {
        abort();
    }
    for (size_t at = 0; at < size;) {
        struct trace_head head;
        memcpy(&head, trace->bytes + at, sizeof head);
        at += sizeof head;
        GROW(trace->list, trace->count, capacity);
        struct record *record = &trace->list[trace->count++];
        *record = (struct record){.kind = (enum trace_kind)head.kind,
                                  .file = head.file,
                                  .at = head.at,
                                  .name = trace->names + names,
                                  .bytes = (const uint8_t *)trace->bytes + at + head.name_size,
                                  .size = head.size};
        memcpy(trace->names + names, trace->bytes + at, head.name_size);
        trace->names[names + head.name_size] = '\0';
        record->to = record->name + strlen(record->name) + 1;
        names += head.name_size + 1;
        at += head.name_size + head.size;
    }
}

void trace_finish(struct trace *trace)
{
    free(trace->bytes);
    free(trace->names);
    free(trace->list);
}

/* --- names --------------------------------------------------------------------------------- */

static int names_find(const struct disk_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->list[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void names_apply(struct disk_names *names, const struct disk_change *change)
{
    int at = change->name != NULL ? names_find(names, change->name) : -1;
    if (at >= 0) {
        names->list[at] = names->list[--names->count];
    }
    if (change->to != NULL) {
        at = names_find(names, change->to);
        if (at < 0) {
            GROW(names->list, names->count, names->capacity);
            at = (int)names->count++;
        }
        names->list[at] = (struct disk_name){change->to, change->file};
    }
}

static bool is_in(const char *folder, const char *name)
{
    if (name == NULL) {
        return false;
    }
    const char *slash = strrchr(name, '/');
    const size_t size = slash != NULL ? (size_t)(slash - name) : 0;
    return strlen(folder) == size && memcmp(folder, name, size) == 0;
}

static bool is_same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool share_names(const struct disk_change *a, const struct disk_change *b)
{
    return is_same(a->name, b->name) || is_same(a->name, b->to) || is_same(a->to, b->name) ||
           is_same(a->to, b->to);
}

/* What happened in a folder is durable now, and with it what came before of the same names. */
static void sync_folder(struct disk *disk, const char *folder)
{
    bool *flushed = calloc(disk->changes_count + 1, sizeof *flushed);
    if (flushed == NULL) {
        abort();
    }
    for (size_t i = disk->changes_count; i-- > 0;) {
        const struct disk_change *change = &disk->changes[i];
        flushed[i] = flushed[i] || is_in(folder, change->name) || is_in(folder, change->to);
        for (size_t j = 0; j < i && flushed[i]; j++) {
            flushed[j] = flushed[j] || share_names(change, &disk->changes[j]);
        }
    }
    size_t left = 0;
    for (size_t i = 0; i < disk->changes_count; i++) {
        if (flushed[i]) {
            names_apply(&disk->durable, &disk->changes[i]);
        } else {
            disk->changes[left++] = disk->changes[i];
        }
    }
    disk->changes_count = left;
    free(flushed);
}

static void change_names(struct disk *disk, struct disk_change change)
{
    names_apply(&disk->now, &change);
    GROW(disk->changes, disk->changes_count, disk->changes_capacity);
    disk->changes[disk->changes_count++] = change;
}

/* --- files --------------------------------------------------------------------------------- */

void image_resize(struct image *image, size_t size)
{
    if (size > image->capacity) {
        image->capacity = size * 2;
        image->bytes = realloc(image->bytes, image->capacity);
        if (image->bytes == NULL) {
            abort();
        }
    }
    if (size > image->size) {
        memset(image->bytes + image->size, 0, size - image->size);
    }
    image->size = size;
}

void image_apply(struct image *image, const struct record *record, size_t from, size_t to)
{
    if (record->kind == TRACE_TRUNCATE) {
        image_resize(image, record->at);
        return;
    }
    if (record->at + to > image->size) {
        image_resize(image, record->at + to);
    }
    memcpy(image->bytes + record->at + from, record->bytes + from, to - from);
}

static int file_of(struct disk *disk, uint64_t inode)
{
    for (size_t i = disk->inodes_count; i-- > 0;) {
        if (disk->inodes[i].inode == inode) {
            return disk->inodes[i].file;
        }
    }
    fprintf(stderr, "model: a file was written that was not created in the trace\n");
    exit(2);
}

static void create(struct disk *disk, const struct record *record)
{
    GROW(disk->files, disk->files_count, disk->files_capacity);
    const int file = (int)disk->files_count;
    disk->files[disk->files_count++] = (struct disk_file){0};
    GROW(disk->inodes, disk->inodes_count, disk->inodes_capacity);
    disk->inodes[disk->inodes_count].inode = record->file; /* the newest of that number counts */
    disk->inodes[disk->inodes_count++].file = file;
    change_names(disk, (struct disk_change){.to = record->name, .file = file});
}

static void write_later(struct disk *disk, const struct record *record)
{
    struct disk_file *file = &disk->files[file_of(disk, record->file)];
    GROW(file->pending, file->pending_count, file->pending_capacity);
    file->pending[file->pending_count++] = record;
}

static void sync_file(struct disk *disk, const struct record *record)
{
    struct disk_file *file = &disk->files[file_of(disk, record->file)];
    for (size_t i = 0; i < file->pending_count; i++) {
        image_apply(&file->image, file->pending[i], 0, file->pending[i]->size);
    }
    file->pending_count = 0;
}

int disk_find(const struct disk *disk, const char *name)
{
    const int at = names_find(&disk->now, name);
    return at >= 0 ? disk->now.list[at].file : -1;
}

void disk_step(struct disk *disk, const struct record *record)
{
    switch (record->kind) {
    case TRACE_CREATE:
        create(disk, record);
        break;
    case TRACE_FOLDER:
        change_names(disk, (struct disk_change){.to = record->name, .file = -1});
        break;
    case TRACE_WRITE:
    case TRACE_TRUNCATE:
        write_later(disk, record);
        break;
    case TRACE_SYNC:
        sync_file(disk, record);
        break;
    case TRACE_SYNC_FOLDER:
        sync_folder(disk, record->name);
        break;
    case TRACE_RENAME:
        change_names(disk,
                     (struct disk_change){record->name, record->to, disk_find(disk, record->name)});
        break;
    case TRACE_UNLINK: /* of the socket nothing was seen */
        if (names_find(&disk->now, record->name) >= 0) {
            change_names(disk, (struct disk_change){.name = record->name});
        }
        break;
    case TRACE_SAID:
    case TRACE_EXIT:
        break;
    }
}

bool disk_is_dirty(const struct disk *disk)
{
    for (size_t i = 0; i < disk->files_count; i++) {
        if (disk->files[i].pending_count > 0) {
            return true;
        }
    }
    return disk->changes_count > 0;
}

void disk_finish(struct disk *disk)
{
    for (size_t i = 0; i < disk->files_count; i++) {
        free(disk->files[i].image.bytes);
        free(disk->files[i].pending);
    }
    free(disk->files);
    free(disk->inodes);
    free(disk->durable.list);
    free(disk->now.list);
    free(disk->changes);
}
