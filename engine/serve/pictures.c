/* SPDX-License-Identifier: MIT */
/* Pictures as a browser shows them: pages of a TIFF, what is turned, what is huge. Decoders are the
 * oldest way into a program that there is, so none is in this one: the plugin `picture` decodes, in
 * a worker with the engine's isolation, and what comes back is looked at as a stranger's. One
 * thread, which the workers die with, one picture at a time; what was made is kept for a while. */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "serve/internal.h"
#include "serve/pictures.h"
#include "worker/pool.h"

enum {
    SHOW_MS = 20000,         /* to decode one page */
    WAITING_MAX = 64,        /* requests for pictures at once */
    KEPT_MAX = 32,           /* pages, and refusals */
    KEPT_SIZE_MAX = 96 << 20 /* bytes of them together */
};

/** What became of a page. */
struct page_shown {
    uint8_t hash[FND_DIGEST_SIZE];
    unsigned page;
    unsigned status; /* 200, or the refusal */
    const char *code;
    char *message;
    int fd; /* its bytes, in memory; -1 */
    uint64_t size;
    const char *type;
    int64_t width, height, pages;
    uint64_t used; /* when, by count */
};

/** A request for a page. Owned by the request until the thread has it, and again behind that. */
struct showing {
    struct showing *next;
    struct request *request;
    struct fnd_artifact artifact;
    int fd;
    bool about; /* its sizes, not its bytes */
    struct page_shown shown;
};

struct pictures {
    struct fnd_serve *serve;
    pthread_t thread;
    int wake; /* eventfd: something waits, or an end */
    pthread_mutex_t lock;
    struct showing *waiting, **waiting_end; /* of the lock, and the two below */
    size_t waiting_count;
    bool ending;
    /* the thread's own */
    struct fnd_pool *pool;
    struct fnd_catalog *catalog;
    struct fnd_callee callee;
    struct page_shown kept[KEPT_MAX];
    size_t kept_count;
    uint64_t kept_size, uses;
};

/* --- what is kept ---------------------------------------------------------------------------- */

static void shown_finish(struct page_shown *shown)
{
    if (shown->fd >= 0) {
        close(shown->fd);
    }
    free(shown->message);
    *shown = (struct page_shown){.fd = -1};
}

/* A copy with a descriptor of its own. */
static struct page_shown shown_copy(const struct page_shown *shown)
{
    struct page_shown copy = *shown;
    copy.message = shown->message != NULL ? fnd_strdup(shown->message) : NULL;
    copy.fd = shown->fd >= 0 ? fcntl(shown->fd, F_DUPFD_CLOEXEC, 0) : -1;
    return copy;
}

static struct page_shown *kept_find(struct pictures *pictures, const struct showing *showing)
{
    for (size_t i = 0; i < pictures->kept_count; i++) {
        struct page_shown *kept = &pictures->kept[i];
        if (kept->page == showing->shown.page &&
            memcmp(kept->hash, showing->artifact.hash, FND_DIGEST_SIZE) == 0) {
            kept->used = ++pictures->uses;
            return kept;
        }
    }
    return NULL;
}

static void kept_drop_oldest(struct pictures *pictures)
{
    size_t oldest = 0;
    for (size_t i = 1; i < pictures->kept_count; i++) {
        oldest = pictures->kept[i].used < pictures->kept[oldest].used ? i : oldest;
    }
    pictures->kept_size -= pictures->kept[oldest].size;
    shown_finish(&pictures->kept[oldest]);
    pictures->kept[oldest] = pictures->kept[--pictures->kept_count];
}

