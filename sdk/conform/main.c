/* SPDX-License-Identifier: MIT */
/* foundry-conform: a host for plugin authors. It loads one plugin in this process, checks what it
 * says of itself, and runs cases against it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "place.h"
#include "trial.h"

enum { CASE_SIZE_MAX = 16 << 20, EXIT_DIFFERENCE = 1, EXIT_USAGE = 2, EXIT_LOAD = 6 };

static const char usage[] =
    "usage: foundry-conform PLUGIN.so                 check it and print what it offers\n"
    "       foundry-conform PLUGIN.so CASE.json...    run cases, compare with their \"expect\"\n"
    "       foundry-conform PLUGIN.so --use NAME [--config JSON] [--subject JSON]\n"
    "                       [--confidence JSON] [--origin JSON] [--answers JSON]\n"
    "                       [--artifacts JSON] [--run JSON]    run once, print the result\n"
    "       foundry-conform PLUGIN.so --misuse [--json] [--check NAME] [CASE.json...]\n"
    "                       misuse every phase and detector and say what it did wrong\n"
    "\n"
    "The plugin runs in this process, or with --isolation sandbox behind its name in a worker, as\n"
    "in the engine; --isolation process is the same without the sandbox.\n"
    "\n"
    "A file holds a case or an array of them. A case is an object with \"use\", the same parts by\n"
    "name, and \"expect\": what the result must have, e.g.\n"
    "{\"outcome\":\"done\",\"questions\":[{\"pointer\":\"/total\"}]}.\n"
    "Exit: 0 all as expected, 1 a difference or a broken contract, 2 usage, 6 cannot load.\n";

/** Print a JSON text for people. */
static void print_json(FILE *file, const struct fnd_text *json)
{
    struct fnd_json value;
    struct fnd_text pretty = {0};
    if (fnd_json_check(json->bytes, json->size, NULL, &value, NULL) == FND_OK) {
        fnd_json_pretty(value, &pretty, 0);
    } else { /* the plugin put in what is no JSON: show it as it is */
        fnd_text_append_visible(&pretty, json->bytes, json->size);
    }
    (void)fprintf(file, "%s\n", fnd_text_z(&pretty));
    fnd_text_finish(&pretty);
}

/** How many cases were run, and how many came out as expected. */
struct tally {
    size_t run, passed;
};

/** Run one case and compare; says so on `stdout`. */
static void case_check(const struct case_place *place, const char *path, struct fnd_json given,
                       struct tally *tally)
{
    struct fnd_error error = {0};
    struct fnd_text result = {0};
    struct fnd_json found;
    char *name = fnd_json_strdup(fnd_json_member(given, "name"));
    const struct fnd_json expected = fnd_json_member(given, "expect");
    enum fnd_status status = FND_OK;
    if (expected.bytes == NULL) {
        status = fnd_error_set(&error, FND_INVALID,
                               "the case has no \"expect\": say what must come out");
    }
    if (status == FND_OK) {
        status = case_run(place, given, &result, &error);
    }
    if (status == FND_OK) {
        status = fnd_json_check(result.bytes, result.size, "the result", &found, &error);
    }
    if (status == FND_OK) {
        status = case_match(expected, found, &error);
    }
    (void)printf("%s %s%s%s\n", status == FND_OK ? "ok  " : "FAIL", path, name == NULL ? "" : ": ",
                 name == NULL ? "" : name);
    if (status != FND_OK) {
        (void)printf("     %s\n", error.message);
        if (result.size > 0) {
            print_json(stdout, &result);
        }
    }
    tally->run++;
    tally->passed += status == FND_OK ? 1 : 0;
    fnd_text_finish(&result);
    free(name);
}

/** Run the case, or the array of cases, of a file. */
static void file_check(const struct case_place *place, const char *path, struct tally *tally)
{
    struct fnd_error error = {0};
    struct fnd_text text = {0};
    struct fnd_json given;
    enum fnd_status status = fnd_file_read(AT_FDCWD, path, CASE_SIZE_MAX, &text, &error);
    if (status == FND_OK) {
        status = fnd_json_check(text.bytes, text.size, path, &given, &error);
    }
    if (status != FND_OK) {
        (void)printf("FAIL %s\n     line %zu, column %zu: %s\n", path, error.line, error.column,
                     error.message);
        tally->run++;
    } else if (fnd_json_type(given) == FND_JSON_ARRAY) {
        struct fnd_json_walk walk = fnd_json_walk(given);
        while (fnd_json_next(&walk)) {
            case_check(place, path, walk.value, tally);
        }
    } else {
        case_check(place, path, given, tally);
    }
    fnd_text_finish(&text);
}

