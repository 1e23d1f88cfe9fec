#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A choice from each batch: nobody is asked before all of it is there, then about exactly so many;
# the others pass and are not called reviewed. Over kill -9, restarts, latecomers and failures.
# shellcheck disable=SC2016 # single quotes: the references are the pipeline's own
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

# pipeline FILE CHOOSE [AUDIT]: result n of 100 has a confidence of its own, the lower the less it
# is; 7, 14 … are of a text that a detector refuses.
pipeline() {
    {
        printf 'foundry: v1\nname: lines\nphases:\n'
        printf '  - {id: before, uses: steps/copy, with: {value: {n: "${input.n}"}}}\n'
        printf '  - id: read\n    uses: playback/play\n    with:\n      n: "${input.n}"\n      results:\n'
        local i
        for ((i = 1; i <= 100; i++)); do
            printf '        - {text: {value: "text %d", confidence: 0.%03d}}\n' $i $((i * 37 % 100 * 9 + 90))
        done
        printf '  - id: review\n    uses: foundry/human\n    with:\n      of: read\n'
        printf '      detectors: [{uses: detect/low-confidence, with: {below: 0.9}}]\n'
        printf '      choose: %s\n      audit: %s\n' "$2" "${3:-0%}"
        printf '  - {id: behind, uses: steps/copy, with: {value: {text: "${review.text}"}}}\n'
        printf 'export:\n  pairs: {format: openai-chat, prompt: "Read it.", of: review}\n'
    } >"$1"
}

# lines FILE FROM TO
lines() {
    local i
    for ((i = $2; i <= $3; i++)); do
        printf '{"id":"%03d","n":%d}\n' $i $i
    done >>"$1"
}

cards() {
    "$engine" ask list --json "$1" | wc -l
}

# choices DIR: events that chose, by what `show` tells of each job.
choices() {
    "$engine" status --json "$1" >/dev/null
    sqlite3 "$1/.foundry/state.db" "SELECT count(*) FROM event WHERE kind = 14 AND due = -4"
}

# asked_are DIR FILE FROM TO: the asked ones of a batch are its 10 least certain.
asked_are() {
    local i
    "$engine" ask list --json "$1" | jq -r .path | grep "^$2#" | sort >asked.txt
    for ((i = $3; i <= $4; i++)); do
        printf '%03d %s#%03d\n' $((i * 37 % 100 * 9 + 90)) "$2" $i
    done | sort | head -10 | cut -d' ' -f2 | sort >least.txt
    holds "the ten least certain of $2" cmp asked.txt least.txt
}

echo "-- ten of sixty"
pipeline ten.yaml '{uncertain: 10, quiet: 1s}'
mkdir jobs
lines jobs/first.jsonl 1 60
exits 3 "60 lines" "$engine" run ten.yaml jobs
equals "exactly ten cards" "$(cards jobs)" 10
equals "the others are through" "$(counts jobs completed)" 50
equals "by one choice" "$(choices jobs)" 1
asked_are jobs first.jsonl 1 60
exits 3 "again" "$engine" run ten.yaml jobs
equals "asks nobody else" "$(cards jobs) $(choices jobs)" "10 1"
"$engine" ask show jobs "$("$engine" ask list --json jobs | jq -s '.[0].request')" --json >card.json 2>/dev/null ||
    "$engine" ask list --json jobs | head -1 >card.json
says "a card says why" "chosen of 60" card.json
equals "the others say that others were chosen" \
    "$(sqlite3 jobs/.foundry/state.db "SELECT count(*) FROM payload WHERE CAST(meta AS TEXT) LIKE '%\"choice\":{%\"chosen\":false%'")" 50
"$engine" ask list --json jobs | jq -c '{request, values: {"/text": "right"}, by: "ann"}' >answers
exits 0 "they are answered" "$engine" answer jobs - <answers
equals "all is done" "$(counts jobs completed)" 60
exits 0 "and exported" "$engine" export jobs --name pairs
equals "what people looked at, no more" "$(wc -l <jobs/out/pairs.jsonl)" 10

echo "-- a second batch, and a latecomer"
lines jobs/second.jsonl 1 30
lines jobs/first.jsonl 61 63
exits 3 "a second file, and three more lines of the first" "$engine" run ten.yaml jobs
equals "each is a batch" "$(cards jobs) $(choices jobs)" "13 3"
asked_are jobs second.jsonl 1 30
exits 0 "the record is whole" "$engine" verify --deep jobs

echo "-- what it waits for"
mkdir slow
lines slow/a.jsonl 1 12
sed 's/^  - {id: before.*/  - id: before\n    uses: foundry\/human\n    with: {of: start, detectors: [{uses: detect\/regex-mismatch, with: {field: \/value\/n, pattern: "^[0-9]$"}}]}/; s/^phases:/phases:\n  - {id: start, uses: steps\/copy, with: {value: {n: "${input.n}"}}}/' ten.yaml >two.yaml
exits 3 "a person is asked about some before" "$engine" run two.yaml slow
equals "three" "$(cards slow)" 3
equals "and nobody is chosen" "$(choices slow)" 0
"$engine" status slow --json >"$out"
says "status says why" "waits until all of its batch, a.jsonl"
exits 0 "one of the three ends otherwise" "$engine" cancel slow a.jsonl#010
"$engine" ask list --json slow | jq -c '{request, accept: true, overrides: {"/value/n": "it is"}, by: "ann"}' >answers
"$engine" answer slow - <answers >/dev/null 2>&1
exits 1 "when all are there" "$engine" run two.yaml slow
equals "ten of eleven are asked" "$(cards slow) $(counts slow completed) $(choices slow)" "10 1 1"

