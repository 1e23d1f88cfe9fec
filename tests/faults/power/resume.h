/* SPDX-License-Identifier: MIT */
#ifndef TEST_POWER_RESUME_H
#define TEST_POWER_RESUME_H

#include "check.h"

/** Do what a person does behind a power cut: run the pipeline, answer what is asked, until all
 *  rests. Every input must be one completed job, no phase of which has two results.
 *  Returns true; false: `text` says what is violated. */
bool resume_all(const struct check *check, char text[CHECK_TEXT_SIZE]);

#endif
