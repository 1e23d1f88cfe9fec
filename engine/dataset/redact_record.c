/* SPDX-License-Identifier: MIT */
/* Redaction of one record: its documents by pointer, everything by pattern and by what the pointers
 * found. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/redact.h"

/** A record under way. */
struct redacting {
    const struct fnd_redact *redact;
    struct fnd_literals *literals;
    struct fnd_text pointer; /* into the document; unused elsewhere */
    bool document;           /* rules with pointers hold here */
    bool drops_input;        /* what is taken out may be read in the picture */
    size_t values, quoted;
    struct fnd_error *error;
    enum fnd_status status;
};

static bool is_scalar(struct fnd_json value)
{
    const enum fnd_json_type type = fnd_json_type(value);
    return type == FND_JSON_STRING || type == FND_JSON_NUMBER;
}

/* --- collecting ---------------------------------------------------------------------------- */

/** Every text and number below a place, as it is and as it is escaped in JSON or in a URI. */
static void literals_below(struct redacting *redacting, struct fnd_json value,
                           enum fnd_redact_action action)
{
    struct fnd_text text = {0}, uri = {0};
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        literals_below(redacting, walk.value, action);
    }
    if (!is_scalar(value)) {
        return;
    }
    if (!fnd_json_text(value, &text)) {
        fnd_text_append(&text, value.bytes, value.size);
    } else if (value.size - 2 != text.size) {
        fnd_literal_add(redacting->literals, value.bytes + 1, value.size - 2, action);
    }
    fnd_literal_add(redacting->literals, fnd_text_z(&text), text.size, action);
    for (size_t i = 0; i < text.size; i++) {
        const unsigned char byte = (unsigned char)text.bytes[i];
        const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= '0' && byte <= '9') || (byte != 0 && strchr("-._~", byte));
        fnd_text_printf(&uri, plain ? "%c" : "%%%02X", byte);
    }
    if (uri.size != text.size) {
        fnd_literal_add(redacting->literals, fnd_text_z(&uri), uri.size, action);
    }
    fnd_text_finish(&text);
    fnd_text_finish(&uri);
}

static void segment_add(struct fnd_text *pointer, const struct fnd_json_walk *walk)
{
    if (walk->key.bytes != NULL) {
        fnd_json_pointer_add_key(pointer, walk->key);
    } else {
        fnd_json_pointer_add_index(pointer, walk->index);
    }
}

static void segment_cut(struct fnd_text *pointer, size_t size)
{
    pointer->size = size;
    pointer->bytes[size] = '\0';
}

/** What the rules' pointers find in a document. */
static void document_collect(struct redacting *redacting, struct fnd_json value)
{
    const size_t size = redacting->pointer.size;
    const size_t rule =
        size > 0 ? fnd_redact_at(redacting->redact, fnd_text_z(&redacting->pointer)) : 0;
    if (rule > 0) {
        literals_below(redacting, value, fnd_redact_action_of(redacting->redact, rule));
        redacting->drops_input |= !fnd_redact_keeps_image(redacting->redact, rule);
        return;
    }
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        segment_add(&redacting->pointer, &walk);
        document_collect(redacting, walk.value);
        segment_cut(&redacting->pointer, size);
    }
}

/* --- rewriting ----------------------------------------------------------------------------- */

/** A text without what may not be told. Returns whether anything was taken out. */
static bool text_rewrite(struct redacting *redacting, const char *bytes, size_t size,
                         struct fnd_text *text)
{
    uint64_t hits = 0;
    bool changed = false;
    if (redacting->status == FND_OK) {
        redacting->status = fnd_redact_text(redacting->redact, redacting->literals, bytes, size,
                                            text, &hits, &changed, redacting->error);
    }
    redacting->quoted += changed;
    for (size_t i = 0; redacting->document && i < 64; i++) {
        if ((hits & UINT64_C(1) << i) != 0 && !fnd_redact_keeps_image(redacting->redact, i + 1)) {
            redacting->drops_input = true;
        }
    }
    return changed;
}

