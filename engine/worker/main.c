/* SPDX-License-Identifier: MIT */
/* foundry-worker: a process that holds one plugin. The engine starts it; it is not for people.
 *   foundry-worker serve|describe ENGINE_PID MEMORY_BYTES FILE_BYTES FILES PATH
 * with descriptors 3 (channel), 4 (the plugin's file), 5 (shared page). PATH is for messages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin/load.h"
#include "worker/confine.h"
#include "worker/serve.h"

enum { FD_CHANNEL = 3, FD_PLUGIN = 4, FD_PAGE = 5, EXIT_USAGE = 2, EXIT_CHANNEL = 70 };

static int refuse(struct fnd_channel *channel, const struct fnd_error *error)
{
    struct fnd_text *out = fnd_channel_begin(channel, FND_FRAME_REFUSED, 0);
    fnd_text_append(out, error->message, strlen(error->message));
    (void)fnd_channel_end(channel, NULL, 0, NULL);
    return fnd_channel_flush(channel) == FND_CHANNEL_IDLE ? EXIT_SUCCESS : EXIT_CHANNEL;
}

static int describe(struct fnd_channel *channel, const struct fnd_plugin *plugin)
{
    struct fnd_error error = {0};
    fnd_plugin_describe(plugin, fnd_channel_begin(channel, FND_FRAME_DESCRIPTION, 0));
    if (fnd_channel_end(channel, NULL, 0, &error) != FND_OK) {
        return refuse(channel, &error);
    }
    return fnd_channel_flush(channel) == FND_CHANNEL_IDLE ? EXIT_SUCCESS : EXIT_CHANNEL;
}

static bool number(const char *text, uint64_t *value)
{
    char *end = NULL;
    *value = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

int main(int argc, char **argv)
{
    uint64_t parent;
    struct fnd_limits limits;
    if (argc != 7 || !number(argv[2], &parent) || !number(argv[3], &limits.memory_bytes) ||
        !number(argv[4], &limits.file_bytes) || !number(argv[5], &limits.files) ||
        (strcmp(argv[1], "serve") != 0 && strcmp(argv[1], "describe") != 0)) {
        (void)fprintf(stderr, "foundry-worker is started by foundry-engine, not by hand\n");
        return EXIT_USAGE;
    }
    struct fnd_error error = {0};
    struct fnd_channel channel;
    fnd_channel_init(&channel, FD_CHANNEL, true);
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* what is printed is seen even after a crash */
    struct fnd_plugin plugin = {0};
    struct fnd_worker_page *page = MAP_FAILED;
    int code = EXIT_SUCCESS;
    enum fnd_status status = fnd_confine(&limits, (pid_t)parent, &error);
    if (status == FND_OK) {
        page = mmap(NULL, FND_WORKER_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, FD_PAGE, 0);
        if (page == MAP_FAILED) {
            status = fnd_error_set(&error, FND_IO, "foundry-worker cannot map its shared page");
        }
    }
    if (status == FND_OK) {
        status = fnd_plugin_load(FD_PLUGIN, argv[6], &plugin, &error);
    }
    if (status != FND_OK) {
        code = refuse(&channel, &error);
    } else if (strcmp(argv[1], "describe") == 0) {
        code = describe(&channel, &plugin);
    } else if (fnd_worker_serve(&channel, &plugin, page, &error) != FND_OK) {
        (void)fprintf(stderr, "foundry-worker: %s\n", error.message);
        code = EXIT_CHANNEL;
    }
    fnd_channel_finish(&channel);
    return code;
}
