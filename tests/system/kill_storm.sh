#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# kill -9 at random moments of runs and answers, with `verify` after each: what was acknowledged is
# there, nothing is recorded twice, and in the end every job is where it belongs.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

cycles=60 seconds=60
if [[ -n ${TEST_SMALL:-} ]]; then
    cycles=20 seconds=60
fi
seed=${TEST_SEED:-$RANDOM$RANDOM}
echo "TEST_SEED=$seed repeats this run's choices"
RANDOM=$((seed % 32768))
invoice_pipeline invoice.yaml
mkdir jobs
: >acknowledged

# after_ms MS PROGRAM…: runs it and kills it then; its exit code, 137 if it was killed.
after_ms() {
    local ms=$1 pid
    shift
    "$@" >"$out" 2>"$err" &
    pid=$!
    (
        sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
        kill -KILL "$pid"
    ) 2>/dev/null &
    local killer=$! code=0
    wait "$pid" 2>/dev/null || code=$?
    kill "$killer" 2>/dev/null
    wait "$killer" 2>/dev/null
    return $code
}

# How long a run takes here, its plugins once described, decides what "at random" spans.
span=1000
for name in 9997 9998 9999; do
    picture jobs/job-$name.png
    began=$(date +%s%N)
    "$engine" run invoice.yaml jobs -p threshold=0.8 >/dev/null 2>&1
    took=$((($(date +%s%N) - began) / 1000000 + 2))
    span=$((took < span ? took : span))
done
# Some runs must get through: an engine that dies under a job again and again gives that job up.
span=$((2 * span + 10))
echo "kills come after 1 to $span ms"

killed=0 flawed=0 done_cycles=0 began=$SECONDS
for ((cycle = 1; cycle <= cycles && SECONDS - began < seconds; cycle++)); do
    done_cycles=$cycle
    picture "jobs/job-$cycle.png"
    ms=$((RANDOM % span + 1)) code=0
    number=
    if ((RANDOM % 4 == 0)); then
        number=$("$engine" ask list --json jobs 2>/dev/null | jq -s '.[0].request // empty')
    fi
    if [[ -n $number ]]; then
        after_ms $ms "$engine" answer jobs "$number" --as storm --accept \
            --override "=cycle $cycle" || code=$?
        ((code != 0 && code != 3)) || echo "$number" >>acknowledged
    else
        after_ms $ms "$engine" run invoice.yaml jobs -p threshold=0.8 -j 2 || code=$?
    fi
    # A machine that is busier or idler than it was above must not turn the storm into a calm, nor
    # into a massacre: the span follows, to two kills in five.
    if ((code == 137)); then
        killed=$((killed + 1))
        span=$((span + span * 9 / 100 + 1))
    else
        span=$((span > 20 ? span - span * 6 / 100 : span))
    fi
    if ! "$engine" verify jobs >"$out" 2>"$err"; then
        flawed=$((flawed + 1))
        echo "cycle $cycle, killed after $ms ms:"
        show_output
    fi
done
echo "$done_cycles cycles, $killed of them killed, $(wc -l <acknowledged) answers acknowledged"
holds "a good part of them were killed" test $killed -gt $((done_cycles / 5))
holds "and a good part of them were not" test $killed -lt $done_cycles
equals "no verify found a flaw" $flawed 0
holds "the cycles fit into their time" test $done_cycles -ge $((cycles * 3 / 4))

code=0
"$engine" run invoice.yaml jobs -p threshold=0.8 >"$out" 2>"$err" || code=$?
holds "a last run takes up all that is left (exit $code)" test $code -eq 0 -o $code -eq 3
equals "each input is one job" \
    "$(($(counts jobs completed) + $(counts jobs paused)))" $((done_cycles + 3))
"$engine" ask list --all --json jobs >requests.ndjson
lost=0
while IFS= read -r number; do
    state=$(jq -r --argjson n "$number" 'select(.request == $n) | .state' requests.ndjson)
    [[ $state == answered ]] || lost=$((lost + 1))
done <acknowledged
equals "no acknowledged answer is lost" $lost 0
twice=0
for ((i = 1; i <= done_cycles; i++)); do
    "$engine" show --json jobs "job-$i.png" 2>/dev/null |
        jq -e '[.history[] | select(.kind == "output") | .phase] | length == (unique | length)' \
            >/dev/null || twice=$((twice + 1))
done
equals "no phase has two results" $twice 0
exits 0 "the record is sound" "$engine" verify jobs
finish
