/* SPDX-License-Identifier: MIT */
/* From records to a file: written, read back, compared with the records, and only then named. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash_point.h"
#include "base/file.h"
#include "dataset/folder.h"
#include "dataset/making.h"
#include "dataset/pair.h"
#include "dataset/redact.h"
#include "dataset/writing.h"

void fnd_plan_note(const struct fnd_plan *plan, int64_t record, bool warning, const char *message)
{
    if (plan->options.said != NULL) {
        const struct fnd_dataset_note note = {record, 0, warning, message};
        plan->options.said(plan->options.context, &note);
    }
}

bool fnd_failure_is_local(const struct fnd_error *error)
{
    /* Without a prefix no file can be exported, and a prompt is in every line: one sentence says it
     * for all. */
    return strcmp(error->code, "no_uri_prefix") != 0 &&
           strcmp(error->code, "redacted_prompt") != 0 &&
           (error->status == FND_INVALID || error->status == FND_NOT_FOUND ||
            error->status == FND_DAMAGED || error->status == FND_LIMIT ||
            error->status == FND_CONFLICT);
}

const char *fnd_plan_prefix(const struct fnd_plan *plan, const struct fnd_datum *datum)
{
    return plan->options.uri_prefix != NULL || datum->entry == NULL ? plan->options.uri_prefix
                                                                    : datum->entry->uri_prefix;
}

void fnd_plan_finish(struct fnd_plan *plan)
{
    fnd_plan_rest(plan);
    fnd_record_memo_finish(&plan->memo);
    fnd_entries_finish(plan->entries);
    fnd_redact_destroy(plan->redact);
    free(plan->store_uuid);
    free(plan->numbers);
    free(plan->hashes);
    if (plan->hashes_file != NULL) {
        fclose(plan->hashes_file);
    }
    free(plan->skipped);
    free(plan->order);
    for (size_t i = 0; i < plan->classes_count; i++) {
        free(plan->classes[i]);
    }
    free(plan->classes);
    *plan = (struct fnd_plan){0};
}

/** Whether the file is read back as whoever gets it would: parsed, and compared with records that
 *  are loaded once more. A file of lines is not: each line was parsed, checked and compared before
 *  it was written, and what comes back is compared with those bytes by their hash. */
static bool parsed_back(const struct fnd_format *format)
{
    return format->folder != NULL || format->pack != NULL;
}

/** What a line that is not written leaves in the counts of the file is taken back. */
static void checker_back(struct fnd_checker *checker, const struct fnd_checker *before)
{
    const struct fnd_checker after = *checker;
    *checker = *before;
    checker->ids = after.ids;
    checker->ids_capacity = after.ids_capacity;
    checker->labels = after.labels;
    checker->labels_count = after.labels_count;
}

/** Check a line against the rules that all lines of the file keep together; what it is found to
 *  break alone, and whether it says what its record says, is known. */
static enum fnd_status line_check(struct fnd_writing *writing, struct fnd_made *made,
                                  struct fnd_error *error)
{
    const struct fnd_format *format = writing->plan->format;
    struct fnd_checker *checker = &writing->checker;
    const struct fnd_checker before = *checker;
    enum fnd_status status = FND_OK;
    checker->line = writing->plan->result->lines + 1 + (format->array ? 1 : 0);
    checker->lines++;
    if (made->flaws.count == 0) {
        fnd_checker_rules(checker, made->json, &made->flaws);
    }
    if (made->flaws.count > 0) {
        status =
            fnd_error_set(error, FND_INVALID, "its line breaks a rule of %s: %s: %s", format->name,
                          made->flaws.list[0].pointer, made->flaws.list[0].message);
    } else if (made->agrees != FND_OK) {
        *error = made->error;
        status = made->agrees;
    }
    if (status != FND_OK) {
        checker_back(checker, &before);
    }
    return status;
}

/** Whether a record is the one that the manifest names. Asked for each, in order: of a long
 * manifest the hashes are read from a file. */
static enum fnd_status hash_check(const struct fnd_plan *plan, const struct fnd_made *made,
                                  size_t index, struct fnd_error *error)
{
    uint8_t hash[FND_DIGEST_SIZE];
    if (plan->hashes_file == NULL) {
        memcpy(hash, plan->hashes[index], sizeof hash);
    } else if (fread(hash, sizeof hash, 1, plan->hashes_file) != 1) {
        return fnd_error_set(error, FND_IO, "the manifest's hashes cannot be read back");
    }
    return !made->loaded || memcmp(made->datum.hash, hash, sizeof hash) == 0
               ? FND_OK
               : fnd_error_set(error, FND_DAMAGED,
                               "it is not the record that the manifest names: "
                               "its hash is another");
}