static void scalar_rewrite(struct redacting *redacting, struct fnd_json value, struct fnd_text *out)
{
    struct fnd_text text = {0}, clean = {0};
    if (!is_scalar(value)) {
        fnd_text_append(out, value.bytes, value.size);
        return;
    }
    if (!fnd_json_text(value, &text)) {
        fnd_text_append(&text, value.bytes, value.size);
    }
    if (text_rewrite(redacting, fnd_text_z(&text), text.size, &clean)) {
        fnd_text_append_json(out, fnd_text_z(&clean), clean.size);
    } else {
        fnd_text_append(out, value.bytes, value.size);
    }
    fnd_text_finish(&text);
    fnd_text_finish(&clean);
}

/** A member's name; two that became the same are told apart by a number. */
static void key_rewrite(struct redacting *redacting, const struct fnd_json_walk *walk,
                        struct fnd_text *out)
{
    struct fnd_text text = {0}, clean = {0};
    fnd_json_text(walk->key, &text);
    if (text_rewrite(redacting, fnd_text_z(&text), text.size, &clean)) {
        fnd_text_printf(&clean, "#%zu", walk->index);
        fnd_text_append_json(out, clean.bytes, clean.size);
    } else {
        fnd_text_append(out, walk->key.bytes, walk->key.size);
    }
    fnd_text_finish(&text);
    fnd_text_finish(&clean);
}

static void value_rewrite(struct redacting *redacting, struct fnd_json value, struct fnd_text *out);

/** The stand-in of a place that a rule names; false where the member goes whole. */
static bool place_rewrite(struct redacting *redacting, size_t rule, struct fnd_json value,
                          bool item, struct fnd_text *out)
{
    const enum fnd_redact_action action = fnd_redact_action_of(redacting->redact, rule);
    struct fnd_text text = {0}, canonical = {0};
    redacting->values++;
    if (action == FND_REDACT_DROP) {
        fnd_text_append_z(out, item ? "null" : ""); /* later items keep their places */
        return item;
    }
    fnd_json_canonical(value, &canonical);
    fnd_redact_stand_in(redacting->redact, action, canonical.bytes, canonical.size, &text);
    fnd_text_append_json(out, fnd_text_z(&text), text.size);
    fnd_text_finish(&text);
    fnd_text_finish(&canonical);
    return true;
}

static void members_rewrite(struct redacting *redacting, struct fnd_json value,
                            struct fnd_text *out)
{
    const bool object = fnd_json_type(value) == FND_JSON_OBJECT;
    const size_t size = redacting->pointer.size;
    size_t count = 0;
    fnd_text_append_byte(out, object ? '{' : '[');
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        const size_t before = out->size;
        size_t rule = 0;
        bool kept = true;
        fnd_text_append_z(out, count > 0 ? "," : "");
        if (object) {
            key_rewrite(redacting, &walk, out);
            fnd_text_append_byte(out, ':');
        }
        if (redacting->document) {
            segment_add(&redacting->pointer, &walk);
            rule = fnd_redact_at(redacting->redact, fnd_text_z(&redacting->pointer));
        }
        if (rule > 0) {
            kept = place_rewrite(redacting, rule, walk.value, !object, out);
        } else {
            value_rewrite(redacting, walk.value, out);
        }
        if (redacting->document) {
            segment_cut(&redacting->pointer, size);
        }
        if (kept) {
            count++;
        } else {
            out->size = before;
            out->bytes[before] = '\0';
        }
    }
    fnd_text_append_byte(out, object ? '}' : ']');
}

static void value_rewrite(struct redacting *redacting, struct fnd_json value, struct fnd_text *out)
{
    const enum fnd_json_type type = fnd_json_type(value);
    if (type == FND_JSON_OBJECT || type == FND_JSON_ARRAY) {
        members_rewrite(redacting, value, out);
    } else {
        scalar_rewrite(redacting, value, out);
    }
}

