/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "command/command.h"

/* The first command of those whose names begin with the same word. */
static bool first_of_group(const struct fnd_command *command, size_t size)
{
    for (const struct fnd_command *c = fnd_commands(); c != command; c++) {
        if (strncmp(c->name, command->name, size) == 0 &&
            (c->name[size] == ' ' || c->name[size] == '\0')) {
            return false;
        }
    }
    return true;
}

/* Words that may follow the first word of `name`, each with a space behind it. */
static void second_words(struct fnd_text *out, const char *name, size_t size)
{
    for (const struct fnd_command *c = fnd_commands(); c->name != NULL; c++) {
        if (!c->hidden && strncmp(c->name, name, size) == 0 && c->name[size] == ' ') {
            fnd_text_printf(out, "%s ", c->name + size + 1);
        }
    }
}

static void option_names(struct fnd_text *out, const struct fnd_option *list)
{
    for (; list != NULL && list->name != NULL; list++) {
        fnd_text_printf(out, " --%s", list->name);
    }
}

/* `case` arms that complete the argument of the option before the cursor. */
static void arguments(struct fnd_text *out, const struct fnd_command *command)
{
    for (const struct fnd_option *o = command->options; o != NULL && o->name != NULL; o++) {
        if (o->argument == NULL) {
            continue;
        }
        fnd_text_printf(out, "        '%s:--%s'", command->name, o->name);
        if (o->letter != '\0') {
            fnd_text_printf(out, " | '%s:-%c'", command->name, o->letter);
        }
        fnd_text_append_z(out, ")\n            ");
        if (o->choices != NULL) {
            fnd_text_append_z(out, "mapfile -t COMPREPLY < <(compgen -W '");
            for (const char *const *choice = o->choices; *choice != NULL; choice++) {
                fnd_text_printf(out, "%s%s", choice == o->choices ? "" : " ", *choice);
            }
            fnd_text_append_z(out, "' -- \"$word\")\n");
        } else if (strcmp(o->argument, "FILE") == 0 || strcmp(o->argument, "DIR") == 0 ||
                   strcmp(o->argument, "PATH") == 0) {
            fnd_text_append_z(out, "compopt -o filenames\n            mapfile -t COMPREPLY < "
                                   "<(compgen -f -- \"$word\")\n");
        } else {
            fnd_text_append_z(out, ":\n");
        }
        fnd_text_append_z(out, "            return\n            ;;\n");
    }
}

/* The `case` that takes the words before the cursor for a command's name. */
static void names(struct fnd_text *out)
{
    bool first = true;
    for (const struct fnd_command *c = fnd_commands(); c->name != NULL; c++) {
        const char *space = strchr(c->name, ' ');
        if (c->hidden) {
            continue;
        }
        fnd_text_printf(out, "%s '%s'", first ? "" : " |", c->name);
        if (space != NULL && first_of_group(c, (size_t)(space - c->name))) {
            fnd_text_printf(out, " | '%.*s'", (int)(space - c->name), c->name);
        }
        first = false;
    }
}

/* The `case` arms that tell what may stand behind a command. */
static void words(struct fnd_text *out)
{
    fnd_text_append_z(out, "    '') words='");
    for (const struct fnd_command *c = fnd_commands(); c->name != NULL; c++) {
        size_t size = strcspn(c->name, " ");
        if (!c->hidden && first_of_group(c, size)) {
            fnd_text_printf(out, "%.*s ", (int)size, c->name);
        }
    }
    fnd_text_append_z(out, "--help --version' ;;\n");
    for (const struct fnd_command *c = fnd_commands(); c->name != NULL; c++) {
        size_t size = strcspn(c->name, " ");
        if (c->hidden) {
            continue;
        }
        if (c->name[size] == ' ' && first_of_group(c, size)) {
            fnd_text_printf(out, "    '%.*s') words='", (int)size, c->name);
            second_words(out, c->name, size);
            fnd_text_append_z(out, "' ;;\n");
        }
        fnd_text_printf(out, "    '%s') words='", c->name);
        second_words(out, c->name, strlen(c->name));
        option_names(out, c->options);
        option_names(out, fnd_options_common());
        fnd_text_append_z(out, "' ;;\n");
    }
}

void fnd_completion(struct fnd_text *out)
{
    fnd_text_append_z(out, "# bash completion for " FND_PROGRAM ", made from its option table\n"
                           "_foundry_engine()\n{\n"
                           "    local word=${COMP_WORDS[COMP_CWORD]} command='' words='' i\n"
                           "    COMPREPLY=()\n"
                           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                           "        case \"$command${command:+ }${COMP_WORDS[i]}\" in\n       ");
    names(out);
    fnd_text_append_z(out, ")\n            command+=\"${command:+ }${COMP_WORDS[i]}\" ;;\n"
                           "        *) break ;;\n        esac\n    done\n"
                           "    case \"$command:${COMP_WORDS[COMP_CWORD - 1]}\" in\n");
    for (const struct fnd_command *c = fnd_commands(); c->name != NULL; c++) {
        if (!c->hidden) {
            arguments(out, c);
        }
    }
    fnd_text_append_z(out, "    esac\n    case \"$command\" in\n");
    words(out);
    fnd_text_append_z(out, "    esac\n"
                           "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
                           "    if [[ $word != -* && ${#COMPREPLY[@]} -eq 0 || "
                           "$words == ' --'* && $word != -* ]]; then\n"
                           "        compopt -o filenames\n"
                           "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
                           "    fi\n}\n"
                           "complete -F _foundry_engine " FND_PROGRAM "\n");
}
