/* SPDX-License-Identifier: MIT */
/* Configs with holes: compiled once into pieces, put together at each visit in one pass. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/template.h"

/* A leaf and where its string stands in the JSON. */
struct spot {
    const struct fnd_leaf *leaf;
    size_t hole, begin, end;
};

static int spot_compare(const void *a, const void *b)
{
    const struct spot *x = a, *y = b;
    return x->begin < y->begin ? -1 : x->begin > y->begin;
}

static size_t root_index(struct fnd_template *with, const char *name)
{
    for (size_t i = 0; i < with->roots_count; i++) {
        if (strcmp(with->roots[i], name) == 0) {
            return i;
        }
    }
    /* Emptied by fnd_template_finish(), which the analyzer sees freeing and not emptying. */
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
    with->roots = fnd_realloc(with->roots, with->roots_count + 1, sizeof with->roots[0]);
    with->roots[with->roots_count] = fnd_strdup(name);
    return with->roots_count++;
}

static struct fnd_part *part_add(struct fnd_template *with)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as above */
    with->parts = fnd_realloc(with->parts, with->parts_count + 1, sizeof with->parts[0]);
    struct fnd_part *part = &with->parts[with->parts_count++];
    *part = (struct fnd_part){0};
    return part;
}

/* Literal bytes since `begin` of the glue become a part. */
static void literal_end(struct fnd_template *with, const struct fnd_text *glue, size_t *begin)
{
    if (glue->size > *begin) {
        struct fnd_part *part = part_add(with);
        part->kind = FND_PART_LITERAL;
        part->offset = *begin;
        part->size = glue->size - *begin;
        *begin = glue->size;
    }
}

static size_t depth_of(const char *pointer)
{
    size_t depth = 0;
    for (; *pointer != '\0'; pointer++) {
        depth += *pointer == '/' ? 1 : 0;
    }
    return depth;
}

static void reference_add(struct fnd_template *with, const struct fnd_segment *segment,
                          const struct spot *spot, bool whole)
{
    const bool secret = segment->kind == FND_SEGMENT_SECRET;
    const size_t root = secret ? 0 : root_index(with, segment->text);
    struct fnd_part *part = part_add(with);
    part->kind = secret ? FND_PART_SECRET : whole ? FND_PART_VALUE : FND_PART_TEXT;
    part->root = root;
    part->hole = spot->hole;
    part->depth = depth_of(spot->leaf->pointer);
    part->written = fnd_strdup(segment->written);
    if (secret) {
        part->name = fnd_strdup(segment->text);
    } else {
        part->pointer = fnd_strdup(segment->pointer);
    }
}

/* The pieces of one leaf. */
static void leaf_add(struct fnd_template *with, const struct spot *spot, struct fnd_text *glue,
                     size_t *literal)
{
    const struct fnd_segments *segments = &spot->leaf->segments;
    const bool whole = segments->count == 1 && segments->list[0].kind == FND_SEGMENT_VALUE;
    if (!whole) {
        fnd_text_append_byte(glue, '"');
    }
    for (size_t i = 0; i < segments->count; i++) {
        const struct fnd_segment *segment = &segments->list[i];
        if (segment->kind == FND_SEGMENT_TEXT) {
            struct fnd_text quoted = {0};
            fnd_text_append_json_z(&quoted, segment->text);
            fnd_text_append(glue, quoted.bytes + 1, quoted.size - 2);
            fnd_text_finish(&quoted);
        } else {
            literal_end(with, glue, literal);
            reference_add(with, segment, spot, whole);
        }
    }
    if (!whole) {
        fnd_text_append_byte(glue, '"');
    }
}

void fnd_template_make(struct fnd_template *with, char *json, const struct fnd_leaf *leaves,
                       size_t leaves_count)
{
    struct spot *spots = fnd_alloc((leaves_count + 1) * sizeof *spots);
    struct fnd_text glue = {0};
    size_t literal = 0, at = 0;
    fnd_template_finish(with);
    with->json = json;
    with->size = strlen(json);
    with->holes = fnd_alloc((leaves_count + 1) * sizeof with->holes[0]);
    with->holes_count = leaves_count;
    const struct fnd_json value = {json, with->size};
    for (size_t i = 0; i < leaves_count; i++) {
        const struct fnd_json leaf = fnd_json_find(value, leaves[i].pointer);
        assert(leaf.bytes != NULL);
        with->holes[i].pointer = fnd_strdup(leaves[i].pointer);
        with->holes[i].text = fnd_strdup(leaves[i].text);
        with->holes[i].secret = !fnd_segments_have(&leaves[i].segments, FND_SEGMENT_VALUE);
        with->holes_job += with->holes[i].secret ? 0 : 1;
        const size_t begin = (size_t)(leaf.bytes - json);
        spots[i] = (struct spot){&leaves[i], i, begin, begin + leaf.size};
    }
    qsort(spots, leaves_count, sizeof *spots, spot_compare);
    for (size_t i = 0; i < leaves_count; i++) {
        fnd_text_append(&glue, json + at, spots[i].begin - at);
        leaf_add(with, &spots[i], &glue, &literal);
        at = spots[i].end;
    }
    fnd_text_append(&glue, json + at, with->size - at);
    literal_end(with, &glue, &literal);
    with->glue = fnd_text_take(&glue);
    free(spots);
}

void fnd_secret_free(char *secret)
{
    if (secret != NULL) {
        volatile char *at = secret; /* or the compiler leaves out what nobody reads */
        while (*at != '\0') {
            *at++ = '\0';
        }
        free(secret);
    }
}

void fnd_template_finish(struct fnd_template *with)
{
    for (size_t i = 0; i < with->holes_count; i++) {
        free(with->holes[i].pointer);
        free(with->holes[i].text);
    }
    for (size_t i = 0; i < with->parts_count; i++) {
        free(with->parts[i].pointer);
        free(with->parts[i].written);
        free(with->parts[i].name);
        fnd_secret_free(with->parts[i].secret);
    }
    for (size_t i = 0; i < with->roots_count; i++) {
        free(with->roots[i]);
    }
    free(with->holes);
    free(with->parts);
    free(with->roots);
    free(with->glue);
    free(with->json);
    *with = (struct fnd_template){0};
}

char *fnd_template_unit(const struct fnd_template *with, const char *pointer)
{
    const struct fnd_json value = {with->json, with->size};
    char *unit = fnd_strdup(pointer);
    for (char *slash = strchr(unit + (unit[0] == '/' ? 1 : 0), '/'); slash != NULL;
         slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (fnd_json_type(fnd_json_find(value, unit)) == FND_JSON_ARRAY) {
            return unit;
        }
        *slash = '/';
    }
    return unit;
}