/** Take a record's line, which was made already, and check it. */
static enum fnd_status line_take(struct fnd_writing *writing, struct fnd_made *made, size_t index,
                                 struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    const enum fnd_status named = plan->reproduces ? hash_check(plan, made, index, error) : FND_OK;
    if (named != FND_OK) {
        return named;
    }
    if (made->status != FND_OK) {
        *error = made->error;
        return made->status;
    }
    return made->left == FND_LEFT_NONE ? line_check(writing, made, error) : FND_OK;
}

static void bad_add(struct fnd_writing *writing, int64_t number, const struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    char name[64];
    snprintf(name, sizeof name, "record %" PRId64, number);
    struct fnd_error told = *error;
    /* What review tells begins with the record's name already. */
    if (strncmp(told.message, name, strlen(name)) == 0) {
        const char *rest = told.message + strlen(name);
        rest += strncmp(rest, ": ", 2) == 0 ? 2 : 0;
        memmove(told.message, rest, strlen(rest) + 1);
    }
    if (writing->bad++ == 0) {
        writing->first = told;
        fnd_error_prefix(&writing->first, "record %" PRId64, number);
    }
    fnd_plan_note(plan, number, false, told.message);
    plan->result->left_out[FND_LEFT_BAD]++;
    plan->skipped = fnd_realloc(plan->skipped, plan->skipped_count + 1, sizeof *plan->skipped);
    plan->skipped[plan->skipped_count++] = number;
}

/** A line of its own, an item of the array, or files of the folder. */
static enum fnd_status line_put(struct fnd_writing *writing, struct fnd_made *made, bool first,
                                struct fnd_error *error)
{
    const bool array = writing->plan->format->array;
    struct fnd_text *line = &made->line;
    enum fnd_status status = FND_OK;
    if (writing->plan->format->folder != NULL) {
        const struct fnd_json json = {line->bytes, line->size};
        return writing->plan->format->folder->put(writing->plan, &made->datum, json,
                                                  &writing->bundle, error);
    }
    if (writing->plan->format->pack != NULL) {
        fnd_text_append_byte(&writing->records, first ? '[' : ',');
        fnd_text_append(&writing->records, line->bytes, line->size);
        return FND_OK;
    }
    if (array) {
        status = fnd_sink_write(&writing->sink, first ? "[\n" : ",\n", 2, error);
    } else {
        fnd_text_append_byte(line, '\n');
    }
    return status == FND_OK ? fnd_sink_write(&writing->sink, line->bytes, line->size, error)
                            : status;
}

/** What comes behind the last line. */
static enum fnd_status lines_end(struct fnd_writing *writing, struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    enum fnd_status status = FND_OK;
    if (plan->format->folder != NULL) {
        fnd_plan_order(plan, writing->splits);
        return plan->format->folder->end(plan, &writing->bundle, error);
    }
    if (plan->format->pack != NULL) {
        struct fnd_text file = {0};
        fnd_text_append_z(&writing->records, plan->count == 0 ? "[]" : "]");
        plan->format->pack(&writing->checker,
                           (struct fnd_json){writing->records.bytes, writing->records.size}, &file);
        status = fnd_sink_write(&writing->sink, file.bytes, file.size, error);
        fnd_text_finish(&file);
    } else if (plan->format->array) {
        const char *end = plan->count == 0 ? "[\n]\n" : "\n]\n";
        status = fnd_sink_write(&writing->sink, end, strlen(end), error);
    }
    return status;
}

/** A record goes among those that were written. */
static enum fnd_status line_keep(struct fnd_writing *writing, const struct fnd_datum *datum,
                                 struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    struct fnd_export_result *result = plan->result;
    const size_t kept = result->lines;
    enum fnd_status status = FND_OK;
    if (writing->splits != NULL) {
        writing->splits[kept] = (uint8_t)datum->split;
    }
    if (!plan->reproduces) {
        status = fnd_manifest_record(&writing->named, datum->number, datum->hash, error);
    }
    plan->numbers[kept] = datum->number;
    result->splits[datum->split - FND_SPLIT_TRAIN]++;
    result->lines++;
    if (status == FND_OK && plan->options.progress != NULL) {
        plan->options.progress(plan->options.context, result->lines);
    }
    return status;
}

