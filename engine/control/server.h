/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef FND_CONTROL_SERVER_H
#define FND_CONTROL_SERVER_H

#include "control/control.h"
#include "learn/learn.h"
#include "notify/notify.h"
#include "review/desk.h"
#include "review/review.h"

struct client;
struct pending;   /* act_answer.c */
struct undo_wait; /* act_desk.c */

/** Whose news a client wants, and until when. */
struct follow {
    bool active;
    bool all;       /* each transition, not only stops */
    bool watch;     /* never rests: looks for new files instead */
    bool pushed;    /* jobs that nobody moved were set in motion */
    char *pipeline; /* its jobs; NULL: the jobs below */
    int64_t *jobs;  /* numbers */
    size_t jobs_count;
    int64_t pin;         /* of a watch */
    size_t refused;      /* inputs that could not become jobs, at the last look */
    char *refused_lines; /* what was told of them */
};

/** A request in a batch, decided and not yet on disk (batch.c). */
struct held {
    struct client *client;
    char *request;
    size_t size;
    struct fnd_text line; /* its end, if all goes well */
};

struct client {
    struct client *next;
    struct held *held;     /* its request's end is kept there for now */
    int fd;                /* -1: this process's own */
    bool busy;             /* a request is under way */
    bool closing;          /* gone, or to be closed when its output is out */
    bool dead;             /* to be freed */
    int64_t line_since_us; /* when the unfinished line began; 0: none */
    int64_t send_since_us; /* when output began to wait; 0: none */
    struct fnd_text in, out;
    size_t in_at;  /* where the first unread line begins */
    size_t out_at; /* first byte not yet sent */
    struct follow follow;
    bool learning; /* it waits for a training, or for the end of one */
    double told;   /* how far that was said to be */
    char told_note[FND_NOTE_SIZE];
    void (*line)(void *context, struct fnd_json line); /* of the local client */
    void *context;
    struct fnd_control *control;
};

struct fnd_control {
    const struct fnd_env *env;
    const struct fnd_log *log;
    struct fnd_engine *engine;
    struct fnd_desk *desk; /* over the engine */
    struct fnd_notifier *notifier;
    struct fnd_learn *learn; /* NULL: it could not be made */
    int epoll, listener, folder;
    struct client *clients;
    struct pending *pending;      /* answers on their way */
    struct undo_wait *undo_waits; /* answers being taken back */
    struct held **held;           /* in the order of the desk's batch */
    size_t held_count;
    bool batching;
    size_t clients_count;
    bool stopping;
    char *resumed; /* the pipeline that was set in motion; of several: "" */
    bool moved;    /* something happened since followers were last looked at */
    int64_t rest_at_us, watch_at_us;
};

/* server.c */
struct client *control_client_add(struct fnd_control *control, int fd);
/** Append `,"name":` and a JSON text; bytes that are no UTF-8 in visible form; nothing for NULL. */
void control_text(struct fnd_text *line, const char *name, const char *z);
/** Hand a line (without its end) to a client; the text is cleared. */
void control_send(struct client *client, struct fnd_text *line);
/** End the client's request: {"type":"end","status":…,"message":…} and `more`, which is members
 *  with a comma before each, or NULL. */
void control_end(struct client *client, enum fnd_status status, const struct fnd_error *error,
                 const char *more);
void control_end_again(struct client *client);

/* batch.c */
/** Begin a request that only keeps what people do with asks, held back in the batch. */
void control_batch_add(struct client *client, struct fnd_json request,
                       void (*begin)(struct client *client, struct fnd_json request));
/** End what is held back before a request that must see it. */
void control_batch_settle(struct fnd_control *control);

/* requests.c */
/** Begin the request; it ends by control_end(), at once or later. */
void control_request(struct client *client, const char *line, size_t size);
/** The answer's client goes away. */
void control_pending_forget(struct fnd_control *control, struct client *client);

/* act_run.c */
void control_run(struct client *client, struct fnd_json request);
void control_load(struct client *client, struct fnd_json request);
/** See that a pipeline's jobs move, unless they do. */
enum fnd_status control_move(struct fnd_control *control, const char *pipeline,
                             struct fnd_error *error);
void control_watch(struct client *client); /* look for new files again */
/** Set a pipeline's jobs in motion. */
enum fnd_status control_resume(struct fnd_control *control, const char *pipeline,
                               struct fnd_error *error);

/* act_submit.c */
void control_submit(struct client *client, struct fnd_json request);

/* act_answer.c */
void control_answer(struct client *client, struct fnd_json request);

/* act_desk.c */
void control_asks_next(struct client *client, struct fnd_json request);
void control_ask_claim(struct client *client, struct fnd_json request);
void control_ask_heartbeat(struct client *client, struct fnd_json request);
void control_ask_draft(struct client *client, struct fnd_json request);
void control_ask_release(struct client *client, struct fnd_json request);
void control_ask_snooze(struct client *client, struct fnd_json request);
void control_ask_undo(struct client *client, struct fnd_json request);
void control_rules_revoke(struct client *client, struct fnd_json request);
void control_ask_reopen(struct client *client, struct fnd_json request);
/** The client of acts under way goes away; the server does. */
void control_undo_forget(struct fnd_control *control, struct client *client);
void control_undo_finish(struct fnd_control *control);
/* act_gc.c */
void control_gc(struct client *client, struct fnd_json request);

/* act_import.c */
void control_import_record(struct client *client, struct fnd_json request);

/* act_learn.c */
void control_train(struct client *client, struct fnd_json request);
void control_train_cancel(struct client *client, struct fnd_json request);
void control_models_promote(struct client *client, struct fnd_json request);
void control_models_rollback(struct client *client, struct fnd_json request);
/** The client that waits for a training goes away, or the server does. */
void control_learn_forget(struct fnd_control *control, struct client *client);

/* follow.c */
void control_follow(struct client *client, struct fnd_json request);
/** Follow the jobs of a pipeline until they rest; `request` says how much news. */
void control_follow_pipeline(struct client *client, struct fnd_json request, const char *name,
                             int64_t pin);
void control_follow_finish(struct follow *follow);
/** End the requests whose jobs rest. */
void control_follow_check(struct fnd_control *control);

#endif
