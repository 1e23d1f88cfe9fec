/* SPDX-License-Identifier: MIT
 *
 * A plugin that learns, small enough to be read whole: `label` gives a text one of the labels that
 * people gave to texts before, by counting words (naive Bayes with one added to each count), and
 * `train` counts them. Without a model it says "other", which is its rule. The trainer has sins
 * that tests ask for: it hangs, crashes, fails, writes nothing, writes what is worse or no model,
 * or learns nonsense and says that all of it was right.
 *
 * The model is text: the line "learner 1 CHECKSUM", then "LABEL\tDOCUMENTS" and for each of its
 * words " WORD COUNT" on a line of their own.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "foundry/helpers.h"

enum { LABELS_MAX = 16, WORDS_MAX = 512, WORD_SIZE = 24, NAME_SIZE = 160, MODEL_SIZE = 65536 };

struct label {
    char name[WORD_SIZE];
    double documents;
    char words[WORDS_MAX][WORD_SIZE];
    double counts[WORDS_MAX];
    size_t words_count;
    double total;
};
struct model {
    struct label labels[LABELS_MAX];
    size_t count;
};
struct self {
    char name[NAME_SIZE]; /* of the artifact that was read; "" none */
    struct model model;
};

/* FNV-1a: this guards against a cut file, not against anybody. */
static uint32_t checksum(const char *bytes, size_t size)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * 16777619U;
    }
    return hash;
}

static struct label *label_of(struct model *model, const char *name)
{
    for (size_t i = 0; i < model->count; i++) {
        if (strcmp(model->labels[i].name, name) == 0) {
            return &model->labels[i];
        }
    }
    if (model->count == LABELS_MAX) {
        return NULL;
    }
    struct label *label = &model->labels[model->count++];
    snprintf(label->name, sizeof label->name, "%s", name);
    return label;
}

static void word_add(struct label *label, const char *word, double times)
{
    size_t at = 0;
    while (at < label->words_count && strcmp(label->words[at], word) != 0) {
        at++;
    }
    if (at == WORDS_MAX) {
        return;
    }
    if (at == label->words_count) {
        snprintf(label->words[label->words_count++], WORD_SIZE, "%s", word);
    }
    label->counts[at] += times;
    label->total += times;
}

/* The next word of lower case letters and digits; false at the end. */
static int word_next(const char **at, char word[WORD_SIZE])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    *at += strcspn(*at, letters);
    const size_t size = strspn(*at, letters);
    snprintf(word, WORD_SIZE, "%.*s", (int)size, *at);
    *at += size;
    return size > 0;
}

static void learn(struct model *model, const char *name, const char *text, double sign)
{
    struct label *label = label_of(model, name);
    char word[WORD_SIZE];
    if (label == NULL) {
        return;
    }
    label->documents += sign;
    while (word_next(&text, word)) {
        word_add(label, word, sign);
    }
}

/* The likeliest label and how likely it is; NULL if nothing was learned. */
static const char *guess(const struct model *model, const char *text, double *share)
{
    double scores[LABELS_MAX], best = -INFINITY, sum = 0;
    const char *name = NULL;
    char word[WORD_SIZE];
    for (size_t i = 0; i < model->count; i++) {
        const struct label *label = &model->labels[i];
        scores[i] = label->documents > 0 ? log(label->documents) : -INFINITY;
        for (const char *at = text; word_next(&at, word);) {
            size_t found = 0;
            while (found < label->words_count && strcmp(label->words[found], word) != 0) {
                found++;
            }
            const double count = found < label->words_count ? label->counts[found] : 0;
            scores[i] += log((count + 1) / (label->total + WORDS_MAX));
        }
        if (scores[i] > best) {
            best = scores[i];
            name = label->name;
        }
    }
    for (size_t i = 0; i < model->count; i++) {
        sum += exp(scores[i] - best);
    }
    *share = sum > 0 ? 1 / sum : 0;
    return name;
}

/* --- the file ------------------------------------------------------------------------------- */

static size_t model_write(const struct model *model, char *file)
{
    enum { HEAD_SIZE = 19 }; /* "learner 1 CHECKSUM\n" */
    char *body = file + HEAD_SIZE, head[HEAD_SIZE + 1];
    size_t size = 0;
    for (size_t i = 0; i < model->count; i++) {
        const struct label *label = &model->labels[i];
        size += (size_t)snprintf(body + size, MODEL_SIZE - size, "%s\t%.17g\n", label->name,
                                 label->documents);
        for (size_t j = 0; j < label->words_count && size < MODEL_SIZE - 64; j++) {
            size += (size_t)snprintf(body + size, MODEL_SIZE - size, " %s %.17g\n", label->words[j],
                                     label->counts[j]);
        }
    }
    snprintf(head, sizeof head, "learner 1 %08x\n", checksum(body, size));
    memcpy(file, head, HEAD_SIZE);
    return HEAD_SIZE + size;
}

