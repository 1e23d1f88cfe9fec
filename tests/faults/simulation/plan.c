/* SPDX-License-Identifier: MIT */
/* What is to be, drawn from the seed alone: the same job meets the same fate however often the
 * engine is killed on the way. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim.h"

uint64_t sim_mix(uint64_t a, uint64_t b)
{
    /* Steele, Lea and Flood: SplitMix64's finalizer over the sum of a and a multiple of b. */
    uint64_t x = a + b * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t sim_draw(struct sim_chance *chance)
{
    chance->state++;
    return sim_mix(chance->state, UINT64_C(0x5851f42d4c957f2d));
}

size_t sim_below(struct sim_chance *chance, size_t below)
{
    return (size_t)(sim_draw(chance) % below);
}

bool sim_once_in(struct sim_chance *chance, size_t times)
{
    return sim_below(chance, times) == 0;
}

/** Half of the gates choose from batches: some ask about all of a small one, some about nobody who
 *  is doubted. */
static void choose_plan(struct sim_chance *chance, struct sim_phase *gate)
{
    static const size_t counts[] = {1, 2, 3, 5, 10, 30, 1000}, quiets_s[] = {0, 1, 5},
                        waits_s[] = {0, 0, 0, 20, 600};
    const bool chooses = sim_once_in(chance, 2);
    const size_t count = counts[sim_below(chance, sizeof counts / sizeof counts[0])];
    gate->quiet_s = quiets_s[sim_below(chance, sizeof quiets_s / sizeof quiets_s[0])];
    gate->wait_s = waits_s[sim_below(chance, sizeof waits_s / sizeof waits_s[0])];
    if (chooses) {
        gate->choose = count;
        gate->detectors = sim_below(chance, 3);
    }
}

static struct sim_phase phase_plan(struct sim_chance *chance, const struct sim_world *world,
                                   size_t index)
{
    static const unsigned whens[] = {
        FND_RETRY_TRANSIENT | FND_RETRY_TIMEOUT | FND_RETRY_CRASH,
        FND_RETRY_TRANSIENT | FND_RETRY_TIMEOUT | FND_RETRY_CRASH,
        FND_RETRY_TRANSIENT,
        FND_RETRY_TIMEOUT | FND_RETRY_CRASH,
    };
    struct sim_phase phase = {.kind = SIM_STEP, .of = -1};
    phase.max = (int32_t)sim_below(chance, 4);
    phase.when = whens[sim_below(chance, sizeof whens / sizeof whens[0])];
    const size_t drawn = sim_below(chance, 10);
    if (index > 0 && drawn < 4 && world->phases[index - 1].kind != SIM_GATE) {
        phase.kind = SIM_GATE;
        phase.of = (int32_t)index - 1;
        phase.detectors = 1 + sim_below(chance, 2);
        phase.audit = sim_once_in(chance, 3);
        choose_plan(chance, &phase);
    } else if (drawn < 6) {
        phase.kind = SIM_ONCE;
    }
    return phase;
}

/** Three of four worlds with a gate behind a step that may be repeated have a model for that. Drawn
 *  from a seed of its own. */
static void model_plan(struct sim_world *world)
{
    static const size_t dues[] = {4, 8, 16}, shares[] = {20, 50, 100, 100},
                        minimums[] = {2, 2, 4, 8};
    struct sim_chance chance = {sim_mix(world->seed, 10)};
    world->learned = world->judge = -1;
    world->corrections_due = dues[sim_below(&chance, sizeof dues / sizeof dues[0])];
    world->share = shares[sim_below(&chance, sizeof shares / sizeof shares[0])];
    world->minimum = minimums[sim_below(&chance, sizeof minimums / sizeof minimums[0])];
    world->window = world->minimum * (1 + sim_below(&chance, 3));
    world->alpha = sim_once_in(&chance, 2) ? 0.4 : 0.05;
    for (size_t i = 1; i < world->phases_count; i++) {
        if (world->phases[i].kind == SIM_GATE && world->phases[i - 1].kind == SIM_STEP) {
            world->learned = (int32_t)i - 1;
            world->judge = (int32_t)i;
        }
    }
    if (sim_once_in(&chance, 4)) {
        world->learned = world->judge = -1;
    } else if (world->judge >= 0) {
        world->phases[world->judge].audit = true;
    }
}

void sim_plan_world(struct sim_world *world, size_t jobs_max)
{
    struct sim_chance chance = {sim_mix(world->seed, 1)};
    world->wall_us = INT64_C(1772366400000000) + (int64_t)sim_below(&chance, 1000000000);
    world->monotonic_us = 1000000;
    world->phases_count = 1 + sim_below(&chance, 5);
    for (size_t i = 0; i < world->phases_count; i++) {
        world->phases[i] = phase_plan(&chance, world, i);
    }
    world->jobs_count = 20 + sim_below(&chance, SIM_JOBS_MAX - 56);
    if (world->jobs_count > jobs_max) {
        world->jobs_count = jobs_max;
    }
    world->lives_planned = 3 + sim_below(&chance, 6);
    world->files_count = 1 + sim_below(&chance, SIM_FILES_MAX);
    model_plan(world);
}

static void choose_write(const struct sim_phase *gate, struct fnd_text *yaml)
{
    if (gate->choose == 0) {
        return;
    }
    fnd_text_printf(yaml, "      choose: {uncertain: %zu, quiet: %zus", gate->choose,
                    gate->quiet_s);
    if (gate->wait_s > 0) {
        fnd_text_printf(yaml, ", wait: %zus", gate->wait_s);
    }
    fnd_text_append_z(yaml, "}\n");
}

