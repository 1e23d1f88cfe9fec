/* SPDX-License-Identifier: MIT */
#include "draw.h"

#include <inttypes.h>
#include <leptonica/allheaders.h>
#include <pango/pangocairo.h>
#include <stdio.h>
#include <string.h>

enum { PAGE_WIDTH = 595, PAGE_HEIGHT = 842, MARGIN = 48 }; /* points */

struct pen {
    cairo_t *cairo;
    const struct layout *layout;
    const struct invoice *invoice;
    double y;      /* where the next block begins */
    double pixels; /* in a point */
    struct marks *marks;
};

static void mark_set(const struct pen *pen, const char *pointer, double x, double y,
                     const PangoRectangle *ink, bool part)
{
    if (pen->marks->count < MARKS_MAX) {
        struct mark *mark = &pen->marks->items[pen->marks->count++];
        snprintf(mark->pointer, sizeof mark->pointer, "%s", pointer);
        mark->part = part;
        mark->box[0] = (x + (double)ink->x / PANGO_SCALE) * pen->pixels;
        mark->box[1] = (y + (double)ink->y / PANGO_SCALE) * pen->pixels;
        mark->box[2] = mark->box[0] + (double)ink->width / PANGO_SCALE * pen->pixels;
        mark->box[3] = mark->box[1] + (double)ink->height / PANGO_SCALE * pen->pixels;
    }
}

/** The last text drawn is a field. */
static void mark_name(const struct pen *pen, const char *pointer)
{
    struct mark *mark = &pen->marks->items[pen->marks->count - 1];
    snprintf(mark->pointer, sizeof mark->pointer, "%s", pointer);
}

