/* SPDX-License-Identifier: MIT */
/* foundry-samples: seeded invoices with their truth. See README.md. */
#include <leptonica/allheaders.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "degrade.h"
#include "draw.h"
#include "invoice.h"
#include "layout.h"

struct options {
    uint64_t seed;
    size_t count;
    const char *out, *name;
    size_t layouts[LAYOUTS];
    size_t layouts_count;
    int level;  /* -1: drawn for each page */
    int format; /* -1: drawn for each page */
    int exif;   /* -1: drawn for each JPEG */
    int boxes;  /* write them? */
    int dpi;
};

static const char *const level_names[] = {"clean", "scan", "photo", "poor"};
static const char *const format_names[] = {"jpg", "png", "tif"};

static const char usage[] =
    "usage: foundry-samples --seed N --count N --out DIR [options]\n"
    "  --layouts A,B,...   layouts (and their suppliers) to draw from, 0 to 47; default:\n"
    "                      0 to 15, which have few words for things; the others have many\n"
    "  --level L           clean, scan, photo or poor; default: a mixture without poor\n"
    "  --format F          jpg, png or tif; default: mostly jpg\n"
    "  --exif yes|no       store JPEG pixels turned, with the EXIF tag; default: one in twelve\n"
    "  --dpi N             72 to 400, default 200\n"
    "  --boxes yes|no      write where each field stands to NAME.boxes.json; default: no\n"
    "  --name TEXT         what file names begin with, default invoice\n";

static int number_parse(const char *text, unsigned long long low, unsigned long long high,
                        unsigned long long *value)
{
    char *end;
    if (text[0] < '0' || text[0] > '9') {
        return -1;
    }
    unsigned long long parsed = strtoull(text, &end, 10);
    if (*end != '\0' || parsed < low || parsed > high) {
        return -1;
    }
    *value = parsed;
    return 0;
}

static int name_parse(const char *text, const char *const *names, size_t count, int *index)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            *index = (int)i;
            return 0;
        }
    }
    return -1;
}

static int layouts_parse(const char *text, struct options *options)
{
    options->layouts_count = 0;
    while (*text != '\0') {
        char *end;
        unsigned long layout = strtoul(text, &end, 10);
        if (end == text || (*end != ',' && *end != '\0') || layout >= LAYOUTS ||
            options->layouts_count == LAYOUTS) {
            return -1;
        }
        options->layouts[options->layouts_count++] = layout;
        text = *end == ',' ? end + 1 : end;
    }
    return options->layouts_count > 0 ? 0 : -1;
}

static int option_parse(const char *name, const char *value, struct options *options)
{
    static const char *const no_yes[] = {"no", "yes"};
    unsigned long long number = 0;
    int result = -1;
    if (strcmp(name, "--seed") == 0) {
        result = number_parse(value, 0, UINT64_MAX, &number);
        options->seed = number;
    } else if (strcmp(name, "--count") == 0) {
        result = number_parse(value, 1, 100000, &number);
        options->count = (size_t)number;
    } else if (strcmp(name, "--out") == 0) {
        options->out = value;
        result = 0;
    } else if (strcmp(name, "--name") == 0) {
        options->name = value;
        result = strchr(value, '/') == NULL ? 0 : -1;
    } else if (strcmp(name, "--layouts") == 0) {
        result = layouts_parse(value, options);
    } else if (strcmp(name, "--level") == 0) {
        result = name_parse(value, level_names, LEVELS, &options->level);
    } else if (strcmp(name, "--format") == 0) {
        result = name_parse(value, format_names, FORMATS, &options->format);
    } else if (strcmp(name, "--exif") == 0) {
        result = name_parse(value, no_yes, 2, &options->exif);
    } else if (strcmp(name, "--boxes") == 0) {
        result = name_parse(value, no_yes, 2, &options->boxes);
    } else if (strcmp(name, "--dpi") == 0) {
        result = number_parse(value, 72, 400, &number);
        options->dpi = (int)number;
    }
    return result;
}

static int options_parse(int argc, char **argv, struct options *options)
{
    *options = (struct options){.name = "invoice", .level = -1, .format = -1, .exif = -1};
    options->dpi = 200;
    options->layouts_count = SUPPLIERS_LISTED;
    for (size_t i = 0; i < SUPPLIERS_LISTED; i++) {
        options->layouts[i] = i;
    }
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc || option_parse(argv[i], argv[i + 1], options) != 0) {
            fprintf(stderr, "foundry-samples: %s %s is not understood\n%s", argv[i],
                    i + 1 == argc ? "(without a value)" : argv[i + 1], usage);
            return -1;
        }
    }
    if (options->out == NULL || options->count == 0) {
        fprintf(stderr, "foundry-samples: --out and --count are needed\n%s", usage);
        return -1;
    }
    return 0;
}

