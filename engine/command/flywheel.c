/* SPDX-License-Identifier: MIT */
/* `demo --flywheel`: rounds of new documents through a pipeline that learns. Everything real: the
 * pipeline as it ships, its plugins in their sandbox, the record, the registry. Only the documents
 * are drawn, so that their truth is known. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "command/flywheel.h"
#include "command/follow.h"
#include "command/output.h"

enum { ROUNDS = 8, DOCUMENTS = 20, SEED = 7, ASKED_AGAIN_MAX = 4, PLAN_SIZE_MAX = 4096 };
/* Targets are what some hundred documents can prove: values of one page count together, so 10 %
 * takes 29 known documents without a mistake, 5 % takes 59, and 1 %, the pipelines' own, 299. Boxes
 * go wrong more often than fields do: 10 % of them is seldom proven of so few streets, and soon
 * lost again. */
static const struct flywheel_case cases[] = {
    /* Six suppliers, so that each comes again in a round of twenty: three whose pages the rules
     * misread more than others' (25, 29, 32), and three that they read well. */
    {"invoice", "Invoice OCR", "invoice-ocr/learning.yaml", "invoice-learning", "invoice",
     "foundry-samples", "21,25,27,29,32,34", "invoices", "fields", NULL, "10%"},
    {"poles", "Pole Detection", "pole-detection/learning.yaml", "pole-learning", "pole",
     "foundry-streets", NULL, "streets", "boxes", "/image", "30%"},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* --- the plan --------------------------------------------------------------------------------- */

static enum fnd_status number_read(const struct fnd_app *app, enum fnd_option_id id,
                                   const char *name, uint64_t low, uint64_t high, uint64_t *number,
                                   struct fnd_error *error)
{
    const char *text = fnd_arguments_value(&app->arguments, id);
    char *end = NULL;
    if (text == NULL) {
        return FND_OK;
    }
    errno = 0;
    const unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < low ||
        value > high) {
        return fnd_error_set(error, FND_INVALID,
                             "%s is a number from %" PRIu64 " to %" PRIu64 ", not %s", name, low,
                             high, text);
    }
    *number = value;
    return FND_OK;
}

static enum fnd_status options_read(struct flywheel *flywheel, struct fnd_error *error)
{
    const struct fnd_app *app = flywheel->app;
    const struct fnd_arguments *arguments = &app->arguments;
    const char *name = fnd_arguments_value(arguments, FND_OPTION_CASE);
    const char *promoter = fnd_arguments_value(arguments, FND_OPTION_PROMOTE);
    const char *reviewer = fnd_arguments_value(arguments, FND_OPTION_REVIEWER);
    uint64_t rounds = flywheel->rounds, documents = flywheel->documents, port = flywheel->port;
    flywheel->chosen = name == NULL ? &cases[0] : NULL;
    for (size_t i = 0; name != NULL && i < CASES; i++) {
        flywheel->chosen = strcmp(name, cases[i].name) == 0 ? &cases[i] : flywheel->chosen;
    }
    if (flywheel->chosen == NULL) {
        fnd_error_set(error, FND_INVALID,
                      "--flywheel has no case %s in this version: it has invoice and poles", name);
        return FND_INVALID;
    }
    flywheel->by_hand = promoter != NULL && strcmp(promoter, "hand") == 0;
    flywheel->me = reviewer != NULL && strcmp(reviewer, "me") == 0;
    flywheel->target = fnd_arguments_value(arguments, FND_OPTION_TARGET);
    flywheel->target = flywheel->target != NULL ? flywheel->target : flywheel->chosen->target;
    enum fnd_status status =
        number_read(app, FND_OPTION_ROUNDS, "--rounds", 1, FLYWHEEL_ROUNDS_MAX, &rounds, error);
    if (status == FND_OK) {
        status = number_read(app, FND_OPTION_DOCUMENTS, "--documents", 1, FLYWHEEL_DOCUMENTS_MAX,
                             &documents, error);
    }
    if (status == FND_OK) {
        status = number_read(app, FND_OPTION_SEED, "--seed", 0, UINT32_MAX, &flywheel->seed, error);
    }
    if (status == FND_OK) {
        status = number_read(app, FND_OPTION_PORT, "--port", 1, DEMO_PORT_MAX, &port, error);
    }
    flywheel->rounds = (size_t)rounds;
    flywheel->documents = (size_t)documents;
    flywheel->port = (size_t)port;
    return status;
}

