/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"

enum { WIDTH = 80 };

static void expect_narrow(const char *name, const char *text)
{
    for (const char *at = text; *at != '\0';) {
        size_t size = strcspn(at, "\n");
        char *line = fnd_strndup(at, size);
        cr_expect_leq(fnd_columns(line), (size_t)WIDTH, "%s: %s", name, line);
        cr_expect(size == 0 || line[size - 1] != ' ', "%s: a space at the end: %s", name, line);
        free(line);
        at += size + (at[size] == '\n' ? 1 : 0);
    }
}

Test(help, of_every_command_fits_into_80_columns_and_names_each_option)
{
    struct fnd_text text = {0};
    fnd_help(NULL, &text);
    expect_narrow("program", fnd_text_z(&text));
    for (const struct fnd_command *c = fnd_commands(); c->name != NULL; c++) {
        cr_expect(c->hidden || strstr(fnd_text_z(&text), c->name) != NULL, "%s", c->name);
    }
    for (const struct fnd_command *c = fnd_commands(); c->name != NULL; c++) {
        fnd_text_clear(&text);
        fnd_help(c, &text);
        expect_narrow(c->name, fnd_text_z(&text));
        for (const struct fnd_option *o = c->options; o != NULL && o->name != NULL; o++) {
            struct fnd_text name = {0};
            fnd_text_printf(&name, "--%s", o->name);
            cr_expect(strstr(fnd_text_z(&text), fnd_text_z(&name)) != NULL, "%s %s", c->name,
                      fnd_text_z(&name));
            fnd_text_finish(&name);
        }
        cr_expect(c->hidden || strstr(fnd_text_z(&text), "usage: foundry-engine ") != NULL);
    }
    fnd_text_finish(&text);
}

/* Every example parses: what help shows works as it stands. */
Test(help, examples_are_commands_that_parse)
{
    for (const struct fnd_command *c = fnd_commands(); c->name != NULL; c++) {
        for (const struct fnd_example *e = c->examples; e != NULL && e->line != NULL; e++) {
            char *line = fnd_strdup(e->line), *at = line;
            const char *words[32];
            int count = 0;
            char *redirection = strpbrk(line, "<>");
            if (redirection != NULL) {
                *redirection = '\0';
            }
            while (*at != '\0') {
                at += strspn(at, " ");
                if (*at == '\0') {
                    break;
                }
                words[count++] = at;
                bool quoted = false;
                for (; *at != '\0' && (quoted || *at != ' '); at++) {
                    quoted ^= *at == '\'';
                }
                if (*at != '\0') {
                    *at++ = '\0';
                }
            }
            struct fnd_arguments arguments = {0};
            struct fnd_error error = {0};
            cr_expect_eq(fnd_arguments_parse(fnd_commands(), count, words, &arguments, &error),
                         FND_OK, "%s: %s", e->line, error.message);
            cr_expect_eq(arguments.command, c, "%s", e->line);
            fnd_arguments_finish(&arguments);
            free(line);
        }
    }
}

