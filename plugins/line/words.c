/* SPDX-License-Identifier: MIT */
#include "words.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int line_read(struct line *line, struct json *json)
{
    *line = (struct line){.words = calloc(LINE_WORDS_MAX, sizeof *line->words)};
    if (line->words == NULL) {
        return -1;
    }
    json_enter(json, '[');
    while (json_more(json)) {
        struct word word = {.confidence = 0};
        json_enter(json, '{');
        while (json_more(json)) {
            char key[16];
            json_key(json, key, sizeof key);
            if (strcmp(key, "text") == 0) {
                json_string(json, word.text, sizeof word.text);
            } else if (strcmp(key, "confidence") == 0) {
                word.confidence = json_number(json);
            } else {
                json_skip(json);
            }
        }
        if (line->count < LINE_WORDS_MAX && word.text[0] != '\0' && !json->failed) {
            line->words[line->count++] = word;
        }
    }
    return 0;
}

int line_split(struct line *line, const char *text, double confidence)
{
    *line = (struct line){.words = calloc(LINE_WORDS_MAX, sizeof *line->words)};
    if (line->words == NULL) {
        return -1;
    }
    for (const char *at = text + strspn(text, " \t\n\r");
         *at != '\0' && line->count < LINE_WORDS_MAX;) {
        const size_t size = strcspn(at, " \t\n\r");
        struct word *word = &line->words[line->count++];
        memcpy(word->text, at, size < WORD_SIZE ? size : WORD_SIZE - 1);
        word->confidence = confidence;
        at += size;
        at += strspn(at, " \t\n\r");
    }
    return 0;
}

void line_finish(struct line *line)
{
    free(line->words);
    *line = (struct line){.words = NULL};
}

struct core core_of(const char *word)
{
    static const char around[] = ".,;:!?()[]\"'*";
    struct core core = {.size = strlen(word)};
    while (core.size > 0 && strchr(around, word[core.begin]) != NULL) {
        core.begin++;
        core.size--;
    }
    while (core.size > 0 && strchr(around, word[core.begin + core.size - 1]) != NULL) {
        core.size--;
    }
    for (size_t i = 0; i < core.size; i++) {
        const char byte = word[core.begin + i];
        core.digits = core.digits || (byte >= '0' && byte <= '9');
    }
    return core;
}

/** The letters of UTF-8 as numbers; returns how many. */
static size_t letters_of(const char *text, size_t size, uint32_t letters[WORD_SIZE])
{
    size_t count = 0;
    for (size_t i = 0; i < size && count < WORD_SIZE; i++) {
        const unsigned char byte = (unsigned char)text[i];
        if ((byte & 0xc0) != 0x80 || count == 0) {
            letters[count++] = byte;
        } else {
            letters[count - 1] = letters[count - 1] << 8 | byte;
        }
    }
    return count;
}

size_t letters_between(const char *a, size_t a_size, const char *b, size_t b_size, size_t most)
{
    uint32_t left[WORD_SIZE], right[WORD_SIZE];
    size_t row[WORD_SIZE + 1];
    const size_t rows = letters_of(a, a_size, left), columns = letters_of(b, b_size, right);
    if (rows > columns + most || columns > rows + most) {
        return most + 1;
    }
    for (size_t j = 0; j <= columns; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= rows; i++) {
        size_t corner = row[0], least = i;
        row[0] = i;
        for (size_t j = 1; j <= columns; j++) {
            const size_t exchanged = corner + (left[i - 1] != right[j - 1]);
            const size_t gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            corner = row[j];
            row[j] = exchanged < gap ? exchanged : gap;
            least = row[j] < least ? row[j] : least;
        }
        if (least > most) {
            return most + 1;
        }
    }
    return row[columns] <= most ? row[columns] : most + 1;
}
