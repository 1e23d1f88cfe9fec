/* SPDX-License-Identifier: MIT */
/* foundry-lines: seeded pictures of single lines of text, of three kinds of noise, and what they
 * really say. See README.md. */
#include <cairo.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prng.h"

enum { SIDE = 12, TEXT_SIZE = 256 };

static const char *const first[] = {"Rosewood",  "Ashford",    "Bellwether", "Cobblestone",
                                    "Fernhill",  "Hawthorne",  "Larkspur",   "Millbrook",
                                    "Quillford", "Thistledown"};
static const char *const second[] = {"Nurseries", "Provisions", "Hardware", "Stationers",
                                     "Brewery",   "Orchards",   "Joinery",  "Foundry"};
static const char *const goods[] = {"onions",    "carrots",  "parsnips", "turpentine", "galvanised",
                                    "screws",    "linseed",  "varnish",  "cinnamon",   "almonds",
                                    "marjoram",  "vinegar",  "hinges",   "brackets",   "plaster",
                                    "envelopes", "blotting", "paper",    "barley",     "malt"};
static const char *const units[] = {"dozen", "bags", "boxes", "crates", "litres", "bundles"};
#define ONE_OF(list, prng) (list)[prng_below(prng, sizeof(list) / sizeof(list)[0])]

static void text_make(char text[TEXT_SIZE], struct prng *prng)
{
    if (prng_chance(prng, 0.3)) {
        (void)snprintf(text, TEXT_SIZE, "%s %s, %s", ONE_OF(first, prng), ONE_OF(second, prng),
                       ONE_OF(goods, prng));
    } else if (prng_chance(prng, 0.6)) {
        (void)snprintf(text, TEXT_SIZE, "%d %s %s", prng_range(prng, 2, 48), ONE_OF(units, prng),
                       ONE_OF(goods, prng));
    } else {
        (void)snprintf(text, TEXT_SIZE, "%s %s for %s", ONE_OF(units, prng), ONE_OF(goods, prng),
                       ONE_OF(first, prng));
    }
}

/* Grey of paper and ink that a scanner gave: level 0 is clean, 2 is hard to read. */
static void noise_add(cairo_surface_t *surface, int level, struct prng *prng)
{
    static const double spread[] = {6, 30, 42};
    cairo_surface_flush(surface);
    unsigned char *bytes = cairo_image_surface_get_data(surface);
    const int width = cairo_image_surface_get_width(surface),
              height = cairo_image_surface_get_height(surface),
              stride = cairo_image_surface_get_stride(surface);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            unsigned char *pixel = bytes + y * stride + 4 * x;
            double grey = pixel[0] + spread[level] * prng_normal(prng);
            grey = prng_chance(prng, 0.004 * level) ? prng_real(prng, 0, 120) : grey;
            memset(pixel, grey < 0 ? 0 : grey > 255 ? 255 : (int)grey, 3);
        }
    }
    cairo_surface_mark_dirty(surface);
}

/* The text in ink on paper, no larger than it needs. */
static int picture_write(const char *text, int level, struct prng *prng, const char *path)
{
    const double size = prng_real(prng, level == 2 ? 14 : 16, level == 2 ? 19 : 26);
    const double ink = prng_real(prng, 0, 0.12 + 0.14 * level);
    cairo_surface_t *probe = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1);
    cairo_t *cairo = cairo_create(probe);
    cairo_text_extents_t extents;
    cairo_select_font_face(cairo, "DejaVu Serif", CAIRO_FONT_SLANT_NORMAL,
                           CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo, size);
    cairo_text_extents(cairo, text, &extents);
    cairo_destroy(cairo);
    cairo_surface_destroy(probe);
    const int width = (int)ceil(extents.x_advance) + 2 * SIDE;
    const int height = (int)ceil(1.5 * size) + SIDE;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    cairo = cairo_create(surface);
    cairo_set_source_rgb(cairo, 0.96, 0.96, 0.96);
    cairo_paint(cairo);
    cairo_select_font_face(cairo, "DejaVu Serif", CAIRO_FONT_SLANT_NORMAL,
                           CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo, size);
    cairo_set_source_rgb(cairo, ink, ink, ink);
    cairo_move_to(cairo, SIDE, SIDE / 2.0 + 1.1 * size);
    cairo_show_text(cairo, text);
    cairo_destroy(cairo);
    noise_add(surface, level, prng);
    const cairo_status_t status = cairo_surface_write_to_png(surface, path);
    cairo_surface_destroy(surface);
    return status == CAIRO_STATUS_SUCCESS ? 0 : -1;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: foundry-lines SEED FIRST COUNT FOLDER >truth.tsv\n");
        return 2;
    }
    const uint64_t seed = strtoull(argv[1], NULL, 10);
    const size_t begin = strtoul(argv[2], NULL, 10), count = strtoul(argv[3], NULL, 10);
    for (size_t i = begin; i < begin + count; i++) {
        struct prng words = prng_init(seed, 2 * i + 1), paint = prng_init(seed, 2 * i + 2);
        char text[TEXT_SIZE], path[4096];
        text_make(text, &words);
        (void)snprintf(path, sizeof path, "%s/line-%03zu.png", argv[4], i);
        if (picture_write(text, (int)(i % 3), &paint, path) != 0) {
            fprintf(stderr, "foundry-lines: cannot write %s\n", path);
            return 1;
        }
        printf("line-%03zu.png\t%s\n", i, text);
    }
    return 0;
}
