/* SPDX-License-Identifier: MIT */
/* The injector: see iofault.h. It makes its own system calls, so that it needs nothing of the
 * program's libraries and cannot meet itself. */
#define _GNU_SOURCE      /* O_PATH, renameat2 */
#undef _FILE_OFFSET_BITS /* pwrite and pwrite64 are two names here */
#include "iofault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { PATH_SIZE = 4096, SECTOR_SIZE = 512 };

/* A library between a program and its system has nowhere else to keep what it was told. */
static struct {
    char root[PATH_SIZE];
    size_t root_size;
    enum iofault_mode mode;
    uint32_t at;
    bool sticky;
    struct iofault_trace *trace;
} injector;

static const char *const kind_names[IOFAULT_KINDS] = {"",       "write",  "sync",  "truncate",
                                                      "unlink", "rename", "create"};

/* --- what we were told --------------------------------------------------------------------- */

static bool mode_parse(const char *text)
{
    static const char *const modes[IOFAULT_MODES] = {"count", "eio",  "enospc",   "short",
                                                     "kill",  "torn", "killpost", "skip"};
    const size_t size = strcspn(text, ":");
    for (int mode = 0; mode < IOFAULT_MODES; mode++) {
        if (strlen(modes[mode]) == size && strncmp(modes[mode], text, size) == 0) {
            char *end = NULL;
            injector.mode = (enum iofault_mode)mode;
            injector.at = text[size] == ':' ? (uint32_t)strtoul(text + size + 1, &end, 10) : 0;
            injector.sticky = end != NULL && strcmp(end, ":sticky") == 0;
            return end != NULL && injector.at > 0 && (injector.sticky || *end == '\0');
        }
    }
    return false;
}

static void refuse(const char *why)
{
    (void)!write(STDERR_FILENO, why, strlen(why));
    _exit(125);
}

