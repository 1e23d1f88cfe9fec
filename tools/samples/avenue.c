/* SPDX-License-Identifier: MIT */
/* Streets painted pixel by pixel: a road to a vanishing point, walls in perspective, round poles in
 * side light. Written apart from scene.c on purpose, and learnt from by no model. */
#include <math.h>

#include "street.h"

enum { SIDE = STREET_SIDE };

struct tone {
    float r, g, b;
};

struct view {
    struct raster *raster;
    struct prng *prng;
    double eye_x, eye_y; /* the vanishing point */
    double camera;       /* height of the camera in pixels at depth 1 */
    struct tone air;
    double mist;
    int sun; /* the side the light comes from, -1 or 1 */
};

static double hash_of(int x, int y, uint32_t salt)
{
    uint32_t bits = (uint32_t)x * 374761393u + (uint32_t)y * 668265263u + salt * 2246822519u;
    bits = (bits ^ (bits >> 13)) * 1274126177u;
    return (double)((bits ^ (bits >> 16)) & 0xffff) / 65535.0;
}

/** Smooth noise from 0 to 1 of four octaves. */
static double fractal(double x, double y, uint32_t salt)
{
    double sum = 0, weight = 0.5;
    for (int octave = 0; octave < 4; octave++, weight *= 0.5, x *= 2.0, y *= 2.0, salt++) {
        int cell_x = (int)floor(x), cell_y = (int)floor(y);
        double part_x = x - cell_x, part_y = y - cell_y;
        part_x = part_x * part_x * (3 - 2 * part_x);
        part_y = part_y * part_y * (3 - 2 * part_y);
        double above = hash_of(cell_x, cell_y, salt) * (1 - part_x) +
                       hash_of(cell_x + 1, cell_y, salt) * part_x;
        double below = hash_of(cell_x, cell_y + 1, salt) * (1 - part_x) +
                       hash_of(cell_x + 1, cell_y + 1, salt) * part_x;
        sum += weight * (above * (1 - part_y) + below * part_y);
    }
    return sum / 0.9375;
}

static void put(const struct view *view, int x, int y, struct tone tone, double cover)
{
    if (x < 0 || y < 0 || x >= SIDE || y >= SIDE || cover <= 0) {
        return;
    }
    float *pixel = view->raster->pixels + ((size_t)y * SIDE + (size_t)x) * 3;
    float share = (float)(cover > 1 ? 1 : cover);
    pixel[0] += (tone.r - pixel[0]) * share;
    pixel[1] += (tone.g - pixel[1]) * share;
    pixel[2] += (tone.b - pixel[2]) * share;
}

static struct tone lit(struct tone tone, double by)
{
    return (struct tone){tone.r * (float)by, tone.g * (float)by, tone.b * (float)by};
}

static struct tone misty(const struct view *view, struct tone tone, double depth)
{
    float share = (float)(1 - exp(-view->mist * (depth - 1)));
    share = share < 0 ? 0 : share;
    return (struct tone){tone.r + (view->air.r - tone.r) * share,
                         tone.g + (view->air.g - tone.g) * share,
                         tone.b + (view->air.b - tone.b) * share};
}

/** A bar between two points whose half widths differ; round: lit as a cylinder is. */
static void bar(const struct view *view, const double from[3], const double to[3], struct tone tone,
                int is_round)
{
    double dx = to[0] - from[0], dy = to[1] - from[1], length = sqrt(dx * dx + dy * dy) + 1e-9;
    double wide = fmax(from[2], to[2]) + 1.5;
    int x0 = (int)floor(fmin(from[0], to[0]) - wide), x1 = (int)ceil(fmax(from[0], to[0]) + wide);
    int y0 = (int)floor(fmin(from[1], to[1]) - wide), y1 = (int)ceil(fmax(from[1], to[1]) + wide);
    for (int y = y0 < 0 ? 0 : y0; y <= y1 && y < SIDE; y++) {
        for (int x = x0 < 0 ? 0 : x0; x <= x1 && x < SIDE; x++) {
            double px = x + 0.5 - from[0], py = y + 0.5 - from[1];
            double along = (px * dx + py * dy) / length, across = (px * dy - py * dx) / length;
            double share = along / length < 0 ? 0 : along / length > 1 ? 1 : along / length;
            double half = from[2] + (to[2] - from[2]) * share;
            double beyond = fmax(-along, along - length);
            double cover = fmin(half - fabs(across) + 0.5, 0.5 - beyond);
            if (cover > 0) {
                double side = is_round ? across / (half + 0.5) * view->sun : 0;
                put(view, x, y, lit(tone, 1.0 - 0.45 * side - 0.15 * side * side), cover);
            }
        }
    }
}

