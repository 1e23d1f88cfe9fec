/* SPDX-License-Identifier: MIT */
#include <fnmatch.h>
#include <string.h>

#include "pipeline/pipeline.h"

bool fnd_pipeline_matches(const struct fnd_pipeline *pipeline, const char *path)
{
    if (pipeline->match == NULL) {
        return true;
    }
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    for (char *const *glob = pipeline->match; *glob != NULL; glob++) {
        const bool whole = strchr(*glob, '/') != NULL;
        if (fnmatch(*glob, whole ? path : base, FNM_PATHNAME) == 0) {
            return true;
        }
    }
    return false;
}

/* "api/KEY/NAME", which every submission has: a folder of its own, so that names may repeat. */
static bool is_submission(const char *path)
{
    enum { API_SIZE = 4, KEY_DIGITS = 32 };
    const char *digits = path + API_SIZE;
    return strncmp(path, "api/", API_SIZE) == 0 &&
           strspn(digits, "0123456789abcdef") == KEY_DIGITS && digits[KEY_DIGITS] == '/';
}

size_t fnd_path_batch(const char *path)
{
    static const char lines[] = ".jsonl#"; /* and the line's id, which may hold anything */
    const char *line = strstr(path, lines);
    const char *slash = strrchr(path, '/');
    return line != NULL          ? (size_t)(line - path) + sizeof lines - 2
           : is_submission(path) ? strlen("api")
           : slash != NULL       ? (size_t)(slash - path)
                                 : 0;
}
