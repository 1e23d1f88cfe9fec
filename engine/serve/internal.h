/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef FND_SERVE_INTERNAL_H
#define FND_SERVE_INTERNAL_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/json.h"
#include "review/desk.h"
#include "serve/guard.h"
#include "serve/route.h"
#include "serve/serve.h"
#include "store/reader.h"

struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;
struct pictures;
struct request;

/* --- directories: an engine each (drive.c), readers (directory.c) ----------------------------- */

/** A write on its way through an engine: a control request and the end of its reply. */
struct act {
    struct act *next;
    struct fnd_text request;
    struct fnd_text end;           /* the line {"type":"end",…}, once done() is called */
    void (*done)(struct act *act); /* on the engine's thread */
    void *context;
};

/** Something for the helper's thread. Owned by whoever hands it over; it may be gone as soon as
 *  run() has resumed its request. */
struct task {
    struct task *next;
    void (*run)(struct task *task);
    void *context;
};

struct spare {
    struct spare *next;
    struct fnd_reader *reader;
};

/** What is asked of a pin again and again; immutable once made. */
struct pin_view {
    struct pin_view *next;
    int64_t pin;
    char **phases;  /* ids, NULL-ended */
    char **plugins; /* of each: {"id","version","sha256"}; NULL: the engine's own */
    size_t phases_count;
};

enum directory_state { DIRECTORY_OPENING, DIRECTORY_READY, DIRECTORY_BROKEN, DIRECTORY_ENDED };

struct directory {
    struct fnd_serve *serve;
    const char *path;
    char *name;  /* its base name, made unique */
    char tag[9]; /* the first 8 hex digits of the store's UUID */
    pthread_t thread;
    bool started;
    int wake;               /* eventfd: acts, or a stop */
    atomic_int stop;        /* 0, 1: drain, 2: now */
    atomic_llong moved;     /* the last event that news told of */
    atomic_llong failed_us; /* when a write last failed, monotonic; 0: the last one did not */
    atomic_int failed;      /* of what: FND_FULL, FND_IO, FND_DAMAGED */
    atomic_llong stirred;   /* how often people did something that news do not tell of */
    struct presence *presence;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    enum directory_state state;
    struct fnd_error trouble; /* of BROKEN, and of an ENDED before it was ready */
    struct fnd_text refusal;  /* a refused pipeline's errors */
    struct act *acts, **acts_end;
    struct fnd_store *store; /* of a READY one */
    size_t store_users;
    struct spare *spares;
    struct tally *tally; /* the helper's */
    struct keys *keys;   /* the helper's */
    struct pin_view *pins;
};

enum fnd_status directory_start(struct directory *directory, struct fnd_error *error);
void directory_stop(struct directory *directory, bool now);
void directory_finish(struct directory *directory);
/** Hand an act over; done() is called in any case.  Thread: any. */
void directory_act(struct directory *directory, struct act *act);
/** The store for what any thread may do with it; the engine does not close it before it was given
 *  back.  FND_BUSY, or what stopped it, when there is none. */
enum fnd_status directory_store(struct directory *directory, struct fnd_store **store,
                                struct fnd_error *error);
void directory_store_release(struct directory *directory);
/** FND_OK, or why it takes no writes now: its engine's trouble, or FND_FULL. */
enum fnd_status directory_ready(struct directory *directory);
/** A write ended like that. */
void directory_wrote(struct directory *directory, enum fnd_status status);
/** A reader of its own for the caller, until it is given back. */
enum fnd_status directory_reader(struct directory *directory, struct spare **spare,
                                 struct fnd_error *error);
void directory_release(struct directory *directory, struct spare *spare);
/** NULL where the pin cannot be read. Borrowed until the server ends. */
const struct pin_view *directory_pin(struct directory *directory, struct fnd_reader *reader,
                                     int64_t pin);
