/* SPDX-License-Identifier: MIT */
#include "store/store.h"

const char *fnd_state_name(enum fnd_state state)
{
    switch (state) {
    case FND_QUEUED:
        return "queued";
    case FND_RUNNING:
        return "running";
    case FND_RETRYING:
        return "retrying";
    case FND_PAUSED:
        return "paused";
    case FND_COMPLETED:
        return "completed";
    case FND_FAILED:
        return "failed";
    case FND_CANCELLED:
        return "cancelled";
    }
    return "unknown";
}

const char *fnd_event_name(enum fnd_event_kind kind)
{
    switch (kind) {
    case FND_EVENT_STORE:
        return "store";
    case FND_EVENT_PIN:
        return "pin";
    case FND_EVENT_JOB:
        return "job";
    case FND_EVENT_START:
        return "start";
    case FND_EVENT_OUTPUT:
        return "output";
    case FND_EVENT_RETRY:
        return "retry";
    case FND_EVENT_FAIL:
        return "fail";
    case FND_EVENT_ASK:
        return "ask";
    case FND_EVENT_ANSWER:
        return "answer";
    case FND_EVENT_CANCEL:
        return "cancel";
    case FND_EVENT_REOPEN:
        return "reopen";
    case FND_EVENT_UPGRADE:
        return "upgrade";
    case FND_EVENT_DRAIN:
        return "drain";
    case FND_EVENT_HOLD:
        return "hold";
    case FND_EVENT_LOSS:
        return "loss";
    case FND_EVENT_EXPORT:
        return "export";
    case FND_EVENT_CLAIM:
        return "claim";
    case FND_EVENT_RELEASE:
        return "release";
    case FND_EVENT_SNOOZE:
        return "snooze";
    case FND_EVENT_REMIND:
        return "remind";
    case FND_EVENT_ESCALATE:
        return "escalate";
    case FND_EVENT_LAPSE:
        return "lapse";
    case FND_EVENT_UNDO:
        return "undo";
    case FND_EVENT_REVOKE:
        return "revoke";
    case FND_EVENT_TRAIN:
        return "train";
    case FND_EVENT_CHECKPOINT:
        return "checkpoint";
    case FND_EVENT_TRAINED:
        return "trained";
    case FND_EVENT_DECIDE:
        return "decide";
    case FND_EVENT_SHADOW:
        return "shadow";
    case FND_EVENT_PROVE:
        return "prove";
    }
    return "unknown";
}
