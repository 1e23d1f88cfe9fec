/* SPDX-License-Identifier: MIT */
#include "reader.h"

#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>
#include <unistd.h>

#include "cells.h"
#include "prepare.h"

struct reader {
    TessBaseAPI *text;        /* reads words */
    TessBaseAPI *orientation; /* tells which way is up; NULL where its model is not installed */
};

/* What a pass over a page looks for. */
struct pass {
    TessPageSegMode mode;
    int binary;
    double scale;
};

static int model_exists(const char *folder, const char *name, size_t size)
{
    char path[1024];
    int length = snprintf(path, sizeof path, "%s/%.*s.traineddata", folder, (int)size, name);
    return length > 0 && (size_t)length < sizeof path && access(path, R_OK) == 0;
}

static TessBaseAPI *engine_open(const char *folder, const char *language, TessOcrEngineMode mode)
{
    TessBaseAPI *engine = TessBaseAPICreate();
    /* Tesseract talks on stderr unless told not to, and before anything is loaded. */
    if (engine != NULL && (!TessBaseAPISetVariable(engine, "debug_file", "/dev/null") ||
                           TessBaseAPIInit2(engine, folder, language, mode) != 0)) {
        TessBaseAPIDelete(engine);
        engine = NULL;
    }
    return engine;
}

/** What leptonica says about damaged files is told by our own errors. */
static void say_nothing(const char *message)
{
    (void)message;
}

struct reader *reader_create(const char *folder, const char *language, char *message,
                             size_t message_size)
{
    setMsgSeverity(L_SEVERITY_NONE);
    leptSetStderrHandler(say_nothing);
    for (const char *name = language; *name != '\0';) {
        size_t size = strcspn(name, "+");
        if (!model_exists(folder, name, size)) {
            snprintf(message, message_size,
                     "there is no %s/%.*s.traineddata: install the package tesseract-ocr-%.*s",
                     folder, (int)size, name, (int)size, name);
            return NULL;
        }
        name += size + (name[size] == '+');
    }
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL) {
        snprintf(message, message_size, "no memory for Tesseract");
        return NULL;
    }
    reader->text = engine_open(folder, language, OEM_LSTM_ONLY);
    if (reader->text == NULL) {
        snprintf(message, message_size, "Tesseract cannot load the models of \"%s\" in %s",
                 language, folder);
        reader_destroy(reader);
        return NULL;
    }
    if (model_exists(folder, "osd", 3)) {
        reader->orientation = engine_open(folder, "osd", OEM_TESSERACT_ONLY);
    }
    return reader;
}

static void engine_close(TessBaseAPI *engine)
{
    if (engine != NULL) {
        TessBaseAPIEnd(engine);
        TessBaseAPIDelete(engine);
    }
}

void reader_destroy(struct reader *reader)
{
    if (reader != NULL) {
        engine_close(reader->text);
        engine_close(reader->orientation);
        free(reader);
    }
}

struct cancel_state {
    const struct reader_cancel *cancel;
    int stopped;
};

static bool cancel_asked(void *context, int words)
{
    (void)words;
    struct cancel_state *state = context;
    state->stopped = state->stopped || state->cancel->cancelled(state->cancel->context);
    return state->stopped;
}

/** Rules and specks come out as words without a letter or digit; those with little confidence are
 *  noise. */
static int is_noise(const char *text, double confidence)
{
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        int alphanumeric = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= 'a' && byte <= 'z');
        if (alphanumeric || (byte >= 0xc3 && byte <= 0xdf)) {
            return 0;
        }
    }
    return confidence < 0.7 || strspn(text, "|_~-=. ") == strlen(text);
}

/** The base line of the text line that begins here. */
static void baseline_read(const TessPageIterator *place, double scale, struct word *word)
{
    int x0, y0, x1, y1;
    if (TessPageIteratorIsAtBeginningOf(place, RIL_TEXTLINE) &&
        TessPageIteratorBaseline(place, RIL_TEXTLINE, &x0, &y0, &x1, &y1) && x1 - x0 > 40) {
        word->slope = (double)(y1 - y0) / (double)(x1 - x0);
        word->reach = (x1 - x0) / scale;
    }
}

