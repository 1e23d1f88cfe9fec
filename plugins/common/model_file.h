/* SPDX-License-Identifier: MIT */
/* What training made, as a file:
 *
 *   "FNDMODEL"            8 bytes
 *   format version        u32   of the plugin that made it
 *   size of the rest      u32
 *   check of the rest     u64   FNV-1a
 *   the rest: the id of the phase it is for, then what that plugin's model.c puts
 *
 * Numbers are little-endian, floats IEEE 754, texts a u16 length and their bytes. */
#ifndef COMMON_MODEL_FILE_H
#define COMMON_MODEL_FILE_H

#include <stddef.h>
#include <stdint.h>

/* Bytes as they grow; `failed` without memory, and stays. */
struct out {
    unsigned char *bytes;
    size_t size, capacity;
    int failed;
};

/** Begin a file for the phase `maker`; model_end() completes it and returns its bytes, which the
 *  caller frees, or NULL without memory. */
void model_begin(struct out *out, const char *maker);
unsigned char *model_end(struct out *out, uint32_t format, size_t *size);

void put_number(struct out *out, uint64_t number, size_t size);
void put_float(struct out *out, float value);
void put_double(struct out *out, double value);
/** At most UINT16_MAX bytes. */
void put_text(struct out *out, const char *text);

/* Bytes as they are read; `failed` when there are too few, or a number is out of bounds, and
 * stays: then all that is taken is 0. */
struct in {
    const unsigned char *bytes;
    size_t size, at;
    int failed, no_memory;
};

/** Look at what stands before the parts. 0, or -2 when it is no such file: then `message` says
 *  what was found. `bytes` is borrowed as long as `in` is used. */
int model_open(struct in *in, const unsigned char *bytes, size_t size, const char *maker,
               uint32_t format, char *message, size_t message_size);
/** After the last part: 0 if all was in order, -1 without memory, -2 with a message. */
int model_close(const struct in *in, char *message, size_t message_size);

uint64_t take_number(struct in *in, size_t size);
/** A count of things of which each takes `size` bytes or more. */
size_t take_count(struct in *in, size_t size);
/** Of sane size, and no NaN. */
float take_float(struct in *in);
double take_double(struct in *in);
/** A text that fits into `capacity` with its end. */
void take_text(struct in *in, char *text, size_t capacity);
/** Zeroed memory for `count` things, and one more; NULL is noted. The caller frees it. */
void *take_room(struct in *in, size_t count, size_t size);

#endif
