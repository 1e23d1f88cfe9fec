/* SPDX-License-Identifier: MIT */
/* The curve for people and programs. */
#include "learn/curve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "learn/binomial.h"
#include "learn/curve_internal.h"
#include "learn/threshold.h"

/* Both ends at 97.5 %: the truth lies between them with 95 %. */
static const double end_level = 0.975;

void fnd_curve_finish(struct fnd_curve *curve)
{
    for (size_t i = 0; i < curve->versions_count; i++) {
        struct fnd_curve_version *version = &curve->versions[i];
        for (size_t d = 0; d < version->days_count; d++) {
            fnd_curve_counts_finish(&version->days[d].counts);
        }
        fnd_curve_counts_finish(&version->all);
        free(version->days);
        free(version->pipeline);
        free(version->phase);
        free(version->version);
    }
    free(curve->versions);
    const struct fnd_curve empty = {0};
    *curve = empty;
}

static double per_hundred(int64_t count, int64_t documents)
{
    return documents > 0 ? (double)count * 100 / (double)documents : 0;
}

static double share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

void fnd_curve_day_append(int64_t day, struct fnd_text *text)
{
    const time_t seconds = (time_t)(day * 86400);
    struct tm when;
    char date[16] = "";
    if (gmtime_r(&seconds, &when) != NULL) {
        (void)strftime(date, sizeof date, "%Y-%m-%d", &when);
    }
    fnd_text_append_z(text, date);
}

/* --- for people --------------------------------------------------------------------------------
 */

static void error_append(const struct fnd_curve_counts *counts, struct fnd_text *cell)
{
    if (counts->checked == 0) {
        fnd_text_append_z(cell, "not checked");
        return;
    }
    const double wrong = (double)counts->wrong, checked = (double)counts->checked;
    fnd_percent_append(wrong / checked, cell);
    fnd_text_append_z(cell, " (");
    fnd_percent_append(fnd_error_bound_lower(wrong, checked, end_level), cell);
    fnd_text_append_z(cell, " to ");
    fnd_percent_append(fnd_error_bound(wrong, checked, end_level), cell);
    fnd_text_append_byte(cell, ')');
}

static void counts_line(const char *first, const struct fnd_curve_counts *counts,
                        struct fnd_text *text)
{
    struct fnd_text passed = {0}, error = {0}, recall = {0};
    fnd_percent_append(share(counts->unasked, counts->documents), &passed);
    error_append(counts, &error);
    if (counts->objects > 0) {
        fnd_percent_append(share(counts->found, counts->objects), &recall);
    }
    fnd_text_printf(text, "  %-18s %9" PRId64 " %9s %12.1f %12.0f  %-26s %s\n", first,
                    counts->documents, fnd_text_z(&passed),
                    per_hundred(counts->flagged, counts->documents),
                    per_hundred(counts->seconds_ms, counts->documents) / 1000, fnd_text_z(&error),
                    counts->objects > 0 ? fnd_text_z(&recall) : "-");
    fnd_text_finish(&passed);
    fnd_text_finish(&error);
    fnd_text_finish(&recall);
}

/* "found: pole 71.4 % (29 % to 96.3 %), 5 of 7". What was missed is to what there is as what is
 * wrong is to what was checked. */
static void label_line(const struct fnd_curve_label *label, bool first, struct fnd_text *text)
{
    const double objects = (double)label->objects, missed = (double)(label->objects - label->found);
    fnd_text_printf(text, "  %s", first ? "found: " : "       ");
    fnd_text_append_visible(text, label->label, strlen(label->label));
    fnd_text_append_byte(text, ' ');
    fnd_percent_append(share(label->found, label->objects), text);
    fnd_text_append_z(text, " (");
    fnd_percent_append(1 - fnd_error_bound(missed, objects, end_level), text);
    fnd_text_append_z(text, " to ");
    fnd_percent_append(1 - fnd_error_bound_lower(missed, objects, end_level), text);
    fnd_text_printf(text, "), %" PRId64 " of %" PRId64 "\n", label->found, label->objects);
}

