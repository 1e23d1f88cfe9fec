/* SPDX-License-Identifier: MIT */
/* Schemas about the same value: $ref, allOf, anyOf, oneOf, not, if. */
#include <stdlib.h>
#include <string.h>

#include "schema/check.h"

/* How far a branch is from the value: the wrong type or the wrong constant (by which people tell
 * variants apart) is further away than a few flaws inside. */
static size_t distance(const struct fnd_flaws *flaws, const char *here)
{
    size_t sum = flaws->count + flaws->skipped;
    for (size_t i = 0; i < flaws->count; i++) {
        const struct fnd_flaw *flaw = &flaws->list[i];
        if (strcmp(flaw->keyword, "type") == 0 && strcmp(flaw->pointer, here) == 0) {
            sum += 1000;
        } else if (strcmp(flaw->keyword, "const") == 0 || strcmp(flaw->keyword, "enum") == 0) {
            sum += 100;
        }
    }
    return sum;
}

/* Add the first flaw of the branch that fits best. */
static void explain_nearest(struct fnd_check *check, const struct fnd_schema_nodes *branches,
                            struct fnd_json value, const struct fnd_place *place)
{
    struct fnd_flaws *const flaws = check->flaws;
    struct fnd_flaws *nearest = NULL; /* on the heap: they are large, and we are deep in a stack */
    size_t nearest_distance = SIZE_MAX;
    struct fnd_text here = {0};
    fnd_check_pointer(place, &here);
    for (size_t i = 0; i < branches->count; i++) {
        struct fnd_flaws *own = fnd_alloc(sizeof *own);
        check->flaws = own;
        fnd_check_node(check, branches->list[i], value, place);
        const size_t own_distance = distance(own, fnd_text_z(&here));
        if (own->count > 0 && own_distance < nearest_distance) {
            struct fnd_flaws *further = nearest;
            nearest = own;
            nearest_distance = own_distance;
            own = further;
        }
        if (own != NULL) {
            fnd_flaws_finish(own);
            free(own);
        }
    }
    check->flaws = flaws;
    if (nearest != NULL) {
        const struct fnd_flaw *flaw = &nearest->list[0];
        fnd_flaws_add(flaws, flaw->pointer, flaw->keyword, flaw->is_key, "%s", flaw->message);
        fnd_flaws_finish(nearest);
        free(nearest);
    }
    fnd_text_finish(&here);
}

static bool fail_branches(struct fnd_check *check, const char *keyword,
                          const struct fnd_schema_nodes *branches, struct fnd_json value,
                          const struct fnd_place *place)
{
    if (check->flaws == NULL) {
        return false;
    }
    fnd_check_fail(check, place, keyword,
                   branches->count == 1 ? "does not have the form that is allowed here"
                                        : "has none of the %zu forms that are allowed here",
                   branches->count);
    explain_nearest(check, branches, value, place);
    return false;
}

static bool check_any_of(struct fnd_check *check, const struct fnd_schema_nodes *branches,
                         struct fnd_json value, const struct fnd_place *place)
{
    for (size_t i = 0; i < branches->count; i++) {
        if (fnd_check_quietly(check, branches->list[i], value, place)) {
            return true;
        }
    }
    return fail_branches(check, "anyOf", branches, value, place);
}

static bool check_one_of(struct fnd_check *check, const struct fnd_schema_nodes *branches,
                         struct fnd_json value, const struct fnd_place *place)
{
    size_t fitting = 0, first = 0;
    for (size_t i = 0; i < branches->count; i++) {
        const size_t holes_before = check->holes_met;
        if (!fnd_check_quietly(check, branches->list[i], value, place)) {
            continue;
        }
        if (check->holes_met != holes_before) {
            return true; /* whether it is the only one is not known yet */
        }
        if (fitting == 1) {
            return fnd_check_fail(
                check, place, "oneOf",
                "has the forms number %zu and %zu of those that are allowed here, "
                "and must have exactly one",
                first + 1, i + 1);
        }
        fitting++;
        first = i;
    }
    return fitting == 1 || fail_branches(check, "oneOf", branches, value, place);
}

static bool check_not(struct fnd_check *check, const struct fnd_schema_node *negated,
                      struct fnd_json value, const struct fnd_place *place)
{
    const size_t holes_before = check->holes_met;
    if (!fnd_check_quietly(check, negated, value, place) || check->holes_met != holes_before) {
        return true;
    }
    if (negated->object != NULL && negated->object->required_count == 1 &&
        negated->object->names_count == 1) {
        return fnd_check_fail(check, place, "not", "must not have \"%s\"",
                              negated->object->names[0].text);
    }
    struct fnd_text shown = {0};
    fnd_check_show(negated->json, &shown);
    fnd_check_fail(check, place, "not", "has a form that is excluded here: %s", fnd_text_z(&shown));
    fnd_text_finish(&shown);
    return false;
}

static bool check_condition(struct fnd_check *check, const struct fnd_schema_node *node,
                            struct fnd_json value, const struct fnd_place *place)
{
    const size_t holes_before = check->holes_met;
    const bool holds = fnd_check_quietly(check, node->condition, value, place);
    const struct fnd_schema_node *next = holds ? node->then : node->otherwise;
    if (next == NULL || (holds && check->holes_met != holes_before)) {
        return true;
    }
    return fnd_check_node(check, next, value, place);
}

bool fnd_check_combined(struct fnd_check *check, const struct fnd_schema_node *node,
                        struct fnd_json value, const struct fnd_place *place)
{
    bool ok = node->ref == NULL || fnd_check_node(check, node->ref, value, place);
    for (size_t i = 0; i < node->all_of.count && (ok || check->flaws != NULL); i++) {
        ok = fnd_check_node(check, node->all_of.list[i], value, place) && ok;
    }
    if (node->any_of.count > 0 && (ok || check->flaws != NULL)) {
        ok = check_any_of(check, &node->any_of, value, place) && ok;
    }
    if (node->one_of.count > 0 && (ok || check->flaws != NULL)) {
        ok = check_one_of(check, &node->one_of, value, place) && ok;
    }
    if (node->negated != NULL && (ok || check->flaws != NULL)) {
        ok = check_not(check, node->negated, value, place) && ok;
    }
    if (node->condition != NULL && (ok || check->flaws != NULL)) {
        ok = check_condition(check, node, value, place) && ok;
    }
    return ok;
}
