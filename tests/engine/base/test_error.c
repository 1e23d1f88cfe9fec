/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "base/error.h"
#include "base/text.h"

/* A text of `count` times `part`. */
static char *many(const char *part, size_t count)
{
    struct fnd_text text = {0};
    for (size_t i = 0; i < count; i++) {
        fnd_text_append_z(&text, part);
    }
    return fnd_text_take(&text);
}

Test(error, setting_fills_the_story_and_clears_the_place)
{
    struct fnd_error error = {0};
    cr_expect_eq(fnd_error_set(&error, FND_INVALID, "value %d of %s", 7, "a"), FND_INVALID);
    cr_expect_eq(error.status, FND_INVALID);
    cr_expect_str_eq(error.message, "value 7 of a");
    fnd_error_place(&error, "file.yaml", 3, 5);
    fnd_error_code(&error, "bad_value");
    cr_expect(error.line == 3 && error.column == 5);
    cr_expect_str_eq(error.file, "file.yaml");
    cr_expect_str_eq(error.code, "bad_value");
    fnd_error_place(&error, NULL, 4, 6);
    cr_expect_str_eq(error.file, "file.yaml", "NULL leaves the file");
    cr_expect_eq(fnd_error_set(&error, FND_IO, "other"), FND_IO);
    cr_expect(error.line == 0 && error.column == 0 && error.file[0] == '\0' &&
              error.code[0] == '\0');
    cr_expect_str_eq(error.message, "other");
}

Test(error, an_error_that_nobody_wants_is_dropped)
{
    cr_expect_eq(fnd_error_set(NULL, FND_LIMIT, "x"), FND_LIMIT);
    cr_expect_eq(fnd_error_errno(NULL, FND_IO, EIO, "x"), FND_IO);
    fnd_error_place(NULL, "a", 1, 1);
    fnd_error_code(NULL, "a");
    fnd_error_prefix(NULL, "a");
}

Test(error, the_reason_of_an_errno_stands_behind_the_message)
{
    struct fnd_error error = {0};
    cr_expect_eq(fnd_error_errno(&error, FND_DENIED, EACCES, "cannot open %s", "x"), FND_DENIED);
    cr_expect_str_eq(error.message,
                     "cannot open x: Permission denied; look at its owner and permissions");
    fnd_error_errno(&error, FND_IO, EMFILE, "cannot open x");
    cr_expect_not_null(strstr(error.message, "raise the limit on open files (ulimit -n)"));
    fnd_error_errno(&error, FND_IO, ENOMEM, "cannot map x");
    cr_expect_not_null(strstr(error.message, "free memory and repeat"));
    char *path = many("\xc3\xa9", 2000);
    fnd_error_errno(&error, FND_IO, ENOENT, "cannot open %s", path);
    cr_expect_not_null(strstr(error.message, "\xc3\xa9: No such file or directory"));
    size_t size = strlen(error.message);
    cr_expect(fnd_utf8_valid(error.message, size));
    cr_expect_geq(size + 2, sizeof error.message, "no room is wasted");
    free(path);
    fnd_error_errno(&error, FND_IO, 123456, "x");
    cr_expect_not_null(strstr(error.message, "123456"), "%s", error.message);
}

Test(error, what_to_do_about_a_disk_stands_behind_the_reason)
{
    struct fnd_error error = {0};
    fnd_error_errno(&error, FND_IO, EIO, "cannot sync x");
    cr_expect_str_eq(error.message, "cannot sync x: Input/output error; check the disk and repeat");
    cr_expect_str_eq(error.code, "");
    static const int full[] = {ENOSPC, EDQUOT, EFBIG};
    for (size_t i = 0; i < sizeof full / sizeof full[0]; i++) {
        fnd_error_errno(&error, FND_FULL, full[i], "cannot write x");
        cr_expect_not_null(strstr(error.message, "; storage full"), "%s", error.message);
        cr_expect_str_eq(error.code, "storage_full");
    }
    fnd_error_errno(&error, FND_DENIED, EROFS, "cannot write x");
    cr_expect_not_null(strstr(error.message, "; make it writable"), "%s", error.message);
}

/* Every offset of a character over the cut. */
Test(error, a_message_is_cut_on_a_character_boundary)
{
    static const char *const parts[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char *text = many(parts[i], 2000);
        for (size_t shift = 0; shift < 4; shift++) {
            struct fnd_error error = {0};
            size_t part = strlen(parts[i]);
            fnd_error_set(&error, FND_INVALID, "%.*s%s", (int)shift, "xxxx", text);
            size_t size = strlen(error.message);
            cr_expect(fnd_utf8_valid(error.message, size), "%zu bytes, shift %zu", part, shift);
            cr_expect(size < sizeof error.message && size + part >= sizeof error.message,
                      "%zu bytes, shift %zu: %zu", part, shift, size);
        }
        free(text);
    }
}

