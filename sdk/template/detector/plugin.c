/* @NAME@/check: a detector. It asks a person when a number is larger than it should be.
 *
 * A detector reads the output of an earlier phase (the SUBJECT) and asks where it doubts. It writes
 * nothing. A job that is asked about pauses until the answer is there; all others go on.
 */
#include <foundry/helpers.h>

static foundry_outcome_t check(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;               /* there is no create(), so there is no instance */
    const char *field = NULL; /* borrowed until this function returns */
    double max = 0;
    double number = 0;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/field", &field));
    FOUNDRY_TRY(host->number_get(call, FOUNDRY_DOC_CONFIG, "/max", &max));
    const foundry_status_t status = host->number_get(call, FOUNDRY_DOC_SUBJECT, field, &number);
    if (status == FOUNDRY_E_NOT_FOUND || status == FOUNDRY_E_TYPE) {
        return FOUNDRY_DONE; /* no number to doubt */
    }
    FOUNDRY_TRY(status);
    if (number <= max) {
        return FOUNDRY_DONE;
    }
    char key[300]; /* the same key on a re-run is the same question */
    char question[300];
    (void)snprintf(key, sizeof key, "@NAME@:%.200s", field);
    (void)snprintf(question, sizeof question, "%.200s is %g, more than %g: is that right?",
                   *field == '/' ? field + 1 : "the document", number, max);
    return foundry_ask(host, call, key, "TOO_LARGE", field, question, NULL);
}

static const foundry_detector_t detector = {
    .struct_size = sizeof detector,
    .name = "check",
    .summary = "Ask about a number that is too large",
    .config_schema =
        "{\"type\":\"object\",\"required\":[\"field\",\"max\"],\"additionalProperties\":false,"
        "\"properties\":{"
        "\"field\":{\"type\":\"string\",\"format\":\"json-pointer\"},"
        "\"max\":{\"type\":\"number\"}}}",
    .threads = FOUNDRY_CONCURRENT, /* keeps nothing between calls */
    .detect = check};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_detector_t *const detectors[] = {&detector, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "@NAME@",
                                            .version = "0.1.0",
                                            .summary = "What this plugin is for",
                                            .detectors = detectors};
    return host_abi >> 16 == FOUNDRY_ABI_CURRENT >> 16 ? &plugin : NULL;
}