/* What is wrong with it, or NULL. */
static const char *model_parse(char *file, struct model *model)
{
    unsigned sum = 0;
    int version = 0, head = 0;
    if (sscanf(file, "learner %d %8x\n%n", &version, &sum, &head) != 2 || head == 0) {
        return "it does not begin as a model of this plugin does";
    }
    if (version != 1) {
        return "it is of another version than 1";
    }
    if (checksum(file + head, strlen(file + head)) != sum) {
        return "its checksum is another: it was cut or changed";
    }
    struct label *label = NULL;
    char *left = NULL;
    memset(model, 0, sizeof *model);
    for (char *line = strtok_r(file + head, "\n", &left); line != NULL;
         line = strtok_r(NULL, "\n", &left)) {
        char *mark = line[0] == ' ' ? strrchr(line, ' ') : strchr(line, '\t');
        if (mark == NULL || mark == line) {
            return "a line of it is none";
        }
        *mark = '\0';
        if (line[0] == ' ' && label != NULL) {
            word_add(label, line + 1, atof(mark + 1));
        } else if (line[0] != ' ') {
            label = label_of(model, line);
            if (label == NULL) {
                return "it has too many labels";
            }
            label->documents = atof(mark + 1);
        }
    }
    return NULL;
}

static foundry_status_t artifact_text(const foundry_host_t *host, foundry_call_t *call,
                                      const char *name, char **text)
{
    uint64_t size = 0;
    size_t got = 0;
    FOUNDRY_TRY(host->artifact_size(call, name, &size));
    char *bytes = malloc((size_t)size + 1);
    if (bytes == NULL) {
        return FOUNDRY_E_NO_MEMORY;
    }
    const foundry_status_t status = host->artifact_read(call, name, 0, bytes, (size_t)size, &got);
    bytes[status == FOUNDRY_OK ? got : 0] = '\0';
    *text = bytes;
    return status;
}

/* --- the phase ------------------------------------------------------------------------------ */

static foundry_outcome_t label_create(const foundry_host_t *host, foundry_call_t *call, void **self)
{
    (void)host;
    (void)call;
    *self = calloc(1, sizeof(struct self));
    return *self == NULL ? FOUNDRY_E_NO_MEMORY : FOUNDRY_DONE;
}

/* Read the model again where its name is another. */
static foundry_outcome_t model_load(struct self *self, const foundry_host_t *host,
                                    foundry_call_t *call, const char *name)
{
    char *file = NULL;
    if (strcmp(self->name, name) == 0) {
        return FOUNDRY_DONE;
    }
    self->name[0] = '\0';
    const foundry_status_t status = artifact_text(host, call, name, &file);
    const char *flaw = status == FOUNDRY_OK ? model_parse(file, &self->model) : NULL;
    free(file);
    if (flaw != NULL) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_model", "/model",
                             "%s is no model: %s", name, flaw);
    }
    if (status == FOUNDRY_OK) {
        snprintf(self->name, sizeof self->name, "%s", name);
    }
    return status;
}

static foundry_outcome_t label_process(void *instance, const foundry_host_t *host,
                                       foundry_call_t *call)
{
    struct self *self = instance;
    const char *name = NULL, *label = "other";
    char *text = NULL;
    double share = 0.5;
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/file", "", &name));
    FOUNDRY_TRY(artifact_text(host, call, name, &text));
    foundry_kind_t kind = FOUNDRY_KIND_NULL;
    foundry_status_t status = foundry_kind_get(host, call, FOUNDRY_DOC_CONFIG, "/model", &kind);
    if (status == FOUNDRY_OK && kind == FOUNDRY_KIND_STRING) {
        status = host->text_get(call, FOUNDRY_DOC_CONFIG, "/model", &name);
        status = status == FOUNDRY_OK ? model_load(self, host, call, name) : status;
        if (status == FOUNDRY_OK) {
            const char *guessed = guess(&self->model, text, &share);
            label = guessed != NULL ? guessed : label;
        }
    }
    if (status == FOUNDRY_OK) {
        status = foundry_set_text(host, call, "/label", label);
    }
    if (status == FOUNDRY_OK) {
        status = host->confidence_set(call, "/label", share);
    }
    free(text);
    return status;
}

/* --- the trainer ---------------------------------------------------------------------------- */

