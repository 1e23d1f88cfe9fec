/* SPDX-License-Identifier: MIT */
/* Which way is up, by each of the two that can tell: Tesseract's model of orientations, and,
 * without that model, readings of all four turns. */
#include <criterion/criterion.h>
#include <leptonica/allheaders.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader.h"

/* Grey, as the plugin hands it over, turned clockwise. */
static struct Pix *page(int quarter_turns)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/pipelines/invoice-ocr/samples/invoice-010.jpg",
             getenv("FOUNDRY_SOURCE_ROOT"));
    struct Pix *read = pixRead(path);
    cr_assert_not_null(read, "%s", path);
    struct Pix *grey = pixConvertTo8(read, 0);
    struct Pix *turned = pixRotateOrth(grey, quarter_turns);
    cr_assert_not_null(turned);
    pixDestroy(&read);
    pixDestroy(&grey);
    return turned;
}

static int never(void *context)
{
    (void)context;
    return 0;
}

static void expect(struct reader *reader, int quarter_turns, enum reader_turner turner)
{
    const struct reader_cancel cancel = {never, NULL};
    struct reading reading;
    struct Pix *pix = page(quarter_turns);
    int found = 0;
    cr_assert_eq(reader_read(reader, pix, &cancel, &reading), READER_OK);
    cr_expect_eq(reading.orientation, quarter_turns * 90, "turned by %d: %d", quarter_turns * 90,
                 reading.orientation);
    cr_expect_eq(reading.turner, turner, "turned by %d: told by %d, not by %d", quarter_turns * 90,
                 (int)reading.turner, (int)turner);
    for (size_t i = 0; i < reading.words.count; i++) {
        found += strcmp(reading.words.items[i].text, "Nordlicht") == 0;
    }
    cr_expect_gt(found, 0, "turned by %d it is read", quarter_turns * 90);
    reading_finish(&reading);
    pixDestroy(&pix);
}

static struct reader *open_reader(const char *folder)
{
    char message[512] = "";
    struct reader *reader = reader_create(folder, "eng", message, sizeof message);
    cr_assert_not_null(reader, "%s", message);
    return reader;
}

Test(reader, the_model_of_orientations_tells_which_way_is_up, .timeout = 280)
{
    struct reader *reader = open_reader(TESSDATA_FOLDER);
    expect(reader, 0, READER_AS_IT_CAME);
    for (int turns = 1; turns < 3; turns++) {
        expect(reader, turns, READER_BY_MODEL);
    }
    reader_destroy(reader);
}

Test(reader, without_that_model_readings_of_all_four_turns_do, .timeout = 280)
{
    char folder[] = "/tmp/foundry-tessdata.XXXXXX", link[64];
    cr_assert_not_null(mkdtemp(folder));
    snprintf(link, sizeof link, "%s/eng.traineddata", folder);
    cr_assert_eq(symlink(TESSDATA_FOLDER "/eng.traineddata", link), 0);
    struct reader *reader = open_reader(folder);
    expect(reader, 0, READER_AS_IT_CAME);
    for (int turns = 1; turns < 3; turns++) {
        expect(reader, turns, READER_BY_READING);
    }
    reader_destroy(reader);
    unlink(link);
    rmdir(folder);
}
