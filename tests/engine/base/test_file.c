/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/file.h"

/* A folder of its own for each test; removed with all in it. */
struct fixture {
    char path[32];
    int folder;
};

static struct fixture fixture_init(void)
{
    struct fixture fixture = {.path = "/tmp/foundry-file-XXXXXX"};
    cr_assert_not_null(mkdtemp(fixture.path));
    fixture.folder = open(fixture.path, O_RDONLY | O_DIRECTORY);
    cr_assert_geq(fixture.folder, 0);
    return fixture;
}

/* Removes the files and gives their number. */
static size_t fixture_finish(struct fixture *fixture)
{
    size_t count = 0;
    DIR *folder = fdopendir(fixture->folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            count++;
            if (unlinkat(dirfd(folder), entry->d_name, 0) != 0) {
                unlinkat(dirfd(folder), entry->d_name, AT_REMOVEDIR);
            }
        }
    }
    closedir(folder);
    cr_expect_eq(rmdir(fixture->path), 0);
    return count;
}

static void expect_content(int folder, const char *name, const char *content)
{
    struct fnd_text text = {0};
    struct fnd_error error = {0};
    cr_expect_eq(fnd_file_read(folder, name, 1 << 20, &text, &error), FND_OK, "%s", error.message);
    cr_expect_str_eq(fnd_text_z(&text), content);
    fnd_text_finish(&text);
}

Test(file, what_was_written_is_read_again)
{
    struct fixture fixture = fixture_init();
    struct fnd_error error = {0};
    cr_expect_eq(fnd_file_write(fixture.folder, "a", "first", 5, 0640, &error), FND_OK, "%s",
                 error.message);
    expect_content(fixture.folder, "a", "first");
    cr_expect_eq(fnd_file_write(fixture.folder, "a", "2nd", 3, 0640, &error), FND_OK);
    expect_content(fixture.folder, "a", "2nd");
    cr_expect_eq(fnd_file_write(fixture.folder, "empty", NULL, 0, 0600, &error), FND_OK);
    expect_content(fixture.folder, "empty", "");
    struct stat info;
    cr_expect_eq(fstatat(fixture.folder, "empty", &info, 0), 0);
    cr_expect_eq(info.st_mode & 0777, 0600u);
    cr_expect_eq(fixture_finish(&fixture), 2, "no temporary file is left");
}

Test(file, a_path_may_name_its_folder)
{
    struct fixture fixture = fixture_init();
    struct fnd_text path = {0};
    struct fnd_error error = {0};
    cr_assert_eq(mkdirat(fixture.folder, "sub", 0700), 0);
    cr_expect_eq(fnd_file_write(fixture.folder, "sub/a", "x", 1, 0600, &error), FND_OK);
    expect_content(fixture.folder, "sub/a", "x");
    fnd_text_printf(&path, "%s/sub/a", fixture.path);
    cr_expect_eq(fnd_file_write(AT_FDCWD, path.bytes, "y", 1, 0600, &error), FND_OK);
    expect_content(AT_FDCWD, path.bytes, "y");
    cr_expect_eq(unlinkat(fixture.folder, "sub/a", 0), 0);
    fnd_text_finish(&path);
    fixture_finish(&fixture);
}

Test(file, a_link_is_replaced_and_what_it_names_is_kept)
{
    struct fixture fixture = fixture_init();
    struct fnd_error error = {0};
    cr_assert_eq(fnd_file_write(fixture.folder, "target", "old", 3, 0600, &error), FND_OK);
    cr_assert_eq(symlinkat("target", fixture.folder, "link"), 0);
    expect_content(fixture.folder, "link", "old");
    cr_expect_eq(fnd_file_write(fixture.folder, "link", "new", 3, 0600, &error), FND_OK);
    expect_content(fixture.folder, "link", "new");
    expect_content(fixture.folder, "target", "old");
    fixture_finish(&fixture);
}

Test(file, names_left_over_by_a_dead_process_do_no_harm)
{
    struct fixture fixture = fixture_init();
    struct fnd_text name = {0};
    struct fnd_error error = {0};
    for (unsigned i = 0; i < 3; i++) {
        fnd_text_clear(&name);
        fnd_text_printf(&name, ".foundry-%ld-%u.tmp", (long)getpid(), i);
        int fd = openat(fixture.folder, name.bytes, O_CREAT | O_WRONLY, 0600);
        cr_assert_geq(fd, 0);
        close(fd);
    }
    cr_expect_eq(fnd_file_write(fixture.folder, "a", "x", 1, 0600, &error), FND_OK);
    expect_content(fixture.folder, "a", "x");
    fnd_text_finish(&name);
    cr_expect_eq(fixture_finish(&fixture), 4);
}

