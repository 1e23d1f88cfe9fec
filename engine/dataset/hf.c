/* SPDX-License-Identifier: MIT */
/* Format `hf`: a dataset as Hugging Face's `datasets` loads it. Layout: huggingface/datasets,
 * "Create an image dataset" (ImageFolder with metadata.jsonl); the hub's dataset cards. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/example.h"
#include "dataset/hf.h"

static const char schema[] =
    "{\"type\":\"object\",\"required\":[\"split\",\"row\"],\"properties\":{"
    "\"split\":{\"enum\":[\"train\",\"validation\",\"test\"]},"
    "\"file\":{\"type\":\"string\"},\"row\":{\"type\":\"object\",\"properties\":{"
    "\"file_name\":{\"type\":\"string\",\"minLength\":1},\"text\":{\"type\":\"string\"},"
    "\"input\":{\"type\":\"string\"},\"output\":{\"type\":\"string\"},"
    "\"objects\":{\"type\":\"object\",\"required\":[\"bbox\",\"categories\"],\"properties\":{"
    "\"bbox\":{\"type\":\"array\",\"items\":{\"type\":\"array\",\"minItems\":4,\"maxItems\":4,"
    "\"items\":{\"type\":\"number\"}}},\"categories\":{\"type\":\"array\",\"items\":{"
    "\"type\":[\"integer\",\"string\"],\"minimum\":0}}}}}}}}";

enum fnd_hf_kind fnd_hf_kind_of(struct fnd_json row)
{
    return fnd_json_member(row, "objects").bytes != NULL ? FND_HF_OBJECTS
           : fnd_json_member(row, "file_name").bytes != NULL &&
                   fnd_json_member(row, "text").bytes != NULL
               ? FND_HF_TEXT
           : fnd_json_member(row, "input").bytes != NULL &&
                   fnd_json_member(row, "output").bytes != NULL
               ? FND_HF_PAIR
               : FND_HF_OTHER;
}

static const char *kind_name(enum fnd_hf_kind kind)
{
    static const char *const names[] = {"", "boxes in pictures", "pictures and their text",
                                        "texts and answers", "other columns"};
    return names[kind];
}

/** The text that a document is: itself, its member `text`, else the document as JSON. */
static void document_text(struct fnd_json document, struct fnd_text *text)
{
    struct fnd_json member =
        fnd_json_type(document) == FND_JSON_OBJECT ? fnd_json_member(document, "text") : document;
    if (member.bytes == NULL || !fnd_json_text(member, text)) {
        fnd_text_clear(text);
        fnd_json_compact(document, text);
    }
}

static bool has_boxes(const struct fnd_datum *datum)
{
    return datum->entry->boxes != NULL ||
           fnd_json_type(fnd_json_find(datum->human, "/boxes")) == FND_JSON_ARRAY;
}

static void objects_append(const struct fnd_plan *plan, const struct fnd_boxes *boxes,
                           struct fnd_text *line)
{
    fnd_text_append_z(line, ",\"objects\":{\"bbox\":[");
    for (size_t i = 0; i < boxes->count; i++) {
        const struct fnd_box *box = &boxes->list[i];
        const double sides[4] = {box->x, box->y, box->width, box->height};
        for (size_t j = 0; j < 4; j++) {
            fnd_text_append_z(line, j > 0 ? "," : i > 0 ? ",[" : "[");
            fnd_decimal_append(line, sides[j]);
        }
        fnd_text_append_byte(line, ']');
    }
    fnd_text_append_z(line, "],\"categories\":[");
    for (size_t i = 0; i < boxes->count; i++) {
        fnd_text_printf(line, "%s%zu", i > 0 ? "," : "",
                        fnd_plan_class(plan, boxes->list[i].label));
    }
    fnd_text_append_z(line, "]}");
}

