/* SPDX-License-Identifier: MIT */
#include "dataset/example.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { IMAGE_SIZE_MAX = 10 * 1000 * 1000 /* bytes: what OpenAI takes; the others take no less */ };

void fnd_example_finish(struct fnd_example *example)
{
    fnd_text_finish(&example->content);
    fnd_text_finish(&example->image);
    fnd_text_finish(&example->human);
    fnd_text_finish(&example->model);
}

void fnd_datum_content(const struct fnd_datum *datum, struct fnd_text *content)
{
    const struct fnd_json value = datum->value;
    struct fnd_json text =
        fnd_json_type(value) == FND_JSON_OBJECT ? fnd_json_member(value, "content") : value;
    if (value.bytes != NULL && (text.bytes == NULL || !fnd_json_text(text, content))) {
        fnd_json_compact(value, content);
    }
}

struct fnd_json fnd_datum_score(const struct fnd_datum *datum)
{
    struct fnd_json lowest = {NULL, 0};
    struct fnd_json all = fnd_json_member(datum->whole, "confidence");
    for (struct fnd_json_walk walk = fnd_json_walk(all); fnd_json_next(&walk);) {
        if (fnd_json_type(walk.value) == FND_JSON_NUMBER &&
            (lowest.bytes == NULL || fnd_json_number_compare(walk.value, lowest) < 0)) {
            lowest = walk.value;
        }
    }
    return lowest;
}

/** Open an input that the store has no copy of, if its job came by reference.
 *  Returns FND_OK; FND_NOT_FOUND, code "artifact_missing", with the error as it was: it did not. */
static enum fnd_status reference_open(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                      int *fd, struct fnd_error *error)
{
    struct fnd_correction_row record;
    struct fnd_step_row step;
    struct fnd_artifact artifact;
    struct fnd_text body = {0};
    char *path = NULL;
    if (fnd_correction_get(plan->reader, datum->number, &record, NULL) == FND_OK &&
        fnd_step_get(plan->reader, record.step, &step, NULL) == FND_OK &&
        fnd_payload_get(plan->reader, step.job, &body, NULL, NULL) == FND_OK) {
        const struct fnd_json job = {fnd_text_z(&body), body.size};
        (void)fnd_artifact_told(fnd_json_find(job, "/references/input"), &artifact, &path);
    }
    enum fnd_status status = FND_NOT_FOUND;
    if (path != NULL) {
        status = fnd_reference_open(fnd_reader_directory(plan->reader), path, &artifact, fd, error);
        if (status != FND_OK && strcmp(path, datum->path) != 0) { /* its name is taken out */
            fnd_error_set(error, status,
                          "its input %s, which was kept by reference, cannot be opened, or is not "
                          "the one that came in; put the old file back",
                          datum->path);
        }
    }
    fnd_text_finish(&body);
    free(path);
    return status;
}

enum fnd_status fnd_datum_input(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                size_t size_max, struct fnd_text *bytes, struct fnd_error *error)
{
    struct fnd_artifact artifact = {.size = 0};
    uint8_t digest[FND_DIGEST_SIZE];
    char *hash = fnd_json_strdup(fnd_json_member(datum->input, "sha256"));
    struct fnd_json size = fnd_json_member(datum->input, "size");
    int64_t count = 0;
    int fd = -1;
    enum fnd_status status = FND_OK;
    if (hash == NULL || !fnd_unhex(hash, strlen(hash), artifact.hash, sizeof artifact.hash) ||
        size.bytes == NULL || !fnd_json_integer(size, &count) || count < 0) {
        status = fnd_error_set(error, FND_DAMAGED, "hash and size of its input are not on record");
        goto out;
    }
    if ((uint64_t)count > size_max) {
        status = fnd_error_set(error, FND_LIMIT,
                               "its image %s has %" PRId64 " bytes, and %zu are allowed; "
                               "make it smaller and run it anew, or give --uri-prefix https://…",
                               datum->path, count, size_max);
        goto out;
    }
    artifact.size = (uint64_t)count;
    status = fnd_artifact_open(fnd_reader_folder(plan->reader), &artifact, &fd, error);
    if (status == FND_NOT_FOUND) {
        status = reference_open(plan, datum, &fd, error);
    }
    while (status == FND_OK && bytes->size <= artifact.size) {
        char piece[16384];
        const ssize_t got = read(fd, piece, sizeof piece);
        if (got > 0) {
            fnd_text_append(bytes, piece, (size_t)got);
        } else if (got == 0) {
            break;
        } else if (errno != EINTR) {
            status = fnd_error_errno(error, FND_IO, errno, "cannot read its input %s", datum->path);
        }
    }
    if (status == FND_OK) {
        fnd_sha256(bytes->bytes, bytes->size, digest);
        if (memcmp(digest, artifact.hash, sizeof digest) != 0) {
            status = fnd_error_set(error, FND_DAMAGED,
                                   "the stored bytes of its input %s are not those on record; run "
                                   "`verify`, and restore a backup",
                                   datum->path);
        }
    }
out:
    if (fd >= 0) {
        close(fd);
    }
    free(hash);
    return status;
}

