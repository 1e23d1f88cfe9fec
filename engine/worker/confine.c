/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* close_range */
#include "worker/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "worker/channel.h"
#include "worker/filter.h"
#include "worker/landlock.h"

enum {
    FILE_BYTES = 1 << 30, /* when the limit is 0 */
    FILES = 64,
    STACK_BYTES = 8 << 20
};

static enum fnd_status limit(__rlimit_resource_t resource, const char *name, rlim_t value,
                             struct fnd_error *error)
{
    struct rlimit now;
    if (getrlimit(resource, &now) == 0 && now.rlim_max != RLIM_INFINITY && now.rlim_max < value) {
        value = now.rlim_max; /* what stands above us is stricter: keep it */
    }
    const struct rlimit wanted = {.rlim_cur = value, .rlim_max = value};
    if (setrlimit(resource, &wanted) != 0) {
        return fnd_error_errno(error, FND_IO, errno,
                               "foundry-worker cannot set its limit %s to %llu", name,
                               (unsigned long long)value);
    }
    return FND_OK;
}

static enum fnd_status limits_set(const struct fnd_limits *limits, struct fnd_error *error)
{
    enum fnd_status status = limit(RLIMIT_CORE, "CORE", 0, error);
    if (status == FND_OK) {
        status = limit(RLIMIT_STACK, "STACK", STACK_BYTES, error);
    }
    if (status == FND_OK) {
        status = limit(RLIMIT_FSIZE, "FSIZE",
                       limits->file_bytes == 0 ? FILE_BYTES : (rlim_t)limits->file_bytes, error);
    }
    if (status == FND_OK) {
        /* Descriptors that the engine passes are not on the plugin's account. */
        status =
            limit(RLIMIT_NOFILE, "NOFILE",
                  (limits->files == 0 ? FILES : (rlim_t)limits->files) + FND_FRAME_FDS_MAX, error);
    }
    if (status == FND_OK && limits->memory_bytes != 0 && FND_SANITIZED == 0) {
        status = limit(RLIMIT_AS, "AS", (rlim_t)limits->memory_bytes, error);
    }
    return status;
}

/** A plugin's file that only root may read goes on as a copy in memory: the loader opens it again,
 *  as the user that the worker becomes. */
static enum fnd_status plugin_open_up(struct fnd_error *error)
{
    struct stat stat;
    if (fstat(FND_FD_PLUGIN, &stat) != 0 || (stat.st_mode & S_IROTH) != 0) {
        return FND_OK; /* what is wrong with it is told when it is loaded */
    }
    const int copy = memfd_create("plugin", MFD_CLOEXEC);
    off_t at = 0;
    bool copied = copy >= 0;
    while (copied && at < stat.st_size) {
        copied = sendfile(copy, FND_FD_PLUGIN, &at, (size_t)(stat.st_size - at)) > 0;
    }
    if (!copied || dup2(copy, FND_FD_PLUGIN) < 0) {
        return fnd_error_errno(error, FND_IO, errno, "foundry-worker cannot copy the plugin");
    }
    (void)close(copy);
    return FND_OK;
}

static enum fnd_status become(const struct fnd_confinement *wanted, struct fnd_error *error)
{
    const uid_t uid = wanted->uid;
    const gid_t gid = wanted->gid;
    enum fnd_status status = uid == 0 ? FND_OK : plugin_open_up(error);
    if (status != FND_OK) {
        return status;
    }
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) {
        return fnd_error_errno(error, FND_DENIED, errno,
                               "foundry-worker cannot become user %lu and group %lu, and does not "
                               "load plugins as root; start the engine as an ordinary user, or "
                               "with --allow-root",
                               (unsigned long)uid, (unsigned long)gid);
    }
    /* A change of user hides the process's own descriptors in /proc from it, by which the plugin
     * is loaded. */
    (void)prctl(PR_SET_DUMPABLE, 1);
    return FND_OK;
}

/** Give up whatever is above an ordinary user, also what the kernel gives to user 0. */
static enum fnd_status capabilities_drop(struct fnd_error *error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
    if (syscall(SYS_capset, &header, none) != 0) {
        return fnd_error_errno(error, FND_DENIED, errno,
                               "foundry-worker cannot give up its capabilities");
    }
    return FND_OK;
}

/** "sandbox: the kernel has no Landlock; …" */
static enum fnd_status layer_missing(struct fnd_error *error)
{
    error->status = FND_DENIED;
    fnd_error_prefix(error, "isolation: sandbox is not to be had here");
    return FND_DENIED;
}

static enum fnd_status files_restrict(const struct fnd_confinement *wanted, int *abi,
                                      struct fnd_error *error)
{
    *abi = fnd_landlock_abi(wanted->landlock_abi_max, error);
    if (*abi == 0) {
        return FND_DENIED;
    }
    const int work = wanted->work == NULL ? -1 : open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    const struct fnd_landlock_rules rules = {.plugin = FND_FD_PLUGIN,
                                             .work = work,
                                             .write = wanted->write ? FND_FD_WRITE : -1,
                                             .reads = wanted->reads};
    const enum fnd_status status = fnd_landlock_restrict(*abi, &rules, error);
    if (work >= 0) {
        (void)close(work);
    }
    return status;
}

/** The layers of the sandbox, in the order in which each still can be laid. */
static enum fnd_status sandbox(const struct fnd_confinement *wanted, enum fnd_isolation *effective,
                               int *abi, struct fnd_error *error)
{
    const bool must = wanted->isolation == FND_ISOLATION_SANDBOX;
    enum fnd_status status = wanted->root ? FND_OK : capabilities_drop(error);
    if (status != FND_OK) {
        return layer_missing(error);
    }
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        (void)fnd_error_errno(error, FND_DENIED, errno, "no_new_privs cannot be set");
        return layer_missing(error);
    }
    const bool files = files_restrict(wanted, abi, error) == FND_OK;
    if (!files && must) {
        return layer_missing(error);
    }
    if (wanted->write) {
        (void)close(FND_FD_WRITE);
    }
    const bool calls = fnd_filter_there(error) && fnd_filter_load(wanted->write, error) == FND_OK;
    if (!calls && must) {
        return layer_missing(error);
    }
    *effective = files && calls ? FND_ISOLATION_SANDBOX
                 : files        ? FND_ISOLATION_LANDLOCK
                                : FND_ISOLATION_PROCESS;
    return FND_OK;
}

enum fnd_status fnd_confine(const struct fnd_confinement *wanted, enum fnd_isolation *effective,
                            int *abi, struct fnd_error *error)
{
    const char *folder = wanted->work == NULL ? "/" : wanted->work;
    if (chdir(folder) != 0) { /* while it may still go through the folders above */
        return fnd_error_errno(error, FND_IO, errno, "foundry-worker cannot enter %s", folder);
    }
    enum fnd_status status = wanted->user ? become(wanted, error) : FND_OK;
    if (status != FND_OK) {
        return status;
    }
    /* Behind the change of user, which would undo it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return fnd_error_errno(error, FND_IO, errno,
                               "foundry-worker cannot tie itself to its engine");
    }
    if (getppid() != wanted->parent) {
        _exit(0); /* it died before we asked to be told */
    }
    (void)close_range(wanted->write ? FND_FD_FOREIGN : FND_FD_WRITE, ~0U, 0);
    (void)umask(077);
    status = limits_set(&wanted->limits, error);
    *effective = FND_ISOLATION_PROCESS;
    *abi = 0;
    if (status == FND_OK && wanted->isolation >= FND_ISOLATION_SANDBOX) {
        status = sandbox(wanted, effective, abi, error);
    }
    return status;
}
