/* SPDX-License-Identifier: MIT */
/* Two counts of one curve, figure by figure. */
#include <inttypes.h>
#include <string.h>

#include "learn/curve_internal.h"

struct comparing {
    void (*flaw)(const char *sentence, void *context);
    void *context;
    struct fnd_curve_checked *checked;
    const struct fnd_curve_version *version; /* which is compared */
    int64_t day;
};

/* One figure; `of` names a field or a label, "" for none. */
static void figure(const struct comparing *comparing, const char *name, const char *of,
                   int64_t shown, int64_t counted)
{
    comparing->checked->figures++;
    if (shown == counted) {
        return;
    }
    const struct fnd_curve_version *version = comparing->version;
    struct fnd_text text = {0};
    fnd_text_append_z(&text, "curve of ");
    fnd_text_append_visible(&text, version->pipeline, strlen(version->pipeline));
    fnd_text_append_z(&text, ", ");
    fnd_text_append_visible(&text, version->phase, strlen(version->phase));
    fnd_text_append_z(&text, ", version ");
    fnd_text_append_visible(&text, version->version, strlen(version->version));
    fnd_text_append_z(&text, ", ");
    fnd_curve_day_append(comparing->day, &text);
    fnd_text_printf(&text, ": %s", name);
    if (of[0] != '\0') {
        fnd_text_append_byte(&text, ' ');
        fnd_text_append_visible(&text, of, strlen(of));
    }
    fnd_text_printf(&text,
                    " is %" PRId64 " by the tables and %" PRId64
                    " counted again from the log; restore a backup",
                    shown, counted);
    comparing->checked->flaws++;
    comparing->flaw(fnd_text_z(&text), comparing->context);
    fnd_text_finish(&text);
}

static int64_t corrected(const struct fnd_curve_counts *counts, const char *field)
{
    for (size_t i = 0; i < counts->fields_count; i++) {
        if (strcmp(counts->fields[i].field, field) == 0) {
            return counts->fields[i].corrected;
        }
    }
    return 0;
}

static struct fnd_curve_label label_of(const struct fnd_curve_counts *counts, const char *label)
{
    for (size_t i = 0; i < counts->labels_count; i++) {
        if (strcmp(counts->labels[i].label, label) == 0) {
            return counts->labels[i];
        }
    }
    return (struct fnd_curve_label){.objects = 0};
}

static void fields_compare(const struct comparing *comparing, const struct fnd_curve_counts *shown,
                           const struct fnd_curve_counts *counted)
{
    for (size_t i = 0; i < shown->fields_count; i++) {
        const char *field = shown->fields[i].field;
        figure(comparing, "corrected", field, shown->fields[i].corrected,
               corrected(counted, field));
    }
    for (size_t i = 0; i < counted->fields_count; i++) {
        const char *field = counted->fields[i].field;
        if (corrected(shown, field) == 0) {
            figure(comparing, "corrected", field, 0, counted->fields[i].corrected);
        }
    }
    for (size_t i = 0; i < shown->labels_count; i++) {
        const struct fnd_curve_label *label = &shown->labels[i];
        const struct fnd_curve_label other = label_of(counted, label->label);
        figure(comparing, "objects of label", label->label, label->objects, other.objects);
        figure(comparing, "found of label", label->label, label->found, other.found);
    }
    for (size_t i = 0; i < counted->labels_count; i++) {
        const struct fnd_curve_label *label = &counted->labels[i];
        if (label_of(shown, label->label).objects == 0) {
            figure(comparing, "objects of label", label->label, 0, label->objects);
            figure(comparing, "found of label", label->label, 0, label->found);
        }
    }
}

static void counts_compare(const struct comparing *comparing, const struct fnd_curve_counts *shown,
                           const struct fnd_curve_counts *counted)
{
    const struct {
        const char *name;
        int64_t shown, counted;
    } figures[] = {
        {"documents", shown->documents, counted->documents},
        {"unasked", shown->unasked, counted->unasked},
        {"flagged", shown->flagged, counted->flagged},
        {"answered", shown->answered, counted->answered},
        {"milliseconds of people", shown->seconds_ms, counted->seconds_ms},
        {"checked", shown->checked, counted->checked},
        {"wrong", shown->wrong, counted->wrong},
        {"objects", shown->objects, counted->objects},
        {"found", shown->found, counted->found},
    };
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        figure(comparing, figures[i].name, "", figures[i].shown, figures[i].counted);
    }
    fields_compare(comparing, shown, counted);
}

static const struct fnd_curve_version *version_find(const struct fnd_curve *curve,
                                                    const struct fnd_curve_version *like)
{
    for (size_t i = 0; i < curve->versions_count; i++) {
        const struct fnd_curve_version *version = &curve->versions[i];
        if (strcmp(version->pipeline, like->pipeline) == 0 &&
            strcmp(version->phase, like->phase) == 0 &&
            strcmp(version->version, like->version) == 0) {
            return version;
        }
    }
    return NULL;
}

static const struct fnd_curve_counts *day_find(const struct fnd_curve_version *version, int64_t day)
{
    for (size_t i = 0; version != NULL && i < version->days_count; i++) {
        if (version->days[i].day == day) {
            return &version->days[i].counts;
        }
    }
    return NULL;
}

void fnd_curve_compare(const struct fnd_curve *shown, const struct fnd_curve *counted,
                       void (*flaw)(const char *sentence, void *context), void *context,
                       struct fnd_curve_checked *checked)
{
    static const struct fnd_curve_counts none;
    struct comparing comparing = {.flaw = flaw, .context = context, .checked = checked};
    for (size_t i = 0; i < shown->versions_count; i++) {
        comparing.version = &shown->versions[i];
        const struct fnd_curve_version *other = version_find(counted, comparing.version);
        checked->versions++;
        for (size_t d = 0; d < comparing.version->days_count; d++) {
            comparing.day = comparing.version->days[d].day;
            const struct fnd_curve_counts *day = day_find(other, comparing.day);
            counts_compare(&comparing, &comparing.version->days[d].counts,
                           day != NULL ? day : &none);
        }
    }
    for (size_t i = 0; i < counted->versions_count; i++) {
        comparing.version = &counted->versions[i];
        const struct fnd_curve_version *other = version_find(shown, comparing.version);
        checked->versions += other == NULL;
        for (size_t d = 0; d < comparing.version->days_count; d++) {
            comparing.day = comparing.version->days[d].day;
            if (day_find(other, comparing.day) == NULL) {
                counts_compare(&comparing, &none, &comparing.version->days[d].counts);
            }
        }
    }
}
