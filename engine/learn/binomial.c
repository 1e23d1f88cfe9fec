/* SPDX-License-Identifier: MIT */
#include "learn/binomial.h"

#include <assert.h>
#include <float.h>
#include <math.h>

enum { FRACTION_STEPS_MAX = 100000, BISECTIONS = 200 };

/* A denominator of the fraction that is nearly zero would divide by zero in the next step: Lentz's
 * method goes on with a tiny number in its place. */
static double away_from_zero(double value)
{
    return fabs(value) < 1e-300 ? 1e-300 : value;
}

/* 1 / (1 + d1 / (1 + d2 / (1 + …))) of DLMF 8.17.22. It needs some sqrt(a + b) steps where
 * x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    double top = 1, bottom = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
    double value = bottom;
    for (int step = 1; step <= FRACTION_STEPS_MAX; step++) {
        const double m = step;
        double term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        bottom = 1 / away_from_zero(1 + term * bottom);
        top = away_from_zero(1 + term / top);
        value *= bottom * top;
        term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        bottom = 1 / away_from_zero(1 + term * bottom);
        top = away_from_zero(1 + term / top);
        value *= bottom * top;
        if (fabs(bottom * top - 1) < 4 * DBL_EPSILON) {
            break;
        }
    }
    return value;
}

double fnd_beta_regularised(double a, double b, double x)
{
    assert(a > 0 && b > 0 && x >= 0 && x <= 1);
    if (x <= 0 || x >= 1) {
        return x <= 0 ? 0 : 1;
    }
    const double factor = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    const double value = x < (a + 1) / (a + b + 2) ? factor * beta_fraction(a, b, x) / a
                                                   : 1 - factor * beta_fraction(b, a, 1 - x) / b;
    return value < 0 ? 0 : value > 1 ? 1 : value;
}

double fnd_binomial_at_most(double wrong, double checks, double rate)
{
    assert(wrong >= 0 && checks >= 0 && rate >= 0 && rate <= 1);
    if (wrong >= checks) {
        return 1;
    }
    if (wrong <= 0) {
        return rate >= 1 ? 0 : exp(checks * log1p(-rate));
    }
    return fnd_beta_regularised(checks - wrong, wrong + 1, 1 - rate); /* DLMF 8.17.5 */
}

/* Where a falling function of the rate, the chance of at most `wrong`, meets `chance`. Halving the
 * interval 200 times goes down to neighbouring doubles, also near 0. */
static double rate_of(double wrong, double checks, double chance)
{
    double low = 0, high = 1;
    for (int i = 0; i < BISECTIONS; i++) {
        const double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) {
            break;
        }
        if (fnd_binomial_at_most(wrong, checks, middle) > chance) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

double fnd_error_bound(double wrong, double checks, double level)
{
    assert(level > 0 && level < 1);
    if (checks <= 0 || wrong >= checks) {
        return 1;
    }
    return wrong <= 0 ? -expm1(log1p(-level) / checks) : rate_of(wrong, checks, 1 - level);
}

double fnd_error_bound_lower(double wrong, double checks, double level)
{
    assert(level > 0 && level < 1);
    if (wrong <= 0 || checks <= 0) {
        return 0;
    }
    /* Right and wrong change places: at most so many are right. */
    return 1 - fnd_error_bound(checks - wrong < 0 ? 0 : checks - wrong, checks, level);
}

int fnd_error_proven(double wrong, double checks, double target, double level)
{
    return checks > 0 && wrong < checks && fnd_binomial_at_most(wrong, checks, target) <= 1 - level;
}

uint64_t fnd_checks_needed(double wrong, double target, double level)
{
    assert(target > 0);
    uint64_t low = 0, high = 1; /* low does not prove it */
    while (high < FND_CHECKS_MAX && !fnd_error_proven(wrong, (double)high, target, level)) {
        low = high;
        high *= 2;
    }
    if (high >= FND_CHECKS_MAX) {
        return FND_CHECKS_MAX;
    }
    while (high - low > 1) {
        const uint64_t middle = low + (high - low) / 2;
        if (fnd_error_proven(wrong, (double)middle, target, level)) {
            high = middle;
        } else {
            low = middle;
        }
    }
    return high;
}

/* The chance of `least` or more of `all` throws where least > all / 2: each term is smaller than
 * the one before, so that the sum ends where a term does not count any more. */
static double tail(double least, double all)
{
    double term = 1, sum = 1;
    for (double k = least; k < all && term > sum * DBL_EPSILON / 4; k++) {
        term *= (all - k) / (k + 1);
        sum += term;
    }
    const double first =
        lgamma(all + 1) - lgamma(least + 1) - lgamma(all - least + 1) - all * log(2);
    return exp(first + log(sum));
}

double fnd_sign_test(uint64_t better, uint64_t worse)
{
    const double all = (double)better + (double)worse;
    if (better == 0) {
        return 1;
    }
    /* P(X >= better) = 1 - P(X >= worse + 1), as both sides of a fair coin are alike. */
    return better > worse ? tail((double)better, all) : 1 - tail((double)worse + 1, all);
}
