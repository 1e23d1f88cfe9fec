/* SPDX-License-Identifier: MIT */
/* Streets drawn with cairo: sky, hills, houses, trees, lamps, fences, and poles with wires. */
#include <cairo.h>
#include <math.h>
#include <stdlib.h>

#include "street.h"

enum { SIDE = STREET_SIDE };

struct colour {
    double r, g, b;
};

/* What a scene is painted with. */
struct paint {
    cairo_t *cairo;
    struct prng *prng;
    double horizon, light; /* y; brightness of all things */
    double haze;           /* share of the sky in what is far */
    struct colour sky, ground, wood;
};

/* A pole as it stands. */
struct pole {
    double x, bottom, height, width, lean; /* lean: x at the top less x at the bottom */
    double arm[2], arm_y[2];               /* half lengths; below the top */
    size_t arms;
};

static struct colour mix(struct colour a, struct colour b, double share)
{
    return (struct colour){a.r + (b.r - a.r) * share, a.g + (b.g - a.g) * share,
                           a.b + (b.b - a.b) * share};
}

static struct colour vary(struct prng *prng, struct colour colour, double by)
{
    double all = prng_real(prng, -by, by);
    colour.r += all + prng_real(prng, -by, by) * 0.3;
    colour.g += all + prng_real(prng, -by, by) * 0.3;
    colour.b += all + prng_real(prng, -by, by) * 0.3;
    return colour;
}

/** Use a colour; `far` from 0 to 1 mixes the sky in. */
static void use(const struct paint *paint, struct colour colour, double far)
{
    colour = mix(colour, paint->sky, paint->haze * far);
    cairo_set_source_rgb(paint->cairo, colour.r * paint->light, colour.g * paint->light,
                         colour.b * paint->light);
}

static void block(const struct paint *paint, double x, double y, double width, double height)
{
    cairo_rectangle(paint->cairo, x, y, width, height);
    cairo_fill(paint->cairo);
}

static void sky_draw(const struct paint *paint)
{
    cairo_t *cairo = paint->cairo;
    struct colour low = mix(paint->sky, (struct colour){1, 0.97, 0.92}, 0.5);
    cairo_pattern_t *pattern = cairo_pattern_create_linear(0, 0, 0, paint->horizon);
    cairo_pattern_add_color_stop_rgb(pattern, 0, paint->sky.r * paint->light,
                                     paint->sky.g * paint->light, paint->sky.b * paint->light);
    cairo_pattern_add_color_stop_rgb(pattern, 1, low.r * paint->light, low.g * paint->light,
                                     low.b * paint->light);
    cairo_set_source(cairo, pattern);
    cairo_paint(cairo);
    cairo_pattern_destroy(pattern);
    size_t clouds = prng_below(paint->prng, 8);
    for (size_t i = 0; i < clouds * 6; i++) {
        double x = prng_real(paint->prng, 0, SIDE), y = prng_real(paint->prng, 0, paint->horizon);
        double size = prng_real(paint->prng, 15, 70);
        cairo_save(cairo);
        cairo_translate(cairo, x, y);
        cairo_scale(cairo, 1.8, 0.6);
        cairo_arc(cairo, 0, 0, size, 0, 6.2832);
        cairo_restore(cairo);
        cairo_set_source_rgba(cairo, paint->light, paint->light, paint->light,
                              prng_real(paint->prng, 0.02, 0.16));
        cairo_fill(cairo);
    }
}

static void hills_draw(const struct paint *paint)
{
    cairo_t *cairo = paint->cairo;
    for (int row = 0; row < 2; row++) {
        double high = prng_real(paint->prng, 10, 90), wave = prng_real(paint->prng, 0.008, 0.03);
        double at = prng_real(paint->prng, 0, 6);
        cairo_move_to(cairo, 0, SIDE);
        for (int x = 0; x <= SIDE; x += 8) {
            cairo_line_to(cairo, x,
                          paint->horizon - high * (0.6 + 0.4 * sin(x * wave + at)) -
                              4 * sin(x * wave * 7 + at));
        }
        cairo_line_to(cairo, SIDE, SIDE);
        use(paint, vary(paint->prng, (struct colour){0.35, 0.43, 0.33}, 0.08), 1.0 - 0.3 * row);
        cairo_fill(cairo);
    }
}

