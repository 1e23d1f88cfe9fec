/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memfd_create, seals */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "worker/channel.h"
#include "worker/pool.h"

static void pair(struct fnd_channel *a, struct fnd_channel *b)
{
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    fnd_channel_init(a, fds[0], false);
    fnd_channel_init(b, fds[1], false);
}

/** Pump until b holds the next frame. */
static void carry(struct fnd_channel *a, struct fnd_channel *b, struct fnd_frame *frame)
{
    struct fnd_error error = {0};
    enum fnd_channel_state state;
    while ((state = fnd_channel_next(b, frame, &error)) == FND_CHANNEL_IDLE) {
        cr_assert_neq(fnd_channel_flush(a), FND_CHANNEL_BROKEN);
        cr_assert_eq(fnd_channel_read(b, &error), FND_CHANNEL_MORE, "%s", error.message);
    }
    cr_assert_eq(state, FND_CHANNEL_MORE, "%s", error.message);
}

Test(channel, frames_arrive_in_order_whatever_their_size)
{
    static const size_t sizes[] = {0,      1,       15,      16, 17, 1000,   65536, 131072,
                                   131073, 1 << 20, 5 << 20, 0,  3,  300000, 100};
    enum { COUNT = sizeof sizes / sizeof sizes[0] };
    struct fnd_channel a, b;
    pair(&a, &b);
    char *bytes = malloc(5 << 20);
    for (size_t i = 0; i < 5 << 20; i++) {
        bytes[i] = (char)(i * 31 >> 3);
    }
    for (size_t i = 0; i < COUNT; i++) {
        fnd_text_append(fnd_channel_begin(&a, FND_FRAME_CALL, i + 1), bytes, sizes[i]);
        cr_assert_eq(fnd_channel_end(&a, NULL, 0, NULL), FND_OK);
    }
    for (size_t i = 0; i < COUNT; i++) {
        struct fnd_frame frame;
        carry(&a, &b, &frame);
        cr_assert_eq(frame.type, FND_FRAME_CALL);
        cr_assert_eq(frame.id, i + 1);
        cr_assert_eq(frame.size, sizes[i]);
        cr_assert_eq(frame.fds_count, 0);
        cr_assert(frame.size == 0 || memcmp(frame.payload, bytes, frame.size) == 0);
        fnd_frame_finish(&frame);
    }
    free(bytes);
    fnd_channel_finish(&a);
    fnd_channel_finish(&b);
}

Test(channel, descriptors_stay_with_their_frames)
{
    struct fnd_channel a, b;
    pair(&a, &b);
    enum { FRAMES = 60 };
    for (size_t i = 0; i < FRAMES; i++) {
        int fds[3];
        const size_t count = i % 4 == 3 ? 0 : i % 4;
        for (size_t f = 0; f < count; f++) {
            int ends[2];
            cr_assert_eq(pipe(ends), 0);
            const char name[2] = {(char)i, (char)f};
            cr_assert_eq(fnd_write_all(ends[1], name, 2), 0);
            (void)close(ends[1]);
            fds[f] = ends[0];
        }
        struct fnd_text *out = fnd_channel_begin(&a, FND_FRAME_CALL, i);
        for (size_t n = 0; n < i * 7000; n++) { /* some go by memory, which is a descriptor, too */
            fnd_text_append_byte(out, (char)n);
        }
        cr_assert_eq(fnd_channel_end(&a, fds, count, NULL), FND_OK);
    }
    for (size_t i = 0; i < FRAMES; i++) {
        struct fnd_frame frame;
        carry(&a, &b, &frame);
        cr_assert_eq(frame.id, i);
        cr_assert_eq(frame.size, i * 7000);
        cr_assert_eq(frame.fds_count, i % 4 == 3 ? 0 : i % 4);
        for (size_t f = 0; f < frame.fds_count; f++) {
            char name[2];
            cr_assert_eq(read(frame.fds[f], name, 2), 2);
            cr_assert_eq(name[0], (char)i);
            cr_assert_eq(name[1], (char)f);
            cr_assert_neq(fcntl(frame.fds[f], F_GETFD) & FD_CLOEXEC, 0);
        }
        fnd_frame_finish(&frame);
    }
    fnd_channel_finish(&a);
    fnd_channel_finish(&b);
}

