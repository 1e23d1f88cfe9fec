/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_DIRECTORY, nftw */
#include "run/shadow_internal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "run/inputs.h"
#include "worker/pool.h"

enum { TREE_OPEN_MAX = 16 };

static int tree_entry(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)place;
    return kind == FTW_DP ? rmdir(path) : unlink(path);
}

static void tree_remove(const char *path)
{
    nftw(path, tree_entry, TREE_OPEN_MAX, FTW_DEPTH | FTW_PHYS);
}

void fnd_shadow_destroy(struct fnd_shadow *shadow)
{
    if (shadow == NULL) {
        return;
    }
    if (shadow->root != NULL) {
        tree_remove(shadow->root);
    }
    for (size_t i = 0; i < shadow->settings_count; i++) {
        free(shadow->settings[i]);
    }
    for (size_t i = 0; i < shadow->gates_count; i++) {
        free(shadow->gates[i].id);
    }
    for (size_t i = 0; i < 2; i++) {
        free(shadow->versions[i]);
        free(shadow->hashes[i]);
    }
    free(shadow->settings);
    free(shadow->root);
    free(shadow->directory);
    free(shadow->pipeline);
    free(shadow->plugins);
    free(shadow->id);
    free(shadow);
}

static char *below(const char *folder, const char *name)
{
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/%s", folder, name);
    return fnd_text_take(&path);
}

static enum fnd_status folder_make(const char *path, struct fnd_error *error)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST
               ? FND_OK
               : fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot make %s", path);
}

/** Remove what replays that were killed left behind. */
static void sweep(const char *shadows)
{
    DIR *directory = opendir(shadows);
    for (const struct dirent *entry = directory != NULL ? readdir(directory) : NULL; entry != NULL;
         entry = readdir(directory)) {
        const long pid = strtol(entry->d_name, NULL, 10);
        if (pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH) {
            char *path = below(shadows, entry->d_name);
            tree_remove(path);
            free(path);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
}

static enum fnd_status folders_make(struct fnd_shadow *shadow, struct fnd_error *error)
{
    struct fnd_text root = {0};
    char *shadows = below(fnd_reader_path(shadow->reader), ".foundry/shadow");
    enum fnd_status status = folder_make(shadows, error);
    sweep(shadows);
    fnd_text_printf(&root, "%s/%ld-XXXXXX", shadows, (long)getpid());
    if (status == FND_OK && mkdtemp(root.bytes) == NULL) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot make %s",
                                 fnd_text_z(&root));
    } else if (status == FND_OK) {
        shadow->root = fnd_text_take(&root);
        shadow->directory = below(shadow->root, "jobs");
        shadow->plugins = below(shadow->root, "plugins");
        shadow->pipeline = below(shadow->root, "pipeline.yaml");
        status = folder_make(shadow->directory, error);
    }
    if (status == FND_OK) {
        status = folder_make(shadow->plugins, error);
    }
    fnd_text_finish(&root);
    free(shadows);
    return status;
}

/** A link where the file system takes one, else a copy. */
static enum fnd_status file_share(const char *from, const char *to, struct fnd_error *error)
{
    char piece[65536];
    ssize_t got = 0;
    int failure = 0;
    if (link(from, to) == 0) {
        return FND_OK;
    }
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    failure = in < 0 ? errno : 0;
    int out = in >= 0 ? open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
    failure = in >= 0 && out < 0 ? errno : failure;
    while (failure == 0 && (got = read(in, piece, sizeof piece)) != 0) {
        failure = got < 0 ? errno : fnd_write_all(out, piece, (size_t)got);
    }
    if (in >= 0) {
        close(in);
    }
    if (out >= 0 && close(out) != 0 && failure == 0) {
        failure = errno;
    }
    return failure == 0 ? FND_OK
                        : fnd_error_errno(error, fnd_status_errno(failure), failure,
                                          "cannot bring %s to %s", from, to);
}

/* --- plugins ------------------------------------------------------------------------------- */