/* Refusals of the picture itself are kept, too: who sends a bomb sends it again. */
static void keep(struct pictures *pictures, const struct showing *showing)
{
    if (showing->shown.status >= 500 || showing->shown.size > KEPT_SIZE_MAX) {
        return;
    }
    while (pictures->kept_count == KEPT_MAX ||
           pictures->kept_size + showing->shown.size > KEPT_SIZE_MAX) {
        kept_drop_oldest(pictures);
    }
    struct page_shown *kept = &pictures->kept[pictures->kept_count++];
    *kept = shown_copy(&showing->shown);
    memcpy(kept->hash, showing->artifact.hash, FND_DIGEST_SIZE);
    kept->used = ++pictures->uses;
    pictures->kept_size += kept->size;
}

/* --- the plugin ------------------------------------------------------------------------------ */

static void refuse(struct page_shown *shown, unsigned status, const char *code, const char *message)
{
    shown_finish(shown);
    shown->status = status;
    shown->code = code;
    shown->message = fnd_strdup(message);
}

/* Find the plugin and make the pool, with the first picture that somebody looks at. */
static enum fnd_status prepare(struct pictures *pictures, struct fnd_error *error)
{
    const struct fnd_serve_options *options = &pictures->serve->options;
    const struct fnd_catalog_options catalog = {.path = options->engine.plugin_path,
                                                .worker_program = options->engine.worker_program,
                                                .log = options->log,
                                                .landlock_abi_max =
                                                    options->engine.landlock_abi_max};
    /* A hostile picture must not keep the others from being shown: no quarantine. */
    const struct fnd_pool_options pool = {.env = options->env,
                                          .log = options->log,
                                          .worker_program = options->engine.worker_program,
                                          .workers_max = 1,
                                          .allow_root = options->engine.allow_root,
                                          .crashes_max = UINT32_MAX,
                                          .start_ms = options->engine.worker_start_ms,
                                          .landlock_abi_max = options->engine.landlock_abi_max};
    const struct fnd_plugin_info *info = NULL;
    if (pictures->callee.fd >= 0) {
        return FND_OK;
    }
    enum fnd_status status = FND_OK;
    if (pictures->catalog == NULL) {
        status = fnd_catalog_create(&catalog, &pictures->catalog, error);
    }
    if (status == FND_OK) {
        status = fnd_catalog_find(pictures->catalog, "picture", &info, error);
    }
    if (status == FND_OK && pictures->pool == NULL) {
        status = fnd_pool_create(&pool, &pictures->pool, error);
    }
    if (status != FND_OK) {
        fnd_catalog_destroy(pictures->catalog); /* the next one looks anew */
        pictures->catalog = NULL;
        return status;
    }
    int fd = open(info->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fnd_sha256_fd(fd, pictures->callee.hash, NULL) != 0) {
        status = fnd_error_errno(error, FND_IO, errno, "cannot open the plugin %s", info->path);
        if (fd >= 0) {
            close(fd);
        }
        return status;
    }
    pictures->callee.plugin = info->id;
    pictures->callee.name = "shown";
    pictures->callee.path = info->path;
    pictures->callee.config_constant = (struct fnd_json){"{}", 2};
    /* Never in this process, whatever the pipelines' own plugins are trusted with. */
    pictures->callee.isolation = options->engine.isolation == FND_ISOLATION_INLINE
                                     ? FND_ISOLATION_PROCESS
                                     : options->engine.isolation;
    pictures->callee.fd = fd;
    return FND_OK;
}

/* --- a call ---------------------------------------------------------------------------------- */

static void pool_wait(struct pictures *pictures)
{
    int64_t wait_us = fnd_pool_wait_us(pictures->pool);
    struct pollfd ready[2] = {{.fd = fnd_pool_fd(pictures->pool), .events = POLLIN},
                              {.fd = pictures->wake, .events = POLLIN}};
    uint64_t count;
    (void)poll(ready, 2, wait_us < 0 ? 1000 : (int)(wait_us / 1000 + 1));
    (void)!read(pictures->wake, &count, sizeof count);
    fnd_pool_turn(pictures->pool);
}

static bool is_ending(struct pictures *pictures)
{
    pthread_mutex_lock(&pictures->lock);
    bool ending = pictures->ending;
    pthread_mutex_unlock(&pictures->lock);
    return ending;
}

