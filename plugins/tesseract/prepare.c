/* SPDX-License-Identifier: MIT */
#include "prepare.h"

#include <leptonica/allheaders.h>
#include <math.h>

static const double pi = 3.14159265358979323846;

static struct map map_after(const struct map *outer, const struct map *inner)
{
    return (struct map){
        .xx = outer->xx * inner->xx + outer->xy * inner->yx,
        .xy = outer->xx * inner->xy + outer->xy * inner->yy,
        .x0 = outer->xx * inner->x0 + outer->xy * inner->y0 + outer->x0,
        .yx = outer->yx * inner->xx + outer->yy * inner->yx,
        .yy = outer->yx * inner->xy + outer->yy * inner->yy,
        .y0 = outer->yx * inner->x0 + outer->yy * inner->y0 + outer->y0,
    };
}

/** From a picture turned clockwise by quarter turns back to the picture of width x height. */
static struct map map_unturn(int turns, double width, double height)
{
    static const struct map maps[4] = {
        {1, 0, 0, 0, 1, 0}, {0, 1, 0, -1, 0, 0}, {-1, 0, 0, 0, -1, 0}, {0, -1, 0, 1, 0, 0}};
    struct map map = maps[turns & 3];
    map.x0 = turns == 2 || turns == 3 ? width : 0;
    map.y0 = turns == 1 || turns == 2 ? height : 0;
    return map;
}

/** The angle in degrees by which `grey` must be turned clockwise for level lines; 0 if none shows
 *  clearly. */
static double find_skew(struct Pix *grey)
{
    const double confidence_min = 3.0, degrees_min = 0.1;
    l_float32 angle = 0, confidence = 0;
    struct Pix *binary = pixThresholdToBinary(grey, 150); /* the background is even by now */
    if (binary == NULL || pixFindSkew(binary, &angle, &confidence) != 0 ||
        confidence < confidence_min || fabs(angle) < degrees_min) {
        angle = 0;
    }
    pixDestroy(&binary);
    return angle;
}

/** Turn by a small angle on paper large enough to lose no corner. */
static struct Pix *deskew(struct Pix *grey, double degrees, struct map *back)
{
    double radians = degrees * pi / 180;
    int width = pixGetWidth(grey), height = pixGetHeight(grey);
    struct Pix *level =
        pixRotate(grey, (l_float32)radians, L_ROTATE_AREA_MAP, L_BRING_IN_WHITE, width, height);
    if (level == NULL) {
        return NULL;
    }
    double sine = sin(radians), cosine = cos(radians);
    const l_int32 x = pixGetWidth(level) / 2, y = pixGetHeight(level) / 2; /* as leptonica halves */
    const l_int32 x0 = width / 2, y0 = height / 2;
    *back = (struct map){cosine, sine, 0, -sine, cosine, 0};
    back->x0 = x0 - cosine * x - sine * y;
    back->y0 = y0 + sine * x - cosine * y;
    return level;
}

int upright_init(struct upright *upright, struct Pix *page, int quarter_turns)
{
    *upright = (struct upright){0};
    struct Pix *turned = pixRotateOrth(page, quarter_turns);
    if (turned == NULL) {
        return -1;
    }
    upright->to_page = map_unturn(quarter_turns, pixGetWidth(page), pixGetHeight(page));
    /* Fails on pictures too small to have a background; they are read as they are. */
    struct Pix *even = pixBackgroundNormSimple(turned, NULL, NULL);
    if (even == NULL) {
        even = pixClone(turned);
    }
    pixDestroy(&turned);
    double degrees = find_skew(even);
    if (degrees < 0 || degrees > 0) {
        struct map back = {1, 0, 0, 0, 1, 0};
        upright->grey = deskew(even, degrees, &back);
        upright->to_page = map_after(&upright->to_page, &back);
        upright->skew_degrees = -degrees;
        pixDestroy(&even);
    } else {
        upright->grey = even;
    }
    return upright->grey == NULL ? -1 : 0;
}