static bool embeddable(const char *type)
{
    return strcmp(type, "image/png") == 0 || strcmp(type, "image/jpeg") == 0 ||
           strcmp(type, "image/webp") == 0;
}

static enum fnd_status prefix_missing(const struct fnd_datum *datum, struct fnd_error *error)
{
    fnd_error_set(error, FND_INVALID,
                  "its input %s is a file, and nothing says where the trainer finds it; give "
                  "--uri-prefix https://HOST/…, where the inputs were uploaded",
                  datum->path);
    fnd_error_code(error, "no_uri_prefix");
    return FND_INVALID;
}

enum fnd_status fnd_datum_image(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                enum fnd_files files, struct fnd_text *image,
                                struct fnd_error *error)
{
    const char *prefix = fnd_plan_prefix(plan, datum);
    const char *format = plan->format->name;
    char *type = fnd_json_strdup(fnd_json_member(datum->input, "media_type"));
    struct fnd_text bytes = {0};
    enum fnd_status status = FND_OK;
    if (type == NULL) {
        status = fnd_error_set(error, FND_DAMAGED, "the media type of its input is not on record");
    } else if (files == FND_FILES_NEVER) {
        status = fnd_error_set(error, FND_INVALID,
                               "its input %s is a file (%s), and %s holds text only; export files "
                               "as openai-chat, trl-sft or gemini, or leave them out by --pipeline",
                               datum->path, type, format);
    } else if (!embeddable(type)) {
        status = fnd_error_set(error, FND_INVALID,
                               "its input %s is %s, and %s takes image/png, image/jpeg and "
                               "image/webp; export it as gemini or foundry",
                               datum->path, type, format);
    } else if (files == FND_FILES_BY_PATH) {
        fnd_text_append_z(image, datum->path);
    } else if (prefix == NULL && files == FND_FILES_BY_URI) {
        status = prefix_missing(datum, error);
    } else if (prefix != NULL && files == FND_FILES_EMBEDDED && strncmp(prefix, "gs://", 5) == 0) {
        status = fnd_error_set(error, FND_INVALID,
                               "%s cannot be read from %s; give an https:// prefix, or none: the "
                               "image then lies in the line",
                               format, prefix);
    } else if (prefix != NULL) {
        status = fnd_uri_append(prefix, datum->path, image, error);
    } else {
        status = fnd_datum_input(plan, datum, IMAGE_SIZE_MAX, &bytes, error);
        if (status == FND_OK) {
            fnd_text_printf(image, "data:%s;base64,", type);
            fnd_base64_append(image, (const uint8_t *)bytes.bytes, bytes.size);
        }
    }
    fnd_text_finish(&bytes);
    free(type);
    return status;
}