/** A row about a picture: its name, and text or boxes. */
static enum fnd_status picture_row(const struct fnd_plan *plan, const struct fnd_datum *datum,
                                   struct fnd_text *line, struct fnd_error *error)
{
    struct fnd_text name = {0}, text = {0};
    struct fnd_drawn drawn = {.width = 0};
    char *hash = fnd_json_strdup(fnd_json_member(datum->input, "sha256"));
    enum fnd_status status = fnd_picture_name(datum, &name, error);
    if (status == FND_OK && has_boxes(datum)) {
        status = fnd_drawn_make(plan, datum, false, &drawn, error);
    }
    if (status == FND_OK) {
        fnd_text_printf(line, ",\"file\":\"%s/%s\",\"sha256\":\"%s\"", fnd_split_name(datum->split),
                        fnd_text_z(&name), hash != NULL ? hash : "");
        if (has_boxes(datum)) {
            fnd_text_printf(line, ",\"width\":%" PRIu32 ",\"height\":%" PRIu32, drawn.width,
                            drawn.height);
        }
        fnd_text_printf(line, ",\"row\":{\"file_name\":\"%s\"", fnd_text_z(&name));
        if (has_boxes(datum)) {
            objects_append(plan, &drawn.human, line);
        } else {
            document_text(datum->human, &text);
            fnd_text_append_z(line, ",\"text\":");
            fnd_text_append_json(line, fnd_text_z(&text), text.size);
        }
        fnd_text_append_byte(line, '}');
    }
    fnd_drawn_finish(&drawn);
    fnd_text_finish(&name);
    fnd_text_finish(&text);
    free(hash);
    return status;
}

static void pair_row(const struct fnd_datum *datum, struct fnd_text *line)
{
    struct fnd_text text = {0};
    struct fnd_json id = fnd_json_member(datum->whole, "uuid");
    fnd_text_append_z(line, ",\"row\":{\"id\":");
    fnd_json_compact(id, line);
    fnd_datum_content(datum, &text);
    fnd_text_append_z(line, ",\"input\":");
    fnd_text_append_json(line, fnd_text_z(&text), text.size);
    fnd_text_clear(&text);
    document_text(datum->human, &text);
    fnd_text_append_z(line, ",\"output\":");
    fnd_text_append_json(line, fnd_text_z(&text), text.size);
    fnd_text_append_byte(line, '}');
    fnd_text_finish(&text);
}

static enum fnd_status hf_line(const struct fnd_plan *plan, const struct fnd_datum *datum,
                               struct fnd_text *line, struct fnd_error *error)
{
    enum fnd_status status = FND_OK;
    fnd_text_printf(line, "{\"split\":\"%s\"", fnd_split_name(datum->split));
    if (datum->is_file) {
        status = picture_row(plan, datum, line, error);
    } else if (fnd_json_member(datum->whole, "uuid").bytes == NULL) {
        status = fnd_error_set(error, FND_DAMAGED, "it has no uuid");
    } else {
        pair_row(datum, line);
    }
    fnd_text_append_byte(line, '}');
    return status;
}

static enum fnd_status hf_put(const struct fnd_plan *plan, const struct fnd_datum *datum,
                              struct fnd_json line, struct fnd_bundle *bundle,
                              struct fnd_error *error)
{
    struct fnd_text row = {0};
    char *file = fnd_json_strdup(fnd_json_member(line, "file"));
    char path[64];
    const char *split = fnd_split_name(datum->split);
    enum fnd_status status = FND_OK;
    (void)snprintf(path, sizeof path, file != NULL ? "%s/metadata.jsonl" : "data/%s.jsonl", split);
    if (file != NULL) {
        status = fnd_picture_put(plan, datum, file, bundle, error);
    }
    if (status == FND_OK) {
        fnd_json_compact(fnd_json_member(line, "row"), &row);
        fnd_text_append_byte(&row, '\n');
        status = fnd_bundle_append(bundle, (size_t)(datum->split - FND_SPLIT_TRAIN), path,
                                   row.bytes, row.size, error);
    }
    fnd_text_finish(&row);
    free(file);
    return status;
}

/* --- the card ------------------------------------------------------------------------------ */

static const char *size_category(size_t lines)
{
    return lines < 1000       ? "n<1K"
           : lines < 10000    ? "1K<n<10K"
           : lines < 100000   ? "10K<n<100K"
           : lines < 1000000  ? "100K<n<1M"
           : lines < 10000000 ? "1M<n<10M"
                              : "10M<n<100M";
}

