/* SPDX-License-Identifier: MIT */
/* What the files of this room share: a compiled schema is a graph of nodes. */
#ifndef FND_SCHEMA_NODE_H
#define FND_SCHEMA_NODE_H

#include <stdatomic.h>
#include <stdint.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "schema/schema.h"

enum {
    FND_SCHEMA_NODES_MAX = 20000,
    FND_SCHEMA_CHAIN_MAX = 64,  /* subschemas in a row about one and the same value */
    FND_SCHEMA_DEPTH_MAX = 1000 /* nested evaluations of one check: bounds the stack */
};
/* Evaluations in one check. A schema can ask for exponentially many; a real one needs a few for
 * each byte of the value. */
#define FND_SCHEMA_STEPS_MAX ((size_t)20000000)

/* Types a value may have, as bits. */
enum {
    FND_TYPE_NULL = 1,
    FND_TYPE_BOOLEAN = 2,
    FND_TYPE_INTEGER = 4,
    FND_TYPE_NUMBER = 8, /* any number */
    FND_TYPE_STRING = 16,
    FND_TYPE_ARRAY = 32,
    FND_TYPE_OBJECT = 64
};

enum fnd_schema_format {
    FND_FORMAT_NONE,
    FND_FORMAT_DATE,
    FND_FORMAT_DATE_TIME,
    FND_FORMAT_TIME,
    FND_FORMAT_EMAIL,
    FND_FORMAT_IPV4,
    FND_FORMAT_UUID,
    FND_FORMAT_JSON_POINTER,
    FND_FORMAT_REGEX
};

struct fnd_schema_node;

struct fnd_schema_nodes {
    struct fnd_schema_node **list;
    size_t count;
};

/* A name that properties or required mentions. Sorted by size, then bytes. */
struct fnd_schema_name {
    const char *text; /* decoded, NUL-ended */
    size_t size;
    struct fnd_schema_node *node; /* of properties, or NULL */
    bool required;
};

struct fnd_schema_pattern {
    const char *text;
    const pcre2_code *code;
    struct fnd_schema_node *node; /* of patternProperties */
};

/* dependentRequired: if `name` is there, `needs` must be. */
struct fnd_schema_dependent {
    const char *name;
    const char **needs;
    size_t needs_count;
};

struct fnd_schema_object {
    struct fnd_schema_name *names;
    size_t names_count, required_count;
    const char **declared; /* names of properties, in the order of the schema, NULL-ended */
    struct fnd_schema_pattern *patterns;
    size_t patterns_count;
    struct fnd_schema_node *additional, *property_names;
    struct fnd_schema_dependent *dependents;
    size_t dependents_count;
    int64_t count_min, count_max; /* -1: not given */
    bool has_properties;
};

struct fnd_schema_array {
    struct fnd_schema_nodes prefix;
    struct fnd_schema_node *items, *contains;
    int64_t count_min, count_max, contains_min, contains_max; /* -1: not given */
    bool unique;
};

struct fnd_schema_text {
    int64_t length_min, length_max; /* -1: not given */
    struct fnd_schema_pattern pattern;
    enum fnd_schema_format format;
};

/* One schema or subschema. NULL parts say nothing, so that most checks cost one comparison. */
struct fnd_schema_node {
    struct fnd_json json;         /* where it stands in the schema's own text */
    struct fnd_schema_node *next; /* in the order in which they were met */
    bool refuses_all;             /* false */
    bool per_job, only_notes_and_ref, draft7_ref;
    unsigned types;                                  /* 0: any */
    struct fnd_json constant, enumeration, standard; /* standard: "default" */
    struct fnd_json minimum, maximum, above, below, multiple_of;
    struct fnd_schema_text *text;
    struct fnd_schema_object *object;
    struct fnd_schema_array *array;
    bool combines; /* any of those below is there */
    struct fnd_schema_node *ref, *negated, *condition, *then, *otherwise;
    struct fnd_schema_nodes all_of, any_of, one_of;
    unsigned char colour;  /* while endless references are looked for */
    unsigned short height; /* longest chain about one value below this node */
};

struct fnd_schema_block;

struct fnd_schema_spare {
    _Atomic(pcre2_match_data *) data;
};

struct fnd_schema {
    char *name;
    struct fnd_text text, canonical; /* as written without white space; sorted */
    struct fnd_schema_node *root;
    struct fnd_schema_block *blocks; /* arena */
    struct fnd_schema_codes *codes;  /* compiled patterns, to be freed */
    pcre2_match_context *limits;
    /* A match block kept from one check to the next, so that a check allocates nothing; taken and
     * given back atomically, as a schema is used by many threads. */
    struct fnd_schema_spare *spare;
};

/* compile.c: zeroed memory that lives as long as the schema. */
void *fnd_schema_alloc(struct fnd_schema *schema, size_t count, size_t size);

