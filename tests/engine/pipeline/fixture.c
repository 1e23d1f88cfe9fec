/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static const char demo_json[] =
    "{\"id\":\"demo\",\"version\":\"1.2.0\",\"summary\":\"for tests\",\"abi\":\"0.1\",\"phases\":["
    "{\"name\":\"upper\",\"summary\":\"s\",\"config_schema\":{\"type\":\"object\","
    "\"required\":[\"text\"],\"additionalProperties\":false,\"properties\":{"
    "\"text\":{\"type\":\"string\",\"x-foundry-per-job\":true},"
    "\"lang\":{\"type\":\"string\",\"default\":\"eng\",\"enum\":[\"eng\",\"deu\"]},"
    "\"factor\":{\"type\":\"number\",\"minimum\":0,\"maximum\":10},"
    "\"key\":{\"type\":\"string\",\"minLength\":4},"
    "\"count\":{\"type\":\"integer\",\"x-foundry-per-job\":true},"
    "\"options\":{\"type\":\"object\",\"default\":{},\"additionalProperties\":false,"
    "\"properties\":{\"deep\":{\"type\":\"boolean\",\"default\":false}}},"
    "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"x-foundry-per-job\":true}}},"
    "\"output_schema\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"text\":{\"type\":\"string\"},\"words\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
    "\"additionalProperties\":false,\"properties\":{\"at\":{\"type\":\"integer\"}}}}}},"
    "\"needs\":null,\"threads\":\"instance\",\"repeatable\":true},"
    "{\"name\":\"plain\",\"summary\":\"s\",\"config_schema\":null,\"output_schema\":null,"
    "\"needs\":null,\"threads\":\"instance\",\"repeatable\":true},"
    "{\"name\":\"any\",\"summary\":\"s\",\"config_schema\":{\"type\":\"object\","
    "\"additionalProperties\":true,\"x-foundry-per-job\":true},\"output_schema\":null,\"needs\":"
    "null,\"threads\":\"concurrent\","
    "\"repeatable\":true},"
    "{\"name\":\"open\",\"summary\":\"s\",\"config_schema\":{\"properties\":{"
    "\"max\":{\"type\":\"number\"}}},\"output_schema\":null,\"needs\":null,"
    "\"threads\":\"instance\",\"repeatable\":true},"
    "{\"name\":\"save\",\"summary\":\"s\",\"config_schema\":{\"type\":\"object\","
    "\"additionalProperties\":true,\"x-foundry-per-job\":true},\"output_schema\":null,\"needs\":{"
    "\"write\":true},"
    "\"threads\":\"instance\",\"repeatable\":false},"
    "{\"name\":\"model\",\"summary\":\"s\",\"config_schema\":null,\"output_schema\":null,"
    "\"needs\":{\"read\":[\"/opt/models/a\",\"/usr/share/words\"]},\"threads\":\"process\","
    "\"repeatable\":true},"
    "{\"name\":\"net\",\"summary\":\"s\",\"config_schema\":null,\"output_schema\":null,"
    "\"needs\":{\"network\":true},\"threads\":\"instance\",\"repeatable\":true},"
    "{\"name\":\"learn\",\"summary\":\"s\",\"config_schema\":{\"type\":\"object\","
    "\"required\":[\"text\"],\"additionalProperties\":false,\"properties\":{"
    "\"text\":{\"type\":\"string\",\"x-foundry-per-job\":true},\"key\":{\"type\":\"string\"},"
    "\"list\":{\"type\":\"array\",\"x-foundry-per-job\":true},"
    "\"model\":{\"type\":[\"string\",\"null\"],\"default\":null,\"x-foundry-per-job\":true}}},"
    "\"output_schema\":null,\"needs\":null,\"threads\":\"instance\",\"repeatable\":true}],"
    "\"detectors\":[{\"name\":\"doubt\",\"summary\":\"s\",\"config_schema\":{\"type\":\"object\","
    "\"required\":[\"below\"],\"additionalProperties\":false,\"properties\":{"
    "\"below\":{\"type\":\"number\",\"minimum\":0,\"maximum\":1},"
    "\"hint\":{\"type\":\"string\",\"x-foundry-per-job\":true}}},\"needs\":null,"
    "\"threads\":\"concurrent\"},"
    "{\"name\":\"files\",\"summary\":\"s\",\"config_schema\":null,\"needs\":{\"write\":true},"
    "\"threads\":\"concurrent\"}],"
    "\"trainers\":[{\"name\":\"train\",\"summary\":\"s\",\"config_schema\":{\"type\":\"object\","
    "\"additionalProperties\":false,\"properties\":{"
    "\"epochs\":{\"type\":\"integer\",\"minimum\":1,\"default\":3,\"x-foundry-per-job\":true},"
    "\"note\":{\"type\":\"string\",\"x-foundry-per-job\":true}}},\"needs\":null},"
    "{\"name\":\"saver\",\"summary\":\"s\",\"config_schema\":null,\"needs\":{\"write\":true}},"
    "{\"name\":\"reader\",\"summary\":\"s\",\"config_schema\":null,"
    "\"needs\":{\"read\":[\"/usr/share/words\",\"/opt/models/a\"]}}]}";

