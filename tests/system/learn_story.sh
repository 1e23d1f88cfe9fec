#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A model learns from corrections: trained, tried by the engine, promoted by what it got right, taken
# back by one command. A trainer that crashes, hangs, is killed, fails, writes nothing, writes no
# model or writes a worse one is told plainly, and the model in production goes on.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

# pipeline SIN TIMEOUT: the pipeline file with that trainer.
pipeline() {
    labels_pipeline "audit: 100%" <<YAML
    trainer: {uses: learner/train, with: {$1}, timeout: ${2:-2m}}
    promote: {minimum: 3, alpha: 0.2}
YAML
}

# texts COUNT SPLIT: so many new texts in that split, about food (odd) and tools (even); their names
# are added to $names.
number=0
texts() {
    local left=$1
    while ((left > 0)); do
        number=$((number + 1))
        [[ $(split "t$number.txt") == "$2" ]] || continue
        left=$((left - 1))
        names+=("t$number.txt")
        if ((number % 2)); then
            echo "onions leeks garlic number$number"
        else
            echo "nails screws hammer number$number"
        fi >"jobs/t$number.txt"
    done
}

# truth NAME: its label.
truth() { if grep -q onions "jobs/$1"; then echo food; else echo tools; fi; }

# answered NAME…: a person gives each its label.
answered() {
    local name
    for name in "$@"; do
        "$engine" answer jobs "$name" --as ann --set "/label=$(truth "$name")" >/dev/null \
            2>answered.err || { cat answered.err; return 1; }
    done
}

# curve_of DIR: the first version of its curve, and the first day of that.
curve_of() {
    "$engine" models curve --json "$1" | jq -r '.versions[0] | "\(.version), \(.days[0].day)"'
}

# label JOB: what the phase said of it.
label() { "$engine" show --json jobs "$1" | grep -o '"label":"[a-z]*"' | head -n 1; }

mkdir jobs
pipeline ''
"$engine" run labels.yaml jobs >/dev/null 2>&1
uuid=$(sqlite3 jobs/.foundry/state.db "SELECT body ->> '$.uuid' FROM payload WHERE event = 1")
names=()
texts 16 train
texts 4 eval
texts 1 test
echo "-- nothing to learn from"
exits 3 "21 texts wait for people" "$engine" run labels.yaml jobs
equals "without a model the phase goes by its rules" "$(label "${names[0]}")" '"label":"other"'
exits 9 "without corrections there is nothing to learn from" "$engine" train jobs words
says "and that is said" "nothing to learn from" "$err"
equals "no training is on record" "$("$engine" models list --json jobs)" ""
exits 5 "another model" "$engine" train jobs sentences
says "is not there, and those that are get named" "words of labels" "$err"

echo "-- it learns"
holds "people answer" answered "${names[@]}"
exits 0 "explain" "$engine" train jobs words --explain
says "counts the examples" "16 answered by people"
says "and those kept apart" "models on: 4"
says "what reads now" "in production: the rules (version 0)"
says "and whether it is due, and why" "not due: it is trained by hand only: it has no \`when\`"
equals "it trained nothing" "$("$engine" models list --json jobs)" ""
exits 0 "train" "$engine" train jobs words
says "decides by the exact sign test" "p = 0.0625"
equals "version 1 is in production" "$(production)" 1
exits 0 "models show" "$engine" models show jobs words
says "field by field" "/label"
names=()
texts 3 train
exits 3 "new texts" "$engine" run labels.yaml jobs
for name in "${names[@]}"; do
    equals "$name is labelled by what was learned" "$(label "$name")" \
        "\"label\":\"$(truth "$name")\""
done
first=$("$engine" models show --json jobs words | grep -o '"sha256":"[0-9a-f]*"' | head -n 1)
holds "the answers are records" answered "${names[@]}"
"$engine" export jobs --format foundry --out "$PWD/records.jsonl" >/dev/null 2>&1
holds "that carries which model said so" \
    grep -q "\"models\":{\"words\":\"models.words.${first:10:64}\"}" records.jsonl
