#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Turns files into a C table of assets: embed.py OUT PATH=FILE=TYPE..."""
import sys

out, rows = sys.argv[1], []
with open(out, "w", encoding="ascii") as c:
    c.write('/* Made by embed.py. */\n#include "serve/assets.h"\n\n')
    for index, item in enumerate(sys.argv[2:]):
        path, file, media_type = item.split("=", 2)
        with open(file, "rb") as f:
            data = f.read()
        c.write(f"static const unsigned char asset_{index}[] = {{\n")
        for at in range(0, len(data), 24):
            c.write(",".join(str(b) for b in data[at:at + 24]) + ",\n")
        c.write("0};\n")
        rows.append(f'    {{"{path}", "{media_type}", asset_{index}, {len(data)}}},\n')
    c.write("\nstatic const struct asset table[] = {\n" + "".join(rows))
    c.write("    {0, 0, 0, 0}};\n\nconst struct asset *assets(void)\n{\n    return table;\n}\n")
