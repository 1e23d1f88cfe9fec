/* SPDX-License-Identifier: MIT */
/* What formats of folders have in common. */
#define _GNU_SOURCE /* O_NOFOLLOW */
#include "dataset/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "dataset/example.h"
#include "dataset/listing.h"
#include "dataset/redact.h"
#include "dataset/replace.h"

enum {
    PICTURE_SIZE_MAX = 256 << 20, /* bytes of one picture */
    TEXT_SIZE_MAX = 1 << 28,      /* bytes of one text file in a folder */
    CLASSES_PAGE = 256
};

/* --- classes and order --------------------------------------------------------------------- */

size_t fnd_plan_class(const struct fnd_plan *plan, const char *label)
{
    for (size_t i = 0; i < plan->classes_count; i++) {
        if (strcmp(plan->classes[i], label) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

struct numbers {
    int64_t list[CLASSES_PAGE];
    size_t count;
};

static bool number_add(const struct fnd_correction_row *row, void *context)
{
    struct numbers *numbers = context;
    numbers->list[numbers->count++] = row->id;
    return numbers->count < CLASSES_PAGE;
}

static enum fnd_status labels_add(struct fnd_plan *plan, int64_t number, struct fnd_error *error)
{
    struct fnd_datum datum = {0};
    struct fnd_boxes boxes = {0};
    struct fnd_error local = {0};
    enum fnd_status status = fnd_datum_load(plan, number, &datum, &local);
    if (status == FND_OK) {
        const bool counted = plan->reading_back;
        plan->reading_back = true; /* what is taken out is counted where it is written */
        status = fnd_redact_datum(plan, &datum, &local); /* a class is a value, too */
        plan->reading_back = counted;
    }
    if (status == FND_OK && fnd_plan_in_scope(plan, &datum) && datum.human.bytes != NULL) {
        /* A document without boxes is told of where it is exported, if it ever is. */
        (void)fnd_boxes_read(datum.human, datum.entry->boxes, datum.entry->label, &boxes, NULL);
    }
    for (size_t i = 0; i < boxes.count; i++) {
        if (fnd_plan_class(plan, boxes.list[i].label) == SIZE_MAX) {
            plan->classes =
                fnd_realloc(plan->classes, plan->classes_count + 1, sizeof *plan->classes);
            plan->classes[plan->classes_count++] = fnd_strdup(boxes.list[i].label);
        }
    }
    if (status != FND_OK && fnd_failure_is_local(&local)) {
        status = FND_OK;
    } else if (status != FND_OK && error != NULL) {
        *error = local;
    }
    fnd_boxes_finish(&boxes);
    fnd_datum_finish(&datum);
    return status;
}

enum fnd_status fnd_plan_classes(struct fnd_plan *plan, struct fnd_error *error)
{
    struct fnd_walk walk = {.limit = CLASSES_PAGE};
    struct numbers numbers;
    enum fnd_status status = FND_OK;
    do {
        numbers.count = 0;
        status = fnd_corrections_walk(plan->reader, &walk, number_add, &numbers, error);
        for (size_t i = 0; status == FND_OK && i < numbers.count; i++) {
            walk.after = numbers.list[i];
            if (walk.after > plan->options.until) {
                return FND_OK;
            }
            status = labels_add(plan, walk.after, error);
        }
    } while (status == FND_OK && numbers.count == CLASSES_PAGE);
    return status;
}

void fnd_plan_order(struct fnd_plan *plan, const uint8_t *splits)
{
    size_t count = 0;
    plan->order = fnd_realloc(NULL, plan->count + 1, sizeof *plan->order);
    for (int split = FND_SPLIT_TRAIN; split <= FND_SPLIT_TEST; split++) {
        for (size_t i = 0; i < plan->count; i++) {
            if (splits[i] == split) {
                plan->order[count++] = plan->numbers[i];
            }
        }
    }
}

/* --- pictures ------------------------------------------------------------------------------ */

enum fnd_status fnd_picture_name(const struct fnd_datum *datum, struct fnd_text *name,
                                 struct fnd_error *error)
{
    static const char *const types[][2] = {
        {"image/png", "png"}, {"image/jpeg", "jpg"}, {"image/webp", "webp"}};
    struct fnd_json type = fnd_json_member(datum->input, "media_type");
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (type.bytes != NULL && fnd_json_text_is(type, types[i][0])) {
            fnd_text_printf(name, "%012" PRId64 ".%s", datum->number, types[i][1]);
            return FND_OK;
        }
    }
    return fnd_error_set(error, FND_INVALID,
                         "its input %s is no PNG, JPEG or WebP; convert it and run it anew, or "
                         "leave it out with --skip-bad",
                         datum->path);
}

enum fnd_status fnd_picture_put(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                const char *path, struct fnd_bundle *bundle,
                                struct fnd_error *error)
{
    struct fnd_text bytes = {0};
    enum fnd_status status = fnd_datum_input(plan, datum, PICTURE_SIZE_MAX, &bytes, error);
    if (status == FND_OK) {
        status = fnd_bundle_write(bundle, path, fnd_text_z(&bytes), bytes.size, error);
    }
    fnd_text_finish(&bytes);
    return status;
}

enum fnd_status fnd_picture_read(int folder, const char *path, struct fnd_picture *picture,
                                 struct fnd_error *error)
{
    struct fnd_text bytes = {0};
    uint8_t digest[FND_DIGEST_SIZE];
    enum fnd_status status = fnd_file_read_below(folder, path, PICTURE_SIZE_MAX, &bytes, error);
    *picture = (struct fnd_picture){.width = 0};
    if (status == FND_OK) {
        const uint8_t *start = (const uint8_t *)fnd_text_z(&bytes);
        fnd_sha256(start, bytes.size, digest);
        fnd_digest_text(digest, picture->sha256);
        if (!fnd_picture_size(start, bytes.size, &picture->width, &picture->height)) {
            picture->width = picture->height = 0;
        }
    }
    fnd_text_finish(&bytes);
    return status;
}

bool fnd_picture_named(const char *path)
{
    /* What Ultralytics takes for one; most of them are told not to be PNG or JPEG then. */
    static const char *const endings[] = {".jpg",  ".jpeg", ".png", ".webp", ".bmp",
                                          ".tif",  ".tiff", ".mpo", ".dng",  ".heic",
                                          ".heif", ".avif", ".jp2", NULL};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && endings[i] != NULL; i++) {
        if (strcasecmp(dot, endings[i]) == 0) {
            return true;
        }
    }
    return false;
}

bool fnd_boxes_same(const struct fnd_boxes *a, const struct fnd_boxes *b, double tolerance_x,
                    double tolerance_y)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++) {
        const struct fnd_box *left = &a->list[i], *right = &b->list[i];
        same = fabs(left->x - right->x) <= tolerance_x && fabs(left->y - right->y) <= tolerance_y &&
               fabs(left->width - right->width) <= tolerance_x &&
               fabs(left->height - right->height) <= tolerance_y &&
               strcmp(left->label, right->label) == 0;
    }
    return same;
}

