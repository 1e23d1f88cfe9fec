/* SPDX-License-Identifier: MIT */
/* The two halves of format `foundry`: foundry.c writes, foundry_check.c checks. */
#ifndef FND_DATASET_FOUNDRY_H
#define FND_DATASET_FOUNDRY_H

#include "dataset/internal.h"

extern const char fnd_foundry_schema[];
/** Rules beyond the schema: the fields are exactly what lies between the two documents. */
void fnd_foundry_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws);

#endif