const char *pin_phase(const struct pin_view *view, int32_t index); /* NULL: none */
/** Its plugin as JSON; NULL: the engine's own, or none. */
const char *pin_plugin(const struct pin_view *view, int32_t index);

/* --- who is at what (presence.c) -------------------------------------------------------------- */

enum presence_kind { PRESENCE_CLAIMED, PRESENCE_RELEASED, PRESENCE_DRAFTED };
struct presence_told {
    enum presence_kind kind;
    int64_t request, job, until_us; /* until_us 0: no lease */
    char by[FND_WHO_SIZE_MAX + 1];
};

struct presence *presence_create(void);
void presence_destroy(struct presence *presence); /* NULL is fine */
/** Leases that stand when an engine begins; what people do; what ends by the clock, and when to
 *  look again, -1: never.  Thread: the engine's. */
void presence_load(struct directory *directory, struct fnd_reader *reader);
void presence_note(struct directory *directory, const struct fnd_desk_told *told);
void presence_turn(struct directory *directory, struct fnd_reader *reader, int64_t wall_us);
int64_t presence_wait_us(const struct directory *directory, int64_t wall_us);
/** How much was told so far; what was told at `at`, which goes on; false: no more.  Thread: any. */
uint64_t presence_count(struct directory *directory);
bool presence_next(struct directory *directory, uint64_t *at, struct presence_told *told);

/* --- connections (listen.c) ------------------------------------------------------------------ */

enum place_stage {
    PLACE_FREE,
    PLACE_HEAD,   /* connected, or behind a reply that is all out: a head is awaited */
    PLACE_ENDING, /* the last word is said: what still comes is read and dropped */
    PLACE_ASKED,  /* a head was passed on, and the library has not told of it yet */
    PLACE_BODY,
    PLACE_UPLOAD,
    PLACE_WAIT, /* for an engine */
    PLACE_REPLY,
    PLACE_STREAM,
    PLACE_DONE /* the library has written its reply, of which the client may lack some */
};

/** A connection's place among those there may be. The front has the client's socket and one end of
 *  a pair, the library the other: it never sees a head that was not judged. Whoever leaves last
 *  frees the place. */
struct place {
    int fd;    /* the client's */
    int inner; /* of the pair, the front's; -1: no head has been good yet */
    /* under the lock */
    int theirs; /* of the pair, the library's, until it has joined; -1: none */
    enum place_stage stage;
    bool cut;     /* it ends, by a deadline or because the client has gone */
    bool left;    /* the front has closed it */
    bool library; /* the library has it */
    bool last;    /* nothing is read behind this request */
    bool behind;  /* the client sent more while a request was under way */
    int64_t since_us;
    uint64_t bytes; /* of a stream, at since_us */
    /* the front's */
    struct sockaddr_storage address;
    socklen_t address_size;
    uint64_t body_left;         /* bytes of the request's body still to be passed on */
    size_t swallowed;           /* bytes read behind the last word */
    int64_t owed_us;            /* since when the client takes no more of a reply; 0: it does */
    bool watch_fd, watch_inner; /* for room to write, too */
};

enum { PEER_SIZE = 64 };

struct fnd_serve {
    struct fnd_serve_options options;
    char *url;
    char *token; /* made here; NULL: the people's own */
    struct fnd_serve_person self;
    const struct fnd_serve_person *people;
    size_t people_count;
    char cookie[24]; /* its name */
    char *hosts;     /* allowed values of Host, each between newlines */
    bool tcp;
    char *socket_path;
    struct directory *directories;
    size_t directories_count;
    struct MHD_Daemon *daemons[FND_SERVE_THREADS];
    size_t daemons_count;
    int listener, wake, epoll;
    size_t turn; /* of the daemons, the acceptor's */
    pthread_t acceptor, helper;
    atomic_bool accepting;
    atomic_bool stopping;
    pthread_mutex_t lock; /* of what follows */
    struct place *places;
    size_t places_count, places_used;
    struct task *tasks, **tasks_end;
    pthread_cond_t tasks_there;
    bool helping;
    bool woken;               /* nobody sleeps any more */
    struct request *sleepers; /* streams and delayed replies, by `sleep_next` */
    struct pictures *pictures;
    int64_t failed_since_us; /* of bad tokens */
    size_t failed;
    uint64_t requests, refused, evicted, cut, replies[6]; /* for /metrics; replies by class */
};

