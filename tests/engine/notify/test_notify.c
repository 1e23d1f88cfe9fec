/* SPDX-License-Identifier: MIT */
/* Messages to a real HTTP server on loopback: signed, sent again until taken, once in the outbox
 * whoever is killed, and never to an address of the house unless that is declared. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../control/room.h"
#include "notify/notify.h"

enum { TAKEN_MAX = 16, WAIT_S_MAX = 60 };

/* A server that keeps what it is sent and answers with one status, or not at all. */
struct receiver {
    int listener;
    int port;
    pthread_t thread;
    pthread_mutex_t lock;
    int status; /* 0: say nothing and hold the connection */
    bool stop;
    char taken[TAKEN_MAX][4096]; /* whole requests */
    size_t count;
    int held[TAKEN_MAX];
    size_t held_count;
};

static bool whole(const char *request)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strstr(request, "Content-Length: ");
    return end != NULL && length != NULL && strlen(end + 4) >= strtoul(length + 16, NULL, 10);
}

static void serve_one(struct receiver *receiver, int fd)
{
    char request[4096] = "", reply[256];
    size_t size = 0;
    while (!whole(request) && size < sizeof request - 1) {
        ssize_t got = recv(fd, request + size, sizeof request - 1 - size, 0);
        if (got <= 0) {
            break;
        }
        size += (size_t)got;
        request[size] = '\0';
    }
    pthread_mutex_lock(&receiver->lock);
    const int status = receiver->status;
    if (receiver->count < TAKEN_MAX) {
        memcpy(receiver->taken[receiver->count++], request, sizeof request);
    }
    if (status == 0 && receiver->held_count < TAKEN_MAX) {
        receiver->held[receiver->held_count++] = fd;
    }
    pthread_mutex_unlock(&receiver->lock);
    if (status != 0) {
        snprintf(reply, sizeof reply,
                 "HTTP/1.1 %d X\r\nLocation: http://127.0.0.1:%d/again\r\n"
                 "Content-Length: 0\r\nConnection: close\r\n\r\n",
                 status, receiver->port);
        (void)!send(fd, reply, strlen(reply), MSG_NOSIGNAL);
        close(fd);
    }
}

static void *serve(void *context)
{
    struct receiver *receiver = context;
    for (;;) {
        struct pollfd ready = {receiver->listener, POLLIN, 0};
        poll(&ready, 1, 50);
        pthread_mutex_lock(&receiver->lock);
        bool stop = receiver->stop;
        pthread_mutex_unlock(&receiver->lock);
        if (stop) {
            return NULL;
        }
        int fd = (ready.revents & POLLIN) != 0 ? accept(receiver->listener, NULL, NULL) : -1;
        if (fd >= 0) {
            serve_one(receiver, fd);
        }
    }
}

static void receiver_begin(struct receiver *receiver, int status)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    memset(receiver, 0, sizeof *receiver);
    pthread_mutex_init(&receiver->lock, NULL);
    receiver->status = status;
    receiver->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(receiver->listener, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(receiver->listener, 16), 0);
    cr_assert_eq(getsockname(receiver->listener, (struct sockaddr *)&address, &size), 0);
    receiver->port = ntohs(address.sin_port);
    cr_assert_eq(pthread_create(&receiver->thread, NULL, serve, receiver), 0);
}

static void receiver_set(struct receiver *receiver, int status)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->status = status;
    pthread_mutex_unlock(&receiver->lock);
}

static size_t receiver_count(struct receiver *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    size_t count = receiver->count;
    pthread_mutex_unlock(&receiver->lock);
    return count;
}

static void receiver_end(struct receiver *receiver)
{
    pthread_mutex_lock(&receiver->lock);
    receiver->stop = true;
    pthread_mutex_unlock(&receiver->lock);
    pthread_join(receiver->thread, NULL);
    for (size_t i = 0; i < receiver->held_count; i++) {
        close(receiver->held[i]);
    }
    close(receiver->listener);
    pthread_mutex_destroy(&receiver->lock);
}

