/* SPDX-License-Identifier: MIT */
/* What the extractor of invoices learns from corrections: one row of figures a question, on pages
 * that foundry-samples made and foundry-bench-ocr read.
 *
 *     foundry-bench-invoices TRAIN SEEN NEW
 *
 * TRAIN are documents that are corrected, in the order of their names; SEEN other documents of the
 * same suppliers and layouts; NEW documents of other suppliers and layouts. The truth beside each
 * page plays the person who corrects it. Thresholds are set on what held-out training documents
 * show, never on SEEN or NEW: the lowest at which, with 95 % confidence, no more than the target
 * (1 %, and 0.5 %) of what is accepted is wrong. */
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "example.h"
#include "guess.h"
#include "label.h"

/* Below the last one the shipped pipeline asks whatever was proved. */
static const double targets[] = {0.01, 0.005}, rules_threshold = 0.90, asked_below = 0.90;

/* What a threshold makes of a set of documents. */
struct figures {
    size_t documents, fields, flagged, silent, handled, touched_silent, clean;
    double seconds;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int is_words(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name), ending = strlen(".words.json");
    return size > ending && strcmp(entry->d_name + size - ending, ".words.json") == 0;
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

static bool example_load(struct example *example, const char *folder, const char *name)
{
    struct fnd_text words = {0}, truth = {0};
    size_t index;
    *example = (struct example){.all = 1};
    snprintf(example->id, sizeof example->id, "%.79s", name);
    bool done = load(folder, name, ".words.json", &words) &&
                load(folder, name, ".truth.json", &truth) &&
                page_of_with(&example->document, fnd_text_z(&words), &index) == PAGE_OK &&
                answer_read(&example->human, fnd_text_z(&truth)) == 0;
    example->rows = calloc(example->human.rows_count + 1, 1);
    fnd_text_finish(&words);
    fnd_text_finish(&truth);
    return done && example->rows != NULL;
}

static bool folder_load(const char *folder, struct examples *examples)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_words, alphasort);
    *examples = (struct examples){.items = NULL};
    if (count <= 0) {
        fprintf(stderr, "foundry-bench-invoices: no pages that were read in %s\n", folder);
        return false;
    }
    bool good = true;
    examples->items = calloc((size_t)count, sizeof *examples->items);
    for (int i = 0; i < count; i++) {
        entries[i]->d_name[strlen(entries[i]->d_name) - strlen(".words.json")] = '\0';
        good = good && examples->items != NULL &&
               example_load(&examples->items[examples->count++], folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return good;
}

static int by_confidence(const void *a, const void *b)
{
    double first = ((const struct calibration *)a)->confidence;
    double second = ((const struct calibration *)b)->confidence;
    return (first < second) - (first > second);
}

/** The lowest threshold above which, by held-out outputs, no more than the target is wrong, with 95
 * % confidence; above 1 where there are too few to tell. The bound is the upper one of a Poisson
 *  count, by the usual approximation. */
static double threshold_set(const struct calibrations *calibrations, double target)
{
    struct calibration *sorted = calloc(calibrations->count + 1, sizeof *sorted);
    double threshold = 1.01;
    size_t wrong = 0;
    if (sorted == NULL) {
        return threshold;
    }
    size_t fields = 0;
    for (size_t i = 0; i < calibrations->count; i++) {
        if (!calibrations->items[i].strange) {
            sorted[fields++] = calibrations->items[i];
        }
    }
    qsort(sorted, fields, sizeof *sorted, by_confidence);
    for (size_t i = 0; i < fields; i++) {
        wrong += sorted[i].right ? 0 : 1;
        double count = (double)wrong + 1.0;
        double bound = count * pow(1.0 - 1.0 / (9.0 * count) + 1.645 / (3.0 * sqrt(count)), 3.0);
        if (bound <= target * (double)(i + 1)) {
            threshold = sorted[i].confidence;
        }
    }
    free(sorted);
    return threshold;
}

static void figures_add(struct figures *figures, const struct calibrations *found, double threshold)
{
    size_t flagged = 0, silent = 0, wrong = 0;
    for (size_t i = 0; i < found->count; i++) {
        int asked = found->items[i].confidence < threshold;
        flagged += asked ? 1 : 0;
        silent += !asked && !found->items[i].right ? 1 : 0;
        wrong += found->items[i].right ? 0 : 1;
    }
    figures->documents++;
    figures->fields += found->count;
    figures->flagged += flagged;
    figures->silent += silent;
    figures->handled += flagged > 0;
    figures->touched_silent += flagged == 0 && silent > 0;
    figures->clean += wrong == 0;
}

static void wrong_print(const struct example *example, const struct calibrations *found,
                        double threshold)
{
    for (size_t i = 0; i < found->count; i++) {
        const struct calibration *field = &found->items[i];
        if (!field->right || field->confidence < threshold) {
            printf("  %s %s %s %.3f\n", example->id, field->pointer,
                   field->right                    ? "asked"
                   : field->confidence < threshold ? "wrong"
                                                   : "SILENT",
                   field->confidence);
        }
    }
}

static bool rules_judge(const struct example *example, struct result *result)
{
    struct table table;
    struct header header;
    bool done = table_init(&table, &example->document) == 0;
    if (done) {
        header_find(&example->document, table.heading, &header);
        done = result_from_rules(result, &example->document, &header, &table) == 0;
    }
    table_finish(&table);
    return done;
}

/** Judge documents [first, count) by a model, or by the rules where it is NULL. */
static bool judge(const struct model *model, const struct examples *examples, double threshold,
                  size_t gate, struct figures *figures)
{
    *figures = (struct figures){.documents = 0};
    for (size_t i = 0; i < examples->count; i++) {
        const struct example *example = &examples->items[i];
        struct calibrations found = {.items = NULL};
        struct result result = {.rows = NULL};
        double before = now();
        bool done = model == NULL ? rules_judge(example, &result)
                                  : guess(model, &example->document, NULL, 1, gate, &result) == 0;
        figures->seconds += now() - before;
        done = done && result_compare(&result, example, i, &found) == 0;
        if (done) {
            figures_add(figures, &found, threshold);
            if (getenv("BENCH_WRONG") != NULL) {
                wrong_print(example, &found, threshold);
            }
        }
        calibrations_finish(&found);
        result_finish(&result);
        if (!done) {
            return false;
        }
    }
    return true;
}

static void figures_print(const char *what, const struct figures *f)
{
    double documents = (double)f->documents, accepted = (double)(f->fields - f->flagged);
    printf("%-34s flagged/100 %6.0f  handled/100 %4.0f  silent %5.2f %% of fields, %3.0f of %zu "
           "untouched documents  right before review %3.0f %%  %.1f ms\n",
           what, 100.0 * (double)f->flagged / documents, 100.0 * (double)f->handled / documents,
           accepted > 0 ? 100.0 * (double)f->silent / accepted : 0.0, (double)f->touched_silent,
           f->documents - f->handled, 100.0 * (double)f->clean / documents,
           1000.0 * f->seconds / documents);
    fflush(stdout);
}

/** Lines for bench/models.sh to take medians of. */
static void figures_name(const char *set, const char *when, const struct figures *f)
{
    double documents = (double)f->documents, accepted = (double)(f->fields - f->flagged);
    printf("figure %s_flagged_%s %.1f\n", set, when, 100.0 * (double)f->flagged / documents);
    printf("figure %s_handled_%s %.1f\n", set, when, 100.0 * (double)f->handled / documents);
    printf("figure %s_silent_%s %.3f\n", set, when,
           accepted > 0 ? 100.0 * (double)f->silent / accepted : 0.0);
    printf("figure %s_ms_%s %.2f\n", set, when, 1000.0 * f->seconds / documents);
}

static int never_stop(void *context, double fraction, const char *note)
{
    (void)context;
    (void)fraction;
    (void)note;
    return 0;
}

/** Train on some documents and print what that does on two other sets. */
static bool round_run(const struct examples *train, const struct examples *seen,
                      const struct examples *new, const char *when, const char *name)
{
    const struct train_watch watch = {never_stop, NULL};
    struct model model;
    struct calibrations calibrations;
    struct figures figures;
    double before = now();
    bool done = train_model(train, &watch, &model, &calibrations) == TRAIN_OK;
    double seconds = now() - before;
    size_t size = 0;
    unsigned char *bytes = done ? model_write(&model, &size) : NULL;
    printf("-- %s: trained on %zu documents in %.1f s; model %zu kB\n", name, train->count, seconds,
           size / 1000);
    printf("figure train_seconds_%s %.2f\n", when, seconds);
    free(bytes);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0] && done; i++) {
        double proved = threshold_set(&calibrations, targets[i]);
        double threshold = fmax(proved, asked_below);
        printf("   target %.1f %%: proved from %.3f, asked below %.3f\n", 100.0 * targets[i],
               proved, threshold);
        if (seen != NULL && (done = judge(&model, seen, threshold, 0, &figures))) {
            figures_print("seen layouts", &figures);
            if (i == 0) {
                figures_name("seen", when, &figures);
            }
        }
        if (done && (done = judge(&model, new, threshold, 0, &figures))) {
            figures_print("new layouts, supplier gate off", &figures);
            if (i == 0) {
                figures_name("new", when, &figures);
            }
        }
        if (done && (done = judge(&model, new, threshold, 3, &figures))) {
            figures_print("new layouts, supplier gate of 3", &figures);
        }
    }
    model_finish(&model);
    calibrations_finish(&calibrations);
    return done;
}

