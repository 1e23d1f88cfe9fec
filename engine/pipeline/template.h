/* SPDX-License-Identifier: MIT */
/* What the files of this room share about references and templates. */
#ifndef FND_PIPELINE_TEMPLATE_H
#define FND_PIPELINE_TEMPLATE_H

#include "pipeline/pipeline.h"

/* --- reference.c: the text of a leaf ---------------------------------------------------------- */

enum fnd_segment_kind {
    FND_SEGMENT_TEXT,  /* literal text, "$${" decoded */
    FND_SEGMENT_PARAM, /* ${params.NAME} */
    FND_SEGMENT_SECRET,
    FND_SEGMENT_VALUE /* reads the job: input, run, or an earlier phase */
};
struct fnd_segment {
    enum fnd_segment_kind kind;
    char *text;    /* TEXT: the literal; PARAM, SECRET: the name; VALUE: the root's name */
    char *pointer; /* below the root (PARAM and SECRET: below the name), RFC 6901; NULL for TEXT */
    char *written; /* as it stands in the file, "${ocr.words}"; NULL for TEXT */
};
struct fnd_segments {
    struct fnd_segment *list;
    size_t count;
};

/** Take a leaf's text apart. Adjacent literal text is one segment; an empty text has none.
 *  Returns FND_OK or FND_INVALID with a message (without place): a reference does not parse. */
enum fnd_status fnd_segments_parse(const char *text, struct fnd_segments *segments,
                                   struct fnd_error *error);
void fnd_segments_finish(struct fnd_segments *segments);
/** Whether a segment of this kind is there. */
bool fnd_segments_have(const struct fnd_segments *segments, enum fnd_segment_kind kind);

/* --- template.c: compiled ------------------------------------------------------------------- */

/** A piece of a config, in order. */
struct fnd_part {
    enum { FND_PART_LITERAL, FND_PART_VALUE, FND_PART_TEXT, FND_PART_SECRET } kind;
    size_t offset, size; /* LITERAL: in the template's glue */
    size_t root;         /* VALUE, TEXT: index of the root */
    size_t hole;         /* of which hole it is a part */
    size_t depth;        /* containers around the leaf */
    char *pointer;       /* VALUE, TEXT */
    char *written;       /* for messages */
    char *name;          /* SECRET */
    char *secret;        /* SECRET: its JSON text without quotes once armed */
};

/** A hole with what it says, while compiling; `segments` have their params put in as TEXT. */
struct fnd_leaf {
    char *pointer, *text;
    struct fnd_segments segments;
    const struct fnd_node *node;
};

/** Compile canonical JSON (taken) and its holes (read, not kept) into a template. */
void fnd_template_make(struct fnd_template *with, char *json, const struct fnd_leaf *leaves,
                       size_t leaves_count);
void fnd_template_finish(struct fnd_template *with);
/** Wipe a secret's memory and free it; NULL is fine. */
void fnd_secret_free(char *secret);

/** The pointer of the nearest thing around a hole that is there or not as a whole: a list that
 *  holds it, or the hole itself. malloc'ed. */
char *fnd_template_unit(const struct fnd_template *with, const char *pointer);

#endif
