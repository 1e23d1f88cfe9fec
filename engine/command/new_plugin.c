/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* d_type */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "command/commands.h"
#include "command/output.h"
#include "command/session.h"

enum { TEMPLATE_SIZE_MAX = 1 << 20, TEMPLATE_DEPTH_MAX = 4, NAME_SIZE_MAX = 64 };

/** Where the SDK lies: installed, or in the tree that this program was built from. */
struct sdk {
    const char *include, *conform, *templates;
};

static const struct sdk installed = {
    .include = FND_INCLUDE_DIR, .conform = FND_CONFORM, .templates = FND_DATA_DIR "/template"};
static const struct sdk in_tree = {.include = FND_SOURCE_ROOT "/sdk/include",
                                   .conform = FND_BUILD_ROOT "/sdk/conform/foundry-conform",
                                   .templates = FND_SOURCE_ROOT "/sdk/template"};

static const struct sdk *find_sdk(void)
{
    return fnd_in_build_tree() ? &in_tree : &installed;
}

const char *fnd_sdk_conform(void)
{
    return find_sdk()->conform;
}

struct copy {
    struct fnd_app *app;
    const struct sdk *sdk;
    const char *name;
    struct fnd_text files; /* what was made, a line each */
};

/* Append the template's text with its words replaced. */
static void fill(const struct copy *copy, const struct fnd_text *text, struct fnd_text *filled)
{
    const char *const words[][2] = {{"@NAME@", copy->name},
                                    {"@INCLUDE@", copy->sdk->include},
                                    {"@CONFORM@", copy->sdk->conform}};
    for (const char *at = fnd_text_z(text); *at != '\0';) {
        size_t size = 0;
        for (size_t i = 0; i < sizeof words / sizeof words[0] && size == 0; i++) {
            if (strncmp(at, words[i][0], strlen(words[i][0])) == 0) {
                size = strlen(words[i][0]);
                fnd_text_append_z(filled, words[i][1]);
            }
        }
        if (size == 0) {
            fnd_text_append_byte(filled, *at);
            size = 1;
        }
        at += size;
    }
}

static enum fnd_status copy_file(struct copy *copy, int from, int to, const char *name,
                                 const char *shown, struct fnd_error *error)
{
    struct fnd_text text = {0}, filled = {0};
    enum fnd_status status = fnd_file_read(from, name, TEMPLATE_SIZE_MAX, &text, error);
    if (status == FND_OK) {
        fill(copy, &text, &filled);
        status = fnd_file_write(to, name, fnd_text_z(&filled), filled.size, 0666, error);
    }
    if (status == FND_OK) {
        fnd_text_printf(&copy->files, "%s\n", shown);
    }
    fnd_text_finish(&text);
    fnd_text_finish(&filled);
    return status;
}