static void ground_draw(const struct paint *paint)
{
    cairo_t *cairo = paint->cairo;
    use(paint, paint->ground, 0.2);
    block(paint, 0, paint->horizon, SIDE, SIDE - paint->horizon);
    double vanish = prng_real(paint->prng, 100, 540), left = prng_real(paint->prng, -300, 300);
    double right = left + prng_real(paint->prng, 250, 600);
    cairo_move_to(cairo, vanish - 4, paint->horizon);
    cairo_line_to(cairo, vanish + 4, paint->horizon);
    cairo_line_to(cairo, right, SIDE);
    cairo_line_to(cairo, left, SIDE);
    use(paint, vary(paint->prng, (struct colour){0.42, 0.42, 0.44}, 0.1), 0.2);
    cairo_fill(cairo);
    use(paint, (struct colour){0.9, 0.9, 0.85}, 0.2);
    cairo_set_line_width(cairo, 3);
    cairo_set_dash(cairo, (double[]){22, 18}, 2, 0);
    cairo_move_to(cairo, vanish, paint->horizon);
    cairo_line_to(cairo, (left + right) / 2, SIDE);
    cairo_stroke(cairo);
    cairo_set_dash(cairo, NULL, 0, 0);
    for (int i = 0; i < 500; i++) {
        double y = prng_real(paint->prng, paint->horizon, SIDE);
        double size = 1 + (y - paint->horizon) / 50;
        use(paint, vary(paint->prng, paint->ground, 0.12), 0.2);
        block(paint, prng_real(paint->prng, 0, SIDE), y, size * 2, size * 0.7);
    }
}

static void windows_draw(const struct paint *paint, double x, double y, double width, double height,
                         double far)
{
    double step_x = prng_real(paint->prng, 18, 44), step_y = prng_real(paint->prng, 26, 52);
    double size_x = step_x * prng_real(paint->prng, 0.3, 0.6), size_y = step_y * 0.5;
    struct colour glass = vary(paint->prng, (struct colour){0.3, 0.36, 0.42}, 0.15);
    for (double at = y + 8; at + size_y < y + height - 4; at += step_y) {
        for (double to = x + 6; to + size_x < x + width - 4; to += step_x) {
            use(paint, vary(paint->prng, glass, 0.05), far);
            block(paint, to, at, size_x, size_y);
        }
    }
}

static void house_draw(const struct paint *paint, double x, double width, double height,
                       double base)
{
    cairo_t *cairo = paint->cairo;
    double far = prng_real(paint->prng, 0.3, 0.8), top = base - height;
    struct colour wall = vary(paint->prng, (struct colour){0.68, 0.62, 0.55}, 0.22);
    use(paint, wall, far);
    block(paint, x, top, width, height);
    if (prng_chance(paint->prng, 0.3)) { /* bricks or boards */
        use(paint, vary(paint->prng, wall, 0.08), far);
        for (double y = top; y < base; y += 7) {
            block(paint, x, y, width, 1.2);
        }
    }
    windows_draw(paint, x, top, width, height, far);
    use(paint, vary(paint->prng, (struct colour){0.42, 0.3, 0.27}, 0.12), far);
    if (prng_chance(paint->prng, 0.6)) {
        double peak = width * prng_real(paint->prng, 0.15, 0.4);
        cairo_move_to(cairo, x - 6, top);
        cairo_line_to(cairo, x + width / 2, top - peak);
        cairo_line_to(cairo, x + width + 6, top);
        cairo_fill(cairo);
    }
    if (prng_chance(paint->prng, 0.4)) { /* a chimney */
        block(paint, x + width * prng_real(paint->prng, 0.1, 0.8), top - 34, 12, 40);
    }
    if (prng_chance(paint->prng, 0.35)) { /* a drain pipe: thin, upright, and no pole */
        use(paint, vary(paint->prng, (struct colour){0.35, 0.33, 0.32}, 0.15), far * 0.5);
        block(paint, x + width * prng_real(paint->prng, 0.05, 0.95), top,
              prng_real(paint->prng, 3, 6), height);
    }
}

static void houses_draw(const struct paint *paint, double low, double high)
{
    for (double x = prng_real(paint->prng, -60, 20); x < SIDE;) {
        double width = prng_real(paint->prng, 50, 180);
        if (prng_chance(paint->prng, 0.75)) {
            house_draw(paint, x, width, prng_real(paint->prng, low, high),
                       paint->horizon + prng_real(paint->prng, 0, 25));
        }
        x += width + (prng_chance(paint->prng, 0.4) ? prng_real(paint->prng, 5, 90) : 0);
    }
}

