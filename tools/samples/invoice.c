/* SPDX-License-Identifier: MIT */
#include "invoice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    struct supplier supplier;
    size_t domain; /* what kind of goods */
} listed[SUPPLIERS_LISTED] = {
    {{"Harbour Hardware & Son", "14 Quay Street", "Falmouth TR11 3AB", "01326 555 014",
      "GB 418 2290 17"},
     1},
    {{"Lone Star Provisions Inc.", "2208 Cattle Drive", "Austin, TX 78701", "(512) 555-0148",
      "74-2918365"},
     0},
    {{"Northfield Office Supply Ltd", "Unit 7, Mill Lane", "Leeds LS9 8AG", "0113 555 0172",
      "GB 902 1184 63"},
     2},
    {{"Bergmann Elektro GmbH", "Industriestrasse 22", "70565 Stuttgart", "+49 711 555 120",
      "DE 214 778 903"},
     3},
    {{"Green Valley Produce Co.", "81 Orchard Road", "Salinas, CA 93901", "(831) 555-0119",
      "94-3310276"},
     0},
    {{"Castle Street Garden Centre", "3 Castle Street", "Ludlow SY8 1AT", "01584 555 028",
      "GB 733 6518 20"},
     4},
    {{"Atlas Laboratory Services LLC", "500 Science Park", "Madison, WI 53711", "(608) 555-0133",
      "39-1184025"},
     5},
    {{"Ashford Timber and Tools", "Station Yard", "Ashford TN23 1PJ", "01233 555 061",
      "GB 664 0127 95"},
     1},
    {{"Meridian Paper Products", "19 Foundry Lane", "Toledo, OH 43604", "(419) 555-0165",
      "34-2207718"},
     2},
    {{"Nordlicht Technik AG", "Hafenweg 5", "20457 Hamburg", "+49 40 555 3190", "DE 198 340 266"},
     3},
    {{"Rosewood Nurseries", "Old Vicarage Lane", "Evesham WR11 4RE", "01386 555 047",
      "GB 581 9932 04"},
     4},
    {{"Pacific Restaurant Wholesale", "1450 Harbor Avenue", "Seattle, WA 98134", "(206) 555-0187",
      "91-1650843"},
     0},
    {{"Carter Scientific Supply", "77 Innovation Way", "Durham, NC 27703", "(919) 555-0152",
      "56-2048871"},
     5},
    {{"Brightwater Electrical", "212 Dock Road", "Liverpool L19 2JW", "0151 555 0193",
      "GB 820 4471 58"},
     3},
    {{"Summit Builders Merchants", "Quarry Road", "Matlock DE4 3LT", "01629 555 039",
      "GB 497 3065 81"},
     1},
    {{"Oakridge Stationers", "40 Market Place", "Ripon HG4 1BZ", "01765 555 020", "GB 355 7810 42"},
     2},
};

struct goods {
    const char *name, *unit;
    int price_cents;
};

