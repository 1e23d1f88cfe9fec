/* SPDX-License-Identifier: MIT */
/* Faults for the self-test: traces of engines that sync too little. */
#ifndef TEST_POWER_PLANT_H
#define TEST_POWER_PLANT_H

#include "model.h"

struct plant {
    const char *name, *what;
};
/** All there are, ended by name NULL. */
const struct plant *plants(void);
/** Take out of a trace what the faulty engine would not have done. */
void plant_apply(const char *name, struct trace *trace);

#endif