/* Copy a folder's files and folders.  from, to: descriptors, borrowed. */
static enum fnd_status copy_folder(struct copy *copy, int from, int to, const char *shown,
                                   int depth, struct fnd_error *error)
{
    int own = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = own >= 0 ? fdopendir(own) : NULL;
    if (folder == NULL) {
        int failed = errno;
        if (own >= 0) {
            close(own);
        }
        return fnd_error_errno(error, fnd_status_errno(failed), failed, "cannot list the template");
    }
    enum fnd_status status = FND_OK;
    struct dirent *entry;
    while (status == FND_OK && (entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        struct fnd_text path = {0};
        fnd_text_printf(&path, "%s/%s", shown, entry->d_name);
        if (entry->d_type != DT_DIR) {
            status = copy_file(copy, from, to, entry->d_name, fnd_text_z(&path), error);
        } else if (depth < TEMPLATE_DEPTH_MAX) {
            int below = openat(from, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), made = -1;
            if (mkdirat(to, entry->d_name, 0777) == 0 || errno == EEXIST) {
                made = openat(to, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            }
            if (below < 0 || made < 0) {
                status = fnd_error_errno(error, fnd_status_errno(errno), errno,
                                         "cannot make the folder %s", fnd_text_z(&path));
            } else {
                status = copy_folder(copy, below, made, fnd_text_z(&path), depth + 1, error);
            }
            if (below >= 0) {
                close(below);
            }
            if (made >= 0) {
                close(made);
            }
        }
        fnd_text_finish(&path);
    }
    closedir(folder);
    return status;
}

static enum fnd_status check_name(const char *name, struct fnd_error *error)
{
    size_t size = strlen(name);
    if (size == 0 || size > NAME_SIZE_MAX || name[0] < 'a' || name[0] > 'z' ||
        strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != size) {
        return fnd_error_set(error, FND_INVALID,
                             "'%s' is no name for a plugin: lower-case letters, digits and '-', a "
                             "letter first, %d at most",
                             name, NAME_SIZE_MAX);
    }
    if (strcmp(name, "foundry") == 0) {
        return fnd_error_set(error, FND_INVALID,
                             "'foundry' is the engine's own; take another name");
    }
    return FND_OK;
}

static enum fnd_status make(struct copy *copy, const char *kind, const char *folder,
                            struct fnd_error *error)
{
    struct fnd_text from_path = {0};
    fnd_text_printf(&from_path, "%s/%s", copy->sdk->templates, kind);
    int from = open(fnd_text_z(&from_path), O_RDONLY | O_DIRECTORY | O_CLOEXEC), to = -1;
    enum fnd_status status = FND_OK;
    if (from < 0) {
        status = fnd_error_errno(error, FND_NOT_FOUND, errno,
                                 "cannot open the template %s; is the SDK installed?",
                                 fnd_text_z(&from_path));
    } else if (mkdir(folder, 0777) < 0) {
        status =
            errno == EEXIST
                ? fnd_error_set(error, FND_CONFLICT,
                                "%s is there already; take another --dir or remove it", folder)
                : fnd_error_errno(error, fnd_status_errno(errno), errno, "cannot make %s", folder);
    } else if ((to = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        status = fnd_error_errno(error, FND_IO, errno, "cannot open %s", folder);
    } else {
        status = copy_folder(copy, from, to, folder, 0, error);
    }
    if (from >= 0) {
        close(from);
    }
    if (to >= 0) {
        close(to);
    }
    fnd_text_finish(&from_path);
    return status;
}

static void print_json(struct fnd_app *app, const struct copy *copy, const char *folder)
{
    struct fnd_text json = {0};
    fnd_text_append_byte(&json, '{');
    fnd_field(&json, "plugin", copy->name);
    fnd_text_append_byte(&json, ',');
    fnd_field(&json, "directory", folder);
    fnd_text_append_z(&json, ",\"files\":[");
    const char *at = fnd_text_z(&copy->files);
    for (bool first = true; *at != '\0'; first = false) {
        size_t size = strcspn(at, "\n");
        struct fnd_text visible = {0};
        fnd_text_append_visible(&visible, at, size);
        fnd_text_append_z(&json, first ? "" : ",");
        fnd_text_append_json(&json, fnd_text_z(&visible), visible.size);
        fnd_text_finish(&visible);
        at += size + 1;
    }
    fnd_text_append_z(&json, "]}\n");
    fnd_raw(app, fnd_text_z(&json), json.size);
    fnd_text_finish(&json);
}

int fnd_command_new_plugin(struct fnd_app *app)
{
    const char *name = app->arguments.operands[0];
    const char *kind = fnd_arguments_value(&app->arguments, FND_OPTION_KIND);
    const char *folder = fnd_arguments_value(&app->arguments, FND_OPTION_DIRECTORY);
    struct fnd_error error = {0};
    struct copy copy = {.app = app, .sdk = find_sdk(), .name = name};
    enum fnd_status status = check_name(name, &error);
    if (status == FND_OK && kind == NULL) {
        status = fnd_error_set(&error, FND_INVALID,
                               "say what the plugin holds: --kind phase or --kind detector");
    }
    if (status != FND_OK) {
        fnd_complain(app, &error);
        return FND_EXIT_USAGE;
    }
    folder = folder != NULL ? folder : name;
    status = make(&copy, kind, folder, &error);
    if (status == FND_OK && app->json) {
        print_json(app, &copy, folder);
    } else if (status == FND_OK) {
        fnd_lines(app, fnd_text_z(&copy.files));
    }
    if (status == FND_OK) {
        fnd_next(app,
                 "next: make -C %s test; then copy %s/%s.so into the plugin folder, or run "
                 "with --plugin-path",
                 folder, folder, name);
    }
    fnd_text_finish(&copy.files);
    return status == FND_OK ? FND_EXIT_DONE : fnd_fail(app, &error);
}
