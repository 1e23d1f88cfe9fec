/* SPDX-License-Identifier: MIT */
/* A page written as plain text: what OCR would say of it. */
#ifndef TEST_OCR_SHEET_H
#define TEST_OCR_SHEET_H

#include "base/text.h"

/** Append config of invoice/fields for a page whose lines are given, NULL at the end. Each
 *  character is 10 pixels wide, each line 30 high; a word is 20 high. A word that ends with '~' has
 *  confidence 0.3 (the sign is not part of it), others 0.96. A line that begins with '!' is printed
 *  twice as high. */
void sheet_config(const char *const *lines, struct fnd_text *config);

#endif
