/* SPDX-License-Identifier: MIT */
/* Running one phase of a plugin file in line, for the tests in this folder. */
#ifndef TEST_OCR_PHASE_H
#define TEST_OCR_PHASE_H

#include "host/call.h"

/** A plugin's first phase, made. Plain data. */
struct phase {
    const foundry_phase_t *phase;
    void *self;
    struct fnd_effects effects; /* of create(), when it failed */
};

/** Load FOUNDRY_BUILD_ROOT/plugins/NAME/NAME.so and make an instance with `config` (JSON text).
 *  False when the file cannot be loaded (the reason goes to stderr) or create() fails. The file
 *  stays loaded. */
bool phase_open(struct phase *phase, const char *name, const char *config);
void phase_close(struct phase *phase);

/** One visit. `config` is JSON text, `artifact` bytes under the name "page". `cancelled`: what the
 *  host says from the start. The caller finishes `effects`. */
void phase_run(const struct phase *phase, const char *config, const struct fnd_text *artifact,
               bool cancelled, struct fnd_effects *effects);

/** The confidence set for a pointer, or -1. */
double phase_confidence(const struct fnd_effects *effects, const char *pointer);

#endif
