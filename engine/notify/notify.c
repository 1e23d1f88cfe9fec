/* SPDX-License-Identifier: MIT */
#include "notify/notify.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "notify/internal.h"

enum { TICK_US = 20000, LOOK_MIN_US = 200000, LOOK_MAX_US = 60 * 1000000, PAGE = 32 };

/* A message on its way. */
struct transfer {
    struct transfer *next;
    CURL *easy;
    struct curl_slist *headers;
    struct fnd_text body;
    struct fnd_outbox_row row;
    size_t received;
    bool allow_private, refused; /* refused: its address is none that may be reached */
};

struct fnd_notifier {
    struct fnd_engine *engine;
    const struct fnd_log *log;
    CURLM *multi;
    struct transfer *transfers;
    size_t count;
    bool stale;
    int64_t look_us, looked_us; /* monotonic */
};

struct fnd_notifier *fnd_notifier_create(struct fnd_engine *engine, const struct fnd_log *log)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return NULL;
    }
    struct fnd_notifier *notifier = fnd_alloc(sizeof *notifier);
    notifier->engine = engine;
    notifier->log = log;
    notifier->multi = curl_multi_init();
    notifier->stale = true;
    notifier->looked_us = -LOOK_MIN_US;
    if (notifier->multi == NULL) {
        free(notifier);
        return NULL;
    }
    return notifier;
}

static void transfer_free(struct fnd_notifier *notifier, struct transfer *transfer)
{
    struct transfer **link = &notifier->transfers;
    while (*link != transfer) {
        link = &(*link)->next;
    }
    *link = transfer->next;
    notifier->count--;
    curl_multi_remove_handle(notifier->multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    fnd_text_finish(&transfer->body);
    free(transfer);
}

void fnd_notifier_destroy(struct fnd_notifier *notifier)
{
    if (notifier == NULL) {
        return;
    }
    while (notifier->transfers != NULL) {
        transfer_free(notifier, notifier->transfers);
    }
    curl_multi_cleanup(notifier->multi);
    free(notifier);
    curl_global_cleanup();
}

static const struct fnd_env *env_of(const struct fnd_notifier *notifier)
{
    return fnd_store_env(fnd_engine_store(notifier->engine));
}

/* The address that libcurl is about to connect to. */
static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *transfer = context;
    (void)purpose;
    if (!transfer->allow_private && !fnd_address_public(&address->addr)) {
        transfer->refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t swallow(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    (void)bytes;
    transfer->received += size * count;
    return transfer->received > FND_NOTIFY_REPLY_SIZE_MAX ? 0 : size * count;
}

/* Keep what became of an attempt. */
static void row_end(struct fnd_notifier *notifier, const struct fnd_outbox_row *row, bool sent,
                    const char *note)
{
    const struct fnd_env *env = env_of(notifier);
    const int64_t now = env->wall_us(env);
    struct fnd_error error = {0};
    struct fnd_write *write = fnd_write_create();
    struct fnd_note *state = fnd_write_note(write, FND_NOTE_OUTBOX_STATE, row->id, NULL, note);
    const bool dead = !sent && now - row->at_us >= (int64_t)FND_NOTIFY_DEAD_S * 1000000;
    int64_t wait_ms = FND_NOTIFY_FIRST_MS;
    for (int32_t i = 0; i < row->tries && wait_ms < FND_NOTIFY_BACKOFF_MAX_MS; i++) {
        wait_ms *= 2;
    }
    wait_ms = wait_ms > FND_NOTIFY_BACKOFF_MAX_MS ? FND_NOTIFY_BACKOFF_MAX_MS : wait_ms;
    uint16_t draw = 0; /* a quarter more or less, so that many do not come at once */
    env->random(env, &draw, sizeof draw);
    wait_ms += wait_ms / 2 * draw / 65536 - wait_ms / 4;
    state->state = sent ? FND_OUTBOX_SENT : dead ? FND_OUTBOX_DEAD : FND_OUTBOX_WAITS;
    state->tries = row->tries + 1;
    state->at_us = sent || dead ? now : now + wait_ms * 1000;
    if (sent) { /* and forget what was sent long ago */
        fnd_write_note(write, FND_NOTE_OUTBOX_SWEEP, 0, NULL, NULL)->at_us =
            now - (int64_t)FND_NOTIFY_KEPT_S * 1000000;
    }
    if (fnd_store_commit(fnd_engine_store(notifier->engine), write, &error) != FND_OK) {
        fnd_log(notifier->log, FND_LOG_WARNING, "notify", NULL, NULL, "%s", error.message);
    }
    if (!sent) {
        fnd_log(notifier->log, dead ? FND_LOG_WARNING : FND_LOG_INFO, "notify", NULL, NULL,
                "message %" PRId64 " %s: %s", row->id, dead ? "is given up" : "will be sent again",
                note);
    }
    fnd_write_destroy(write);
    notifier->stale = true;
}

static bool in_flight(const struct fnd_notifier *notifier, int64_t id)
{
    for (const struct transfer *t = notifier->transfers; t != NULL; t = t->next) {
        if (t->row.id == id) {
            return true;
        }
    }
    return false;
}

static void options_set(struct transfer *transfer, const struct fnd_hook *hook)
{
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_URL, hook->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* the address is checked: ours, not a proxy's */
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)FND_NOTIFY_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)FND_NOTIFY_CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "foundry-engine");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fnd_text_z(&transfer->body));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)transfer->body.size);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
}

