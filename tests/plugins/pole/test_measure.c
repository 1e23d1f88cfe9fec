/* SPDX-License-Identifier: MIT */
/* Boxes against boxes, and average precision, on cases worked out by hand. */
#include <criterion/criterion.h>
#include <math.h>

#include "measure.h"

static void near(double found, double wanted, const char *what)
{
    cr_expect(fabs(found - wanted) < 1e-9, "%s is %.12f, wanted %.12f", what, found, wanted);
}

Test(measure, overlap_of_boxes)
{
    const struct box a = {0, 0, 10, 10}, half = {5, 0, 15, 10}, apart = {10, 0, 20, 10};
    const struct box none = {3, 3, 3, 3};
    near(box_iou(&a, &a), 1, "a box and itself");
    near(box_iou(&a, &half), 50.0 / 150.0, "two that share a half");
    near(box_iou(&a, &apart), 0, "two that touch");
    near(box_iou(&a, &none), 0, "one without extent");
    near(box_iou(&none, &none), 0, "two without extent");
}

Test(measure, boxes_are_put_in_order_and_inside)
{
    const struct box reversed = {30, 700, -5, 20};
    const struct box box = box_clamped(reversed, 640, 480);
    near(box.x0, 0, "x0");
    near(box.y0, 20, "y0");
    near(box.x1, 30, "x1");
    near(box.y1, 480, "y1");
}

Test(measure, average_precision_by_hand)
{
    /* Right, wrong, right of three poles: 1/3 at precision 1, 1/3 at 2/3, nothing at the third. */
    struct judged mixed[] = {{0.7, 1}, {0.9, 1}, {0.8, 0}};
    near(average_precision(mixed, 3, 3), 1.0 / 3 + 2.0 / 9, "mixed");
    /* What comes late lifts what was before it: wrong, right, right has 2/3 from the start. */
    struct judged late[] = {{0.9, 0}, {0.8, 1}, {0.7, 1}};
    near(average_precision(late, 3, 2), 2.0 / 3, "late");
    struct judged all[] = {{0.9, 1}, {0.8, 1}};
    near(average_precision(all, 2, 2), 1, "all found, nothing wrong");
    struct judged wrong[] = {{0.9, 0}};
    near(average_precision(wrong, 1, 2), 0, "nothing right");
    near(average_precision(wrong, 0, 2), 0, "nothing said");
    near(average_precision(wrong, 1, 0), 0, "no poles");
}

Test(measure, equally_sure_detections_count_as_one_step)
{
    /* In whatever order they come: one right of two, of one pole. */
    struct judged first[] = {{0.5, 1}, {0.5, 0}}, last[] = {{0.5, 0}, {0.5, 1}};
    near(average_precision(first, 2, 1), 0.5, "right one first");
    near(average_precision(last, 2, 1), 0.5, "right one last");
}

Test(measure, a_pole_is_found_once)
{
    const struct box poles[] = {{0, 0, 10, 100}, {50, 0, 60, 100}};
    const struct box boxes[] = {{0, 0, 10, 90}, {0, 0, 10, 100}, {52, 0, 62, 100}};
    int right[3];
    unsigned char taken[2];
    cr_expect_eq(boxes_judge(boxes, 3, poles, 2, 0.5, right, taken), 2);
    cr_expect(right[0] == 1 && right[1] == 0 && right[2] == 1, "the surer one takes the pole");
    cr_expect_eq(boxes_judge(boxes, 3, poles, 2, 0.7, right, taken), 1);
    cr_expect(right[2] == 0, "a shift of 2 in 10 is 8/12");
}

Test(measure, matching_takes_the_best_pairs)
{
    const struct box said[] = {{0, 0, 10, 100}, {2, 0, 12, 100}}, human[] = {{2, 0, 12, 100}};
    size_t match[2];
    unsigned char taken[1];
    boxes_match(said, 2, human, 1, 0.2, match, taken);
    cr_expect_eq(match[0], 1, "the worse one has none");
    cr_expect_eq(match[1], 0);
    boxes_match(said, 2, human, 0, 0.2, match, taken);
    cr_expect(match[0] == 0 && match[1] == 0, "nothing to match with");
}