/** Replace the parts of rows that the rules doubt by what is true; or all rows, where their table
 *  as a whole is doubted. 0, or -1 without memory. */
static int rows_ask(const struct result *rules, const struct answer *truth, struct example *parts)
{
    struct answer *human = &parts->human;
    size_t *partners = calloc(human->rows_count + 1, sizeof *partners);
    parts->table = rules->table.confidence < rules_threshold;
    if (parts->table) {
        struct answer_row *rows = calloc(truth->rows_count + 1, sizeof *rows);
        free(human->rows);
        human->rows = rows;
        human->rows_count = rows != NULL ? truth->rows_count : 0;
        if (rows != NULL) {
            memcpy(rows, truth->rows, truth->rows_count * sizeof *rows);
        }
    }
    parts->rows = calloc(human->rows_count + 1, 1);
    int status = partners == NULL || human->rows == NULL || parts->rows == NULL ? -1 : 0;
    if (status == 0 && !parts->table) {
        status =
            rows_pair(human->rows, human->rows_count, truth->rows, truth->rows_count, partners);
    }
    for (size_t i = 0; i < human->rows_count && status == 0 && !parts->table; i++) {
        const struct answer_row *row = partners[i] == SIZE_MAX ? NULL : &truth->rows[partners[i]];
        if (row != NULL && rules->rows[i].description.confidence < rules_threshold) {
            parts->rows[i] |= LOOKED_DESCRIPTION;
            memcpy(human->rows[i].description, row->description, sizeof row->description);
        }
        for (size_t cell = 0; cell < CELLS && row != NULL; cell++) {
            if (rules->rows[i].cells[cell].confidence < rules_threshold) {
                parts->rows[i] = (unsigned char)(parts->rows[i] | (unsigned)LOOKED_CELLS << cell);
                human->rows[i].known[cell] = row->known[cell];
                human->rows[i].cells[cell] = row->cells[cell];
            }
        }
    }
    free(partners);
    return status;
}

