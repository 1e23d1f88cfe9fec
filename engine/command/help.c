/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "command/commands.h"
#include "command/output.h"

enum { WIDTH = 80, NAME_COLUMN = 26, SUMMARY_COLUMN = 19, EXIT_COLUMN = 7 };

size_t fnd_columns(const char *z)
{
    size_t columns = 0;
    for (; *z != '\0'; z++) {
        columns += ((unsigned char)*z & 0xC0) != 0x80; /* not a continuation byte */
    }
    return columns;
}

static void spaces(struct fnd_text *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fnd_text_append_byte(out, ' ');
    }
}

void fnd_wrap(const char *z, size_t indent, size_t column, size_t width, struct fnd_text *out)
{
    bool line_empty = true;
    while (*z != '\0') {
        if (z[0] == '\n' && z[1] == '\n') {
            fnd_text_append_z(out, "\n\n");
            spaces(out, indent);
            column = indent;
            line_empty = true;
            z += 2;
            continue;
        }
        if (*z == ' ' || *z == '\n') {
            z++;
            continue;
        }
        size_t size = strcspn(z, " \n");
        char *word = fnd_strndup(z, size);
        size_t columns = fnd_columns(word);
        free(word);
        if (!line_empty && column + 1 + columns > width) {
            fnd_text_append_byte(out, '\n');
            spaces(out, indent);
            column = indent;
        } else if (!line_empty) {
            fnd_text_append_byte(out, ' ');
            column++;
        }
        fnd_text_append(out, z, size);
        column += columns;
        line_empty = false;
        z += size;
    }
}

/* "  name      what it is", the text wrapped behind `at`; a long name gets a line of its own. */
static void entry(const char *name, const char *what, size_t at, struct fnd_text *out)
{
    fnd_text_append_z(out, "  ");
    fnd_text_append_z(out, name);
    size_t column = 2 + fnd_columns(name);
    if (column + 2 > at) {
        fnd_text_append_byte(out, '\n');
        column = 0;
    }
    spaces(out, at - column);
    fnd_wrap(what, at, at, WIDTH, out);
    fnd_text_append_byte(out, '\n');
}

static void usage(const struct fnd_command *command, struct fnd_text *out)
{
    fnd_text_printf(out, "usage: " FND_PROGRAM " %s [OPTION…]", command->name);
    for (const struct fnd_operand *o = command->operands; o != NULL && o->name != NULL; o++) {
        fnd_text_printf(out, o->optional ? " [%s%s]" : " %s%s", o->name, o->many ? "..." : "");
    }
    fnd_text_append_byte(out, '\n');
}

static void options(const struct fnd_option *list, struct fnd_text *out)
{
    for (; list != NULL && list->name != NULL; list++) {
        struct fnd_text name = {0};
        if (list->letter != '\0') {
            fnd_text_printf(&name, "-%c, ", list->letter);
        } else {
            fnd_text_append_z(&name, "    ");
        }
        fnd_text_printf(&name, "--%s", list->name);
        if (list->argument != NULL) {
            fnd_text_printf(&name, " %s", list->argument);
        }
        entry(fnd_text_z(&name), list->help, NAME_COLUMN, out);
        fnd_text_finish(&name);
    }
}

void fnd_example_line(const char *line, size_t indent, size_t width, struct fnd_text *out)
{
    fnd_text_append_z(out, FND_PROGRAM);
    size_t column = indent + strlen(FND_PROGRAM);
    while (*line != '\0') {
        bool quoted = false;
        size_t size = 0;
        while (line[size] != '\0' && (quoted || line[size] != ' ')) {
            quoted ^= line[size++] == '\'';
        }
        if (column + 1 + size > width - 2) {
            fnd_text_append_z(out, " \\\n");
            spaces(out, indent + 3);
            column = indent + 3;
        }
        fnd_text_append_byte(out, ' ');
        fnd_text_append(out, line, size);
        column += 1 + size;
        line += size + (line[size] == ' ' ? 1 : 0);
    }
}

static void example(const struct fnd_example *example, struct fnd_text *out)
{
    fnd_text_append_z(out, "  # ");
    fnd_wrap(example->what, 4, 4, WIDTH, out);
    fnd_text_append_z(out, "\n  ");
    fnd_example_line(example->line, 2, WIDTH, out);
    fnd_text_append_byte(out, '\n');
}

