/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <stdlib.h>

#include "model_file.h"
#include "traits.h"

static const char maker[] = "pole/detect";

void model_finish(struct model *model)
{
    weights_finish(&model->shafts);
    net_finish(&model->net);
    weights_finish(&model->reach);
    *model = (struct model){.pictures = 0};
}

/* A file that is written or read: both go through the same parts in the same order, so that they
 * cannot differ. */
struct file {
    struct out *out; /* NULL: it is read */
    struct in *in;
};

static void word_pass(struct file *file, uint32_t *word)
{
    if (file->out != NULL) {
        put_number(file->out, *word, 4);
    } else {
        *word = (uint32_t)take_number(file->in, 4);
    }
}

static void floats_pass(struct file *file, float *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (file->out != NULL) {
            put_float(file->out, values[i]);
        } else {
            values[i] = take_float(file->in);
        }
    }
}

static void weights_pass(struct file *file, struct weights *weights)
{
    uint32_t count = (uint32_t)weights->count, wanted = count;
    word_pass(file, &count);
    if (file->in != NULL) {
        file->in->failed |= count != wanted;
    }
    floats_pass(file, &weights->bias, 1);
    floats_pass(file, weights->values, weights->count);
}

/** A net over TRAITS, or none: of few pictures none is made. */
static void net_pass(struct file *file, struct net *net)
{
    uint32_t count = (uint32_t)net->count;
    word_pass(file, &count);
    if (file->in != NULL) {
        file->in->failed |= count != 0 && count != TRAITS;
        if (count != 0 && !file->in->failed && net_init(net, count) != 0) {
            file->in->failed = file->in->no_memory = 1;
        }
    }
    floats_pass(file, net->values, net->values != NULL ? net_size(net->count) : 0);
}

static void stack_pass(struct file *file, struct stack *stack)
{
    word_pass(file, &stack->rows);
    floats_pass(file, stack->mean, STACK_INPUTS);
    floats_pass(file, stack->scale, STACK_INPUTS);
    floats_pass(file, stack->weights, STACK_INPUTS);
    floats_pass(file, &stack->bias, 1);
}

static void parts_pass(struct file *file, struct model *model)
{
    word_pass(file, &model->pictures);
    weights_pass(file, &model->shafts);
    net_pass(file, &model->net);
    weights_pass(file, &model->reach);
    floats_pass(file, &model->shift.weights[0][0], (size_t)SHIFT_SIDES * SHIFT_INPUTS);
    stack_pass(file, &model->box);
    stack_pass(file, &model->missed);
}

unsigned char *model_write(const struct model *model, size_t *size)
{
    struct out out;
    struct file file = {.out = &out};
    struct model copy = *model; /* passed on as written: nothing in it is changed */
    model_begin(&out, maker);
    parts_pass(&file, &copy);
    return model_end(&out, MODEL_FORMAT, size);
}

int model_read(struct model *model, const unsigned char *bytes, size_t size, char *message,
               size_t message_size)
{
    struct in in;
    struct file file = {.in = &in};
    *model = (struct model){.shafts = {.count = TRAITS}, .reach = {.count = REACH_TRAITS}};
    int result = model_open(&in, bytes, size, maker, MODEL_FORMAT, message, message_size);
    if (result == 0) {
        model->shafts.values = take_room(&in, TRAITS, sizeof *model->shafts.values);
        model->reach.values = take_room(&in, REACH_TRAITS, sizeof *model->reach.values);
        if (!in.no_memory) {
            parts_pass(&file, model);
        }
        result = model_close(&in, message, message_size);
    }
    if (result != 0) {
        model_finish(model);
    }
    return result;
}
