/* SPDX-License-Identifier: MIT */
/* The fault that the abuse programme must find: the library as it comes, without a check of our
 * own. Prints its port, takes every POST as a change, and ends when its standard input does. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { REPLY_SIZE = 1 << 16, CONNECTIONS_MAX = 64, IDLE_S = 30 };

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **own)
{
    static int first;
    atomic_int *changes = context;
    char text[REPLY_SIZE] = "{\"items\":[";
    (void)url;
    (void)version;
    (void)data;
    if (*own == NULL) {
        *own = &first;
        return MHD_YES;
    }
    if (*size > 0) {
        *size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "GET") != 0) {
        atomic_fetch_add(changes, 1);
    }
    for (int i = 0; i < atomic_load(changes) && strlen(text) + 8 < sizeof text; i++) {
        strcat(text, i > 0 ? ",0" : "0");
    }
    strcat(text, "],\"next\":null}");
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
    MHD_add_response_header(response, "Content-Type", "application/json");
    enum MHD_Result queued = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return queued;
}

int main(void)
{
    atomic_int changes = 0;
    char byte;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, handle, &changes, MHD_OPTION_SOCK_ADDR,
        &address, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_END);
    const union MHD_DaemonInfo *info =
        daemon != NULL ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (info == NULL) {
        return 1;
    }
    printf("%u\n", (unsigned)info->port);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    MHD_stop_daemon(daemon);
    return 0;
}