/* --- reading ------------------------------------------------------------------------------- */

bool fnd_folder_text(struct fnd_checking *checking, int folder, const char *path,
                     struct fnd_text *text)
{
    struct fnd_error error = {0};
    if (fnd_file_read_below(folder, path, TEXT_SIZE_MAX, text, &error) != FND_OK) {
        fnd_checking_tell(checking, path, 0, false, "%s", error.message);
        return false;
    }
    const char *bytes = fnd_text_z(text);
    size_t kept = 0, at = 0;
    if (text->size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        fnd_checking_tell(checking, path, 1, false,
                          "begins with a byte order mark; save it as UTF-8 without one");
        at = 3;
    }
    if (!fnd_utf8_valid(bytes, text->size)) {
        fnd_checking_tell(checking, path, 0, false, "is not UTF-8");
        return false;
    }
    bool told = false;
    size_t line = 1;
    for (; at < text->size; at++) {
        const bool crlf =
            text->bytes[at] == '\r' && at + 1 < text->size && text->bytes[at + 1] == '\n';
        if (crlf && !told) {
            fnd_checking_tell(checking, path, line, false,
                              "ends with CR LF; lines end with LF alone");
            told = true;
        }
        line += text->bytes[at] == '\n';
        if (!crlf) {
            text->bytes[kept++] = text->bytes[at];
        }
    }
    text->size = kept;
    if (text->bytes != NULL) {
        text->bytes[kept] = '\0';
    }
    return true;
}

/** A folder held against the manifest in it. */
struct comparing {
    struct fnd_checking *checking;
    int folder;
    struct fnd_listing listing;
};