Test(error, a_prefix_tells_the_story_from_further_out)
{
    struct fnd_error error = {0};
    fnd_error_set(&error, FND_NOT_FOUND, "no such field");
    fnd_error_place(&error, "f", 1, 2);
    fnd_error_code(&error, "missing");
    fnd_error_prefix(&error, "phase %s", "ocr");
    fnd_error_prefix(&error, "job %d", 7);
    cr_expect_str_eq(error.message, "job 7: phase ocr: no such field");
    cr_expect_str_eq(error.code, "missing");
    cr_expect(error.status == FND_NOT_FOUND && error.line == 1);
    char *text = many("\xe2\x82\xac", 1000);
    for (size_t shift = 0; shift < 3; shift++) {
        fnd_error_set(&error, FND_INVALID, "%s", text);
        fnd_error_prefix(&error, "%.*s", (int)shift + 1, "xxxx");
        cr_expect(fnd_utf8_valid(error.message, strlen(error.message)));
        cr_expect_eq(strncmp(error.message + shift + 1, ": \xe2\x82\xac", 5), 0);
        fnd_error_prefix(&error, "%s", text);
        cr_expect(fnd_utf8_valid(error.message, strlen(error.message)));
    }
    free(text);
}

Test(error, an_error_may_be_told_by_its_own_parts)
{
    struct fnd_error error = {0};
    fnd_error_set(&error, FND_INVALID, "inner");
    fnd_error_place(&error, "file", 1, 1);
    fnd_error_prefix(&error, "%s", error.message);
    cr_expect_str_eq(error.message, "inner: inner");
    fnd_error_set(&error, FND_IO, "%s in %s", error.message, error.file);
    cr_expect_str_eq(error.message, "inner: inner in file");
    fnd_error_place(&error, "again", 1, 1);
    fnd_error_place(&error, error.file, 2, 2);
    cr_expect_str_eq(error.file, "again");
}

Test(error, a_long_file_name_keeps_its_end)
{
    char *folder = many("\xe2\x82\xac/", 200);
    for (size_t shift = 0; shift < 5; shift++) {
        struct fnd_text path = {0};
        struct fnd_error error = {0};
        fnd_text_printf(&path, "%s%.*sname.yaml", folder, (int)shift, "xxxxx");
        fnd_error_place(&error, path.bytes, 1, 1);
        size_t size = strlen(error.file);
        cr_expect(size < sizeof error.file && size + 8 > sizeof error.file, "%zu", size);
        cr_expect(fnd_utf8_valid(error.file, size));
        cr_expect_eq(strncmp(error.file, "...", 3), 0);
        cr_expect_str_eq(error.file + size - 9, "name.yaml");
        fnd_text_finish(&path);
    }
    struct fnd_error error = {0};
    folder[255] = '\0';
    fnd_error_place(&error, folder, 1, 1);
    cr_expect_str_eq(error.file, folder, "255 bytes fit");
    char *code = many("x", 100);
    fnd_error_code(&error, code);
    cr_expect_eq(strlen(error.code), sizeof error.code - 1);
    free(code);
    free(folder);
}

Test(error, bytes_that_are_no_text_are_shown)
{
    struct fnd_error error = {0};
    fnd_error_set(&error, FND_INVALID, "no \xff\xc3\xa4 \xc3 here");
    cr_expect_str_eq(error.message, "no \\xff\xc3\xa4 \\xc3 here");
    fnd_error_errno(&error, FND_IO, ENOENT, "cannot open %s", "\x80");
    cr_expect_str_eq(error.message, "cannot open \\x80: No such file or directory");
    fnd_error_prefix(&error, "\xfe");
    cr_expect_str_eq(error.message, "\\xfe: cannot open \\x80: No such file or directory");
    char *long_one = many("\xff", 2000);
    fnd_error_set(&error, FND_INVALID, "%s", long_one);
    cr_expect_eq(strlen(error.message), (sizeof error.message - 1) / 4 * 4);
    cr_expect(fnd_utf8_valid(error.message, strlen(error.message)));
    free(long_one);
}

Test(error, each_status_has_a_name_of_its_own)
{
    for (int i = FND_OK; i <= FND_INTERRUPTED; i++) {
        cr_expect_str_neq(fnd_status_name((enum fnd_status)i), "unknown");
        for (int k = FND_OK; k < i; k++) {
            cr_expect_str_neq(fnd_status_name((enum fnd_status)i),
                              fnd_status_name((enum fnd_status)k));
        }
    }
    cr_expect_str_eq(fnd_status_name(FND_CONFLICT), "conflict");
    cr_expect_str_eq(fnd_status_name((enum fnd_status)99), "unknown");
}
