/* SPDX-License-Identifier: MIT */
/* Files against the rules of a format, line by line; ours and foreign ones alike. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "dataset/folder.h"
#include "dataset/pair.h"

enum { WHOLE_SIZE_MAX = 1 << 30 };

enum fnd_status fnd_checker_begin(struct fnd_checker *checker, const struct fnd_format *format,
                                  struct fnd_error *error)
{
    *checker = (struct fnd_checker){.format = format};
    return fnd_schema_create(format->name, format->schema, strlen(format->schema), &checker->schema,
                             error);
}

void fnd_checker_finish(struct fnd_checker *checker)
{
    fnd_schema_destroy(checker->schema);
    free(checker->ids);
    for (size_t i = 0; i < checker->labels_count; i++) {
        free(checker->labels[i]);
    }
    free(checker->labels);
    fnd_text_finish(&checker->columns);
    *checker = (struct fnd_checker){0};
}

static void id_add(struct fnd_checker *checker, struct fnd_json id)
{
    uint8_t digest[FND_DIGEST_SIZE];
    struct fnd_text text = {0};
    fnd_json_text(id, &text); /* decoded: "\u0061" is "a" */
    fnd_sha256(fnd_text_z(&text), text.size, digest);
    fnd_text_finish(&text);
    if (checker->ids_count == checker->ids_capacity) {
        checker->ids_capacity = checker->ids_capacity == 0 ? 256 : checker->ids_capacity * 2;
        checker->ids = fnd_realloc(checker->ids, checker->ids_capacity, sizeof *checker->ids);
    }
    struct fnd_id_seen *seen = &checker->ids[checker->ids_count++];
    memcpy(seen->digest, digest, sizeof seen->digest);
    seen->line = checker->line;
}

bool fnd_checker_shape(const struct fnd_checker *checker, struct fnd_json line,
                       struct fnd_flaws *flaws)
{
    return fnd_schema_check(checker->schema, line, NULL, flaws);
}

void fnd_checker_rules(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    checker->format->check(checker, line, flaws);
    struct fnd_json id =
        checker->format->ids ? fnd_json_member(line, "id") : (struct fnd_json){NULL, 0};
    if (id.bytes != NULL && fnd_json_type(id) == FND_JSON_STRING) {
        id_add(checker, id);
    }
}

void fnd_checker_line(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    checker->lines++;
    if (fnd_checker_shape(checker, line, flaws)) {
        fnd_checker_rules(checker, line, flaws);
    }
}

void fnd_checking_tell(struct fnd_checking *checking, const char *file, size_t line, bool warning,
                       const char *format, ...)
{
    struct fnd_text message = {0};
    va_list arguments;
    va_start(arguments, format);
    fnd_text_vprintf(&message, format, arguments);
    va_end(arguments);
    *(warning ? &checking->checked->warnings : &checking->checked->errors) += 1;
    if (checking->hooks->said != NULL) {
        const struct fnd_dataset_note note = {
            .line = line, .warning = warning, .message = fnd_text_z(&message), .file = file};
        checking->hooks->said(checking->hooks->context, &note);
    }
    fnd_text_finish(&message);
}

bool fnd_line_read(FILE *file, struct fnd_text *line, size_t *size, bool *ended)
{
    int byte;
    fnd_text_clear(line);
    *size = 0;
    while ((byte = getc_unlocked(file)) != EOF && byte != '\n') {
        if (*size < FND_DATASET_LINE_SIZE_MAX) {
            fnd_text_append_byte(line, (char)byte);
        }
        ++*size;
    }
    *ended = byte == '\n';
    return byte != EOF || *size > 0;
}

