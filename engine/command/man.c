/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "command/command.h"

/* What a terminal of 80 columns leaves to an example: man keeps two and indents by eleven. */
enum { EXAMPLE_WIDTH = 67 };

/* Text for roff: backslashes, leading dots and quotes would be orders, '-' a hyphen. */
static void escaped(struct fnd_text *out, const char *z)
{
    for (bool line_begins = true; *z != '\0'; z++) {
        if (line_begins && (*z == '.' || *z == '\'')) {
            fnd_text_append_z(out, "\\&");
        }
        line_begins = *z == '\n';
        switch (*z) {
        case '\\':
            fnd_text_append_z(out, "\\e");
            break;
        case '-':
            fnd_text_append_z(out, "\\-");
            break;
        case '\'':
            fnd_text_append_z(out, "\\(aq");
            break;
        case '`':
            fnd_text_append_z(out, "\\(ga");
            break;
        case '~':
            fnd_text_append_z(out, "\\(ti");
            break;
        case '^':
            fnd_text_append_z(out, "\\(ha");
            break;
        case '"':
            fnd_text_append_z(out, "\\(dq");
            break;
        default:
            fnd_text_append_byte(out, *z);
        }
    }
}

/* foundry-engine-ask-list: the page's name. */
static void page_name(struct fnd_text *out, const struct fnd_command *command)
{
    fnd_text_append_z(out, FND_PROGRAM);
    if (command != NULL) {
        fnd_text_append_byte(out, '-');
        for (const char *z = command->name; *z != '\0'; z++) {
            fnd_text_append_byte(out, *z == ' ' ? '-' : *z);
        }
    }
}

static void paragraphs(struct fnd_text *out, const char *z)
{
    const char *gap;
    while ((gap = strstr(z, "\n\n")) != NULL) {
        char *part = fnd_strndup(z, (size_t)(gap - z));
        escaped(out, part);
        free(part);
        fnd_text_append_z(out, "\n.PP\n");
        z = gap + 2;
    }
    escaped(out, z);
    fnd_text_append_byte(out, '\n');
}

static void options(struct fnd_text *out, const struct fnd_option *list)
{
    for (; list != NULL && list->name != NULL; list++) {
        fnd_text_append_z(out, ".TP\n");
        if (list->letter != '\0') {
            fnd_text_printf(out, "\\fB\\-%c\\fR, ", list->letter);
        }
        fnd_text_append_z(out, "\\fB\\-\\-");
        escaped(out, list->name);
        fnd_text_append_z(out, "\\fR");
        if (list->argument != NULL) {
            fnd_text_append_z(out, " \\fI");
            escaped(out, list->argument);
            fnd_text_append_z(out, "\\fR");
        }
        fnd_text_append_byte(out, '\n');
        escaped(out, list->help);
        fnd_text_append_z(out, ".\n");
    }
}

static void tagged(struct fnd_text *out, const char *tag, const char *text)
{
    fnd_text_append_z(out, ".TP\n\\fB");
    escaped(out, tag);
    fnd_text_append_z(out, "\\fR\n");
    escaped(out, text);
    fnd_text_append_z(out, ".\n");
}

static void exits(struct fnd_text *out, const struct fnd_exit *list)
{
    for (; list != NULL && list->meaning != NULL; list++) {
        struct fnd_text code = {0};
        fnd_text_printf(&code, "%d", list->code);
        tagged(out, fnd_text_z(&code), list->meaning);
        fnd_text_finish(&code);
    }
}

static void head(struct fnd_text *out, const struct fnd_command *command, const char *summary)
{
    struct fnd_text name = {0};
    page_name(&name, command);
    fnd_text_append_z(out, ".TH \"");
    for (const char *z = fnd_text_z(&name); *z != '\0'; z++) {
        fnd_text_append_byte(out, (char)(*z >= 'a' && *z <= 'z' ? *z - 'a' + 'A' : *z));
    }
    fnd_text_printf(out, "\" 1 \"\" \"Foundry %s\" \"Foundry\"\n.SH NAME\n", FND_VERSION);
    escaped(out, fnd_text_z(&name));
    fnd_text_append_z(out, " \\- ");
    escaped(out, summary);
    fnd_text_append_z(out, "\n.SH SYNOPSIS\n.B " FND_PROGRAM "\n");
    fnd_text_finish(&name);
}

