/* SPDX-License-Identifier: MIT */
/* tesseract/ocr: a picture to words with places and confidence; tesseract/line: a picture of one
 * line to its text. See README.md. */
#include <foundry/helpers.h>
#include <foundry/plugin.h>
#include <leptonica/allheaders.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "picture_load.h"
#include "reader.h"

#ifndef TESSDATA_FOLDER
#define TESSDATA_FOLDER "/usr/share/tesseract-ocr/5/tessdata"
#endif

static foundry_outcome_t ocr_create(const foundry_host_t *host, foundry_call_t *call, void **self)
{
    const char *language;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/lang", &language));
    char message[256];
    struct reader *reader = reader_create(TESSDATA_FOLDER, language, message, sizeof message);
    if (reader == NULL) {
        return host->fail(call, FOUNDRY_PERMANENT, "no_model", message, "/lang", 0);
    }
    *self = reader;
    return FOUNDRY_DONE;
}

static void ocr_destroy(void *self)
{
    reader_destroy(self);
}

/* What a call needs to ask its host whether to stop. */
struct visit {
    const foundry_host_t *host;
    foundry_call_t *call;
};

static int visit_cancelled(void *context)
{
    const struct visit *visit = context;
    return visit->host->cancelled(visit->call) != 0;
}

/** A confidence or angle with as many places as mean something. */
static double rounded(double value, double places)
{
    return floor(value * places + 0.5) / places;
}

static void page_write(foundry_json_t *json, const struct reading *reading)
{
    foundry_json_object(json);
    foundry_json_key(json, "width");
    foundry_json_integer(json, (int64_t)reading->width);
    foundry_json_key(json, "height");
    foundry_json_integer(json, (int64_t)reading->height);
    foundry_json_key(json, "orientation");
    foundry_json_integer(json, reading->orientation);
    foundry_json_key(json, "skew");
    foundry_json_number(json, rounded(reading->skew_degrees, 100));
    foundry_json_key(json, "confidence");
    foundry_json_number(json, rounded(reading->confidence, 10000));
    foundry_json_end(json);
}

static void words_write(foundry_json_t *json, const struct reading *reading, size_t page)
{
    for (size_t i = 0; i < reading->words.count; i++) {
        const struct word *word = &reading->words.items[i];
        foundry_json_object(json);
        foundry_json_key(json, "text");
        foundry_json_string(json, word->text);
        foundry_json_key(json, "confidence");
        foundry_json_number(json, rounded(word->confidence, 10000));
        foundry_json_key(json, "box");
        foundry_json_array(json);
        foundry_json_integer(json, (int64_t)word->box.x);
        foundry_json_integer(json, (int64_t)word->box.y);
        foundry_json_integer(json, (int64_t)word->box.width);
        foundry_json_integer(json, (int64_t)word->box.height);
        foundry_json_end(json);
        foundry_json_key(json, "line");
        foundry_json_integer(json, (int64_t)word->line);
        foundry_json_key(json, "block");
        foundry_json_integer(json, (int64_t)word->block);
        foundry_json_key(json, "page");
        foundry_json_integer(json, (int64_t)page);
        foundry_json_end(json);
    }
}

/* The three members of the output as they grow. */
struct output {
    foundry_json_t page, pages, words; /* `page` is the first of `pages` */
};

/** Read one page into the output. */
static foundry_outcome_t page_read(struct reader *reader, const struct visit *visit,
                                   const struct picture *picture, size_t index,
                                   struct output *output)
{
    char message[256];
    struct Pix *page = NULL;
    enum picture_status opened = picture_page(picture, index, &page, message, sizeof message);
    if (opened != PICTURE_OK) {
        return picture_failed(visit->host, visit->call, opened, message, "/image");
    }
    const struct reader_cancel cancel = {visit_cancelled, (void *)(uintptr_t)visit};
    struct reading reading;
    enum reader_status status = reader_read(reader, page, &cancel, &reading);
    foundry_outcome_t outcome = FOUNDRY_DONE;
    if (status == READER_OK) {
        page_write(&output->pages, &reading);
        words_write(&output->words, &reading, index);
        if (index == 0) {
            page_write(&output->page, &reading);
        }
    } else if (status == READER_CANCELLED) {
        outcome = FOUNDRY_CANCELLED;
    } else if (status == READER_NO_MEMORY) {
        outcome = FOUNDRY_E_NO_MEMORY;
    } else {
        outcome = foundry_failf(visit->host, visit->call, FOUNDRY_PERMANENT, "unreadable", "/image",
                                "Tesseract gave up on page %zu (%.0f x %.0f pixels)", index + 1,
                                reading.width, reading.height);
    }
    reading_finish(&reading);
    pixDestroy(&page);
    return outcome;
}

