#!/bin/sh
# SPDX-License-Identifier: MIT
# as_nobody.sh PROGRAM...: run it as user 65534; skipped (77) where we are no root already, or where
# that user cannot reach the program.
[ "$(id -u)" -eq 0 ] || exit 77
as="setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs"
program=$(realpath "$1") || exit 1
shift
$as test -x "$program" || exit 77
cd / && exec $as "$program" "$@"