static const struct goods goods[6][CATALOGUE_SIZE] = {
    {{"Yellow Onions Jumbo", "bag", 1485},    {"Tavern Ham Whole", "kg", 979},
     {"Roma Tomatoes", "case", 2250},         {"Russet Potatoes", "sack", 1799},
     {"Chicken Breast Boneless", "kg", 845},  {"Basmati Rice Long Grain", "bag", 3199},
     {"Olive Oil Extra Virgin", "can", 4150}, {"Cheddar Cheese Block", "kg", 1120},
     {"Iceberg Lettuce", "case", 1925},       {"Black Beans Canned", "case", 2680},
     {"Wheat Flour Fine", "sack", 1340},      {"Brown Sugar", "bag", 890},
     {"Garlic Peeled", "jar", 1265},          {"Green Peppers", "case", 2475},
     {"Salted Butter", "case", 5230},         {"Orange Juice Fresh", "case", 2890},
     {"Beef Chuck Roast", "kg", 1375},        {"Sea Salt Coarse", "bag", 450},
     {"Whole Milk", "crate", 1650},           {"Large Eggs Dozen", "tray", 415}},
    {{"Claw Hammer 16 oz", "pc", 1899},      {"Wood Glue Waterproof", "btl", 745},
     {"Galvanised Nails 50 mm", "box", 620}, {"Cordless Drill Set", "pc", 8995},
     {"Sandpaper Assorted", "pack", 525},    {"Pine Board Planed", "pc", 1180},
     {"Brass Hinge Pair", "pair", 480},      {"Paint Brush Angled", "pc", 650},
     {"Masonry Bit Set", "set", 1575},       {"Adjustable Wrench", "pc", 1440},
     {"Padlock Hardened Steel", "pc", 1295}, {"Tape Measure 8 m", "pc", 990},
     {"White Emulsion Paint", "tin", 2860},  {"Silicone Sealant Clear", "tube", 575},
     {"Safety Goggles", "pc", 825},          {"Work Gloves Leather", "pair", 1150},
     {"Utility Knife", "pc", 785},           {"Plywood Sheet", "pc", 3240},
     {"Wall Plugs Red", "box", 310},         {"Spirit Level Aluminium", "pc", 2150}},
    {{"Copy Paper White", "ream", 485},    {"Ballpoint Pens Blue", "box", 640},
     {"Lever Arch File", "pc", 375},       {"Sticky Notes Yellow", "pack", 560},
     {"Desk Lamp Adjustable", "pc", 3495}, {"Stapler Heavy Duty", "pc", 1860},
     {"Printer Toner Black", "pc", 7899},  {"Envelopes Manila", "box", 1325},
     {"Whiteboard Markers", "set", 790},   {"Hanging Folders", "box", 1685},
     {"Paper Clips Large", "box", 145},    {"Office Chair Mesh", "pc", 14950},
     {"Correction Tape", "pc", 265},       {"Spiral Notebook Ruled", "pc", 320},
     {"Desk Organiser", "pc", 1570},       {"Packing Tape Clear", "roll", 225},
     {"Calculator Solar", "pc", 1249},     {"Document Shredder", "pc", 8640},
     {"Archive Boxes", "pack", 2190},      {"Index Dividers", "set", 310}},
    {{"Copper Cable Twin Core", "m", 185},
     {"Junction Box Sealed", "pc", 435},
     {"LED Panel Warm White", "pc", 3690},
     {"Circuit Breaker Single Pole", "pc", 1245},
     {"Wall Socket Double", "pc", 560},
     {"Cable Ties Black", "pack", 390},
     {"Motion Sensor Outdoor", "pc", 2475},
     {"Dimmer Switch Rotary", "pc", 1830},
     {"Terminal Block Strip", "pc", 275},
     {"Power Supply Compact", "pc", 4120},
     {"Heat Shrink Tubing", "pack", 680},
     {"Smoke Alarm Optical", "pc", 1995},
     {"Extension Lead Heavy Duty", "pc", 1360},
     {"Contactor Three Phase", "pc", 5285},
     {"Cable Gland Nylon", "pc", 95},
     {"Fuse Cartridge", "box", 720},
     {"Flood Light", "pc", 4450},
     {"Earth Rod Copper", "pc", 1175},
     {"Digital Multimeter", "pc", 6380},
     {"Trunking White", "m", 340}},
    {{"Compost Peat Free", "bag", 699},    {"Lavender Pot Grown", "pc", 450},
     {"Climbing Rose Red", "pc", 1850},    {"Terracotta Planter", "pc", 2295},
     {"Pruning Shears", "pc", 1640},       {"Garden Hose Reinforced", "pc", 3175},
     {"Lawn Seed Mixture", "box", 1280},   {"Bamboo Canes", "pack", 545},
     {"Watering Can Zinc", "pc", 2680},    {"Apple Tree Dwarf", "pc", 3450},
     {"Bone Meal Fertiliser", "bag", 890}, {"Slate Chippings", "bag", 975},
     {"Box Hedge Plant", "pc", 720},       {"Wild Bird Seed", "bag", 1530},
     {"Hand Trowel Steel", "pc", 835},     {"Weed Control Fabric", "roll", 1790},
     {"Fern Evergreen", "pc", 660},        {"Bark Mulch", "bag", 585},
     {"Garden Twine", "roll", 325},        {"Hydrangea Blue", "pc", 1425}},
    {{"Glass Beaker Low Form", "pc", 925},   {"Nitrile Gloves Medium", "box", 1480},
     {"Pipette Tips Sterile", "rack", 3650}, {"Filter Paper Round", "pack", 1195},
     {"Microscope Slides", "box", 840},      {"Buffer Solution Neutral", "btl", 2270},
     {"Petri Dishes", "sleeve", 1735},       {"Safety Screen Acrylic", "pc", 15990},
     {"Test Tube Rack", "pc", 1360},         {"Thermometer Digital", "pc", 4825},
     {"Distilled Water", "can", 695},        {"Centrifuge Tubes", "bag", 2940},
     {"Ethanol Absolute", "btl", 3875},      {"Stirring Bar Set", "set", 2150},
     {"Burette Clamp", "pc", 1890},          {"Weighing Boats", "box", 1645},
     {"Autoclave Tape", "roll", 780},        {"Magnifier Lens", "pc", 1125},
     {"Funnel Separating", "pc", 5360},      {"Label Roll Cryogenic", "roll", 2415}},
};

