/* SPDX-License-Identifier: MIT */
#include "prng.h"

struct prng prng_init(uint64_t seed, uint64_t stream)
{
    struct prng prng = {seed ^ (stream * UINT64_C(0xd1342543de82ef95))};
    prng.state = prng_next(&prng);
    return prng;
}

uint64_t prng_next(struct prng *prng)
{
    prng->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t bits = prng->state;
    bits = (bits ^ (bits >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    bits = (bits ^ (bits >> 27)) * UINT64_C(0x94d049bb133111eb);
    return bits ^ (bits >> 31);
}

size_t prng_below(struct prng *prng, size_t bound)
{
    return (size_t)(prng_next(prng) % bound);
}

int prng_range(struct prng *prng, int low, int high)
{
    return low + (int)prng_below(prng, (size_t)(high - low + 1));
}

double prng_real(struct prng *prng, double low, double high)
{
    return low + (high - low) * ((double)(prng_next(prng) >> 11) / 9007199254740992.0);
}

int prng_chance(struct prng *prng, double chance)
{
    return prng_real(prng, 0.0, 1.0) < chance;
}

double prng_normal(struct prng *prng)
{
    /* Four 16-bit uniforms: variance 4/12, so the sum is scaled by sqrt(3). */
    uint64_t bits = prng_next(prng);
    double sum = 0.0;
    for (int i = 0; i < 4; i++) {
        sum += (double)((bits >> (16 * i)) & 0xffff) / 65536.0 - 0.5;
    }
    return sum * 1.7320508075688772;
}