static enum fnd_status plugin_read(struct fnd_shadow *shadow, const char *file,
                                   const char *worker_program, const struct fnd_log *log,
                                   struct fnd_error *error)
{
    const struct fnd_catalog_options options = {
        .path = "", .worker_program = worker_program, .log = log};
    struct fnd_catalog *catalog = NULL;
    const struct fnd_plugin_info *info = NULL;
    char hash[FND_DIGEST_TEXT_SIZE];
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot open the plugin %s",
                               file);
    }
    enum fnd_status status = fnd_catalog_create(&options, &catalog, error);
    if (status == FND_OK) {
        status = fnd_catalog_file(catalog, fd, file, &info, error);
    }
    if (status == FND_OK) {
        fnd_digest_text(info->hash, hash);
        shadow->id = fnd_strdup(info->id);
        shadow->versions[1] = fnd_strdup(info->version);
        shadow->hashes[1] = fnd_strdup(hash);
    }
    fnd_catalog_destroy(catalog);
    close(fd);
    return status;
}

/** All plugins of the pin in one folder, one of them replaced. */
static enum fnd_status plugins_share(struct fnd_shadow *shadow, struct fnd_json pin,
                                     const char *file, struct fnd_error *error)
{
    struct fnd_json plugins = fnd_json_member(pin, "plugins");
    enum fnd_status status = FND_OK;
    bool found = false;
    assert(shadow->id != NULL); /* of the plugin, or of the model */
    for (struct fnd_json_walk walk = fnd_json_walk(plugins);
         status == FND_OK && fnd_json_next(&walk);) {
        struct fnd_text from = {0}, to = {0};
        char *key = fnd_json_strdup(walk.key);
        char *hash = fnd_json_strdup(fnd_json_member(walk.value, "sha256"));
        const bool replaced = file != NULL && strcmp(key, shadow->id) == 0;
        if (hash == NULL) {
            status =
                fnd_error_set(error, FND_DAMAGED,
                              "the pin does not tell which bytes plugin %s has; run verify", key);
            free(key);
            return status;
        }
        fnd_text_printf(&from, "%s/.foundry/plugins/%s.so", fnd_reader_path(shadow->reader), hash);
        fnd_text_printf(&to, "%s/%s.so", shadow->plugins, key);
        if (strchr(key, '/') != NULL) {
            status = fnd_error_set(error, FND_INVALID,
                                   "the pipeline names the plugin file %s; only plugins that it "
                                   "names by id can be replayed",
                                   key);
        } else {
            status = file_share(replaced ? file : fnd_text_z(&from), fnd_text_z(&to), error);
        }
        if (replaced) {
            found = true;
            shadow->versions[0] = fnd_json_strdup(fnd_json_member(walk.value, "version"));
            shadow->hashes[0] = fnd_strdup(hash);
        }
        free(key);
        free(hash);
        fnd_text_finish(&from);
        fnd_text_finish(&to);
    }
    return status == FND_OK && file != NULL && !found
               ? fnd_error_set(error, FND_NOT_FOUND,
                               "%s is plugin %s, and the pipeline does not use that", file,
                               shadow->id)
               : status;
}

/* --- the pipeline -------------------------------------------------------------------------- */

static int32_t phase_index(struct fnd_json phases, struct fnd_json id)
{
    char *name = fnd_json_strdup(id);
    int32_t found = -1;
    for (struct fnd_json_walk walk = fnd_json_walk(phases); fnd_json_next(&walk);) {
        if (name != NULL && fnd_json_text_is(fnd_json_member(walk.value, "id"), name)) {
            found = (int32_t)walk.index;
        }
    }
    free(name);
    return found;
}