/** The example that becomes of a document whose person looks at nothing but what the rules doubt:
 *  the rest stays as the rules had it, right or wrong. Borrows the document. */
static bool parts_make(const struct example *from, struct example *parts)
{
    struct result rules = {.rows = NULL};
    *parts = (struct example){.document = from->document};
    memcpy(parts->id, from->id, sizeof parts->id);
    bool done = rules_judge(from, &rules) && result_answer(&rules, &parts->human) == 0;
    if (done) {
        struct answer *human = &parts->human;
        char *texts[RESULT_HEADERS] = {human->supplier, human->date, human->number};
        const char *truths[RESULT_HEADERS] = {from->human.supplier, from->human.date,
                                              from->human.number};
        const size_t sizes[RESULT_HEADERS] = {sizeof human->supplier, sizeof human->date,
                                              sizeof human->number};
        for (size_t i = 0; i < RESULT_HEADERS; i++) {
            parts->headers[i] = rules.header[i].confidence < rules_threshold;
            if (parts->headers[i]) {
                memcpy(texts[i], truths[i], sizes[i]);
            }
        }
        done = rows_ask(&rules, &from->human, parts) == 0;
    }
    result_finish(&rules);
    return done;
}

/** What comes of corrections of nothing but what the rules doubt. Nothing is proved, so what is
 *  below the threshold of the rules is asked. */
