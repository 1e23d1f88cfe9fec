/* SPDX-License-Identifier: MIT */
/* Run a target over the files of a corpus, by any compiler:  replay FILE-OR-FOLDER…  */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fuzz.h"

static size_t replayed;

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    FUZZ_CHECK(file != NULL, "cannot open %s", path);
    struct fnd_text text = {0};
    char bytes[4096];
    size_t size;
    while ((size = fread(bytes, 1, sizeof bytes, file)) > 0) {
        fnd_text_append(&text, bytes, size);
    }
    (void)fclose(file);
    (void)fprintf(stderr, "%s\n", path);
    uint8_t *exact = malloc(text.size + 1); /* the sanitizer sees a read behind its end */
    FUZZ_CHECK(exact != NULL, "no memory");
    uint8_t *begin = exact + 1;
    if (text.size > 0) {
        memcpy(begin, text.bytes, text.size);
    }
    (void)LLVMFuzzerTestOneInput(begin, text.size);
    free(exact);
    fnd_text_finish(&text);
    replayed++;
}

static void replay(const char *path)
{
    struct stat info;
    FUZZ_CHECK(stat(path, &info) == 0, "there is no %s", path);
    if (!S_ISDIR(info.st_mode)) {
        replay_file(path);
        return;
    }
    struct dirent **entries = NULL;
    const int count = scandir(path, &entries, NULL, alphasort);
    FUZZ_CHECK(count >= 0, "cannot list %s", path);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.') {
            struct fnd_text inner = {0};
            fnd_text_printf(&inner, "%s/%s", path, entries[i]->d_name);
            replay(fnd_text_z(&inner));
            fnd_text_finish(&inner);
        }
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        replay(argv[i]);
    }
    (void)printf("%zu passed, %d failed\n", replayed, replayed == 0);
    return replayed == 0;
}