void upright_finish(struct upright *upright)
{
    pixDestroy(&upright->grey);
}

struct Pix *prepare_grey(struct Pix *grey, double scale)
{
    return fabs(scale - 1.0) < 0.01 ? pixClone(grey)
                                    : pixScale(grey, (l_float32)scale, (l_float32)scale);
}

struct Pix *prepare_binary(struct Pix *grey, double scale)
{
    const int window = 25; /* half side in pixels: about a line of text at 200 dpi */
    const l_float32 factor = 0.35f;
    struct Pix *scaled = prepare_grey(grey, scale);
    struct Pix *binary = NULL;
    if (scaled != NULL &&
        (pixGetWidth(scaled) < 2 * window + 3 || pixGetHeight(scaled) < 2 * window + 3 ||
         pixSauvolaBinarizeTiled(scaled, window, factor, 1, 1, NULL, &binary))) {
        binary = pixThresholdToBinary(scaled, 150); /* too small for a local threshold */
    }
    pixDestroy(&scaled);
    return binary;
}

struct box map_box(const struct map *map, struct box box, double width, double height)
{
    double left = INFINITY, top = INFINITY, right = -INFINITY, bottom = -INFINITY;
    for (int corner = 0; corner < 4; corner++) {
        double x = box.x + (corner & 1 ? box.width : 0);
        double y = box.y + (corner & 2 ? box.height : 0);
        double page_x = map->xx * x + map->xy * y + map->x0;
        double page_y = map->yx * x + map->yy * y + map->y0;
        left = fmin(left, page_x);
        right = fmax(right, page_x);
        top = fmin(top, page_y);
        bottom = fmax(bottom, page_y);
    }
    left = fmin(fmax(floor(left + 0.5), 0), width);
    top = fmin(fmax(floor(top + 0.5), 0), height);
    right = fmin(fmax(floor(right + 0.5), left), width);
    bottom = fmin(fmax(floor(bottom + 0.5), top), height);
    return (struct box){left, top, right - left, bottom - top};
}

/** Count the marks left of `x` in a list of boxes that are tall. */
static size_t tall_before(BOXA *marks, double tall, double x)
{
    size_t count = 0;
    for (l_int32 i = 0; i < boxaGetCount(marks); i++) {
        l_int32 left = 0, width = 0, height = 0;
        boxaGetBoxGeometry(marks, i, &left, NULL, &width, &height);
        count += height >= tall && left + width / 2.0 < x;
    }
    return count;
}

size_t prepare_point(struct Pix *grey, struct box box, size_t digits)
{
    const double tall_share = 0.75, speck_share = 0.4, foot_share = 0.65;
    const l_int32 threshold = 150;
    size_t found = 0, specks = 0;
    BOX *cut = boxCreate((l_int32)box.x - 1, (l_int32)box.y - 1, (l_int32)box.width + 3,
                         (l_int32)(box.height * 1.15) + 2);
    struct Pix *part = cut == NULL ? NULL : pixClipRectangle(grey, cut, NULL);
    struct Pix *binary = part == NULL ? NULL : pixThresholdToBinary(part, threshold);
    BOXA *marks = binary == NULL ? NULL : pixConnComp(binary, NULL, 8);
    for (l_int32 i = 0; marks != NULL && i < boxaGetCount(marks); i++) {
        l_int32 x = 0, y = 0, width = 0, height = 0;
        boxaGetBoxGeometry(marks, i, &x, &y, &width, &height);
        double middle = y + height / 2.0;
        if (height <= speck_share * box.height && width <= speck_share * box.height &&
            height * width >= 4 && middle >= foot_share * box.height) {
            specks++;
            found = tall_before(marks, tall_share * box.height, x + width / 2.0);
        }
    }
    size_t tall = marks == NULL ? 0 : tall_before(marks, tall_share * box.height, INFINITY);
    boxaDestroy(&marks);
    pixDestroy(&binary);
    pixDestroy(&part);
    boxDestroy(&cut);
    return specks == 1 && tall == digits && found > 0 && found < digits ? found : 0;
}