static void leaves_draw(const struct paint *paint, double x, double y, double size, double far)
{
    struct colour green = vary(paint->prng, (struct colour){0.27, 0.38, 0.2}, 0.12);
    for (int i = 0; i < 70; i++) {
        double turn = prng_real(paint->prng, 0, 6.2832);
        double out = size * sqrt(prng_real(paint->prng, 0, 1));
        use(paint, vary(paint->prng, green, 0.1), far);
        cairo_arc(paint->cairo, x + out * cos(turn), y + out * sin(turn) * 0.9,
                  prng_real(paint->prng, size * 0.08, size * 0.24), 0, 6.2832);
        cairo_fill(paint->cairo);
    }
}

static void tree_draw(const struct paint *paint)
{
    cairo_t *cairo = paint->cairo;
    double near = prng_real(paint->prng, 0.1, 1), x = prng_real(paint->prng, 0, SIDE);
    double base = paint->horizon + near * 110, height = 60 + near * prng_real(paint->prng, 60, 260);
    double width = height * prng_real(paint->prng, 0.03, 0.09), lean = prng_normal(paint->prng) * 9;
    use(paint, vary(paint->prng, (struct colour){0.3, 0.24, 0.19}, 0.08), 1 - near);
    cairo_move_to(cairo, x - width * 0.7, base);
    cairo_curve_to(cairo, x - width * 0.4, base - height * 0.4, x + lean, base - height * 0.6,
                   x + lean, base - height);
    cairo_line_to(cairo, x + lean + width * 0.4, base - height);
    cairo_curve_to(cairo, x + lean + width * 0.5, base - height * 0.6, x + width * 0.4,
                   base - height * 0.4, x + width * 0.8, base);
    cairo_fill(cairo);
    int bare = prng_chance(paint->prng, 0.25);
    cairo_set_line_width(cairo, fmax(1, width * 0.25));
    for (int i = 0; i < (bare ? 14 : 5); i++) {
        double from = base - height * prng_real(paint->prng, 0.5, 1);
        double reach = height * prng_real(paint->prng, -0.35, 0.35);
        cairo_move_to(cairo, x + lean * 0.8, from);
        cairo_line_to(cairo, x + lean + reach,
                      from - fabs(reach) * prng_real(paint->prng, 0.4, 1.2));
        cairo_stroke(cairo);
    }
    if (!bare) {
        leaves_draw(paint, x + lean, base - height * 0.95,
                    height * prng_real(paint->prng, 0.2, 0.4), 1 - near);
    }
}

/* Street lamps and signs stand upright and are no utility poles. */
static void lamp_draw(const struct paint *paint)
{
    cairo_t *cairo = paint->cairo;
    double near = prng_real(paint->prng, 0.15, 1), x = prng_real(paint->prng, 20, SIDE - 20);
    double base = paint->horizon + near * 120,
           height = 40 + near * prng_real(paint->prng, 120, 280);
    double width = fmax(2, height * prng_real(paint->prng, 0.012, 0.026));
    double reach =
        height * prng_real(paint->prng, 0.1, 0.25) * (prng_chance(paint->prng, 0.5) ? 1 : -1);
    use(paint, vary(paint->prng, (struct colour){0.45, 0.47, 0.48}, 0.2), 1 - near);
    cairo_set_line_width(cairo, width);
    cairo_move_to(cairo, x, base);
    cairo_line_to(cairo, x, base - height * 0.9);
    cairo_curve_to(cairo, x, base - height, x + reach * 0.4, base - height, x + reach,
                   base - height * 0.98);
    cairo_stroke(cairo);
    cairo_set_line_width(cairo, width * 2.2);
    cairo_move_to(cairo, x + reach * 0.75, base - height * 0.98);
    cairo_line_to(cairo, x + reach * 1.15, base - height * 0.97);
    cairo_stroke(cairo);
}

static void sign_draw(const struct paint *paint)
{
    cairo_t *cairo = paint->cairo;
    double near = prng_real(paint->prng, 0.3, 1), x = prng_real(paint->prng, 10, SIDE - 10);
    double base = paint->horizon + near * 130, height = near * prng_real(paint->prng, 60, 130);
    use(paint, (struct colour){0.55, 0.56, 0.57}, 0);
    block(paint, x, base - height, fmax(2, near * 4), height);
    use(paint, vary(paint->prng, (struct colour){0.6, 0.35, 0.3}, 0.3), 0);
    if (prng_chance(paint->prng, 0.5)) {
        cairo_arc(cairo, x + 2, base - height, height * 0.17, 0, 6.2832);
        cairo_fill(cairo);
    } else {
        block(paint, x - height * 0.15, base - height, height * 0.36, height * 0.22);
    }
}