static void document_rewrite(struct redacting *redacting, struct fnd_json value,
                             struct fnd_text *out)
{
    redacting->document = true;
    value_rewrite(redacting, value, out);
    redacting->document = false;
}

/** A name that is told no more keeps its ending, and stays one name for one file. */
static void path_rewrite(struct redacting *redacting, struct fnd_json value, size_t *renamed,
                         struct fnd_text *out)
{
    struct fnd_text path = {0}, clean = {0}, name = {0}, ending = {0};
    fnd_json_text(value, &path);
    if (!text_rewrite(redacting, fnd_text_z(&path), path.size, &clean)) {
        fnd_text_append(out, value.bytes, value.size);
    } else {
        const char *dot = strrchr(fnd_text_z(&path), '.');
        const char *from = dot != NULL && strchr(dot, '/') == NULL ? dot : "";
        const bool odd = text_rewrite(redacting, from, strlen(from), &ending);
        fnd_redact_stand_in(redacting->redact, FND_REDACT_HASH, path.bytes, path.size, &name);
        fnd_text_clear(&clean);
        /* "[hash:…]" as a file may be called */
        fnd_text_printf(&clean, "redacted-%.16s%s", name.bytes + strlen("[hash:"), odd ? "" : from);
        fnd_text_append_json(out, clean.bytes, clean.size);
        ++*renamed;
    }
    fnd_text_finish(&path);
    fnd_text_finish(&clean);
    fnd_text_finish(&name);
    fnd_text_finish(&ending);
}

/** Whether anything is taken out of what a document has at a place. */
static bool place_changes(struct redacting *redacting, struct fnd_json document,
                          const char *pointer)
{
    struct fnd_json value = fnd_json_find(document, pointer);
    struct redacting trial = *redacting;
    struct fnd_text out = {0};
    if (value.bytes == NULL) {
        return false;
    }
    trial.values = trial.quoted = 0;
    trial.document = true;
    trial.pointer = (struct fnd_text){0};
    fnd_text_append_z(&trial.pointer, pointer);
    value_rewrite(&trial, value, &out);
    redacting->status = trial.status;
    fnd_text_finish(&trial.pointer);
    fnd_text_finish(&out);
    return trial.values + trial.quoted > 0;
}

/** Whether a question's place is one that a rule names, or lies in one, or something is taken out
 * of it: questions quote a value's beginning only, so that what they quote may not be found. One
 * without a place is about the whole. */
static bool asks_about(struct redacting *redacting, const struct fnd_datum *datum,
                       struct fnd_json question)
{
    struct fnd_json member = fnd_json_member(question, "pointer");
    char *pointer = member.bytes != NULL ? fnd_json_strdup(member) : NULL;
    bool about = false;
    for (char *end = pointer; end != NULL && *end != '\0' && !about;) {
        char *next = strchr(end + 1, '/');
        if (next != NULL) {
            *next = '\0';
        }
        about = fnd_redact_at(redacting->redact, pointer) > 0;
        if (next != NULL) {
            *next = '/';
        }
        end = next;
    }
    about = about || place_changes(redacting, datum->model, pointer != NULL ? pointer : "") ||
            place_changes(redacting, datum->human, pointer != NULL ? pointer : "");
    free(pointer);
    return about;
}