static void file_compare(const struct comparing *comparing, const char *path)
{
    uint8_t digest[FND_DIGEST_SIZE];
    char hex[FND_DIGEST_TEXT_SIZE];
    int fd = fnd_file_open_below(comparing->folder, path, O_NOFOLLOW);
    const int failure = fd >= 0 ? fnd_sha256_fd(fd, digest, NULL) : errno;
    if (fd >= 0) {
        close(fd);
    }
    if (failure != 0) {
        fnd_checking_tell(comparing->checking, path, 0, false, "cannot be read: %s",
                          strerror(failure));
        return;
    }
    fnd_digest_text(digest, hex);
    if (strcmp(comparing->listing.sha256, hex) != 0) {
        fnd_checking_tell(comparing->checking, path, 0, false,
                          "is not the file that " FND_BUNDLE_MANIFEST
                          " tells of: its SHA-256 is %s; "
                          "export again with --manifest",
                          hex);
    }
}

/** What the manifest tells of up to, but not with, `path` is not there; NULL: all the rest. */
static enum fnd_status missing_tell(struct comparing *comparing, const char *path,
                                    struct fnd_error *error)
{
    struct fnd_listing *listing = &comparing->listing;
    enum fnd_status status = FND_OK;
    while (status == FND_OK && listing->more &&
           (path == NULL || strcmp(fnd_text_z(&listing->path), path) < 0)) {
        fnd_checking_tell(comparing->checking, fnd_text_z(&listing->path), 0, false,
                          "is not there, and " FND_BUNDLE_MANIFEST " tells of it; export again "
                          "with --manifest");
        status = fnd_listing_next(listing, error);
    }
    return status;
}

/** A file that is there; paths come in the order of the list. */
static enum fnd_status file_listed(void *context, const char *path, bool regular,
                                   struct fnd_error *error)
{
    struct comparing *comparing = context;
    struct fnd_listing *listing = &comparing->listing;
    const size_t size = strlen(path);
    (void)regular;
    if (strcmp(path, FND_BUNDLE_MANIFEST) == 0) {
        return FND_OK;
    }
    enum fnd_status status = missing_tell(comparing, path, error);
    if (status == FND_OK && listing->more && strcmp(fnd_text_z(&listing->path), path) == 0) {
        file_compare(comparing, path);
        return fnd_listing_next(listing, error);
    }
    if (status == FND_OK && (size < 6 || strcmp(path + size - 6, ".cache") != 0)) {
        fnd_checking_tell(comparing->checking, path, 0, true,
                          "is there, and " FND_BUNDLE_MANIFEST " does not tell of it");
    }
    return status;
}

static enum fnd_status manifest_compare(struct fnd_checking *checking, int folder,
                                        struct fnd_error *error)
{
    struct comparing comparing = {.checking = checking, .folder = folder};
    struct fnd_error flaw = {0};
    enum fnd_status status = fnd_listing_open(folder, &comparing.listing, &flaw);
    if (status == FND_IO || status == FND_FULL) { /* no flaw of the folder */
        fnd_error_prefix(&flaw, "cannot go through " FND_BUNDLE_MANIFEST);
        if (error != NULL) {
            *error = flaw;
        }
    } else if (status != FND_OK && status != FND_NOT_FOUND) {
        fnd_checking_tell(checking, FND_BUNDLE_MANIFEST, flaw.line, false, "%s", flaw.message);
        status = FND_OK;
    } else if (status == FND_NOT_FOUND || !comparing.listing.there) {
        status = FND_OK; /* a foreign folder, or some other program's manifest */
    } else {
        status = fnd_folder_walk(folder, file_listed, &comparing, error);
        if (status == FND_OK) {
            status = missing_tell(&comparing, NULL, error);
        }
    }
    fnd_listing_finish(&comparing.listing);
    return status;
}

enum fnd_status fnd_check_folder(int folder, const struct fnd_format *format,
                                 const struct fnd_check_hooks *hooks,
                                 struct fnd_dataset_checked *checked, struct fnd_error *error)
{
    struct fnd_checking checking = {.hooks = hooks, .checked = checked};
    enum fnd_status status = fnd_checker_begin(&checking.checker, format, error);
    if (status == FND_OK) {
        status = format->folder->read(&checking, folder, error);
    }
    if (status == FND_OK) {
        status = manifest_compare(&checking, folder, error);
    }
    if (status == FND_OK) {
        status = fnd_checking_end(&checking, 0, error);
    }
    fnd_checker_finish(&checking.checker);
    return status;
}
