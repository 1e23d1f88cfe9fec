/* SPDX-License-Identifier: MIT */
/* Suppliers and goods put together from words, so that there may be many of each. */
#include <stdio.h>

#include "invoice.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define PICK(prng, list) ((list)[prng_below((prng), COUNT(list))])

static const char *const prefixes[] = {
    "Alderwood",  "Beacon Hill", "Copperfield", "Dunmore",     "Eastgate",  "Fairbanks",
    "Glenrock",   "Hawthorne",   "Ironbridge",  "Juniper",     "Kestrel",   "Lindholm",
    "Marlowe",    "Nightingale", "Old Mill",    "Pemberton",   "Quayside",  "Ravenscar",
    "Silverdale", "Thornbury",   "Upland",      "Vanguard",    "Westbrook", "Yarrow",
    "Zeller",     "Amberley",    "Birch Lane",  "Cloverfield", "Drayton",   "Elmhurst",
    "Foxglove",   "Greystone"};
static const char *const trades[] = {
    "Catering", "Fasteners", "Office",       "Plumbing", "Packaging", "Cleaning", "Machine Parts",
    "Textiles", "Interiors", "Motor Spares", "Dental",   "Bakery",    "Printing", "Lighting"};
static const char *const suffixes[] = {"Ltd", "LLC",   "Inc.",     "GmbH",    "& Sons",
                                       "Co.", "Group", "Supplies", "Limited", "Partners"};
static const char *const streets[] = {"Canal Road",  "Maple Drive", "Gartenstrasse", "High Street",
                                      "Dock Avenue", "Priory Lane", "Tannery Row",   "Kiln Street"};
static const char *const cities[] = {"Norwich NR3 1QT",  "Boise, ID 83702", "50667 Cologne",
                                     "Exeter EX4 2LP",   "Tampa, FL 33602", "Galway H91 K5R2",
                                     "Dayton, OH 45402", "28195 Bremen"};
static const char *const kinds[] = {
    "Blue",    "Steel",    "Heavy Duty", "Compact",     "Double",   "Natural",
    "Premium", "Flexible", "Oak",        "Brass",       "Clear",    "Industrial",
    "Folding", "Organic",  "Matt Black", "Reinforced",  "Standard", "Mini",
    "Rubber",  "Ceramic",  "Cotton",     "Zinc Plated", "Soft",     "Round"};
static const char *const things[] = {
    "Bracket",     "Mixing Bowl", "Hose Clip",    "Ring Binder", "Floor Cleaner", "Bearing",
    "Curtain",     "Desk Tray",   "Brake Pad",    "Mirror",      "Baguette",      "Poster Frame",
    "Spotlight",   "Valve",       "Carton",       "Apron",       "Screwdriver",   "Paper Towel",
    "Gasket",      "Cushion",     "Wiper Blade",  "Face Mask",   "Tea Cake",      "Ink Cartridge",
    "Lamp Holder", "Elbow Joint", "Bubble Wrap",  "Tray Liner",  "Hex Bolt",      "Notepad",
    "Hand Soap",   "Drive Belt",  "Table Cloth",  "Shelf",       "Oil Filter",    "Impression Tray",
    "Rye Loaf",    "Name Badge",  "Ceiling Rose", "Stop Cock",   "Pallet Strap",  "Serving Spoon",
    "Wood Screw",  "Marker Pen",  "Glass Polish", "Coupling",    "Door Mat",      "Spacer",
    "Spark Plug",  "Mixing Tip",  "Muffin",       "Envelope",    "Dimmer",        "Washer",
    "Label",       "Ladle"};
static const char *const sizes[] = {"",         "",      "",       "50 mm",  "2 L",
                                    "Large",    "A4",    "M8",     "500 g",  "XL",
                                    "120 x 80", "25 pk", "3/4 in", "Type B", "10 m"};
static const char *const units[] = {"pc", "box", "pack", "set", "kg", "m", "roll", "pair"};

struct supplier supplier_compose(size_t index)
{
    struct prng prng = prng_init(0x5e11e5, index);
    struct supplier supplier;
    size_t drawn = index - SUPPLIERS_LISTED;
    snprintf(supplier.name, sizeof supplier.name, "%s %s %s", prefixes[drawn % COUNT(prefixes)],
             PICK(&prng, trades), PICK(&prng, suffixes));
    snprintf(supplier.street, sizeof supplier.street, "%d %s", prng_range(&prng, 2, 240),
             PICK(&prng, streets));
    snprintf(supplier.city, sizeof supplier.city, "%s", PICK(&prng, cities));
    snprintf(supplier.phone, sizeof supplier.phone, "0%d 555 %04d", prng_range(&prng, 100, 999),
             prng_range(&prng, 0, 9999));
    snprintf(supplier.tax_id, sizeof supplier.tax_id, "%d-%d", prng_range(&prng, 10, 99),
             prng_range(&prng, 1000000, 9999999));
    return supplier;
}

size_t catalogue_compose(size_t index, struct good goods[CATALOGUE_MAX])
{
    struct prng prng = prng_init(0xca7a106, index);
    size_t count = 20 + prng_below(&prng, CATALOGUE_MAX - 20 + 1);
    size_t first = prng_below(&prng, COUNT(things));
    for (size_t item = 0; item < count; item++) {
        struct good *good = &goods[item];
        const char *kind = PICK(&prng, kinds), *size = PICK(&prng, sizes);
        /* Every third word on: no thing stands twice in a catalogue. */
        const char *thing = things[(first + item * 3) % COUNT(things)];
        snprintf(good->name, sizeof good->name, "%s %s%s%s", kind, thing,
                 size[0] == '\0' ? "" : " ", size);
        snprintf(good->code, sizeof good->code, "%c%c-%04d", thing[0], kind[0],
                 prng_range(&prng, 1000, 9999));
        good->unit = PICK(&prng, units);
        double share = prng_real(&prng, 0.0, 1.0);
        good->price_cents = 95 + (int64_t)(share * share * share * 24000.0);
    }
    return count;
}