static void card_head(const struct fnd_export_result *result, bool pictures, struct fnd_text *card)
{
    fnd_text_printf(card, "---\nlicense: other\nsize_categories:\n- %s\n",
                    size_category(result->lines));
    fnd_text_append_z(card, "configs:\n- config_name: default\n  data_files:");
    for (int i = 0; i < FND_SPLITS_COUNT; i++) {
        const char *split = fnd_split_name((enum fnd_split)(i + 1));
        if (result->splits[i] > 0) {
            fnd_text_printf(card, "\n  - split: %s\n    path: %s%s%s", split,
                            pictures ? "" : "data/", split, pictures ? "/**" : ".jsonl");
        }
    }
    fnd_text_append_z(card, result->lines == 0 ? " []\n---\n" : "\n---\n");
}

/** Text that Markdown takes as it is: what could be markup is escaped. */
static void plain_append(struct fnd_text *card, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("\\`*_{}[]<>()#+-.!|~&", *text) != NULL) {
            fnd_text_append_byte(card, '\\');
        }
        fnd_text_append_byte(card, (unsigned char)*text < ' ' ? ' ' : *text);
    }
}

static void card_body(const struct fnd_plan *plan, const char *hash, struct fnd_text *card)
{
    const struct fnd_export_result *result = plan->result;
    fnd_text_printf(card,
                    "\n# Corrections\n\nWhat people said is right, exported by Foundry %s.\n\n"
                    "Licence: not stated here; whoever owns the inputs decides before they are "
                    "passed on.\n\n| split | examples |\n|---|---|\n",
                    FND_VERSION);
    for (int i = 0; i < FND_SPLITS_COUNT; i++) {
        fnd_text_printf(card, "| %s | %zu |\n", fnd_split_name((enum fnd_split)(i + 1)),
                        result->splits[i]);
    }
    if (plan->classes_count > 0) {
        fnd_text_append_z(card,
                          "\nBoxes are `[x, y, width, height]` in pixels of the picture as it "
                          "is displayed.\n\n| category | name |\n|---|---|\n");
    }
    for (size_t i = 0; i < plan->classes_count; i++) {
        fnd_text_printf(card, "| %zu | ", i);
        plain_append(card, plan->classes[i]);
        fnd_text_append_z(card, " |\n");
    }
    fnd_text_printf(card,
                    "\n`" FND_BUNDLE_MANIFEST "` names the records behind it, and the hash of each "
                    "file. SHA-256 of the listing of all files but this one, as `sha256sum` prints "
                    "it, sorted by path: `%s`\n",
                    hash);
}

static enum fnd_status hf_end(const struct fnd_plan *plan, struct fnd_bundle *bundle,
                              struct fnd_error *error)
{
    struct fnd_text card = {0};
    char hash[FND_DIGEST_TEXT_SIZE];
    enum fnd_status status = fnd_bundle_streams_end(bundle, error);
    if (status != FND_OK) {
        return status;
    }
    fnd_bundle_hash(bundle, hash);
    const bool pictures =
        bundle->count == 0 || strncmp(bundle->files[0].path, "data/", strlen("data/")) != 0;
    card_head(plan->result, pictures, &card);
    card_body(plan, hash, &card);
    status = fnd_bundle_write(bundle, "README.md", fnd_text_z(&card), card.size, error);
    fnd_text_finish(&card);
    return status;
}

/* --- comparing ----------------------------------------------------------------------------- */

static bool text_is(struct fnd_json value, const struct fnd_text *wanted)
{
    struct fnd_text text = {0};
    const bool same = value.bytes != NULL && fnd_json_text(value, &text) &&
                      text.size == wanted->size &&
                      (text.size == 0 || memcmp(text.bytes, wanted->bytes, text.size) == 0);
    fnd_text_finish(&text);
    return same;
}

/** Whether the boxes of a row are those on record. Their categories are numbers, which only the
 * plan can name: the row as a whole is compared with what the plan makes of the record (`exact`).
 */
static bool objects_agree(const struct fnd_datum *datum, struct fnd_json objects)
{
    struct fnd_boxes boxes = {0};
    struct fnd_json bbox = fnd_json_member(objects, "bbox");
    bool same = fnd_boxes_read(datum->human, datum->entry->boxes, datum->entry->label, &boxes,
                               NULL) == FND_OK &&
                fnd_json_count(bbox) == boxes.count &&
                fnd_json_count(fnd_json_member(objects, "categories")) == boxes.count;
    for (struct fnd_json_walk walk = fnd_json_walk(bbox); same && fnd_json_next(&walk);) {
        static const char *const pointers[] = {"/0", "/1", "/2", "/3"};
        const struct fnd_box *box = &boxes.list[walk.index];
        const double sides[4] = {box->x, box->y, box->width, box->height};
        for (size_t i = 0; i < 4; i++) {
            double side = NAN;
            fnd_json_number(fnd_json_find(walk.value, pointers[i]), &side);
            same = same && fabs(side - sides[i]) < 1e-5;
        }
    }
    fnd_boxes_finish(&boxes);
    return same;
}