enum fnd_status fnd_example_make(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                 enum fnd_files files, struct fnd_example *example,
                                 struct fnd_error *error)
{
    const struct fnd_export_options *options = &plan->options;
    example->prompt = options->prompt != NULL ? options->prompt : datum->entry->prompt;
    example->system = options->system != NULL ? options->system : datum->entry->system;
    if (datum->human.bytes == NULL) {
        return fnd_error_set(error, FND_INVALID, "it has no corrected document");
    }
    if (example->prompt == NULL || example->prompt[0] == '\0') {
        return fnd_error_set(error, FND_INVALID,
                             "nothing says what the model is to be asked: pipeline %s, as it ran, "
                             "has no export entry of format %s with a `prompt:`; give --prompt",
                             datum->pipeline, plan->format->name);
    }
    fnd_json_compact(datum->human, &example->human);
    if (datum->is_file) {
        return fnd_datum_image(plan, datum, files, &example->image, error);
    }
    fnd_datum_content(datum, &example->content);
    return example->content.size > 0
               ? FND_OK
               : fnd_error_set(error, FND_INVALID, "its input %s has no text", datum->path);
}

void fnd_example_model(const struct fnd_datum *datum, struct fnd_example *example)
{
    if (fnd_json_type(datum->model) != FND_JSON_NULL) {
        fnd_json_compact(datum->model, &example->model);
    }
}

/* --- writing ------------------------------------------------------------------------------- */

void fnd_message_append(struct fnd_text *line, const char *role, const struct fnd_text *content)
{
    fnd_text_append_z(line, "{\"role\":\"");
    fnd_text_append_z(line, role);
    fnd_text_append_z(line, "\",\"content\":");
    fnd_text_append_json(line, fnd_text_z(content), content->size);
    fnd_text_append_byte(line, '}');
}

/** The question as JSON: each of its parts goes into the line at once. */
static void question_append_json(const struct fnd_example *example, struct fnd_text *line)
{
    fnd_text_append_byte(line, '"');
    fnd_text_append_escaped(line, example->prompt, strlen(example->prompt));
    if (example->content.size > 0) {
        fnd_text_append_z(line, "\\n\\n");
        fnd_text_append_escaped(line, example->content.bytes, example->content.size);
    }
    fnd_text_append_byte(line, '"');
}

void fnd_question_text(const struct fnd_example *example, struct fnd_text *text)
{
    fnd_text_append_z(text, example->prompt);
    if (example->content.size > 0) {
        fnd_text_append_z(text, "\n\n");
        fnd_text_append(text, example->content.bytes, example->content.size);
    }
}

void fnd_question_append(struct fnd_text *line, const struct fnd_example *example,
                         const char *image_part)
{
    if (example->system != NULL) {
        fnd_text_append_z(line, "{\"role\":\"system\",\"content\":");
        fnd_text_append_json_z(line, example->system);
        fnd_text_append_z(line, "},");
    }
    fnd_text_append_z(line, "{\"role\":\"user\",\"content\":");
    if (example->image.size > 0) {
        fnd_text_append_byte(line, '[');
        fnd_text_append_z(line, image_part);
        fnd_text_append_z(line, ",{\"type\":\"text\",\"text\":");
        question_append_json(example, line);
        fnd_text_append_z(line, "}]}");
    } else {
        question_append_json(example, line);
        fnd_text_append_byte(line, '}');
    }
}

/* --- comparing ----------------------------------------------------------------------------- */

enum fnd_status fnd_document_agrees(struct fnd_json line, const char *pointer,
                                    struct fnd_json document, struct fnd_error *error)
{
    return fnd_document_is(fnd_json_find(line, pointer), pointer, document, error);
}

enum fnd_status fnd_document_is(struct fnd_json said, const char *where, struct fnd_json document,
                                struct fnd_error *error)
{
    struct fnd_text found = {0};
    enum fnd_status status = FND_OK;
    if (!fnd_json_text(said, &found) || !fnd_json_compact_is(document, found.bytes, found.size)) {
        status = fnd_error_set(error, FND_DAMAGED, "the text at %s is not the document on record",
                               where);
    }
    fnd_text_finish(&found);
    return status;
}

