/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_NOFOLLOW, eventfd */
#include "store/head.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "store/bytes.h"
#include "store/store.h"

/* A slot: magic, sequence, chain, and BLAKE2b-256 over those. */
enum {
    AT_MAGIC = 0,
    AT_SEQUENCE = 8,
    AT_CHAIN = 16,
    AT_CHECK = AT_CHAIN + FND_DIGEST_SIZE,
    SLOT_SIZE = AT_CHECK + FND_DIGEST_SIZE
};
static const char magic[8] = {'F', 'N', 'D', 'H', 'E', 'A', 'D', '1'};

struct fnd_head {
    int fd;
    int wake;      /* eventfd: something is dirty */
    int stop;      /* eventfd: the thread shall end */
    unsigned next; /* slot to write next; the token's holder's alone */
    atomic_bool dirty;
    atomic_int failure; /* errno of a sync that failed in the background */
    pthread_t thread;
    char *path;
    const struct fnd_log *log;
};

int fnd_head_newest(const struct fnd_head_content *content)
{
    int newest = -1;
    for (int i = 0; i < FND_HEAD_SLOTS; i++) {
        if (content->valid[i] &&
            (newest < 0 || content->mark[i].sequence > content->mark[newest].sequence)) {
            newest = i;
        }
    }
    return newest;
}

static void slot_format(const struct fnd_mark *mark, uint8_t slot[SLOT_SIZE])
{
    memcpy(slot + AT_MAGIC, magic, sizeof magic);
    fnd_le64_put(slot + AT_SEQUENCE, mark->sequence);
    memcpy(slot + AT_CHAIN, mark->chain, FND_DIGEST_SIZE);
    fnd_blake2b(NULL, 0, slot, AT_CHECK, NULL, 0, slot + AT_CHECK);
}

static bool slot_parse(const uint8_t slot[SLOT_SIZE], struct fnd_mark *mark)
{
    uint8_t check[FND_DIGEST_SIZE];
    fnd_blake2b(NULL, 0, slot, AT_CHECK, NULL, 0, check);
    if (memcmp(slot, magic, sizeof magic) != 0 ||
        memcmp(slot + AT_CHECK, check, sizeof check) != 0) {
        return false;
    }
    mark->sequence = fnd_le64_get(slot + AT_SEQUENCE);
    memcpy(mark->chain, slot + AT_CHAIN, FND_DIGEST_SIZE);
    return mark->sequence >= 0;
}

enum fnd_status fnd_head_read(int folder, const char *path, struct fnd_head_content *content,
                              struct fnd_error *error)
{
    *content = (struct fnd_head_content){0};
    int fd = openat(folder, "head", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) {
        return FND_OK;
    }
    if (fd < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "cannot open %s/.foundry/head", path);
    }
    enum fnd_status status = FND_OK;
    content->present = true;
    for (int i = 0; i < FND_HEAD_SLOTS && status == FND_OK; i++) {
        uint8_t slot[SLOT_SIZE] = {0};
        ssize_t size;
        do {
            size = pread(fd, slot, sizeof slot, (off_t)i * FND_HEAD_SLOT_STRIDE);
        } while (size < 0 && errno == EINTR);
        if (size < 0) {
            status = fnd_error_errno(error, FND_IO, errno, "cannot read %s/.foundry/head", path);
        }
        content->valid[i] = size == SLOT_SIZE && slot_parse(slot, &content->mark[i]);
    }
    close(fd);
    return status;
}

static void eventfd_raise(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one); /* can fail only when it is raised already */
    (void)written;
}

static void sync_now(struct fnd_head *head)
{
    if (atomic_exchange(&head->dirty, false) && fdatasync(head->fd) != 0) {
        int error_number = errno;
        if (atomic_exchange(&head->failure, error_number) == 0) {
            fnd_log(head->log, FND_LOG_ERROR, "store", NULL, NULL,
                    "cannot sync %s/.foundry/head: %s", head->path, strerror(error_number));
        }
    }
}