/** The word at an iterator: 1, or 0 if there is nothing worth keeping, or -1 without memory. */
static int word_read(const TessResultIterator *at, const TessPageIterator *place, double scale,
                     struct word *word)
{
    int left, top, right, bottom, result = 0;
    char *text = TessResultIteratorGetUTF8Text(at, RIL_WORD);
    double confidence = TessResultIteratorConfidence(at, RIL_WORD) / 100.0;
    *word = (struct word){.confidence = fmin(fmax(confidence, 0.0), 1.0)};
    if (text != NULL && text[strspn(text, " \n")] != '\0' && !is_noise(text, confidence) &&
        TessPageIteratorBoundingBox(place, RIL_WORD, &left, &top, &right, &bottom)) {
        word->box =
            (struct box){left / scale, top / scale, (right - left) / scale, (bottom - top) / scale};
        word->text = strdup(text);
        result = word->text == NULL ? -1 : 1;
        baseline_read(place, scale, word);
    }
    TessDeleteText(text);
    return result;
}

static enum reader_status words_collect(TessBaseAPI *engine, double scale, struct words *words)
{
    TessResultIterator *at = TessBaseAPIGetIterator(engine);
    const TessPageIterator *place = at == NULL ? NULL : TessResultIteratorGetPageIteratorConst(at);
    enum reader_status status = READER_OK;
    size_t block = 0;
    int first = 1;
    while (place != NULL && status == READER_OK) {
        struct word word;
        block += !first && TessPageIteratorIsAtBeginningOf(place, RIL_BLOCK);
        first = 0;
        int read = word_read(at, place, scale, &word);
        word.block = block;
        if (read < 0 || (read > 0 && words_take(words, word) != 0)) {
            status = READER_NO_MEMORY;
        }
        if (!TessResultIteratorNext(at, RIL_WORD)) {
            break;
        }
    }
    if (at != NULL) {
        TessResultIteratorDelete(at);
    }
    return status;
}

/** One pass of recognition. Words' boxes are in pixels of `grey`. */
static enum reader_status pass_read(struct reader *reader, struct Pix *grey,
                                    const struct pass *pass, const struct reader_cancel *cancel,
                                    struct words *words)
{
    struct cancel_state state = {cancel, 0};
    struct Pix *pix =
        pass->binary ? prepare_binary(grey, pass->scale) : prepare_grey(grey, pass->scale);
    ETEXT_DESC *monitor = TessMonitorCreate();
    enum reader_status status = READER_NO_MEMORY;
    if (pix != NULL && monitor != NULL && !cancel_asked(&state, 0)) {
        TessMonitorSetCancelThis(monitor, &state);
        TessMonitorSetCancelFunc(monitor, cancel_asked);
        TessBaseAPISetPageSegMode(reader->text, pass->mode);
        TessBaseAPISetImage2(reader->text, pix);
        TessBaseAPISetSourceResolution(reader->text, 200);
        status = TessBaseAPIRecognize(reader->text, monitor) == 0 ? READER_OK : READER_FAILED;
        if (status == READER_OK && !state.stopped) {
            status = words_collect(reader->text, pass->scale, words);
        }
        TessBaseAPIClear(reader->text);
    }
    if (monitor != NULL) {
        TessMonitorDelete(monitor);
    }
    pixDestroy(&pix);
    return state.stopped ? READER_CANCELLED : status;
}

/** How to scale a page so that its text is as large as Tesseract likes it: about 2300 pixels for
 *  the long side of a letter. */
static double scale_for(struct Pix *pix)
{
    double side = fmax(pixGetWidth(pix), pixGetHeight(pix));
    return side > 4200 ? 4200 / side : side < 600 ? 2.0 : side < 2000 ? 1.5 : 1.0;
}

/** Quarter turns clockwise that make the page upright, as Tesseract's model sees it; -1: it does
 *  not know. */
