/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* realpath */
#include "serve/serve.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve/internal.h"
#include "serve/pictures.h"

/* The last part of the path; with a number behind it where two are called the same. */
static char *directory_name(const struct fnd_serve *serve, size_t index)
{
    char *real = realpath(serve->directories[index].path, NULL);
    const char *slash = real != NULL ? strrchr(real, '/') : NULL;
    const char *base = slash != NULL && slash[1] != '\0' ? slash + 1 : "jobs";
    struct fnd_text name = {0};
    fnd_text_append_visible(&name, base, strlen(base));
    size_t twice = 1;
    for (size_t i = 0; i < index; i++) {
        const char *other = serve->directories[i].name;
        twice += strncmp(other, fnd_text_z(&name), name.size) == 0 &&
                 (other[name.size] == '\0' || other[name.size] == '-');
    }
    if (twice > 1) {
        fnd_text_printf(&name, "-%zu", twice);
    }
    free(real);
    return fnd_text_take(&name);
}

/* The first digits of the store's UUID, which its first event holds. */
static enum fnd_status read_tag(struct directory *directory, struct fnd_error *error)
{
    struct spare *spare = NULL;
    struct fnd_text body = {0};
    struct fnd_json value = {0};
    enum fnd_status status = directory_reader(directory, &spare, error);
    if (status == FND_OK) {
        status = fnd_payload_get(spare->reader, 1, &body, NULL, error);
    }
    if (status == FND_OK) {
        status = fnd_json_check(fnd_text_z(&body), body.size, "store", &value, error);
    }
    if (status == FND_OK) {
        char *uuid = fnd_json_strdup(fnd_json_member(value, "uuid"));
        size_t size = 0;
        /* The end of a version 7 UUID is random; its beginning is the time of day. */
        const char *end = uuid != NULL && strlen(uuid) == 36 ? uuid + 28 : "00000000";
        for (; size < 8; size++) {
            directory->tag[size] = end[size];
        }
        free(uuid);
    }
    fnd_text_finish(&body);
    if (spare != NULL) {
        directory_release(directory, spare);
    }
    return status;
}

static enum fnd_status start_directories(struct fnd_serve *serve, struct fnd_text *text,
                                         struct fnd_error *error)
{
    for (size_t i = 0; i < serve->directories_count; i++) {
        struct directory *directory = &serve->directories[i];
        enum fnd_status status = directory_start(directory, error);
        if (status != FND_OK) {
            fnd_text_append(text, directory->refusal.bytes, directory->refusal.size);
            return status;
        }
        status = read_tag(directory, error);
        if (status != FND_OK) {
            return status;
        }
        for (size_t k = 0; k < i; k++) {
            if (strcmp(serve->directories[k].tag, directory->tag) == 0) {
                return fnd_error_set(error, FND_CONFLICT,
                                     "%s and %s are copies of one job directory: serve one of them",
                                     serve->directories[k].path, directory->path);
            }
        }
    }
    return FND_OK;
}

static void make_directories(struct fnd_serve *serve)
{
    const char *const *paths = serve->options.directories;
    while (paths[serve->directories_count] != NULL) {
        serve->directories_count++;
    }
    serve->directories = fnd_alloc(serve->directories_count * sizeof *serve->directories);
    for (size_t i = 0; i < serve->directories_count; i++) {
        struct directory *directory = &serve->directories[i];
        directory->serve = serve;
        directory->path = paths[i];
        directory->presence = presence_create();
        pthread_mutex_init(&directory->lock, NULL);
        pthread_cond_init(&directory->changed, NULL);
    }
    for (size_t i = 0; i < serve->directories_count; i++) {
        serve->directories[i].name = directory_name(serve, i);
    }
}

enum fnd_status fnd_serve_create(const struct fnd_serve_options *options, struct fnd_serve **made,
                                 struct fnd_text *text, struct fnd_error *error)
{
    struct fnd_serve *serve = fnd_alloc(sizeof *serve);
    sigset_t signals, before;
    serve->options = *options;
    if (serve->options.connections_max == 0) {
        serve->options.connections_max = FND_SERVE_CONNECTIONS;
    }
    if (serve->options.upload_size_max == 0) {
        serve->options.upload_size_max = (uint64_t)1 << 30;
    }
    if (serve->options.timeout_ms == 0) {
        serve->options.timeout_ms = FND_SERVE_TIMEOUT_MS;
    }
    serve->listener = serve->wake = serve->epoll = -1;
    pthread_mutex_init(&serve->lock, NULL);
    pthread_cond_init(&serve->tasks_there, NULL);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    make_directories(serve);
    enum fnd_status status = listen_open(serve, error);
    if (status == FND_OK) {
        status = start_directories(serve, text, error);
    }
    if (status == FND_OK) {
        status = helper_start(serve, error);
    }
    if (status == FND_OK) {
        status = pictures_start(serve, error);
    }
    if (status == FND_OK) {
        status = http_start(serve, error);
    }
    if (status == FND_OK) {
        status = listen_start(serve, error);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != FND_OK) {
        fnd_serve_stop(serve, true);
        fnd_serve_destroy(serve);
        return status;
    }
    *made = serve;
    return FND_OK;
}

const char *fnd_serve_url(const struct fnd_serve *serve)
{
    return serve->url;
}

const char *fnd_serve_token(const struct fnd_serve *serve)
{
    return serve->people[0].token;
}

void fnd_serve_stop(struct fnd_serve *serve, bool now)
{
    uint64_t one = 1;
    atomic_store(&serve->stopping, true);
    for (size_t i = 0; i < serve->directories_count; i++) {
        if (serve->directories[i].started) {
            directory_stop(&serve->directories[i], now);
        }
    }
    (void)!write(serve->wake, &one, sizeof one);
}

bool fnd_serve_stopped(struct fnd_serve *serve)
{
    bool stopped = true;
    for (size_t i = 0; i < serve->directories_count; i++) {
        struct directory *directory = &serve->directories[i];
        pthread_mutex_lock(&directory->lock);
        stopped = stopped && (!directory->started || directory->state == DIRECTORY_ENDED);
        pthread_mutex_unlock(&directory->lock);
    }
    return stopped;
}

void fnd_serve_destroy(struct fnd_serve *serve)
{
    if (serve == NULL) {
        return;
    }
    for (size_t i = 0; i < serve->directories_count; i++) {
        if (serve->directories[i].started) {
            pthread_join(serve->directories[i].thread, NULL);
            close(serve->directories[i].wake);
            serve->directories[i].started = false;
        }
    }
    /* No act is under way any more; who sleeps is woken, so that nothing is suspended. */
    pictures_stop(serve);
    helper_stop(serve);
    listen_stop(serve);
    http_stop(serve);
    for (size_t i = 0; i < serve->directories_count; i++) {
        directory_finish(&serve->directories[i]);
    }
    if (serve->wake >= 0) {
        close(serve->wake);
    }
    pthread_mutex_destroy(&serve->lock);
    pthread_cond_destroy(&serve->tasks_there);
    free(serve->directories);
    free(serve->places);
    free(serve->hosts);
    free(serve->socket_path);
    free(serve->token);
    free(serve->url);
    free(serve);
}