void fnd_checking_value(struct fnd_checking *checking, const char *file, size_t line,
                        struct fnd_json value, size_t index)
{
    struct fnd_flaws flaws = {0};
    checking->checker.line = line;
    fnd_checker_line(&checking->checker, value, &flaws);
    for (size_t i = 0; i < flaws.count; i++) {
        fnd_checking_tell(checking, file, line, false, "%s%s%s", flaws.list[i].pointer,
                          flaws.list[i].pointer[0] != '\0' ? ": " : "", flaws.list[i].message);
    }
    if (flaws.skipped > 0) {
        fnd_checking_tell(checking, file, line, false, "%zu more things are wrong with it",
                          flaws.skipped);
    }
    if (flaws.count == 0 && checking->hooks->agrees != NULL &&
        !checking->hooks->agrees(checking->hooks->context, index, value)) {
        checking->checked->errors++;
    }
    if (flaws.count == 0 && checking->hooks->value != NULL) {
        checking->hooks->value(checking->hooks->value_context, file, line, value);
    }
    fnd_flaws_finish(&flaws);
}

bool fnd_line_sound(struct fnd_checking *checking, const char *file, size_t number,
                    struct fnd_text *line, size_t size)
{
    if (size > FND_DATASET_LINE_SIZE_MAX) {
        fnd_checking_tell(checking, file, number, false,
                          "has %zu bytes, and %d are allowed in one line", size,
                          FND_DATASET_LINE_SIZE_MAX);
        return false;
    }
    if (number == 1 && size >= 3 && memcmp(line->bytes, "\xEF\xBB\xBF", 3) == 0) {
        fnd_checking_tell(checking, file, number, false,
                          "begins with a byte order mark; save it as UTF-8 without one");
        memmove(line->bytes, line->bytes + 3, size - 3);
        size -= 3;
    }
    if (size > 0 && line->bytes[size - 1] == '\r') {
        fnd_checking_tell(checking, file, number, false,
                          "ends with CR LF; lines end with LF alone");
        size--;
    }
    line->size = size;
    if (size == 0) {
        fnd_checking_tell(checking, file, number, false,
                          "is empty; each line holds one JSON value");
    }
    return size > 0;
}

static void line_check(struct fnd_checking *checking, struct fnd_text *line, size_t size,
                       bool ended)
{
    const size_t number = ++checking->checked->lines;
    struct fnd_json value = {NULL, 0};
    struct fnd_error error = {0};
    if (!fnd_line_sound(checking, NULL, number, line, size)) {
        checking->checker.lines++;
        return;
    }
    if (fnd_json_check(line->bytes, line->size, NULL, &value, &error) != FND_OK) {
        checking->checker.lines++;
        fnd_checking_tell(checking, NULL, number, false, "is no JSON: %s, at byte %zu",
                          error.message, error.column);
        return;
    }
    fnd_checking_value(checking, NULL, number, value, number);
    if (!ended) {
        fnd_checking_tell(checking, NULL, number, true, "the file does not end with a newline");
    }
}

/** A file that is taken apart into records: its own flaws by line, then record by record. */
static void unpacked_check(struct fnd_checking *checking, struct fnd_json file)
{
    struct fnd_text records = {0};
    struct fnd_flaws flaws = {0};
    struct fnd_json array = {NULL, 0};
    checking->checker.format->unpack(file, &records, &flaws);
    for (size_t i = 0; i < flaws.count; i++) {
        struct fnd_json place = fnd_json_find(file, flaws.list[i].pointer);
        size_t line = 1, column = 0;
        if (place.bytes != NULL) {
            fnd_json_place(file.bytes, place.bytes, &line, &column);
        }
        fnd_checking_tell(checking, NULL, line, false, "%s: %s", flaws.list[i].pointer,
                          flaws.list[i].message);
    }
    if (flaws.skipped > 0) {
        fnd_checking_tell(checking, NULL, 0, false, "%zu more things are wrong with it",
                          flaws.skipped);
    }
    if (flaws.count == 0 &&
        fnd_json_check(records.bytes, records.size, NULL, &array, NULL) == FND_OK) {
        for (struct fnd_json_walk walk = fnd_json_walk(array); fnd_json_next(&walk);) {
            checking->checked->lines++;
            fnd_checking_value(checking, NULL, walk.index + 1, walk.value, walk.index + 1);
        }
    }
    fnd_flaws_finish(&flaws);
    fnd_text_finish(&records);
}

