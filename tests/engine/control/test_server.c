/* SPDX-License-Identifier: MIT */
/* The protocol from its rough side: no engine is attached, so that only hello is answered. */
#define _GNU_SOURCE /* O_PATH */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control.h"

enum { TURNS = 400, SECOND_US = 1000000, PATH_SIZE = 4096 };

static const char hello[] = "{\"op\":\"hello\"}\n";

/* A folder with a server in it, whose clock stands still until it is moved. */
struct place {
    char path[PATH_SIZE];
    int folder;
    struct fnd_env *env;
    struct fnd_control *control;
};

static void place_make(struct place *place, const char *below)
{
    char folder[PATH_SIZE + 16];
    snprintf(place->path, sizeof place->path, "/tmp/foundry-control.XXXXXX");
    cr_assert_not_null(mkdtemp(place->path));
    if (below != NULL) {
        strcat(place->path, "/");
        strcat(place->path, below);
        cr_assert_eq(mkdir(place->path, 0700), 0);
    }
    snprintf(folder, sizeof folder, "%s/.foundry", place->path);
    cr_assert_eq(mkdir(folder, 0700), 0);
    place->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_geq(place->folder, 0);
    place->env = fnd_env_seeded_create(1, SECOND_US);
    place->control = fnd_control_create(place->env, NULL);
    struct fnd_error error = {0};
    cr_assert_eq(fnd_control_listen(place->control, place->folder, &error), FND_OK, "%s",
                 error.message);
}

static void place_finish(struct place *place)
{
    char command[PATH_SIZE + 32];
    fnd_control_destroy(place->control);
    fnd_env_seeded_destroy(place->env);
    close(place->folder);
    /* The first folder below /tmp is ours. */
    char *slash = strchr(place->path + 5, '/');
    if (slash != NULL) {
        *slash = '\0';
    }
    snprintf(command, sizeof command, "rm -rf '%s'", place->path);
    cr_assert_eq(system(command), 0);
}

static int dial(const struct place *place)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/engine.sock",
             place->folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0, "%s",
                 strerror(errno));
    return fd;
}

/* Send what the socket takes, with turns of the server between. */
static size_t tell(const struct place *place, int fd, const char *bytes, size_t size)
{
    size_t at = 0;
    for (int turn = 0; turn < TURNS && at < size; turn++) {
        ssize_t sent = send(fd, bytes + at, size - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        at += sent > 0 ? (size_t)sent : 0;
        fnd_control_turn(place->control);
    }
    fnd_control_turn(place->control); /* one accepts, the next reads */
    return at;
}

/* A whole line of the reply without its end, "" at the end of the connection, NULL if none comes.
 */
static const char *hear(const struct place *place, int fd, char *line, size_t capacity)
{
    size_t size = 0;
    for (int turn = 0; turn < TURNS; turn++) {
        char byte;
        ssize_t got;
        while ((got = recv(fd, &byte, 1, MSG_DONTWAIT)) == 1) {
            if (byte == '\n') {
                line[size] = '\0';
                return line;
            }
            line[size++] = byte;
            cr_assert_lt(size, capacity);
        }
        if (got == 0 || (got < 0 && errno == ECONNRESET)) {
            line[0] = '\0';
            return line;
        }
        fnd_control_turn(place->control);
    }
    return NULL;
}

static void expect_line(const struct place *place, int fd, const char *part, const char *why)
{
    char line[1024];
    const char *heard = hear(place, fd, line, sizeof line);
    cr_expect_not_null(heard, "%s: no reply", why);
    cr_expect(heard != NULL && strstr(heard, part) != NULL, "%s: %s lacks %s", why, line, part);
}

static void expect_end(const struct place *place, int fd, const char *why)
{
    char line[1024];
    const char *heard = hear(place, fd, line, sizeof line);
    cr_expect(heard != NULL && heard[0] == '\0', "%s: the connection is still there", why);
}

Test(server, says_hello_with_pid_and_protocol)
{
    struct place place = {0};
    char part[64];
    place_make(&place, NULL);
    int fd = dial(&place);
    tell(&place, fd, hello, strlen(hello));
    snprintf(part, sizeof part, "\"status\":\"ok\",\"pid\":%ld,\"protocol\":1", (long)getpid());
    expect_line(&place, fd, part, "hello");
    close(fd);
    place_finish(&place);
}

Test(server, answers_garbage_and_goes_on_with_the_same_client)
{
    static const struct {
        const char *bytes;
        size_t size; /* 0: up to NUL */
        const char *reply;
    } cases[] = {
        {"\n", 0, "\"status\":\"invalid\""},
        {"hello\n", 0, "the request is no JSON"},
        {"{\"op\":\"hello\"\n", 0, "the request is no JSON"},
        {"{\"op\":\"hello\"}{\n", 0, "the request is no JSON"},
        {"{\"op\":\"hello\",\"op\":\"run\"}\n", 0, "duplicate"},
        {"\0\0\0\n", 4, "\"status\":\"invalid\""},
        {"\xff\xfe\n", 0, "\"status\":\"invalid\""},
        {"[]\n", 0, "retry, rules.revoke, run, submit, train"},
        {"null\n", 0, "retry, rules.revoke, run, submit, train"},
        {"{}\n", 0, "retry, rules.revoke, run, submit, train"},
        {"{\"op\":7}\n", 0, "retry, rules.revoke, run, submit, train"},
        {"{\"op\":\"format\"}\n", 0, "retry, rules.revoke, run, submit, train"},
        {"{\"op\":\"run\"}\n", 0, "not ready"},
        {"{\"op\":\"answer\"}\n", 0, "not ready"},
    };
    struct place place = {0};
    place_make(&place, NULL);
    int fd = dial(&place);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = cases[i].size > 0 ? cases[i].size : strlen(cases[i].bytes);
        tell(&place, fd, cases[i].bytes, size);
        expect_line(&place, fd, cases[i].reply, cases[i].bytes);
    }
    tell(&place, fd, hello, strlen(hello));
    expect_line(&place, fd, "\"status\":\"ok\"", "hello behind garbage");
    close(fd);
    place_finish(&place);
}