static int turns_by_model(const struct reader *reader, struct Pix *page)
{
    const float confidence_min = 3.0f;
    int degrees = 0;
    float confidence = 0, script_confidence = 0;
    const char *script = NULL;
    if (reader->orientation == NULL) {
        return -1;
    }
    TessBaseAPISetImage2(reader->orientation, page);
    TessBaseAPISetSourceResolution(reader->orientation, 200);
    int found = TessBaseAPIDetectOrientationScript(reader->orientation, &degrees, &confidence,
                                                   &script, &script_confidence);
    TessBaseAPIClear(reader->orientation);
    return found && confidence >= confidence_min ? (4 - degrees / 90) % 4 : -1;
}

/** The same by reading all four turns at a smaller size: the most confident one wins. */
static enum reader_status turns_by_reading(struct reader *reader, struct Pix *page,
                                           const struct reader_cancel *cancel, int *turns)
{
    double best = -1.0;
    enum reader_status status = READER_OK;
    for (int turn = 0; turn < 4 && status == READER_OK; turn++) {
        struct words words = {0};
        struct Pix *turned = pixRotateOrth(page, turn);
        const struct pass pass = {PSM_SPARSE_TEXT, 0, scale_for(page) * 0.5};
        status =
            turned == NULL ? READER_NO_MEMORY : pass_read(reader, turned, &pass, cancel, &words);
        if (status == READER_OK && words_confidence(&words) > best) {
            best = words_confidence(&words);
            *turns = turn;
        }
        words_finish(&words);
        pixDestroy(&turned);
    }
    return status;
}

/** Read one turn of the page, leaving boxes in pixels of the upright picture. */
static enum reader_status turn_read(struct reader *reader, struct Pix *page, int turns,
                                    const struct reader_cancel *cancel, struct upright *upright,
                                    struct words *words)
{
    if (upright_init(upright, page, turns) != 0) {
        return READER_NO_MEMORY;
    }
    const struct pass pass = {PSM_AUTO, 0, scale_for(upright->grey)};
    return pass_read(reader, upright->grey, &pass, cancel, words);
}

/** A page is taken to be upright when it reads well; else its orientation is looked for, which
 *  would cost half a second on every page. */
static enum reader_status first_reading(struct reader *reader, struct Pix *page,
                                        const struct reader_cancel *cancel, struct upright *upright,
                                        struct words *words, int *turns, enum reader_turner *turner)
{
    const double confidence_good = 0.70, confidence_hopeless = 0.45, upended_max = 0.3;
    enum reader_status status = turn_read(reader, page, 0, cancel, upright, words);
    *turns = 0;
    *turner = READER_AS_IT_CAME;
    if (status != READER_OK ||
        (words_confidence(words) >= confidence_good && words_upended(words) < upended_max)) {
        return status;
    }
    *turns = turns_by_model(reader, page);
    *turner = READER_BY_MODEL;
    if (*turns < 0 &&
        (words_confidence(words) < confidence_hopeless || words_upended(words) >= upended_max)) {
        *turner = READER_BY_READING;
        status = turns_by_reading(reader, page, cancel, turns);
    }
    *turns = *turns < 0 ? 0 : *turns;
    if (status != READER_OK || *turns == 0) {
        *turner = READER_AS_IT_CAME;
        return status;
    }
    struct upright other;
    struct words other_words = {0};
    status = turn_read(reader, page, *turns, cancel, &other, &other_words);
    if (status == READER_OK && words_confidence(&other_words) > words_confidence(words)) {
        upright_finish(upright);
        words_finish(words);
        *upright = other;
        *words = other_words;
    } else {
        *turns = 0;
        *turner = READER_AS_IT_CAME;
        upright_finish(&other);
        words_finish(&other_words);
    }
    return status;
}

/** Read an upright page once more: words without order, on a page thresholded by neighbourhoods.
 *  Where the two readings differ the first is to be doubted, and the second is often the better. */
static enum reader_status second_reading(struct reader *reader, const struct upright *upright,
                                         const struct reader_cancel *cancel, struct words *words)
{
    const struct pass sparse = {PSM_SPARSE_TEXT, 1, scale_for(upright->grey)};
    struct words second = {0};
    enum reader_status status = pass_read(reader, upright->grey, &sparse, cancel, &second);
    if (status == READER_OK && words_merge(words, &second) != 0) {
        status = READER_NO_MEMORY;
    }
    words_finish(&second);
    return status;
}

