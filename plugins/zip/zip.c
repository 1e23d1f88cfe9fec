/* SPDX-License-Identifier: MIT
 *
 * zip/unpack: the files of a ZIP archive into the folder that the pipeline grants, where they are
 * inputs like any others. What may not become a file there is refused and named; nothing that is
 * there is ever replaced or deleted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive.h"
#include "foundry/helpers.h"

enum { PATH_SEGMENTS_MAX = 32, LISTED_MAX = 10000 };

typedef struct unpack {
    const foundry_host_t *host;
    foundry_call_t *call;
    const char *artifact, *key;
    int folder; /* of this archive's files */
    double entries_max, entry_max, total_max;
    archive_t archive;
    char **names; /* of the files, sorted: one that is there twice is refused */
    size_t names_count, written, kept, refused;
    uint64_t compressed, total;
} unpack_t;

static int source_read(void *context, uint64_t offset, void *bytes, size_t size)
{
    const unpack_t *unpack = context;
    unsigned char *to = bytes;
    while (size > 0) {
        size_t got = 0;
        const foundry_status_t status =
            unpack->host->artifact_read(unpack->call, unpack->artifact, offset, to, size, &got);
        if (status != FOUNDRY_OK || got == 0) {
            return -1;
        }
        to += got;
        offset += got;
        size -= got;
    }
    return 0;
}

static foundry_status_t refuse(unpack_t *unpack, const char *name, const char *why)
{
    foundry_text_t at, shown;
    foundry_text_init(&at);
    foundry_text_init(&shown);
    for (const unsigned char *byte = (const unsigned char *)name; *byte != '\0'; byte++) {
        /* What is no plain text is shown by its bytes: the reason may be just that. */
        foundry_text_addf(&shown, *byte < 0x20 || *byte >= 0x7F ? "\\x%02x" : "%c", *byte);
    }
    foundry_text_addf(&at, "/refused/%zu/name", unpack->refused);
    foundry_status_t status = at.status != FOUNDRY_OK ? at.status : shown.status;
    if (status == FOUNDRY_OK && unpack->refused < LISTED_MAX) {
        status = foundry_set_text(unpack->host, unpack->call, foundry_text_z(&at),
                                  foundry_text_z(&shown));
    }
    foundry_text_cut(&at, 0);
    foundry_text_addf(&at, "/refused/%zu/why", unpack->refused);
    if (status == FOUNDRY_OK && at.status == FOUNDRY_OK && unpack->refused < LISTED_MAX) {
        status = foundry_set_text(unpack->host, unpack->call, foundry_text_z(&at), why);
    }
    unpack->refused++;
    foundry_text_finish(&at);
    foundry_text_finish(&shown);
    return status;
}

/* Remember a name; 1: it was there already. */
static int name_twice(unpack_t *unpack, const char *name)
{
    size_t low = 0, high = unpack->names_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(unpack->names[middle], name);
        if (order == 0) {
            return 1;
        }
        *(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
    }
    char **names = realloc(unpack->names, (unpack->names_count + 1) * sizeof *names);
    char *copy = names != NULL ? strdup(name) : NULL;
    if (names != NULL) {
        unpack->names = names;
    }
    if (copy == NULL) {
        return -1;
    }
    memmove(names + low + 1, names + low, (unpack->names_count - low) * sizeof *names);
    names[low] = copy;
    unpack->names_count++;
    return 0;
}

static foundry_outcome_t fail_errno(const unpack_t *unpack, int error, const char *name)
{
    const int full = error == ENOSPC || error == EDQUOT;
    return foundry_failf(
        unpack->host, unpack->call, full || error == EIO ? FOUNDRY_RETRYABLE : FOUNDRY_PERMANENT,
        full ? "disk_full" : "write_failed", NULL, "cannot write %s: %s", name, strerror(error));
}

