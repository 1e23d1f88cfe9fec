/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "plugin/load.h"
#include "worker/process.h"

enum {
    DESCRIPTION_SIZE_MAX = 4 << 20,
    DESCRIBE_MEMORY_BYTES = 1 << 30,
    DESCRIBE_UID = FND_WORKER_UID_BASE - 1,
    OBJECT_SIZE_MAX = 1 << 30,
    NOISE_SHOWN = 400
};

struct entry {
    char *path;
    struct fnd_plugin_info *info; /* or */
    struct fnd_error error;
    struct stat about; /* of the file; zero where it cannot be opened */
};

struct fnd_catalog {
    struct entry *list;
    size_t count;
    struct fnd_plugin_info **files; /* of fnd_catalog_file() */
    size_t files_count;
    char *path, *program, *cache; /* cache: a folder, or NULL */
    const struct fnd_log *log;
    int landlock_abi_max;
};

/** A folder "plugins" beside the running program is the build tree's: each plugin has one inside.
 */
static bool build_folders(struct fnd_text *path)
{
    char self[PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    if (size <= 0) {
        return false;
    }
    self[size] = '\0';
    *strrchr(self, '/') = '\0';
    struct fnd_text folder = {0};
    fnd_text_printf(&folder, "%s/plugins", self);
    struct dirent **names = NULL;
    const int count = scandir(folder.bytes, &names, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        const char *name = names[i]->d_name;
        if (names[i]->d_type == DT_DIR && name[0] != '.' && strchr(name, '.') == NULL) {
            fnd_text_printf(path, "%s%s/%s", path->size > 0 ? ":" : "", folder.bytes, name);
        }
        free(names[i]);
    }
    free(names);
    fnd_text_finish(&folder);
    return count > 0;
}

char *fnd_catalog_path(void)
{
    struct fnd_text path = {0};
    const char *named = getenv("FOUNDRY_PLUGIN_PATH");
    fnd_text_append_z(&path, named);
    struct fnd_text built = {0};
    fnd_text_append_z(&path, named != NULL && named[0] != '\0' ? ":" : "");
    if (build_folders(&built)) {
        fnd_text_append(&path, fnd_text_z(&built), built.size);
    } else {
        fnd_text_append_z(&path, FND_PLUGIN_DIR);
    }
    fnd_text_finish(&built);
    return fnd_text_take(&path);
}

/** The cache's folder, made if need be; NULL if there is no place for one. malloc'ed. */
static char *cache_folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    struct fnd_text folder = {0};
    if (cache != NULL && cache[0] == '/') {
        fnd_text_append_z(&folder, cache);
    } else if (home != NULL && home[0] == '/') {
        fnd_text_printf(&folder, "%s/.cache", home);
    } else {
        return NULL;
    }
    (void)mkdir(folder.bytes, 0700);
    fnd_text_append_z(&folder, "/foundry");
    if (mkdir(folder.bytes, 0700) != 0 && errno != EEXIST) {
        fnd_text_finish(&folder);
        return NULL;
    }
    return fnd_text_take(&folder);
}

