/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* qsort_r */
#include "dataset/near.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/redact.h"

enum {
    BINS = 128,
    PIECE = 8,       /* bytes */
    SHORT_SIZE = 24, /* bytes of a text that is compared as a whole */
    BITS_MAX = 12,   /* that differ between neighbours */
    BANDS = 8,       /* orders in which neighbours are looked for */
    BAND_BITS = 16,
    WINDOW = 32, /* records behind one that it is compared with, in each order */
    GROUPS_LISTED_MAX = 1000,
    RECORDS_LISTED_MAX = 100, /* of a group */
    GROUPS_TOLD_MAX = 20
};

void fnd_near_finish(struct fnd_near *near)
{
    free(near->list);
    free(near->group);
    *near = (struct fnd_near){0};
}

/** Spread 64 bits over 64 bits, one to one (the end of MurmurHash3's 128-bit variant). */
static uint64_t mix(uint64_t value)
{
    value = (value ^ value >> 33) * 0xff51afd7ed558ccdu;
    value = (value ^ value >> 33) * 0xc4ceb9fe1a85ec53u;
    return value ^ value >> 33;
}

/** The text's next byte as it is compared; `*at` moves behind it. -1 at the end. */
static int next_byte(const char *bytes, size_t size, size_t *at, bool *blank)
{
    while (*at < size) {
        const unsigned char byte = (unsigned char)bytes[(*at)++];
        const bool space = byte == ' ' || (byte >= '\t' && byte <= '\r');
        if (space && *blank) {
            continue;
        }
        *blank = space;
        return space ? ' ' : byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte;
    }
    return -1;
}

/** Classes without a piece take the least hash of the next that has one, told apart by how far away
 *  it is. */
static void bins_fill(uint64_t bins[BINS], const bool filled[BINS])
{
    for (unsigned i = 0; i < BINS; i++) {
        unsigned distance = 0;
        while (!filled[(i + distance) % BINS]) {
            distance++;
        }
        if (distance > 0) {
            bins[i] = mix(bins[(i + distance) % BINS] + distance);
        }
    }
}

void fnd_near_sketch(const char *bytes, size_t size, uint64_t bits[2])
{
    uint64_t bins[BINS] = {0}, piece = 0, whole = 0;
    bool filled[BINS] = {false}, blank = true;
    size_t count = 0, at = 0;
    for (int byte; (byte = next_byte(bytes, size, &at, &blank)) >= 0;) {
        piece = piece << 8 | (uint64_t)byte;
        whole = count < SHORT_SIZE ? mix(whole ^ (uint64_t)byte) : whole;
        if (++count < PIECE) {
            continue;
        }
        const uint64_t hash = mix(piece);
        const unsigned bin = (unsigned)(hash % BINS);
        if (!filled[bin] || hash < bins[bin]) {
            bins[bin] = hash;
            filled[bin] = true;
        }
    }
    if (count < SHORT_SIZE) {
        bits[0] = mix(whole + count);
        bits[1] = mix(bits[0] + 1);
        return;
    }
    bins_fill(bins, filled);
    bits[0] = bits[1] = 0;
    for (unsigned i = 0; i < BINS; i++) {
        bits[i / 64] |= (bins[i] >> 32 & 1) << i % 64;
    }
}

bool fnd_near_look(const struct fnd_datum *datum, struct fnd_sketch *sketch)
{
    uint8_t digest[FND_DIGEST_SIZE];
    struct fnd_text text = {0};
    sketch->number = (uint64_t)datum->number & ((UINT64_C(1) << 40) - 1);
    sketch->split = (unsigned)datum->split & 3;
    if (datum->is_file) {
        char *hash = fnd_json_strdup(fnd_json_member(datum->input, "sha256"));
        const bool known = hash != NULL && fnd_unhex(hash, strlen(hash), digest, sizeof digest);
        free(hash);
        if (!known) {
            return false;
        }
        memcpy(sketch->bits, digest, sizeof sketch->bits);
    } else {
        fnd_datum_content(datum, &text);
        if (strcmp(fnd_text_z(&text), FND_REDACT_WITHHELD) == 0) {
            fnd_text_finish(&text);
            return false;
        }
        fnd_near_sketch(fnd_text_z(&text), text.size, sketch->bits);
        fnd_text_clear(&text);
    }
    fnd_text_append(&text, datum->pipeline, strlen(datum->pipeline) + 1);
    fnd_text_append_z(&text, datum->path);
    fnd_blake2b(NULL, 0, text.bytes, text.size, NULL, 0, digest);
    sketch->job = (digest[0] | (unsigned)digest[1] << 8 | (unsigned)digest[2] << 16) & 0x3fffff;
    fnd_text_finish(&text);
    return true;
}

