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
