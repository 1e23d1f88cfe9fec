#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `demo --flywheel` in small: drawn invoices, real OCR, a training between two rounds. What it
# prints is what models curve and the answers' records come to, and it goes on where it stopped.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
unset FOUNDRY_PLUGIN_PATH # nothing but what ships
unset DISPLAY WAYLAND_DISPLAY

echo "-- what it refuses"
exits 2 "rounds that are no number" "$engine" demo --flywheel --rounds many
exits 2 "no rounds" "$engine" demo --flywheel --rounds 0
exits 2 "a seed that is none" "$engine" demo --flywheel --seed -1
mkdir full && touch full/thing
exits 9 "a folder with other things" "$engine" demo --flywheel full
says "is named" "full is no empty folder" "$err"

if ! "$engine" plugins inspect tesseract >"$out" 2>"$err"; then
    echo "        skipped: this build has no tesseract"
    finish
fi
if [[ ! -x $FOUNDRY_BUILD_ROOT/tools/samples/foundry-samples ]]; then
    exits 5 "without the program that draws" "$engine" demo --flywheel jobs
    says "it says how to get that" "libpango1.0-dev" "$err"
    finish
fi

# figure ROUND NAME: of the last flywheel's JSON.
figure() { jq -r "select(.type == \"round\" and .round == $1) | .$2" rounds; }
# curve FILTER: over all versions of models curve.
curve() { "$engine" models curve --json jobs | jq -r "$1"; }

# One in five unasked fields may be wrong: so few documents can prove that, and not 1 %. Of each of
# the six suppliers three invoices or so come in a round, which is what the gate wants to see.
small=(demo --flywheel --json --documents 20 --target '20%')
echo "-- two rounds"
exits 0 "one round" "$engine" "${small[@]}" --rounds 1 jobs
cp "$out" rounds
cp "$err" seed
says "tells the seed" "seed 7" seed
equals "is all asked: nothing is proven" "$(figure 1 handled)" 20
equals "so nothing is silently wrong" "$(figure 1 'accepted,.silent_wrong' | jq -sc .)" '[0,0]'
holds "and nothing is learned behind the last round" test "$(figure 1 training)" = null
exits 0 "another round" "$engine" demo --flywheel --json --rounds 2 jobs
cp "$out" rounds
equals "it goes on: the first round is as it was" "$(figure 1 documents)" 20
holds "something was learned between them" test "$(figure 1 training)" != null
"$engine" models list --json jobs >models
says "by a training on record" '"state":"production"' models
equals "which reads the second round" "$(figure 2 version)" 1
holds "people are asked about fewer fields ($(figure 1 flagged), then $(figure 2 flagged))" \
    test "$(figure 2 flagged)" -lt "$(figure 1 flagged)"
equals "because the target is proven" "$(figure 2 proven)" true

echo "-- the figures are those of the record"
equals "documents" "$(curve '[.versions[].all.documents] | add')" 40
equals "fields asked" "$(curve '[.versions[].all.flagged] | add')" \
    $(($(figure 1 flagged) + $(figure 2 flagged)))
equals "documents that nobody opened" "$(curve '[.versions[].all.unasked] | add')" \
    $((40 - $(figure 1 handled) - $(figure 2 handled)))
exits 0 "the record is whole, and its curve what it was" "$engine" verify jobs

# Silently wrong: each document nobody was asked about, beside its truth, field by field.
wrong=0
for file in jobs/out/round02-*.json; do
    truth=jobs/$(basename "$file")
    truth=${truth%.json}.truth.json
    for field in supplier_name invoice_date invoice_number; do
        [[ $(jq -c ".$field" "$file") == "$(jq -c ".$field" "$truth")" ]] || wrong=$((wrong + 1))
    done
done
holds "of heads alone no more are wrong than it says ($wrong)" \
    test "$wrong" -le "$(figure 2 silent_wrong)"
says "the page holds the curve" "<polyline" jobs/out/flywheel.html
says "and each round" "version 1" jobs/out/flywheel.html
equals "it loads nothing from elsewhere" "$(grep -c 'http' jobs/out/flywheel.html)" 0
exits 9 "another seed in the same folder" "$engine" demo --flywheel --seed 8 jobs
says "is refused, with the reason" "goes on with the case, seed" "$err"

echo "-- for people"
exits 0 "again, in words" "$engine" demo --flywheel --rounds 2 jobs
says "each round" "round 2 of 2: 20 invoices, read by version 1; target proven"
says "a bar each" "  round 2 "
holds "80 columns" test "$(grep -v learned "$out" | grep -v '^Beside\|^Target\|^the curve' | wc -L)" -le 80
says "what the target came to" "Target: at most 20 %"

echo "-- stopped"
"$engine" demo --flywheel --documents 3 --rounds 2 stopped >stopped.out 2>stopped.err &
pid=$!
for ((i = 0; i < 2400; i++)); do
    [[ -e stopped/.foundry/state.db ]] && break
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.05
done
kill -INT "$pid"
code=0
wait "$pid" || code=$?
equals "by Ctrl-C" "$code" 130
says "it says how to go on" "demo --flywheel stopped goes on from here" stopped.err
exits 0 "and goes on" "$engine" demo --flywheel --rounds 1 stopped
says "to the end of the round" "round 1 of 1: 3 invoices"
exits 0 "with a record that is whole" "$engine" verify stopped
finish
