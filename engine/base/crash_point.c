/* SPDX-License-Identifier: MIT */
#include "base/crash_point.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static const char *const points[] = {
    /* a directory is opened, and made if it is new */
    "store.folder.made", "store.lock.taken", "store.tables.made", "store.witness.made",
    "store.log.begun", "store.opened",
    /* files that are there whole or not at all: artifacts, plugin copies */
    "store.file.written", "store.file.synced", "store.file.named", "store.file.kept",
    /* what comes in */
    "run.pin.queued", "run.pin.acknowledged", "run.ingest.queued", "run.ingest.done",
    /* one group of writes */
    "store.commit.before", "store.commit.after", "store.witness.written", "store.group.published",
    /* one transition */
    "run.transition.queued", "run.transition.acknowledged",
    /* a worker */
    "worker.start.before", "worker.start.after",
    /* a person's answer */
    "review.answer.judged", "review.answer.acknowledged",
    /* an export */
    "dataset.export.sealed", "dataset.manifest.staged", "dataset.export.named",
    "dataset.manifest.named", "dataset.export.recorded",
    /* the end */
    "store.checkpoint.before", "store.checkpoint.after", "store.lock.freed", NULL};

const char *const *fnd_crash_points(void)
{
    return points;
}

static void trace(const char *name)
{
    const char *path = getenv("FOUNDRY_CRASH_TRACE");
    int fd = path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    char line[64];
    const size_t size = strlen(name);
    assert(size + 1 < sizeof line);
    if (fd >= 0) {
        memcpy(line, name, size);
        line[size] = '\n';
        (void)fnd_write_all(fd, line, size + 1);
        close(fd);
    }
}

void fnd_crash_point(const char *name)
{
    /* The only state of its kind: passes are the process's, whichever store or engine makes them,
     * and a release has none of this. */
    static atomic_ulong passes;
    const char *at = getenv("FOUNDRY_CRASH_AT");
    size_t i = 0;
    while (points[i] != NULL && strcmp(points[i], name) != 0) {
        i++;
    }
    assert(points[i] != NULL && "a crash point is in the table");
    trace(name);
    const size_t size = strlen(name);
    if (at == NULL || strncmp(at, name, size) != 0 || (at[size] != '\0' && at[size] != ':')) {
        return;
    }
    const unsigned long wanted = at[size] == ':' ? strtoul(at + size + 1, NULL, 10) : 1;
    if (atomic_fetch_add(&passes, 1) + 1 == wanted) {
        (void)raise(SIGKILL);
    }
}
