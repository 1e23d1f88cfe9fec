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

static int one_make(enum style style, uint64_t seed, size_t index, const char *folder)
{
    struct street street = {.count = 0};
    char name[64], path[4096];
    snprintf(name, sizeof name, "pole-%03zu.%s", index + 1, style == STYLE_FLAT ? "png" : "jpg");
    snprintf(path, sizeof path, "%s/%s", folder, name);
    int result = style == STYLE_FLAT ? flat_write(&street, seed, index, path)
                                     : photo_write(&street, style, seed, index, path);
    if (result == 0) {
        snprintf(path, sizeof path, "%s/pole-%03zu.truth.json", folder, index + 1);
        result = truth_write(&street, path);
    }
    if (result != 0) {
        fprintf(stderr, "foundry-streets: cannot write %s\n", path);
    } else if (style == STYLE_FLAT) {
        flat_said_print(stdout, &street, seed, index, name);
    }
    return result;
}

int main(int argc, char **argv)
{
    static const char *const styles[] = {"flat", "varied", "other"};
    enum style style = STYLE_VARIED;
    int at = 1, known = 1;
    if (argc > 2 && strcmp(argv[1], "--style") == 0) {
        known = 0;
        for (int i = 0; i < 3; i++) {
            if (strcmp(argv[2], styles[i]) == 0) {
                style = (enum style)i;
                known = 1;
            }
        }
        at = 3;
    }
    if (argc - at != 3 || !known) {
        fprintf(stderr, "usage: foundry-streets [--style flat|varied|other] SEED COUNT FOLDER\n");
        return 2;
    }
    uint64_t seed = strtoull(argv[at], NULL, 10);
    size_t count = strtoul(argv[at + 1], NULL, 10);
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        result = one_make(style, seed, i, argv[at + 2]);
    }
    return result == 0 ? 0 : 1;
}