static void fence_draw(const struct paint *paint)
{
    double y = paint->horizon + prng_real(paint->prng, 5, 90),
           height = prng_real(paint->prng, 14, 46);
    double step = prng_real(paint->prng, 8, 40), from = prng_real(paint->prng, -200, 400);
    use(paint, vary(paint->prng, (struct colour){0.5, 0.45, 0.4}, 0.2), 0.3);
    for (double x = from; x < from + 330; x += step) {
        block(paint, x, y - height, fmax(2, step * 0.2), height);
    }
    block(paint, from, y - height * 0.8, 330, 3);
    block(paint, from, y - height * 0.3, 330, 3);
}

static void car_draw(const struct paint *paint)
{
    cairo_t *cairo = paint->cairo;
    double near = prng_real(paint->prng, 0.3, 1), x = prng_real(paint->prng, 0, SIDE);
    double y = paint->horizon + 40 + near * 120, size = 30 + near * 80;
    use(paint, vary(paint->prng, (struct colour){0.5, 0.4, 0.4}, 0.35), 0);
    block(paint, x, y - size * 0.3, size, size * 0.25);
    block(paint, x + size * 0.2, y - size * 0.5, size * 0.55, size * 0.25);
    use(paint, (struct colour){0.12, 0.12, 0.12}, 0);
    cairo_arc(cairo, x + size * 0.2, y - size * 0.05, size * 0.1, 0, 6.2832);
    cairo_arc(cairo, x + size * 0.8, y - size * 0.05, size * 0.1, 0, 6.2832);
    cairo_fill(cairo);
}

static double pole_x(const struct pole *pole, double below_top)
{
    return pole->x + pole->lean * (1 - below_top / pole->height);
}

/** The box around shaft and arms, with the room a person leaves, inside the picture. */
static struct box pole_box(const struct pole *pole)
{
    double left = fmin(pole->x - pole->width / 2, pole->x + pole->lean - pole->width * 0.35);
    double right = fmax(pole->x + pole->width / 2, pole->x + pole->lean + pole->width * 0.35);
    for (size_t i = 0; i < pole->arms; i++) {
        left = fmin(left, pole_x(pole, pole->arm_y[i]) - pole->arm[i]);
        right = fmax(right, pole_x(pole, pole->arm_y[i]) + pole->arm[i]);
    }
    const double room = 2;
    return (struct box){
        {(int)floor(fmax(left - room, 0)), (int)floor(fmax(pole->bottom - pole->height - room, 0)),
         (int)ceil(fmin(right + room, SIDE)), (int)ceil(fmin(pole->bottom + room, SIDE))}};
}

static void arm_draw(const struct paint *paint, const struct pole *pole, size_t index, double thick)
{
    cairo_t *cairo = paint->cairo;
    double x = pole_x(pole, pole->arm_y[index]);
    double y = pole->bottom - pole->height + pole->arm_y[index], arm = pole->arm[index];
    block(paint, x - arm, y - thick / 2, arm * 2, thick);
    if (arm > 12 && prng_chance(paint->prng, 0.5)) { /* braces */
        cairo_set_line_width(cairo, fmax(1, thick * 0.4));
        cairo_move_to(cairo, x - arm * 0.6, y);
        cairo_line_to(cairo, x, y + arm * 0.5);
        cairo_line_to(cairo, x + arm * 0.6, y);
        cairo_stroke(cairo);
    }
    use(paint, vary(paint->prng, (struct colour){0.7, 0.72, 0.75}, 0.2), 0.1);
    for (int i = 0; i < 4; i++) {
        double at = x + arm * (-0.92 + 1.84 * i / 3);
        block(paint, at - thick * 0.35, y - thick * 1.3, thick * 0.7, thick);
    }
}

