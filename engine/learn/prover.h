/* SPDX-License-Identifier: MIT */
/* What gates are told: folded from the CorrectionRecords, nothing kept but in memory. */
#ifndef FND_LEARN_PROVER_H
#define FND_LEARN_PROVER_H

#include "pipeline/kind.h"

/** For fnd_engine_options.prover. Static. Each engine has a state of its own, which reads what is
 *  new among the records each time it is asked.
 *
 *  A check is a value with a confidence in a document that a person looked at as a whole
 * ("checked": "sample" in the record): while nothing is proven, all documents are; later the audit
 * sample. Documents asked about because they are of an unknown kind are none. A value is wrong if
 * the person changed it, or anything in it; all of a rejected document are. A document answered
 * twice counts as answered last. */
const struct fnd_prover *fnd_learn_prover(void);

/** How sure a proof is. */
#define FND_PROOF_LEVEL 0.95

#endif
