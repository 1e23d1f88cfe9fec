/* SPDX-License-Identifier: MIT */
/* What training made: scorers, what is known, and how sure each kind of field is. As a file
 * (model_file.h): the parts in the order of struct model, floats as singles. */
#ifndef INVOICE_MODEL_H
#define INVOICE_MODEL_H

#include "knowledge.h"
#include "logit.h"
#include "result.h"
#include "roles.h"

enum { MODEL_FORMAT = 1, MODEL_BYTES_MAX = 64 << 20 };

/* The kinds of fields whose confidence is learnt apart. */
enum kind {
    KIND_SUPPLIER,
    KIND_DATE,
    KIND_NUMBER,
    KIND_DESCRIPTION,
    KIND_QUANTITY,
    KIND_PRICE,
    KIND_TOTAL,
    KIND_TABLE,
    KINDS
};

struct model {
    uint32_t documents; /* corrected ones it was made from */
    struct logit header[RESULT_HEADERS];
    struct logit roles;
    struct stack stacks[KINDS];
    struct knowledge knowledge;
};

void model_finish(struct model *model);

/** Write a model as a file's bytes, which the caller frees. NULL without memory. */
unsigned char *model_write(const struct model *model, size_t *size);
/** Read a model from a file's bytes. 0, -1 without memory, or -2 when it is none that can be used:
 *  then `message` says what was found. model_finish() frees what is inside. */
int model_read(struct model *model, const unsigned char *bytes, size_t size, char *message,
               size_t message_size);

#endif