enum fnd_status fnd_image_agrees(const struct fnd_datum *datum, struct fnd_json url,
                                 struct fnd_error *error)
{
    static const char marker[] = ";base64,";
    struct fnd_text text = {0}, bytes = {0};
    uint8_t digest[FND_DIGEST_SIZE];
    char hash[FND_DIGEST_TEXT_SIZE];
    enum fnd_status status = FND_OK;
    const char *data = NULL;
    if (fnd_json_text(url, &text) && strncmp(fnd_text_z(&text), "data:", 5) == 0) {
        data = strstr(text.bytes, marker);
        data = data != NULL ? data + sizeof marker - 1 : "=";
    }
    if (data != NULL) {
        const bool decoded = fnd_base64_decode(data, strlen(data), &bytes);
        fnd_sha256(fnd_text_z(&bytes), bytes.size, digest);
        fnd_digest_text(digest, hash);
        if (!decoded || !fnd_json_text_is(fnd_json_member(datum->input, "sha256"), hash)) {
            status = fnd_error_set(error, FND_DAMAGED, "the image is not the input on record");
        }
    }
    fnd_text_finish(&text);
    fnd_text_finish(&bytes);
    return status;
}

enum fnd_status fnd_pair_check(const struct fnd_datum *datum, struct fnd_error *error)
{
    if (fnd_json_type(datum->model) == FND_JSON_NULL) {
        return fnd_error_set(error, FND_INVALID, "the model said nothing that could be put aside");
    }
    return !fnd_json_equal(datum->model, datum->human)
               ? FND_OK
               : fnd_error_set(error, FND_INVALID,
                               "the model's document and the person's are equal by value: there "
                               "is nothing to prefer");
}

/* --- checking ------------------------------------------------------------------------------ */

static void image_check(const char *url, const char *at, struct fnd_flaws *flaws)
{
    struct fnd_text decoded = {0};
    struct fnd_error error = {0};
    const char *data = strstr(url, ";base64,");
    if (strncmp(url, "data:", 5) == 0) {
        char *type = fnd_strndup(url + 5, data != NULL ? (size_t)(data - url) - 5 : 0);
        if (data == NULL || !embeddable(type)) {
            fnd_flaws_add(flaws, at, "image", false,
                          "is no data URL of image/png, image/jpeg or image/webp in base64");
        } else if (!fnd_base64_decode(data + 8, strlen(data + 8), &decoded) || decoded.size == 0) {
            fnd_flaws_add(flaws, at, "image", false, "holds no base64");
        } else if (decoded.size > IMAGE_SIZE_MAX) {
            fnd_flaws_add(flaws, at, "image", false, "has %zu bytes, and %d are allowed",
                          decoded.size, IMAGE_SIZE_MAX);
        }
        free(type);
    } else if (fnd_uri_check(url, false, &error) != FND_OK) {
        fnd_flaws_add(flaws, at, "uri", false, "%s", error.message);
    } else if (strncmp(url, "gs://", 5) == 0) {
        fnd_flaws_add(flaws, at, "uri", false, "must be http(s) or a data URL, not gs://");
    }
    fnd_text_finish(&decoded);
}

static size_t parts_check(struct fnd_json parts, const char *pointer, const char *allowed,
                          struct fnd_flaws *flaws)
{
    size_t images = 0;
    for (struct fnd_json_walk part = fnd_json_walk(parts); fnd_json_next(&part);) {
        struct fnd_text at = {0};
        char *url = fnd_json_strdup(fnd_json_find(part.value, "/image_url/url"));
        struct fnd_json type = fnd_json_member(part.value, "type");
        fnd_text_printf(&at, "%s/%zu", pointer, part.index);
        if (fnd_json_text_is(type, "text")) {
            if (fnd_json_member(part.value, "text").bytes == NULL) {
                fnd_flaws_add(flaws, fnd_text_z(&at), "required", false, "has no `text`");
            }
        } else if (allowed == NULL || !fnd_json_text_is(type, allowed)) {
            fnd_flaws_add(flaws, fnd_text_z(&at), "type", false, "must be of type text%s%s",
                          allowed != NULL ? " or " : "", allowed != NULL ? allowed : "");
        } else if (strcmp(allowed, "image") == 0) {
            images++;
        } else if (url == NULL) {
            fnd_flaws_add(flaws, fnd_text_z(&at), "required", false, "has no `image_url`");
        } else {
            images++;
            fnd_text_append_z(&at, "/image_url/url");
            image_check(url, fnd_text_z(&at), flaws);
        }
        free(url);
        fnd_text_finish(&at);
    }
    return images;
}

