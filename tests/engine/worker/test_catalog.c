/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "pool_help.h"

/** A fresh folder with a cache beside it, for one test. */
struct place {
    char folder[64], plugins[96], cache[96];
};

static void place_make(struct place *place)
{
    (void)snprintf(place->folder, sizeof place->folder, "/tmp/foundry-test-XXXXXX");
    cr_assert_not_null(mkdtemp(place->folder));
    (void)snprintf(place->plugins, sizeof place->plugins, "%s/plugins", place->folder);
    (void)snprintf(place->cache, sizeof place->cache, "%s/cache", place->folder);
    cr_assert_eq(mkdir(place->plugins, 0700), 0);
    (void)setenv("XDG_CACHE_HOME", place->cache, 1);
}

static void place_remove(const struct place *place)
{
    struct fnd_text command = {0};
    fnd_text_printf(&command, "rm -r '%s'", place->folder);
    cr_assert_eq(system(command.bytes), 0);
    fnd_text_finish(&command);
}

static void put(const struct place *place, const char *name, const char *from)
{
    char *path = built(from);
    struct fnd_text bytes = {0}, to = {0};
    cr_assert_eq(fnd_file_read(AT_FDCWD, path, 64 << 20, &bytes, NULL), FND_OK, "%s", path);
    fnd_text_printf(&to, "%s/%s", place->plugins, name);
    cr_assert_eq(fnd_file_write(AT_FDCWD, to.bytes, bytes.bytes, bytes.size, 0600, NULL), FND_OK);
    fnd_text_finish(&bytes);
    fnd_text_finish(&to);
    free(path);
}

static struct fnd_catalog *catalog_of(const char *path, const char *program)
{
    char *own = built("engine/worker/foundry-worker");
    const struct fnd_catalog_options options = {.path = path,
                                                .worker_program = program == NULL ? own : program};
    struct fnd_catalog *catalog = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_catalog_create(&options, &catalog, &error), FND_OK, "%s", error.message);
    free(own);
    return catalog;
}

Test(catalog, a_folder_of_good_and_bad_files_is_described)
{
    struct place place;
    place_make(&place);
    put(&place, "noop.so", "tests/plugins/noop.so");
    put(&place, "steps.so", "tests/plugins/steps.so");
    put(&place, "broken.so", "tests/plugins/bad/no_entry.so");
    put(&place, "dies.so", "tests/plugins/bad/constructor.so");
    put(&place, "text.so", "tests/plugins/bad/no_object.so");
    put(&place, ".hidden.so", "tests/plugins/noop.so");
    put(&place, "noop.txt", "tests/plugins/noop.so");
    struct fnd_catalog *catalog = catalog_of(place.plugins, NULL);
    cr_assert_eq(fnd_catalog_count(catalog), 5);
    static const char *const order[] = {"broken.so", "dies.so", "noop.so", "steps.so", "text.so"};
    for (size_t i = 0; i < 5; i++) {
        const char *path = NULL;
        const struct fnd_error *error = NULL;
        const struct fnd_plugin_info *info = fnd_catalog_get(catalog, i, &path, &error);
        cr_assert_not_null(strstr(path, order[i]), "%s", path);
        cr_assert_eq(info != NULL, i == 2 || i == 3, "%s: %s", path, error->message);
    }
    const struct fnd_plugin_info *info = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_catalog_find(catalog, "noop", &info, &error), FND_OK);
    cr_assert_str_eq(info->version, "1.0.0");
    cr_assert_str_eq(info->abi, "0.1");
    const struct fnd_callee_info *mix = fnd_plugin_info_phase(info, "mix");
    cr_assert_not_null(mix);
    cr_assert_eq(mix->threads, FOUNDRY_CONCURRENT);
    cr_assert_not_null(strstr(mix->config_schema, "x-foundry-per-job"));
    static const struct {
        const char *id;
        enum fnd_status status;
        const char *says;
    } cases[] = {
        {"nop", FND_NOT_FOUND, "did you mean \"noop\""},
        {"quite-else", FND_NOT_FOUND, "there is no plugin \"quite-else\" in /tmp/"},
        {"broken", FND_PLUGIN, "foundry_plugin_entry"},
        {"dies", FND_PLUGIN, "signal 6 (SIGABRT)"},
        {"text", FND_PLUGIN, "not a shared object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(fnd_catalog_find(catalog, cases[i].id, &info, &error), cases[i].status);
        cr_assert_not_null(strstr(error.message, cases[i].says), "%s", error.message);
    }
    fnd_catalog_destroy(catalog);
    place_remove(&place);
}

