/* SPDX-License-Identifier: MIT */
#include "example.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "example_line.h"
#include "json.h"

static void facts_read(struct json *json, struct page_facts *facts)
{
    json->at += strspn(json->at, " \t\r\n");
    if (*json->at != '{') {
        json_skip(json); /* null: nothing is known of the page */
        return;
    }
    for (json_enter(json, '{'); json_more(json);) {
        char key[32];
        json_key(json, key, sizeof key);
        if (strcmp(key, "width") == 0) {
            facts->width = json_number(json);
        } else if (strcmp(key, "height") == 0) {
            facts->height = json_number(json);
        } else if (strcmp(key, "orientation") == 0) {
            facts->orientation = json_number(json);
        } else if (strcmp(key, "skew") == 0) {
            facts->skew = json_number(json);
        } else {
            json_skip(json);
        }
    }
}

enum page_status page_of_with(struct document *document, const char *with, size_t *index)
{
    struct json json = {with, 0};
    struct page_facts facts = {0};
    const char *words = NULL;
    *document = (struct document){.words = NULL};
    *index = 0;
    for (json_enter(&json, '{'); json_more(&json);) {
        char key[32];
        json_key(&json, key, sizeof key);
        if (strcmp(key, "words") == 0) {
            words = json.at;
            json_skip(&json);
        } else if (strcmp(key, "page") == 0) {
            facts_read(&json, &facts);
        } else {
            json_skip(&json);
        }
    }
    return json.failed || words == NULL ? PAGE_BAD_WORD
                                        : document_build(document, words, &facts, index);
}

/** Note that a person looked at the field a pointer names. */
static void reviewed_note(struct example *example, const char *pointer)
{
    static const char *const names[RESULT_HEADERS] = {"/supplier_name", "/invoice_date",
                                                      "/invoice_number"};
    static const char items[] = "/line_items";
    for (size_t i = 0; i < RESULT_HEADERS; i++) {
        example->headers[i] |= strcmp(pointer, names[i]) == 0;
    }
    example->all |= pointer[0] == '\0';
    if (strcmp(pointer, items) == 0) {
        example->table = 1;
    } else if (strncmp(pointer, items, sizeof items - 1) == 0 && pointer[sizeof items - 1] == '/') {
        static const char *const parts[] = {"/item_description", "/quantity", "/unit_price",
                                            "/total_cost"};
        char *rest = NULL;
        size_t row = (size_t)strtoul(pointer + sizeof items, &rest, 10);
        if (row < example->human.rows_count) {
            unsigned char looked = rest[0] == '\0' ? LOOKED_ROW : 0;
            for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
                const unsigned bit = strcmp(rest, parts[i]) == 0 ? 1U << i : 0;
                looked = (unsigned char)(looked | bit);
            }
            example->rows[row] |= looked;
        }
    }
}

static void reviewed_read(struct example *example, const char *text)
{
    struct json json = {text, 0};
    json.at += text == NULL ? 0 : strspn(json.at, " \t\r\n");
    if (text == NULL || *json.at != '[') {
        example->all = 1;
        return;
    }
    for (json_enter(&json, '['); json_more(&json);) {
        char pointer[64];
        json_string(&json, pointer, sizeof pointer);
        reviewed_note(example, pointer);
    }
}

enum example_status example_read(struct example *example, const char *line, char *message,
                                 size_t message_size)
{
    struct example_line members;
    size_t index = 0;
    *example = (struct example){.rows = NULL};
    if (example_line_read(&members, line) != 0) {
        snprintf(message, message_size, "it is no object with id, with and human");
        return EXAMPLE_BAD;
    }
    memcpy(example->id, members.id, sizeof example->id);
    if (!example_line_teaches(&members)) {
        return EXAMPLE_SKIPPED;
    }
    int answer = answer_read(&example->human, members.human);
    if (answer == -1) {
        return EXAMPLE_NO_MEMORY;
    }
    if (answer != 0) {
        snprintf(message, message_size, "document %s: the answer is not of invoice/fields' shape",
                 example->id);
        return EXAMPLE_BAD;
    }
    example->rows = calloc(example->human.rows_count + 1, 1);
    enum page_status page = page_of_with(&example->document, members.with, &index);
    if (example->rows == NULL || page == PAGE_NO_MEMORY) {
        return EXAMPLE_NO_MEMORY;
    }
    if (page != PAGE_OK) {
        snprintf(message, message_size,
                 "document %s: word %zu of its page is not as tesseract/ocr writes it", example->id,
                 index);
        return EXAMPLE_BAD;
    }
    reviewed_read(example, members.reviewed);
    return EXAMPLE_OK;
}

void example_finish(struct example *example)
{
    document_finish(&example->document);
    answer_finish(&example->human);
    free(example->rows);
    *example = (struct example){.rows = NULL};
}
