#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The invoice story at the command line: validate, run at four thresholds, a kill between question
# and answer, refused and accepted answers, the export.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

invoice_pipeline invoice.yaml
echo "-- validate"
exits 0 "a valid pipeline is valid" "$engine" validate invoice.yaml || finish
says "its phases are shown" "extract → review → finish"
says "its hash is shown" "hash "
sed 's/detectors:/detecters:/' invoice.yaml >misspelt.yaml
exits 4 "a misspelt key is refused" "$engine" validate misspelt.yaml
says "with file, line and column" "misspelt.yaml:13:7: error:" "$err"
says "and what was meant" "detectors" "$err"
invoices run-misspelt
exits 4 "and run refuses it alike" "$engine" run misspelt.yaml run-misspelt
says "with the file as it was named" "misspelt.yaml:13:7: error:" "$err"

echo "-- thresholds"
for threshold in 0.80 0.70 0.99; do
    invoices "at-$threshold"
    want=3
    [[ $threshold != 0.70 ]] || want=0
    exits $want "a run at $threshold" "$engine" run invoice.yaml "at-$threshold" \
        -p threshold=$threshold
done
equals "at 0.80 the quantity of job 2 alone is asked" \
    "$("$engine" ask list --json at-0.80 | jq -c '[.path, [.questions[].pointer]]')" \
    '["job-2.png",["/line_items/0/quantity"]]'
equals "at 0.70 nobody is asked" "$("$engine" ask list --json at-0.70)" ""
equals "at 0.99 all four are: the test is strictly below" "$(counts at-0.99 paused)" 4

echo "-- the run of the story"
invoices jobs
exits 3 "a run at 0.95 waits for people" "$engine" run invoice.yaml jobs -p threshold=0.95
says "the next step is proposed" "1 job waits for people: foundry-engine ask list jobs" "$err"
equals "three are completed" "$(counts jobs completed)" 3
equals "one is paused" "$(counts jobs paused)" 1
number=$(request jobs job-2.png)
holds "its request has a number" test -n "$number" || finish
equals "two fields of job 2 are asked" \
    "$("$engine" ask show --json jobs "$number" | jq -c '[.questions[] | [.pointer, .value, .confidence]] | sort')" \
    '[["/line_items/0/quantity",1,0.75],["/supplier_name","Hardwar & Son",0.82]]'
exits 0 "the request is told to people, too" "$engine" ask show jobs "$number"
says "with the sentence of each question" "supplier_name is \"Hardwar & Son\", read with 82 %"
says "what it is sure of" "confidence 0.82"
says "and which detector asks" "asked by detect/low-confidence"
equals "a context that says nothing new is left out" "$(grep -c context "$out")" 0
says "the next step can be typed" "answer $folder/jobs $number --set /line_items/0/quantity=VALUE" "$err"
exits 3 "a second run does nothing twice" "$engine" run invoice.yaml jobs -p threshold=0.95
says "all inputs are known" "0 new, 4 known" "$err"

echo "-- killed between question and answer"
"$engine" run invoice.yaml jobs --watch -p threshold=0.95 >/dev/null 2>&1 &
watcher=$!
for ((i = 0; i < 100; i++)); do
    [[ $("$engine" status --json jobs | jq .engine) != null ]] && break
    sleep 0.1
done
kill -KILL "$watcher"
wait "$watcher" 2>/dev/null
exits 0 "nothing is lost" "$engine" verify jobs
equals "the question is still there" "$(request jobs job-2.png)" "$number"

echo "-- answers"
exits 1 "an answer that does not add up is refused" "$engine" answer jobs "$number" \
    --set "supplier_name=Hardware & Son" --set /line_items/0/quantity=10
says "the rule is told" "/line_items/0: " "$err"
says "with its numbers" "quantity * unit_price = 150.00, total_cost = 15.00" "$err"
equals "and once" "$(grep -c 'quantity \* unit_price' "$err")" 1
says "behind how many fields are wrong" "1 field is wrong" "$err"
equals "the request is still open" "$(request jobs job-2.png)" "$number"
exits 9 "an answer to another version is a conflict" "$engine" answer jobs "$number" --accept \
    --if-version 99
exits 0 "the corrected answer is taken" "$engine" answer jobs job-2.png --as ann \
    --set "supplier_name=Hardware & Son" --set /line_items/0/quantity=10 \
    --set /line_items/0/total_cost=150.00
equals "all four are completed" "$(counts jobs completed)" 4
"$engine" show --json jobs job-2.png >show.json
playback=$(sha256sum "$fixtures/playback.so" | cut -c1-64)
equals "what it ran under is shown: the plugin's version and hash" \
    "$(jq -r '.pins[0].plugins[] | select(.plugin == "playback") | .sha256' show.json)" "$playback"