Test(file, reading_appends_and_is_bounded)
{
    static const struct {
        size_t size_max;
        enum fnd_status status;
    } cases[] = {{0, FND_LIMIT}, {99999, FND_LIMIT}, {100000, FND_OK}, {SIZE_MAX, FND_OK}};
    struct fixture fixture = fixture_init();
    struct fnd_error error = {0};
    char *bytes = fnd_alloc(100000);
    memset(bytes, 'z', 100000);
    cr_assert_eq(fnd_file_write(fixture.folder, "a", bytes, 100000, 0600, &error), FND_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text text = {0};
        fnd_text_append_z(&text, "kept");
        cr_expect_eq(fnd_file_read(fixture.folder, "a", cases[i].size_max, &text, &error),
                     cases[i].status);
        cr_expect_eq(text.size, cases[i].status == FND_OK ? 100004u : 4u);
        cr_expect_eq(strlen(text.bytes), text.size);
        cr_expect_eq(strncmp(text.bytes, "kept", 4), 0);
        fnd_text_finish(&text);
    }
    free(bytes);
    fixture_finish(&fixture);
}

/* A file of /proc tells a size of 0 and has content all the same: the bound holds for it, too. */
Test(file, a_file_whose_size_is_not_told_is_read_and_bounded)
{
    struct fnd_text text = {0};
    struct fnd_error error = {0};
    cr_expect_eq(fnd_file_read(AT_FDCWD, "/proc/self/status", 1 << 20, &text, &error), FND_OK);
    cr_expect_gt(text.size, 100);
    fnd_text_clear(&text);
    cr_expect_eq(fnd_file_read(AT_FDCWD, "/proc/self/status", 100, &text, &error), FND_LIMIT);
    cr_expect_eq(text.size, 0);
    cr_expect_not_null(strstr(error.message, "/proc/self/status"));
    fnd_text_finish(&text);
}