/** Write where each field stands on the page as it is displayed, in whole pixels: x, y, width,
 *  height. 0, or -1. */
static int boxes_write(const struct marks *marks, const struct warp *warp, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return -1;
    }
    const char *separator = "{";
    for (size_t i = 0; i < marks->count; i++) {
        double box[4];
        memcpy(box, marks->items[i].box, sizeof box);
        warp_box(warp, box);
        if (marks->items[i].pointer[0] != '\0') {
            fprintf(file, "%s\n  \"%s\": [%d, %d, %d, %d]", separator, marks->items[i].pointer,
                    (int)box[0], (int)box[1], (int)(box[2] - box[0] + 1),
                    (int)(box[3] - box[1] + 1));
            separator = ",";
        }
    }
    fprintf(file, "\n}\n");
    int failed = ferror(file);
    return fclose(file) != 0 || failed ? -1 : 0;
}

/* How one page is made to look. */
struct look {
    enum level level;
    enum format format;
    bool exif;
};

static struct look look_draw(const struct options *options, struct prng *noise)
{
    static const enum level mixture[] = {LEVEL_CLEAN, LEVEL_SCAN, LEVEL_SCAN, LEVEL_SCAN,
                                         LEVEL_PHOTO};
    struct look look = {.level = mixture[prng_below(noise, 5)]};
    size_t format = prng_below(noise, 10);
    look.format = format < 7 ? FORMAT_JPEG : format < 9 ? FORMAT_PNG : FORMAT_TIFF;
    look.exif = prng_chance(noise, 1.0 / 12);
    if (look.format != FORMAT_JPEG && look.level > LEVEL_SCAN) {
        look.level = LEVEL_SCAN; /* cameras store JPEG; the others come from scanners */
    }
    look.level = options->level < 0 ? look.level : (enum level)options->level;
    look.format = options->format < 0 ? look.format : (enum format)options->format;
    look.exif = look.format == FORMAT_JPEG && (options->exif < 0 ? look.exif : options->exif == 1);
    return look;
}

/** Write the picture, the truth and, if asked for, the boxes. 0, or -1. */
static int files_write(const struct options *options, size_t index, const struct invoice *invoice,
                       const struct marks *marks, struct Pix *page, struct prng *noise)
{
    char path[4096];
    struct warp warp;
    struct look look = look_draw(options, noise);
    struct Pix *scanned = degrade(page, look.level, noise, &warp);
    int result = -1;
    if (scanned != NULL) {
        pixSetResolution(scanned, options->dpi, options->dpi);
        snprintf(path, sizeof path, "%s/%s-%03zu.%s", options->out, options->name, index + 1,
                 format_names[look.format]);
        result = picture_write(scanned, path, look.format, look.level, look.exif, noise);
    }
    if (result == 0) {
        snprintf(path, sizeof path, "%s/%s-%03zu.truth.json", options->out, options->name,
                 index + 1);
        result = invoice_write_truth(invoice, path);
    }
    if (result == 0 && options->boxes == 1) {
        snprintf(path, sizeof path, "%s/%s-%03zu.boxes.json", options->out, options->name,
                 index + 1);
        result = boxes_write(marks, &warp, path);
    }
    pixDestroy(&scanned);
    return result;
}

/** One page and its truth. Each draws from streams of its own, so page 7 is page 7 whatever the
 *  count. */
static int sample_make(const struct options *options, size_t index)
{
    struct prng content = prng_init(options->seed, index * 2 + 1);
    struct prng noise = prng_init(options->seed, index * 2 + 2);
    size_t number = options->layouts[prng_below(&content, options->layouts_count)];
    struct layout layout = layout_make(number);
    struct invoice invoice;
    struct marks marks;
    size_t first, second;
    invoice_draw(&invoice, number, &content);
    struct Pix *page = draw_page(&invoice, &layout, options->dpi, &marks);
    int result = -1;
    if (page != NULL &&
        marks_overlap(&marks, pixGetWidth(page), pixGetHeight(page), &first, &second)) {
        fprintf(stderr,
                "foundry-samples: texts %zu (%s) and %zu (%s) of layout %zu overlap, or leave the "
                "page\n",
                second, marks.items[second].pointer, first, marks.items[first].pointer, number);
    } else if (page != NULL) {
        result = files_write(options, index, &invoice, &marks, page, &noise);
    }
    if (result != 0) {
        fprintf(stderr, "foundry-samples: cannot make sample %zu in %s\n", index + 1, options->out);
    }
    pixDestroy(&page);
    return result;
}

int main(int argc, char **argv)
{
    struct options options;
    if (options_parse(argc, argv, &options) != 0) {
        return 2;
    }
    setMsgSeverity(L_SEVERITY_NONE);
    int result = 0;
    for (size_t i = 0; i < options.count && result == 0; i++) {
        result = sample_make(&options, i) == 0 ? 0 : 1;
    }
    draw_finish();
    return result;
}