/** One record into the file, or into the counts of what is not in it. */
static enum fnd_status record_write(struct fnd_writing *writing, struct fnd_made *made,
                                    size_t index, struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    struct fnd_error local = {0};
    const struct fnd_checker before = writing->checker;
    const bool wanted = made->left == FND_LEFT_NONE;
    enum fnd_status status = line_take(writing, made, index, &local);
    if (status == FND_OK && wanted) {
        /* Only here the bytes of a picture are read: one that is gone or altered is its
         * record's flaw, as any other. */
        status = line_put(writing, made, plan->result->lines == 0, &local);
        if (status != FND_OK) {
            checker_back(&writing->checker, &before);
        }
    }
    if (status == FND_OK && wanted) {
        status = line_keep(writing, &made->datum, &local);
    } else if (status == FND_OK) {
        plan->result->left_out[made->left]++;
    } else if (fnd_failure_is_local(&local)) {
        bad_add(writing, plan->numbers[index], &local);
        made->sketched = false;
        status = FND_OK;
    } else if (strcmp(local.code, "no_uri_prefix") == 0) {
        fnd_error_prefix(&local, "record %" PRId64, plan->numbers[index]);
    }
    if (status == FND_OK && made->sketched) {
        fnd_near_add(&writing->near, &made->sketch); /* of another split, too: it may be near */
    } else if (status != FND_OK && error != NULL) {
        *error = local;
    }
    return status;
}

/** All records, one at a time. Those that were written are plan->numbers behind it. */
static enum fnd_status lines_write(struct fnd_writing *writing, struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    struct fnd_making *making = NULL;
    enum fnd_status status = fnd_making_begin(plan, &making, error);
    for (size_t i = 0; i < plan->count && status == FND_OK; i++) {
        status = record_write(writing, fnd_making_next(making), i, error);
    }
    fnd_making_end(making);
    plan->count = plan->result->lines;
    return status == FND_OK ? lines_end(writing, error) : status;
}

/** What is wrong with the whole before it is read back. Near-duplicates are looked for from here
 *  on, beside what waits for the disk. */
static enum fnd_status whole_check(struct fnd_writing *writing, struct fnd_error *error)
{
    const struct fnd_plan *plan = writing->plan;
    const struct fnd_format *format = plan->format;
    const struct fnd_export_result *result = plan->result;
    if (writing->bad > 0 && plan->reproduces) {
        return fnd_error_set(error, FND_DAMAGED,
                             "%zu of %zu records are not those of the manifest (%s); nothing was "
                             "written",
                             writing->bad, writing->bad + plan->count, writing->first.message);
    }
    if (writing->bad > 0 && !plan->options.skip_bad) {
        fnd_error_set(error, writing->first.status,
                      "%zu of %zu records cannot be exported (%s); nothing was written, --skip-bad "
                      "goes on without them",
                      writing->bad, writing->bad + plan->count, writing->first.message);
        fnd_error_code(error, "bad_records");
        return writing->first.status;
    }
    if (plan->options.split == FND_SPLIT_VALIDATION && format->validation_lines_max > 0 &&
        result->lines > format->validation_lines_max) {
        return fnd_error_set(error, FND_LIMIT,
                             "the validation split has %zu lines, and %s takes %zu; give it a "
                             "smaller share, or narrow the range",
                             result->lines, format->name, format->validation_lines_max);
    }
    if (plan->near != NULL) {
        fnd_near_begin(&writing->near);
    }
    return FND_OK;
}

/** What people may want to know of the whole. */
static void whole_tell(struct fnd_writing *writing)
{
    const struct fnd_plan *plan = writing->plan;
    const struct fnd_format *format = plan->format;
    const struct fnd_export_result *result = plan->result;
    if (plan->near != NULL) {
        fnd_near_wait(&writing->near);
        fnd_near_tell(plan, &writing->near);
    }
    if (result->lines == 0 && !plan->reproduces) {
        fnd_plan_note(plan, 0, true, "no record fits: the file is empty");
    }
    if (format->training && format->folder == NULL && plan->options.split == FND_SPLIT_ALL &&
        !plan->reproduces && result->splits[1] + result->splits[2] > 0) {
        struct fnd_text message = {0};
        fnd_text_printf(&message,
                        "all splits are in one file (%zu train, %zu validation, %zu test); for "
                        "training export --split train, and keep the others to measure with",
                        result->splits[0], result->splits[1], result->splits[2]);
        fnd_plan_note(plan, 0, true, fnd_text_z(&message));
        fnd_text_finish(&message);
    }
}