Test(file, what_cannot_be_read_is_named_with_its_reason)
{
    struct fixture fixture = fixture_init();
    cr_assert_eq(mkdirat(fixture.folder, "folder", 0700), 0);
    cr_assert_eq(mkfifoat(fixture.folder, "pipe", 0600), 0);
    cr_assert_eq(symlinkat("loop", fixture.folder, "loop"), 0);
    static const struct {
        const char *name;
        enum fnd_status status;
        const char *message;
    } cases[] = {
        {"missing", FND_NOT_FOUND, "cannot open missing: No such file or directory"},
        {"missing/a", FND_NOT_FOUND, "cannot open missing/a: No such file or directory"},
        {"folder", FND_INVALID, "cannot read folder: it is a folder; a regular file is needed"},
        {"pipe", FND_INVALID, "cannot read pipe: it is a pipe; a regular file is needed"},
        {"/dev/null", FND_INVALID,
         "cannot read /dev/null: it is a device; a regular file is needed"},
        {"loop", FND_IO, "cannot open loop: Too many levels of symbolic links"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text text = {0};
        struct fnd_error error = {0};
        cr_expect_eq(fnd_file_read(fixture.folder, cases[i].name, 100, &text, &error),
                     cases[i].status);
        cr_expect_str_eq(error.message, cases[i].message);
        cr_expect_eq(text.size, 0);
        fnd_text_finish(&text);
    }
    fixture_finish(&fixture);
}

Test(file, what_is_read_below_a_folder_leads_nowhere_else)
{
    struct fixture fixture = fixture_init();
    char outside[64];
    snprintf(outside, sizeof outside, "../%s/a", fixture.path + strlen("/tmp/"));
    cr_assert_eq(fnd_file_write(fixture.folder, "a", "x", 1, 0600, NULL), FND_OK);
    cr_assert_eq(symlinkat("a", fixture.folder, "inside"), 0);
    cr_assert_eq(symlinkat("/etc/passwd", fixture.folder, "absolute"), 0);
    cr_assert_eq(symlinkat("..", fixture.folder, "up"), 0);
    cr_assert_eq(symlinkat("/proc/self/fd/0", fixture.folder, "magic"), 0);
    const struct {
        const char *name, *message;
    } cases[] = {
        {"a", NULL},
        {"./a", NULL},
        {"inside", NULL},
        {"missing", "cannot open missing: No such file or directory"},
        {"absolute", "cannot open absolute: it leads out of the folder"},
        {"magic", "cannot open magic: it leads out of the folder"},
        {"up/passwd", "cannot open up/passwd: it leads out of the folder"},
        {"/etc/passwd", "cannot open /etc/passwd: it leads out of the folder"},
        {outside, NULL},
        {"..", "cannot open ..: it leads out of the folder"},
    };
    /* A kernel before 5.6, and valgrind, cannot hold to a folder: there nothing is read at all. */
    const int held = fnd_file_open_below(fixture.folder, "a", 0);
    const bool none = held < 0 && errno == ENOSYS;
    if (held >= 0) {
        close(held);
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fnd_text text = {0};
        struct fnd_error error = {0};
        enum fnd_status status =
            fnd_file_read_below(fixture.folder, cases[i].name, 100, &text, &error);
        if (none) {
            cr_expect_eq(status, FND_IO);
            cr_expect_not_null(strstr(error.message, "the kernel does not have this"), "%s",
                               error.message);
        } else if (cases[i].name == outside) { /* goes out and comes back: that is out */
            cr_expect_eq(status, FND_DENIED);
            cr_expect_str_eq(error.code, "outside");
        } else if (cases[i].message == NULL) {
            cr_expect_eq(status, FND_OK, "%s: %s", cases[i].name, error.message);
            cr_expect_str_eq(fnd_text_z(&text), "x");
        } else {
            cr_expect_neq(status, FND_OK, "%s", cases[i].name);
            cr_expect_str_eq(error.message, cases[i].message);
            cr_expect_eq(text.size, 0);
        }
        fnd_text_finish(&text);
    }
    cr_expect_lt(fnd_file_open_below(fixture.folder, "up", O_DIRECTORY), 0);
    cr_expect_eq(errno, none ? ENOSYS : EXDEV);
    fixture_finish(&fixture);
}

Test(file, what_cannot_be_written_leaves_the_old_content_and_nothing_else)
{
    struct fixture fixture = fixture_init();
    struct fnd_error error = {0};
    cr_expect_eq(fnd_file_write(fixture.folder, "missing/a", "x", 1, 0600, &error), FND_NOT_FOUND);
    cr_expect_str_eq(error.message, "cannot write missing/a: cannot open its folder: No such file "
                                    "or directory");
    cr_assert_eq(mkdirat(fixture.folder, "folder", 0700), 0);
    cr_expect_eq(fnd_file_write(fixture.folder, "folder", "x", 1, 0600, &error), FND_IO);
    cr_expect_str_eq(error.message, "cannot write folder (1 bytes): Is a directory");
    cr_assert_eq(fnd_file_write(fixture.folder, "a", "old", 3, 0600, &error), FND_OK);
    /* A limit on the size of files stands in for a full disk. */
    struct rlimit limit = {1000, 1000};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    char bytes[2000] = {0};
    cr_expect_eq(fnd_file_write(fixture.folder, "a", bytes, sizeof bytes, 0600, &error), FND_FULL);
    cr_expect_str_eq(error.message,
                     "cannot write a (2000 bytes): File too large; storage full for this process, "
                     "raise its limit on file sizes and repeat");
    expect_content(fixture.folder, "a", "old");
    cr_expect_eq(fixture_finish(&fixture), 2, "no temporary file is left");
}

Test(file, write_all_gives_the_errno)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    cr_expect_eq(fnd_write_all(ends[1], "abc", 3), 0);
    char bytes[4] = {0};
    cr_expect_eq(read(ends[0], bytes, 4), 3);
    cr_expect_str_eq(bytes, "abc");
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    cr_expect_eq(fnd_write_all(ends[1], "abc", 3), EPIPE);
    cr_expect_eq(fnd_write_all(ends[1], NULL, 0), 0);
    close(ends[1]);
    cr_expect_eq(fnd_write_all(-1, "a", 1), EBADF);
}

Test(file, an_errno_becomes_the_status_it_means)
{
    static const struct {
        int errno_value;
        enum fnd_status status;
    } cases[] = {
        {0, FND_OK},         {ENOSPC, FND_FULL},      {EDQUOT, FND_FULL},
        {EFBIG, FND_FULL},   {ENOENT, FND_NOT_FOUND}, {EACCES, FND_DENIED},
        {EPERM, FND_DENIED}, {EROFS, FND_DENIED},     {EIO, FND_IO},
        {EMFILE, FND_IO},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(fnd_status_errno(cases[i].errno_value), cases[i].status, "errno %d",
                     cases[i].errno_value);
    }
}
