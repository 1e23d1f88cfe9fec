/* SPDX-License-Identifier: MIT */
#include "plant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct plant *plants(void)
{
    static const struct plant list[] = {
        {"off", "synchronous=OFF: the record and its log are never synced"},
        {"normal", "synchronous=NORMAL: the log is synced before a checkpoint only"},
        {"folders", "folders are never synced: names come and go"},
        {"root", "the job directory is never synced: .foundry and out come and go"},
        {"record", ".foundry is never synced: the record and its witness come and go"},
        {"shelves", "folders of artifacts are never synced"},
        {"artifacts", "artifacts get their names before their bytes are synced"},
        {"exports", "an export's bytes are never synced"},
        {NULL, NULL}};
    return list;
}

static bool ends_with(const char *name, const char *end)
{
    const size_t size = strlen(name), end_size = strlen(end);
    return size >= end_size && strcmp(name + size - end_size, end) == 0;
}

/* The name that a file was created under. */
static const char *created_as(const struct trace *trace, size_t at)
{
    for (size_t i = at; i-- > 0;) {
        if (trace->list[i].kind == TRACE_CREATE && trace->list[i].file == trace->list[at].file) {
            return trace->list[i].name;
        }
    }
    return "";
}

/* A checkpoint writes into the record right behind the sync of the log. */
static bool before_checkpoint(const struct trace *trace, size_t at)
{
    return at + 1 < trace->count && trace->list[at + 1].kind == TRACE_WRITE &&
           ends_with(created_as(trace, at + 1), "state.db");
}

static bool is_dropped(const char *plant, const struct trace *trace, size_t at)
{
    const struct record *record = &trace->list[at];
    if (record->kind == TRACE_SYNC_FOLDER) {
        return strcmp(plant, "folders") == 0 ||
               (strcmp(plant, "root") == 0 && record->name[0] == '\0') ||
               (strcmp(plant, "record") == 0 && strcmp(record->name, ".foundry") == 0) ||
               (strcmp(plant, "shelves") == 0 && strstr(record->name, "/artifacts") != NULL);
    }
    if (record->kind != TRACE_SYNC) {
        return false;
    }
    const char *name = created_as(trace, at);
    if (strcmp(plant, "off") == 0) {
        return strstr(name, "/state.db") != NULL;
    }
    if (strcmp(plant, "normal") == 0) {
        return ends_with(name, "/state.db-wal") && !before_checkpoint(trace, at);
    }
    if (strcmp(plant, "artifacts") == 0) {
        return strncmp(name, ".foundry/artifacts/", 19) == 0;
    }
    return strcmp(plant, "exports") == 0 && strncmp(name, "out/", 4) == 0;
}

void plant_apply(const char *name, struct trace *trace)
{
    struct record *kept = malloc((trace->count + 1) * sizeof *kept);
    size_t count = 0;
    if (kept == NULL) {
        abort();
    }
    for (size_t i = 0; i < trace->count; i++) {
        if (!is_dropped(name, trace, i)) {
            kept[count++] = trace->list[i];
        }
    }
    if (count == trace->count) {
        fprintf(stderr, "power: planting \"%s\" takes nothing out of the trace\n", name);
        exit(2);
    }
    free(trace->list);
    trace->list = kept;
    trace->count = count;
}