static const char other_json[] =
    "{\"id\":\"other\",\"version\":\"0.1.0\",\"summary\":\"for tests\",\"abi\":\"0.1\","
    "\"phases\":[{\"name\":\"sad\",\"summary\":\"s\",\"config_schema\":"
    "{\"type\":\"object\",\"madeUpRule\":1},\"output_schema\":null,\"needs\":null,"
    "\"threads\":\"instance\",\"repeatable\":true}],\"detectors\":[]}";

static struct fnd_plugin_info *info_make(const char *json, const char *path, uint8_t fill)
{
    struct fnd_plugin_info *info = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_plugin_info_parse(json, strlen(json), path, &info, &error), FND_OK, "%s",
                 error.message);
    memset(info->hash, fill, sizeof info->hash);
    return info;
}

static enum fnd_status give(struct fixture *fixture, struct fnd_plugin_info *info,
                            const uint8_t *want, const struct fnd_plugin_info **found, int *fd,
                            struct fnd_error *error)
{
    if (want != NULL && fixture->gone) {
        return fnd_error_set(error, FND_NOT_FOUND, "the copy of plugin %s is missing", info->id);
    }
    if (want != NULL && !fixture->tampered) {
        memcpy(info->hash, want, sizeof info->hash);
    }
    *found = info;
    *fd = 99;
    return FND_OK;
}

static enum fnd_status source_find(void *context, const char *id, const uint8_t *want,
                                   const struct fnd_plugin_info **info, int *fd,
                                   struct fnd_error *error)
{
    struct fixture *fixture = context;
    if (strcmp(id, "demo") == 0) {
        return give(fixture, fixture->demo, want, info, fd, error);
    }
    if (strcmp(id, "other") == 0) {
        return give(fixture, fixture->other, want, info, fd, error);
    }
    if (strcmp(id, "twice") == 0) {
        return fnd_error_set(error, FND_CONFLICT, "plugin twice is in /a/x.so and in /b/x.so");
    }
    if (strcmp(id, "broken") == 0) {
        return fnd_error_set(error, FND_PLUGIN, "plugin broken has no entry");
    }
    return fnd_error_set(error, FND_NOT_FOUND, "no plugin %s on the path", id);
}

static enum fnd_status source_file(void *context, const char *path, const uint8_t *want,
                                   const struct fnd_plugin_info **info, int *fd,
                                   struct fnd_error *error)
{
    struct fixture *fixture = context;
    snprintf(fixture->last_path, sizeof fixture->last_path, "%s", path);
    if (strstr(path, "local.so") == NULL) {
        return fnd_error_set(error, FND_NOT_FOUND, "%s is not there", path);
    }
    return give(fixture, fixture->local, want, info, fd, error);
}