static void pipeline_make(struct room *room, int port, const char *options)
{
    struct fnd_text yaml = {0};
    fnd_text_printf(&yaml,
                    "foundry: v1\nname: cards\n"
                    "notify:\n  - url: http://127.0.0.1:%d/hook\n    on: [asked, completed]\n%s"
                    "phases:\n"
                    "  - {id: read, uses: steps/copy, with: {value: \"${input.doc}\"}}\n"
                    "  - id: review\n    uses: foundry/human\n    with:\n      of: read\n"
                    "      detectors: [{uses: detect/required, with: {fields: [/value/a]}}]\n",
                    port, options);
    memset(room, 0, sizeof *room);
    setenv("FOUNDRY_SECRET_HOOK", "s3cret", 1);
    desk_begin(&room->desk, FND_ISOLATION_INLINE, false);
    desk_pipeline(&room->desk, fnd_text_z(&yaml), NULL);
    desk_line(&room->desk, "a.jsonl", "{\"id\":\"x\",\"doc\":{\"a\":\"\"}}");
    fnd_text_finish(&yaml);
}
#define OPEN_HOUSE "    secret: ${secrets.HOOK}\n    allow_private: true\n"
#define X "a.jsonl#x"

struct counts {
    size_t waits, sent, dead;
    int32_t tries;
    char note[256];
    int64_t next_us; /* of the last */
};

static bool count_row(const struct fnd_outbox_row *row, void *context)
{
    struct counts *counts = context;
    counts->waits += row->state == FND_OUTBOX_WAITS;
    counts->sent += row->state == FND_OUTBOX_SENT;
    counts->dead += row->state == FND_OUTBOX_DEAD;
    counts->next_us = row->next_us;
    counts->tries = row->tries;
    snprintf(counts->note, sizeof counts->note, "%s", row->note);
    return true;
}

static struct counts outbox(struct room *room)
{
    struct counts counts = {0};
    cr_assert_eq(
        fnd_outbox_walk(fnd_engine_reader(room->desk.engine), -1, 0, 100, count_row, &counts, NULL),
        FND_OK);
    return counts;
}

/* Turn, the clock going on, until this many are sent, or tried that often. */
static void until(struct room *room, size_t sent, int32_t tries)
{
    const time_t begun = time(NULL);
    for (;;) {
        struct counts counts = outbox(room);
        if (counts.sent >= sent && counts.tries >= tries) {
            return;
        }
        cr_assert_lt(time(NULL) - begun, WAIT_S_MAX, "%zu sent, %d tries: %s", counts.sent,
                     (int)counts.tries, counts.note);
        room_advance(room, 1);
        struct pollfd nothing = {-1, 0, 0};
        poll(&nothing, 1, 5);
    }
}

/* A header's value, into `text`. */
static const char *header(const char *request, const char *name, char text[256])
{
    const char *at = strstr(request, name);
    cr_assert_not_null(at, "%s is not in: %s", name, request);
    snprintf(text, 256, "%.*s", (int)strcspn(at + strlen(name), "\r"), at + strlen(name));
    return text;
}

