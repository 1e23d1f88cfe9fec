/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "damage.h"
#include "store/verify.h"

void violation(struct counts *counts, const char *format, ...)
{
    if (counts->violations++ >= SHOWN_MAX) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "VIOLATION: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
}

void directory_copy(const char *from, const char *to)
{
    tree_remove(to);
    char *const arguments[] = {"/bin/cp", "-a", (char *)(uintptr_t)from, (char *)(uintptr_t)to,
                               NULL};
    if (program(arguments, -1, NULL) != 0) {
        stop("cannot copy", from);
    }
}

const char *inside(const char *directory, const char *name)
{
    static char path[PATH_SIZE * 2];
    snprintf(path, sizeof path, "%s/.foundry/%s", directory, name);
    return path;
}

uint8_t *bytes_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        stop("cannot read", path);
    }
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = fnd_alloc(*size + 1);
    if (fread(bytes, 1, *size, file) != *size) {
        stop("cannot read", path);
    }
    fclose(file);
    return bytes;
}

void bytes_write(const char *path, const uint8_t *bytes, size_t size)
{
    unlink(path); /* a plugin copy is read-only */
    text_write(path, (const char *)bytes, size);
    chmod(path, 0600);
}

struct heard {
    const char *plant;
    size_t count;
    char *text;
};

static void hear(const char *sentence, void *context)
{
    struct heard *heard = context;
    if (heard->plant != NULL && strstr(sentence, heard->plant) != NULL) {
        return;
    }
    if (heard->count++ == 0) {
        snprintf(heard->text, TEXT_SIZE, "%s", sentence);
    }
}

bool is_found(const struct damage *damage, const char *directory, char text[TEXT_SIZE])
{
    struct fnd_reader *reader = NULL;
    struct fnd_error error = {0};
    struct fnd_verify result;
    struct heard heard = {.plant = damage->plant, .text = text};
    text[0] = '\0';
    enum fnd_status status = fnd_reader_open(directory, &reader, &error);
    if (status == FND_OK) {
        status = fnd_store_verify(reader, &result, hear, &heard, &error);
    }
    fnd_reader_close(reader);
    if (status != FND_OK && heard.count == 0) {
        snprintf(text, TEXT_SIZE, "%s", error.message);
    }
    return heard.count > 0 || (status != FND_OK && error.message[0] != '\0');
}

enum fnd_status try_open(const char *directory, bool accept_loss, struct fnd_error *error)
{
    const struct fnd_store_options options = {
        .env = fnd_env_system(), .create = true, .accept_loss = accept_loss};
    struct fnd_store *store = NULL;
    enum fnd_status status = fnd_store_open(directory, &options, &store, error);
    if (status == FND_OK) {
        fnd_store_close(store);
    }
    return status;
}

struct fnd_store *store_open(const char *directory)
{
    const struct fnd_store_options options = {.env = fnd_env_system()};
    struct fnd_store *store = NULL;
    struct fnd_error error = {0};
    if (fnd_store_open(directory, &options, &store, &error) != FND_OK) {
        fprintf(stderr, "damage: %s\n", error.message);
        exit(2);
    }
    return store;
}

enum fnd_status record_one(struct fnd_store *store, const char *name, int number,
                           struct fnd_error *error)
{
    struct fnd_text body = {0};
    fnd_text_printf(&body, "{\"name\":\"%s\",\"number\":%d}", name, number);
    struct fnd_write *write = fnd_write_create();
    fnd_sha256(body.bytes, body.size, write->hash);
    write->pipeline = fnd_strdup(name);
    fnd_write_add(write, FND_EVENT_PIN, fnd_text_take(&body), NULL);
    enum fnd_status status = fnd_store_commit(store, write, error);
    fnd_write_destroy(write);
    return status;
}