static void exits(const struct fnd_exit *list, struct fnd_text *out)
{
    for (; list != NULL && list->meaning != NULL; list++) {
        struct fnd_text code = {0};
        fnd_text_printf(&code, "%d", list->code);
        entry(fnd_text_z(&code), list->meaning, EXIT_COLUMN, out);
        fnd_text_finish(&code);
    }
}

static void program_help(struct fnd_text *out)
{
    fnd_text_append_z(out, "usage: " FND_PROGRAM " COMMAND [OPTION…] [OPERAND…]\n\n");
    fnd_wrap("The engine of a data flywheel: jobs run through pipelines of plugins, pause where a "
             "detector doubts, go on when a person has answered; the corrections are exported as "
             "training data.",
             0, 0, WIDTH, out);
    fnd_text_append_z(out, "\n\nCommands:\n");
    for (const struct fnd_command *command = fnd_commands(); command->name != NULL; command++) {
        if (!command->hidden) {
            entry(command->name, command->summary, SUMMARY_COLUMN, out);
        }
    }
    fnd_text_append_z(out, "\nEvery command takes:\n");
    options(fnd_options_common(), out);
    fnd_text_append_z(out, "\nExit codes:\n");
    exits(fnd_exits(), out);
    fnd_text_append_z(out, "\n`" FND_PROGRAM " help COMMAND` tells more.\n");
}

void fnd_help(const struct fnd_command *command, struct fnd_text *out)
{
    if (command == NULL) {
        program_help(out);
        return;
    }
    usage(command, out);
    fnd_text_append_byte(out, '\n');
    fnd_wrap(command->details != NULL ? command->details : command->summary, 0, 0, WIDTH, out);
    fnd_text_append_z(out, command->details != NULL ? "\n" : ".\n");
    if (command->operands != NULL) {
        fnd_text_append_z(out, "\nOperands:\n");
        for (const struct fnd_operand *o = command->operands; o->name != NULL; o++) {
            entry(o->name, o->help, NAME_COLUMN, out);
        }
    }
    fnd_text_append_z(out, "\nOptions:\n");
    options(command->options, out);
    options(fnd_options_common(), out);
    if (command->examples != NULL) {
        fnd_text_append_z(out, "\nExamples:\n");
        for (const struct fnd_example *e = command->examples; e->line != NULL; e++) {
            example(e, out);
        }
    }
    if (command->exits != NULL) {
        fnd_text_append_z(out, "\nExit codes, beside the common ones:\n");
        exits(command->exits, out);
    }
}

/* The command that the operands name; NULL with *wrong when there is none. */
static const struct fnd_command *named(struct fnd_app *app, bool *wrong)
{
    const char *first = app->arguments.operands[0], *second = app->arguments.operands[1];
    *wrong = false;
    if (first == NULL) {
        return NULL;
    }
    struct fnd_arguments parsed = {0};
    struct fnd_error error = {0};
    const char *words[3] = {first};
    size_t count = 1;
    if (second != NULL) {
        words[count++] = second;
    }
    words[count++] = "--help";
    *wrong = fnd_arguments_parse(fnd_commands(), (int)count, words, &parsed, &error) != FND_OK;
    if (*wrong) {
        fnd_complain(app, &error);
    }
    const struct fnd_command *command = parsed.command;
    fnd_arguments_finish(&parsed);
    return command;
}

int fnd_command_help(struct fnd_app *app)
{
    bool wrong;
    const struct fnd_command *command = named(app, &wrong);
    if (wrong) {
        return FND_EXIT_USAGE;
    }
    struct fnd_text out = {0};
    fnd_help(command, &out);
    fnd_raw(app, fnd_text_z(&out), out.size);
    fnd_text_finish(&out);
    return FND_EXIT_DONE;
}

int fnd_command_man(struct fnd_app *app)
{
    bool wrong;
    const struct fnd_command *command = named(app, &wrong);
    if (wrong) {
        return FND_EXIT_USAGE;
    }
    struct fnd_text out = {0};
    fnd_man(command, &out);
    fnd_raw(app, fnd_text_z(&out), out.size);
    fnd_text_finish(&out);
    return FND_EXIT_DONE;
}

int fnd_command_completion(struct fnd_app *app)
{
    struct fnd_text out = {0};
    fnd_completion(&out);
    fnd_raw(app, fnd_text_z(&out), out.size);
    fnd_text_finish(&out);
    return FND_EXIT_DONE;
}