/** A question about such a place keeps who asked and about what; its words quote the value. */
static void asked_rewrite(struct redacting *redacting, const struct fnd_datum *datum,
                          struct fnd_json asked, struct fnd_text *out)
{
    static const char *const words[] = {"question", "context", "value", "schema"};
    fnd_text_append_byte(out, '[');
    for (struct fnd_json_walk walk = fnd_json_walk(asked); fnd_json_next(&walk);) {
        size_t count = 0;
        fnd_text_append_z(out, walk.index > 0 ? "," : "");
        if (!asks_about(redacting, datum, walk.value)) {
            value_rewrite(redacting, walk.value, out);
            continue;
        }
        fnd_text_append_byte(out, '{');
        for (struct fnd_json_walk part = fnd_json_walk(walk.value); fnd_json_next(&part);) {
            bool quotes = false;
            for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
                quotes |= fnd_json_text_is(part.key, words[i]);
            }
            fnd_text_append_z(out, count++ > 0 ? "," : "");
            key_rewrite(redacting, &part, out);
            fnd_text_append_byte(out, ':');
            if (quotes) {
                fnd_text_append_z(out, "\"[redacted]\"");
            } else {
                value_rewrite(redacting, part.value, out);
            }
        }
        fnd_text_append_byte(out, '}');
    }
    fnd_text_append_byte(out, ']');
}

/* --- fields, anew -------------------------------------------------------------------------- */

/** Differences between what is left of the two documents. */
struct fields {
    struct fnd_text *out;
    struct fnd_text pointer;
    struct fnd_json confidence;
    size_t count;
};

static void fields_compare(struct fields *fields, struct fnd_json from, struct fnd_json to);

static void field_append(struct fields *fields, struct fnd_json from, struct fnd_json to)
{
    struct fnd_json confidence =
        fnd_json_type(fields->confidence) == FND_JSON_OBJECT
            ? fnd_json_member(fields->confidence, fnd_text_z(&fields->pointer))
            : (struct fnd_json){NULL, 0};
    fnd_text_append_z(fields->out, fields->count++ > 0 ? "," : "");
    fnd_text_append_json(fields->out, fnd_text_z(&fields->pointer), fields->pointer.size);
    fnd_text_append_z(fields->out, ":{");
    if (from.bytes != NULL) {
        fnd_text_append_z(fields->out, "\"from\":");
        fnd_text_append(fields->out, from.bytes, from.size);
        fnd_text_append_byte(fields->out, ',');
    }
    if (to.bytes != NULL) {
        fnd_text_append_z(fields->out, "\"to\":");
        fnd_text_append(fields->out, to.bytes, to.size);
        fnd_text_append_byte(fields->out, ',');
    }
    fnd_text_append_z(fields->out, "\"confidence\":");
    fnd_text_append(fields->out, confidence.bytes != NULL ? confidence.bytes : "null",
                    confidence.bytes != NULL ? confidence.size : 4);
    fnd_text_append_byte(fields->out, '}');
}

static void fields_below(struct fields *fields, struct fnd_json key, size_t index,
                         struct fnd_json from, struct fnd_json to)
{
    const size_t size = fields->pointer.size;
    const struct fnd_json_walk walk = {.key = key, .index = index};
    segment_add(&fields->pointer, &walk);
    fields_compare(fields, from, to);
    segment_cut(&fields->pointer, size);
}

static void fields_compare(struct fields *fields, struct fnd_json from, struct fnd_json to)
{
    const struct fnd_json none = {NULL, 0};
    const enum fnd_json_type type = fnd_json_type(from);
    if (from.bytes == NULL || to.bytes == NULL || type != fnd_json_type(to) ||
        (type != FND_JSON_OBJECT && type != FND_JSON_ARRAY)) {
        if (!fnd_json_equal(from, to)) {
            field_append(fields, from, to);
        }
        return;
    }
    struct fnd_json_walk old = fnd_json_walk(from), new = fnd_json_walk(to);
    if (type == FND_JSON_ARRAY) {
        for (size_t index = 0;; index++) {
            const bool old_more = fnd_json_next(&old), new_more = fnd_json_next(&new);
            if (!old_more && !new_more) {
                return;
            }
            fields_below(fields, none, index, old_more ? old.value : none,
                         new_more ? new.value : none);
        }
    }
    while (fnd_json_next(&old)) {
        char *key = fnd_json_strdup(old.key);
        fields_below(fields, old.key, 0, old.value, fnd_json_member(to, key));
        free(key);
    }
    while (fnd_json_next(&new)) {
        char *key = fnd_json_strdup(new.key);
        if (fnd_json_member(from, key).bytes == NULL) {
            fields_below(fields, new.key, 0, none, new.value);
        }
        free(key);
    }
}

