/* SPDX-License-Identifier: MIT */
/* The disk below SQLite: a VFS that fails, dies or loses what was not synced at a drawn call. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>
#include <sqlite3.h>

#include "sim.h"

enum { SECTOR_SIZE = 512, FULL_CALLS = 6 };

struct file {
    sqlite3_file base;
    bool temporary;
    sqlite3_file *real; /* behind this struct */
};

/** A write since the last sync of its file: what it wrote, what was there. */
struct unsynced {
    char path[SIM_PATH];
    sqlite3_int64 offset, size_before;
    size_t size, had;
    char *bytes, *before;
};

static struct {
    sqlite3_vfs vfs, *real;
    struct sim_world *world;
    struct sim_disk_plan plan;
    size_t calls;
    bool rest, met;
    struct unsynced *writes;
    size_t writes_count, writes_capacity;
    uint64_t randoms;
} disk;

void __gcov_dump(void) __attribute__((weak));

void sim_kill(struct sim_world *world)
{
    world->counts.kills++;
    if (__gcov_dump != NULL) {
        __gcov_dump();
    }
    _exit(SIM_EXIT_KILLED);
}

void sim_disk_rest(bool rest)
{
    disk.rest = rest;
}

bool sim_disk_met(void)
{
    return disk.met;
}

/* --- power cuts ------------------------------------------------------------------------------ */

static bool tracks(void)
{
    return disk.world != NULL && disk.plan.disaster == SIM_POWER_CUT;
}

static void write_note(const char *path, sqlite3_file *real, const void *bytes, int size,
                       sqlite3_int64 offset)
{
    if (disk.writes_count == disk.writes_capacity) {
        disk.writes_capacity = disk.writes_capacity == 0 ? 64 : disk.writes_capacity * 2;
        disk.writes = fnd_realloc(disk.writes, disk.writes_capacity, sizeof *disk.writes);
    }
    struct unsynced *note = &disk.writes[disk.writes_count++];
    *note = (struct unsynced){.offset = offset, .size = (size_t)size};
    snprintf(note->path, sizeof note->path, "%s", path);
    real->pMethods->xFileSize(real, &note->size_before);
    note->bytes = fnd_alloc(note->size);
    note->before = fnd_alloc(note->size);
    memcpy(note->bytes, bytes, note->size);
    if (offset < note->size_before) {
        const sqlite3_int64 left = note->size_before - offset;
        note->had = left < size ? (size_t)left : note->size;
        real->pMethods->xRead(real, note->before, (int)note->had, offset);
    }
}

static void notes_forget(const char *path)
{
    size_t kept = 0;
    for (size_t i = 0; i < disk.writes_count; i++) {
        struct unsynced *note = &disk.writes[i];
        if (strcmp(note->path, path) == 0) {
            free(note->bytes);
            free(note->before);
        } else {
            disk.writes[kept++] = *note;
        }
    }
    disk.writes_count = kept;
}

static void bytes_put(const char *path, const char *bytes, size_t size, sqlite3_int64 offset)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t put = pwrite(fd, bytes, size, offset);
        (void)put; /* a file in memory takes it */
        close(fd);
    }
}

/** All that was not synced goes, then some of it comes back: whole writes, or single sectors. */
static void power_cut(void)
{
    struct sim_chance chance = {disk.plan.seed};
    for (size_t i = disk.writes_count; i-- > 0;) {
        const struct unsynced *note = &disk.writes[i];
        bytes_put(note->path, note->before, note->had, note->offset);
        if (truncate(note->path, note->size_before) != 0) {
            continue; /* it was deleted meanwhile */
        }
    }
    const size_t mood = sim_below(&chance, 3); /* nothing, anything, or up to a point */
    const size_t end = sim_below(&chance, disk.writes_count + 1);
    for (size_t i = 0; i < disk.writes_count && mood > 0; i++) {
        const struct unsynced *note = &disk.writes[i];
        const bool torn = sim_once_in(&chance, 3);
        const bool kept = mood == 2 ? i < end : sim_once_in(&chance, 2);
        for (size_t at = 0; kept && at < note->size; at += SECTOR_SIZE) {
            const size_t left = note->size - at;
            if (!torn || sim_once_in(&chance, 2)) {
                bytes_put(note->path, note->bytes + at, left < SECTOR_SIZE ? left : SECTOR_SIZE,
                          note->offset + (sqlite3_int64)at);
            }
        }
    }
    disk.world->counts.powercuts++;
    sim_kill(disk.world);
}

/* --- disasters ------------------------------------------------------------------------------- */

/** Counts a call.  Returns whether the disaster is here. */
static bool meets(const struct file *file)
{
    if (disk.world == NULL || disk.rest || file == NULL || file->temporary) {
        return false;
    }
    disk.calls++;
    const enum sim_disaster disaster = disk.plan.disaster;
    const bool on = disaster == SIM_IO_ERRORS || disaster == SIM_FULL_ON ||
                    (disaster == SIM_FULL && disk.calls < disk.plan.at + FULL_CALLS);
    const bool here = disaster != SIM_NOTHING &&
                      (disk.calls == disk.plan.at || (on && disk.calls > disk.plan.at));
    if (here && !disk.met) {
        disk.met = true;
        disk.world->counts.faults++;
    }
    if (here && disaster == SIM_KILL_BEFORE) {
        sim_kill(disk.world);
    }
    return here;
}

