/* SPDX-License-Identifier: MIT */
/* Messages for a pipeline's hooks, put into the very write of the event that they tell of. */
#include "run/internal.h"

/* What an event is called in `on:`, as a bit; 0: nobody is told. */
static unsigned told_as(const struct fnd_event *event)
{
    switch (event->kind) {
    case FND_EVENT_ASK:
        return FND_HOOK_ASKED;
    case FND_EVENT_REMIND:
        return FND_HOOK_REMINDED;
    case FND_EVENT_ESCALATE:
        return FND_HOOK_ESCALATED;
    case FND_EVENT_ANSWER:
        return FND_HOOK_ANSWERED;
    case FND_EVENT_OUTPUT:
        return event->after.state == FND_COMPLETED ? FND_HOOK_COMPLETED : 0;
    case FND_EVENT_FAIL:
        return FND_HOOK_FAILED;
    case FND_EVENT_CANCEL:
        return FND_HOOK_CANCELLED;
    case FND_EVENT_UNDO:
        return FND_HOOK_REOPENED;
    case FND_EVENT_HOLD:
        return FND_HOOK_HELD;
    default:
        return 0;
    }
}

unsigned fnd_outbox_event(enum fnd_event_kind kind)
{
    const struct fnd_event event = {.kind = kind, .after = {.state = FND_COMPLETED}};
    return told_as(&event);
}

void fnd_outbox_add(const struct fnd_env *env, const struct fnd_pipeline *pipeline, int64_t pin,
                    struct fnd_write *write)
{
    for (size_t i = 0; i < write->count; i++) {
        const unsigned bit = told_as(&write->events[i]);
        for (size_t h = 0; bit != 0 && h < pipeline->hooks_count; h++) {
            if ((pipeline->hooks[h].on & bit) == 0) {
                continue;
            }
            struct fnd_note *note =
                fnd_write_note(write, FND_NOTE_OUTBOX, FND_REF_FIRST - (int64_t)i, NULL, NULL);
            note->hook = (int32_t)h;
            note->pin = pin;
            note->at_us = env->wall_us(env);
        }
    }
}
