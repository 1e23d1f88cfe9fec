/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "command/command.h"

enum { NAMES_MAX = 128, NUMBER_DIGITS_MAX = 4 };

static const struct fnd_command *find(const struct fnd_command *commands, const char *name)
{
    for (const struct fnd_command *command = commands; command->name != NULL; command++) {
        if (strcmp(command->name, name) == 0) {
            return command;
        }
    }
    return NULL;
}

const struct fnd_command *fnd_command_find(const char *name)
{
    return find(fnd_commands(), name);
}

/* Whether `word` is the first of two words of some command's name. */
static bool is_group(const struct fnd_command *commands, const char *word)
{
    size_t size = strlen(word);
    for (const struct fnd_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden && strncmp(command->name, word, size) == 0 &&
            command->name[size] == ' ') {
            return true;
        }
    }
    return false;
}

static enum fnd_status no_command(const struct fnd_command *commands, const char *name,
                                  struct fnd_error *error)
{
    const char *names[NAMES_MAX + 1];
    size_t count = 0;
    for (const struct fnd_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden && count < NAMES_MAX) {
            names[count++] = command->name;
        }
    }
    names[count] = NULL;
    const char *near = fnd_nearest(name, names);
    if (near != NULL) {
        return fnd_error_set(error, FND_INVALID, "there is no command '%s'; did you mean '%s'?",
                             name, near);
    }
    return fnd_error_set(error, FND_INVALID,
                         "there is no command '%s'; `" FND_PROGRAM " help` lists them all", name);
}

static enum fnd_status half_a_command(const struct fnd_command *commands, const char *group,
                                      struct fnd_error *error)
{
    struct fnd_text list = {0};
    size_t size = strlen(group);
    for (const struct fnd_command *command = commands; command->name != NULL; command++) {
        if (!command->hidden && strncmp(command->name, group, size) == 0 &&
            command->name[size] == ' ') {
            fnd_text_printf(&list, "%s'%s'", list.size > 0 ? ", " : "", command->name);
        }
    }
    fnd_error_set(error, FND_INVALID, "'%s' is half a command: say %s", group, fnd_text_z(&list));
    fnd_text_finish(&list);
    return FND_INVALID;
}

/* The command at the head of argv, two words before one; *used receives how many. */
static enum fnd_status take_command(const struct fnd_command *commands, int count,
                                    const char *const *argv, const struct fnd_command **command,
                                    int *used, struct fnd_error *error)
{
    struct fnd_text both = {0};
    bool group = is_group(commands, argv[0]), second = count >= 2 && argv[1][0] != '-';
    enum fnd_status status = FND_OK;
    fnd_text_printf(&both, "%s %s", argv[0], second ? argv[1] : "");
    *used = 2;
    *command = group && second ? find(commands, fnd_text_z(&both)) : NULL;
    if (*command == NULL) {
        *used = 1;
        *command = find(commands, argv[0]);
    }
    if (*command == NULL && group && !second) {
        status = half_a_command(commands, argv[0], error);
    } else if (*command == NULL) {
        status = no_command(commands, group ? fnd_text_z(&both) : argv[0], error);
    }
    fnd_text_finish(&both);
    return status;
}

static const struct fnd_option *in_list(const struct fnd_option *list, const char *name,
                                        size_t size, char letter)
{
    for (; list != NULL && list->name != NULL; list++) {
        if (name != NULL ? strncmp(list->name, name, size) == 0 && list->name[size] == '\0'
                         : letter != '\0' && list->letter == letter) {
            return list;
        }
    }
    return NULL;
}

static const struct fnd_option *option_of(const struct fnd_command *command, const char *name,
                                          size_t size, char letter)
{
    const struct fnd_option *option = in_list(command->options, name, size, letter);
    return option != NULL ? option : in_list(fnd_options_common(), name, size, letter);
}

static enum fnd_status no_option(const struct fnd_command *command, const char *name, size_t size,
                                 struct fnd_error *error)
{
    const char *names[NAMES_MAX + 1];
    size_t count = 0;
    const struct fnd_option *lists[] = {command->options, fnd_options_common()};
    for (size_t i = 0; i < 2; i++) {
        for (const struct fnd_option *o = lists[i]; o != NULL && o->name != NULL; o++) {
            if (count < NAMES_MAX) {
                names[count++] = o->name;
            }
        }
    }
    names[count] = NULL;
    char *word = fnd_strndup(name, size);
    const char *near = fnd_nearest(word, names);
    if (near != NULL) {
        fnd_error_set(error, FND_INVALID, "'%s' has no option --%s; did you mean --%s?",
                      command->name, word, near);
    } else {
        fnd_error_set(error, FND_INVALID, "'%s' has no option --%s; see `" FND_PROGRAM " help %s`",
                      command->name, word, command->name);
    }
    free(word);
    return FND_INVALID;
}