/* --- the record ---------------------------------------------------------------------------- */

/** A file whose picture may show what was taken out: its name and kind are left. */
static void input_rewrite(struct redacting *redacting, const struct fnd_datum *datum,
                          size_t *renamed, struct fnd_text *out)
{
    size_t count = 0;
    fnd_text_append_byte(out, '{');
    for (struct fnd_json_walk walk = fnd_json_walk(datum->input); fnd_json_next(&walk);) {
        const bool bytes =
            fnd_json_text_is(walk.key, "sha256") || fnd_json_text_is(walk.key, "size");
        if (bytes && datum->is_file && redacting->drops_input) {
            continue; /* who knows the file could find it by them */
        }
        fnd_text_append_z(out, count++ > 0 ? "," : "");
        fnd_text_append(out, walk.key.bytes, walk.key.size);
        fnd_text_append_byte(out, ':');
        if (fnd_json_text_is(walk.key, "name") || fnd_json_text_is(walk.key, "path")) {
            path_rewrite(redacting, walk.value, renamed, out);
        } else if (fnd_json_text_is(walk.key, "value")) {
            document_rewrite(redacting, walk.value, out);
        } else {
            value_rewrite(redacting, walk.value, out);
        }
    }
    if (datum->is_file && redacting->drops_input) {
        fnd_text_append_z(out, count > 0 ? "," : "");
        fnd_text_append_z(out, "\"value\":\"" FND_REDACT_WITHHELD "\"");
    }
    fnd_text_append_byte(out, '}');
}

static void record_rewrite(struct redacting *redacting, const struct fnd_datum *datum,
                           size_t *renamed, struct fnd_text *out)
{
    struct fnd_text model = {0}, human = {0};
    size_t count = 0;
    /* The documents come first: whether the input goes is seen in them. */
    if (datum->model.bytes != NULL) {
        document_rewrite(redacting, datum->model, &model);
    }
    if (datum->human.bytes != NULL) {
        document_rewrite(redacting, datum->human, &human);
    }
    fnd_text_append_byte(out, '{');
    for (struct fnd_json_walk walk = fnd_json_walk(datum->whole); fnd_json_next(&walk);) {
        fnd_text_append_z(out, count++ > 0 ? "," : "");
        fnd_text_append(out, walk.key.bytes, walk.key.size);
        fnd_text_append_byte(out, ':');
        if (fnd_json_text_is(walk.key, "model_output")) {
            fnd_text_append(out, fnd_text_z(&model), model.size);
        } else if (fnd_json_text_is(walk.key, "human_output")) {
            fnd_text_append(out, fnd_text_z(&human), human.size);
        } else if (fnd_json_text_is(walk.key, "fields") && model.size > 0 && human.size > 0) {
            struct fields fields = {.out = out,
                                    .confidence = fnd_json_member(datum->whole, "confidence")};
            fnd_text_append_byte(out, '{');
            fields_compare(&fields, (struct fnd_json){model.bytes, model.size},
                           (struct fnd_json){human.bytes, human.size});
            fnd_text_append_byte(out, '}');
            fnd_text_finish(&fields.pointer);
        } else if (fnd_json_text_is(walk.key, "input")) {
            input_rewrite(redacting, datum, renamed, out);
        } else if (fnd_json_text_is(walk.key, "path")) {
            path_rewrite(redacting, walk.value, renamed, out);
        } else if (fnd_json_text_is(walk.key, "asked")) {
            asked_rewrite(redacting, datum, walk.value, out);
        } else {
            value_rewrite(redacting, walk.value, out);
        }
    }
    fnd_text_finish(&model);
    fnd_text_finish(&human);
}

