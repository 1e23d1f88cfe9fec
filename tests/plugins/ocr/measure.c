/* SPDX-License-Identifier: MIT */
/* Reads pages whose truth is known through tesseract/ocr and invoice/fields, prints the share of
 * fields that come out exactly right, and fails below a floor.
 *
 *     measure FOLDER [FLOOR_PERCENT]              the pages of a folder
 *     measure --make SAMPLES SEED COUNT [FLOOR]   pages made by foundry-samples for this
 *
 * FOUNDRY_BUILD_ROOT names the build whose plugins are measured. MEASURE_WRONG=1 prints each field
 * that is wrong, MEASURE_WORDS=1 the words' confidences with whether they are right. */
#include <dirent.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "phase.h"

extern char **environ;

enum field { SUPPLIER, DATE, NUMBER, DESCRIPTION, QUANTITY, PRICE, TOTAL, ROWS, FIELDS };
static const char *const field_names[FIELDS] = {
    "supplier_name", "invoice_date", "invoice_number", "item_description",
    "quantity",      "unit_price",   "total_cost",     "number of rows"};

static const double accept = 0.9; /* fields at least this confident are taken unseen */

struct tally {
    size_t count[FIELDS], right[FIELDS], flagged[FIELDS], silent[FIELDS];
    size_t numbers, numbers_read; /* amounts and quantities found among the words */
    size_t pages, pages_right, pages_unasked, pages_silent;
    double seconds, seconds_max;
    bool page_wrong, page_flagged, page_silent; /* of the page under way */
};

static bool parse(const struct fnd_text *text, struct fnd_json *value)
{
    struct fnd_error error = {0};
    if (fnd_json_check(fnd_text_z(text), text->size, NULL, value, &error) != FND_OK) {
        fprintf(stderr, "measure: %s\n", error.message);
        return false;
    }
    return true;
}

/** The digits of a text: how numbers are compared that may be printed with any separators. */
static void digits_of(const char *text, size_t size, char digits[64])
{
    size_t used = 0;
    for (size_t i = 0; i < size && used < 63; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            digits[used++] = text[i];
        }
    }
    digits[used] = '\0';
}

/** Count the truth's numbers that stand among the words, each word once. */
static void numbers_count(struct fnd_json truth, struct fnd_json words, struct tally *tally)
{
    size_t count = fnd_json_count(words), used = 0;
    char(*digits)[64] = fnd_alloc((count + 1) * sizeof *digits);
    for (struct fnd_json_walk walk = fnd_json_walk(words); fnd_json_next(&walk); used++) {
        struct fnd_json text = fnd_json_member(walk.value, "text");
        digits_of(text.bytes, text.size, digits[used]);
    }
    struct fnd_json_walk rows = fnd_json_walk(fnd_json_member(truth, "line_items"));
    while (fnd_json_next(&rows)) {
        for (int field = QUANTITY; field <= TOTAL; field++) {
            struct fnd_json value = fnd_json_member(rows.value, field_names[field]);
            char as_json[64], with_places[64];
            double number = 0.0;
            digits_of(value.bytes, value.size, as_json);
            fnd_json_number(value, &number);
            snprintf(with_places, sizeof with_places, "%.0f", number * 100.0);
            tally->numbers++;
            for (size_t i = 0; i < count; i++) {
                if (strcmp(digits[i], as_json) == 0 || strcmp(digits[i], with_places) == 0) {
                    digits[i][0] = '\0';
                    tally->numbers_read++;
                    break;
                }
            }
        }
    }
    free(digits);
}

static void field_count(struct tally *tally, enum field field, const char *pointer,
                        struct fnd_json truth, struct fnd_json output,
                        const struct fnd_effects *effects, const char *file)
{
    struct fnd_json expected = fnd_json_find(truth, pointer);
    struct fnd_json found = fnd_json_find(output, pointer);
    double confidence = phase_confidence(effects, pointer);
    bool right = found.bytes != NULL && expected.bytes != NULL && fnd_json_equal(expected, found);
    bool flagged = confidence < accept;
    tally->count[field]++;
    tally->right[field] += right;
    tally->flagged[field] += flagged;
    tally->silent[field] += !right && !flagged;
    tally->page_wrong |= !right;
    tally->page_flagged |= flagged;
    tally->page_silent |= !right && !flagged;
    if (getenv("MEASURE_WRONG") != NULL && (!right || flagged)) {
        printf("%s %s %s: %.*s, truth %.*s, confidence %.3f\n", file,
               right     ? "asked"
               : flagged ? "wrong"
                         : "SILENT",
               pointer, found.bytes == NULL ? 7 : (int)found.size,
               found.bytes == NULL ? "nothing" : found.bytes,
               expected.bytes == NULL ? 7 : (int)expected.size,
               expected.bytes == NULL ? "nothing" : expected.bytes, confidence);
    }
}

