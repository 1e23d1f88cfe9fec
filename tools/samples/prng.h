/* SPDX-License-Identifier: MIT */
/* A small generator of random numbers whose sequence is the same on every machine. */
#ifndef SAMPLES_PRNG_H
#define SAMPLES_PRNG_H

#include <stddef.h>
#include <stdint.h>

struct prng {
    uint64_t state;
};

/** A generator for `seed` and a `stream` of it: streams do not disturb each other, so that one more
 *  draw for the noise does not change the next invoice's text. */
struct prng prng_init(uint64_t seed, uint64_t stream);
/** 64 random bits (SplitMix64, public domain algorithm by S. Vigna). */
uint64_t prng_next(struct prng *prng);
/** 0 <= result < bound; bound > 0. */
size_t prng_below(struct prng *prng, size_t bound);
/** low <= result <= high. */
int prng_range(struct prng *prng, int low, int high);
/** low <= result < high. */
double prng_real(struct prng *prng, double low, double high);
/** 1 with the given chance, else 0. */
int prng_chance(struct prng *prng, double chance);
/** Roughly normal with mean 0 and deviation 1: a sum of uniform draws, so without libm. */
double prng_normal(struct prng *prng);

#endif