/** A prompt is the same for all: one that holds what a rule takes out of a record would tell it in
 *  every line. */
static enum fnd_status prompts_check(struct redacting *redacting, const struct fnd_plan *plan,
                                     const struct fnd_datum *datum, struct fnd_error *error)
{
    const struct fnd_export_options *options = &plan->options;
    const struct fnd_entry *entry = datum->entry;
    const char *const texts[] = {
        options->prompt != NULL ? options->prompt : (entry != NULL ? entry->prompt : NULL),
        options->system != NULL ? options->system : (entry != NULL ? entry->system : NULL),
        options->uri_prefix != NULL ? options->uri_prefix
                                    : (entry != NULL ? entry->uri_prefix : NULL)};
    static const char *const names[] = {"prompt", "system text", "uri_prefix"};
    for (size_t i = 0; i < 3; i++) {
        struct fnd_text clean = {0};
        const bool told =
            texts[i] != NULL && text_rewrite(redacting, texts[i], strlen(texts[i]), &clean);
        fnd_text_finish(&clean);
        if (told) {
            fnd_error_set(error, FND_INVALID,
                          "the %s holds what a rule of `redact` takes out of record %" PRId64
                          "; say it otherwise",
                          names[i], datum->number);
            fnd_error_code(error, "redacted_prompt");
            return FND_INVALID;
        }
    }
    return FND_OK;
}

enum fnd_status fnd_redact_datum(struct fnd_plan *plan, struct fnd_datum *datum,
                                 struct fnd_error *error)
{
    struct redacting redacting = {.redact = fnd_redact_of(plan, datum->pipeline),
                                  .literals = &datum->literals,
                                  .error = error};
    struct fnd_text out = {0};
    size_t renamed = 0;
    if (redacting.redact == NULL || datum->whole.bytes == NULL) {
        return FND_OK;
    }
    fnd_text_append_z(&redacting.pointer, ""); /* never NULL: it is cut in place */
    datum->redact = redacting.redact;
    document_collect(&redacting, datum->model);
    document_collect(&redacting, datum->human);
    document_collect(&redacting, fnd_json_member(datum->input, "value"));
    enum fnd_status status = prompts_check(&redacting, plan, datum, error);
    redacting.quoted = 0;
    if (status == FND_OK) {
        record_rewrite(&redacting, datum, &renamed, &out);
        status = redacting.status;
    }
    const bool dropped = datum->is_file && redacting.drops_input;
    if (status == FND_OK && (redacting.values > 0 || redacting.quoted > 0 || dropped)) {
        fnd_text_printf(&out, ",\"redacted\":{\"values\":%zu,\"quoted\":%zu,\"input\":\"%s\"}",
                        redacting.values, redacting.quoted, dropped ? "withheld" : "kept");
        plan->redacted.records += !plan->reading_back;
        plan->redacted.values += plan->reading_back ? 0 : redacting.values;
        plan->redacted.quoted += plan->reading_back ? 0 : redacting.quoted;
        plan->redacted.paths += !plan->reading_back && renamed > 0;
        plan->redacted.inputs += !plan->reading_back && dropped;
    }
    if (status == FND_OK) {
        fnd_text_append_byte(&out, '}');
        status = fnd_datum_replace(datum, &out, error);
    }
    fnd_text_finish(&out);
    fnd_text_finish(&redacting.pointer);
    return status;
}

enum fnd_status fnd_redact_json(const struct fnd_datum *datum, struct fnd_json json,
                                struct fnd_text *text, struct fnd_error *error)
{
    struct fnd_literals literals = datum->literals; /* borrowed */
    struct redacting redacting = {.redact = datum->redact, .literals = &literals, .error = error};
    if (redacting.redact == NULL) {
        fnd_text_append(text, json.bytes, json.size);
        return FND_OK;
    }
    value_rewrite(&redacting, json, text);
    return redacting.status;
}
