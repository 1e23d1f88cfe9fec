/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* dladdr */
#include "plugin/load.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "plugin/names.h"

enum { FD_MIN = 64, CALLEES_MAX = 256, SCHEMA_SIZE_MAX = 1 << 20 };

/** What is true of a shared object of this machine before anything of it is mapped. */
static enum fnd_status check_elf(int fd, const char *path, struct fnd_error *error)
{
    Elf64_Ehdr head;
    const ssize_t size = pread(fd, &head, sizeof head, 0);
    if (size < 0) {
        return fnd_error_errno(error, FND_IO, errno, "cannot read %s", path);
    }
    if ((size_t)size < sizeof head || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s is no plugin: it is not a shared object (ELF); build it with "
                             "-shared -fPIC",
                             path);
    }
    Elf64_Ehdr own = {0};
    const int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    const bool known = self >= 0 && pread(self, &own, sizeof own, 0) == (ssize_t)sizeof own;
    if (self >= 0) {
        (void)close(self);
    }
    if (head.e_type != ET_DYN || (known && (head.e_machine != own.e_machine ||
                                            head.e_ident[EI_CLASS] != own.e_ident[EI_CLASS]))) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s is no plugin: it is not a shared object for this machine (ELF "
                             "type %u, machine %u)",
                             path, (unsigned)head.e_type, (unsigned)head.e_machine);
    }
    struct stat stat;
    if (fstat(fd, &stat) != 0) {
        return fnd_error_errno(error, FND_IO, errno, "cannot read %s", path);
    }
    /* A file cut short would be mapped and then kill whoever touches what is missing. */
    const uint64_t end = head.e_shoff + (uint64_t)head.e_shentsize * head.e_shnum;
    if (head.e_shoff != 0 && (uint64_t)stat.st_size < end) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s is cut short: it has %lld bytes and needs %llu; build or copy it "
                             "again",
                             path, (long long)stat.st_size, (unsigned long long)end);
    }
    return FND_OK;
}

/** The entry's code must lie in the file that was opened: a search by name would also find that of
 *  a library which the object is linked with. */
static enum fnd_status check_place(int fd, void *entry, const char *path, struct fnd_error *error)
{
    Dl_info place;
    struct stat opened, found;
    const bool placed = dladdr(entry, &place) != 0 && place.dli_fname != NULL;
    if (placed && (fstat(fd, &opened) != 0 || stat(place.dli_fname, &found) != 0)) {
        return fnd_error_errno(error, FND_IO, errno, "cannot look at the plugin %s", path);
    }
    if (!placed) {
        return fnd_error_set(error, FND_PLUGIN,
                             "cannot tell which file foundry_plugin_entry() of %s lies in", path);
    }
    if (opened.st_dev != found.st_dev || opened.st_ino != found.st_ino) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s exports no foundry_plugin_entry() of its own: the one it shows is "
                             "in %s, which it is linked with",
                             path, place.dli_fname);
    }
    return FND_OK;
}

static enum fnd_status check_abi(const foundry_plugin_t *entry, const char *path,
                                 struct fnd_error *error)
{
    const uint32_t host = FOUNDRY_ABI_CURRENT;
    const unsigned host_major = host >> 16, host_minor = host & 0xffff;
    const unsigned major = entry->abi >> 16, minor = entry->abi & 0xffff;
    const unsigned min_major = entry->abi_min >> 16, min_minor = entry->abi_min & 0xffff;
    if (major != host_major || (major == 0 && minor != host_minor)) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s was built for plugin ABI %u.%u, this engine has %u.%u; build the "
                             "plugin again with this engine's foundry/plugin.h",
                             path, major, minor, host_major, host_minor);
    }
    if (entry->abi_min > host) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s needs plugin ABI %u.%u or later, this engine has %u.%u; use a "
                             "newer engine or an older plugin",
                             path, min_major, min_minor, host_major, host_minor);
    }
    return FND_OK;
}

static bool is_line(const char *text)
{
    if (text == NULL) {
        return false;
    }
    const size_t size = strnlen(text, FND_PLUGIN_LINE_MAX + 1);
    return size <= FND_PLUGIN_LINE_MAX && fnd_utf8_valid(text, size);
}

static enum fnd_status check_json(const char *json, const char *what, const char *of,
                                  const char *path, struct fnd_error *error)
{
    if (json == NULL) {
        return FND_OK;
    }
    struct fnd_json value;
    struct fnd_error story = {0};
    const size_t size = strnlen(json, SCHEMA_SIZE_MAX + 1);
    if (size > SCHEMA_SIZE_MAX) {
        return fnd_error_set(error, FND_PLUGIN, "%s: %s of \"%s\" is longer than 1 MiB", path, what,
                             of);
    }
    if (fnd_json_check(json, size, NULL, &value, &story) != FND_OK) {
        return fnd_error_set(error, FND_PLUGIN, "%s: %s of \"%s\" is no JSON: %s (line %zu)", path,
                             what, of, story.message, story.line);
    }
    if (fnd_json_type(value) != FND_JSON_OBJECT) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s: %s of \"%s\" is a JSON %s, it must be an object", path, what, of,
                             fnd_json_type_name(fnd_json_type(value)));
    }
    return FND_OK;
}