static void pole_draw(const struct paint *paint, const struct pole *pole)
{
    cairo_t *cairo = paint->cairo;
    double top = pole->bottom - pole->height, half = pole->width / 2;
    double far = fmax(0, 1 - pole->height / 260) * 0.8;
    struct colour wood = vary(paint->prng, paint->wood, 0.05);
    cairo_move_to(cairo, pole->x - half, pole->bottom);
    cairo_line_to(cairo, pole->x + pole->lean - half * 0.7, top);
    cairo_line_to(cairo, pole->x + pole->lean + half * 0.7, top);
    cairo_line_to(cairo, pole->x + half, pole->bottom);
    use(paint, wood, far);
    cairo_fill(cairo);
    /* One side of the shaft lies in the shade. */
    double side = prng_chance(paint->prng, 0.5) ? 1 : -1;
    cairo_move_to(cairo, pole->x + side * half, pole->bottom);
    cairo_line_to(cairo, pole->x + pole->lean + side * half * 0.7, top);
    cairo_line_to(cairo, pole->x + pole->lean + side * half * 0.2, top);
    cairo_line_to(cairo, pole->x + side * half * 0.3, pole->bottom);
    use(paint, mix(wood, (struct colour){0, 0, 0}, prng_real(paint->prng, 0.05, 0.4)), far);
    cairo_fill(cairo);
    for (size_t i = 0; i < pole->arms; i++) {
        use(paint, mix(wood, (struct colour){0.2, 0.2, 0.2}, 0.3), far);
        arm_draw(paint, pole, i, fmax(2, pole->width * prng_real(paint->prng, 0.4, 0.8)));
    }
    if (prng_chance(paint->prng, 0.3)) { /* a transformer */
        double size = fmin(pole->width * 1.6, pole->arm[0]);
        use(paint, vary(paint->prng, (struct colour){0.55, 0.56, 0.58}, 0.15), far);
        block(paint, pole_x(pole, pole->height * 0.25), top + pole->height * 0.2, size,
              pole->height * 0.11);
    }
    if (prng_chance(paint->prng, 0.2)) { /* grass or a bush at the foot */
        leaves_draw(paint, pole->x + pole->width, pole->bottom - 2, pole->width * 1.5, 0.1);
    }
}

static void wires_draw(const struct paint *paint, const struct pole *a, const struct pole *b,
                       double thick)
{
    cairo_t *cairo = paint->cairo;
    const size_t lines = 3;
    use(paint, (struct colour){0.15, 0.15, 0.17}, 0.2);
    cairo_set_line_width(cairo, thick);
    for (size_t i = 0; i < lines; i++) {
        double share = -0.9 + 0.9 * (double)i;
        double from_x = pole_x(a, a->arm_y[0]) + share * a->arm[0];
        double from_y = a->bottom - a->height + a->arm_y[0] - a->width * 0.5;
        double to_x = pole_x(b, b->arm_y[0]) + share * b->arm[0];
        double to_y = b->bottom - b->height + b->arm_y[0] - b->width * 0.5;
        double sag = fabs(to_x - from_x) * 0.08;
        cairo_move_to(cairo, from_x, from_y);
        cairo_curve_to(cairo, from_x + (to_x - from_x) / 3, from_y + (to_y - from_y) / 3 + sag,
                       from_x + (to_x - from_x) * 2 / 3, from_y + (to_y - from_y) * 2 / 3 + sag,
                       to_x, to_y);
        cairo_stroke(cairo);
    }
}

/** Poles of one line: alike, and lower the further they stand. */
static size_t poles_make(const struct paint *paint, struct pole poles[STREET_POLES_MAX])
{
    struct prng *prng = paint->prng;
    size_t count = (size_t)prng_range(prng, 1, 4) - (prng_chance(prng, 0.4) ? 1 : 0);
    double height = prng_real(prng, 190, 440), thin = prng_real(prng, 0.02, 0.048);
    double x = prng_real(prng, 40, SIDE - 40), shrink = prng_real(prng, 0.5, 0.95);
    double step = prng_real(prng, 90, 260) * (x > SIDE / 2 ? -1 : 1);
    size_t arms = (size_t)prng_range(prng, 1, 2), kept = 0;
    double arm = prng_real(prng, 0.06, 0.16), low = prng_real(prng, 0.02, 0.09);
    if (prng_chance(prng, 0.25)) { /* brackets alone */
        arm = prng_real(prng, 0.032, 0.045);
    }
    for (size_t i = 0; i < count; i++) {
        struct pole pole = {.x = x, .height = height, .arms = arms};
        pole.width = fmax(3.5, height * thin);
        pole.bottom = paint->horizon + height * prng_real(prng, 0.18, 0.36);
        pole.lean = prng_normal(prng) * height * 0.02;
        for (size_t j = 0; j < 2; j++) {
            pole.arm[j] = fmax(pole.width, height * arm * (j == 0 ? 1 : 0.75));
            pole.arm_y[j] = height * (low + 0.09 * (double)j);
        }
        struct box box = pole_box(&pole);
        if (box.at[3] - box.at[1] > 60 && x > 5 && x < SIDE - 5) {
            poles[kept++] = pole;
        }
        x += step * (0.8 + 0.4 * prng_real(prng, 0, 1));
        step *= shrink;
        height *= shrink;
    }
    return kept;
}

