#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One training is cancelled and its engine stays: a plugin's and a program's, one that heeds it and
# one that does not, one that waits for its pool. Who did it is on record, the version in production
# goes on, nothing of the trainer lives on, and it does not begin again at once; an engine that is
# killed right behind it changes nothing of that.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

# pipeline TRAINER [WHEN]: the pipeline file; no file is ever the same as one before.
turn=0
pipeline() {
    turn=$((turn + 1))
    labels_pipeline "audit: 100%" <<YAML
    trainer: $1
    promote: {minimum: 3000, window: $((4000 + turn))}
${2:+    when: $2}
YAML
}
program() { echo "{command: [./train.sh], env: {TOLD: \"$folder/told\", SIN: \"$1\"}}"; }

cat >train.sh <<'SH'
#!/bin/sh
echo $$ >"$TOLD"
setsid sleep 600 &
echo $! >>"$TOLD"
case $SIN in
    kind) trap 'echo "half way" >checkpoint; exit 0' TERM ;;
    deaf) trap '' TERM ;;
    behind) test -f artifacts/checkpoint || exit 4 ;;
esac
if test -f artifacts/checkpoint && test "$SIN" != again; then
    cat artifacts/checkpoint >model
    exit
fi
echo well >model
echo "{\"progress\":0.5,\"note\":\"$(cat artifacts/checkpoint 2>/dev/null || echo epoch 2), loss 0.5\"}"
while :; do sleep 0.1; done
SH
chmod +x train.sh

# shellcheck disable=SC2317 # called by until_so
status() { "$engine" status --json jobs 2>/dev/null | jq -e "$1" >/dev/null; }
# told NUMBER: the pid on that line of what the trainer said of itself.
told() { sed -n "$1p" told 2>/dev/null; }
# shellcheck disable=SC2317 # called by until_so
gone() { [[ -n $1 ]] && { [[ ! -e /proc/$1 ]] || grep -q 'State:.Z' "/proc/$1/status" 2>/dev/null; }; }
# sql QUERY
sql() { sqlite3 jobs/.foundry/state.db "$1"; }
trainings() { sql "SELECT count(*) FROM event WHERE kind = 25"; }
# ended WHAT: a member of how the last training ended.
ended() {
    sql "SELECT body ->> '$.$1' FROM payload JOIN event ON event = id WHERE kind = 27
        ORDER BY id DESC LIMIT 1"
}

# live: an engine that stays.
# shellcheck disable=SC2317 # called by holds
live() {
    "$engine" serve jobs --pipeline labels.yaml --listen 127.0.0.1:0 >serve.out 2>&1 &
    server=$!
    until_so status '.pipelines | length > 0' && until_so test -S jobs/.foundry/engine.sock
}
# quit SIGNAL
quit() {
    kill "-$1" "$server"
    wait "$server" 2>/dev/null
    return 0
}