Test(server, takes_requests_in_pieces_and_several_at_once)
{
    struct place place = {0};
    place_make(&place, NULL);
    int fd = dial(&place);
    for (size_t i = 0; i < strlen(hello); i++) {
        tell(&place, fd, hello + i, 1);
    }
    expect_line(&place, fd, "\"status\":\"ok\"", "byte by byte");
    char three[64];
    snprintf(three, sizeof three, "%s%s%s", hello, hello, hello);
    tell(&place, fd, three, strlen(three));
    for (int i = 0; i < 3; i++) {
        expect_line(&place, fd, "\"status\":\"ok\"", "three at once");
    }
    close(fd);
    place_finish(&place);
}

Test(server, refuses_a_request_without_end)
{
    struct place place = {0};
    place_make(&place, NULL);
    int fd = dial(&place);
    size_t size = (size_t)FND_CONTROL_LINE_SIZE_MAX + 1000;
    char *bytes = malloc(size);
    cr_assert_not_null(bytes);
    memset(bytes, 'x', size);
    tell(&place, fd, bytes, size);
    expect_line(&place, fd, "\"status\":\"limit\"", "oversize");
    expect_end(&place, fd, "oversize");
    free(bytes);
    close(fd);
    place_finish(&place);
}

Test(server, gives_a_slow_client_ten_seconds_and_serves_the_others_meanwhile)
{
    struct place place = {0};
    place_make(&place, NULL);
    int slow = dial(&place), quick = dial(&place);
    tell(&place, slow, "{\"op\":", 6);
    cr_expect_gt(fnd_control_wait_us(place.control), 0);
    cr_expect_leq(fnd_control_wait_us(place.control), (int64_t)FND_CONTROL_LINE_MS * 1000);
    tell(&place, quick, hello, strlen(hello));
    expect_line(&place, quick, "\"status\":\"ok\"", "beside a slow one");
    fnd_env_seeded_advance(place.env, (int64_t)FND_CONTROL_LINE_MS * 1000 - 1);
    tell(&place, quick, hello, strlen(hello));
    expect_line(&place, quick, "\"status\":\"ok\"", "just before");
    fnd_env_seeded_advance(place.env, 1);
    expect_line(&place, slow, "\"status\":\"limit\"", "slow");
    expect_end(&place, slow, "slow");
    cr_expect_eq(fnd_control_wait_us(place.control), -1);
    tell(&place, quick, hello, strlen(hello));
    expect_line(&place, quick, "\"status\":\"ok\"", "after a slow one");
    close(slow);
    close(quick);
    place_finish(&place);
}

