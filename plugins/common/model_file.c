/* SPDX-License-Identifier: MIT */
#include "model_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char magic[8] = {'F', 'N', 'D', 'M', 'O', 'D', 'E', 'L'};
enum { HEAD = sizeof magic + 4 + 4 + 8 };

static uint64_t check_of(const unsigned char *bytes, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void put_bytes(struct out *out, const void *bytes, size_t size)
{
    if (out->size + size > out->capacity && !out->failed) {
        size_t capacity = (out->size + size) * 2;
        unsigned char *moved = realloc(out->bytes, capacity);
        if (moved == NULL) {
            out->failed = 1;
        } else {
            out->bytes = moved;
            out->capacity = capacity;
        }
    }
    if (!out->failed && size > 0) {
        memcpy(out->bytes + out->size, bytes, size);
        out->size += size;
    }
}

void put_number(struct out *out, uint64_t number, size_t size)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(number >> (8 * i));
    }
    put_bytes(out, bytes, size);
}

void put_float(struct out *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_number(out, bits, 4);
}

void put_double(struct out *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_number(out, bits, 8);
}

void put_text(struct out *out, const char *text)
{
    size_t size = strnlen(text, UINT16_MAX);
    put_number(out, size, 2);
    put_bytes(out, text, size);
}

void model_begin(struct out *out, const char *maker)
{
    static const unsigned char nothing[HEAD] = {0};
    *out = (struct out){.bytes = NULL};
    put_bytes(out, nothing, sizeof nothing);
    put_text(out, maker);
}

unsigned char *model_end(struct out *out, uint32_t format, size_t *size)
{
    if (out->failed || out->size - HEAD > UINT32_MAX) {
        free(out->bytes);
        *out = (struct out){.bytes = NULL};
        return NULL;
    }
    const uint64_t check = check_of(out->bytes + HEAD, out->size - HEAD);
    struct out head = {.bytes = out->bytes, .capacity = HEAD};
    put_bytes(&head, magic, sizeof magic);
    put_number(&head, format, 4);
    put_number(&head, out->size - HEAD, 4);
    put_number(&head, check, 8);
    *size = out->size;
    return head.bytes;
}

/* --- reading ---------------------------------------------------------------------------------- */

uint64_t take_number(struct in *in, size_t size)
{
    uint64_t number = 0;
    if (in->failed || in->size - in->at < size) {
        in->failed = 1;
        return 0;
    }
    for (size_t i = 0; i < size; i++) {
        number |= (uint64_t)in->bytes[in->at++] << (8 * i);
    }
    return number;
}

size_t take_count(struct in *in, size_t size)
{
    uint64_t count = take_number(in, 4);
    if (count > (in->size - in->at) / size) {
        in->failed = 1;
        return 0;
    }
    return (size_t)count;
}

float take_float(struct in *in)
{
    uint32_t bits = (uint32_t)take_number(in, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    in->failed |= !(value > -1e9f && value < 1e9f);
    return in->failed ? 0.0f : value;
}

double take_double(struct in *in)
{
    uint64_t bits = take_number(in, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    in->failed |= !(value > -1e300 && value < 1e300);
    return in->failed ? 0.0 : value;
}

void take_text(struct in *in, char *text, size_t capacity)
{
    size_t size = (size_t)take_number(in, 2);
    text[0] = '\0';
    if (in->failed || size >= capacity || in->size - in->at < size ||
        memchr(in->bytes + in->at, 0, size) != NULL) {
        in->failed = 1;
        return;
    }
    memcpy(text, in->bytes + in->at, size);
    text[size] = '\0';
    in->at += size;
}

void *take_room(struct in *in, size_t count, size_t size)
{
    void *room = calloc(count + 1, size);
    if (room == NULL) {
        in->failed = in->no_memory = 1;
    }
    return room;
}

int model_open(struct in *in, const unsigned char *bytes, size_t size, const char *maker,
               uint32_t format, char *message, size_t message_size)
{
    char id[64];
    *in = (struct in){.bytes = bytes, .size = size};
    if (size < HEAD || memcmp(bytes, magic, sizeof magic) != 0) {
        snprintf(message, message_size, "it has %zu bytes and does not begin as a model does",
                 size);
        return -2;
    }
    in->at = sizeof magic;
    uint64_t version = take_number(in, 4), rest = take_number(in, 4), check = take_number(in, 8);
    if (rest != size - HEAD) {
        snprintf(message, message_size,
                 "it is cut or has more behind it: %zu bytes follow the head, and it says %u",
                 size - HEAD, (unsigned)rest);
        return -2;
    }
    if (check != check_of(bytes + HEAD, size - HEAD)) {
        snprintf(message, message_size, "its bytes were changed: the checksum does not fit");
        return -2;
    }
    /* Whose it is comes before its version: versions count for each plugin. */
    take_text(in, id, sizeof id);
    if (in->failed || strcmp(id, maker) != 0) {
        snprintf(message, message_size, "it was made for %s, not for %s",
                 in->failed ? "another plugin" : id, maker);
        return -2;
    }
    if (version != format) {
        snprintf(message, message_size, "its format is version %u; this plugin reads version %u",
                 (unsigned)version, (unsigned)format);
        return -2;
    }
    return 0;
}

int model_close(const struct in *in, char *message, size_t message_size)
{
    if (in->no_memory) {
        return -1;
    }
    if (in->failed || in->at != in->size) {
        snprintf(message, message_size, "a number in it is out of bounds at byte %zu", in->at);
        return -2;
    }
    return 0;
}
