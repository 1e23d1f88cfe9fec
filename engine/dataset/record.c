/* SPDX-License-Identifier: MIT */
/* One CorrectionRecord, read and taken apart. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/redact.h"

enum { LOADS_MAX = 512 }; /* records under one snapshot */

void fnd_datum_finish(struct fnd_datum *datum)
{
    fnd_text_finish(&datum->json);
    fnd_text_finish(&datum->names);
    fnd_literals_finish(&datum->literals);
    *datum = (struct fnd_datum){0};
}

void fnd_datum_reuse(struct fnd_datum *datum)
{
    struct fnd_text *const texts[] = {&datum->json, &datum->names};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (texts[i]->capacity > FND_DATUM_KEPT_MAX) {
            fnd_text_finish(texts[i]);
        }
        fnd_text_clear(texts[i]);
    }
    fnd_literals_finish(&datum->literals);
}

enum fnd_status fnd_dataset_store(struct fnd_reader *reader, char **uuid, struct fnd_error *error)
{
    struct fnd_text body = {0};
    enum fnd_status status = fnd_payload_get(reader, 1, &body, NULL, error);
    if (status == FND_OK) {
        struct fnd_json begin = {body.bytes, body.size};
        *uuid = fnd_json_strdup(fnd_json_member(begin, "uuid"));
        if (*uuid == NULL) {
            status =
                fnd_error_set(error, FND_DAMAGED,
                              "the record in %s does not begin with its UUID; restore a backup",
                              fnd_reader_path(reader));
        }
    }
    fnd_text_finish(&body);
    return status;
}

/** The pin document of a hash, and out of it the entry. */
static enum fnd_status entry_load(const struct fnd_plan *plan, struct fnd_entry *entry,
                                  struct fnd_error *error)
{
    struct fnd_pin_row row = {0};
    struct fnd_text pin = {0};
    uint8_t hash[FND_DIGEST_SIZE];
    enum fnd_status status =
        fnd_unhex(entry->pin, strlen(entry->pin), hash, sizeof hash)
            ? fnd_pin_find(plan->reader, hash, &row, error)
            : fnd_error_set(error, FND_DAMAGED, "its pin \"%s\" is no hash", entry->pin);
    if (status == FND_OK) {
        status = fnd_payload_get(plan->reader, row.id, &pin, NULL, error);
    }
    if (status == FND_OK) {
        struct fnd_json document = {pin.bytes, pin.size};
        status = fnd_entry_read(document, plan->options.name,
                                plan->format != NULL ? plan->format->name : NULL, entry, error);
    }
    free(row.pipeline);
    fnd_text_finish(&pin);
    return status;
}

/** The entry that governs records of this pin; read once a pin. */
static enum fnd_status entry_of(struct fnd_plan *plan, const char *pin,
                                const struct fnd_entry **entry, struct fnd_error *error)
{
    struct fnd_entry *found = plan->entries;
    while (found != NULL && strcmp(found->pin, pin) != 0) {
        found = found->next;
    }
    if (found == NULL) {
        found = fnd_alloc(sizeof *found);
        found->next = plan->entries;
        plan->entries = found;
        strncpy(found->pin, pin, sizeof found->pin - 1);
        const bool wanted =
            plan->options.name != NULL || (plan->format != NULL && plan->format->training);
        if (wanted && entry_load(plan, found, &found->error) != FND_OK) {
            found->error.status = found->error.status == FND_OK ? FND_IO : found->error.status;
        }
    }
    *entry = found;
    if (found->error.status != FND_OK && error != NULL) {
        *error = found->error;
    }
    return found->error.status;
}

enum fnd_status fnd_plan_pin(struct fnd_plan *plan, int64_t event, struct fnd_error *error)
{
    struct fnd_pin_row row = {0};
    char hash[FND_DIGEST_TEXT_SIZE];
    if (event == plan->pin_met) {
        return FND_OK;
    }
    enum fnd_status status = fnd_pin_get(plan->reader, event, &row, error);
    if (status == FND_OK) {
        const struct fnd_entry *entry = NULL;
        fnd_digest_text(row.hash, hash);
        (void)entry_of(plan, hash, &entry, NULL); /* why there is none is told with the record */
        plan->pin_met = event;
    }
    free(row.pipeline);
    return status;
}

static bool verdict_read(struct fnd_json json, enum fnd_verdict *verdict)
{
    static const char *const names[] = {"accepted", "corrected", "rejected"};
    for (int i = 0; i < 3; i++) {
        if (json.bytes != NULL && fnd_json_text_is(json, names[i])) {
            *verdict = (enum fnd_verdict)(FND_ACCEPTED + i);
            return true;
        }
    }
    return false;
}

/** Texts one behind the other, in memory that all of them share. */
static void names_keep(struct fnd_datum *datum, const struct fnd_json *found, size_t count,
                       const char **const *names)
{
    size_t starts[4];
    assert(count <= sizeof starts / sizeof starts[0]);
    fnd_text_clear(&datum->names);
    for (size_t i = 0; i < count; i++) {
        starts[i] = datum->names.size;
        if (fnd_json_text(found[i], &datum->names)) {
            fnd_text_append_byte(&datum->names, '\0');
        } else {
            starts[i] = SIZE_MAX;
        }
    }
    for (size_t i = 0; i < count; i++) {
        *names[i] = starts[i] != SIZE_MAX ? datum->names.bytes + starts[i] : NULL;
    }
}