static void poles_draw(const struct paint *paint, struct street *street)
{
    struct pole poles[STREET_POLES_MAX], away = {.height = 300, .arms = 2};
    size_t count = poles_make(paint, poles);
    double thick = prng_real(paint->prng, 0.7, 1.7);
    int wired = prng_chance(paint->prng, 0.9);
    if (count > 0 && wired) {
        away = poles[0];
        away.x = poles[0].x > SIDE / 2 ? SIDE + 120 : -120;
        away.bottom += 40;
        wires_draw(paint, &away, &poles[0], thick);
    }
    for (size_t i = count; i-- > 0;) {
        pole_draw(paint, &poles[i]);
        if (i > 0 && wired) {
            wires_draw(paint, &poles[i - 1], &poles[i], thick);
        }
        street->poles[i] = pole_box(&poles[i]);
    }
    street->count = count;
}

static void things_draw(const struct paint *paint)
{
    static void (*const draw[])(const struct paint *) = {tree_draw, lamp_draw, sign_draw,
                                                         fence_draw};
    static const size_t most[] = {5, 3, 3, 2};
    size_t kind = prng_below(paint->prng, 5);
    if (kind != 3) {
        hills_draw(paint);
    }
    if (kind == 1 || kind == 4) {
        houses_draw(paint, 40, 130);
    } else if (kind == 2) {
        houses_draw(paint, 120, 330);
    }
    ground_draw(paint);
    for (size_t i = 0; i < sizeof draw / sizeof draw[0]; i++) {
        for (size_t left = prng_below(paint->prng, most[i] + 1); left > 0; left--) {
            draw[i](paint);
        }
    }
}

static struct paint paint_make(cairo_t *cairo, struct prng *prng)
{
    static const struct colour skies[] = {{0.5, 0.68, 0.9},
                                          {0.75, 0.78, 0.8},
                                          {0.85, 0.72, 0.6},
                                          {0.6, 0.66, 0.75},
                                          {0.9, 0.92, 0.95}};
    static const struct colour woods[] = {{0.33, 0.25, 0.18},
                                          {0.45, 0.38, 0.3},
                                          {0.62, 0.6, 0.56},
                                          {0.22, 0.19, 0.17},
                                          {0.5, 0.47, 0.44}};
    static const struct colour grounds[] = {{0.5, 0.55, 0.38},
                                            {0.6, 0.55, 0.45},
                                            {0.52, 0.52, 0.5},
                                            {0.4, 0.45, 0.3},
                                            {0.8, 0.8, 0.82}};
    struct paint paint = {.cairo = cairo, .prng = prng};
    paint.horizon = prng_real(prng, 330, 480);
    paint.light = prng_real(prng, 0.65, 1.08);
    paint.haze = prng_real(prng, 0.1, 0.75);
    paint.sky = vary(prng, skies[prng_below(prng, 5)], 0.06);
    paint.wood = vary(prng, woods[prng_below(prng, 5)], 0.06);
    paint.ground = vary(prng, grounds[prng_below(prng, 5)], 0.08);
    return paint;
}

int scene_draw(struct street *street, struct raster *raster, struct prng *prng)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, SIDE, SIDE);
    cairo_t *cairo = cairo_create(surface);
    struct paint paint = paint_make(cairo, prng);
    sky_draw(&paint);
    things_draw(&paint);
    poles_draw(&paint, street);
    for (size_t left = prng_below(prng, 3); left > 0; left--) {
        car_draw(&paint);
    }
    int good = cairo_status(cairo) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(cairo);
    cairo_surface_flush(surface);
    const unsigned char *bytes = cairo_image_surface_get_data(surface);
    good = good && bytes != NULL;
    size_t stride = (size_t)cairo_image_surface_get_stride(surface);
    for (size_t y = 0; good && y < SIDE; y++) {
        for (size_t x = 0; x < SIDE; x++) {
            const uint32_t pixel = *(const uint32_t *)(const void *)(bytes + y * stride + x * 4);
            float *to = raster->pixels + (y * SIDE + x) * 3;
            to[0] = (float)(pixel >> 16 & 255) / 255.0f;
            to[1] = (float)(pixel >> 8 & 255) / 255.0f;
            to[2] = (float)(pixel & 255) / 255.0f;
        }
    }
    cairo_surface_destroy(surface);
    return good ? 0 : -1;
}