static void line(const struct view *view, double x0, double y0, double x1, double y1, double half,
                 struct tone tone)
{
    const double from[3] = {x0, y0, half}, to[3] = {x1, y1, half};
    bar(view, from, to, tone, 0);
}

static void backdrop(const struct view *view, struct tone zenith, struct tone soil, uint32_t salt)
{
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            double down = y / view->eye_y;
            struct tone tone;
            if (down < 1) {
                double cloud = fractal(x / 190.0, y / 70.0, salt);
                cloud = fmax(0, cloud - 0.5) * 1.5 * (1 - down * 0.5);
                tone = (struct tone){
                    zenith.r + (view->air.r - zenith.r) * (float)(down * down) + (float)cloud,
                    zenith.g + (view->air.g - zenith.g) * (float)(down * down) + (float)cloud,
                    zenith.b + (view->air.b - zenith.b) * (float)(down * down) + (float)cloud};
            } else {
                double depth = view->camera / (y - view->eye_y + 1);
                double across = (x - view->eye_x) * depth / 60;
                double grain = fractal(across, depth * 14, salt + 9) - 0.5;
                int is_road = fabs(across) < view->camera / 55;
                tone = is_road ? (struct tone){0.33f, 0.33f, 0.36f} : soil;
                tone = misty(view, lit(tone, 1 + grain * (is_road ? 0.3 : 0.9)), depth);
            }
            put(view, x, y, tone, 1);
        }
    }
}

/** A row of fronts on one side of the road, of bricks or plaster, with windows. */
static void fronts(const struct view *view, int side, uint32_t salt)
{
    double road = view->camera * prng_real(view->prng, 1.6, 3.2);
    double tall = view->camera * prng_real(view->prng, 0.6, 2.4);
    struct tone wall = {(float)prng_real(view->prng, 0.35, 0.8),
                        (float)prng_real(view->prng, 0.3, 0.65),
                        (float)prng_real(view->prng, 0.25, 0.6)};
    int is_brick = prng_chance(view->prng, 0.6);
    for (int x = 0; x < SIDE; x++) {
        double off = (x - view->eye_x) * side;
        if (off < 14) {
            continue;
        }
        double depth = road / off;
        int lot = (int)floor(depth * 2.2);
        if (hash_of(lot, side, salt) < 0.3) {
            continue; /* a gap between two fronts */
        }
        double top = view->eye_y - tall * (0.6 + 0.8 * hash_of(lot, 3, salt)) / depth;
        double foot = view->eye_y + view->camera * 0.9 / depth;
        for (int y = (int)fmax(0, top); y < foot && y < SIDE; y++) {
            double u = depth * 13, v = (y - view->eye_y) * depth / view->camera * 6;
            double shade = 0.75 + 0.5 * hash_of(lot, 7, salt);
            if (is_brick && fabs(v * 5 - floor(v * 5) - 0.5) > 0.4) {
                shade *= 0.85;
            }
            int is_window = u - floor(u) > 0.35 && u - floor(u) < 0.75 && v - floor(v) > 0.3 &&
                            v - floor(v) < 0.8;
            struct tone tone = is_window ? (struct tone){0.2f, 0.24f, 0.3f} : lit(wall, shade);
            put(view, x, y, misty(view, tone, depth), 1);
        }
    }
}

/** Branches that part in two, without end. */
static void branch(const struct view *view, double x, double y, double turn, double length,
                   double half, int left, struct tone bark)
{
    if (left == 0 || length < 3) {
        return;
    }
    double to_x = x + sin(turn) * length, to_y = y - cos(turn) * length;
    const double from[3] = {x, y, half}, to[3] = {to_x, to_y, half * 0.7};
    bar(view, from, to, bark, 1);
    for (int i = -1; i <= 1; i += 2) {
        branch(view, to_x, to_y, turn + i * prng_real(view->prng, 0.2, 0.7),
               length * prng_real(view->prng, 0.6, 0.8), half * 0.65, left - 1, bark);
    }
}