echo "-- no longer than that"
mkdir late
lines late/a.jsonl 1 12
pipeline wait.yaml '{uncertain: 2, wait: 1s}'
sed 's/^  - {id: before.*/  - id: before\n    uses: foundry\/human\n    with: {of: start, detectors: [{uses: detect\/regex-mismatch, with: {field: \/value\/n, pattern: "^[0-9]$"}}]}/; s/^phases:/phases:\n  - {id: start, uses: steps\/copy, with: {value: {n: "${input.n}"}}}/' wait.yaml >two.yaml
"$engine" run two.yaml late >/dev/null 2>&1
for ((i = 0; i < 100 && $(choices late) == 0; i++)); do
    "$engine" run two.yaml late >/dev/null 2>&1
done
equals "the choice is made from those that are there" "$(choices late) $(counts late completed)" "1 7"

echo "-- audit, budget, off"
mkdir more
lines more/a.jsonl 1 20
pipeline audit.yaml '{uncertain: 3, quiet: 0s}' '100%'
exits 3 "an audit of all" "$engine" run audit.yaml more
equals "is drawn besides" "$("$engine" ask list --json more | jq -s '[length, (map(select(.audit)) | length)]' -c)" "[20,17]"
mkdir budget off
lines budget/a.jsonl 1 20
lines off/a.jsonl 1 20
pipeline budget.yaml '{budget: 1m, diverse: true, quiet: 0s}'
exits 3 "a minute" "$engine" run budget.yaml budget
equals "is three cards of 20 s" "$(cards budget)" 3
pipeline off.yaml '{uncertain: 0}'
exits 3 "no choice" "$engine" run off.yaml off
equals "detectors ask" "$(cards off)" "$(for ((i = 1; i <= 20; i++)); do echo $((i * 37 % 100 * 9 + 90)); done | awk '$1 < 900' | wc -l)"
pipeline wrong.yaml '{uncertain: ten}'
exits 4 "no number" "$engine" validate wrong.yaml
pipeline wrong.yaml '{diverse: true}'
exits 4 "how many" "$engine" validate wrong.yaml

echo "-- unlike each other"
# groups NAME CHOOSE [ALIKE]: 18 invoices. The first ten are of supplier 1 and the least certain, two
# each of suppliers 2 to 5 are ever surer. ALIKE: of one supplier all values but one are the same, else
# none are but the supplier.
groups() {
    local i s v
    {
        printf 'foundry: v1\nname: %s\nphases:\n' "$1"
        printf '  - id: read\n    uses: playback/play\n    with:\n      n: "${input.n}"\n      results:\n'
        for ((i = 1; i <= 18; i++)); do
            s=$((i <= 10 ? 1 : 2 + (i - 11) / 2)) v=${3:+$s}
            printf '        - {supplier: {value: "supplier %d", confidence: 0.%03d}' $s $((100 + 9 * i))
            printf ', street: "%d street", town: "%d town", bank: "%d bank", n: %d}\n' "${v:-$i}" "${v:-$i}" "${v:-$i}" $i
        done
        printf '  - {id: review, uses: foundry/human, with: {of: read, detectors: [], choose: %s}}\n' "$2"
    } >"$1.yaml"
}
# visited NAME CHOOSE [ALIKE]: the suppliers of those that are asked, in the order of the choice.
visited() {
    groups "$@"
    mkdir "$1"
    lines "$1/a.jsonl" 1 18
    "$engine" run "$1.yaml" "$1" >/dev/null 2>&1
    sqlite3 "$1/.foundry/state.db" "SELECT job.path FROM event
        JOIN payload ON payload.event = event.id, json_each(payload.body, '\$.chosen') chosen
        JOIN step ON step.id = chosen.value ->> '\$.job' JOIN job ON job.id = step.job
        WHERE event.kind = 14 AND event.due = -4 ORDER BY chosen.key" |
        sed 's/.*#0*//' | awk '{ print $1 <= 10 ? 1 : 2 + int(($1 - 11) / 2) }' | paste -sd' '
}
equals "the least certain are all of one supplier" "$(visited least '{uncertain: 6, quiet: 0s}')" \
    "1 1 1 1 1 1"
first_five() { cut -d' ' -f1-5 | tr ' ' '\n' | sort | paste -sd' '; }
equals "by supplier each is visited before one is again" \
    "$(visited by '{uncertain: 6, by: /supplier, quiet: 0s}' | first_five)" "1 2 3 4 5"
equals "and so by what documents have in common" \
    "$(visited alike '{uncertain: 6, diverse: true, quiet: 0s}' alike | first_five)" "1 2 3 4 5"
equals "as many are asked" "$(cards by) $(cards alike)" "6 6"

echo "-- kill -9"
mkdir killed
lines killed/a.jsonl 1 60
for ((i = 1; i <= 12; i++)); do
    "$engine" run ten.yaml killed >/dev/null 2>&1 &
    pid=$!
    # the last ones around the choice, which comes a second behind the last line
    sleep "$(awk -v i=$i 'BEGIN { print i < 4 ? i * 0.05 : 0.9 + i * 0.03 }')"
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
done
exits 3 "and run again" "$engine" run ten.yaml killed
equals "ten, by one choice" "$(cards killed) $(counts killed completed) $(choices killed)" "10 50 1"
asked_are killed a.jsonl 1 60
exits 0 "the record is whole" "$engine" verify --deep killed
finish