/** Make a case out of options.  `argv` begins at the first one. */
static enum fnd_status options_read(char *const *argv, struct fnd_text *given,
                                    struct fnd_error *error)
{
    static const char *const names[] = {"--use",    "--config",  "--subject",   "--confidence",
                                        "--origin", "--answers", "--artifacts", "--run"};
    const size_t count = sizeof names / sizeof names[0];
    fnd_text_append_byte(given, '{');
    for (; *argv != NULL; argv += 2) {
        size_t i = 0;
        while (i < count && strcmp(names[i], *argv) != 0) {
            i++;
        }
        if (i == count) {
            return fnd_error_set(error, FND_INVALID, "there is no option %s", *argv);
        }
        if (argv[1] == NULL) {
            return fnd_error_set(error, FND_INVALID, "%s takes a value", *argv);
        }
        fnd_text_printf(given, "%s\"%s\":", given->size == 1 ? "" : ",", *argv + 2);
        if (i == 0) {
            fnd_text_append_json_z(given, argv[1]);
            continue;
        }
        struct fnd_json value;
        if (fnd_json_check(argv[1], strlen(argv[1]), *argv, &value, error) != FND_OK) {
            return error->status;
        }
        fnd_text_append(given, value.bytes, value.size);
    }
    fnd_text_append_byte(given, '}');
    return FND_OK;
}

static int run_options(const struct case_place *place, char *const *argv)
{
    struct fnd_error error = {0};
    struct fnd_text text = {0};
    struct fnd_text result = {0};
    struct fnd_json given;
    int code = 0;
    enum fnd_status status = options_read(argv, &text, &error);
    if (status == FND_OK) {
        status = fnd_json_check(text.bytes, text.size, "the options", &given, &error);
    }
    if (status != FND_OK) {
        code = EXIT_USAGE;
    } else {
        status = case_run(place, given, &result, &error);
        code = status == FND_OK ? 0 : EXIT_DIFFERENCE;
    }
    if (result.size > 0) {
        print_json(stdout, &result);
    }
    if (status != FND_OK) {
        (void)fprintf(stderr, "foundry-conform: %s\n", error.message);
    }
    fnd_text_finish(&text);
    fnd_text_finish(&result);
    return code;
}

static int run_files(const struct case_place *place, char *const *paths)
{
    struct tally tally = {0};
    for (; *paths != NULL; paths++) {
        file_check(place, *paths, &tally);
    }
    (void)printf("%zu of %zu cases passed\n", tally.passed, tally.run);
    return tally.passed == tally.run && tally.run > 0 ? 0 : EXIT_DIFFERENCE;
}

/** "--isolation LEVEL" in front of the rest.  Returns how many arguments it took, or -1. */
static int isolation_read(char *const *argv, enum fnd_isolation *isolation)
{
    if (argv[0] == NULL || strcmp(argv[0], "--isolation") != 0) {
        return 0;
    }
    return argv[1] != NULL && fnd_isolation_parse(argv[1], isolation) ? 2 : -1;
}

static void describe(const struct fnd_plugin *plugin)
{
    struct fnd_text described = {0};
    fnd_plugin_describe(plugin, &described);
    print_json(stdout, &described);
    fnd_text_finish(&described);
}

/** `--misuse`: its own options, then case files. */
static int misuse(const char *path, char *const *argv)
{
    const char *only = NULL;
    bool json = false;
    for (; *argv != NULL && **argv == '-'; argv++) {
        if (strcmp(*argv, "--json") == 0) {
            json = true;
        } else if (strcmp(*argv, "--check") == 0 && argv[1] != NULL) {
            only = *++argv;
        } else {
            (void)fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    return misuse_run(path, argv, only, json);
}

int main(int argc, char **argv)
{
    struct fnd_error error = {0};
    struct fnd_plugin plugin = {0};
    struct case_place place = {.fd = -1};
    enum fnd_isolation isolation = FND_ISOLATION_INLINE;
    if (argc > 2 && argv[1][0] != '-' && strcmp(argv[2], "--misuse") == 0) {
        return misuse(argv[1], argv + 3);
    }
    const int taken = argc < 2 || argv[1][0] == '-' ? -1 : isolation_read(argv + 2, &isolation);
    if (taken < 0) {
        (void)fputs(usage, stderr);
        return EXIT_USAGE;
    }
    int code = 0;
    char *const *rest = argv + 2 + taken;
    if (place_open(argv[1], isolation, &plugin, &place, &error) != FND_OK) {
        (void)fprintf(stderr, "foundry-conform: %s\n", error.message);
        code = EXIT_LOAD;
    } else if (*rest == NULL) {
        describe(&plugin);
    } else {
        code = **rest == '-' ? run_options(&place, rest) : run_files(&place, rest);
    }
    place_close(&place);
    return code;
}
