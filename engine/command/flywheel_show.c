/* SPDX-License-Identifier: MIT */
/* What a flywheel tells on a terminal of 80 columns. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "command/flywheel.h"
#include "command/output.h"

enum { BAR = 50 };

static double per_hundred(int64_t count, size_t documents)
{
    return documents > 0 ? 100.0 * (double)count / (double)documents : 0;
}

static void silent_text(const struct flywheel_round *round, struct fnd_text *text)
{
    if (round->accepted == 0) {
        fnd_text_append_z(text, "all was asked");
        return;
    }
    fnd_text_printf(text, "%" PRId64 " of %" PRId64 " (%.2f %%, at most %.2f %%)", round->silent,
                    round->accepted, 100.0 * (double)round->silent / (double)round->accepted,
                    100.0 * flywheel_bound(round->silent, round->accepted));
}

static void proof_text(const struct flywheel *flywheel, const struct flywheel_round *round,
                       struct fnd_text *text)
{
    if (flywheel->target_share <= 0) {
        fnd_text_append_z(text, "no target");
    } else if (round->proven) {
        fnd_text_printf(text, "proven, asked below %.3f", round->threshold);
    } else {
        fnd_text_append_z(text, "unproven");
        if (round->missing > 0) {
            fnd_text_printf(text, ", %" PRId64 " more checks", round->missing);
        }
    }
}

static void round_json(const struct flywheel *flywheel, size_t index)
{
    const struct flywheel_round *round = &flywheel->round[index];
    static const char *const took_names[] = {NULL, "held", "test", "hand"};
    struct fnd_text json = {0};
    fnd_text_printf(
        &json,
        "{\"type\":\"round\",\"round\":%zu,\"version\":%" PRId64 ",\"documents\":%zu,"
        "\"failed\":%zu,\"handled\":%zu,\"flagged\":%" PRId64 ",\"accepted\":%" PRId64
        ",\"silent_wrong\":%" PRId64 ",\"silent_bound\":%.6g,\"untouched_wrong\":%zu,"
        "\"target\":%.6g,\"proven\":%s,\"threshold\":%.6g,\"missing\":%" PRId64 ",\"seconds\":",
        index + 1, round->version, round->documents, round->failed, round->handled, round->flagged,
        round->accepted, round->silent, flywheel_bound(round->silent, round->accepted),
        round->untouched_wrong, flywheel->target_share, round->proven ? "true" : "false",
        round->threshold, round->missing);
    if (flywheel->me && round->timed > 0) {
        fnd_text_printf(&json, "%.1f,", round->seconds);
    } else {
        fnd_text_append_z(&json, "null,");
    }
    fnd_field(&json, "took", took_names[round->took]);
    fnd_text_append_byte(&json, ',');
    fnd_field(&json, "training", round->training);
    fnd_text_append_z(&json, "}\n");
    fnd_raw(flywheel->app, fnd_text_z(&json), json.size);
    fnd_text_finish(&json);
}

void flywheel_tell(const struct flywheel *flywheel, size_t index)
{
    const struct flywheel_round *round = &flywheel->round[index];
    struct fnd_app *app = flywheel->app;
    struct fnd_text silent = {0}, proof = {0}, reader = {0};
    if (app->json) {
        round_json(flywheel, index);
        fnd_flush(app);
        return;
    }
    silent_text(round, &silent);
    proof_text(flywheel, round, &proof);
    fnd_text_append_z(&reader, "the rules");
    if (round->version > 0) {
        fnd_text_clear(&reader);
        fnd_text_printf(&reader, "version %" PRId64, round->version);
    }
    fnd_line(app, "round %zu of %zu: %zu %s, read by %s; target %s", index + 1, flywheel->rounds,
             round->documents, flywheel->chosen->things, fnd_text_z(&reader), fnd_text_z(&proof));
    fnd_line(app, "  asked    %zu of them, %" PRId64 " %s", round->handled, round->flagged,
             flywheel->chosen->values);
    fnd_line(app, "  unasked  %" PRId64 " %s; wrong: %s", round->accepted, flywheel->chosen->values,
             fnd_text_z(&silent));
    if (flywheel->me && round->timed > 0) { /* a program's seconds say nothing */
        fnd_line(app, "  a person needed %.0f s, %.0f s a hundred %s", round->seconds,
                 100.0 * round->seconds / (double)round->documents, flywheel->chosen->things);
    }
    if (round->failed > 0) {
        fnd_line(app, "  failed   %zu: " FND_PROGRAM " status %s says why", round->failed,
                 flywheel->directory);
    }
    if (round->training != NULL) {
        fnd_line(app, "  learned  %s", round->training);
    }
    fnd_flush(app);
    fnd_text_finish(&silent);
    fnd_text_finish(&proof);
    fnd_text_finish(&reader);
}

