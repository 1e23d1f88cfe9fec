/* SPDX-License-Identifier: MIT */
/* A folder of format `hf`, ours or a foreign one: rows with pictures, or rows alone, and the card.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "config/tree.h"
#include "dataset/hf.h"

/** Where rows may lie; a dataset has them in one place for each split. */
static const struct place {
    const char *path;
    enum fnd_split split;
} places[] = {
    {"train/metadata.jsonl", FND_SPLIT_TRAIN},
    {"data/train/metadata.jsonl", FND_SPLIT_TRAIN},
    {"data/train.jsonl", FND_SPLIT_TRAIN},
    {"train.jsonl", FND_SPLIT_TRAIN},
    {"metadata.jsonl", FND_SPLIT_TRAIN},
    {"validation/metadata.jsonl", FND_SPLIT_VALIDATION},
    {"data/validation/metadata.jsonl", FND_SPLIT_VALIDATION},
    {"data/validation.jsonl", FND_SPLIT_VALIDATION},
    {"validation.jsonl", FND_SPLIT_VALIDATION},
    {"test/metadata.jsonl", FND_SPLIT_TEST},
    {"data/test/metadata.jsonl", FND_SPLIT_TEST},
    {"data/test.jsonl", FND_SPLIT_TEST},
    {"test.jsonl", FND_SPLIT_TEST},
};

struct reading {
    struct fnd_checking *checking;
    int folder;
    const char *path;
    enum fnd_split split;
    size_t index;
};

/** The row's picture: there, a picture, and inside the folder. */
static void picture_append(struct reading *reading, size_t number, struct fnd_json row,
                           struct fnd_text *line)
{
    struct fnd_picture picture;
    struct fnd_error flaw = {0};
    struct fnd_text file = {0};
    char *name = fnd_json_strdup(fnd_json_member(row, "file_name"));
    const char *slash = strrchr(reading->path, '/');
    if (name == NULL || name[0] == '/' || strstr(name, "..") != NULL) {
        fnd_checking_tell(reading->checking, reading->path, number, false,
                          "/file_name: must be the name of a file below the row's folder");
        free(name);
        return;
    }
    fnd_text_append(&file, reading->path, slash != NULL ? (size_t)(slash + 1 - reading->path) : 0);
    fnd_text_append_z(&file, name);
    if (fnd_picture_read(reading->folder, fnd_text_z(&file), &picture, &flaw) != FND_OK) {
        fnd_checking_tell(reading->checking, reading->path, number, false, "/file_name: %s",
                          flaw.message);
    } else {
        fnd_text_append_z(line, ",\"file\":");
        fnd_text_append_json_z(line, fnd_text_z(&file));
        fnd_text_printf(line, ",\"sha256\":\"%s\",\"width\":%" PRIu32 ",\"height\":%" PRIu32,
                        picture.sha256, picture.width, picture.height);
    }
    fnd_text_finish(&file);
    free(name);
}

static void row_read(struct reading *reading, const struct fnd_text *text, size_t number)
{
    struct fnd_json row = {NULL, 0}, value = {NULL, 0};
    struct fnd_error flaw = {0};
    struct fnd_text line = {0};
    reading->index++;
    reading->checking->checked->lines++;
    if (fnd_json_check(fnd_text_z(text), text->size, NULL, &row, &flaw) != FND_OK ||
        fnd_json_type(row) != FND_JSON_OBJECT) {
        fnd_checking_tell(reading->checking, reading->path, number, false,
                          row.bytes != NULL ? "is no object%s" : "is no JSON: %s", flaw.message);
        return;
    }
    fnd_text_printf(&line, "{\"split\":\"%s\"", fnd_split_name(reading->split));
    if (fnd_json_member(row, "file_name").bytes != NULL) {
        picture_append(reading, number, row, &line);
    } else if (strstr(reading->path, "metadata.jsonl") != NULL) {
        fnd_checking_tell(reading->checking, reading->path, number, false,
                          "/file_name: is missing: the row's picture");
    }
    fnd_text_append_z(&line, ",\"row\":");
    fnd_text_append(&line, row.bytes, row.size);
    fnd_text_append_byte(&line, '}');
    if (fnd_json_check(line.bytes, line.size, NULL, &value, &flaw) == FND_OK) {
        fnd_checking_value(reading->checking, reading->path, number, value, reading->index);
    } else {
        fnd_checking_tell(reading->checking, reading->path, number, false, "%s", flaw.message);
    }
    fnd_text_finish(&line);
}

