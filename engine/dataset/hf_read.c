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
#include "dataset/replace.h"

/** Where rows may lie: `%s` is a split by one of its names (Hugging Face Hub, "File names and
 *  splits"). */
static const char *const places[] = {"%s/metadata.jsonl", "data/%s/metadata.jsonl", "data/%s.jsonl",
                                     "%s.jsonl"};
static const struct keyword {
    const char *name;
    enum fnd_split split;
} keywords[] = {
    {"train", FND_SPLIT_TRAIN},
    {"training", FND_SPLIT_TRAIN},
    {"validation", FND_SPLIT_VALIDATION},
    {"valid", FND_SPLIT_VALIDATION},
    {"val", FND_SPLIT_VALIDATION},
    {"dev", FND_SPLIT_VALIDATION},
    {"test", FND_SPLIT_TEST},
    {"testing", FND_SPLIT_TEST},
    {"eval", FND_SPLIT_TEST},
    {"evaluation", FND_SPLIT_TEST},
};

struct reading {
    struct fnd_checking *checking;
    int folder;
    const char *path;
    enum fnd_split split;
    size_t index;
    struct fnd_text read; /* paths that were, a newline behind each */
};

/** Whether a name leads to what is below a folder. */
static bool goes_down(const char *name)
{
    bool down = name[0] != '/' && name[0] != '\0';
    for (const char *at = name; down && *at != '\0'; at += strspn(at, "/")) {
        const size_t size = strcspn(at, "/");
        down = size != 2 || strncmp(at, "..", 2) != 0;
        at += size;
    }
    return down;
}

/** The row's picture: there, a picture, and inside the folder. */
static void picture_append(struct reading *reading, size_t number, struct fnd_json row,
                           struct fnd_text *line)
{
    struct fnd_picture picture;
    struct fnd_error flaw = {0};
    struct fnd_text file = {0};
    char *name = fnd_json_strdup(fnd_json_member(row, "file_name"));
    const char *slash = strrchr(reading->path, '/');
    if (name == NULL || !goes_down(name)) {
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

/** Read the rows at a path, if there are any there. */
static bool place_read(struct reading *reading, const char *path, enum fnd_split split)
{
    reading->path = path;
    reading->split = split;
    int fd = fnd_file_open_below(reading->folder, path, 0);
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (file != NULL) {
        rows_read(reading, file);
        fclose(file);
        fnd_text_printf(&reading->read, "%s\n", path);
    } else if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR)) {
        fnd_checking_tell(reading->checking, path, 0, false, "cannot be opened: %s",
                          strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
    }
    return file != NULL;
}

/** Whether a path is among those that were read. */
static bool was_read(const struct reading *reading, const char *path)
{
    const size_t size = strlen(path);
    for (const char *at = fnd_text_z(&reading->read); *at != '\0'; at += strcspn(at, "\n") + 1) {
        if (strcspn(at, "\n") == size && strncmp(at, path, size) == 0) {
            return true;
        }
    }
    return false;
}

/** Rows that Hugging Face's reader would find by other names, or in other formats. */
static enum fnd_status others_tell(void *context, const char *path, bool regular,
                                   struct fnd_error *error)
{
    static const char *const endings[] = {".jsonl", ".csv", ".parquet"};
    const struct reading *reading = context;
    const char *dot = strrchr(path, '.');
    (void)regular;
    (void)error;
    for (size_t i = 0; dot != NULL && i < sizeof endings / sizeof endings[0]; i++) {
        if (strcmp(dot, endings[i]) == 0 && !was_read(reading, path)) {
            fnd_checking_tell(reading->checking, path, 0, true,
                              "is not read: rows are looked for in SPLIT/metadata.jsonl, "
                              "data/SPLIT.jsonl and SPLIT.jsonl");
        }
    }
    return FND_OK;
}

enum fnd_status fnd_hf_read(struct fnd_checking *checking, int folder, struct fnd_error *error)
{
    struct reading reading = {.checking = checking, .folder = folder};
    struct fnd_text path = {0};
    size_t found = 0;
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        for (size_t k = 0; k < sizeof places / sizeof places[0]; k++) {
            const char *mark = strstr(places[k], "%s");
            fnd_text_clear(&path);
            fnd_text_append(&path, places[k], (size_t)(mark - places[k]));
            fnd_text_printf(&path, "%s%s", keywords[i].name, mark + 2);
            found += place_read(&reading, fnd_text_z(&path), keywords[i].split);
        }
        if (i == 0) { /* without splits all is to train with */
            found += place_read(&reading, "metadata.jsonl", FND_SPLIT_TRAIN);
        }
    }
    reading.path = NULL;
    fnd_text_finish(&path);
    card_read(&reading);
    if (found == 0) {
        fnd_checking_tell(checking, NULL, 0, true,
                          "there are no rows: neither SPLIT/metadata.jsonl nor data/SPLIT.jsonl; "
                          "Parquet and CSV are not read");
    }
    enum fnd_status status = fnd_folder_walk(folder, others_tell, &reading, error);
    fnd_text_finish(&reading.read);
    return status;
}