static char *cache_file(const struct fnd_catalog *catalog, const uint8_t hash[FND_DIGEST_SIZE])
{
    char digits[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(hash, digits);
    struct fnd_text file = {0};
    fnd_text_printf(&file, "%s/plugin-%s-%s-%u.%u-2.json", catalog->cache, digits, FND_VERSION,
                    (unsigned)(FOUNDRY_ABI_CURRENT >> 16),
                    (unsigned)(FOUNDRY_ABI_CURRENT & 0xffff));
    return fnd_text_take(&file);
}

/** The description as it was kept, or NULL. Whatever is wrong with it, a worker describes anew. */
static struct fnd_plugin_info *cache_read(const struct fnd_catalog *catalog,
                                          const uint8_t hash[FND_DIGEST_SIZE], const char *path)
{
    if (catalog->cache == NULL) {
        return NULL;
    }
    char *file = cache_file(catalog, hash);
    struct fnd_text json = {0};
    struct fnd_plugin_info *info = NULL;
    if (fnd_file_read(AT_FDCWD, file, DESCRIPTION_SIZE_MAX, &json, NULL) == FND_OK &&
        fnd_plugin_info_parse(fnd_text_z(&json), json.size, path, &info, NULL) != FND_OK) {
        fnd_log(catalog->log, FND_LOG_WARNING, "worker", NULL, NULL,
                "the kept description %s is damaged; %s is described again", file, path);
    }
    fnd_text_finish(&json);
    free(file);
    return info;
}

static void cache_write(const struct fnd_catalog *catalog, const uint8_t hash[FND_DIGEST_SIZE],
                        const char *json, size_t size)
{
    if (catalog->cache == NULL) {
        return;
    }
    char *file = cache_file(catalog, hash);
    struct fnd_error error = {0};
    if (fnd_file_write(AT_FDCWD, file, json, size, 0600, &error) != FND_OK) {
        fnd_log(catalog->log, FND_LOG_DEBUG, "worker", NULL, NULL, "a description is not kept: %s",
                error.message);
    }
    free(file);
}

static int64_t now_ms(void)
{
    const struct fnd_env *env = fnd_env_system();
    return env->monotonic_us(env) / 1000;
}

/** What a describing worker has sent so far. MORE: *json or *error is filled. */
static enum fnd_channel_state answer_take(struct fnd_process *process, struct fnd_text *json,
                                          struct fnd_error *error)
{
    enum fnd_channel_state state = fnd_channel_read(&process->channel, error);
    if (state != FND_CHANNEL_MORE) {
        return state;
    }
    struct fnd_frame frame = {.type = FND_FRAME_CONFINED};
    while (state == FND_CHANNEL_MORE && frame.type == FND_FRAME_CONFINED) {
        state = fnd_channel_next(&process->channel, &frame, error);
        if (state == FND_CHANNEL_MORE && frame.type == FND_FRAME_CONFINED) {
            fnd_frame_finish(&frame);
        }
    }
    if (state != FND_CHANNEL_MORE) {
        return state;
    }
    if (frame.type == FND_FRAME_DESCRIPTION) {
        fnd_text_append(json, frame.payload, frame.size);
    } else {
        struct fnd_text text = {0};
        fnd_text_append_visible(&text, frame.payload, frame.size);
        (void)fnd_error_set(error, FND_PLUGIN, "%s", fnd_text_z(&text));
        fnd_text_finish(&text);
    }
    fnd_frame_finish(&frame);
    return FND_CHANNEL_MORE;
}

/** Wait for the answer of a describing worker. */
static enum fnd_channel_state answer_wait(struct fnd_process *process, struct fnd_noise *noise,
                                          struct fnd_text *json, struct fnd_error *error)
{
    const int64_t end_ms = now_ms() + FND_WORKER_START_MS;
    bool loud = true;
    for (int64_t left_ms = FND_WORKER_START_MS; left_ms > 0; left_ms = end_ms - now_ms()) {
        struct pollfd ready[] = {{.fd = process->channel.fd, .events = POLLIN},
                                 {.fd = loud ? process->noise : -1, .events = POLLIN}};
        if (poll(ready, 2, (int)left_ms) < 0 && errno != EINTR) {
            break;
        }
        if (ready[1].revents != 0) {
            loud = fnd_noise_read(noise, process->noise);
        }
        if (ready[0].revents != 0) {
            const enum fnd_channel_state state = answer_take(process, json, error);
            if (state != FND_CHANNEL_IDLE) {
                return state;
            }
        }
    }
    return FND_CHANNEL_IDLE;
}

/** Have a worker describe the file. */
static enum fnd_status describe(const struct fnd_catalog *catalog, int fd, const char *path,
                                struct fnd_text *json, struct fnd_error *error)
{
    /* As far as this machine has it: what runs of a plugin later is refused where it must be, and
     * until then people want to see what there is. */
    const struct fnd_confinement confinement = {.limits = {.memory_bytes = DESCRIBE_MEMORY_BYTES},
                                                .isolation = FND_ISOLATION_BEST_EFFORT,
                                                .user = geteuid() == 0,
                                                .uid = DESCRIBE_UID,
                                                .gid = DESCRIBE_UID,
                                                .landlock_abi_max = catalog->landlock_abi_max};
    const struct fnd_start start = {.program = catalog->program,
                                    .mode = "describe",
                                    .plugin = fd,
                                    .path = path,
                                    .confinement = &confinement};
    struct fnd_process process;
    enum fnd_status status = fnd_process_start(&start, &process, error);
    if (status != FND_OK) {
        return status;
    }
    struct fnd_noise noise = {0};
    struct fnd_error said = {0};
    const enum fnd_channel_state state = answer_wait(&process, &noise, json, &said);
    if (state == FND_CHANNEL_END) { /* it ends by itself: wait, so that the reason is its own */
        struct pollfd over = {.fd = process.pidfd, .events = POLLIN};
        (void)poll(&over, 1, FND_WORKER_GRACE_MS);
    }
    const struct fnd_process_end end = fnd_process_reap(&process);
    (void)fnd_noise_read(&noise, process.noise);
    if (state == FND_CHANNEL_MORE && json->size > 0) {
        status = FND_OK;
    } else if (state == FND_CHANNEL_MORE) {
        *error = said;
        status = FND_PLUGIN;
    } else {
        struct fnd_text text = {0};
        if (state == FND_CHANNEL_IDLE) {
            fnd_text_printf(&text, "its worker was not ready within %d s",
                            FND_WORKER_START_MS / 1000);
        } else if (state == FND_CHANNEL_BROKEN) {
            fnd_text_printf(&text, "its worker broke the protocol: %s", said.message);
        } else {
            fnd_text_append_z(&text, "its worker ended while it was loaded: ");
            fnd_process_end_text(&end, &confinement.limits, &text);
        }
        if (noise.text.size > 0) {
            const size_t size = noise.text.size < NOISE_SHOWN ? noise.text.size : NOISE_SHOWN;
            fnd_text_append_z(&text, "; it printed: ");
            fnd_text_append_visible(&text, noise.text.bytes + noise.text.size - size, size);
        }
        status = fnd_error_set(error, FND_PLUGIN, "%s cannot be described: %s", path, text.bytes);
        fnd_text_finish(&text);
    }
    fnd_noise_finish(&noise);
    fnd_process_finish(&process);
    return status;
}

/** The description of an open file, from the cache or by a worker. */
static enum fnd_status info_of(const struct fnd_catalog *catalog, int fd, const char *path,
                               struct fnd_plugin_info **info, struct fnd_error *error)
{
    struct stat stat;
    uint8_t hash[FND_DIGEST_SIZE];
    if (fstat(fd, &stat) != 0) {
        return fnd_error_errno(error, FND_IO, errno, "cannot look at %s", path);
    }
    if (!S_ISREG(stat.st_mode) || stat.st_size > OBJECT_SIZE_MAX) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s is no plugin: it is not a regular file of at "
                             "most 1 GiB",
                             path);
    }
    const int failure = lseek(fd, 0, SEEK_SET) < 0 ? errno : fnd_sha256_fd(fd, hash, NULL);
    if (failure != 0) {
        return fnd_error_errno(error, FND_PLUGIN, failure, "cannot read %s", path);
    }
    struct fnd_plugin_info *read = cache_read(catalog, hash, path);
    if (read == NULL) {
        struct fnd_text json = {0};
        enum fnd_status status = describe(catalog, fd, path, &json, error);
        if (status == FND_OK) {
            status = fnd_plugin_info_parse(json.bytes, json.size, path, &read, error);
        }
        if (status == FND_OK) {
            cache_write(catalog, hash, json.bytes, json.size);
        }
        fnd_text_finish(&json);
        if (status != FND_OK) {
            return status;
        }
    }
    memcpy(read->hash, hash, sizeof hash);
    *info = read;
    return FND_OK;
}

