/* SPDX-License-Identifier: MIT */
/* The filter is put together here, from one table, in a few microseconds: no generator at build
 * time, no library in the worker, and the same table tells people what is allowed. */
#define _GNU_SOURCE
#include "worker/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

enum { PROGRAM_MAX = 512, X32_BIT = 0x40000000, ARGUMENT_SIZE = 8 };

enum rule {
    RULE_ALLOW,
    RULE_ABSENT, /* ENOSYS: its flags cannot be seen, and callers fall back to another call */
    RULE_THREAD, /* only what makes a thread of this process */
    RULE_SELF,   /* first argument: this process */
    RULE_FCNTL,
    RULE_OPEN,  /* flags are the second argument */
    RULE_OPENAT /* flags are the third */
};

struct entry {
    const char *name;
    int32_t number;
    enum rule rule;
    bool write; /* only with a folder that was granted */
};

#define ALLOW(call)                                                                                \
    {                                                                                              \
#call, SYS_##call, RULE_ALLOW, false                                                       \
    }
#define WITH(call, rule)                                                                           \
    {                                                                                              \
#call, SYS_##call, rule, false                                                             \
    }
#define WRITE(call)                                                                                \
    {                                                                                              \
#call, SYS_##call, RULE_ALLOW, true                                                        \
    }

/* The often used ones first. Not in it, on purpose: whatever makes or reaches other processes,
 * sockets, namespaces, mounts, keys, io_uring, bpf; what changes limits, the filter, or files by
 * name beyond Landlock's sight (truncate, chmod, chown, times, attributes, links). */
static const struct entry entries[] = {
    ALLOW(futex),
    ALLOW(recvmsg),
    ALLOW(sendmsg),
    ALLOW(read),
    ALLOW(write),
    ALLOW(mmap),
    ALLOW(munmap),
    ALLOW(brk),
    ALLOW(madvise),
    ALLOW(mprotect),
    ALLOW(mremap),
    ALLOW(close),
    ALLOW(lseek),
    ALLOW(pread64),
    ALLOW(readv),
    ALLOW(writev),
    ALLOW(fstat),
    ALLOW(newfstatat),
    ALLOW(statx),
    WITH(openat, RULE_OPENAT),
    ALLOW(getdents64),
    ALLOW(getcwd),
    ALLOW(faccessat),
    ALLOW(faccessat2),
    ALLOW(readlinkat),
    WITH(fcntl, RULE_FCNTL),
    ALLOW(dup),
    ALLOW(dup3),
    ALLOW(memfd_create), /* results too big for a frame */
    ALLOW(ftruncate),
    ALLOW(pwrite64),
    ALLOW(clock_gettime),
    ALLOW(clock_getres),
    ALLOW(clock_nanosleep),
    ALLOW(nanosleep),
    ALLOW(gettimeofday),
    ALLOW(restart_syscall),
    ALLOW(getrandom),
    ALLOW(sysinfo),
    ALLOW(uname),
    ALLOW(getrusage),
    ALLOW(sched_getaffinity),
    ALLOW(sched_yield),
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(getuid),
    ALLOW(geteuid),
    ALLOW(getgid),
    ALLOW(getegid),
    ALLOW(getppid),
    ALLOW(umask),
    ALLOW(ppoll),
    ALLOW(rt_sigaction),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigreturn),
    ALLOW(rt_sigsuspend),
    ALLOW(sigaltstack),
    WITH(tgkill, RULE_SELF), /* abort() and raise() */
    ALLOW(set_robust_list),
    ALLOW(rseq),
    WITH(clone, RULE_THREAD),
    WITH(clone3, RULE_ABSENT),
    ALLOW(exit),
    ALLOW(exit_group),
#ifdef SYS_poll
    ALLOW(poll),
#endif
#ifdef SYS_pause
    ALLOW(pause),
#endif
#ifdef SYS_getpgrp
    ALLOW(getpgrp),
#endif
#ifdef SYS_open
    WITH(open, RULE_OPEN),
    ALLOW(stat),
    ALLOW(lstat),
    ALLOW(access),
    ALLOW(readlink),
    ALLOW(dup2),
#endif
    WRITE(fsync),
    WRITE(fdatasync),
    WRITE(fallocate),
    WRITE(mkdirat),
    WRITE(unlinkat),
    WRITE(renameat2),
#ifdef SYS_renameat
    WRITE(renameat),
#endif
#ifdef SYS_rename
    WRITE(rename),
    WRITE(mkdir),
    WRITE(rmdir),
    WRITE(unlink),
#endif
};
enum { ENTRIES = sizeof entries / sizeof entries[0] };

/* Commands of fcntl that do nothing beyond descriptors of this process: F_SETOWN would let it send
 * a signal of its choice to any process of its user. */
static const uint32_t commands[] = {
    F_DUPFD,  F_GETFD,     F_SETFD,     F_GETFL,      F_SETFL,         F_GETLK,     F_SETLK,
    F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_DUPFD_CLOEXEC, F_ADD_SEALS, F_GET_SEALS};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

struct program {
    struct sock_filter list[PROGRAM_MAX];
    unsigned short count;
};

static void emit(struct program *program, uint32_t code, uint32_t value, uint32_t yes, uint32_t no)
{
    if (program->count < PROGRAM_MAX) {
        program->list[program->count] = (struct sock_filter){
            .code = (uint16_t)code, .k = value, .jt = (uint8_t)yes, .jf = (uint8_t)no};
    }
    program->count++;
}

