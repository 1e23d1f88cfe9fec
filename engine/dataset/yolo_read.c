/* SPDX-License-Identifier: MIT */
/* A folder of format `yolo`, ours or a foreign one: data.yaml, pictures, labels. */
#define _GNU_SOURCE /* O_DIRECTORY */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "config/tree.h"
#include "dataset/replace.h"
#include "dataset/yolo.h"

enum { CLASSES_MAX = 10000, VALUES = 5, SEEN_SIZE = 16 /* bytes of a path's hash */ };
static const char yaml_name[] = "data.yaml";

struct yolo {
    struct fnd_checking *checking;
    int folder;
    char **names; /* of classes, by number */
    size_t names_count;
    uint8_t (*seen)[SEEN_SIZE]; /* label files of pictures: there are as many as those */
    size_t seen_count, seen_capacity;
    const char *base; /* of the pictures of a split */
    enum fnd_split split;
    size_t index;
};

void fnd_yolo_labels_path(const char *picture, struct fnd_text *path)
{
    const char *found = NULL;
    for (const char *at = strstr(picture, "images/"); at != NULL; at = strstr(at + 1, "images/")) {
        found = at == picture || at[-1] == '/' ? at : found;
    }
    const char *dot = strrchr(picture, '.');
    const size_t size = dot != NULL ? (size_t)(dot - picture) : strlen(picture);
    if (found != NULL) {
        const size_t before = (size_t)(found - picture);
        fnd_text_append(path, picture, before);
        fnd_text_append_z(path, "labels/");
        fnd_text_append(path, found + strlen("images/"), size - before - strlen("images/"));
    } else {
        fnd_text_append(path, picture, size);
    }
    fnd_text_append_z(path, ".txt");
}

/* --- a label file -------------------------------------------------------------------------- */

/** A number as Python reads it, where it is finite: JSON's, and with a plus, zeros in front, and
 *  nothing on one side of the point. '.' in every locale. */
static bool value_read(const char *word, size_t size, double *value)
{
    enum { WORD_SIZE_MAX = 64 };
    struct fnd_text plain = {0};
    struct fnd_json number = {NULL, 0};
    const char *at = word, *end = word + size;
    if (size == 0 || size > WORD_SIZE_MAX || memchr(word, '\0', size) != NULL) {
        return false;
    }
    fnd_text_append_z(&plain, *at == '-' ? "-" : "");
    at += *at == '-' || *at == '+';
    const char *whole = at;
    while (at < end && *at >= '0' && *at <= '9') {
        at++;
    }
    const char *point = at;
    const char *digits = whole;
    while (digits + 1 < point && *digits == '0') {
        digits++;
    }
    const bool fraction = at < end && *at == '.' && at + 1 < end && at[1] >= '0' && at[1] <= '9';
    bool read = point > whole || fraction;
    fnd_text_append_z(&plain, point > whole ? "" : "0");
    fnd_text_append(&plain, digits, (size_t)(point - digits));
    at += at < end && *at == '.' && !fraction;
    fnd_text_append(&plain, at, (size_t)(end - at));
    read = read && fnd_json_check(plain.bytes, plain.size, NULL, &number, NULL) == FND_OK &&
           fnd_json_type(number) == FND_JSON_NUMBER && fnd_json_number(number, value) &&
           isfinite(*value);
    fnd_text_finish(&plain);
    return read;
}

/** What is wrong with a line's five values; NULL: nothing. */
static void values_check(struct yolo *yolo, const char *file, size_t line, const double v[VALUES])
{
    static const char *const names[] = {"class", "x_center", "y_center", "width", "height"};
    if (v[0] < 0 || v[0] != floor(v[0]) || v[0] >= (double)yolo->names_count) {
        fnd_checking_tell(yolo->checking, file, line, false,
                          "class: is %g, and data.yaml names %zu classes, counted from 0", v[0],
                          yolo->names_count);
    }
    for (size_t i = 1; i < VALUES; i++) {
        if (v[i] < 0 || v[i] > 1) {
            fnd_checking_tell(yolo->checking, file, line, false,
                              "%s: is %g; places are shares of the picture, from 0 to 1", names[i],
                              v[i]);
            return;
        }
    }
    if (!(v[3] > 0 && v[4] > 0)) {
        fnd_checking_tell(yolo->checking, file, line, false, "%s: the box is empty",
                          v[3] > 0 ? names[4] : names[3]);
    } else if (v[1] - v[3] / 2 < -2e-6 || v[1] + v[3] / 2 > 1 + 2e-6 || v[2] - v[4] / 2 < -2e-6 ||
               v[2] + v[4] / 2 > 1 + 2e-6) {
        fnd_checking_tell(yolo->checking, file, line, false,
                          "the box passes the picture's edge: its place is that of its centre");
    }
}

