/* SPDX-License-Identifier: MIT */
/* Who asks: a token in a header, or the cookie that a login made of it. The cookie is a session's
 * random name and a keyed hash of it under the token, so nothing is kept here and a restart with
 * the same token file keeps people logged in. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "serve/internal.h"

enum { TOKEN_SIZE = 32, SESSION_SIZE = 8, COOKIE_AGE_S = 30 * 24 * 3600 };

static void add_host(struct fnd_text *hosts, const char *name, unsigned port)
{
    if (port == 0 || port == 80) {
        fnd_text_printf(hosts, "%s\n", name);
    }
    if (port != 0) {
        fnd_text_printf(hosts, "%s:%u\n", name, port);
    }
}

enum fnd_status auth_setup(struct fnd_serve *serve, unsigned port, struct fnd_error *error)
{
    struct fnd_text hosts = {0};
    const char *const *names = serve->options.hosts;
    add_host(&hosts, "127.0.0.1", port);
    add_host(&hosts, "localhost", port);
    add_host(&hosts, "[::1]", port);
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        fnd_text_printf(&hosts, "%s\n", names[i]); /* as said: behind a proxy the port differs */
    }
    serve->hosts = fnd_text_take(&hosts);
    snprintf(serve->cookie, sizeof serve->cookie, "foundry-%u", port);
    serve->people = serve->options.people;
    serve->people_count = serve->options.people_count;
    if (serve->people_count == 0) {
        /* In letters of 6 bits each, so that the login link fits a terminal's 80 columns. */
        uint8_t bytes[TOKEN_SIZE];
        const int variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
        const size_t room = sodium_base64_encoded_len(sizeof bytes, variant);
        serve->options.env->random(serve->options.env, bytes, sizeof bytes);
        serve->token = sodium_bin2base64(fnd_alloc(room), room, bytes, sizeof bytes, variant);
        serve->self = (struct fnd_serve_person){serve->options.by, serve->token};
        serve->people = &serve->self;
        serve->people_count = 1;
        return FND_OK;
    }
    for (size_t i = 0; i < serve->people_count; i++) {
        if (strlen(serve->people[i].token) < 2 * TOKEN_SIZE) {
            return fnd_error_set(error, FND_INVALID,
                                 "the token of %s has less than %d characters; openssl rand -hex "
                                 "32 makes one",
                                 serve->people[i].name, 2 * TOKEN_SIZE);
        }
    }
    return FND_OK;
}

/* Equal, in a time that tells nothing of where they differ: digests of both are compared. */
static bool equal(const char *a, const char *b)
{
    uint8_t first[FND_DIGEST_SIZE], second[FND_DIGEST_SIZE];
    fnd_sha256(a, strlen(a), first);
    fnd_sha256(b, strlen(b), second);
    return sodium_memcmp(first, second, sizeof first) == 0;
}

/* Whose token it is; all are compared, whichever fits. NULL: nobody's. */
static const struct fnd_serve_person *person_of(const struct fnd_serve *serve, const char *token)
{
    const struct fnd_serve_person *found = NULL;
    for (size_t i = 0; i < serve->people_count; i++) {
        found = equal(token, serve->people[i].token) ? &serve->people[i] : found;
    }
    return found;
}

/* hex of BLAKE2b under the token's hash. */
static void seal(const struct fnd_serve_person *person, const char *session,
                 char text[FND_DIGEST_TEXT_SIZE])
{
    uint8_t key[FND_DIGEST_SIZE], digest[FND_DIGEST_SIZE];
    fnd_sha256(person->token, strlen(person->token), key);
    fnd_blake2b(key, sizeof key, "foundry login ", 14, session, strlen(session), digest);
    fnd_digest_text(digest, text);
}

/* The value of our cookie, malloc'ed; NULL: none, or two of the name. */
static char *cookie_value(const struct request *request)
{
    const char *header = request_header(request, "Cookie");
    size_t length = strlen(request->serve->cookie);
    char *value = NULL;
    while (header != NULL && *header != '\0') {
        header += strspn(header, "; ");
        size_t size = strcspn(header, ";");
        if (size > length && strncmp(header, request->serve->cookie, length) == 0 &&
            header[length] == '=') {
            if (value != NULL) {
                free(value);
                return NULL;
            }
            value = fnd_strndup(header + length + 1, size - length - 1);
        }
        header += size;
    }
    return value;
}

