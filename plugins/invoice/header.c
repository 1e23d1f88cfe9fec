/* SPDX-License-Identifier: MIT */
#include "header.h"

#include <math.h>
#include <string.h>

enum { LABEL_WORDS_MAX = 4 };

/* Words of a label, by what they say about the value beside or below it. */
static const char *const date_words[] = {"date", "dated", "issued", "issue", NULL};
static const char *const date_other_words[] = {"due",       "pay",   "payment", "delivery",
                                               "delivered", "ship",  "shipped", "order",
                                               "valid",     "until", "print",   NULL};
static const char *const number_words[] = {"no", "number", "#", "nr", "num", "no.#", NULL};
static const char *const invoice_words[] = {"invoice", "inv", "document", "doc", "bill", NULL};
static const char *const number_other_words[] = {
    "order", "po",  "p.o", "customer", "account", "acct", "tax", "vat",  "gst",  "tel",
    "phone", "fax", "reg", "your",     "ref",     "due",  "pay", "date", "bank", NULL};
static const char *const title_words[] = {"invoice",  "tax",  "sales",  "statement",
                                          "receipt",  "bill", "credit", "note",
                                          "original", "copy", "page",   NULL};
static const char *const party_words[] = {"bill",    "sold",  "ship",   "customer", "deliver",
                                          "invoice", "buyer", "client", "bil",      NULL};
static const char *const company_words[] = {
    "inc",       "ltd",       "llc",      "gmbh",  "ag",   "co",     "corp",
    "company",   "plc",       "limited",  "son",   "sons", "supply", "services",
    "wholesale", "merchants", "products", "group", NULL};
static const char *const address_words[] = {"street", "road", "lane",  "avenue", "drive",
                                            "unit",   "tel",  "phone", "fax",    "www",
                                            "tax",    "vat",  NULL};

static int is_among(const char *key, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(key, *list) == 0) {
            return 1;
        }
    }
    return 0;
}

static int span_has(const struct document *document, struct span span, const char *const *list)
{
    int count = 0;
    for (size_t i = 0; i < span.count; i++) {
        count += is_among(document->words[span.first + i].key, list);
    }
    return count;
}

/** The words to the left of a value that may name it: near each other, not too far away. */
struct span label_left(const struct document *document, struct span value)
{
    const double ems_to_value = 12.0, ems_between = 1.5;
    const struct line *line = &document->lines[document->words[value.first].line];
    size_t first = value.first;
    while (first > line->first && value.first - first < LABEL_WORDS_MAX) {
        const struct box *left = &document->words[first - 1].box;
        double gap = document->words[first].box.x - left->x - left->width;
        if (gap > (first == value.first ? ems_to_value : ems_between) * line->height) {
            break;
        }
        first--;
    }
    return (struct span){first, value.first - first};
}

/** The words above a value that may name it: the run that begins near it or lies over it. */
struct span label_above(const struct document *document, struct span value)
{
    size_t line = document->words[value.first].line;
    struct box box = span_box(document, value);
    for (size_t up = line; up-- > 0 && line - up <= 2;) {
        const struct line *above = &document->lines[up];
        if (above->page != document->lines[line].page ||
            document->lines[line].middle - above->middle > 3.5 * box.height) {
            break;
        }
        for (size_t i = 0; i < above->count;) {
            struct span run = span_around(document, above->first + i, 1.2);
            struct box over = span_box(document, run);
            double shared = fmin(over.x + over.width, box.x + box.width) - fmax(over.x, box.x);
            if (shared > 0.4 * fmin(over.width, box.width) ||
                fabs(over.x - box.x) < 0.8 * box.height) {
                return run;
            }
            i = run.first + run.count - above->first;
        }
    }
    return (struct span){value.first, 0};
}

static double date_label_score(const struct document *document, struct span label)
{
    if (span_has(document, label, date_other_words)) {
        return -3.0;
    }
    int named = span_has(document, label, date_words);
    return named == 0 ? 0.0 : span_has(document, label, invoice_words) ? 3.0 : 2.5;
}

