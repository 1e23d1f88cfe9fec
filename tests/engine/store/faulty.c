/* SPDX-License-Identifier: MIT */
#include "faulty.h"

#include <errno.h>
#include <sqlite3.h>
#include <stddef.h>

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
};

static struct {
    sqlite3_vfs vfs, *real;
    bool armed, met, after;
    enum fault_call call;
    int before, times, result, error_number;
} faulty;

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct file *)file)->real;
}

/* Whether this call fails. */
static bool meets(enum fault_call call)
{
    if (!faulty.armed || faulty.call != call || faulty.times == 0) {
        return false;
    }
    if (faulty.before > 0) {
        faulty.before--;
        return false;
    }
    faulty.times--;
    faulty.met = true;
    return true;
}

static int file_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 offset)
{
    return meets(FAULT_READ) ? faulty.result
                             : real_of(file)->pMethods->xRead(real_of(file), bytes, size, offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    bool fails = meets(FAULT_WRITE);
    int rc = fails && !faulty.after
                 ? SQLITE_OK
                 : real_of(file)->pMethods->xWrite(real_of(file), bytes, size, offset);
    return fails ? faulty.result : rc;
}

static int file_sync(sqlite3_file *file, int flags)
{
    bool fails = meets(FAULT_SYNC);
    int rc =
        fails && !faulty.after ? SQLITE_OK : real_of(file)->pMethods->xSync(real_of(file), flags);
    if (fails && faulty.error_number != 0) {
        errno = faulty.error_number;
    }
    return fails ? faulty.result : rc;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
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

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                     int *out_flags)
{
    (void)vfs;
    struct file *file = (struct file *)base;
    file->real = (sqlite3_file *)(file + 1);
    int rc = faulty.real->xOpen(faulty.real, name, file->real, flags, out_flags);
    file->base.pMethods = file->real->pMethods != NULL ? &methods : NULL;
    return rc;
}

void faulty_install(void)
{
    faulty.real = sqlite3_vfs_find(NULL);
    faulty.vfs = *faulty.real;
    faulty.vfs.zName = "faulty";
    faulty.vfs.szOsFile = (int)sizeof(struct file) + faulty.real->szOsFile;
    faulty.vfs.xOpen = open_file;
    sqlite3_vfs_register(&faulty.vfs, 1);
}

void faulty_plan(enum fault_call call, int at, int times, int result, bool after)
{
    faulty.call = call;
    faulty.before = at - 1;
    faulty.times = times;
    faulty.result = result;
    faulty.error_number = 0;
    faulty.after = after;
    faulty.met = false;
    faulty.armed = true;
}

void faulty_errno(int error_number)
{
    faulty.error_number = error_number;
}

bool faulty_clear(void)
{
    faulty.armed = false;
    return faulty.met;
}