/* --- reading back ------------------------------------------------------------------------------
 */

/** Whether a row that was read back is, byte for byte, the one that the record gives. */
static enum fnd_status row_agrees(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                  struct fnd_json line, struct fnd_error *error)
{
    struct fnd_text made = {0}, read = {0};
    struct fnd_json again = {NULL, 0};
    enum fnd_status status = plan->format->line(plan, datum, &made, error);
    if (status == FND_OK) {
        status = fnd_json_check(made.bytes, made.size, NULL, &again, error);
    }
    if (status == FND_OK) {
        again = fnd_json_member(again, "row");
        fnd_json_compact(fnd_json_member(line, "row"), &read);
        if (again.size != read.size || memcmp(again.bytes, read.bytes, read.size) != 0) {
            status = fnd_error_set(error, FND_DAMAGED, "its row is not what it gives");
        }
    }
    fnd_text_finish(&made);
    fnd_text_finish(&read);
    return status;
}

static bool line_agrees(void *context, size_t line, struct fnd_json json)
{
    struct fnd_plan *plan = context;
    struct fnd_datum datum = {0};
    struct fnd_error error = {0};
    if (line > plan->count) {
        fnd_plan_note(plan, 0, false, "the file has more lines than were written");
        return false;
    }
    const int64_t number = plan->order != NULL ? plan->order[line - 1] : plan->numbers[line - 1];
    enum fnd_status status = fnd_datum_load(plan, number, &datum, &error);
    if (status == FND_OK) {
        status = fnd_redact_datum(plan, &datum, &error);
    }
    if (status == FND_OK) {
        status = plan->format->agrees(&datum, json, &error);
    }
    if (status == FND_OK && plan->format->folder != NULL && plan->format->folder->exact) {
        status = row_agrees(plan, &datum, json, &error);
    }
    if (status != FND_OK) {
        fnd_plan_note(plan, number, false, error.message);
    }
    fnd_datum_finish(&datum);
    return status == FND_OK;
}

static void line_said(void *context, const struct fnd_dataset_note *note)
{
    const struct fnd_plan *plan = context;
    struct fnd_dataset_note told = *note;
    if (plan->options.said == NULL || (plan->reproduces && note->warning)) {
        return;
    }
    const size_t index =
        note->line - (plan->format->array && plan->format->pack == NULL ? 1 : 0); /* from 1 */
    if (note->file == NULL && note->line > 0 && index > 0 && index <= plan->count) {
        told.record = plan->numbers[index - 1];
    }
    plan->options.said(plan->options.context, &told);
}

/** The file as one that knows nothing of it reads it, each line against its record. */
static enum fnd_status parse_back(struct fnd_writing *writing, const struct fnd_check_hooks *hooks,
                                  struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    struct fnd_dataset_checked checked = {0};
    FILE *file = NULL;
    const bool folder = plan->format->folder != NULL;
    enum fnd_status status =
        folder ? fnd_check_folder(writing->bundle.fd, plan->format, hooks, &checked, error)
               : fnd_sink_read(&writing->sink, &file, error);
    if (status == FND_OK && !folder) {
        status = fnd_check_file(file, plan->format, hooks, &checked, error);
        fclose(file);
    }
    if (status == FND_OK && checked.lines != plan->count) {
        status = fnd_error_set(error, FND_DAMAGED, "%zu lines were written and %zu came back",
                               plan->count, checked.lines);
    }
    return status;
}

static enum fnd_status read_back(struct fnd_writing *writing, struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    const struct fnd_check_hooks hooks = {line_said, line_agrees, plan};
    enum fnd_status status = FND_OK;
    plan->reading_back = true;
    if (parsed_back(plan->format)) {
        whole_tell(writing);
        status = parse_back(writing, &hooks, error);
    } else {
        struct fnd_dataset_checked checked = {.lines = plan->count};
        struct fnd_checking checking = {
            .checker = writing->checker, .hooks = &hooks, .checked = &checked};
        status = fnd_sink_compare(&writing->sink, plan->count, plan->format->array ? 2 : 0, error);
        if (status == FND_OK) {
            whole_tell(writing);
            status = fnd_checking_end(&checking, writing->sink.size, error);
        }
    }
    if (status != FND_OK) {
        fnd_error_prefix(error,
                         "the export was read back and not kept (see above; mend it or repeat)");
    }
    return status;
}

