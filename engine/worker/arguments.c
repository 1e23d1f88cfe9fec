/* SPDX-License-Identifier: MIT */
/* How an engine tells a worker what it is to be kept to. */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "worker/confine.h"

struct texts {
    char **list;
    size_t count;
};

static void add(struct texts *texts, const char *key, const char *value)
{
    struct fnd_text text = {0};
    fnd_text_printf(&text, "%s=%s", key, value);
    assert(texts->count + 1 < FND_ARGUMENTS_MAX);
    texts->list[texts->count++] = fnd_text_take(&text);
}

static void add_number(struct texts *texts, const char *key, int64_t number)
{
    struct fnd_text text = {0};
    fnd_text_printf(&text, "%" PRId64, number);
    add(texts, key, fnd_text_z(&text));
    fnd_text_finish(&text);
}

void fnd_confinement_write(const struct fnd_confinement *confinement, char *list[FND_ARGUMENTS_MAX])
{
    struct texts texts = {.list = list};
    add_number(&texts, "engine", (int64_t)confinement->parent);
    add_number(&texts, "memory", (int64_t)confinement->limits.memory_bytes);
    add_number(&texts, "file", (int64_t)confinement->limits.file_bytes);
    add_number(&texts, "files", (int64_t)confinement->limits.files);
    add_number(&texts, "result", (int64_t)confinement->limits.result_bytes);
    add_number(&texts, "isolation", (int64_t)confinement->isolation);
    add_number(&texts, "landlock", (int64_t)confinement->landlock_abi_max);
    add_number(&texts, "write", confinement->write ? 1 : 0);
    add_number(&texts, "root", confinement->root ? 1 : 0);
    if (confinement->user) {
        add_number(&texts, "uid", (int64_t)confinement->uid);
        add_number(&texts, "gid", (int64_t)confinement->gid);
    }
    if (confinement->work != NULL) {
        add(&texts, "work", confinement->work);
    }
    for (size_t i = 0;
         confinement->reads != NULL && confinement->reads[i] != NULL && i < FND_ARGUMENTS_READS_MAX;
         i++) {
        add(&texts, "read", confinement->reads[i]);
    }
    texts.list[texts.count] = NULL;
}

static bool number(const char *text, int64_t *value)
{
    char *end = NULL;
    *value = strtoll(text, &end, 10);
    return (text[0] == '-' || (text[0] >= '0' && text[0] <= '9')) && *end == '\0';
}

/** What stands behind "key=", or NULL. */
static const char *behind(const char *text, const char *key)
{
    const size_t size = strlen(key);
    return strncmp(text, key, size) == 0 && text[size] == '=' ? text + size + 1 : NULL;
}

static bool read_number(const char *text, struct fnd_confinement *confinement)
{
    static const char *const keys[] = {"engine",    "memory",   "file",  "files",
                                       "isolation", "landlock", "write", "root",
                                       "uid",       "result",   "gid"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *value = behind(text, keys[i]);
        int64_t n = 0;
        if (value == NULL) {
            continue;
        }
        if (!number(value, &n)) {
            return false;
        }
        switch (i) {
        case 0:
            confinement->parent = (pid_t)n;
            break;
        case 1:
            confinement->limits.memory_bytes = (uint64_t)n;
            break;
        case 2:
            confinement->limits.file_bytes = (uint64_t)n;
            break;
        case 3:
            confinement->limits.files = (uint64_t)n;
            break;
        case 4:
            confinement->isolation = (enum fnd_isolation)n;
            break;
        case 5:
            confinement->landlock_abi_max = (int)n;
            break;
        case 6:
            confinement->write = n != 0;
            break;
        case 7:
            confinement->root = n != 0;
            break;
        case 8:
            confinement->user = true;
            confinement->uid = (uid_t)n;
            break;
        case 9:
            confinement->limits.result_bytes = (uint64_t)n;
            break;
        default:
            confinement->gid = (gid_t)n;
            break;
        }
        return true;
    }
    return false;
}

bool fnd_confinement_read(char *const *argv, struct fnd_confinement *confinement,
                          const char *reads[FND_ARGUMENTS_READS_MAX + 1])
{
    size_t count = 0;
    *confinement = (struct fnd_confinement){.reads = reads};
    for (; *argv != NULL; argv++) {
        const char *work = behind(*argv, "work"), *read = behind(*argv, "read");
        if (work != NULL) {
            confinement->work = work;
        } else if (read != NULL && count < FND_ARGUMENTS_READS_MAX) {
            reads[count++] = read;
        } else if (!read_number(*argv, confinement)) {
            return false;
        }
    }
    reads[count] = NULL;
    return confinement->parent > 0;
}