static void call_run(struct pictures *pictures, struct fnd_pool_call *call)
{
    bool cancelled = false;
    fnd_pool_submit(pictures->pool, call);
    fnd_pool_dispatch(pictures->pool);
    while (fnd_pool_collect(pictures->pool) == NULL) {
        if (!cancelled && is_ending(pictures)) {
            fnd_pool_cancel(pictures->pool, call);
            cancelled = true;
        }
        pool_wait(pictures);
    }
}

/* Bytes out of a worker are a stranger's: their kind is what they begin with, of two that are. */
static const char *type_of(const struct fnd_staged_artifact *artifact)
{
    static const struct {
        const char *magic, *type;
        size_t size;
    } kinds[] = {{"\x89PNG\r\n\x1a\n", "image/png", 8}, {"\xff\xd8\xff", "image/jpeg", 3}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (artifact->size >= kinds[i].size &&
            memcmp(artifact->bytes, kinds[i].magic, kinds[i].size) == 0) {
            return kinds[i].type;
        }
    }
    return NULL;
}

static bool member_size(struct fnd_json output, const char *name, int64_t *value)
{
    enum { MOST = 1000000 };
    return fnd_json_integer(fnd_json_member(output, name), value) && *value >= 1 && *value <= MOST;
}

static void take_result(const struct fnd_effects *effects, struct page_shown *shown)
{
    const struct fnd_staged_artifact *made =
        effects->artifacts_count == 1 ? &effects->artifacts[0] : NULL;
    struct fnd_json output = {effects->output, effects->output_size};
    const char *type = made != NULL ? type_of(made) : NULL;
    struct fnd_error error = {0};
    if (type == NULL || effects->output == NULL ||
        fnd_effects_check(effects, NULL, (struct fnd_json){0}, &error) != FND_OK ||
        !member_size(output, "width", &shown->width) ||
        !member_size(output, "height", &shown->height) ||
        !member_size(output, "pages", &shown->pages)) {
        refuse(shown, 503, "no_pictures", "the plugin picture gave something else than a picture");
        return;
    }
    shown->fd = memfd_create("picture", MFD_CLOEXEC);
    if (shown->fd < 0 || fnd_write_all(shown->fd, made->bytes, made->size) != 0) {
        refuse(shown, 503, "no_pictures", "there is no memory for the picture now");
        return;
    }
    shown->size = made->size;
    shown->type = type;
    shown->status = 200;
}

static void take_end(const struct fnd_pool_call *call, struct page_shown *shown)
{
    struct fnd_text message = {0};
    const struct fnd_effects *effects = &call->effects;
    switch (call->end) {
    case FND_CALL_RETURNED:
        if (effects->outcome == FOUNDRY_DONE) {
            take_result(effects, shown);
        } else if (effects->code != NULL && strcmp(effects->code, "no_such_page") == 0) {
            refuse(shown, 404, "no_such_page", effects->message);
        } else {
            refuse(shown, 422, "not_shown",
                   effects->message != NULL ? effects->message : "it cannot be decoded");
        }
        break;
    case FND_CALL_CRASHED:
        fnd_text_printf(&message, "the decoder died of it (%s): is the file damaged?",
                        call->error.message);
        refuse(shown, 422, "not_shown", fnd_text_z(&message));
        break;
    case FND_CALL_TIMEOUT:
        fnd_text_printf(&message, "it was not decoded within %d seconds", SHOW_MS / 1000);
        refuse(shown, 422, "not_shown", fnd_text_z(&message));
        break;
    default:
        refuse(shown, 503, "no_pictures",
               call->error.message[0] != '\0' ? call->error.message : "the server ends");
        break;
    }
    fnd_text_finish(&message);
}

