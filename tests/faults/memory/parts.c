/* SPDX-License-Identifier: MIT */
/* Scenes of the lower rooms: readers, schemas, the worker's wire form. No directory is needed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "config/tree.h"
#include "host/call.h"
#include "memory.h"
#include "schema/schema.h"

static const char document[] =
    "{\"name\":\"caf\\u00e9 \\ud83d\\ude00\",\"list\":[1,2.50,-3e7,null,true,{\"a\":{\"b\":[]}}],"
    "\"total\":\"12.50\",\"date\":\"2026-03-01\",\"items\":[{\"n\":1},{\"n\":2},{\"n\":2}]}";

void act_json(struct run *run)
{
    struct fnd_json value, kept;
    struct fnd_text canonical = {0}, changed = {0}, removed = {0};
    hook_arm(run->at, run->sticky);
    enum fnd_status status =
        fnd_json_check(document, strlen(document), "document", &value, &run->error);
    if (status == FND_OK) {
        fnd_json_canonical(value, &canonical);
        status =
            fnd_json_set(value, "/list/5/a/c", (struct fnd_json){"[7]", 3}, &changed, &run->error);
    }
    if (status == FND_OK) {
        kept = (struct fnd_json){changed.bytes, changed.size};
        status = fnd_json_remove(kept, "/items/1", &removed, &run->error);
    }
    char *name = status == FND_OK ? fnd_json_strdup(fnd_json_member(value, "name")) : NULL;
    run->allocations = hook_disarm();
    run->done = status == FND_OK;
    if (run->done && (strcmp(name, "caf\xc3\xa9 \xf0\x9f\x98\x80") != 0 ||
                      strstr(fnd_text_z(&removed), "\"items\":[{\"n\":1},{\"n\":2}]") == NULL ||
                      strstr(fnd_text_z(&changed), "\"c\":[7]") == NULL)) {
        run_wrong(run, "the document came out as %s", fnd_text_z(&removed));
    }
    free(name);
    fnd_text_finish(&canonical);
    fnd_text_finish(&changed);
    fnd_text_finish(&removed);
}

static const char schema_text[] =
    "{\"type\":\"object\",\"required\":[\"name\",\"tax\"],\"$defs\":{\"n\":{\"properties\":"
    "{\"n\":{\"maximum\":1}}}},\"properties\":{\"name\":{\"type\":\"string\",\"pattern\":\"^[a-z]+$"
    "\"},"
    "\"total\":{\"enum\":[\"1\",\"2\"]},\"date\":{\"format\":\"date\"},"
    "\"items\":{\"uniqueItems\":true,\"items\":{\"$ref\":\"#/$defs/n\"}},"
    "\"currency\":{\"default\":\"EUR\"}},\"additionalProperties\":false,"
    "\"anyOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}";

void act_schema(struct run *run)
{
    struct fnd_schema *schema = NULL;
    struct fnd_flaws flaws = {0};
    struct fnd_text filled = {0};
    struct fnd_json value;
    fnd_json_check(document, strlen(document), "document", &value, NULL);
    hook_arm(run->at, run->sticky);
    const enum fnd_status status =
        fnd_schema_create("a schema", schema_text, strlen(schema_text), &schema, &run->error);
    if (status == FND_OK) {
        fnd_schema_check(schema, value, NULL, &flaws);
        fnd_schema_fill(schema, value, &filled);
    }
    run->allocations = hook_disarm();
    run->done = status == FND_OK;
    if (run->done && (flaws.count < 7 || strstr(fnd_text_z(&filled), "\"EUR\"") == NULL)) {
        run_wrong(run, "%zu flaws were found, and filled in was %s", flaws.count,
                  fnd_text_z(&filled));
    }
    fnd_flaws_finish(&flaws);
    fnd_text_finish(&filled);
    fnd_schema_destroy(schema);
}

void act_tree(struct run *run)
{
    static const char yaml[] = "a: [1, 2, {b: \"\\u00e9\"}]\nc: |\n  text\n  more\nd: &x 1\n"
                               "e: 2\ne: 3\n'f': ~\n";
    struct fnd_tree *tree = NULL, *json = NULL;
    struct fnd_errors errors = {0};
    hook_arm(run->at, run->sticky);
    const enum fnd_status status =
        fnd_tree_parse_yaml("a.yaml", yaml, strlen(yaml), &tree, &errors);
    struct fnd_errors none = {0};
    const enum fnd_status second =
        fnd_tree_parse_json("a.json", document, strlen(document), &json, &none);
    run->allocations = hook_disarm();
    /* An anchor and a key that is there twice: this text is refused, with both errors. */
    const bool refused = status == FND_INVALID && errors.count == 2;
    run->done = refused && second == FND_OK;
    if (!run->done && !refused && errors.count > 0) {
        run->error = errors.list[errors.count - 1];
    } else if (!run->done && none.count > 0) {
        run->error = none.list[0];
    }
    fnd_tree_destroy(tree);
    fnd_tree_destroy(json);
}

