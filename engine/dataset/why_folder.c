/* SPDX-License-Identifier: MIT */
/* `why` of a file in an export that is a folder: rows of `hf`, label lines and names of `yolo`. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataset/bundle.h"
#include "dataset/folder.h"
#include "dataset/frame.h"
#include "dataset/why_internal.h"
#include "dataset/yolo.h"

enum { FOLDERS_MAX = 3 }; /* below the export's own */

bool fnd_why_folder_find(struct fnd_why *why, struct fnd_text *manifest)
{
    const char *file = why->question->file;
    const char *end = strrchr(file, '/');
    for (size_t i = 0; i <= FOLDERS_MAX; i++) {
        fnd_text_clear(manifest);
        fnd_text_append(manifest, end != NULL ? file : ".", end != NULL ? (size_t)(end - file) : 1);
        fnd_text_append_z(manifest, "/" FND_BUNDLE_MANIFEST);
        if (access(fnd_text_z(manifest), F_OK) == 0) {
            why->inside = fnd_strdup(end != NULL ? end + 1 : file);
            return true;
        }
        if (end == NULL) {
            break;
        }
        do { /* the folder above */
            end = end > file ? end - 1 : NULL;
        } while (end != NULL && *end != '/');
    }
    fnd_text_clear(manifest);
    return false;
}

/** Whether `path` is all of `file`, or its end behind a slash. */
static bool ends_with(const char *file, const char *path)
{
    const size_t size = strlen(file), wanted = strlen(path);
    return size >= wanted && strcmp(file + size - wanted, path) == 0 &&
           (size == wanted || file[size - wanted - 1] == '/');
}

/** The hash that a manifest has for a file of the folder; no value: it does not know it. */
static struct fnd_json hash_of(struct fnd_json manifest, const char *inside)
{
    struct fnd_json files = fnd_json_member(manifest, "files");
    for (struct fnd_json_walk walk = fnd_json_walk(files);
         files.bytes != NULL && fnd_json_next(&walk);) {
        if (fnd_json_text_is(fnd_json_find(walk.value, "/0"), inside)) {
            return fnd_json_find(walk.value, "/1");
        }
    }
    return (struct fnd_json){NULL, 0};
}

bool fnd_why_folder_tells(struct fnd_why *why, struct fnd_json manifest)
{
    struct fnd_json files = fnd_json_member(manifest, "files");
    if (files.bytes == NULL) {
        return false;
    }
    if (why->inside != NULL) {
        const struct fnd_json hash = hash_of(manifest, why->inside);
        return hash.bytes != NULL && fnd_json_text_is(hash, why->sha256);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(files); fnd_json_next(&walk);) {
        char *path = fnd_json_strdup(fnd_json_find(walk.value, "/0"));
        if (path != NULL && fnd_json_text_is(fnd_json_find(walk.value, "/1"), why->sha256) &&
            ends_with(why->question->file, path)) {
            why->inside = path;
            return true;
        }
        free(path);
    }
    return false;
}

void fnd_why_folder_check(struct fnd_why *why)
{
    char told[FND_DIGEST_TEXT_SIZE] = "no such file";
    const bool known = why->inside != NULL && fnd_manifest_file(&why->manifest, why->inside, told);
    if (!known || strcmp(told, why->sha256) != 0) {
        fnd_why_broken(why, "export",
                       "%s has the SHA-256 %s, and the manifest of its folder tells of %s: it was "
                       "altered; make it again with export --manifest",
                       why->question->file, why->sha256, told);
    }
}

/* --- lines --------------------------------------------------------------------------------- */

static bool number_find(struct fnd_why *why, int64_t number)
{
    for (size_t i = 0; i < why->plan.count; i++) {
        if (why->plan.numbers[i] == number) {
            why->index = i;
            return true;
        }
    }
    return false;
}

/** The record that a picture's name, or that of its labels, tells of. */
static bool named_find(struct fnd_why *why, const char *name)
{
    char *end = NULL;
    const long long number = strtoll(name, &end, 10);
    return end != name && *end == '.' && number_find(why, number);
}

