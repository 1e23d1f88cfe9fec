/* SPDX-License-Identifier: MIT */
/* <assert.h> for `./dev coverage`: checks as ever, but its own two ways are no branch of the file
 * under test, since the failing one is a fault of ours that no test can reach. */
#undef assert
#define assert(expression) fnd_coverage_assert(!!(expression), #expression, __FILE__, __LINE__)

#ifndef FND_COVERAGE_ASSERT
#define FND_COVERAGE_ASSERT
#ifndef __cplusplus
#define static_assert _Static_assert
#endif
#ifdef __cplusplus
extern "C" {
#endif
void fnd_coverage_assert(int holds, const char *expression, const char *file, int line);
#ifdef __cplusplus
}
#endif
#endif