__attribute__((constructor)) static void begin(void)
{
    const char *root = getenv("FOUNDRY_IOFAULT_ROOT");
    const char *mode = getenv("FOUNDRY_IOFAULT");
    const char *trace = getenv("FOUNDRY_IOFAULT_TRACE");
    if (root == NULL) {
        return;
    }
    if (mode != NULL && !mode_parse(mode)) {
        refuse("iofault: FOUNDRY_IOFAULT is MODE:N[:sticky]\n");
    }
    if (trace != NULL) {
        const int fd = (int)syscall(SYS_openat, AT_FDCWD, trace, O_RDWR | O_CLOEXEC);
        void *page = mmap(NULL, sizeof *injector.trace, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (fd < 0 || page == MAP_FAILED) {
            refuse("iofault: cannot map FOUNDRY_IOFAULT_TRACE\n");
        }
        (void)syscall(SYS_close, fd);
        injector.trace = page;
        __atomic_fetch_add(&injector.trace->loaded, 1, __ATOMIC_SEQ_CST);
    }
    injector.root_size = strlen(root);
    if (injector.root_size < sizeof injector.root) {
        memcpy(injector.root, root, injector.root_size + 1); /* last: from now on we count */
    }
}

/* --- where a call points ------------------------------------------------------------------- */

/** What a descriptor is open on, if it lies below the root: the path behind the root, else NULL. */
static const char *below(int fd, char path[PATH_SIZE])
{
    char name[64];
    if (injector.root[0] == '\0' || fd < 0) {
        return NULL;
    }
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    const long size = syscall(SYS_readlinkat, AT_FDCWD, name, path, PATH_SIZE - 1);
    if (size < (long)injector.root_size) {
        return NULL;
    }
    path[size] = '\0';
    const char *rest = path + injector.root_size;
    return strncmp(path, injector.root, injector.root_size) == 0 && (*rest == '\0' || *rest == '/')
               ? rest + (*rest == '/')
               : NULL;
}

/** The same for a name at a folder, which need not be there yet. */
static const char *below_at(int folder, const char *name, char path[PATH_SIZE])
{
    const int kept = errno;
    const char *slash = strrchr(name, '/');
    char parent[PATH_SIZE] = ".";
    if (injector.root[0] == '\0' || strlen(name) >= sizeof parent) {
        return NULL;
    }
    if (slash != NULL) {
        memcpy(parent, name, (size_t)(slash - name) + 1);
        parent[slash - name + 1] = '\0';
    }
    const int fd = (int)syscall(SYS_openat, folder, parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    const char *found = below(fd, path);
    if (fd >= 0) {
        (void)syscall(SYS_close, fd);
    }
    errno = kept;
    if (found == NULL) {
        return NULL;
    }
    const size_t used = strlen(path);
    (void)snprintf(path + used, PATH_SIZE - used, "/%s", slash != NULL ? slash + 1 : name);
    return path + injector.root_size + 1;
}

/* --- what becomes of it -------------------------------------------------------------------- */

static void die(void)
{
    (void)syscall(SYS_kill, (pid_t)syscall(SYS_getpid), SIGKILL);
    for (;;) {
        (void)pause();
    }
}

static bool mode_means(enum iofault_mode mode, enum iofault_kind kind, bool spared)
{
    switch (mode) {
    case IOFAULT_ENOSPC:
        return kind != IOFAULT_UNLINK && kind != IOFAULT_TRUNCATE &&
               !(kind == IOFAULT_CREATE && spared);
    case IOFAULT_SHORT:
    case IOFAULT_TORN:
        return kind == IOFAULT_WRITE && !spared;
    default:
        return mode != IOFAULT_COUNT;
    }
}

/** Count a call.  Returns what is to become of it. `size`: of a write. `spared`: see the trace. */
static enum iofault_mode meet_spared(enum iofault_kind kind, const char *what, size_t size,
                                     bool spared)
{
    struct iofault_trace *trace = injector.trace;
    static uint32_t uncounted; /* without a trace */
    const uint32_t number =
        __atomic_add_fetch(trace != NULL ? &trace->calls : &uncounted, 1, __ATOMIC_SEQ_CST);
    if (trace != NULL && number <= IOFAULT_CALLS_MAX) {
        trace->kinds[number - 1] = (uint8_t)kind;
        trace->spared[number - 1] = spared;
    }
    enum iofault_mode mode = injector.mode;
    if (mode == IOFAULT_COUNT || number < injector.at ||
        (number > injector.at && !injector.sticky)) {
        return IOFAULT_COUNT;
    }
    if (mode == IOFAULT_SHORT && number > injector.at) {
        mode = IOFAULT_ENOSPC; /* what comes behind a write that found too little room */
    }
    if (!mode_means(mode, kind, spared)) {
        return IOFAULT_COUNT;
    }
    if (trace != NULL && __atomic_fetch_add(&trace->fired, 1, __ATOMIC_SEQ_CST) == 0) {
        trace->first = number;
        if (kind == IOFAULT_WRITE) {
            (void)snprintf(trace->what, sizeof trace->what, "write %zu %s", size, what);
        } else {
            (void)snprintf(trace->what, sizeof trace->what, "%s %s", kind_names[kind], what);
        }
    }
    if (mode == IOFAULT_KILL) {
        die();
    }
    return mode;
}

static enum iofault_mode meet(enum iofault_kind kind, const char *what)
{
    return meet_spared(kind, what, 0, false);
}

/** Whether a write lies within one sector, which is written whole or not at all: that is what the
 *  record's witness is built on. */
static bool within_sector(int fd, size_t size, off_t offset, bool at_offset)
{
    const off_t from = at_offset ? offset : (off_t)syscall(SYS_lseek, fd, (off_t)0, SEEK_CUR);
    return size < 2 || from / SECTOR_SIZE == (from + (off_t)size - 1) / SECTOR_SIZE;
}

/** Whether a call is not done at all; then `told` is what its caller gets. */
static bool turned_away(enum iofault_mode mode, int *told)
{
    if (mode == IOFAULT_EIO || mode == IOFAULT_ENOSPC) {
        errno = mode == IOFAULT_EIO ? EIO : ENOSPC;
        *told = -1;
        return true;
    }
    *told = 0;
    return mode == IOFAULT_SKIP;
}

static int behind(enum iofault_mode mode, long told)
{
    if (mode == IOFAULT_KILLPOST) {
        die();
    }
    return (int)told;
}

static ssize_t write_met(int fd, const void *bytes, size_t size, off_t offset, bool at_offset)
{
    char path[PATH_SIZE];
    const char *what = below(fd, path);
    const enum iofault_mode mode =
        what != NULL
            ? meet_spared(IOFAULT_WRITE, what, size, within_sector(fd, size, offset, at_offset))
            : IOFAULT_COUNT;
    int told;
    if (turned_away(mode, &told)) {
        return told < 0 ? told : (ssize_t)size;
    }
    if (mode == IOFAULT_SHORT || mode == IOFAULT_TORN) {
        size /= 2;
    }
    const long done = at_offset ? syscall(SYS_pwrite64, fd, bytes, size, offset)
                                : syscall(SYS_write, fd, bytes, size);
    if (mode == IOFAULT_TORN || mode == IOFAULT_KILLPOST) {
        die();
    }
    return (ssize_t)done;
}

static int sync_met(int fd, long call)
{
    char path[PATH_SIZE];
    const char *what = below(fd, path);
    const enum iofault_mode mode = what != NULL ? meet(IOFAULT_SYNC, what) : IOFAULT_COUNT;
    int told;
    return turned_away(mode, &told) ? told : behind(mode, syscall(call, fd));
}

static int truncate_met(int fd, off_t size)
{
    char path[PATH_SIZE];
    const char *what = below(fd, path);
    const enum iofault_mode mode = what != NULL ? meet(IOFAULT_TRUNCATE, what) : IOFAULT_COUNT;
    int told;
    return turned_away(mode, &told) ? told : behind(mode, syscall(SYS_ftruncate, fd, size));
}

static int unlink_met(int folder, const char *name, int flags)
{
    char path[PATH_SIZE];
    const char *what = below_at(folder, name, path);
    const enum iofault_mode mode = what != NULL ? meet(IOFAULT_UNLINK, what) : IOFAULT_COUNT;
    int told;
    return turned_away(mode, &told) ? told
                                    : behind(mode, syscall(SYS_unlinkat, folder, name, flags));
}

static int rename_met(int from, const char *old, int to, const char *name, unsigned flags)
{
    char path[PATH_SIZE];
    const char *what = below_at(to, name, path);
    const enum iofault_mode mode = what != NULL ? meet(IOFAULT_RENAME, what) : IOFAULT_COUNT;
    int told;
    return turned_away(mode, &told)
               ? told
               : behind(mode, syscall(SYS_renameat2, from, old, to, name, flags));
}

static int link_met(int from, const char *old, int to, const char *name, int flags)
{
    char path[PATH_SIZE];
    const char *what = below_at(to, name, path);
    const enum iofault_mode mode = what != NULL ? meet(IOFAULT_RENAME, what) : IOFAULT_COUNT;
    int told;
    return turned_away(mode, &told) ? told
                                    : behind(mode, syscall(SYS_linkat, from, old, to, name, flags));
}

static bool is_there(int folder, const char *name)
{
    const int kept = errno;
    const bool there = syscall(SYS_faccessat, folder, name, F_OK) == 0;
    errno = kept;
    return there;
}

static int open_met(int folder, const char *name, int flags, unsigned mode_bits)
{
    char path[PATH_SIZE];
    const char *what = (flags & O_CREAT) != 0 ? below_at(folder, name, path) : NULL;
    enum iofault_mode mode =
        what != NULL ? meet_spared(IOFAULT_CREATE, what, 0, is_there(folder, name)) : IOFAULT_COUNT;
    int told;
    mode = mode == IOFAULT_SKIP ? IOFAULT_COUNT : mode; /* there is no descriptor to tell */
    return turned_away(mode, &told)
               ? told
               : behind(mode, syscall(SYS_openat, folder, name, flags, mode_bits));
}

static int mkdir_met(int folder, const char *name, unsigned mode_bits)
{
    char path[PATH_SIZE];
    const char *what = below_at(folder, name, path);
    const enum iofault_mode mode = what != NULL ? meet(IOFAULT_CREATE, what) : IOFAULT_COUNT;
    int told;
    return turned_away(mode, &told) ? told
                                    : behind(mode, syscall(SYS_mkdirat, folder, name, mode_bits));
}

/* --- the names that programs call ---------------------------------------------------------- */

EXPORT ssize_t write(int fd, const void *bytes, size_t size)
{
    return write_met(fd, bytes, size, 0, false);
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return write_met(fd, bytes, size, offset, true);
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
{
    return write_met(fd, bytes, size, offset, true);
}

EXPORT int fsync(int fd)
{
    return sync_met(fd, SYS_fsync);
}

EXPORT int fdatasync(int fd)
{
    return sync_met(fd, SYS_fdatasync);
}

EXPORT int ftruncate(int fd, off_t size)
{
    return truncate_met(fd, size);
}

EXPORT int ftruncate64(int fd, off64_t size)
{
    return truncate_met(fd, size);
}

EXPORT int unlink(const char *name)
{
    return unlink_met(AT_FDCWD, name, 0);
}

EXPORT int unlinkat(int folder, const char *name, int flags)
{
    return unlink_met(folder, name, flags);
}

EXPORT int rmdir(const char *name)
{
    return unlink_met(AT_FDCWD, name, AT_REMOVEDIR);
}

EXPORT int rename(const char *old, const char *name)
{
    return rename_met(AT_FDCWD, old, AT_FDCWD, name, 0);
}

EXPORT int renameat(int from, const char *old, int to, const char *name)
{
    return rename_met(from, old, to, name, 0);
}

EXPORT int renameat2(int from, const char *old, int to, const char *name, unsigned flags)
{
    return rename_met(from, old, to, name, flags);
}

EXPORT int link(const char *old, const char *name)
{
    return link_met(AT_FDCWD, old, AT_FDCWD, name, 0);
}

EXPORT int linkat(int from, const char *old, int to, const char *name, int flags)
{
    return link_met(from, old, to, name, flags);
}

/* The fourth argument is there when the flags say so. */
#define OPEN_BITS(bits, flags)                                                                     \
    unsigned bits = 0;                                                                             \
    if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {                                                  \
        va_list arguments;                                                                         \
        va_start(arguments, flags);                                                                \
        bits = va_arg(arguments, unsigned);                                                        \
        va_end(arguments);                                                                         \
    }

EXPORT int open(const char *name, int flags, ...)
{
    OPEN_BITS(bits, flags)
    return open_met(AT_FDCWD, name, flags, bits);
}

EXPORT int open64(const char *name, int flags, ...)
{
    OPEN_BITS(bits, flags)
    return open_met(AT_FDCWD, name, flags, bits);
}

EXPORT int openat(int folder, const char *name, int flags, ...)
{
    OPEN_BITS(bits, flags)
    return open_met(folder, name, flags, bits);
}

EXPORT int openat64(int folder, const char *name, int flags, ...)
{
    OPEN_BITS(bits, flags)
    return open_met(folder, name, flags, bits);
}

EXPORT int mkdir(const char *name, mode_t bits)
{
    return mkdir_met(AT_FDCWD, name, bits);
}

EXPORT int mkdirat(int folder, const char *name, mode_t bits)
{
    return mkdir_met(folder, name, bits);
}

/* The C library declares it with a union of all addresses. */
EXPORT int bind_named(int fd, const struct sockaddr *address, socklen_t size) __asm__("bind");

int bind_named(int fd, const struct sockaddr *address, socklen_t size)
{
    char path[PATH_SIZE];
    const struct sockaddr_un *name = (const void *)address;
    const char *what = size > sizeof address->sa_family && address->sa_family == AF_UNIX &&
                               name->sun_path[0] != '\0'
                           ? below_at(AT_FDCWD, name->sun_path, path)
                           : NULL;
    const enum iofault_mode mode = what != NULL ? meet(IOFAULT_CREATE, what) : IOFAULT_COUNT;
    int told;
    return turned_away(mode, &told) ? told : behind(mode, syscall(SYS_bind, fd, address, size));
}
