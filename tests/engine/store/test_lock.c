/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "store/lock.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "support.h"

Test(lock, a_second_engine_is_told_who_holds_the_directory)
{
    struct scene scene;
    scene_directory(&scene, 1);
    struct process holder;
    char line[1200];
    char pid[64];
    process_start(&holder, "hold", scene.directory);
    cr_assert(process_line(&holder, line, sizeof line));
    cr_assert_str_eq(line, "held\n");
    struct fnd_error error = {0};
    scene.options.lock_wait_ms = 30;
    cr_assert_eq(scene_try(&scene, &error), FND_BUSY);
    snprintf(pid, sizeof pid, "in use by pid %ld;", (long)holder.pid);
    cr_assert_not_null(strstr(error.message, pid), "%s", error.message);
    cr_assert_str_eq(error.code, "in_use");
    cr_assert_eq(process_end(&holder, 0), 0);
    fclose(holder.output);
    scene_open(&scene);
    scene_end(&scene);
}

Test(lock, is_free_after_kill_9_and_waited_for_until_then)
{
    struct scene scene;
    scene_directory(&scene, 1);
    for (int round = 0; round < 5; round++) {
        struct process holder;
        char line[1200];
        process_start(&holder, "hold", scene.directory);
        cr_assert(process_line(&holder, line, sizeof line));
        kill(holder.pid, SIGKILL);
        scene.options.lock_wait_ms = 5000;
        scene_open(&scene);
        scene_close(&scene);
        cr_assert(WIFSIGNALED(process_end(&holder, 0)));
        fclose(holder.output);
    }
    scene_end(&scene);
}

Test(lock, the_same_process_cannot_open_a_store_twice)
{
    struct scene scene;
    scene_begin(&scene, 1);
    struct fnd_store *second = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_store_open(scene.directory, &scene.options, &second, &error), FND_BUSY);
    cr_assert_not_null(strstr(error.message, "which is this process"), "%s", error.message);
    cr_assert_null(second);
    scene_end(&scene);
}

Test(lock, removing_or_replacing_the_lock_file_of_a_live_engine_lets_nobody_in)
{
    struct scene scene;
    char path[PATH_SIZE];
    scene_begin(&scene, 1);
    struct fnd_store *second = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(unlink(scene_file(&scene, "lock", path)), 0);
    cr_assert_eq(fnd_store_open(scene.directory, &scene.options, &second, &error), FND_BUSY);
    cr_assert_not_null(strstr(error.message, "in use by another engine"), "%s", error.message);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(symlink("/dev/null", path), 0);
    cr_assert_neq(fnd_store_open(scene.directory, &scene.options, &second, &error), FND_OK);
    cr_assert_null(second);
    cr_assert_eq(unlink(path), 0);
    scene_close(&scene);
    scene_open(&scene); /* with the live engine gone, so is what kept others out */
    scene_end(&scene);
}

Test(lock, network_file_systems_are_known_by_number)
{
    static const struct {
        int64_t type;
        bool network;
    } cases[] = {{0x6969, true},     {0x517b, true},
                 {0xff534d42, true}, {(int64_t)(int32_t)0xff534d42, true},
                 {0xfe534d42, true}, {0x65735546, true},
                 {0xef53, false},    {0x01021994, false},
                 {0x9123683e, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *name = NULL;
        cr_expect_eq(fnd_lock_network(cases[i].type, &name), cases[i].network, "%llx",
                     (unsigned long long)cases[i].type);
        cr_expect_eq(name != NULL, cases[i].network);
    }
}