static void plan_path(const struct flywheel *flywheel, struct fnd_text *path)
{
    fnd_text_printf(path, "%s/out/flywheel.json", flywheel->directory);
}

/* What is to be done, beside the results: a flywheel that was stopped goes on by it. */
static enum fnd_status plan_write(const struct flywheel *flywheel, struct fnd_error *error)
{
    struct fnd_text path = {0}, plan = {0};
    enum fnd_status status = FND_OK;
    fnd_text_printf(&path, "%s/out", flywheel->directory);
    if (mkdir(fnd_text_z(&path), 0777) < 0 && errno != EEXIST) {
        status = fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot make %s",
                                 fnd_text_z(&path));
    }
    fnd_text_clear(&path);
    plan_path(flywheel, &path);
    fnd_text_append_byte(&plan, '{');
    fnd_field(&plan, "case", flywheel->chosen->name);
    fnd_text_printf(&plan, ",\"seed\":%" PRIu64 ",\"documents\":%zu,", flywheel->seed,
                    flywheel->documents);
    fnd_field(&plan, "target", flywheel->target);
    fnd_text_append_byte(&plan, ',');
    fnd_field(&plan, "promote", flywheel->by_hand ? "hand" : "engine");
    fnd_text_append_z(&plan, "}\n");
    if (status == FND_OK) {
        status =
            fnd_file_write(AT_FDCWD, fnd_text_z(&path), fnd_text_z(&plan), plan.size, 0666, error);
    }
    fnd_text_finish(&path);
    fnd_text_finish(&plan);
    return status;
}

/* Go on by the plan that lies in the directory. Documents, seed and target are what they were. */
static enum fnd_status plan_read(struct flywheel *flywheel, const char *text, size_t size,
                                 const char *path, struct fnd_error *error)
{
    static const enum fnd_option_id fixed[] = {FND_OPTION_CASE, FND_OPTION_SEED,
                                               FND_OPTION_DOCUMENTS, FND_OPTION_TARGET,
                                               FND_OPTION_PROMOTE};
    struct fnd_json plan = {0};
    int64_t seed = 0, documents = 0;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (fnd_arguments_has(&flywheel->app->arguments, fixed[i])) {
            return fnd_error_set(error, FND_CONFLICT,
                                 "%s holds a flywheel that goes on with the case, seed, documents, "
                                 "target and promotion it was begun with: leave these options out, "
                                 "or name another folder",
                                 flywheel->directory);
        }
    }
    enum fnd_status status = fnd_json_check(text, size, path, &plan, error);
    if (status != FND_OK) {
        return status;
    }
    for (size_t i = 0; i < CASES; i++) {
        if (fnd_json_text_is(fnd_json_member(plan, "case"), cases[i].name)) {
            flywheel->chosen = &cases[i];
        }
    }
    if (!fnd_json_integer(fnd_json_member(plan, "seed"), &seed) || seed < 0 ||
        !fnd_json_integer(fnd_json_member(plan, "documents"), &documents) || documents < 1 ||
        documents > FLYWHEEL_DOCUMENTS_MAX) {
        return fnd_error_set(error, FND_INVALID,
                             "%s is no plan of a flywheel: seed and documents are numbers", path);
    }
    flywheel->seed = (uint64_t)seed;
    flywheel->documents = (size_t)documents;
    flywheel->by_hand = fnd_json_text_is(fnd_json_member(plan, "promote"), "hand");
    flywheel->kept_target = fnd_json_strdup(fnd_json_member(plan, "target"));
    flywheel->target = flywheel->kept_target;
    return FND_OK;
}

