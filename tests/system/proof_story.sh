#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A new version of a model is not asked about in full again: what its training found about documents
# that it had not seen proves from which confidence on nobody need look, and decides whether it goes to
# work. What the trainer says of itself proves nothing; and what the model does later can take the
# proof back.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

# pipeline WITH [AUDIT]
pipeline() {
    labels_pipeline "target_error: 10%, audit: ${2:-0.001%}" <<YAML
    trainer: {uses: learner/train, with: {$1}}
    promote: {minimum: 30, alpha: 0.05}
YAML
}

# ended FIELD: of what the last training ended with.
ended() {
    sqlite3 jobs/.foundry/state.db "SELECT body ->> '$.$1' FROM payload
        WHERE body ->> '$.outcome' = 'done' ORDER BY event DESC LIMIT 1"
}

# texts COUNT: so many new texts, about food (odd) and tools (even), in $names.
number=0
texts() {
    names=()
    local i
    for ((i = 0; i < $1; i++)); do
        number=$((number + 1))
        names+=("t$number.txt")
        if ((number % 2)); then
            echo "onions leeks garlic beans number$number"
        else
            echo "nails screws hammer glue number$number"
        fi >"jobs/t$number.txt"
    done
}

# answered FOOD TOOLS NAME…: a person gives each its label.
answered() {
    local food=$1 tools=$2 name label
    shift 2
    for name in "$@"; do
        label=$tools
        grep -q onions "jobs/$name" && label=$food
        "$engine" answer jobs "$name" --as ann --set "/label=$label" >/dev/null 2>answered.err ||
            { cat answered.err; return 1; }
    done
}

# asked: how many wait for a person.
asked() { "$engine" ask list --json jobs | wc -l; }

# why JOB: what its question says.
why() { "$engine" ask list --json jobs | jq -r --arg path "$1" 'select(.path == $path) | .questions[0].question'; }

pipeline ''
echo "-- everything is asked while nothing is proven"
mkdir jobs
texts 60
exits 3 "60 texts" "$engine" run labels.yaml jobs
equals "all of them wait" "$(asked)" 60
holds "a person answers" answered food tools "${names[@]}"
exits 0 "train" "$engine" train jobs words
# Some six texts are set aside for the trial, by a key of the directory: too few to decide.
equals "version 1 is in production" "$(production)" 1
holds "by documents that were kept apart from its like, too ($(ended held_out))" \
    test "$(ended held_out)" -ge 35
says "which is told" "$(ended held_out) of the $(ended evaluation.documents) documents were new to both" "$out"
checked=$(ended checked)
holds "it was checked on documents that it had not seen ($checked)" test "$checked" -ge 45

exits 0 "models show" "$engine" models show jobs words
says "says what is proven" "proven: from a confidence of"
says "and from how many" "$checked of the documents were checked as it was trained"
equals "which is an event" "$(sqlite3 jobs/.foundry/state.db \
    "SELECT count(*) FROM event WHERE kind = 30")" 1

echo "-- documents that production has learned from try nobody"
exits 0 "the same again" "$engine" train jobs words
equals "none of them is new to both" "$(ended held_out)" 0
equals "and the trial alone decides nothing" "$(production)" 1
says "which is told" "of the 30 that a decision needs" "$out"

echo "-- a new version is not asked about in full again"
texts 6
exits 0 "6 texts more: nobody is asked" "$engine" run labels.yaml jobs
equals "none waits" "$(asked)" 0
proof=$(sqlite3 jobs/.foundry/state.db "SELECT meta ->> '$.proof.borrowed' FROM payload
    JOIN event ON event.id = payload.event WHERE kind = 5 AND phase = 1 ORDER BY event DESC LIMIT 1")
equals "and it is on record why" "$proof" "$checked"
texts 1
echo "zinc paper lamps" >"jobs/${names[0]}"
exits 3 "a text of which the model is not sure" "$engine" run labels.yaml jobs
says "is asked about, alone" "/label was read with" <("$engine" ask list --json jobs)
holds "and answered" answered food tools "${names[0]}"

echo "-- its own work can take the proof back"
pipeline '' 100%
texts 30
exits 3 "30 texts, all audited" "$engine" run labels.yaml jobs
holds "the world has changed: all labels are others" answered garden house "${names[@]}"
texts 1
exits 3 "the next one" "$engine" run labels.yaml jobs
says "is asked about, and why" "does not count any more" <(why "${names[0]}")
holds "answered" answered garden house "${names[0]}"

echo "-- what a trainer says of itself proves nothing"
rm -rf jobs && mkdir jobs
pipeline 'sin: boast'
number=0
texts 60
exits 3 "60 texts" "$engine" run labels.yaml jobs
holds "a person answers" answered food tools "${names[@]}"
exits 0 "a trainer that learns nonsense and says that all of it was right" "$engine" train jobs words
exits 0 "is promoted by hand" "$engine" models promote jobs words --model-version 1 --as ann
texts 4
exits 3 "4 texts" "$engine" run labels.yaml jobs
equals "all are asked about" "$(asked)" 4
says "because nothing is proven" "proof is missing" <(why "${names[0]}")

echo "-- a better one takes its place, by what is new to both"
holds "answered" answered food tools "${names[@]}"
texts 50
exits 3 "50 texts" "$engine" run labels.yaml jobs
holds "answered" answered food tools "${names[@]}"
pipeline ''
exits 0 "what trains is another trainer" "$engine" run labels.yaml jobs
exits 0 "it learns" "$engine" train jobs words
equals "it is in production" "$(production)" 2
holds "by some of the 54 that version 1 had not seen ($(ended held_out))" \
    test "$(ended held_out)" -ge 30 -a "$(ended held_out)" -le 54
exits 0 "the record is what was recorded" "$engine" verify jobs
finish
