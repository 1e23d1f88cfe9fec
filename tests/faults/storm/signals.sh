#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Signals at random moments of a run: SIGTERM and SIGINT end it within ten seconds with a code of their
# own and nothing lost, a second one at once; SIGHUP and SIGPIPE do no harm.
#
#     signals.sh [--self-test]
# shellcheck source-path=SCRIPTDIR/../../system source=lib.sh disable=SC2034
source "$(dirname "$0")/../../system/lib.sh"

seed=${FOUNDRY_SEED:-1}
rounds=$((${FOUNDRY_FLOOR:-10} * 2))
rounds=$((rounds > 0 ? rounds : 1))
RANDOM=$((seed % 32768))
mkdir jobs
cat >quick.yaml <<'YAML'
foundry: v1
name: quick
inputs: {match: ["*.job.json"]}
phases:
  - {id: one, uses: steps/slow, with: {ms: 20}}
  - {id: two, uses: steps/slow, with: {ms: 20}}
  - {id: three, uses: steps/copy, with: {value: 1}}
YAML
cat >long.yaml <<'YAML'
foundry: v1
name: long
inputs: {match: ["*.job.json"]}
phases:
  - {id: one, uses: steps/slow, with: {ms: 60000}, timeout: 2m}
YAML
stop_ms=10000   # from the signal to the end
second_ms=6000  # from the second one: its worker's grace, and a busy machine
plant=

violations=0 runs=0 most=0 most_second=0
wrong() {
    violations=$((violations + 1))
    echo "  round $runs, $signal: $1"
}
now_ms() {
    echo $((${EPOCHREALTIME/./} / 1000))
}
# up: an engine answers in the directory $1.
up() {
    local i
    for ((i = 0; i < 1000; i++)); do
        [[ ! -S $1/.foundry/engine.sock ]] || return 0
        kill -0 $pid 2>/dev/null || return 1
        sleep 0.01
    done
    return 1
}

# What was said to be on record is there.
acknowledged() {
    local said
    jq -r 'select(.type == "news") | "\(.event) \(.kind)"' news.ndjson 2>/dev/null | sort -u >said
    [[ $plant != lost ]] || echo "99999999 output" >>said
    "$engine" status --json jobs >/dev/null 2>&1
    : >there
    for said in jobs/*.job.json; do
        "$engine" show --json jobs "$(basename "$said")" 2>/dev/null |
            jq -r '.history[] | "\(.event) \(.kind)"' >>there
    done
    sort -u there >sorted
    [[ -z $(comm -23 said sorted) ]] || wrong "said and not on record: $(comm -23 said sorted | head -3)"
}

# The engine's own code for a signal, or that of a run that was done before.
ends_with() {
    local code=$1 wanted=$2
    ((code == wanted || code == 0)) || wrong "it exited $code, not $wanted: $(tail -1 run.err)"
}

signal_round() {
    local code=0 began took wanted
    runs=$((runs + 1))
    rm -rf jobs
    mkdir jobs
    for i in 1 2 3 4 5 6; do echo '{}' >"jobs/job-$i.job.json"; done
    signal=${names[RANDOM % ${#names[@]}]}
    if [[ $signal == PIPE ]]; then
        # Its reader goes away at a random moment.
        # shellcheck disable=SC2094 # not the same file at one time
        "$engine" run quick.yaml jobs --json 2>run.err > >(head -c $((RANDOM % 4000 + 1)) >news.cut) &
        pid=$!
    else
        "$engine" run quick.yaml jobs --json >news.ndjson 2>run.err &
        pid=$!
    fi
    if [[ $signal == HUP || $signal == PIPE || -n $plant ]] || ((RANDOM % 3)); then
        up jobs || true # before it is set up, a signal ends it as any program
    fi
    sleep "0.$((RANDOM % 2))$((RANDOM % 10))"
    began=$(now_ms)
    case $signal in
    PIPE) kill -PIPE $pid 2>/dev/null ;;
    HUP) kill -HUP $pid 2>/dev/null ;;
    *) kill -"$signal" $pid 2>/dev/null ;;
    esac
    [[ $plant != slow ]] || began=$((began - 60000))
    wait $pid || code=$?
    took=$(($(now_ms) - began))
    most=$((took > most ? took : most))
    case $signal in
    TERM) wanted=143 ;;
    INT) wanted=130 ;;
    *) wanted=0 ;;
    esac
    [[ $plant != code ]] || wanted=99 code=98
    ends_with $code $wanted
    ((took <= stop_ms)) || wrong "it ended after $took ms"
    if [[ -e jobs/.foundry/state.db ]]; then
        "$engine" verify jobs >"$out" 2>"$err" || wrong "verify: $(tail -1 "$out")"
        [[ $signal == PIPE ]] || acknowledged
    fi
    code=0
    "$engine" run quick.yaml jobs >"$out" 2>"$err" || code=$?
    ((code == 0)) || wrong "the next run exited $code: $(tail -1 "$err")"
    [[ $(counts jobs completed) == 6 ]] || wrong "not all are completed"
}

# A phase of a minute: the first signal waits for it, the second does not.
second_round() {
    local code=0 began took early=0
    runs=$((runs + 1))
    signal=TERM+TERM
    rm -rf jobs
    mkdir jobs
    echo '{}' >jobs/job-1.job.json
    "$engine" run long.yaml jobs --json >news.ndjson 2>run.err &
    pid=$!
    up jobs || wrong "no engine"
    sleep "0.$((RANDOM % 4))"
    kill -TERM $pid
    sleep 0.2
    kill -0 $pid 2>/dev/null || early=1
    began=$(now_ms)
    kill -TERM $pid 2>/dev/null
    wait $pid || code=$?
    took=$(($(now_ms) - began))
    most_second=$((took > most_second ? took : most_second))
    ends_with $code 143
    ((took <= second_ms)) || wrong "the second took $took ms"
    "$engine" verify jobs >"$out" 2>"$err" || wrong "verify: $(tail -1 "$out")"
    # An engine that was told before the phase had begun has nothing to wait for: it says that the
    # attempt was given back, or has no job yet.
    ((early == 0)) || ! "$engine" show --json jobs job-1.job.json >"$out" 2>"$err" ||
        grep -q '"drain"' "$out" || wrong "the first did not wait"
}

names=(TERM INT HUP PIPE TERM INT)
if [[ ${1:-} == --self-test ]]; then
    names=(TERM)
    for plant in lost slow code; do
        violations=0
        signal_round
        holds "planted: $plant is found" test $violations -gt 0
    done
    finish
fi
for ((r = 1; r <= rounds; r++)); do
    signal_round
    ((r % 10)) || second_round
done
echo "ended within $most ms, after a second signal within $most_second ms"
echo "gate: SIGTERM, SIGINT, SIGHUP, SIGPIPE at random | runs $runs | violations $violations |" \
    "floor $rounds | seed $seed"
passed=$((runs - (violations < runs ? violations : runs))) failed=$violations
finish
