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
    bool replaces;           /* and for what is told by its place elsewhere: {pointer: value} */
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
        fnd_literals_below(redacting->literals, value,
                           fnd_redact_action_of(redacting->redact, rule));
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

/** A hash of something that may not be told: somebody who knows the rest could try what it was.
 *  Keyed, those that are equal stay so. */
static void keyed_append(struct redacting *redacting, struct fnd_json hash, struct fnd_text *out)
{
    struct fnd_text keyed = {0};
    fnd_redact_stand_in(redacting->redact, FND_REDACT_HASH, hash.bytes, hash.size, &keyed);
    fnd_text_append_json(out, fnd_text_z(&keyed), keyed.size);
    fnd_text_finish(&keyed);
}

/** A fingerprint is a hash of what a question was about. False: the member is none. */
static bool fingerprint_rewrite(struct redacting *redacting, const struct fnd_json_walk *member,
                                struct fnd_text *out)
{
    if (!fnd_json_text_is(member->key, "fingerprint") ||
        fnd_json_type(member->value) != FND_JSON_STRING) {
        return false;
    }
    keyed_append(redacting, member->value, out);
    return true;
}

/** The rule for a place, or for one that it lies in.  cut: receives how much of the pointer names
 *  that one. */
static size_t rule_above(const struct redacting *redacting, char *pointer, size_t *cut)
{
    size_t rule = 0;
    for (char *end = pointer; *end != '\0' && rule == 0;) {
        char *next = strchr(end + 1, '/');
        end = next != NULL ? next : end + strlen(end);
        const char kept = *end;
        *end = '\0';
        rule = fnd_redact_at(redacting->redact, pointer);
        *end = kept;
        *cut = (size_t)(end - pointer);
    }
    return rule;
}

/** A member of what is not a document. One that is told by its place goes with it, and one below
 *  it, whose name is of what stood there; confidence and origin say nothing of the value. False:
 * the member goes whole. */
static bool member_rewrite(struct redacting *redacting, const struct fnd_json_walk *member,
                           struct fnd_text *out)
{
    static const char *const marks[] = {"confidence", "origin", "models"};
    const bool replaces = redacting->replaces;
    char *name = fnd_json_strdup(member->key);
    size_t cut = 0, rule = 0;
    bool kept = true;
    if (name != NULL && name[0] == '/') {
        rule = rule_above(redacting, name, &cut);
    }
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        redacting->replaces &= !fnd_json_text_is(member->key, marks[i]);
    }
    if (rule > 0 && name[cut] != '\0') {
        redacting->values++;
        kept = false;
    } else if (rule > 0 && replaces) {
        kept = place_rewrite(redacting, rule, member->value, false, out);
    } else if (!fingerprint_rewrite(redacting, member, out)) {
        value_rewrite(redacting, member->value, out);
    }
    redacting->replaces = replaces;
    free(name);
    return kept;
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
        } else if (object && !redacting->document) {
            kept = member_rewrite(redacting, &walk, out);
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
    size_t cut = 0;
    bool about = pointer != NULL && rule_above(redacting, pointer, &cut) > 0;
    about = about || place_changes(redacting, datum->model, pointer != NULL ? pointer : "") ||
            place_changes(redacting, datum->human, pointer != NULL ? pointer : "");
    free(pointer);
    return about;
}

/** Whether a pointer leads below a place that a rule names. */
static bool lies_below(const struct redacting *redacting, struct fnd_json pointer)
{
    struct fnd_text text = {0};
    size_t cut = 0;
    const bool below = pointer.bytes != NULL && fnd_json_text(pointer, &text) && text.size > 0 &&
                       rule_above(redacting, text.bytes, &cut) > 0 && cut < text.size;
    fnd_text_finish(&text);
    return below;
}

/** A question's place, up to the one that a rule names: what is below it is named as things are in
 *  what stood there. */
static void place_append(struct redacting *redacting, struct fnd_json pointer, struct fnd_text *out)
{
    struct fnd_text text = {0};
    size_t cut = 0;
    if (fnd_json_text(pointer, &text) && text.size > 0 &&
        rule_above(redacting, text.bytes, &cut) > 0) {
        fnd_text_append_json(out, text.bytes, cut);
    } else {
        value_rewrite(redacting, pointer, out);
    }
    fnd_text_finish(&text);
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
        const bool below = lies_below(redacting, fnd_json_member(walk.value, "pointer"));
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
            } else if (fnd_json_text_is(part.key, "pointer")) {
                place_append(redacting, part.value, out);
            } else if (below && fnd_json_text_is(part.key, "key")) {
                keyed_append(redacting, part.value, out); /* it may be made of the place */
            } else {
                (void)member_rewrite(redacting, &part, out); /* its name is no pointer */
            }
        }
        fnd_text_append_byte(out, '}');
    }
    fnd_text_append_byte(out, ']');
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

/** What is told of an import. Its hashes are of documents, files and pictures as they were, which
 * somebody who has most of them could find the rest by: they are keyed. What the example brought
 * along of its first home may hold questions, and an import. */
static void imported_rewrite(struct redacting *redacting, const struct fnd_datum *datum,
                             struct fnd_json value, struct fnd_text *out)
{
    size_t count = 0;
    if (fnd_json_type(value) != FND_JSON_OBJECT) {
        value_rewrite(redacting, value, out);
        return;
    }
    fnd_text_append_byte(out, '{');
    for (struct fnd_json_walk walk = fnd_json_walk(value); fnd_json_next(&walk);) {
        const size_t before = out->size;
        bool kept = true;
        fnd_text_append_z(out, count > 0 ? "," : "");
        key_rewrite(redacting, &walk, out);
        fnd_text_append_byte(out, ':');
        if (fnd_json_text_is(walk.key, "sha256") || fnd_json_text_is(walk.key, "content")) {
            keyed_append(redacting, walk.value, out);
        } else if (fnd_json_text_is(walk.key, "asked") &&
                   fnd_json_type(walk.value) == FND_JSON_ARRAY) {
            asked_rewrite(redacting, datum, walk.value, out);
        } else if (fnd_json_text_is(walk.key, "provenance") ||
                   fnd_json_text_is(walk.key, "imported")) {
            imported_rewrite(redacting, datum, walk.value, out);
        } else {
            kept = member_rewrite(redacting, &walk, out);
        }
        count += kept;
        if (!kept) {
            out->size = before;
            out->bytes[before] = '\0';
        }
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
            fnd_redact_fields((struct fnd_json){model.bytes, model.size},
                              (struct fnd_json){human.bytes, human.size},
                              fnd_json_member(datum->whole, "confidence"), out);
        } else if (fnd_json_text_is(walk.key, "input")) {
            input_rewrite(redacting, datum, renamed, out);
        } else if (fnd_json_text_is(walk.key, "path")) {
            path_rewrite(redacting, walk.value, renamed, out);
        } else if (fnd_json_text_is(walk.key, "asked")) {
            asked_rewrite(redacting, datum, walk.value, out);
        } else if (fnd_json_text_is(walk.key, "imported")) {
            imported_rewrite(redacting, datum, walk.value, out);
        } else {
            (void)member_rewrite(redacting, &walk, out); /* its name is no pointer */
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
                                  .replaces = true,
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
    document_collect(&redacting, datum->value);
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