/** A file that is one value, which is taken apart as a whole. */
static enum fnd_status whole_read(struct fnd_checking *checking, FILE *file, struct fnd_text *whole,
                                  struct fnd_error *error)
{
    struct fnd_json value = {NULL, 0};
    struct fnd_error flaw = {0};
    struct stat info;
    char piece[65536];
    size_t got;
    if (fstat(fileno(file), &info) == 0 && info.st_size > WHOLE_SIZE_MAX) {
        return fnd_error_set(error, FND_LIMIT,
                             "the file has %jd bytes, and %s, which is read whole, may have %d; "
                             "split it by --since and --until",
                             (intmax_t)info.st_size, checking->checker.format->name,
                             WHOLE_SIZE_MAX);
    }
    while ((got = fread(piece, 1, sizeof piece, file)) > 0 && whole->size <= WHOLE_SIZE_MAX) {
        fnd_text_append(whole, piece, got);
    }
    if (whole->size >= 3 && memcmp(whole->bytes, "\xEF\xBB\xBF", 3) == 0) {
        fnd_checking_tell(checking, NULL, 1, false,
                          "begins with a byte order mark; save it as UTF-8 without one");
        memset(whole->bytes, ' ', 3);
    }
    if (fnd_json_check(fnd_text_z(whole), whole->size, NULL, &value, &flaw) != FND_OK) {
        fnd_checking_tell(checking, NULL, flaw.line, false,
                          "is no JSON: %s, at byte %zu of the line", flaw.message, flaw.column);
        return FND_OK;
    }
    unpacked_check(checking, value);
    return FND_OK;
}

static void item_check(void *context, const struct fnd_text *item, size_t line, size_t index)
{
    struct fnd_checking *checking = context;
    struct fnd_json value = {NULL, 0};
    struct fnd_error error = {0};
    checking->checked->lines++;
    if (fnd_json_check(fnd_text_z(item), item->size, NULL, &value, &error) == FND_OK) {
        fnd_checking_value(checking, NULL, line, value, index);
        return;
    }
    checking->checker.lines++;
    fnd_checking_tell(checking, NULL, line + (error.line > 0 ? error.line - 1 : 0), false,
                      "item %zu is no JSON: %s, at byte %zu%s", index, error.message, error.column,
                      error.line > 1 ? " of the line" : " of the item");
}

/** Whether a file of lines begins as an array: some who write the format put it into one. Leaves it
 *  at its start. */
static bool array_begins(FILE *file)
{
    static const char mark[] = "\xEF\xBB\xBF";
    int byte = getc(file);
    for (size_t i = 0; i < 3 && byte == (unsigned char)mark[i]; i++) {
        byte = getc(file);
    }
    while (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
        byte = getc(file);
    }
    rewind(file);
    return byte == '[';
}

/** A file that is one array: an item at a time, so that memory does not grow with it. */
static uint64_t array_check(struct fnd_checking *checking, FILE *file)
{
    struct fnd_error flaw = {0};
    uint64_t size = 0;
    bool mark = false;
    if (fnd_array_read(file, item_check, checking, &mark, &size, &flaw) != FND_OK) {
        fnd_checking_tell(checking, NULL, flaw.line, false, "%s", flaw.message);
    }
    if (mark) {
        fnd_checking_tell(checking, NULL, 1, false,
                          "begins with a byte order mark; save it as UTF-8 without one");
    }
    return size;
}

