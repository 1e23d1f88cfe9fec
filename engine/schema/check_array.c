/* SPDX-License-Identifier: MIT */
#include "schema/check.h"

static bool check_items(struct fnd_check *check, const struct fnd_schema_array *array,
                        struct fnd_json value, const struct fnd_place *place)
{
    if (array->prefix.count == 0 && array->items == NULL) {
        return true;
    }
    bool ok = true;
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        const struct fnd_schema_node *node =
            walk.index < array->prefix.count ? array->prefix.list[walk.index] : array->items;
        if (node == NULL) {
            break;
        }
        ok = fnd_check_child(check, node, walk.value, place, walk.key, walk.index) && ok;
        if (!ok && check->flaws == NULL) {
            return false;
        }
    }
    return ok;
}

static bool check_contains(struct fnd_check *check, const struct fnd_schema_array *array,
                           struct fnd_json value, const struct fnd_place *place)
{
    const int64_t min = array->contains_min >= 0 ? array->contains_min : 1;
    const int64_t max = array->contains_max;
    const size_t holes_before = check->holes_met;
    struct fnd_flaws *const flaws = check->flaws;
    check->flaws = NULL;
    int64_t found = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        found += fnd_check_child(check, array->contains, walk.value, place, walk.key, walk.index)
                     ? 1
                     : 0;
        if (found >= min && max < 0) {
            break;
        }
    }
    check->flaws = flaws;
    if (found < min) {
        return fnd_check_fail(check, place, array->contains_min >= 0 ? "minContains" : "contains",
                              "has %lld items of the form that is asked for, must have at least "
                              "%lld",
                              (long long)found, (long long)min);
    }
    if (max >= 0 && found > max && check->holes_met == holes_before) {
        return fnd_check_fail(check, place, "maxContains",
                              "has %lld items of the form that is counted, must have at most %lld",
                              (long long)found, (long long)max);
    }
    return true;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static bool check_count(struct fnd_check *check, const struct fnd_schema_array *array,
                        struct fnd_json value, const struct fnd_place *place)
{
    const size_t count = fnd_json_count(value);
    if (array->count_min >= 0 && count < (size_t)array->count_min) {
        return fnd_check_fail(check, place, "minItems", "has %zu item%s, must have at least %lld",
                              count, plural(count), (long long)array->count_min);
    }
    if (array->count_max >= 0 && count > (size_t)array->count_max) {
        return fnd_check_fail(check, place, "maxItems", "has %zu item%s, must have at most %lld",
                              count, plural(count), (long long)array->count_max);
    }
    return true;
}

bool fnd_check_array(struct fnd_check *check, const struct fnd_schema_array *array,
                     struct fnd_json value, const struct fnd_place *place)
{
    bool ok = true;
    if (array->count_min >= 0 || array->count_max >= 0) {
        ok = check_count(check, array, value, place);
    }
    if (array->unique && (ok || check->flaws != NULL) && !fnd_check_has_hole_inside(check)) {
        size_t first, second;
        if (!fnd_schema_unique(value, &check->steps, &first, &second)) {
            if (first == second) {
                check->undecided = "too many items of uniqueItems would have to be compared";
                return false;
            }
            ok = fnd_check_fail(check, place, "uniqueItems",
                                "has equal items, number %zu and %zu, and all must differ",
                                first + 1, second + 1);
        }
    }
    if (ok || check->flaws != NULL) {
        ok = check_items(check, array, value, place) && ok;
    }
    if (array->contains != NULL && (ok || check->flaws != NULL)) {
        ok = check_contains(check, array, value, place) && ok;
    }
    return ok;
}
