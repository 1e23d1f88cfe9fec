/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include "command/verify_deep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "dataset/dataset.h"
#include "dataset/why.h"
#include "review/review.h"

static const char ending[] = ".manifest.json";
static const char inside[] = "/manifest.json"; /* of a folder */
/* What each export that is a folder has beside its manifest. */
static const char *const tables[] = {"data.yaml", "README.md"};

struct exports {
    struct fnd_reader *reader;
    void (*flaw)(const char *sentence, void *context);
    void *context;
    struct fnd_verify_deep *result;
    int folder; /* out */
    int null;
    struct known { /* what EXPORT events tell of */
        int64_t event, size;
        char sha256[FND_DIGEST_TEXT_SIZE];
        char manifest[FND_DIGEST_TEXT_SIZE]; /* SHA-256 of its manifest's file */
        char table[FND_DIGEST_TEXT_SIZE];    /* of a folder: SHA-256 of what tells of all of it */
    } * known;
    size_t known_count;
};

static void flaw(struct exports *exports, const char *name, const char *what)
{
    struct fnd_text sentence = {0};
    exports->result->flaws++;
    fnd_text_append_z(&sentence, "out/");
    fnd_text_append_visible(&sentence, name, strlen(name));
    fnd_text_printf(&sentence, ": %s", what);
    exports->flaw(fnd_text_z(&sentence), exports->context);
    fnd_text_finish(&sentence);
}