static double number_label_score(const struct document *document, struct span label)
{
    if (span_has(document, label, number_other_words)) {
        return -4.0;
    }
    int invoice = span_has(document, label, invoice_words);
    int number = span_has(document, label, number_words);
    return invoice && number ? 4.0 : invoice ? 2.5 : number ? 1.0 : 0.0;
}

/** The better of what stands left and above; a label that says "something else" wins, unless the
 *  other one names the field. */
static double label_score(const struct document *document, struct span value,
                          double (*score)(const struct document *, struct span))
{
    double left = score(document, label_left(document, value));
    double above = score(document, label_above(document, value));
    if (left > 2.0) {
        return left; /* the nearer one; what stands above belongs to the line above */
    }
    return left < 0.0 || (above < 0.0 && left <= 0.0) ? fmin(left, above) : fmax(left, above);
}

static void date_other_order(const struct date *dates, size_t count, size_t chosen,
                             enum date_order *order)
{
    for (size_t i = 0; i < count && *order == DATE_AMBIGUOUS; i++) {
        if (i != chosen && dates[i].order > DATE_AMBIGUOUS) {
            *order = dates[i].order;
        }
    }
}

/** What the other ambiguous dates tell: they come after the invoice's own, within a quarter. */
static void date_order_by_sequence(const struct date *dates, size_t count, size_t chosen,
                                   enum date_order *order)
{
    const long days_max = 92;
    int fits[2] = {1, 1}, others = 0;
    for (int swapped = 0; swapped < 2; swapped++) {
        struct date own = dates[chosen];
        if (swapped) {
            date_swap(&own);
        }
        for (size_t i = 0; i < count; i++) {
            struct date other = dates[i];
            if (i == chosen || other.order != DATE_AMBIGUOUS) {
                continue;
            }
            if (swapped) {
                date_swap(&other);
            }
            long days = date_days(&other) - date_days(&own);
            others++;
            fits[swapped] &= days >= 0 && days <= days_max;
        }
    }
    if (others > 0 && fits[0] != fits[1]) {
        *order = fits[0] ? DATE_MONTH_FIRST : DATE_DAY_FIRST;
    }
}

enum date_order dates_order(const struct date *dates, size_t count, size_t chosen, int *sure)
{
    enum date_order order = dates[chosen].order;
    *sure = 1;
    if (order == DATE_AMBIGUOUS) {
        date_other_order(dates, count, chosen, &order);
    }
    if (order == DATE_AMBIGUOUS) {
        date_order_by_sequence(dates, count, chosen, &order);
        *sure = 0; /* a longer time to pay would mislead it */
    }
    return order;
}

static void date_find(const struct document *document, size_t end, struct header *header)
{
    enum { DATES_MAX = 16 };
    struct date dates[DATES_MAX];
    size_t count = 0, best = 0;
    double best_score = -INFINITY;
    for (size_t i = 0; i < end && count < DATES_MAX; i++) {
        if (!date_parse(document, i, &dates[count])) {
            continue;
        }
        double score = label_score(document, dates[count].span, date_label_score) -
                       0.01 * (double)document->words[i].line;
        if (score > best_score) {
            best_score = score;
            best = count;
        }
        i = dates[count].span.first + dates[count].span.count - 1;
        count++;
    }
    if (count == 0) {
        return;
    }
    struct date date = dates[best];
    int sure;
    enum date_order order = dates_order(dates, count, best, &sure);
    double cap = sure ? 1.0 : 0.95;
    if (date.order == DATE_AMBIGUOUS && order == DATE_DAY_FIRST) {
        date_swap(&date);
    }
    double label = best_score > 2.0 ? 1.0 : best_score > -0.8 ? 0.8 : 0.3;
    header->date_value = date;
    header->date.span = date.span;
    header->date.confidence = span_confidence(document, date.span) * label * cap;
    if (order == DATE_AMBIGUOUS) {
        header->date.confidence = fmin(header->date.confidence, 0.5);
    }
}

/** Two digits or more, and nothing that a number of an invoice does not hold. */
int is_number_like(const char *text)
{
    size_t digits = 0, others = 0;
    for (; *text != '\0'; text++) {
        digits += *text >= '0' && *text <= '9';
        int fits = (*text >= '0' && *text <= '9') || (*text >= 'A' && *text <= 'Z') ||
                   (*text >= 'a' && *text <= 'z') || strchr("-/.#_", *text) != NULL;
        others += !fits;
    }
    return digits >= 2 && others == 0;
}

