/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "model.h"

uint64_t draw_number(struct draw *draw)
{
    uint64_t z = (draw->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

size_t draw_below(struct draw *draw, size_t bound)
{
    return (size_t)(draw_number(draw) % bound);
}

static bool heads(struct draw *draw)
{
    return (draw_number(draw) & 1) != 0;
}

/* --- contents ------------------------------------------------------------------------------ */

enum how {
    HOW_NONE,    /* nothing since the last sync */
    HOW_ALL,     /* everything */
    HOW_PREFIX,  /* the first writes */
    HOW_TORN,    /* the first writes, and some sectors of the next */
    HOW_SUBSET,  /* any writes */
    HOW_SECTORS, /* any sectors of any writes */
    HOW_PAGES,   /* each page as it was after some write, as a cache writes them back */
    HOWS
};

static void apply_whole(struct image *image, const struct record *record)
{
    image_apply(image, record, 0, record->size);
}

/* Some of a write's sectors: a disk writes those whole or not at all, in any order. */
static void apply_sectors(struct image *image, const struct record *record, struct draw *draw)
{
    if (record->kind == TRACE_TRUNCATE) {
        if (heads(draw)) {
            apply_whole(image, record);
        }
        return;
    }
    for (size_t from = 0; from < record->size;) {
        const size_t left = SECTOR_SIZE - (size_t)((record->at + from) % SECTOR_SIZE);
        const size_t to = from + left < record->size ? from + left : record->size;
        if (heads(draw)) {
            image_apply(image, record, from, to);
        }
        from = to;
    }
}

/* One page as it was after the first `count` writes. */
static void apply_page(struct image *image, const struct disk_file *file, size_t page, size_t count)
{
    const size_t begin = page * PAGE_SIZE_OF_CACHE;
    const size_t end = begin + PAGE_SIZE_OF_CACHE;
    for (size_t i = 0; i < count; i++) {
        const struct record *record = file->pending[i];
        const size_t last = record->at + record->size;
        if (record->kind == TRACE_WRITE && record->at < end && last > begin) {
            const size_t from = record->at < begin ? begin - record->at : 0;
            const size_t to = last > end ? end - record->at : record->size;
            image_apply(image, record, from, to);
        }
    }
}

static void apply_pages(struct image *image, const struct disk_file *file, struct draw *draw)
{
    size_t end = file->image.size;
    for (size_t i = 0; i < file->pending_count; i++) {
        const size_t last = file->pending[i]->at + file->pending[i]->size;
        end = last > end ? last : end;
    }
    for (size_t page = 0; page * PAGE_SIZE_OF_CACHE < end; page++) {
        apply_page(image, file, page, draw_below(draw, file->pending_count + 1));
    }
}

static void apply_how(struct image *image, const struct disk_file *file, enum how how,
                      struct draw *draw)
{
    const size_t count = file->pending_count;
    const size_t first = draw_below(draw, count);
    for (size_t i = 0; i < count; i++) {
        const struct record *record = file->pending[i];
        const bool whole = how == HOW_ALL ||
                           ((how == HOW_PREFIX || how == HOW_TORN) && i < first) ||
                           (how == HOW_SUBSET && heads(draw));
        if (whole) {
            apply_whole(image, record);
        } else if (how == HOW_SECTORS || (how == HOW_TORN && i == first)) {
            apply_sectors(image, record, draw);
        }
    }
    if (how == HOW_PAGES) {
        apply_pages(image, file, draw);
    }
}

static struct image image_begin(const struct disk_file *file)
{
    struct image image = {0};
    image_resize(&image, file->image.size);
    if (file->image.size > 0) {
        memcpy(image.bytes, file->image.bytes, file->image.size);
    }
    return image;
}

struct content content_applied(const struct disk_file *file)
{
    struct image image = image_begin(file);
    for (size_t i = 0; i < file->pending_count; i++) {
        apply_whole(&image, file->pending[i]);
    }
    return (struct content){.bytes = image.bytes, .size = image.size, .owned = true};
}

static struct content draw_content(const struct disk_file *file, enum how how, struct draw *draw)
{
    if (file->pending_count == 0) {
        return (struct content){
            .bytes = file->image.bytes, .size = file->image.size, .whole = true};
    }
    struct image image = image_begin(file);
    apply_how(&image, file, how, draw);
    if (draw_below(draw, 4) == 0) { /* the size got through, the bytes did not */
        struct content all = content_applied(file);
        if (all.size > image.size) {
            image_resize(&image, all.size);
        }
        free((void *)(uintptr_t)all.bytes);
    }
    return (struct content){.bytes = image.bytes, .size = image.size, .owned = true};
}

/* --- names --------------------------------------------------------------------------------- */

static bool is_frozen(const char *const *frozen, size_t count, const char *name)
{
    for (size_t i = 0; i < count && name != NULL; i++) {
        if (frozen[i] != NULL && strcmp(frozen[i], name) == 0) {
            return true;
        }
    }
    return false;
}

static void put_name(struct disk_names *names, const struct disk_change *change)
{
    size_t kept = 0;
    for (size_t i = 0; i < names->count; i++) {
        const char *name = names->list[i].name;
        const bool gone = (change->name != NULL && strcmp(name, change->name) == 0) ||
                          (change->to != NULL && strcmp(name, change->to) == 0);
        if (!gone) {
            names->list[kept++] = names->list[i];
        }
    }
    names->count = kept;
    if (change->to != NULL) {
        names->list[names->count++] = (struct disk_name){change->to, change->file};
    }
}

/* Changes of one name stay in order; those of different names do not. */
static void draw_names(const struct disk *disk, struct draw *draw, struct disk_names *names)
{
    const size_t room = disk->durable.count + disk->changes_count + 1;
    const char **frozen = calloc(2 * room, sizeof *frozen);
    names->list = calloc(room, sizeof *names->list);
    if (frozen == NULL || names->list == NULL) {
        abort();
    }
    if (disk->durable.count > 0) {
        memcpy(names->list, disk->durable.list, disk->durable.count * sizeof *names->list);
    }
    names->count = disk->durable.count;
    const enum how hows[] = {HOW_NONE, HOW_ALL, HOW_PREFIX, HOW_SUBSET};
    const enum how how = hows[draw_below(draw, 4)];
    const size_t first = draw_below(draw, disk->changes_count + 1);
    size_t frozen_count = 0;
    for (size_t i = 0; i < disk->changes_count; i++) {
        const struct disk_change *change = &disk->changes[i];
        const bool wanted = how == HOW_ALL || (how == HOW_PREFIX && i < first) ||
                            (how == HOW_SUBSET && heads(draw));
        if (wanted && !is_frozen(frozen, frozen_count, change->name) &&
            !is_frozen(frozen, frozen_count, change->to)) {
            put_name(names, change);
        } else {
            frozen[frozen_count++] = change->name;
            frozen[frozen_count++] = change->to;
        }
    }
    free(frozen);
}

void state_draw(const struct disk *disk, struct draw *draw, struct state *state)
{
    *state = (struct state){.contents_count = disk->files_count};
    draw_names(disk, draw, &state->names);
    state->contents = calloc(disk->files_count + 1, sizeof *state->contents);
    if (state->contents == NULL) {
        abort();
    }
    const bool alike = heads(draw);
    enum how how = (enum how)draw_below(draw, HOWS);
    for (size_t i = 0; i < disk->files_count; i++) {
        how = alike ? how : (enum how)draw_below(draw, HOWS);
        state->contents[i] = draw_content(&disk->files[i], how, draw);
    }
}

void state_finish(struct state *state)
{
    for (size_t i = 0; i < state->contents_count; i++) {
        if (state->contents[i].owned) {
            free((void *)(uintptr_t)state->contents[i].bytes);
        }
    }
    free(state->contents);
    free(state->names.list);
}

static uint64_t mix(uint64_t digest, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    for (; size >= 8; size -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        digest = (digest ^ word) * UINT64_C(0x9fb21c651e98df25);
        digest ^= digest >> 29;
    }
    for (; size > 0; size--, at++) {
        digest = (digest ^ *at) * UINT64_C(0x100000001b3);
    }
    return digest;
}

uint64_t state_digest(const struct state *state)
{
    uint64_t sum = 0; /* names have no order */
    for (size_t i = 0; i < state->names.count; i++) {
        const struct disk_name *name = &state->names.list[i];
        uint64_t digest = mix(UINT64_C(0xcbf29ce484222325), name->name, strlen(name->name));
        if (name->file >= 0) {
            const struct content *content = &state->contents[name->file];
            digest = mix(digest ^ content->size, content->bytes, content->size);
        }
        sum += digest;
    }
    return sum;
}

static int find(const struct state *state, const char *name, size_t size)
{
    for (size_t i = 0; i < state->names.count; i++) {
        const char *found = state->names.list[i].name;
        if (strlen(found) == size && memcmp(found, name, size) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool state_reaches(const struct state *state, const char *name)
{
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        if (find(state, name, (size_t)(slash - name)) < 0) {
            return false;
        }
    }
    return true;
}

int state_find(const struct state *state, const char *name)
{
    const int at = find(state, name, strlen(name));
    return at >= 0 && state_reaches(state, name) ? state->names.list[at].file : -1;
}
