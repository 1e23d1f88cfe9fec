/* SPDX-License-Identifier: MIT */
/* Misuse of a plugin: each check runs in a process of its own, which loads the plugin and stands in
 * for the host, with services that fail when they are told to and see what they must not. */
#ifndef CONFORM_TRIAL_H
#define CONFORM_TRIAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "parts.h"

/** The services as a plugin under test gets them. One call at a time uses it. */
struct trial_host {
    foundry_host_t table; /* emptied when the call has returned: nobody may keep it */
    /* what it is told */
    size_t fail_at; /* the n-th service call fails, from 1; 0: none does */
    foundry_status_t fail_with;
    size_t cancel_at; /* cancelled() is true once so many services were called; SIZE_MAX: never */
    /* what it saw */
    foundry_call_t *call;
    pthread_t thread;
    atomic_size_t calls;
    atomic_bool cancelled;
    const char *failed;         /* the service that was made to fail */
    const char *denied;         /* a service that a detector must not call, and did */
    const char *_Atomic abroad; /* a service that was called on another thread */
    const char *_Atomic late;   /* one that was called behind the return */
    bool detector;
};
/** Fill the table anew for a call that begins now, on this thread. */
void trial_host_begin(struct trial_host *host, foundry_call_t *call);
/** The call has returned: from now on services are late. */
void trial_host_end(struct trial_host *host);

enum { DOING_SIZE = 400 };

/** One check under way, in its own process. */
struct trial {
    const char *path;      /* of the plugin */
    struct fnd_json given; /* a case that the plugin should take: "use", "config", "subject"… */
    struct fnd_plugin plugin;
    struct trial_host host;
    struct fnd_calls *calls; /* keeps dead calls, so that late use is seen and not a crash */
    char *doing;             /* DOING_SIZE bytes shared with the parent: for the story of a crash */
    int64_t enough_ms;       /* when a check that could go on has seen enough */
    int report;              /* where the verdict goes */
    int output;              /* what the plugin wrote to stdout */
};

/** Monotonic milliseconds. */
int64_t trial_now_ms(void);
/** Whether a check that tries one thing after the other should end: a slow plugin, a busy machine.
 */
bool trial_enough(const struct trial *trial);
/** Say what is done next; it ends up in the message if the plugin dies of it. */
void trial_doing(struct trial *trial, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** The check failed: report it and end this process. */
_Noreturn void trial_fail(struct trial *trial, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/** The check does not concern this phase or detector: report and end this process. */
_Noreturn void trial_skip(struct trial *trial, const char *why);

/** An instance and what its last function did. `= {0}`, trial_instance_finish() frees it. */
struct trial_instance {
    struct parts parts;
    void *self;
    bool made;
    foundry_outcome_t returned; /* of the last function, as it came */
    struct fnd_effects effects; /* what became of it */
};
/** Prepare one for a case.  unchecked: the config goes to the plugin whatever its schema says. */
void trial_instance_init(struct trial *trial, struct fnd_json given, bool unchecked,
                         struct trial_instance *instance);
/** Call create(), if there is one.  Returns whether process() may be called. */
bool trial_create(struct trial *trial, struct trial_instance *instance);
/** Call process() or detect(). */
void trial_process(struct trial *trial, struct trial_instance *instance);
/** Call destroy(), where it is owed. */
void trial_destroy(struct trial *trial, struct trial_instance *instance);
void trial_instance_finish(struct trial_instance *instance);
/** All of an instance's life with a case; its effects stay for the caller. */
void trial_live(struct trial *trial, struct fnd_json given, bool unchecked,
                struct trial_instance *instance);

/** What came out, as bytes to compare: outcome, output, questions, marks, artifacts; no log. */
void trial_result(const struct trial_instance *instance, struct fnd_text *result);
/** "done", "permanent (no_text: the page is empty)". */
void trial_told(const struct trial_instance *instance, struct fnd_text *text);

/** A check: its name, what the contract says, and the code, which returns if all is well. */
struct trial_check {
    const char *name, *rule;
    int timeout_s;
    void (*run)(struct trial *trial);
};
/* the checks, by file */
void check_entry(struct trial *trial);
void check_runs(struct trial *trial);
void check_pause(struct trial *trial);
void check_output(struct trial *trial);
void check_denied(struct trial *trial);
void check_config(struct trial *trial);
void check_answers(struct trial *trial);
void check_huge(struct trial *trial);
void check_cancel(struct trial *trial);
void check_leak(struct trial *trial);
void check_leftover(struct trial *trial);
void check_threads(struct trial *trial);
void check_services(struct trial *trial);
void check_same(struct trial *trial);
void check_stdout(struct trial *trial);
void check_place(struct trial *trial);
void check_late(struct trial *trial);
void check_kept(struct trial *trial);
void check_worker(struct trial *trial);

/** Append a config that meets the schema as far as that can be told from it (NULL: {}). */
void sample_config(const char *schema, struct fnd_text *config);

/** Run every check on every phase and detector of a plugin; a line each on stdout, or JSON.
 *  cases  paths of case files, NULL-ended: the first case that uses a phase or detector is what it
 *         is tested with; others get what their schema says.
 *  only   the name of a check, or NULL for all.
 *  Returns the exit code: 0, 1 a check failed, 2 there is no such check, 6 the plugin cannot be
 * loaded. */
int misuse_run(const char *path, char *const *cases, const char *only, bool json);

#endif
