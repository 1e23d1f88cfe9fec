/* @NAME@/run: a phase. It takes a text and puts a word before it.
 *
 * A phase reads its config (the `with:` of the pipeline) and sets its output. The host checks both
 * against the schemas below, repeats the call when it says so, and records what it set.
 */
#include <foundry/helpers.h>

static foundry_outcome_t run(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    (void)self;              /* there is no create(), so there is no instance */
    const char *text = NULL; /* borrowed until this function returns */
    const char *word = NULL;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/text", &text));
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/word", &word));
    if (*text == '\0') {
        return foundry_failf(host, call, FOUNDRY_PERMANENT, "no_text", "/text",
                             "the text is empty; there is nothing to put \"%s\" before", word);
    }
    foundry_text_t joined; /* grows as needed, keeps its first failure */
    foundry_text_init(&joined);
    foundry_text_addf(&joined, "%s %s", word, text);
    foundry_status_t status = joined.status;
    if (status == FOUNDRY_OK) {
        status = foundry_set_text(host, call, "/text", foundry_text_z(&joined));
    }
    foundry_text_finish(&joined);
    return status; /* FOUNDRY_OK is FOUNDRY_DONE */
}

static const foundry_phase_t phase = {
    .struct_size = sizeof phase,
    .name = "run",
    .summary = "A word before a text",
    .config_schema =
        "{\"type\":\"object\",\"required\":[\"text\"],\"additionalProperties\":false,"
        "\"properties\":{"
        "\"text\":{\"type\":\"string\",\"x-foundry-per-job\":true}," /* differs from job to job */
        "\"word\":{\"type\":\"string\",\"default\":\"Hello\"}}}",
    .output_schema = "{\"type\":\"object\",\"required\":[\"text\"],"
                     "\"properties\":{\"text\":{\"type\":\"string\"}}}",
    .threads = FOUNDRY_CONCURRENT, /* keeps nothing between calls */
    .process = run};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&phase, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "@NAME@",
                                            .version = "0.1.0",
                                            .summary = "What this plugin is for",
                                            .phases = phases};
    return host_abi >> 16 == FOUNDRY_ABI_CURRENT >> 16 ? &plugin : NULL;
}
