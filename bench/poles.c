/* SPDX-License-Identifier: MIT */
/* What the detector of poles learns from corrections, on streets that foundry-streets drew.
 *
 *     foundry-bench-poles TRAIN TEST OTHER
 *
 * TRAIN are pictures that are corrected, in the order of their names; TEST other pictures by the
 * same code, OTHER pictures by code that no training saw. The truth beside each picture plays the
 * person who corrects it. Nothing is chosen or tuned on TEST or OTHER. */
#include <dirent.h>
#include <fcntl.h>
#include <leptonica/allheaders.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "example.h"
#include "measure.h"
#include "picture.h"
#include "train.h"

enum { BYTES_MAX = 64 << 20 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

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
    bool done = fnd_file_read(AT_FDCWD, fnd_text_z(&path), BYTES_MAX, bytes, &error) == FND_OK;
    fnd_text_finish(&path);
    return done;
}

/* Pictures and the processor time it took to make them ready, decoding apart. */
struct set {
    struct examples examples;
    double seconds;
};

/** Read a picture; `drawn`: its poles are proposed too, as those a person drew are in training. */
static bool example_load(struct set *set, const char *folder, const char *name, bool drawn)
{
    struct fnd_text image = {0}, truth = {0};
    struct picture picture;
    struct Pix *pix = NULL;
    char message[256];
    struct example *example = &set->examples.items[set->examples.count];
    *example = (struct example){.whole = 1, .gold = 1};
    snprintf(example->id, sizeof example->id, "%.70s", name);
    bool done =
        load(folder, name, ".truth.json", &truth) && load(folder, name, ".jpg", &image) &&
        boxes_read(fnd_text_z(&truth), example->truth, TRUTH_MAX, &example->truth_count) == 0 &&
        picture_open(&picture, (const uint8_t *)image.bytes, image.size, message, sizeof message) ==
            PICTURE_OK &&
        picture_page(&picture, 0, &pix, message, sizeof message) == PICTURE_OK;
    double before = now();
    done = done &&
           scene_make(&example->scene, pix, example->truth, drawn ? example->truth_count : 0) == 0;
    set->seconds += now() - before;
    set->examples.count++;
    pixDestroy(&pix);
    fnd_text_finish(&image);
    fnd_text_finish(&truth);
    return done;
}

static bool folder_load(const char *folder, struct set *set, bool drawn)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_truth, alphasort);
    bool good = count > 0;
    if (!good) {
        fprintf(stderr, "foundry-bench-poles: no pictures with their truth in %s\n", folder);
        return false;
    }
    set->examples.items = calloc((size_t)count, sizeof *set->examples.items);
    good = set->examples.items != NULL;
    for (int i = 0; i < count; i++) {
        entries[i]->d_name[strlen(entries[i]->d_name) - strlen(".truth.json")] = '\0';
        good = good && example_load(set, folder, entries[i]->d_name, drawn);
        free(entries[i]);
    }
    free(entries);
    return good;
}

/* What a model does to a set. */
struct figures {
    struct judged *loose, *strict;
    size_t count, poles, wrong, missed, pictures;
    size_t sure, sure_wrong; /* pictures that nobody would be asked about; with a fault */
    double seconds;
};

static void kept_judge(const struct example *example, const struct found *found, size_t kept,
                       double complete, struct figures *figures)
{
    struct box boxes[DETECTIONS_MAX] = {{0, 0, 0, 0}};
    int right[DETECTIONS_MAX];
    unsigned char taken[TRUTH_MAX];
    bool sure = complete >= 0.9;
    for (size_t i = 0; i < kept; i++) {
        boxes[i] = found->items[i].box;
        sure = sure && found->items[i].confidence >= 0.9;
    }
    size_t rights =
        boxes_judge(boxes, kept, example->truth, example->truth_count, POLE_RIGHT, right, taken);
    figures->wrong += kept - rights;
    figures->missed += example->truth_count - rights;
    figures->sure += sure;
    figures->sure_wrong += sure && (kept != rights || example->truth_count != rights);
}

static void found_judge(const struct example *example, const struct found *found,
                        struct figures *figures)
{
    struct box boxes[DETECTIONS_MAX] = {{0, 0, 0, 0}};
    int right[DETECTIONS_MAX];
    unsigned char taken[TRUTH_MAX];
    for (size_t i = 0; i < found->count; i++) {
        boxes[i] = found->items[i].box;
    }
    for (int strict = 0; strict < 2; strict++) {
        struct judged *judged = (strict ? figures->strict : figures->loose) + figures->count;
        (void)boxes_judge(boxes, found->count, example->truth, example->truth_count,
                          strict ? POLE_RIGHT : POLE_FOUND, right, taken);
        for (size_t i = 0; i < found->count; i++) {
            judged[i] = (struct judged){found->items[i].confidence, right[i]};
        }
    }
    figures->count += found->count;
    figures->poles += example->truth_count;
    figures->pictures++;
}

