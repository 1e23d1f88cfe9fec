/* SPDX-License-Identifier: MIT */
/* A record as a question and its answer: what the formats of text and chat have in common. */
#ifndef FND_DATASET_EXAMPLE_H
#define FND_DATASET_EXAMPLE_H

#include "dataset/internal.h"

/** How a format takes an input that is a file. */
enum fnd_files {
    FND_FILES_NEVER,    /* text only: such records are refused, with advice */
    FND_FILES_EMBEDDED, /* an image as a data URL; by http(s) where a prefix says so */
    FND_FILES_BY_URI,   /* an image below the prefix */
    FND_FILES_BY_PATH   /* an image below the trainer's media folder: the job's path */
};

/** `= {0}`; finish frees. */
struct fnd_example {
    const char *prompt, *system;  /* borrowed; system may be NULL */
    struct fnd_text content;      /* the input's text; empty where it is an image */
    struct fnd_text image;        /* data URL, URI or path; empty where it is text */
    struct fnd_text human, model; /* the documents as JSON texts, number text kept; model is empty
                                     but for who asks for it */
};
/** Take a record apart for `plan->format`.
 *  Returns FND_OK; FND_INVALID: no prompt, no document, or a file where there can be none;
 *          FND_LIMIT: an image too large; FND_NOT_FOUND, FND_DAMAGED, FND_IO: its bytes. */
enum fnd_status fnd_example_make(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                 enum fnd_files files, struct fnd_example *example,
                                 struct fnd_error *error);
/** Put in what the model said, which few formats tell; it stays empty where it said nothing. */
void fnd_example_model(const struct fnd_datum *datum, struct fnd_example *example);
/** The bytes of the record's input, compared with their hash. FND_LIMIT: more than `size_max`. */
enum fnd_status fnd_datum_input(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                size_t size_max, struct fnd_text *bytes, struct fnd_error *error);
/** What names the record's image in a line. */
enum fnd_status fnd_datum_image(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                enum fnd_files files, struct fnd_text *image,
                                struct fnd_error *error);
void fnd_example_finish(struct fnd_example *example);

/** Append `{"role":"user","content":"…"}` and its like. */
void fnd_message_append(struct fnd_text *line, const char *role, const struct fnd_text *content);
/** Append the system message, if there is one with a comma behind it, and the user's: the prompt,
 *  an empty line, and the content; for an image, parts of which `image` is the first. */
void fnd_question_append(struct fnd_text *line, const struct fnd_example *example,
                         const char *image_part);
/** The question as one text: prompt, empty line, content. */
void fnd_question_text(const struct fnd_example *example, struct fnd_text *text);

/** Whether the text at `pointer` is `document` as JSON, byte for byte but for white space. */
enum fnd_status fnd_document_agrees(struct fnd_json line, const char *pointer,
                                    struct fnd_json document, struct fnd_error *error);
/** The same of a text that was found already.  where: in the line, as it is told. */
enum fnd_status fnd_document_is(struct fnd_json said, const char *where, struct fnd_json document,
                                struct fnd_error *error);
/** Whether a data URL there holds the record's input; other texts are passed over. */
enum fnd_status fnd_image_agrees(const struct fnd_datum *datum, struct fnd_json url,
                                 struct fnd_error *error);
/** Refuse a record whose two documents are equal by value: there is nothing to prefer. */
enum fnd_status fnd_pair_check(const struct fnd_datum *datum, struct fnd_error *error);

/** Schema of a message whose content is text or parts, for `$defs`. It may be null where the rules
 *  below let it be missing: behind a call of a tool. */
#define FND_MESSAGE_SCHEMA                                                                         \
    "\"message\":{\"type\":\"object\",\"required\":[\"role\"],\"properties\":{"                    \
    "\"role\":{\"enum\":[\"system\",\"developer\",\"user\",\"assistant\",\"tool\",\"function\"]}," \
    "\"content\":{\"oneOf\":[{\"type\":[\"string\",\"null\"]},{\"type\":\"array\","                \
    "\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/part\"}}]}}},"                                   \
    "\"part\":{\"type\":\"object\",\"required\":[\"type\"],\"properties\":{"                       \
    "\"type\":{\"type\":\"string\"},\"text\":{\"type\":\"string\",\"minLength\":1},"               \
    "\"image_url\":{\"type\":\"object\",\"required\":[\"url\"],"                                   \
    "\"properties\":{\"url\":{\"type\":\"string\"}}}}}"

/** A message has content; only one of the assistant that calls a tool, or a function as was done
 *  before there were tools, may say nothing else. */
void fnd_message_check(struct fnd_json message, const char *pointer, struct fnd_flaws *flaws);
/** Rules for a list of messages at `pointer`: somebody asks; each has content, unless it calls a
 *  tool; every part is text or an image.
 *  image_type  of a part that is an image: "image_url" has a data URL or http(s), "image" stands
 *              for one in a column of its own; NULL: text only.  images: so many at most.
 *  ends_with  role of the last one; NULL: any.  Returns the number of images. */
size_t fnd_messages_check(struct fnd_json messages, const char *pointer, const char *ends_with,
                          const char *image_type, size_t images, struct fnd_flaws *flaws);
/** Flaw where two answers, as JSON or else as text, are the same by value. */
void fnd_texts_differ(struct fnd_json line, const char *pointer, const char *other,
                      struct fnd_flaws *flaws);

/** Base64 with padding (RFC 4648). Decoding is false for anything else. */
void fnd_base64_append(struct fnd_text *text, const uint8_t *bytes, size_t size);
bool fnd_base64_decode(const char *bytes, size_t size, struct fnd_text *decoded);

#endif
