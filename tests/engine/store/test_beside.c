/* SPDX-License-Identifier: MIT */
/* Several processes on one record. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "process.h"
#include "store/verify.h"
#include "support.h"

static int64_t events(struct scene *scene)
{
    int64_t sequence;
    uint8_t chain[FND_DIGEST_SIZE];
    scene_read(scene);
    cr_assert_eq(fnd_reader_head(scene->reader, &sequence, chain, NULL), FND_OK);
    return sequence;
}

static void check_whole(struct scene *scene)
{
    struct fnd_verify result;
    struct fnd_error error = {0};
    scene_read(scene);
    cr_assert_eq(fnd_store_verify(scene->reader, &result, NULL, NULL, &error), FND_OK, "%s",
                 error.message);
    cr_assert_eq(result.flaws, 0);
}

Test(beside, readers_of_another_process_take_nothing_from_a_live_writer)
{
    enum { COMMITS = 600 };
    struct scene scene;
    struct process readers[2];
    char line[1200];
    scene_begin(&scene, 31);
    for (size_t i = 0; i < 2; i++) {
        process_start(&readers[i], "read", scene.directory);
        cr_assert(process_line(&readers[i], line, sizeof line));
        cr_assert_str_eq(line, "reading\n");
    }
    for (int i = 0; i < COMMITS; i++) {
        commit(&scene, write_pin("p", i), FND_OK);
    }
    for (size_t i = 0; i < 2; i++) {
        int status = process_end(&readers[i], SIGKILL);
        cr_expect(WIFSIGNALED(status), "the reader saw a gap: exit %d", WEXITSTATUS(status));
        fclose(readers[i].output);
    }
    cr_assert_eq(events(&scene), COMMITS + 1);
    scene_close(&scene);
    scene_open(&scene);
    cr_assert_eq(events(&scene), COMMITS + 1, "nothing went with the log");
    check_whole(&scene);
    scene_end(&scene);
}

Test(beside, what_was_acknowledged_is_there_after_kill_9, .timeout = 900)
{
    enum { ROUNDS = 25 };
    struct scene scene;
    char line[1200];
    scene_directory(&scene, 32);
    int64_t acknowledged = 0;
    srand(32);
    for (int round = 0; round < ROUNDS; round++) {
        struct process writer;
        process_start(&writer, "write", scene.directory);
        int lines = rand() % 40;
        for (int i = 0; i < lines; i++) {
            cr_assert(process_line(&writer, line, sizeof line));
        }
        kill(writer.pid, SIGKILL);
        while (process_line(&writer, line, sizeof line)) {
            acknowledged = strchr(line, '\n') != NULL ? strtoll(line, NULL, 10) : acknowledged;
        }
        process_end(&writer, 0);
        fclose(writer.output);
        scene_open(&scene); /* no repair, no loss seen by the witness */
        cr_assert_geq(events(&scene), acknowledged, "round %d", round);
        check_whole(&scene);
        scene_close(&scene);
    }
    scene_end(&scene);
}

Test(beside, a_reader_works_after_the_writer_was_killed_and_before_another_begins)
{
    struct scene scene;
    struct process writer;
    char line[1200];
    scene_directory(&scene, 33);
    process_start(&writer, "write", scene.directory);
    for (int i = 0; i < 10; i++) {
        cr_assert(process_line(&writer, line, sizeof line));
    }
    process_end(&writer, SIGKILL);
    fclose(writer.output);
    cr_assert_geq(events(&scene), 11);
    check_whole(&scene);
    scene_open(&scene);
    check_whole(&scene);
    scene_end(&scene);
}
