/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* get_current_dir_name */
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/output.h"
#include "command/session.h"
#include "worker/pool.h"

bool fnd_directory_is(const char *directory)
{
    struct fnd_text path = {0};
    struct stat about;
    fnd_text_printf(&path, "%s/.foundry", directory);
    bool holds = lstat(fnd_text_z(&path), &about) == 0 && S_ISDIR(about.st_mode);
    fnd_text_finish(&path);
    return holds;
}

enum fnd_status fnd_directory_find(const char *operand, char **directory, struct fnd_error *error)
{
    if (operand != NULL) {
        *directory = fnd_strdup(operand);
        return FND_OK;
    }
    char *here = get_current_dir_name();
    if (here == NULL) {
        return fnd_error_errno(error, FND_NOT_FOUND, errno, "cannot tell the current folder");
    }
    for (;;) {
        if (fnd_directory_is(here)) {
            *directory = here;
            return FND_OK;
        }
        char *slash = strrchr(here, '/');
        if (slash == NULL || here[1] == '\0') {
            break;
        }
        slash[slash == here ? 1 : 0] = '\0';
    }
    free(here);
    return fnd_error_set(error, FND_NOT_FOUND,
                         "neither this folder nor one above it is a job directory; name one, or "
                         "make one: " FND_PROGRAM " init DIR");
}

enum fnd_status fnd_path_absolute(const char *file, char **path, struct fnd_error *error)
{
    struct fnd_text whole = {0};
    if (file[0] != '/') {
        char *here = getcwd(NULL, 0);
        if (here == NULL) {
            return fnd_error_errno(error, FND_NOT_FOUND, errno, "cannot tell the current folder");
        }
        fnd_text_printf(&whole, "%s/", strcmp(here, "/") == 0 ? "" : here);
        free(here);
    }
    fnd_text_append_z(&whole, file);
    if (!fnd_utf8_valid(fnd_text_z(&whole), whole.size)) {
        fnd_text_finish(&whole);
        return fnd_error_set(error, FND_INVALID,
                             "the path of the pipeline %s is no UTF-8; rename it", file);
    }
    *path = fnd_text_take(&whole);
    return FND_OK;
}

/* A record of an older engine is brought up to date where it is first looked at, so that every
 * command may be the first; the store keeps a backup of it. */
static enum fnd_status raise_schema(const char *directory, struct fnd_error *error)
{
    const struct fnd_store_options options = {.env = fnd_env_system(),
                                              .lock_wait_ms = FND_LOCK_WAIT_MS};
    struct fnd_store *store = NULL;
    enum fnd_status status = fnd_store_open(directory, &options, &store, error);
    fnd_store_close(store);
    return status;
}

static enum fnd_status directory_open(const char *operand, struct fnd_reader **reader,
                                      enum fnd_status (*open)(const char *directory,
                                                              struct fnd_reader **reader,
                                                              struct fnd_error *error),
                                      struct fnd_error *error)
{
    char *directory = NULL;
    enum fnd_status status = fnd_directory_find(operand, &directory, error);
    if (status == FND_OK) {
        status = open(directory, reader, error);
    }
    if (status == FND_INVALID && strcmp(error->code, "older_schema") == 0) {
        status = raise_schema(directory, error);
        status = status == FND_OK ? open(directory, reader, error) : status;
    }
    free(directory);
    return status;
}

enum fnd_status fnd_directory_read(const char *operand, struct fnd_reader **reader,
                                   struct fnd_error *error)
{
    return directory_open(operand, reader, fnd_reader_open, error);
}

enum fnd_status fnd_directory_look(const char *operand, struct fnd_reader **reader,
                                   struct fnd_error *error)
{
    return directory_open(operand, reader, fnd_reader_look, error);
}

bool fnd_in_build_tree(void)
{
    char self[4096];
    ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    size_t root = strlen(FND_BUILD_ROOT);
    return size > (ssize_t)root && strncmp(self, FND_BUILD_ROOT, root) == 0 && self[root] == '/';
}

char *fnd_plugin_path(const struct fnd_app *app)
{
    const char *given = fnd_arguments_value(&app->arguments, FND_OPTION_PLUGIN_PATH);
    char *usual = fnd_catalog_path();
    struct fnd_text path = {0};
    if (given == NULL || given[0] == '\0') {
        return usual;
    }
    fnd_text_printf(&path, "%s:%s", given, usual);
    free(usual);
    return fnd_text_take(&path);
}

char *fnd_who(const struct fnd_app *app)
{
    const char *as = fnd_arguments_value(&app->arguments, FND_OPTION_AS);
    if (as != NULL && as[0] != '\0') {
        return fnd_strdup(as);
    }
    const struct passwd *user = getpwuid(geteuid());
    if (user != NULL && user->pw_name != NULL && user->pw_name[0] != '\0') {
        return fnd_strdup(user->pw_name);
    }
    struct fnd_text number = {0};
    fnd_text_printf(&number, "uid %ld", (long)geteuid());
    return fnd_text_take(&number);
}

enum fnd_status fnd_job_named(struct fnd_app *app, struct fnd_reader *reader, const char *name,
                              struct fnd_job_row *job, struct fnd_error *error)
{
    const char *pipeline = fnd_arguments_value(&app->arguments, FND_OPTION_PIPELINE);
    if (pipeline != NULL && fnd_job_find(reader, pipeline, name, job, NULL) == FND_OK) {
        return FND_OK;
    }
    enum fnd_status status = fnd_job_name(reader, name, job, error);
    if (status == FND_OK && pipeline != NULL && strcmp(job->pipeline, pipeline) != 0) {
        status = fnd_error_set(error, FND_NOT_FOUND, "job %s is of the pipeline %s, not of %s",
                               name, job->pipeline, pipeline);
        fnd_job_row_finish(job);
    }
    return status;
}

char **fnd_phase_names(struct fnd_reader *reader, int64_t pin)
{
    struct fnd_text text = {0};
    struct fnd_json document = {0};
    if (fnd_payload_get(reader, pin, &text, NULL, NULL) == FND_OK) {
        fnd_json_check(fnd_text_z(&text), text.size, "pin", &document, NULL);
    }
    struct fnd_json phases = fnd_json_find(document, "/canonical/phases");
    char **names = fnd_alloc((fnd_json_count(phases) + 1) * sizeof *names);
    for (struct fnd_json_walk walk = fnd_json_walk(phases); fnd_json_next(&walk);) {
        char *name = fnd_json_strdup(fnd_json_member(walk.value, "id"));
        names[walk.index] = name != NULL ? name : fnd_strdup("-");
    }
    fnd_text_finish(&text);
    return names;
}

void fnd_phase_names_free(char **names)
{
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        free(names[i]);
    }
    free(names);
}

const char *fnd_phase_name(char *const *names, int32_t index)
{
    for (int32_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (i == index) {
            return names[i];
        }
    }
    return "-";
}

int fnd_counts_exit(struct fnd_json counts)
{
    static const struct {
        enum fnd_state state;
        int code;
    } rules[] = {{FND_FAILED, FND_EXIT_FAILED},
                 {FND_CANCELLED, FND_EXIT_FAILED},
                 {FND_PAUSED, FND_EXIT_WAITING}};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        int64_t count = 0;
        fnd_json_integer(fnd_json_member(counts, fnd_state_name(rules[i].state)), &count);
        if (count > 0) {
            return rules[i].code;
        }
    }
    return FND_EXIT_DONE;
}
