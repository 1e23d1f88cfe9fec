/* SPDX-License-Identifier: MIT */
/* Find, load and negotiate: what stands in a shared object, without calling more than its entry. */
#ifndef FND_PLUGIN_LOAD_H
#define FND_PLUGIN_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/text.h"
#include "foundry/plugin.h"

/** A loaded plugin; never unloaded (its code may have left threads, handlers, thread-locals). */
struct fnd_plugin {
    const foundry_plugin_t *entry; /* the plugin's static data, checked */
    void *handle;
    char path[256]; /* for messages */
};

/** Load the shared object behind `fd` (by /proc/self/fd, so that what was hashed is what runs),
 *  RTLD_NOW | RTLD_LOCAL, take its entry, and check everything a plugin promises: the entry lies in
 *  the opened file (dladdr, device and inode), major equal, minors equal while the major is 0,
 *  abi_min not above the host, struct sizes, ids and names well-formed and unique, functions there,
 *  schemas parse as JSON objects.
 *  path     what the user calls the file; for messages.
 *  Returns FND_OK; FND_PLUGIN with path and, for ABI, both versions; FND_IO: it cannot be read.
 *  Runs the object's constructors: only in a worker, or in line for code the user trusts. */
enum fnd_status fnd_plugin_load(int fd, const char *path, struct fnd_plugin *plugin,
                                struct fnd_error *error);

/** Its trainers, ended by NULL; NULL: none, or it was built before there were any. */
const foundry_trainer_t *const *fnd_plugin_trainers(const foundry_plugin_t *entry);

/** Append what the entry says as JSON:
 *  {"id","version","summary","abi":"0.1","phases":[{"name","summary","config_schema":{},
 *   "output_schema":{}|null,"needs":{}|null,"threads":"instance|process|concurrent",
 *   "repeatable":true}],"detectors":[…the same without output_schema and repeatable],
 *   "trainers":[…those without threads]} */
void fnd_plugin_describe(const struct fnd_plugin *plugin, struct fnd_text *json);

/** What a plugin offers. The numbers go over the wire to workers. */
enum fnd_callee_kind { FND_CALLEE_PHASE = 0, FND_CALLEE_DETECTOR = 1, FND_CALLEE_TRAINER = 2 };
const char *fnd_callee_kind_name(enum fnd_callee_kind kind); /* "phase"; static */

/** A described phase, detector or trainer, parsed out of that JSON. Strings are malloc'ed JSON
 * texts. */
struct fnd_callee_info {
    char *name, *summary;
    char *config_schema, *output_schema, *needs; /* NULL: none */
    uint32_t threads, flags;
};
/** A described plugin. */
struct fnd_plugin_info {
    char *path; /* where it was found */
    uint8_t hash[FND_DIGEST_SIZE];
    char *id, *version, *summary, *abi;
    struct fnd_callee_info *phases, *detectors, *trainers;
    size_t phases_count, detectors_count, trainers_count;
};
/** Parse a description; it came from a worker and is checked as hostile input. One without
 *  trainers (of an engine that knew none) has none.  FND_PLUGIN. */
enum fnd_status fnd_plugin_info_parse(const char *json, size_t size, const char *path,
                                      struct fnd_plugin_info **info, struct fnd_error *error);
void fnd_plugin_info_destroy(struct fnd_plugin_info *info);
/** All of one kind. */
const struct fnd_callee_info *fnd_plugin_info_list(const struct fnd_plugin_info *info,
                                                   enum fnd_callee_kind kind, size_t *count);
/** One by its name, or NULL. */
const struct fnd_callee_info *fnd_plugin_info_callee(const struct fnd_plugin_info *info,
                                                     enum fnd_callee_kind kind, const char *name);
const struct fnd_callee_info *fnd_plugin_info_phase(const struct fnd_plugin_info *info,
                                                    const char *name);
const struct fnd_callee_info *fnd_plugin_info_detector(const struct fnd_plugin_info *info,
                                                       const char *name);

/** The files "*.so" in the folders of a search path, in order of folder and then of byte; folders
 *  that are not there are passed over.
 *  path    colon-separated folders.
 *  found   called with each absolute path; a link that leads nowhere is reported by its open. */
void fnd_plugin_files(const char *path, void (*found)(const char *file, void *context),
                      void *context);

#endif