static void bare_tree(const struct view *view)
{
    double depth = prng_real(view->prng, 1, 4);
    int side = prng_chance(view->prng, 0.5) ? 1 : -1;
    double x = view->eye_x + side * view->camera * prng_real(view->prng, 0.9, 2.2) / depth;
    double high = view->camera * prng_real(view->prng, 0.4, 0.9) / depth;
    struct tone bark = misty(view, (struct tone){0.25f, 0.21f, 0.18f}, depth);
    branch(view, x, view->eye_y + view->camera / depth, prng_normal(view->prng) * 0.06, high,
           high * prng_real(view->prng, 0.03, 0.06), 6, bark);
}

/** A mast with traffic lights or a lamp on a straight arm: no utility pole. */
static void mast(const struct view *view)
{
    double depth = prng_real(view->prng, 1, 3.5);
    int side = prng_chance(view->prng, 0.5) ? 1 : -1, toward = -side;
    double x = view->eye_x + side * view->camera * prng_real(view->prng, 0.8, 1.4) / depth;
    double foot = view->eye_y + view->camera / depth;
    double high = view->camera * prng_real(view->prng, 0.9, 1.7) / depth, half = high * 0.009 + 0.8;
    struct tone metal = misty(view, (struct tone){0.5f, 0.52f, 0.5f}, depth);
    const double from[3] = {x, foot, half}, to[3] = {x, foot - high, half};
    bar(view, from, to, metal, 1);
    line(view, x, foot - high, x + toward * high * 0.3, foot - high * 1.03, half * 0.7, metal);
    if (prng_chance(view->prng, 0.5)) {
        line(view, x, foot - high * 0.75, x, foot - high * 0.95, half * 4,
             misty(view, (struct tone){0.15f, 0.16f, 0.15f}, depth));
    } else {
        line(view, x + toward * high * 0.25, foot - high * 1.02, x + toward * high * 0.36,
             foot - high * 1.03, half * 1.8, metal);
    }
}

/* The make of a line's poles. */
struct make {
    struct tone tone;
    double high, half; /* of the camera's height; of the pole's */
    int rungs;         /* cross arms, 1 to 3 */
    double reach, first, gap;
    int is_slanted; /* arms that rise outward */
};

static void reach_out(double box[4], double x, double y)
{
    box[0] = fmin(box[0], x);
    box[1] = fmin(box[1], y);
    box[2] = fmax(box[2], x);
    box[3] = fmax(box[3], y);
}

/** Draw a pole; `tip` is where its wires hang. */
static struct box pole(const struct view *view, const struct make *make, double x, double depth,
                       double tip[2])
{
    double foot = view->eye_y + view->camera / depth, high = view->camera * make->high / depth;
    double half = fmax(1.6, high * make->half), lean = prng_normal(view->prng) * high * 0.012;
    double top = foot - high, box[4] = {x - half, top, x + half, foot};
    struct tone tone = misty(view, make->tone, depth);
    const double from[3] = {x, foot, half}, to[3] = {x + lean, top, half * 0.65};
    bar(view, from, to, tone, 1);
    reach_out(box, x + lean - half * 0.65, top);
    reach_out(box, x + lean + half * 0.65, top);
    for (int i = 0; i < make->rungs; i++) {
        double below = high * (make->first + make->gap * i), thick = fmax(0.9, half * 0.42);
        double middle = x + lean * (1 - below / high), arm = fmax(half * 2, high * make->reach);
        double rise = make->is_slanted ? arm * 0.35 : 0;
        for (int side = -1; side <= 1; side += 2) {
            line(view, middle, top + below, middle + side * arm, top + below - rise, thick,
                 lit(tone, 0.8));
            line(view, middle + side * arm * 0.85, top + below - rise * 0.85,
                 middle + side * arm * 0.85, top + below - rise - thick * 2.5, thick * 0.8,
                 misty(view, (struct tone){0.75f, 0.7f, 0.65f}, depth));
            reach_out(box, middle + side * arm, top + below - rise - thick);
        }
    }
    tip[0] = x + lean;
    tip[1] = top + high * make->first;
    return (struct box){{(int)floor(fmax(box[0] - 2, 0)), (int)floor(fmax(box[1] - 2, 0)),
                         (int)ceil(fmin(box[2] + 2, SIDE)), (int)ceil(fmin(box[3] + 2, SIDE))}};
}