/** Set a line of text; where the layout wants it to fit, not wider than `width` points. */
static PangoLayout *text_set(const struct pen *pen, double width, double size, bool bold,
                             const char *text)
{
    PangoLayout *line = pango_cairo_create_layout(pen->cairo);
    PangoFontDescription *font = pango_font_description_from_string(pen->layout->font);
    pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
    pango_font_description_set_weight(font, bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(line, font);
    pango_layout_set_text(line, text, -1);
    int found, height;
    pango_layout_get_size(line, &found, &height);
    double wide = (double)found / PANGO_SCALE;
    if (pen->layout->fit && wide > width) {
        pango_font_description_set_absolute_size(font, size * width / wide * PANGO_SCALE);
        pango_layout_set_font_description(line, font);
    }
    pango_font_description_free(font);
    return line;
}

/** Draw text inside left..right. If `pointer` is given, what begins at byte `value_at` is that
 *  field. Returns the text's height in points. */
static double label_draw(const struct pen *pen, double left, double right, double y,
                         enum place place, double size, bool bold, const char *text,
                         size_t value_at, const char *pointer)
{
    PangoLayout *line = text_set(pen, right - left, size, bold, text);
    int width, height;
    pango_layout_get_size(line, &width, &height);
    double x = left;
    if (place == PLACE_RIGHT) {
        x = right - (double)width / PANGO_SCALE;
    } else if (place == PLACE_CENTRE) {
        x = (left + right - (double)width / PANGO_SCALE) / 2;
    }
    cairo_move_to(pen->cairo, x, y);
    pango_cairo_show_layout(pen->cairo, line);
    PangoRectangle ink, at;
    pango_layout_get_extents(line, &ink, NULL);
    mark_set(pen, "", x, y, &ink, false);
    if (pointer != NULL) {
        pango_layout_index_to_pos(line, (int)value_at, &at);
        ink.width -= at.x - ink.x;
        ink.x = at.x;
        mark_set(pen, pointer, x, y, &ink, true);
    }
    g_object_unref(line);
    return (double)height / PANGO_SCALE;
}

/** Draw text inside left..right. Returns its height in points. */
static double text_draw(const struct pen *pen, double left, double right, double y,
                        enum place place, double size, bool bold, const char *text)
{
    return label_draw(pen, left, right, y, place, size, bold, text, 0, NULL);
}

static void rule_draw(const struct pen *pen, double x0, double y0, double x1, double y1)
{
    cairo_set_line_width(pen->cairo, 0.7);
    cairo_move_to(pen->cairo, x0, y0);
    cairo_line_to(pen->cairo, x1, y1);
    cairo_stroke(pen->cairo);
}

static void supplier_draw(struct pen *pen)
{
    const struct layout *layout = pen->layout;
    const struct supplier *supplier = &pen->invoice->sender;
    enum place place = layout->supplier_place;
    double left = MARGIN, right = PAGE_WIDTH - MARGIN;
    double y = pen->y;
    y += text_draw(pen, left, right, y, place, layout->size * 1.7, true, supplier->name) + 2;
    mark_name(pen, "/supplier_name");
    y += text_draw(pen, left, right, y, place, layout->size, false, supplier->street);
    y += text_draw(pen, left, right, y, place, layout->size, false, supplier->city);
    char text[TEXT_MAX + 8];
    snprintf(text, sizeof text, "Tel. %s", supplier->phone);
    y += text_draw(pen, left, right, y, place, layout->size, false, text);
    if (layout->show_tax_id) {
        snprintf(text, sizeof text, "Tax ID %s", supplier->tax_id);
        y += text_draw(pen, left, right, y, place, layout->size, false, text);
    }
    /* The title stands opposite the supplier, or below it where the supplier is centred. */
    if (place == PLACE_CENTRE) {
        y += 10;
        y += text_draw(pen, left, right, y, PLACE_CENTRE, layout->size * 1.5, true, layout->title);
    } else {
        text_draw(pen, left, right, pen->y + 30, place == PLACE_LEFT ? PLACE_RIGHT : PLACE_LEFT,
                  layout->size * 1.9, true, layout->title);
    }
    pen->y = y + 18;
}

enum { FACTS_MAX = 6 };

struct fact {
    const char *label;
    char value[TEXT_MAX];
    const char *pointer; /* of the field that it is, or NULL */
};

static size_t facts_collect(const struct pen *pen, struct fact facts[FACTS_MAX])
{
    const struct layout *layout = pen->layout;
    const struct invoice *invoice = pen->invoice;
    size_t count = 0;
    memset(facts, 0, FACTS_MAX * sizeof *facts);
    struct fact *number = &facts[layout->date_first], *date = &facts[!layout->date_first];
    number->label = layout->number_label;
    number->pointer = "/invoice_number";
    snprintf(number->value, TEXT_MAX, "%s", invoice->number);
    date->label = layout->date_label;
    date->pointer = "/invoice_date";
    layout_date(layout, invoice->date, date->value);
    count = 2;
    if (layout->show_customer_id) {
        facts[count].label = layout->customer_id_label;
        snprintf(facts[count++].value, TEXT_MAX, "%s", invoice->customer_id);
    }
    if (layout->show_delivery) {
        facts[count].label = layout->delivery_label;
        layout_date(layout, invoice->delivery, facts[count++].value);
    }
    if (layout->show_order) {
        facts[count].label = layout->order_label;
        snprintf(facts[count++].value, TEXT_MAX, "%s", invoice->order);
    }
    if (layout->show_due) {
        facts[count].label = layout->due_label;
        layout_date(layout, invoice->due, facts[count++].value);
    }
    return count;
}

static double customer_draw(const struct pen *pen, double left, double right)
{
    const struct layout *layout = pen->layout;
    const struct invoice *invoice = pen->invoice;
    double y = pen->y;
    y += text_draw(pen, left, right, y, PLACE_LEFT, layout->size, true, layout->customer_label);
    y += text_draw(pen, left, right, y, PLACE_LEFT, layout->size, false, invoice->customer);
    y += text_draw(pen, left, right, y, PLACE_LEFT, layout->size, false, invoice->customer_street);
    y += text_draw(pen, left, right, y, PLACE_LEFT, layout->size, false, invoice->customer_city);
    return y;
}

static void fact_name(const struct pen *pen, const struct fact *fact)
{
    if (fact->pointer != NULL) {
        mark_name(pen, fact->pointer);
    }
}

static double boxes_draw(const struct pen *pen, const struct fact *facts, size_t count, double y)
{
    const struct layout *layout = pen->layout;
    double width = (double)(PAGE_WIDTH - 2 * MARGIN) / (double)count;
    double height = layout->size * 3.2;
    for (size_t i = 0; i < count; i++) {
        double left = MARGIN + width * (double)i;
        cairo_set_line_width(pen->cairo, 0.7);
        cairo_rectangle(pen->cairo, left, y, width, height);
        cairo_stroke(pen->cairo);
        text_draw(pen, left + 6, left + width - 4, y + 3, PLACE_LEFT, layout->size * 0.85, false,
                  facts[i].label);
        text_draw(pen, left + 6, left + width - 4, y + height / 2 + 1, PLACE_LEFT, layout->size,
                  true, facts[i].value);
        fact_name(pen, &facts[i]);
    }
    return y + height;
}

static double facts_draw(const struct pen *pen, const struct fact *facts, size_t count, double left,
                         double right)
{
    const struct layout *layout = pen->layout;
    double y = pen->y;
    for (size_t i = 0; i < count; i++) {
        if (layout->meta == META_INLINE) {
            char text[TEXT_MAX * 2];
            snprintf(text, sizeof text, "%s: %s", facts[i].label, facts[i].value);
            y += label_draw(pen, left, right, y, PLACE_LEFT, layout->size, false, text,
                            strlen(facts[i].label) + 2, facts[i].pointer) +
                 2;
        } else {
            text_draw(pen, left, layout->fit ? left + 102 : right, y, PLACE_LEFT, layout->size,
                      true, facts[i].label);
            y += text_draw(pen, left + 110, right, y, PLACE_LEFT, layout->size, false,
                           facts[i].value) +
                 3;
            fact_name(pen, &facts[i]);
        }
    }
    return y;
}

static void head_draw(struct pen *pen)
{
    const struct layout *layout = pen->layout;
    struct fact facts[FACTS_MAX];
    size_t count = facts_collect(pen, facts);
    double middle = PAGE_WIDTH / 2.0 + 20, right = PAGE_WIDTH - MARGIN;
    double customer_left = layout->meta_left ? middle : MARGIN;
    double customer_end = customer_draw(pen, customer_left, customer_left + middle - 20 - MARGIN);
    if (layout->meta == META_BOXES) {
        pen->y = boxes_draw(pen, facts, count, customer_end + 14) + 18;
        return;
    }
    double facts_left = layout->meta_left ? MARGIN : middle;
    double y = facts_draw(pen, facts, count, facts_left, layout->meta_left ? middle - 20 : right);
    pen->y = (y > customer_end ? y : customer_end) + 20;
}

static bool column_is_numeric(enum column_kind kind)
{
    return kind == COLUMN_QUANTITY || kind == COLUMN_PRICE || kind == COLUMN_TOTAL ||
           kind == COLUMN_TAX;
}

static void cell_text(const struct pen *pen, const struct line *line, size_t row,
                      enum column_kind kind, char *text)
{
    const struct layout *layout = pen->layout;
    switch (kind) {
    case COLUMN_POSITION:
        snprintf(text, TEXT_MAX, "%zu", row + 1);
        break;
    case COLUMN_CODE:
        snprintf(text, TEXT_MAX, "%s", line->good.code);
        break;
    case COLUMN_DESCRIPTION:
        snprintf(text, TEXT_MAX, "%s", line->good.name);
        break;
    case COLUMN_QUANTITY:
        layout_quantity(layout, line->quantity_milli, text);
        break;
    case COLUMN_UNIT:
        snprintf(text, TEXT_MAX, "%s", line->good.unit);
        break;
    case COLUMN_PRICE:
        layout_cents(layout, line->good.price_cents, text);
        break;
    case COLUMN_TOTAL:
        layout_cents(layout, line->total_cents, text);
        break;
    case COLUMN_TAX:
        snprintf(text, TEXT_MAX, "%d", pen->invoice->tax_percent);
        break;
    }
}

/** The last text drawn is a cell of a row. */
static void cell_name(const struct pen *pen, size_t row, enum column_kind kind)
{
    static const char *const names[] = {[COLUMN_DESCRIPTION] = "item_description",
                                        [COLUMN_QUANTITY] = "quantity",
                                        [COLUMN_PRICE] = "unit_price",
                                        [COLUMN_TOTAL] = "total_cost",
                                        [COLUMN_TAX] = NULL};
    if (names[kind] != NULL) {
        char pointer[POINTER_MAX];
        snprintf(pointer, sizeof pointer, "/line_items/%zu/%s", row, names[kind]);
        mark_name(pen, pointer);
    }
}

static void table_head_draw(const struct pen *pen, double height)
{
    const struct layout *layout = pen->layout;
    if (layout->header_shaded) {
        cairo_set_source_rgb(pen->cairo, 0.86, 0.88, 0.91);
        cairo_rectangle(pen->cairo, MARGIN, pen->y, PAGE_WIDTH - 2 * MARGIN, height);
        cairo_fill(pen->cairo);
        cairo_set_source_rgb(pen->cairo, 0.08, 0.08, 0.1);
    }
    for (size_t i = 0; i < layout->columns_count; i++) {
        const struct column *column = &layout->columns[i];
        text_draw(pen, column->left + 5, column->right - 5, pen->y + layout->row_gap / 2,
                  column_is_numeric(column->kind) ? PLACE_RIGHT : PLACE_LEFT, layout->size, true,
                  column->title);
    }
    if (layout->rules != RULES_NONE) {
        rule_draw(pen, MARGIN, pen->y + height, PAGE_WIDTH - MARGIN, pen->y + height);
    }
}

static void table_draw(struct pen *pen)
{
    const struct layout *layout = pen->layout;
    double top = pen->y;
    double height = layout->size * 1.25 + layout->row_gap;
    table_head_draw(pen, height);
    pen->y += height;
    for (size_t row = 0; row < pen->invoice->lines_count; row++) {
        for (size_t i = 0; i < layout->columns_count; i++) {
            const struct column *column = &layout->columns[i];
            char text[TEXT_MAX];
            cell_text(pen, &pen->invoice->lines[row], row, column->kind, text);
            text_draw(pen, column->left + 5, column->right - 5, pen->y + layout->row_gap / 2,
                      column_is_numeric(column->kind) ? PLACE_RIGHT : PLACE_LEFT, layout->size,
                      false, text);
            cell_name(pen, row, column->kind);
        }
        pen->y += height;
        if (layout->rules >= RULES_LINES) {
            rule_draw(pen, MARGIN, pen->y, PAGE_WIDTH - MARGIN, pen->y);
        }
    }
    if (layout->rules == RULES_GRID) {
        rule_draw(pen, MARGIN, top, PAGE_WIDTH - MARGIN, top);
        for (size_t i = 0; i < layout->columns_count; i++) {
            rule_draw(pen, layout->columns[i].left, top, layout->columns[i].left, pen->y);
        }
        rule_draw(pen, PAGE_WIDTH - MARGIN, top, PAGE_WIDTH - MARGIN, pen->y);
    }
    pen->y += 14;
}

static void totals_draw(struct pen *pen)
{
    const struct layout *layout = pen->layout;
    const struct invoice *invoice = pen->invoice;
    double left = layout->totals_right ? PAGE_WIDTH - MARGIN - 190 : MARGIN + 5;
    double right = left + 185;
    char label[TEXT_MAX], amount[TEXT_MAX];
    snprintf(label, sizeof label, "Tax %d%%", invoice->tax_percent);
    const struct {
        const char *label;
        int64_t cents;
        bool bold, shown;
    } rows[] = {{layout->subtotal_label, invoice->subtotal_cents, false, true},
                {label, invoice->tax_cents, false, invoice->tax_percent > 0},
                {layout->due_total_label, invoice->total_cents, true, true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].shown) {
            layout_cents(layout, rows[i].cents, amount);
            text_draw(pen, left, layout->fit ? left + 100 : right, pen->y, PLACE_LEFT, layout->size,
                      rows[i].bold, rows[i].label);
            pen->y += text_draw(pen, left, right, pen->y, PLACE_RIGHT, layout->size, rows[i].bold,
                                amount) +
                      4;
        }
    }
    pen->y += 16;
}