static void show(struct pictures *pictures, struct showing *showing)
{
    static const char run[] = "{\"job\":\"\",\"phase\":\"shown\",\"attempt\":1,"
                              "\"idempotency_key\":\"shown\",\"deadline_ms\":0}";
    struct fnd_error error = {0};
    const struct page_shown *kept = kept_find(pictures, showing);
    if (kept != NULL) {
        showing->shown = shown_copy(kept);
        return;
    }
    if (prepare(pictures, &error) != FND_OK) {
        refuse(&showing->shown, 503, "no_pictures", error.message);
        return;
    }
    struct fnd_text config = {0};
    fnd_text_printf(&config, "{\"image\":\"input\",\"page\":%u}", showing->shown.page);
    const struct fnd_call_artifact artifact = {
        .name = "input", .size = showing->artifact.size, .fd = showing->fd};
    struct fnd_pool_call call = {.callee = &pictures->callee,
                                 .input = {.config = {fnd_text_z(&config), config.size},
                                           .run = {run, sizeof run - 1},
                                           .artifacts = &artifact,
                                           .artifacts_count = 1},
                                 .timeout_ms = SHOW_MS};
    unsigned page = showing->shown.page;
    do {
        fnd_effects_finish(&call.effects);
        fnd_text_finish(&call.noise);
        call.effects = (struct fnd_effects){0};
        call.error = (struct fnd_error){0};
        call_run(pictures, &call);
    } while (call.end == FND_CALL_LOST && !is_ending(pictures));
    take_end(&call, &showing->shown);
    showing->shown.page = page;
    keep(pictures, showing);
    fnd_effects_finish(&call.effects);
    fnd_text_finish(&call.noise);
    fnd_text_finish(&config);
}

/* --- the thread ------------------------------------------------------------------------------ */

static struct showing *take(struct pictures *pictures)
{
    struct showing *showing = pictures->waiting;
    if (showing != NULL) {
        pictures->waiting = showing->next;
        pictures->waiting_end =
            pictures->waiting == NULL ? &pictures->waiting : pictures->waiting_end;
        pictures->waiting_count--;
    }
    return showing;
}

static void *pictures_main(void *context)
{
    struct pictures *pictures = context;
    for (bool ending = false; !ending;) {
        pthread_mutex_lock(&pictures->lock);
        struct showing *showing = take(pictures);
        ending = showing == NULL && pictures->ending;
        bool refused = pictures->ending;
        pthread_mutex_unlock(&pictures->lock);
        if (showing != NULL) {
            if (refused) {
                refuse(&showing->shown, 503, "draining", "the server ends");
            } else {
                show(pictures, showing);
            }
            request_resume(showing->request);
        } else if (!ending) {
            struct pollfd ready = {.fd = pictures->wake, .events = POLLIN};
            uint64_t count;
            (void)poll(&ready, 1, -1);
            (void)!read(pictures->wake, &count, sizeof count);
        }
    }
    fnd_pool_destroy(pictures->pool);
    return NULL;
}

enum fnd_status pictures_start(struct fnd_serve *serve, struct fnd_error *error)
{
    struct pictures *pictures = fnd_alloc(sizeof *pictures);
    pictures->serve = serve;
    pictures->waiting_end = &pictures->waiting;
    pictures->callee.fd = -1;
    pictures->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&pictures->lock, NULL);
    int failed = pictures->wake < 0
                     ? errno
                     : pthread_create(&pictures->thread, NULL, pictures_main, pictures);
    if (failed != 0) {
        if (pictures->wake >= 0) {
            close(pictures->wake);
        }
        pthread_mutex_destroy(&pictures->lock);
        free(pictures);
        return fnd_error_errno(error, FND_IO, failed, "cannot start a thread");
    }
    serve->pictures = pictures;
    return FND_OK;
}