Test(notify, a_message_is_signed_and_says_what_happened)
{
    struct receiver receiver;
    struct room room;
    char signature[256], id[256], other[256], hex[FND_DIGEST_TEXT_SIZE], wanted[256];
    receiver_begin(&receiver, 200);
    pipeline_make(&room, receiver.port, OPEN_HOUSE);
    room_open(&room);
    until(&room, 1, 1);
    cr_assert_eq(receiver_count(&receiver), 1);
    const char *request = receiver.taken[0];
    const char *body = strstr(request, "\r\n\r\n") + 4;
    cr_expect_eq(strncmp(request, "POST /hook HTTP/1.1\r\n", 21), 0);
    cr_expect_not_null(strstr(body, "\"type\":\"asked\""), "%s", body);
    cr_expect_not_null(strstr(body, "\"path\":\"a.jsonl#x\""), "%s", body);
    cr_expect_not_null(strstr(body, "\"request\":"), "%s", body);
    cr_expect_null(strstr(body, "doc"), "no document leaves the house");
    header(request, "Foundry-Delivery: ", id);
    cr_expect_not_null(strstr(body, id));
    header(request, "Foundry-Signature: ", signature);
    struct fnd_text text = {0};
    uint8_t digest[FND_DIGEST_SIZE];
    fnd_text_printf(&text, "%.*s.%s", (int)strcspn(signature + 2, ","), signature + 2, body);
    fnd_hmac_sha256("s3cret", 6, text.bytes, text.size, digest);
    fnd_digest_text(digest, hex);
    snprintf(wanted, sizeof wanted, "v1=%s", hex);
    cr_expect_str_eq(strchr(signature, ',') + 1, wanted);
    fnd_text_finish(&text);
    cr_expect_eq(desk_set(&room.desk, X, "{\"/value/a\":\"A\"}"), FND_OK);
    until(&room, 2, 1);
    cr_expect_not_null(strstr(receiver.taken[1], "\"type\":\"completed\""));
    cr_expect_str_neq(header(receiver.taken[1], "Foundry-Delivery: ", other), id);
    room_end(&room);
    receiver_end(&receiver);
}

Test(notify, what_was_not_taken_is_sent_again_under_the_same_id_and_given_up_after_a_day)
{
    struct receiver receiver;
    struct room room;
    char first[256], second[256];
    receiver_begin(&receiver, 500);
    pipeline_make(&room, receiver.port, OPEN_HOUSE);
    room_open(&room);
    until(&room, 0, 2);
    cr_expect_str_eq(outbox(&room).note, "HTTP status 500");
    header(receiver.taken[0], "Foundry-Delivery: ", first);
    header(receiver.taken[1], "Foundry-Delivery: ", second);
    cr_expect_str_eq(first, second);
    receiver_set(&receiver, 302);
    until(&room, 0, 3);
    cr_expect_str_eq(outbox(&room).note, "HTTP status 302", "no redirect is followed");
    cr_expect_null(strstr(receiver.taken[receiver_count(&receiver) - 1], "/again"));
    fnd_env_seeded_advance(room.desk.env, INT64_C(25) * 3600 * 1000000);
    until(&room, 0, 4);
    cr_expect_eq(outbox(&room).dead, 1);
    size_t count = receiver_count(&receiver);
    for (int i = 0; i < 20; i++) {
        room_advance(&room, 3600);
    }
    cr_expect_eq(receiver_count(&receiver), count, "what is dead stays dead");
    room_end(&room);
    receiver_end(&receiver);
}

Test(notify, the_waits_between_attempts_double_give_or_take_a_quarter)
{
    struct receiver receiver;
    struct room room;
    double least = 2, most = 0;
    receiver_begin(&receiver, 500);
    pipeline_make(&room, receiver.port, OPEN_HOUSE);
    room_open(&room);
    for (int32_t tries = 1; tries <= 5; tries++) {
        until(&room, 0, tries);
        const int64_t now_us = room.desk.env->wall_us(room.desk.env);
        const double whole_us = FND_NOTIFY_FIRST_MS * 1e3 * (1 << (tries - 1));
        const double share = (double)(outbox(&room).next_us - now_us) / whole_us;
        cr_expect(share >= 0.74 && share <= 1.26, "attempt %d waits %.3f of %.0f s", (int)tries,
                  share, whole_us / 1e6);
        least = share < least ? share : least;
        most = share > most ? share : most;
    }
    cr_expect_gt(most - least, 0.02, "each draws its own: %.3f to %.3f", least, most);
    room_end(&room);
    receiver_end(&receiver);
}

Test(notify, an_address_of_the_house_is_refused_unless_declared)
{
    struct receiver receiver;
    struct room room;
    receiver_begin(&receiver, 200);
    pipeline_make(&room, receiver.port, "    secret: ${secrets.HOOK}\n");
    room_open(&room);
    until(&room, 0, 1);
    cr_expect_eq(outbox(&room).waits, 1);
    cr_expect_not_null(strstr(outbox(&room).note, "private network"), "%s", outbox(&room).note);
    cr_expect_eq(receiver_count(&receiver), 0, "nobody even connected");
    room_end(&room);
    receiver_end(&receiver);
}

