#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One directory, several processes: the second hands over to the first; --own does not; an engine that
# is stuck is told apart from one that works; a dead one's socket is replaced.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

cat >slow.yaml <<'YAML'
foundry: v1
name: slow
inputs: {match: ["*.slow.job.json"]}
phases:
  - id: rest
    uses: steps/slow
    with: {ms: 3000}
  - id: after
    uses: steps/flaky
    with: {succeed_at: 1}
YAML
cat >quick.yaml <<'YAML'
foundry: v1
name: quick
inputs: {match: ["*.quick.job.json"]}
phases:
  - id: shout
    uses: text/uppercase
    with: {content: "${input.content}"}
YAML
mkdir jobs

# engine_up DIR: waits until an engine answers there.
# shellcheck disable=SC2317 # called by name
engine_up() {
    local i
    for ((i = 0; i < 200; i++)); do
        [[ $("$engine" status --json "$1" 2>/dev/null | jq .engine) == null ]] || return 0
        sleep 0.05
    done
    return 1
}
# in_flight DIR PHASE
# shellcheck disable=SC2317 # called by name
in_flight() {
    local i
    for ((i = 0; i < 200; i++)); do
        "$engine" status --json "$1" 2>/dev/null |
            jq -e --arg p "$2" '[.flight[].phase] | index($p) != null' >/dev/null && return 0
        sleep 0.05
    done
    return 1
}

echo "-- the second hands over"
echo '{}' >jobs/one.slow.job.json
echo '{"content": "hello"}' >jobs/two.quick.job.json
"$engine" run slow.yaml jobs --watch >first.out 2>first.err &
first=$!
holds "an engine runs" engine_up jobs
holds "a job is in flight" in_flight jobs rest
exits 7 "--own does not share" "$engine" run quick.yaml jobs --own
says "and says who has it" "$first" "$err"
exits 0 "a second run submits there and follows" "$engine" run quick.yaml jobs -j 3
says "says to whom" "pid $first has jobs: handed over to it" "$err"
says "and what does not hold there" "pid $first keeps the -j" "$err"
says "to the end" "quick: 1 completed"
equals "the first engine is still the one" "$("$engine" status --json jobs | jq .engine)" $first
exits 0 "a job is cancelled beside it" "$engine" cancel jobs one.slow.job.json --reason "enough"
equals "at once" "$("$engine" show --json jobs one.slow.job.json | jq -r .state)" cancelled
exits 9 "and only once" "$engine" cancel jobs one.slow.job.json
exits 0 "and retried, with the follower seeing its end" "$engine" retry jobs one.slow.job.json
equals "completed" "$("$engine" show --json jobs one.slow.job.json | jq -r .state)" completed
exits 0 "left queued beside it" "$engine" retry jobs one.slow.job.json --phase after --no-run
equals "it rests" "$("$engine" show --json jobs one.slow.job.json | jq -r .state)" queued
exits 0 "until the next run" "$engine" run slow.yaml jobs
equals "which takes it up" "$("$engine" show --json jobs one.slow.job.json | jq -r .state)" completed
exits 0 "verify works beside it" "$engine" verify jobs
cp jobs/two.quick.job.json jobs/three.quick.job.json
exits 0 "a new input is taken in by the next" "$engine" run quick.yaml jobs
says "two of them now" "quick: 2 completed"
mode=$(stat -c %a jobs/.foundry/engine.sock)
equals "the socket is the user's own" "$mode" 600
echo 'foundry: v2' >invalid.yaml
exits 4 "an invalid pipeline is refused there, too" "$engine" run invalid.yaml jobs
says "as it was named" "invalid.yaml:1:10: error:" "$err"

echo "-- a stuck engine"
kill -STOP $first
exits 7 "an engine that does not answer is in use" "$engine" run quick.yaml jobs
says "by this process" "pid $first" "$err"
kill -CONT $first

echo "-- interrupted"
echo '{}' >jobs/four.slow.job.json
holds "it notices a new file" in_flight jobs rest
kill -INT $first
code=0
wait $first || code=$?
equals "the first Ctrl-C lets finish and ends" $code 130
says "and says so" "finishing what runs" first.err
"$engine" show --json jobs four.slow.job.json >show.json
equals "the phase that ran is on record" \
    "$(jq '[.history[] | select(.kind == "output" and .phase == "rest")] | length' show.json)" 1
equals "the next has not begun" \
    "$(jq '[.history[] | select(.kind == "output" and .phase == "after")] | length' show.json)" 0
exits 0 "a later run goes on there" "$engine" run slow.yaml jobs

echo '{}' >jobs/five.slow.job.json
"$engine" run slow.yaml jobs >first.out 2>first.err &
first=$!
holds "another is in flight" in_flight jobs rest
kill -TERM $first
sleep 0.2
began=$(date +%s%N)
kill -TERM $first
code=0
wait $first || code=$?
took=$((($(date +%s%N) - began) / 1000000))
equals "a second signal stops now" $code 143
holds "without waiting for the phase ($took ms)" test $took -lt 2500
exits 0 "nothing is lost" "$engine" verify jobs
exits 0 "and a later run completes it" "$engine" run slow.yaml jobs

echo "-- a dead engine's socket"
"$engine" run slow.yaml jobs --watch >/dev/null 2>&1 &
first=$!
holds "an engine runs again" engine_up jobs
kill -KILL $first
wait $first 2>/dev/null
holds "it left its socket" test -S jobs/.foundry/engine.sock
equals "status sees no engine" "$("$engine" status --json jobs | jq .engine)" null
exits 0 "the next run replaces it" "$engine" run quick.yaml jobs
holds "and cleans up behind itself" test ! -e jobs/.foundry/engine.sock

echo "-- a closed terminal and a closed pipe"
"$engine" run slow.yaml jobs -v --json | head -1 >/dev/null
equals "a reader that goes away does no harm" "${PIPESTATUS[0]}" 0
finish
