/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* realpath, O_NOFOLLOW */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/file.h"
#include "base/text.h"
#include "store/artifact.h"
#include "store/internal.h"
#include "store/lock.h"
#include "store/schema.h"

static enum fnd_status open_directory(struct fnd_store *store, const char *directory,
                                      struct fnd_error *error)
{
    store->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (store->directory < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "cannot open the job directory %s", directory);
    }
    store->path = realpath(directory, NULL);
    if (store->path == NULL) {
        store->path = fnd_strdup(directory); /* only for messages */
    }
    return store->options.network_allowed ? FND_OK
                                          : fnd_lock_place(store->directory, directory, error);
}

/* `path`, below the job directory, is told; its last part is made in `folder`. */
static enum fnd_status make_folder(const struct fnd_store *store, int folder, const char *path,
                                   struct fnd_error *error)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    bool made = mkdirat(folder, name, 0700) == 0;
    if (!made && errno != EEXIST) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot make %s/%s",
                               store->path, path);
    }
    if (made && fsync(folder) != 0) { /* what is durable inside it must be found again */
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "cannot sync the folder of %s/%s", store->path, path);
    }
    return FND_OK;
}

static enum fnd_status no_record(const struct fnd_store *store, struct fnd_error *error)
{
    fnd_error_set(error, FND_NOT_FOUND,
                  "%s is no job directory (there is no record in .foundry); `foundry-engine run "
                  "PIPELINE %s` makes it one, `foundry-engine init %s` an empty one",
                  store->path, store->path, store->path);
    fnd_error_code(error, "no_record");
    return FND_NOT_FOUND;
}

static enum fnd_status open_folder(struct fnd_store *store, struct fnd_error *error)
{
    if (store->options.create) {
        enum fnd_status status = make_folder(store, store->directory, ".foundry", error);
        if (status != FND_OK) {
            return status;
        }
        FND_CRASH_POINT("store.folder.made");
    }
    store->folder =
        openat(store->directory, ".foundry", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (store->folder < 0 && errno == ENOENT) {
        return no_record(store, error);
    }
    if (store->folder < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot open %s/.foundry",
                               store->path);
    }
    return FND_OK;
}

/* Read-only, so that a store of a newer engine is refused untouched. `empty`: there is nothing yet.
 */
static enum fnd_status look(struct fnd_store *store, bool *empty, struct fnd_error *error)
{
    struct fnd_writer *writer = &store->writer;
    struct fnd_error failure = {0};
    enum fnd_status status =
        fnd_writer_file(store, false, &writer->device, &writer->inode, &failure);
    if (status == FND_NOT_FOUND) {
        *empty = true;
        return FND_OK;
    }
    if (status != FND_OK) {
        *error = failure;
        return status;
    }
    struct fnd_db db = {0};
    if (!store->options.accept_loss) {
        status = fnd_db_log_kept(store->folder, store->path, error);
    }
    if (status != FND_OK) {
        return status;
    }
    status = fnd_db_open(&db, store->folder, store->path, SQLITE_OPEN_READONLY, error);
    int64_t version = 0;
    if (status == FND_OK) {
        sqlite3_db_config(db.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        status = fnd_tables_look(&db, empty, &version, error);
    }
    if (status != FND_OK && fnd_db_unfinished(&db)) {
        *empty = true; /* the writer takes the journal back; the witness says if more was there */
        status = FND_OK;
    }
    fnd_db_close(&db);
    return status;
}

/* The empty file gets its permissions here; nobody can hold a lock on a file that was not there. */
static enum fnd_status make_database(struct fnd_store *store, struct fnd_error *error)
{
    int fd = openat(store->folder, "state.db", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno,
                               "cannot make %s/.foundry/state.db", store->path);
    }
    if (fd >= 0) {
        close(fd);
    }
    return fnd_writer_file(store, false, &store->writer.device, &store->writer.inode, error);
}

static enum fnd_status lost(struct fnd_error *error)
{
    fnd_error_code(error, "record_behind_witness");
    return FND_DAMAGED;
}

