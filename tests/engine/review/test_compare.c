/* SPDX-License-Identifier: MIT */
/* What a person changed, place by place: lists whose items went or came. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/json.h"
#include "review/review.h"

static void expect(const char *before, const char *after, const char *wanted)
{
    const struct fnd_json from = {before, strlen(before)}, to = {after, strlen(after)};
    struct fnd_text fields = {0};
    fnd_compare_aligned(from, to, &fields);
    cr_expect_str_eq(fnd_text_z(&fields), wanted, "%s -> %s gives %s, not %s", before, after,
                     fnd_text_z(&fields), wanted);
    fnd_text_finish(&fields);
}

Test(compare, an_item_that_went_changes_no_other)
{
    expect("{\"rows\":[{\"a\":1,\"b\":2},{\"a\":3,\"b\":4},{\"a\":5,\"b\":6}]}",
           "{\"rows\":[{\"a\":1,\"b\":2},{\"a\":5,\"b\":6}]}",
           "{\"/rows/1\":{\"from\":{\"a\":3,\"b\":4}}}");
    expect("{\"rows\":[{\"a\":1,\"b\":2},{\"a\":3,\"b\":4}]}", "{\"rows\":[{\"a\":3,\"b\":9}]}",
           "{\"/rows/0\":{\"from\":{\"a\":1,\"b\":2}},\"/rows/1/b\":{\"from\":4,\"to\":9}}");
    expect("[1,2,3,4]", "[1,4]", "{\"/1\":{\"from\":2},\"/2\":{\"from\":3}}");
}

Test(compare, an_item_that_came_is_named_behind_the_last_one)
{
    expect("{\"rows\":[{\"a\":1,\"b\":2},{\"a\":5,\"b\":6}]}",
           "{\"rows\":[{\"a\":1,\"b\":2},{\"a\":3,\"b\":4},{\"a\":5,\"b\":6}]}",
           "{\"/rows/2\":{\"to\":{\"a\":3,\"b\":4}}}");
    expect("{\"rows\":[]}", "{\"rows\":[{\"a\":1}]}", "{\"/rows/0\":{\"to\":{\"a\":1}}}");
    expect("[7]", "[6,7,8]", "{\"/1\":{\"to\":6},\"/2\":{\"to\":8}}");
}

Test(compare, lists_of_one_length_are_compared_place_by_place)
{
    expect("[{\"a\":1,\"b\":2},{\"a\":3,\"b\":4}]", "[{\"a\":3,\"b\":4},{\"a\":1,\"b\":2}]",
           "{\"/0/a\":{\"from\":1,\"to\":3},\"/0/b\":{\"from\":2,\"to\":4},"
           "\"/1/a\":{\"from\":3,\"to\":1},\"/1/b\":{\"from\":4,\"to\":2}}");
    expect("[1,2]", "[1,2.0]", "{}");
}

/* Longer lists than are aligned: nothing is lost, whatever the pointers say. */
Test(compare, what_an_export_tells_goes_place_by_place)
{
    static const char before[] = "[1,2,3]", after[] = "[1,3]";
    const struct fnd_json none = {NULL, 0};
    const struct fnd_json from = {before, strlen(before)}, to = {after, strlen(after)};
    struct fnd_text fields = {0};
    fnd_compare(from, to, none, &fields);
    cr_expect_str_eq(fnd_text_z(&fields), "{\"/1\":{\"from\":2,\"to\":3},\"/2\":{\"from\":3}}");
    fnd_text_finish(&fields);
}

Test(compare, very_long_lists_are_compared_place_by_place)
{
    struct fnd_text before = {0}, after = {0};
    for (int i = 0; i < 400; i++) {
        fnd_text_printf(&before, "%s%d", i > 0 ? "," : "[", i);
        fnd_text_printf(&after, "%s%d", i > 0 ? "," : "[", i);
    }
    fnd_text_append_z(&before, "]");
    fnd_text_append_z(&after, ",400]");
    expect(fnd_text_z(&before), fnd_text_z(&after), "{\"/400\":{\"to\":400}}");
    fnd_text_finish(&before);
    fnd_text_finish(&after);
}