/** Whether the last entry's very file stands before it: its folder is named twice. */
static bool listed_already(const struct fnd_catalog *catalog, const struct entry *last)
{
    for (const struct entry *entry = catalog->list; entry < last; entry++) {
        if (entry->about.st_ino != 0 && entry->about.st_ino == last->about.st_ino &&
            entry->about.st_dev == last->about.st_dev) {
            return true;
        }
    }
    return false;
}

static void entry_add(const char *file, void *context)
{
    struct fnd_catalog *catalog = context;
    catalog->list = fnd_realloc(catalog->list, catalog->count + 1, sizeof *catalog->list);
    struct entry *entry = &catalog->list[catalog->count++];
    *entry = (struct entry){.path = fnd_strdup(file)};
    const int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &entry->about) == 0 && listed_already(catalog, entry)) {
        free(entry->path);
        catalog->count--;
        (void)close(fd);
        return;
    }
    if (fd < 0) {
        (void)fnd_error_errno(&entry->error, FND_PLUGIN, errno, "cannot open %s", file);
        return;
    }
    if (info_of(catalog, fd, file, &entry->info, &entry->error) != FND_OK) {
        fnd_log(catalog->log, FND_LOG_DEBUG, "worker", NULL, NULL, "%s", entry->error.message);
    }
    (void)close(fd);
}

enum fnd_status fnd_catalog_create(const struct fnd_catalog_options *options,
                                   struct fnd_catalog **catalog, struct fnd_error *error)
{
    char *program = fnd_worker_program(options->worker_program, error);
    if (program == NULL) {
        return FND_PLUGIN;
    }
    if (access(program, X_OK) != 0) {
        const int why = errno;
        (void)fnd_error_errno(error, FND_PLUGIN, why, "cannot run %s", program);
        free(program);
        return FND_PLUGIN;
    }
    struct fnd_catalog *made = fnd_alloc(sizeof *made);
    made->program = program;
    made->path = options->path == NULL ? fnd_catalog_path() : fnd_strdup(options->path);
    made->cache = cache_folder();
    made->log = options->log;
    made->landlock_abi_max = options->landlock_abi_max;
    fnd_digest_setup();
    fnd_plugin_files(made->path, entry_add, made);
    *catalog = made;
    return FND_OK;
}