/** A phase, a detector or a trainer: what they have in common. */
struct callee {
    size_t struct_size, struct_size_min;
    const char *name, *summary, *config_schema, *output_schema, *needs_json;
    uint32_t threads, flags, flags_known;
    bool runs; /* process() or detect() is there */
};

static enum fnd_status check_callee(const struct callee *callee, const char *kind, size_t index,
                                    const char *path, struct fnd_error *error)
{
    if (!fnd_callee_name_valid(callee->name)) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s: the name of %s %zu is not made of 1 to 64 lower case letters, "
                             "digits and dashes",
                             path, kind, index);
    }
    if (!is_line(callee->summary)) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s: %s \"%s\" has no summary of at most %d bytes of UTF-8", path,
                             kind, callee->name, (int)FND_PLUGIN_LINE_MAX);
    }
    if (!callee->runs) {
        return fnd_error_set(error, FND_PLUGIN, "%s: %s \"%s\" has no function to call", path, kind,
                             callee->name);
    }
    if (callee->threads > FOUNDRY_CONCURRENT || (callee->flags & ~callee->flags_known) != 0) {
        return fnd_error_set(
            error, FND_PLUGIN,
            "%s: %s \"%s\" has threads %u and flags %u, which this engine does not "
            "know",
            path, kind, callee->name, (unsigned)callee->threads, (unsigned)callee->flags);
    }
    enum fnd_status status =
        check_json(callee->config_schema, "the config schema", callee->name, path, error);
    if (status == FND_OK) {
        status = check_json(callee->output_schema, "the output schema", callee->name, path, error);
    }
    if (status == FND_OK) {
        status = check_json(callee->needs_json, "needs_json", callee->name, path, error);
    }
    return status;
}

static enum fnd_status too_short(const char *kind, size_t index, size_t size, size_t wanted,
                                 const char *path, struct fnd_error *error)
{
    return fnd_error_set(error, FND_PLUGIN,
                         "%s: struct_size of %s %zu is %zu, this ABI has %zu; set it to sizeof",
                         path, kind, index, size, wanted);
}

static enum fnd_status twice(const char *kind, const char *name, const char *path,
                             struct fnd_error *error)
{
    return fnd_error_set(error, FND_PLUGIN, "%s: two %ss are named \"%s\"", path, kind, name);
}

static enum fnd_status check_phases(const foundry_plugin_t *entry, const char *path,
                                    struct fnd_error *error)
{
    for (size_t i = 0; entry->phases != NULL && entry->phases[i] != NULL; i++) {
        const foundry_phase_t *phase = entry->phases[i];
        if (i == CALLEES_MAX) {
            return fnd_error_set(error, FND_PLUGIN, "%s has more than %d phases", path,
                                 (int)CALLEES_MAX);
        }
        if (phase->struct_size < sizeof *phase) {
            return too_short("phase", i, phase->struct_size, sizeof *phase, path, error);
        }
        const struct callee callee = {.name = phase->name,
                                      .summary = phase->summary,
                                      .config_schema = phase->config_schema,
                                      .output_schema = phase->output_schema,
                                      .needs_json = phase->needs_json,
                                      .threads = phase->threads,
                                      .flags = phase->flags,
                                      .flags_known = FOUNDRY_NOT_REPEATABLE,
                                      .runs = phase->process != NULL};
        const enum fnd_status status = check_callee(&callee, "phase", i, path, error);
        if (status != FND_OK) {
            return status;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(entry->phases[j]->name, phase->name) == 0) {
                return twice("phase", phase->name, path, error);
            }
        }
    }
    return FND_OK;
}

static enum fnd_status check_detectors(const foundry_plugin_t *entry, const char *path,
                                       struct fnd_error *error)
{
    for (size_t i = 0; entry->detectors != NULL && entry->detectors[i] != NULL; i++) {
        const foundry_detector_t *detector = entry->detectors[i];
        if (i == CALLEES_MAX) {
            return fnd_error_set(error, FND_PLUGIN, "%s has more than %d detectors", path,
                                 (int)CALLEES_MAX);
        }
        if (detector->struct_size < sizeof *detector) {
            return too_short("detector", i, detector->struct_size, sizeof *detector, path, error);
        }
        const struct callee callee = {.name = detector->name,
                                      .summary = detector->summary,
                                      .config_schema = detector->config_schema,
                                      .needs_json = detector->needs_json,
                                      .threads = detector->threads,
                                      .flags = detector->flags,
                                      .runs = detector->detect != NULL};
        const enum fnd_status status = check_callee(&callee, "detector", i, path, error);
        if (status != FND_OK) {
            return status;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(entry->detectors[j]->name, detector->name) == 0) {
                return twice("detector", detector->name, path, error);
            }
        }
    }
    return FND_OK;
}

