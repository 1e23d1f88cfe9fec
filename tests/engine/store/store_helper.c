/* SPDX-License-Identifier: MIT */
/* Another process beside the tests, started by exec: store_helper COMMAND DIRECTORY.
 *   hold   take the store, print a line, keep it until standard input ends
 *   open   try to take the store once; print the message; exit with the status
 *   write  record pins without end, print each number once it is acknowledged
 *   read   open and close readers without end, walking the log; print a line after the first */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "store/reader.h"

static void say(const char *line)
{
    size_t size = strlen(line);
    if (write(1, line, size) != (ssize_t)size) {
        _exit(99);
    }
}

static int fail(const struct fnd_error *error)
{
    say(error->message);
    say("\n");
    return (int)error->status;
}

static struct fnd_write *pin(int number)
{
    struct fnd_text body = {0};
    fnd_text_printf(&body, "{\"name\":\"p\",\"by\":%ld,\"number\":%d}", (long)getpid(), number);
    struct fnd_write *write = fnd_write_create();
    fnd_sha256(body.bytes, body.size, write->hash);
    write->pipeline = fnd_strdup("p");
    fnd_write_add(write, FND_EVENT_PIN, fnd_text_take(&body), NULL);
    return write;
}

static int write_pins(struct fnd_store *store)
{
    for (int number = 0;; number++) {
        struct fnd_error error = {0};
        struct fnd_write *write = pin(number);
        if (fnd_store_commit(store, write, &error) != FND_OK) {
            return fail(&error);
        }
        char line[32];
        snprintf(line, sizeof line, "%" PRId64 "\n", write->first);
        say(line);
        fnd_write_destroy(write);
    }
}

static bool in_order(const struct fnd_event_row *row, void *context)
{
    int64_t *last = context;
    if (row->id != *last + 1) {
        _exit(98);
    }
    *last = row->id;
    return true;
}

static int read_on(const char *directory)
{
    int64_t seen = 0;
    for (bool first = true;; first = false) {
        struct fnd_error error = {0};
        struct fnd_reader *reader = NULL;
        if (fnd_reader_open(directory, &reader, &error) != FND_OK) {
            return fail(&error);
        }
        int64_t last = 0;
        const struct fnd_walk walk = {.limit = SIZE_MAX};
        if (fnd_events_walk(reader, 0, &walk, in_order, &last, &error) != FND_OK) {
            return fail(&error);
        }
        fnd_reader_close(reader);
        if (last < seen) {
            _exit(97); /* what was there has gone */
        }
        seen = last;
        if (first) {
            say("reading\n");
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        return 2;
    }
    if (strcmp(argv[1], "read") == 0) {
        return read_on(argv[2]);
    }
    struct fnd_error error = {0};
    struct fnd_store *store = NULL;
    const struct fnd_store_options options = {.env = fnd_env_system(), .create = true};
    if (fnd_store_open(argv[2], &options, &store, &error) != FND_OK) {
        return fail(&error);
    }
    int result = 0;
    if (strcmp(argv[1], "hold") == 0) {
        char byte;
        say("held\n");
        while (read(0, &byte, 1) > 0) {
        }
    } else if (strcmp(argv[1], "write") == 0) {
        result = write_pins(store);
    }
    fnd_store_close(store);
    return result;
}
