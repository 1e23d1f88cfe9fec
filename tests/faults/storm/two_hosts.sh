#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Two engines started on one directory at once, again and again: one has it, the other hands over to it
# (or, with --own, says who has it); no phase runs twice, and one that is killed leaves no lock.
#
#     two_hosts.sh [--self-test]
# shellcheck source-path=SCRIPTDIR/../../system source=lib.sh
source "$(dirname "$0")/../../system/lib.sh"

seed=${FOUNDRY_SEED:-1}
rounds=$((${FOUNDRY_FLOOR:-10} * 2))
rounds=$((rounds > 0 ? rounds : 1))
RANDOM=$((seed % 32768))
mkdir jobs
cat >two.yaml <<YAML
foundry: v1
name: two
inputs: {match: ["*.job.json"]}
defaults: {retry: {max: 0}}
phases:
  - {id: shout, uses: text/uppercase, with: {content: "\${input.content}"}}
  - {id: rest, uses: steps/slow, with: {ms: 5}}
  - {id: copy, uses: steps/copy, with: {value: "\${shout}"}}
YAML

violations=0 runs=0 killed=0 handed=0
wrong() {
    violations=$((violations + 1))
    echo "  round $runs: $1"
}

# one NAME OPTIONS…: starts an engine in the background; its pid is in $pid.
one() {
    local name=$1
    shift
    "$engine" run two.yaml jobs "$@" >"$name.out" 2>"$name.err" &
    pid=$!
}

two_round() {
    local first second code=0 other=0 own=() victim=
    runs=$((runs + 1))
    echo "{\"content\": \"text $runs\"}" >"jobs/job-$runs.job.json"
    ((RANDOM % 4)) || own=(--own)
    : >second.err
    one first
    first=$pid
    [[ $((RANDOM % 2)) == 0 ]] || sleep "0.0$((RANDOM % 9))"
    one second "${own[@]}"
    second=$pid
    if ((RANDOM % 3 == 0)); then
        sleep "0.0$((RANDOM % 9))"
        victim=$first
        ((RANDOM % 2)) || victim=$second
        kill -KILL "$victim" 2>/dev/null && killed=$((killed + 1))
    fi
    wait "$first" 2>/dev/null || code=$?
    wait "$second" 2>/dev/null || other=$?
    grep -q 'handed over' first.err second.err && handed=$((handed + 1))
    if [[ -n $victim ]]; then
        after_kill # the other may have been handed over to the one that died: the next goes on
        return
    fi
    ((code == 0)) || [[ ${#own[@]} -gt 0 && $code == 7 ]] || wrong "the first exited $code: $(tail -1 first.err)"
    ((other == 0)) || [[ ${#own[@]} -gt 0 && $other == 7 ]] ||
        wrong "the second exited $other: $(tail -1 second.err)"
    ((code == 0 || other == 0)) || wrong "nobody won"
}

# The directory is free at once, and a further run ends what is left.
after_kill() {
    local code=0
    flock --nonblock jobs/.foundry/lock true 2>/dev/null || sleep 1
    [[ ! -e jobs/.foundry/lock ]] || flock --nonblock jobs/.foundry/lock true ||
        wrong "the lock is held a second after its engine was killed"
    "$engine" run two.yaml jobs --own >"$out" 2>"$err" || code=$?
    ((code == 0)) || wrong "a run after a kill exited $code: $(tail -1 "$err")"
}

# Every job once, each phase once; without a kill no second attempt.
record_check() {
    local i
    equals "each input is one job, completed" "$(counts jobs completed)" $runs
    for ((i = 1; i <= runs; i++)); do
        "$engine" show --json jobs "job-$i.job.json" 2>/dev/null >show.json
        jq -e '[.history[] | select(.kind == "output") | .phase] | length == 3 and
               length == (unique | length)' show.json >/dev/null || wrong "job $i has two results"
        [[ $killed -gt 0 ]] ||
            jq -e '[.history[] | .attempt // 0] | max <= 1' show.json >/dev/null ||
            wrong "job $i ran twice"
    done
    exits 0 "the record is sound" "$engine" verify jobs
}

if [[ ${1:-} == --self-test ]]; then
    echo "-- planted: a lock that somebody keeps"
    mkdir -p jobs/.foundry
    : >jobs/.foundry/lock
    (
        flock 9
        sleep 5
    ) 9<jobs/.foundry/lock &
    sleep 0.2
    after_kill
    holds "it is found" test $violations -gt 0
    wait
    echo "-- planted: a second engine that nobody expects to be refused"
    rm -rf jobs/.foundry
    violations=0 runs=1
    echo '{"content": "text"}' >jobs/job-1.job.json
    "$engine" run two.yaml jobs >/dev/null 2>&1
    "$engine" retry jobs job-1.job.json --phase shout >/dev/null 2>&1 # as if it had run twice
    record_check >/dev/null
    passed=0 failed=0
    holds "it is found" test $violations -gt 0
    finish
fi
for ((r = 0; r < rounds; r++)); do
    two_round
done
"$engine" run two.yaml jobs >"$out" 2>"$err" || wrong "the last run: $(tail -1 "$err")"
record_check
violations=$((violations + failed))
echo "$runs rounds of two, $killed kills, $handed handed over"
echo "gate: two engines on one directory | runs $runs | violations $violations | floor $rounds |" \
    "seed $seed"
failed=$violations
finish
