/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* be64toh */
#include "dataset/near.h"

#include <endian.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#if defined(__x86_64__) && defined(__GLIBC__)
#include <immintrin.h>
#include <sys/platform/x86.h>
#define KNOWS_X86
#endif

#include "dataset/redact.h"

enum {
    BINS = 128,
    PIECE = 8,       /* bytes */
    AT_ONCE = 8,     /* pieces */
    CHUNK = 1024,    /* bytes of a text that are made alike at once */
    SHORT_SIZE = 24, /* bytes of a text that is compared as a whole */
    BITS_MAX = 12,   /* that differ between neighbours */
    BANDS = 8,       /* orders in which neighbours are looked for */
    BAND_BITS = 16,
    BAND_VALUES = 1 << BAND_BITS,
    WINDOW = 32,    /* records behind one that it is compared with, in each order */
    STRETCH = 1024, /* records of an order whose sketches are laid side by side at once */
    GROUPS_LISTED_MAX = 1000,
    RECORDS_LISTED_MAX = 100, /* of a group */
    THREAD_MIN = 4096,        /* records; fewer are not worth a thread */
    GROUPS_TOLD_MAX = 20
};

/** What a class without a piece has: the hash of one piece in 2^64, which counts as none. */
static const uint64_t NONE = UINT64_MAX;

void fnd_near_finish(struct fnd_near *near)
{
    fnd_near_wait(near);
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

/** A text as it is compared, some of it at a time. */
struct reading {
    const char *at, *end;
    bool blank;                            /* the last byte was one */
    unsigned char text[PIECE - 1 + CHUNK]; /* the end of the last part, and this one */
};

#ifdef __SSE2__
/** Sixteen bytes at once, as long as no white space follows another: then as many come out. */
static size_t runs_read(struct reading *reading, const char *end, size_t size)
{
    const __m128i before_a = _mm_set1_epi8('A' - 1), behind_z = _mm_set1_epi8('Z' + 1);
    const __m128i before_tab = _mm_set1_epi8('\t' - 1), behind_return = _mm_set1_epi8('\r' + 1);
    const __m128i space = _mm_set1_epi8(' '); /* also what tells small letters from capitals */
    for (; end - reading->at >= 16; reading->at += 16, size += 16) {
        const __m128i bytes = _mm_loadu_si128((const void *)reading->at);
        const __m128i capital =
            _mm_and_si128(_mm_cmpgt_epi8(bytes, before_a), _mm_cmplt_epi8(bytes, behind_z));
        const __m128i white = _mm_or_si128(
            _mm_cmpeq_epi8(bytes, space),
            _mm_and_si128(_mm_cmpgt_epi8(bytes, before_tab), _mm_cmplt_epi8(bytes, behind_return)));
        const unsigned whites = (unsigned)_mm_movemask_epi8(white);
        if ((whites & (whites << 1 | reading->blank)) != 0) {
            break;
        }
        const __m128i small = _mm_or_si128(bytes, _mm_and_si128(capital, space));
        _mm_storeu_si128((void *)(reading->text + size),
                         _mm_or_si128(_mm_andnot_si128(white, small), _mm_and_si128(white, space)));
        reading->blank = (whites >> 15) != 0;
    }
    return size;
}
#endif

/** Letters made small and white space one blank, behind `from` bytes of the text. Returns how many
 *  there are then. */
static size_t part_read(struct reading *reading, size_t from)
{
    size_t size = from;
    const char *end = reading->end - reading->at > CHUNK ? reading->at + CHUNK : reading->end;
    while (reading->at < end) {
#ifdef __SSE2__
        size = runs_read(reading, end, size);
#endif
        const char *stop = end - reading->at > 16 ? reading->at + 16 : end;
        for (; reading->at < stop; reading->at++) {
            const unsigned char byte = (unsigned char)*reading->at;
            const bool space = byte == ' ' || (byte >= '\t' && byte <= '\r');
            const unsigned char small = byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
            reading->text[size] = space ? ' ' : small;
            size += !space || !reading->blank;
            reading->blank = space;
        }
    }
    return size;
}

/** Classes without a piece take the least hash of the next that has one, told apart by how far away
 *  it is. */
static void bins_fill(uint64_t bins[BINS])
{
    uint64_t found[BINS];
    memcpy(found, bins, sizeof found);
    for (unsigned i = 0; i < BINS; i++) {
        unsigned distance = 0;
        while (distance < BINS && found[(i + distance) % BINS] == NONE) {
            distance++;
        }
        if (distance > 0) {
            bins[i] = mix(found[(i + distance) % BINS] + distance);
        }
    }
}

static uint64_t piece_hash(const unsigned char *text)
{
    uint64_t piece;
    memcpy(&piece, text, sizeof piece);
    return mix(be64toh(piece));
}

/** Eight hashes, each to its class. */
static inline void hashes_add(const uint64_t hashes[AT_ONCE], uint64_t bins[BINS])
{
    for (size_t k = 0; k < AT_ONCE; k++) {
        uint64_t *bin = &bins[hashes[k] % BINS];
        *bin = hashes[k] < *bin ? hashes[k] : *bin;
    }
}

#ifdef KNOWS_X86
/** Eight pieces at once, from the start on. Returns how many were added. */
__attribute__((target("avx512f,avx512bw,avx512dq"))) static size_t
eights_add(const unsigned char *text, size_t size, uint64_t bins[BINS])
{
    /* Each half of a quarter takes the eight bytes from its own number on, the first on top. */
    const __m512i windows = _mm512_set_epi64(
        0x0708090a0b0c0d0e, 0x060708090a0b0c0d, 0x05060708090a0b0c, 0x0405060708090a0b,
        0x030405060708090a, 0x0203040506070809, 0x0102030405060708, 0x0001020304050607);
    const __m512i first = _mm512_set1_epi64((int64_t)0xff51afd7ed558ccd);
    const __m512i second = _mm512_set1_epi64((int64_t)0xc4ceb9fe1a85ec53);
    size_t i = 0;
    for (; i + 16 <= size; i += AT_ONCE) {
        uint64_t hashes[AT_ONCE];
        const __m128i bytes = _mm_loadu_si128((const void *)(text + i));
        __m512i value = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(bytes), windows);
        value = _mm512_xor_si512(value, _mm512_srli_epi64(value, 33)); /* mix() */
        value = _mm512_mullo_epi64(value, first);
        value = _mm512_xor_si512(value, _mm512_srli_epi64(value, 33));
        value = _mm512_mullo_epi64(value, second);
        value = _mm512_xor_si512(value, _mm512_srli_epi64(value, 33));
        _mm512_storeu_si512(hashes, value);
        hashes_add(hashes, bins);
    }
    return i;
}
#endif