enum { ROLE, CONTENT, TOOL_CALLS, FUNCTION_CALL, MESSAGE_COUNT };
static const char *const message_names[MESSAGE_COUNT] = {"role", "content", "tool_calls",
                                                         "function_call"};

static void message_look(const struct fnd_json message[MESSAGE_COUNT], const char *pointer,
                         struct fnd_flaws *flaws)
{
    const struct fnd_json content = message[CONTENT];
    const bool calls = fnd_json_text_is(message[ROLE], "assistant") &&
                       (fnd_json_count(message[TOOL_CALLS]) > 0 ||
                        fnd_json_type(message[FUNCTION_CALL]) == FND_JSON_OBJECT);
    if (!calls && fnd_json_type(content) == FND_JSON_NULL) {
        fnd_flaws_add(flaws, pointer, "required", false,
                      content.bytes == NULL ? "has no `content`"
                                            : "has no `content` but null, and calls no tool");
    }
}

void fnd_message_check(struct fnd_json message, const char *pointer, struct fnd_flaws *flaws)
{
    struct fnd_json members[MESSAGE_COUNT];
    fnd_json_members(message, message_names, MESSAGE_COUNT, members);
    message_look(members, pointer, flaws);
}

size_t fnd_messages_check(struct fnd_json messages, const char *pointer, const char *ends_with,
                          const char *image_type, size_t images, struct fnd_flaws *flaws)
{
    struct fnd_text at = {0};
    size_t found = 0;
    bool asked = false;
    struct fnd_json_walk turn = fnd_json_walk(messages);
    for (bool more = fnd_json_next(&turn); more;) {
        struct fnd_json message[MESSAGE_COUNT];
        fnd_json_members(turn.value, message_names, MESSAGE_COUNT, message);
        const bool is_user = fnd_json_text_is(message[ROLE], "user");
        asked = asked || is_user;
        fnd_text_clear(&at);
        fnd_text_append_z(&at, pointer);
        fnd_text_append_byte(&at, '/');
        fnd_text_append_integer(&at, (int64_t)turn.index);
        message_look(message, fnd_text_z(&at), flaws);
        more = fnd_json_next(&turn);
        if (!more && ends_with != NULL && !fnd_json_text_is(message[ROLE], ends_with)) {
            fnd_flaws_add(flaws, fnd_text_z(&at), "role", false,
                          "the last message must be the %s's", ends_with);
        }
        fnd_text_append_z(&at, "/content");
        if (fnd_json_type(message[CONTENT]) == FND_JSON_ARRAY) {
            found +=
                parts_check(message[CONTENT], fnd_text_z(&at), is_user ? image_type : NULL, flaws);
        }
    }
    if (!asked) {
        fnd_flaws_add(flaws, pointer, "role", false,
                      "nobody asks: there is no message of the user");
    }
    if (found > images) {
        fnd_flaws_add(flaws, pointer, "images", false,
                      "has %zu images, and %zu are allowed in one example", found, images);
    }
    fnd_text_finish(&at);
    return found;
}

void fnd_texts_differ(struct fnd_json line, const char *pointer, const char *other,
                      struct fnd_flaws *flaws)
{
    char *left = fnd_json_strdup(fnd_json_find(line, pointer));
    char *right = fnd_json_strdup(fnd_json_find(line, other));
    struct fnd_json a = {NULL, 0}, b = {NULL, 0};
    if (left != NULL && right != NULL) {
        const bool json = fnd_json_check(left, strlen(left), NULL, &a, NULL) == FND_OK &&
                          fnd_json_check(right, strlen(right), NULL, &b, NULL) == FND_OK;
        if (json ? fnd_json_equal(a, b) : strcmp(left, right) == 0) {
            fnd_flaws_add(flaws, other, "pair", false, "is equal to %s: there is nothing to prefer",
                          pointer);
        }
    }
    free(left);
    free(right);
}