/* On a terminal the case of a new flywheel is asked for, unless an option says it. */
static enum fnd_status case_ask(struct flywheel *flywheel, struct fnd_error *error)
{
    size_t index = 0;
    enum fnd_status status = FND_OK;
    if (!fnd_arguments_has(&flywheel->app->arguments, FND_OPTION_CASE) &&
        demo_asks(flywheel->app)) {
        status = demo_ask_case(flywheel->app, &index, error);
        flywheel->chosen = &cases[index]; /* in the order of the demo's own */
    }
    return status;
}

/* The directory: a new one, or one in which a flywheel was stopped. */
static enum fnd_status place(struct flywheel *flywheel, struct fnd_error *error)
{
    const char *named = flywheel->app->arguments.operands[0];
    struct fnd_text path = {0}, plan = {0};
    enum fnd_status status = FND_NOT_FOUND;
    if (named != NULL) {
        flywheel->directory = fnd_strdup(named);
        plan_path(flywheel, &path);
        status = fnd_file_read(AT_FDCWD, fnd_text_z(&path), PLAN_SIZE_MAX, &plan, error);
    }
    if (status == FND_OK) {
        status = plan_read(flywheel, fnd_text_z(&plan), plan.size, fnd_text_z(&path), error);
    } else if (status == FND_NOT_FOUND) {
        free(flywheel->directory);
        flywheel->directory = NULL;
        status = case_ask(flywheel, error);
        if (status == FND_OK) {
            status = demo_directory(named, &flywheel->directory, error);
        }
        if (status == FND_OK) {
            status = plan_write(flywheel, error);
        }
    }
    fnd_text_finish(&path);
    fnd_text_finish(&plan);
    return status;
}

/* The record's draws (which documents try a model, which are audited) are made with what is drawn
 * at its birth: from the seed, so that the same seed turns the same flywheel. All else stays
 * random. The clock stands at 0 meanwhile, since time is part of a record's name. */
static enum fnd_status record_begin(const struct flywheel *flywheel, struct fnd_error *error)
{
    struct fnd_reader *reader = NULL;
    struct fnd_store *store = NULL;
    int64_t events = 0;
    uint8_t chain[FND_DIGEST_SIZE];
    enum fnd_status status = fnd_reader_open(flywheel->directory, &reader, error);
    if (status == FND_OK) {
        status = fnd_reader_head(reader, &events, chain, error);
    }
    fnd_reader_close(reader);
    if ((status == FND_OK && events == 0) || status == FND_NOT_FOUND) {
        struct fnd_env *env = fnd_env_seeded_create(flywheel->seed, 0);
        const struct fnd_store_options options = {.env = env,
                                                  .log = &flywheel->app->log,
                                                  .create = true,
                                                  .lock_wait_ms = FND_SESSION_WAIT_MS};
        status = fnd_store_open(flywheel->directory, &options, &store, error);
        fnd_store_close(store);
        fnd_env_seeded_destroy(env);
    }
    return status;
}

/* --- a round ---------------------------------------------------------------------------------- */

static enum fnd_status ask(struct flywheel *flywheel, struct fnd_session *session,
                           const struct fnd_text *request, struct fnd_text *text,
                           struct fnd_json *end, struct fnd_error *error)
{
    struct fnd_follow follow = {.app = flywheel->app};
    enum fnd_status status =
        fnd_session_ask(session, request, flywheel->app->progress ? fnd_follow_line : NULL, &follow,
                        text, end, error);
    fnd_progress(flywheel->app, "%s", "");
    char *why = status == FND_OK ? fnd_json_strdup(fnd_json_member(*end, "text")) : NULL;
    if (why != NULL && !flywheel->app->json) { /* what is wrong with the pipeline, line by line */
        (void)fnd_write_all(STDERR_FILENO, why, strlen(why));
    }
    free(why);
    return status == FND_OK ? fnd_session_status(*end, error) : status;
}