static foundry_outcome_t plugin_acts(struct foundry_call *call)
{
    const foundry_host_t *host = fnd_host_table();
    static const foundry_clarification_t question = {.struct_size = sizeof question,
                                                     .key = "k",
                                                     .kind = "KIND",
                                                     .question = "Why?",
                                                     .pointer = "/a/b",
                                                     .context_json = "{\"x\":1}",
                                                     .answer_schema = "{\"type\":\"string\"}"};
    static const foundry_origin_t origin = {
        .struct_size = sizeof origin, .artifact = "input", .page = 1, .width = 10, .height = 5};
    const char *text = NULL;
    double number = 0;
    foundry_status_t status = host->json_set(call, "/a/b", "[1,{\"c\":\"d\"}]");
    status = status == FOUNDRY_OK ? host->json_set(call, "/e", "\"\\u00e9\"") : status;
    status = status == FOUNDRY_OK ? host->confidence_set(call, "/a/b/0", 0.25) : status;
    status = status == FOUNDRY_OK ? host->origin_set(call, "/a/b/1/c", &origin) : status;
    status = status == FOUNDRY_OK ? host->clarify(call, &question) : status;
    status =
        status == FOUNDRY_OK ? host->artifact_write(call, "out", "text/plain", "hello", 5) : status;
    status =
        status == FOUNDRY_OK ? host->text_get(call, FOUNDRY_DOC_CONFIG, "/name", &text) : status;
    status = status == FOUNDRY_OK ? host->number_get(call, FOUNDRY_DOC_CONFIG, "/list/1", &number)
                                  : status;
    host->log(call, FOUNDRY_LOG_INFO, "a line\x1b");
    return status;
}

void act_codec(struct run *run)
{
    struct fnd_call_input input = {.run = {"{\"attempt\":1}", 13}}, received;
    struct fnd_effects effects = {0}, decoded = {0};
    struct fnd_text wire = {0}, back = {0}, marks = {0};
    fnd_json_check(document, strlen(document), "document", &input.config, NULL);
    hook_arm(run->at, run->sticky);
    fnd_call_input_encode(&input, &wire);
    enum fnd_status status = fnd_call_input_decode(wire.bytes, wire.size, &received, &run->error);
    if (status == FND_OK) {
        struct foundry_call *call = fnd_call_begin(&received, NULL, NULL, &effects);
        fnd_call_end(call, plugin_acts(call));
        free(fnd_call_input_artifacts(&received));
        fnd_effects_encode(&effects, &back);
        status = fnd_effects_decode(back.bytes, back.size, &decoded, &run->error);
    }
    if (status == FND_OK) {
        status = fnd_effects_check(&decoded, NULL, (struct fnd_json){0}, &run->error);
        fnd_effects_marks(&decoded, &marks);
    }
    run->allocations = hook_disarm();
    /* A service that found no memory makes the phase fail, to be repeated. */
    run->done = status == FND_OK && decoded.outcome == FOUNDRY_DONE;
    if (status == FND_OK && !run->done) {
        fnd_error_set(&run->error, decoded.outcome == FOUNDRY_RETRYABLE ? FND_NO_MEMORY : FND_IO,
                      "%s", decoded.message != NULL ? decoded.message : "no reason");
    }
    if (run->done && (decoded.questions_count != 1 || decoded.artifacts_count != 1 ||
                      decoded.output == NULL || strstr(fnd_text_z(&marks), "0.25") == NULL)) {
        run_wrong(run, "effects came out as %s", decoded.output);
    }
    fnd_effects_finish(&effects);
    fnd_effects_finish(&decoded);
    fnd_text_finish(&wire);
    fnd_text_finish(&back);
    fnd_text_finish(&marks);
}