void fnd_near_add(struct fnd_near *near, const struct fnd_sketch *sketch)
{
    if (near->count >= UINT32_MAX) {
        return;
    }
    if (near->count == near->capacity) {
        near->capacity = near->capacity == 0 ? 256 : near->capacity * 2;
        near->list = fnd_realloc(near->list, near->capacity, sizeof *near->list);
    }
    near->list[near->count++] = *sketch;
}

/* --- groups -------------------------------------------------------------------------------- */

/** The bits of a sketch in the order in which band `band` comes first. */
static void rotated(const struct fnd_sketch *sketch, unsigned band, uint64_t bits[2])
{
    const unsigned word = band * BAND_BITS / 64, shift = band * BAND_BITS % 64;
    const uint64_t high = sketch->bits[word], low = sketch->bits[1 - word];
    bits[0] = shift == 0 ? high : high << shift | low >> (64 - shift);
    bits[1] = shift == 0 ? low : low << shift | high >> (64 - shift);
}

struct ordering {
    const struct fnd_near *near;
    unsigned band;
};

static int place_order(const void *a, const void *b, void *context)
{
    const struct ordering *ordering = context;
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    uint64_t left[2], right[2];
    rotated(&ordering->near->list[x], ordering->band, left);
    rotated(&ordering->near->list[y], ordering->band, right);
    for (int i = 0; i < 2; i++) {
        if (left[i] != right[i]) {
            return left[i] < right[i] ? -1 : 1;
        }
    }
    return (x > y) - (x < y);
}

/** The first record of the group that `at` is of; the way there is made shorter. */
static uint32_t first_of(uint32_t *group, uint32_t at)
{
    while (group[at] != at) {
        group[at] = group[group[at]];
        at = group[at];
    }
    return at;
}

static void join(uint32_t *group, uint32_t a, uint32_t b)
{
    const uint32_t left = first_of(group, a), right = first_of(group, b);
    if (left < right) {
        group[right] = left;
    } else {
        group[left] = right;
    }
}

/** Bits set in both words. Written out, since not every processor of this kind has an instruction
 *  for it, and the compiler's own way is a call for each word. */
static unsigned bits_count(uint64_t a, uint64_t b)
{
    const uint64_t pairs = 0x5555555555555555, fours = 0x3333333333333333;
    const uint64_t bytes = 0x0f0f0f0f0f0f0f0f;
    a -= a >> 1 & pairs;
    b -= b >> 1 & pairs;
    a = (a & fours) + (a >> 2 & fours) + (b & fours) +
        (b >> 2 & fours); /* at most 8 in four bits */
    a = (a & bytes) + (a >> 4 & bytes);
    return (unsigned)(a * 0x0101010101010101 >> 56);
}

static bool are_near(const struct fnd_sketch *a, const struct fnd_sketch *b)
{
    return a->job != b->job &&
           bits_count(a->bits[0] ^ b->bits[0], a->bits[1] ^ b->bits[1]) <= BITS_MAX;
}

/** The bits of a band. */
static unsigned band_of(const struct fnd_sketch *sketch, unsigned band)
{
    return (unsigned)(sketch->bits[band * BAND_BITS / 64] >> (48 - band * BAND_BITS % 64)) & 0xffff;
}

static void band_search(struct fnd_near *near, unsigned band, uint32_t *order)
{
    struct ordering ordering = {near, band};
    qsort_r(order, near->count, sizeof *order, place_order, &ordering);
    for (size_t i = 0; i < near->count; i++) {
        const struct fnd_sketch *here = &near->list[order[i]];
        for (size_t k = i + 1; k < near->count && k <= i + WINDOW; k++) {
            const struct fnd_sketch *there = &near->list[order[k]];
            if (band_of(here, band) != band_of(there, band)) {
                break;
            }
            if (are_near(here, there)) {
                join(near->group, order[i], order[k]);
            }
        }
    }
}

/** Count what was found. `splits` has the splits of each group, a bit each, at its first record. */
static void groups_count(struct fnd_near *near, uint8_t *splits)
{
    for (size_t i = 0; i < near->count; i++) {
        const uint32_t first = near->group[i] = first_of(near->group, (uint32_t)i);
        const uint8_t here = (uint8_t)(1U << near->list[i].split);
        if (first != i) {
            const bool second = (splits[first] & 1U << 7) == 0;
            const uint8_t before = splits[first] & 0x7f;
            near->groups += second;
            near->records += second ? 2 : 1;
            splits[first] = (uint8_t)(before | here | 1U << 7);
            near->across += (before & (before - 1)) == 0 && before != here;
        } else {
            splits[i] = here;
        }
    }
}