/* Run what is there until it rests.  paused: how many wait. */
static enum fnd_status run(struct flywheel *flywheel, struct fnd_session *session, int64_t *paused,
                           struct fnd_error *error)
{
    struct fnd_text request = {0}, text = {0}, setting = {0};
    struct fnd_json end = {0};
    fnd_text_append_z(&request, "{\"op\":\"run\",\"pipeline\":");
    fnd_text_append_json_z(&request, flywheel->pipeline);
    fnd_text_append_z(&request, ",\"settings\":[");
    if (flywheel->target != NULL) {
        fnd_text_printf(&setting, "target=%s", flywheel->target);
        fnd_text_append_json(&request, fnd_text_z(&setting), setting.size);
    }
    fnd_text_append_z(&request, "],");
    fnd_field(&request, "by", FLYWHEEL_BY);
    fnd_follow_news(flywheel->app, &request);
    fnd_text_append_byte(&request, '}');
    *paused = 0;
    enum fnd_status status = ask(flywheel, session, &request, &text, &end, error);
    if (status == FND_OK) {
        fnd_json_integer(fnd_json_find(end, "/counts/paused"), paused);
    }
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    fnd_text_finish(&setting);
    return status;
}

/* Answered by the program: what an answer brings up is answered, too. */
static enum fnd_status round_scripted(struct flywheel *flywheel, struct fnd_error *error)
{
    struct fnd_session *session =
        fnd_session_create(flywheel->app, flywheel->directory, false, true);
    int64_t paused = 0;
    enum fnd_status status = run(flywheel, session, &paused, error);
    for (int again = 0; status == FND_OK && paused > 0 && again < ASKED_AGAIN_MAX; again++) {
        status = flywheel_review(flywheel, session, error);
        if (status == FND_OK) {
            status = run(flywheel, session, &paused, error);
        }
    }
    if (status == FND_OK && paused > 0) {
        status = fnd_error_set(error, FND_PLUGIN,
                               "%" PRId64 " jobs still wait after %d answers each: " FND_PROGRAM
                               " ask list %s shows what for",
                               paused, ASKED_AGAIN_MAX, flywheel->directory);
    }
    fnd_session_destroy(session);
    return status;
}

/* The last event so far: what led to it was told in the rounds before. */
static enum fnd_status told_before(const struct flywheel *flywheel, int64_t *last,
                                   struct fnd_error *error)
{
    uint8_t chain[FND_DIGEST_SIZE];
    struct fnd_reader *reader = NULL;
    enum fnd_status status = fnd_reader_open(flywheel->directory, &reader, error);
    if (status == FND_OK) {
        status = fnd_reader_head(reader, last, chain, error);
    }
    fnd_reader_close(reader);
    return status;
}

/* Answered by the user, in the review page. */
static enum fnd_status round_served(struct flywheel *flywheel, size_t round,
                                    struct fnd_error *error)
{
    struct fnd_app *app = flywheel->app;
    struct demo demo = {.app = app,
                        .port = flywheel->port,
                        .directory = flywheel->directory,
                        .pipeline = flywheel->pipeline};
    struct demo_follow followed = {.jobs = (round + 1) * flywheel->documents};
    struct fnd_text refused = {0}, setting = {0};
    demo.by = fnd_who(app);
    demo.plugin_path = fnd_plugin_path(app);
    if (flywheel->target != NULL) {
        fnd_text_printf(&setting, "target=%s", flywheel->target);
        demo.settings[0] = fnd_text_z(&setting);
    }
    enum fnd_status status = told_before(flywheel, &followed.last, error);
    if (status == FND_OK) {
        status = demo_start(&demo, &refused, error);
    }
    if (status == FND_OK) {
        fnd_say(app, "round %zu: the review page asks what is not proven", round + 1);
        demo_announce(&demo);
        status = demo_wait(&demo, &followed, error);
        demo_stop(&demo, fnd_app_interrupts(app));
    }
    if (status == FND_OK && fnd_app_interrupts(app) > 0) {
        status = fnd_error_set(error, FND_INTERRUPTED, "interrupted, all is saved");
    }
    free(demo.by);
    free(demo.plugin_path);
    fnd_text_finish(&refused);
    fnd_text_finish(&setting);
    return status;
}