/* Arguments called N are counts. */
static enum fnd_status check_number(const struct fnd_option *option, const char *value,
                                    struct fnd_error *error)
{
    size_t size = strlen(value);
    if (size == 0 || size > NUMBER_DIGITS_MAX || strspn(value, "0123456789") != size ||
        strspn(value, "0") == size) {
        return fnd_error_set(error, FND_INVALID, "--%s takes a number from 1 on, not '%s'",
                             option->name, value);
    }
    return FND_OK;
}

static enum fnd_status give(struct fnd_arguments *arguments, const struct fnd_option *option,
                            const char *value, struct fnd_error *error)
{
    if (value != NULL && option->argument != NULL && strcmp(option->argument, "N") == 0 &&
        check_number(option, value, error) != FND_OK) {
        return FND_INVALID;
    }
    if (option->choices != NULL) {
        const char *const *choice = option->choices;
        while (*choice != NULL && (value == NULL || strcmp(*choice, value) != 0)) {
            choice++;
        }
        if (*choice == NULL) {
            struct fnd_text all = {0};
            for (choice = option->choices; *choice != NULL; choice++) {
                fnd_text_printf(&all, "%s%s", choice == option->choices ? "" : ", ", *choice);
            }
            fnd_error_set(error, FND_INVALID, "--%s takes one of %s, not '%s'", option->name,
                          fnd_text_z(&all), value);
            fnd_text_finish(&all);
            return FND_INVALID;
        }
    }
    arguments->given =
        fnd_realloc(arguments->given, arguments->given_count + 1, sizeof *arguments->given);
    arguments->given[arguments->given_count++] =
        (struct fnd_given){.id = option->id, .value = value};
    if (option->id == FND_OPTION_HELP) {
        arguments->help = true;
    }
    return FND_OK;
}

/* "--name", "--name=value", "--name value".  *at is the argument's index, moved on by a value. */
static enum fnd_status take_long(struct fnd_arguments *arguments, int count,
                                 const char *const *argv, int *at, struct fnd_error *error)
{
    const char *name = argv[*at] + 2;
    size_t size = strcspn(name, "=");
    const char *value = name[size] == '=' ? name + size + 1 : NULL;
    const struct fnd_option *option = option_of(arguments->command, name, size, '\0');
    if (option == NULL) {
        return no_option(arguments->command, name, size, error);
    }
    if (option->argument == NULL && value != NULL) {
        return fnd_error_set(error, FND_INVALID, "--%s takes no argument, '%s' was given",
                             option->name, value);
    }
    if (option->argument != NULL && value == NULL) {
        if (*at + 1 >= count) {
            return fnd_error_set(error, FND_INVALID, "--%s needs an argument: --%s %s",
                                 option->name, option->name, option->argument);
        }
        value = argv[++*at];
    }
    return give(arguments, option, value, error);
}

/* "-x", "-xVALUE", "-x VALUE", "-xy". */
static enum fnd_status take_short(struct fnd_arguments *arguments, int count,
                                  const char *const *argv, int *at, struct fnd_error *error)
{
    for (const char *letter = argv[*at] + 1; *letter != '\0'; letter++) {
        const struct fnd_option *option = option_of(arguments->command, NULL, 0, *letter);
        if (option == NULL) {
            return fnd_error_set(error, FND_INVALID,
                                 "'%s' has no option -%c; see `" FND_PROGRAM " help %s`",
                                 arguments->command->name, *letter, arguments->command->name);
        }
        if (option->argument == NULL) {
            enum fnd_status status = give(arguments, option, NULL, error);
            if (status != FND_OK) {
                return status;
            }
            continue;
        }
        if (letter[1] != '\0') {
            return give(arguments, option, letter + 1, error);
        }
        if (*at + 1 >= count) {
            return fnd_error_set(error, FND_INVALID, "-%c needs an argument: -%c %s", *letter,
                                 *letter, option->argument);
        }
        return give(arguments, option, argv[++*at], error);
    }
    return FND_OK;
}

