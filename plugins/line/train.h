/* SPDX-License-Identifier: MIT */
/* line/train, the plugin's trainer. */
#ifndef LINE_TRAIN_H
#define LINE_TRAIN_H

#include <foundry/plugin.h>

extern const foundry_trainer_t line_trainer;

#endif