void pictures_stop(struct fnd_serve *serve)
{
    struct pictures *pictures = serve->pictures;
    uint64_t one = 1;
    if (pictures == NULL) {
        return;
    }
    pthread_mutex_lock(&pictures->lock);
    pictures->ending = true;
    pthread_mutex_unlock(&pictures->lock);
    (void)!write(pictures->wake, &one, sizeof one);
    pthread_join(pictures->thread, NULL);
    while (pictures->kept_count > 0) {
        kept_drop_oldest(pictures);
    }
    fnd_catalog_destroy(pictures->catalog);
    if (pictures->callee.fd >= 0) {
        close(pictures->callee.fd);
    }
    close(pictures->wake);
    pthread_mutex_destroy(&pictures->lock);
    free(pictures);
    serve->pictures = NULL;
}

/* --- requests -------------------------------------------------------------------------------- */

static void showing_free(struct showing *showing)
{
    shown_finish(&showing->shown);
    close(showing->fd);
    free(showing);
}

static void shown(struct request *request, struct fnd_json end)
{
    struct showing *showing = request->work;
    struct page_shown *page = &showing->shown;
    (void)end;
    request->work = NULL;
    if (page->status != 200) {
        reply_problem(request, page->status, page->code, "%s", page->message);
    } else if (showing->about) {
        fnd_text_printf(&request->out,
                        "{\"width\":%" PRId64 ",\"height\":%" PRId64 ",\"pages\":%" PRId64
                        ",\"page\":%u,\"media_type\":\"%s\",\"size\":%" PRIu64 "}",
                        page->width, page->height, page->pages, page->page, page->type, page->size);
        reply_json(request, 200);
    } else {
        int fd = page->fd;
        page->fd = -1; /* the reply's */
        file_send(request, fd, page->size, page->type, true,
                  strcmp(page->type, "image/png") == 0 ? "shown.png" : "shown.jpg");
    }
    showing_free(showing);
}

/* The page that the query names, from 1. */
static bool read_page(struct request *request, unsigned *page)
{
    enum { MOST = 100000 };
    char *text = request_query(request, "page");
    size_t size = text != NULL ? strlen(text) : 0;
    bool good = text == NULL || (size > 0 && size < 7 && strspn(text, "0123456789") == size);
    unsigned long value = text != NULL && good ? strtoul(text, NULL, 10) : 1;
    free(text);
    if (!good || value < 1 || value > MOST) {
        reply_problem(request, 422, "bad_view", "\"page\" is a number from 1 to %d", MOST);
        return false;
    }
    *page = (unsigned)value;
    return true;
}

void picture_show(struct request *request, const char *view, int fd,
                  const struct fnd_artifact *artifact)
{
    struct pictures *pictures = request->serve->pictures;
    unsigned page = 1;
    bool about = strcmp(view, "about") == 0;
    if (!about && strcmp(view, "displayed") != 0) {
        reply_problem(request, 422, "bad_view",
                      "\"view\" is \"displayed\" (a PNG or JPEG of one page) or \"about\" (its "
                      "sizes); without it come the bytes as they are");
        close(fd);
        return;
    }
    if (!read_page(request, &page)) {
        close(fd);
        return;
    }
    struct showing *showing = fnd_alloc(sizeof *showing);
    *showing = (struct showing){.request = request,
                                .artifact = *artifact,
                                .fd = fd,
                                .about = about,
                                .shown = {.page = page, .fd = -1}};
    pthread_mutex_lock(&pictures->lock);
    bool taken = pictures->waiting_count < WAITING_MAX && !pictures->ending;
    pthread_mutex_unlock(&pictures->lock);
    if (!taken) {
        reply_problem(request, 503, "no_pictures", "%d pictures wait to be shown already",
                      WAITING_MAX);
        reply_header(request, "Retry-After", "2");
        showing_free(showing);
        return;
    }
    request->work = showing;
    request_wait(request, shown);
    uint64_t one = 1;
    pthread_mutex_lock(&pictures->lock);
    *pictures->waiting_end = showing;
    pictures->waiting_end = &showing->next;
    pictures->waiting_count++;
    pthread_mutex_unlock(&pictures->lock);
    (void)!write(pictures->wake, &one, sizeof one);
}
