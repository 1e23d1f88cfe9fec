/* SPDX-License-Identifier: MIT
 *
 * Plugins that must not load. Built several times, each with one of the SIN_ macros.
 */
#include <stdlib.h>

#include "foundry/plugin.h"

#if defined(SIN_NO_ENTRY)

FOUNDRY_EXPORT int foundry_plugin_entrance(void);
int foundry_plugin_entrance(void)
{
    return 0;
}

#else

#if defined(SIN_CONSTRUCTOR)
__attribute__((constructor)) static void die_early(void)
{
    abort();
}
#endif

#if !defined(SIN_NO_PROCESS)
static foundry_outcome_t nothing(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;
    (void)host;
    (void)call;
    return FOUNDRY_DONE;
}
#endif

static const foundry_phase_t phase = {
#if defined(SIN_PHASE_SIZE)
    .struct_size = 8,
#else
    .struct_size = sizeof phase,
#endif
#if defined(SIN_PHASE_NAME)
    .name = "Has Spaces",
#else
    .name = "nothing",
#endif
    .summary = "Nothing",
#if defined(SIN_SCHEMA)
    .config_schema = "{\"type\":",
#elif defined(SIN_KEYWORD)
    .config_schema = "{\"type\":\"object\",\"minimumm\":1}",
#endif
#if defined(SIN_NEEDS)
    .needs_json = "[\"write\"]",
#endif
#if defined(SIN_NO_PROCESS)
    .process = NULL,
#else
    .process = nothing,
#endif
};

#if defined(SIN_TRAINER_SIZE) || defined(SIN_NO_TRAIN) || defined(SIN_TWIN_TRAINERS) ||            \
    defined(SIN_BEFORE_TRAINERS)
#if !defined(SIN_NO_TRAIN)
static foundry_outcome_t learn_nothing(const foundry_host_t *host, foundry_call_t *call)
{
    (void)host;
    (void)call;
    return FOUNDRY_DONE;
}
#endif

static const foundry_trainer_t trainer = {
#if defined(SIN_TRAINER_SIZE)
    .struct_size = 8,
#else
    .struct_size = sizeof trainer,
#endif
    .name = "nothing",
    .summary = "Learns nothing",
#if !defined(SIN_NO_TRAIN)
    .train = learn_nothing,
#endif
};
static const foundry_trainer_t *const trainers[] = {&trainer,
#if defined(SIN_TWIN_TRAINERS)
                                                    &trainer,
#endif
                                                    NULL};
#define WITH_TRAINERS .trainers = trainers,
#else
#define WITH_TRAINERS
#endif

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {
        &phase,
#if defined(SIN_TWIN_PHASES)
        &phase,
#endif
        NULL
    };
    static const foundry_plugin_t plugin = {
#if defined(SIN_BEFORE_TRAINERS) /* built when the struct ended there: what follows is not its */
        .struct_size = offsetof(foundry_plugin_t, trainers),
#else
        .struct_size = sizeof plugin,
#endif
        WITH_TRAINERS
#if defined(SIN_MAJOR)
            .abi = FOUNDRY_ABI(9, 0),
        .abi_min = FOUNDRY_ABI(9, 0),
#elif defined(SIN_MINOR)
            .abi = FOUNDRY_ABI(0, 99),
        .abi_min = FOUNDRY_ABI(0, 99),
#elif defined(SIN_ABI_NEXT)
            .abi = FOUNDRY_ABI_CURRENT + 1,
        .abi_min = FOUNDRY_ABI_CURRENT + 1,
#elif defined(SIN_ABI_LAST)
            .abi = FOUNDRY_ABI_CURRENT - 1,
        .abi_min = FOUNDRY_ABI_CURRENT - 1,
#else
            .abi = FOUNDRY_ABI_CURRENT,
        .abi_min = FOUNDRY_ABI_CURRENT,
#endif
#if defined(SIN_ID)
        .id = "../escape",
#elif defined(SIN_NO_ID)
        .id = NULL,
#else
        .id = "sin",
#endif
        .version = "1.0.0",
        .summary = "Must not load",
        .phases = phases
    };
    (void)host_abi;
#if defined(SIN_NULL_ENTRY)
    return (void)plugin, NULL;
#else
    return &plugin;
#endif
}

#endif
