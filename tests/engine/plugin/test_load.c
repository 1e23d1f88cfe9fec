/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "plugin/load.h"

static int open_built(const char *file, struct fnd_text *path)
{
    const char *root = getenv("FOUNDRY_BUILD_ROOT");
    cr_assert_not_null(root, "the tests run by meson, which sets FOUNDRY_BUILD_ROOT");
    fnd_text_clear(path);
    fnd_text_printf(path, "%s/tests/plugins/%s", root, file);
    const int fd = open(path->bytes, O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0, "%s", path->bytes);
    return fd;
}

Test(load, a_plugin_loads_and_describes_itself)
{
    struct fnd_text path = {0}, json = {0};
    struct fnd_plugin plugin = {0};
    struct fnd_error error = {0};
    const int fd = open_built("steps.so", &path);
    cr_assert_eq(fnd_plugin_load(fd, path.bytes, &plugin, &error), FND_OK, "%s", error.message);
    (void)close(fd);
    cr_assert_str_eq(plugin.entry->id, "steps");
    fnd_plugin_describe(&plugin, &json);
    struct fnd_plugin_info *info = NULL;
    cr_assert_eq(fnd_plugin_info_parse(json.bytes, json.size, "s.so", &info, &error), FND_OK,
                 "%s in %s", error.message, json.bytes);
    cr_assert_str_eq(info->id, "steps");
    cr_assert_str_eq(info->path, "s.so");
    const struct fnd_callee_info *flaky = fnd_plugin_info_phase(info, "flaky");
    cr_assert_not_null(flaky);
    cr_assert_not_null(strstr(flaky->config_schema, "succeed_at"));
    cr_assert_eq(flaky->flags, 0);
    const struct fnd_callee_info *once = fnd_plugin_info_phase(info, "once");
    cr_assert_not_null(once);
    cr_assert_eq(once->flags, FOUNDRY_NOT_REPEATABLE);
    cr_assert_not_null(fnd_plugin_info_detector(info, "always"));
    cr_assert_null(fnd_plugin_info_detector(info, "flaky"));
    cr_assert_null(fnd_plugin_info_phase(info, "always"));
    fnd_plugin_info_destroy(info);
    fnd_text_finish(&json);
    fnd_text_finish(&path);
}

Test(load, two_plugins_do_not_take_each_others_name)
{
    /* Both come on the same number of a descriptor, one after the other. */
    static const char *const files[] = {"steps.so", "noop.so", "steps.so"};
    static const char *const ids[] = {"steps", "noop", "steps"};
    struct fnd_text path = {0};
    for (size_t i = 0; i < 3; i++) {
        struct fnd_plugin plugin = {0};
        struct fnd_error error = {0};
        const int fd = open_built(files[i], &path);
        cr_assert_eq(fnd_plugin_load(fd, path.bytes, &plugin, &error), FND_OK, "%s", error.message);
        cr_assert_str_eq(plugin.entry->id, ids[i]);
        (void)close(fd);
    }
    fnd_text_finish(&path);
}

Test(load, each_sin_is_refused_by_its_name)
{
    static const struct {
        const char *file, *says;
    } cases[] = {
        {"no_entry", "exports no foundry_plugin_entry()"},
        {"null_entry", "refuses this engine's plugin ABI 0.1"},
        {"major", "built for plugin ABI 9.0, this engine has 0.1"},
        {"minor", "built for plugin ABI 0.99, this engine has 0.1"},
        {"id", "id is not made of"},
        {"no_id", "id is not made of"},
        {"phase_size", "struct_size of phase 0 is 8"},
        {"phase_name", "the name of phase 0"},
        {"twin_phases", "two phases are named \"nothing\""},
        {"no_process", "no function to call"},
        {"schema", "the config schema of \"nothing\" is no JSON"},
        {"needs", "needs_json of \"nothing\" is a JSON array"},
        {"trainer_size", "struct_size of trainer 0 is 8"},
        {"no_train", "trainer \"nothing\" has no function to call"},
        {"twin_trainers", "two trainers are named \"nothing\""},
        {"borrower", "lender.so"},
        {"no_object", "not a shared object"},
    };
    struct fnd_text path = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char file[64];
        (void)snprintf(file, sizeof file, "bad/%s.so", cases[i].file);
        struct fnd_plugin plugin = {0};
        struct fnd_error error = {0};
        const int fd = open_built(file, &path);
        cr_assert_eq(fnd_plugin_load(fd, path.bytes, &plugin, &error), FND_PLUGIN, "%s", file);
        cr_assert_not_null(strstr(error.message, cases[i].says), "%s", error.message);
        cr_assert_not_null(strstr(error.message, path.bytes), "%s", error.message);
        cr_assert_null(plugin.entry);
        (void)close(fd);
    }
    fnd_text_finish(&path);
}

Test(load, a_plugin_of_before_trainers_loads_and_has_none)
{
    struct fnd_text path = {0}, json = {0};
    struct fnd_plugin plugin = {0};
    struct fnd_error error = {0};
    const int fd = open_built("bad/before_trainers.so", &path);
    cr_assert_eq(fnd_plugin_load(fd, path.bytes, &plugin, &error), FND_OK, "%s", error.message);
    cr_assert_not_null(plugin.entry->trainers, "there is something behind its end");
    cr_assert_null(fnd_plugin_trainers(plugin.entry));
    fnd_plugin_describe(&plugin, &json);
    cr_assert_not_null(strstr(json.bytes, "\"trainers\":[]"), "%s", json.bytes);
    (void)close(fd);
    fnd_text_finish(&json);
    fnd_text_finish(&path);
}

Test(load, a_file_that_is_cut_short_is_refused_before_it_is_mapped)
{
    struct fnd_text path = {0}, bytes = {0};
    (void)close(open_built("noop.so", &path));
    cr_assert_eq(fnd_file_read(AT_FDCWD, path.bytes, 64 << 20, &bytes, NULL), FND_OK);
    for (size_t part = 0; part < 16; part++) {
        char name[] = "/tmp/foundry-test-XXXXXX";
        const int fd = mkstemp(name);
        cr_assert_geq(fd, 0);
        (void)unlink(name);
        cr_assert_eq(fnd_write_all(fd, bytes.bytes, bytes.size * part / 16), 0);
        struct fnd_plugin plugin;
        struct fnd_error error = {0};
        cr_assert_eq(fnd_plugin_load(fd, "cut.so", &plugin, &error), FND_PLUGIN);
        cr_assert(strstr(error.message, "cut short") != NULL ||
                      strstr(error.message, "not a shared object") != NULL,
                  "%s", error.message);
        (void)close(fd);
    }
    fnd_text_finish(&bytes);
    fnd_text_finish(&path);
}

Test(load, a_program_is_no_plugin)
{
    struct fnd_plugin plugin;
    struct fnd_error error = {0};
    const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    cr_assert_eq(fnd_plugin_load(fd, "program", &plugin, &error), FND_PLUGIN);
    cr_assert_not_null(strstr(error.message, "program"), "%s", error.message);
    (void)close(fd);
    cr_assert_eq(fnd_plugin_load(-1, "closed", &plugin, &error), FND_IO);
    cr_assert_not_null(strstr(error.message, "cannot read closed"), "%s", error.message);
}
