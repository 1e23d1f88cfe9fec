#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Exports read by programs that are not ours: Python's json with numbers kept as text, PyYAML,
# Pillow. What they find is compared with the lossless export.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
python=/usr/bin/python3 # Debian's: another one does not see Debian's packages

# reads WHAT ARGUMENT…: readers.py, whose checks are ours.
reads() {
    local what=$1
    shift
    exits 0 "$what" "$python" "$data/readers.py" "$@"
    passed=$((passed + $(grep -c '^ok ' "$out")))
    failed=$((failed + $(grep -c '^FAILED ' "$out")))
}

echo "-- documents"
invoice_pipeline invoice.yaml
notes notes
supplier=$'Müller & "Söhne"\u2028 \\ 😀' i=0
quantities=(1.00 2e0 9007199254740993) totals=(1.10 2.200 9907919180215092.30)
for path in $("$engine" ask list --json notes | jq -r .path); do
    exits 0 "each is corrected" "$engine" answer notes "$path" --as ann \
        --set "supplier_name=$supplier $i" --set "/line_items/0/quantity=${quantities[i]}" \
        --set "/line_items/0/total_cost=${totals[i]}" --set /line_items/0/unit_price=1.10
    i=$((i + 1))
done
files=()
for format in foundry gemini openai-chat openai-dpo trl-sft trl-dpo trl-kto alpaca sharegpt \
    nvidia-flywheel argilla; do
    exits 0 "as $format" "$engine" export notes --format $format --prompt "As JSON." \
        -o "notes/out/$format.x"
    test $format = foundry || files+=("$format=notes/out/$format.x")
done
exits 0 "as hf" "$engine" export notes --format hf
files+=("hf=notes/out/hf")
reads "Python reads the same documents" lines notes/out/foundry.x "${files[@]}"
says "with 2^53 + 1" 9007199254740993 notes/out/foundry.x

echo "-- boxes"
poles=$FOUNDRY_SOURCE_ROOT/tests/data/canned-poles
mkdir poles && cp "$poles"/samples/*.png poles
exits 3 "poles run" "$engine" run "$poles/pole-detection.yaml" poles
"$engine" ask list --json poles >requests
"$FOUNDRY_SOURCE_ROOT/tools/scripted_reviewer.sh" "$poles/samples" <requests >answers
exits 0 "and are answered" "$engine" answer poles - <answers
exits 0 "as foundry" "$engine" export poles --format foundry -o poles/out/foundry.x
exits 0 "as coco" "$engine" export poles --format coco -o poles/out/coco.x
exits 0 "as label-studio" "$engine" export poles --format label-studio -o poles/out/studio.x
exits 0 "as yolo" "$engine" export poles --format yolo
exits 0 "as hf" "$engine" export poles --format hf
reads "PyYAML, Pillow and Python's json read the same boxes" boxes poles/out/foundry.x poles/out

echo "-- and would see what is not right"
sed -i 's/1\.10/1.1/' notes/out/gemini.x
exits 1 "a number written otherwise" "$python" "$data/readers.py" lines notes/out/foundry.x \
    "gemini=notes/out/gemini.x"
sed -i 's/^  0: .*/  0: "other"/' poles/out/yolo/data.yaml
exits 1 "another name of a class" "$python" "$data/readers.py" boxes poles/out/foundry.x poles/out
says "is told" "FAILED  yolo: the same"
finish
