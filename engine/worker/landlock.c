/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_PATH */
#include "worker/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/confine.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* The kernel's interface, under names of our own, since headers of an older one know less. */
enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_REFER = 1 << 13,    /* from ABI 2 */
    FS_TRUNCATE = 1 << 14, /* from ABI 3 */
    FS_OF_FILES = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE,
    FS_BITS_1 = 13, /* rights that ABI 1 knows, and so on */
    FS_BITS_2 = 14,
    FS_BITS_3 = 15,
    FS_BITS_5 = 16,
    NET_TCP = 3, /* bind, connect; from ABI 4 */
    SCOPED = 3,  /* abstract sockets, signals; from ABI 6 */
    SIZE_1 = 8,  /* bytes of the attributes, by ABI */
    SIZE_4 = 16,
    SIZE_6 = 24,
    CREATE_RULESET_VERSION = 1,
    RULE_PATH_BENEATH = 1
};

struct ruleset_attr {
    uint64_t fs, net, scoped;
};

struct path_beneath_attr {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

const char *const *fnd_landlock_libraries(void)
{
    /* /lib and /lib64 are links into /usr where Debian is whole; where it is not, they count. */
    static const char *const paths[] = {"/usr/lib",       "/usr/lib64",       "/lib", "/lib64",
                                        "/usr/local/lib", "/etc/ld.so.cache", NULL};
    return paths;
}

const char *const *fnd_landlock_devices(void)
{
    static const char *const paths[] = {"/dev/null", "/dev/zero", "/dev/urandom", NULL};
    return paths;
}

int fnd_landlock_abi(int abi_max, struct fnd_error *error)
{
    if (abi_max < 0) {
        (void)fnd_error_set(error, FND_DENIED, "Landlock is not to be used");
        return 0;
    }
    const long abi =
        syscall(SYS_landlock_create_ruleset, NULL, (size_t)0, (uint32_t)CREATE_RULESET_VERSION);
    if (abi <= 0) {
        (void)fnd_error_set(error, FND_DENIED, "%s",
                            errno == EOPNOTSUPP
                                ? "Landlock is switched off (the kernel's parameter lsm= does not "
                                  "name landlock)"
                                : "the kernel has no Landlock (Linux 5.13 and later have it)");
        return 0;
    }
    return abi_max > 0 && abi > abi_max ? abi_max : (int)abi;
}

/** All rights that an ABI can refuse. */
static uint64_t rights_known(int abi)
{
    const int bits = abi >= 5 ? FS_BITS_5 : abi >= 3 ? FS_BITS_3 : abi == 2 ? FS_BITS_2 : FS_BITS_1;
    return (UINT64_C(1) << bits) - 1;
}

struct ruleset {
    int fd;
    uint64_t known;
};

/** Open what lies beneath a descriptor. */
static enum fnd_status rule_add(const struct ruleset *ruleset, int fd, uint64_t rights,
                                const char *name, struct fnd_error *error)
{
    struct stat stat;
    if (fstat(fd, &stat) != 0 || !S_ISDIR(stat.st_mode)) {
        rights &= FS_OF_FILES; /* the kernel refuses rights of folders on a file */
    }
    const struct path_beneath_attr rule = {.allowed = rights & ruleset->known, .parent = fd};
    /* EBADFD: memory that only looks like a file, of which Landlock takes no notice. */
    if (syscall(SYS_landlock_add_rule, ruleset->fd, RULE_PATH_BENEATH, &rule, 0U) != 0 &&
        errno != EBADFD) {
        return fnd_error_errno(error, FND_DENIED, errno, "Landlock takes no rule for %s", name);
    }
    return FND_OK;
}

static enum fnd_status rules_add(const struct ruleset *ruleset, const char *const *paths,
                                 uint64_t rights, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    for (; status == FND_OK && paths != NULL && *paths != NULL; paths++) {
        const int fd = open(*paths, O_PATH | O_CLOEXEC);
        if (fd >= 0) {
            status = rule_add(ruleset, fd, rights, *paths, error);
            (void)close(fd);
        }
    }
    return status;
}

enum fnd_status fnd_landlock_restrict(int abi, const struct fnd_landlock_rules *rules,
                                      struct fnd_error *error)
{
    static const char *const sanitizer_reads[] = {"/proc/self", NULL};
    const uint64_t read = FS_READ_FILE | FS_READ_DIR;
    /* No links and no devices can be made: what lies in a granted folder leads nowhere else. */
    const uint64_t write = read | FS_WRITE_FILE | FS_MAKE_REG | FS_MAKE_DIR | FS_REMOVE_FILE |
                           FS_REMOVE_DIR | FS_TRUNCATE | FS_REFER;
    const struct ruleset_attr wanted = {
        .fs = rights_known(abi), .net = abi >= 4 ? NET_TCP : 0, .scoped = abi >= 6 ? SCOPED : 0};
    const size_t size = abi >= 6 ? SIZE_6 : abi >= 4 ? SIZE_4 : SIZE_1;
    struct ruleset ruleset = {.known = wanted.fs};
    ruleset.fd = (int)syscall(SYS_landlock_create_ruleset, &wanted, size, 0U);
    if (ruleset.fd < 0) {
        return fnd_error_errno(error, FND_DENIED, errno, "Landlock makes no rules (ABI %d)", abi);
    }
    enum fnd_status status =
        rules_add(&ruleset, fnd_landlock_libraries(), read | FS_EXECUTE, error);
    if (status == FND_OK) {
        status = rules_add(&ruleset, fnd_landlock_devices(), FS_READ_FILE, error);
    }
    if (status == FND_OK) {
        static const char *const sinks[] = {"/dev/null", NULL};
        status = rules_add(&ruleset, sinks, FS_WRITE_FILE | FS_TRUNCATE, error);
    }
    if (status == FND_OK && FND_SANITIZED != 0) {
        status = rules_add(&ruleset, sanitizer_reads, read, error);
    }
#ifdef FND_COVERAGE_FOLDER /* the counters of `./dev coverage` are written at the end */
    if (status == FND_OK) {
        static const char *const counters[] = {FND_COVERAGE_FOLDER, NULL};
        status = rules_add(&ruleset, counters, write, error);
    }
#endif
    if (status == FND_OK) {
        status = rules_add(&ruleset, rules->reads, read, error);
    }
    if (status == FND_OK) {
        status = rule_add(&ruleset, rules->plugin, FS_READ_FILE | FS_EXECUTE, "the plugin", error);
    }
    if (status == FND_OK && rules->work >= 0) {
        status = rule_add(&ruleset, rules->work, write, "the work folder", error);
    }
    if (status == FND_OK && rules->write >= 0) {
        status = rule_add(&ruleset, rules->write, write, "the granted folder", error);
    }
    if (status == FND_OK && syscall(SYS_landlock_restrict_self, ruleset.fd, 0U) != 0) {
        status = fnd_error_errno(error, FND_DENIED, errno, "Landlock does not restrict the worker");
    }
    (void)close(ruleset.fd);
    return status;
}

void fnd_landlock_text(int abi, struct fnd_text *text)
{
    if (abi <= 0) {
        fnd_text_append_z(text, "no Landlock");
        return;
    }
    fnd_text_printf(text, "Landlock ABI %d (files", abi);
    fnd_text_append_z(text, abi >= 4 ? ", TCP" : "");
    fnd_text_append_z(text, abi >= 6 ? ", signals, abstract sockets" : "");
    fnd_text_append_byte(text, ')');
}
