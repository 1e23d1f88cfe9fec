#!/bin/bash
# SPDX-License-Identifier: MIT
# Each program given is the simulation over an engine with one mistake in it: each must be found.
set -u
jobs_max=20000 # an honest engine would do as many without a violation
passed=0
failed=0
for program in "$@"; do
    out=$("$program" --jobs "$jobs_max" --stop 2>&1)
    code=$?
    story=$(printf '%s\n' "$out" | grep -m1 '^VIOLATION')
    ran=$(printf '%s\n' "$out" | sed -n 's/^gate: .* runs \([0-9]*\) .*/\1/p')
    if [ "$code" -eq 1 ] && [ -n "$story" ]; then
        passed=$((passed + 1))
        printf '%s: found within %s jobs\n    %.200s\n' "${program##*/}" "$ran" "$story"
    else
        failed=$((failed + 1))
        printf '%s: NOT found (exit %d after %s jobs)\n' "${program##*/}" "$code" "$ran"
    fi
done
echo "gate: planted faults found | runs $# | violations $failed | floor $# | seed ${FOUNDRY_SEED:-built in}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