void fnd_near_find(struct fnd_near *near)
{
    uint32_t *order = fnd_realloc(NULL, near->count + 1, sizeof *order);
    uint8_t *splits = fnd_alloc(near->count + 1);
    near->group = fnd_realloc(near->group, near->count + 1, sizeof *near->group);
    near->groups = near->records = near->across = 0;
    for (size_t i = 0; i < near->count; i++) {
        near->group[i] = order[i] = (uint32_t)i;
    }
    for (unsigned band = 0; band < BANDS; band++) {
        band_search(near, band, order);
    }
    groups_count(near, splits);
    free(order);
    free(splits);
}

/* --- told ---------------------------------------------------------------------------------- */

/** Call `each` for each record of each group, group by group: `first` is the group's. */
static void groups_walk(const struct fnd_near *near,
                        void (*each)(const struct fnd_sketch *first,
                                     const struct fnd_sketch *record, void *context),
                        void *context)
{
    /* The members of a group, linked behind its first. */
    uint32_t *next = fnd_realloc(NULL, near->count + 1, sizeof *next);
    uint32_t *last = fnd_realloc(NULL, near->count + 1, sizeof *last);
    for (size_t i = 0; i < near->count; i++) {
        next[i] = UINT32_MAX;
        last[i] = (uint32_t)i;
        if (near->group[i] != i) {
            next[last[near->group[i]]] = (uint32_t)i;
            last[near->group[i]] = (uint32_t)i;
        }
    }
    for (size_t i = 0; i < near->count; i++) {
        if (near->group[i] == i && next[i] != UINT32_MAX) {
            for (uint32_t at = (uint32_t)i; at != UINT32_MAX; at = next[at]) {
                each(&near->list[i], &near->list[at], context);
            }
        }
    }
    free(next);
    free(last);
}

struct telling {
    const struct fnd_plan *plan;
    const struct fnd_sketch *first, *told; /* the group, and whether it was told of already */
    size_t count;
};

static void across_tell(const struct fnd_sketch *first, const struct fnd_sketch *record,
                        void *context)
{
    struct telling *telling = context;
    struct fnd_text message = {0};
    if (record->split == first->split || telling->told == first ||
        telling->count >= GROUPS_TOLD_MAX) {
        return;
    }
    telling->told = first;
    telling->count++;
    fnd_text_printf(&message,
                    "its input (split %s) is nearly that of record %" PRIu64
                    " (split %s): what is learnt from one is measured with the other; leave one of "
                    "them out",
                    fnd_split_name((enum fnd_split)record->split), (uint64_t)first->number,
                    fnd_split_name((enum fnd_split)first->split));
    fnd_plan_note(telling->plan, (int64_t)record->number, true, fnd_text_z(&message));
    fnd_text_finish(&message);
}

void fnd_near_tell(const struct fnd_plan *plan, const struct fnd_near *near)
{
    struct telling telling = {.plan = plan};
    struct fnd_text message = {0};
    if (near->groups == 0) {
        return;
    }
    if (near->across > 0) {
        groups_walk(near, across_tell, &telling);
    }
    if (near->across > telling.count) {
        fnd_text_printf(&message,
                        "%zu more groups of near-duplicates stand on both sides of a "
                        "split; ",
                        near->across - telling.count);
    }
    fnd_text_printf(&message,
                    "%zu group%s of near-duplicates hold%s %zu records; the manifest lists them "
                    "under `near_duplicates`",
                    near->groups, near->groups == 1 ? "" : "s", near->groups == 1 ? "s" : "",
                    near->records);
    fnd_plan_note(plan, 0, true, fnd_text_z(&message));
    fnd_text_finish(&message);
}

struct listing {
    struct fnd_text *json;
    const struct fnd_sketch *first;
    size_t groups, records;
};

static void list_add(const struct fnd_sketch *first, const struct fnd_sketch *record, void *context)
{
    struct listing *listing = context;
    if (first != listing->first) {
        listing->groups++;
        listing->records = 0;
        listing->first = first;
    }
    if (listing->groups > GROUPS_LISTED_MAX || listing->records >= RECORDS_LISTED_MAX) {
        return;
    }
    if (listing->records++ == 0) {
        fnd_text_append_z(listing->json, listing->groups > 1 ? "],[" : "[");
    } else {
        fnd_text_append_byte(listing->json, ',');
    }
    fnd_text_printf(listing->json, "%" PRIu64, (uint64_t)record->number);
}

void fnd_near_manifest(const struct fnd_near *near, struct fnd_text *json)
{
    struct listing listing = {.json = json};
    if (near->groups == 0) {
        return;
    }
    fnd_text_printf(json,
                    ",\"near_duplicates\":{\"groups\":%zu,\"records\":%zu,\"across_splits\":%zu,"
                    "\"list\":[",
                    near->groups, near->records, near->across);
    groups_walk(near, list_add, &listing);
    fnd_text_append_z(json, "]]}");
}