/** The answer of a call that meets the disaster; `rc` is what came of doing it. */
static int answer(int rc, int failure)
{
    switch (disk.plan.disaster) {
    case SIM_KILL_TORN:
    case SIM_KILL_AFTER:
        sim_kill(disk.world);
    case SIM_POWER_CUT:
        power_cut();
        return rc;
    case SIM_FULL:
    case SIM_FULL_ON:
        return failure == SQLITE_IOERR_WRITE ? SQLITE_FULL : rc;
    case SIM_IO_ERROR:
    case SIM_IO_ERRORS:
    case SIM_IO_DONE:
        return failure;
    default:
        return rc;
    }
}

/** Whether the call is done all the same. */
static bool done_anyway(void)
{
    return disk.plan.disaster == SIM_KILL_AFTER || disk.plan.disaster == SIM_IO_DONE ||
           disk.plan.disaster == SIM_POWER_CUT;
}

/* --- the VFS --------------------------------------------------------------------------------- */

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct file *)file)->real;
}

static const char *path_of(sqlite3_file *file)
{
    return (const char *)file + sizeof(struct file) + (size_t)disk.real->szOsFile;
}

static int file_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 offset)
{
    return real_of(file)->pMethods->xRead(real_of(file), bytes, size, offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    sqlite3_file *real = real_of(file);
    const bool here = meets((struct file *)file);
    int rc = SQLITE_OK;
    if (tracks() && !((struct file *)file)->temporary) {
        write_note(path_of(file), real, bytes, size, offset);
    }
    if (here && disk.plan.disaster == SIM_KILL_TORN && size > 1) {
        rc = real->pMethods->xWrite(real, bytes, size / 2, offset);
    } else if (!here || done_anyway()) {
        rc = real->pMethods->xWrite(real, bytes, size, offset);
    }
    return here ? answer(rc, SQLITE_IOERR_WRITE) : rc;
}

static int file_sync(sqlite3_file *file, int flags)
{
    const bool here = meets((struct file *)file);
    int rc = SQLITE_OK;
    if (here && disk.plan.disaster == SIM_POWER_CUT) {
        return answer(rc, SQLITE_IOERR_FSYNC); /* in the middle of it: all may be gone yet */
    }
    if (!here || done_anyway()) {
        rc = real_of(file)->pMethods->xSync(real_of(file), flags);
        if (tracks()) {
            notes_forget(path_of(file));
        }
    }
    return here ? answer(rc, SQLITE_IOERR_FSYNC) : rc;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    const bool here = meets((struct file *)file);
    int rc = SQLITE_OK;
    if (!here || done_anyway()) {
        rc = real_of(file)->pMethods->xTruncate(real_of(file), size);
    }
    return here ? answer(rc, SQLITE_IOERR_TRUNCATE) : rc;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_reserved(sqlite3_file *file, int *held)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), held);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int file_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_device(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **memory)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, memory);
}

static int shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int shm_unmap(sqlite3_file *file, int delete)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), delete);
}

static const sqlite3_io_methods methods = {.iVersion = 2,
                                           .xClose = file_close,
                                           .xRead = file_read,
                                           .xWrite = file_write,
                                           .xTruncate = file_truncate,
                                           .xSync = file_sync,
                                           .xFileSize = file_size,
                                           .xLock = file_lock,
                                           .xUnlock = file_unlock,
                                           .xCheckReservedLock = file_reserved,
                                           .xFileControl = file_control,
                                           .xSectorSize = file_sector,
                                           .xDeviceCharacteristics = file_device,
                                           .xShmMap = shm_map,
                                           .xShmLock = shm_lock,
                                           .xShmBarrier = shm_barrier,
                                           .xShmUnmap = shm_unmap};

static int file_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                     int *out_flags)
{
    (void)vfs;
    struct file *file = (struct file *)base;
    file->real = (sqlite3_file *)(file + 1);
    file->temporary = name == NULL;
    char *path = (char *)(file + 1) + disk.real->szOsFile;
    snprintf(path, SIM_PATH, "%s", name != NULL ? name : "");
    int rc = disk.real->xOpen(disk.real, name, file->real, flags, out_flags);
    file->base.pMethods = file->real->pMethods != NULL ? &methods : NULL;
    return rc;
}

/** SQLite draws its log's salts here: of the seed, so that a run can be repeated to the byte. */
static int random_fill(sqlite3_vfs *vfs, int size, char *bytes)
{
    (void)vfs;
    for (int i = 0; i < size; i++) {
        bytes[i] = (char)sim_mix(disk.plan.seed, disk.randoms++);
    }
    return size;
}

void sim_disk_install(void)
{
    disk.real = sqlite3_vfs_find(NULL);
    disk.vfs = *disk.real;
    disk.vfs.zName = "simulated";
    disk.vfs.szOsFile = (int)sizeof(struct file) + disk.real->szOsFile + SIM_PATH;
    disk.vfs.xOpen = file_open;
    disk.vfs.xRandomness = random_fill;
    sqlite3_vfs_register(&disk.vfs, 1);
}

void sim_disk_arm(struct sim_world *world, const struct sim_disk_plan *plan)
{
    disk.world = world;
    disk.plan = *plan;
    disk.calls = 0;
    disk.met = false;
}
