/* SPDX-License-Identifier: MIT */
/* Where a trainer in the cloud finds an input. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "dataset/internal.h"

static const char advice[] = "give gs://BUCKET/… or https://HOST/…, where the inputs were uploaded";

static enum fnd_status refuse(struct fnd_error *error, const char *uri, const char *why)
{
    fnd_error_set(error, FND_INVALID, "\"%.300s\" %s; %s", uri, why, advice);
    fnd_error_code(error, "bad_uri");
    return FND_INVALID;
}

/** Hosts that only the machine or network at hand can reach. */
static bool host_is_private(const char *host, size_t size)
{
    static const char *const begins[] = {"127.", "10.",   "192.168.", "169.254.",
                                         "0.",   "[::1]", "[fe80:",   "[fd"};
    size_t bare = 0; /* without a port */
    while (bare < size && host[bare] != ':') {
        bare++;
    }
    if ((bare == 9 && strncasecmp(host, "localhost", 9) == 0) ||
        (bare > 6 && strncasecmp(host + bare - 6, ".local", 6) == 0)) {
        return true;
    }
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        if (size >= strlen(begins[i]) && strncasecmp(host, begins[i], strlen(begins[i])) == 0) {
            return true;
        }
    }
    return false;
}

static enum fnd_status web_check(const char *uri, const char *host, struct fnd_error *error)
{
    const size_t host_size = strcspn(host, "/?#");
    if (host_size == 0 || host[0] == ':') {
        return refuse(error, uri, "names no host");
    }
    if (memchr(host, '@', host_size) != NULL) {
        return refuse(error, uri, "carries a user name or password, which would be published");
    }
    if (host_is_private(host, host_size)) {
        return refuse(error, uri, "leads to a host that only this machine or network reaches");
    }
    for (const char *at = uri; *at != '\0'; at++) {
        const unsigned char byte = (unsigned char)*at;
        if (byte <= ' ' || byte >= 0x7F || strchr("\"<>\\^`{|}", byte) != NULL) {
            return refuse(error, uri, "has a character that must be percent-encoded");
        }
        if (byte == '%' && (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]))) {
            return refuse(error, uri, "has a % without two hex digits");
        }
    }
    return FND_OK;
}

/** Bucket names: 3 to 222 of a-z, 0-9, '.', '_', '-'; an object's name is any UTF-8 without line
 *  ends (Cloud Storage, "About buckets", "About objects"). */
static enum fnd_status bucket_check(const char *uri, const char *bucket, bool prefix,
                                    struct fnd_error *error)
{
    const size_t size = strcspn(bucket, "/");
    if (size < 3 || size > 222 ||
        strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789._-") < size) {
        return refuse(error, uri, "names no bucket");
    }
    if (!prefix && (bucket[size] == '\0' || bucket[size + 1] == '\0')) {
        return refuse(error, uri, "names a bucket and nothing in it");
    }
    for (const char *at = uri; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7F) {
            return refuse(error, uri, "has a control character");
        }
    }
    return FND_OK;
}

enum fnd_status fnd_uri_check(const char *uri, bool prefix, struct fnd_error *error)
{
    const char *colon = strstr(uri, "://");
    if (strncmp(uri, "gs://", 5) == 0) {
        return bucket_check(uri, uri + 5, prefix, error);
    }
    if (strncmp(uri, "https://", 8) == 0 || strncmp(uri, "http://", 7) == 0) {
        return web_check(uri, colon + 3, error);
    }
    if (uri[0] == '\0') {
        return refuse(error, uri, "is empty");
    }
    if (colon == NULL || strncmp(uri, "file:", 5) == 0) {
        return refuse(error, uri, "is a local path, which no trainer can read");
    }
    return refuse(error, uri, "has a scheme that trainers do not read");
}

/** An identity is the file's name with bytes that are no UTF-8 as \xNN and a backslash doubled. */
static void identity_decode(const char *path, struct fnd_text *name)
{
    while (*path != '\0') {
        char byte;
        if (path[0] == '\\' && path[1] == '\\') {
            fnd_text_append_byte(name, '\\');
            path += 2;
        } else if (path[0] == '\\' && path[1] == 'x' && fnd_unhex(path + 2, 2, &byte, 1)) {
            fnd_text_append_byte(name, byte);
            path += 4;
        } else {
            fnd_text_append_byte(name, *path++);
        }
    }
}

enum fnd_status fnd_uri_append(const char *prefix, const char *path, struct fnd_text *uri,
                               struct fnd_error *error)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~/";
    struct fnd_text name = {0};
    enum fnd_status status = FND_OK;
    const bool literal = strncmp(prefix, "gs://", 5) == 0;
    const size_t base = uri->size;
    identity_decode(path, &name);
    fnd_text_append_z(uri, prefix);
    if (prefix[0] != '\0' && prefix[strlen(prefix) - 1] != '/') {
        fnd_text_append_byte(uri, '/');
    }
    for (size_t i = 0; i < name.size; i++) {
        const char byte = name.bytes[i];
        if (literal || (byte != '\0' && strchr(plain, byte) != NULL)) {
            fnd_text_append_byte(uri, byte);
        } else {
            fnd_text_printf(uri, "%%%02X", (unsigned)(unsigned char)byte);
        }
    }
    if (literal && !fnd_utf8_valid(fnd_text_z(&name), name.size)) {
        status = fnd_error_set(error, FND_INVALID,
                               "the name of %s is not UTF-8, and names in a bucket must be; rename "
                               "the file, or serve it by https://",
                               path);
    } else {
        status = fnd_uri_check(fnd_text_z(uri) + base, false, error);
    }
    fnd_text_finish(&name);
    return status;
}
