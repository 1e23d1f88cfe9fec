/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char magic[8] = {'F', 'N', 'D', 'M', 'O', 'D', 'E', 'L'};
static const char plugin[] = "invoice/fields";
enum { HEAD = 24, IDS_MAX = UINT16_MAX };

void model_finish(struct model *model)
{
    for (size_t i = 0; i < RESULT_HEADERS; i++) {
        logit_finish(&model->header[i]);
    }
    logit_finish(&model->roles);
    knowledge_finish(&model->knowledge);
    *model = (struct model){.documents = 0};
}

static uint64_t check_of(const unsigned char *bytes, size_t size)
{
    uint64_t hash = FEATURE_SEED;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* Bytes as they grow; `failed` without memory. */
struct out {
    unsigned char *bytes;
    size_t size, capacity;
    int failed;
};

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

static void put_number(struct out *out, uint64_t number, size_t size)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (unsigned char)(number >> (8 * i));
    }
    put_bytes(out, bytes, size);
}

static void put_float(struct out *out, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_number(out, bits, 4);
}

static void put_text(struct out *out, const char *text)
{
    size_t size = strlen(text);
    put_number(out, size, 2);
    put_bytes(out, text, size);
}

static void put_logit(struct out *out, const struct logit *logit)
{
    put_number(out, logit->columns, 4);
    put_number(out, logit->count, 4);
    for (size_t i = 0; i < logit->columns; i++) {
        put_float(out, logit->bias[i]);
    }
    for (size_t i = 0; i < logit->count; i++) {
        put_number(out, logit->ids[i], 4);
    }
    for (size_t i = 0; i < logit->count * logit->columns; i++) {
        put_float(out, logit->weights[i]);
    }
}

static void put_stack(struct out *out, const struct stack *stack)
{
    put_number(out, stack->inputs, 4);
    put_float(out, stack->bias);
    for (size_t i = 0; i < stack->inputs; i++) {
        put_float(out, stack->mean[i]);
        put_float(out, stack->scale[i]);
        put_float(out, stack->weights[i]);
    }
}

static void put_knowledge(struct out *out, const struct knowledge *knowledge)
{
    put_number(out, knowledge->suppliers_count, 4);
    for (size_t i = 0; i < knowledge->suppliers_count; i++) {
        put_text(out, knowledge->suppliers[i].name);
        put_number(out, knowledge->suppliers[i].documents, 4);
        put_number(out, knowledge->suppliers[i].day_first, 4);
        put_number(out, knowledge->suppliers[i].month_first, 4);
        for (size_t shape = 0; shape < SHAPED * SHAPES_MAX; shape++) {
            put_text(out, knowledge->suppliers[i].shapes[shape / SHAPES_MAX][shape % SHAPES_MAX]);
        }
    }
    put_number(out, knowledge->goods_count, 4);
    for (size_t i = 0; i < knowledge->goods_count; i++) {
        put_text(out, knowledge->goods[i].name);
        put_number(out, knowledge->goods[i].supplier, 4);
        put_number(out, knowledge->goods[i].documents, 4);
        put_number(out, (uint64_t)knowledge->goods[i].price, 8);
    }
    put_number(out, knowledge->words_count, 4);
    for (size_t i = 0; i < knowledge->words_count; i++) {
        put_text(out, knowledge->words[i].word);
        put_number(out, knowledge->words[i].documents, 4);
    }
}

unsigned char *model_write(const struct model *model, size_t *size)
{
    struct out out = {.bytes = NULL}, head = {.bytes = NULL};
    put_text(&out, plugin);
    put_number(&out, model->documents, 4);
    for (size_t i = 0; i < RESULT_HEADERS; i++) {
        put_logit(&out, &model->header[i]);
    }
    put_logit(&out, &model->roles);
    for (size_t i = 0; i < KINDS; i++) {
        put_stack(&out, &model->stacks[i]);
    }
    put_knowledge(&out, &model->knowledge);
    put_bytes(&head, magic, sizeof magic);
    put_number(&head, MODEL_FORMAT, 4);
    put_number(&head, out.size, 4);
    put_number(&head, out.failed ? 0 : check_of(out.bytes, out.size), 8);
    put_bytes(&head, out.bytes, out.size);
    free(out.bytes);
    if (out.failed || head.failed) {
        free(head.bytes);
        return NULL;
    }
    *size = head.size;
    return head.bytes;
}

/* Bytes as they are read; `failed` when there are too few, or a number is out of bounds. */
struct in {
    const unsigned char *bytes;
    size_t size, at;
    int failed, no_memory;
};

static uint64_t take_number(struct in *in, size_t size)
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

/** A count of things of which each takes `size` bytes or more. */
static size_t take_count(struct in *in, size_t size)
{
    uint64_t count = take_number(in, 4);
    if (count > (in->size - in->at) / size) {
        in->failed = 1;
        return 0;
    }
    return (size_t)count;
}

