/* SPDX-License-Identifier: MIT */
#include "config/tree.h"

#include <string.h>

#include "config/scalar.h"

struct unit {
    const char *name;
    uint64_t factor;
};

/* Enough for a millionth of a tebibyte, and the product with any factor still fits 64 bits. */
enum { FRACTION_DIGITS_MAX = 6 };

static const char digits[] = "0123456789";

/* What the digits behind the point are worth, if that is a whole number. */
static bool fraction_parse(const char *fraction, size_t size, uint64_t factor, uint64_t *part)
{
    while (size > 0 && fraction[size - 1] == '0') {
        size--;
    }
    if (size > FRACTION_DIGITS_MAX) {
        return false;
    }
    uint64_t value = 0, scale = 1;
    for (size_t i = 0; i < size; i++) {
        value = value * 10 + (uint64_t)(fraction[i] - '0');
        scale *= 10;
    }
    *part = value * factor / scale;
    return value * factor % scale == 0;
}

/* DIGITS[.DIGITS]UNIT as a whole number of the smallest unit, exactly: 1.5s is 1500 ms, but 0.3ms
 * is none. All in integers, so that the result is the same on any machine. */
static bool quantity_parse(const char *text, const struct unit *units, uint64_t *value)
{
    const size_t whole_size = strspn(text, digits);
    if (whole_size == 0) {
        return false;
    }
    const char *at = text + whole_size;
    const char *fraction = at;
    size_t fraction_size = 0;
    if (*at == '.') {
        fraction = at + 1;
        fraction_size = strspn(fraction, digits);
        if (fraction_size == 0) {
            return false;
        }
        at = fraction + fraction_size;
    }
    const struct unit *unit = units;
    while (unit->name != NULL && strcmp(unit->name, at) != 0) {
        unit++;
    }
    if (unit->name == NULL) {
        return false;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < whole_size; i++) {
        const uint64_t digit = (uint64_t)(text[i] - '0');
        if (sum > (UINT64_MAX - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    uint64_t part = 0;
    if (sum > UINT64_MAX / unit->factor ||
        !fraction_parse(fraction, fraction_size, unit->factor, &part) ||
        sum * unit->factor > UINT64_MAX - part) {
        return false;
    }
    *value = sum * unit->factor + part;
    return true;
}

bool fnd_duration_parse(const char *text, int64_t *ms)
{
    static const struct unit units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                        {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
    uint64_t value = 0;
    if (strcmp(text, "0") != 0 &&
        (!quantity_parse(text, units, &value) || value > (uint64_t)INT64_MAX)) {
        return false;
    }
    *ms = (int64_t)value;
    return true;
}

bool fnd_size_parse(const char *text, uint64_t *bytes)
{
    static const struct unit units[] = {{"", 1},
                                        {"B", 1},
                                        {"kB", 1000},
                                        {"MB", 1000000},
                                        {"GB", 1000000000},
                                        {"TB", 1000000000000},
                                        {"KiB", UINT64_C(1) << 10},
                                        {"MiB", UINT64_C(1) << 20},
                                        {"GiB", UINT64_C(1) << 30},
                                        {"TiB", UINT64_C(1) << 40},
                                        {NULL, 0}};
    return quantity_parse(text, units, bytes);
}

bool fnd_share_parse(const char *text, double *share)
{
    const size_t size = strlen(text);
    const bool percent = size > 0 && text[size - 1] == '%';
    struct fnd_text number = {0};
    enum fnd_node_kind kind;
    double value = 0;
    bool found = false;
    if (fnd_scalar_resolve(text, percent ? size - 1 : size, &kind, &number) != FND_SCALAR_OK ||
        kind != FND_NODE_NUMBER) {
        goto out;
    }
    if (percent) {
        /* Moving the point in the text gives the double nearest to 0.02, a division by 100 not
         * always. An exponent in a percentage is nothing people write. */
        if (strpbrk(fnd_text_z(&number), "eE") != NULL) {
            goto out;
        }
        fnd_text_append_z(&number, "e-2");
    }
    found = fnd_json_number((struct fnd_json){number.bytes, number.size}, &value) && value >= 0 &&
            value <= 1;
    if (found) {
        *share = value;
    }
out:
    fnd_text_finish(&number);
    return found;
}
