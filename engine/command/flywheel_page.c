/* SPDX-License-Identifier: MIT */
/* The curve as a page: one file, nothing loaded from elsewhere. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "command/flywheel.h"

enum { WIDTH = 720, HEIGHT = 260, MARGIN = 56 };

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>Flywheel</title>\n<style>"
    "body{font:16px/1.5 sans-serif;max-width:780px;margin:2em auto;padding:0 1em;color:#222;"
    "background:#fff}table{border-collapse:collapse;width:100%}td,th{padding:.3em .5em;"
    "border-bottom:1px solid #ccc;text-align:right}td:last-child,th:last-child{text-align:left}"
    "svg{width:100%;height:auto}.axis{stroke:#888}.label{font-size:13px;fill:#555}"
    ".curve{fill:none;stroke:#0a5fb4;stroke-width:2.5}.proven{fill:#0a5fb4;stroke:#0a5fb4}"
    ".unproven{fill:#fff;stroke:#0a5fb4}@media(prefers-color-scheme:dark){body{color:#ddd;"
    "background:#181818}.label{fill:#aaa}.unproven{fill:#181818}}</style>\n";

static double value_of(const struct flywheel_round *round, bool handled)
{
    const double count = handled ? (double)round->handled : (double)round->flagged;
    return round->documents > 0 ? 100 * count / (double)round->documents : 0;
}

/* A curve over the rounds: filled points where the target was proven. */
static void plot(const struct flywheel *flywheel, const char *title, bool handled,
                 struct fnd_text *html)
{
    double most = 1;
    for (size_t i = 0; i < flywheel->done; i++) {
        const double value = value_of(&flywheel->round[i], handled);
        most = value > most ? value : most;
    }
    const double step =
        flywheel->done > 1 ? (WIDTH - 2.0 * MARGIN) / (double)(flywheel->done - 1) : 0;
    struct fnd_text points = {0}, line = {0};
    for (size_t i = 0; i < flywheel->done; i++) {
        const struct flywheel_round *round = &flywheel->round[i];
        const double value = value_of(round, handled), x = MARGIN + step * (double)i;
        const double y = HEIGHT - MARGIN - value / most * (HEIGHT - 2.0 * MARGIN);
        fnd_text_printf(&line, "%s%.1f,%.1f", i > 0 ? " " : "", x, y);
        fnd_text_printf(&points,
                        "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"5\"/>"
                        "<text class=\"label\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%.0f"
                        "</text><text class=\"label\" text-anchor=\"middle\" x=\"%.1f\" y=\"%d\">"
                        "%zu</text>\n",
                        round->proven ? "proven" : "unproven", x, y, x, y - 12, value, x,
                        HEIGHT - MARGIN + 20, i + 1);
    }
    fnd_text_printf(html,
                    "<h2>%s per 100 %s</h2>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" "
                    "aria-label=\"%s, by round\">\n<path class=\"axis\" d=\"M%d %dH%d\"/>\n"
                    "<polyline class=\"curve\" points=\"%s\"/>\n%s<text class=\"label\" "
                    "text-anchor=\"middle\" x=\"%d\" y=\"%d\">round</text></svg>\n",
                    title, flywheel->chosen->things, WIDTH, HEIGHT, title, MARGIN / 2,
                    HEIGHT - MARGIN, WIDTH - MARGIN / 2, fnd_text_z(&line), fnd_text_z(&points),
                    WIDTH / 2, HEIGHT - 8);
    fnd_text_finish(&points);
    fnd_text_finish(&line);
}

/* Text into HTML. */
static void escape(const char *text, struct fnd_text *html)
{
    for (; *text != '\0'; text++) {
        if (*text == '<' || *text == '>' || *text == '&') {
            fnd_text_printf(html, "&#%d;", *text);
        } else if (*text == '\n') {
            fnd_text_append_z(html, "<br>");
        } else {
            fnd_text_append_byte(html, *text);
        }
    }
}

static void table(const struct flywheel *flywheel, struct fnd_text *html)
{
    fnd_text_printf(html,
                    "<table><tr><th>round<th>read by<th>documents<th>opened by a person<th>%s "
                    "asked<th>unasked<th>of these wrong<th>at most<th>target<th>learned\n",
                    flywheel->chosen->values);
    for (size_t i = 0; i < flywheel->done; i++) {
        const struct flywheel_round *round = &flywheel->round[i];
        fnd_text_printf(html, "<tr><td>%zu<td>", i + 1);
        if (round->version > 0) {
            fnd_text_printf(html, "version %" PRId64, round->version);
        } else {
            fnd_text_append_z(html, "rules");
        }
        fnd_text_printf(html, "<td>%zu<td>%zu<td>%" PRId64 "<td>%" PRId64 "<td>%" PRId64 "<td>",
                        round->documents, round->handled, round->flagged, round->accepted,
                        round->silent);
        if (round->accepted > 0) {
            fnd_text_printf(html, "%.2f %%", 100 * flywheel_bound(round->silent, round->accepted));
        }
        fnd_text_printf(html, "<td>%s<td>", round->proven ? "proven" : "unproven");
        escape(round->training != NULL ? round->training : "", html);
        fnd_text_append_byte(html, '\n');
    }
    fnd_text_append_z(html, "</table>\n");
}

enum fnd_status flywheel_page(const struct flywheel *flywheel, char **page, struct fnd_error *error)
{
    struct fnd_text html = {0}, verdict = {0}, path = {0}, title = {0};
    enum fnd_status status = FND_OK;
    flywheel_verdict(flywheel, &verdict);
    fnd_text_append_z(&html, head);
    fnd_text_printf(&html,
                    "<h1>%s: what corrections are worth</h1>\n<p>%zu rounds of %zu new %s, seed "
                    "%" PRIu64 ", answered by %s. Between the rounds a model learned from the "
                    "answers. A filled point: the target was proven when these documents came; a "
                    "hollow one: it was not, and the curve up to there is no promise.</p>\n<p>",
                    flywheel->chosen->title, flywheel->done, flywheel->documents,
                    flywheel->chosen->things, flywheel->seed,
                    flywheel->me ? "you"
                                 : "a program that knows the truth and tells what is asked");
    escape(fnd_text_z(&verdict), &html);
    fnd_text_append_z(&html, "</p>\n");
    fnd_text_printf(&title, "What a person was asked about (%s),", flywheel->chosen->values);
    plot(flywheel, fnd_text_z(&title), false, &html);
    plot(flywheel, "Documents a person had to open,", true, &html);
    table(flywheel, &html);
    fnd_text_printf(&path, "%s/out", flywheel->directory);
    if (mkdir(fnd_text_z(&path), 0777) < 0 && errno != EEXIST) {
        status = fnd_error_errno(error, FND_IO, errno, "cannot make %s", fnd_text_z(&path));
    }
    fnd_text_append_z(&path, "/flywheel.html");
    if (status == FND_OK) {
        status =
            fnd_file_write(AT_FDCWD, fnd_text_z(&path), fnd_text_z(&html), html.size, 0666, error);
    }
    if (status == FND_OK) {
        *page = fnd_text_take(&path);
    }
    fnd_text_finish(&html);
    fnd_text_finish(&verdict);
    fnd_text_finish(&path);
    fnd_text_finish(&title);
    return status;
}