static enum fnd_status hf_agrees(const struct fnd_datum *datum, struct fnd_json line,
                                 struct fnd_error *error)
{
    struct fnd_text wanted = {0};
    struct fnd_json row = fnd_json_member(line, "row");
    char *hash = fnd_json_strdup(fnd_json_member(datum->input, "sha256"));
    enum fnd_status status = FND_OK;
    document_text(datum->human, &wanted);
    if (!fnd_json_text_is(fnd_json_member(line, "split"), fnd_split_name(datum->split))) {
        status = fnd_error_set(error, FND_DAMAGED, "it is in another split's folder");
    } else if (datum->is_file &&
               (hash == NULL || !fnd_json_text_is(fnd_json_member(line, "sha256"), hash))) {
        status = fnd_error_set(error, FND_DAMAGED, "its picture is not the one on record");
    } else if (datum->is_file && has_boxes(datum)) {
        status = objects_agree(datum, fnd_json_member(row, "objects"))
                     ? FND_OK
                     : fnd_error_set(error, FND_DAMAGED, "its boxes are not those on record");
    } else if (!text_is(fnd_json_member(row, datum->is_file ? "text" : "output"), &wanted)) {
        status = fnd_error_set(error, FND_DAMAGED, "its text is not the one on record");
    } else if (!datum->is_file) {
        fnd_text_clear(&wanted);
        fnd_datum_content(datum, &wanted);
        status = text_is(fnd_json_member(row, "input"), &wanted)
                     ? FND_OK
                     : fnd_error_set(error, FND_DAMAGED, "its input is not the one on record");
    }
    fnd_text_finish(&wanted);
    free(hash);
    return status;
}

/* --- rules --------------------------------------------------------------------------------- */

static void box_check(struct fnd_json line, struct fnd_json bbox, size_t index,
                      struct fnd_flaws *flaws)
{
    static const char *const pointers[] = {"/0", "/1", "/2", "/3"};
    double v[4] = {0}, width = 0, height = 0;
    char at[64];
    (void)snprintf(at, sizeof at, "/objects/bbox/%zu", index);
    for (size_t i = 0; i < 4; i++) {
        fnd_json_number(fnd_json_find(bbox, pointers[i]), &v[i]);
    }
    const bool sized = fnd_json_number(fnd_json_member(line, "width"), &width) &&
                       fnd_json_number(fnd_json_member(line, "height"), &height) && width > 0;
    if (!(v[2] > 0 && v[3] > 0)) {
        fnd_flaws_add(flaws, at, "bbox", false, "is empty: a box is [x, y, width, height]");
    } else if (v[0] < -0.5 || v[1] < -0.5 ||
               (sized && (v[0] + v[2] > width + 0.5 || v[1] + v[3] > height + 0.5))) {
        fnd_flaws_add(flaws, at, "bbox", false,
                      "passes the picture's edge: a box is [x, y, width, height]");
    }
}

enum { KIND_BITS = 4 }; /* of checker->kind; above them, what type categories have */

/** Categories are numbers in all rows, or texts: a column has one type. */
static void categories_check(struct fnd_checker *checker, struct fnd_json categories,
                             struct fnd_flaws *flaws)
{
    for (struct fnd_json_walk walk = fnd_json_walk(categories); fnd_json_next(&walk);) {
        const unsigned type = (unsigned)fnd_json_type(walk.value) + 1;
        char at[64];
        if (checker->kind >> KIND_BITS == 0) {
            checker->kind |= type << KIND_BITS;
        } else if (checker->kind >> KIND_BITS != type) {
            (void)snprintf(at, sizeof at, "/objects/categories/%zu", walk.index);
            fnd_flaws_add(flaws, at, "type", false,
                          "is of another type than the first category: they are numbers in all "
                          "rows, or texts in all");
            return;
        }
    }
}