static void rows_read(struct reading *reading, FILE *file)
{
    struct fnd_text text = {0};
    size_t size = 0;
    bool ended = true;
    for (size_t number = 1; fnd_line_read(file, &text, &size, &ended); number++) {
        if (fnd_line_sound(reading->checking, reading->path, number, &text, size)) {
            row_read(reading, &text, number);
        }
        if (!ended) {
            fnd_checking_tell(reading->checking, reading->path, number, true,
                              "the file does not end with a newline");
        }
    }
    if (ferror(file)) {
        fnd_checking_tell(reading->checking, reading->path, 0, false, "cannot be read: %s",
                          strerror(errno));
    }
    fnd_text_finish(&text);
}

/* --- the card ------------------------------------------------------------------------------ */

/** Paths without a wildcard must be there. */
static void data_files_check(struct reading *reading, const struct fnd_node *config)
{
    const struct fnd_node *list = fnd_node_member(config, "data_files");
    for (const struct fnd_node *one = list != NULL ? list->child : NULL; one != NULL;
         one = one->next) {
        const struct fnd_node *path = fnd_node_member(one, "path");
        if (one->kind == FND_NODE_MAP && path != NULL && path->kind == FND_NODE_STRING &&
            strpbrk(path->text, "*?[{") == NULL &&
            faccessat(reading->folder, path->text, F_OK, 0) != 0) {
            fnd_checking_tell(reading->checking, "README.md", path->line, false,
                              "configs: there is no %s in the folder", path->text);
        }
    }
}

static void card_read(struct reading *reading)
{
    struct fnd_text text = {0};
    struct fnd_tree *tree = NULL;
    struct fnd_errors *errors = fnd_alloc(sizeof *errors);
    if (faccessat(reading->folder, "README.md", F_OK, 0) != 0 && errno == ENOENT) {
        fnd_checking_tell(reading->checking, "README.md", 0, true,
                          "is not there: the card that names licence and splits");
    } else if (fnd_folder_text(reading->checking, reading->folder, "README.md", &text)) {
        const char *head = fnd_text_z(&text);
        const char *end = strncmp(head, "---\n", 4) == 0 ? strstr(head + 3, "\n---\n") : NULL;
        if (end == NULL) {
            fnd_checking_tell(reading->checking, "README.md", 1, true,
                              "does not begin with a block of YAML between two lines `---`");
        } else if (fnd_tree_parse_yaml("README.md", head + 3, (size_t)(end + 1 - (head + 3)), &tree,
                                       errors) != FND_OK) {
            for (size_t i = 0; i < errors->count; i++) {
                fnd_checking_tell(reading->checking, "README.md", errors->list[i].line, true, "%s",
                                  errors->list[i].message);
            }
        } else {
            const struct fnd_node *configs = fnd_node_member(fnd_tree_root(tree), "configs");
            for (const struct fnd_node *config = configs != NULL ? configs->child : NULL;
                 config != NULL; config = config->next) {
                data_files_check(reading, config);
            }
        }
    }
    fnd_tree_destroy(tree);
    free(errors);
    fnd_text_finish(&text);
}

enum fnd_status fnd_hf_read(struct fnd_checking *checking, int folder, struct fnd_error *error)
{
    struct reading reading = {.checking = checking, .folder = folder};
    size_t found = 0;
    (void)error;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        reading.path = places[i].path;
        reading.split = places[i].split;
        int fd = fnd_file_open_below(folder, reading.path, 0);
        FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
        if (file != NULL) {
            found++;
            rows_read(&reading, file);
            fclose(file);
        } else if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR)) {
            fnd_checking_tell(checking, reading.path, 0, false, "cannot be opened: %s",
                              strerror(errno));
            close(fd);
        }
    }
    card_read(&reading);
    if (found == 0) {
        fnd_checking_tell(checking, NULL, 0, true,
                          "there are no rows: neither SPLIT/metadata.jsonl nor data/SPLIT.jsonl; "
                          "Parquet and CSV are not read");
    }
    return FND_OK;
}