static bool judge(const struct set *set, const struct model *model, const char *name,
                  const char *when)
{
    struct figures figures = {.count = 0};
    size_t room = set->examples.count * DETECTIONS_MAX + 1;
    figures.loose = calloc(room, sizeof *figures.loose);
    figures.strict = calloc(room, sizeof *figures.strict);
    bool good = figures.loose != NULL && figures.strict != NULL;
    for (size_t i = 0; i < set->examples.count && good; i++) {
        const struct example *example = &set->examples.items[i];
        struct found found;
        double before = now();
        good = scene_find(&example->scene, model, &found) == 0;
        double complete = scene_complete(&example->scene, model, &found, POLE_KEEP);
        figures.seconds += now() - before;
        size_t kept = found_kept(&found, POLE_KEEP);
        kept_judge(example, &found, kept, complete, &figures);
        found_judge(example, &found, &figures);
    }
    if (good) {
        double pictures = (double)figures.pictures;
        double strict = average_precision(figures.strict, figures.count, figures.poles);
        double loose = average_precision(figures.loose, figures.count, figures.poles);
        double fixes = 100.0 * (double)(figures.wrong + figures.missed) / pictures;
        double ms = 1000.0 * (figures.seconds + set->seconds) / pictures;
        printf("%-6s %-5s AP 0.5 %.3f  AP 0.3 %.3f  fixes/100 %.0f (%zu wrong, %zu missed of %zu)  "
               "nobody asked: %zu of %zu pictures, %zu of them with a fault  %.1f ms\n",
               name, when, strict, loose, fixes, figures.wrong, figures.missed, figures.poles,
               figures.sure, figures.pictures, figures.sure_wrong, ms);
        printf("figure poles_%s_ap5_%s %.4f\n", name, when, strict);
        printf("figure poles_%s_ap3_%s %.4f\n", name, when, loose);
        printf("figure poles_%s_fixes_%s %.1f\n", name, when, fixes);
        printf("figure poles_%s_ms_%s %.2f\n", name, when, ms);
        fflush(stdout);
    }
    free(figures.loose);
    free(figures.strict);
    return good;
}

static int never_stop(void *context, double fraction, const char *note)
{
    (void)context;
    (void)fraction;
    (void)note;
    return 0;
}

static bool round_run(const struct set sets[3], size_t count)
{
    const struct train_watch watch = {never_stop, NULL};
    const struct examples train = {sets[0].examples.items, count};
    struct model model;
    struct calibrations calibrations;
    char when[16];
    snprintf(when, sizeof when, "n%zu", count);
    double before = now();
    bool good = train_model(&train, &watch, &model, &calibrations) == TRAIN_OK;
    double seconds = now() - before;
    /* Making the pictures ready is part of a training. */
    seconds += sets[0].seconds * (double)count / (double)sets[0].examples.count;
    printf("figure poles_train_seconds_%s %.1f\n", when, seconds);
    printf("-- trained on %zu pictures in %.1f s\n", count, seconds);
    good = good && judge(&sets[1], &model, "test", when);
    if (good && sets[2].examples.count > 0) {
        good = judge(&sets[2], &model, "other", when);
    }
    model_finish(&model);
    calibrations_finish(&calibrations);
    return good;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {20, 100, 300};
    struct set sets[3] = {{.seconds = 0}};
    bool good = argc == 3 || argc == 4;
    if (!good) {
        fprintf(stderr, "usage: foundry-bench-poles TRAIN TEST [OTHER]\n");
        return 2;
    }
    for (int i = 0; i + 1 < argc && good; i++) {
        good = folder_load(argv[i + 1], &sets[i], i == 0);
    }
    good = good && judge(&sets[1], NULL, "test", "rules");
    if (good && argc == 4) {
        good = judge(&sets[2], NULL, "other", "rules");
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] && good; i++) {
        if (sizes[i] <= sets[0].examples.count) {
            good = round_run(sets, sizes[i]);
        }
    }
    for (size_t i = 0; i < 3; i++) {
        examples_finish(&sets[i].examples);
    }
    if (!good) {
        fprintf(stderr, "foundry-bench-poles: something could not be read, or memory ran out\n");
    }
    return good ? 0 : 1;
}
