/* SPDX-License-Identifier: MIT */
/* The places of a curve, and what a question and a proof add to them. */
#include <stdlib.h>
#include <string.h>

#include "learn/curve_internal.h"

static const int64_t day_us = INT64_C(86400000000);

struct fnd_curve_version *fnd_curve_version_of(struct fnd_curve *curve,
                                               const struct fnd_curve_gate *gate,
                                               struct fnd_json proof, int64_t event)
{
    char *model = fnd_json_strdup(fnd_json_member(proof, "model"));
    const char *version = model != NULL ? model : gate->version;
    size_t at = 0;
    while (at < curve->versions_count &&
           (strcmp(curve->versions[at].pipeline, gate->pipeline) != 0 ||
            strcmp(curve->versions[at].phase, gate->phase) != 0 ||
            strcmp(curve->versions[at].version, version) != 0)) {
        at++;
    }
    if (at == curve->versions_count) {
        curve->versions = fnd_realloc(curve->versions, at + 1, sizeof *curve->versions);
        memset(&curve->versions[at], 0, sizeof curve->versions[at]);
        curve->versions[at].pipeline = fnd_strdup(gate->pipeline);
        curve->versions[at].phase = fnd_strdup(gate->phase);
        curve->versions[at].version = fnd_strdup(version);
        curve->versions[at].first = event;
        curve->versions_count++;
    }
    free(model);
    return &curve->versions[at];
}

void fnd_curve_proof_note(struct fnd_curve_version *version, struct fnd_json proof)
{
    double number = 0;
    if (!fnd_json_number(fnd_json_member(proof, "target"), &number)) {
        return;
    }
    version->target = number;
    version->per_document = fnd_json_text_is(fnd_json_member(proof, "per"), "document");
    version->proven = false;
    version->missing = 0;
    (void)fnd_json_boolean(fnd_json_member(proof, "proven"), &version->proven);
    (void)fnd_json_number(fnd_json_member(proof, "threshold"), &version->threshold);
    (void)fnd_json_number(fnd_json_member(proof, "bound"), &version->bound);
    (void)fnd_json_integer(fnd_json_member(proof, "missing"), &version->missing);
}

struct fnd_curve_counts *fnd_curve_day_of(struct fnd_curve_version *version, int64_t at_us)
{
    const int64_t day = at_us / day_us;
    size_t at = version->days_count;
    while (at > 0 && version->days[at - 1].day != day) {
        at--;
    }
    if (at > 0) {
        return &version->days[at - 1].counts;
    }
    version->days = fnd_realloc(version->days, version->days_count + 1, sizeof *version->days);
    struct fnd_curve_day *last = &version->days[version->days_count++];
    memset(last, 0, sizeof *last);
    last->day = day;
    return &last->counts;
}

int64_t fnd_curve_flagged(struct fnd_json request, int64_t values)
{
    const struct fnd_json questions = fnd_json_member(request, "questions");
    int64_t places = 0;
    bool whole = false;
    for (struct fnd_json_walk walk = fnd_json_walk(questions); fnd_json_next(&walk);) {
        const bool place = fnd_json_member(walk.value, "pointer").bytes != NULL;
        places += place;
        whole = whole || !place;
    }
    return whole && values > places ? values : places;
}

void fnd_curve_sum(struct fnd_curve *curve)
{
    for (size_t i = 0; i < curve->versions_count; i++) {
        for (size_t d = 0; d < curve->versions[i].days_count; d++) {
            fnd_curve_counts_add(&curve->versions[i].days[d].counts, &curve->versions[i].all);
        }
    }
}