static const char *const customers[][3] = {
    {"Riverside Cafe", "55 Bridge Street", "Hereford HR4 9DG"},
    {"Maple Leaf Bakery", "120 Elm Avenue", "Portland, OR 97205"},
    {"St. Anne's School", "Church Lane", "Buxton SK17 6JE"},
    {"Hotel Continental", "Bahnhofplatz 3", "80335 Munich"},
    {"Thompson & Wright", "8 Chancery Court", "Bristol BS1 4QA"},
    {"Blue Heron Diner", "902 Lakeview Drive", "Duluth, MN 55802"},
};

struct supplier supplier_make(size_t index)
{
    return index < SUPPLIERS_LISTED ? listed[index].supplier : supplier_compose(index);
}

size_t catalogue_make(size_t index, struct good made[CATALOGUE_MAX])
{
    if (index >= SUPPLIERS_LISTED) {
        return catalogue_compose(index, made);
    }
    for (size_t item = 0; item < CATALOGUE_SIZE; item++) {
        const struct goods *good = &goods[listed[index].domain][item];
        snprintf(made[item].name, sizeof made[item].name, "%s", good->name);
        snprintf(made[item].code, sizeof made[item].code, "%c%c%03zu", good->name[0],
                 (char)('A' + (char)(index % 26)), item * 37 + 101);
        made[item].unit = good->unit;
        /* Each supplier has its own price for the same good, and keeps it. */
        made[item].price_cents = good->price_cents + (int64_t)((index * 7 + item * 3) % 40);
    }
    return CATALOGUE_SIZE;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && year % 4 == 0 ? 29 : days[month - 1]; /* 2001 to 2099 */
}

static struct date date_add(struct date date, int days)
{
    date.day += days;
    while (date.day > days_in_month(date.year, date.month)) {
        date.day -= days_in_month(date.year, date.month);
        if (++date.month > 12) {
            date.month = 1;
            date.year++;
        }
    }
    return date;
}

static void number_draw(struct invoice *invoice, struct prng *prng)
{
    int serial = prng_range(prng, 10000, 99999);
    switch (invoice->supplier % 5) { /* a supplier numbers its invoices in one way */
    case 0:
        snprintf(invoice->number, sizeof invoice->number, "INV-%05d", serial);
        break;
    case 1:
        snprintf(invoice->number, sizeof invoice->number, "%d%03d", serial, serial % 997);
        break;
    case 2:
        snprintf(invoice->number, sizeof invoice->number, "%04d-%04d", invoice->date.year,
                 serial % 10000);
        break;
    case 3:
        snprintf(invoice->number, sizeof invoice->number, "RE%d", serial);
        break;
    default:
        snprintf(invoice->number, sizeof invoice->number, "%c%d/%02d", 'A' + serial % 6,
                 serial % 9000 + 1000, invoice->date.year % 100);
        break;
    }
    snprintf(invoice->order, sizeof invoice->order, "%d", prng_range(prng, 400000, 499999));
    snprintf(invoice->customer_id, sizeof invoice->customer_id, "C-%d",
             prng_range(prng, 1000, 9999));
}