static bool parts_run(const struct examples *train, const struct examples *seen)
{
    const struct train_watch watch = {never_stop, NULL};
    struct examples parts = {.items = calloc(train->count, sizeof *parts.items)};
    struct model model = {.documents = 0};
    struct calibrations calibrations = {.items = NULL};
    struct figures figures;
    bool done = parts.items != NULL;
    for (size_t i = 0; i < train->count && done; i++) {
        done = parts_make(&train->items[i], &parts.items[parts.count++]);
    }
    if (done) {
        done = train_model(&parts, &watch, &model, &calibrations) == TRAIN_OK &&
               judge(&model, seen, asked_below, 0, &figures);
    }
    if (done) {
        printf("-- %zu documents of which only what the rules doubt was corrected: %zu values\n",
               parts.count, calibrations.count);
        figures_print("seen layouts, asked below 0.9", &figures);
        figures_name("seen", "parts", &figures);
    }
    model_finish(&model);
    calibrations_finish(&calibrations);
    for (size_t i = 0; i < parts.count; i++) {
        answer_finish(&parts.items[i].human);
        free(parts.items[i].rows);
    }
    free(parts.items);
    return done;
}

/** Take the first `each` documents of every supplier of `from`; the others go to `rest`. Borrowed
 *  copies: free only the lists. */
static void few_take(const struct examples *from, size_t each, size_t most, struct examples *taken,
                     struct examples *rest)
{
    for (size_t i = 0; i < from->count; i++) {
        size_t before = 0;
        for (size_t j = 0; j < i; j++) {
            before += strcmp(from->items[j].human.supplier, from->items[i].human.supplier) == 0;
        }
        if (before < each) {
            taken->items[taken->count++] = from->items[i];
        } else if (before >= most) {
            rest->items[rest->count++] = from->items[i];
        }
    }
}

/** New layouts after 0, 1 and 3 corrections of each, on the documents behind the third. */
static bool adapting_run(const struct examples *base, const struct examples *new)
{
    static const size_t each[] = {0, 1, 3};
    bool good = true;
    for (size_t i = 0; i < 3 && good; i++) {
        char name[64], when[8];
        struct examples train = {.items = calloc(base->count + new->count, sizeof *train.items)};
        struct examples rest = {.items = calloc(new->count + 1, sizeof *rest.items)};
        good = train.items != NULL && rest.items != NULL;
        if (good) {
            memcpy(train.items, base->items, base->count * sizeof *base->items);
            train.count = base->count;
            few_take(new, each[i], 3, &train, &rest);
            snprintf(name, sizeof name, "%zu corrections of each new layout", each[i]);
            snprintf(when, sizeof when, "k%zu", each[i]);
            good = round_run(&train, NULL, &rest, when, name);
        }
        free(train.items);
        free(rest.items);
    }
    return good;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {5, 10, 20, 50, 100, 200};
    struct examples sets[3] = {{.items = NULL}};
    struct figures figures;
    if (argc != 4) {
        fprintf(stderr, "usage: foundry-bench-invoices TRAIN SEEN NEW\n");
        return 2;
    }
    bool good = true;
    for (int i = 0; i < 3 && good; i++) {
        good = folder_load(argv[i + 1], &sets[i]);
    }
    if (good && judge(NULL, &sets[1], rules_threshold, 0, &figures)) {
        printf("-- rules, threshold %.2f\n", rules_threshold);
        figures_print("seen layouts", &figures);
        figures_name("seen", "rules", &figures);
    }
    if (good && judge(NULL, &sets[2], rules_threshold, 0, &figures)) {
        figures_print("new layouts", &figures);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] && good; i++) {
        const struct examples train = {sets[0].items, sizes[i]};
        char name[32], when[16];
        snprintf(when, sizeof when, "n%zu", sizes[i]);
        snprintf(name, sizeof name, "N = %zu", sizes[i]);
        if (sizes[i] <= sets[0].count) {
            good = round_run(&train, &sets[1], &sets[2], when, name);
        }
    }
    if (good) {
        const struct examples base = {sets[0].items, sets[0].count < 100 ? sets[0].count : 100};
        good = parts_run(&base, &sets[1]) && adapting_run(&base, &sets[2]);
    }
    for (size_t i = 0; i < 3; i++) {
        examples_finish(&sets[i]);
    }
    if (!good) {
        fprintf(stderr, "foundry-bench-invoices: something could not be read, or memory ran out\n");
    }
    return good ? 0 : 1;
}
