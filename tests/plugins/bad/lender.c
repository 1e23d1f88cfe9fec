/* SPDX-License-Identifier: MIT
 *
 * The library that borrower.c links: it has a proper entry.
 */
#include "foundry/plugin.h"

const foundry_plugin_t *foundry_plugin_entry(uint32_t host_abi)
{
    static const foundry_plugin_t plugin = {.struct_size = sizeof plugin,
                                            .abi = FOUNDRY_ABI_CURRENT,
                                            .abi_min = FOUNDRY_ABI_CURRENT,
                                            .id = "lender",
                                            .version = "1.0.0",
                                            .summary = "Another's entry"};
    (void)host_abi;
    return &plugin;
}