/** Read one cell as a line of digits. Returns a word with text (malloc'ed) when a number stands
 *  there, else text is NULL. */
static struct word cell_read(struct reader *reader, struct Pix *grey, const struct gap *gap)
{
    const double height_liked = 40.0; /* pixels of a digit's line as Tesseract reads it best */
    const int border = 12;
    struct word word = {.box = gap->box};
    BOX *box = boxCreate((l_int32)gap->box.x, (l_int32)gap->box.y, (l_int32)gap->box.width,
                         (l_int32)gap->box.height);
    struct Pix *cut = box == NULL ? NULL : pixClipRectangle(grey, box, NULL);
    l_float32 scale = (l_float32)fmax(1.0, height_liked / fmax(gap->height, 8.0));
    struct Pix *scaled = cut == NULL ? NULL : pixScale(cut, scale, scale);
    struct Pix *framed = scaled == NULL ? NULL : pixAddBorder(scaled, border, 255);
    if (framed != NULL) {
        TessBaseAPISetPageSegMode(reader->text, PSM_SINGLE_LINE);
        TessBaseAPISetVariable(reader->text, "tessedit_char_whitelist",
                               "0123456789.,$\u20ac\u00a3");
        TessBaseAPISetImage2(reader->text, framed);
        TessBaseAPISetSourceResolution(reader->text, 200);
        if (TessBaseAPIRecognize(reader->text, NULL) == 0) {
            char *text = TessBaseAPIGetUTF8Text(reader->text);
            size_t size = text == NULL ? 0 : strcspn(text, " \n");
            word.confidence = TessBaseAPIMeanTextConf(reader->text) / 100.0;
            if (size > 0 && text[size + strspn(text + size, " \n")] == '\0') {
                text[size] = '\0';
                word.text = cells_is_number(text) ? strdup(text) : NULL;
            }
            TessDeleteText(text);
        }
        TessBaseAPISetVariable(reader->text, "tessedit_char_whitelist", "");
        TessBaseAPIClear(reader->text);
    }
    pixDestroy(&cut);
    pixDestroy(&scaled);
    pixDestroy(&framed);
    boxDestroy(&box);
    return word;
}

/** Put a number read again in the place of what was doubted, if it is the better; it then takes
 *  `word`. The parts of a number that was read as two words become one. */
static int cell_settle(struct words *words, const struct gap *gap, const struct word *word)
{
    struct word *doubtful = &words->items[gap->word];
    int was_good =
        gap->parts == 1 && cells_is_number(doubtful->text) && cells_is_well_formed(doubtful->text);
    int is_good = cells_is_well_formed(word->text);
    if (!is_good || (was_good && doubtful->confidence > word->confidence &&
                     strlen(word->text) <= strlen(doubtful->text))) {
        return 0;
    }
    for (size_t part = 1; part < gap->parts; part++) {
        struct word *more = &words->items[gap->word + part];
        doubtful->box.width = more->box.x + more->box.width - doubtful->box.x;
        more->text[0] = '\0';
    }
    free(doubtful->text);
    doubtful->text = word->text;
    doubtful->confidence = word->confidence;
    return 1;
}

/** "18 87", read as two words where no better reading was had, becomes 18.87. */
static int parts_join(struct words *words, size_t first)
{
    const double doubt = 0.8;
    struct word *word = &words->items[first], *cents = &words->items[first + 1];
    size_t size = strcspn(word->text, ".,"), cents_size = strlen(cents->text);
    if (strlen(word->text) > size + 1 || size == 0 || cents_size != 2) {
        return 0;
    }
    char *text = malloc(size + cents_size + 2);
    if (text != NULL) {
        memcpy(text, word->text, size);
        text[size] = '.';
        memcpy(text + size + 1, cents->text, cents_size + 1);
        free(word->text);
        word->text = text;
        word->confidence = doubt * fmin(word->confidence, cents->confidence);
        word->box.width = cents->box.x + cents->box.width - word->box.x;
        cents->text[0] = '\0';
    }
    return text != NULL;
}

