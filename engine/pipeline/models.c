/* SPDX-License-Identifier: MIT */
/* `models:` of a pipeline file: what is learned from corrections, by whom, when, and what decides
 * whether it is used. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/compile.h"

enum { TRAINER_TIMEOUT_MS = 2 * 3600 * 1000, COUNT_MIN = 1, COUNT_MAX = 1000000000 };

static const struct fnd_shape model_shapes[] = {
    {"phase", FND_SHAPE_STRING, true, "the phase whose `with:` reads it, such as extract"},
    {"of", FND_SHAPE_STRING, true, "the human phase whose corrections it learns from"},
    {"trainer", FND_SHAPE_MAP, true, "a map such as {uses: invoice/train}"},
    {"when", FND_SHAPE_MAP, false, "a map such as {corrections: 100, age: 7d}"},
    {"pool", FND_SHAPE_STRING, false, "a name such as cpu or gpu"},
    {"shadow", FND_SHAPE_SCALAR, false, "a share of the jobs such as 5%"},
    {"promote", FND_SHAPE_MAP, false, "a map such as {minimum: 50, alpha: 0.05}"},
    {NULL},
};
static const struct fnd_shape trainer_shapes[] = {
    {"uses", FND_SHAPE_STRING, false, "PLUGIN/TRAINER such as invoice/train"},
    {"command", FND_SHAPE_LIST, false, "the words of a program such as [./train.sh]"},
    {"env", FND_SHAPE_MAP, false, "a map of texts such as {CUDA_VISIBLE_DEVICES: \"0\"}"},
    {"with", FND_SHAPE_MAP, false, "a map of keys"},
    {"timeout", 0, false, "a duration such as 2h"},
    {NULL},
};
static const struct fnd_shape when_shapes[] = {
    {"corrections", FND_SHAPE_NUMBER, false, "how many since the last training, such as 100"},
    {"age", 0, false, "a duration since the last training, such as 7d"},
    {"audited_error", FND_SHAPE_SCALAR, false, "a share such as 2%"},
    {"cooldown", 0, false, "a duration such as 1d"},
    {NULL},
};
static const struct fnd_shape promote_shapes[] = {
    {"minimum", FND_SHAPE_NUMBER, false, "how many verified pairs at least, such as 50"},
    {"alpha", FND_SHAPE_NUMBER, false, "a probability such as 0.05"},
    {"window", FND_SHAPE_NUMBER, false, "how many pairs back a rollback looks, such as 200"},
    {NULL},
};

const struct fnd_model *fnd_pipeline_model(const struct fnd_pipeline *pipeline, const char *name)
{
    for (size_t i = 0; i < pipeline->models_count; i++) {
        if (strcmp(pipeline->models[i].name, name) == 0) {
            return &pipeline->models[i];
        }
    }
    return NULL;
}

void fnd_compile_models_names(struct fnd_compile *compile, const struct fnd_node *models)
{
    struct fnd_pipeline *pipeline = compile->pipeline;
    if (models->count > FND_MODELS_MAX) {
        fnd_compile_error(compile, models, "limit", "`models` has %zu models, at most %d are taken",
                          models->count, FND_MODELS_MAX);
        compile->models_spoiled = true;
        return;
    }
    pipeline->models = fnd_alloc((models->count + 1) * sizeof pipeline->models[0]);
    for (const struct fnd_node *node = models->child; node != NULL; node = node->next) {
        struct fnd_model *model = &pipeline->models[pipeline->models_count++];
        *model = (struct fnd_model){.name = fnd_strdup(node->key),
                                    .phase = -1,
                                    .of = -1,
                                    .trainer = {.callee.fd = -1},
                                    .timeout_ms = TRAINER_TIMEOUT_MS,
                                    .audited_error = -1,
                                    .cooldown_ms = FND_COOLDOWN_STANDARD_MS,
                                    .minimum = FND_PROMOTE_MINIMUM,
                                    .alpha = FND_PROMOTE_ALPHA,
                                    .window = FND_PROMOTE_WINDOW,
                                    .line = node->key_line};
        if (!fnd_id_valid(node->key)) {
            fnd_compile_error_key(compile, node, "bad_name",
                                  "`%s` cannot be a model's name: lower case letters, digits, _ "
                                  "and -, a letter first",
                                  node->key);
        }
    }
}

/* A count; what stands where it is none, or not there. */
static uint64_t count_read(struct fnd_compile *compile, const struct fnd_node *node,
                           uint64_t otherwise)
{
    if (node == NULL) {
        return otherwise;
    }
    int64_t count = 0;
    const struct fnd_json number = {node->text, strlen(node->text)};
    if (!fnd_json_integer(number, &count) || count < COUNT_MIN || count > COUNT_MAX) {
        fnd_compile_error(compile, node, "invalid_value",
                          "`%s` is %s, must be a whole number from %d to %d", node->key, node->text,
                          COUNT_MIN, COUNT_MAX);
        return otherwise;
    }
    return (uint64_t)count;
}

