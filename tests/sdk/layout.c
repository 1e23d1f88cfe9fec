/* SPDX-License-Identifier: MIT
 *
 * Prints the layout of every public struct, for comparison with the committed snapshot: what stands
 * there may grow at its end and change in no other way.
 */
#include <stdio.h>

#include "foundry/plugin.h"

#define STRUCT(type) printf("%s size %zu align %zu\n", #type, sizeof(type), _Alignof(type))
#define FIELD(type, field)                                                                         \
    printf("  %-16s at %3zu size %zu\n", #field, offsetof(type, field), sizeof(((type *)0)->field))
#define VALUE(name) printf("%s %lld\n", #name, (long long)(name))

static void print_host(void)
{
    STRUCT(foundry_host_t);
    FIELD(foundry_host_t, struct_size);
    FIELD(foundry_host_t, abi);
    FIELD(foundry_host_t, reserved);
    FIELD(foundry_host_t, json_get);
    FIELD(foundry_host_t, text_get);
    FIELD(foundry_host_t, number_get);
    FIELD(foundry_host_t, size_get);
    FIELD(foundry_host_t, key_get);
    FIELD(foundry_host_t, json_set);
    FIELD(foundry_host_t, artifact_size);
    FIELD(foundry_host_t, artifact_fd);
    FIELD(foundry_host_t, artifact_read);
    FIELD(foundry_host_t, artifact_write);
    FIELD(foundry_host_t, confidence_set);
    FIELD(foundry_host_t, confidence_get);
    FIELD(foundry_host_t, origin_set);
    FIELD(foundry_host_t, origin_get);
    FIELD(foundry_host_t, clarify);
    FIELD(foundry_host_t, fail);
    FIELD(foundry_host_t, progress);
    FIELD(foundry_host_t, cancelled);
    FIELD(foundry_host_t, log);
}

static void print_plugin(void)
{
    STRUCT(foundry_phase_t);
    FIELD(foundry_phase_t, struct_size);
    FIELD(foundry_phase_t, name);
    FIELD(foundry_phase_t, summary);
    FIELD(foundry_phase_t, config_schema);
    FIELD(foundry_phase_t, output_schema);
    FIELD(foundry_phase_t, needs_json);
    FIELD(foundry_phase_t, threads);
    FIELD(foundry_phase_t, flags);
    FIELD(foundry_phase_t, create);
    FIELD(foundry_phase_t, process);
    FIELD(foundry_phase_t, destroy);
    STRUCT(foundry_detector_t);
    FIELD(foundry_detector_t, struct_size);
    FIELD(foundry_detector_t, name);
    FIELD(foundry_detector_t, summary);
    FIELD(foundry_detector_t, config_schema);
    FIELD(foundry_detector_t, needs_json);
    FIELD(foundry_detector_t, threads);
    FIELD(foundry_detector_t, flags);
    FIELD(foundry_detector_t, create);
    FIELD(foundry_detector_t, detect);
    FIELD(foundry_detector_t, destroy);
    FIELD(foundry_detector_t, detect_batch);
    STRUCT(foundry_trainer_t);
    FIELD(foundry_trainer_t, struct_size);
    FIELD(foundry_trainer_t, name);
    FIELD(foundry_trainer_t, summary);
    FIELD(foundry_trainer_t, config_schema);
    FIELD(foundry_trainer_t, needs_json);
    FIELD(foundry_trainer_t, flags);
    FIELD(foundry_trainer_t, reserved);
    FIELD(foundry_trainer_t, train);
    STRUCT(foundry_plugin_t);
    FIELD(foundry_plugin_t, struct_size);
    FIELD(foundry_plugin_t, abi);
    FIELD(foundry_plugin_t, abi_min);
    FIELD(foundry_plugin_t, id);
    FIELD(foundry_plugin_t, version);
    FIELD(foundry_plugin_t, summary);
    FIELD(foundry_plugin_t, phases);
    FIELD(foundry_plugin_t, detectors);
    FIELD(foundry_plugin_t, trainers);
}

static void print_values(void)
{
    VALUE(FOUNDRY_ABI_CURRENT);
    VALUE(FOUNDRY_OK);
    VALUE(FOUNDRY_E_NOT_FOUND);
    VALUE(FOUNDRY_E_TYPE);
    VALUE(FOUNDRY_E_INVALID);
    VALUE(FOUNDRY_E_DENIED);
    VALUE(FOUNDRY_E_LIMIT);
    VALUE(FOUNDRY_E_IO);
    VALUE(FOUNDRY_E_NO_MEMORY);
    VALUE(FOUNDRY_DONE);
    VALUE(FOUNDRY_PAUSE);
    VALUE(FOUNDRY_RETRYABLE);
    VALUE(FOUNDRY_PERMANENT);
    VALUE(FOUNDRY_CANCELLED);
    VALUE(FOUNDRY_DOC_CONFIG);
    VALUE(FOUNDRY_DOC_SUBJECT);
    VALUE(FOUNDRY_DOC_ANSWERS);
    VALUE(FOUNDRY_DOC_RUN);
    VALUE(FOUNDRY_SERIAL_INSTANCE);
    VALUE(FOUNDRY_SERIAL_PROCESS);
    VALUE(FOUNDRY_CONCURRENT);
    VALUE(FOUNDRY_NOT_REPEATABLE);
    VALUE(FOUNDRY_LOG_DEBUG);
    VALUE(FOUNDRY_LOG_INFO);
    VALUE(FOUNDRY_LOG_WARNING);
    VALUE(FOUNDRY_LOG_ERROR);
}

int main(void)
{
    print_values();
    STRUCT(foundry_clarification_t);
    FIELD(foundry_clarification_t, struct_size);
    FIELD(foundry_clarification_t, key);
    FIELD(foundry_clarification_t, kind);
    FIELD(foundry_clarification_t, question);
    FIELD(foundry_clarification_t, pointer);
    FIELD(foundry_clarification_t, context_json);
    FIELD(foundry_clarification_t, answer_schema);
    STRUCT(foundry_origin_t);
    FIELD(foundry_origin_t, struct_size);
    FIELD(foundry_origin_t, artifact);
    FIELD(foundry_origin_t, page);
    FIELD(foundry_origin_t, x);
    FIELD(foundry_origin_t, y);
    FIELD(foundry_origin_t, width);
    FIELD(foundry_origin_t, height);
    print_host();
    print_plugin();
    return 0;
}