static void version_text(const struct fnd_curve_version *version, struct fnd_text *text)
{
    fnd_text_append_z(text, "version ");
    fnd_text_append_visible(text, version->version, strlen(version->version));
    if (!(version->target > 0)) {
        fnd_text_append_z(text, ": unproven, as no target_error is set\n");
    } else {
        fnd_text_append_z(text, ": target ");
        fnd_percent_append(version->target, text);
        fnd_text_append_z(text, version->per_document ? " per document, " : " per field, ");
        if (version->proven) {
            fnd_text_append_z(text, "proven at most ");
            fnd_percent_append(version->bound, text);
            fnd_text_append_z(text, " from a confidence of ");
            fnd_percent_append(version->threshold, text);
            fnd_text_append_z(text, " on\n");
        } else {
            fnd_text_printf(text, "unproven: %" PRId64 " more clean checks\n", version->missing);
        }
    }
    for (size_t i = 0; i < version->days_count; i++) {
        struct fnd_text day = {0};
        fnd_curve_day_append(version->days[i].day, &day);
        counts_line(fnd_text_z(&day), &version->days[i].counts, text);
        fnd_text_finish(&day);
    }
    if (version->days_count > 1) {
        counts_line("all days", &version->all, text);
    }
    for (size_t i = 0; i < version->all.labels_count; i++) {
        label_line(&version->all.labels[i], i == 0, text);
    }
    for (size_t i = 0; i < version->all.fields_count; i++) {
        const struct fnd_curve_field *field = &version->all.fields[i];
        fnd_text_printf(text, "  %s", i == 0 ? "corrected: " : "           ");
        fnd_text_append_visible(text, field->field, strlen(field->field));
        fnd_text_printf(text, " %" PRId64 "\n", field->corrected);
    }
}

void fnd_curve_text(const struct fnd_curve *curve, struct fnd_text *text)
{
    const struct fnd_curve_version *last = NULL;
    for (size_t i = 0; i < curve->versions_count; i++) {
        const struct fnd_curve_version *version = &curve->versions[i];
        if (last == NULL || strcmp(last->pipeline, version->pipeline) != 0 ||
            strcmp(last->phase, version->phase) != 0) {
            fnd_text_append_z(text, i > 0 ? "\n" : "");
            fnd_text_append_visible(text, version->pipeline, strlen(version->pipeline));
            fnd_text_append_z(text, ", ");
            fnd_text_append_visible(text, version->phase, strlen(version->phase));
            fnd_text_printf(text, "\n  %-18s %9s %9s %12s %12s  %-26s %s\n", "day (UTC)",
                            "documents", "unasked", "flagged/100", "seconds/100",
                            "wrong of checked (95 %)", "found");
        }
        version_text(version, text);
        last = version;
    }
    if (curve->versions_count > 0) {
        fnd_text_append_byte(text, '\n');
    }
    fnd_curve_sentences(curve, text);
}

/* The version that the gate had before this one, or NULL. */
static const struct fnd_curve_version *before(const struct fnd_curve *curve, size_t at)
{
    const struct fnd_curve_version *version = &curve->versions[at];
    while (at-- > 0) {
        if (strcmp(curve->versions[at].pipeline, version->pipeline) == 0 &&
            strcmp(curve->versions[at].phase, version->phase) == 0) {
            return &curve->versions[at];
        }
    }
    return NULL;
}

static bool is_last(const struct fnd_curve *curve, size_t at)
{
    for (size_t i = at + 1; i < curve->versions_count; i++) {
        if (before(curve, i) == &curve->versions[at]) {
            return false;
        }
    }
    return true;
}

static void sentence(const struct fnd_curve_version *version, const struct fnd_curve_version *old,
                     struct fnd_text *text)
{
    const struct fnd_curve_counts *now = &version->all;
    const double flagged = per_hundred(now->flagged, now->documents);
    fnd_text_append_visible(text, version->pipeline, strlen(version->pipeline));
    fnd_text_append_z(text, ": ");
    if (old == NULL) {
        fnd_text_printf(text,
                        "with the first version people are asked about %.1f values in 100 "
                        "documents; there is nothing to compare it with yet",
                        flagged);
    } else {
        const double was = per_hundred(old->all.flagged, old->all.documents);
        fnd_text_printf(
            text,
            flagged < was ? "people are asked less: about %.1f values in 100 documents, %.1f with "
                            "the version before"
                          : "it does not get better: people are asked about %.1f values in 100 "
                            "documents, %.1f with the version before",
            flagged, was);
    }
    if (!version->proven) {
        fnd_text_append_z(text, "; unproven: how often what nobody was asked about is wrong is not "
                                "shown to meet a target");
    }
    if (now->objects > now->found) {
        fnd_text_printf(text, "; %" PRId64 " of %" PRId64 " objects were not found by the model",
                        now->objects - now->found, now->objects);
    }
    fnd_text_append_z(text, ".\n");
}

void fnd_curve_sentences(const struct fnd_curve *curve, struct fnd_text *text)
{
    if (curve->versions_count == 0) {
        fnd_text_append_z(text,
                          "No document has come to a human phase yet, so there is no curve.\n");
    }
    for (size_t i = 0; i < curve->versions_count; i++) {
        if (is_last(curve, i)) {
            sentence(&curve->versions[i], before(curve, i), text);
        }
    }
}

/* --- for programs ------------------------------------------------------------------------------
 */

