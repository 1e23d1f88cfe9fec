/* SPDX-License-Identifier: MIT */
/* Exports, made anew or out of a manifest. */
#define _GNU_SOURCE /* O_DIRECTORY */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "dataset/bundle.h"
#include "dataset/frame.h"
#include "dataset/pair.h"
#include "dataset/redact.h"

static const int32_t shares_usual[FND_SPLITS_COUNT] = {800, 100, 100};

void fnd_export_result_finish(struct fnd_export_result *result)
{
    free(result->path);
    free(result->manifest_path);
    free(result->manifest);
    *result = (struct fnd_export_result){0};
}

static bool first_row(const struct fnd_correction_row *row, void *context)
{
    *(int64_t *)context = row->id;
    return false;
}

/** The format that the entry `name` has in the pin of the first record in the range that is of the
 *  pipeline. */
static enum fnd_status format_guess(struct fnd_plan *plan, struct fnd_error *error)
{
    struct fnd_export_options *options = &plan->options;
    struct fnd_walk walk = {.after = options->since > 0 ? options->since - 1 : 0, .limit = 1};
    enum fnd_status status = FND_OK;
    const struct fnd_format *found = NULL;
    struct fnd_error odd = {0}; /* why the last one that fits did not tell */
    while (status == FND_OK && found == NULL) {
        struct fnd_datum datum = {0};
        int64_t number = 0;
        status = fnd_corrections_walk(plan->reader, &walk, first_row, &number, error);
        if (status != FND_OK || number == 0 || (options->until > 0 && number > options->until)) {
            break;
        }
        walk.after = number;
        struct fnd_error local = {0};
        status = fnd_datum_load(plan, number, &datum, &local);
        const bool fits = options->pipeline == NULL || datum.pipeline == NULL ||
                          strcmp(options->pipeline, datum.pipeline) == 0;
        if (fits && status == FND_OK) {
            const char *format = datum.entry->format != NULL ? datum.entry->format : "";
            found = fnd_format_find(format, error);
            status = found != NULL ? FND_OK : FND_INVALID;
        } else if (status != FND_OK && fnd_failure_is_local(&local)) {
            odd = fits ? local : odd;
            status = FND_OK;
        } else if (status != FND_OK && error != NULL) {
            *error = local;
        }
        fnd_datum_finish(&datum);
    }
    if (status == FND_OK && found == NULL && odd.status != FND_OK) {
        status = odd.status;
        if (error != NULL) {
            *error = odd;
        }
    } else if (status == FND_OK && found == NULL) {
        status =
            fnd_error_set(error, FND_NOT_FOUND,
                          "no record fits, so that the format of entry `%s` is not known; give "
                          "--format",
                          options->name);
    }
    plan->format = found;
    fnd_entries_finish(plan->entries); /* read without knowing the format */
    plan->entries = NULL;
    return status;
}

static enum fnd_status format_choose(struct fnd_plan *plan, struct fnd_error *error)
{
    if (plan->options.format != NULL) {
        plan->format = fnd_format_find(plan->options.format, error);
        return plan->format != NULL ? FND_OK : FND_INVALID;
    }
    if (plan->options.name == NULL) {
        return fnd_error_set(error, FND_INVALID,
                             "say what to export: --format with the name of one (foundry, gemini, "
                             "openai-chat, …), or --name with an "
                             "entry of the pipeline's `export:`");
    }
    return format_guess(plan, error);
}