static double share_read(struct fnd_compile *compile, const struct fnd_node *node, double otherwise)
{
    double share = otherwise;
    if (node != NULL && !fnd_share_parse(node->text, &share)) {
        fnd_compile_error(compile, node, "invalid_value", "`%s` is %s, must be a share such as 5%%",
                          node->key, node->text);
        share = otherwise;
    }
    return share;
}

static void when_read(struct fnd_compile *compile, const struct fnd_node *when,
                      struct fnd_model *model)
{
    if (!fnd_shape_check(compile, when, "`when`", when_shapes, NULL)) {
        return;
    }
    const struct fnd_node *age = fnd_shape_member(when, when_shapes, "age");
    const struct fnd_node *cooldown = fnd_shape_member(when, when_shapes, "cooldown");
    const struct fnd_node *error = fnd_shape_member(when, when_shapes, "audited_error");
    model->corrections = count_read(compile, fnd_shape_member(when, when_shapes, "corrections"), 0);
    if (age != NULL) {
        fnd_compile_duration(compile, age, 0, FND_COOLDOWN_MAX_MS, "3650d", &model->age_ms);
    }
    if (cooldown != NULL) {
        fnd_compile_duration(compile, cooldown, 0, FND_COOLDOWN_MAX_MS, "3650d",
                             &model->cooldown_ms);
    }
    model->audited_error = share_read(compile, error, -1);
    model->triggered = true;
    if (fnd_node_member(when, "corrections") == NULL &&
        fnd_node_member(when, "audited_error") == NULL) {
        fnd_compile_error(compile, when, "missing_key",
                          "`when` of model `%s` says neither `corrections` nor `audited_error`: "
                          "one of them must begin a training",
                          model->name);
    }
}

static void promote_read(struct fnd_compile *compile, const struct fnd_node *promote,
                         struct fnd_model *model)
{
    if (!fnd_shape_check(compile, promote, "`promote`", promote_shapes, NULL)) {
        return;
    }
    const struct fnd_node *alpha = fnd_shape_member(promote, promote_shapes, "alpha");
    model->minimum =
        count_read(compile, fnd_shape_member(promote, promote_shapes, "minimum"), model->minimum);
    model->window =
        count_read(compile, fnd_shape_member(promote, promote_shapes, "window"), model->window);
    if (alpha != NULL) {
        double value = 0;
        const struct fnd_json number = {alpha->text, strlen(alpha->text)};
        if (!fnd_json_number(number, &value) || !(value > 0 && value < 0.5)) {
            fnd_compile_error(compile, alpha, "invalid_value",
                              "`alpha` is %s, must be above 0 and below 0.5", alpha->text);
        } else {
            model->alpha = value;
        }
    }
}

enum { COMMAND_MAX = 64, ENVIRONMENT_MAX = 64 };

/* The words of the program. */
static void command_words(struct fnd_compile *compile, const struct fnd_node *command,
                          struct fnd_model *model)
{
    struct fnd_text uses = {0};
    if (command->count == 0 || command->count > COMMAND_MAX) {
        fnd_compile_error(compile, command, "invalid_value",
                          "`command` has %zu words, must have 1 to %d, such as [./train.sh]",
                          command->count, COMMAND_MAX);
        return;
    }
    model->command = fnd_alloc((command->count + 1) * sizeof model->command[0]);
    for (const struct fnd_node *word = command->child; word != NULL; word = word->next) {
        const char *bytes = NULL;
        size_t size = 0;
        char *json = word->kind == FND_NODE_STRING ? fnd_compile_constant(compile, word) : NULL;
        if (word->kind != FND_NODE_STRING || word->text[0] == '\0') {
            fnd_compile_error(compile, word, "wrong_type",
                              "`command` holds %s, must hold words: write numbers as \"2\"",
                              word->kind == FND_NODE_STRING ? "an empty text"
                                                            : fnd_node_kind_name(word->kind));
        } else if (strncmp(word->text, "./", 2) == 0) {
            (void)fnd_compile_file(compile, word, &bytes, &size); /* it says what is wrong */
            if (strstr(word->text, "..") != NULL || strstr(word->text + 2, "//") != NULL) {
                fnd_compile_error(compile, word, "invalid_value",
                                  "`%s` must lie beside the pipeline file or below it", word->text);
            }
        }
        char *text = json != NULL ? fnd_json_strdup((struct fnd_json){json, strlen(json)}) : NULL;
        model->command[model->command_count++] = text != NULL ? text : fnd_strdup("");
        fnd_text_printf(&uses, "%s%s", uses.size > 0 ? " " : "",
                        model->command[model->command_count - 1]);
        free(json);
    }
    model->trainer.uses = fnd_text_take(&uses);
    model->trainer.line = command->line;
    model->trainer.column = command->column;
}