/** Put points back that stand on the page and were not read: 762 for 7.62. */
static void points_restore(const struct upright *upright, struct words *words)
{
    const double doubt = 0.95;
    for (size_t i = 0; i < words->count; i++) {
        struct word *word = &words->items[i];
        size_t size = strlen(word->text);
        size_t before = size >= 2 && strspn(word->text, "0123456789") == size
                            ? prepare_point(upright->grey, word->box, size)
                            : 0;
        char *text = before > 0 ? malloc(size + 2) : NULL;
        if (text != NULL) {
            memcpy(text, word->text, before);
            text[before] = '.';
            memcpy(text + before + 1, word->text + before, size - before + 1);
            free(word->text);
            word->text = text;
            word->confidence *= doubt;
        }
    }
}

/** Where a column of numbers has none, or a doubtful one, look again for digits alone. */
static enum reader_status cells_reading(struct reader *reader, const struct upright *upright,
                                        double slope, const struct reader_cancel *cancel,
                                        struct words *words)
{
    const double confidence_min = 0.5, doubt = 0.9;
    struct gap gaps[CELLS_MAX];
    size_t count = cells_gaps(words, slope, gaps);
    int changed = 0;
    for (size_t i = 0; i < count; i++) {
        if (cancel->cancelled(cancel->context)) {
            return READER_CANCELLED;
        }
        struct word word = cell_read(reader, upright->grey, &gaps[i]);
        struct word *doubtful = gaps[i].word < words->count ? &words->items[gaps[i].word] : NULL;
        word.confidence *= doubt;
        if (word.text == NULL || word.confidence < confidence_min ||
            (doubtful != NULL && !cell_settle(words, &gaps[i], &word))) {
            free(word.text);
            changed |= gaps[i].parts == 2 && parts_join(words, gaps[i].word);
        } else if (doubtful == NULL && words_take(words, word) != 0) {
            return READER_NO_MEMORY;
        } else {
            changed = 1;
        }
    }
    points_restore(upright, words);
    words_drop_empty(words);
    return changed && words_set_lines(words, slope) != 0 ? READER_NO_MEMORY : READER_OK;
}

enum reader_status reader_read(struct reader *reader, struct Pix *page,
                               const struct reader_cancel *cancel, struct reading *reading)
{
    struct upright upright = {0};
    int turns = 0;
    *reading = (struct reading){.width = pixGetWidth(page), .height = pixGetHeight(page)};
    enum reader_status status =
        first_reading(reader, page, cancel, &upright, &reading->words, &turns, &reading->turner);
    if (status != READER_OK) {
        goto out;
    }
    double slope = words_slope(&reading->words);
    status = second_reading(reader, &upright, cancel, &reading->words);
    if (status != READER_OK) {
        goto out;
    }
    if (words_set_lines(&reading->words, slope) != 0) {
        status = READER_NO_MEMORY;
        goto out;
    }
    status = cells_reading(reader, &upright, slope, cancel, &reading->words);
    if (status != READER_OK) {
        goto out;
    }
    for (size_t i = 0; i < reading->words.count; i++) {
        struct word *word = &reading->words.items[i];
        word->box = map_box(&upright.to_page, word->box, reading->width, reading->height);
    }
    reading->orientation = (4 - turns) % 4 * 90;
    reading->skew_degrees = upright.skew_degrees + atan(slope) * 180 / 3.14159265358979;
    reading->confidence = words_confidence(&reading->words);
out:
    upright_finish(&upright);
    return status;
}

enum reader_status reader_line(struct reader *reader, struct Pix *line,
                               const struct reader_cancel *cancel, struct reading *reading)
{
    /* Tesseract likes capitals of some 30 pixels: a line with its margins of about 60. */
    const double height = pixGetHeight(line), wanted = height > 0 ? 60 / height : 1;
    const struct pass pass = {PSM_SINGLE_LINE, 0, fmin(fmax(wanted, 0.25), 4)};
    *reading = (struct reading){.width = pixGetWidth(line), .height = height};
    enum reader_status status = pass_read(reader, line, &pass, cancel, &reading->words);
    reading->confidence = words_confidence(&reading->words);
    return status;
}

void reading_finish(struct reading *reading)
{
    words_finish(&reading->words);
}
