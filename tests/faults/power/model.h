/* SPDX-License-Identifier: MIT */
/* What a disk may hold when the power goes: what was synced is there; of what was not, any part. */
#ifndef TEST_POWER_MODEL_H
#define TEST_POWER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace.h"

enum { SECTOR_SIZE = 512, PAGE_SIZE_OF_CACHE = 4096 };

/** One record of a trace; borrows from it. */
struct record {
    enum trace_kind kind;
    uint64_t file, at;
    const char *name, *to; /* to: of a rename, behind the NUL */
    const uint8_t *bytes;
    size_t size;
};

struct trace {
    char *bytes, *names;
    struct record *list;
    size_t count;
};
/** Read a trace file; ends the process when it cannot be read. */
void trace_read(struct trace *trace, const char *path);
void trace_finish(struct trace *trace);

/* --- the disk ------------------------------------------------------------------------------ */

/** Bytes of a file. */
struct image {
    uint8_t *bytes;
    size_t size, capacity;
};
/** Let bytes `from` to `to` of a record's own be written, or its truncate happen. */
void image_apply(struct image *image, const struct record *record, size_t from, size_t to);
void image_resize(struct image *image, size_t size);

/** A file: what is on the disk, and the writes and truncates since its last sync. */
struct disk_file {
    struct image image;
    const struct record **pending;
    size_t pending_count, pending_capacity;
};

/** A name; file -1: a folder. */
struct disk_name {
    const char *name;
    int file;
};
struct disk_names {
    struct disk_name *list;
    size_t count, capacity;
};

/** A change of names that no fsync of its folder has made durable. */
struct disk_change {
    const char *name; /* removed; of an addition NULL */
    const char *to;   /* added; of a removal NULL */
    int file;
};

struct disk {
    struct disk_file *files;
    size_t files_count, files_capacity;
    struct {
        uint64_t inode;
        int file;
    } * inodes;
    size_t inodes_count, inodes_capacity;
    struct disk_names durable, now; /* now: as the running system sees them */
    struct disk_change *changes;
    size_t changes_count, changes_capacity;
};

/** Let the next record of the trace happen; the trace outlives the disk. */
void disk_step(struct disk *disk, const struct record *record);
void disk_finish(struct disk *disk);
/** Whether anything is not synced: else there is only one state. */
bool disk_is_dirty(const struct disk *disk);
/** The file of a name as the running system sees it, -1: none. */
int disk_find(const struct disk *disk, const char *name);

/* --- states -------------------------------------------------------------------------------- */

/** Numbers drawn from a seed: the same seed, the same numbers (splitmix64). */
struct draw {
    uint64_t state;
};
uint64_t draw_number(struct draw *draw);
/** From 0 to bound - 1. */
size_t draw_below(struct draw *draw, size_t bound);

/** One possible state. Contents without pending writes are borrowed from the disk. */
struct state {
    struct disk_names names;
    struct content {
        const uint8_t *bytes;
        size_t size;
        bool owned, whole; /* whole: nothing of it was pending */
    } * contents;          /* by file */
    size_t contents_count;
};
/** Draw one. Free with state_finish(). */
void state_draw(const struct disk *disk, struct draw *draw, struct state *state);
/** The content of a file when everything pending is applied. */
struct content content_applied(const struct disk_file *file);
void state_finish(struct state *state);
/** A number that tells states apart. */
uint64_t state_digest(const struct state *state);
/** The file of a reachable name in the state, -1: none. */
int state_find(const struct state *state, const char *name);
/** Whether every folder above a name is in the state. */
bool state_reaches(const struct state *state, const char *name);

#endif
