/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* close_range */
#include "worker/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/channel.h"

enum {
    FILE_BYTES = 1 << 30, /* when the limit is 0 */
    FILES = 64,
    STACK_BYTES = 8 << 20,
    FD_FIRST_FOREIGN = 6 /* 0 1 2, channel, plugin, page */
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

enum fnd_status fnd_confine(const struct fnd_limits *limits, pid_t parent, struct fnd_error *error)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return fnd_error_errno(error, FND_IO, errno,
                               "foundry-worker cannot tie itself to its engine");
    }
    if (getppid() != parent) {
        _exit(0); /* it died before we asked to be told */
    }
    (void)close_range(FD_FIRST_FOREIGN, ~0U, 0);
    (void)umask(077);
    if (chdir("/") != 0) {
        return fnd_error_errno(error, FND_IO, errno, "foundry-worker cannot enter /");
    }
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
