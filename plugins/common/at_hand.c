/* SPDX-License-Identifier: MIT */
#include "at_hand.h"

#include <foundry/helpers.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void at_hand_finish(struct at_hand *at_hand, void *model, const struct model_kind *kind)
{
    if (at_hand->name != NULL) {
        kind->finish(model);
    }
    free(at_hand->name);
    *at_hand = (struct at_hand){.name = NULL};
}

static foundry_outcome_t refused(const foundry_host_t *host, foundry_call_t *call, const char *name,
                                 const char *message)
{
    return foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_model", "/model",
                         "the model %s cannot be used: %s. Train again, or go back to an older "
                         "version",
                         name, message);
}

static foundry_outcome_t model_take(struct at_hand *at_hand, void *model,
                                    const struct model_kind *kind, const foundry_host_t *host,
                                    foundry_call_t *call, const char *name)
{
    char message[256] = "";
    uint64_t size = 0;
    foundry_text_t bytes;
    FOUNDRY_TRY(host->artifact_size(call, name, &size));
    if (size > kind->bytes_max) {
        snprintf(message, sizeof message,
                 "it has %llu bytes, and no model of this plugin has more "
                 "than %zu",
                 (unsigned long long)size, kind->bytes_max);
        return refused(host, call, name, message);
    }
    foundry_text_init(&bytes);
    foundry_outcome_t outcome = foundry_artifact_load(host, call, name, kind->bytes_max, &bytes);
    if (outcome == FOUNDRY_DONE) {
        at_hand_finish(at_hand, model, kind);
        int status = kind->read(model, (const unsigned char *)foundry_text_z(&bytes), bytes.size,
                                message, sizeof message);
        at_hand->name = status == 0 ? strdup(name) : NULL;
        if (status == -2) {
            outcome = refused(host, call, name, message);
        } else if (at_hand->name == NULL) {
            outcome = FOUNDRY_E_NO_MEMORY;
        }
        if (outcome != FOUNDRY_DONE) {
            kind->finish(model);
        }
    }
    foundry_text_finish(&bytes);
    return outcome;
}

foundry_outcome_t at_hand_load(struct at_hand *at_hand, void *model, const struct model_kind *kind,
                               const foundry_host_t *host, foundry_call_t *call, int *there)
{
    const char *name;
    foundry_kind_t given = FOUNDRY_KIND_NULL;
    *there = 0;
    foundry_status_t status = foundry_kind_get(host, call, FOUNDRY_DOC_CONFIG, "/model", &given);
    if (status != FOUNDRY_OK || given == FOUNDRY_KIND_NULL) {
        return status == FOUNDRY_E_NOT_FOUND ? FOUNDRY_OK : status;
    }
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/model", &name));
    *there = 1;
    if (at_hand->name != NULL && strcmp(at_hand->name, name) == 0) {
        return FOUNDRY_DONE;
    }
    return model_take(at_hand, model, kind, host, call, name);
}