static void foot_draw(struct pen *pen)
{
    const struct layout *layout = pen->layout;
    double right = PAGE_WIDTH - MARGIN;
    if (layout->show_bank) {
        char text[TEXT_MAX];
        snprintf(text, sizeof text, "Bank: First Commercial, Account 4410 %04zu 97",
                 pen->invoice->supplier * 613 % 10000);
        pen->y += text_draw(pen, MARGIN, right, pen->y, PLACE_LEFT, layout->size, false, text) + 4;
    }
    text_draw(pen, MARGIN, right, pen->y, PLACE_LEFT, layout->size, false,
              "Thank you for your business. Goods remain our property until paid in full.");
}

static struct Pix *surface_to_pix(cairo_surface_t *surface)
{
    cairo_surface_flush(surface);
    int width = cairo_image_surface_get_width(surface);
    int height = cairo_image_surface_get_height(surface);
    int stride = cairo_image_surface_get_stride(surface);
    const unsigned char *bytes = cairo_image_surface_get_data(surface);
    struct Pix *pix = pixCreate(width, height, 32);
    if (pix == NULL) {
        return NULL;
    }
    for (int y = 0; y < height; y++) {
        const unsigned char *row = bytes + (ptrdiff_t)y * stride;
        l_uint32 *words = pixGetData(pix) + (ptrdiff_t)y * pixGetWpl(pix);
        for (int x = 0; x < width; x++) {
            l_uint32 pixel; /* cairo's RGB24 is a native 32-bit value 0x00RRGGBB */
            memcpy(&pixel, row + (ptrdiff_t)x * 4, sizeof pixel);
            words[x] = pixel << 8;
        }
    }
    return pix;
}

