/* SPDX-License-Identifier: MIT */
/* All proposals of a picture, measured; and the poles a model, or the rules, find among them. */
#ifndef POLE_SCENE_H
#define POLE_SCENE_H

#include "model.h"
#include "traits.h"

struct Pix;

enum { DETECTIONS_MAX = 16 };

/* One proposal, with all that training and finding need of it. */
struct proposal {
    struct shaft shaft;
    struct arms arms;
    struct measures measures;
    struct traits traits;
};

struct scene {
    double width, height; /* of the displayed picture */
    double scale;
    struct field field; /* of which only the sizes stay after scene_make() */
    struct proposal *proposals;
    size_t count, own; /* own: without those of `extra`, which stand behind them */
};

/** Propose. Boxes in `extra` (of the displayed picture) are proposed as well, behind the others,
 *  where `extra_count` > 0: what a person drew. 0, or -1 without memory. */
int scene_make(struct scene *scene, struct Pix *pix, const struct box *extra, size_t extra_count);
void scene_finish(struct scene *scene);

/** The box of a proposal in pixels of the displayed picture. */
struct box scene_box(const struct scene *scene, const struct proposal *proposal, double reach);

struct detection {
    struct box box; /* of the displayed picture, inside it */
    size_t proposal;
    double score; /* log-odds of the proposal */
    double reach; /* index of the half width, between the steps */
    double reach_score;
    double inputs[STACK_INPUTS]; /* of the stack */
    double confidence;
};

struct found {
    struct detection items[DETECTIONS_MAX];
    size_t count; /* by confidence, highest first */
};

/** Find poles by a model; by rules where `model` is NULL. 0, or -1 without memory. */
int scene_find(const struct scene *scene, const struct model *model, struct found *found);
/** How many are at least as likely as `keep`. */
size_t found_kept(const struct found *found, double keep);
/** Numbers that tell whether a pole was missed, given that what is below `keep` is dropped. */
void missed_inputs(const struct scene *scene, const struct found *found, double keep,
                   double inputs[STACK_INPUTS]);
/** How likely it is that no pole was missed. */
double scene_complete(const struct scene *scene, const struct model *model,
                      const struct found *found, double keep);
/** What a few numbers about a proposal and its reach are for struct shift. */
void shift_inputs(const struct proposal *proposal, double reach, double inputs[SHIFT_INPUTS]);
/** The box as people draw it: its sides moved as a model learnt. */
struct box shift_box(const struct scene *scene, const struct model *model,
                     const struct proposal *proposal, double reach);

#endif