static void wire(const struct view *view, const double from[2], const double to[2], double half)
{
    const int parts = 24;
    double before_x = from[0], before_y = from[1], sag = fabs(to[0] - from[0]) * 0.09 + 4;
    for (int i = 1; i <= parts; i++) {
        double share = (double)i / parts;
        double x = from[0] + (to[0] - from[0]) * share;
        double y = from[1] + (to[1] - from[1]) * share + sag * 4 * share * (1 - share);
        line(view, before_x, before_y, x, y, half, (struct tone){0.12f, 0.12f, 0.14f});
        before_x = x;
        before_y = y;
    }
}

static struct make make_of(struct prng *prng)
{
    static const struct tone tones[] = {
        {0.55f, 0.56f, 0.58f}, {0.68f, 0.66f, 0.6f}, {0.36f, 0.28f, 0.22f}, {0.25f, 0.27f, 0.25f}};
    struct make make = {.tone = tones[prng_below(prng, 4)]};
    make.high = prng_real(prng, 1.5, 3.0);
    make.half = prng_real(prng, 0.011, 0.022);
    make.rungs = prng_range(prng, 1, 3);
    make.reach =
        prng_chance(prng, 0.25) ? prng_real(prng, 0.03, 0.045) : prng_real(prng, 0.06, 0.14);
    make.first = prng_real(prng, 0.015, 0.08);
    make.gap = prng_real(prng, 0.05, 0.09);
    make.is_slanted = prng_chance(prng, 0.3);
    return make;
}

static void poles(const struct view *view, struct street *street)
{
    struct make make = make_of(view->prng);
    int side = prng_chance(view->prng, 0.5) ? 1 : -1, count = prng_range(view->prng, 0, 3);
    double away = view->camera * prng_real(view->prng, 0.9, 1.5);
    double depth = prng_real(view->prng, 0.85, 1.5), tips[STREET_POLES_MAX][2];
    street->count = 0;
    for (int i = 0; i < count; i++, depth *= prng_real(view->prng, 1.45, 2.0)) {
        double x = view->eye_x + side * away / depth;
        if (x < 8 || x > SIDE - 8 || view->camera * make.high / depth < 70) {
            continue;
        }
        street->poles[street->count] = pole(view, &make, x, depth, tips[street->count]);
        street->count++;
    }
    for (size_t i = 0; i + 1 < street->count; i++) {
        wire(view, tips[i], tips[i + 1], prng_real(view->prng, 0.4, 0.8));
    }
    if (street->count > 0) {
        const double out[2] = {side > 0 ? SIDE + 60 : -60, tips[0][1] - 60};
        wire(view, out, tips[0], 0.7);
    }
}

int avenue_draw(struct street *street, struct raster *raster, struct prng *prng)
{
    static const struct tone airs[] = {
        {0.82f, 0.84f, 0.86f}, {0.95f, 0.78f, 0.6f}, {0.7f, 0.8f, 0.9f}, {0.45f, 0.47f, 0.55f}};
    static const struct tone tops[] = {
        {0.6f, 0.64f, 0.7f}, {0.45f, 0.45f, 0.6f}, {0.25f, 0.45f, 0.8f}, {0.2f, 0.22f, 0.32f}};
    size_t weather = prng_below(prng, 4);
    struct view view = {.raster = raster, .prng = prng, .air = airs[weather]};
    view.eye_x = prng_real(prng, 150, 490);
    view.eye_y = prng_real(prng, 330, 440);
    view.camera = prng_real(prng, 130, 200);
    view.mist = prng_real(prng, 0.02, 0.3);
    view.sun = prng_chance(prng, 0.5) ? 1 : -1;
    uint32_t salt = (uint32_t)prng_below(prng, 1 << 20);
    struct tone soil = {(float)prng_real(prng, 0.3, 0.6), (float)prng_real(prng, 0.35, 0.55),
                        (float)prng_real(prng, 0.2, 0.4)};
    backdrop(&view, tops[weather], soil, salt);
    for (int side = -1; side <= 1; side += 2) {
        if (prng_chance(prng, 0.65)) {
            fronts(&view, side, salt + (uint32_t)side);
        }
    }
    for (size_t left = prng_below(prng, 4); left > 0; left--) {
        bare_tree(&view);
    }
    for (size_t left = prng_below(prng, 3); left > 0; left--) {
        mast(&view);
    }
    poles(&view, street);
    return 0;
}