/* A request about the model.  more: its members beyond whose it is. */
static enum fnd_status ask_model(struct flywheel *flywheel, const char *op, const char *more,
                                 struct fnd_error *error)
{
    struct fnd_text request = {0}, text = {0};
    struct fnd_json end = {0};
    fnd_text_append_byte(&request, '{');
    fnd_field(&request, "op", op);
    fnd_text_append_byte(&request, ',');
    fnd_field(&request, "pipeline", flywheel->chosen->pipeline_name);
    fnd_text_append_byte(&request, ',');
    fnd_field(&request, "model", flywheel->chosen->model);
    fnd_text_append_byte(&request, ',');
    fnd_field(&request, "by", FLYWHEEL_BY);
    fnd_text_printf(&request, "%s}", more);
    struct fnd_session *session =
        fnd_session_create(flywheel->app, flywheel->directory, false, false);
    enum fnd_status status = ask(flywheel, session, &request, &text, &end, error);
    fnd_session_destroy(session);
    fnd_text_finish(&request);
    fnd_text_finish(&text);
    return status;
}

/* The engine promotes what reads more, by a test. A version that reads as much and knows better how
 * sure it may be it holds, since no value tells the two apart; a supervisor may take it all the
 * same, on record and under his name (--promote hand). */
static enum fnd_status supervise(struct flywheel *flywheel, size_t round, struct fnd_error *error)
{
    struct fnd_text more = {0}, reason = {0};
    bool found = false;
    fnd_text_printf(&more, ",\"version\":%" PRId64 ",", flywheel->held_version);
    fnd_text_printf(&reason,
                    "promoted by hand: nothing that was compared looks worse, and it "
                    "learned from more documents; the engine: %s",
                    flywheel->round[round].training);
    fnd_field(&more, "reason", fnd_text_z(&reason));
    enum fnd_status status = ask_model(flywheel, "models.promote", fnd_text_z(&more), error);
    if (status == FND_OK) {
        status = flywheel_training(flywheel, round, &found, error);
    }
    fnd_text_finish(&more);
    fnd_text_finish(&reason);
    return status;
}

/* A training that gives no model ends no flywheel: the old one goes on. */
static enum fnd_status train(struct flywheel *flywheel, size_t round, struct fnd_error *error)
{
    bool found = false;
    enum fnd_status status = ask_model(flywheel, "train", ",\"wait\":true", error);
    if (status == FND_INTERRUPTED || status == FND_BUSY) {
        return status;
    }
    char *why = status == FND_OK ? NULL : fnd_strdup(error->message);
    status = flywheel_training(flywheel, round, &found, error);
    if (status == FND_OK && !found && why != NULL) {
        flywheel->round[round].training = why;
        return FND_OK;
    }
    free(why);
    return status;
}

/* Count a round that is over already: the record has all of its documents, to their ends, and their
 * truth is there. It is neither drawn nor run again. */
static enum fnd_status round_over(struct flywheel *flywheel, size_t round, bool *over,
                                  struct fnd_error *error)
{
    const struct flywheel_round *counted = &flywheel->round[round];
    const enum fnd_status status = flywheel_count(flywheel, round, error);
    *over = status == FND_OK && counted->documents == flywheel->documents && counted->failed == 0;
    return status == FND_NOT_FOUND ? FND_OK : status; /* a truth that is gone is drawn again */
}

/* Draw the documents of a round, run them to their ends, count what came of it. */
static enum fnd_status round_run(struct flywheel *flywheel, size_t round, struct fnd_error *error)
{
    fnd_progress(flywheel->app, "round %zu: drawing %zu %s", round + 1, flywheel->documents,
                 flywheel->chosen->things);
    enum fnd_status status = flywheel_pages(flywheel, round, error);
    if (status == FND_OK) {
        status =
            flywheel->me ? round_served(flywheel, round, error) : round_scripted(flywheel, error);
    }
    return status == FND_OK ? flywheel_count(flywheel, round, error) : status;
}

