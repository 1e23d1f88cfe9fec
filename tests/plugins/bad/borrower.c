/* SPDX-License-Identifier: MIT
 *
 * Has no entry of its own; dlsym() finds the one of the library it links.
 */
#include "foundry/plugin.h"

FOUNDRY_EXPORT const void *borrower_uses(void);
const void *borrower_uses(void)
{
    return (const void *)foundry_plugin_entry(FOUNDRY_ABI_CURRENT);
}
