/* SPDX-License-Identifier: MIT */
#include "net.h"

#include <stdlib.h>
#include <string.h>

size_t net_size(size_t count)
{
    return (count + 3) * NET_HIDDEN;
}

int net_init(struct net *net, size_t count)
{
    *net = (struct net){.count = count, .values = calloc(net_size(count), sizeof(float))};
    return net->values == NULL ? -1 : 0;
}

void net_finish(struct net *net)
{
    free(net->values);
    *net = (struct net){.count = 0};
}

void net_add(float *restrict sums, const float *restrict row, float by)
{
    for (size_t j = 0; j < NET_HIDDEN; j++) {
        sums[j] += by * row[j];
    }
}

float net_weigh(const struct net *net, const float hidden[NET_HIDDEN])
{
    const float *weights = net->values + (net->count + 1) * NET_HIDDEN;
    float score = weights[NET_HIDDEN];
    for (size_t j = 0; j < NET_HIDDEN; j++) {
        score += hidden[j] * weights[j];
    }
    return score;
}

double net_score(const struct net *net, const uint8_t *row)
{
    float hidden[NET_HIDDEN];
    memcpy(hidden, net->values + net->count * NET_HIDDEN, sizeof hidden);
    for (size_t i = 0; i < net->count; i++) {
        if (row[i] != 0) {
            net_add(hidden, net->values + i * NET_HIDDEN, (float)row[i] * (1.0f / 255.0f));
        }
    }
    for (size_t j = 0; j < NET_HIDDEN; j++) {
        hidden[j] = hidden[j] > 0.0f ? hidden[j] : 0.0f;
    }
    return (double)net_weigh(net, hidden);
}