static void page_count(struct tally *tally, struct fnd_json truth,
                       const struct fnd_effects *effects, const char *file)
{
    static const char *const pointers[] = {"/supplier_name", "/invoice_date", "/invoice_number"};
    struct fnd_text text = {0};
    struct fnd_json output;
    fnd_text_append_z(&text, effects->output);
    if (!parse(&text, &output)) {
        abort();
    }
    tally->page_wrong = tally->page_flagged = tally->page_silent = false;
    for (int field = SUPPLIER; field <= NUMBER; field++) {
        field_count(tally, (enum field)field, pointers[field], truth, output, effects, file);
    }
    size_t rows = fnd_json_count(fnd_json_member(truth, "line_items"));
    size_t found = fnd_json_count(fnd_json_member(output, "line_items"));
    for (size_t i = 0; i < rows; i++) {
        for (int field = DESCRIPTION; field <= TOTAL; field++) {
            char pointer[64];
            snprintf(pointer, sizeof pointer, "/line_items/%zu/%s", i, field_names[field]);
            field_count(tally, (enum field)field, pointer, truth, output, effects, file);
        }
    }
    bool rows_flagged = phase_confidence(effects, "/line_items") < accept;
    tally->count[ROWS]++;
    tally->right[ROWS] += rows == found;
    tally->flagged[ROWS] += rows_flagged;
    tally->silent[ROWS] += rows != found && !rows_flagged;
    tally->pages_right += !tally->page_wrong && rows == found;
    tally->pages_unasked += !tally->page_flagged && !rows_flagged;
    tally->pages_silent += tally->page_silent && !tally->page_flagged && !rows_flagged;
    fnd_text_finish(&text);
}

static void words_print(struct fnd_json words, const struct fnd_text *truth)
{
    for (struct fnd_json_walk walk = fnd_json_walk(words); fnd_json_next(&walk);) {
        char *text = fnd_json_strdup(fnd_json_member(walk.value, "text"));
        struct fnd_json confidence = fnd_json_member(walk.value, "confidence");
        printf("word %.*s %d %s\n", (int)confidence.size, confidence.bytes,
               strstr(fnd_text_z(truth), text) != NULL, text);
        free(text);
    }
}

/** Read one page; false when a phase fails on it. */
static bool page_read(const struct phase *ocr, const struct phase *fields, const char *file,
                      const struct fnd_text *image, const struct fnd_text *truth_text,
                      struct tally *tally)
{
    struct fnd_effects read, found = {0};
    struct fnd_text config = {0}, output = {0};
    struct fnd_json truth, words;
    struct timespec before, after;
    bool done = false;
    clock_gettime(CLOCK_MONOTONIC, &before);
    phase_run(ocr, "{\"lang\":\"eng\",\"image\":\"page\"}", image, false, &read);
    clock_gettime(CLOCK_MONOTONIC, &after);
    double seconds =
        (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
    tally->seconds += seconds;
    tally->seconds_max = seconds > tally->seconds_max ? seconds : tally->seconds_max;
    tally->pages++;
    if (read.outcome != FOUNDRY_DONE) {
        fprintf(stderr, "measure: %s: %s: %s\n", file, read.code, read.message);
        goto out;
    }
    /* The output of one phase is config of the next, as a pipeline has it. */
    fnd_text_append(&config, "{\"image\":\"page\",", 16);
    fnd_text_append_z(&config, read.output + 1);
    fnd_text_append_z(&output, read.output);
    if (!parse(&output, &words) || !parse(truth_text, &truth)) {
        goto out;
    }
    words = fnd_json_member(words, "words");
    phase_run(fields, fnd_text_z(&config), NULL, false, &found);
    if (found.outcome != FOUNDRY_DONE) {
        fprintf(stderr, "measure: %s: %s: %s\n", file, found.code, found.message);
        goto out;
    }
    if (getenv("MEASURE_WORDS") != NULL) {
        words_print(words, truth_text);
    }
    numbers_count(truth, words, tally);
    page_count(tally, truth, &found, file);
    done = true;
out:
    fnd_effects_finish(&read);
    fnd_effects_finish(&found);
    fnd_text_finish(&config);
    fnd_text_finish(&output);
    return done;
}

static double percent(size_t part, size_t whole)
{
    return whole == 0 ? 0.0 : 100.0 * (double)part / (double)whole;
}

/** Print the tally; the share of fields that are exactly right, in percent. */
static double tally_print(const struct tally *tally)
{
    size_t count = 0, right = 0, flagged = 0, silent = 0;
    printf("%-18s %7s %8s %8s %8s\n", "field", "count", "right", "asked", "silent");
    for (int field = 0; field < FIELDS; field++) {
        printf("%-18s %7zu %7.1f%% %7.1f%% %7.2f%%\n", field_names[field], tally->count[field],
               percent(tally->right[field], tally->count[field]),
               percent(tally->flagged[field], tally->count[field]),
               percent(tally->silent[field], tally->count[field]));
        count += tally->count[field];
        right += tally->right[field];
        flagged += tally->flagged[field];
        silent += tally->silent[field];
    }
    printf("%-18s %7zu %7.1f%% %7.1f%% %7.2f%%\n", "all", count, percent(right, count),
           percent(flagged, count), percent(silent, count));
    printf("number tokens read: %zu of %zu, %.1f%%\n", tally->numbers_read, tally->numbers,
           percent(tally->numbers_read, tally->numbers));
    printf("pages: %zu; wholly right %zu, nothing asked (all >= %.2f) %zu, of these wrong %zu\n",
           tally->pages, tally->pages_right, accept, tally->pages_unasked, tally->pages_silent);
    printf("ocr: %.2f s a page, at most %.2f s\n", tally->seconds / (double)tally->pages,
           tally->seconds_max);
    return percent(right, count);
}

/** Find the picture that goes with NAME.truth.json; false if there is none. */
static bool image_load(const char *folder, const char *name, struct fnd_text *image)
{
    static const char *const endings[] = {"jpg", "png", "tif"};
    for (size_t i = 0; i < 3 && image->size == 0; i++) {
        struct fnd_text path = {0};
        struct fnd_error error = {0};
        fnd_text_printf(&path, "%s/%s.%s", folder, name, endings[i]);
        (void)fnd_file_read(AT_FDCWD, fnd_text_z(&path), 64 << 20, image, &error);
        fnd_text_finish(&path);
    }
    return image->size > 0;
}

static bool sample_measure(const struct phase *ocr, const struct phase *fields, const char *folder,
                           const char *entry, struct tally *tally)
{
    struct fnd_text path = {0}, truth = {0}, image = {0};
    struct fnd_error error = {0};
    char *name = fnd_strndup(entry, strlen(entry) - strlen(".truth.json"));
    fnd_text_printf(&path, "%s/%s", folder, entry);
    bool done = fnd_file_read(AT_FDCWD, fnd_text_z(&path), 1 << 20, &truth, &error) == FND_OK &&
                image_load(folder, name, &image);
    if (done) {
        done = page_read(ocr, fields, name, &image, &truth, tally);
    } else {
        fprintf(stderr, "measure: cannot load %s/%s and its picture: %s\n", folder, entry,
                error.message);
    }
    free(name);
    fnd_text_finish(&path);
    fnd_text_finish(&truth);
    fnd_text_finish(&image);
    return done;
}

static int is_truth(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name), ending = strlen(".truth.json");
    return size > ending && strcmp(entry->d_name + size - ending, ".truth.json") == 0;
}