static enum fnd_status take_apart(struct fnd_datum *datum,
                                  const struct fnd_json found[FND_RECORD_MEMBERS],
                                  struct fnd_error *error)
{
    static const char *const of_input[] = {"sha256", "value"};
    struct fnd_json input[2];
    datum->input = found[FND_RECORD_INPUT];
    datum->model = found[FND_RECORD_MODEL_OUTPUT];
    datum->human = found[FND_RECORD_HUMAN_OUTPUT];
    names_keep(datum, &found[FND_RECORD_PIPELINE], FND_RECORD_PIN + 1 - FND_RECORD_PIPELINE,
               (const char **[]){&datum->pipeline, &datum->path, &datum->phase, &datum->pin});
    fnd_json_members(datum->input, of_input, 2, input);
    datum->value = input[1];
    datum->is_file = input[0].bytes != NULL && input[1].bytes == NULL;
    if (found[FND_RECORD_REVISION].bytes != NULL) {
        fnd_json_integer(found[FND_RECORD_REVISION], &datum->revision);
    }
    if (datum->pipeline == NULL || datum->path == NULL || datum->phase == NULL ||
        datum->pin == NULL || datum->input.bytes == NULL ||
        !verdict_read(found[FND_RECORD_VERDICT], &datum->verdict)) {
        return fnd_error_set(error, FND_DAMAGED,
                             "it lacks pipeline, path, phase, pin, input or verdict");
    }
    return FND_OK;
}

enum fnd_status fnd_datum_replace(struct fnd_datum *datum, struct fnd_text *json,
                                  struct fnd_error *error)
{
    static const char *const names[FND_RECORD_MEMBERS] = {
        [FND_RECORD_INPUT] = "input",
        [FND_RECORD_MODEL_OUTPUT] = "model_output",
        [FND_RECORD_HUMAN_OUTPUT] = "human_output",
        [FND_RECORD_PIPELINE] = "pipeline",
        [FND_RECORD_PATH] = "path",
        [FND_RECORD_PHASE] = "phase",
        [FND_RECORD_PIN] = "pin",
        [FND_RECORD_REVISION] = "revision",
        [FND_RECORD_VERDICT] = "verdict"};
    struct fnd_json found[FND_RECORD_MEMBERS];
    fnd_text_finish(&datum->json);
    datum->json = *json;
    *json = (struct fnd_text){0};
    datum->whole = (struct fnd_json){fnd_text_z(&datum->json), datum->json.size};
    fnd_json_members(datum->whole, names, FND_RECORD_MEMBERS, found);
    return take_apart(datum, found, error);
}

/** Where the members of a record stand is known from putting it together. */
static enum fnd_status take_apart_put(struct fnd_datum *datum, const struct fnd_record_memo *memo,
                                      struct fnd_error *error)
{
    struct fnd_json found[FND_RECORD_MEMBERS];
    datum->whole = (struct fnd_json){fnd_text_z(&datum->json), datum->json.size};
    for (size_t i = 0; i < FND_RECORD_MEMBERS; i++) {
        const struct fnd_record_place *place = &memo->places[i];
        found[i] = place->size > 0 ? (struct fnd_json){datum->whole.bytes + place->at, place->size}
                                   : (struct fnd_json){NULL, 0};
    }
    return take_apart(datum, found, error);
}

void fnd_plan_rest(struct fnd_plan *plan)
{
    if (plan->loads > 0) {
        fnd_reader_end(plan->reader);
    }
    plan->loads = 0;
}

enum fnd_status fnd_plan_hold(struct fnd_plan *plan, struct fnd_error *error)
{
    if (plan->loads++ % LOADS_MAX != 0) {
        return FND_OK;
    }
    fnd_reader_end(plan->reader);
    return fnd_reader_begin(plan->reader, error);
}

enum fnd_status fnd_datum_load(struct fnd_plan *plan, int64_t number, struct fnd_datum *datum,
                               struct fnd_error *error)
{
    *datum = (struct fnd_datum){.number = number, .json = datum->json, .names = datum->names};
    enum fnd_status status = fnd_plan_hold(plan, error);
    if (status != FND_OK) {
        return status;
    }
    status = fnd_review_record_json_at(plan->reader, number, plan->as_of, &plan->memo, &datum->json,
                                       error);
    if (status == FND_OK) {
        if (!plan->hashes_later) {
            fnd_redact_record_hash(plan, &datum->json, datum->hash);
        }
        status = take_apart_put(datum, &plan->memo, error);
    }
    if (status == FND_OK) {
        datum->split = fnd_split_draw(plan->options.salt, plan->options.shares, datum->pipeline,
                                      datum->path, &datum->job);
        status = entry_of(plan, datum->pin, &datum->entry, error);
    }
    return status;
}