/* The file beside the manifest has the bytes that the manifest tells of. */
static void check_file(struct exports *exports, const char *manifest, const char *wanted)
{
    char *name = fnd_strndup(manifest, strlen(manifest) - (sizeof ending - 1));
    uint8_t hash[FND_DIGEST_SIZE];
    char hex[FND_DIGEST_TEXT_SIZE];
    int fd = openat(exports->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    int rc = fd >= 0 ? fnd_sha256_fd(fd, hash, NULL) : errno;
    if (rc != 0) {
        flaw(exports, name, strerror(rc));
    } else {
        fnd_digest_text(hash, hex);
        if (strcmp(hex, wanted) != 0) {
            flaw(exports, name,
                 "its bytes are not what its manifest tells of; export again with --manifest");
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    free(name);
}

struct tells {
    struct exports *exports;
    const char *name;
};

static void folder_said(void *context, const struct fnd_dataset_note *note)
{
    const struct tells *tells = context;
    if (!note->warning) {
        struct fnd_text what = {0};
        fnd_text_printf(&what, "%s%s%s", note->file != NULL ? note->file : "",
                        note->file != NULL ? ": " : "", note->message);
        flaw(tells->exports, tells->name, fnd_text_z(&what));
        fnd_text_finish(&what);
    }
}

/* Where the record tells of an export of these bytes, its manifest is one that the record has. */
static void check_recorded(struct exports *exports, const char *name,
                           const struct fnd_manifest_about *about)
{
    int64_t event = 0;
    bool same = false;
    for (size_t i = 0; i < exports->known_count && !same; i++) {
        if (strcmp(exports->known[i].sha256, about->sha256) == 0) {
            event = exports->known[i].event;
            same = strcmp(exports->known[i].manifest, about->own_sha256) == 0;
        }
    }
    if (event > 0 && !same) {
        struct fnd_text what = {0};
        fnd_text_printf(&what,
                        "it is not the manifest that event %" PRId64
                        " recorded for these bytes; export again",
                        event);
        flaw(exports, name, fnd_text_z(&what));
        fnd_text_finish(&what);
    }
}

/* The files of a folder are those that the manifest in it tells of. */
static void check_folder(struct exports *exports, const char *manifest, const char *format)
{
    struct fnd_text path = {0};
    struct fnd_error error = {0};
    struct fnd_dataset_checked checked = {0};
    char *name = fnd_strndup(manifest, strlen(manifest) - (sizeof inside - 1));
    struct tells tells = {exports, name};
    fnd_text_printf(&path, "%s/out/%s", fnd_reader_path(exports->reader), name);
    enum fnd_status status =
        fnd_dataset_validate(fnd_text_z(&path), format, folder_said, &tells, &checked, &error);
    if (status != FND_OK && checked.errors == 0) {
        flaw(exports, name, error.message);
    }
    free(name);
    fnd_text_finish(&path);
}

/* Make it again from the record; its bytes must come out the same. */
static void check_manifest(struct exports *exports, const char *name)
{
    struct fnd_text path = {0};
    struct fnd_manifest_about about;
    struct fnd_error error = {0};
    struct fnd_export_result made = {0};
    const struct fnd_export_options options = {.out = "-", .fd = exports->null};
    fnd_text_printf(&path, "%s/out/%s", fnd_reader_path(exports->reader), name);
    enum fnd_status status = fnd_dataset_manifest(fnd_text_z(&path), &about, &error);
    if (status == FND_OK) {
        status = fnd_dataset_reproduce(exports->reader, fnd_text_z(&path), &options, &made, &error);
    }
    if (status == FND_OK) {
        exports->result->exports++;
        if (about.folder) {
            check_folder(exports, name, about.format);
        } else {
            check_file(exports, name, about.sha256);
        }
        check_recorded(exports, name, &about);
    } else if (status != FND_CONFLICT) { /* another directory's: not for this record to judge */
        flaw(exports, name, error.message);
    }
    fnd_export_result_finish(&made);
    fnd_text_finish(&path);
}

/* The hash of the file that is in each folder of its format. */
static void note_table(struct known *known, struct fnd_json manifest)
{
    struct fnd_json files = fnd_json_member(manifest, "files");
    for (struct fnd_json_walk walk = fnd_json_walk(files);
         files.bytes != NULL && fnd_json_next(&walk);) {
        struct fnd_json path = fnd_json_find(walk.value, "/0");
        if (fnd_json_text_is(path, tables[0]) || fnd_json_text_is(path, tables[1])) {
            char *hash = fnd_json_strdup(fnd_json_find(walk.value, "/1"));
            if (hash != NULL && strlen(hash) < sizeof known->table) {
                memcpy(known->table, hash, strlen(hash) + 1);
            }
            free(hash);
        }
    }
}

/* The hash of the manifest's file, which has a newline behind it; of a long one the event has it.
 */
static void note_manifest(struct known *known, struct fnd_json manifest)
{
    struct fnd_json brief = fnd_json_member(manifest, "manifest_sha256");
    char *told = brief.bytes != NULL ? fnd_json_strdup(brief) : NULL;
    if (told != NULL && strlen(told) < sizeof known->manifest) {
        memcpy(known->manifest, told, strlen(told) + 1);
    } else {
        struct fnd_sha256 hash;
        uint8_t digest[FND_DIGEST_SIZE];
        fnd_sha256_begin(&hash);
        fnd_sha256_add(&hash, manifest.bytes, manifest.size);
        fnd_sha256_add(&hash, "\n", 1);
        fnd_sha256_end(&hash, digest);
        fnd_digest_text(digest, known->manifest);
    }
    free(told);
}

static void note_known(int64_t event, struct fnd_json manifest, void *context)
{
    struct exports *exports = context;
    struct known known = {.event = event};
    char *sha256 = fnd_json_strdup(fnd_json_find(manifest, "/file/sha256"));
    struct fnd_json size = fnd_json_find(manifest, "/file/size");
    if (sha256 != NULL && strlen(sha256) < sizeof known.sha256 && size.bytes != NULL &&
        fnd_json_integer(size, &known.size)) {
        memcpy(known.sha256, sha256, strlen(sha256) + 1);
        note_manifest(&known, manifest);
        note_table(&known, manifest);
        exports->known =
            fnd_realloc(exports->known, exports->known_count + 1, sizeof *exports->known);
        exports->known[exports->known_count++] = known;
    }
    free(sha256);
}

/* An export whose manifest is gone: nobody can tell any more what is in it. Most files in out/ are
 * results of phases; only one of the size of an export on record is read. */
static void check_orphan(struct exports *exports, const char *name)
{
    struct fnd_text manifest = {0};
    struct stat about;
    uint8_t hash[FND_DIGEST_SIZE];
    char hex[FND_DIGEST_TEXT_SIZE] = "";
    fnd_text_printf(&manifest, "%s%s", name, ending);
    if (fstatat(exports->folder, name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(about.st_mode) &&
        fstatat(exports->folder, fnd_text_z(&manifest), &(struct stat){0}, AT_SYMLINK_NOFOLLOW) !=
            0) {
        for (size_t i = 0; i < exports->known_count; i++) {
            const struct known *known = &exports->known[i];
            if (known->size != about.st_size) {
                continue;
            }
            int fd = hex[0] == '\0' ? openat(exports->folder, name, O_RDONLY | O_CLOEXEC) : -1;
            if (fd >= 0 && fnd_sha256_fd(fd, hash, NULL) == 0) {
                fnd_digest_text(hash, hex);
            }
            if (fd >= 0) {
                close(fd);
            }
            if (strcmp(hex, known->sha256) == 0) {
                struct fnd_text what = {0};
                fnd_text_printf(&what,
                                "it is the export of event %" PRId64
                                ", and its manifest is missing; export again",
                                known->event);
                flaw(exports, name, fnd_text_z(&what));
                fnd_text_finish(&what);
                break;
            }
        }
    }
    fnd_text_finish(&manifest);
}

/* The same of a folder, which is known by the file that tells of all of it. */
static void check_orphan_folder(struct exports *exports, const char *name)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct fnd_text path = {0};
        uint8_t hash[FND_DIGEST_SIZE];
        char hex[FND_DIGEST_TEXT_SIZE] = "";
        fnd_text_printf(&path, "%s/%s", name, tables[i]);
        int fd = openat(exports->folder, fnd_text_z(&path),
                        O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd >= 0 && fnd_sha256_fd(fd, hash, NULL) == 0) {
            fnd_digest_text(hash, hex);
        }
        if (fd >= 0) {
            close(fd);
        }
        for (size_t k = 0; hex[0] != '\0' && k < exports->known_count; k++) {
            if (strcmp(hex, exports->known[k].table) == 0) {
                struct fnd_text what = {0};
                fnd_text_printf(&what,
                                "it is the export of event %" PRId64
                                ", and its manifest is missing; export again",
                                exports->known[k].event);
                flaw(exports, name, fnd_text_z(&what));
                fnd_text_finish(&what);
                break;
            }
        }
        fnd_text_finish(&path);
    }
}

static bool is_manifest(const char *name)
{
    const size_t size = strlen(name), ending_size = sizeof ending - 1;
    return size > ending_size && strcmp(name + size - ending_size, ending) == 0;
}

static enum fnd_status look_at_exports(struct exports *exports, struct fnd_error *error)
{
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/out", fnd_reader_path(exports->reader));
    exports->null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    exports->folder = open(fnd_text_z(&path), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *directory =
        exports->folder >= 0 ? fdopendir(fcntl(exports->folder, F_DUPFD_CLOEXEC, 0)) : NULL;
    enum fnd_status status = FND_OK;
    if (directory == NULL && errno != ENOENT) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot list %s",
                                 fnd_text_z(&path));
    }
    if (status == FND_OK && directory != NULL) {
        status = fnd_dataset_exports(exports->reader, note_known, exports, error);
    }
    for (const struct dirent *entry = directory != NULL ? readdir(directory) : NULL; entry != NULL;
         entry = readdir(directory)) {
        if (entry->d_name[0] != '.' && is_manifest(entry->d_name)) {
            check_manifest(exports, entry->d_name);
        } else if (entry->d_name[0] != '.') {
            struct fnd_text in_folder = {0};
            fnd_text_printf(&in_folder, "%s%s", entry->d_name, inside);
            if (faccessat(exports->folder, fnd_text_z(&in_folder), F_OK, 0) == 0) {
                check_manifest(exports, fnd_text_z(&in_folder));
            } else {
                check_orphan(exports, entry->d_name);
                check_orphan_folder(exports, entry->d_name);
            }
            fnd_text_finish(&in_folder);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    if (exports->folder >= 0) {
        close(exports->folder);
    }
    if (exports->null >= 0) {
        close(exports->null);
    }
    free(exports->known);
    fnd_text_finish(&path);
    return status;
}

enum fnd_status fnd_verify_deep(struct fnd_app *app, struct fnd_reader *reader,
                                void (*flaw_told)(const char *sentence, void *context),
                                void *context, struct fnd_verify_deep *result,
                                struct fnd_error *error)
{
    const struct fnd_deep_options options = {
        .kinds = fnd_review_kinds(), .log = &app->log, .flaw = flaw_told, .context = context};
    struct exports exports = {
        .reader = reader, .flaw = flaw_told, .context = context, .result = result};
    *result = (struct fnd_verify_deep){0};
    enum fnd_status status = fnd_deep_look(reader, &options, &result->run, error);
    return status == FND_OK ? look_at_exports(&exports, error) : status;
}
