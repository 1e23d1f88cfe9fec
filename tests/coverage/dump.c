/* SPDX-License-Identifier: MIT */
/* In every program that `./dev coverage` builds: counters are written out also when a program ends
 * by a signal, as plugins' faults and refused asserts do. SIGKILL leaves no time for that. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

void __gcov_dump(void);
void fnd_coverage_assert(int holds, const char *expression, const char *file, int line);

static void dump(int number)
{
    __gcov_dump();
    raise(number); /* SA_RESETHAND: this time it ends the program */
}

__attribute__((constructor)) static void watch(void)
{
    static const int ends[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};
    struct sigaction action = {.sa_handler = dump, .sa_flags = SA_RESETHAND | SA_NODEFER};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        sigaction(ends[i], &action, NULL);
    }
}

void fnd_coverage_assert(int holds, const char *expression, const char *file, int line)
{
    if (!holds) {
        fprintf(stderr, "%s:%d: assertion `%s' failed\n", file, line, expression);
        abort();
    }
}