enum fnd_status listen_open(struct fnd_serve *serve, struct fnd_error *error);
enum fnd_status listen_start(struct fnd_serve *serve, struct fnd_error *error);
void listen_stop(struct fnd_serve *serve);
/** The place whose end of the pair the library was given, which has it from now on; NULL: the front
 *  has closed it already. */
struct place *place_join(struct fnd_serve *serve, int theirs);
/** The library is done with it. */
void place_leave(struct fnd_serve *serve, struct place *place);
void place_free(struct fnd_serve *serve, struct place *place);
enum place_stage place_stage(struct fnd_serve *serve, struct place *place);
/** Nothing leads out of PLACE_ENDING but its end. */
void place_enter(struct fnd_serve *serve, struct place *place, enum place_stage stage);
/** The library has written its reply, or given it up; `last`: and will end the connection. */
void place_done(struct fnd_serve *serve, struct place *place, bool last);
/** A stream gave or took this many bytes in all. */
void place_progress(struct fnd_serve *serve, struct place *place, uint64_t bytes);

/* --- between client and library (front.c, relay.c).  Thread: the acceptor's. ------------------ */

/** Watch a new connection; something happened at one, `hung`: an end of it perhaps; it was too
 *  slow. */
void front_take(struct fnd_serve *serve, struct place *place);
void front_look(struct fnd_serve *serve, struct place *place, bool hung);
void front_late(struct fnd_serve *serve, struct place *place);
void front_close(struct fnd_serve *serve, struct place *place);
/** Say so and end it. */
void front_refuse(struct fnd_serve *serve, struct place *place, const struct guard_flaw *flaw);
/** All is said: end it without losing the last words. */
void front_finish(struct fnd_serve *serve, struct place *place);
/** Close those that are left. */
void front_end(struct fnd_serve *serve);
enum passage {
    PASSAGE_OVER, /* it has ended, and the place is not ours to look at */
    PASSAGE_HELD, /* something waits for the other side, or for more to come */
    PASSAGE_ALL   /* whatever came is through: of a body all, of a reply all that there is */
};
/** Pass on what can be. `hung`: an end may be there, behind what else is. */
enum passage relay(struct fnd_serve *serve, struct place *place, bool hung);

/* --- requests (http.c) ----------------------------------------------------------------------- */

enum { REPLY_HEADERS_MAX = 8 };

struct caller {
    const char *name;
    bool by_cookie;
};

struct request {
    struct fnd_serve *serve;
    struct MHD_Connection *connection;
    struct place *place;
    char *target; /* as sent, whole */
    size_t target_size;
    enum http_method method;
    struct route_match match;
    struct caller caller;
    char peer[PEER_SIZE];
    /** Written by the thread that serves the connection alone; while WAITING it is suspended, and
     *  being called again means that it was resumed. */
    enum { REQUEST_NEW, REQUEST_BODY, REQUEST_WAITING, REQUEST_REPLIED } stage;
    struct fnd_text body;
    struct upload *upload;
    void *work; /* of a task under way */
    /* the reply */
    unsigned status;
    struct fnd_text out;
    const char *type; /* media type of `out` */
    struct reply_header {
        const char *name;
        char *value;
    } headers[REPLY_HEADERS_MAX];
    size_t headers_count;
    struct MHD_Response *stream; /* instead of `out` */
    bool close;
    bool last; /* it ends the connection, as we or the client have it */
    /* a write */
    struct act act;
    struct directory *directory;
    int64_t number; /* the request's or job's that the act is about */
    void (*finish)(struct request *request, struct fnd_json end);
    char *key; /* Idempotency-Key */
    /* while suspended for time */
    struct request *sleep_next;
    int64_t sleep_until_us;
    void *stream_state;
};