Test(server, lets_go_of_a_client_that_does_not_read)
{
    struct place place = {0};
    place_make(&place, NULL);
    int deaf = dial(&place), other = dial(&place);
    for (int i = 0; i < 20000; i++) { /* until neither side takes any more */
        if (send(deaf, hello, strlen(hello), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            fnd_control_turn(place.control);
        }
    }
    cr_expect_gt(fnd_control_wait_us(place.control), 0, "it waits for the client");
    fnd_env_seeded_advance(place.env, (int64_t)FND_CONTROL_SEND_MS * 1000);
    fnd_control_turn(place.control);
    fnd_control_turn(place.control);
    cr_expect_eq(fnd_control_wait_us(place.control), -1, "and no longer than that");
    tell(&place, other, hello, strlen(hello));
    expect_line(&place, other, "\"status\":\"ok\"", "beside a deaf one");
    close(deaf);
    close(other);
    place_finish(&place);
}

Test(server, replies_to_a_client_that_has_closed_its_writing_side)
{
    struct place place = {0};
    place_make(&place, NULL);
    int fd = dial(&place);
    cr_assert_eq(send(fd, hello, strlen(hello), MSG_NOSIGNAL), (ssize_t)strlen(hello));
    cr_assert_eq(shutdown(fd, SHUT_WR), 0);
    expect_line(&place, fd, "\"status\":\"ok\"", "half closed");
    expect_end(&place, fd, "half closed");
    close(fd);
    place_finish(&place);
}

Test(server, sends_clients_beyond_its_number_away)
{
    struct place place = {0};
    int fds[FND_CONTROL_CLIENTS_MAX];
    place_make(&place, NULL);
    for (size_t i = 0; i < FND_CONTROL_CLIENTS_MAX; i++) {
        fds[i] = dial(&place);
        fnd_control_turn(place.control);
    }
    int late = dial(&place);
    expect_line(&place, late, "\"status\":\"again\"", "one too many");
    close(late);
    close(fds[0]);
    for (int i = 0; i < 3; i++) {
        fnd_control_turn(place.control);
    }
    late = dial(&place);
    tell(&place, late, hello, strlen(hello));
    expect_line(&place, late, "\"status\":\"ok\"", "there is room again");
    close(late);
    for (size_t i = 1; i < FND_CONTROL_CLIENTS_MAX; i++) {
        close(fds[i]);
    }
    place_finish(&place);
}

Test(server, replaces_the_socket_of_a_dead_engine_and_keeps_others_out)
{
    struct place place = {0};
    struct stat about;
    place_make(&place, NULL);
    struct fnd_control *second = fnd_control_create(place.env, NULL);
    struct fnd_error error = {0};
    cr_expect_eq(fnd_control_listen(second, place.folder, &error), FND_OK, "%s", error.message);
    cr_assert_eq(fstatat(place.folder, "engine.sock", &about, AT_SYMLINK_NOFOLLOW), 0);
    cr_expect(S_ISSOCK(about.st_mode));
    cr_expect_eq(about.st_mode & 0777, 0600u);
    fnd_control_destroy(second);
    cr_expect_eq(fstatat(place.folder, "engine.sock", &about, AT_SYMLINK_NOFOLLOW), -1);
    place_finish(&place);
}

Test(server, stops_without_leaving_a_reply_behind)
{
    struct place place = {0};
    place_make(&place, NULL);
    int fd = dial(&place);
    tell(&place, fd, hello, strlen(hello));
    expect_line(&place, fd, "\"status\":\"ok\"", "hello");
    fnd_control_stop(place.control);
    cr_expect(fnd_control_stopped(place.control));
    tell(&place, fd, hello, strlen(hello));
    expect_line(&place, fd, "\"status\":\"again\"", "after the stop");
    close(fd);
    struct fnd_peer *peer = NULL;
    struct fnd_error error = {0};
    cr_expect_eq(fnd_peer_connect(place.path, &peer, &error), FND_NOT_FOUND);
    place_finish(&place);
}

struct driver {
    struct fnd_control *control;
    atomic_bool stop;
};

static void *drive(void *context)
{
    struct driver *driver = context;
    while (!atomic_load(&driver->stop)) {
        fnd_control_turn(driver->control);
    }
    return NULL;
}

Test(server, is_reached_below_a_path_that_no_socket_address_could_hold)
{
    struct place place = {0};
    char below[181];
    memset(below, 'd', sizeof below - 1);
    below[sizeof below - 1] = '\0';
    place_make(&place, below);
    struct driver driver = {.control = place.control};
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, drive, &driver), 0);
    struct fnd_peer *peer = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_peer_connect(place.path, &peer, &error), FND_OK, "%s", error.message);
    cr_expect_eq(fnd_peer_pid(peer), (int)getpid());
    static const char flight[] = "{\"op\":\"flight\"}";
    struct fnd_json line = {0};
    cr_assert_eq(fnd_peer_send(peer, flight, strlen(flight), &error), FND_OK);
    while (line.bytes == NULL) {
        fnd_peer_wait(peer, 1000);
        cr_assert_eq(fnd_peer_line(peer, &line, &error), FND_OK, "%s", error.message);
    }
    cr_expect(fnd_json_text_is(fnd_json_member(line, "status"), "busy"));
    atomic_store(&driver.stop, true);
    pthread_join(thread, NULL);
    fnd_control_stop(place.control);
    fnd_peer_close(peer);
    place_finish(&place);
}

Test(server, is_not_there_in_a_folder_without_one)
{
    static const char *const paths[] = {"/nonexistent", "/tmp", "/dev/null"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct fnd_peer *peer = NULL;
        struct fnd_error error = {0};
        cr_expect_neq(fnd_peer_connect(paths[i], &peer, &error), FND_OK, "%s", paths[i]);
        cr_expect_null(peer);
        cr_expect(error.message[0] != '\0');
    }
}