/* regex.c */
struct fnd_schema_codes {
    struct fnd_schema_codes *next;
    pcre2_code *code;
};
enum fnd_match { FND_MATCH_NO, FND_MATCH_YES, FND_MATCH_TOO_COSTLY };
/** Compile a pattern as JSON Schema means it; the schema owns it. NULL with a reason in `why`. */
const pcre2_code *fnd_schema_regex(struct fnd_schema *schema, const char *pattern, size_t size,
                                   char *why, size_t why_size);
/** Does the pattern occur in the text?  data: *data is made when it is NULL. */
enum fnd_match fnd_schema_match(const struct fnd_schema *schema, const pcre2_code *code,
                                const char *bytes, size_t size, pcre2_match_data **data);
/** Whether a text is a pattern at all (format "regex"). */
bool fnd_schema_is_regex(const char *bytes, size_t size);

/* format.c */
enum fnd_schema_format fnd_schema_format_named(const char *name);
const char *fnd_schema_format_what(enum fnd_schema_format format); /* "a date (2026-03-01)" */
bool fnd_schema_format_holds(enum fnd_schema_format format, const char *bytes, size_t size);

/* unique.c */
bool fnd_schema_number_is_integer(struct fnd_json number);
/** False if two items are equal; their indexes. `steps` is what comparisons may still cost; when
 *  it is used up, the answer is false with *first == *second. */
bool fnd_schema_unique(struct fnd_json array, size_t *steps, size_t *first, size_t *second);

/* keywords.c */
struct fnd_schema_compiler {
    struct fnd_schema *schema;
    struct fnd_schema_node *first, *last; /* all nodes; those behind the current one wait */
    struct fnd_schema_node **slots;       /* by the address of their JSON, open addressing */
    size_t slots_count, nodes_count;
    struct fnd_json document; /* in the schema's own text, whose spans nodes keep */
    struct fnd_json original; /* as given, for lines and columns; */
    const char *given;        /* those count from here: white space goes before a value, too */
    struct fnd_text scratch, id;
    struct fnd_error *error;
    bool draft7;
};
/** The node of a subschema: found, or made and queued. NULL after an error. */
struct fnd_schema_node *fnd_schema_node_for(struct fnd_schema_compiler *compiler,
                                            struct fnd_json json);
/** Fill a compile error: what is wrong at `at`.  Returns FND_INVALID. */
enum fnd_status fnd_schema_refuse(struct fnd_schema_compiler *compiler, struct fnd_json at,
                                  const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** Read all keywords of the node's JSON. */
enum fnd_status fnd_schema_keywords(struct fnd_schema_compiler *compiler,
                                    struct fnd_schema_node *node);
/** The decoded text of a string, in the arena. */
char *fnd_schema_decode(struct fnd_schema_compiler *compiler, struct fnd_json string, size_t *size);

struct fnd_schema_keyword {
    const char *name;
    enum fnd_status (*read)(struct fnd_schema_compiler *, struct fnd_schema_node *,
                            struct fnd_json value);
};
/* keywords_object.c, keywords_array.c, keywords_scalar.c: tables ended by a NULL name. */
extern const struct fnd_schema_keyword fnd_schema_keywords_object[];
extern const struct fnd_schema_keyword fnd_schema_keywords_array[];
extern const struct fnd_schema_keyword fnd_schema_keywords_scalar[];
enum fnd_status fnd_schema_read_count(struct fnd_schema_compiler *compiler, struct fnd_json value,
                                      int64_t *count);
enum fnd_status fnd_schema_read_list(struct fnd_schema_compiler *compiler, struct fnd_json value,
                                     struct fnd_schema_nodes *nodes);

/* lookup.c: what a schema says of a member or an item, without a value to check. */
struct fnd_schema_lookup {
    const struct fnd_schema *schema;
    pcre2_match_data *match; /* freed by whoever began */
    size_t steps;            /* left, as in a check */
};
enum { FND_SCHEMA_LOOKUP_STEPS = 100000 };
/** The subschemas of one node, and of it alone, about a member or item named by a pointer's decoded
 *  segment: by name first, else by patterns, else additionalProperties; for an index prefixItems,
 *  else items. Calls `each` for every one until it returns true, which is then returned. */
bool fnd_schema_children(struct fnd_schema_lookup *lookup, const struct fnd_schema_node *node,
                         const char *segment, size_t size,
                         bool (*each)(void *state, const struct fnd_schema_node *child),
                         void *state);
/** A pointer's next segment, decoded into `segment`; false at its end. */
bool fnd_schema_segment(const char **pointer, struct fnd_text *segment);
/** An array index: "0" or digits that do not begin with 0. */
bool fnd_schema_index(const char *segment, size_t size, size_t *index);

/** The name in an object's table, or NULL. */
const struct fnd_schema_name *fnd_schema_name_find(const struct fnd_schema_object *object,
                                                   const char *text, size_t size);

#endif