Test(catalog, two_files_with_one_id_are_both_named)
{
    struct place place;
    place_make(&place);
    put(&place, "a.so", "tests/plugins/noop.so");
    put(&place, "b.so", "tests/plugins/noop.so");
    struct fnd_catalog *catalog = catalog_of(place.plugins, NULL);
    const struct fnd_plugin_info *info = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_catalog_find(catalog, "noop", &info, &error), FND_CONFLICT);
    cr_assert_not_null(strstr(error.message, "/a.so and "), "%s", error.message);
    cr_assert_not_null(strstr(error.message, "/b.so"), "%s", error.message);
    fnd_catalog_destroy(catalog);
    place_remove(&place);
}

/** The only file of the cache. */
static void cache_only(const struct place *place, struct fnd_text *path)
{
    fnd_text_clear(path);
    char folder[128];
    (void)snprintf(folder, sizeof folder, "%s/foundry", place->cache);
    DIR *stream = opendir(folder);
    cr_assert_not_null(stream);
    size_t count = 0;
    for (const struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream)) {
        if (entry->d_name[0] != '.') {
            fnd_text_clear(path);
            fnd_text_printf(path, "%s/%s", folder, entry->d_name);
            count++;
        }
    }
    (void)closedir(stream);
    cr_assert_eq(count, 1);
}

Test(catalog, a_kept_description_is_used_and_a_damaged_one_is_not)
{
    struct place place;
    place_make(&place);
    put(&place, "noop.so", "tests/plugins/noop.so");
    fnd_catalog_destroy(catalog_of(place.plugins, NULL));
    struct fnd_text file = {0}, good = {0};
    cache_only(&place, &file);
    struct stat stat_of;
    cr_assert_eq(stat(file.bytes, &stat_of), 0);
    cr_assert_eq(stat_of.st_mode & 0777, 0600);
    cr_assert_eq(fnd_file_read(AT_FDCWD, file.bytes, 1 << 20, &good, NULL), FND_OK);

    /* With a program that describes nothing, only what was kept can answer. */
    const struct fnd_plugin_info *info = NULL;
    struct fnd_error error = {0};
    struct fnd_catalog *catalog = catalog_of(place.plugins, "/bin/false");
    cr_assert_eq(fnd_catalog_find(catalog, "noop", &info, &error), FND_OK, "%s", error.message);
    cr_assert_not_null(fnd_plugin_info_phase(info, "mix"));
    fnd_catalog_destroy(catalog);

    for (size_t size = 0; size < good.size; size += 1 + good.size / 50) {
        cr_assert_eq(fnd_file_write(AT_FDCWD, file.bytes, good.bytes, size, 0600, NULL), FND_OK);
        catalog = catalog_of(place.plugins, "/bin/false");
        cr_assert_eq(fnd_catalog_find(catalog, "noop", &info, &error), FND_PLUGIN,
                     "%zu bytes of a description are taken for a whole", size);
        fnd_catalog_destroy(catalog);
    }
    catalog = catalog_of(place.plugins, NULL); /* described anew, and kept again */
    cr_assert_eq(fnd_catalog_find(catalog, "noop", &info, &error), FND_OK, "%s", error.message);
    fnd_catalog_destroy(catalog);
    struct fnd_text again = {0};
    cr_assert_eq(fnd_file_read(AT_FDCWD, file.bytes, 1 << 20, &again, NULL), FND_OK);
    cr_assert_eq(again.size, good.size);
    fnd_text_finish(&again);
    fnd_text_finish(&good);
    fnd_text_finish(&file);
    place_remove(&place);
}

Test(catalog, one_file_under_two_names_is_listed_once)
{
    struct place place;
    struct stat about;
    place_make(&place);
    put(&place, "noop.so", "tests/plugins/noop.so");
    char other[128], path[256];
    (void)snprintf(other, sizeof other, "%s/other", place.folder);
    cr_assert_eq(symlink(place.plugins, other), 0);
    (void)snprintf(path, sizeof path, "%s:%s", place.plugins, other);
    struct fnd_catalog *catalog = catalog_of(path, NULL);
    const struct fnd_plugin_info *info = NULL;
    struct fnd_error error = {0};
    cr_expect_eq(fnd_catalog_count(catalog), 1, "%zu", fnd_catalog_count(catalog));
    cr_expect_eq(fnd_catalog_find(catalog, "noop", &info, &error), FND_OK, "%s", error.message);
    fnd_catalog_destroy(catalog);
    cr_expect_eq(stat(place.cache, &about), 0);
    place_remove(&place);
}