/** The least hash of each class of pieces. */
static void pieces_add(const unsigned char *text, size_t size, uint64_t bins[BINS])
{
    size_t i = 0;
#ifdef KNOWS_X86
    if (CPU_FEATURE_ACTIVE(AVX512F) && CPU_FEATURE_ACTIVE(AVX512BW) &&
        CPU_FEATURE_ACTIVE(AVX512DQ)) {
        i = eights_add(text, size, bins);
    }
#endif
    for (; i + PIECE + AT_ONCE - 1 <= size; i += AT_ONCE) { /* none waits for another's bin */
        uint64_t hashes[AT_ONCE];
        for (size_t k = 0; k < AT_ONCE; k++) {
            hashes[k] = piece_hash(text + i + k);
        }
        hashes_add(hashes, bins);
    }
    for (; i + PIECE <= size; i++) {
        const uint64_t hash = piece_hash(text + i);
        uint64_t *bin = &bins[hash % BINS];
        *bin = hash < *bin ? hash : *bin;
    }
}

void fnd_near_sketch(const char *bytes, size_t size, uint64_t bits[2])
{
    struct reading reading;
    uint64_t bins[BINS], whole = 0;
    size_t count = 0, held = 0;
    reading.at = bytes;
    reading.end = bytes + size;
    reading.blank = true;
    memset(bins, 0xff, sizeof bins); /* NONE */
    while (reading.at < reading.end) {
        const size_t there = part_read(&reading, held);
        for (size_t i = held; i < there && count + i - held < SHORT_SIZE; i++) {
            whole = mix(whole ^ reading.text[i]);
        }
        count += there - held;
        pieces_add(reading.text, there, bins);
        held = there < PIECE - 1 ? there : PIECE - 1;
        memmove(reading.text, reading.text + there - held, held);
    }
    if (count < SHORT_SIZE) {
        bits[0] = mix(whole + count);
        bits[1] = mix(bits[0] + 1);
        return;
    }
    bins_fill(bins);
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
    if (datum->redact == NULL) {
        sketch->job = datum->job & 0x3fffff;
    } else { /* by the path as it is told: jobs whose paths were made alike count as one */
        fnd_text_append(&text, datum->pipeline, strlen(datum->pipeline) + 1);
        fnd_text_append_z(&text, datum->path);
        fnd_blake2b(NULL, 0, text.bytes, text.size, NULL, 0, digest);
        sketch->job = (digest[0] | (unsigned)digest[1] << 8 | (unsigned)digest[2] << 16) & 0x3fffff;
    }
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

/** The first record of the group that `at` is of; the way there is made shorter. */
static uint32_t first_of(uint32_t *group, uint32_t at)
{
    while (group[at] != at) {
        group[at] = group[group[at]];
        at = group[at];
    }
    return at;
}

/** Make one group of the two that `a` and `b` are of. Returns its first record. */
static uint32_t join(uint32_t *group, uint32_t a, uint32_t b)
{
    const uint32_t left = first_of(group, a), right = first_of(group, b);
    const uint32_t first = left < right ? left : right;
    group[left] = group[right] = group[a] = group[b] = first;
    return first;
}

/** The bits of a band. */
static unsigned band_of(const struct fnd_sketch *sketch, unsigned band)
{
    return (unsigned)(sketch->bits[band * BAND_BITS / 64] >> (48 - band * BAND_BITS % 64)) & 0xffff;
}

/** Records in the order of a band: by its bits, then by those of the bands behind it, around to the
 *  first, then as they came. */
struct ordering {
    uint32_t *order, *before; /* indexes */
    uint32_t *starts;         /* of those with each value of a band's bits */
};

/** Lay the records into order by the bits of a band; those with the same bits stay as they lie. */
static void band_order(const struct fnd_near *near, unsigned band, struct ordering *ordering)
{
    uint32_t *const before = ordering->order, *const order = ordering->before;
    uint32_t *const starts = ordering->starts;
    uint32_t sum = 0;
    memset(starts, 0, BAND_VALUES * sizeof *starts);
    for (size_t i = 0; i < near->count; i++) {
        starts[band_of(&near->list[i], band)]++;
    }
    for (size_t i = 0; i < BAND_VALUES; i++) {
        const uint32_t count = starts[i];
        starts[i] = sum;
        sum += count;
    }
    for (size_t i = 0; i < near->count; i++) {
        order[starts[band_of(&near->list[before[i]], band)]++] = before[i];
    }
    ordering->order = order;
    ordering->before = before;
}

/** Records that follow each other in an order, side by side: where they lie, each is as far from
 *  the next as memory is wide, and is compared with 64 others. */
struct stretch {
    uint64_t left[STRETCH + WINDOW], right[STRETCH + WINDOW]; /* sketches */
    uint32_t group[STRETCH + WINDOW];                         /* the first record of each's */
    uint8_t behind[STRETCH + WINDOW]; /* how many behind each it is compared with */
    size_t count;
};

/** Which of those behind the record at `at` differ from it in few bits and are not of its group
 * yet: bit 0 is the next one. */
typedef uint32_t near_behind(const struct stretch *stretch, size_t at);

/** Bits set in both words. Written out, since the compiler's own way is a call for each word where
 *  it may not count on the processor's. */
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

static uint32_t near_behind_plain(const struct stretch *stretch, size_t at)
{
    uint32_t found = 0;
    for (size_t i = 0; i < stretch->behind[at]; i++) {
        const size_t there = at + 1 + i;
        const unsigned bits = bits_count(stretch->left[at] ^ stretch->left[there],
                                         stretch->right[at] ^ stretch->right[there]);
        const bool other = stretch->group[at] != stretch->group[there];
        found |= (uint32_t)((bits <= BITS_MAX) & other) << i;
    }
    return found;
}

#ifdef KNOWS_X86
__attribute__((target("popcnt"))) static uint32_t near_behind_popcnt(const struct stretch *stretch,
                                                                     size_t at)
{
    uint32_t found = 0;
    for (size_t i = 0; i < stretch->behind[at]; i++) {
        const size_t there = at + 1 + i;
        const int bits = __builtin_popcountll(stretch->left[at] ^ stretch->left[there]) +
                         __builtin_popcountll(stretch->right[at] ^ stretch->right[there]);
        const bool other = stretch->group[at] != stretch->group[there];
        found |= (uint32_t)((bits <= BITS_MAX) & other) << i;
    }
    return found;
}
#endif

static near_behind *near_behind_choose(void)
{
#ifdef KNOWS_X86
    if (CPU_FEATURE_ACTIVE(POPCNT)) {
        return near_behind_popcnt;
    }
#endif
    return near_behind_plain;
}

/** Lay those at `order` side by side. Each is compared with those behind it that have its bits of
 *  the band, and with none if all of them are of its group already. */
static void stretch_fill(struct fnd_near *near, unsigned band, const uint32_t *order,
                         struct stretch *stretch)
{
    const uint64_t *words = band < BANDS / 2 ? stretch->left : stretch->right;
    const uint64_t mask = (uint64_t)(BAND_VALUES - 1) << (48 - band * BAND_BITS % 64);
    uint8_t alike = 0, joined = 0; /* behind one: with its bits, of its group */
    for (size_t i = 0; i < stretch->count; i++) {
        stretch->left[i] = near->list[order[i]].bits[0];
        stretch->right[i] = near->list[order[i]].bits[1];
        stretch->group[i] = first_of(near->group, order[i]);
    }
    stretch->behind[stretch->count - 1] = 0;
    for (size_t i = stretch->count - 1; i-- > 0;) {
        if (((words[i] ^ words[i + 1]) & mask) != 0) {
            alike = 0;
        } else if (alike < WINDOW) {
            alike++;
        }
        if (stretch->group[i] != stretch->group[i + 1]) {
            joined = 0;
        } else if (joined < WINDOW) {
            joined++;
        }
        stretch->behind[i] = joined >= alike ? 0 : alike;
    }
}

static void band_search(struct fnd_near *near, unsigned band, const uint32_t *order)
{
    near_behind *const compare = near_behind_choose();
    struct stretch stretch;
    for (size_t begin = 0; begin < near->count; begin += STRETCH) {
        const uint32_t *const here = order + begin;
        const size_t rest = near->count - begin;
        stretch.count = rest < STRETCH + WINDOW ? rest : STRETCH + WINDOW;
        stretch_fill(near, band, here, &stretch);
        for (size_t i = 0; i < rest && i < STRETCH; i++) {
            for (uint32_t found = compare(&stretch, i); found != 0; found &= found - 1) {
                const size_t k = i + 1 + (size_t)__builtin_ctz(found);
                if (near->list[here[i]].job != near->list[here[k]].job) {
                    stretch.group[i] = stretch.group[k] = join(near->group, here[i], here[k]);
                }
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

/** All that a search takes, before a thread is begun for it: there it would come on top of what was
 *  let go of here. */
static void room_make(struct fnd_near *near)
{
    near->group = fnd_realloc(near->group, near->count + 1, sizeof *near->group);
    near->room = fnd_realloc(near->room, 2 * (near->count + 1) + BAND_VALUES, sizeof *near->room);
}

static void room_free(struct fnd_near *near)
{
    free(near->room);
    near->room = NULL;
}

static void look(struct fnd_near *near)
{
    struct ordering ordering = {.order = near->room,
                                .before = near->room + near->count + 1,
                                .starts = near->room + 2 * (near->count + 1)};
    near->groups = near->records = near->across = 0;
    for (size_t i = 0; i < near->count; i++) {
        near->group[i] = ordering.order[i] = (uint32_t)i;
    }
    /* Each laying keeps the order before it among equals: by bands 6, 5 … 0 gives the order of band
     * 0 but for band 7. Then by 7 gives that of band 7, by 6 that of band 6, behind whose bits come
     * those of 7, and so on: one laying a band, and nothing is compared. */
    for (unsigned band = BANDS - 1; band > 0; band--) {
        band_order(near, band - 1, &ordering);
    }
    for (unsigned band = BANDS; band > 0; band--) {
        band_order(near, band - 1, &ordering);
        band_search(near, band - 1, ordering.order);
    }
    memset(near->room, 0, near->count + 1);
    groups_count(near, (uint8_t *)near->room);
}

void fnd_near_find(struct fnd_near *near)
{
    room_make(near);
    look(near);
    room_free(near);
}

static void *thread_run(void *context)
{
    look(context);
    return NULL;
}

void fnd_near_begin(struct fnd_near *near)
{
    sigset_t all, before;
    room_make(near);
    if (near->count >= THREAD_MIN) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for who began */
        near->looks = pthread_create(&near->thread, NULL, thread_run, near) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (!near->looks) {
        look(near);
        room_free(near);
    }
}

void fnd_near_wait(struct fnd_near *near)
{
    if (near->looks) {
        pthread_join(near->thread, NULL);
        room_free(near);
    }
    near->looks = false;
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