static void header_add(struct transfer *transfer, const char *name, const char *value)
{
    struct fnd_text line = {0};
    fnd_text_printf(&line, "%s: %s", name, value);
    transfer->headers = curl_slist_append(transfer->headers, fnd_text_z(&line));
    fnd_text_finish(&line);
}

/* Headers and signature.  FND_NOT_FOUND: the secret is not set. */
static enum fnd_status headers_make(struct fnd_notifier *notifier, struct transfer *transfer,
                                    const struct fnd_hook *hook, const char *id, const char *name,
                                    struct fnd_error *error)
{
    const struct fnd_env *env = env_of(notifier);
    header_add(transfer, "Content-Type", "application/json");
    header_add(transfer, "Expect", "");
    header_add(transfer, "Foundry-Delivery", id);
    header_add(transfer, "Foundry-Event", name);
    if (hook->secret == NULL) {
        return FND_OK;
    }
    char *secret = fnd_engine_secret(notifier->engine, hook->secret);
    if (secret == NULL) {
        return fnd_error_set(error, FND_NOT_FOUND, "secret %s is not set", hook->secret);
    }
    struct fnd_text line = {0};
    fnd_message_sign(secret, env->wall_us(env) / 1000000, &transfer->body, &line);
    transfer->headers = curl_slist_append(transfer->headers, fnd_text_z(&line));
    fnd_text_finish(&line);
    free(secret);
    return FND_OK;
}

static void send_row(struct fnd_notifier *notifier, const struct fnd_outbox_row *row)
{
    struct fnd_reader *reader = fnd_engine_reader(notifier->engine);
    const struct fnd_pipeline *pipeline = NULL;
    struct fnd_event_row event = {0};
    struct fnd_error error = {0};
    char id[FND_MESSAGE_ID_SIZE];
    struct transfer *transfer = fnd_alloc(sizeof *transfer);
    transfer->row = *row;
    transfer->next = notifier->transfers;
    notifier->transfers = transfer;
    notifier->count++;
    transfer->easy = curl_easy_init();
    enum fnd_status status = fnd_engine_pipeline(notifier->engine, row->pin, &pipeline, &error);
    if (status == FND_OK &&
        (row->hook < 0 || (size_t)row->hook >= pipeline->hooks_count || transfer->easy == NULL)) {
        status = fnd_error_set(&error, FND_DAMAGED, "its pipeline declares no such hook");
    }
    if (status == FND_OK) {
        status = fnd_event_get(reader, row->event, &event, &error);
    }
    const struct fnd_hook *hook = status == FND_OK ? &pipeline->hooks[row->hook] : NULL;
    const char *name = fnd_hook_event_name(fnd_outbox_event(event.kind));
    fnd_message_id(fnd_store_salt(fnd_engine_store(notifier->engine)), row->event, row->hook, id);
    if (status == FND_OK) {
        transfer->allow_private = hook->allow_private;
        status = fnd_message_body(reader, row, name, id, &transfer->body, &error);
    }
    if (status == FND_OK) {
        status = headers_make(notifier, transfer, hook, id, name, &error);
    }
    if (status != FND_OK) {
        row_end(notifier, row, false, error.message);
        transfer_free(notifier, transfer);
        return;
    }
    options_set(transfer, hook);
    curl_multi_add_handle(notifier->multi, transfer->easy);
}