Test(catalog, a_description_that_cannot_be_kept_is_made_each_time)
{
    struct place place;
    place_make(&place);
    put(&place, "noop.so", "tests/plugins/noop.so");
    /* A file lies where the folder should be. */
    cr_assert_eq(mkdir(place.cache, 0700), 0);
    char file[128];
    (void)snprintf(file, sizeof file, "%s/foundry", place.cache);
    cr_assert_eq(fnd_file_write(AT_FDCWD, file, "mine\n", 5, 0600, NULL), FND_OK);
    for (int i = 0; i < 2; i++) {
        struct fnd_catalog *catalog = catalog_of(place.plugins, NULL);
        const struct fnd_plugin_info *info = NULL;
        struct fnd_error error = {0};
        cr_expect_eq(fnd_catalog_find(catalog, "noop", &info, &error), FND_OK, "%s", error.message);
        fnd_catalog_destroy(catalog);
    }
    struct fnd_text kept = {0};
    cr_assert_eq(fnd_file_read(AT_FDCWD, file, 100, &kept, NULL), FND_OK);
    cr_expect_str_eq(fnd_text_z(&kept), "mine\n", "what is not ours stays as it is");
    fnd_text_finish(&kept);
    place_remove(&place);
}

Test(catalog, one_file_is_described_by_its_descriptor)
{
    struct place place;
    place_make(&place);
    struct fnd_catalog *catalog = catalog_of(place.plugins, NULL);
    cr_assert_eq(fnd_catalog_count(catalog), 0);
    char *path = built("tests/plugins/steps.so");
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const struct fnd_plugin_info *info = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_catalog_file(catalog, fd, "./steps.so", &info, &error), FND_OK, "%s",
                 error.message);
    cr_assert_str_eq(info->id, "steps");
    cr_assert_str_eq(info->path, "./steps.so");
    uint8_t hash[FND_DIGEST_SIZE];
    cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
    cr_assert_eq(fnd_sha256_fd(fd, hash, NULL), 0);
    cr_assert_arr_eq(info->hash, hash, sizeof hash);
    (void)close(fd);
    const int folder = open(place.plugins, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(fnd_catalog_file(catalog, folder, "./folder.so", &info, &error), FND_PLUGIN);
    cr_assert_not_null(strstr(error.message, "regular file"), "%s", error.message);
    (void)close(folder);
    free(path);
    fnd_catalog_destroy(catalog);
    place_remove(&place);
}

Test(catalog, a_second_look_is_as_the_first_was_told_to)
{
    struct place place;
    place_make(&place);
    /* Writes down what it is told before it becomes the worker. */
    char *worker = built("engine/worker/foundry-worker");
    struct fnd_text script = {0}, program = {0}, told = {0};
    fnd_text_printf(&script, "#!/bin/sh\nprintf '%%s\\n' \"$@\" >>'%s/told'\nexec '%s' \"$@\"\n",
                    place.folder, worker);
    fnd_text_printf(&program, "%s/worker", place.folder);
    cr_assert_eq(fnd_file_write(AT_FDCWD, program.bytes, script.bytes, script.size, 0700, NULL),
                 FND_OK);
    const struct fnd_catalog_options options = {
        .path = place.plugins, .worker_program = program.bytes, .landlock_abi_max = 2};
    struct fnd_catalog *catalog = NULL, *again = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_catalog_create(&options, &catalog, &error), FND_OK, "%s", error.message);
    put(&place, "noop.so", "tests/plugins/noop.so");
    cr_assert_eq(fnd_catalog_again(catalog, &again, &error), FND_OK, "%s", error.message);
    cr_expect_eq(fnd_catalog_count(again), 1);
    struct fnd_text path = {0};
    fnd_text_printf(&path, "%s/told", place.folder);
    cr_assert_eq(fnd_file_read(AT_FDCWD, path.bytes, 1 << 20, &told, &error), FND_OK, "%s",
                 error.message);
    cr_expect_not_null(strstr(told.bytes, "\nlandlock=2\n"), "%s", told.bytes);
    fnd_text_finish(&path);
    fnd_text_finish(&told);
    fnd_text_finish(&script);
    fnd_text_finish(&program);
    fnd_catalog_destroy(again);
    fnd_catalog_destroy(catalog);
    free(worker);
    place_remove(&place);
}

Test(catalog, a_program_that_cannot_run_fails_the_catalog)
{
    const struct fnd_catalog_options options = {.path = "/nowhere",
                                                .worker_program = "/nowhere/foundry-worker"};
    struct fnd_catalog *catalog = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_catalog_create(&options, &catalog, &error), FND_PLUGIN);
    cr_assert_not_null(strstr(error.message, "/nowhere/foundry-worker"), "%s", error.message);
}

Test(catalog, the_path_begins_with_what_the_user_names)
{
    (void)setenv("FOUNDRY_PLUGIN_PATH", "/one:/two", 1);
    char *path = fnd_catalog_path();
    cr_assert_eq(strncmp(path, "/one:/two:", 10), 0, "%s", path);
    cr_assert_not_null(strstr(path + 10, "plugins"), "%s", path);
    free(path);
    (void)unsetenv("FOUNDRY_PLUGIN_PATH");
    path = fnd_catalog_path();
    cr_assert_neq(path[0], ':');
    free(path);
}
