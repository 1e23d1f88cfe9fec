/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "plugin/load.h"

static void member(struct fnd_text *json, const char *name, const char *value)
{
    fnd_text_printf(json, "\"%s\":", name);
    fnd_text_append_json_z(json, value);
    fnd_text_append_byte(json, ',');
}

/** A JSON text that was checked when the plugin was loaded. */
static void document(struct fnd_text *json, const char *name, const char *text,
                     const char *otherwise)
{
    fnd_text_printf(json, "\"%s\":", name);
    struct fnd_json value;
    if (text != NULL && fnd_json_check(text, strlen(text), NULL, &value, NULL) == FND_OK) {
        fnd_json_compact(value, json);
    } else {
        fnd_text_append_z(json, otherwise);
    }
    fnd_text_append_byte(json, ',');
}

static const char *threads_name(uint32_t threads)
{
    switch (threads) {
    case FOUNDRY_SERIAL_PROCESS:
        return "process";
    case FOUNDRY_CONCURRENT:
        return "concurrent";
    default:
        return "instance";
    }
}

void fnd_plugin_describe(const struct fnd_plugin *plugin, struct fnd_text *json)
{
    const foundry_plugin_t *entry = plugin->entry;
    fnd_text_append_byte(json, '{');
    member(json, "id", entry->id);
    member(json, "version", entry->version);
    member(json, "summary", entry->summary);
    fnd_text_printf(json, "\"abi\":\"%u.%u\",\"phases\":[", (unsigned)(entry->abi >> 16),
                    (unsigned)(entry->abi & 0xffff));
    for (size_t i = 0; entry->phases != NULL && entry->phases[i] != NULL; i++) {
        const foundry_phase_t *phase = entry->phases[i];
        fnd_text_append_z(json, i == 0 ? "{" : ",{");
        member(json, "name", phase->name);
        member(json, "summary", phase->summary);
        document(json, "config_schema", phase->config_schema, "null");
        document(json, "output_schema", phase->output_schema, "null");
        document(json, "needs", phase->needs_json, "null");
        fnd_text_printf(json, "\"threads\":\"%s\",\"repeatable\":%s}", threads_name(phase->threads),
                        (phase->flags & FOUNDRY_NOT_REPEATABLE) != 0 ? "false" : "true");
    }
    fnd_text_append_z(json, "],\"detectors\":[");
    for (size_t i = 0; entry->detectors != NULL && entry->detectors[i] != NULL; i++) {
        const foundry_detector_t *detector = entry->detectors[i];
        fnd_text_append_z(json, i == 0 ? "{" : ",{");
        member(json, "name", detector->name);
        member(json, "summary", detector->summary);
        document(json, "config_schema", detector->config_schema, "null");
        document(json, "needs", detector->needs_json, "null");
        fnd_text_printf(json, "\"threads\":\"%s\"}", threads_name(detector->threads));
    }
    fnd_text_append_z(json, "],\"trainers\":[");
    const foundry_trainer_t *const *trainers = fnd_plugin_trainers(entry);
    for (size_t i = 0; trainers != NULL && trainers[i] != NULL; i++) {
        fnd_text_append_z(json, i == 0 ? "{" : ",{");
        member(json, "name", trainers[i]->name);
        member(json, "summary", trainers[i]->summary);
        document(json, "config_schema", trainers[i]->config_schema, "null");
        fnd_text_printf(json, "\"needs\":%s}",
                        trainers[i]->needs_json != NULL ? trainers[i]->needs_json : "null");
    }
    fnd_text_append_z(json, "]}");
}