/** Where the lines go. */
static enum fnd_status target_open(struct fnd_writing *writing, struct fnd_error *error)
{
    struct fnd_plan *plan = writing->plan;
    const char *out = strcmp(plan->options.out, "-") == 0 ? NULL : plan->options.out;
    if (plan->format->folder == NULL) {
        return fnd_sink_open(&writing->sink, out, error);
    }
    writing->splits = fnd_alloc(plan->count + 1);
    enum fnd_status status =
        plan->format->folder->classes && !plan->reproduces ? fnd_plan_classes(plan, error) : FND_OK;
    return status == FND_OK ? fnd_bundle_open(&writing->bundle, out, error) : status;
}

/** Everything is written: size and hash are known. */
static enum fnd_status seal(struct fnd_writing *writing, struct fnd_error *error)
{
    struct fnd_export_result *result = writing->plan->result;
    enum fnd_status status = FND_OK;
    if (writing->plan->format->folder != NULL) {
        fnd_bundle_seal(&writing->bundle);
        memcpy(result->sha256, writing->bundle.sha256, sizeof result->sha256);
        result->size = writing->bundle.size;
        return FND_OK;
    }
    status = fnd_sink_seal(&writing->sink, error);
    FND_CRASH_POINT("dataset.export.sealed");
    memcpy(result->sha256, writing->sink.sha256, sizeof result->sha256);
    result->size = writing->sink.size;
    return status;
}

enum fnd_status fnd_plan_write(struct fnd_plan *plan, struct fnd_manifest *manifest,
                               struct fnd_store *store, struct fnd_error *error)
{
    static const struct fnd_sink closed = {.folder = -1, .fd = -1};
    struct fnd_writing writing = {.plan = plan,
                                  .sink = closed,
                                  .bundle = {.parent = -1, .fd = -1},
                                  .named = closed,
                                  .manifest = closed};
    struct fnd_export_result *result = plan->result;
    plan->near = plan->format->training && !plan->reproduces ? &writing.near : NULL;
    enum fnd_status status = fnd_checker_begin(&writing.checker, plan->format, error);
    if (status == FND_OK && manifest != NULL) {
        status = fnd_writing_lay_down(&writing, manifest, error);
    }
    if (status == FND_OK) {
        status = target_open(&writing, error);
    }
    if (status == FND_OK) {
        status = fnd_sink_open(&writing.named, NULL, error);
        writing.named.bare = true;
    }
    if (status == FND_OK) {
        status = lines_write(&writing, error);
    }
    if (status == FND_OK) {
        status = whole_check(&writing, error);
    }
    if (status == FND_OK) {
        status = seal(&writing, error);
    }
    if (status == FND_OK && manifest != NULL && strcmp(manifest->sha256, result->sha256) != 0) {
        status = fnd_error_set(error, FND_DAMAGED,
                               "all records are those of the manifest, but the bytes come out "
                               "otherwise (SHA-256 %s, not %s): the manifest was edited, or "
                               "engine %s writes other lines than %s did",
                               result->sha256, manifest->sha256, FND_VERSION, manifest->engine);
    }
    if (status == FND_OK) {
        status = read_back(&writing, error);
    }
    fnd_plan_rest(plan);
    if (status == FND_OK) {
        status = fnd_writing_manifest(&writing, manifest, error);
    }
    if (status == FND_OK) {
        status = fnd_writing_publish(&writing, error);
    }
    if (status == FND_OK && store != NULL) {
        status = fnd_writing_record(&writing, store, error);
        FND_CRASH_POINT("dataset.export.recorded");
    }
    fnd_checker_finish(&writing.checker);
    fnd_text_finish(&writing.records);
    fnd_sink_finish(&writing.sink);
    plan->near = NULL;
    fnd_near_finish(&writing.near);
    fnd_sink_finish(&writing.named);
    fnd_sink_finish(&writing.manifest);
    fnd_bundle_finish(&writing.bundle);
    free(writing.splits);
    return status;
}