enum fnd_status fnd_catalog_again(const struct fnd_catalog *catalog, struct fnd_catalog **fresh,
                                  struct fnd_error *error)
{
    const struct fnd_catalog_options options = {.path = catalog->path,
                                                .worker_program = catalog->program,
                                                .log = catalog->log,
                                                .landlock_abi_max = catalog->landlock_abi_max};
    return fnd_catalog_create(&options, fresh, error);
}

void fnd_catalog_destroy(struct fnd_catalog *catalog)
{
    if (catalog == NULL) {
        return;
    }
    for (size_t i = 0; i < catalog->count; i++) {
        fnd_plugin_info_destroy(catalog->list[i].info);
        free(catalog->list[i].path);
    }
    for (size_t i = 0; i < catalog->files_count; i++) {
        fnd_plugin_info_destroy(catalog->files[i]);
    }
    free(catalog->files);
    free(catalog->list);
    free(catalog->path);
    free(catalog->program);
    free(catalog->cache);
    free(catalog);
}

size_t fnd_catalog_count(const struct fnd_catalog *catalog)
{
    return catalog->count;
}

const struct fnd_plugin_info *fnd_catalog_get(const struct fnd_catalog *catalog, size_t index,
                                              const char **path, const struct fnd_error **error)
{
    const struct entry *entry = &catalog->list[index];
    if (path != NULL) {
        *path = entry->path;
    }
    if (error != NULL) {
        *error = &entry->error;
    }
    return entry->info;
}

/** Whether a file is called ID.so. */
static bool named_after(const char *path, const char *id)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    const size_t size = strlen(id);
    return strncmp(name, id, size) == 0 && strcmp(name + size, ".so") == 0;
}

static enum fnd_status not_found(const struct fnd_catalog *catalog, const char *id,
                                 struct fnd_error *error)
{
    const char **candidates = fnd_realloc(NULL, catalog->count + 1, sizeof *candidates);
    size_t count = 0;
    for (size_t i = 0; i < catalog->count; i++) {
        if (catalog->list[i].info != NULL) {
            candidates[count++] = catalog->list[i].info->id;
        }
    }
    candidates[count] = NULL;
    const char *nearest = fnd_nearest(id, candidates);
    (void)fnd_error_set(
        error, FND_NOT_FOUND,
        "there is no plugin \"%s\" in %s%s%s%s; `foundry-engine plugins list` shows "
        "what there is",
        id, catalog->path, nearest == NULL ? "" : "; did you mean \"",
        nearest == NULL ? "" : nearest, nearest == NULL ? "" : "\"?");
    fnd_error_code(error, "unknown_plugin");
    free(candidates);
    return FND_NOT_FOUND;
}

enum fnd_status fnd_catalog_find(const struct fnd_catalog *catalog, const char *id,
                                 const struct fnd_plugin_info **info, struct fnd_error *error)
{
    const struct fnd_plugin_info *found = NULL;
    const struct entry *broken = NULL;
    for (size_t i = 0; i < catalog->count; i++) {
        const struct entry *entry = &catalog->list[i];
        if (entry->info == NULL) {
            broken = named_after(entry->path, id) ? entry : broken;
            continue;
        }
        if (strcmp(entry->info->id, id) != 0) {
            continue;
        }
        if (found != NULL) {
            (void)fnd_error_set(error, FND_CONFLICT,
                                "two files have the plugin id \"%s\": %s and %s; take one of them "
                                "from the plugin path",
                                id, found->path, entry->info->path);
            fnd_error_code(error, "duplicate_plugin");
            return FND_CONFLICT;
        }
        found = entry->info;
    }
    if (found == NULL && broken != NULL) {
        if (error != NULL) {
            *error = broken->error;
        }
        return FND_PLUGIN;
    }
    if (found == NULL) {
        return not_found(catalog, id, error);
    }
    *info = found;
    return FND_OK;
}

enum fnd_status fnd_catalog_file(struct fnd_catalog *catalog, int fd, const char *path,
                                 const struct fnd_plugin_info **info, struct fnd_error *error)
{
    struct fnd_plugin_info *read = NULL;
    const enum fnd_status status = info_of(catalog, fd, path, &read, error);
    if (status != FND_OK) {
        return status;
    }
    catalog->files = fnd_realloc(catalog->files, catalog->files_count + 1, sizeof *catalog->files);
    catalog->files[catalog->files_count++] = read;
    *info = read;
    return FND_OK;
}