mkdir jobs
pipeline '{uses: learner/train}'
exits 0 "nothing is there yet" "$engine" run labels.yaml jobs
uuid=$(sql "SELECT body ->> '$.uuid' FROM payload WHERE event = 1")
names=()
for ((i = 0; ${#names[@]} < 5; i++)); do
    [[ $(split "t$i.txt") == train ]] && names+=("t$i.txt") && echo "onions $i" >"jobs/t$i.txt"
done
"$engine" run labels.yaml jobs >/dev/null 2>&1
for name in "${names[@]:0:4}"; do
    "$engine" answer jobs "$name" --as ann --set /label=food >/dev/null 2>&1
done
exits 0 "a version is trained" "$engine" train jobs words
exits 0 "and put to work" "$engine" models promote jobs words --model-version 1 --as ann

echo "-- nothing to cancel"
exits 5 "no engine runs" "$engine" train jobs words --cancel --as ann
says "which is said" "nothing trains model words: no engine runs in this directory" "$err"
exits 5 "no such model" "$engine" train jobs sentences --cancel
exits 2 "it waits by itself" "$engine" train jobs words --cancel --wait
exits 2 "a reason is for it alone" "$engine" train jobs words --reason 'because'
pipeline '{uses: learner/train, with: {sin: wait}}'
holds "an engine stays" live
exits 5 "nothing trains there" "$engine" train jobs words --cancel --as ann
says "which is said" "no training of model words runs or waits" "$err"
quit TERM
before=$(trainings)

echo "-- a plugin's, that began by itself"
pipeline '{uses: learner/train, with: {sin: wait}}' '{corrections: 1, cooldown: 0s}'
"$engine" answer jobs "${names[4]}" --as ann --set /label=food --no-run >/dev/null 2>&1
holds "an engine stays" live
holds "and trains" until_so status '.trainings[0].state == "training"'
exits 0 "it is cancelled" "$engine" train jobs words --cancel --as bea --reason "wrong labels"
says "and what goes on is told" "its training is cancelled; version 1 goes on"
holds "the engine stays" status '.trainings | length == 0'
equals "the record has its outcome" "$(ended outcome)" cancelled
equals "who did it" "$(ended by)" bea
equals "and why" "$(ended reason)" "wrong labels"
exits 0 "models list" "$engine" models list jobs
says "tells so" "bea cancelled the training of model words: wrong labels"
equals "version 1 goes on" "$(production)" 1
exits 0 "explain" "$engine" train jobs words --explain
says "says why none begins" "but it rests: the last training was cancelled"
# In the training split: a model is tried on what the evaluation split holds, and those that the
# programs below leave are of no use.
for ((i = 0; ; i++)); do
    new=new$i.txt
    [[ $(split "$new") == train ]] && break
done
echo "leeks" >"jobs/$new"
holds "a job more, and the learner has looked" until_so status '.pipelines[0].paused == 1'
exits 0 "an answer more" "$engine" answer jobs "$new" --as ann --set /label=food
equals "and none has begun" "$(trainings)" $((before + 1))

echo "-- by hand it may begin at once"
"$engine" train jobs words --wait >train.out 2>train.err &
waits=$!
holds "it trains" until_so status '.trainings[0].state == "training"'
exits 0 "it is cancelled" "$engine" train jobs words --cancel --as bea --json
equals "with its number, for programs" "$(jq '.status == "ok" and .training > 0' "$out")" true
wait "$waits"
equals "who waits for it gets no model" $? 1
says "and is told who did it" "bea cancelled the training of model words" train.err
echo "-- the engine is killed right behind it"
quit KILL
holds "another stays" live
equals "it was cancelled, and not left behind" "$(ended by)" bea
exits 0 "explain" "$engine" train jobs words --explain
says "says that it rests" "the last training was cancelled"
holds "nothing trains" status '.trainings | length == 0'
equals "and none has begun" "$(trainings)" $((before + 2))
quit TERM

echo "-- a plugin that does not heed it"
pipeline '{uses: learner/train, with: {sin: hang}}'
holds "an engine stays" live
exits 0 "a training begins" "$engine" train jobs words
holds "and hangs" until_so status '.trainings[0].state == "training"'
exits 0 "it is cancelled: its worker is ended" "$engine" train jobs words --cancel --as bea
equals "as bea's" "$(ended by)" bea
quit TERM

echo "-- a program's"
pipeline "$(program kind)"
holds "an engine stays" live
exits 0 "a training begins" "$engine" train jobs words
holds "its program runs" until_so status '.trainings[0].note == "epoch 2, loss 0.5"'
exits 0 "it is cancelled" "$engine" train jobs words --cancel --as bea
holds "the program is gone" until_so gone "$(told 1)"
holds "and what it started" until_so gone "$(told 2)"
holds "and its folder" test -z "$(ls jobs/.foundry/training)"
equals "it left a model, and that is none" "$(ended outcome) $(ended by)" "cancelled bea"
holds "the engine stays" status '.trainings | length == 0'
equals "version 1 goes on" "$(production)" 1
quit TERM
pipeline "$(program again)"
holds "an engine stays" live
exits 0 "the next one goes on from the checkpoint that it wrote as it was stopped" \
    "$engine" train jobs words
holds "its program runs" until_so status '.trainings[0].note == "half way, loss 0.5"'
exits 0 "it is cancelled before it wrote one of its own" "$engine" train jobs words --cancel --as bea
quit TERM
pipeline "$(program behind)"
holds "an engine stays" live
exits 0 "the one behind it goes on from there all the same" "$engine" train jobs words --wait

echo "-- one that waits for its pool"
quit TERM
sed -i 's|^  - id: label|  - {id: look, uses: steps/slow, with: {ms: 600000}, pool: cpu}\n&|' labels.yaml
holds "an engine stays" live
echo "leeks" >jobs/slow.txt
holds "a job holds the pool" until_so status '.flight[0].phase == "look"'
exits 0 "a training is asked for" "$engine" train jobs words
holds "and waits" until_so status '.trainings[0].state == "waiting"'
exits 0 "it is cancelled" "$engine" train jobs words --cancel --as bea
equals "which is on record like any" "$(ended outcome) $(ended by)" "cancelled bea"
holds "nothing waits" status '.trainings | length == 0'
holds "and the job is where it was" status '.flight[0].phase == "look"'
quit KILL
exits 0 "it is given up" "$engine" cancel jobs slow.txt --as bea
rm jobs/slow.txt

echo "-- killed while a program that is deaf is being stopped"
pipeline "$(program deaf)" '{corrections: 1, cooldown: 0s}'
echo "leeks" >jobs/more.txt
"$engine" run labels.yaml jobs >/dev/null 2>&1
exits 0 "a correction that is new" "$engine" answer jobs more.txt --as ann --set /label=food
rm -f told
"$engine" run --watch labels.yaml jobs >live.out 2>live.err &
server=$!
holds "an engine runs" until_so test -S jobs/.foundry/engine.sock
exits 0 "a training begins" "$engine" train jobs words
holds "its program runs" until_so status '.trainings[0].note == "epoch 2, loss 0.5"'
"$engine" train jobs words --cancel --as bea >cancel.out 2>cancel.err &
canceller=$!
holds "it is being stopped, which status says" until_so status '.trainings[0].state == "stopping"'
exits 9 "a second one who cancels" "$engine" train jobs words --cancel --as cid
says "is told who was first" "bea has cancelled the training of model words already" "$err"
quit KILL
wait "$canceller"
equals "who cancelled it" $? 5
says "is told that no engine runs any more" "no engine runs in this directory" cancel.err
holds "the program is gone" until_so gone "$(told 1)"
holds "and what it started" until_so gone "$(told 2)"
equals "the record says what was: the engine ended" "$(ended code)" engine_ended
begun=$(trainings)
holds "another engine" live
exits 0 "explain" "$engine" train jobs words --explain
says "says that it rests" "but it rests: the last training failed"
holds "nothing trains" status '.trainings | length == 0'
equals "and none has begun" "$(trainings)" "$begun"
equals "version 1 goes on" "$(production)" 1
quit TERM
exits 0 "the record is what was recorded" "$engine" verify jobs
finish
