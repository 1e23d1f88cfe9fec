/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <sodium.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"

/* FIPS 180-4's examples, and lengths around a block's end. */
static const struct {
    const char *bytes;
    size_t repeat;
    const char *digest;
} sha_cases[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

static struct fnd_text repeated(const char *bytes, size_t repeat)
{
    struct fnd_text text = {0};
    for (size_t i = 0; i < repeat; i++) {
        fnd_text_append_z(&text, bytes);
    }
    return text;
}

static void expect_digest(const uint8_t digest[FND_DIGEST_SIZE], const char *expected)
{
    char text[FND_DIGEST_TEXT_SIZE];
    fnd_digest_text(digest, text);
    cr_expect_str_eq(text, expected);
}

TestSuite(digest, .init = fnd_digest_setup);

Test(digest, setup_can_be_called_again)
{
    fnd_digest_setup();
    fnd_digest_setup();
    uint8_t digest[FND_DIGEST_SIZE];
    fnd_sha256(NULL, 0, digest);
    expect_digest(digest, sha_cases[0].digest);
}

Test(digest, sha256_gives_the_published_values)
{
    for (size_t i = 0; i < sizeof sha_cases / sizeof sha_cases[0]; i++) {
        struct fnd_text text = repeated(sha_cases[i].bytes, sha_cases[i].repeat);
        uint8_t digest[FND_DIGEST_SIZE];
        fnd_sha256(fnd_text_z(&text), text.size, digest);
        expect_digest(digest, sha_cases[i].digest);
        fnd_text_finish(&text);
    }
}

/* Whole blocks may go through other code than libsodium's: every length, from odd addresses, in two
 * pieces cut anywhere. */
Test(digest, sha256_is_that_of_libsodium_for_every_length_and_cut)
{
    enum { LONGEST = 400 };
    uint8_t bytes[LONGEST + 8], expected[FND_DIGEST_SIZE], found[FND_DIGEST_SIZE];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 131 + i / 7);
    }
    for (size_t size = 0; size <= LONGEST; size++) {
        const uint8_t *from = bytes + size % 8;
        crypto_hash_sha256(expected, from, size);
        fnd_sha256(from, size, found);
        cr_assert_arr_eq(found, expected, sizeof found, "%zu bytes at once", size);
        for (size_t cut = size % 13; cut <= size; cut += 13) {
            struct fnd_sha256 hash;
            fnd_sha256_begin(&hash);
            fnd_sha256_add(&hash, from, cut);
            fnd_sha256_add(&hash, from + cut, size - cut);
            fnd_sha256_end(&hash, found);
            cr_assert_arr_eq(found, expected, sizeof found, "%zu bytes cut at %zu", size, cut);
        }
    }
}

/* Two at once, of any two lengths: also where one ends blocks before the other. */
Test(digest, sha256_of_two_is_that_of_each)
{
    enum { LONGEST = 330 };
    uint8_t a[LONGEST + 8], b[LONGEST + 8], expected[LONGEST + 1][2][FND_DIGEST_SIZE];
    for (size_t i = 0; i < sizeof a; i++) {
        a[i] = (uint8_t)(i * 131 + i / 7);
        b[i] = (uint8_t)(i * 29 + 3);
    }
    for (size_t size = 0; size <= LONGEST; size++) {
        crypto_hash_sha256(expected[size][0], a + size % 8, size);
        crypto_hash_sha256(expected[size][1], b + size % 5, size);
    }
    for (size_t left = 0; left <= LONGEST; left++) {
        for (size_t right = left % 3; right <= LONGEST; right += 3) {
            uint8_t found[2][FND_DIGEST_SIZE];
            fnd_sha256_two(a + left % 8, left, found[0], b + right % 5, right, found[1]);
            cr_assert_arr_eq(found[0], expected[left][0], FND_DIGEST_SIZE, "%zu beside %zu", left,
                             right);
            cr_assert_arr_eq(found[1], expected[right][1], FND_DIGEST_SIZE, "%zu behind %zu", right,
                             left);
        }
    }
}