static enum fnd_status options_check(struct fnd_plan *plan, struct fnd_error *error)
{
    struct fnd_export_options *options = &plan->options;
    assert(plan->format != NULL);
    const bool training = plan->format->training;
    int64_t sum = 0;
    if (options->since < 0 || options->until < 0 ||
        (options->until > 0 && options->since > options->until)) {
        return fnd_error_set(error, FND_INVALID,
                             "there are no records from %" PRId64 " to %" PRId64, options->since,
                             options->until);
    }
    if (training && (options->verdicts & 1U << FND_REJECTED) != 0) {
        return fnd_error_set(error, FND_INVALID,
                             "a rejected record does not say what is right: %s cannot carry it, "
                             "`foundry` does",
                             plan->format->name);
    }
    if (plan->format->pairs && (options->verdicts & 1U << FND_ACCEPTED) != 0) {
        return fnd_error_set(error, FND_INVALID,
                             "an accepted record prefers nothing to anything: %s takes corrected "
                             "ones only",
                             plan->format->name);
    }
    if (options->verdicts == 0) {
        options->verdicts = (plan->format->pairs ? 0U : 1U << FND_ACCEPTED) | 1U << FND_CORRECTED |
                            (training ? 0U : 1U << FND_REJECTED);
    }
    if (options->tiers == 0) {
        options->tiers = 1U << FND_TIER_GOLD | (training ? 0U : 1U << FND_TIER_SILVER);
    }
    for (int i = 0; i < FND_SPLITS_COUNT; i++) {
        if (options->shares[i] < 0 || options->shares[i] > FND_DATASET_SHARES_SUM) {
            return fnd_error_set(error, FND_INVALID,
                                 "a split's share is %" PRId32 " thousandths; "
                                 "it must be from 0 to %d",
                                 options->shares[i], FND_DATASET_SHARES_SUM);
        }
        sum += options->shares[i];
    }
    if (sum == 0) {
        memcpy(options->shares, shares_usual, sizeof shares_usual);
    } else if (sum != FND_DATASET_SHARES_SUM) {
        return fnd_error_set(error, FND_INVALID,
                             "the shares of the splits make %" PRId64 " thousandths, not %d", sum,
                             FND_DATASET_SHARES_SUM);
    }
    if (options->salt == NULL) {
        options->salt = plan->store_uuid;
    }
    return options->uri_prefix != NULL && plan->format->by_uri
               ? fnd_uri_check(options->uri_prefix, true, error)
               : FND_OK;
}

/** Make the name `out` in the job directory durable: an export is promised when it is told of. Also
 *  where the folder was there: whoever made it may not have come to this. */
static enum fnd_status out_sync(const char *directory, struct fnd_error *error)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum fnd_status status = FND_OK;
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL)) { /* EINVAL: a file system without it */
        status = fnd_error_errno(error, FND_IO, errno, "cannot sync the folder %s", directory);
    }
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

/** out/NAME.jsonl in the job directory; the folder is made. */
static enum fnd_status out_default(const struct fnd_plan *plan, char **path,
                                   struct fnd_error *error)
{
    struct fnd_text text = {0};
    const char *name = plan->options.name != NULL ? plan->options.name : plan->format->name;
    enum fnd_status status = FND_OK;
    if (strchr(name, '/') != NULL) {
        return fnd_error_set(error, FND_INVALID, "`%s` cannot be an export entry's name", name);
    }
    fnd_text_printf(&text, "%s/out", fnd_reader_path(plan->reader));
    if (mkdir(fnd_text_z(&text), 0777) != 0 && errno != EEXIST) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot make the folder %s",
                                 fnd_text_z(&text));
    }
    if (status == FND_OK) {
        status = out_sync(fnd_reader_path(plan->reader), error);
    }
    fnd_text_printf(&text, "/%s%s", name,
                    plan->format->folder != NULL ? ""
                    : plan->format->array        ? ".json"
                                                 : ".jsonl");
    if (status == FND_OK) {
        *path = fnd_text_take(&text);
    }
    fnd_text_finish(&text);
    return status;
}

enum fnd_status fnd_dataset_export(struct fnd_reader *reader, struct fnd_store *store,
                                   const struct fnd_export_options *options,
                                   struct fnd_export_result *result, struct fnd_error *error)
{
    struct fnd_plan plan = {.reader = reader, .options = *options, .result = result};
    struct fnd_pin_row pin = {0};
    char *path = NULL;
    *result = (struct fnd_export_result){0};
    enum fnd_status status = fnd_dataset_store(reader, &plan.store_uuid, error);
    if (status == FND_OK && options->pipeline != NULL) {
        status = fnd_pin_latest(reader, options->pipeline, &pin, error);
    }
    if (status == FND_OK) {
        plan.options.salt = options->salt != NULL ? options->salt : plan.store_uuid;
        status = format_choose(&plan, error);
    }
    if (status == FND_OK) {
        status = options_check(&plan, error);
    }
    if (status == FND_OK) {
        status = fnd_plan_select(&plan, error);
    }
    if (status == FND_OK && plan.format->folder != NULL && options->out != NULL &&
        strcmp(options->out, "-") == 0) {
        status = fnd_error_set(error, FND_INVALID,
                               "%s is a folder, which cannot go to a pipe; name one with --out",
                               plan.format->name);
    }
    if (status == FND_OK) {
        status = fnd_redact_collect(&plan, error);
    }
    if (status == FND_OK && options->out == NULL) {
        status = out_default(&plan, &path, error);
        plan.options.out = path;
    }
    if (status == FND_OK) {
        status = fnd_plan_write(&plan, NULL, store, error);
    }
    fnd_plan_finish(&plan);
    free(pin.pipeline);
    free(path);
    return status;
}

