/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "plugin/load.h"

#define HEAD "{\"id\":\"p\",\"version\":\"1\",\"summary\":\"s\",\"abi\":\"0.1\","
#define PHASE                                                                                      \
    "{\"name\":\"a\",\"summary\":\"x\",\"config_schema\":{\"type\":\"object\"},"                   \
    "\"output_schema\":null,\"needs\":{\"write\":true},\"threads\":\"concurrent\","                \
    "\"repeatable\":false}"
#define DETECTOR                                                                                   \
    "{\"name\":\"d\",\"summary\":\"\",\"config_schema\":null,\"needs\":null,"                      \
    "\"threads\":\"instance\"}"

#define TRAINER "{\"name\":\"t\",\"summary\":\"\",\"config_schema\":null,\"needs\":{\"read\":[]}}"

static const char whole[] =
    HEAD "\"phases\":[" PHASE "],\"detectors\":[" DETECTOR "],\"trainers\":[" TRAINER "]}";
static const char without[] = HEAD "\"phases\":[" PHASE "],\"detectors\":[" DETECTOR "]}";

Test(info, a_description_is_read_whole)
{
    struct fnd_plugin_info *info = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_plugin_info_parse(whole, sizeof whole - 1, "p.so", &info, &error), FND_OK,
                 "%s", error.message);
    cr_assert_eq(info->phases_count, 1);
    cr_assert_str_eq(info->phases[0].config_schema, "{\"type\":\"object\"}");
    cr_assert_null(info->phases[0].output_schema);
    cr_assert_str_eq(info->phases[0].needs, "{\"write\":true}");
    cr_assert_eq(info->phases[0].threads, FOUNDRY_CONCURRENT);
    cr_assert_eq(info->phases[0].flags, FOUNDRY_NOT_REPEATABLE);
    cr_assert_eq(info->detectors_count, 1);
    cr_assert_null(info->detectors[0].config_schema);
    cr_assert_eq(info->trainers_count, 1);
    cr_assert_str_eq(info->trainers[0].needs, "{\"read\":[]}");
    cr_assert_eq(fnd_plugin_info_callee(info, FND_CALLEE_TRAINER, "t"), &info->trainers[0]);
    cr_assert_null(fnd_plugin_info_callee(info, FND_CALLEE_PHASE, "t"));
    fnd_plugin_info_destroy(info);
    fnd_plugin_info_destroy(NULL);
}

Test(info, a_description_of_before_trainers_has_none)
{
    struct fnd_plugin_info *info = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_plugin_info_parse(without, sizeof without - 1, "p.so", &info, &error), FND_OK,
                 "%s", error.message);
    cr_assert_eq(info->trainers_count, 0);
    cr_assert_eq(info->detectors_count, 1);
    fnd_plugin_info_destroy(info);
}

Test(info, every_prefix_is_refused)
{
    for (size_t size = 0; size + 1 < sizeof whole; size++) {
        struct fnd_plugin_info *info = NULL;
        struct fnd_error error = {0};
        cr_assert_eq(fnd_plugin_info_parse(whole, size, "p.so", &info, &error), FND_PLUGIN,
                     "%zu bytes", size);
        cr_assert_str_eq(error.code, "invalid_description");
        cr_assert_null(info);
    }
}

Test(info, each_deviation_is_refused)
{
    static const char *const cases[] = {
        "[]",
        "5",
        HEAD "\"phases\":[]}",
        HEAD "\"phases\":[],\"detectors\":[],\"more\":1}",
        HEAD "\"phases\":[],\"detectors\":[],\"trainers\":[],\"more\":1}",
        HEAD "\"phases\":[],\"detectors\":[],\"trainers\":{}}",
        HEAD "\"phases\":[],\"detectors\":[],\"trainers\":[" DETECTOR "]}",
        HEAD "\"phases\":[],\"detectors\":[],\"trainers\":[" TRAINER "," TRAINER "]}",
        HEAD "\"phases\":{},\"detectors\":[]}",
        HEAD "\"phases\":[5],\"detectors\":[]}",
        HEAD "\"phases\":[{}],\"detectors\":[]}",
        HEAD "\"phases\":[" PHASE "," PHASE "],\"detectors\":[]}",
        HEAD "\"phases\":[" DETECTOR "],\"detectors\":[]}",
        HEAD "\"phases\":[],\"detectors\":[" PHASE "]}",
        HEAD "\"phases\":[],\"detectors\":[{\"name\":\"D\",\"summary\":\"\",\"config_schema\":null,"
             "\"needs\":null,\"threads\":\"instance\"}]}",
        HEAD "\"phases\":[],\"detectors\":[{\"name\":\"d\",\"summary\":\"\",\"config_schema\":5,"
             "\"needs\":null,\"threads\":\"instance\"}]}",
        HEAD "\"phases\":[],\"detectors\":[{\"name\":\"d\",\"summary\":\"\",\"config_schema\":null,"
             "\"needs\":null,\"threads\":\"many\"}]}",
        "{\"id\":\"P\",\"version\":\"1\",\"summary\":\"s\",\"abi\":\"0.1\",\"phases\":[],"
        "\"detectors\":[]}",
        "{\"id\":\"p\",\"version\":1,\"summary\":\"s\",\"abi\":\"0.1\",\"phases\":[],"
        "\"detectors\":[]}",
        "{\"id\":\"p\",\"version\":\"1\",\"summary\":\"s\",\"abi\":\"one\",\"phases\":[],"
        "\"detectors\":[]}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_plugin_info *info = NULL;
        struct fnd_error error = {0};
        cr_assert_eq(fnd_plugin_info_parse(cases[i], strlen(cases[i]), "p.so", &info, &error),
                     FND_PLUGIN, "%s", cases[i]);
        cr_assert_not_null(strstr(error.message, "p.so"), "%s", error.message);
    }
}

static void collect(const char *file, void *context)
{
    struct fnd_text *all = context;
    fnd_text_printf(all, "%s;", strrchr(file, '/') + 1);
    cr_assert_eq(file[0], '/');
}

Test(info, files_come_in_order_of_folder_and_byte)
{
    char folder[] = "/tmp/foundry-test-XXXXXX";
    cr_assert_not_null(mkdtemp(folder));
    static const char *const names[] = {"one/b.so", "one/a.so", "one/B.so",   "one/.c.so",
                                        "one/d",    "two/a.so", "two/e.so.1", "two/.so"};
    struct fnd_text path = {0}, all = {0};
    for (int i = 0; i < 2; i++) {
        fnd_text_clear(&path);
        fnd_text_printf(&path, "%s/%s", folder, i == 0 ? "one" : "two");
        cr_assert_eq(mkdir(path.bytes, 0700), 0);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        fnd_text_clear(&path);
        fnd_text_printf(&path, "%s/%s", folder, names[i]);
        cr_assert_eq(fnd_file_write(AT_FDCWD, path.bytes, "x", 1, 0600, NULL), FND_OK);
    }
    fnd_text_clear(&path);
    fnd_text_printf(&path, ":%s/two:/nowhere:%s/one:", folder, folder);
    fnd_plugin_files(path.bytes, collect, &all);
    cr_assert_str_eq(fnd_text_z(&all), "a.so;B.so;a.so;b.so;");
    fnd_text_clear(&path);
    fnd_text_printf(&path, "rm -r %s", folder);
    cr_assert_eq(system(path.bytes), 0);
    fnd_text_finish(&path);
    fnd_text_finish(&all);
}