/* The folder of a name below `folder`, made on the way; links are not followed. -1 with errno. */
static int parent_open(int folder, const char *name, const char **last)
{
    int here = fcntl(folder, F_DUPFD_CLOEXEC, 0);
    for (const char *slash = strchr(name, '/'); here >= 0 && slash != NULL;
         slash = strchr(name, '/')) {
        char part[256] = "";
        memcpy(part, name, (size_t)(slash - name)); /* at most 255 bytes: archive_refuse() */
        if (mkdirat(here, part, 0777) != 0 && errno != EEXIST) {
            const int error = errno;
            close(here);
            errno = error;
            return -1;
        }
        const int next = openat(here, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        const int error = errno;
        close(here);
        errno = error;
        here = next;
        name = slash + 1;
    }
    *last = name;
    return here;
}

/* 1: the file has these very bytes; 0: others, or it is something else. */
static int file_same(int folder, const char *name, const unsigned char *bytes, size_t size)
{
    struct stat about;
    unsigned char piece[16384];
    const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int same = fd >= 0 && fstat(fd, &about) == 0 && S_ISREG(about.st_mode) &&
               (uint64_t)about.st_size == size;
    for (size_t at = 0; same && at < size;) {
        const ssize_t got = read(fd, piece, sizeof piece);
        same = got > 0 && (size_t)got <= size - at && memcmp(piece, bytes + at, (size_t)got) == 0;
        at += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    return same;
}

/* 0 or an errno value. */
static int file_write(int folder, const char *temporary, const char *name,
                      const unsigned char *bytes, size_t size)
{
    int error = 0;
    const int fd =
        openat(folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        return errno;
    }
    while (error == 0 && size > 0) {
        const ssize_t put = write(fd, bytes, size);
        error = put < 0 && errno != EINTR ? errno : 0;
        bytes += put > 0 ? put : 0;
        size -= put > 0 ? (size_t)put : 0;
    }
    error = error == 0 && fsync(fd) != 0 ? errno : error;
    error = close(fd) != 0 && error == 0 ? errno : error;
    if (error == 0 && renameat(folder, temporary, folder, name) != 0) {
        error = errno;
    }
    if (error != 0) {
        (void)unlinkat(folder, temporary, 0);
    }
    return error;
}

static foundry_outcome_t entry_put(unpack_t *unpack, const archive_entry_t *entry,
                                   const unsigned char *bytes)
{
    const char *last = NULL;
    char temporary[96] = ".";
    struct stat about;
    foundry_outcome_t outcome = FOUNDRY_DONE;
    const int folder = parent_open(unpack->folder, entry->name, &last);
    strncat(temporary, unpack->key, 80);
    if (folder < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        return refuse(unpack, entry->name, "something else is in its way in the folder");
    }
    if (folder < 0) {
        return fail_errno(unpack, errno, entry->name);
    }
    if (fstatat(folder, last, &about, AT_SYMLINK_NOFOLLOW) == 0) {
        if (file_same(folder, last, bytes, entry->size)) {
            unpack->kept++;
        } else {
            outcome = refuse(unpack, entry->name, "another file of that name is there already");
        }
    } else {
        const int error = file_write(folder, temporary, last, bytes, entry->size);
        outcome = error != 0 ? fail_errno(unpack, error, entry->name) : FOUNDRY_DONE;
        unpack->written += error == 0;
    }
    (void)fsync(folder);
    close(folder);
    return outcome;
}

/* Whether the name ends as one of `endings` says, in any case. */
static foundry_status_t ends_well(const unpack_t *unpack, const char *name, int *well)
{
    size_t count = 0;
    *well = 0;
    FOUNDRY_TRY(unpack->host->size_get(unpack->call, FOUNDRY_DOC_CONFIG, "/endings", &count));
    for (size_t i = 0; i < count && !*well; i++) {
        const char *ending = NULL;
        foundry_text_t at;
        foundry_text_init(&at);
        foundry_text_addf(&at, "/endings/%zu", i);
        const foundry_status_t status =
            at.status != FOUNDRY_OK ? at.status
                                    : unpack->host->text_get(unpack->call, FOUNDRY_DOC_CONFIG,
                                                             foundry_text_z(&at), &ending);
        foundry_text_finish(&at);
        FOUNDRY_TRY(status);
        const size_t size = strlen(ending), whole = strlen(name);
        *well = whole > size;
        for (size_t j = 0; j < size && *well; j++) {
            const char letter = name[whole - size + j];
            *well = (letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter) == ending[j];
        }
    }
    return FOUNDRY_OK;
}

static foundry_outcome_t entry_take(unpack_t *unpack, const archive_entry_t *entry)
{
    const size_t size = strlen(entry->name);
    const char *wrong = NULL;
    int well = 0;
    if (size > 1 && entry->name[size - 1] == '/' && entry->size == 0) {
        return FOUNDRY_DONE; /* a folder: those of files are made as they come */
    }
    wrong = archive_refuse(entry, (uint64_t)unpack->entry_max);
    if (wrong != NULL) {
        return refuse(unpack, entry->name, wrong);
    }
    FOUNDRY_TRY(ends_well(unpack, entry->name, &well));
    if (!well) {
        return refuse(unpack, entry->name, "it is none of the kinds that `endings` names");
    }
    const int twice = name_twice(unpack, entry->name);
    if (twice != 0) {
        return twice < 0 ? FOUNDRY_E_NO_MEMORY
                         : refuse(unpack, entry->name, "the archive has that name twice");
    }
    unpack->compressed += entry->compressed;
    unpack->total += entry->size;
    if (unpack->compressed > unpack->archive.source.size) {
        return foundry_failf(unpack->host, unpack->call, FOUNDRY_PERMANENT, "overlapping",
                             "/archive",
                             "the archive's files lie over each other: it is made to fill disks");
    }
    if ((double)unpack->total > unpack->total_max) {
        return foundry_failf(unpack->host, unpack->call, FOUNDRY_PERMANENT, "too_large",
                             "/total_max", "the archive's files have over %.0f bytes together",
                             unpack->total_max);
    }
    unsigned char *bytes = archive_load(&unpack->archive, entry, &wrong);
    if (bytes == NULL) {
        return refuse(unpack, entry->name, wrong);
    }
    const foundry_outcome_t outcome = entry_put(unpack, entry, bytes);
    free(bytes);
    return outcome;
}

static foundry_outcome_t entries_take(unpack_t *unpack)
{
    archive_entry_t entry;
    const char *wrong = NULL;
    foundry_outcome_t outcome = FOUNDRY_DONE;
    int more = 0;
    while (outcome == FOUNDRY_DONE && (more = archive_next(&unpack->archive, &entry, &wrong)) > 0) {
        outcome = entry_take(unpack, &entry);
        unpack->host->progress(unpack->call,
                               (double)unpack->archive.given / (double)unpack->archive.count, NULL);
        if (unpack->host->cancelled(unpack->call)) {
            return FOUNDRY_CANCELLED;
        }
    }
    if (outcome == FOUNDRY_DONE && more < 0) {
        return foundry_failf(unpack->host, unpack->call, FOUNDRY_PERMANENT, "not_a_zip", "/archive",
                             "the archive cannot be unpacked: %s", wrong);
    }
    return outcome;
}

static foundry_outcome_t archive_begin(unpack_t *unpack)
{
    archive_source_t source = {.read = source_read, .context = unpack};
    FOUNDRY_TRY(unpack->host->artifact_size(unpack->call, unpack->artifact, &source.size));
    const char *wrong = archive_open(&unpack->archive, &source);
    if (wrong != NULL) {
        return foundry_failf(unpack->host, unpack->call, FOUNDRY_PERMANENT, "not_a_zip", "/archive",
                             "the archive cannot be unpacked: %s", wrong);
    }
    if ((double)unpack->archive.count > unpack->entries_max) {
        return foundry_failf(unpack->host, unpack->call, FOUNDRY_PERMANENT, "too_many",
                             "/entries_max", "the archive has %zu entries, and %.0f are allowed",
                             unpack->archive.count, unpack->entries_max);
    }
    return FOUNDRY_DONE;
}

/* The granted folder, and in it one for this archive, so that a later one replaces nothing. */
static foundry_outcome_t folder_begin(unpack_t *unpack)
{
    const char *granted = NULL, *into = NULL;
    const foundry_status_t status =
        unpack->host->text_get(unpack->call, FOUNDRY_DOC_RUN, "/grant/write", &granted);
    if (status == FOUNDRY_E_NOT_FOUND) {
        return foundry_failf(unpack->host, unpack->call, FOUNDRY_PERMANENT, "no_grant", NULL,
                             "there is no folder to unpack into; add `grant: {write: FOLDER}`");
    }
    FOUNDRY_TRY(status);
    FOUNDRY_TRY(unpack->host->text_get(unpack->call, FOUNDRY_DOC_CONFIG, "/into", &into));
    const archive_entry_t as_name = {.method = 0};
    archive_entry_t named = as_name;
    if (strlen(into) > 200 || strchr(into, '/') != NULL) {
        return foundry_failf(unpack->host, unpack->call, FOUNDRY_PERMANENT, "bad_name", "/into",
                             "\"%s\" cannot be the name of a folder", into);
    }
    memcpy(named.name, into, strlen(into) + 1);
    if (archive_refuse(&named, 0) != NULL) {
        return foundry_failf(unpack->host, unpack->call, FOUNDRY_PERMANENT, "bad_name", "/into",
                             "\"%s\" cannot be the name of a folder", into);
    }
    const int outer = mkdir(granted, 0777) == 0 || errno == EEXIST
                          ? open(granted, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                          : -1;
    if (outer >= 0 && (mkdirat(outer, into, 0777) == 0 || errno == EEXIST)) {
        unpack->folder = openat(outer, into, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    }
    const int error = errno;
    if (outer >= 0) {
        close(outer);
    }
    return unpack->folder < 0 ? fail_errno(unpack, error, into) : FOUNDRY_DONE;
}

static foundry_outcome_t report(unpack_t *unpack)
{
    const struct {
        const char *pointer;
        size_t count;
    } counts[] = {{"/entries", unpack->archive.count},
                  {"/written", unpack->written},
                  {"/there_already", unpack->kept},
                  {"/refused_count", unpack->refused}};
    const char *into = NULL;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        FOUNDRY_TRY(foundry_set_number(unpack->host, unpack->call, counts[i].pointer,
                                       (double)counts[i].count));
    }
    FOUNDRY_TRY(unpack->host->text_get(unpack->call, FOUNDRY_DOC_CONFIG, "/into", &into));
    return foundry_set_text(unpack->host, unpack->call, "/folder", into);
}

static foundry_outcome_t unpack_process(void *self, const foundry_host_t *host,
                                        foundry_call_t *call)
{
    unpack_t unpack = {.host = host, .call = call, .folder = -1};
    (void)self;
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_CONFIG, "/archive", &unpack.artifact));
    FOUNDRY_TRY(host->text_get(call, FOUNDRY_DOC_RUN, "/idempotency_key", &unpack.key));
    FOUNDRY_TRY(host->number_get(call, FOUNDRY_DOC_CONFIG, "/entries_max", &unpack.entries_max));
    FOUNDRY_TRY(host->number_get(call, FOUNDRY_DOC_CONFIG, "/entry_max", &unpack.entry_max));
    FOUNDRY_TRY(host->number_get(call, FOUNDRY_DOC_CONFIG, "/total_max", &unpack.total_max));
    FOUNDRY_TRY(host->json_set(call, "/refused", "[]"));
    foundry_outcome_t outcome = archive_begin(&unpack);
    if (outcome == FOUNDRY_DONE) {
        outcome = folder_begin(&unpack);
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = entries_take(&unpack);
    }
    if (outcome == FOUNDRY_DONE) {
        outcome = report(&unpack);
    }
    if (unpack.folder >= 0) {
        close(unpack.folder);
    }
    for (size_t i = 0; i < unpack.names_count; i++) {
        free(unpack.names[i]);
    }
    free(unpack.names);
    return outcome;
}

static const foundry_phase_t unpack_phase = {
    .struct_size = sizeof unpack_phase,
    .name = "unpack",
    .summary = "The files of a ZIP archive into a folder, hostile ones refused by name",
    .config_schema =
        "{\"type\":\"object\",\"required\":[\"archive\",\"into\"],\"additionalProperties\":false,"
        "\"properties\":{"
        "\"archive\":{\"type\":\"string\",\"x-foundry-per-job\":true,"
        "\"description\":\"artifact, e.g. ${input.file}\"},"
        "\"into\":{\"type\":\"string\",\"minLength\":1,\"x-foundry-per-job\":true,"
        "\"description\":\"a folder for this archive below the granted one, e.g. ${input.stem}\"},"
        "\"endings\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":1},"
        "\"default\":[\".png\",\".jpg\",\".jpeg\",\".tif\",\".tiff\"],"
        "\"description\":\"of names, in lower case; others are refused\"},"
        "\"entries_max\":{\"type\":\"number\",\"minimum\":1,\"maximum\":100000,\"default\":10000},"
        "\"entry_max\":{\"type\":\"number\",\"minimum\":1,\"maximum\":268435456,"
        "\"default\":16777216,\"description\":\"bytes of one file\"},"
        "\"total_max\":{\"type\":\"number\",\"minimum\":1,\"default\":1073741824,"
        "\"description\":\"bytes of all files together\"}}}",
    .output_schema =
        "{\"type\":\"object\",\"required\":[\"folder\",\"entries\",\"written\",\"there_already\","
        "\"refused\"],\"properties\":{\"folder\":{\"type\":\"string\"},"
        "\"entries\":{\"type\":\"integer\"},\"written\":{\"type\":\"integer\"},"
        "\"there_already\":{\"type\":\"integer\"},\"refused_count\":{\"type\":\"integer\"},"
        "\"refused\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"name\","
        "\"why\"]}}}}",
    .needs_json = "{\"write\":true}",
    .threads = FOUNDRY_CONCURRENT,
    .process = unpack_process};

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_phase_t *const phases[] = {&unpack_phase, NULL};
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "zip",
                                            .version = "0.1.0",
                                            .summary = "Archives as folders",
                                            .phases = phases};
    return host_abi >> 16 == 0 ? &plugin : NULL;
}