Test(help, wraps_between_words)
{
    static const struct {
        const char *text;
        size_t indent, column, width;
        const char *wrapped;
    } cases[] = {
        {"", 0, 0, 10, ""},
        {"one two", 0, 0, 10, "one two"},
        {"one two three", 2, 0, 9, "one two\n  three"},
        {"one two", 4, 8, 12, "one\n    two"},
        {"averylongword two", 1, 0, 5, "averylongword\n two"},
        {"one\n\ntwo", 0, 0, 10, "one\n\ntwo"},
        {"äöü äöü", 0, 0, 7, "äöü äöü"},
        {"äöü äöü", 0, 0, 6, "äöü\näöü"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text text = {0};
        fnd_wrap(cases[i].text, cases[i].indent, cases[i].column, cases[i].width, &text);
        cr_expect_str_eq(fnd_text_z(&text), cases[i].wrapped, "case %zu", i);
        fnd_text_finish(&text);
    }
}

/* The columns of a line of roff: an escape is one character, and \& is none. */
static size_t roff_columns(const char *line, size_t size)
{
    size_t columns = 0;
    for (size_t i = 0; i < size; i++, columns++) {
        if (line[i] == '\\') {
            columns -= line[i + 1] == '&';
            i += line[i + 1] == '(' ? 3 : 1;
        }
    }
    return columns;
}

Test(help, examples_in_manual_pages_fit_into_80_columns)
{
    enum { INDENT = 11, KEPT = 2 }; /* by man */
    size_t seen = 0;
    for (const struct fnd_command *c = fnd_commands(); c->name != NULL; c++) {
        struct fnd_text page = {0};
        fnd_man(c, &page);
        bool plain = false;
        for (const char *at = fnd_text_z(&page); *at != '\0'; at += strcspn(at, "\n") + 1) {
            const size_t size = strcspn(at, "\n");
            plain = size == 3 && memcmp(at, ".nf", 3) == 0   ? true
                    : size == 3 && memcmp(at, ".fi", 3) == 0 ? false
                                                             : plain;
            if (plain && at[0] != '.') {
                cr_expect_leq(roff_columns(at, size), (size_t)WIDTH - INDENT - KEPT, "%s: %.*s",
                              c->name, (int)size, at);
                seen++;
            }
        }
        fnd_text_finish(&page);
    }
    cr_expect_gt(seen, 50);
}

Test(help, a_manual_page_is_built_for_every_command)
{
    const char *root = getenv("FOUNDRY_BUILD_ROOT");
    cr_assert_not_null(root);
    for (const struct fnd_command *c = fnd_commands(); c->name != NULL; c++) {
        if (c->hidden) {
            continue;
        }
        struct fnd_text path = {0}, page = {0};
        fnd_text_printf(&path, "%s/docs/foundry-engine-%s.1", root, c->name);
        for (size_t i = 0; i < path.size; i++) {
            path.bytes[i] = path.bytes[i] == ' ' ? '-' : path.bytes[i];
        }
        cr_expect_eq(access(fnd_text_z(&path), R_OK), 0, "%s", fnd_text_z(&path));
        fnd_man(c, &page);
        cr_expect(strncmp(fnd_text_z(&page), ".TH \"FOUNDRY-ENGINE-", 20) == 0);
        cr_expect(strstr(fnd_text_z(&page), ".SH EXIT STATUS") != NULL);
        fnd_text_finish(&page);
        fnd_text_finish(&path);
    }
}

Test(help, completion_knows_each_command_and_option)
{
    struct fnd_text text = {0};
    fnd_completion(&text);
    for (const struct fnd_command *c = fnd_commands(); c->name != NULL; c++) {
        cr_expect_eq(strstr(fnd_text_z(&text), c->name) != NULL, !c->hidden, "%s", c->name);
        for (const struct fnd_option *o = c->options; o != NULL && o->name != NULL; o++) {
            struct fnd_text name = {0};
            fnd_text_printf(&name, " --%s", o->name);
            cr_expect(strstr(fnd_text_z(&text), fnd_text_z(&name)) != NULL, "%s",
                      fnd_text_z(&name));
            fnd_text_finish(&name);
        }
    }
    fnd_text_finish(&text);
}

Test(help, every_status_has_the_exit_code_that_is_documented)
{
    static const struct {
        enum fnd_status status;
        int signal, code;
    } cases[] = {
        {FND_OK, 0, 0},
        {FND_INVALID, 0, 1},
        {FND_NOT_FOUND, 0, 5},
        {FND_CONFLICT, 0, 9},
        {FND_BUSY, 0, 7},
        {FND_DENIED, 0, 8},
        {FND_LIMIT, 0, 1},
        {FND_PLUGIN, 0, 6},
        {FND_DAMAGED, 0, 1},
        {FND_FULL, 0, 1},
        {FND_IO, 0, 1},
        {FND_NO_MEMORY, 0, 1},
        {FND_INTERRUPTED, 0, 130},
        {FND_INTERRUPTED, SIGINT, 130},
        {FND_INTERRUPTED, SIGTERM, 143},
        {(enum fnd_status)99, 0, 70},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int code = fnd_exit_code(cases[i].status, cases[i].signal);
        cr_expect_eq(code, cases[i].code, "%s", fnd_status_name(cases[i].status));
        bool documented = false;
        for (const struct fnd_exit *e = fnd_exits(); e->meaning != NULL; e++) {
            documented |= e->code == code;
        }
        cr_expect(documented, "%d", code);
    }
}