static void line_draw(struct line *line, const struct good *good, struct prng *prng)
{
    line->good = *good;
    bool weighed = strcmp(good->unit, "kg") == 0 || strcmp(good->unit, "m") == 0;
    if (weighed && prng_chance(prng, 0.5)) {
        line->quantity_milli = prng_range(prng, 3, 60) * 500;
    } else if (prng_chance(prng, 0.12)) {
        line->quantity_milli = prng_range(prng, 2, 15) * 10 * 1000;
    } else {
        line->quantity_milli = prng_range(prng, 1, 24) * 1000;
    }
    line->total_cents = (line->quantity_milli * good->price_cents + 500) / 1000;
}

void invoice_draw(struct invoice *invoice, size_t supplier, struct prng *prng)
{
    memset(invoice, 0, sizeof *invoice);
    invoice->supplier = supplier;
    invoice->sender = supplier_make(supplier);
    invoice->date = (struct date){prng_range(prng, 2023, 2026), prng_range(prng, 1, 12), 1};
    invoice->date.day = prng_range(prng, 1, days_in_month(invoice->date.year, invoice->date.month));
    invoice->due = date_add(invoice->date, prng_chance(prng, 0.5) ? 30 : 14);
    invoice->delivery = date_add(invoice->date, (int)(supplier % 3));
    number_draw(invoice, prng);
    size_t customer = prng_below(prng, sizeof customers / sizeof customers[0]);
    invoice->customer = customers[customer][0];
    invoice->customer_street = customers[customer][1];
    invoice->customer_city = customers[customer][2];

    struct good catalogue[CATALOGUE_MAX];
    size_t catalogue_count = catalogue_make(supplier, catalogue);
    bool taken[CATALOGUE_MAX] = {false};
    invoice->lines_count = (size_t)prng_range(prng, 2, 9);
    for (size_t i = 0; i < invoice->lines_count; i++) {
        size_t item = prng_below(prng, catalogue_count);
        while (taken[item]) {
            item = (item + 1) % catalogue_count;
        }
        taken[item] = true;
        line_draw(&invoice->lines[i], &catalogue[item], prng);
        invoice->subtotal_cents += invoice->lines[i].total_cents;
    }
    static const int rates[] = {0, 7, 8, 19, 20};
    invoice->tax_percent = rates[supplier % 5];
    invoice->tax_cents = (invoice->subtotal_cents * invoice->tax_percent + 50) / 100;
    invoice->total_cents = invoice->subtotal_cents + invoice->tax_cents;
}

/** Thousandths as a JSON number without needless zeros: 2500 is 2.5. */
static void write_quantity(FILE *file, int64_t milli)
{
    fprintf(file, "%" PRId64, milli / 1000);
    if (milli % 1000 != 0) {
        char part[8];
        snprintf(part, sizeof part, "%03d", (int)(milli % 1000));
        for (size_t end = 3; part[end - 1] == '0'; end--) {
            part[end - 1] = '\0';
        }
        fprintf(file, ".%s", part);
    }
}

int invoice_write_truth(const struct invoice *invoice, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        return -1;
    }
    fprintf(file, "{\n  \"supplier_name\": \"%s\",\n", invoice->sender.name);
    fprintf(file, "  \"invoice_date\": \"%04d-%02d-%02d\",\n", invoice->date.year,
            invoice->date.month, invoice->date.day);
    fprintf(file, "  \"invoice_number\": \"%s\",\n  \"line_items\": [", invoice->number);
    for (size_t i = 0; i < invoice->lines_count; i++) {
        const struct line *line = &invoice->lines[i];
        fprintf(file, "%s\n    {\"item_description\": \"%s\", \"quantity\": ", i == 0 ? "" : ",",
                line->good.name);
        write_quantity(file, line->quantity_milli);
        fprintf(file, ", \"unit_price\": %" PRId64 ".%02d, \"total_cost\": %" PRId64 ".%02d}",
                line->good.price_cents / 100, (int)(line->good.price_cents % 100),
                line->total_cents / 100, (int)(line->total_cents % 100));
    }
    fprintf(file, "\n  ]\n}\n");
    int failed = ferror(file);
    return fclose(file) != 0 || failed ? -1 : 0;
}
