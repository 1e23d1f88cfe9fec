/* SPDX-License-Identifier: MIT */
/* foundry-worker: a process that holds one plugin. The engine starts it; it is not for people.
 *   foundry-worker serve|describe PATH KEY=VALUE...
 *   foundry-worker program PARENT NICE COMMAND...      (program.h)
 * with descriptors 3 (channel), 4 (the plugin's file), 5 (shared page), 6 (a folder it may write
 * in, if there is one). PATH is for messages; the keys are in arguments.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin/load.h"
#include "worker/confine.h"
#include "worker/program.h"
#include "worker/serve.h"

enum { EXIT_USAGE = 2, EXIT_CHANNEL = 70 };

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

/** Tell the engine what it came to, while no code but ours has run: what says so later could be the
 *  plugin. */
static enum fnd_status confined(struct fnd_channel *channel, enum fnd_isolation effective, int abi,
                                struct fnd_error *error)
{
    char payload[FND_CONFINED_SIZE];
    fnd_put_u32(payload, (uint32_t)effective);
    fnd_put_u32(payload + 4, (uint32_t)abi);
    fnd_text_append(fnd_channel_begin(channel, FND_FRAME_CONFINED, 0), payload, sizeof payload);
    const enum fnd_status status = fnd_channel_end(channel, NULL, 0, error);
    (void)fnd_channel_flush(channel);
    return status;
}

int main(int argc, char **argv)
{
    struct fnd_confinement wanted;
    const char *reads[FND_ARGUMENTS_READS_MAX + 1];
    if (argc >= 2 && strcmp(argv[1], "program") == 0) {
        return fnd_program_main(argv + 2);
    }
    if (argc < 3 || (strcmp(argv[1], "serve") != 0 && strcmp(argv[1], "describe") != 0) ||
        !fnd_confinement_read(argv + 3, &wanted, reads)) {
        (void)fprintf(stderr, "foundry-worker is started by foundry-engine, not by hand\n");
        return EXIT_USAGE;
    }
    struct fnd_error error = {0};
    struct fnd_channel channel;
    fnd_channel_init(&channel, FND_FD_CHANNEL, true);
    (void)setvbuf(stdout, NULL, _IOLBF, 0); /* what is printed is seen even after a crash */
    struct fnd_plugin plugin = {0};
    int code = EXIT_SUCCESS, abi = 0;
    enum fnd_isolation effective = FND_ISOLATION_PROCESS;
    enum fnd_status status = FND_OK;
    struct fnd_worker_page *page =
        mmap(NULL, FND_WORKER_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, FND_FD_PAGE, 0);
    if (page == MAP_FAILED) {
        status = fnd_error_set(&error, FND_IO, "foundry-worker cannot map its shared page");
    }
    if (wanted.limits.result_bytes != 0) {
        channel.send_max = (size_t)wanted.limits.result_bytes;
    }
    if (status == FND_OK) {
        status = fnd_confine(&wanted, &effective, &abi, &error);
    }
    if (status == FND_OK) {
        status = confined(&channel, effective, abi, &error);
    }
    if (status == FND_OK) {
        status = fnd_plugin_load(FND_FD_PLUGIN, argv[2], &plugin, &error);
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
