/* SPDX-License-Identifier: MIT */
/* A subset of JSON Schema draft 2020-12 (draft 7's spellings where they differ), compiled once and
 * checked on bytes. */
#ifndef FND_SCHEMA_SCHEMA_H
#define FND_SCHEMA_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

/* Supported: boolean schemas, type, enum, const, properties, patternProperties,
 * additionalProperties, required, propertyNames, minProperties, maxProperties, dependentRequired,
 * items, prefixItems (draft 7: items as a list, additionalItems), contains, minContains,
 * maxContains, minItems, maxItems, uniqueItems, minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum, multipleOf, minLength, maxLength, pattern (PCRE2 with limits), format
 * (asserted: date, date-time, time, email, ipv4, uuid, json-pointer, regex), allOf, anyOf, oneOf,
 * not, if/then/else, $ref and $defs (definitions) inside the document, default, and as notes
 * title, description, examples, $comment, $schema, $id (root only), deprecated, readOnly,
 * writeOnly, contentMediaType; keys that begin with "x-" are notes too, of which
 * x-foundry-per-job is read. Any other keyword is refused at compilation: a rule that is not
 * checked must not look as if it were. */

struct fnd_schema; /* immutable once made; may be used by any number of threads */

/** Compile. `json` is borrowed until return and any bytes: it is checked as JSON first.
 *  name     what it is, for errors ("config schema of detect/regex-mismatch"); copied.
 *  Returns FND_OK, FND_INVALID (unknown keyword, bad pattern, dangling or remote $ref, …). */
enum fnd_status fnd_schema_create(const char *name, const char *json, size_t size,
                                  struct fnd_schema **schema, struct fnd_error *error);
void fnd_schema_destroy(struct fnd_schema *schema);

/** One thing wrong with a value. Strings are owned by the report. */
struct fnd_flaw {
    char *pointer; /* RFC 6901, into the value */
    char *keyword; /* "type", "required", … */
    char *message; /* "is a string, must be a number"; an unknown key comes with did-you-mean */
    bool is_key;   /* the flaw is the member's name (additionalProperties), not its value */
};
enum { FND_FLAWS_MAX = 20 };
struct fnd_flaws {
    struct fnd_flaw list[FND_FLAWS_MAX];
    size_t count, skipped;
};
void fnd_flaws_finish(struct fnd_flaws *flaws);
/** Append one; strings are copied. */
void fnd_flaws_add(struct fnd_flaws *flaws, const char *pointer, const char *keyword, bool is_key,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));

/** Leaves whose value is not known yet (they read `${phase.…}`): at these pointers only
 *  x-foundry-per-job is demanded, everything else is passed over. */
struct fnd_schema_holes {
    const char *const *pointers;
    size_t count;
    bool allowed_everywhere; /* do not demand x-foundry-per-job */
};

/** Check a value.
 *  holes    may be NULL.  flaws: appended to; NULL to ask for yes or no only.
 *  Returns true if the value meets the schema. Exact on numbers of any length. */
bool fnd_schema_check(const struct fnd_schema *schema, struct fnd_json value,
                      const struct fnd_schema_holes *holes, struct fnd_flaws *flaws);

/** Append `value` with the schema's defaults filled in: for each object, a declared property that
 *  is missing and has a "default" is added (also inside objects and items that are there; a
 *  missing object is made if it has a default itself). Member order: as written, then defaults. */
void fnd_schema_fill(const struct fnd_schema *schema, struct fnd_json value,
                     struct fnd_text *filled);

/** The part of the schema that governs `pointer`, by properties, items, prefixItems,
 *  additionalProperties and $ref: borrowed schema JSON, or no value if the schema does not say.
 *  For forms, typed answers and the per-job rule. */
struct fnd_json fnd_schema_at(const struct fnd_schema *schema, const char *pointer);
/** Whether a pointer is declared at all (CONFIG reads of undeclared keys are INVALID): true where
 *  additionalProperties or patternProperties lets it be, false where the schema closes it or, for
 *  config schemas, does not name it. A schema that says nothing of its members leaves them free
 *  (a bare {"type": "object"} as a part), but the root must name them. */
bool fnd_schema_declares(const struct fnd_schema *schema, const char *pointer);
/** Check that a config names only what the schema declares, by the rule of fnd_schema_declares():
 *  unknown members become flaws (is_key, with did-you-mean), unless `flaws` has one at that place
 *  from fnd_schema_check() already. `flaws` may be NULL.  Returns true if all is declared. */
bool fnd_schema_check_declared(const struct fnd_schema *schema, struct fnd_json value,
                               struct fnd_flaws *flaws);
/** Whether the leaf at `pointer` carries "x-foundry-per-job": true (on it or above it). */
bool fnd_schema_per_job(const struct fnd_schema *schema, const char *pointer);

/** The schema's own JSON, canonical; borrowed. */
struct fnd_json fnd_schema_json(const struct fnd_schema *schema);

#endif
