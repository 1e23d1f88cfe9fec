/* SPDX-License-Identifier: MIT */
/* http_load PORT CONNECTIONS SECONDS FILE [RATE]: sends the requests of FILE over connections that
 * are kept open and says how many a second and how long they took. FILE: each request behind a line
 * with its size. SECONDS 0: each request once.
 *
 * Without RATE each connection sends the next as soon as its reply is there: what the server can
 * carry at most. With RATE so many a second are sent whatever has come back (an open loop): a
 * request whose moment comes while all connections are busy waits, and its wait counts, so that a
 * server that stands still for a moment cannot hide it. */
#define _GNU_SOURCE /* ppoll */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_SIZE = 256 << 10, CONNECTIONS_MAX = 1024, REQUESTS_MAX = 1 << 20 };

struct connection {
    int fd;
    bool busy;
    double since;
    size_t size;
    char *buffer;
};

struct load {
    char **requests;
    size_t *sizes, count, next;
    double *took;
    size_t done, room, good;
    bool once;
    double rate; /* 0: as fast as replies come */
    double begin, seconds;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static bool read_requests(struct load *load, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[32];
    load->requests = calloc(REQUESTS_MAX, sizeof *load->requests);
    load->sizes = calloc(REQUESTS_MAX, sizeof *load->sizes);
    if (file == NULL || load->requests == NULL || load->sizes == NULL) {
        return false;
    }
    while (load->count < REQUESTS_MAX && fgets(line, sizeof line, file) != NULL) {
        size_t size = strtoul(line, NULL, 10);
        char *request = malloc(size + 1);
        if (request == NULL || fread(request, 1, size, file) != size) {
            free(request);
            break;
        }
        load->requests[load->count] = request;
        load->sizes[load->count++] = size;
    }
    fclose(file);
    return load->count > 0;
}

/* When the next request is due, in an open loop. */
static double next_due(const struct load *load)
{
    return load->begin + (double)load->next / load->rate;
}

static bool is_over(const struct load *load)
{
    if (load->once) {
        return load->next == load->count;
    }
    return load->rate > 0 ? next_due(load) - load->begin >= load->seconds
                          : now() - load->begin >= load->seconds;
}

static bool send_next(struct load *load, struct connection *connection)
{
    if (is_over(load) || (load->rate > 0 && next_due(load) > now())) {
        return false;
    }
    connection->since = load->rate > 0 ? next_due(load) : now();
    size_t index = load->next++ % load->count;
    connection->size = 0;
    connection->busy = true;
    return send(connection->fd, load->requests[index], load->sizes[index], MSG_NOSIGNAL) ==
           (ssize_t)load->sizes[index];
}

/* Whether the reply is whole. */
static bool whole(const struct connection *connection)
{
    connection->buffer[connection->size] = '\0';
    const char *end = strstr(connection->buffer, "\r\n\r\n");
    const char *length = strstr(connection->buffer, "Content-Length: ");
    size_t body = length != NULL ? strtoul(length + 16, NULL, 10) : 0;
    return end != NULL && connection->size >= (size_t)(end - connection->buffer) + 4 + body;
}

static void note(struct load *load, const struct connection *connection)
{
    if (load->done == load->room) {
        load->room = load->room == 0 ? 4096 : load->room * 2;
        load->took = realloc(load->took, load->room * sizeof *load->took);
        if (load->took == NULL) {
            abort();
        }
    }
    load->took[load->done++] = now() - connection->since;
    load->good += connection->buffer[9] == '2';
}

static int by_size(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return first < second ? -1 : first > second;
}

static bool open_connection(struct connection *connection, unsigned short port, int epoll)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int on = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    connection->buffer = malloc(BUFFER_SIZE + 1);
    if (connection->fd < 0 || connection->buffer == NULL ||
        connect(connection->fd, (const struct sockaddr *)(const void *)&address, sizeof address) !=
            0) {
        perror("connect");
        return false;
    }
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event) == 0;
}

/* Sleep until a reply or the next moment to send; false: nothing came for ten seconds. */
static bool wait_for(const struct load *load, int epoll, bool idle)
{
    double left = 10;
    if (load->rate > 0 && idle && !is_over(load)) {
        left = next_due(load) - now();
        left = left < 0 ? 0 : left;
    }
    struct timespec most = {.tv_sec = (time_t)left,
                            .tv_nsec = (long)((left - (double)(time_t)left) * 1e9)};
    struct pollfd wait = {.fd = epoll, .events = POLLIN};
    return ppoll(&wait, 1, &most, NULL) > 0 || left < 10;
}

static bool take(struct load *load, struct connection *connection)
{
    ssize_t got = recv(connection->fd, connection->buffer + connection->size,
                       BUFFER_SIZE - connection->size, 0);
    if (got <= 0) {
        fprintf(stderr, "a connection ended\n");
        return false;
    }
    connection->size += (size_t)got;
    if (whole(connection)) {
        note(load, connection);
        connection->busy = false;
    }
    return true;
}

static size_t send_all(struct load *load, struct connection *connections, size_t count)
{
    size_t busy = 0;
    for (size_t i = 0; i < count; i++) {
        busy += connections[i].busy || send_next(load, &connections[i]);
    }
    return busy;
}

static int run(struct load *load, unsigned short port, size_t count)
{
    struct connection connections[CONNECTIONS_MAX] = {{0}};
    int epoll = epoll_create1(0);
    for (size_t i = 0; i < count; i++) {
        if (!open_connection(&connections[i], port, epoll)) {
            return 1;
        }
    }
    load->begin = now();
    size_t busy = send_all(load, connections, count);
    while ((busy > 0 || !is_over(load)) && wait_for(load, epoll, busy < count)) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll, events, 64, 0);
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!take(load, connection)) {
                return 1;
            }
            if (!connection->busy) {
                send_next(load, connection);
            }
        }
        busy = send_all(load, connections, count);
    }
    double took = now() - load->begin;
    qsort(load->took, load->done, sizeof *load->took, by_size);
    printf("{\"replies\":%zu,\"good\":%zu,\"per_second\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,"
           "\"max_ms\":%.2f}\n",
           load->done, load->good, (double)load->done / took, load->took[load->done / 2] * 1000,
           load->took[load->done * 99 / 100] * 1000, load->took[load->done - 1] * 1000);
    return load->done > 0 && load->good == load->done ? 0 : 1;
}

int main(int count, char **argv)
{
    struct load load = {0};
    if (count < 5 || count > 6 || !read_requests(&load, argv[4])) {
        fprintf(stderr, "usage: http_load PORT CONNECTIONS SECONDS FILE [RATE]\n");
        return 2;
    }
    size_t connections = strtoul(argv[2], NULL, 10);
    load.seconds = strtod(argv[3], NULL);
    load.once = strcmp(argv[3], "0") == 0;
    load.rate = count == 6 ? strtod(argv[5], NULL) : 0;
    if (connections == 0 || connections > CONNECTIONS_MAX) {
        connections = 1;
    }
    return run(&load, (unsigned short)strtoul(argv[1], NULL, 10), connections);
}