static void load(struct program *program, size_t offset)
{
    emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/** The low half of an argument; the machines we know are little-endian. */
static void load_argument(struct program *program, size_t index)
{
    load(program, offsetof(struct seccomp_data, args) + index * ARGUMENT_SIZE);
}

static void end(struct program *program, uint32_t action)
{
    emit(program, BPF_RET | BPF_K, action, 0, 0);
}

static void refuse(struct program *program)
{
    end(program, SECCOMP_RET_ERRNO | EPERM);
}

/** Which commands; anything else is refused. */
static void rule_fcntl(struct program *program)
{
    load_argument(program, 1);
    for (size_t i = 0; i < COMMANDS; i++) {
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, commands[i], 0, 1);
        end(program, SECCOMP_RET_ALLOW);
    }
    refuse(program);
}

/** Up to Landlock ABI 2 opening with O_TRUNC and no write access needed no right, and the access
 *  mode 3, of which Landlock sees neither reading nor writing, needs none in any. */
static void rule_open(struct program *program, size_t index)
{
    load_argument(program, index);
    emit(program, BPF_ALU | BPF_AND | BPF_K, O_ACCMODE, 0, 0);
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, O_ACCMODE, 4, 0);
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, O_RDONLY, 0, 2);
    load_argument(program, index);
    emit(program, BPF_JMP | BPF_JSET | BPF_K, O_TRUNC, 1, 0);
    end(program, SECCOMP_RET_ALLOW);
    refuse(program);
}

static void rule_thread(struct program *program)
{
    const uint32_t never = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                           CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE |
                           CLONE_VFORK | CLONE_PARENT;
    load_argument(program, 0);
    emit(program, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 2);
    emit(program, BPF_JMP | BPF_JSET | BPF_K, never, 1, 0);
    end(program, SECCOMP_RET_ALLOW);
    refuse(program);
}

static void rule_self(struct program *program)
{
    load_argument(program, 0);
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)getpid(), 0, 1);
    end(program, SECCOMP_RET_ALLOW);
    refuse(program);
}

/** What follows when the call is this one; it always ends. */
static void rule_add(struct program *program, enum rule rule)
{
    switch (rule) {
    case RULE_ALLOW:
        end(program, SECCOMP_RET_ALLOW);
        break;
    case RULE_ABSENT:
        end(program, SECCOMP_RET_ERRNO | ENOSYS);
        break;
    case RULE_THREAD:
        rule_thread(program);
        break;
    case RULE_SELF:
        rule_self(program);
        break;
    case RULE_FCNTL:
        rule_fcntl(program);
        break;
    case RULE_OPEN:
        rule_open(program, 1);
        break;
    case RULE_OPENAT:
        rule_open(program, 2);
        break;
    }
}

static void program_make(struct program *program, bool write)
{
    load(program, offsetof(struct seccomp_data, arch));
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
    refuse(program); /* numbers mean other calls there */
    load(program, offsetof(struct seccomp_data, nr));
    emit(program, BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1);
    refuse(program);
    for (size_t i = 0; i < ENTRIES; i++) {
        if (entries[i].write && !write) {
            continue;
        }
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)entries[i].number, 0, 0);
        const unsigned short test = (unsigned short)(program->count - 1);
        rule_add(program, entries[i].rule);
        program->list[test].jf = (uint8_t)(program->count - test - 1);
    }
    refuse(program);
}

bool fnd_filter_there(struct fnd_error *error)
{
    const uint32_t action = SECCOMP_RET_ERRNO;
    if (ARCHITECTURE == 0) {
        (void)fnd_error_set(error, FND_DENIED,
                            "the list of system calls is not known for this processor");
        return false;
    }
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &action) != 0) {
        (void)fnd_error_errno(error, FND_DENIED, errno, "the kernel filters no system calls");
        return false;
    }
    return true;
}

enum fnd_status fnd_filter_load(bool write, struct fnd_error *error)
{
    struct program program = {.count = 0};
    program_make(&program, write);
    const struct sock_fprog given = {.len = program.count, .filter = program.list};
    if (program.count > PROGRAM_MAX) {
        return fnd_error_set(error, FND_DENIED, "the filter of system calls is too long: %u",
                             (unsigned)program.count);
    }
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0U, &given) != 0) {
        return fnd_error_errno(error, FND_DENIED, errno,
                               "the kernel does not take the filter of system calls");
    }
    return FND_OK;
}

void fnd_filter_calls(bool write, struct fnd_text *text)
{
    static const char *const conditions[] = {
        [RULE_ALLOW] = "",
        [RULE_ABSENT] = NULL,
        [RULE_THREAD] = "(threads)",
        [RULE_SELF] = "(itself)",
        [RULE_FCNTL] = "(descriptors, locks, seals)",
        [RULE_OPEN] = "(by Landlock)",
        [RULE_OPENAT] = "(by Landlock)",
    };
    const char *space = "";
    for (size_t i = 0; i < ENTRIES; i++) {
        const char *condition = conditions[entries[i].rule];
        if (condition != NULL && (write || !entries[i].write)) {
            fnd_text_printf(text, "%s%s%s", space, entries[i].name, condition);
            space = " ";
        }
    }
}
