/* SPDX-License-Identifier: MIT */
/* What a traced run did to the files of its job directory, in order: records one after another in
 * a file, each a head, a name and bytes. */
#ifndef TEST_POWER_TRACE_H
#define TEST_POWER_TRACE_H

#include <stdint.h>

enum trace_kind {
    TRACE_CREATE = 1,  /* name: a new file; file: its inode */
    TRACE_FOLDER,      /* name: a new folder */
    TRACE_WRITE,       /* bytes at `at` of file */
    TRACE_TRUNCATE,    /* file has `at` bytes now */
    TRACE_SYNC,        /* fsync or fdatasync of file */
    TRACE_SYNC_FOLDER, /* fsync of the folder `name` */
    TRACE_RENAME,      /* name: the old one, NUL, the new one */
    TRACE_UNLINK,      /* name */
    TRACE_SAID,        /* bytes that go to stdout: what they say must hold from here on */
    TRACE_EXIT         /* a process ended; at: its exit code */
};

/* Names are below the job directory; that itself is the empty name. */
struct trace_head {
    uint32_t kind, name_size;
    uint64_t file, at, size; /* size: of the bytes behind the name */
};

#endif