static enum fnd_status round_turn(struct flywheel *flywheel, size_t round, struct fnd_error *error)
{
    bool trained = false, over = false;
    enum fnd_status status = round_over(flywheel, round, &over, error);
    if (status == FND_OK && !over) {
        status = round_run(flywheel, round, error);
    }
    if (status == FND_OK) {
        status = flywheel_training(flywheel, round, &trained, error);
    }
    if (status == FND_OK && !trained && round + 1 < flywheel->rounds) {
        status = train(flywheel, round, error);
    }
    if (status == FND_OK && flywheel->held_version > 0 && flywheel->by_hand) {
        status = supervise(flywheel, round, error);
    }
    if (status == FND_OK) {
        flywheel->done = round + 1;
        flywheel_tell(flywheel, round);
    }
    return status;
}

static enum fnd_status turn(struct flywheel *flywheel, struct fnd_error *error)
{
    struct fnd_text pipeline = {0};
    char *page = NULL;
    fnd_text_printf(&pipeline, "%s/pipelines/%s",
                    fnd_in_build_tree() ? FND_SOURCE_ROOT : FND_DATA_DIR,
                    flywheel->chosen->pipeline);
    flywheel->pipeline = fnd_text_take(&pipeline);
    fnd_say(flywheel->app,
            "%s: %zu rounds of %zu %s in %s, drawn with seed %" PRIu64 ", answered by %s",
            flywheel->chosen->title, flywheel->rounds, flywheel->documents,
            flywheel->chosen->things, flywheel->directory, flywheel->seed,
            flywheel->me ? "you" : "a program that knows the truth");
    enum fnd_status status = FND_OK;
    for (size_t round = 0; status == FND_OK && round < flywheel->rounds; round++) {
        status = round_turn(flywheel, round, error);
    }
    if (flywheel->done > 0 && (status == FND_OK || status == FND_INTERRUPTED)) {
        struct fnd_error unwritten = {0};
        if (flywheel_page(flywheel, &page, &unwritten) != FND_OK && status == FND_OK) {
            *error = unwritten;
            status = unwritten.status;
        } else {
            flywheel_report(flywheel, page);
        }
    }
    free(page);
    return status;
}

int fnd_flywheel(struct fnd_app *app)
{
    struct fnd_error error = {0};
    struct flywheel *flywheel = fnd_alloc(sizeof *flywheel);
    *flywheel = (struct flywheel){
        .app = app, .rounds = ROUNDS, .documents = DOCUMENTS, .seed = SEED, .port = DEMO_PORT};
    int code = FND_EXIT_DONE;
    if (options_read(flywheel, &error) != FND_OK) {
        fnd_complain(app, &error);
        code = FND_EXIT_USAGE;
    } else {
        enum fnd_status status = place(flywheel, &error);
        if (status == FND_OK) {
            status = record_begin(flywheel, &error);
        }
        if (status == FND_OK) {
            status = turn(flywheel, &error);
        }
        if (status == FND_INTERRUPTED) {
            fnd_next(app, "next: " FND_PROGRAM " demo --flywheel %s goes on from here",
                     flywheel->directory);
            code = FND_EXIT_SIGNAL + fnd_app_signal(app);
        } else if (status != FND_OK) {
            code = fnd_fail(app, &error);
        }
        for (size_t i = 0; code == FND_EXIT_DONE && i < flywheel->done; i++) {
            code = flywheel->round[i].failed > 0 ? FND_EXIT_FAILED : code;
        }
    }
    for (size_t i = 0; i < FLYWHEEL_ROUNDS_MAX; i++) {
        free(flywheel->round[i].training);
    }
    free(flywheel->directory);
    free(flywheel->pipeline);
    free(flywheel->kept_target);
    free(flywheel);
    fnd_flush(app);
    return code;
}
