/* SPDX-License-Identifier: MIT */
/* Streets in flat colours, and what a detector of poles could have said about them. */
#include <cairo.h>
#include <inttypes.h>
#include <stdbool.h>

#include "street.h"

enum { SIDE = STREET_SIDE, HORIZON = 410, KINDS = 6 };

/* Poles from left to right that do not overlap; nearer ones are taller and stand lower. */
static void street_make(struct street *street, bool reaches_edge, struct prng *prng)
{
    street->count = (size_t)prng_range(prng, 2, 3);
    for (size_t i = 0; i < street->count; i++) {
        int slot = SIDE / (int)street->count;
        int height = prng_range(prng, 220, 400), half = 10 + height / 11;
        int bottom = HORIZON + height / 3;
        int middle = slot * (int)i + prng_range(prng, half + 8, slot - half - 8);
        if (reaches_edge && i + 1 == street->count) {
            middle = SIDE - half / 2;
        }
        int right = middle + half > SIDE ? SIDE : middle + half;
        street->poles[i] = (struct box){{middle - half, bottom - height, right, bottom}};
    }
}

static void fill(cairo_t *cairo, double r, double g, double b)
{
    cairo_set_source_rgb(cairo, r, g, b);
    cairo_fill(cairo);
}

static void ground_draw(cairo_t *cairo, struct prng *prng)
{
    cairo_pattern_t *sky = cairo_pattern_create_linear(0, 0, 0, HORIZON);
    cairo_pattern_add_color_stop_rgb(sky, 0, 0.52, 0.70, 0.88);
    cairo_pattern_add_color_stop_rgb(sky, 1, 0.86, 0.90, 0.92);
    cairo_set_source(cairo, sky);
    cairo_paint(cairo);
    cairo_pattern_destroy(sky);
    for (int x = 0; x < SIDE;) {
        int width = prng_range(prng, 60, 130), height = prng_range(prng, 70, 190);
        double shade = prng_real(prng, 0.55, 0.8);
        cairo_rectangle(cairo, x, HORIZON - height, width - 6, height);
        fill(cairo, shade, shade * 0.93, shade * 0.85);
        for (int y = HORIZON - height + 14; y < HORIZON - 30; y += 34) {
            for (int at = x + 12; at < x + width - 26; at += 28) {
                cairo_rectangle(cairo, at, y, 14, 18);
            }
        }
        fill(cairo, 0.38, 0.45, 0.52);
        x += width;
    }
    cairo_rectangle(cairo, 0, HORIZON, SIDE, SIDE - HORIZON);
    fill(cairo, 0.56, 0.60, 0.48);
    cairo_rectangle(cairo, 0, HORIZON + 138, SIDE, SIDE - HORIZON - 138);
    fill(cairo, 0.40, 0.41, 0.43);
    for (int x = 20; x < SIDE; x += 110) {
        cairo_rectangle(cairo, x, 600, 60, 6);
    }
    fill(cairo, 0.9, 0.9, 0.86);
}

static void pole_draw(cairo_t *cairo, const struct box *box)
{
    int half = 10 + (box->at[3] - box->at[1]) / 11, middle = box->at[0] + half;
    cairo_rectangle(cairo, middle - 5, box->at[1], 10, box->at[3] - box->at[1]);
    cairo_rectangle(cairo, middle - half, box->at[1] + 22, half * 2, 8);
    fill(cairo, 0.33, 0.25, 0.18);
    for (int side = -1; side <= 1; side += 2) {
        cairo_rectangle(cairo, middle + side * (half - 6) - 3, box->at[1] + 14, 6, 8);
    }
    fill(cairo, 0.85, 0.87, 0.9);
}

static void wires_draw(cairo_t *cairo, const struct street *street)
{
    cairo_set_source_rgb(cairo, 0.2, 0.2, 0.22);
    cairo_set_line_width(cairo, 1.2);
    for (size_t i = 0; i + 1 < street->count; i++) {
        const int *a = street->poles[i].at, *b = street->poles[i + 1].at;
        cairo_move_to(cairo, a[0] + 6, a[1] + 15);
        cairo_curve_to(cairo, a[2], a[1] + 60, b[0], b[1] + 60, b[0] + 6, b[1] + 15);
        cairo_stroke(cairo);
    }
}

static int picture_write(const struct street *street, struct prng *prng, const char *path)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, SIDE, SIDE);
    cairo_t *cairo = cairo_create(surface);
    cairo_set_antialias(cairo, CAIRO_ANTIALIAS_NONE); /* plain areas: small files */
    ground_draw(cairo, prng);
    wires_draw(cairo, street);
    for (size_t i = 0; i < street->count; i++) {
        pole_draw(cairo, &street->poles[i]);
    }
    cairo_destroy(cairo);
    cairo_status_t status = cairo_surface_write_to_png(surface, path);
    cairo_surface_destroy(surface);
    return status == CAIRO_STATUS_SUCCESS ? 0 : -1;
}

static void box_print(FILE *out, size_t index, const struct box *box, int percent)
{
    const int *at = box->at;
    char confidence[16] = "null";
    if (percent > 0) {
        snprintf(confidence, sizeof confidence, "0.%02d", percent);
    }
    fprintf(out,
            "%s{\"box_id\": \"p%zu\", \"label\": \"utility_pole\", \"confidence\": %s, "
            "\"box\": [%d, %d, %d, %d]}",
            index > 0 ? ", " : "", index + 1, confidence, at[0], at[1], at[2], at[3]);
}

/* A box too low and too narrow. */
static struct box shifted(struct box box, struct prng *prng)
{
    int by = prng_range(prng, 18, 34);
    box.at[0] += by / 3;
    box.at[1] += by;
    box.at[3] += by;
    return box;
}

/* What a detector could have said, in the ways detectors err; kind 0 is all right. */
static void said_print(FILE *out, const struct street *street, size_t kind, const char *name,
                       struct prng *prng)
{
    size_t last = street->count - 1;
    fprintf(out, "        %s: ", name);
    fprintf(out, "{\"image\": {\"width\": %d, \"height\": %d}, \"boxes\": [", SIDE, SIDE);
    for (size_t i = 0; i < street->count; i++) {
        struct box box = street->poles[i];
        int percent = prng_range(prng, 94, 99);
        if (kind == 1 && i == last) {
            box = shifted(box, prng); /* at a wrong place, and unsure */
            percent = prng_range(prng, 60, 72);
        } else if (kind == 3 && i == last) {
            box.at[2] += 24; /* sure, and past the edge */
        } else if (kind == 4 && i == 0) {
            percent = prng_range(prng, 80, 86); /* right, and unsure */
        } else if (kind == 5) {
            box = shifted(box, prng);
            percent = prng_range(prng, 50, 80);
        }
        box_print(out, i, &box, percent);
    }
    if (kind == 2) { /* a pole where none stands */
        struct box none = {{prng_range(prng, 20, 300), 430, 0, 560}};
        none.at[2] = none.at[0] + 30;
        box_print(out, street->count, &none, prng_range(prng, 50, 62));
    }
    fprintf(out, "]}\n");
}

int flat_write(struct street *street, uint64_t seed, size_t index, const char *path)
{
    struct prng place = prng_init(seed, index * 3 + 1), paint = prng_init(seed, index * 3 + 2);
    street_make(street, index % KINDS == 3, &place);
    return picture_write(street, &paint, path);
}

void flat_said_print(FILE *out, const struct street *street, uint64_t seed, size_t index,
                     const char *name)
{
    struct prng said = prng_init(seed, index * 3 + 3);
    said_print(out, street, index % KINDS, name, &said);
}