/** One line of a label file: five words. True: `v` holds them. */
static bool words_read(struct yolo *yolo, const char *file, size_t line, const char *at,
                       const char *end, double v[VALUES])
{
    size_t count = 0;
    while (at < end) {
        const char *word = at;
        while (at < end && *at != ' ' && *at != '\t') {
            at++;
        }
        if (at > word && count < VALUES && !value_read(word, (size_t)(at - word), &v[count])) {
            fnd_checking_tell(yolo->checking, file, line, false, "value %zu: \"%.*s\" is no number",
                              count + 1, (int)(at - word > 40 ? 40 : at - word), word);
            return false;
        }
        count += at > word;
        at += at < end;
    }
    if (count != VALUES) {
        fnd_checking_tell(yolo->checking, file, line, false,
                          "has %zu values; each line holds class, x_center, y_center, width and "
                          "height",
                          count);
    }
    return count == VALUES;
}

static void box_add(const struct yolo *yolo, const struct fnd_picture *picture,
                    const double v[VALUES], struct fnd_boxes *boxes)
{
    struct fnd_box box = {.width = v[3] * picture->width, .height = v[4] * picture->height};
    box.x = fmax(v[1] * picture->width - box.width / 2, 0);
    box.y = fmax(v[2] * picture->height - box.height / 2, 0);
    const bool known = v[0] >= 0 && v[0] < (double)yolo->names_count;
    box.label = fnd_strdup(known ? yolo->names[(size_t)v[0]] : "");
    boxes->list = fnd_realloc(boxes->list, boxes->count + 1, sizeof *boxes->list);
    boxes->list[boxes->count++] = box;
}

