/* SPDX-License-Identifier: MIT */
/* foundry-samples: the same seed is the same page, its boxes lie on ink, nothing overlaps. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <leptonica/allheaders.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "draw.h"

extern char **environ;

/** Run foundry-samples into a new folder (`folder` is a template of mkdtemp); its exit status. */
static int samples_run(char *folder, const char *arguments)
{
    pid_t child;
    int state = -1;
    struct fnd_text line = {0};
    cr_assert_not_null(mkdtemp(folder));
    fnd_text_printf(&line, "exec \"$FOUNDRY_SAMPLES\" --out %s %s", folder, arguments);
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, (char *)(uintptr_t)fnd_text_z(&line),
                          NULL};
    cr_assert_eq(posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ), 0);
    cr_assert_eq(waitpid(child, &state, 0), child);
    fnd_text_finish(&line);
    return WIFEXITED(state) ? WEXITSTATUS(state) : -1;
}

static void file_load(const char *folder, const char *name, struct fnd_text *bytes)
{
    struct fnd_text path = {0};
    struct fnd_error error = {0};
    fnd_text_printf(&path, "%s/%s", folder, name);
    cr_assert_eq(fnd_file_read(AT_FDCWD, fnd_text_z(&path), 64 << 20, bytes, &error), FND_OK, "%s",
                 error.message);
    fnd_text_finish(&path);
}

static void folder_remove(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        struct fnd_text path = {0};
        fnd_text_printf(&path, "%s/%s", folder, entries[i]->d_name);
        unlink(fnd_text_z(&path));
        fnd_text_finish(&path);
        free(entries[i]);
    }
    free(entries);
    rmdir(folder);
}

static const char *const all_layouts =
    "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,"
    "34,35,36,37,38,39,40,41,42,43,44,45,46,47";

Test(samples, same_seed_same_files)
{
    static const char *const names[] = {
        "s-001.truth.json", "s-001.boxes.json", "s-001.png",        "s-003.truth.json",
        "s-003.boxes.json", "s-003.png",        "s-002.truth.json",
    };
    char first[] = "/tmp/foundry-samples-XXXXXX", second[] = "/tmp/foundry-samples-XXXXXX";
    char other[] = "/tmp/foundry-samples-XXXXXX";
    char arguments[512];
    snprintf(arguments, sizeof arguments,
             "--seed 9 --count 3 --dpi 90 --format png --boxes yes --name s --layouts %s",
             all_layouts);
    cr_assert_eq(samples_run(first, arguments), 0);
    cr_assert_eq(samples_run(second, arguments), 0);
    arguments[7] = '8';
    cr_assert_eq(samples_run(other, arguments), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct fnd_text a = {0}, b = {0}, c = {0};
        file_load(first, names[i], &a);
        file_load(second, names[i], &b);
        file_load(other, names[i], &c);
        cr_assert(a.size == b.size && memcmp(a.bytes, b.bytes, a.size) == 0, "%s", names[i]);
        cr_assert(a.size != c.size || memcmp(a.bytes, c.bytes, a.size) != 0, "%s", names[i]);
        fnd_text_finish(&a);
        fnd_text_finish(&b);
        fnd_text_finish(&c);
    }
    folder_remove(first);
    folder_remove(second);
    folder_remove(other);
}

/** The ink inside `box`, as left, top, right, bottom relative to it; false if there is none. */
static bool ink_find(struct Pix *page, const int box[4], int ink[4])
{
    bool found = false;
    for (int y = box[1]; y < box[1] + box[3]; y++) {
        for (int x = box[0]; x < box[0] + box[2]; x++) {
            l_uint32 value = 255;
            (void)pixGetPixel(page, x, y, &value);
            if (value < 150) {
                ink[0] = found && ink[0] < x - box[0] ? ink[0] : x - box[0];
                ink[1] = found && ink[1] < y - box[1] ? ink[1] : y - box[1];
                ink[2] = found && ink[2] > x - box[0] ? ink[2] : x - box[0];
                ink[3] = found && ink[3] > y - box[1] ? ink[3] : y - box[1];
                found = true;
            }
        }
    }
    return found;
}