/** Measure a folder; 0, or 1 when something failed or too little was right. */
static int folder_measure(const char *folder, double floor_percent)
{
    struct phase ocr = {0}, fields = {0};
    struct tally tally = {0};
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_truth, alphasort);
    bool good = count > 0 && phase_open(&ocr, "tesseract", "{\"lang\":\"eng\"}") &&
                phase_open(&fields, "invoice", "{}");
    for (int i = 0; i < count; i++) {
        good = good && sample_measure(&ocr, &fields, folder, entries[i]->d_name, &tally);
        free(entries[i]);
    }
    free(entries);
    if (ocr.phase != NULL) {
        phase_close(&ocr);
    }
    if (fields.phase != NULL) {
        phase_close(&fields);
    }
    if (!good) {
        fprintf(stderr, "measure: %s could not be measured\n", folder);
        return 1;
    }
    double right = tally_print(&tally);
    if (right < floor_percent) {
        printf("FAILED: %.1f%% of the fields are right; the floor is %.1f%%\n", right,
               floor_percent);
        return 1;
    }
    return 0;
}

static int run(char *const *arguments)
{
    pid_t child;
    int state;
    if (posix_spawn(&child, arguments[0], NULL, NULL, arguments, environ) != 0 ||
        waitpid(child, &state, 0) != child) {
        return -1;
    }
    return WIFEXITED(state) && WEXITSTATUS(state) == 0 ? 0 : -1;
}

static void folder_remove(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        struct fnd_text path = {0};
        fnd_text_printf(&path, "%s/%s", folder, entries[i]->d_name);
        unlink(fnd_text_z(&path)); /* "." and ".." are refused */
        fnd_text_finish(&path);
        free(entries[i]);
    }
    free(entries);
    rmdir(folder);
}

int main(int argc, char **argv)
{
    if (argc >= 5 && strcmp(argv[1], "--make") == 0) {
        char folder[] = "/tmp/foundry-measure-XXXXXX";
        if (mkdtemp(folder) == NULL) {
            perror("measure: mkdtemp");
            return 1;
        }
        char *const arguments[] = {argv[2], (char[]){"--seed"}, argv[3], (char[]){"--count"},
                                   argv[4], (char[]){"--out"},  folder,  NULL};
        int result = 1;
        printf("seed %s, %s pages\n", argv[3], argv[4]);
        if (run(arguments) == 0) {
            result = folder_measure(folder, argc > 5 ? strtod(argv[5], NULL) : 0.0);
        } else {
            fprintf(stderr, "measure: %s could not be run, or failed\n", argv[2]);
        }
        folder_remove(folder);
        return result;
    }
    if (argc < 2) {
        fprintf(stderr, "usage: measure FOLDER [FLOOR]\n"
                        "       measure --make SAMPLES SEED COUNT [FLOOR]\n");
        return 2;
    }
    return folder_measure(argv[1], argc > 2 ? strtod(argv[2], NULL) : 0.0);
}