Test(digest, sha256_in_pieces_is_the_same)
{
    struct fnd_text text = repeated("0123456789abcdef", 40);
    uint8_t whole[FND_DIGEST_SIZE], pieces[FND_DIGEST_SIZE];
    fnd_sha256(text.bytes, text.size, whole);
    for (size_t piece = 1; piece < text.size; piece += 7) {
        struct fnd_sha256 hash;
        fnd_sha256_begin(&hash);
        fnd_sha256_add(&hash, NULL, 0);
        for (size_t at = 0; at < text.size; at += piece) {
            size_t left = text.size - at;
            fnd_sha256_add(&hash, text.bytes + at, left < piece ? left : piece);
        }
        fnd_sha256_end(&hash, pieces);
        cr_expect_eq(memcmp(whole, pieces, sizeof whole), 0, "pieces of %zu", piece);
    }
    fnd_text_finish(&text);
}

Test(digest, a_file_is_hashed_from_its_start)
{
    char path[] = "/tmp/foundry-digest-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(unlink(path), 0);
    struct fnd_text text = repeated("a", 1000000);
    cr_assert_eq(fnd_write_all(fd, text.bytes, text.size), 0);
    for (size_t i = 0; i < 2; i++) { /* each time from the start, wherever the offset stands */
        uint8_t digest[FND_DIGEST_SIZE];
        uint64_t size = 0;
        cr_expect_eq(fnd_sha256_fd(fd, digest, i == 0 ? &size : NULL), 0);
        cr_expect_eq(size, i == 0 ? 1000000u : 0u);
        expect_digest(digest, sha_cases[3].digest);
    }
    fnd_text_finish(&text);
    close(fd);
}

Test(digest, a_descriptor_that_cannot_be_read_gives_its_errno)
{
    uint8_t digest[FND_DIGEST_SIZE];
    int ends[2];
    cr_expect_eq(fnd_sha256_fd(-1, digest, NULL), EBADF);
    cr_assert_eq(pipe(ends), 0);
    cr_expect_eq(fnd_sha256_fd(ends[0], digest, NULL), ESPIPE);
    close(ends[0]);
    close(ends[1]);
    int folder = open("/tmp", O_RDONLY | O_DIRECTORY);
    cr_expect_eq(fnd_sha256_fd(folder, digest, NULL), EISDIR);
    close(folder);
}

Test(digest, blake2b_gives_the_values_of_another_implementation)
{
    uint8_t key[64], digest[FND_DIGEST_SIZE];
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)i;
    }
    fnd_blake2b(NULL, 0, "abc", 3, NULL, 0, digest);
    expect_digest(digest, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    fnd_blake2b(NULL, 0, NULL, 0, NULL, 0, digest);
    expect_digest(digest, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    fnd_blake2b(key, 32, "abc", 3, NULL, 0, digest);
    expect_digest(digest, "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
    fnd_blake2b(key, 64, "abc", 3, NULL, 0, digest);
    expect_digest(digest, "dff38c978666dff5631db35ca15535520d134f5c8060ea569c6a178ad393719f");
    fnd_blake2b(key, 16, "abc", 3, NULL, 0, digest);
    expect_digest(digest, "3fd8fd31501cdbe942607b204368e3dc4ebce5744de1a955a6025f5c9848bb20");
}

/* The blocks are our own code: every length, from odd addresses, under keys of several sizes, in
 * two pieces cut around each block's end. */
Test(digest, blake2b_is_that_of_libsodium_for_every_length_and_cut)
{
    enum { LONGEST = 700 };
    static const size_t key_sizes[] = {0, 16, 32, 48, 64};
    uint8_t bytes[LONGEST + 8], key[64], expected[FND_DIGEST_SIZE], found[FND_DIGEST_SIZE];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 131 + i / 7);
    }
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (uint8_t)(255 - i);
    }
    for (size_t size = 0; size <= LONGEST; size++) {
        const uint8_t *from = bytes + size % 8;
        const size_t key_size = key_sizes[size % 5];
        const uint8_t *under = key_size > 0 ? key : NULL;
        crypto_generichash(expected, sizeof expected, from, size, under, key_size);
        fnd_blake2b(under, key_size, from, size, NULL, 0, found);
        cr_assert_arr_eq(found, expected, sizeof found, "%zu bytes at once", size);
        for (size_t cut = 0; cut <= size; cut++) {
            if ((cut + 1) % 128 > 2 && cut != size) {
                continue;
            }
            fnd_blake2b(under, key_size, from, cut, from + cut, size - cut, found);
            cr_assert_arr_eq(found, expected, sizeof found, "%zu bytes cut at %zu", size, cut);
        }
    }
}