holds "and none where the rules did" grep -q '"models":{"words":null}' records.jsonl

echo "-- the same examples give the same model"
exits 0 "train again" "$engine" train jobs words --json
second=$("$engine" models show --json jobs words | grep -o '"sha256":"[0-9a-f]*"' | head -n 1)
holds "a new record changes it" test "$first" != "$second"
exits 0 "and again" "$engine" train jobs words
third=$("$engine" models show --json jobs words | grep -o '"sha256":"[0-9a-f]*"' | head -n 1)
equals "the same records give the same bytes" "$third" "$second"
equals "which is no better: it is held" "$(production)" 1

echo "-- by hand"
exits 0 "promote" "$engine" models promote jobs words --model-version 3 --as ann --reason 'on trial'
equals "version 3 is in production" "$(production)" 3
exits 9 "twice is a conflict" "$engine" models promote jobs words --model-version 3 --as ann
exits 5 "a version that is not there" "$engine" models promote jobs words --model-version 9 --as ann
exits 0 "rollback" "$engine" models rollback jobs words --as ann --reason 'back'
equals "goes to what stood before" "$(production)" 1
exits 0 "once more" "$engine" models rollback jobs words --as ann
equals "goes to the rules" "$(production)" ""
exits 9 "and then there is nothing to go back from" "$engine" models rollback jobs words --as ann
exits 0 "promote 1" "$engine" models promote jobs words --model-version 1 --as ann

echo "-- several processes decide at once, beside an engine that runs"
"$engine" serve jobs --pipeline labels.yaml --listen 127.0.0.1:0 >serve.out 2>&1 &
server=$!
for ((i = 0; i < 600; i++)); do [[ -S jobs/.foundry/engine.sock ]] && break; sleep 0.1; done
holds "an engine runs" test "$i" -lt 600
# many WHAT…: five times; each exit code and what was said.
many() {
    local i
    for ((i = 0; i < 5; i++)); do
        "$engine" models "$@" --as ann --reason race >/dev/null 2>>raced.err
        echo $? >>raced
    done
}
many promote jobs words --model-version 2 &
racers=($!)
many promote jobs words --model-version 3 &
racers+=($!)
many rollback jobs words &
racers+=($!)
"$engine" train jobs words --wait >/dev/null 2>>raced.err
echo $? >>raced
wait "${racers[@]}"
equals "each is done, or told why not" "$(grep -cxE '0|9' raced)" 16
holds "in our words" bash -c '! grep -E "UNIQUE|constraint|SQL" raced.err'
equals "one version at most is in production" "$(sqlite3 jobs/.foundry/state.db \
    "SELECT count(*) <= 1 FROM model WHERE state = 1")" 1
holds "it ran all the while" kill -TERM "$server"
wait "$server" 2>/dev/null
[[ $(production) == 1 ]] || "$engine" models promote jobs words --model-version 1 --as ann >/dev/null
equals "version 1 again" "$(production)" 1
exits 0 "the record is what was recorded" "$engine" verify jobs

echo "-- sins of trainers"
# sin WITH WORD [TIMEOUT]: the training fails, says WORD, and version 1 goes on.
sin() {
    pipeline "$1" "${3:-2m}"
    "$engine" run labels.yaml jobs >/dev/null 2>&1
    exits 1 "$1: the training fails" "$engine" train jobs words
    says "$1: and says why" "$2" "$err"
    equals "$1: version 1 goes on" "$(production)" 1
    exits 0 "$1: listed" "$engine" models list jobs
    says "$1: as failed, with the reason" "$2"
}
sin 'sin: crash' "signal " # a sanitizer makes another one of it
sin 'sin: fail' "these examples teach nothing"
sin 'sin: nothing' "ended without a model"
sin 'sin: garbage' "it is of another version than 1"
sin 'sin: cut' "its checksum is another: it was cut or changed"
sin 'sin: flipped' "its checksum is another: it was cut or changed"
sin 'sin: other' "does not begin as a model of this plugin does"
sin 'sin: hang' "1000 ms" 1s
sin 'killed: true' "signal 9 (SIGKILL)"
exits 0 "after the kill: the next attempt goes on from its checkpoint" "$engine" train jobs words
pipeline 'sin: worse'
"$engine" run labels.yaml jobs >/dev/null 2>&1
exits 0 "a worse model is a model" "$engine" train jobs words
says "that is held" "hold"
equals "and version 1 goes on" "$(production)" 1

