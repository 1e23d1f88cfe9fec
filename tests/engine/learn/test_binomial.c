/* SPDX-License-Identifier: MIT */
/* Bounds and the sign test against sums of whole numbers, which have no rounding, and against the
 * values that everybody knows. */
#include <criterion/criterion.h>
#include <math.h>

#include "learn/binomial.h"

#pragma GCC diagnostic ignored "-Wpedantic" /* 128-bit numbers, for exact sums */
typedef unsigned __int128 whole;

static whole choose(unsigned n, unsigned k)
{
    whole value = 1;
    for (unsigned i = 1; i <= k; i++) {
        value = value * (n - k + i) / i;
    }
    return value;
}

static whole power(unsigned base, unsigned exponent)
{
    whole value = 1;
    for (unsigned i = 0; i < exponent; i++) {
        value *= base;
    }
    return value;
}

/* The chance of at most `wrong` of `n` at a rate of k/16 is a whole number over 16^n. */
static double at_most_exactly(unsigned wrong, unsigned n, unsigned k)
{
    whole sum = 0;
    for (unsigned i = 0; i <= wrong; i++) {
        sum += choose(n, i) * power(k, i) * power(16 - k, n - i);
    }
    return (double)((long double)sum / (long double)power(16, n));
}

Test(binomial, chances_are_those_of_exact_sums)
{
    size_t compared = 0;
    for (unsigned n = 1; n <= 24; n++) {
        for (unsigned wrong = 0; wrong < n; wrong++) {
            for (unsigned k = 1; k < 16; k++) {
                const double exact = at_most_exactly(wrong, n, k);
                const double found = fnd_binomial_at_most(wrong, n, k / 16.0);
                cr_assert_float_eq(found, exact, 1e-12, "%u of %u at %u/16: %.17g, exactly %.17g",
                                   wrong, n, k, found, exact);
                compared++;
            }
        }
    }
    cr_assert_eq(compared, 4500);
}

Test(binomial, clean_checks_prove_what_they_prove_and_one_fewer_does_not)
{
    static const struct {
        unsigned checks;
        double target;
    } known[] = {{59, 0.05}, {149, 0.02}, {299, 0.01}, {29, 0.1}, {598, 0.005}, {2995, 0.001}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        const unsigned n = known[i].checks;
        cr_assert(fnd_error_proven(0, n, known[i].target, 0.95), "%u", n);
        cr_assert_not(fnd_error_proven(0, n - 1, known[i].target, 0.95), "%u", n - 1);
        cr_assert_leq(fnd_error_bound(0, n, 0.95), known[i].target);
        cr_assert_gt(fnd_error_bound(0, n - 1, 0.95), known[i].target);
        cr_assert_eq(fnd_checks_needed(0, known[i].target, 0.95), n);
    }
    /* 0.99^299 = 0.0495…, 0.99^298 = 0.0500…2: the edge is not a matter of rounding. */
    cr_assert_lt(pow(0.99, 299), 0.04955);
    cr_assert_gt(pow(0.99, 298), 0.05002);
}

Test(binomial, a_bound_is_the_rate_at_which_so_few_errors_are_that_rare)
{
    for (unsigned n = 2; n <= 24; n++) {
        for (unsigned wrong = 0; wrong < n; wrong++) {
            const double bound = fnd_error_bound(wrong, n, 0.95);
            /* Exact sums on both sides of the bound, at the sixteenths around it. */
            const unsigned below = (unsigned)floor(bound * 16), above = below + 1;
            cr_assert(below == 0 || at_most_exactly(wrong, n, below) >= 0.05 - 1e-12);
            cr_assert(above >= 16 || at_most_exactly(wrong, n, above) <= 0.05 + 1e-12);
            cr_assert_float_eq(fnd_binomial_at_most(wrong, n, bound), 0.05, 1e-9);
        }
    }
    /* Tabled values of the two-sided 90 % interval, which has these ends. */
    cr_assert_float_eq(fnd_error_bound(0, 10, 0.95), 0.25887, 1e-5);
    cr_assert_float_eq(fnd_error_bound(1, 10, 0.95), 0.39416, 1e-5);
    cr_assert_float_eq(fnd_error_bound_lower(1, 10, 0.95), 0.0051162, 1e-6);
    cr_assert_float_eq(fnd_error_bound_lower(10, 10, 0.95), 0.74113, 1e-5);
}