/* Texts of all lengths beside each other, each cut somewhere, with keys and without: as alone. */
Test(digest, blake2b_of_many_is_that_of_each)
{
    enum { LONGEST = 1500, MOST = 11 };
    static const size_t key_sizes[] = {40, 0, 16, 64};
    static const size_t edges[] = {0, 1, 127, 128, 129, 255, 256, 257, 1280};
    uint8_t bytes[LONGEST + 8], key[64];
    uint32_t seed = 11;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 31 + i / 9);
    }
    memcpy(key, bytes + 77, sizeof key);
    for (size_t round = 0; round < 6000; round++) {
        struct fnd_blake2b_text texts[MOST];
        const size_t count = round % (MOST + 1);
        for (size_t k = 0; k < count; k++) {
            seed = seed * 1664525 + 1013904223;
            const size_t drawn = seed >> 8, edge = edges[drawn % 9];
            const size_t size = round % 3 == 0 ? edge : drawn / 16 % (LONGEST + 1);
            const size_t cut = drawn % 5 < 2 ? size : edge < size ? edge : drawn % (size + 1);
            const uint8_t *from = bytes + drawn % 8;
            texts[k] = (struct fnd_blake2b_text){
                .key_size = key_sizes[drawn % 4],
                .parts = {from, cut < size ? from + cut : NULL},
                .sizes = {cut, size - cut},
            };
            texts[k].key = texts[k].key_size > 0 ? key : NULL;
        }
        fnd_blake2b_many(texts, count);
        for (size_t k = 0; k < count; k++) {
            uint8_t alone[FND_DIGEST_SIZE];
            crypto_generichash(alone, sizeof alone, texts[k].parts[0],
                               texts[k].sizes[0] + texts[k].sizes[1], texts[k].key,
                               texts[k].key_size);
            cr_assert_arr_eq(texts[k].digest, alone, sizeof alone,
                             "round %zu: text %zu of %zu, %zu bytes and %zu", round, k, count,
                             texts[k].sizes[0], texts[k].sizes[1]);
        }
    }
}

Test(digest, blake2b_covers_both_pieces_in_sequence)
{
    static const uint8_t key[FND_KEY_SIZE] = {1};
    uint8_t whole[FND_DIGEST_SIZE], split[FND_DIGEST_SIZE], other[FND_DIGEST_SIZE];
    static const char bytes[] = "abcdef";
    fnd_blake2b(key, sizeof key, bytes, 6, NULL, 0, whole);
    for (size_t at = 0; at <= 6; at++) {
        fnd_blake2b(key, sizeof key, bytes, at, bytes + at, 6 - at, split);
        cr_expect_eq(memcmp(whole, split, sizeof whole), 0, "split at %zu", at);
    }
    fnd_blake2b(key, sizeof key, "def", 3, "abc", 3, other);
    cr_expect_neq(memcmp(whole, other, sizeof whole), 0);
    fnd_blake2b(NULL, 0, "abcdef", 6, NULL, 0, other);
    cr_expect_neq(memcmp(whole, other, sizeof whole), 0, "the key matters");
}

Test(digest, a_key_that_is_too_short_is_a_broken_invariant, .signal = SIGABRT)
{
    static const uint8_t key[15] = {1};
    uint8_t digest[FND_DIGEST_SIZE];
    fnd_blake2b(key, sizeof key, "a", 1, NULL, 0, digest);
}
