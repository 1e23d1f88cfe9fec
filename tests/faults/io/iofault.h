/* SPDX-License-Identifier: MIT */
/* What the injector (iofault.c) and those who use it agree upon.
 *
 * LD_PRELOAD=iofault.so counts the calls of a program that change what lies below a folder, and at
 * the n-th does something else than the program asked for. Its environment:
 *
 *     FOUNDRY_IOFAULT_ROOT   the folder, absolute; without it nothing is counted
 *     FOUNDRY_IOFAULT        MODE:N[:sticky], such as eio:12 or enospc:3:sticky; absent: only count
 *     FOUNDRY_IOFAULT_TRACE  a file of sizeof(struct iofault_trace) zeros, filled in as it goes
 */
#ifndef TEST_IOFAULT_H
#define TEST_IOFAULT_H

#include <stdint.h>

enum { IOFAULT_CALLS_MAX = 4096, IOFAULT_WHAT_SIZE = 160 };

/** What a call does. */
enum iofault_kind {
    IOFAULT_WRITE = 1, /* write, pwrite */
    IOFAULT_SYNC,      /* fsync, fdatasync */
    IOFAULT_TRUNCATE,  /* ftruncate */
    IOFAULT_UNLINK,    /* unlink, unlinkat, rmdir */
    IOFAULT_RENAME,    /* rename, renameat, renameat2, link, linkat */
    IOFAULT_CREATE,    /* open, openat with O_CREAT, mkdir, mkdirat, bind of a socket */
    IOFAULT_KINDS
};

/** What becomes of it. Where a mode means nothing to a kind, the call goes through. */
enum iofault_mode {
    IOFAULT_COUNT,  /* nothing: it is counted */
    IOFAULT_EIO,    /* it fails with EIO; sticky: and so does each call behind it */
    IOFAULT_ENOSPC, /* the same with ENOSPC, except for what gives space back */
    IOFAULT_SHORT,  /* half of the write is done and told; sticky: then the disk is full. As below,
                       not of writes within one sector, which are whole or not at all */
    IOFAULT_KILL,   /* SIGKILL before the call */
    IOFAULT_TORN,   /* half of the write is done, then SIGKILL */
    IOFAULT_KILLPOST, /* SIGKILL behind the call */
    IOFAULT_SKIP,     /* a lie: nothing is done, success is told; no disk that honours fsync does
                         this, it is what shows that those who check would see it */
    IOFAULT_MODES
};

/** Shared memory between the program and its observer: it outlives a SIGKILL. */
struct iofault_trace {
    uint32_t loaded;                   /* processes that the injector was loaded into */
    uint32_t calls;                    /* counted so far */
    uint32_t fired;                    /* times that something else was done */
    uint32_t first;                    /* the number of the first call it was done to */
    char what[IOFAULT_WHAT_SIZE];      /* that call: "write 4096 .foundry/state.db-wal" */
    uint8_t kinds[IOFAULT_CALLS_MAX];  /* call n at n - 1: enum iofault_kind */
    uint8_t spared[IOFAULT_CALLS_MAX]; /* a write within one sector, which is never halved; a file
                                          that is there, which needs no space to be opened */
};

#endif