Test(binomial, ends_and_large_counts_stay_in_order)
{
    cr_assert_eq(fnd_error_bound(0, 0, 0.95), 1);
    cr_assert_eq(fnd_error_bound(5, 5, 0.95), 1);
    cr_assert_eq(fnd_error_bound_lower(0, 5, 0.95), 0);
    cr_assert_not(fnd_error_proven(0, 0, 0.5, 0.95));
    cr_assert_not(fnd_error_proven(3, 3, 0.99, 0.95));
    cr_assert_eq(fnd_beta_regularised(2, 3, 0), 0);
    cr_assert_eq(fnd_beta_regularised(2, 3, 1), 1);
    cr_assert_float_eq(fnd_beta_regularised(1e6, 1e6, 0.5), 0.5, 1e-8);
    double last = 0;
    for (double wrong = 0; wrong < 1000; wrong += 37) {
        const double bound = fnd_error_bound(wrong, 1e6, 0.95);
        cr_assert_gt(bound, last);
        cr_assert_gt(bound, wrong / 1e6);
        cr_assert_lt(fnd_error_bound_lower(wrong, 1e6, 0.95), bound);
        last = bound;
    }
    /* Fractions of a check lie between whole ones. */
    cr_assert_gt(fnd_error_bound(0, 298.5, 0.95), fnd_error_bound(0, 299, 0.95));
    cr_assert_lt(fnd_error_bound(0.5, 299, 0.95), fnd_error_bound(1, 299, 0.95));
    cr_assert_gt(fnd_error_bound(0.5, 299, 0.95), fnd_error_bound(0, 299, 0.95));
    cr_assert_eq(fnd_checks_needed(1, 0.01, 0.95), 473);
    cr_assert_eq(fnd_checks_needed(0, 1e-12, 0.95), FND_CHECKS_MAX);
}

Test(binomial, the_sign_test_counts_every_way_the_coins_can_fall)
{
    for (unsigned n = 0; n <= 100; n++) {
        for (unsigned better = 0; better <= n; better++) {
            whole ways = 0;
            for (unsigned k = better; k <= n; k++) {
                ways += choose(n, k);
            }
            const double exact = (double)ldexpl((long double)ways, -(int)n);
            const double found = fnd_sign_test(better, n - better);
            cr_assert_float_eq(found, exact, 1e-11, "%u of %u: %.17g, exactly %.17g", better, n,
                               found, exact);
        }
    }
    cr_assert_eq(fnd_sign_test(9, 1), fnd_sign_test(9, 1));
    cr_assert_float_eq(fnd_sign_test(9, 1), 11.0 / 1024, 1e-15);
    cr_assert_float_eq(fnd_sign_test(6, 2), 37.0 / 256, 1e-14);
}

Test(binomial, the_sign_test_holds_up_to_a_million)
{
    /* For many throws the tail is near that of the normal curve with a step of a half. */
    const double n = 1e6;
    for (double z = -3; z <= 3; z += 0.5) {
        const double better = floor(n / 2 + z * sqrt(n) / 2);
        const double near = 0.5 * erfc((better - 0.5 - n / 2) / (sqrt(n) / 2) / sqrt(2));
        const double found = fnd_sign_test((uint64_t)better, (uint64_t)(n - better));
        cr_assert_float_eq(found / near, 1, 2e-5, "z %.1f: %.12g, %.12g", z, found, near);
    }
    /* All of them: 2^-1000000 is below any double, 2^-1000 is not. */
    cr_assert_eq(fnd_sign_test(1000000, 0), 0);
    cr_assert_float_eq(fnd_sign_test(1000, 0) / ldexp(1, -1000), 1, 1e-9);
    cr_assert_eq(fnd_sign_test(0, 1000000), 1);
    cr_assert_float_eq(fnd_sign_test(500000, 500000) + fnd_sign_test(500001, 499999), 1, 1e-9);
}