static void gate_unprepare(void *prepared)
{
    struct gate *gate = prepared;
    for (size_t i = 0; i < gate->detectors_count; i++) {
        fnd_bound_finish(&gate->detectors[i]);
    }
    free(gate->detectors);
    free(gate->constant);
    free(gate->file);
    free(gate);
}

static bool gate_prepare(const struct fnd_kind *kind, struct fnd_compile *compile,
                         struct fnd_phase *phase)
{
    (void)kind;
    const struct fnd_node *with = fnd_compile_with(compile, phase);
    const struct fnd_node *rate = fnd_node_member(with, "rate");
    const struct fnd_node *schema = fnd_node_member(with, "schema");
    const struct fnd_node *detectors = fnd_node_member(with, "detectors");
    struct gate *gate = fnd_alloc(sizeof *gate);
    phase->prepared = gate;
    phase->subject = fnd_compile_phase(compile, phase, fnd_node_member(with, "of"));
    if (rate != NULL) {
        gate->constant = fnd_compile_constant(compile, rate);
    }
    if (schema != NULL) {
        const char *bytes;
        size_t size;
        if (fnd_compile_file(compile, schema, &bytes, &size)) {
            gate->file = fnd_strndup(bytes, size);
        }
    }
    bool fine = true;
    if (detectors != NULL) {
        gate->detectors = fnd_alloc((detectors->count + 1) * sizeof gate->detectors[0]);
        for (const struct fnd_node *item = detectors->child; item != NULL; item = item->next) {
            fine = fnd_compile_bind(compile, fnd_node_member(item, "uses"),
                                    fnd_node_member(item, "with"), FND_CALLEE_DETECTOR, phase,
                                    &gate->detectors[gate->detectors_count]) &&
                   fine;
            gate->detectors_count++;
        }
    }
    return fine;
}

static const struct fnd_kind gate_kind = {
    .name = "foundry/gate",
    .summary = "for tests",
    .config_schema =
        "{\"type\":\"object\",\"required\":[\"of\"],\"additionalProperties\":false,\"properties\":{"
        "\"of\":{\"type\":\"string\"},\"rate\":{},\"schema\":{\"type\":\"string\"},"
        "\"detectors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"uses\"],"
        "\"properties\":{\"uses\":{\"type\":\"string\"},"
        "\"with\":{\"type\":\"object\",\"x-foundry-per-job\":true}}}}}}",
    .prepare = gate_prepare,
    .unprepare = gate_unprepare,
};
static const struct fnd_kind *const kinds[] = {&gate_kind, NULL};

struct fixture *fixture_create(void)
{
    struct fixture *fixture = fnd_alloc(sizeof *fixture);
    fnd_digest_setup();
    fixture->demo = info_make(demo_json, "/plugins/demo.so", 0xd0);
    fixture->other = info_make(other_json, "/plugins/other.so", 0x07);
    fixture->local = info_make(demo_json, "/home/local.so", 0x1c);
    fixture->source = (struct fnd_plugin_source){source_find, source_file, fixture};
    fixture->options = (struct fnd_pipeline_options){.plugins = &fixture->source,
                                                     .kinds = kinds,
                                                     .isolation = FND_ISOLATION_PROCESS,
                                                     .folder_out = "/jobs"};
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/fnd-pipeline-XXXXXX");
    cr_assert_not_null(mkdtemp(fixture->folder));
    return fixture;
}

static void path_of(const struct fixture *fixture, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", fixture->folder, name);
}

void fixture_destroy(struct fixture *fixture)
{
    static const char *const names[] = {"t.yaml", "shape.json", "bad.json", NULL};
    char path[128];
    for (size_t i = 0; names[i] != NULL; i++) {
        path_of(fixture, names[i], path);
        unlink(path);
    }
    cr_assert_eq(rmdir(fixture->folder), 0);
    fnd_plugin_info_destroy(fixture->demo);
    fnd_plugin_info_destroy(fixture->other);
    fnd_plugin_info_destroy(fixture->local);
    free(fixture);
}

