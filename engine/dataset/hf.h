/* SPDX-License-Identifier: MIT */
/* The two halves of format `hf`: hf.c writes, hf_read.c reads. */
#ifndef FND_DATASET_HF_H
#define FND_DATASET_HF_H

#include "dataset/folder.h"

/** What a dataset's rows are; one kind a dataset. */
enum fnd_hf_kind {
    FND_HF_OBJECTS = 1, /* {"file_name","objects":{"bbox","categories"}} */
    FND_HF_TEXT,        /* {"file_name","text"} */
    FND_HF_PAIR,        /* {"id","input","output"} */
    FND_HF_OTHER        /* a foreign file's */
};
/** The kind that a row has by its members. */
enum fnd_hf_kind fnd_hf_kind_of(struct fnd_json row);
enum fnd_status fnd_hf_read(struct fnd_checking *checking, int folder, struct fnd_error *error);

#endif
