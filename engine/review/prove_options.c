/* SPDX-License-Identifier: MIT */
/* A human phase's target error rate and its gate against what is new. */
#include <stdlib.h>
#include <string.h>

#include "review/internal.h"

/* Once a target is proven, nothing but the audit sample still checks it. */
#define AUDIT_WITH_TARGET 0.02
enum { NOVELTY_MINIMUM = 3 };
#define TARGET_MAX 0.5

static bool target_prepare(struct fnd_compile *compile, const struct fnd_node *node,
                           struct fnd_human *human)
{
    char *json = fnd_compile_constant(compile, node);
    if (json == NULL) {
        return false;
    }
    char *text = fnd_json_strdup((struct fnd_json){json, strlen(json)});
    const char *share = text != NULL ? text : json;
    const bool good =
        fnd_share_parse(share, &human->target) && human->target > 0 && human->target <= TARGET_MAX;
    if (!good) {
        fnd_compile_error(compile, node, "bad_share",
                          "`target_error` must be a share above 0 and at most 50%%, such as 1%% or "
                          "0.01, and is %s",
                          share);
    }
    free(text);
    free(json);
    return good;
}

static bool gate_prepare(struct fnd_compile *compile, const struct fnd_node *node,
                         struct fnd_human *human)
{
    const struct fnd_node *minimum = fnd_node_member(node, "minimum");
    char *json = fnd_compile_constant(compile, node);
    if (json == NULL) {
        return false;
    }
    const struct fnd_json gate = {json, strlen(json)};
    int64_t least = NOVELTY_MINIMUM;
    bool good = true;
    human->novelty = fnd_json_strdup(fnd_json_member(gate, "by"));
    if (human->novelty == NULL || human->novelty[0] == '\0' ||
        !fnd_json_pointer_valid(human->novelty)) {
        fnd_compile_error(compile, node, "bad_pointer",
                          "`gate` needs `by`, a JSON pointer to a value such as /supplier_name; "
                          "%s is none",
                          human->novelty != NULL ? human->novelty : "nothing");
        good = false;
    }
    if (minimum != NULL &&
        (!fnd_json_integer(fnd_json_member(gate, "minimum"), &least) || least < 1)) {
        fnd_compile_error(compile, minimum, "bad_minimum",
                          "`minimum` must be a number of documents, 1 or more");
        good = false;
    }
    human->novelty_minimum = (uint64_t)least;
    free(json);
    return good;
}

bool fnd_prove_prepare(struct fnd_compile *compile, const struct fnd_node *with,
                       struct fnd_human *human)
{
    const struct fnd_node *target = fnd_node_member(with, "target_error");
    const struct fnd_node *per = fnd_node_member(with, "per");
    const struct fnd_node *gate = fnd_node_member(with, "gate");
    bool good = target == NULL || target_prepare(compile, target, human);
    if (per != NULL && target == NULL) {
        fnd_compile_error(compile, per, "needs_target",
                          "`per` says what `target_error` counts; say `target_error: 1%%` too, or "
                          "leave it out");
        good = false;
    }
    human->per_document = per != NULL && per->text != NULL && strcmp(per->text, "document") == 0;
    good = (gate == NULL || gate_prepare(compile, gate, human)) && good;
    if (human->target > 0 && fnd_node_member(with, "audit") == NULL) {
        human->audit = AUDIT_WITH_TARGET;
    } else if (human->target > 0 && !(human->audit > 0)) {
        fnd_compile_error(
            compile, fnd_node_member(with, "audit"), "needs_audit",
            "with `target_error` some documents must go on being checked, else nobody "
            "would see it fail: say `audit: 2%%`, or leave `audit` out for that");
        good = false;
    }
    return good;
}

double fnd_human_target(const struct fnd_phase *phase, bool *per_document)
{
    const struct fnd_human *human = phase->kind == fnd_kind_human() ? phase->prepared : NULL;
    if (human != NULL && per_document != NULL) {
        *per_document = human->per_document;
    }
    return human != NULL ? human->target : 0;
}
