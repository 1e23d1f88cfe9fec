// SPDX-License-Identifier: MIT
//
// A plugin in C++11: one phase that greets, one detector that doubts names without a capital. No
// exception leaves it.
#include <cctype>
#include <new>
#include <string>

#include "foundry/helpers.h"

namespace
{

class Greeter
{
  public:
    explicit Greeter(const char *word) : word_(word)
    {
    }
    std::string greet(const std::string &name) const
    {
        return word_ + ", " + name + "!";
    }

  private:
    std::string word_;
};

foundry_outcome_t create(const foundry_host_t *host, foundry_call_t *call, void **self)
{
    const char *word = nullptr;
    FOUNDRY_TRY(foundry_text_default(host, call, FOUNDRY_DOC_CONFIG, "/word", "Hello", &word));
    try {
        *self = new Greeter(word);
    } catch (const std::bad_alloc &) {
        return FOUNDRY_E_NO_MEMORY;
    }
    return FOUNDRY_DONE;
}

foundry_outcome_t process(void *self, const foundry_host_t *host, foundry_call_t *call)
{
    const char *name = nullptr;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/name", &name));
    try {
        const std::string greeting = static_cast<const Greeter *>(self)->greet(name);
        FOUNDRY_TRY(foundry_set_text(host, call, "/greeting", greeting.c_str()));
    } catch (const std::bad_alloc &) {
        return FOUNDRY_E_NO_MEMORY;
    }
    return host->confidence_set(call, "/greeting", 1.0);
}

void destroy(void *self)
{
    delete static_cast<Greeter *>(self);
}

foundry_outcome_t detect(void *, const foundry_host_t *host, foundry_call_t *call)
{
    const char *name = nullptr;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_SUBJECT, "/name", &name));
    if (std::isupper(static_cast<unsigned char>(name[0])) != 0) {
        return FOUNDRY_DONE;
    }
    return foundry_ask(host, call, "capital:/name", "CAPITAL", "/name",
                       "The name begins with no capital letter: is it right?", nullptr);
}

foundry_phase_t make_phase()
{
    foundry_phase_t phase = foundry_phase_t();
    phase.struct_size = sizeof phase;
    phase.name = "greet";
    phase.summary = "Greet somebody";
    phase.config_schema = R"({"type":"object","required":["name"],"additionalProperties":false,
        "properties":{"word":{"type":"string","default":"Hello"},
                      "name":{"type":"string","x-foundry-per-job":true}}})";
    phase.create = create;
    phase.process = process;
    phase.destroy = destroy;
    return phase;
}

foundry_detector_t make_detector()
{
    foundry_detector_t detector = foundry_detector_t();
    detector.struct_size = sizeof detector;
    detector.name = "capital";
    detector.summary = "Ask about names without a capital";
    detector.detect = detect;
    return detector;
}

} // namespace

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t phase = make_phase();
    static const foundry_detector_t detector = make_detector();
    static const foundry_phase_t *const phases[] = {&phase, nullptr};
    static const foundry_detector_t *const detectors[] = {&detector, nullptr};
    static const foundry_plugin_t plugin = {sizeof plugin,
                                            FOUNDRY_ABI_CURRENT,
                                            FOUNDRY_ABI_CURRENT,
                                            "greet",
                                            "1.0.0",
                                            "Greetings, in C++",
                                            phases,
                                            detectors,
                                            nullptr};
    return host_abi >> 16 == 0 ? &plugin : nullptr;
}