static void number_find(const struct document *document, size_t end, struct header *header)
{
    double best = 0.5; /* below that nothing says that it is one */
    for (size_t i = 0; i < end; i++) {
        const struct word *word = &document->words[i];
        struct span span = {i, 1};
        struct date date;
        if (!is_number_like(word->text) || date_parse(document, i, &date)) {
            continue;
        }
        double score = label_score(document, span, number_label_score);
        score += strncmp(word->key, "inv", 3) == 0 ? 1.0 : 0.0;
        score -= 0.005 * (double)word->line;
        if (score > best) {
            best = score;
            header->number.span = span;
        }
    }
    if (header->number.span.count > 0) {
        double label = best > 3.5 ? 1.0 : best > 2.0 ? 0.85 : 0.5;
        header->number.confidence = span_confidence(document, header->number.span) * label;
    }
}

static int has_digit(const struct document *document, struct span span)
{
    for (size_t i = 0; i < span.count; i++) {
        if (strpbrk(document->words[span.first + i].text, "0123456789") != NULL) {
            return 1;
        }
    }
    return 0;
}

/** How large a run is printed: the mean height of its words, but no more than their letters' width
 *  allows, as a box may hold a rule or specks beside the word. */
double span_size(const struct document *document, struct span span)
{
    const double height_per_width = 2.0;
    double sum = 0.0;
    for (size_t i = 0; i < span.count; i++) {
        const struct word *word = &document->words[span.first + i];
        double letter = word->box.width / (double)strlen(word->text);
        sum += fmin(word->box.height, height_per_width * letter);
    }
    return sum / (double)span.count;
}

/** How much a run looks like the sender's name; `usual` is the height of common text. */
static double supplier_score(const struct document *document, struct span run, double usual)
{
    struct span above = label_above(document, run);
    int titles = span_has(document, run, title_words);
    if ((size_t)titles == run.count || document->words[run.first].key[0] == '\0') {
        return -10.0;
    }
    double score = 3.0 * fmin(span_size(document, run) / usual, 2.5);
    score += span_has(document, run, company_words) ? 1.5 : 0.0;
    score -= has_digit(document, run) ? 2.0 : 0.0;
    score -= span_has(document, run, address_words) ? 1.5 : 0.0;
    score -= span_has(document, run, party_words) ? 2.0 : 0.0;
    score -= span_has(document, above, party_words) ? 3.0 : 0.0;
    score -= 0.25 * (double)document->words[run.first].line;
    return score;
}

static void supplier_find(const struct document *document, size_t end, struct header *header)
{
    const double score_min = 2.0;
    double usual = 0.0, best = -INFINITY, second = -INFINITY;
    for (size_t i = 0; i < end; i++) {
        usual += span_size(document, (struct span){i, 1}) / (double)end;
    }
    for (size_t i = 0; i < end;) {
        struct span run = span_around(document, i, 1.5);
        double score = supplier_score(document, run, usual);
        if (score > best) {
            second = best;
            best = score;
            header->supplier.span = run;
        } else if (score > second) {
            second = score;
        }
        i = run.first + run.count;
    }
    if (best < score_min) {
        header->supplier.span.count = 0;
        return;
    }
    double margin = best - second > 1.0 ? 1.0 : best - second > 0.5 ? 0.85 : 0.6;
    header->supplier.confidence = span_confidence(document, header->supplier.span) * margin;
}

int is_company(const struct document *document, struct span span)
{
    return span_has(document, span, company_words) > 0;
}

int is_party(const struct document *document, struct span span)
{
    return span_has(document, span, party_words) > 0;
}

void header_find(const struct document *document, size_t table_line, struct header *header)
{
    *header = (struct header){0};
    size_t end = table_line < document->lines_count ? document->lines[table_line].first
                                                    : document->words_count;
    if (end == 0) { /* a table at the very top: the facts stand below it */
        end = document->words_count;
    }
    supplier_find(document, end, header);
    date_find(document, end, header);
    number_find(document, end, header);
}