static int id_order(const void *a, const void *b)
{
    const struct fnd_id_seen *left = a, *right = b;
    const int order = memcmp(left->digest, right->digest, sizeof left->digest);
    return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

static void ids_check(struct fnd_checking *checking)
{
    struct fnd_checker *checker = &checking->checker;
    if (checker->ids_count > 1) {
        qsort(checker->ids, checker->ids_count, sizeof *checker->ids, id_order);
    }
    for (size_t i = 1; i < checker->ids_count; i++) {
        const struct fnd_id_seen *before = &checker->ids[i - 1], *here = &checker->ids[i];
        if (memcmp(before->digest, here->digest, sizeof here->digest) == 0) {
            fnd_checking_tell(checking, NULL, here->line, false, "/id: is that of line %zu, too",
                              before->line);
        }
    }
}

/** What can be said of the file as a whole. */
static void whole_check(struct fnd_checking *checking, uint64_t size)
{
    const struct fnd_checker *checker = &checking->checker;
    const struct fnd_format *format = checker->format;
    if (format->size_max > 0 && size > format->size_max) {
        fnd_checking_tell(checking, NULL, 0, false,
                          "the file has %" PRIu64 " bytes, and %s takes %" PRIu64
                          "; split it by --since and --until",
                          size, format->name, format->size_max);
    }
    if (format->lines_max > 0 && checker->lines > format->lines_max) {
        fnd_checking_tell(checking, NULL, 0, false, "the file has %zu examples, and %s takes %zu",
                          checker->lines, format->name, format->lines_max);
    }
    if (format->lines_with_files_max > 0 && checker->with_files > format->lines_with_files_max) {
        fnd_checking_tell(checking, NULL, 0, false,
                          "%zu examples have files, and %s takes %zu of them", checker->with_files,
                          format->name, format->lines_with_files_max);
    }
    if (checker->lines < format->lines_min) {
        /* An export says what is there, however little that is. */
        fnd_checking_tell(checking, NULL, 0, checking->hooks->agrees != NULL,
                          "the file has %zu example%s, and %s takes no fewer than %zu",
                          checker->lines, checker->lines == 1 ? "" : "s", format->name,
                          format->lines_min);
    }
    if (checker->lines < format->lines_advised) {
        fnd_checking_tell(
            checking, NULL, 0, true, "the file has %zu example%s; %zu or more are advised for %s",
            checker->lines, checker->lines == 1 ? "" : "s", format->lines_advised, format->name);
    }
    if (checker->strange > 0) {
        fnd_checking_tell(checking, NULL, checker->strange_line, true,
                          "%zu file%s of a type that %s is not known to read (here %s)",
                          checker->strange, checker->strange == 1 ? " is" : "s are", format->name,
                          checker->strange_type);
    }
    if (checker->long_lines > 0) {
        fnd_checking_tell(checking, NULL, checker->long_line, true,
                          "%zu example%s longer than the trainer is likely to take",
                          checker->long_lines, checker->long_lines == 1 ? " is" : "s are");
    }
}

enum fnd_status fnd_checking_end(struct fnd_checking *checking, uint64_t size,
                                 struct fnd_error *error)
{
    ids_check(checking);
    whole_check(checking, size);
    const size_t errors = checking->checked->errors;
    if (errors == 0) {
        return FND_OK;
    }
    fnd_error_set(error, FND_INVALID, "%zu thing%s wrong with the %s as %s", errors,
                  errors == 1 ? " is" : "s are",
                  checking->checker.format->folder != NULL ? "folder" : "file",
                  checking->checker.format->name);
    fnd_error_code(error, "bad_dataset");
    return FND_INVALID;
}

enum fnd_status fnd_check_file(FILE *file, const struct fnd_format *format,
                               const struct fnd_check_hooks *hooks,
                               struct fnd_dataset_checked *checked, struct fnd_error *error)
{
    struct fnd_checking checking = {.hooks = hooks, .checked = checked};
    struct fnd_text line = {0};
    uint64_t bytes = 0;
    size_t size = 0;
    const bool array = format->array || (format->array_too && array_begins(file));
    bool ended = true;
    enum fnd_status status = fnd_checker_begin(&checking.checker, format, error);
    if (status != FND_OK) {
        goto out;
    }
    if (format->unpack != NULL) {
        status = whole_read(&checking, file, &line, error);
        bytes = line.size;
    } else if (array) {
        bytes = array_check(&checking, file);
    }
    while (!array && fnd_line_read(file, &line, &size, &ended)) {
        bytes += size + ended;
        line_check(&checking, &line, size, ended);
    }
    if (ferror(file)) {
        status = fnd_error_errno(error, FND_IO, errno, "reading stopped behind line %zu",
                                 checked->lines);
        goto out;
    }
    if (status == FND_OK) {
        status = fnd_checking_end(&checking, bytes, error);
    }
out:
    fnd_checker_finish(&checking.checker);
    fnd_text_finish(&line);
    return status;
}

/** What the manifest beside a file says of it, if there is one. */
static void manifest_compare(const char *path, const struct fnd_format *format,
                             struct fnd_checking *checking)
{
    char told[FND_DIGEST_TEXT_SIZE] = "", found[FND_DIGEST_TEXT_SIZE] = "";
    enum fnd_pair pair = FND_PAIR_ALONE;
    struct fnd_error error = {0};
    fnd_pair_settle(path, format->beside_name);
    if (fnd_pair_look(path, &pair, told, found, &error) != FND_OK) {
        fnd_checking_tell(checking, NULL, 0, false, "%s", error.message);
    } else if (pair == FND_PAIR_STAGED) {
        fnd_checking_tell(checking, NULL, 0, true,
                          "its manifest is still %s%s.next: the export was cut off before it got "
                          "its name; rename it",
                          path, FND_MANIFEST_ENDING);
    } else if (pair == FND_PAIR_DIFFERS) {
        fnd_checking_tell(
            checking, NULL, 0, false,
            "it is not the file that %s%s tells of: its SHA-256 is %s, not %s; one of "
            "them was altered or replaced; export again with --manifest",
            path, FND_MANIFEST_ENDING, found, told);
    }
}

static enum fnd_status opened_check(int fd, const char *path, const struct fnd_format *format,
                                    const struct fnd_check_hooks *hooks,
                                    struct fnd_dataset_checked *checked, struct fnd_error *error)
{
    struct fnd_checking checking = {.hooks = hooks, .checked = checked};
    if (format->folder != NULL) {
        return fnd_check_folder(fd, format, hooks, checked, error);
    }
    FILE *file = fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 0), "r");
    if (file == NULL) {
        return fnd_error_errno(error, FND_IO, errno, "cannot read");
    }
    manifest_compare(path, format, &checking);
    enum fnd_status status = fnd_check_file(file, format, hooks, checked, error);
    fclose(file);
    return status;
}

