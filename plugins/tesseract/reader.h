/* SPDX-License-Identifier: MIT */
/* Tesseract, held open: one page at a time to a list of words. */
#ifndef TESSERACT_READER_H
#define TESSERACT_READER_H

#include <stddef.h>

#include "words.h"

struct Pix;

enum reader_status { READER_OK, READER_CANCELLED, READER_FAILED, READER_NO_MEMORY };

/** Asked now and then whether to stop; `context` comes back as it was given. */
struct reader_cancel {
    int (*cancelled)(void *context);
    void *context;
};

/** Who told how a page is turned: nobody, as it read well as it came; Tesseract's model of
 *  orientations; or readings of all four turns, where that model is missing or does not know. */
enum reader_turner { READER_AS_IT_CAME, READER_BY_MODEL, READER_BY_READING };

/** One page as it was read. */
struct reading {
    struct words words;   /* boxes in pixels of the displayed page */
    double width, height; /* of the displayed page */
    int orientation;      /* degrees clockwise by which the text is turned: 0, 90, 180, 270 */
    enum reader_turner turner;
    double skew_degrees; /* clockwise slope of the lines beyond that */
    double confidence;   /* mean over the words, 0 to 1 */
};

struct reader;

/** Load the models of `language` ("eng", or "eng+deu") from `folder`. On failure returns NULL and
 *  `message` says what is missing. Destroy with reader_destroy(). */
struct reader *reader_create(const char *folder, const char *language, char *message,
                             size_t message_size);
void reader_destroy(struct reader *reader);

/** Read a page (8 bits grey, as displayed; borrowed). Fills `reading`, which reading_finish() frees
 *  whatever is returned. An empty page is READER_OK with no words. */
enum reader_status reader_read(struct reader *reader, struct Pix *page,
                               const struct reader_cancel *cancel, struct reading *reading);
/** Read a picture that shows one line of text and nothing else: no layout, no turning, words from
 *  the left. As reader_read(). */
enum reader_status reader_line(struct reader *reader, struct Pix *line,
                               const struct reader_cancel *cancel, struct reading *reading);
void reading_finish(struct reading *reading);

#endif
