/* SPDX-License-Identifier: MIT */
/* `choose` of a human phase: of each batch the documents that teach most are asked about, and the
 * others pass as they are. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "review/internal.h"

enum { CHOOSE_COUNT_MAX = 1000000, CHOOSE_DAYS_MAX = 366, CHOOSE_QUIET_MS = 5000 };

/* A text or number of the map, params put in, malloc'ed; NULL where there is none or it was
 * refused, which *good tells apart. */
static char *entry(struct fnd_compile *compile, const struct fnd_node *choose, const char *name,
                   bool *good)
{
    const struct fnd_node *node = fnd_node_member(choose, name);
    char *json = node != NULL ? fnd_compile_constant(compile, node) : NULL;
    if (json == NULL) {
        *good = *good && node == NULL;
        return NULL;
    }
    char *text = fnd_json_strdup((struct fnd_json){json, strlen(json)});
    if (text == NULL) {
        return json;
    }
    free(json);
    return text;
}

static void duration(struct fnd_compile *compile, const struct fnd_node *choose, const char *name,
                     int64_t least_ms, int64_t *ms, bool *good)
{
    char *text = entry(compile, choose, name, good);
    if (text != NULL && (!fnd_duration_parse(text, ms) || *ms < least_ms ||
                         *ms > INT64_C(86400000) * CHOOSE_DAYS_MAX)) {
        fnd_compile_error(compile, fnd_node_member(choose, name), "bad_duration",
                          "`%s` of `choose` is %s, must be a duration such as 15m, at most %d days",
                          name, text, CHOOSE_DAYS_MAX);
        *good = false;
    }
    free(text);
}

static void count(struct fnd_compile *compile, const struct fnd_node *choose,
                  struct fnd_choose *made, bool *good)
{
    char *text = entry(compile, choose, "uncertain", good), *end = NULL;
    const long long number = text != NULL ? strtoll(text, &end, 10) : 0;
    if (text != NULL && (end == text || *end != '\0' || number < 0 || number > CHOOSE_COUNT_MAX)) {
        fnd_compile_error(compile, fnd_node_member(choose, "uncertain"), "bad_count",
                          "`uncertain` is %s, must be a number of documents of each batch, such as "
                          "10; 0 for no choice",
                          text);
        *good = false;
    }
    made->count = number;
    free(text);
}

bool fnd_choose_prepare(struct fnd_compile *compile, const struct fnd_node *with,
                        struct fnd_phase *phase, struct fnd_human *human)
{
    const struct fnd_node *choose = fnd_node_member(with, "choose");
    struct fnd_choose *made = &human->choose;
    bool good = true;
    if (choose == NULL) {
        return true;
    }
    made->quiet_ms = CHOOSE_QUIET_MS;
    count(compile, choose, made, &good);
    duration(compile, choose, "budget", 1000, &made->budget_ms, &good);
    duration(compile, choose, "wait", 1000, &made->wait_ms, &good);
    duration(compile, choose, "quiet", 0, &made->quiet_ms, &good);
    made->by = entry(compile, choose, "by", &good);
    const struct fnd_node *diverse = fnd_node_member(choose, "diverse");
    char *is = diverse != NULL ? fnd_compile_constant(compile, diverse) : NULL;
    made->diverse = made->by != NULL || (is != NULL && strcmp(is, "true") == 0);
    free(is);
    if (made->by != NULL && (made->by[0] == '\0' || !fnd_json_pointer_valid(made->by))) {
        fnd_compile_error(compile, fnd_node_member(choose, "by"), "bad_pointer",
                          "`by` of `choose` must be a JSON pointer such as /supplier_name");
        good = false;
    }
    if (fnd_node_member(choose, "uncertain") == NULL && fnd_node_member(choose, "budget") == NULL) {
        fnd_compile_error(compile, choose, "bad_choose",
                          "how many of a batch? say `uncertain: 10`, or `budget: 15m`");
        good = false;
    }
    phase->choose = made->count > 0 || made->budget_ms > 0 ? made : NULL;
    if (phase->choose != NULL && (human->target > 0 || human->novelty != NULL)) {
        fnd_compile_error(compile, choose, "bad_choose",
                          "`choose` says who is asked about, and so does `%s`; leave one of them "
                          "out",
                          human->target > 0 ? "target_error" : "gate");
        good = false;
    }
    return good;
}

void fnd_choose_wait(struct fnd_visit *visit)
{
    const struct fnd_choose *choose = visit->phase->choose;
    struct fnd_text text = {0};
    const int size = (int)fnd_path_batch(visit->job_path);
    if (visit->prover == NULL || visit->prover->choose == NULL) {
        fnd_error_set(&visit->error, FND_INVALID, "nobody is there who could choose from a batch");
        fnd_error_code(&visit->error, "no_chooser");
        visit->verdict = FND_VISIT_HOLD;
        return;
    }
    if (choose->count > 0) {
        fnd_text_printf(&text, "the %" PRId64 " least certain", choose->count);
    } else {
        fnd_text_append_z(&text, "the least certain");
    }
    if (choose->budget_ms > 0) {
        fnd_text_printf(&text, " that fit into %" PRId64 " s of a person's time",
                        choose->budget_ms / 1000);
    }
    fnd_error_set(
        &visit->error, FND_BUSY,
        "waits until all of its batch, %.*s, has come to phase %s or ended%s; then people "
        "are asked about %s of it",
        size > 0 ? size : 31, size > 0 ? visit->job_path : "the files beside each other",
        visit->phase->id, choose->wait_ms > 0 ? ", or waited long enough" : "", fnd_text_z(&text));
    fnd_error_code(&visit->error, "batch");
    visit->verdict = FND_VISIT_BATCH;
    fnd_text_finish(&text);
}

void fnd_choose_tell(const struct fnd_visit *visit, struct fnd_text *json)
{
    fnd_text_printf(json, "{\"event\":%" PRId64 ",\"batch\":", visit->choice);
    fnd_text_append_json(json, visit->job_path, fnd_path_batch(visit->job_path));
    fnd_text_printf(json, ",\"of\":%zu,\"asked\":%zu,\"chosen\":%s", visit->choice_of,
                    visit->choice_asked, visit->chosen ? "true" : "false");
    if (visit->chosen) {
        fnd_text_printf(json, ",\"place\":%zu", visit->choice_place);
    }
    fnd_text_append_byte(json, '}');
}

void fnd_asking_choice(struct fnd_asking *asking, const struct fnd_visit *visit)
{
    struct fnd_text text = {0};
    fnd_text_printf(&text,
                    "This is one of the %zu that were chosen of %zu, as they teach the most: is "
                    "everything right?",
                    visit->choice_asked, visit->choice_of);
    fnd_asking_add(asking, "chosen", "CHOSEN", fnd_text_z(&text));
    asking->whole = true;
    fnd_text_finish(&text);
}
