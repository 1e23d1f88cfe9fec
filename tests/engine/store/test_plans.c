/* SPDX-License-Identifier: MIT */
/* What SQLite makes of each statement that people wait for: an index, in the order that is asked
 * for, whatever the number of rows that were answered, failed or ended already. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "store/desk.h"
#include "store/reader_internal.h"
#include "support.h"

/* Statements that look at a whole table on purpose: they go by its own order and stop at a limit,
 * count, look for the end of a path, read one row for its snapshot, or ask once at a start for what
 * a revoked rule gave. */
static bool scans(enum fnd_reader_statement which)
{
    static const enum fnd_reader_statement known[] = {
        READ_ANY,  READ_PIN_LATEST, READ_HEAD,   COUNT_JOBS,    READ_SETTLED_REVOKED,
        FIND_PATH, FIND_END,        FIND_RECENT, WALK_PIPELINES};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i] == which) {
            return true;
        }
    }
    return false;
}

/* Statements that sort what an index has found: the events or drafts of one thing, a group. */
static bool sorts(enum fnd_reader_statement which)
{
    static const enum fnd_reader_statement known[] = {
        COUNT_PIPELINE, READ_DRAFT_LATEST, READ_TWINS_COUNT, READ_SETTLED_REVOKED,
        FIND_PATH,      FIND_END,          WALK_LINES_JOB,   WALK_PIPELINES};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i] == which) {
            return true;
        }
    }
    return false;
}

/* The plan as lines. */
static void plan_of(struct fnd_reader *reader, enum fnd_reader_statement which,
                    struct fnd_text *plan)
{
    struct fnd_text sql = {0};
    sqlite3_stmt *statement = NULL;
    fnd_text_clear(plan);
    fnd_text_printf(&sql, "EXPLAIN QUERY PLAN %s", fnd_reader_sql(which));
    cr_assert_eq(sqlite3_prepare_v2(reader->db.handle, fnd_text_z(&sql), -1, &statement, NULL),
                 SQLITE_OK, "%s: %s", fnd_text_z(&sql), sqlite3_errmsg(reader->db.handle));
    while (sqlite3_step(statement) == SQLITE_ROW) {
        fnd_text_printf(plan, "%s\n", (const char *)sqlite3_column_text(statement, 3));
    }
    sqlite3_finalize(statement);
    fnd_text_finish(&sql);
}

/* A scan of a table by its rowid or by an index that covers it; the scan of a partial index, of a
 * recursive query's own rows, of a handful of constants or of what was trained so far is none. */
static bool has_scan(const char *plan)
{
    for (const char *at = plan; (at = strstr(at, "SCAN ")) != NULL; at += 5) {
        const char *end = strchr(at, '\n');
        struct fnd_text line = {0};
        fnd_text_append(&line, at, (size_t)(end - at));
        const char *text = fnd_text_z(&line);
        const bool small =
            strstr(text, "step_due") != NULL || strstr(text, "outbox_waits") != NULL ||
            strstr(text, "request_next") != NULL || strstr(text, "SCAN history") != NULL ||
            strstr(text, "SCAN CONSTANT") != NULL || strcmp(text, "SCAN model") == 0 ||
            strcmp(text, "SCAN training") == 0 || strstr(text, "SCAN (subquery") != NULL;
        fnd_text_finish(&line);
        if (!small) {
            return true;
        }
    }
    return false;
}

Test(plans, no_statement_scans_a_table_or_sorts_it)
{
    struct scene scene;
    struct fnd_text plan = {0};
    int64_t request;
    scene_begin(&scene, 1);
    paused_job(&scene, "a.png", &request);
    scene_read(&scene);
    for (int i = 0; i < READER_STATEMENTS; i++) {
        enum fnd_reader_statement which = (enum fnd_reader_statement)i;
        plan_of(scene.reader, which, &plan);
        cr_expect(scans(which) || !has_scan(fnd_text_z(&plan)), "%s\n%s", fnd_reader_sql(which),
                  fnd_text_z(&plan));
        /* What is sorted inside a row is that row's own: the questions of one request. */
        const char *row = strstr(fnd_text_z(&plan), "CORRELATED");
        const char *sort = strstr(fnd_text_z(&plan), "TEMP B-TREE");
        cr_expect(sorts(which) || sort == NULL || (row != NULL && sort > row), "%s\n%s",
                  fnd_reader_sql(which), fnd_text_z(&plan));
    }
    fnd_text_finish(&plan);
    scene_end(&scene);
}

