/* SPDX-License-Identifier: MIT */
/* What training made. As a file (model_file.h): the parts in the order of struct model, floats as
 * singles. */
#ifndef POLE_MODEL_H
#define POLE_MODEL_H

#include "net.h"
#include "weigh.h"

enum { MODEL_FORMAT = 3, MODEL_BYTES_MAX = 1 << 20 };

struct model {
    uint32_t pictures;     /* corrected ones it was made from */
    struct weights shafts; /* is a proposal a pole, from its top to its foot */
    struct net net;        /* the same, by what its traits say together; or none */
    struct weights reach;  /* is this how far its arms reach */
    struct shift shift;    /* where people draw the sides of a box */
    struct stack box;      /* is a detection a pole, and its box right */
    struct stack missed;   /* has the picture a pole that was not found */
};

void model_finish(struct model *model);

/** Write a model as a file's bytes, which the caller frees. NULL without memory. */
unsigned char *model_write(const struct model *model, size_t *size);
/** Read a model from a file's bytes. 0, -1 without memory, or -2 when it is none that can be used:
 *  then `message` says what was found. model_finish() frees what is inside. */
int model_read(struct model *model, const unsigned char *bytes, size_t size, char *message,
               size_t message_size);

#endif