struct Pix *draw_page(const struct invoice *invoice, const struct layout *layout, int dpi,
                      struct marks *marks)
{
    struct Pix *pix = NULL;
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, PAGE_WIDTH * dpi / 72,
                                                          PAGE_HEIGHT * dpi / 72);
    cairo_t *cairo = cairo_create(surface);
    if (cairo_status(cairo) == CAIRO_STATUS_SUCCESS) {
        /* Unhinted metrics make the page the same whatever fontconfig says of hinting. */
        cairo_font_options_t *options = cairo_font_options_create();
        cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
        cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
        cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
        cairo_set_font_options(cairo, options);
        cairo_font_options_destroy(options);
        cairo_set_source_rgb(cairo, 1, 1, 1);
        cairo_paint(cairo);
        cairo_scale(cairo, dpi / 72.0, dpi / 72.0);
        cairo_set_source_rgb(cairo, 0.08, 0.08, 0.1);
        *marks = (struct marks){.count = 0};
        struct pen pen = {cairo, layout, invoice, MARGIN, dpi / 72.0, marks};
        supplier_draw(&pen);
        head_draw(&pen);
        table_draw(&pen);
        totals_draw(&pen);
        foot_draw(&pen);
        pix = surface_to_pix(surface);
    }
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
    return pix;
}

bool marks_overlap(const struct marks *marks, double width, double height, size_t *first,
                   size_t *second)
{
    for (size_t i = 0; i < marks->count; i++) {
        const double *a = marks->items[i].box;
        *first = *second = i;
        if (a[0] < 0 || a[1] < 0 || a[2] > width || a[3] > height) {
            return true;
        }
        for (size_t j = 0; j < i && !marks->items[i].part; j++) {
            const double *b = marks->items[j].box;
            *second = j;
            if (!marks->items[j].part && a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]) {
                return true;
            }
        }
    }
    return false;
}

void draw_finish(void)
{
    /* Not cairo_debug_reset_static_data(): it aborts while pango's own thread, which looks fonts
     * up, still holds one. */
    pango_cairo_font_map_set_default(NULL);
}