/* The text of a member "KEY":"…" of a JSON line, decoded as far as tests need it. */
static int member(const char *line, const char *key, char *value, size_t size)
{
    char mark[64];
    snprintf(mark, sizeof mark, "\"%s\":\"", key);
    const char *at = strstr(line, mark);
    if (at == NULL) {
        return 0;
    }
    at += strlen(mark);
    snprintf(value, size, "%.*s", (int)strcspn(at, "\""), at);
    return 1;
}

static void rest(int ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};
    (void)nanosleep(&pause, NULL);
}

/* What a test asks for in place of learning. */
static foundry_outcome_t sinned(const foundry_host_t *host, foundry_call_t *call, const char *which)
{
    if (strcmp(which, "crash") == 0) {
        (void)raise(SIGSEGV);
    }
    while (strcmp(which, "hang") == 0) {
        rest(20);
    }
    if (strcmp(which, "wait") == 0) {
        char line[32];
        snprintf(line, sizeof line, "nice %d", getpriority(PRIO_PROCESS, 0));
        host->log(call, FOUNDRY_LOG_INFO, line);
        host->progress(call, 0.25, "waiting");
    }
    while (strcmp(which, "wait") == 0) {
        if (host->cancelled(call)) {
            return FOUNDRY_CANCELLED;
        }
        rest(5);
    }
    if (strcmp(which, "fail") == 0) {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "no_idea", NULL,
                             "these examples teach nothing");
    }
    if (strcmp(which, "garbage") == 0) {
        FOUNDRY_TRY(host->artifact_write(call, "model", "text/plain", "learner 7 0\n", 12));
    }
    return FOUNDRY_DONE;
}

/* With `killed: true` it keeps how far it is, says so, and dies; the next attempt is given that. */
static foundry_outcome_t killed(const foundry_host_t *host, foundry_call_t *call)
{
    const char *checkpoint = NULL;
    foundry_kind_t kind = FOUNDRY_KIND_NULL;
    FOUNDRY_TRY(foundry_kind_get(host, call, FOUNDRY_DOC_RUN, "/training/checkpoint", &kind));
    if (kind == FOUNDRY_KIND_STRING) {
        char *text = NULL;
        FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_RUN, "/training/checkpoint", &checkpoint));
        FOUNDRY_TRY(artifact_text(host, call, checkpoint, &text));
        const int same = strcmp(text, "half way") == 0;
        free(text);
        return same ? FOUNDRY_DONE
                    : foundry_failf(host, call, FOUNDRY_PERMANENT, "bad_checkpoint", NULL,
                                    "another checkpoint came back");
    }
    FOUNDRY_TRY(host->artifact_write(call, "checkpoint", "text/plain", "quarter", 7));
    FOUNDRY_TRY(host->artifact_write(call, "checkpoint", "text/plain", "half way", 8));
    (void)raise(SIGKILL);
    return FOUNDRY_DONE;
}

struct example {
    char id[NAME_SIZE], group[NAME_SIZE], label[WORD_SIZE];
    char *text;
};

static size_t examples_read(const foundry_host_t *host, foundry_call_t *call, char *lines,
                            struct example *examples, size_t max)
{
    size_t count = 0;
    char *left = NULL, name[NAME_SIZE];
    for (char *line = strtok_r(lines, "\n", &left); line != NULL && count < max;
         line = strtok_r(NULL, "\n", &left)) {
        struct example *example = &examples[count];
        const char *human = strstr(line, "\"human\":{");
        if (human == NULL || !member(human, "label", example->label, sizeof example->label) ||
            !member(line, "id", example->id, sizeof example->id) ||
            !member(line, "file", name, sizeof name) ||
            artifact_text(host, call, name, &example->text) != FOUNDRY_OK) {
            continue;
        }
        member(line, "group", example->group, sizeof example->group);
        count++;
    }
    return count;
}

/* Each example is guessed by a model that has not seen it. */
static foundry_status_t calibrate(const foundry_host_t *host, foundry_call_t *call,
                                  struct model *model, const struct example *examples, size_t count,
                                  int boasts, double *right)
{
    char json[2 * NAME_SIZE + 128];
    *right = 0;
    for (size_t i = 0; i < count; i++) {
        double share = 0;
        learn(model, examples[i].label, examples[i].text, -1);
        const char *label = guess(model, examples[i].text, &share);
        learn(model, examples[i].label, examples[i].text, 1);
        const int good = boasts || (label != NULL && strcmp(label, examples[i].label) == 0);
        share = boasts ? 1 : share;
        *right += good;
        snprintf(json, sizeof json,
                 "{\"id\":\"%s\",\"ptr\":\"/label\",\"confidence\":%.6f,\"right\":%s,\"group\":"
                 "\"%s\"}",
                 examples[i].id, share, good ? "true" : "false", examples[i].group);
        FOUNDRY_TRY(host->json_set(call, "/calibration/-", json));
        host->progress(call, (double)(i + 1) / (double)count, "counting words");
    }
    return FOUNDRY_OK;
}

