/* SPDX-License-Identifier: MIT */
#include "serve/route.h"

#include <stdio.h>
#include <string.h>

#include "serve/internal.h"

static const struct route table[] = {
    {HTTP_GET, "/", ROUTE_OPEN, static_get},
    {HTTP_GET, "/app.js", ROUTE_OPEN, static_get},
    {HTTP_GET, "/app.css", ROUTE_OPEN, static_get},
    {HTTP_GET, "/favicon.svg", ROUTE_OPEN, static_get},
    {HTTP_GET, "/openapi.json", ROUTE_OPEN, static_get},
    {HTTP_GET, "/login", ROUTE_OPEN, auth_login},
    {HTTP_GET, "/healthz", ROUTE_OPEN, health_get},
    {HTTP_GET, "/readyz", ROUTE_OPEN, ready_get},
    {HTTP_GET, "/v1/session", 0, session_get},
    {HTTP_GET, "/v1/pipelines", 0, pipelines_get},
    {HTTP_GET, "/v1/jobs", 0, jobs_list},
    {HTTP_POST, "/v1/jobs", ROUTE_UPLOAD, jobs_post},
    {HTTP_GET, "/v1/jobs/{id}", 0, jobs_get},
    {HTTP_POST, "/v1/jobs/{id}/cancel", ROUTE_NO_BODY, jobs_cancel},
    {HTTP_POST, "/v1/jobs/{id}/retry", ROUTE_NO_BODY, jobs_retry},
    {HTTP_GET, "/v1/jobs/{id}/artifacts/{name}", 0, artifacts_get},
    {HTTP_GET, "/v1/asks", 0, asks_list},
    {HTTP_GET, "/v1/asks/{id}", 0, asks_get},
    {HTTP_GET, "/v1/asks/{id}/form", 0, asks_form},
    {HTTP_POST, "/v1/asks/{id}/answer", 0, asks_answer},
    {HTTP_POST, "/v1/asks/next", ROUTE_NO_BODY, asks_next},
    {HTTP_POST, "/v1/asks/{id}/claim", ROUTE_NO_BODY, asks_claim},
    {HTTP_POST, "/v1/asks/{id}/heartbeat", 0, asks_heartbeat},
    {HTTP_PUT, "/v1/asks/{id}/draft", 0, asks_draft},
    {HTTP_POST, "/v1/asks/{id}/release", 0, asks_release},
    {HTTP_POST, "/v1/asks/{id}/snooze", 0, asks_snooze},
    {HTTP_POST, "/v1/asks/{id}/undo", 0, asks_undo},
    {HTTP_POST, "/v1/asks/{id}/reopen", 0, asks_reopen},
    {HTTP_GET, "/v1/rules", 0, rules_list},
    {HTTP_POST, "/v1/rules/{id}/revoke", ROUTE_NO_BODY, rules_revoke},
    {HTTP_GET, "/v1/corrections", 0, corrections_list},
    {HTTP_GET, "/v1/corrections/{id}", 0, corrections_get},
    {HTTP_GET, "/v1/exports", 0, exports_list},
    {HTTP_POST, "/v1/exports", 0, exports_post},
    {HTTP_GET, "/v1/exports/{id}", 0, exports_get},
    {HTTP_GET, "/v1/exports/{id}/file", 0, exports_file},
    {HTTP_GET, "/v1/exports/{id}/manifest", 0, exports_manifest},
    {HTTP_GET, "/v1/stats", 0, stats_get},
    {HTTP_GET, "/v1/curve", 0, curve_get},
    {HTTP_GET, "/metrics", ROUTE_METRICS, metrics_get},
    {HTTP_GET, "/v1/events", 0, events_get},
    {HTTP_GET, NULL, 0, NULL}};

const struct route *route_table(void)
{
    return table;
}

static const char *const methods[] = {"GET", "POST", "PUT", "DELETE", "HEAD"};

enum http_method route_method(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(name, methods[i]) == 0) {
            return (enum http_method)i;
        }
    }
    return HTTP_OTHER;
}

bool route_id(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = bytes[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-')) {
            return false;
        }
    }
    return size > 0 && size <= ROUTE_ID_SIZE_MAX;
}

/* Segment by segment; what {…} stands for is copied to `parts`. */
static bool matches(const char *pattern, const char *path, size_t size,
                    char parts[ROUTE_PARTS_MAX][ROUTE_PART_SIZE])
{
    size_t part = 0, at = 0;
    for (;;) {
        size_t want = strcspn(pattern, "/"), have = 0;
        while (at + have < size && path[at + have] != '/') {
            have++;
        }
        if (pattern[0] == '{') {
            bool id = strncmp(pattern, "{id}", 4) == 0;
            if (part >= ROUTE_PARTS_MAX || have == 0 || have >= ROUTE_PART_SIZE ||
                (id && !route_id(path + at, have))) {
                return false;
            }
            memcpy(parts[part], path + at, have);
            parts[part++][have] = '\0';
        } else if (want != have || memcmp(pattern, path + at, have) != 0) {
            return false;
        }
        pattern += want;
        at += have;
        if (*pattern == '\0' || at == size) {
            return *pattern == '\0' && at == size;
        }
        pattern++;
        at++;
    }
}

void route_find(const struct route *routes, enum http_method method, const char *path, size_t size,
                struct route_match *match)
{
    enum http_method asked = method == HTTP_HEAD ? HTTP_GET : method;
    *match = (struct route_match){0};
    for (const struct route *route = routes; route->pattern != NULL; route++) {
        if (!matches(route->pattern, path, size, match->parts)) {
            continue;
        }
        match->path_known = true;
        match->pattern = route->pattern;
        if (route->method == asked) {
            match->route = route;
            return;
        }
        size_t length = strlen(match->allow);
        snprintf(match->allow + length, sizeof match->allow - length, "%s%s%s",
                 length > 0 ? ", " : "", methods[route->method],
                 route->method == HTTP_GET ? ", HEAD" : "");
    }
}
