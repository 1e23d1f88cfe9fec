/* SPDX-License-Identifier: MIT */
/* Pages and their truth, drawn by a program of the tree. */
#define _GNU_SOURCE /* environ */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "command/flywheel.h"

enum { TRUTH_SIZE_MAX = 1 << 20, NUMBER_SIZE = 24 };

/* Out of the build folder it lies where it was built, installed beside the worker. */
static char *generator(const struct flywheel_case *chosen)
{
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/%s",
                    fnd_in_build_tree() ? FND_BUILD_ROOT "/tools/samples" : FND_LIBEXEC_DIR,
                    chosen->generator);
    return fnd_text_take(&path);
}

/* Wait for it; a signal that stops us stopped it, too, where both have one terminal. */
static enum fnd_status child_wait(const struct flywheel *flywheel, const char *program, pid_t child,
                                  struct fnd_error *error)
{
    int state = 0;
    while (waitpid(child, &state, 0) < 0) {
        if (errno != EINTR) {
            return fnd_error_errno(error, FND_IO, errno, "cannot wait for %s", program);
        }
    }
    if (fnd_app_interrupts(flywheel->app) > 0) {
        return fnd_error_set(error, FND_INTERRUPTED, "interrupted, all is saved");
    }
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s %s %d: its message above says why the pages were not drawn",
                             program, WIFEXITED(state) ? "ended with" : "was ended by signal",
                             WIFEXITED(state) ? WEXITSTATUS(state) : WTERMSIG(state));
    }
    return FND_OK;
}

enum fnd_status flywheel_pages(const struct flywheel *flywheel, size_t round,
                               struct fnd_error *error)
{
    const struct flywheel_case *chosen = flywheel->chosen;
    char seed[NUMBER_SIZE], count[NUMBER_SIZE], name[NUMBER_SIZE];
    char *program = generator(chosen);
    pid_t child = 0;
    enum fnd_status status = FND_OK;
    (void)snprintf(seed, sizeof seed, "%" PRIu64, flywheel->seed * FLYWHEEL_ROUNDS_MAX + round);
    (void)snprintf(count, sizeof count, "%zu", flywheel->documents);
    (void)snprintf(name, sizeof name, "round%02zu", round + 1);
    const char *const list[] = {program,
                                "--seed",
                                seed,
                                "--count",
                                count,
                                "--out",
                                flywheel->directory,
                                "--name",
                                name,
                                chosen->layouts != NULL ? "--layouts" : NULL,
                                chosen->layouts,
                                NULL};
    char *arguments[sizeof list / sizeof list[0]];
    memcpy(arguments, list, sizeof list);
    if (access(program, X_OK) < 0) {
        status = fnd_error_set(
            error, FND_NOT_FOUND,
            "the program that draws the pages is not there: %s. It is built and installed where "
            "cairo, pango and leptonica are (Debian: libcairo2-dev libpango1.0-dev "
            "libleptonica-dev, then meson setup -Dsamples=enabled)",
            program);
    } else {
        const int failed = posix_spawn(&child, program, NULL, NULL, arguments, environ);
        status = failed == 0 ? child_wait(flywheel, program, child, error)
                             : fnd_error_errno(error, FND_IO, failed, "cannot start %s", program);
    }
    free(program);
    return status;
}

enum fnd_status flywheel_truth(const struct flywheel *flywheel, const char *path,
                               struct fnd_text *text, struct fnd_json *truth,
                               struct fnd_error *error)
{
    struct fnd_text name = {0};
    const char *dot = strrchr(path, '.');
    const int stem = (int)(dot != NULL ? (size_t)(dot - path) : strlen(path));
    fnd_text_printf(&name, "%s/%.*s.truth.json", flywheel->directory, stem, path);
    fnd_text_clear(text);
    enum fnd_status status =
        fnd_file_read(AT_FDCWD, fnd_text_z(&name), TRUTH_SIZE_MAX, text, error);
    if (status == FND_OK) {
        status = fnd_json_check(fnd_text_z(text), text->size, fnd_text_z(&name), truth, error);
    }
    const char *given = flywheel->chosen->given;
    if (status == FND_OK && given != NULL && fnd_json_find(*truth, given).bytes != NULL) {
        struct fnd_text rest = {0};
        status = fnd_json_remove(*truth, given, &rest, error);
        fnd_text_finish(text);
        *text = rest;
        *truth = (struct fnd_json){text->bytes, text->size};
    }
    fnd_text_finish(&name);
    return status;
}

size_t flywheel_round_of(const char *path)
{
    unsigned round = 0, page = 0;
    char dash = '\0';
    if (sscanf(path, "round%2u%c%u", &round, &dash, &page) != 3 || dash != '-' || round == 0) {
        return SIZE_MAX;
    }
    return round - 1;
}
