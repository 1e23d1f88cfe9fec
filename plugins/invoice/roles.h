/* SPDX-License-Identifier: MIT */
/* What each word of a page is: a part of a row, and which, or nothing of the kind. */
#ifndef INVOICE_ROLES_H
#define INVOICE_ROLES_H

#include "table.h"
#include "traits.h"

struct scene;

enum role { ROLE_OTHER, ROLE_DESCRIPTION, ROLE_QUANTITY, ROLE_PRICE, ROLE_TOTAL, ROLES };

/** For each word of the page the role the rules' rows give it. `roles` has one for each word. */
void roles_of_rules(const struct table *table, const struct document *document,
                    unsigned char *roles);

/** What is said of each word; `features` has one for each word of the scene's page. */
void roles_say(const struct scene *scene, struct features *features);

#endif
