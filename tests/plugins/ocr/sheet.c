/* SPDX-License-Identifier: MIT */
#include "sheet.h"

#include <string.h>

void sheet_config(const char *const *lines, struct fnd_text *config)
{
    size_t words = 0;
    fnd_text_append_z(config, "{\"image\":\"page\",\"page\":{\"width\":1000,\"height\":2000,"
                              "\"orientation\":0,\"skew\":0,\"confidence\":0.9},\"words\":[");
    for (size_t line = 0; lines[line] != NULL; line++) {
        size_t at = 0, tall = lines[line][0] == '!';
        const char *text = lines[line] + tall;
        while (at += strspn(text + at, " "), text[at] != '\0') {
            size_t size = strcspn(text + at, " ");
            size_t doubtful = text[at + size - 1] == '~';
            fnd_text_printf(config, "%s{\"text\":", words++ == 0 ? "" : ",");
            fnd_text_append_json(config, text + at, size - doubtful);
            fnd_text_printf(config,
                            ",\"confidence\":%s,\"box\":[%zu,%zu,%zu,%d],\"line\":%zu,"
                            "\"block\":0,\"page\":0}",
                            doubtful ? "0.3" : "0.96", at * 10 * (tall + 1), line * 30,
                            (size - doubtful) * 10 * (tall + 1), tall ? 40 : 20, line);
            at += size;
        }
    }
    fnd_text_append_z(config, "]}");
}
