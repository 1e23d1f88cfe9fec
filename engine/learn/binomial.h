/* SPDX-License-Identifier: MIT */
/* Exact statements about shares and about who wins more often. Functions of numbers alone. */
#ifndef FND_LEARN_BINOMIAL_H
#define FND_LEARN_BINOMIAL_H

#include <stdint.h>

/** The regularised incomplete beta function I_x(a, b), for a, b > 0 and 0 <= x <= 1.
 *  Absolute error below 1e-9 for a + b up to 2e6.  Thread: any.
 *  Source  the continued fraction of DLMF 8.17.22 (https://dlmf.nist.gov/8.17), evaluated from the
 *          front by Lentz's method; the symmetry 8.17.4 where it converges slowly. */
double fnd_beta_regularised(double a, double b, double x);

/** The chance of at most `wrong` errors in `checks` independent checks at an error rate of `rate`.
 *  Counts may have fractions (checks that depend on each other are worth less than one).
 *  wrong >= 0, checks >= 0; 1 where wrong >= checks. */
double fnd_binomial_at_most(double wrong, double checks, double rate);

/** The one-sided Clopper-Pearson upper bound: the highest error rate at which `wrong` of `checks`
 * or fewer would still be seen with a chance of 1 - level. So the true rate is at most this, with a
 *  confidence of `level` (0.95).  0 to 1; 1 without checks. */
double fnd_error_bound(double wrong, double checks, double level);
/** The same from below: the true rate is at least this. 0 where nothing was wrong. */
double fnd_error_bound_lower(double wrong, double checks, double level);

/** Whether `wrong` of `checks` prove an error rate of at most `target`. The same statement as
 *  fnd_error_bound() <= target, without the inversion. */
int fnd_error_proven(double wrong, double checks, double target, double level);

/** How many checks, `wrong` of which were wrong, are the fewest that prove `target` (> 0): 59, 149
 *  and 299 clean ones for 5, 2 and 1 % at 0.95. FND_CHECKS_MAX where no number up to that does. */
#define FND_CHECKS_MAX UINT64_C(1000000000)
uint64_t fnd_checks_needed(double wrong, double target, double level);

/** The exact one-sided sign test: the chance of `better` or more wins among better + worse fair
 *  coin throws. 1 where there were none. Summed in log space, relative error below 1e-8 up to 1e6
 *  throws. */
double fnd_sign_test(uint64_t better, uint64_t worse);

#endif