/* One curve: a bar a round, the longest as long as the terminal allows. */
static void bars(const struct flywheel *flywheel, const char *title, bool handled)
{
    double most = 0;
    double values[FLYWHEEL_ROUNDS_MAX];
    for (size_t i = 0; i < flywheel->done; i++) {
        const struct flywheel_round *round = &flywheel->round[i];
        values[i] =
            per_hundred(handled ? (int64_t)round->handled : round->flagged, round->documents);
        most = values[i] > most ? values[i] : most;
    }
    fnd_line(flywheel->app, "%s", "");
    fnd_line(flywheel->app, "%s per 100 %s", title, flywheel->chosen->things);
    for (size_t i = 0; i < flywheel->done; i++) {
        const struct flywheel_round *round = &flywheel->round[i];
        char bar[BAR + 1];
        const size_t size = most > 0 ? (size_t)(values[i] / most * BAR + 0.5) : 0;
        memset(bar, round->proven ? '#' : '.', size);
        bar[size] = '\0';
        fnd_line(flywheel->app, "  round %-3zu%7.0f |%s", i + 1, values[i], bar);
    }
}

/* Who put versions to work. */
static void promotions_text(const struct flywheel *flywheel, struct fnd_text *text)
{
    size_t took[FLYWHEEL_BY_HAND + 1] = {0};
    for (size_t i = 0; i < flywheel->done; i++) {
        took[flywheel->round[i].took]++;
    }
    const size_t all = took[FLYWHEEL_BY_TEST] + took[FLYWHEEL_BY_HAND] + took[FLYWHEEL_HELD];
    if (all > 0) {
        fnd_text_printf(
            text,
            "Versions learned: %zu; promoted by the sign test: %zu, by hand: %zu; held: "
            "%zu.\n",
            all, took[FLYWHEEL_BY_TEST], took[FLYWHEEL_BY_HAND], took[FLYWHEEL_HELD]);
    }
}

void flywheel_verdict(const struct flywheel *flywheel, struct fnd_text *text)
{
    promotions_text(flywheel, text);
    int64_t silent = 0, accepted = 0;
    size_t untouched_wrong = 0, untouched = 0;
    bool proven = false;
    for (size_t i = 0; i < flywheel->done; i++) {
        const struct flywheel_round *round = &flywheel->round[i];
        silent += round->silent;
        accepted += round->accepted;
        untouched_wrong += round->untouched_wrong;
        untouched += round->documents - round->failed - round->handled;
        proven = proven || round->proven;
    }
    if (flywheel->target_share > 0) {
        fnd_text_printf(
            text, "Target: at most %.4g %% of %s that nobody was asked about are wrong, ",
            100 * flywheel->target_share,
            flywheel->per_document ? flywheel->chosen->things : flywheel->chosen->values);
        fnd_text_append_z(text, proven ? "proven from corrections with 95 % confidence before "
                                         "anything went unasked.\n"
                                       : "unproven: nothing but what detectors and the gate leave "
                                         "out went unasked.\n");
    }
    if (accepted == 0) {
        fnd_text_append_z(text, "Beside the truth: everything was asked, so nothing can be "
                                "silently wrong.\n");
        return;
    }
    const double share = (double)silent / (double)accepted;
    fnd_text_printf(text,
                    "Beside the truth, which only this demo knows: %" PRId64 " of %" PRId64
                    " unasked %s were wrong, %.2f %% (at most %.2f %%, 95 %%); %zu of %zu "
                    "untouched %s held one.",
                    silent, accepted, flywheel->chosen->values, 100 * share,
                    100 * flywheel_bound(silent, accepted), untouched_wrong, untouched,
                    flywheel->chosen->things);
    if (flywheel->target_share > 0 && !flywheel->per_document) {
        fnd_text_printf(text, " The target was %s.\n",
                        share <= flywheel->target_share ? "kept" : "missed");
    } else {
        fnd_text_append_z(text, "\n");
    }
}

void flywheel_report(const struct flywheel *flywheel, const char *page)
{
    struct fnd_app *app = flywheel->app;
    struct fnd_text verdict = {0}, json = {0};
    const struct flywheel_round *first = &flywheel->round[0];
    const struct flywheel_round *last = &flywheel->round[flywheel->done - 1];
    flywheel_verdict(flywheel, &verdict);
    if (app->json) {
        fnd_text_printf(&json, "{\"type\":\"end\",\"rounds\":%zu,\"seed\":%" PRIu64 ",",
                        flywheel->done, flywheel->seed);
        fnd_field(&json, "directory", flywheel->directory);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "page", page);
        fnd_text_append_byte(&json, ',');
        fnd_field(&json, "verdict", fnd_text_z(&verdict));
        fnd_text_append_z(&json, "}\n");
        fnd_raw(app, fnd_text_z(&json), json.size);
    } else {
        fnd_text_printf(&json, "%s a person was asked about,", flywheel->chosen->values);
        bars(flywheel, fnd_text_z(&json), false);
        bars(flywheel, "documents a person had to open,", true);
        fnd_line(app, "%s", "  # the target was proven   . unproven: all is asked until it is");
        fnd_line(app, "%s", "");
        if (flywheel->done > 1 && last->flagged * (int64_t)first->documents >=
                                      first->flagged * (int64_t)last->documents) {
            fnd_line(app, "%s", "People were not asked less in the last round than in the first.");
        }
        fnd_lines(app, fnd_text_z(&verdict));
        fnd_line(app, "the curve to look at: %s", page);
        fnd_next(app, "next: " FND_PROGRAM " models curve %s counts it again from the record",
                 flywheel->directory);
    }
    fnd_flush(app);
    fnd_text_finish(&verdict);
    fnd_text_finish(&json);
}
