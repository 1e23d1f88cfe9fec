/* SPDX-License-Identifier: MIT */
/* invoice/train, the plugin's trainer. */
#ifndef INVOICE_TRAINER_H
#define INVOICE_TRAINER_H

#include <foundry/plugin.h>

extern const foundry_trainer_t invoice_trainer;

#endif