enum fnd_status http_start(struct fnd_serve *serve, struct fnd_error *error);
void http_stop(struct fnd_serve *serve);
/** The value of a header, or NULL. */
const char *request_header(const struct request *request, const char *name);
/** A query argument's decoded value, malloc'ed, or NULL. */
char *request_query(const struct request *request, const char *name);
/** Ask the engine; `finish` makes the reply out of the end. The act's request must be filled in.
 *  The handler returns at once behind it. */
void request_act(struct request *request, struct directory *directory,
                 void (*finish)(struct request *request, struct fnd_json end));
/** Wait for request_resume(), which may come at any moment behind this; then `finish`. */
void request_wait(struct request *request,
                  void (*finish)(struct request *request, struct fnd_json end));
void request_resume(struct request *request); /* Thread: any */
/** Wait until `until_us` (monotonic) or until something moves. */
void request_sleep(struct request *request, int64_t until_us);
/** Resume who sleeps: whose time has come, with `moved` every stream; `last`: all, for good. */
void request_wake(struct fnd_serve *serve, bool moved, bool last);

/* --- the helper (helper.c) ------------------------------------------------------------------- */

enum fnd_status helper_start(struct fnd_serve *serve, struct fnd_error *error);
/** Does what was handed over, then ends. */
void helper_stop(struct fnd_serve *serve);
void helper_do(struct fnd_serve *serve, struct task *task); /* Thread: any */

/* --- replies (reply.c) ----------------------------------------------------------------------- */

void reply_header(struct request *request, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** The reply is what stands in request->out, JSON. */
void reply_json(struct request *request, unsigned status);
void reply_problem(struct request *request, unsigned status, const char *code, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));
/** A whole reply that refuses and closes, headers and all, for where the library is not asked. */
void reply_raw(struct fnd_text *out, const struct guard_flaw *flaw);
/** What an error of the engine comes to. */
void reply_error(struct request *request, const struct fnd_error *error);
/** The same, with members: `,"errors":[…]`. */
void reply_error_more(struct request *request, const struct fnd_error *error, const char *more);
/** What an end comes to that is not ok: problem, errors, standing. True when it was ok. */
bool reply_end(struct request *request, struct fnd_json end);
unsigned reply_status(enum fnd_status status);
/** Hand the reply to the library. */
int reply_send(struct request *request);
/** Append `,"name":"text"`, in visible form where it is no UTF-8; nothing for NULL. */
void json_text(struct fnd_text *json, const char *name, const char *z);
/** The same with null for NULL. */
void json_text_null(struct fnd_text *json, const char *name, const char *z);
void json_time(struct fnd_text *json, const char *name, int64_t wall_us); /* 0: null */
void json_member_copy(struct fnd_text *json, const char *name, struct fnd_json value);

/* --- who may (auth.c) ------------------------------------------------------------------------ */

/** Makes the token if none is given, the cookie's name, the hosts. `port` 0: a Unix socket. */
enum fnd_status auth_setup(struct fnd_serve *serve, unsigned port, struct fnd_error *error);
/** True, or the refusal is the reply. May suspend. */
bool auth_check(struct request *request);
void auth_login(struct request *request);

/* --- routes ---------------------------------------------------------------------------------- */

