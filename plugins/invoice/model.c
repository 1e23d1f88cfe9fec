/* SPDX-License-Identifier: MIT */
#include "model.h"

#include "model_file.h"

static const char maker[] = "invoice/fields";
enum { IDS_MAX = UINT16_MAX };

void model_finish(struct model *model)
{
    for (size_t i = 0; i < RESULT_HEADERS; i++) {
        logit_finish(&model->header[i]);
    }
    logit_finish(&model->roles);
    knowledge_finish(&model->knowledge);
    *model = (struct model){.documents = 0};
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
    struct out out;
    model_begin(&out, maker);
    put_number(&out, model->documents, 4);
    for (size_t i = 0; i < RESULT_HEADERS; i++) {
        put_logit(&out, &model->header[i]);
    }
    put_logit(&out, &model->roles);
    for (size_t i = 0; i < KINDS; i++) {
        put_stack(&out, &model->stacks[i]);
    }
    put_knowledge(&out, &model->knowledge);
    return model_end(&out, MODEL_FORMAT, size);
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

int model_read(struct model *model, const unsigned char *bytes, size_t size, char *message,
               size_t message_size)
{
    struct in in;
    *model = (struct model){.documents = 0};
    int result = model_open(&in, bytes, size, maker, MODEL_FORMAT, message, message_size);
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
    result = model_close(&in, message, message_size);
    if (result != 0) {
        model_finish(model);
    }
    return result;
}