Test(channel, a_header_that_cannot_be_is_refused)
{
    static const struct {
        unsigned char bytes[FND_FRAME_HEADER_SIZE];
        const char *says;
    } cases[] = {
        {{1, 0, 0, 1, FND_FRAME_LOG}, "header"},         /* 16 MiB + 1 */
        {{0, 0, 0, 0xff, FND_FRAME_LOG}, "header"},      /* 4 GiB */
        {{0, 0, 0, 0, 0}, "header"},                     /* no type */
        {{0, 0, 0, 0, FND_FRAME_LAST + 1}, "header"},    /* unknown type */
        {{0, 0, 0, 0, FND_FRAME_LOG, 2}, "header"},      /* unknown flag */
        {{0, 0, 0, 0, FND_FRAME_LOG, 0, 251}, "header"}, /* too many descriptors */
        {{0, 0, 0, 0, FND_FRAME_LOG, 0, 1}, "did not come"},
        {{0, 0, 0, 0, FND_FRAME_LOG, 1, 0}, "big frame"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_channel a, b;
        struct fnd_frame frame;
        struct fnd_error error = {0};
        pair(&a, &b);
        cr_assert_eq(fnd_write_all(a.fd, cases[i].bytes, sizeof cases[i].bytes), 0);
        cr_assert_eq(fnd_channel_read(&b, &error), FND_CHANNEL_MORE);
        cr_assert_eq(fnd_channel_next(&b, &frame, &error), FND_CHANNEL_BROKEN, "case %zu", i);
        cr_assert_not_null(strstr(error.message, cases[i].says), "case %zu: %s", i, error.message);
        fnd_channel_finish(&a);
        fnd_channel_finish(&b);
    }
}

/** Memory that a big frame must not be read from: the other side could change it, cut it off, or
 *  never had it. */
Test(channel, a_big_frame_in_memory_that_is_not_what_it_must_be_is_refused)
{
    enum { SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE };
    static const struct {
        bool memory;
        int seals;
        unsigned char size; /* that it says */
        const char *says;
    } cases[] = {{true, SEALS, 0, "no memory or a false size"},
                 {true, SEALS, 6, "not sealed"},
                 {true, F_SEAL_SHRINK | F_SEAL_GROW, 5, "not sealed"},
                 {true, 0, 5, "not sealed"},
                 {false, 0, 5, "not sealed"},
                 {true, SEALS, 5, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_channel a, b;
        struct fnd_frame frame;
        struct fnd_error error = {0};
        const unsigned char size[8] = {cases[i].size};
        pair(&a, &b);
        const int fd = cases[i].memory ? memfd_create("frame", MFD_CLOEXEC | MFD_ALLOW_SEALING)
                                       : open("/dev/zero", O_RDONLY | O_CLOEXEC);
        cr_assert_geq(fd, 0);
        cr_assert(!cases[i].memory || fnd_write_all(fd, "12345", 5) == 0);
        cr_assert(cases[i].seals == 0 || fcntl(fd, F_ADD_SEALS, cases[i].seals) == 0);
        fnd_text_append(fnd_channel_begin(&a, FND_FRAME_RESULT, 1), (const char *)size,
                        sizeof size);
        cr_assert_eq(fnd_channel_end(&a, &fd, 1, NULL), FND_OK);
        a.out.bytes[5] = 1; /* its payload lies in the memory */
        cr_assert_eq(fnd_channel_flush(&a), FND_CHANNEL_IDLE);
        cr_assert_eq(fnd_channel_read(&b, &error), FND_CHANNEL_MORE);
        const enum fnd_channel_state state = fnd_channel_next(&b, &frame, &error);
        if (cases[i].says != NULL) {
            cr_expect_eq(state, FND_CHANNEL_BROKEN, "case %zu", i);
            cr_expect_not_null(strstr(error.message, cases[i].says), "case %zu: %s", i,
                               error.message);
        } else {
            cr_expect_eq(state, FND_CHANNEL_MORE, "%s", error.message);
            cr_expect(frame.size == 5 && memcmp(frame.payload, "12345", 5) == 0);
            fnd_frame_finish(&frame);
        }
        fnd_channel_finish(&a);
        fnd_channel_finish(&b);
    }
}

Test(channel, a_frame_cut_at_any_byte_is_no_frame)
{
    struct fnd_text whole = {0};
    struct fnd_channel a, b;
    pair(&a, &b);
    fnd_text_append_z(fnd_channel_begin(&a, FND_FRAME_LOG, 7), "I line\n");
    cr_assert_eq(fnd_channel_end(&a, NULL, 0, NULL), FND_OK);
    fnd_text_append(&whole, a.out.bytes, a.out.size);
    for (size_t size = 0; size < whole.size; size++) {
        struct fnd_channel x, y;
        struct fnd_frame frame;
        pair(&x, &y);
        cr_assert_eq(fnd_write_all(x.fd, whole.bytes, size), 0);
        cr_assert_eq(shutdown(x.fd, SHUT_WR), 0);
        enum fnd_channel_state state = FND_CHANNEL_MORE;
        while (state == FND_CHANNEL_MORE) {
            state = fnd_channel_read(&y, NULL);
            cr_assert_eq(fnd_channel_next(&y, &frame, NULL), FND_CHANNEL_IDLE, "%zu bytes", size);
        }
        cr_assert_eq(state, FND_CHANNEL_END);
        fnd_channel_finish(&x);
        fnd_channel_finish(&y);
    }
    fnd_text_finish(&whole);
    fnd_channel_finish(&a);
    fnd_channel_finish(&b);
}

Test(channel, what_does_not_fit_is_kept_until_there_is_room)
{
    struct fnd_channel a, b;
    pair(&a, &b);
    enum { COUNT = 40, SIZE = 60000 };
    char *bytes = calloc(1, SIZE);
    for (size_t i = 0; i < COUNT; i++) {
        fnd_text_append(fnd_channel_begin(&a, FND_FRAME_CALL, i), bytes, SIZE);
        cr_assert_eq(fnd_channel_end(&a, NULL, 0, NULL), FND_OK);
    }
    cr_assert_eq(fnd_channel_flush(&a), FND_CHANNEL_MORE, "the socket took it all");
    cr_assert_gt(fnd_channel_waiting(&a), 0);
    for (size_t i = 0; i < COUNT; i++) {
        struct fnd_frame frame;
        carry(&a, &b, &frame);
        cr_assert_eq(frame.id, i);
        fnd_frame_finish(&frame);
    }
    cr_assert_eq(fnd_channel_waiting(&a), 0);
    free(bytes);
    fnd_channel_finish(&a);
    fnd_channel_finish(&b);
}

Test(channel, the_other_side_gone_is_an_end_and_a_broken_flush)
{
    struct fnd_channel a, b;
    pair(&a, &b);
    fnd_channel_finish(&b);
    cr_assert_eq(fnd_channel_read(&a, NULL), FND_CHANNEL_END);
    (void)fnd_channel_begin(&a, FND_FRAME_READY, 0);
    cr_assert_eq(fnd_channel_end(&a, NULL, 0, NULL), FND_OK);
    cr_assert_eq(fnd_channel_flush(&a), FND_CHANNEL_BROKEN);
    fnd_channel_finish(&a);
}

Test(channel, more_descriptors_than_a_message_carries_are_refused_and_closed)
{
    struct fnd_channel a, b;
    pair(&a, &b);
    int fds[FND_FRAME_FDS_MAX];
    for (size_t i = 0; i < FND_FRAME_FDS_MAX; i++) {
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        cr_assert_geq(fds[i], 0);
    }
    struct fnd_error error = {0};
    (void)fnd_channel_begin(&a, FND_FRAME_CALL, 1);
    cr_assert_eq(fnd_channel_end(&a, fds, FND_FRAME_FDS_MAX, &error), FND_LIMIT);
    cr_assert_not_null(strstr(error.message, "249 artifacts"), "%s", error.message);
    cr_assert_eq(fnd_channel_waiting(&a), 0);
    cr_assert_lt(fcntl(fds[0], F_GETFD), 0);
    fnd_channel_finish(&a);
    fnd_channel_finish(&b);
}

Test(channel, a_worker_cannot_fill_the_engines_table_of_descriptors)
{
    struct fnd_channel worker, engine;
    struct fnd_error error = {0};
    int fds[9];
    pair(&worker, &engine);
    for (size_t i = 0; i < 9; i++) {
        fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        cr_assert_geq(fds[i], 0);
    }
    (void)fnd_channel_begin(&worker, FND_FRAME_LOG, 1);
    cr_assert_eq(fnd_channel_end(&worker, fds, 9, NULL), FND_OK);
    cr_assert_eq(fnd_channel_flush(&worker), FND_CHANNEL_IDLE);
    cr_assert_eq(fnd_channel_read(&engine, &error), FND_CHANNEL_BROKEN);
    cr_assert_not_null(strstr(error.message, "descriptors"), "%s", error.message);
    fnd_channel_finish(&worker);
    fnd_channel_finish(&engine);
}

Test(channel, what_is_no_socket_is_told_and_a_reset_is_an_end)
{
    struct fnd_channel channel, a, b;
    struct fnd_error error = {0};
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    fnd_channel_init(&channel, ends[0], false);
    cr_expect_eq(fnd_channel_read(&channel, &error), FND_CHANNEL_BROKEN);
    cr_expect_not_null(strstr(error.message, "cannot read the channel"), "%s", error.message);
    fnd_channel_finish(&channel);
    (void)close(ends[1]);
    pair(&a, &b);
    fnd_text_append_z(fnd_channel_begin(&a, FND_FRAME_LOG, 1), "never read");
    cr_assert_eq(fnd_channel_end(&a, NULL, 0, NULL), FND_OK);
    cr_assert_eq(fnd_channel_flush(&a), FND_CHANNEL_IDLE);
    fnd_channel_finish(&b); /* with bytes unread: the other side is reset */
    cr_expect_eq(fnd_channel_read(&a, &error), FND_CHANNEL_END);
    fnd_text_append_z(fnd_channel_begin(&a, FND_FRAME_LOG, 2), "to nobody");
    cr_assert_eq(fnd_channel_end(&a, NULL, 0, NULL), FND_OK);
    cr_expect_eq(fnd_channel_flush(&a), FND_CHANNEL_BROKEN);
    fnd_channel_finish(&a);
}

Test(channel, a_frame_that_was_never_sent_keeps_no_descriptors)
{
    struct fnd_channel a, b;
    pair(&a, &b);
    const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), fds[] = {fd};
    (void)fnd_channel_begin(&a, FND_FRAME_CALL, 1);
    cr_assert_eq(fnd_channel_end(&a, fds, 1, NULL), FND_OK);
    fnd_channel_finish(&a);
    cr_expect_lt(fcntl(fd, F_GETFD), 0, "it was the channel's, and goes with it");
    fnd_channel_finish(&b);
}