echo "-- corrections that contradict each other"
pipeline ''
"$engine" run labels.yaml jobs >/dev/null 2>&1
names=()
texts 6 train
for name in "${names[@]}"; do echo "pears apples" >"jobs/$name"; done
"$engine" run labels.yaml jobs >/dev/null 2>&1
for ((i = 0; i < 6; i++)); do
    label=food
    ((i % 2)) && label=tools
    "$engine" answer jobs "${names[i]}" --as ann --set "/label=$label" >/dev/null 2>&1
done
exits 0 "are learned from" "$engine" train jobs words
equals "by the file that was changed back" "$(sqlite3 jobs/.foundry/state.db "SELECT
    body ->> '$.with.sin' FROM payload JOIN event ON event = id WHERE kind = 25
    ORDER BY id DESC LIMIT 1")" ""
says "and what came of it is held, being no better" "hold"
equals "and version 1 goes on" "$(production)" 1

echo "-- the engine is killed while it trains"
pipeline 'sin: wait'
"$engine" run labels.yaml jobs >/dev/null 2>&1
"$engine" train jobs words --wait >/dev/null 2>trained.err &
trainer=$!
for ((i = 0; i < 600; i++)); do
    [[ $("$engine" models list --json jobs | tail -n 1) == *'"state":"running"'* ]] && break
    sleep 0.1
done
holds "it trains" test "$i" -lt 600
exits 9 "a second training is refused" "$engine" train jobs words
kill -KILL "$trainer"
wait "$trainer" 2>/dev/null
pipeline 'killed: false' # as the first, and another file: the newest one counts
"$engine" run labels.yaml jobs >/dev/null 2>&1
exits 0 "listed" "$engine" models list jobs
says "as failed: the engine ended" "the engine ended while the training ran"
exits 0 "and the pool is free" "$engine" train jobs words
taken=$(sqlite3 jobs/.foundry/state.db "SELECT max(request) FROM correction")
exits 0 "an answer is taken back" "$engine" ask reopen jobs "$taken" --as ann --reason "it was none"
exits 0 "the record is what was recorded" "$engine" verify jobs
says "and the curve, counted again from the log" "figures of the curve of"
cp -a jobs altered
sqlite3 altered/.foundry/state.db "UPDATE correction SET undone = 1
    WHERE id = (SELECT min(id) FROM correction)"
exits 1 "a record that a table says was taken back" "$engine" verify altered
says "is named as a row" ": undone is 1, the events make it 0"
says "and by version, day and figure of the curve" \
    "curve of labels, review, version $(curve_of altered): answered is"
exits 1 "for programs, too" "$engine" verify --json altered
holds "with the figure" grep -q 'curve of labels, review.*counted again from the log' "$out"

echo "-- a run that was given a secret is no example"
mkdir -p secret/jobs && cd secret || exit 1
export FOUNDRY_SECRET_KEY=open-sesame
pipeline ''
sed -i '/^models:/,$d; s/model: .*}/key: "${secrets.KEY}"}/' labels.yaml
"$engine" run labels.yaml jobs >/dev/null 2>&1
uuid=$(sqlite3 jobs/.foundry/state.db "SELECT body ->> '$.uuid' FROM payload WHERE event = 1")
names=() number=0
texts 1 train
exits 3 "a text waits for a person" "$engine" run labels.yaml jobs
holds "who answers" answered "${names[@]}"
pipeline '' # the phase learns from now on
exits 0 "the file has a model now" "$engine" run labels.yaml jobs
exits 9 "the answer from before teaches nothing" "$engine" train jobs words
says "and it is said why" "phase label read a secret then" "$err"
finish
