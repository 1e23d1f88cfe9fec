#!/bin/sh
# SPDX-License-Identifier: MIT
# refused.sh CONFORM FILE WORDS: loading FILE fails with exit code 6, naming the file and WORDS.
set -u
said=$("$1" "$2" 2>&1 >/dev/null)
code=$?
[ "$code" -eq 6 ] || { echo "$2: exit $code, expected 6: $said"; exit 1; }
case $said in
*"$2"*"$3"*) ;;
*) echo "$2: the message names not the file and then \"$3\": $said"; exit 1 ;;
esac