/** Each box is filled by ink from edge to edge. Returns how many there are. */
static size_t boxes_check(const char *folder, size_t index)
{
    const int slack = 5; /* pixels: a turned text does not fill its corners, and blur eats ink */
    char name[64];
    struct fnd_text text = {0}, picture = {0};
    struct fnd_error error = {0};
    struct fnd_json boxes;
    snprintf(name, sizeof name, "s-%03zu.boxes.json", index);
    file_load(folder, name, &text);
    snprintf(name, sizeof name, "s-%03zu.jpg", index);
    file_load(folder, name, &picture);
    struct Pix *page = pixReadMem((const l_uint8 *)picture.bytes, picture.size);
    cr_assert_not_null(page);
    cr_assert_eq(fnd_json_check(text.bytes, text.size, NULL, &boxes, &error), FND_OK);
    size_t count = 0;
    for (struct fnd_json_walk walk = fnd_json_walk(boxes); fnd_json_next(&walk); count++) {
        int box[4] = {0}, ink[4] = {0};
        char *as_text = fnd_json_strdup(walk.value);
        if (as_text == NULL) {
            as_text = fnd_strndup(walk.value.bytes, walk.value.size);
        }
        cr_assert_eq(sscanf(as_text, "[%d, %d, %d, %d]", &box[0], &box[1], &box[2], &box[3]), 4);
        cr_assert(ink_find(page, box, ink), "%s: no ink in %s", name, as_text);
        cr_assert(ink[0] <= slack && ink[1] <= slack && ink[2] >= box[2] - 1 - slack &&
                      ink[3] >= box[3] - 1 - slack,
                  "%s: ink of %s is %d %d %d %d", name, as_text, ink[0], ink[1], ink[2], ink[3]);
        free(as_text);
    }
    pixDestroy(&page);
    fnd_text_finish(&text);
    fnd_text_finish(&picture);
    return count;
}

Test(samples, boxes_lie_on_ink)
{
    char folder[] = "/tmp/foundry-samples-XXXXXX", arguments[512];
    size_t boxes = 0;
    snprintf(arguments, sizeof arguments,
             "--seed 5 --count 10 --dpi 150 --format jpg --exif no --level scan --boxes yes "
             "--name s --layouts %s",
             all_layouts);
    cr_assert_eq(samples_run(folder, arguments), 0);
    for (size_t i = 1; i <= 10; i++) {
        boxes += boxes_check(folder, i);
    }
    cr_assert(boxes >= 10 * (3 + 2 * 4));
    folder_remove(folder);
}

Test(samples, nothing_overlaps)
{
    /* The generator refuses a page whose texts overlap. */
    struct marks marks;
    size_t first, second, pages = 0;
    printf("seed 77\n");
    for (size_t i = 0; i < 3 * LAYOUTS; i++, pages++) {
        struct prng prng = prng_init(77, i);
        struct invoice invoice;
        struct layout layout = layout_make(i % LAYOUTS);
        invoice_draw(&invoice, i % LAYOUTS, &prng);
        struct Pix *page = draw_page(&invoice, &layout, 36, &marks);
        cr_assert_not_null(page);
        bool overlap =
            marks_overlap(&marks, pixGetWidth(page), pixGetHeight(page), &first, &second);
        cr_assert(!overlap, "page %zu, layout %zu: texts %zu and %zu", i, i % LAYOUTS, second,
                  first);
        pixDestroy(&page);
    }
    cr_assert_eq(pages, 3 * LAYOUTS);
    /* And it sees an overlap where there is one. */
    memcpy(marks.items[3].box, marks.items[1].box, sizeof marks.items[3].box);
    marks.items[3].part = marks.items[1].part = false;
    cr_assert(marks_overlap(&marks, 1e6, 1e6, &first, &second));
    cr_assert(first == 3 && second == 1);
    cr_assert(marks_overlap(&marks, 10, 1e6, &first, &second) && first == second);
    draw_finish();
}
