/* SPDX-License-Identifier: MIT */
/* The schemas that ship with the pipelines, against the samples beside them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "schema/schema.h"

static struct fnd_text shipped(const char *path)
{
    const char *root = getenv("FOUNDRY_SOURCE_ROOT");
    struct fnd_text whole = {0}, text = {0};
    struct fnd_error error = {0};
    cr_assert_not_null(root, "FOUNDRY_SOURCE_ROOT names the tree");
    fnd_text_printf(&whole, "%s/pipelines/%s", root, path);
    cr_assert_eq(fnd_file_read(AT_FDCWD, fnd_text_z(&whole), 1 << 20, &text, &error), FND_OK, "%s",
                 error.message);
    fnd_text_finish(&whole);
    return text;
}

static struct fnd_schema *schema_of(const char *path)
{
    struct fnd_text text = shipped(path);
    struct fnd_schema *schema = NULL;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_schema_create(path, text.bytes, text.size, &schema, &error), FND_OK, "%s",
                 error.message);
    fnd_text_finish(&text);
    return schema;
}

static bool meets(const struct fnd_schema *schema, const char *bytes, size_t size)
{
    struct fnd_json value;
    struct fnd_error error = {0};
    cr_assert_eq(fnd_json_check(bytes, size, NULL, &value, &error), FND_OK, "%s", error.message);
    return fnd_schema_check(schema, value, NULL, NULL);
}

Test(schema_shipped, every_truth_of_a_sample_invoice_meets_the_invoice_schema)
{
    struct fnd_schema *schema = schema_of("invoice-ocr/invoice.schema.json");
    size_t count = 0;
    for (int number = 1; number <= 12; number++) {
        char path[64];
        snprintf(path, sizeof path, "invoice-ocr/samples/invoice-%03d.truth.json", number);
        struct fnd_text truth = shipped(path);
        cr_expect(meets(schema, truth.bytes, truth.size), "%s", path);
        fnd_text_finish(&truth);
        count++;
    }
    cr_expect_eq(count, 12);
    cr_expect_not(meets(schema, "{\"supplier_name\":7}", 19));
    fnd_schema_destroy(schema);
}

Test(schema_shipped, every_sample_text_meets_the_job_schema)
{
    struct fnd_schema *schema = schema_of("uppercase/job.schema.json");
    struct fnd_text job = shipped("uppercase/samples/hello.job.json");
    struct fnd_text lines = shipped("uppercase/samples/more.jsonl");
    size_t count = 0;
    cr_expect(meets(schema, job.bytes, job.size));
    for (char *line = strtok(lines.bytes, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        cr_expect(meets(schema, line, strlen(line)), "%s", line);
        count++;
    }
    cr_expect_eq(count, 3);
    cr_expect_not(meets(schema, "{\"id\":\"a\"}", 10));
    fnd_text_finish(&job);
    fnd_text_finish(&lines);
    fnd_schema_destroy(schema);
}
