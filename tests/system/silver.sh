#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a rule settled and what was brought in as silver teaches, marked as such, and measures
# nothing: not a new model, not when one is due; and what a person said of a document stands.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

# The rules get each total_cost of 7 wrong; people say -7, and what is asked of each is the same.
# pipeline [WHEN]
pipeline() {
    cat >labels.yaml <<YAML
foundry: v1
name: labels
phases:
  - id: say
    uses: tutor/say
    with: {n: "\${input.n}", rules: "name 1 100000", model: "\${models.words}"}
  - id: review
    uses: foundry/human
    with:
      of: say
      detectors: [{uses: detect/low-confidence, with: {below: 0.965}}]
      fingerprint: [0]
models:
  words:
    phase: say
    of: review
    trainer: {command: [./train.sh], env: {TOLD: "$folder/told"}}
    promote: {minimum: 3000}
${1:+    when: $1}
YAML
}
cat >train.sh <<'SH'
#!/bin/sh
cp examples.jsonl "$TOLD"
printf 'tutor 1\n' >model
SH
chmod +x train.sh

# line FOLDER ID N: a job.
line() { echo "{\"id\":\"$2\",\"n\":$3}" >>"$1/lines.jsonl"; }
# examples: what the trainer was given, a word of each: its document, tier, and what is right.
examples() { jq -r '"\(.group)=\(.tier):\(.human.total_cost)"' told | sort | paste -sd' '; }
# gold DOCUMENT VALUE: a person says what it costs.
# shellcheck disable=SC2317 # called by holds
gold() { "$engine" answer jobs "$1" --as ann --set "/total_cost=$2" >/dev/null 2>"$err"; }

# settled COUNT: run until so many are done; rules answer beside what runs.
# shellcheck disable=SC2317 # called by holds
settled() {
    local i
    for ((i = 0; i < 600; i++)); do
        "$engine" run labels.yaml jobs >"$out" 2>"$err"
        [[ $(counts jobs completed) == "$1" ]] && return 0
    done
    return 1
}

mkdir jobs elsewhere
pipeline
exits 0 "nothing is there yet" "$engine" run labels.yaml jobs
uuid=$(sqlite3 jobs/.foundry/state.db "SELECT body ->> '$.uuid' FROM payload WHERE event = 1")
train=() eval=()
for ((i = 0; ${#train[@]} < 7 || ${#eval[@]} < 3; i++)); do
    case $(split "lines.jsonl#d$i") in
        train) train+=("d$i") ;;
        eval) eval+=("d$i") ;;
    esac
done

echo "-- a rule's"
for id in "${train[@]:0:4}" "${eval[@]:0:2}"; do line jobs "$id" 7; done
exits 3 "six wait for people" "$engine" run labels.yaml jobs
holds "one is answered" gold "lines.jsonl#${train[0]}" -7
holds "and one that is kept apart" gold "lines.jsonl#${eval[0]}" -7
exits 0 "the third answer is for all like it" \
    "$engine" answer jobs "lines.jsonl#${train[1]}" --as ann --set /total_cost=-7 --twins
holds "which settles the others" settled 6
exits 0 "it trains" "$engine" train jobs words
equals "a person's are gold, a rule's silver, and what is kept apart is neither" "$(examples)" \
    "$(for i in 0 1 2 3; do echo "lines.jsonl#${train[i]}=$( ((i < 2)) && echo gold || echo silver):-7"; done |
        sort | paste -sd' ')"
# evaluation: over how many documents and values the newest version was tried.
evaluation() {
    sqlite3 jobs/.foundry/state.db "SELECT body ->> '$.evaluation.seen' FROM payload
        JOIN event ON event = id WHERE kind = 27 ORDER BY id DESC LIMIT 1"
}
equals "of the two that are kept apart the person's alone measures" "$(evaluation)" 1

echo "-- an import's"
for id in "${train[@]:4:2}" "${train[0]}" "${eval[1]}" "${eval[2]}"; do line elsewhere "$id" 7; done
"$engine" run labels.yaml elsewhere >/dev/null 2>&1
for id in "${train[@]:4:2}" "${train[0]}" "${eval[1]}" "${eval[2]}"; do
    "$engine" answer elsewhere "lines.jsonl#$id" --as far --set /total_cost=70 >/dev/null 2>&1
done
exits 0 "people elsewhere correct five" "$engine" export elsewhere --format foundry --out "$PWD/five.jsonl"
equals "five" "$(wc -l <five.jsonl)" 5
exits 0 "which come in as silver" "$engine" import foundry five.jsonl jobs --as silver
exits 0 "it trains" "$engine" train jobs words
equals "they teach as silver; beside a person's word they do not" "$(examples)" \
    "$(for i in 0 1 2 3 4 5; do
        echo "lines.jsonl#${train[i]}=$( ((i < 2)) && echo gold || echo silver):$( ((i < 4)) && echo -7 || echo 70)"
    done | sort | paste -sd' ')"
equals "and measure nothing" "$(evaluation)" 1
exits 0 "explain" "$engine" train jobs words --explain
says "counts both, apart" "examples: 2 answered by people, 4 settled by rules"
says "and of those kept apart people's alone" "kept apart to try models on: 1"

echo "-- when one is due"
pipeline '{corrections: 1, cooldown: 1s}'
line jobs "${train[6]}" 7
holds "a rule settles one more" settled "$(($(counts jobs completed) + 1))"
exits 0 "explain" "$engine" train jobs words --explain
says "does not count it" "not due: 0 new corrections"
says "but would learn from it" "2 answered by people, 5 settled by rules"
exits 0 "the record is what was recorded" "$engine" verify jobs
finish