static void labels_read(struct yolo *yolo, const char *file, const struct fnd_picture *picture,
                        struct fnd_boxes *boxes)
{
    struct fnd_text text = {0};
    if (faccessat(yolo->folder, file, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
        return; /* background */
    }
    if (fnd_folder_text(yolo->checking, yolo->folder, file, &text)) {
        const char *at = fnd_text_z(&text), *end = at + text.size;
        for (size_t line = 1; at < end; line++) {
            const char *stop = memchr(at, '\n', (size_t)(end - at));
            double v[VALUES] = {0};
            stop = stop != NULL ? stop : end;
            if (stop > at && words_read(yolo, file, line, at, stop, v)) {
                values_check(yolo, file, line, v);
                box_add(yolo, picture, v, boxes);
            }
            at = stop + 1;
        }
    }
    fnd_text_finish(&text);
}

/* --- pictures ------------------------------------------------------------------------------ */

static void seen_hash(const char *path, uint8_t hash[SEEN_SIZE])
{
    uint8_t digest[FND_DIGEST_SIZE];
    fnd_sha256(path, strlen(path), digest);
    memcpy(hash, digest, SEEN_SIZE);
}

static void seen_add(struct yolo *yolo, const char *path)
{
    if (yolo->seen_count == yolo->seen_capacity) {
        yolo->seen_capacity = yolo->seen_capacity == 0 ? 64 : yolo->seen_capacity * 2;
        yolo->seen = fnd_realloc(yolo->seen, yolo->seen_capacity, sizeof *yolo->seen);
    }
    seen_hash(path, yolo->seen[yolo->seen_count++]);
}

/** One picture and what its label file says. */
static void picture_check(struct yolo *yolo, const char *file)
{
    struct fnd_picture picture = {0};
    struct fnd_boxes boxes = {0};
    struct fnd_text labels = {0}, line = {0};
    struct fnd_error flaw = {0};
    yolo->checking->checked->lines++;
    yolo->index++;
    enum fnd_status status = fnd_picture_read(yolo->folder, file, &picture, &flaw);
    if (status != FND_OK) {
        fnd_checking_tell(yolo->checking, file, 0, false, "%s", flaw.message);
    } else if (picture.width == 0) {
        fnd_checking_tell(yolo->checking, file, 0, false, "is no PNG or JPEG that tells its size");
    }
    fnd_yolo_labels_path(file, &labels);
    const size_t errors = yolo->checking->checked->errors;
    labels_read(yolo, fnd_text_z(&labels), &picture, &boxes);
    if (status == FND_OK && picture.width > 0 && errors == yolo->checking->checked->errors) {
        struct fnd_json value = {NULL, 0};
        fnd_yolo_line(file, yolo->split, &picture, &boxes, &line);
        if (fnd_json_check(line.bytes, line.size, NULL, &value, &flaw) == FND_OK) {
            fnd_checking_value(yolo->checking, file, 0, value, yolo->index);
        } else {
            fnd_checking_tell(yolo->checking, file, 0, false, "%s", flaw.message);
        }
    }
    seen_add(yolo, fnd_text_z(&labels));
    fnd_boxes_finish(&boxes);
    fnd_text_finish(&labels);
    fnd_text_finish(&line);
}

static enum fnd_status picture_found(void *context, const char *path, bool regular,
                                     struct fnd_error *error)
{
    struct yolo *yolo = context;
    struct fnd_text file = {0};
    (void)error;
    fnd_text_printf(&file, "%s/%s", yolo->base, path);
    if (fnd_picture_named(path) && regular) {
        picture_check(yolo, fnd_text_z(&file));
    } else if (fnd_picture_named(path)) {
        yolo->checking->checked->lines++;
        yolo->index++;
        fnd_checking_tell(yolo->checking, fnd_text_z(&file), 0, false, "it is no regular file");
    }
    fnd_text_finish(&file);
    return FND_OK;
}

/** Whether a name that the folder's files give leads down only. */
static bool goes_down(const char *name)
{
    return name[0] != '/' && name[0] != '\0' && strncmp(name, "../", 3) != 0 &&
           strstr(name, "/../") == NULL && strcmp(name, "..") != 0;
}

/** One line of a text that names pictures below the folder, from it. */
static void name_read(struct yolo *yolo, const char *list, size_t line, const char *at, size_t size)
{
    char *copy = fnd_strndup(at, size);
    const char *name = strncmp(copy, "./", 2) == 0 ? copy + 2 : copy;
    const char *wrong = NULL;
    if (size == 0) {
        wrong = "is empty; each line names a picture";
    } else if (memchr(at, '\0', size) != NULL) {
        wrong = "holds a NUL";
    } else if (!goes_down(name)) {
        wrong = "only pictures below this folder can be checked";
    } else if (!fnd_picture_named(name)) {
        wrong = "is no picture, by its name's end";
    } else {
        picture_check(yolo, name);
    }
    if (wrong != NULL) {
        fnd_checking_tell(yolo->checking, list, line, false, "%.200s%s%s", name,
                          name[0] != '\0' ? ": " : "", wrong);
    }
    free(copy);
}

static void listed_read(struct yolo *yolo, const char *list)
{
    struct fnd_text text = {0};
    if (fnd_folder_text(yolo->checking, yolo->folder, list, &text)) {
        const char *at = fnd_text_z(&text), *end = at + text.size;
        for (size_t line = 1; at < end; line++) {
            const char *stop = memchr(at, '\n', (size_t)(end - at));
            stop = stop != NULL ? stop : end;
            name_read(yolo, list, line, at, (size_t)(stop - at));
            at = stop + 1;
        }
    }
    fnd_text_finish(&text);
}

/** A path that leads down without what changes nothing in it, so that a picture's labels are found
 *  under one name. */
static char *path_plain(const char *path)
{
    struct fnd_text plain = {0};
    for (const char *at = path; *at != '\0'; at += strspn(at, "/")) {
        const size_t size = strcspn(at, "/");
        if (size != 1 || *at != '.') {
            fnd_text_append_z(&plain, plain.size > 0 ? "/" : "");
            fnd_text_append(&plain, at, size);
        }
        at += size;
    }
    fnd_text_append_z(&plain, plain.size == 0 ? "." : "");
    return fnd_text_take(&plain);
}

/** The pictures of a split: a folder of them, or a text that names them. */
static enum fnd_status pictures_read(struct yolo *yolo, const char *told, size_t line,
                                     struct fnd_error *error)
{
    if (!goes_down(told)) {
        fnd_checking_tell(yolo->checking, yaml_name, line, false,
                          "%s: only a folder below this one, or a list in it, can be checked",
                          told);
        return FND_OK;
    }
    char *base = path_plain(told);
    const size_t size = strlen(base);
    enum fnd_status status = FND_OK;
    int fd = -1;
    if (size > 4 && strcmp(base + size - 4, ".txt") == 0) {
        listed_read(yolo, base);
    } else if ((fd = fnd_file_open_below(yolo->folder, base, O_DIRECTORY)) < 0) {
        fnd_checking_tell(yolo->checking, yaml_name, line, false, "%s: cannot be opened: %s", told,
                          errno == EXDEV ? "it leads out of the folder" : strerror(errno));
    } else {
        yolo->base = base;
        status = fnd_folder_walk(fd, picture_found, yolo, error);
        yolo->base = NULL;
        close(fd);
    }
    free(base);
    return status;
}

static int seen_order(const void *a, const void *b)
{
    return memcmp(a, b, SEEN_SIZE);
}

static enum fnd_status label_found(void *context, const char *path, bool regular,
                                   struct fnd_error *error)
{
    struct yolo *yolo = context;
    struct fnd_text file = {0};
    const char *dot = strrchr(path, '.');
    (void)regular;
    (void)error;
    fnd_text_printf(&file, "labels/%s", path);
    uint8_t key[SEEN_SIZE];
    seen_hash(fnd_text_z(&file), key);
    if (dot != NULL && strcmp(dot, ".txt") == 0 &&
        (yolo->seen_count == 0 ||
         bsearch(key, yolo->seen, yolo->seen_count, sizeof *yolo->seen, seen_order) == NULL)) {
        fnd_checking_tell(yolo->checking, fnd_text_z(&file), 0, false,
                          "there is no picture that it belongs to");
    }
    fnd_text_finish(&file);
    return FND_OK;
}

static enum fnd_status strays_find(struct yolo *yolo, struct fnd_error *error)
{
    int fd = fnd_file_open_below(yolo->folder, "labels", O_DIRECTORY);
    if (fd < 0) {
        return FND_OK;
    }
    if (yolo->seen_count > 1) {
        qsort(yolo->seen, yolo->seen_count, sizeof *yolo->seen, seen_order);
    }
    enum fnd_status status = fnd_folder_walk(fd, label_found, yolo, error);
    close(fd);
    return status;
}

/* --- data.yaml ----------------------------------------------------------------------------- */

/** Where what begins at `at` ends: a comment at its line's, a quoted text behind its quote; else
 *  `at`. */
static const char *passed_over(const char *start, const char *at, const char *end)
{
    const bool begins = at == start || strchr(" \t\n{[,:-", at[-1]) != NULL;
    if (begins && *at == '#') {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        return stop != NULL ? stop : end;
    }
    if (begins && (*at == '"' || *at == '\'')) {
        const char quote = *at++;
        while (at < end && *at != quote) {
            at += quote == '"' && *at == '\\' && at + 1 < end ? 2 : 1;
        }
        return at < end ? at + 1 : end;
    }
    return at;
}

/** Our reader of YAML wants keys that are texts, and here the classes' numbers are keys: put quotes
 *  around those, on the same lines. */
static void keys_quote(const struct fnd_text *yaml, struct fnd_text *quoted)
{
    const char *start = fnd_text_z(yaml), *at = start, *end = start + yaml->size;
    while (at < end) {
        const char *next = passed_over(start, at, end);
        const size_t digits = strspn(at, "0123456789");
        if (next > at) {
            fnd_text_append(quoted, at, (size_t)(next - at));
        } else if (digits > 0) {
            const bool key = (at == start || strchr(" \t\n{,", at[-1]) != NULL) &&
                             at[digits] == ':' &&
                             (at[digits + 1] == '\0' || strchr(" \t\n", at[digits + 1]) != NULL);
            fnd_text_append_z(quoted, key ? "\"" : "");
            fnd_text_append(quoted, at, digits);
            fnd_text_append_z(quoted, key ? "\"" : "");
            next = at + digits;
        } else {
            fnd_text_append_byte(quoted, *at);
            next = at + 1;
        }
        at = next;
    }
}

/** A number of classes as Ultralytics takes it, "10" and 10.0, too; 0: it is none. */
static size_t count_read(const struct fnd_node *node)
{
    double count = 0;
    const bool text = node != NULL && node->text != NULL &&
                      (node->kind == FND_NODE_NUMBER || node->kind == FND_NODE_STRING);
    return text && value_read(node->text, strlen(node->text), &count) && count == floor(count) &&
                   count >= 1 && count <= CLASSES_MAX
               ? (size_t)count
               : 0;
}

/** The place of a class among the names: the next one in a list, its key in a map. */
static bool name_place(struct yolo *yolo, const struct fnd_node *names, const struct fnd_node *name,
                       size_t next, size_t *place)
{
    double key = 0;
    *place = next;
    if (names->kind == FND_NODE_LIST) {
        return true;
    }
    if (!value_read(name->key, strlen(name->key), &key) || key != floor(key) || key < 0 ||
        key >= (double)names->count || yolo->names[(size_t)key] != NULL) {
        fnd_checking_tell(yolo->checking, yaml_name, name->key_line, false,
                          "names: \"%.60s\" is no class: %zu are named, counted from 0", name->key,
                          names->count);
        return false;
    }
    *place = (size_t)key;
    return true;
}

/** Without names there are as many as `nc` says. */
static void names_make(struct yolo *yolo, const struct fnd_node *names, size_t count)
{
    if (count == 0) {
        fnd_checking_tell(yolo->checking, yaml_name, names != NULL ? names->line : 0, false,
                          "names: must be the classes, as a list or as {0: name, 1: name}");
        return;
    }
    yolo->names = fnd_realloc(NULL, count, sizeof *yolo->names);
    for (; yolo->names_count < count; yolo->names_count++) {
        struct fnd_text name = {0};
        fnd_text_printf(&name, "class_%zu", yolo->names_count);
        yolo->names[yolo->names_count] = fnd_text_take(&name);
    }
}

/** A list of names, or a map from 0, 1, … to names, in any order. */
static void names_read(struct yolo *yolo, const struct fnd_node *names)
{
    size_t next = 0;
    yolo->names_count = names->count;
    yolo->names = fnd_realloc(NULL, names->count + 1, sizeof *yolo->names);
    memset(yolo->names, 0, (names->count + 1) * sizeof *yolo->names);
    for (const struct fnd_node *name = names->child; name != NULL; name = name->next, next++) {
        size_t place = 0;
        if (!name_place(yolo, names, name, next, &place)) {
            continue;
        }
        if (name->text == NULL) {
            fnd_checking_tell(yolo->checking, yaml_name, name->line, false,
                              "names: class %zu is no text", place);
        }
        yolo->names[place] = fnd_strdup(name->text != NULL ? name->text : "");
    }
    for (size_t i = 0; i < yolo->names_count; i++) { /* each is told of above */
        yolo->names[i] = yolo->names[i] != NULL ? yolo->names[i] : fnd_strdup("");
    }
}

static void classes_read(struct yolo *yolo, const struct fnd_node *root)
{
    const struct fnd_node *names = fnd_node_member(root, "names");
    const struct fnd_node *nc = fnd_node_member(root, "nc");
    const bool listed = names != NULL &&
                        (names->kind == FND_NODE_LIST || names->kind == FND_NODE_MAP) &&
                        names->count <= CLASSES_MAX;
    if (listed) {
        names_read(yolo, names);
    } else {
        const bool none = names == NULL || names->kind == FND_NODE_NULL;
        names_make(yolo, none ? NULL : names, none ? count_read(nc) : 0);
    }
    if (listed && nc != NULL && count_read(nc) != yolo->names_count) {
        fnd_checking_tell(yolo->checking, yaml_name, nc->line, false,
                          "nc: is not the number of names, which is %zu", yolo->names_count);
    }
}

static enum fnd_status split_read(struct yolo *yolo, const struct fnd_node *root,
                                  enum fnd_split split, struct fnd_error *error)
{
    const struct fnd_node *part = fnd_node_member(root, fnd_yolo_part(split));
    enum fnd_status status = FND_OK;
    if (part == NULL && split == FND_SPLIT_VALIDATION) {
        part = fnd_node_member(root, "validation");
    }
    yolo->split = split;
    if (part == NULL || part->kind == FND_NODE_NULL) {
        if (split != FND_SPLIT_TEST) {
            fnd_checking_tell(
                yolo->checking, yaml_name, 0, false,
                "%s: is missing: the folder of its pictures, or a text that names them",
                fnd_yolo_part(split));
        }
    } else if (part->kind == FND_NODE_STRING) {
        /* Ultralytics looks a step nearer where there is nothing outside, which is not for us to
         * look at. */
        const bool nearer = strncmp(part->text, "../", 3) == 0 && goes_down(part->text + 3);
        status = pictures_read(yolo, part->text + (nearer ? 3 : 0), part->line, error);
    } else if (part->kind == FND_NODE_LIST) {
        for (const struct fnd_node *one = part->child; status == FND_OK && one != NULL;
             one = one->next) {
            status = pictures_read(yolo, one->text != NULL ? one->text : "/", one->line, error);
        }
    } else {
        fnd_checking_tell(yolo->checking, yaml_name, part->line, false,
                          "%s: must be a folder, a text that names pictures, or a list of them",
                          fnd_yolo_part(split));
    }
    return status;
}

static enum fnd_status tree_read(struct yolo *yolo, const struct fnd_node *root,
                                 struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    classes_read(yolo, root);
    for (int split = FND_SPLIT_TRAIN; status == FND_OK && split <= FND_SPLIT_TEST; split++) {
        status = split_read(yolo, root, (enum fnd_split)split, error);
    }
    return status == FND_OK ? strays_find(yolo, error) : status;
}

enum fnd_status fnd_yolo_read(struct fnd_checking *checking, int folder, struct fnd_error *error)
{
    struct yolo yolo = {.checking = checking, .folder = folder};
    struct fnd_tree *tree = NULL;
    struct fnd_errors *errors = fnd_alloc(sizeof *errors);
    struct fnd_text text = {0}, quoted = {0};
    enum fnd_status status = FND_OK;
    if (fnd_folder_text(checking, folder, yaml_name, &text)) {
        keys_quote(&text, &quoted);
        if (fnd_tree_parse_yaml(yaml_name, fnd_text_z(&quoted), quoted.size, &tree, errors) !=
            FND_OK) {
            for (size_t i = 0; i < errors->count; i++) {
                fnd_checking_tell(checking, yaml_name, errors->list[i].line, false, "%s",
                                  errors->list[i].message);
            }
        } else if (fnd_tree_root(tree)->kind != FND_NODE_MAP) {
            fnd_checking_tell(checking, yaml_name, 1, false,
                              "must be a map with train, val and names");
        } else {
            status = tree_read(&yolo, fnd_tree_root(tree), error);
        }
    }
    for (size_t i = 0; i < yolo.names_count; i++) {
        free(yolo.names[i]);
    }
    free(yolo.names);
    free(yolo.seen);
    fnd_tree_destroy(tree);
    free(errors);
    fnd_text_finish(&text);
    fnd_text_finish(&quoted);
    return status;
}