void fixture_write(struct fixture *fixture, const char *name, const char *text)
{
    char path[128];
    path_of(fixture, name, path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0, "%s", path);
    cr_assert_eq(fnd_write_all(fd, text, strlen(text)), 0);
    close(fd);
}

struct fnd_pipeline *fixture_load(struct fixture *fixture, const char *yaml)
{
    char path[128];
    struct fnd_pipeline *pipeline = NULL;
    fixture_write(fixture, "t.yaml", yaml);
    path_of(fixture, "t.yaml", path);
    fixture->errors = (struct fnd_errors){0};
    const enum fnd_status status =
        fnd_pipeline_load(path, &fixture->options, &pipeline, &fixture->errors, NULL);
    fixture->status = status;
    cr_assert_eq(status == FND_OK, pipeline != NULL);
    cr_assert_eq(status == FND_OK, fixture->errors.count == 0);
    return pipeline;
}

struct fnd_pipeline *fixture_good(struct fixture *fixture, const char *yaml)
{
    struct fnd_pipeline *pipeline = fixture_load(fixture, yaml);
    struct fnd_text text = {0};
    fnd_errors_print(&fixture->errors, yaml, strlen(yaml), &text);
    cr_assert_not_null(pipeline, "%s", fnd_text_z(&text));
    fnd_text_finish(&text);
    return pipeline;
}

struct fnd_pipeline *fixture_load_pin(struct fixture *fixture, const char *pin)
{
    struct fnd_pipeline *pipeline = NULL;
    fixture->errors = (struct fnd_errors){0};
    const enum fnd_status status =
        fnd_pipeline_load_pin(pin, strlen(pin), &fixture->options, &pipeline, &fixture->errors);
    fixture->status = status;
    cr_assert_eq(status == FND_OK, pipeline != NULL);
    cr_assert_eq(status == FND_OK, fixture->errors.count == 0);
    return pipeline;
}

char *fixture_codes(const struct fixture *fixture)
{
    struct fnd_text text = {0};
    for (size_t i = 0; i < fixture->errors.count; i++) {
        const struct fnd_error *error = &fixture->errors.list[i];
        fnd_text_printf(&text, "%s%zu:%zu:%s", i > 0 ? " " : "", error->line, error->column,
                        error->code);
    }
    return fnd_text_take(&text);
}

const char *fixture_message(const struct fixture *fixture, const char *code)
{
    for (size_t i = 0; i < fixture->errors.count; i++) {
        if (strcmp(fixture->errors.list[i].code, code) == 0) {
            return fixture->errors.list[i].message;
        }
    }
    return "";
}

static struct fnd_json scope_value(void *context, const char *root)
{
    struct fixture_scope *scope = context;
    scope->asked++;
    return fnd_json_member(scope->documents, root);
}

void fixture_scope_init(struct fixture_scope *scope, const char *json)
{
    struct fnd_error error = {0};
    *scope = (struct fixture_scope){.scope = {scope_value, scope}};
    cr_assert_eq(fnd_json_check(json, strlen(json), NULL, &scope->documents, &error), FND_OK, "%s",
                 error.message);
}

char *fixture_resolve(const struct fnd_bound *bound, const char *documents, struct fnd_error *error)
{
    struct fixture_scope scope;
    struct fnd_text config = {0};
    struct fnd_json value = {0};
    fixture_scope_init(&scope, documents);
    if (fnd_bound_resolve(bound, &scope.scope, &config, error) != FND_OK) {
        cr_assert_eq(config.size, 0);
        fnd_text_finish(&config);
        return NULL;
    }
    cr_assert_eq(fnd_json_check(config.bytes, config.size, NULL, &value, error), FND_OK, "%s in %s",
                 error->message, fnd_text_z(&config));
    return fnd_text_take(&config);
}