struct due {
    struct fnd_outbox_row rows[PAGE];
    size_t count;
};

static bool due_add(const struct fnd_outbox_row *row, void *context)
{
    struct due *due = context;
    due->rows[due->count++] = *row;
    return due->count < PAGE;
}

static void look(struct fnd_notifier *notifier)
{
    const struct fnd_env *env = env_of(notifier);
    const int64_t now = env->monotonic_us(env), wall = env->wall_us(env);
    struct due *due = fnd_alloc(sizeof *due);
    int64_t next_us = FND_DUE_NONE, wait_us = LOOK_MAX_US;
    notifier->stale = false;
    notifier->looked_us = now;
    struct fnd_reader *reader = fnd_engine_reader(notifier->engine);
    if (fnd_outbox_due(reader, wall, PAGE, due_add, due, NULL) == FND_OK) {
        for (size_t i = 0; i < due->count && notifier->count < FND_NOTIFY_FLIGHT_MAX; i++) {
            if (!in_flight(notifier, due->rows[i].id)) {
                send_row(notifier, &due->rows[i]);
            }
        }
    }
    if (fnd_outbox_next(reader, &next_us, NULL) == FND_OK && next_us != FND_DUE_NONE &&
        next_us - wall < wait_us) {
        wait_us = next_us > wall ? next_us - wall : LOOK_MIN_US;
    }
    notifier->look_us = now + wait_us;
    free(due);
}

static void ended(struct fnd_notifier *notifier, struct transfer *transfer, CURLcode result)
{
    struct fnd_text note = {0};
    long code = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &code);
    /* A reply that is too long was cut off behind its status, which tells enough. */
    const bool cut = result == CURLE_WRITE_ERROR && transfer->received > FND_NOTIFY_REPLY_SIZE_MAX;
    const bool sent = (result == CURLE_OK || cut) && code >= 200 && code < 300;
    if (transfer->refused) {
        fnd_text_append_z(&note, "its address is of this machine or a private network; declare "
                                 "`allow_private: true` if that is meant");
    } else if (result != CURLE_OK && !cut) {
        fnd_text_append_z(&note, curl_easy_strerror(result));
    } else {
        fnd_text_printf(&note, "HTTP status %ld", code);
    }
    row_end(notifier, &transfer->row, sent, fnd_text_z(&note));
    transfer_free(notifier, transfer);
    fnd_text_finish(&note);
}

void fnd_notifier_turn(struct fnd_notifier *notifier)
{
    const struct fnd_env *env = env_of(notifier);
    int running = 0, left = 0;
    if (!fnd_engine_resumed(notifier->engine)) {
        return;
    }
    if (notifier->count > 0) {
        curl_multi_perform(notifier->multi, &running);
        for (CURLMsg *message; (message = curl_multi_info_read(notifier->multi, &left)) != NULL;) {
            char *owner = NULL;
            if (message->msg == CURLMSG_DONE) {
                const CURLcode result = message->data.result;
                curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
                ended(notifier, (struct transfer *)(void *)owner, result);
            }
        }
    }
    const int64_t now = env->monotonic_us(env);
    if (now >= notifier->look_us || (notifier->stale && now - notifier->looked_us >= LOOK_MIN_US)) {
        look(notifier);
        if (notifier->count > 0) {
            curl_multi_perform(notifier->multi, &running);
        }
    }
}

int64_t fnd_notifier_wait_us(const struct fnd_notifier *notifier)
{
    const struct fnd_env *env = env_of(notifier);
    if (!fnd_engine_resumed(notifier->engine)) {
        return -1;
    }
    const int64_t now = env->monotonic_us(env);
    int64_t wait = notifier->look_us - now;
    if (notifier->stale && notifier->looked_us + LOOK_MIN_US - now < wait) {
        wait = notifier->looked_us + LOOK_MIN_US - now;
    }
    if (notifier->count > 0 && wait > TICK_US) {
        wait = TICK_US;
    }
    return wait < 0 ? 0 : wait;
}

void fnd_notifier_news(struct fnd_notifier *notifier)
{
    notifier->stale = true;
}
