/* SPDX-License-Identifier: MIT */
/* The file that a record of format `foundry` came with, which its line names, by hash, and does not
 * hold. Where it lies beside, it comes along; else the job knows it by reference, as those of a
 * pipeline with `keep: reference`, and finds it in the job directory as soon as it is there. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "dataset/import.h"

enum { FILE_SIZE_MAX = 256 << 20 };

/** Whether a name goes down only; links are another matter. */
bool fnd_name_goes_down(const char *name)
{
    for (const char *at = name; at != NULL; at = strchr(at, '/')) {
        at += *at == '/';
        const size_t size = strcspn(at, "/");
        if (size == 0 || (size == 2 && strncmp(at, "..", 2) == 0)) {
            return false;
        }
    }
    return true;
}

/* The members of an input that is a file, as a record tells them: no value where one is of another
 * kind. */
enum { NAME, PATH, MEDIA_TYPE, SHA256, SIZE, MEMBERS };
static const char *const members[MEMBERS] = {"name", "path", "media_type", "sha256", "size"};

static bool told(struct fnd_json input, struct fnd_json found[MEMBERS],
                 struct fnd_artifact *artifact)
{
    char *none = NULL;
    if (input.size == 0 || fnd_json_type(input) != FND_JSON_OBJECT) {
        return false;
    }
    fnd_json_members(input, members, MEMBERS, found);
    if (found[PATH].bytes != NULL && fnd_json_type(found[PATH]) != FND_JSON_STRING) {
        return false;
    }
    const bool whole = found[NAME].bytes != NULL && found[MEDIA_TYPE].bytes != NULL &&
                       fnd_json_type(found[NAME]) == FND_JSON_STRING &&
                       fnd_json_type(found[MEDIA_TYPE]) == FND_JSON_STRING &&
                       fnd_json_member(input, "value").bytes == NULL &&
                       fnd_artifact_told(input, artifact, &none);
    free(none);
    return whole;
}

bool fnd_incoming_tells_file(struct fnd_json input)
{
    struct fnd_json found[MEMBERS];
    struct fnd_artifact artifact;
    return input.bytes != NULL && told(input, found, &artifact);
}

/** Whether a file below `folder` is the one that came in; then its bytes are appended. */
static bool load(int folder, struct fnd_json name, const struct fnd_artifact *artifact,
                 struct fnd_text *bytes)
{
    char *path = name.bytes != NULL ? fnd_json_strdup(name) : NULL;
    uint8_t digest[FND_DIGEST_SIZE];
    bool same = path != NULL && artifact->size <= FILE_SIZE_MAX && fnd_name_goes_down(path) &&
                fnd_file_read_below(folder, path, FILE_SIZE_MAX, bytes, NULL) == FND_OK;
    if (same) {
        fnd_sha256(fnd_text_z(bytes), bytes->size, digest);
        same = memcmp(digest, artifact->hash, sizeof digest) == 0;
    }
    if (!same) {
        fnd_text_clear(bytes);
    }
    free(path);
    return same;
}

void fnd_incoming_file_load(int folder, struct fnd_incoming *incoming)
{
    struct fnd_json found[MEMBERS];
    struct fnd_artifact artifact;
    if (told((struct fnd_json){fnd_text_z(&incoming->input), incoming->input.size}, found,
             &artifact)) {
        incoming->is_file = true;
        (void)(load(folder, found[PATH], &artifact, &incoming->picture) ||
               load(folder, found[NAME], &artifact, &incoming->picture));
    }
}

/** Append a member of what the record tells. */
static void copy(struct fnd_text *body, const char *name, struct fnd_json value)
{
    fnd_text_printf(body, ",\"%s\":", name);
    fnd_json_compact(value, body);
}

/** The last part of a name, without its ending. */
static void stem_append(struct fnd_text *body, struct fnd_json name)
{
    char *whole = fnd_json_strdup(name);
    const char *slash = strrchr(whole, '/');
    const char *last = slash != NULL ? slash + 1 : whole, *dot = strrchr(last, '.');
    fnd_text_append_z(body, ",\"stem\":");
    fnd_text_append_json(body, last,
                         dot != NULL && dot != last ? (size_t)(dot - last) : strlen(last));
    free(whole);
}

/** Where the job directory has it, or will have. */
static void place_append(struct fnd_text *body, const struct fnd_json found[MEMBERS])
{
    const struct fnd_json places[] = {found[PATH], found[NAME]};
    bool fits = false;
    for (size_t i = 0; i < 2 && !fits; i++) {
        char *place = places[i].bytes != NULL ? fnd_json_strdup(places[i]) : NULL;
        fits = place != NULL && fnd_name_goes_down(place);
        if (fits) {
            copy(body, "path", places[i]);
        }
        free(place);
    }
}

enum fnd_status fnd_incoming_file_append(const struct fnd_incoming *incoming,
                                         const struct fnd_artifact *kept, struct fnd_text *body,
                                         struct fnd_error *error)
{
    struct fnd_json found[MEMBERS];
    struct fnd_artifact artifact;
    if (!told((struct fnd_json){fnd_text_z(&incoming->input), incoming->input.size}, found,
              &artifact)) {
        return fnd_error_set(error, FND_INVALID,
                             "an input that is a file has name, media_type, sha256 and size");
    }
    if (kept != NULL && memcmp(kept->hash, artifact.hash, sizeof artifact.hash) != 0) {
        return fnd_error_set(error, FND_INVALID, "the bytes of its input are not those it names");
    }
    fnd_text_append_z(body, "{\"file\":\"input\"");
    copy(body, "name", found[NAME]);
    if (found[PATH].bytes != NULL) {
        copy(body, "path", found[PATH]);
    }
    stem_append(body, found[NAME]);
    copy(body, "size", found[SIZE]);
    copy(body, "media_type", found[MEDIA_TYPE]);
    fnd_text_printf(
        body, "},\"%s\":{\"input\":{\"media_type\":", kept != NULL ? "artifacts" : "references");
    fnd_json_compact(found[MEDIA_TYPE], body);
    copy(body, "sha256", found[SHA256]);
    copy(body, "size", found[SIZE]);
    if (kept == NULL) {
        place_append(body, found);
    }
    fnd_text_append_z(body, "}}");
    return FND_OK;
}
