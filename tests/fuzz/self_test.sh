#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# self_test.sh CORPUS PLANTED…: each replay programme was built with a fault planted and must end
# by it over the corpus; one that passes would pass over real ones, too.
set -u
corpus=$1
shift
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}abort_on_error=1"
failed=0
for program; do
    output=$("$program" "$corpus" 2>&1)
    code=$?
    # A check of ours, a sanitizer's report (gcc's second one says only "runtime error").
    if ((code == 0)) || [[ $output != *"does not hold"* && $output != *Sanitizer* &&
        $output != *"runtime error"* ]]; then
        echo "$program: exit $code; its fault was not found"
        failed=$((failed + 1))
    fi
done
echo "$(($# - failed)) passed, $failed failed"
((failed == 0))
