/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "schema/check.h"

static bool fail_unknown(struct fnd_check *check, const struct fnd_schema_object *object,
                         struct fnd_json key, const struct fnd_place *up)
{
    if (check->flaws == NULL) {
        return false;
    }
    const struct fnd_place place = {.up = up, .key = key, .is_key = true};
    char *name = fnd_json_strdup(key);
    const char *nearest = object->declared != NULL ? fnd_nearest(name, object->declared) : NULL;
    if (nearest != NULL) {
        fnd_check_fail(check, &place, "additionalProperties",
                       "\"%s\" is not known here; did you mean \"%s\"?", name, nearest);
    } else {
        fnd_check_fail(check, &place, "additionalProperties", "\"%s\" is not known here", name);
    }
    free(name);
    return false;
}

/* One member against all that speaks of it. *required counts the required names seen. */
static bool check_member(struct fnd_check *check, const struct fnd_schema_object *object,
                         const struct fnd_json_walk *member, const struct fnd_place *up,
                         size_t *required)
{
    const char *bytes;
    size_t size;
    bool ok = true, known = false;
    if (object->property_names != NULL) {
        const struct fnd_place place = {.up = up, .key = member->key, .is_key = true};
        ok = fnd_check_node(check, object->property_names, member->key, &place);
    }
    fnd_check_text(check, member->key, &bytes, &size);
    const struct fnd_schema_name *name = fnd_schema_name_find(object, bytes, size);
    if (name != NULL) {
        *required += name->required ? 1 : 0;
        if (name->node != NULL) {
            known = true;
            ok = fnd_check_child(check, name->node, member->value, up, member->key, 0) && ok;
        }
    }
    for (size_t i = 0; i < object->patterns_count; i++) {
        fnd_check_text(check, member->key, &bytes, &size); /* a child may have used the scratch */
        if (fnd_check_match(check, &object->patterns[i], bytes, size) == FND_MATCH_YES) {
            known = true;
            ok = fnd_check_child(check, object->patterns[i].node, member->value, up, member->key,
                                 0) &&
                 ok;
        }
    }
    if (!known && object->additional != NULL) {
        if (object->additional->refuses_all) {
            return fail_unknown(check, object, member->key, up);
        }
        ok = fnd_check_child(check, object->additional, member->value, up, member->key, 0) && ok;
    }
    return ok;
}

/* In the order in which the schema lists them. */
static bool fail_required(struct fnd_check *check, const struct fnd_schema_node *node,
                          struct fnd_json value, const struct fnd_place *place)
{
    const struct fnd_json required = fnd_json_member(node->json, "required");
    for (struct fnd_json_walk walk = fnd_json_walk(required);
         check->flaws != NULL && fnd_json_next(&walk);) {
        char *name = fnd_json_strdup(walk.value);
        if (fnd_json_member(value, name).bytes == NULL) {
            fnd_check_fail(check, place, "required", "is missing \"%s\"", name);
        }
        free(name);
    }
    return false;
}

static bool check_dependents(struct fnd_check *check, const struct fnd_schema_object *object,
                             struct fnd_json value, const struct fnd_place *place)
{
    bool ok = true;
    for (size_t i = 0; i < object->dependents_count; i++) {
        const struct fnd_schema_dependent *dependent = &object->dependents[i];
        if (fnd_json_member(value, dependent->name).bytes == NULL) {
            continue;
        }
        for (size_t j = 0; j < dependent->needs_count; j++) {
            if (fnd_json_member(value, dependent->needs[j]).bytes == NULL) {
                ok = fnd_check_fail(check, place, "dependentRequired",
                                    "is missing \"%s\", which \"%s\" needs", dependent->needs[j],
                                    dependent->name);
            }
        }
    }
    return ok;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

static bool check_count(struct fnd_check *check, const struct fnd_schema_object *object,
                        size_t count, const struct fnd_place *place)
{
    if (object->count_min >= 0 && count < (size_t)object->count_min) {
        return fnd_check_fail(check, place, "minProperties",
                              "has %zu member%s, must have at least %lld", count, plural(count),
                              (long long)object->count_min);
    }
    if (object->count_max >= 0 && count > (size_t)object->count_max) {
        return fnd_check_fail(check, place, "maxProperties",
                              "has %zu member%s, must have at most %lld", count, plural(count),
                              (long long)object->count_max);
    }
    return true;
}

bool fnd_check_object(struct fnd_check *check, const struct fnd_schema_object *object,
                      const struct fnd_schema_node *node, struct fnd_json value,
                      const struct fnd_place *place)
{
    bool ok = true;
    size_t count = 0, required = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        count++;
        ok = check_member(check, object, &walk, place, &required) && ok;
        if (!ok && check->flaws == NULL) {
            return false;
        }
    }
    if (required < object->required_count) { /* names of an object differ, so counting is enough */
        ok = fail_required(check, node, value, place);
    }
    ok = check_count(check, object, count, place) && ok;
    if (object->dependents_count > 0 && (ok || check->flaws != NULL)) {
        ok = check_dependents(check, object, value, place) && ok;
    }
    return ok;
}
