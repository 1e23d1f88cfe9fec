/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"

/* Parse words separated by '|' with the program's own table. */
static enum fnd_status parse(const char *line, struct fnd_arguments *arguments, char *storage,
                             struct fnd_error *error)
{
    const char *words[16];
    int count = 0;
    strcpy(storage, line);
    for (char *word = strtok(storage, "|"); word != NULL; word = strtok(NULL, "|")) {
        words[count++] = word;
    }
    return fnd_arguments_parse(fnd_commands(), count, words, arguments, error);
}

/* What was taken: "command operand operand id=value id…", ids as numbers left out for brevity. */
static void describe(const struct fnd_arguments *arguments, struct fnd_text *text)
{
    fnd_text_append_z(text, arguments->command != NULL ? arguments->command->name : "-");
    for (size_t i = 0; i < FND_OPERANDS_MAX && (i < 2 || arguments->operands[i] != NULL); i++) {
        fnd_text_printf(text, ";%s", arguments->operands[i] != NULL ? arguments->operands[i] : "-");
    }
    for (size_t i = 0; i < arguments->given_count; i++) {
        fnd_text_printf(text, ";%s",
                        arguments->given[i].value != NULL ? arguments->given[i].value : "+");
    }
}

Test(parse, takes_commands_options_and_operands)
{
    static const struct {
        const char *line, *taken;
    } cases[] = {
        {"run|p.yaml|jobs", "run;p.yaml;jobs"},
        {"run|p.yaml", "run;p.yaml;-"},
        {"run|-p|a=1|p.yaml|--param=b=2|jobs", "run;p.yaml;jobs;a=1;b=2"},
        {"run|-pa=1|p.yaml", "run;p.yaml;-;a=1"},
        {"run|p.yaml|-j4|-w", "run;p.yaml;-;4;+"},
        {"run|p.yaml|-wv", "run;p.yaml;-;+;+"},
        {"run|p.yaml|-wj4", "run;p.yaml;-;+;4"},
        {"run|--|-p|jobs", "run;-p;jobs"},
        {"run|p.yaml|--", "run;p.yaml;-"},
        {"status", "status;-;-"},
        {"status|jobs|--json", "status;jobs;-;+"},
        {"show|7", "show;-;7"},
        {"show|jobs|7", "show;jobs;7"},
        {"ask|list", "ask list;-;-"},
        {"ask|list|jobs", "ask list;jobs;-"},
        {"ask|show|12", "ask show;-;12"},
        {"plugins|inspect|./x.so", "plugins inspect;./x.so;-"},
        {"new|plugin|weekend|--kind|detector", "new plugin;weekend;-;detector"},
        {"answer|-", "answer;-;-"},
        {"answer|jobs|-", "answer;jobs;-"},
        {"answer|3|--set|a=b=c|--set=/x=-1", "answer;-;3;a=b=c;/x=-1"},
        {"answer|3|-s|-x=1", "answer;-;3;-x=1"},
        {"export|jobs", "export;jobs;-"},
        {"export|validate|f.jsonl|--as|gemini", "export validate;f.jsonl;-;gemini"},
        {"retry|--failed|jobs", "retry;jobs;-;+"},
        {"retry|jobs|7", "retry;jobs;7"},
        {"help|ask|list", "help;ask;list"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_arguments arguments = {0};
        struct fnd_error error = {0};
        struct fnd_text text = {0};
        char storage[256];
        enum fnd_status status = parse(cases[i].line, &arguments, storage, &error);
        cr_expect_eq(status, FND_OK, "%s: %s", cases[i].line, error.message);
        describe(&arguments, &text);
        cr_expect_str_eq(fnd_text_z(&text), cases[i].taken, "%s", cases[i].line);
        fnd_text_finish(&text);
        fnd_arguments_finish(&arguments);
    }
}

Test(parse, refuses_what_is_wrong_and_says_what_was_meant)
{
    static const struct {
        const char *line, *message; /* part of it */
    } cases[] = {
        {"rnu|p.yaml", "did you mean 'run'"},
        {"zzzzzz", "`foundry-engine help` lists them all"},
        {"ask", "'ask list', 'ask show'"},
        {"ask|--json", "'ask list', 'ask show'"},
        {"ask|lst", "did you mean 'ask list'"},
        {"plugins|nothing-like-it", "no command 'plugins nothing-like-it'"},
        {"run", "'run' needs PIPELINE"},
        {"show", "'show' needs JOB"},
        {"run|a|b|c", "'c' is one too many"},
        {"status|a|b", "'b' is one too many"},
        {"run|p|--prams|x", "did you mean --param"},
        {"run|p|--nothing-like-it", "see `foundry-engine help run`"},
        {"run|p|-Z", "has no option -Z"},
        {"run|p|--param", "--param needs an argument: --param KEY=VALUE"},
        {"run|p|-p", "-p needs an argument"},
        {"run|p|--watch=yes", "--watch takes no argument"},
        {"run|p|--isolation=none", "one of sandbox, best-effort, process, inline, not 'none'"},
        {"run|p|-j|0", "--jobs takes a number from 1 on, not '0'"},
        {"run|p|--jobs=-1", "not '-1'"},
        {"run|p|-j|4x", "not '4x'"},
        {"answer|3|--if-version=", "not ''"},
        {"--json|status", "stands before any command"},
        {"new|plugin|x|--kind|thing", "one of phase, detector"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_arguments arguments = {0};
        struct fnd_error error = {0};
        char storage[256];
        cr_expect_eq(parse(cases[i].line, &arguments, storage, &error), FND_INVALID, "%s",
                     cases[i].line);
        cr_expect(strstr(error.message, cases[i].message) != NULL, "%s: %s", cases[i].line,
                  error.message);
        fnd_arguments_finish(&arguments);
    }
}

Test(parse, help_needs_no_operands_and_version_no_command)
{
    struct fnd_arguments arguments = {0};
    char storage[64];
    cr_assert_eq(parse("run|--help", &arguments, storage, NULL), FND_OK);
    cr_expect(arguments.help);
    cr_expect_str_eq(arguments.command->name, "run");
    fnd_arguments_finish(&arguments);
    cr_assert_eq(parse("--version", &arguments, storage, NULL), FND_OK);
    cr_expect(arguments.version);
    cr_expect_null(arguments.command);
    fnd_arguments_finish(&arguments);
    cr_assert_eq(fnd_arguments_parse(fnd_commands(), 0, NULL, &arguments, NULL), FND_OK);
    cr_expect_null(arguments.command);
}

Test(parse, a_repeated_option_is_a_list_and_its_last_value_counts)
{
    struct fnd_arguments arguments = {0};
    char storage[64];
    cr_assert_eq(parse("run|p|-p|a=1|-p|b=2|-j|3|-j|4", &arguments, storage, NULL), FND_OK);
    const char **list = fnd_arguments_list(&arguments, FND_OPTION_PARAM);
    cr_expect_str_eq(list[0], "a=1");
    cr_expect_str_eq(list[1], "b=2");
    cr_expect_null(list[2]);
    cr_expect_str_eq(fnd_arguments_value(&arguments, FND_OPTION_JOBS), "4");
    cr_expect_null(fnd_arguments_value(&arguments, FND_OPTION_AS));
    cr_expect_not(fnd_arguments_has(&arguments, FND_OPTION_WATCH));
    free(list);
    fnd_arguments_finish(&arguments);
}

/* No two options of a command share a name or a letter, and each means one thing everywhere. */
Test(parse, the_table_is_sound)
{
    for (const struct fnd_command *c = fnd_commands(); c->name != NULL; c++) {
        const struct fnd_option *all[64];
        size_t count = 0;
        for (const struct fnd_option *o = c->options; o != NULL && o->name != NULL; o++) {
            all[count++] = o;
        }
        for (const struct fnd_option *o = fnd_options_common(); o->name != NULL; o++) {
            all[count++] = o;
        }
        for (size_t i = 0; i < count; i++) {
            for (size_t k = 0; k < i; k++) {
                cr_expect_str_neq(all[i]->name, all[k]->name, "%s", c->name);
                cr_expect(all[i]->letter == '\0' || all[i]->letter != all[k]->letter, "%s: -%c",
                          c->name, all[i]->letter);
                cr_expect_neq(all[i]->id, all[k]->id, "%s: --%s", c->name, all[i]->name);
            }
            cr_expect_neq(all[i]->help[strlen(all[i]->help) - 1], '.', "%s --%s", c->name,
                          all[i]->name);
        }
        size_t operands = 0;
        while (c->operands != NULL && c->operands[operands].name != NULL) {
            operands++;
        }
        cr_expect_leq(operands, (size_t)FND_OPERANDS_MAX, "%s", c->name);
    }
}