static float take_float(struct in *in)
{
    uint32_t bits = (uint32_t)take_number(in, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    in->failed |= !(value > -1e9f && value < 1e9f); /* and no NaN */
    return in->failed ? 0.0f : value;
}

static void take_text(struct in *in, char *text, size_t capacity)
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

/** Zeroed memory; NULL is noted. */
static void *take_room(struct in *in, size_t count, size_t size)
{
    void *room = calloc(count + 1, size);
    if (room == NULL) {
        in->failed = in->no_memory = 1;
    }
    return room;
}

static void take_logit(struct in *in, struct logit *logit, size_t columns)
{
    logit->columns = (size_t)take_number(in, 4);
    logit->count = take_count(in, 4 + 4 * columns);
    if (logit->columns != columns || logit->count >= IDS_MAX) {
        in->failed = 1;
        logit->count = 0;
    }
    for (size_t i = 0; i < columns; i++) {
        logit->bias[i] = take_float(in);
    }
    logit->ids = take_room(in, logit->count, sizeof *logit->ids);
    logit->weights = take_room(in, logit->count * columns, sizeof *logit->weights);
    for (size_t i = 0; i < logit->count && !in->failed; i++) {
        logit->ids[i] = (uint32_t)take_number(in, 4);
        in->failed |=
            logit->ids[i] >= 1U << FEATURE_BITS || (i > 0 && logit->ids[i] <= logit->ids[i - 1]);
    }
    for (size_t i = 0; i < logit->count * columns && !in->failed; i++) {
        logit->weights[i] = take_float(in);
    }
    if (!in->failed && logit_index(logit) != 0) {
        in->failed = in->no_memory = 1;
    }
}

static void take_stack(struct in *in, struct stack *stack)
{
    stack->inputs = (uint32_t)take_number(in, 4);
    in->failed |= stack->inputs > STACK_INPUTS_MAX;
    stack->bias = take_float(in);
    for (size_t i = 0; !in->failed && i < stack->inputs; i++) {
        stack->mean[i] = take_float(in);
        stack->scale[i] = take_float(in);
        stack->weights[i] = take_float(in);
    }
}

static void take_knowledge(struct in *in, struct knowledge *knowledge)
{
    size_t count = take_count(in, 14);
    knowledge->suppliers = take_room(in, count, sizeof *knowledge->suppliers);
    for (size_t i = 0; i < count && !in->failed; i++, knowledge->suppliers_count++) {
        struct known_supplier *supplier = &knowledge->suppliers[i];
        take_text(in, supplier->name, sizeof supplier->name);
        supplier->documents = (uint32_t)take_number(in, 4);
        supplier->day_first = (uint32_t)take_number(in, 4);
        supplier->month_first = (uint32_t)take_number(in, 4);
        for (size_t shape = 0; shape < SHAPED * SHAPES_MAX; shape++) {
            take_text(in, supplier->shapes[shape / SHAPES_MAX][shape % SHAPES_MAX], SHAPE_MAX);
        }
    }
    count = take_count(in, 18);
    knowledge->goods = take_room(in, count, sizeof *knowledge->goods);
    for (size_t i = 0; i < count && !in->failed; i++, knowledge->goods_count++) {
        struct known_good *good = &knowledge->goods[i];
        take_text(in, good->name, sizeof good->name);
        good->supplier = (uint32_t)take_number(in, 4);
        good->documents = (uint32_t)take_number(in, 4);
        good->price = (int64_t)take_number(in, 8);
        in->failed |= good->supplier >= knowledge->suppliers_count;
    }
    count = take_count(in, 6);
    knowledge->words = take_room(in, count, sizeof *knowledge->words);
    for (size_t i = 0; i < count && !in->failed; i++, knowledge->words_count++) {
        take_text(in, knowledge->words[i].word, sizeof knowledge->words[i].word);
        knowledge->words[i].documents = (uint32_t)take_number(in, 4);
    }
}

/** Read what stands before the parts; 0, or -2 with a message. */
static int head_read(struct in *in, char *message, size_t message_size)
{
    char id[64];
    if (in->size < HEAD || memcmp(in->bytes, magic, sizeof magic) != 0) {
        snprintf(message, message_size, "it has %zu bytes and does not begin as a model does",
                 in->size);
        return -2;
    }
    in->at = sizeof magic;
    uint64_t format = take_number(in, 4), size = take_number(in, 4), check = take_number(in, 8);
    if (format != MODEL_FORMAT) {
        snprintf(message, message_size, "its format is version %u; this plugin reads version %d",
                 (unsigned)format, MODEL_FORMAT);
        return -2;
    }
    if (size != in->size - HEAD) {
        snprintf(message, message_size,
                 "it is cut or has more behind it: %zu bytes follow the "
                 "head, and it says %u",
                 in->size - HEAD, (unsigned)size);
        return -2;
    }
    if (check != check_of(in->bytes + HEAD, in->size - HEAD)) {
        snprintf(message, message_size, "its bytes were changed: the checksum does not fit");
        return -2;
    }
    take_text(in, id, sizeof id);
    if (in->failed || strcmp(id, plugin) != 0) {
        snprintf(message, message_size, "it was made for %s, not for %s",
                 in->failed ? "another plugin" : id, plugin);
        return -2;
    }
    return 0;
}

int model_read(struct model *model, const unsigned char *bytes, size_t size, char *message,
               size_t message_size)
{
    struct in in = {.bytes = bytes, .size = size};
    *model = (struct model){.documents = 0};
    int result = head_read(&in, message, message_size);
    if (result != 0) {
        return result;
    }
    model->documents = (uint32_t)take_number(&in, 4);
    for (size_t i = 0; i < RESULT_HEADERS; i++) {
        take_logit(&in, &model->header[i], 1);
    }
    take_logit(&in, &model->roles, ROLES);
    for (size_t i = 0; i < KINDS; i++) {
        take_stack(&in, &model->stacks[i]);
    }
    take_knowledge(&in, &model->knowledge);
    if (!in.failed && in.at == in.size) {
        return 0;
    }
    model_finish(model);
    if (in.no_memory) {
        return -1;
    }
    snprintf(message, message_size, "a number in it is out of bounds at byte %zu", in.at);
    return -2;
}
