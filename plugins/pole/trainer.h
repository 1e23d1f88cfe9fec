/* SPDX-License-Identifier: MIT */
/* pole/train, the plugin's trainer. */
#ifndef POLE_TRAINER_H
#define POLE_TRAINER_H

#include <foundry/plugin.h>

extern const foundry_trainer_t pole_trainer;

#endif