Test(notify, a_receiver_that_hangs_stops_nobody)
{
    struct receiver receiver;
    struct room room;
    receiver_begin(&receiver, 0);
    pipeline_make(&room, receiver.port, OPEN_HOUSE);
    room_open(&room);
    const time_t begun = time(NULL);
    while (receiver_count(&receiver) == 0) {
        cr_assert_lt(time(NULL) - begun, WAIT_S_MAX);
        room_advance(&room, 1);
    }
    cr_expect_eq(desk_set(&room.desk, X, "{\"/value/a\":\"A\"}"), FND_OK);
    cr_expect_eq(desk_state(&room.desk, X), FND_COMPLETED);
    cr_expect_eq(outbox(&room).sent, 0);
    room_end(&room);
    receiver_end(&receiver);
}

Test(notify, a_kill_between_event_and_delivery_loses_and_doubles_nothing)
{
    struct receiver receiver;
    struct room room;
    int ends[2];
    char byte = 'r';
    receiver_begin(&receiver, 200);
    pipeline_make(&room, receiver.port, OPEN_HOUSE);
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0) {
        desk_run(&room.desk); /* without control nothing is sent */
        if (write(ends[1], &byte, 1) != 1) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    close(ends[1]);
    cr_assert_eq(read(ends[0], &byte, 1), 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(ends[0]);
    cr_expect_eq(receiver_count(&receiver), 0);
    room_open(&room);
    until(&room, 1, 1);
    room_close(&room);
    room_open(&room);
    for (int i = 0; i < 20; i++) {
        room_advance(&room, 3600);
    }
    cr_expect_eq(receiver_count(&receiver), 1);
    cr_expect_eq(outbox(&room).sent, 1);
    room_end(&room);
    receiver_end(&receiver);
}

Test(notify, which_addresses_are_of_the_house)
{
    static const char *const closed4[] = {
        "127.0.0.1",   "10.1.2.3", "172.16.0.1", "172.31.9.9", "192.168.1.1",
        "169.254.1.1", "0.0.0.0",  "100.64.0.1", "224.0.0.1",  "255.255.255.255"};
    static const char *const open4[] = {"1.1.1.1",   "172.15.0.1", "172.32.0.1",
                                        "193.0.0.1", "100.63.0.1", "223.255.255.255"};
    static const char *const closed6[] = {
        "::1",           "::",          "fc00::1",          "fd12::1",
        "fe80::1",       "ff02::1",     "::ffff:127.0.0.1", "64:ff9b::10.0.0.1",
        "2002:7f00:1::", "2001:db8::1", "2001::1"};
    static const char *const open6[] = {"2606:4700::1111", "::ffff:1.1.1.1", "2001:4860::8888"};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    for (size_t i = 0; i < sizeof closed4 / sizeof closed4[0]; i++) {
        cr_assert_eq(inet_pton(AF_INET, closed4[i], &v4.sin_addr), 1);
        cr_expect_not(fnd_address_public(&v4), "%s", closed4[i]);
    }
    for (size_t i = 0; i < sizeof open4 / sizeof open4[0]; i++) {
        cr_assert_eq(inet_pton(AF_INET, open4[i], &v4.sin_addr), 1);
        cr_expect(fnd_address_public(&v4), "%s", open4[i]);
    }
    for (size_t i = 0; i < sizeof closed6 / sizeof closed6[0]; i++) {
        cr_assert_eq(inet_pton(AF_INET6, closed6[i], &v6.sin6_addr), 1);
        cr_expect_not(fnd_address_public(&v6), "%s", closed6[i]);
    }
    for (size_t i = 0; i < sizeof open6 / sizeof open6[0]; i++) {
        cr_assert_eq(inet_pton(AF_INET6, open6[i], &v6.sin6_addr), 1);
        cr_expect(fnd_address_public(&v6), "%s", open6[i]);
    }
}