void jobs_list(struct request *request);
void jobs_get(struct request *request);
void jobs_post(struct request *request);
void jobs_cancel(struct request *request);
void jobs_retry(struct request *request);
void artifacts_get(struct request *request);
void asks_list(struct request *request);
void asks_get(struct request *request);
void asks_answer(struct request *request);
void asks_next(struct request *request);
void asks_claim(struct request *request);
void asks_heartbeat(struct request *request);
void asks_draft(struct request *request);
void asks_form(struct request *request);
void asks_release(struct request *request);
void asks_snooze(struct request *request);
void asks_undo(struct request *request);
void asks_reopen(struct request *request);
void rules_list(struct request *request);
void rules_revoke(struct request *request);
void corrections_list(struct request *request);
void corrections_get(struct request *request);
void exports_list(struct request *request);
void exports_post(struct request *request);
void exports_get(struct request *request);
void exports_file(struct request *request);
void exports_manifest(struct request *request);
void stats_get(struct request *request);
void curve_get(struct request *request);
void metrics_get(struct request *request);
void events_get(struct request *request);
void static_get(struct request *request);
void session_get(struct request *request);
void health_get(struct request *request);
void ready_get(struct request *request);
void pipelines_get(struct request *request);

/** Hand a job in: `member` is "input" with the value, or "artifact" with what is kept already. */
void submit_value(struct request *request, struct directory *directory, const char *pipeline,
                  const char *name, const char *member, struct fnd_json value);
/** The directory of that name, or the first for NULL; NULL: 404 is the reply. */
struct directory *submit_directory(struct request *request, const char *name);
/** Append an Ask as it stands. */
enum fnd_status ask_append(struct request *request, struct directory *directory, int64_t number,
                           struct fnd_error *error);
/** Reply with one. */
void ask_reply(struct request *request, struct directory *directory, int64_t number,
               unsigned status);
/** Reply with a file, or the range of it that was asked for. Takes `fd`. */
void file_send(struct request *request, int fd, uint64_t size, const char *type, bool in_line,
               const char *name);
/** The export that was made under the request's Idempotency-Key before; 0: none.
 *  FND_CONFLICT: for another body.  Thread: the helper's. */
enum fnd_status keys_find(struct directory *directory, struct fnd_reader *reader,
                          const struct request *request, int64_t *number, struct fnd_error *error);
/** What its export keeps in the record of it, JSON, malloc'ed; NULL: it has no key. */
char *keys_meta(const struct request *request);
void keys_destroy(struct keys *keys);
/** The body as a JSON object; false: the refusal is the reply. `{}` for no body where `empty`. */
bool body_object(struct request *request, bool empty, struct fnd_json *object);
/** A page's limit and where it begins; false: the refusal is the reply. */
struct page {
    size_t limit;
    size_t directory; /* index it goes on with */
    int64_t after;
};
bool page_read(struct request *request, struct page *page);
/** Append `,"next":…}`: `more` with where it goes on, or null. */
void page_end(struct fnd_text *out, bool more, const struct directory *directory, int64_t after);
/** The directory of `?directory=NAME` alone, or all: [first, last). False: 404 is the reply. */
bool directories_asked(struct request *request, size_t *first, size_t *last);
/** The directory and number of an id TAG-NUMBER; false: 404 is the reply. */
bool number_id(struct request *request, const char *id, const char *what,
               struct directory **directory, int64_t *number);
/** The job of a UUID: 404 is the reply where it returns false. `spare` to be given back. */
bool job_of_id(struct request *request, const char *id, struct directory **directory,
               struct spare **spare, struct fnd_job_row *job);
/** Append the Job object without its closing brace. */
enum fnd_status job_json(struct directory *directory, struct fnd_reader *reader,
                         const struct fnd_job_row *job, const struct fnd_step_row *step,
                         struct fnd_text *json, struct fnd_error *error);
enum fnd_status job_timeline(struct directory *directory, struct fnd_reader *reader,
                             const struct fnd_job_row *job, const struct fnd_step_row *step,
                             struct fnd_text *json, struct fnd_error *error);
enum fnd_status job_artifacts(struct directory *directory, struct fnd_reader *reader,
                              const struct fnd_job_row *job, const struct fnd_step_row *step,
                              struct fnd_text *json, struct fnd_error *error);

#endif