/* What the witness says against what the record holds.  Returns FND_OK; FND_DAMAGED. */
static enum fnd_status compare(struct fnd_store *store, const struct fnd_head_content *content,
                               struct fnd_error *error)
{
    int newest = fnd_head_newest(content);
    int64_t sequence = store->writer.mark.sequence;
    if (newest < 0) {
        if (sequence == 0) {
            return FND_OK; /* a new store */
        }
        fnd_error_set(
            error, FND_DAMAGED,
            "%s/.foundry/head, the witness of the record's end, is %s: whether the last of "
            "%" PRId64 " transitions are missing cannot be told; restore it, or go on "
            "with --accept-loss, which records that",
            store->path, content->present ? "unreadable" : "missing", sequence);
        return lost(error);
    }
    const struct fnd_mark *mark = &content->mark[newest];
    if (mark->sequence > sequence) {
        fnd_error_set(error, FND_DAMAGED,
                      "%" PRId64 " acknowledged transitions are missing in %s/.foundry/state.db "
                      "(the witness saw %" PRId64 ", the record ends at %" PRId64
                      "); put state.db-wal back or restore a backup, or go on with --accept-loss, "
                      "which records that",
                      mark->sequence - sequence, store->path, mark->sequence, sequence);
        return lost(error);
    }
    uint8_t chain[FND_DIGEST_SIZE] = {0};
    if (mark->sequence > 0) {
        enum fnd_status status = fnd_writer_chain(store, mark->sequence, chain, error);
        if (status != FND_OK && status != FND_NOT_FOUND) {
            return status;
        }
    }
    if (memcmp(chain, mark->chain, sizeof chain) != 0) {
        fnd_error_set(error, FND_DAMAGED,
                      "%s/.foundry/state.db is not the record its witness saw: event %" PRId64
                      " has another chain value; restore a backup (`foundry-engine verify` lists "
                      "what is damaged), or go on with --accept-loss, which records that",
                      store->path, mark->sequence);
        return lost(error);
    }
    return FND_OK;
}