static void environment_read(struct fnd_compile *compile, const struct fnd_node *env,
                             struct fnd_model *model)
{
    if (env->count > ENVIRONMENT_MAX) {
        fnd_compile_error(compile, env, "limit", "`env` has %zu variables, at most %d are taken",
                          env->count, ENVIRONMENT_MAX);
    }
    for (const struct fnd_node *one = env->child; one != NULL; one = one->next) {
        const size_t size = strlen(one->key);
        if (size == 0 || (one->key[0] >= '0' && one->key[0] <= '9') ||
            strspn(one->key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") !=
                size) {
            fnd_compile_error_key(compile, one, "bad_name", "`%s` cannot be a variable's name",
                                  one->key);
        }
        if (one->kind != FND_NODE_STRING) {
            fnd_compile_error(compile, one, "wrong_type",
                              "`%s` is %s, must be text: write numbers as \"2\"", one->key,
                              fnd_node_kind_name(one->kind));
        }
    }
    free(model->environment);
    model->environment = fnd_compile_constant(compile, env);
}

/* `trainer: {command: […]}`: a program of the user's. */
static void command_read(struct fnd_compile *compile, const struct fnd_node *trainer,
                         struct fnd_model *model)
{
    const struct fnd_node *env = fnd_shape_member(trainer, trainer_shapes, "env");
    const struct fnd_node *with = fnd_shape_member(trainer, trainer_shapes, "with");
    command_words(compile, fnd_shape_member(trainer, trainer_shapes, "command"), model);
    if (env != NULL) {
        environment_read(compile, env, model);
    }
    if (with != NULL) {
        model->with = fnd_compile_constant(compile, with);
    }
}

static void trainer_read(struct fnd_compile *compile, const struct fnd_node *trainer,
                         struct fnd_model *model)
{
    if (!fnd_shape_check(compile, trainer, "`trainer`", trainer_shapes, NULL)) {
        return;
    }
    const struct fnd_node *uses = fnd_shape_member(trainer, trainer_shapes, "uses");
    const struct fnd_node *with = fnd_shape_member(trainer, trainer_shapes, "with");
    const struct fnd_node *timeout = fnd_shape_member(trainer, trainer_shapes, "timeout");
    if (timeout != NULL) {
        fnd_compile_duration(compile, timeout, 1, FND_TIMEOUT_MAX_MS, "7d", &model->timeout_ms);
    }
    if (fnd_shape_member(trainer, trainer_shapes, "command") != NULL) {
        if (uses != NULL) {
            fnd_compile_error(compile, uses, "invalid_value",
                              "a trainer is either a plugin's, `uses`, or a program, `command`");
        }
        command_read(compile, trainer, model);
    } else if (fnd_node_member(trainer, "command") == NULL && uses == NULL &&
               fnd_node_member(trainer, "uses") == NULL) {
        fnd_compile_error(compile, trainer, "missing_key",
                          "`trainer` lacks `uses`, PLUGIN/TRAINER such as invoice/train, or "
                          "`command`, the words of a program such as [./train.sh]");
    } else if (fnd_node_member(trainer, "env") != NULL) {
        fnd_compile_error(compile, fnd_node_member(trainer, "env"), "invalid_value",
                          "only a program, `command`, has an environment: a plugin has none");
    } else if (uses != NULL) {
        /* Bound as a phase's code is, in a place of its own behind all of them. */
        struct fnd_phase place = {.id = model->name,
                                  .index = FND_PHASES_MAX,
                                  .subject = -1,
                                  .timeout_ms = model->timeout_ms,
                                  .isolation = compile->isolation,
                                  .result_bytes = FND_RESULT_BYTES_MAX};
        compile->grants[FND_PHASES_MAX] = (struct fnd_grant){.bound = true};
        if (fnd_compile_bind(compile, uses, with, FND_CALLEE_TRAINER, &place, &model->trainer) &&
            model->trainer.with.holes_count > 0) {
            const struct fnd_hole *hole = &model->trainer.with.holes[0];
            fnd_compile_error(compile, fnd_node_find(with, hole->pointer), "not_per_job",
                              "the `with` of a trainer holds for all examples: only constants and "
                              "${params.…} can stand in it, not `%s`",
                              hole->text);
        }
    }
}

/* What the phase was given becomes part of the examples, which are kept and handed to trainers. A
 * secret is never stored, so it cannot stand there. */
static void secrets_refuse(struct fnd_compile *compile, const struct fnd_phase *phase,
                           const struct fnd_model *model)
{
    const struct fnd_template *with = &phase->bound.with;
    size_t told = with->holes_count;
    for (size_t i = 0; i < with->parts_count; i++) {
        const struct fnd_part *part = &with->parts[i];
        if (part->kind != FND_PART_SECRET || part->hole == told) {
            continue;
        }
        const struct fnd_hole *hole = &with->holes[part->hole];
        told = part->hole;
        fnd_compile_error(compile, fnd_node_find(fnd_compile_with(compile, phase), hole->pointer),
                          "secret_in_examples",
                          "`%s`: phase `%s` teaches model `%s`, and its `with` is kept in the "
                          "examples, where no secret may stand; read it in a phase before this one",
                          hole->text, phase->id, model->name);
    }
}

/* Whether the phase can be one that learns, and reads the model. */
static void phase_check(struct fnd_compile *compile, const struct fnd_node *node,
                        const struct fnd_phase *phase, size_t index)
{
    const struct fnd_model *model = &compile->pipeline->models[index];
    if (phase->kind != NULL && phase->kind != fnd_kind_plugin()) {
        fnd_compile_error(compile, node, "invalid_value",
                          "phase `%s` is %s, one of the engine's own: only a plugin's phase learns",
                          phase->id, phase->bound.uses);
    } else if ((phase->models >> index & 1) == 0) {
        fnd_compile_error(compile, node, "invalid_value",
                          "phase `%s` does not read the model: its `with` must hold "
                          "`\"${models.%s}\"`",
                          phase->id, model->name);
    }
    secrets_refuse(compile, phase, model);
}

/* The phase of that name, anywhere in the file. */
static int32_t phase_named(struct fnd_compile *compile, const struct fnd_node *node)
{
    const struct fnd_phase behind = {.id = "", .index = compile->pipeline->phases_count};
    return node != NULL ? fnd_compile_phase(compile, &behind, node) : -1;
}

void fnd_compile_pool(struct fnd_compile *compile, const struct fnd_node *pool,
                      const char *otherwise, char **name)
{
    if (pool != NULL && !fnd_id_valid(pool->text)) {
        fnd_compile_error(compile, pool, "bad_name",
                          "`%s` cannot be a pool's name: lower case letters, digits, _ and -, a "
                          "letter first",
                          pool->text);
    }
    if (pool != NULL || otherwise != NULL) {
        *name = fnd_strdup(pool != NULL ? pool->text : otherwise);
    }
}

static void model_read(struct fnd_compile *compile, const struct fnd_node *node, size_t index)
{
    struct fnd_model *model = &compile->pipeline->models[index];
    if (!fnd_shape_check(compile, node, "a model", model_shapes, NULL)) {
        return;
    }
    const struct fnd_node *phase = fnd_shape_member(node, model_shapes, "phase");
    const struct fnd_node *of = fnd_shape_member(node, model_shapes, "of");
    const struct fnd_node *trainer = fnd_shape_member(node, model_shapes, "trainer");
    const struct fnd_node *when = fnd_shape_member(node, model_shapes, "when");
    const struct fnd_node *pool = fnd_shape_member(node, model_shapes, "pool");
    const struct fnd_node *promote = fnd_shape_member(node, model_shapes, "promote");
    const struct fnd_node *shadow = fnd_shape_member(node, model_shapes, "shadow");
    const struct fnd_phase *phases = compile->pipeline->phases;
    model->phase = phase_named(compile, phase);
    model->of = phase_named(compile, of);
    if (model->phase >= 0) {
        phase_check(compile, phase, &phases[model->phase], index);
    }
    if (model->of >= 0 && model->phase >= 0 && phases[model->of].subject != model->phase) {
        fnd_compile_error(compile, of, "invalid_value",
                          "phase `%s` does not review `%s`: `of` must name the human phase whose "
                          "subject that is",
                          of->text, phase->text);
    }
    fnd_compile_pool(compile, pool, "cpu", &model->pool);
    model->shadow = share_read(compile, shadow, 0);
    if (trainer != NULL) {
        trainer_read(compile, trainer, model);
    }
    if (when != NULL) {
        when_read(compile, when, model);
    }
    if (promote != NULL) {
        promote_read(compile, promote, model);
    }
}

void fnd_compile_models(struct fnd_compile *compile, const struct fnd_node *models)
{
    size_t index = 0;
    for (const struct fnd_node *node = models->child;
         node != NULL && index < compile->pipeline->models_count; node = node->next) {
        model_read(compile, node, index++);
    }
}

void fnd_models_finish(struct fnd_pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->models_count; i++) {
        struct fnd_model *model = &pipeline->models[i];
        free(model->name);
        free(model->pool);
        for (size_t j = 0; j < model->command_count; j++) {
            free(model->command[j]);
        }
        free(model->command);
        free(model->environment);
        free(model->with);
        fnd_bound_finish(&model->trainer);
    }
    free(pipeline->models);
}
