#!/bin/sh
# SPDX-License-Identifier: MIT
# layout_compare.sh PROGRAM SNAPSHOT: the layout of the public structs is the committed one.
set -eu
if ! "$1" | diff -u "$2" -; then
    echo "The layout of foundry/plugin.h changed. If that is meant: raise the ABI's minor version," >&2
    echo "and commit the header together with the new snapshot ($2)." >&2
    exit 1
fi
