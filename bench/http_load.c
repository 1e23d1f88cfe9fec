/* SPDX-License-Identifier: MIT */
/* http_load PORT CONNECTIONS SECONDS FILE: sends the requests of FILE over connections that are
 * kept open, each the next as soon as its reply is there, and says how many a second and how long
 * they took. FILE: each request behind a line with its size. SECONDS 0: each request once. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

static bool send_next(struct load *load, struct connection *connection)
{
    if (load->once && load->next == load->count) {
        return false;
    }
    size_t index = load->next++ % load->count;
    connection->since = now();
    connection->size = 0;
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

static int run(struct load *load, unsigned short port, size_t count, double seconds)
{
    struct connection connections[CONNECTIONS_MAX] = {{0}};
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int epoll = epoll_create1(0), on = 1;
    size_t active = 0;
    double begin = now();
    for (size_t i = 0; i < count; i++) {
        struct connection *connection = &connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        connection->fd = socket(AF_INET, SOCK_STREAM, 0);
        connection->buffer = malloc(BUFFER_SIZE + 1);
        if (connection->fd < 0 || connection->buffer == NULL ||
            connect(connection->fd, (const struct sockaddr *)(const void *)&address,
                    sizeof address) != 0) {
            perror("connect");
            return 1;
        }
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_ctl(epoll, EPOLL_CTL_ADD, connection->fd, &event);
        active += send_next(load, connection);
    }
    while (active > 0) {
        struct epoll_event events[64];
        int ready = epoll_wait(epoll, events, 64, 10000);
        if (ready <= 0) {
            break;
        }
        for (int i = 0; i < ready; i++) {
            struct connection *connection = events[i].data.ptr;
            ssize_t got = recv(connection->fd, connection->buffer + connection->size,
                               BUFFER_SIZE - connection->size, 0);
            if (got <= 0) {
                fprintf(stderr, "a connection ended\n");
                return 1;
            }
            connection->size += (size_t)got;
            if (whole(connection)) {
                note(load, connection);
                bool more = load->once || now() - begin < seconds;
                active -= !(more && send_next(load, connection));
            }
        }
    }
    double took = now() - begin;
    qsort(load->took, load->done, sizeof *load->took, by_size);
    printf("{\"replies\":%zu,\"good\":%zu,\"per_second\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n",
           load->done, load->good, (double)load->done / took, load->took[load->done / 2] * 1000,
           load->took[load->done * 99 / 100] * 1000);
    return load->done > 0 && load->good == load->done ? 0 : 1;
}

int main(int count, char **argv)
{
    struct load load = {0};
    if (count != 5 || !read_requests(&load, argv[4])) {
        fprintf(stderr, "usage: http_load PORT CONNECTIONS SECONDS FILE\n");
        return 2;
    }
    size_t connections = strtoul(argv[2], NULL, 10);
    load.once = strcmp(argv[3], "0") == 0;
    if (connections == 0 || connections > CONNECTIONS_MAX) {
        connections = 1;
    }
    return run(&load, (unsigned short)strtoul(argv[1], NULL, 10), connections,
               strtod(argv[3], NULL));
}
