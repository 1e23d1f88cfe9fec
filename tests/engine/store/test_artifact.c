/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "support.h"

static void read_all(int fd, struct fnd_text *text)
{
    char chunk[4096];
    ssize_t size;
    while ((size = read(fd, chunk, sizeof chunk)) > 0) {
        fnd_text_append(text, chunk, (size_t)size);
    }
    close(fd);
}

static int file_with(const struct scene *scene, const char *name, const void *bytes, size_t size)
{
    char path[PATH_SIZE];
    int fd = open(scene_file(scene, name, path), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    cr_assert_eq(fnd_write_all(fd, bytes, size), 0);
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

Test(artifact, is_kept_under_its_sha256_and_comes_back)
{
    struct scene scene;
    char path[PATH_SIZE];
    char name[FND_ARTIFACT_PATH_SIZE];
    scene_begin(&scene, 5);
    struct fnd_artifact artifact;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_artifact_put(scene.store, "abc", 3, &artifact, &error), FND_OK, "%s",
                 error.message);
    fnd_artifact_path(artifact.hash, name);
    cr_assert_str_eq(name,
                     "artifacts/ba/7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    struct stat info;
    cr_assert_eq(stat(scene_file(&scene, name, path), &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0600);
    int fd = -1;
    cr_assert_eq(fnd_artifact_open(fnd_store_folder(scene.store), &artifact, &fd, &error), FND_OK);
    struct fnd_text text = {0};
    read_all(fd, &text);
    cr_assert_str_eq(fnd_text_z(&text), "abc");
    fnd_text_finish(&text);
    scene_end(&scene);
}

Test(artifact, what_an_event_tells_of_one_is_hash_and_size_or_it_is_none)
{
#define HASH "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\""
    static const struct {
        const char *about, *path;
        bool told;
    } cases[] = {
        {"{\"sha256\":" HASH ",\"size\":3}", NULL, true},
        {"{\"sha256\":" HASH ",\"size\":3,\"path\":\"a/b\"}", "a/b", true},
        {"{\"sha256\":" HASH ",\"size\":-1,\"path\":\"a/b\"}", NULL, false},
        {"{\"sha256\":" HASH ",\"size\":\"3\"}", NULL, false},
        {"{\"sha256\":" HASH "}", NULL, false},
        {"{\"sha256\":\"ba78\",\"size\":3}", NULL, false},
        {"{\"size\":3}", NULL, false},
        {"{}", NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_artifact artifact;
        char *path = NULL;
        const struct fnd_json about = {cases[i].about, strlen(cases[i].about)};
        cr_expect_eq(fnd_artifact_told(about, &artifact, &path), cases[i].told, "%s",
                     cases[i].about);
        cr_expect_eq(artifact.size, cases[i].told ? 3U : 0U);
        cr_expect((path == NULL) == (cases[i].path == NULL) &&
                  (path == NULL || strcmp(path, cases[i].path) == 0));
        free(path);
    }
}

Test(artifact, one_kept_by_reference_is_the_file_that_came_in_or_none)
{
    static const struct {
        const char *path, *says;
        enum fnd_status status;
    } cases[] = {
        {"same", NULL, FND_OK},
        {"shorter", "is not the one that came in", FND_DAMAGED},
        {"other", "is not the one that came in", FND_DAMAGED},
        {"longer", "is not the one that came in", FND_DAMAGED},
        {"folder", "is not the one that came in", FND_DAMAGED},
        {"pipe", "is not the one that came in", FND_DAMAGED}, /* and nobody waits for a writer */
        {"link", "cannot open the input link, which was kept by reference", FND_IO},
        {"gone", "No such file or directory", FND_NOT_FOUND},
    };
    struct scene scene;
    struct fnd_artifact artifact = {.size = 3};
    char path[PATH_SIZE];
    scene_begin(&scene, 6);
    fnd_sha256("abc", 3, artifact.hash);
    close(file_with(&scene, "same", "abc", 3));
    close(file_with(&scene, "shorter", "ab", 2));
    close(file_with(&scene, "other", "abd", 3));
    close(file_with(&scene, "longer", "abcd", 4));
    cr_assert_eq(mkdir(scene_file(&scene, "folder", path), 0777), 0);
    cr_assert_eq(mkfifo(scene_file(&scene, "pipe", path), 0666), 0);
    cr_assert_eq(symlink("same", scene_file(&scene, "link", path)), 0);
    const int folder = fnd_store_folder(scene.store); /* where scene_file() puts them */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_error error = {0};
        int fd = -1;
        cr_expect_eq(fnd_reference_open(folder, cases[i].path, &artifact, &fd, &error),
                     cases[i].status, "%s: %s", cases[i].path, error.message);
        cr_expect((fd >= 0) == (cases[i].status == FND_OK), "%s", cases[i].path);
        cr_expect(cases[i].says == NULL || strstr(error.message, cases[i].says) != NULL, "%s",
                  error.message);
        if (fd >= 0) {
            struct fnd_text text = {0};
            read_all(fd, &text);
            cr_expect_str_eq(fnd_text_z(&text), "abc");
            fnd_text_finish(&text);
        }
    }
    scene_end(&scene);
}

Test(artifact, the_same_content_is_kept_once_however_it_comes)
{
    struct scene scene;
    char path[PATH_SIZE];
    char name[FND_ARTIFACT_PATH_SIZE];
    scene_begin(&scene, 5);
    static const size_t sizes[] = {0, 1, 65536, 65537, 300000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *bytes = fnd_alloc(sizes[i] + 1);
        memset(bytes, (int)('a' + i), sizes[i]);
        struct fnd_artifact put;
        struct fnd_artifact streamed;
        cr_assert_eq(fnd_artifact_put(scene.store, bytes, sizes[i], &put, NULL), FND_OK);
        struct stat first;
        struct stat second;
        fnd_artifact_path(put.hash, name);
        cr_assert_eq(stat(scene_file(&scene, name, path), &first), 0);
        int fd = file_with(&scene, "source", bytes, sizes[i]);
        cr_assert_eq(fnd_artifact_put_fd(scene.store, fd, UINT64_MAX, &streamed, NULL), FND_OK);
        close(fd);
        cr_assert_eq(fnd_artifact_put(scene.store, bytes, sizes[i], &put, NULL), FND_OK);
        cr_assert_eq(stat(path, &second), 0);
        cr_expect_eq(first.st_ino, second.st_ino);
        cr_expect_arr_eq(put.hash, streamed.hash, FND_DIGEST_SIZE);
        cr_expect_eq(put.size, sizes[i]);
        cr_expect_eq(streamed.size, sizes[i]);
        free(bytes);
    }
    scene_end(&scene);
}

Test(artifact, over_its_limit_is_refused_and_leaves_nothing)
{
    struct scene scene;
    scene_begin(&scene, 5);
    int fd = file_with(&scene, "source", "0123456789", 10);
    struct fnd_artifact artifact;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_artifact_put_fd(scene.store, fd, 9, &artifact, &error), FND_LIMIT);
    cr_assert_not_null(strstr(error.message, "larger than 9 bytes"), "%s", error.message);
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    cr_assert_eq(fnd_artifact_put_fd(scene.store, fd, 10, &artifact, &error), FND_OK);
    close(fd);
    fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC); /* address 0: reading fails */
    cr_assert_eq(fnd_artifact_put_fd(scene.store, fd, 10, &artifact, &error), FND_IO);
    close(fd);
    char command[PATH_SIZE + 64];
    snprintf(command, sizeof command, "test -z \"$(find '%s/.foundry' -name 'tmp-*')\"",
             scene.directory);
    cr_assert_eq(system(command), 0, "a temporary file was left");
    scene_end(&scene);
}

Test(artifact, that_is_missing_cut_or_a_link_is_told)
{
    struct scene scene;
    char path[PATH_SIZE];
    char name[FND_ARTIFACT_PATH_SIZE];
    scene_begin(&scene, 5);
    int folder = fnd_store_folder(scene.store);
    struct fnd_artifact artifact;
    struct fnd_error error = {0};
    int fd = -1;
    cr_assert_eq(fnd_artifact_put(scene.store, "abc", 3, &artifact, NULL), FND_OK);
    fnd_artifact_path(artifact.hash, name);
    scene_file(&scene, name, path);
    cr_assert_eq(truncate(path, 2), 0);
    cr_assert_eq(fnd_artifact_open(folder, &artifact, &fd, &error), FND_DAMAGED);
    cr_assert_not_null(strstr(error.message, "has 2 bytes, recorded were 3"), "%s", error.message);
    cr_assert_eq(fnd_artifact_put(scene.store, "abc", 3, &artifact, NULL), FND_OK, "made anew");
    cr_assert_eq(fnd_artifact_open(folder, &artifact, &fd, &error), FND_OK);
    close(fd);
    fd = -1;
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(fnd_artifact_open(folder, &artifact, &fd, &error), FND_NOT_FOUND);
    cr_assert_eq(symlink("/etc/hostname", path), 0);
    cr_assert_neq(fnd_artifact_open(folder, &artifact, &fd, &error), FND_OK);
    cr_assert_eq(fd, -1);
    scene_end(&scene);
}

Test(artifact, a_plugin_copy_is_checked_before_it_is_given_out)
{
    struct scene scene;
    char path[PATH_SIZE];
    char name[PATH_SIZE];
    char hex[FND_DIGEST_TEXT_SIZE];
    scene_begin(&scene, 5);
    int folder = fnd_store_folder(scene.store);
    uint8_t hash[FND_DIGEST_SIZE];
    struct fnd_error error = {0};
    int source = file_with(&scene, "source", "\177ELF plugin", 11);
    cr_assert_eq(fnd_plugin_keep(scene.store, source, hash, &error), FND_OK, "%s", error.message);
    fnd_digest_text(hash, hex);
    snprintf(name, sizeof name, "plugins/%s.so", hex);
    struct stat info;
    cr_assert_eq(stat(scene_file(&scene, name, path), &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0444);
    int fd = -1;
    cr_assert_eq(fnd_plugin_open(folder, hash, &fd, &error), FND_OK, "%s", error.message);
    struct fnd_text text = {0};
    read_all(fd, &text);
    cr_assert_str_eq(fnd_text_z(&text), "\177ELF plugin");
    fnd_text_finish(&text);
    fd = -1;
    cr_assert_eq(chmod(path, 0600), 0);
    flip_byte(path, 5);
    cr_assert_eq(fnd_plugin_open(folder, hash, &fd, &error), FND_DAMAGED);
    cr_assert_not_null(strstr(error.message, "was altered"), "%s", error.message);
    cr_assert_eq(fd, -1);
    cr_assert_eq(fnd_plugin_keep(scene.store, source, hash, &error), FND_OK, "kept anew");
    cr_assert_eq(fnd_plugin_open(folder, hash, &fd, &error), FND_OK);
    close(fd);
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(fnd_plugin_open(folder, hash, &fd, &error), FND_NOT_FOUND);
    cr_assert_not_null(strstr(error.message, hex), "%s", error.message);
    cr_assert_not_null(strstr(error.message, "is missing"), "%s", error.message);
    close(source);
    scene_end(&scene);
}
