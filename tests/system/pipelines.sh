#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The shipped pipelines as they stand, over their own samples.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
unset FOUNDRY_PLUGIN_PATH # nothing but what ships
pipelines=$FOUNDRY_SOURCE_ROOT/pipelines

exits 0 "uppercase is valid" "$engine" validate "$pipelines/uppercase/uppercase.yaml"
cp -r "$pipelines/uppercase/samples" texts
exits 0 "uppercase runs over its samples" "$engine" run "$pipelines/uppercase/uppercase.yaml" texts
equals "all of them" "$(counts texts completed)" 4
equals "and delivers" "$(jq -r .content texts/out/hello.json)" "HELLO FROM THE ASYNCHRONOUS WORLD!"
equals "by Unicode's rules" "$(jq -r .content texts/out/*greeting*)" "GOOD MORNING, STRASSE AND Ÿ."
exits 0 "its record is whole" "$engine" verify texts

poles=$FOUNDRY_SOURCE_ROOT/tests/data/canned-poles
exits 0 "canned poles are valid" "$engine" validate "$poles/pole-detection.yaml"
mkdir poles && cp "$poles"/samples/*.png poles
exits 3 "its canned results wait for people" "$engine" run "$poles/pole-detection.yaml" poles
equals "five of six" "$(counts poles paused)" 5
"$engine" ask list --json poles >requests
equals "a box past the edge is asked for that alone" \
    "$(jq -c 'select(.path == "pole-004.png") | [.questions[].kind]' requests)" '["BOX_OUTSIDE"]'
"$FOUNDRY_SOURCE_ROOT/tools/scripted_reviewer.sh" "$poles/samples" <requests >answers
exits 0 "the answers are taken" "$engine" answer poles - <answers
for i in 1 2 3 4 5 6; do
    equals "pole-00$i is delivered as its truth has it" \
        "$(jq -c '[.boxes[].box]' poles/out/pole-00$i.json)" \
        "$(jq -c '[.boxes[].box]' "$poles/samples/pole-00$i.truth.json")"
done
cp "$poles/samples/pole-001.png" poles/another.png
exits 1 "a picture without a canned result fails" "$engine" run "$poles/pole-detection.yaml" poles

streets=$pipelines/pole-detection
if "$engine" plugins inspect pole >"$out" 2>"$err"; then
    exits 0 "pole-detection is valid" "$engine" validate "$streets/pole-detection.yaml"
    mkdir streets && cp "$streets"/samples/*.jpg streets
    exits 3 "its rules leave much to people" "$engine" run "$streets/pole-detection.yaml" streets
    equals "all of it" "$(counts streets paused)" 12
    "$engine" ask list --json streets >requests
    "$FOUNDRY_SOURCE_ROOT/tools/scripted_reviewer.sh" "$streets/samples" <requests >answers
    exits 0 "the boxes are taken" "$engine" answer streets - <answers
    for i in 01 02 03 04 05 06 07 08 09 10 11 12; do
        equals "pole-0$i is delivered as its truth has it" \
            "$(jq -c '[.boxes[].box]' streets/out/pole-0$i.json)" \
            "$(jq -c '[.boxes[].box]' "$streets/samples/pole-0$i.truth.json")"
    done
    exits 0 "the detector learns from them" "$engine" train --wait streets pole
    says "a model of its own is there" "pole" <("$engine" models list streets)
    exits 0 "the record of it is whole" "$engine" verify streets
else
    echo "        skipped: this build has no detector of poles"
fi

exits 0 "invoice-ocr is valid" "$engine" validate "$pipelines/invoice-ocr/invoice-ocr.yaml"
if ! "$engine" plugins inspect tesseract >"$out" 2>"$err"; then
    echo "        skipped: this build has no tesseract"
    finish
fi
samples=$pipelines/invoice-ocr/samples
mkdir invoices
# Two that pass, pages that Tesseract misreads, the TIFF, the one stored on its side.
cp "$samples"/invoice-00{1,4,6,8}.jpg "$samples"/invoice-011.jpg "$samples"/invoice-003.png \
    "$samples"/invoice-005.tif invoices
exits 3 "some invoices wait for people" "$engine" run "$pipelines/invoice-ocr/invoice-ocr.yaml" invoices
holds "some passed unasked" test "$(counts invoices completed)" -ge 1
"$engine" ask list --json invoices >requests
"$FOUNDRY_SOURCE_ROOT/tools/scripted_reviewer.sh" "$samples" <requests >answers
exits 0 "the answers are taken" "$engine" answer invoices - <answers
equals "all are completed" "$(counts invoices completed)" 7
equals "each phase ran once" \
    "$("$engine" show --json invoices invoice-004.jpg |
        jq -c '[.history[] | select(.kind == "output") | .phase]')" '["ocr","extract","review","deliver"]'
for name in 001 003 004 005 006 008 011; do
    equals "invoice-$name is delivered as its truth has it" \
        "$(jq -Sc . invoices/out/invoice-$name.json | sed 's/\.0\([,}]\)/\1/g')" \
        "$(jq -Sc . "$samples/invoice-$name.truth.json" | sed 's/\.0\([,}]\)/\1/g')"
done
exits 0 "corrections are exported" "$engine" export invoices --format foundry
# Which words are misread depends on Tesseract's version; that some are is what the pages are for.
holds "a really misread field is in a record" test -n \
    "$(jq -r '.fields[] | select(.from != null) | .from' invoices/out/*.jsonl)"
jq -r '.input.name as $name | .fields | to_entries[]
    | "        \($name)\(.key): \(.value.from) -> \(.value.to)"' invoices/out/*.jsonl
exits 0 "and nothing is amiss in the record" "$engine" verify invoices

learning=$pipelines/invoice-ocr/learning.yaml
exits 0 "invoice-learning is valid" "$engine" validate "$learning"
mkdir learning
cp "$samples"/invoice-00{1,4}.jpg learning # 001 passes unasked above
exits 3 "nothing is proven yet" "$engine" run "$learning" learning
equals "so each is asked as a whole" "$("$engine" ask list --json learning |
    jq -c '[.questions[] | select(.pointer == null) | .kind] | sort')" \
    $'["NOVELTY","UNPROVEN"]\n["NOVELTY","UNPROVEN"]'
"$engine" ask list --json learning >requests
"$FOUNDRY_SOURCE_ROOT/tools/scripted_reviewer.sh" "$samples" <requests >answers
exits 0 "the answers are taken" "$engine" answer learning - <answers
equals "both are delivered" "$(counts learning completed)" 2
finish
