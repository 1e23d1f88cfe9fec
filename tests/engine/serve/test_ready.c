/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "serve/assets.h"
#include "serve/internal.h"

/* A server of one directory whose engine ended up like that, and its reply to /readyz. */
struct asked {
    struct fnd_serve serve;
    struct directory directory;
    struct request request;
};

static struct fnd_json ask(struct asked *asked, enum fnd_status trouble, bool stopping)
{
    struct fnd_json body = {0};
    *asked = (struct asked){0};
    asked->serve.options.env = fnd_env_system();
    asked->serve.directories = &asked->directory;
    asked->serve.directories_count = 1;
    atomic_store(&asked->serve.stopping, stopping);
    asked->directory.serve = &asked->serve;
    asked->directory.path = "/";
    asked->directory.state = trouble == FND_OK ? DIRECTORY_ENDED : DIRECTORY_BROKEN;
    pthread_mutex_init(&asked->directory.lock, NULL);
    fnd_error_set(&asked->directory.trouble, trouble, "cannot open /home/secret/jobs");
    asked->request.serve = &asked->serve;
    ready_get(&asked->request);
    cr_assert_eq(fnd_json_check(fnd_text_z(&asked->request.out), asked->request.out.size, "reply",
                                &body, NULL),
                 FND_OK, "%s", fnd_text_z(&asked->request.out));
    return body;
}

static void forget(struct asked *asked)
{
    for (size_t i = 0; i < asked->request.headers_count; i++) {
        free(asked->request.headers[i].value);
    }
    fnd_text_finish(&asked->request.out);
    pthread_mutex_destroy(&asked->directory.lock);
}

/* The codes that openapi.json, as it is in the program, has for a server that is not ready. */
static struct fnd_json declared(void)
{
    const struct asset *asset = assets();
    struct fnd_json document = {0};
    while (asset->path != NULL && strcmp(asset->path, "/openapi.json") != 0) {
        asset++;
    }
    cr_assert_not_null(asset->path);
    cr_assert_eq(
        fnd_json_check((const char *)asset->bytes, asset->size, "openapi.json", &document, NULL),
        FND_OK);
    return fnd_json_find(document, "/paths/~1readyz/get/responses/503/x-codes");
}

static bool lists(struct fnd_json codes, const char *code)
{
    for (struct fnd_json_walk walk = fnd_json_walk(codes); fnd_json_next(&walk);) {
        if (fnd_json_text_is(walk.value, code)) {
            return true;
        }
    }
    return false;
}

Test(ready, each_trouble_of_a_directory_has_its_own_word_and_names_no_path)
{
    struct asked asked;
    char *said[FND_INTERRUPTED + 1] = {NULL};
    size_t count = 0;
    for (enum fnd_status status = FND_INVALID; status <= FND_INTERRUPTED; status++) {
        struct fnd_json body = ask(&asked, status, false);
        const char *name = fnd_status_name(status);
        cr_expect_eq(asked.request.status, 503, "%s", name);
        cr_expect(fnd_json_text_is(fnd_json_member(body, "code"), name), "%s: %s", name,
                  fnd_text_z(&asked.request.out));
        cr_expect(lists(declared(), name), "openapi.json does not have %s", name);
        cr_expect_null(strstr(fnd_text_z(&asked.request.out), "secret"), "%s tells a path", name);
        said[count] = fnd_json_strdup(fnd_json_member(body, "detail"));
        for (size_t i = 0; i < count; i++) {
            cr_expect_str_neq(said[i], said[count], "%s", name);
        }
        cr_expect_null(strstr(said[count], "does not say"), "%s has no words", name);
        count++;
        forget(&asked);
    }
    for (size_t i = 0; i < count; i++) {
        free(said[i]);
    }
}

Test(ready, a_directory_that_ended_without_trouble_is_busy_and_one_that_ends_drains)
{
    struct asked asked;
    size_t own = 0;
    struct fnd_json body = ask(&asked, FND_OK, false);
    cr_expect(fnd_json_text_is(fnd_json_member(body, "code"), "busy"));
    forget(&asked);
    body = ask(&asked, FND_IO, true);
    cr_expect(fnd_json_text_is(fnd_json_member(body, "code"), "draining"));
    cr_expect(lists(declared(), "draining"));
    forget(&asked);
    for (struct fnd_json_walk walk = fnd_json_walk(declared()); fnd_json_next(&walk);) {
        bool is = fnd_json_text_is(walk.value, "draining");
        for (enum fnd_status status = FND_INVALID; status <= FND_INTERRUPTED; status++) {
            is = is || fnd_json_text_is(walk.value, fnd_status_name(status));
        }
        own += is ? 0 : 1;
    }
    cr_expect_eq(own, 0, "openapi.json has a code that no server tells");
}
