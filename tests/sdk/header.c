/* SPDX-License-Identifier: MIT
 *
 * Compiled as every language that the headers promise; uses what only expands where it is used.
 */
#include "foundry/helpers.h"
#include "foundry/json.h"
#include "foundry/plugin.h"

static foundry_outcome_t process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    if (!FOUNDRY_HAS(host, log)) {
        return FOUNDRY_E_DENIED;
    }
    FOUNDRY_TRY(foundry_set_number(host, call, "/number", 1.5));
    return foundry_failf(host, call, FOUNDRY_PERMANENT, "code", NULL, "%d", 1);
}

#ifdef __cplusplus
extern "C" const foundry_phase_t *header_phase(void);
#else
const foundry_phase_t *header_phase(void);
#endif
const foundry_phase_t *header_phase(void)
{
    static foundry_phase_t phase;
    phase.struct_size = sizeof phase;
    phase.process = process;
    return &phase;
}

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    (void)host_abi;
    return NULL;
}
