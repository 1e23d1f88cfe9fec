#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A pool that phases and trainings share: a training waits for the calls that hold it, and says so;
# while it trains, jobs wait for it at that phase, and say so; people go on answering meanwhile.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

cat >labels.yaml <<YAML
foundry: v1
name: labels
inputs: {match: ["*.txt"]}
phases:
  - {id: look, uses: steps/slow, with: {ms: 6000}, pool: gpu}
  - id: label
    uses: learner/label
    with: {file: "\${input.file}", model: "\${models.words}"}
  - id: review
    uses: foundry/human
    with: {of: label, detectors: [], audit: 100%}
models:
  words:
    phase: label
    of: review
    pool: gpu
    trainer: {command: [./train.sh], env: {GO: "$folder/go"}}
YAML
cat >train.sh <<'SH'
#!/bin/sh
echo '{"progress":0.1,"note":"step 1, loss 0.9"}'
until test -f "$GO"; do sleep 0.1; done
echo '{"progress":0.2,"note":"step 2, loss 0.8"}'
echo well >model
SH
chmod +x train.sh

# shellcheck disable=SC2317 # called by until_so
status() { "$engine" status --json jobs 2>/dev/null | jq -e "$1" >/dev/null; }

# split NAME: where a text belongs, as the engine draws it.
split() {
    local drawn
    drawn=$(printf '%s\0labels\0%s' "$uuid" "$1" | sha256sum | cut -c1-8)
    drawn=$(((16#$drawn * 1000) >> 32))
    ((drawn < 800)) && echo train
}

mkdir jobs
"$engine" run --watch labels.yaml jobs >live.out 2>live.err &
live=$!
holds "an engine runs" until_so test -S jobs/.foundry/engine.sock
uuid=$(sqlite3 jobs/.foundry/state.db "SELECT body ->> '$.uuid' FROM payload WHERE event = 1")
names=()
for ((i = 0; ${#names[@]} < 4; i++)); do
    [[ $(split "t$i.txt") == train ]] && names+=("t$i.txt")
done
# put NAME: a text whole at once.
put() { echo "onions $1" >".$1" && mv ".$1" "jobs/$1"; }

put "${names[0]}"
holds "a first text waits for a person" until_so status '.pipelines[0].paused == 1'
exits 0 "who answers" "$engine" answer jobs "${names[0]}" --as ann --set /label=food

echo "-- inference holds the pool"
put "${names[1]}"
holds "a second is looked at" until_so status '.flight[0].phase == "look"'
"$engine" train jobs words --wait >train.out 2>train.err &
training=$!
holds "the training waits, and status says so" \
    until_so status '.trainings[0] | .state == "waiting" and .note == "waiting for gpu"'
holds "and so does train" until_so grep -q "waiting for gpu" train.err
holds "it begins by itself when the pool is free" \
    until_so status '.trainings[0].note == "step 1, loss 0.9"'
holds "and is at its step for people" until_so grep -q "step 1, loss 0.9" train.err

echo "-- the training holds the pool"
put "${names[2]}"
holds "a third text waits for it, and status says so" \
    until_so status '.flight[] | select(.phase == "look") | .waits_for == "gpu"'
exits 0 "for people, too" "$engine" status jobs
says "by name" "waiting for gpu"
exits 0 "the queue stays usable: a card is answered" \
    "$engine" answer jobs "${names[1]}" --as ann --set /label=food
exits 9 "a second training of the model is a conflict" "$engine" train jobs words
touch go
wait "$training"
equals "the training ends well" $? 0
holds "and the third text goes on by itself" until_so status '.pipelines[0].paused == 1'

echo "-- the engine is stopped while a job waits for the pool"
rm go
"$engine" train jobs words --wait >train.out 2>train.err &
training=$!
holds "it trains again" until_so status '.trainings[0].note == "step 1, loss 0.9"'
put "${names[3]}"
holds "a fourth text waits for the pool" until_so status '.flight[0].waits_for == "gpu"'
kill -TERM "$live"
wait "$live"
equals "it stops" $? 143 # its socket may be there: `train` goes on by itself, in an engine of its own
touch go
wait "$training"
exits 3 "the next run takes it up" "$engine" run labels.yaml jobs
equals "and it is asked about" "$(counts jobs paused)" 2
exits 0 "the record is what was recorded" "$engine" verify jobs
finish