Test(plans, the_queue_is_read_in_its_order_by_its_index)
{
    static const struct {
        enum fnd_reader_statement which;
        const char *index;
    } wanted[] = {{WALK_ASKS_OPEN, "request_queue"}, {WALK_LINES_OPEN, "request_queue"},
                  {WALK_ASKS_DUE, "request_next"},   {READ_ASKS_NEXT, "request_next"},
                  {WALK_OUTBOX_DUE, "outbox_waits"}, {READ_REQUEST_OF, "request_of"}};
    struct scene scene;
    struct fnd_text plan = {0};
    int64_t request;
    scene_begin(&scene, 1);
    paused_job(&scene, "a.png", &request);
    scene_read(&scene);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        plan_of(scene.reader, wanted[i].which, &plan);
        cr_expect_not_null(strstr(fnd_text_z(&plan), wanted[i].index), "no %s in\n%s",
                           wanted[i].index, fnd_text_z(&plan));
    }
    fnd_text_finish(&plan);
    scene_end(&scene);
}

/* --- what a page costs ----------------------------------------------------------------------- */

static bool seen(const struct fnd_ask_line *line, void *context)
{
    struct fnd_text *list = context;
    struct fnd_text asked = {0};
    fnd_text_append(&asked, line->asked.bytes, line->asked.size);
    fnd_text_printf(list, "%s of %s, ", line->job.path, line->job.pipeline);
    cr_assert_not_null(strstr(fnd_text_z(&asked), "\"ask\""), "%s", fnd_text_z(&asked));
    cr_assert_not_null(line->came.bytes);
    cr_assert_null(line->rules);
    fnd_text_finish(&asked);
    return true;
}

static int count_work(void *context)
{
    size_t *work = context;
    ++*work;
    return 0;
}

/* Virtual machine steps, in hundreds, that one page of ten takes. */
static size_t page_work(struct scene *scene, struct fnd_text *list)
{
    const struct fnd_ask_filter filter = {.state = FND_REQUEST_OPEN};
    const struct fnd_ask_place first = {0};
    struct fnd_error error = {0};
    size_t work = 0;
    fnd_text_clear(list);
    scene_read(scene);
    sqlite3_progress_handler(scene->reader->db.handle, 100, count_work, &work);
    cr_assert_eq(fnd_asks_list(scene->reader, &filter, &first, 10, seen, list, &error), FND_OK,
                 "%s", error.message);
    return work;
}

Test(plans, a_page_costs_the_same_whatever_waits_or_was_answered)
{
    struct scene scene;
    struct fnd_text list = {0};
    char path[32];
    int64_t request;
    scene_begin(&scene, 1);
    for (int i = 0; i < 10; i++) {
        snprintf(path, sizeof path, "first-%d.png", i);
        paused_job(&scene, path, &request);
    }
    const size_t before = page_work(&scene, &list);
    cr_assert_str_eq(fnd_text_z(&list) + list.size - 24, "first-9.png of invoice, ");
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof path, "more-%d.png", i);
        int64_t job = paused_job(&scene, path, &request);
        if (i % 2 == 0) {
            commit(&scene, write_answer(&scene, job, request, true), FND_OK);
        }
    }
    const size_t after = page_work(&scene, &list);
    cr_assert(after <= before + before / 2 + 2, "%zu hundred steps with 10, %zu with 310", before,
              after);
    fnd_text_finish(&list);
    scene_end(&scene);
}

Test(plans, the_requests_of_a_job_are_found_by_its_history)
{
    struct scene scene;
    struct fnd_text list = {0};
    struct fnd_error error = {0};
    const struct fnd_ask_place first = {0};
    int64_t request, other;
    scene_begin(&scene, 1);
    int64_t job = paused_job(&scene, "a.png", &request);
    paused_job(&scene, "b.png", &other);
    scene_read(&scene);
    struct fnd_ask_filter filter = {.state = FND_REQUEST_OPEN, .job = job};
    cr_assert_eq(fnd_asks_list(scene.reader, &filter, &first, 9, seen, &list, &error), FND_OK, "%s",
                 error.message);
    cr_assert_str_eq(fnd_text_z(&list), "a.png of invoice, ");
    commit(&scene, write_answer(&scene, job, request, true), FND_OK);
    scene_read(&scene);
    fnd_text_clear(&list);
    cr_assert_eq(fnd_asks_list(scene.reader, &filter, &first, 9, seen, &list, &error), FND_OK);
    cr_assert_eq(list.size, 0);
    filter.state = FND_REQUEST_ANSWERED;
    cr_assert_eq(fnd_asks_list(scene.reader, &filter, &first, 9, seen, &list, &error), FND_OK);
    cr_assert_str_eq(fnd_text_z(&list), "a.png of invoice, ");
    fnd_text_finish(&list);
    scene_end(&scene);
}