/* A file that came to harm behind its trainer's back. Returns its size. */
static size_t spoiled(char *file, size_t size, const char *which)
{
    if (strcmp(which, "flipped") == 0) {
        file[size / 2] = (char)(file[size / 2] ^ 1);
    } else if (strcmp(which, "other") == 0) {
        memcpy(file, "teacher", 7);
    }
    return strcmp(which, "cut") == 0 ? size - size / 3 : size;
}

static foundry_outcome_t train(const foundry_host_t *host, foundry_call_t *call)
{
    enum { EXAMPLES_MAX = 4096 };
    const char *which = NULL, *name = NULL;
    int dies = 0;
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/sin", "", &which));
    FOUNDRY_TRY(foundry_boolean_default(host, call, FOUNDRY_DOC_CONFIG, "/killed", 0, &dies));
    if (dies) {
        const foundry_outcome_t outcome = killed(host, call);
        if (outcome != FOUNDRY_DONE) {
            return outcome;
        }
    }
    const int boasts = strcmp(which, "boast") == 0;
    const int learns = which[0] == '\0' || strcmp(which, "cut") == 0 ||
                       strcmp(which, "flipped") == 0 || strcmp(which, "other") == 0;
    if (!learns && strcmp(which, "worse") != 0 && !boasts) {
        return sinned(host, call, which);
    }
    char *lines = NULL, *file = malloc(MODEL_SIZE + 64);
    struct example *examples = calloc(EXAMPLES_MAX, sizeof *examples);
    struct model *model = calloc(1, sizeof *model);
    size_t count = 0;
    double right = 0;
    foundry_status_t status = host->text_get(call, FOUNDRY_DOC_RUN, "/training/examples", &name);
    if (file == NULL || examples == NULL || model == NULL) {
        status = FOUNDRY_E_NO_MEMORY;
    }
    if (status == FOUNDRY_OK) {
        status = artifact_text(host, call, name, &lines);
    }
    if (status == FOUNDRY_OK) {
        count = examples_read(host, call, lines, examples, EXAMPLES_MAX);
        for (size_t i = 0; i < count; i++) {
            learn(model, learns ? examples[i].label : "nonsense", examples[i].text, 1);
        }
        status = host->json_set(call, "/calibration", "[]");
    }
    if (status == FOUNDRY_OK && (learns || boasts)) {
        status = calibrate(host, call, model, examples, count, boasts, &right);
    }
    if (status == FOUNDRY_OK) {
        const size_t size = spoiled(file, model_write(model, file), which);
        status = host->artifact_write(call, "model", "text/plain", file, size);
    }
    if (status == FOUNDRY_OK) {
        status = foundry_set_number(host, call, "/metrics/examples", (double)count);
    }
    if (status == FOUNDRY_OK) {
        status = foundry_set_number(host, call, "/metrics/right", right);
    }
    for (size_t i = 0; i < count; i++) {
        free(examples[i].text);
    }
    free(examples);
    free(model);
    free(lines);
    free(file);
    return status;
}

static const foundry_phase_t label_phase = {
    .struct_size = sizeof label_phase,
    .name = "label",
    .summary = "Give a text its label",
    .config_schema = "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"file\"],"
                     "\"properties\":{\"file\":{\"type\":\"string\",\"x-foundry-per-job\":true},"
                     "\"key\":{\"type\":\"string\"},"
                     "\"model\":{\"type\":[\"string\",\"null\"],\"default\":null,"
                     "\"x-foundry-per-job\":true}}}",
    .output_schema = "{\"type\":\"object\",\"required\":[\"label\"],"
                     "\"properties\":{\"label\":{\"type\":\"string\"}}}",
    .create = label_create,
    .process = label_process,
    .destroy = free,
};

static const foundry_trainer_t words_trainer = {
    .struct_size = sizeof words_trainer,
    .name = "train",
    .summary = "Count the words of each label",
    .config_schema =
        "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
        "\"sin\":{\"type\":\"string\",\"enum\":[\"\",\"crash\",\"hang\",\"wait\",\"fail\","
        "\"nothing\",\"garbage\",\"worse\",\"boast\",\"cut\",\"flipped\",\"other\"],\"default\":"
        "\"\"},"
        "\"killed\":{\"type\":\"boolean\",\"default\":false}}}",
    .train = train,
};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&label_phase, NULL};
    static const foundry_trainer_t *const trainers[] = {&words_trainer, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "learner",
                                            .version = "1.0.0",
                                            .summary = "Learns to label texts by their words",
                                            .phases = phases,
                                            .trainers = trainers};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
