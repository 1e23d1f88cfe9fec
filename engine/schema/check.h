/* SPDX-License-Identifier: MIT */
/* One check under way; shared by the files check*.c. */
#ifndef FND_SCHEMA_CHECK_H
#define FND_SCHEMA_CHECK_H

#include "schema/node.h"

/* Where we are in the value: a list up the stack, made a text only for a flaw. */
struct fnd_place {
    const struct fnd_place *up; /* NULL at the root, which has no key and no index of its own */
    struct fnd_json key;        /* no value in arrays */
    size_t index;
    bool is_key; /* the member's name is looked at, not its value */
};

struct fnd_check {
    const struct fnd_schema *schema;
    const struct fnd_schema_holes *holes; /* NULL for none */
    struct fnd_flaws *flaws;              /* NULL: yes or no is enough, so stop at the first no */
    pcre2_match_data *match;
    struct fnd_text scratch; /* a decoded text, until the next one */
    struct fnd_text pointer; /* kept only with holes */
    size_t steps, depth;     /* what is left; what is used */
    size_t holes_met;        /* so that a verdict that a hole has part in can be told */
    const char *undecided;   /* a limit was reached: the value does not pass, and this is why */
};

/** Does the value meet the node?  Adds flaws if asked to. */
bool fnd_check_node(struct fnd_check *check, const struct fnd_schema_node *node,
                    struct fnd_json value, const struct fnd_place *place);
/** The same without flaws, whatever the check's mode. */
bool fnd_check_quietly(struct fnd_check *check, const struct fnd_schema_node *node,
                       struct fnd_json value, const struct fnd_place *place);
/** A member's value (key given) or an item. */
bool fnd_check_child(struct fnd_check *check, const struct fnd_schema_node *node,
                     struct fnd_json value, const struct fnd_place *up, struct fnd_json key,
                     size_t index);

bool fnd_check_type(struct fnd_check *check, unsigned types, struct fnd_json value,
                    enum fnd_json_type type, const struct fnd_place *place);
bool fnd_check_scalar(struct fnd_check *check, const struct fnd_schema_node *node,
                      struct fnd_json value, enum fnd_json_type type,
                      const struct fnd_place *place);
bool fnd_check_object(struct fnd_check *check, const struct fnd_schema_object *object,
                      const struct fnd_schema_node *node, struct fnd_json value,
                      const struct fnd_place *place);
bool fnd_check_array(struct fnd_check *check, const struct fnd_schema_array *array,
                     struct fnd_json value, const struct fnd_place *place);
bool fnd_check_combined(struct fnd_check *check, const struct fnd_schema_node *node,
                        struct fnd_json value, const struct fnd_place *place);

/** Record a flaw, if asked to.  Returns false. */
bool fnd_check_fail(struct fnd_check *check, const struct fnd_place *place, const char *keyword,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
void fnd_check_pointer(const struct fnd_place *place, struct fnd_text *pointer);
/** Whether a hole lies inside the value at hand: what compares it as a whole must pass. */
bool fnd_check_has_hole_inside(const struct fnd_check *check);
/** The decoded text of a string: in place, or in the check's scratch. */
void fnd_check_text(struct fnd_check *check, struct fnd_json string, const char **bytes,
                    size_t *size);
/** Whether a pattern occurs; a pattern too costly to decide makes the check undecided. */
enum fnd_match fnd_check_match(struct fnd_check *check, const struct fnd_schema_pattern *pattern,
                               const char *bytes, size_t size);
/** Append a value for a message, cut at 40 bytes. */
void fnd_check_show(struct fnd_json value, struct fnd_text *text);

#endif
