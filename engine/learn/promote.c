/* SPDX-License-Identifier: MIT */
#include "learn/promote.h"

#include <inttypes.h>
#include <stdlib.h>

#include "learn/binomial.h"

/* The field whose doubt is the strongest, if any is strong enough. */
static void field_worst(const struct fnd_pairs_field *fields, size_t count,
                        struct fnd_promotion *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct fnd_pairs *pairs = &fields[i].pairs;
        if (pairs->worse <= pairs->better) {
            continue;
        }
        const double p = fnd_sign_test(pairs->worse, pairs->better);
        if (p <= FND_PROMOTION_DOUBT * out->alpha && (out->field == NULL || p < out->field_p)) {
            out->field = fields[i].field;
            out->field_pairs = *pairs;
            out->field_p = p;
        }
    }
}

void fnd_promotion_judge(const struct fnd_pairs *all, const struct fnd_pairs_field *fields,
                         size_t count, uint64_t minimum, double alpha, struct fnd_promotion *out)
{
    const struct fnd_promotion begin = {.pairs = *all, .minimum = minimum, .alpha = alpha};
    *out = begin;
    out->p = fnd_sign_test(all->better, all->worse);
    field_worst(fields, count, out);
    if (all->better + all->worse + all->equal < minimum) {
        out->end = FND_PROMOTION_HOLD_FEW;
    } else if (out->p > alpha) {
        out->end = FND_PROMOTION_HOLD_CHANCE;
    } else {
        out->end = out->field != NULL ? FND_PROMOTION_HOLD_FIELD : FND_PROMOTION_PROMOTE;
    }
}

void fnd_promotion_decide(uint64_t better, uint64_t worse, uint64_t minimum, double alpha,
                          struct fnd_promotion *out)
{
    const struct fnd_pairs all = {.better = better, .worse = worse};
    fnd_promotion_judge(&all, NULL, 0, minimum, alpha, out);
}

static struct fnd_pairs turned(const struct fnd_pairs *pairs)
{
    const struct fnd_pairs other = {
        .better = pairs->worse, .worse = pairs->better, .equal = pairs->equal};
    return other;
}

void fnd_rollback_judge(const struct fnd_pairs *all, const struct fnd_pairs_field *fields,
                        size_t count, uint64_t minimum, double alpha, struct fnd_promotion *out)
{
    const struct fnd_pairs other = turned(all);
    struct fnd_pairs_field *others = fnd_alloc((count + 1) * sizeof *others);
    for (size_t i = 0; i < count; i++) {
        others[i].field = fields[i].field;
        others[i].pairs = turned(&fields[i].pairs);
    }
    fnd_promotion_judge(&other, others, count, minimum, alpha, out);
    free(others);
}

void fnd_promotion_text(const struct fnd_promotion *promotion, bool rollback, struct fnd_text *text)
{
    const struct fnd_pairs *pairs = &promotion->pairs;
    const uint64_t differ = pairs->better + pairs->worse;
    const uint64_t looked = differ + pairs->equal;
    const char *who = rollback ? "the version before" : "the new version";
    if (promotion->end == FND_PROMOTION_HOLD_FEW) {
        fnd_text_printf(text,
                        "hold: %" PRIu64 " verified pair%s of the %" PRIu64
                        " that a decision needs; %" PRIu64 " more to come",
                        looked, looked == 1 ? "" : "s", promotion->minimum,
                        promotion->minimum - looked);
        return;
    }
    fnd_text_printf(text,
                    "%s: %s was right in %" PRIu64 " of the %" PRIu64
                    " that tell the two apart, p = %.4f, ",
                    promotion->end != FND_PROMOTION_PROMOTE ? "hold"
                    : rollback                              ? "roll back"
                                                            : "promote",
                    who, pairs->better, differ, promotion->p);
    if (promotion->end == FND_PROMOTION_HOLD_CHANCE) {
        fnd_text_printf(text, "which chance alone would do (at most %g proves it)",
                        promotion->alpha);
        return;
    }
    fnd_text_printf(text, "at most %g", promotion->alpha);
    if (promotion->end == FND_PROMOTION_HOLD_FIELD) {
        const struct fnd_pairs *field = &promotion->field_pairs;
        fnd_text_printf(
            text, "; but on %s it was wrong in %" PRIu64 " of %" PRIu64 ", p = %.4f, at most %g",
            promotion->field, field->worse, field->better + field->worse, promotion->field_p,
            FND_PROMOTION_DOUBT * promotion->alpha);
    }
}

void fnd_promotion_json(const struct fnd_promotion *promotion, bool rollback, struct fnd_text *json)
{
    struct fnd_text reason = {0};
    const struct fnd_pairs *pairs = &promotion->pairs;
    fnd_text_printf(json,
                    "{\"decision\":\"%s\",\"better\":%" PRIu64 ",\"worse\":%" PRIu64
                    ",\"equal\":%" PRIu64 ",\"minimum\":%" PRIu64 ",\"alpha\":%g,\"p\":%.6g",
                    promotion->end != FND_PROMOTION_PROMOTE ? "hold"
                    : rollback                              ? "rollback"
                                                            : "promote",
                    pairs->better, pairs->worse, pairs->equal, promotion->minimum, promotion->alpha,
                    promotion->p);
    if (promotion->field != NULL) {
        fnd_text_append_z(json, ",\"field\":{\"field\":");
        fnd_text_append_json_z(json, promotion->field);
        fnd_text_printf(json, ",\"better\":%" PRIu64 ",\"worse\":%" PRIu64 ",\"p\":%.6g}",
                        promotion->field_pairs.better, promotion->field_pairs.worse,
                        promotion->field_p);
    }
    fnd_promotion_text(promotion, rollback, &reason);
    fnd_text_append_z(json, ",\"reason\":");
    fnd_text_append_json(json, reason.bytes, reason.size);
    fnd_text_append_byte(json, '}');
    fnd_text_finish(&reason);
}