const foundry_trainer_t *const *fnd_plugin_trainers(const foundry_plugin_t *entry)
{
    const size_t end = offsetof(foundry_plugin_t, trainers) + sizeof entry->trainers;
    return entry->struct_size >= end ? entry->trainers : NULL;
}

static enum fnd_status check_trainers(const foundry_plugin_t *entry, const char *path,
                                      struct fnd_error *error)
{
    const foundry_trainer_t *const *trainers = fnd_plugin_trainers(entry);
    for (size_t i = 0; trainers != NULL && trainers[i] != NULL; i++) {
        const foundry_trainer_t *trainer = trainers[i];
        if (i == CALLEES_MAX) {
            return fnd_error_set(error, FND_PLUGIN, "%s has more than %d trainers", path,
                                 (int)CALLEES_MAX);
        }
        if (trainer->struct_size < sizeof *trainer) {
            return too_short("trainer", i, trainer->struct_size, sizeof *trainer, path, error);
        }
        const struct callee callee = {.name = trainer->name,
                                      .summary = trainer->summary,
                                      .config_schema = trainer->config_schema,
                                      .needs_json = trainer->needs_json,
                                      .flags = trainer->flags,
                                      .runs = trainer->train != NULL};
        const enum fnd_status status = check_callee(&callee, "trainer", i, path, error);
        if (status != FND_OK) {
            return status;
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(trainers[j]->name, trainer->name) == 0) {
                return twice("trainer", trainer->name, path, error);
            }
        }
    }
    return FND_OK;
}

static enum fnd_status check_entry(const foundry_plugin_t *entry, const char *path,
                                   struct fnd_error *error)
{
    if (entry == NULL) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s refuses this engine's plugin ABI %u.%u; use a newer plugin or an "
                             "older engine",
                             path, (unsigned)(FOUNDRY_ABI_CURRENT >> 16),
                             (unsigned)(FOUNDRY_ABI_CURRENT & 0xffff));
    }
    enum fnd_status status = check_abi(entry, path, error);
    if (status != FND_OK) {
        return status;
    }
    /* What was built before there were trainers ends where they begin, and stays as good. */
    if (entry->struct_size < offsetof(foundry_plugin_t, trainers)) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s: struct_size of its foundry_plugin_t is %zu, this ABI has %zu; "
                             "set it to sizeof",
                             path, entry->struct_size, sizeof *entry);
    }
    if (!fnd_plugin_id_valid(entry->id)) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s: its id is not made of 1 to 64 lower case letters, digits, dashes "
                             "and dots",
                             path);
    }
    if (!is_line(entry->version) || !is_line(entry->summary)) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s: \"%s\" has no version or no summary of at most %d bytes of UTF-8",
                             path, entry->id, (int)FND_PLUGIN_LINE_MAX);
    }
    status = check_phases(entry, path, error);
    if (status == FND_OK) {
        status = check_detectors(entry, path, error);
    }
    if (status == FND_OK) {
        status = check_trainers(entry, path, error);
    }
    return status;
}

enum fnd_status fnd_plugin_load(int fd, const char *path, struct fnd_plugin *plugin,
                                struct fnd_error *error)
{
    enum fnd_status status = check_elf(fd, path, error);
    if (status != FND_OK) {
        return status;
    }
    /* The loader knows objects by the name they were opened with. The copy of the descriptor stays
     * open as long as the object is loaded, that is for good, so that no other file can come to
     * stand under this name. */
    const int own = fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN);
    if (own < 0) {
        return fnd_error_errno(error, FND_PLUGIN, errno, "cannot load %s", path);
    }
    char name[32];
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", own);
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == NULL) {
        const char *why = dlerror();
        (void)close(own);
        return fnd_error_set(error, FND_PLUGIN,
                             "cannot load %s: %s; `ldd %s` names libraries that are missing", path,
                             why == NULL ? "no reason given" : why, path);
    }
    const foundry_plugin_t *(*entry)(uint32_t) = NULL;
    void *symbol = dlsym(handle, "foundry_plugin_entry");
    if (symbol == NULL) {
        return fnd_error_set(error, FND_PLUGIN,
                             "%s is no plugin: it exports no foundry_plugin_entry()", path);
    }
    status = check_place(fd, symbol, path, error);
    if (status != FND_OK) {
        return status;
    }
    *(void **)&entry = symbol;
    const foundry_plugin_t *offered = entry(FOUNDRY_ABI_CURRENT);
    status = check_entry(offered, path, error);
    if (status != FND_OK) {
        return status;
    }
    *plugin = (struct fnd_plugin){.entry = offered, .handle = handle};
    const size_t size = strnlen(path, sizeof plugin->path - 1);
    memcpy(plugin->path, path, size);
    return FND_OK;
}
