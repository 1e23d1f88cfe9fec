/* SPDX-License-Identifier: MIT */
/* Reads the pages of folders made by foundry-samples through tesseract/ocr and leaves what was
 * read as NAME.words.json beside each, so that a page is read once however often models are trained
 * on it. Prints how many of the truth's numbers stand among the words, and the seconds a page.
 *
 *     foundry-bench-ocr FOLDER...
 *
 * FOUNDRY_BUILD_ROOT names the build whose plugin reads. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "phase.h"

struct tally {
    size_t pages, read, numbers, numbers_read;
    double seconds;
};

static int is_truth(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name), ending = strlen(".truth.json");
    return size > ending && strcmp(entry->d_name + size - ending, ".truth.json") == 0;
}

static bool load(const char *folder, const char *name, const char *ending, struct fnd_text *bytes)
{
    struct fnd_text path = {0};
    struct fnd_error error = {0};
    fnd_text_printf(&path, "%s/%s%s", folder, name, ending);
    bool done = fnd_file_read(AT_FDCWD, fnd_text_z(&path), 64 << 20, bytes, &error) == FND_OK;
    fnd_text_finish(&path);
    return done;
}

static bool save(const char *folder, const char *name, const char *text)
{
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/%s.words.json", folder, name);
    FILE *file = fopen(fnd_text_z(&path), "w");
    bool done = file != NULL && fputs(text, file) >= 0;
    done = file != NULL && fclose(file) == 0 && done;
    fnd_text_finish(&path);
    return done;
}

/** The amount a text says, in hundredths, if it is wholly a number: a currency sign, groups of
 *  three and either decimal sign are allowed. -1 if it is none. */
static double hundredths(const char *text, size_t size)
{
    double value = 0.0;
    size_t digits = 0, after = 0;
    bool point = false;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        bool last = (byte == '.' || byte == ',') && size - i <= 3;
        if (byte >= '0' && byte <= '9') {
            value = value * 10.0 + (byte - '0');
            digits++;
            after += point;
        } else if (last) {
            point = true;
        } else if (byte != '$' && byte < 0x80 && byte != '.' && byte != ',') {
            return -1.0;
        }
    }
    for (; after < 2; after++) {
        value *= 10.0;
    }
    return digits > 0 ? value : -1.0;
}

/** Count the numbers of the truth's rows that stand among the words, each word once. */
static void numbers_count(struct fnd_json truth, struct fnd_json words, struct tally *tally)
{
    static const char *const names[] = {"quantity", "unit_price", "total_cost"};
    size_t count = fnd_json_count(words), used = 0;
    double *values = fnd_alloc((count + 1) * sizeof *values);
    for (struct fnd_json_walk walk = fnd_json_walk(words); fnd_json_next(&walk);) {
        char *text = fnd_json_strdup(fnd_json_member(walk.value, "text"));
        values[used++] = hundredths(text, strlen(text));
        free(text);
    }
    struct fnd_json_walk rows = fnd_json_walk(fnd_json_member(truth, "line_items"));
    while (fnd_json_next(&rows)) {
        for (size_t name = 0; name < 3; name++) {
            double number = 0.0;
            (void)fnd_json_number(fnd_json_member(rows.value, names[name]), &number);
            tally->numbers++;
            for (size_t i = 0; i < used; i++) {
                if (values[i] > number * 100.0 - 0.5 && values[i] < number * 100.0 + 0.5) {
                    values[i] = -1.0;
                    tally->numbers_read++;
                    break;
                }
            }
        }
    }
    free(values);
}

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/** Words of one page: from beside it, or read now. */
static bool page_words(const struct phase *ocr, const char *folder, const char *name,
                       struct fnd_text *output, struct tally *tally)
{
    static const char *const endings[] = {".jpg", ".png", ".tif"};
    struct fnd_text image = {0};
    struct fnd_effects effects = {0};
    if (load(folder, name, ".words.json", output)) {
        return true;
    }
    for (size_t i = 0; i < 3 && image.size == 0; i++) {
        (void)load(folder, name, endings[i], &image);
    }
    /* The processor's time: other programs of this machine do not count. */
    double before = now(CLOCK_PROCESS_CPUTIME_ID);
    phase_run(ocr, "{\"lang\":\"eng\",\"image\":\"page\"}", &image, false, &effects);
    tally->seconds += now(CLOCK_PROCESS_CPUTIME_ID) - before;
    tally->read++;
    bool done = effects.outcome == FOUNDRY_DONE && save(folder, name, effects.output);
    if (done) {
        fnd_text_append_z(output, effects.output);
    } else {
        fprintf(stderr, "foundry-bench-ocr: %s/%s: %s\n", folder, name,
                effects.message == NULL ? "cannot be written" : effects.message);
    }
    fnd_effects_finish(&effects);
    fnd_text_finish(&image);
    return done;
}

static bool page_count(const struct phase *ocr, const char *folder, const char *name,
                       struct tally *tally)
{
    struct fnd_text output = {0}, truth_text = {0};
    struct fnd_error error = {0};
    struct fnd_json words, truth;
    size_t numbers = tally->numbers, numbers_read = tally->numbers_read;
    bool done =
        load(folder, name, ".truth.json", &truth_text) &&
        page_words(ocr, folder, name, &output, tally) &&
        fnd_json_check(fnd_text_z(&output), output.size, NULL, &words, &error) == FND_OK &&
        fnd_json_check(fnd_text_z(&truth_text), truth_text.size, NULL, &truth, &error) == FND_OK;
    if (done) {
        tally->pages++;
        numbers_count(truth, fnd_json_member(words, "words"), tally);
        if (getenv("BENCH_EACH") != NULL) {
            printf("%s %zu of %zu\n", name, tally->numbers_read - numbers_read,
                   tally->numbers - numbers);
        }
    }
    fnd_text_finish(&output);
    fnd_text_finish(&truth_text);
    return done;
}

/** Read and count a folder; false if something in it cannot be read. */
static bool folder_count(const struct phase *ocr, const char *folder, struct tally *tally)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_truth, alphasort);
    bool good = count > 0;
    for (int i = 0; i < count; i++) {
        entries[i]->d_name[strlen(entries[i]->d_name) - strlen(".truth.json")] = '\0';
        good = good && page_count(ocr, folder, entries[i]->d_name, tally);
        free(entries[i]);
    }
    free(entries);
    if (!good) {
        fprintf(stderr, "foundry-bench-ocr: %s could not be read\n", folder);
    }
    return good;
}

int main(int argc, char **argv)
{
    struct phase ocr = {0};
    struct tally tally = {0};
    if (argc < 2) {
        fprintf(stderr, "usage: foundry-bench-ocr FOLDER...\n");
        return 2;
    }
    bool good = phase_open(&ocr, "tesseract", "{\"lang\":\"eng\"}");
    for (int i = 1; i < argc && good; i++) {
        good = folder_count(&ocr, argv[i], &tally);
    }
    if (ocr.phase != NULL) {
        phase_close(&ocr);
    }
    if (!good) {
        return 1;
    }
    double percent = 100.0 * (double)tally.numbers_read / (double)tally.numbers;
    printf("%zu pages, numbers exactly %zu of %zu\n", tally.pages, tally.numbers_read,
           tally.numbers);
    printf("figure ocr_numbers %.2f\n", percent);
    if (tally.read > 0) {
        printf("figure ocr_seconds %.2f\n", tally.seconds / (double)tally.read);
    }
    return 0;
}