equals "where each phase ran" \
    "$(jq -r '[.history[] | select(.phase == "extract" and .kind == "output") | .isolation] | join(" ")' show.json)" \
    sandbox
equals "and who answered" "$(jq -r '.history[] | select(.kind == "answer") | .note' show.json)" ann
exits 0 "to people, too" "$engine" show jobs job-2.png
says "by the hash's first digits" "${playback:0:12}"
says "and by name" "by ann"
equals "extract ran once in all" \
    "$(jq '[.history[] | select(.phase == "extract" and .kind == "output")] | length' show.json)" 1
equals "finish ran once" \
    "$(jq '[.history[] | select(.phase == "finish" and .kind == "output")] | length' show.json)" 1
equals "the corrected output is delivered" \
    "$(jq -c '[.supplier_name, .line_items[0].quantity, .line_items[0].total_cost]' jobs/out/job-2.json)" \
    '["Hardware & Son",10,150]'
says "150.00 keeps its text" "150.00" jobs/out/job-2.json
exits 9 "a second answer is a conflict" "$engine" answer jobs "$number" --accept --as bob
says "that shows the first" "Hardware & Son"
says "and who gave it" "ann" "$err"

echo "-- an override with its reason"
number=$(request at-0.80 job-2.png)
exits 0 "goes against the detector" "$engine" answer at-0.80 "$number" \
    --set /line_items/0/quantity=10 --override "/line_items/0=the supplier rounds"
exits 0 "and is kept" "$engine" show at-0.80 job-2.png
equals "the reason is in the record" \
    "$("$engine" export at-0.80 --format foundry -o - | grep -c 'the supplier rounds')" 1

echo "-- export"
exits 0 "as gemini" "$engine" export jobs --format gemini --uri-prefix gs://bucket/ -o sft.jsonl
equals "one line" "$(wc -l <sft.jsonl)" 1
jq -r '.contents[-1].parts[0].text' sft.jsonl >model.json
equals "the model part holds the numbers" \
    "$(jq -c '[.line_items[0].quantity, .line_items[0].total_cost, (.line_items | length)]' model.json)" \
    '[10,150,2]'
says "the line that nobody touched is as it was, to the byte" \
    '{"item_description":"Wood Glue, 1 Gallon","quantity":1.0,"total_cost":35.5,"unit_price":35.5}' \
    model.json
equals "the media type is the content's" \
    "$(jq -r '.. | .mimeType? // empty' sft.jsonl)" image/png
equals "the file is named" "$(jq -r '.. | .fileUri? // empty' sft.jsonl)" gs://bucket/job-2.png
exits 0 "again by its manifest" "$engine" export jobs --manifest sft.jsonl.manifest.json \
    -o again.jsonl
holds "the same bytes" cmp sft.jsonl again.jsonl
exits 0 "it keeps the format's rules" "$engine" export validate sft.jsonl --as gemini
exits 0 "the record is sound" "$engine" verify jobs

echo "-- another shape of invoice"
cat >inventory.yaml <<'YAML'
foundry: v1
name: inventory
inputs: {match: ["*.png"]}
phases:
  - id: extract
    uses: playback/play
    with:
      name: "${input.name}"
      results:
        - supplier_name: {value: Lone Star Provisins Inc., confidence: 0.8}
          inventory_items:
            - {description: TAVERN HAM WH, quantity: 3}
            - {description: ONIONS YELLOW JBO, quantity: {value: 5, confidence: 0.6}}
  - id: review
    uses: foundry/human
    with:
      of: extract
      detectors: [{uses: detect/low-confidence, with: {below: 0.9}}]
YAML
mkdir inventory
picture inventory/job-1.png
exits 3 "waits" "$engine" run inventory.yaml inventory
exits 0 "is corrected" "$engine" answer inventory job-1.png \
    --set "supplier_name=Lone Star Provisions Inc." --set /inventory_items/1/quantity=50
exits 0 "is exported" "$engine" export inventory --format foundry -o inventory.jsonl
equals "as the corrected object, with its types" "$(jq -cS .human_output inventory.jsonl)" \
    '{"inventory_items":[{"description":"TAVERN HAM WH","quantity":3},{"description":"ONIONS YELLOW JBO","quantity":50}],"supplier_name":"Lone Star Provisions Inc."}'
equals "beside what the model said" "$(jq -c '.model_output | [.supplier_name, .inventory_items[1].quantity]' inventory.jsonl)" \
    '["Lone Star Provisins Inc.",5]'
equals "and the two fields that changed" "$(jq -c '.fields | keys' inventory.jsonl)" \
    '["/inventory_items/1/quantity","/supplier_name"]'
finish
