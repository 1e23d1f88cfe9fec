/* SPDX-License-Identifier: MIT */
/* Isolation for people: names, what this machine has of it, what it shuts out. */
#include <inttypes.h>
#include <string.h>

#include "worker/confine.h"
#include "worker/filter.h"
#include "worker/landlock.h"
#include "worker/pool.h"

const char *fnd_isolation_name(enum fnd_isolation isolation)
{
    switch (isolation) {
    case FND_ISOLATION_INLINE:
        return "inline";
    case FND_ISOLATION_PROCESS:
        return "process";
    case FND_ISOLATION_LANDLOCK:
        return "landlock";
    case FND_ISOLATION_SANDBOX:
        return "sandbox";
    case FND_ISOLATION_BEST_EFFORT:
        return "best-effort";
    }
    return "unknown";
}

bool fnd_isolation_parse(const char *name, enum fnd_isolation *isolation)
{
    static const enum fnd_isolation wanted[] = {FND_ISOLATION_INLINE, FND_ISOLATION_PROCESS,
                                                FND_ISOLATION_SANDBOX, FND_ISOLATION_BEST_EFFORT};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (strcmp(fnd_isolation_name(wanted[i]), name) == 0) {
            *isolation = wanted[i];
            return true;
        }
    }
    return false;
}

void fnd_level_text(int level, struct fnd_text *text)
{
    fnd_text_append_z(text, fnd_isolation_name((enum fnd_isolation)(level & FND_LEVEL_MASK)));
    fnd_text_append_z(text, (level & FND_LEVEL_ROOT) != 0 ? " as root" : "");
    fnd_text_append_z(text, (level & FND_LEVEL_OWNER) != 0 ? " as the folder's owner" : "");
}

enum fnd_status fnd_sandbox_there(int abi_max, struct fnd_error *error)
{
    struct fnd_error why = {0};
    if (fnd_landlock_abi(abi_max, &why) > 0 && fnd_filter_there(&why)) {
        return FND_OK;
    }
    (void)fnd_error_set(error, FND_DENIED,
                        "isolation: sandbox is not to be had here: %s; `isolation: best-effort` "
                        "takes the layers there are, `isolation: process` none",
                        why.message);
    fnd_error_code(error, "isolation_missing");
    return FND_DENIED;
}

/** A list of names that are separated by spaces, or of paths, as JSON strings. */
static void json_list(struct fnd_text *json, const char *name, const char *const *paths,
                      const char *words)
{
    const char *comma = "";
    fnd_text_printf(json, ",\"%s\":[", name);
    for (; paths != NULL && *paths != NULL; paths++) {
        fnd_text_append_z(json, comma);
        fnd_text_append_json_z(json, *paths);
        comma = ",";
    }
    while (words != NULL && *words != '\0') { /* conditions in brackets may have spaces in them */
        size_t size = strcspn(words, " (");
        size += words[size] == '(' ? strcspn(words + size, ")") + 1 : 0;
        fnd_text_append_z(json, comma);
        fnd_text_append_json(json, words, size);
        comma = ",";
        words += size + strspn(words + size, " ");
    }
    fnd_text_append_byte(json, ']');
}

static void profile_json(int abi, bool filter, const char *const *reads, bool write,
                         struct fnd_text *text)
{
    struct fnd_text calls = {0};
    fnd_filter_calls(write, &calls);
    fnd_text_printf(text, "{\"landlock_abi\":%d,\"seccomp\":%s,\"write\":%s", abi,
                    filter ? "true" : "false", write ? "true" : "false");
    json_list(text, "libraries", fnd_landlock_libraries(), NULL);
    json_list(text, "devices", fnd_landlock_devices(), NULL);
    json_list(text, "reads", reads, NULL);
    json_list(text, "calls", NULL, fnd_text_z(&calls));
    fnd_text_append_byte(text, '}');
    fnd_text_finish(&calls);
}

static void paths(struct fnd_text *text, const char *what, const char *const *list)
{
    if (list == NULL || *list == NULL) {
        return;
    }
    fnd_text_append_z(text, what);
    for (; *list != NULL; list++) {
        fnd_text_append_byte(text, ' ');
        fnd_text_append_visible(text, *list, strlen(*list));
    }
    fnd_text_append_byte(text, '\n');
}

void fnd_sandbox_profile(const char *const *reads, bool write, bool json, struct fnd_text *text)
{
    const int abi = fnd_landlock_abi(0, NULL);
    const bool filter = fnd_filter_there(NULL);
    if (json) {
        profile_json(abi, filter, reads, write, text);
        return;
    }
    fnd_text_append_z(text, "layers: limits, no new privileges, no capabilities, ");
    fnd_landlock_text(abi, text);
    fnd_text_append_z(text, filter ? ", seccomp\n" : ", no seccomp\n");
    paths(text, "libraries:", fnd_landlock_libraries());
    paths(text, "devices:", fnd_landlock_devices());
    paths(text, "reads:", reads);
    fnd_text_append_z(text, write ? "writes: its work folder, and the folder that is granted\n"
                                  : "writes: its work folder\n");
    fnd_text_append_z(text, "calls: ");
    fnd_filter_calls(write, text);
    fnd_text_append_byte(text, '\n');
}