/** The row of a text: it stands where its record stands among those of its split. */
static bool pair_find(struct fnd_why *why)
{
    size_t left = why->question->line;
    for (size_t i = 0; i < why->plan.count; i++) {
        struct fnd_datum datum = {0};
        char path[64];
        /* One that cannot be read has a split all the same, which is not known: what follows it
         * in the file is then told of the wrong record, whose line differs. */
        if (fnd_datum_load(&why->plan, why->plan.numbers[i], &datum, NULL) == FND_OK) {
            (void)snprintf(path, sizeof path, "data/%s.jsonl", fnd_split_name(datum.split));
            left -= strcmp(path, why->inside) == 0;
        }
        fnd_datum_finish(&datum);
        if (left == 0) {
            why->index = i;
            return true;
        }
    }
    return false;
}

static bool row_read(struct fnd_why *why)
{
    if (fnd_json_check(fnd_text_z(&why->text), why->text.size, NULL, &why->line, NULL) != FND_OK ||
        fnd_json_type(why->line) != FND_JSON_OBJECT) {
        return false;
    }
    why->table = "hf";
    char *name = fnd_json_strdup(fnd_json_member(why->line, "file_name"));
    const bool found = name != NULL ? named_find(why, name) : pair_find(why);
    free(name);
    return found;
}

/** A label line as an object. */
static bool label_read(struct fnd_why *why)
{
    static const char *const names[] = {"class", "x_center", "y_center", "width", "height"};
    const char *slash = strrchr(why->inside, '/');
    const char *at = fnd_text_z(&why->text);
    for (size_t i = 0; i < 5; i++) {
        const size_t size = strcspn(at, " ");
        fnd_text_printf(&why->row, "%s\"%s\":", i > 0 ? "," : "{", names[i]);
        fnd_text_append(&why->row, at, size);
        at += size + (at[size] == ' ');
    }
    fnd_text_append_byte(&why->row, '}');
    why->box = why->question->line - 1;
    why->table = "yolo";
    return slash != NULL && *at == '\0' && named_find(why, slash + 1) &&
           fnd_json_check(why->row.bytes, why->row.size, NULL, &why->line, NULL) == FND_OK;
}

/** `  NUMBER: "NAME"` of data.yaml, as we write it. */
static bool class_read(struct fnd_why *why)
{
    const char *text = fnd_text_z(&why->text);
    const char *colon = strstr(text, ": \"");
    if (strncmp(text, "  ", 2) != 0 || colon == NULL) {
        return false;
    }
    fnd_text_append_z(&why->row, "{\"number\":");
    fnd_text_append(&why->row, text + 2, (size_t)(colon - text) - 2);
    fnd_text_printf(&why->row, ",\"name\":%s}", colon + 2);
    why->table = "yolo class";
    if (fnd_json_check(why->row.bytes, why->row.size, NULL, &why->line, NULL) != FND_OK) {
        return false;
    }
    why->index = fnd_why_labelled(why, fnd_json_member(why->line, "name"));
    return why->plan.count > 0;
}

bool fnd_why_folder_line(struct fnd_why *why)
{
    if (why->inside == NULL || why->text.size == 0) {
        return false;
    }
    return strcmp(why->plan.format->name, "yolo") != 0 ? row_read(why)
           : strcmp(why->inside, "data.yaml") == 0     ? class_read(why)
                                                       : label_read(why);
}

enum fnd_status fnd_why_folder_again(struct fnd_why *why, struct fnd_text *line,
                                     struct fnd_error *error)
{
    struct fnd_text made = {0}, labels = {0};
    struct fnd_json json = {NULL, 0};
    if (strcmp(why->table, "yolo class") == 0) { /* a class stands in the manifest */
        fnd_text_append(line, why->text.bytes, why->text.size);
        return FND_OK;
    }
    enum fnd_status status = why->plan.format->line(&why->plan, &why->datum, &made, error);
    if (status == FND_OK) {
        status = fnd_json_check(made.bytes, made.size, NULL, &json, error);
    }
    if (status == FND_OK && strcmp(why->table, "hf") == 0) {
        fnd_json_compact(fnd_json_member(json, "row"), line);
    } else if (status == FND_OK) {
        const char *at = NULL;
        fnd_yolo_labels(&why->plan, json, &labels);
        at = fnd_text_z(&labels);
        for (size_t i = 0; i < why->box && at != NULL; i++) {
            at = strchr(at, '\n');
            at = at != NULL ? at + 1 : NULL;
        }
        fnd_text_append(line, at, at != NULL ? strcspn(at, "\n") : 0);
    }
    fnd_text_finish(&made);
    fnd_text_finish(&labels);
    return status;
}
