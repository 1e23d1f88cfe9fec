/* SPDX-License-Identifier: MIT */
/* What fault programmes need of the system. Each ends the process when it cannot do its work. */
#ifndef TEST_FAULTS_TOOLS_H
#define TEST_FAULTS_TOOLS_H

#include <stddef.h>
#include <stdint.h>

enum { PATH_SIZE = 512 };

/** Say what failed with errno, and end. */
void stop(const char *what, const char *path) __attribute__((noreturn));
void text_write(const char *path, const char *text, size_t size);
void folder_make(char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
void file_copy(const char *from, const char *to);
/** Remove all below a folder, and it; nothing if it is not there. */
void tree_remove(const char *path);
/** Run a program; its stdout goes to `out`, -1: our own. settings: NAME=VALUE, NULL-ended, or NULL.
 *  Returns its exit code; 128 + the signal that ended it. */
int program(char *const *arguments, int out, char *const *settings);
/** A fresh folder on a file system without a disk, where there is one: fsync costs nothing there.
 */
void folder_begin(char path[64], const char *name);
/** FOUNDRY_SEED, which the engine must not see, and FOUNDRY_FLOOR, in percent. */
void settings_read(uint64_t *seed, size_t *percent);

#endif