static foundry_outcome_t pages_read(struct reader *reader, const struct visit *visit,
                                    const struct picture *picture)
{
    struct output output;
    foundry_json_init(&output.page);
    foundry_json_init(&output.pages);
    foundry_json_init(&output.words);
    foundry_json_array(&output.pages);
    foundry_json_array(&output.words);
    foundry_outcome_t outcome = FOUNDRY_DONE;
    for (size_t i = 0; i < picture->pages && outcome == FOUNDRY_DONE; i++) {
        visit->host->progress(visit->call, (double)i / (double)picture->pages, "reading");
        outcome = page_read(reader, visit, picture, i, &output);
    }
    foundry_json_end(&output.pages);
    foundry_json_end(&output.words);
    if (outcome == FOUNDRY_DONE) {
        outcome = foundry_json_stage(&output.page, visit->host, visit->call, "/page");
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = foundry_json_stage(&output.pages, visit->host, visit->call, "/pages");
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = foundry_json_stage(&output.words, visit->host, visit->call, "/words");
    }
    foundry_json_finish(&output.page);
    foundry_json_finish(&output.pages);
    foundry_json_finish(&output.words);
    return outcome;
}

/** What is done with a picture once it is open. */
typedef foundry_outcome_t (*picture_work_t)(struct reader *reader, const struct visit *visit,
                                            const struct picture *picture);

static foundry_outcome_t picture_process(struct reader *reader, const foundry_host_t *host,
                                         foundry_call_t *call, picture_work_t work)
{
    const struct visit visit = {host, call};
    const char *name;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/image", &name));
    foundry_text_t bytes;
    struct picture picture;
    foundry_outcome_t outcome = picture_fetch(host, call, name, "/image", &bytes, &picture);
    if (outcome == FOUNDRY_DONE) {
        outcome = work(reader, &visit, &picture);
    }
    foundry_text_finish(&bytes);
    return outcome;
}

static foundry_outcome_t ocr_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    return picture_process(self, host, call, pages_read);
}

/** The words of the line with their confidence, and the size of the picture. */
static foundry_outcome_t line_words(const struct visit *visit, const struct reading *reading)
{
    foundry_json_t words;
    foundry_json_init(&words);
    foundry_json_array(&words);
    for (size_t i = 0; i < reading->words.count; i++) {
        foundry_json_object(&words);
        foundry_json_key(&words, "text");
        foundry_json_string(&words, reading->words.items[i].text);
        foundry_json_key(&words, "confidence");
        foundry_json_number(&words, rounded(reading->words.items[i].confidence, 10000));
        foundry_json_end(&words);
    }
    foundry_json_end(&words);
    foundry_outcome_t outcome = foundry_json_stage(&words, visit->host, visit->call, "/words");
    foundry_json_finish(&words);
    if (outcome == FOUNDRY_DONE) {
        outcome = foundry_set_number(visit->host, visit->call, "/width", reading->width);
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = foundry_set_number(visit->host, visit->call, "/height", reading->height);
    }
    return outcome;
}

/** The line as one text, as sure as it is as a whole; it was read in the whole picture. */
static foundry_outcome_t line_write(const struct visit *visit, const struct reading *reading)
{
    foundry_text_t text;
    foundry_text_init(&text);
    for (size_t i = 0; i < reading->words.count; i++) {
        foundry_text_add(&text, i > 0 ? " " : "");
        foundry_text_add(&text, reading->words.items[i].text);
    }
    const foundry_origin_t origin = {.struct_size = sizeof origin,
                                     .artifact = "input",
                                     .width = reading->width,
                                     .height = reading->height};
    foundry_outcome_t outcome = text.status;
    if (outcome == FOUNDRY_DONE) {
        outcome = foundry_set_text(visit->host, visit->call, "/text", foundry_text_z(&text));
    }
    if (outcome == FOUNDRY_DONE) {
        outcome =
            visit->host->confidence_set(visit->call, "/text", rounded(reading->confidence, 10000));
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = visit->host->origin_set(visit->call, "/text", &origin);
    }
    foundry_text_finish(&text);
    return outcome == FOUNDRY_DONE ? line_words(visit, reading) : outcome;
}

