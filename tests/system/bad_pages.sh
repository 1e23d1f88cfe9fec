#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shipped invoice pipeline with a model of its own in production, given what is no invoice: a page
# that is blank, upside down, a cat, 20,000 pixels wide or one more, a pen's strokes; and models that
# are cut, changed, of another version, of another plugin. Each is told plainly, the others go on, and
# so does the old model.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
unset FOUNDRY_PLUGIN_PATH # nothing but what ships
python=/usr/bin/python3   # Debian's: another one does not see Debian's packages
shipped=$FOUNDRY_SOURCE_ROOT/pipelines/invoice-ocr

if ! "$engine" plugins inspect tesseract >"$out" 2>"$err"; then
    echo "        skipped: this build has no tesseract"
    finish
fi

# pipeline TRAINER: invoice.yaml, which is the shipped file with that trainer.
pipeline() {
    sed "s|^    trainer: .*|    trainer: $1|" "$shipped/invoice-ocr.yaml" >invoice.yaml
    "$engine" run invoice.yaml jobs >"$out" 2>"$err"
}
cp "$shipped/invoice.schema.json" .
mkdir jobs

# drawn NAME: the split of a picture.
drawn() {
    local at
    at=$(printf '%s\0invoice-ocr\0%s' "$uuid" "$1" | sha256sum | cut -c1-8)
    at=$(((16#$at * 1000) >> 32))
    if ((at < 800)); then echo train; elif ((at < 900)); then echo eval; else echo test; fi
}
pipeline "{uses: invoice/train}"
uuid=$(sqlite3 jobs/.foundry/state.db "SELECT body ->> '$.uuid' FROM payload WHERE event = 1")

# sample NUMBER SPLIT: that sample, with its truth, under a name of that split.
names=()
sample() {
    local i=0
    while i=$((i + 1)) && [[ $(drawn "page-$1-$i.jpg") != "$2" ]]; do :; done
    cp "$shipped/samples/invoice-$1.jpg" "jobs/page-$1-$i.jpg"
    cp "$shipped/samples/invoice-$1.truth.json" "truths/page-$1-$i.truth.json"
    names+=("page-$1-$i")
}
mkdir truths
echo "-- a model of its own"
sample 004 train
sample 006 train
sample 008 eval
"$engine" run invoice.yaml jobs -p audit=100% >"$out" 2>"$err"
"$engine" ask list --json jobs >requests
"$FOUNDRY_SOURCE_ROOT/tools/scripted_reviewer.sh" truths <requests >answers
exits 0 "people correct three pages" "$engine" answer jobs - <answers
equals "all are delivered" "$(counts jobs completed)" 3
exits 0 "it learns" "$engine" train jobs invoice
exits 0 "and works" "$engine" models promote jobs invoice --model-version 1 --as ann --reason "to go on from"

# in_production: its version and bytes.
in_production() {
    "$engine" models list --json jobs | jq -r 'select(.state == "production") | "\(.version) \(.sha256)"'
}
model=$(in_production)

echo "-- pages"
exits 0 "six pictures are drawn" "$python" "$data/bad_pages.py" "$shipped/samples/invoice-001.jpg" jobs
exits 1 "one of them cannot be read" "$engine" run invoice.yaml jobs
equals "one" "$(counts jobs failed)" 1
"$engine" show jobs wider.png >"$out" 2>"$err"
says "it says what is too large" "20001"
says "and what would not be" "20000"
for name in blank.png cat.jpg pen.png wide.png; do
    equals "$name waits for a person" "$("$engine" show --json jobs "$name" | jq -r .state)" paused
    says "$name: which each field is asked of" "/supplier_name" <("$engine" ask list --json jobs |
        jq --arg path "$name" 'select(.path == $path)')
    exits 1 "$name: who says what it is" "$engine" answer jobs "$name" --as ann --reject --reason "no invoice"
    says "$name: and that is its end" "rejected" <("$engine" show jobs "$name")
done
"$engine" show --json jobs turned.png | jq .outputs.ocr >turned.json
equals "turned.png is upside down" "$(jq .page.orientation turned.json)" 180
equals "and read all the same: its number is there" "$(jq -r --slurpfile truth \
    "$shipped/samples/invoice-001.truth.json" \
    '[.words[] | select(.text == $truth[0].invoice_number)] | length' turned.json)" 1
equals "the model is the one before" "$(in_production)" "$model"

echo "-- models"
cat >doctor.sh <<'SH'
#!/bin/sh
exec /usr/bin/python3 "$DOCTOR" "$1"
SH
cat >doctor.py <<'PY'
import json, struct, sys
with open(json.load(open("request.json"))["previous"], "rb") as file:
    model = bytearray(file.read())
how = sys.argv[1]
if how == "cut":
    model = model[: len(model) // 2]
elif how == "flipped":
    model[len(model) // 2] ^= 4
elif how == "version":
    model[8] += 1
elif how == "plugin":
    body, hash = struct.pack("<H", 9) + b"pole/find", 0xCBF29CE484222325
    for byte in body:
        hash = (hash ^ byte) * 0x100000001B3 & (1 << 64) - 1
    model = bytes(model[:12]) + struct.pack("<IQ", len(body), hash) + body
open("model", "wb").write(model)
PY
chmod +x doctor.sh
# damaged HOW WORDS: a trainer that leaves such a model.
damaged() {
    pipeline "{command: [./doctor.sh, $1], env: {DOCTOR: $folder/doctor.py}}"
    exits 1 "$1: the training fails" "$engine" train jobs invoice
    says "$1: and says why" "$2" "$err"
    equals "$1: the model is the one before" "$(in_production)" "$model"
}
damaged cut "cut"
damaged flipped "checksum"
damaged version "version"
damaged plugin "pole/find"
pipeline "{uses: invoice/train, timeout: 90s}" # as the first, and another file: the newest counts
exits 0 "the pages that are none are learned from, and nothing is amiss" "$engine" train jobs invoice
equals "the model that is no better is held" "$(in_production)" "$model"
exits 0 "the record is whole" "$engine" verify jobs
finish