void sim_plan_pipeline(const struct sim_world *world, size_t variant, struct fnd_text *yaml)
{
    fnd_text_append_z(yaml, "foundry: v1\nname: sim\nphases:\n");
    for (size_t i = 0; i < world->phases_count; i++) {
        const struct sim_phase *phase = &world->phases[i];
        fnd_text_printf(
            yaml,
            "  - id: p%zu\n    timeout: 60s\n"
            "    retry: {max: %" PRId32 ", backoff: 1s, when: [%s%s%s]}\n",
            i, phase->max, (phase->when & FND_RETRY_TRANSIENT) != 0 ? "transient" : "",
            phase->when == (FND_RETRY_TRANSIENT | FND_RETRY_TIMEOUT | FND_RETRY_CRASH) ? ", " : "",
            (phase->when & FND_RETRY_CRASH) != 0 ? "timeout, crash" : "");
        if (phase->kind == SIM_GATE) {
            fnd_text_printf(yaml,
                            "    uses: foundry/human\n    with:\n      of: p%" PRId32
                            "\n      audit: %s\n%s",
                            phase->of,
                            (int32_t)i == world->judge ? "80%"
                            : phase->audit             ? "20%"
                                                       : "0%",
                            phase->detectors > 0 ? "      detectors:\n" : "");
            for (size_t d = 0; d < phase->detectors; d++) {
                fnd_text_printf(yaml,
                                "        - {uses: sim/doubt, with: {job: \"${input.id}\", "
                                "mark: %zu, number: %zu}}\n",
                                variant + 1, d);
            }
            choose_write(phase, yaml);
            continue;
        }
        fnd_text_printf(yaml, "    uses: sim/%s\n    with: {job: \"${input.id}\", mark: %zu",
                        phase->kind == SIM_ONCE ? "once" : "step", variant + 1);
        if (i > 0) {
            fnd_text_printf(yaml, ", from: \"${p%zu.value}/${p%zu.amount}\"", i - 1, i - 1);
        }
        fnd_text_append_z(yaml,
                          (int32_t)i == world->learned ? ", model: \"${models.m}\"}\n" : "}\n");
    }
    if (world->learned >= 0) {
        fnd_text_printf(yaml,
                        "models:\n  m:\n    phase: p%" PRId32 "\n    of: p%" PRId32
                        "\n    trainer: {uses: sim/train, timeout: 60s}\n"
                        "    when: {corrections: %zu, cooldown: 1s}\n    shadow: %zu%%\n"
                        "    promote: {minimum: %zu, window: %zu, alpha: %g}\n",
                        world->learned, world->judge, world->corrections_due, world->share,
                        world->minimum, world->window, world->alpha);
    }
}

unsigned sim_plan_fault(const struct sim_world *world, size_t job, size_t phase, int32_t epoch,
                        int32_t failures)
{
    static const unsigned classes[] = {FND_RETRY_TRANSIENT, FND_RETRY_TRANSIENT, FND_RETRY_TIMEOUT,
                                       FND_RETRY_CRASH};
    struct sim_chance chance = {
        sim_mix(sim_mix(sim_mix(world->seed, 2), job * SIM_PHASES_MAX + phase), (uint64_t)epoch)};
    const size_t drawn = sim_below(&chance, 100);
    if (drawn < 2) {
        return FND_RETRY_PERMANENT;
    }
    const int32_t times = drawn < 16 ? 1 : drawn < 22 ? 2 : drawn < 26 ? 3 : 0;
    const unsigned first = classes[sim_below(&chance, sizeof classes / sizeof classes[0])];
    return failures < times ? first : 0;
}

bool sim_plan_asks(const struct sim_world *world, size_t job, size_t phase)
{
    struct sim_chance chance = {sim_mix(sim_mix(world->seed, 3), job * SIM_PHASES_MAX + phase)};
    return world->phases[phase].kind == SIM_STEP && sim_once_in(&chance, 10);
}

bool sim_plan_doubts(const struct sim_world *world, size_t job, size_t detector)
{
    struct sim_chance chance = {sim_mix(sim_mix(world->seed, 4), job * 8 + detector)};
    return sim_once_in(&chance, 3);
}

size_t sim_plan_file(const struct sim_world *world, size_t job)
{
    struct sim_chance chance = {sim_mix(sim_mix(world->seed, 8), job)};
    return sim_below(&chance, world->files_count);
}

void sim_plan_path(const struct sim_world *world, size_t job, char *path, size_t size)
{
    snprintf(path, size, "jobs%zu.jsonl#j%zu", sim_plan_file(world, job), job);
}

size_t sim_plan_confidence(const struct sim_world *world, size_t job, size_t phase)
{
    struct sim_chance chance = {sim_mix(sim_mix(world->seed, 9), job * SIM_PHASES_MAX + phase)};
    return sim_below(&chance, SIM_SURE + 1);
}

bool sim_plan_knows(const struct sim_world *world, size_t job, int64_t version)
{
    struct sim_chance quality = {sim_mix(sim_mix(world->seed, 11), (uint64_t)version)};
    struct sim_chance chance = {sim_mix(sim_mix(sim_mix(world->seed, 12), (uint64_t)version), job)};
    return version > 0 && sim_below(&chance, 100) < sim_below(&quality, 100);
}