enum fnd_status
fnd_dataset_validate(const char *path, const char *format,
                     void (*said)(void *context, const struct fnd_dataset_note *note),
                     void *context, struct fnd_dataset_checked *checked, struct fnd_error *error)
{
    const struct fnd_format *found = fnd_format_find(format, error);
    const struct fnd_check_hooks hooks = {.said = said, .context = context};
    return found != NULL ? fnd_dataset_look(path, found, &hooks, checked, error) : FND_INVALID;
}

enum fnd_status fnd_dataset_look(const char *path, const struct fnd_format *found,
                                 const struct fnd_check_hooks *hooks,
                                 struct fnd_dataset_checked *checked, struct fnd_error *error)
{
    struct stat info;
    *checked = (struct fnd_dataset_checked){0};
    fnd_digest_setup(); /* no store was opened that would have done it */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &info) != 0) {
        const int failure = errno;
        if (fd >= 0) {
            close(fd);
        }
        return fnd_error_errno(error, fnd_status_errno(failure), failure, "cannot open %s", path);
    }
    enum fnd_status status = FND_OK;
    if (found->folder != NULL ? !S_ISDIR(info.st_mode) : !S_ISREG(info.st_mode)) {
        status = fnd_error_set(error, FND_INVALID, "cannot check %s: it is %s; name a %s", path,
                               S_ISDIR(info.st_mode)   ? "a folder"
                               : S_ISREG(info.st_mode) ? "a file, and the format is a folder"
                                                       : "no regular file",
                               found->folder != NULL ? "folder" : "regular file");
    } else {
        status = opened_check(fd, path, found, hooks, checked, error);
        if (status != FND_OK) {
            fnd_error_prefix(error, "%s", path);
        }
    }
    close(fd);
    return status;
}
