/* SPDX-License-Identifier: MIT */
#include "date.h"

#include <stdio.h>
#include <string.h>

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/** The month a key names in English, by at least its first three letters; 0 for none. */
static int month_of(const char *key, size_t size)
{
    static const char *const months[] = {"january",   "february", "march",    "april",
                                         "may",       "june",     "july",     "august",
                                         "september", "october",  "november", "december"};
    for (int i = 0; i < 12; i++) {
        if (size >= 3 && size <= strlen(months[i]) && strncmp(key, months[i], size) == 0) {
            return i + 1;
        }
    }
    return size == 4 && strncmp(key, "sept", 4) == 0 ? 9 : 0;
}

static int is_date(int year, int month, int day)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return year >= 1990 && year <= 2099 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1];
}

/** Up to four digits at *at, which moves behind them; -1 if there are none or more. */
static int digits(const char **at, size_t *count)
{
    int value = 0;
    *count = 0;
    while (is_digit(**at) && *count < 5) {
        value = value * 10 + (**at - '0');
        ++*at;
        ++*count;
    }
    return *count >= 1 && *count <= 4 ? value : -1;
}

static int full_year(int year, size_t count)
{
    return count == 2 ? 2000 + year : count == 4 ? year : -1;
}

/** One word of three parts: 2025-07-14, 14.07.2025, 07/14/25, 14-Jul-2025. */
static int parse_parts(const char *key, struct date *date)
{
    size_t count[3];
    int part[3];
    int named = 0;
    part[0] = digits(&key, &count[0]);
    char separator = *key;
    if (part[0] < 0 || separator == '\0' || strchr("-./", separator) == NULL) {
        return 0;
    }
    key++;
    size_t name = strcspn(key, "-./");
    if (!is_digit(*key)) {
        named = 1;
        part[1] = month_of(key, name);
        key += name;
    } else {
        part[1] = digits(&key, &count[1]);
    }
    if (part[1] < 1 || *key != separator) {
        return 0;
    }
    key++;
    part[2] = digits(&key, &count[2]);
    if (part[2] < 0 || *key != '\0') {
        return 0;
    }
    if (count[0] == 4) {
        *date = (struct date){.year = part[0], .month = part[1], .day = part[2]};
        return is_date(part[0], part[1], part[2]);
    }
    int year = full_year(part[2], count[2]);
    if (named || separator == '.') { /* with dots the day comes first, wherever dots are used */
        *date = (struct date){.year = year, .month = part[1], .day = part[0]};
        return is_date(year, part[1], part[0]);
    }
    int month_first = is_date(year, part[0], part[1]), day_first = is_date(year, part[1], part[0]);
    *date = (struct date){.year = year, .month = part[0], .day = part[1]};
    date->order = month_first && day_first ? DATE_AMBIGUOUS
                  : month_first            ? DATE_MONTH_FIRST
                                           : DATE_DAY_FIRST;
    if (!month_first) {
        date_swap(date);
    } else if (part[0] == part[1]) {
        date->order = DATE_CLEAR; /* 07/07 says the same either way */
    }
    return month_first || day_first;
}

/** A whole key as a number of at most `digits_max` digits, or -1. "14th" counts as 14. */
static int key_number(const char *key, size_t digits_max)
{
    size_t count;
    int value = digits(&key, &count);
    int ends = *key == '\0' || strcmp(key, "st") == 0 || strcmp(key, "nd") == 0 ||
               strcmp(key, "rd") == 0 || strcmp(key, "th") == 0;
    return ends && count <= digits_max ? value : -1;
}

int date_parse(const struct document *document, size_t word, struct date *date)
{
    const struct line *line = &document->lines[document->words[word].line];
    const struct word *words = &document->words[word];
    struct date found = {0};
    found.span = (struct span){word, 1};
    if (parse_parts(words[0].key, &found)) {
        found.span = (struct span){word, 1};
        *date = found;
        return 1;
    }
    if (line->first + line->count - word < 3) {
        return 0;
    }
    int month_first = month_of(words[0].key, strlen(words[0].key));
    int month_second = month_of(words[1].key, strlen(words[1].key));
    int year = key_number(words[2].key, 4);
    if (month_first > 0) {
        found =
            (struct date){.year = year, .month = month_first, .day = key_number(words[1].key, 2)};
    } else if (month_second > 0) {
        found =
            (struct date){.year = year, .month = month_second, .day = key_number(words[0].key, 2)};
    }
    found.span = (struct span){word, 3};
    if (!is_date(found.year, found.month, found.day)) {
        return 0;
    }
    *date = found;
    return 1;
}

void date_format(const struct date *date, char text[DATE_TEXT_SIZE])
{
    snprintf(text, DATE_TEXT_SIZE, "%04d-%02d-%02d", date->year, date->month, date->day);
}

void date_swap(struct date *date)
{
    int day = date->day;
    date->day = date->month;
    date->month = day;
}

long date_days(const struct date *date)
{
    /* March is the first month, so that the leap day is the year's last. */
    long year = date->year - (date->month < 3);
    long month = (date->month + 9) % 12;
    return year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + date->day - 1;
}
