/* SPDX-License-Identifier: MIT */
/* foundry-streets: seeded pictures of streets with utility poles, and where the poles really are.
 * See README.md. */
#include <leptonica/allheaders.h>
#include <stdlib.h>
#include <string.h>

#include "street.h"

enum style { STYLE_FLAT, STYLE_VARIED, STYLE_OTHER };

static int truth_write(const struct street *street, const char *path)
{
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        return -1;
    }
    fprintf(out, "{\"image\": {\"width\": %d, \"height\": %d}, \"boxes\": [", STREET_SIDE,
            STREET_SIDE);
    for (size_t i = 0; i < street->count; i++) {
        const int *at = street->poles[i].at;
        fprintf(out,
                "%s{\"box_id\": \"p%zu\", \"label\": \"utility_pole\", \"confidence\": null, "
                "\"box\": [%d, %d, %d, %d]}",
                i > 0 ? ", " : "", i + 1, at[0], at[1], at[2], at[3]);
    }
    fprintf(out, "]}\n");
    return fclose(out) == 0 ? 0 : -1;
}

/** As a JPEG of this quality. 0, or -1. */
static int raster_write(const struct raster *raster, int quality, const char *path)
{
    struct Pix *pix = pixCreate(STREET_SIDE, STREET_SIDE, 32);
    if (pix == NULL) {
        return -1;
    }
    const float *from = raster->pixels;
    for (int y = 0; y < STREET_SIDE; y++) {
        for (int x = 0; x < STREET_SIDE; x++, from += 3) {
            int rgb[3];
            for (int i = 0; i < 3; i++) {
                float value = from[i] < 0.0f ? 0.0f : from[i] > 1.0f ? 1.0f : from[i];
                rgb[i] = (int)(value * 255.0f + 0.5f);
            }
            pixSetRGBPixel(pix, x, y, rgb[0], rgb[1], rgb[2]);
        }
    }
    int result = pixWriteJpeg(path, pix, quality, 0) == 0 ? 0 : -1;
    pixDestroy(&pix);
    return result;
}

static int photo_write(struct street *street, enum style style, uint64_t seed, size_t index,
                       const char *path)
{
    struct prng place = prng_init(seed, index * 3 + 1), camera = prng_init(seed, index * 3 + 2);
    struct raster raster = {calloc((size_t)STREET_SIDE * STREET_SIDE * 3, sizeof *raster.pixels)};
    int result = raster.pixels == NULL ? -1 : 0;
    if (result == 0) {
        result = style == STYLE_VARIED ? scene_draw(street, &raster, &place)
                                       : avenue_draw(street, &raster, &place);
    }
    result = result == 0 ? camera_take(&raster, &camera) : result;
    if (result == 0) {
        result = raster_write(&raster, prng_range(&camera, 50, 80), path);
    }
    free(raster.pixels);
    return result;
}

struct options {
    enum style style;
    uint64_t seed;
    size_t count;
    const char *out, *name;
};

static const char usage[] =
    "usage: foundry-streets [--style flat|varied|other] [--name TEXT] SEED COUNT FOLDER\n"
    "       foundry-streets --seed N --count N --out FOLDER [--style S] [--name TEXT]\n";

static int one_make(const struct options *options, size_t index)
{
    const enum style style = options->style;
    struct street street = {.count = 0};
    char name[256], path[4096];
    snprintf(name, sizeof name, "%s-%03zu.%s", options->name, index + 1,
             style == STYLE_FLAT ? "png" : "jpg");
    snprintf(path, sizeof path, "%s/%s", options->out, name);
    int result = style == STYLE_FLAT ? flat_write(&street, options->seed, index, path)
                                     : photo_write(&street, style, options->seed, index, path);
    if (result == 0) {
        snprintf(path, sizeof path, "%s/%s-%03zu.truth.json", options->out, options->name,
                 index + 1);
        result = truth_write(&street, path);
    }
    if (result != 0) {
        fprintf(stderr, "foundry-streets: cannot write %s\n", path);
    } else if (style == STYLE_FLAT) {
        flat_said_print(stdout, &street, options->seed, index, name);
    }
    return result;
}

static int number_parse(const char *text, uint64_t *number)
{
    char *end;
    *number = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' ? 0 : -1;
}

static int option_parse(const char *option, const char *value, struct options *options)
{
    static const char *const styles[] = {"flat", "varied", "other"};
    uint64_t number = 0;
    int result = -1;
    if (strcmp(option, "--style") == 0) {
        for (int i = 0; i < 3; i++) {
            if (strcmp(value, styles[i]) == 0) {
                options->style = (enum style)i;
                result = 0;
            }
        }
    } else if (strcmp(option, "--seed") == 0) {
        result = number_parse(value, &options->seed);
    } else if (strcmp(option, "--count") == 0) {
        result = number_parse(value, &number);
        options->count = (size_t)number;
    } else if (strcmp(option, "--out") == 0) {
        options->out = value;
        result = 0;
    } else if (strcmp(option, "--name") == 0) {
        options->name = value;
        result = strchr(value, '/') == NULL && strlen(value) < 200 ? 0 : -1;
    }
    return result;
}

static int options_parse(int argc, char **argv, struct options *options)
{
    static const char *const places[] = {"--seed", "--count", "--out"};
    int at = 1, place = 0;
    *options = (struct options){.style = STYLE_VARIED, .name = "pole"};
    while (at < argc) {
        const int named = strncmp(argv[at], "--", 2) == 0;
        const char *option = named ? argv[at] : place < 3 ? places[place++] : "";
        const char *value = named ? argv[at + 1] : argv[at]; /* argv ends with NULL */
        if (value == NULL || option_parse(option, value, options) != 0) {
            fprintf(stderr, "foundry-streets: %s is not understood\n%s", argv[at], usage);
            return -1;
        }
        at += named ? 2 : 1;
    }
    if (options->out == NULL || options->count == 0) {
        fprintf(stderr, "foundry-streets: a folder and a count are needed\n%s", usage);
        return -1;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct options options;
    if (options_parse(argc, argv, &options) != 0) {
        return 2;
    }
    int result = 0;
    for (size_t i = 0; i < options.count && result == 0; i++) {
        result = one_make(&options, i);
    }
    return result == 0 ? 0 : 1;
}