static void see_also(struct fnd_text *out, const struct fnd_command *self)
{
    fnd_text_append_z(out, ".SH SEE ALSO\n");
    struct fnd_text name = {0};
    bool first = true;
    for (const struct fnd_command *command = fnd_commands(); command->name != NULL; command++) {
        if (command->hidden || command == self) {
            continue;
        }
        fnd_text_clear(&name);
        page_name(&name, command);
        fnd_text_append_z(out, first ? ".BR " : ",\n.BR ");
        escaped(out, fnd_text_z(&name));
        fnd_text_append_z(out, " (1)");
        first = false;
    }
    fnd_text_append_byte(out, '\n');
    fnd_text_finish(&name);
}

static void program(struct fnd_text *out)
{
    head(out, NULL, "run AI jobs durably, ask people where a detector doubts");
    fnd_text_append_z(out, "\\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIOPERAND\\fR...]\n"
                           ".SH COMMANDS\n");
    for (const struct fnd_command *command = fnd_commands(); command->name != NULL; command++) {
        if (!command->hidden) {
            tagged(out, command->name, command->summary);
        }
    }
    fnd_text_append_z(out, ".SH OPTIONS\nEvery command takes these.\n");
    options(out, fnd_options_common());
    fnd_text_append_z(out, ".SH ENVIRONMENT\n");
    tagged(out, "FOUNDRY_PLUGIN_PATH",
           "Folders that plugins are looked for in, separated by "
           "colons; --plugin-path goes before it");
    tagged(out, "FOUNDRY_WORKER", "The worker program, where it is not beside this one");
    tagged(out, "FOUNDRY_SECRET_NAME, NAME", "What ${secrets.NAME} in a pipeline reads");
    tagged(out, "NO_COLOR", "If set to anything, nothing is coloured");
    fnd_text_append_z(out, ".SH EXIT STATUS\n");
    exits(out, fnd_exits());
    see_also(out, NULL);
}

void fnd_man(const struct fnd_command *command, struct fnd_text *out)
{
    if (command == NULL) {
        program(out);
        return;
    }
    head(out, command, command->summary);
    fnd_text_append_z(out, "\\fB");
    escaped(out, command->name);
    fnd_text_append_z(out, "\\fR [\\fIOPTION\\fR...]");
    for (const struct fnd_operand *o = command->operands; o != NULL && o->name != NULL; o++) {
        fnd_text_printf(out, o->optional ? " [\\fI%s\\fR%s]" : " \\fI%s\\fR%s", o->name,
                        o->many ? "..." : "");
    }
    fnd_text_append_z(out, "\n.SH DESCRIPTION\n");
    paragraphs(out, command->details != NULL ? command->details : command->summary);
    for (const struct fnd_operand *o = command->operands; o != NULL && o->name != NULL; o++) {
        tagged(out, o->name, o->help);
    }
    fnd_text_append_z(out, ".SH OPTIONS\n");
    options(out, command->options);
    options(out, fnd_options_common());
    if (command->examples != NULL) {
        fnd_text_append_z(out, ".SH EXAMPLES\n");
        for (const struct fnd_example *e = command->examples; e->line != NULL; e++) {
            escaped(out, e->what);
            fnd_text_append_z(out, ":\n.PP\n.RS 4\n.nf\n");
            struct fnd_text line = {0};
            fnd_example_line(e->line, 0, EXAMPLE_WIDTH, &line);
            escaped(out, fnd_text_z(&line));
            fnd_text_finish(&line);
            fnd_text_append_z(out, "\n.fi\n.RE\n.PP\n");
        }
    }
    fnd_text_append_z(out, ".SH EXIT STATUS\n");
    exits(out, command->exits != NULL ? command->exits : fnd_exits());
    if (command->exits != NULL) {
        fnd_text_append_z(out, ".PP\nOther codes are in\n.BR " FND_PROGRAM " (1).\n");
    }
    see_also(out, command);
}