/* A person said go on: put that on record, and make the witness say what is there now. */
static enum fnd_status accept_loss(struct fnd_store *store, const struct fnd_head_content *content,
                                   struct fnd_error *error)
{
    int newest = fnd_head_newest(content);
    struct fnd_mark seen = {0};
    if (newest >= 0) {
        seen = content->mark[newest];
    }
    char chain[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(seen.chain, chain);
    struct fnd_text body = {0};
    fnd_text_printf(&body, "{\"chain\":\"%s\",\"sequence\":%" PRId64 "}", chain, seen.sequence);
    struct fnd_write *write = fnd_write_create();
    fnd_write_add(write, FND_EVENT_LOSS, fnd_text_take(&body), NULL);
    fnd_write_seal(write, &store->keys, store->options.env);
    struct fnd_mark mark;
    enum fnd_status status = fnd_group_apply(store, write, &mark, error);
    fnd_write_destroy(write);
    return status;
}

static enum fnd_status check_witness(struct fnd_store *store,
                                     const struct fnd_head_content *content,
                                     struct fnd_error *error)
{
    struct fnd_error found = {0};
    enum fnd_status status = compare(store, content, &found);
    bool accepted = status == FND_DAMAGED && store->options.accept_loss;
    if (status != FND_OK && !accepted) {
        if (error != NULL) {
            *error = found;
        }
        return status;
    }
    bool torn = !content->valid[0] || !content->valid[1];
    if (accepted || torn) {
        /* A slot that is not valid is a new store's, or was torn by a kill: both are normal. */
        fnd_log(store->options.log, accepted ? FND_LOG_WARNING : FND_LOG_DEBUG, "store", NULL, NULL,
                "%s", accepted ? found.message : "a new witness is written");
    }
    status = FND_OK;
    if (store->writer.mark.sequence == 0) {
        /* The witness is there before the log is: then a missing one always means damage. */
        if (!accepted) {
            status = fnd_head_reset(store->head, &store->writer.mark, error);
        }
        if (status == FND_OK && fsync(store->folder) != 0) {
            status = fnd_error_errno(error, fnd_status_errno(errno), errno,
                                     "cannot sync %s/.foundry", store->path);
        }
        if (status == FND_OK) {
            FND_CRASH_POINT("store.witness.made");
            status = fnd_writer_begin_log(store, error);
            FND_CRASH_POINT("store.log.begun");
        }
    }
    if (status == FND_OK && accepted) {
        status = accept_loss(store, content, error);
    }
    if (status == FND_OK && (accepted || torn)) {
        status = fnd_head_reset(store->head, &store->writer.mark, error);
    } else if (status == FND_OK) {
        fnd_head_write(store->head, &store->writer.mark);
    }
    return status;
}

static enum fnd_status read_salt(struct fnd_store *store, struct fnd_error *error)
{
    sqlite3_stmt *row = NULL;
    enum fnd_status status = FND_OK;
    int rc = sqlite3_prepare_v2(store->writer.db.handle,
                                "SELECT value FROM meta WHERE key = 'salt'", -1, &row, NULL);
    if (rc == SQLITE_OK) {
        rc = sqlite3_step(row);
    }
    if (rc == SQLITE_ROW && sqlite3_column_bytes(row, 0) == (int)sizeof store->salt) {
        memcpy(store->salt, sqlite3_column_blob(row, 0), sizeof store->salt);
    } else {
        status = fnd_db_error(&store->writer.db,
                              rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_CORRUPT : rc,
                              "read the salt", error);
    }
    sqlite3_finalize(row);
    return status;
}

static enum fnd_status open_record(struct fnd_store *store, struct fnd_error *error)
{
    bool empty = false;
    struct fnd_head_content content;
    enum fnd_status status = look(store, &empty, error);
    if (status == FND_OK) {
        status = fnd_head_read(store->folder, store->path, &content, error);
    }
    if (status == FND_OK && empty && !store->options.accept_loss) {
        status =
            compare(store, &content, error); /* before a lost record is replaced by a new one */
    }
    if (status == FND_OK && empty && !store->options.create && !store->options.accept_loss) {
        status = no_record(store, error);
    }
    if (status == FND_OK && empty) {
        status = make_database(store, error);
    }
    if (status == FND_OK) {
        status = fnd_writer_open(store, error);
    }
    if (status == FND_OK) {
        status = fnd_head_open(store->folder, store->path, store->options.log, &store->head, error);
    }
    if (status == FND_OK) {
        status = check_witness(store, &content, error);
    }
    return status == FND_OK ? read_salt(store, error) : status;
}

enum fnd_status fnd_store_open(const char *directory, const struct fnd_store_options *options,
                               struct fnd_store **store_out, struct fnd_error *error)
{
    assert(options->env != NULL);
    struct fnd_error unused = {0};
    error = error != NULL ? error : &unused;
    struct fnd_store *store = fnd_alloc(sizeof *store);
    store->options = *options;
    store->directory = store->folder = store->lock = -1;
    fnd_digest_setup();
    fnd_keys_init(&store->keys);
    enum fnd_status status = fnd_queue_create(&store->queue, error);
    if (status == FND_OK) {
        status = open_directory(store, directory, error);
    }
    if (status == FND_OK) {
        status = open_folder(store, error);
    }
    if (status == FND_OK) {
        status =
            fnd_lock_take(store->folder, store->path, options->lock_wait_ms, &store->lock, error);
    }
    if (status == FND_OK) {
        status = open_record(store, error);
    }
    if (status == FND_OK) {
        status = make_folder(store, store->folder, ".foundry/artifacts", error);
    }
    if (status == FND_OK) {
        status = make_folder(store, store->folder, ".foundry/plugins", error);
    }
    if (status == FND_OK) {
        fnd_artifact_sweep(store->folder);
        *store_out = store;
        FND_CRASH_POINT("store.opened");
    } else {
        fnd_store_close(store);
    }
    return status;
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void fnd_store_close(struct fnd_store *store)
{
    if (store == NULL) {
        return;
    }
    if (store->queue != NULL) {
        fnd_store_writer_stop(store);
        fnd_store_flush(store);
    }
    fnd_head_close(store->head);
    if (store->writer.db.handle != NULL) {
        FND_CRASH_POINT("store.checkpoint.before");
        fnd_writer_close(store);
        FND_CRASH_POINT("store.checkpoint.after");
    }
    close_fd(store->lock); /* only now may another engine begin */
    FND_CRASH_POINT("store.lock.freed");
    close_fd(store->folder);
    close_fd(store->directory);
    fnd_queue_destroy(store->queue);
    fnd_keys_finish(&store->keys);
    free(store->path);
    free(store);
}

int fnd_store_directory(const struct fnd_store *store)
{
    return store->directory;
}

int fnd_store_folder(const struct fnd_store *store)
{
    return store->folder;
}

const char *fnd_store_path(const struct fnd_store *store)
{
    return store->path;
}

const struct fnd_env *fnd_store_env(const struct fnd_store *store)
{
    return store->options.env;
}

const uint8_t *fnd_store_salt(const struct fnd_store *store)
{
    return store->salt;
}