static void *sync_thread(void *context)
{
    struct fnd_head *head = context;
    struct pollfd both[] = {{.fd = head->stop, .events = POLLIN},
                            {.fd = head->wake, .events = POLLIN}};
    for (;;) {
        both[0].revents = both[1].revents = 0;
        if (poll(both, 2, -1) < 0) {
            continue;
        }
        if (both[0].revents != 0) {
            return NULL;
        }
        uint64_t count;
        ssize_t size = read(head->wake, &count, sizeof count);
        (void)size;
        /* Whatever is written in the meantime goes out with the same sync. */
        if (poll(both, 1, FND_HEAD_SYNC_MS) > 0) {
            return NULL;
        }
        sync_now(head);
    }
}

static void head_free(struct fnd_head *head)
{
    if (head->fd >= 0) {
        close(head->fd);
    }
    if (head->wake >= 0) {
        close(head->wake);
    }
    if (head->stop >= 0) {
        close(head->stop);
    }
    free(head->path);
    free(head);
}

enum fnd_status fnd_head_open(int folder, const char *path, const struct fnd_log *log,
                              struct fnd_head **head_out, struct fnd_error *error)
{
    struct fnd_head *head = fnd_alloc(sizeof *head);
    head->path = fnd_strdup(path);
    head->log = log;
    head->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    head->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    head->fd = openat(folder, "head", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    enum fnd_status status = FND_OK;
    struct fnd_head_content content;
    int rc = 0;
    if (head->fd < 0 || head->wake < 0 || head->stop < 0) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno,
                                 "cannot open %s/.foundry/head for writing", path);
        goto out;
    }
    status = fnd_head_read(folder, path, &content, error);
    if (status != FND_OK) {
        goto out;
    }
    head->next = fnd_head_newest(&content) == 0 ? 1 : 0;
    rc = pthread_create(&head->thread, NULL, sync_thread, head);
    if (rc != 0) {
        status = fnd_error_errno(error, FND_IO, rc,
                                 "cannot start the thread that syncs "
                                 "%s/.foundry/head (run again when fewer processes run)",
                                 path);
        goto out;
    }
    *head_out = head;
    head = NULL;
out:
    if (head != NULL) {
        head_free(head);
    }
    return status;
}

void fnd_head_close(struct fnd_head *head)
{
    if (head == NULL) {
        return;
    }
    eventfd_raise(head->stop);
    pthread_join(head->thread, NULL);
    sync_now(head);
    head_free(head);
}

static int slot_write(struct fnd_head *head, const struct fnd_mark *mark)
{
    uint8_t slot[SLOT_SIZE];
    slot_format(mark, slot);
    ssize_t size;
    do {
        size = pwrite(head->fd, slot, sizeof slot, (off_t)head->next * FND_HEAD_SLOT_STRIDE);
    } while (size < 0 && errno == EINTR);
    if (size != SLOT_SIZE) {
        return size < 0 ? errno : ENOSPC;
    }
    head->next ^= 1U;
    return 0;
}

void fnd_head_write(struct fnd_head *head, const struct fnd_mark *mark)
{
    int rc = slot_write(head, mark);
    if (rc != 0) {
        /* The commit stands; the witness is only less far than it could be, which is allowed. The
         * next fnd_head_sync() tells. */
        atomic_store(&head->failure, rc);
    }
    /* Only the step from clean to dirty wakes the thread: no system call a commit. */
    if (!atomic_exchange(&head->dirty, true)) {
        eventfd_raise(head->wake);
    }
}

enum fnd_status fnd_head_reset(struct fnd_head *head, const struct fnd_mark *mark,
                               struct fnd_error *error)
{
    int rc = 0;
    for (int i = 0; i < FND_HEAD_SLOTS && rc == 0; i++) {
        rc = slot_write(head, mark);
    }
    if (rc == 0 && fsync(head->fd) != 0) {
        rc = errno;
    }
    return rc == 0 ? FND_OK
                   : fnd_error_errno(error, fnd_status_errno(rc), rc,
                                     "cannot write %s/.foundry/head", head->path);
}

enum fnd_status fnd_head_sync(struct fnd_head *head, struct fnd_error *error)
{
    /* The thread may have cleared the flag and be inside its own sync: sync in any case. */
    atomic_store(&head->dirty, false);
    int rc = fdatasync(head->fd) == 0 ? 0 : errno;
    int earlier = atomic_exchange(&head->failure, 0);
    rc = rc != 0 ? rc : earlier;
    return rc == 0 ? FND_OK
                   : fnd_error_errno(error, fnd_status_errno(rc), rc,
                                     "what is recorded is safe, but cannot sync %s/.foundry/head",
                                     head->path);
}
