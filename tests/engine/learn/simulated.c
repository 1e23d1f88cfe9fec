/* SPDX-License-Identifier: MIT */
#include "simulated.h"

double uniform(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (double)((*state * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

void model_make(struct model *model, double target, size_t fields, uint64_t *state)
{
    static const double levels[LEVELS] = {0.9997, 0.9985, 0.996, 0.992, 0.985, 0.975,
                                          0.955,  0.92,   0.86,  0.77,  0.62,  0.3};
    double sum = 0;
    /* The error grows as confidence falls, from far below the target to far above, whatever the
     * confidences say: some models are cautious, most are far too sure. */
    const double lowest = target * (0.02 + 0.9 * uniform(state));
    const double growth = 1.05 + uniform(state);
    model->together = (double)(int)(uniform(state) * 4) / 4; /* 0, ¼, ½, ¾ */
    model->documents = 100 + (size_t)(uniform(state) * 500);
    model->fields = fields;
    model->state = state;
    for (size_t i = 0; i < LEVELS; i++) {
        model->confidence[i] = levels[i];
        model->share[i] = 0.05 + uniform(state);
        model->wrong[i] = i == 0 ? lowest : model->wrong[i - 1] * growth;
        model->wrong[i] = model->wrong[i] > 0.9 ? 0.9 : model->wrong[i];
        sum += model->share[i];
    }
    for (size_t i = 0; i < LEVELS; i++) {
        model->share[i] /= sum;
    }
}

static size_t level_drawn(const struct model *model)
{
    double at = uniform(model->state);
    size_t level = 0;
    while (level + 1 < LEVELS && at >= model->share[level]) {
        at -= model->share[level++];
    }
    return level;
}

void model_draw(const struct model *model, size_t documents, struct fnd_check *checks)
{
    for (size_t d = 0; d < documents; d++) {
        const bool joint = uniform(model->state) < model->together;
        const double throw = uniform(model->state);
        for (size_t f = 0; f < model->fields; f++) {
            const size_t level = level_drawn(model);
            const double own = uniform(model->state);
            struct fnd_check *check = &checks[d * model->fields + f];
            check->document = d;
            check->field = (uint32_t)f;
            check->confidence = model->confidence[level];
            check->right = (joint ? throw : own) >= model->wrong[level];
        }
    }
}

double error_of(const struct model *model, double threshold)
{
    double wrong = 0, accepted = 0;
    for (size_t i = 0; i < LEVELS && model->confidence[i] >= threshold; i++) {
        wrong += model->share[i] * model->wrong[i];
        accepted += model->share[i];
    }
    return accepted > 0 ? wrong / accepted : 0;
}

double document_error_of(const struct model *model, double threshold)
{
    const double each = error_of(model, threshold);
    double all_right_alone = 1, accepted = 0, joint = 0;
    for (size_t f = 0; f < model->fields; f++) {
        all_right_alone *= 1 - each;
    }
    for (size_t i = 0; i < LEVELS && model->confidence[i] >= threshold; i++) {
        accepted += model->share[i];
    }
    /* One throw: wrong if it lies below the highest of the levels' rates that were drawn. */
    double below = 0;
    for (size_t i = 0; i < LEVELS && model->confidence[i] >= threshold; i++) {
        double up_to = below + model->share[i] / accepted, power = 1, before = 1;
        for (size_t f = 0; f < model->fields; f++) {
            power *= up_to;
            before *= below;
        }
        joint += (power - before) * model->wrong[i];
        below = up_to;
    }
    return model->together * joint + (1 - model->together) * (1 - all_right_alone);
}

void model_edge(struct model *model, double target, double together, bool one_level)
{
    for (size_t i = 0; i < LEVELS; i++) {
        model->wrong[i] = target * 1.02;
        model->share[i] = one_level ? i == 4 : model->share[i];
    }
    model->together = together;
    model->documents = 300;
}