static void label_json(const struct fnd_curve_label *label, struct fnd_text *json)
{
    const double objects = (double)label->objects, missed = (double)(label->objects - label->found);
    fnd_text_append_json_z(json, label->label);
    fnd_text_printf(json,
                    ":{\"objects\":%" PRId64 ",\"found\":%" PRId64
                    ",\"rate\":%.6g,\"low\":%.6g,\"high\":%.6g}",
                    label->objects, label->found, share(label->found, label->objects),
                    1 - fnd_error_bound(missed, objects, end_level),
                    1 - fnd_error_bound_lower(missed, objects, end_level));
}

static void counts_json(const struct fnd_curve_counts *counts, struct fnd_text *json)
{
    const double wrong = (double)counts->wrong, checked = (double)counts->checked;
    fnd_text_printf(
        json,
        "\"documents\":%" PRId64 ",\"unasked\":%" PRId64 ",\"flagged\":%" PRId64
        ",\"answered\":%" PRId64 ",\"seconds\":%" PRId64 ".%03d,\"unasked_share\":%.6g,"
        "\"flagged_per_100\":%.6g,\"seconds_per_100\":%.6g,\"checked\":%" PRId64
        ",\"wrong\":%" PRId64,
        counts->documents, counts->unasked, counts->flagged, counts->answered,
        counts->seconds_ms / 1000, (int)(counts->seconds_ms % 1000),
        share(counts->unasked, counts->documents), per_hundred(counts->flagged, counts->documents),
        per_hundred(counts->seconds_ms, counts->documents) / 1000, counts->checked, counts->wrong);
    if (counts->checked > 0) {
        fnd_text_printf(json, ",\"error\":{\"rate\":%.6g,\"low\":%.6g,\"high\":%.6g}",
                        wrong / checked, fnd_error_bound_lower(wrong, checked, end_level),
                        fnd_error_bound(wrong, checked, end_level));
    } else {
        fnd_text_append_z(json, ",\"error\":null");
    }
    fnd_text_printf(json, ",\"objects\":%" PRId64 ",\"found\":%" PRId64 ",\"recall\":{",
                    counts->objects, counts->found);
    for (size_t i = 0; i < counts->labels_count; i++) {
        fnd_text_append_z(json, i > 0 ? "," : "");
        label_json(&counts->labels[i], json);
    }
    fnd_text_append_z(json, "},\"corrected\":{");
    for (size_t i = 0; i < counts->fields_count; i++) {
        fnd_text_append_z(json, i > 0 ? "," : "");
        fnd_text_append_json_z(json, counts->fields[i].field);
        fnd_text_printf(json, ":%" PRId64, counts->fields[i].corrected);
    }
    fnd_text_append_byte(json, '}');
}

static void version_json(const struct fnd_curve_version *version, struct fnd_text *json)
{
    fnd_text_append_z(json, "{\"pipeline\":");
    fnd_text_append_json_z(json, version->pipeline);
    fnd_text_append_z(json, ",\"phase\":");
    fnd_text_append_json_z(json, version->phase);
    fnd_text_append_z(json, ",\"version\":");
    fnd_text_append_json_z(json, version->version);
    if (version->target > 0) {
        fnd_text_printf(json,
                        ",\"proof\":{\"target\":%.6g,\"per\":\"%s\",\"proven\":%s,"
                        "\"threshold\":%.6g,\"bound\":%.6g,\"missing\":%" PRId64 "}",
                        version->target, version->per_document ? "document" : "field",
                        version->proven ? "true" : "false", version->threshold, version->bound,
                        version->missing);
    } else {
        fnd_text_append_z(json, ",\"proof\":null");
    }
    fnd_text_append_z(json, ",\"all\":{");
    counts_json(&version->all, json);
    fnd_text_append_z(json, "},\"days\":[");
    for (size_t i = 0; i < version->days_count; i++) {
        fnd_text_append_z(json, i > 0 ? ",{\"day\":\"" : "{\"day\":\"");
        fnd_curve_day_append(version->days[i].day, json);
        fnd_text_append_z(json, "\",");
        counts_json(&version->days[i].counts, json);
        fnd_text_append_byte(json, '}');
    }
    fnd_text_append_z(json, "]}");
}

void fnd_curve_json(const struct fnd_curve *curve, struct fnd_text *json)
{
    struct fnd_text sentences = {0};
    size_t count = 0;
    fnd_text_append_z(json, "{\"versions\":[");
    for (size_t i = 0; i < curve->versions_count; i++) {
        fnd_text_append_z(json, i > 0 ? "," : "");
        version_json(&curve->versions[i], json);
    }
    fnd_text_append_z(json, "],\"sentences\":[");
    fnd_curve_sentences(curve, &sentences);
    for (const char *at = fnd_text_z(&sentences); *at != '\0';) {
        const size_t size = strcspn(at, "\n");
        fnd_text_append_z(json, count++ > 0 ? "," : "");
        fnd_text_append_json(json, at, size);
        at += size + (at[size] == '\n');
    }
    fnd_text_append_z(json, "]}");
    fnd_text_finish(&sentences);
}