/** The manifest's name without ".manifest.json"; of a folder, the folder that it lies in. */
static enum fnd_status out_beside(const char *manifest, bool folder, char **path,
                                  struct fnd_error *error)
{
    const char *ending = folder ? "/" FND_BUNDLE_MANIFEST : FND_MANIFEST_ENDING;
    const size_t size = strlen(manifest), ending_size = strlen(ending);
    if (folder && strcmp(manifest, FND_BUNDLE_MANIFEST) == 0) {
        *path = getcwd(NULL, 0);
        return *path != NULL
                   ? FND_OK
                   : fnd_error_errno(error, FND_IO, errno, "cannot tell this folder's name");
    }
    if (size <= ending_size || strcmp(manifest + size - ending_size, ending) != 0) {
        return fnd_error_set(error, FND_INVALID,
                             "the name of %s does not tell where its export goes; give --out",
                             manifest);
    }
    *path = fnd_strndup(manifest, size - ending_size);
    return FND_OK;
}

/** What a killed export left beside the file of this manifest comes to its end first. */
static void settle(const char *manifest)
{
    char *path = NULL;
    if (out_beside(manifest, false, &path, NULL) == FND_OK) {
        fnd_pair_settle(path, NULL);
    }
    free(path);
}

/** Whether a manifest is not to be held as a whole; one past all bounds is refused before it is. */
static bool manifest_is_long(const char *path, const struct fnd_export_options *options)
{
    const uintmax_t held_max =
        options->manifest_held_max > 0 ? options->manifest_held_max : FND_DATASET_MANIFEST_HELD_MAX;
    struct stat there;
    return stat(path, &there) == 0 && S_ISREG(there.st_mode) &&
           (uintmax_t)there.st_size > held_max && there.st_size <= FND_DATASET_MANIFEST_SIZE_MAX;
}

enum fnd_status fnd_dataset_reproduce(struct fnd_reader *reader, const char *manifest,
                                      const struct fnd_export_options *options,
                                      struct fnd_export_result *result, struct fnd_error *error)
{
    struct fnd_manifest read = {0};
    struct fnd_plan plan = {.reader = reader, .result = result};
    char *path = NULL;
    *result = (struct fnd_export_result){0};
    plan.options.fd = options->fd;
    plan.options.manifest = options->manifest;
    plan.options.threads = options->threads;
    plan.options.manifest_held_max = options->manifest_held_max;
    plan.options.said = options->said;
    plan.options.progress = options->progress;
    plan.options.context = options->context;
    settle(manifest);
    enum fnd_status status = manifest_is_long(manifest, options)
                                 ? fnd_manifest_stream(manifest, &read, &plan, error)
                                 : fnd_manifest_read(manifest, &read, &plan, error);
    if (status == FND_OK) {
        status = fnd_dataset_store(reader, &plan.store_uuid, error);
    }
    if (status == FND_OK && strcmp(read.store, plan.store_uuid) != 0) {
        status = fnd_error_set(error, FND_CONFLICT,
                               "%s is of the job directory with UUID %s, and %s has %s; name the "
                               "one it was made from, or a copy of it",
                               manifest, read.store, fnd_reader_path(reader), plan.store_uuid);
    }
    if (status == FND_OK) {
        plan.format = fnd_format_find(plan.options.format, error);
        status = plan.format != NULL ? options_check(&plan, error) : FND_INVALID;
    }
    if (status == FND_OK) {
        plan.options.out = options->out;
        if (options->out == NULL) {
            status = out_beside(manifest, plan.format->folder != NULL, &path, error);
            plan.options.out = path;
        }
    }
    if (status == FND_OK) {
        result->records = plan.count;
        status = fnd_plan_write(&plan, &read, NULL, error);
    }
    fnd_plan_finish(&plan);
    fnd_manifest_finish(&read);
    free(path);
    return status;
}