/* Give operands their places: a lone one is the first that may not be left out. */
static enum fnd_status place_operands(struct fnd_arguments *arguments, const char **found,
                                      size_t count, struct fnd_error *error)
{
    static const struct fnd_operand none[] = {{.name = NULL}};
    const struct fnd_command *command = arguments->command;
    const struct fnd_operand *operands = command->operands != NULL ? command->operands : none;
    size_t all = 0, required = 0;
    while (operands[all].name != NULL) {
        required += operands[all++].optional ? 0 : 1;
    }
    if (count > all) {
        return fnd_error_set(error, FND_INVALID, "'%s' takes %zu operand%s, '%s' is one too many",
                             command->name, all, all == 1 ? "" : "s", found[all]);
    }
    size_t spare = count > required ? count - required : 0, taken = 0;
    for (size_t i = 0; i < all; i++) {
        if (operands[i].optional) {
            if (spare == 0) {
                continue;
            }
            spare--;
        } else if (taken == count) {
            return fnd_error_set(error, FND_INVALID, "'%s' needs %s (%s)", command->name,
                                 operands[i].name, operands[i].help);
        }
        arguments->operands[i] = found[taken++];
    }
    return FND_OK;
}

static enum fnd_status take_rest(struct fnd_arguments *arguments, int count,
                                 const char *const *argv, int at, struct fnd_error *error)
{
    const char *found[FND_OPERANDS_MAX + 1] = {NULL};
    size_t found_count = 0, places = 0;
    bool options = true, many = false;
    const struct fnd_operand *operands = arguments->command->operands;
    while (operands != NULL && operands[places].name != NULL) {
        many = operands[places++].many;
    }
    for (; at < count; at++) {
        const char *word = argv[at];
        enum fnd_status status = FND_OK;
        if (options && strcmp(word, "--") == 0) {
            options = false;
        } else if (options && word[0] == '-' && word[1] == '-') {
            status = take_long(arguments, count, argv, &at, error);
        } else if (options && word[0] == '-' && word[1] != '\0') {
            status = take_short(arguments, count, argv, &at, error);
        } else if (many && found_count == places) {
            arguments->more =
                fnd_realloc(arguments->more, arguments->more_count + 1, sizeof *arguments->more);
            arguments->more[arguments->more_count++] = word;
        } else if (found_count <= FND_OPERANDS_MAX) {
            found[found_count++] = word;
        }
        if (status != FND_OK) {
            return status;
        }
    }
    return arguments->help ? FND_OK : place_operands(arguments, found, found_count, error);
}

enum fnd_status fnd_arguments_parse(const struct fnd_command *commands, int count,
                                    const char *const *argv, struct fnd_arguments *arguments,
                                    struct fnd_error *error)
{
    if (count == 0) {
        return FND_OK;
    }
    if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        arguments->help = true;
        return FND_OK;
    }
    if (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0) {
        arguments->version = true;
        return FND_OK;
    }
    if (argv[0][0] == '-') {
        return fnd_error_set(error, FND_INVALID,
                             "'%s' stands before any command: say `" FND_PROGRAM
                             " COMMAND %s`, or `" FND_PROGRAM " help`",
                             argv[0], argv[0]);
    }
    int used = 0;
    enum fnd_status status = take_command(commands, count, argv, &arguments->command, &used, error);
    return status != FND_OK ? status : take_rest(arguments, count, argv, used, error);
}

void fnd_arguments_finish(struct fnd_arguments *arguments)
{
    free(arguments->given);
    free(arguments->more);
    *arguments = (struct fnd_arguments){0};
}

bool fnd_arguments_has(const struct fnd_arguments *arguments, enum fnd_option_id id)
{
    for (size_t i = 0; i < arguments->given_count; i++) {
        if (arguments->given[i].id == id) {
            return true;
        }
    }
    return false;
}

const char *fnd_arguments_value(const struct fnd_arguments *arguments, enum fnd_option_id id)
{
    for (size_t i = arguments->given_count; i > 0; i--) {
        if (arguments->given[i - 1].id == id) {
            return arguments->given[i - 1].value;
        }
    }
    return NULL;
}

const char **fnd_arguments_list(const struct fnd_arguments *arguments, enum fnd_option_id id)
{
    const char **list = fnd_alloc((arguments->given_count + 1) * sizeof *list);
    size_t count = 0;
    for (size_t i = 0; i < arguments->given_count; i++) {
        if (arguments->given[i].id == id) {
            list[count++] = arguments->given[i].value;
        }
    }
    return list;
}