static bool cookie_holds(struct request *request)
{
    char *value = cookie_value(request), mac[FND_DIGEST_TEXT_SIZE];
    bool holds = false;
    size_t size = value != NULL ? strlen(value) : 0;
    if (size == 2 * SESSION_SIZE + 1 + FND_DIGEST_TEXT_SIZE - 1 && value[2 * SESSION_SIZE] == '.') {
        value[2 * SESSION_SIZE] = '\0';
        for (size_t i = 0; i < request->serve->people_count; i++) {
            const struct fnd_serve_person *person = &request->serve->people[i];
            seal(person, value, mac);
            if (equal(mac, value + 2 * SESSION_SIZE + 1)) {
                request->caller.name = person->name;
                holds = true;
            }
        }
    }
    free(value);
    return holds;
}

static bool bearer_holds(struct request *request, bool *given)
{
    const char *value = request_header(request, "Authorization");
    *given = value != NULL && strncmp(value, "Bearer ", 7) == 0;
    const struct fnd_serve_person *person = *given ? person_of(request->serve, value + 7) : NULL;
    request->caller.name = person != NULL ? person->name : request->caller.name;
    return person != NULL;
}

static void refuse_late(struct request *request, struct fnd_json end)
{
    (void)end;
    reply_problem(request, 401, "bad_token", "this token is none of this server's");
}

/* A wrong token: guesses beyond a few a minute wait, each for itself. */
static void refuse_token(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    int64_t now_us = serve->options.env->monotonic_us(serve->options.env);
    pthread_mutex_lock(&serve->lock);
    if (now_us - serve->failed_since_us > 60 * (int64_t)1000000) {
        serve->failed_since_us = now_us;
        serve->failed = 0;
    }
    bool late = ++serve->failed > FND_SERVE_TOKENS_FAILED_MAX;
    pthread_mutex_unlock(&serve->lock);
    reply_header(request, "WWW-Authenticate", "Bearer");
    if (!late || atomic_load(&serve->stopping)) {
        refuse_late(request, (struct fnd_json){0});
        return;
    }
    request->finish = refuse_late;
    request->stage = REQUEST_WAITING;
    request_sleep(request, now_us + (int64_t)FND_SERVE_TOKEN_DELAY_MS * 1000);
}

/* Another site's page can make a browser send requests, and the browser says whose page it was. */
static bool origin_holds(struct request *request, bool changes)
{
    const char *origin = request_header(request, "Origin");
    const char *host = request_header(request, "Host");
    if (origin == NULL && !(changes && request->caller.by_cookie)) {
        return true;
    }
    if (origin != NULL && guard_origin(origin, host)) {
        return true;
    }
    reply_problem(request, 403, "foreign_origin",
                  "the request comes from another site's page, or does not say from whose");
    return false;
}

bool auth_check(struct request *request)
{
    const struct fnd_serve *serve = request->serve;
    unsigned flags = request->match.route->flags;
    bool changes = request->method != HTTP_GET && request->method != HTTP_HEAD, given = false;
    request->caller.name = serve->options.by;
    bool open =
        (flags & ROUTE_OPEN) != 0 || ((flags & ROUTE_METRICS) != 0 && serve->options.metrics_open);
    if (open) {
        return true;
    }
    if (bearer_holds(request, &given)) {
        return origin_holds(request, changes);
    }
    if (!given && cookie_holds(request)) {
        request->caller.by_cookie = true;
        return origin_holds(request, changes);
    }
    if (given) {
        refuse_token(request);
        return false;
    }
    reply_header(request, "WWW-Authenticate", "Bearer");
    reply_problem(request, 401, "no_token",
                  "send Authorization: Bearer TOKEN, or open the login link that the server "
                  "printed when it started");
    return false;
}

void auth_login(struct request *request)
{
    struct fnd_serve *serve = request->serve;
    char *token = request_query(request, "token");
    const struct fnd_serve_person *person = token != NULL ? person_of(serve, token) : NULL;
    if (person == NULL) {
        free(token);
        refuse_token(request);
        return;
    }
    uint8_t bytes[SESSION_SIZE];
    char session[2 * SESSION_SIZE + 1], mac[FND_DIGEST_TEXT_SIZE];
    serve->options.env->random(serve->options.env, bytes, sizeof bytes);
    fnd_hex(bytes, sizeof bytes, session);
    seal(person, session, mac);
    reply_header(request, "Set-Cookie", "%s=%s.%s; HttpOnly; SameSite=Strict; Path=/; Max-Age=%d",
                 serve->cookie, session, mac, (int)COOKIE_AGE_S);
    reply_header(request, "Location", "/");
    request->status = 303;
    free(token);
}
