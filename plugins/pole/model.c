/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "traits.h"

static const char magic[8] = {'F', 'N', 'D', 'M', 'O', 'D', 'E', 'L'};
static const char plugin[] = "pole/detect";
enum { HEAD = 24 };

void model_finish(struct model *model)
{
    weights_finish(&model->shafts);
    weights_finish(&model->reach);
    *model = (struct model){.pictures = 0};
}

static uint64_t check_of(const unsigned char *bytes, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* A file's bytes, written into or read from: both go through the same parts in the same order, so
 * that they cannot differ. */
struct file {
    unsigned char *bytes;
    size_t size, at;
    int writes, failed;
};

static void number_pass(struct file *file, uint64_t *number, size_t size)
{
    if (file->failed || file->size - file->at < size) {
        file->failed = 1;
        return;
    }
    unsigned char *bytes = file->bytes + file->at;
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (file->writes) {
            bytes[i] = (unsigned char)(*number >> (8 * i));
        }
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    *number = value;
    file->at += size;
}

static void word_pass(struct file *file, uint32_t *word)
{
    uint64_t number = *word;
    number_pass(file, &number, 4);
    *word = (uint32_t)number;
}

static void floats_pass(struct file *file, float *values, size_t count)
{
    for (size_t i = 0; i < count && !file->failed; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        word_pass(file, &bits);
        memcpy(&values[i], &bits, sizeof bits);
        file->failed |= !(values[i] > -1e9f && values[i] < 1e9f); /* and no NaN */
    }
}

static void weights_pass(struct file *file, struct weights *weights)
{
    uint32_t count = (uint32_t)weights->count, wanted = count;
    word_pass(file, &count);
    file->failed |= count != wanted;
    floats_pass(file, &weights->bias, 1);
    floats_pass(file, weights->values, weights->count);
}

static void stack_pass(struct file *file, struct stack *stack)
{
    word_pass(file, &stack->trained);
    file->failed |= stack->trained > 1;
    floats_pass(file, stack->mean, STACK_INPUTS);
    floats_pass(file, stack->scale, STACK_INPUTS);
    floats_pass(file, stack->weights, STACK_INPUTS);
    floats_pass(file, &stack->bias, 1);
}

static void parts_pass(struct file *file, struct model *model)
{
    word_pass(file, &model->pictures);
    weights_pass(file, &model->shafts);
    weights_pass(file, &model->reach);
    floats_pass(file, &model->shift.weights[0][0], (size_t)SHIFT_SIDES * SHIFT_INPUTS);
    stack_pass(file, &model->box);
    stack_pass(file, &model->missed);
}

enum {
    STACK_SIZE = 4 + 4 * (3 * STACK_INPUTS + 1),
    PARTS_SIZE =
        4 + 8 + 4 * TRAITS + 8 + 4 * REACH_TRAITS + 4 * SHIFT_SIDES * SHIFT_INPUTS + 2 * STACK_SIZE,
    ID_SIZE = 2 + sizeof plugin - 1,
    REST = ID_SIZE + PARTS_SIZE
};

unsigned char *model_write(const struct model *model, size_t *size)
{
    struct file file = {.size = HEAD + REST, .writes = 1};
    struct model copy = *model; /* passed on as written: nothing in it is changed */
    uint64_t format = MODEL_FORMAT, rest = REST, length = sizeof plugin - 1;
    file.bytes = malloc(file.size);
    if (file.bytes == NULL) {
        return NULL;
    }
    file.at = HEAD;
    number_pass(&file, &length, 2);
    memcpy(file.bytes + file.at, plugin, sizeof plugin - 1);
    file.at += sizeof plugin - 1;
    parts_pass(&file, &copy);
    uint64_t check = check_of(file.bytes + HEAD, REST);
    memcpy(file.bytes, magic, sizeof magic);
    file.at = sizeof magic;
    number_pass(&file, &format, 4);
    number_pass(&file, &rest, 4);
    number_pass(&file, &check, 8);
    *size = file.size;
    return file.bytes;
}

/** Read what stands before the parts; 0, or -2 with a message. */
static int head_read(struct file *file, char *message, size_t message_size)
{
    char id[64] = "";
    uint64_t format = 0, rest = 0, check = 0, length = 0;
    if (file->size < HEAD || memcmp(file->bytes, magic, sizeof magic) != 0) {
        snprintf(message, message_size, "it has %zu bytes and does not begin as a model does",
                 file->size);
        return -2;
    }
    file->at = sizeof magic;
    number_pass(file, &format, 4);
    number_pass(file, &rest, 4);
    number_pass(file, &check, 8);
    if (format != MODEL_FORMAT) {
        snprintf(message, message_size, "its format is version %u; this plugin reads version %d",
                 (unsigned)format, MODEL_FORMAT);
        return -2;
    }
    if (rest != file->size - HEAD) {
        snprintf(message, message_size,
                 "it is cut or has more behind it: %zu bytes follow the head, and it says %u",
                 file->size - HEAD, (unsigned)rest);
        return -2;
    }
    if (check != check_of(file->bytes + HEAD, file->size - HEAD)) {
        snprintf(message, message_size, "its bytes were changed: the checksum does not fit");
        return -2;
    }
    number_pass(file, &length, 2);
    if (!file->failed && length < sizeof id && length <= file->size - file->at) {
        memcpy(id, file->bytes + file->at, (size_t)length);
        id[length] = '\0';
        file->at += (size_t)length;
    }
    if (strcmp(id, plugin) != 0) {
        snprintf(message, message_size, "it was made for %s, not for %s",
                 id[0] == '\0' ? "another plugin" : id, plugin);
        return -2;
    }
    return 0;
}

int model_read(struct model *model, const unsigned char *bytes, size_t size, char *message,
               size_t message_size)
{
    struct file file = {.size = size};
    *model = (struct model){.shafts = {.count = TRAITS}, .reach = {.count = REACH_TRAITS}};
    model->shafts.values = calloc(TRAITS, sizeof *model->shafts.values);
    model->reach.values = calloc(REACH_TRAITS, sizeof *model->reach.values);
    file.bytes = malloc(size + 1);
    int result = -1;
    if (model->shafts.values == NULL || model->reach.values == NULL || file.bytes == NULL) {
        goto out;
    }
    memcpy(file.bytes, bytes, size);
    result = head_read(&file, message, message_size);
    if (result == 0) {
        parts_pass(&file, model);
        if (file.failed || file.at != file.size) {
            snprintf(message, message_size, "a number in it is out of bounds at byte %zu", file.at);
            result = -2;
        }
    }
out:
    free(file.bytes);
    if (result != 0) {
        model_finish(model);
    }
    return result;
}
