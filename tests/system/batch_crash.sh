#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A run with a choice from a batch is killed at each pass of a crash point and run again: the same
# documents are asked about, by one choice. FOUNDRY_FLOOR (percent, default 10) says how many passes.
# --self-test: what it looks for is planted, and must be found.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
percent=${FOUNDRY_FLOOR:-10}
step=$((percent >= 100 ? 1 : 100 / percent))
runs=0 violations=0

{
    printf 'foundry: v1\nname: lines\nphases:\n  - id: read\n    uses: playback/play\n'
    # shellcheck disable=SC2016 # the pipeline's own references
    printf '    with:\n      n: "${input.n}"\n      results:\n'
    for ((i = 1; i <= 8; i++)); do
        printf '        - {text: {value: "text %d", confidence: 0.%d}}\n' "$i" $((i * 37 % 90 + 10))
    done
    printf '  - id: review\n    uses: foundry/human\n'
    printf '    with: {of: read, choose: {uncertain: 3, quiet: 0s}}\n'
    # shellcheck disable=SC2016 # the pipeline's own references
    printf '  - {id: behind, uses: steps/copy, with: {value: {text: "${review.text}"}}}\n'
} >choose.yaml

# stand DIR: who is asked about | how many are through | how many choices
stand() {
    echo "$("$engine" ask list --json "$1" 2>/dev/null | jq -r .path | sort | tr '\n' ' ')|$(counts "$1" completed)|$(
        "$engine" show "$1" 'a.jsonl#1' --json | jq '[.history[] | select(.kind == "hold")] | length'
    )"
}

lines() {
    rm -rf jobs && mkdir jobs
    local i
    for ((i = 1; i <= 8; i++)); do
        printf '{"id":"%d","n":%d}\n' $i $i
    done >jobs/a.jsonl
}

lines
"$engine" run choose.yaml jobs >"$out" 2>&1
want=$(stand jobs)
echo "        $want"
equals "undisturbed: five are through, behind one hold and one choice" "${want#*|}" "5|2"
if [[ ${1-} == --self-test ]]; then
    "$engine" retry jobs 'a.jsonl#1' --phase review >/dev/null 2>&1
    "$engine" run choose.yaml jobs >/dev/null 2>&1
    holds "a second choice is seen" test "$(stand jobs)" != "$want"
    finish
fi
for point in store.commit.before store.commit.after store.group.published run.transition.queued \
    run.transition.acknowledged; do
    for ((n = 1; ; n += step)); do
        lines
        code=0
        { FOUNDRY_CRASH_AT=$point:$n "$engine" run choose.yaml jobs >"$out" 2>&1; } 2>/dev/null || code=$?
        if ((code != 137)); then
            break # it ran to its end: there is no such pass
        fi
        runs=$((runs + 1))
        "$engine" run choose.yaml jobs >"$out" 2>&1
        got=$(stand jobs)
        if [[ $got != "$want" ]] || ! "$engine" verify jobs >/dev/null 2>&1; then
            violations=$((violations + 1))
            echo "        $point:$n: $got"
            show_output
        fi
    done
done
floor=$((percent * 80 / 100))
echo "gate: kills around a choice from a batch | runs $runs | violations $violations | floor $floor | seed 0"
equals "no kill changes the choice" "$violations" 0
holds "kills enough" test "$runs" -ge "$floor"
finish