static foundry_outcome_t line_read(struct reader *reader, const struct visit *visit,
                                   const struct picture *picture)
{
    char message[256];
    struct Pix *line = NULL;
    enum picture_status opened = picture_page(picture, 0, &line, message, sizeof message);
    if (opened != PICTURE_OK) {
        return picture_failed(visit->host, visit->call, opened, message, "/image");
    }
    const struct reader_cancel cancel = {visit_cancelled, (void *)(uintptr_t)visit};
    struct reading reading;
    enum reader_status status = reader_line(reader, line, &cancel, &reading);
    foundry_outcome_t outcome =
        status == READER_OK          ? line_write(visit, &reading)
        : status == READER_CANCELLED ? FOUNDRY_CANCELLED
        : status == READER_NO_MEMORY
            ? FOUNDRY_E_NO_MEMORY
            : foundry_failf(visit->host, visit->call, FOUNDRY_PERMANENT, "unreadable", "/image",
                            "Tesseract gave up on the line (%.0f x %.0f pixels)", reading.width,
                            reading.height);
    reading_finish(&reading);
    pixDestroy(&line);
    return outcome;
}

static foundry_outcome_t line_process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    return picture_process(self, host, call, line_read);
}

#define PICTURE_CONFIG                                                                             \
    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"image\"],"                \
    "\"properties\":{"                                                                             \
    "\"image\":{\"type\":\"string\",\"x-foundry-per-job\":true,"                                   \
    "\"description\":\"artifact: a PNG, JPEG, TIFF or BMP\"},"                                     \
    "\"lang\":{\"type\":\"string\",\"default\":\"eng\",\"pattern\":"                               \
    "\"^[A-Za-z0-9_]+(\\\\+[A-Za-z0-9_]+)*$\","                                                    \
    "\"description\":\"Tesseract's models, joined by +\"}}}"

static const foundry_phase_t line = {
    .struct_size = sizeof line,
    .name = "line",
    .summary = "Read a picture of one line of text",
    .config_schema = PICTURE_CONFIG,
    .output_schema = "{\"type\":\"object\",\"required\":[\"text\",\"words\",\"width\",\"height\"],"
                     "\"properties\":{\"text\":{\"type\":\"string\"},"
                     "\"words\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
                     "\"required\":[\"text\",\"confidence\"],"
                     "\"properties\":{\"text\":{\"type\":\"string\"},"
                     "\"confidence\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1}}}},"
                     "\"width\":{\"type\":\"number\"},\"height\":{\"type\":\"number\"}}}",
    .needs_json = "{\"read\":[\"" TESSDATA_FOLDER "\"]}",
    .threads = FOUNDRY_SERIAL_PROCESS,
    .create = ocr_create,
    .process = line_process,
    .destroy = ocr_destroy,
};

static const foundry_phase_t ocr = {
    .struct_size = sizeof ocr,
    .name = "ocr",
    .summary = "Read the words of a picture with their places and confidence",
    .config_schema = PICTURE_CONFIG,
    .output_schema =
        "{\"type\":\"object\",\"required\":[\"page\",\"pages\",\"words\"],\"properties\":{"
        "\"page\":{\"type\":\"object\"},"
        "\"pages\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
        "\"required\":[\"width\",\"height\",\"orientation\",\"skew\",\"confidence\"]}},"
        "\"words\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
        "\"required\":[\"text\",\"confidence\",\"box\",\"line\",\"block\",\"page\"],"
        "\"properties\":{\"text\":{\"type\":\"string\"},"
        "\"confidence\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1},"
        "\"box\":{\"type\":\"array\",\"minItems\":4,\"maxItems\":4,"
        "\"items\":{\"type\":\"integer\",\"minimum\":0}},"
        "\"line\":{\"type\":\"integer\"},\"block\":{\"type\":\"integer\"},"
        "\"page\":{\"type\":\"integer\"}}}}}}",
    .needs_json = "{\"read\":[\"" TESSDATA_FOLDER "\"]}",
    .threads = FOUNDRY_SERIAL_PROCESS,
    .create = ocr_create,
    .process = ocr_process,
    .destroy = ocr_destroy,
};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&ocr, &line, NULL};
    static const foundry_plugin_t plugin = {
        .struct_size = sizeof plugin,
        .abi = FOUNDRY_ABI_CURRENT,
        .abi_min = FOUNDRY_ABI_CURRENT,
        .id = "tesseract",
        .version = "0.1.0",
        .summary = "Optical character recognition by Tesseract 5",
        .phases = phases,
    };
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
