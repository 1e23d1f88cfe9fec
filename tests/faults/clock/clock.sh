#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The wall clock jumps while jobs run and wait: back and forward by an hour, a day and years, over both
# ends of summer time and past 2038. The record goes by number, retries and deadlines by the monotonic
# clock, and no duration is negative.
#
#     clock.sh [--self-test]
#
# libfaketime gives each run a wall clock of its own, which follows a file; the monotonic clock is real.
# shellcheck source-path=SCRIPTDIR/../../system source=lib.sh
source "$(dirname "$0")/../../system/lib.sh"

library=
for place in /usr/lib/*/faketime/libfaketime.so.1 /usr/lib64/faketime/libfaketime.so.1; do
    [[ ! -e $place ]] || library=$place
done
if [[ -z $library ]]; then
    not_ok "libfaketime is not installed: ./dev deps test"
    finish
fi
# A sanitizer wants to be the first library; that is only about what it would miss in this one.
export ASAN_OPTIONS=${ASAN_OPTIONS:-}${ASAN_OPTIONS:+:}verify_asan_link_order=0

# A jump: name, the clock before, the clock after (both as libfaketime writes them), the time zone.
jumps=(
    "forward-1h|+0|+1h|UTC"
    "forward-1d|+0|+1d|UTC"
    "forward-30y|+0|+30y|UTC"
    "back-1h|+0|-1h|UTC"
    "back-1d|+0|-1d|UTC"
    "back-5y|+0|-5y|UTC"
    "summer-begins|@2026-03-29 01:59:59|@2026-03-29 03:00:00|Europe/Berlin"
    "summer-ends|@2026-10-25 02:59:59|@2026-10-25 02:00:00|Europe/Berlin"
    "past-2038|@2038-01-19 03:14:07|@2038-01-19 03:14:09|UTC"
    "back-and-forth|+0|-1h +1h -1d +0|UTC"
)
early_ms=800     # the second back-off: not sooner
late_ms=30000    # and not an hour later; the machine may be busy
limit_ms=1500    # of the call that hangs
keep_monotonic=1 # the self-test lets it jump, too

faked() {
    LD_PRELOAD=$library FAKETIME_TIMESTAMP_FILE=$PWD/clock FAKETIME_NO_CACHE=1 NO_FAKE_STAT=1 \
        FAKETIME_DONT_FAKE_MONOTONIC=$keep_monotonic TZ=$zone "$@"
}

now_ms() {
    echo $((${EPOCHREALTIME/./} / 1000))
}

# set_clock TEXT: at one go, so that no half of it is read.
set_clock() {
    echo "$1" >clock.new && mv clock.new clock
}

# Wait until the run's news hold this; they come as they happen.
seen() {
    local i
    for ((i = 0; i < 1500; i++)); do
        [[ $(grep -c "$1" out) -lt $2 ]] || return 0
        sleep 0.02
    done
    echo "never seen: $1"
    return 1
}

jump_now() {
    local step
    sleep "0.$((RANDOM % 3))$((RANDOM % 9))"
    for step in $after_steps; do
        set_clock "${step//_/ }"
        sleep 0.03
    done
}

# What waits for its second attempt, beside a job whose phases wake the engine again and again.
check_retry() {
    local began took pid code=0
    set_clock "$before"
    faked timeout 60 "$engine" run retry.yaml jobs --json >out 2>err &
    pid=$!
    seen '"kind":"retry"' 2 || return
    began=$(now_ms)
    jump_now
    seen '"kind":"start".*"attempt":3\|"attempt":3.*"kind":"start"' 1 || return
    took=$(($(now_ms) - began))
    wait $pid || code=$?
    ((code == 3)) || echo "the run exited $code: $(tail -1 err)"
    ((took >= early_ms / 2)) || echo "a retry came early: $took ms"
    ((took <= late_ms)) || echo "a retry came late: $took ms"
}

# A call with a deadline.
check_deadline() {
    local began took pid code=0
    set_clock "$before"
    faked timeout 60 "$engine" run hang.yaml hung --json >out 2>err &
    pid=$!
    seen '"kind":"job"' 1 || return
    began=$(now_ms)
    jump_now
    wait $pid || code=$?
    took=$(($(now_ms) - began))
    ((code == 1)) || echo "the run that hangs exited $code: $(tail -1 err)"
    ((took >= limit_ms / 2)) || echo "a deadline came early: $took ms"
    ((took <= late_ms)) || echo "a deadline came late: $took ms"
}

# What people are shown of it.
check_shown() {
    local words
    faked "$engine" verify jobs >out 2>err || echo "verify: $(tail -1 err)"
    faked "$engine" answer jobs a.job.json --accept >out 2>err || echo "answer: $(tail -1 err)"
    faked "$engine" show --json jobs a.job.json >show.json 2>err || echo "show: $(tail -1 err)"
    jq -e '[.history[].event] | . == sort or . == (sort | reverse)' show.json >/dev/null ||
        echo "the history is not in the order of its numbers"
    jq -e '[.. | numbers | select(. < 0)] | length == 0' show.json >/dev/null ||
        echo "a number is negative: $(jq -c '[.. | numbers | select(. < 0)]' show.json)"
    for words in "show jobs a.job.json" "status jobs" "ask list --all jobs" "logs jobs a.job.json"; do
        # shellcheck disable=SC2086 # words
        faked "$engine" $words >shown 2>err
        ! grep -E '(^|[ (])-[0-9.]+ ?(us|ms|s|m|h|d|min)\b' shown ||
            echo "$words has a negative duration"
    done
}

# One jump, in a folder of its own; says what is wrong, a line each.
jump() {
    local before zone
    IFS='|' read -r _ before _ zone <<<"$1"
    mkdir -p "$2/jobs" "$2/hung" && cd "$2" || return
    # shellcheck disable=SC2016 # the pipeline's own ${…}
    {
        echo 'foundry: v1'
        echo 'name: retry'
        echo 'inputs: {match: ["*.job.json"]}'
        echo 'defaults: {retry: {max: 4, backoff: 400ms}}'
        echo 'phases:'
        for i in 1 2 3 4 5 6 7 8 9; do
            echo "  - {id: slow$i, uses: steps/slow, with: {ms: \"\${input.ms}\"}}"
        done
        echo '  - {id: flaky, uses: steps/flaky, with: {succeed_at: 3}}'
        echo '  - {id: doc, uses: steps/copy, with: {value: "text"}}'
        echo '  - {id: review, uses: foundry/human, with: {of: doc, detectors: [], audit: 100%}}'
    } >retry.yaml
    cat >hang.yaml <<YAML
foundry: v1
name: hang
inputs: {match: ["*.job.json"]}
phases:
  - {id: slow, uses: steps/slow, with: {ms: 600000}, timeout: ${limit_ms}ms, retry: {max: 0}}
YAML
    echo '{"ms": 1}' >jobs/a.job.json
    echo '{"ms": 300}' >jobs/b.job.json
    echo '{}' >hung/a.job.json
    : >out
    check_retry
    check_deadline
    check_shown
}

# after_of JUMP: the clocks behind it, one a word.
after_of() {
    local after
    IFS='|' read -r _ _ after _ <<<"$1"
    if [[ $after == @* ]]; then echo "${after// /_}"; else echo "$after"; fi
}

runs=0 violations=0
# round NUMBER: all jumps beside each other; they mostly wait.
round() {
    local i at pids=()
    for i in "${!jumps[@]}"; do
        at=$folder/round-$1/$i
        after_steps=$(after_of "${jumps[i]}")
        mkdir -p "$folder/round-$1"
        (
            RANDOM=$((seed + $1 * 100 + i))
            jump "${jumps[i]}" "$at"
        ) >"$folder/round-$1-$i.wrong" 2>&1 &
        pids+=($!)
    done
    wait "${pids[@]}"
    for i in "${!jumps[@]}"; do
        runs=$((runs + 1))
        if [[ -s $folder/round-$1-$i.wrong ]]; then
            violations=$((violations + 1))
            sed "s/^/  ${jumps[i]%%|*}: /" "$folder/round-$1-$i.wrong"
        fi
    done
}

seed=${FOUNDRY_SEED:-1}
if [[ ${1:-} == --self-test ]]; then
    # An engine whose waits follow the wall clock: the monotonic one jumps with it.
    keep_monotonic=0
    jumps=("forward-1h|+0|+1h|UTC")
    round 1
    holds "planted: waits that follow the wall clock are found" test $violations -gt 0
    finish
fi
rounds=$((${FOUNDRY_FLOOR:-10} / 20))
rounds=$((rounds > 0 ? rounds : 1))
for ((r = 1; r <= rounds; r++)); do
    round $r
done
floor=$((rounds * ${#jumps[@]}))
echo "gate: jumps of the wall clock | runs $runs | violations $violations | floor $floor | seed $seed"
# shellcheck disable=SC2034 # read by finish
passed=$((runs - violations)) failed=$((violations + (runs < floor)))
finish