static enum fnd_status gates_find(struct fnd_shadow *shadow, struct fnd_json phases,
                                  struct fnd_error *error)
{
    for (struct fnd_json_walk walk = fnd_json_walk(phases); fnd_json_next(&walk);) {
        struct fnd_json of = fnd_json_find(walk.value, "/with/of");
        if (!fnd_json_text_is(fnd_json_member(walk.value, "uses"), "foundry/human") ||
            of.bytes == NULL || shadow->gates_count == FND_SHADOW_GATES_MAX) {
            continue;
        }
        shadow->gates[shadow->gates_count++] =
            (struct gate){(int32_t)walk.index, phase_index(phases, of),
                          fnd_json_strdup(fnd_json_member(walk.value, "id"))};
    }
    return shadow->gates_count > 0
               ? FND_OK
               : fnd_error_set(error, FND_INVALID,
                               "the pipeline has no foundry/human: there is nothing that people "
                               "answered to compare with");
}

static enum fnd_status files_write(struct fnd_shadow *shadow, struct fnd_json pin,
                                   struct fnd_error *error)
{
    struct fnd_json files = fnd_json_member(pin, "files");
    enum fnd_status status = FND_OK;
    for (struct fnd_json_walk walk = fnd_json_walk(files);
         status == FND_OK && fnd_json_next(&walk);) {
        char *name = fnd_json_strdup(walk.key);
        struct fnd_text text = {0};
        fnd_json_text(walk.value, &text);
        char *path = below(shadow->root, name);
        if (strchr(strncmp(name, "./", 2) == 0 ? name + 2 : name, '/') != NULL) {
            status =
                fnd_error_set(error, FND_INVALID,
                              "the pipeline names %s, which lies in another folder; only files "
                              "beside it can be replayed",
                              name);
        } else {
            status = fnd_file_write(AT_FDCWD, path, fnd_text_z(&text), text.size, 0600, error);
        }
        fnd_text_finish(&text);
        free(path);
        free(name);
    }
    return status;
}

/** The pinned pipeline up to its last gate, as JSON, which is YAML. Every file is a job there, and
 *  is not copied. */
static enum fnd_status pipeline_write(struct fnd_shadow *shadow, struct fnd_json pin,
                                      struct fnd_error *error)
{
    static const char *const left[] = {"export", "notify", "inputs", "phases"};
    struct fnd_json canonical = fnd_json_member(pin, "canonical");
    struct fnd_json phases = fnd_json_member(canonical, "phases");
    struct fnd_text yaml = {0};
    enum fnd_status status = gates_find(shadow, phases, error);
    if (status != FND_OK) {
        return status;
    }
    fnd_text_append_z(&yaml, "{\"inputs\":{\"keep\":\"reference\"},\"phases\":[");
    const int32_t last = shadow->gates[shadow->gates_count - 1].gate;
    for (struct fnd_json_walk walk = fnd_json_walk(phases);
         fnd_json_next(&walk) && walk.index <= (size_t)last;) {
        fnd_text_append_z(&yaml, walk.index > 0 ? ",\n" : "\n");
        fnd_text_append(&yaml, walk.value.bytes, walk.value.size);
    }
    fnd_text_append_byte(&yaml, ']');
    for (struct fnd_json_walk walk = fnd_json_walk(canonical); fnd_json_next(&walk);) {
        bool kept = true;
        for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
            kept = kept && !fnd_json_text_is(walk.key, left[i]);
        }
        if (kept) {
            fnd_text_append_z(&yaml, ",\n");
            fnd_text_append(&yaml, walk.key.bytes, walk.key.size);
            fnd_text_append_z(&yaml, ": ");
            fnd_text_append(&yaml, walk.value.bytes, walk.value.size);
        }
    }
    fnd_text_append_z(&yaml, "}\n");
    status = fnd_file_write(AT_FDCWD, shadow->pipeline, yaml.bytes, yaml.size, 0600, error);
    fnd_text_finish(&yaml);
    return status == FND_OK ? files_write(shadow, pin, error) : status;
}

static void settings_read(struct fnd_shadow *shadow, struct fnd_json params)
{
    shadow->settings = fnd_alloc((fnd_json_count(params) + 1) * sizeof *shadow->settings);
    for (struct fnd_json_walk walk = fnd_json_walk(params); fnd_json_next(&walk);) {
        struct fnd_text setting = {0};
        fnd_json_text(walk.key, &setting);
        fnd_text_append_byte(&setting, '=');
        if (!fnd_json_text(walk.value, &setting)) {
            fnd_text_append(&setting, walk.value.bytes, walk.value.size);
        }
        shadow->settings[shadow->settings_count++] = fnd_text_take(&setting);
    }
}