/** A row's columns and their types, {name: type}. */
static void columns_append(struct fnd_json row, struct fnd_text *columns)
{
    for (struct fnd_json_walk walk = fnd_json_walk(row); fnd_json_next(&walk);) {
        fnd_text_append_z(columns, walk.index > 0 ? "," : "{");
        fnd_text_append(columns, walk.key.bytes, walk.key.size);
        fnd_text_printf(columns, ":\"%s\"", fnd_json_type_name(fnd_json_type(walk.value)));
    }
    fnd_text_append_z(columns, columns->size > 0 ? "}" : "{}");
}

static void column_told(struct fnd_json key, const char *what, struct fnd_flaws *flaws)
{
    struct fnd_text at = {0};
    fnd_text_append_z(&at, "/row");
    fnd_json_pointer_add_key(&at, key);
    fnd_flaws_add(flaws, fnd_text_z(&at), "columns", false, "%s", what);
    fnd_text_finish(&at);
}

/** Rows have the columns of the first one, each of one type; null is of any. */
static void columns_check(struct fnd_checker *checker, struct fnd_json row, struct fnd_flaws *flaws)
{
    struct fnd_text own = {0};
    if (checker->columns.size == 0) {
        columns_append(row, &checker->columns);
        return;
    }
    columns_append(row, &own);
    const struct fnd_json first = {checker->columns.bytes, checker->columns.size};
    const struct fnd_json found = {own.bytes, own.size};
    for (struct fnd_json_walk walk = fnd_json_walk(found); fnd_json_next(&walk);) {
        char *name = fnd_json_strdup(walk.key);
        struct fnd_json type = fnd_json_member(first, name);
        if (type.bytes == NULL) {
            column_told(walk.key, "is a column that the first row has not", flaws);
        } else if (!fnd_json_equal(type, walk.value) && !fnd_json_text_is(type, "null") &&
                   !fnd_json_text_is(walk.value, "null")) {
            column_told(walk.key, "is of another type than in the first row", flaws);
        }
        free(name);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(first); fnd_json_next(&walk);) {
        char *name = fnd_json_strdup(walk.key);
        if (fnd_json_member(found, name).bytes == NULL) {
            column_told(walk.key, "is missing, and the first row has it", flaws);
        }
        free(name);
    }
    fnd_text_finish(&own);
}

static void hf_check(struct fnd_checker *checker, struct fnd_json line, struct fnd_flaws *flaws)
{
    struct fnd_json row = fnd_json_member(line, "row");
    struct fnd_json objects = fnd_json_member(row, "objects");
    struct fnd_json bbox = fnd_json_member(objects, "bbox");
    const enum fnd_hf_kind kind = fnd_hf_kind_of(row);
    checker->with_files += fnd_json_member(row, "file_name").bytes != NULL;
    const unsigned first = checker->kind & ((1U << KIND_BITS) - 1);
    if (first == 0) {
        checker->kind |= kind;
    }
    if (first != 0 && first != kind) {
        fnd_flaws_add(flaws, "", "kind", false,
                      "holds %s, and the first one %s: one dataset has one kind of rows; narrow it "
                      "by --pipeline or --phase",
                      kind_name(kind), kind_name((enum fnd_hf_kind)first));
    } else {
        columns_check(checker, row, flaws);
    }
    if (objects.bytes != NULL &&
        fnd_json_count(bbox) != fnd_json_count(fnd_json_member(objects, "categories"))) {
        fnd_flaws_add(flaws, "/objects", "objects", false, "has %zu boxes and %zu categories",
                      fnd_json_count(bbox), fnd_json_count(fnd_json_member(objects, "categories")));
    }
    if (objects.bytes != NULL) {
        categories_check(checker, fnd_json_member(objects, "categories"), flaws);
    }
    for (struct fnd_json_walk walk = fnd_json_walk(bbox);
         objects.bytes != NULL && fnd_json_next(&walk);) {
        box_check(line, walk.value, walk.index, flaws);
    }
}

static const struct fnd_folder folder = {
    .exact = true, .classes = true, .put = hf_put, .end = hf_end, .read = fnd_hf_read};

const struct fnd_format fnd_format_hf = {.name = "hf",
                                         .schema = schema,
                                         .training = true,
                                         .line = hf_line,
                                         .agrees = hf_agrees,
                                         .check = hf_check,
                                         .folder = &folder};
