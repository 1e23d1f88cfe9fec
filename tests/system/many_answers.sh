#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A hundred answers to one question at the same moment: exactly one wins, the others are told which.
# Once without an engine, once beside a running one.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

count=100
[[ -z ${TEST_SMALL:-} ]] || count=30
invoice_pipeline invoice.yaml

# storm DIR: answers all at once; exit codes go to DIR.codes.
storm() {
    local dir=$1 number i pids=()
    number=$(request "$dir" job-2.png)
    mkdir "$dir.replies"
    for ((i = 0; i < count; i++)); do
        (
            "$engine" answer "$dir" "$number" --as "person-$i" --accept --override "=person $i" \
                >"$dir.replies/$i.out" 2>"$dir.replies/$i.err"
            echo $? >"$dir.replies/$i.code"
        ) &
        pids+=($!)
    done
    wait "${pids[@]}"
    cat "$dir".replies/*.code | sort | uniq -c | sed 's/^ *//' >"$dir.codes"
}

check() {
    local dir=$1 winner
    equals "$dir: one wins, the others are in conflict" "$(paste -sd, "$dir.codes")" \
        "1 0,$((count - 1)) 9"
    winner=$(grep -l '^0$' "$dir".replies/*.code)
    winner=person-$(basename "${winner%.code}")
    equals "$dir: every loser is told who won" \
        "$(grep -lF "$winner" "$dir".replies/*.err | wc -l)" $((count - 1))
    equals "$dir: the record says the same" \
        "$("$engine" show --json "$dir" job-2.png | jq -r '.history[] | select(.kind == "answer") | .note')" \
        "$winner"
    exits 0 "$dir: the record is sound" "$engine" verify "$dir"
}

invoices alone
exits 3 "a question waits" "$engine" run invoice.yaml alone -p threshold=0.95 || finish
storm alone
check alone

invoices beside
exits 3 "another waits" "$engine" run invoice.yaml beside -p threshold=0.95 || finish
"$engine" run invoice.yaml beside -p threshold=0.95 --watch >/dev/null 2>&1 &
watcher=$!
for ((i = 0; i < 200; i++)); do
    [[ $("$engine" status --json beside | jq .engine) == null ]] || break
    sleep 0.05
done
storm beside
check beside
equals "the engine is still there" "$("$engine" status --json beside | jq .engine)" "$watcher"
kill -TERM "$watcher"
wait "$watcher"
equals "and ends when told to" $? 143
finish