enum fnd_status fnd_shadow_create(struct fnd_reader *reader, const char *pipeline,
                                  const char *plugin, const struct fnd_shadow_model *model,
                                  const char *worker_program, const struct fnd_log *log,
                                  struct fnd_shadow **shadow, struct fnd_error *error)
{
    struct fnd_shadow *made = fnd_alloc(sizeof *made);
    struct fnd_pin_row row = {0};
    struct fnd_text body = {0};
    struct fnd_json pin = {NULL, 0};
    made->reader = reader;
    enum fnd_status status = fnd_pin_latest(reader, pipeline, &row, error);
    if (status == FND_OK) {
        status = fnd_payload_get(reader, row.id, &body, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_json_check(fnd_text_z(&body), body.size, "pin", &pin, error);
    }
    if (status == FND_OK && plugin != NULL) {
        status = plugin_read(made, plugin, worker_program, log, error);
    } else if (status == FND_OK) {
        struct fnd_text id = {0};
        fnd_text_printf(&id, "model %s", model->name);
        made->id = fnd_text_take(&id);
    }
    if (status == FND_OK) {
        status = folders_make(made, error);
    }
    if (status == FND_OK) {
        status = plugins_share(made, pin, plugin, error);
    }
    if (status == FND_OK) {
        settings_read(made, fnd_json_member(pin, "params"));
        status = pipeline_write(made, pin, error);
    }
    if (status == FND_OK) {
        const struct fnd_json models = fnd_json_find(pin, "/canonical/models");
        status = fnd_shadow_models(made, pipeline, models, model, log, error);
    }
    if (status == FND_OK) {
        *shadow = made;
    } else {
        fnd_shadow_destroy(made);
    }
    free(row.pipeline);
    fnd_text_finish(&body);
    return status;
}

/* --- inputs -------------------------------------------------------------------------------- */

static enum fnd_status parents_make(const char *directory, const char *path,
                                    struct fnd_error *error)
{
    char *whole = below(directory, path);
    enum fnd_status status = FND_OK;
    for (char *slash = strchr(whole + strlen(directory) + 1, '/');
         status == FND_OK && slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        status = folder_make(whole, error);
        *slash = '/';
    }
    free(whole);
    return status;
}

/** Whether a job's path stays below a folder and is taken in there: what was submitted may be
 * called anything. */
static bool path_is_plain(const char *path)
{
    bool plain = strncmp(path, "out/", 4) != 0;
    for (const char *at = path; plain && at != NULL; at = strchr(at, '/')) {
        at += at != path; /* behind a slash, from the second part on */
        plain = *at != '.' && *at != '/' && *at != '\0';
    }
    return plain;
}

/** The bytes are those on record. */
static enum fnd_status bytes_check(const char *file, const char *hex, struct fnd_error *error)
{
    uint8_t digest[FND_DIGEST_SIZE];
    char found[FND_DIGEST_TEXT_SIZE] = "";
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int rc = fd >= 0 ? fnd_sha256_fd(fd, digest, NULL) : errno;
    if (fd >= 0) {
        close(fd);
    }
    if (rc != 0) {
        return fnd_error_errno(error, fnd_status_errno(rc), rc, "cannot read the input %s", file);
    }
    fnd_digest_text(digest, found);
    return strcmp(found, hex) == 0
               ? FND_OK
               : fnd_error_set(error, FND_DAMAGED, "%s is not what came in: its hash is another",
                               file);
}

static enum fnd_status file_add(struct fnd_shadow *shadow, const struct fnd_job_row *job,
                                struct fnd_json about, bool kept, char **path,
                                struct fnd_error *error)
{
    struct fnd_text from = {0};
    char *hex = fnd_json_strdup(fnd_json_member(about, "sha256"));
    uint8_t hash[FND_DIGEST_SIZE] = {0};
    char name[FND_ARTIFACT_PATH_SIZE];
    fnd_unhex(hex, strlen(hex), hash, sizeof hash);
    fnd_artifact_path(hash, name);
    fnd_text_printf(&from, "%s/%s%s", fnd_reader_path(shadow->reader), kept ? ".foundry/" : "",
                    kept ? name : job->path);
    enum fnd_status status = bytes_check(fnd_text_z(&from), hex, error);
    if (status == FND_OK && !path_is_plain(job->path)) {
        status = fnd_error_set(error, FND_INVALID, "its path %s is none that a file there can have",
                               job->path);
    }
    if (status == FND_OK) {
        status = parents_make(shadow->directory, job->path, error);
    }
    if (status == FND_OK) {
        char *to = below(shadow->directory, job->path);
        status = file_share(fnd_text_z(&from), to, error);
        free(to);
    }
    if (status == FND_OK) {
        struct fnd_text identity = {0}; /* as the file of that name will be called */
        fnd_input_identity(&identity, job->path);
        *path = fnd_text_take(&identity);
    }
    fnd_text_finish(&from);
    free(hex);
    return status;
}

enum fnd_status fnd_shadow_add(struct fnd_shadow *shadow, const struct fnd_job_row *job,
                               char **path, struct fnd_error *error)
{
    struct fnd_text body = {0}, name = {0};
    struct fnd_json document = {NULL, 0};
    enum fnd_status status = fnd_payload_get(shadow->reader, job->id, &body, NULL, error);
    if (status == FND_OK) {
        status = fnd_json_check(fnd_text_z(&body), body.size, "job", &document, error);
    }
    struct fnd_json kept = fnd_json_find(document, "/artifacts/input");
    struct fnd_json named = fnd_json_find(document, "/references/input");
    if (status == FND_OK && (kept.bytes != NULL || named.bytes != NULL)) {
        status = file_add(shadow, job, kept.bytes != NULL ? kept : named, kept.bytes != NULL, path,
                          error);
    } else if (status == FND_OK) {
        struct fnd_json input = fnd_json_member(document, "input");
        fnd_text_printf(&name, "%" PRId64 ".job.json", job->id);
        char *to = below(shadow->directory, fnd_text_z(&name));
        status = fnd_file_write(AT_FDCWD, to, input.bytes, input.size, 0600, error);
        free(to);
        if (status == FND_OK) {
            *path = fnd_text_take(&name);
        }
    }
    fnd_text_finish(&body);
    fnd_text_finish(&name);
    return status;
}

/* --- what it is ---------------------------------------------------------------------------- */

const char *fnd_shadow_directory(const struct fnd_shadow *shadow)
{
    return shadow->directory;
}

const char *fnd_shadow_pipeline(const struct fnd_shadow *shadow)
{
    return shadow->pipeline;
}

const char *fnd_shadow_plugin_path(const struct fnd_shadow *shadow)
{
    return shadow->plugins;
}

const char *fnd_shadow_plugin_id(const struct fnd_shadow *shadow)
{
    return shadow->id;
}

const char *fnd_shadow_version(const struct fnd_shadow *shadow, bool replaced)
{
    return shadow->versions[replaced];
}

const char *fnd_shadow_hash(const struct fnd_shadow *shadow, bool replaced)
{
    return shadow->hashes[replaced];
}

size_t fnd_shadow_gates(const struct fnd_shadow *shadow)
{
    return shadow->gates_count;
}

void fnd_shadow_gate(const struct fnd_shadow *shadow, size_t index, int32_t *gate, int32_t *subject,
                     const char **id)
{
    *gate = shadow->gates[index].gate;
    *subject = shadow->gates[index].subject;
    *id = shadow->gates[index].id;
}

const char *const *fnd_shadow_settings(const struct fnd_shadow *shadow)
{
    return (const char *const *)shadow->settings;
}
