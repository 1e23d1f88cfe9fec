#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# From an exported value back: every field of every line in every format tells where it came from,
# and a link that is deleted or altered turns `verify` red and is named by `why`.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

# all_told WHAT FILE: every value of every line has a source, and the chain behind it is whole.
# A line of an array ends with a comma; what frames the array is of no record.
all_told() {
    local line=0 text leaves told records=0
    while IFS= read -r text; do
        line=$((line + 1))
        text=${text%,}
        jq -e 'type == "object"' >/dev/null 2>&1 <<<"$text" || continue
        "$engine" why "$2:$line" --json >told.json 2>"$err" || {
            not_ok "$1: line $line: exit $?"
            sed 's/^/        /' "$err" told.json | head -5
            return
        }
        leaves=$(jq -c '[paths(type != "object" and type != "array" or length == 0)
            | map(tostring | gsub("~"; "~0") | gsub("/"; "~1") | "/" + .) | join("")] | sort' \
            <<<"$text")
        told=$(jq -c '.fields | map(select(.source != "nothing") | .field)' told.json)
        if ! jq -ne --argjson leaves "$leaves" --argjson told "$told" '$leaves - $told == []' \
            >/dev/null; then
            not_ok "$1: line $line: untold: $(jq -nc --argjson leaves "$leaves" \
                --argjson told "$told" '$leaves - $told')"
            return
        fi
        jq -e '.broken == [] and .answer.by != null and (.runs | length) >= 1
            and .request.questions != null and .input.path != null and .pin.params != null
            and all(.runs[]; .version != null and .copy and .isolation != "" and .with != null)' \
            told.json >/dev/null || {
            not_ok "$1: line $line: the chain has a gap: $(cut -c1-300 told.json)"
            return
        }
        records=$((records + 1))
    done <"$2"
    holds "$1: all fields of $records lines" test "$records" -gt 0
}

invoice_pipeline invoice.yaml
invoices jobs
exits 3 "invoices run" "$engine" run invoice.yaml jobs -p threshold=0.99
exits 0 "one is corrected" "$engine" answer jobs job-2.png --as ann \
    --set "supplier_name=Hardware & Son" --set /line_items/0/quantity=10 \
    --set /line_items/0/total_cost=150.00
for i in 1 3 4; do
    exits 0 "another is right as it is" "$engine" answer jobs job-$i.png --accept --as bob
done

echo "-- one value"
exits 0 "as gemini" "$engine" export jobs --format gemini --uri-prefix gs://bucket/
sft=jobs/out/gemini.jsonl
line=$(grep -n 'job-2\.png' "$sft" | cut -d: -f1)
exits 0 "a corrected value, by its name" "$engine" why "$sft:$line:supplier_name"
says "it is the person's" "changed by the answer"
says "the model said" "the model said Hardwar & Son"
says "as sure as it was" "confidence 0.82"
says "who answered" "by ann"
says "which detector asked" 'detect/low-confidence: supplier_name is "Hardwar & Son"'
equals "and no other question is told" "$(grep -c 'detect/' "$out")" 1
playback=$(sha256sum "$fixtures/playback.so" | cut -c1-12)
says "which plugin said it first" "playback/play 1.0.0, $playback"
says "in a sandbox" ", sandbox, attempt 1"
says "with what parameters" '"threshold":0.99'
says "of which input" "input job-2.png: .foundry/artifacts/"
"$engine" why "$sft:$line:supplier_name" --json >told.json
equals "the same for programs" \
    "$(jq -c '[.fields[0] | .source, .pointer, .value, .model_said, .changed, .confidence]' told.json)" \
    '["human_output","/supplier_name","Hardware & Son","Hardwar & Son",true,0.82]'
equals "with the hash of the input" "$(jq -r .input.sha256 told.json)" \
    "$(sha256sum jobs/job-2.png | cut -c1-64)"
exits 0 "a name with dots" "$engine" why "$sft:$line:line_items.1.quantity"
says "of a value that nobody changed" "as the model said it"
exits 0 "a pointer on into the text" "$engine" why \
    "$sft:$line:/contents/1/parts/0/text/line_items/0/total_cost"
says "number text is kept" "= 150.00"
exits 0 "the job directory behind it" "$engine" why "$sft:$line" jobs
exits 0 "or before it" "$engine" why jobs "$sft:$line"
exits 5 "no such field" "$engine" why "$sft:$line:/contents/9"
exits 5 "no such line" "$engine" why "$sft:99"
says "is told with those that are" "it has 4 records" "$err"
exits 5 "no such file" "$engine" why jobs "nowhere.jsonl:1"
exits 2 "no line" "$engine" why jobs "$sft"
cp "$sft" foreign.jsonl
exits 1 "a copy elsewhere is known by its bytes, without its manifest" \
    "$engine" why jobs "foreign.jsonl:1"
says "which the record has" "broken at the manifest"
says "so that the chain is told all the same" "record "
"$engine" init other 2>/dev/null
exits 5 "but not to another directory" "$engine" why other foreign.jsonl:1
cp "$sft.manifest.json" foreign.jsonl.manifest.json
exits 9 "whose export it is not" "$engine" why other foreign.jsonl:1

echo "-- every field of every line"
for format in foundry gemini openai-chat trl-sft trl-dpo alpaca sharegpt nvidia-flywheel argilla; do
    exits 0 "invoices as $format" "$engine" export jobs --format $format \
        --prompt "Extract the invoice as JSON." --system "You read invoices." \
        --uri-prefix https://example.com/in/ -o "jobs/out/$format.x"
    all_told "$format" "jobs/out/$format.x"
done

notes notes
for path in $("$engine" ask list --json notes | jq -r .path); do
    exits 0 "each is corrected" "$engine" answer notes "$path" --as ann --set "supplier_name=Somebody" \
        --set /line_items/0/quantity=1 --set /line_items/0/total_cost=1 --set /line_items/0/unit_price=1
done
for format in foundry gemini openai-chat openai-dpo trl-sft trl-dpo trl-kto alpaca sharegpt \
    nvidia-flywheel argilla; do
    exits 0 "texts as $format" "$engine" export notes --format $format --prompt "As JSON." \
        -o "notes/out/$format.x"
    all_told "$format, texts" "notes/out/$format.x"
done

poles=$FOUNDRY_SOURCE_ROOT/tests/data/canned-poles
mkdir poles && cp "$poles"/samples/*.png poles
exits 3 "poles run" "$engine" run "$poles/pole-detection.yaml" poles
"$engine" ask list --json poles >requests
"$FOUNDRY_SOURCE_ROOT/tools/scripted_reviewer.sh" "$poles/samples" <requests >answers
exits 0 "and are answered" "$engine" answer poles - <answers
for format in foundry gemini openai-chat trl-sft trl-dpo alpaca sharegpt nvidia-flywheel argilla \
    label-studio coco; do
    exits 0 "poles as $format" "$engine" export poles --format $format --prompt "Give the boxes." \
        --uri-prefix https://example.com/in/ -o "poles/out/$format.x"
    all_told "$format, poles" "poles/out/$format.x"
done

# lines_told WHAT FILE LEAVES: the same of lines that are no JSON, each with these values.
lines_told() {
    local line=0
    while IFS= read -r _; do
        line=$((line + 1))
        # shellcheck disable=SC2016 # jq's variable
        "$engine" why "$2:$line" --json >told.json 2>"$err" &&
            jq -e --argjson leaves "$3" '.broken == [] and .answer.by != null
                and (.fields | map(select(.source == "human_output") | .field)) == $leaves
                and (.fields[0].place | .width > 0)' told.json >/dev/null || {
            not_ok "$1: line $line: $(cut -c1-300 told.json "$err")"
            return
        }
    done <"$2"
}

echo "-- folders"
exits 0 "poles as yolo" "$engine" export poles --format yolo
labels=0
for file in poles/out/yolo/labels/*/*.txt; do
    lines_told "yolo $file" "$file" '["/class","/x_center","/y_center","/width","/height"]'
    labels=$((labels + $(wc -l <"$file")))
done
holds "yolo: all values of $labels labels" test $labels -gt 0
file=$(find poles/out/yolo/labels -size +0 -name '*.txt' | sort | head -1)
picture=$(basename "$file" .txt)
"$engine" why "$file:1:x_center" --json >told.json
equals "a label tells of the record that its file is named after" \
    "$(jq .record.record told.json)" "$((10#$picture))"
equals "and its place is that of the box" \
    "$(jq -c '.fields[0].place | [.x, .y, .x + .width, .y + .height]' told.json)" \
    "$(jq -c '.fields[0].stands.box' told.json)"
name=$(grep -n '^  0: ' poles/out/yolo/data.yaml | cut -d: -f1)
exits 0 "a class is the label of a box" "$engine" why "poles/out/yolo/data.yaml:$name:name"
says "of the document" "pole"
exits 5 "another line of data.yaml is of no record" "$engine" why poles/out/yolo/data.yaml:1
exits 5 "nor is one that is not there" "$engine" why "$file:999"
exits 5 "nor a picture's bytes" "$engine" why "poles/out/yolo/images/train/none.png:1"
exits 0 "poles as hf" "$engine" export poles --format hf
for file in poles/out/hf/*/metadata.jsonl; do
    all_told "hf, $file" "$file"
done
exits 0 "invoices as hf" "$engine" export jobs --format hf -o jobs/out/hf.x
for file in jobs/out/hf.x/*/metadata.jsonl; do
    all_told "hf, $file" "$file"
done
rm -r jobs/out/hf.x
exits 0 "texts as hf" "$engine" export notes --format hf
for file in notes/out/hf/data/*.jsonl; do
    all_told "hf, $file" "$file"
done
exits 0 "from inside of the folder, too" bash -c 'cd notes/out/hf && "$0" why '"$(cd notes/out/hf &&
    find data -name '*.jsonl' | sort | head -1)"':1 ../..' "$engine"

line=$(grep -n '"bbox"' poles/out/coco.x | head -1 | cut -d: -f1)
"$engine" why "poles/out/coco.x:$line:/bbox" --json >told.json
equals "a box is its own place in the picture" \
    "$(jq -c '.fields[0].place | [.x, .y, .width, .height]' told.json)" \
    "$(sed -n "${line}p" poles/out/coco.x | sed 's/,$//' | jq -c .bbox)"
says "told as one looks at it" "pixels at" <("$engine" why "poles/out/coco.x:$line:/bbox")

echo "-- without a link, in every format"
cut=$folder/cut
# shellcheck disable=SC2317 # called by each_format
alter() {
    chmod u+w "$1" && printf x >>"$1"
}

# broken DIR NAME LINE LINK WHAT PROGRAM…: in a copy of DIR with an export out/NAME, which is $cut for
# PROGRAM, `verify` is red, and `why` names the link; with - for LINE the export itself is gone.
broken() {
    local dir=$1 name=$2 line=$3 link=$4 what=$5
    shift 5
    rm -rf "$cut" && cp -a "$dir" "$cut"
    "$@" || not_ok "$name, $what: cannot be cut"
    exits 1 "$name, $what: verify is red" "$engine" verify --deep "$cut"
    if [[ $line == - ]]; then
        return
    fi
    exits 1 "$name, $what: why is, too" "$engine" why "$cut" "$cut/out/$name:$line" --json
    # shellcheck disable=SC2016 # jq's variable
    holds "$name, $what: it names the $link" jq -e --arg link "$link" \
        '.broken | map(.link) | index($link) != null' "$out"
}
formats_cut=0
for format in foundry gemini openai-chat openai-dpo trl-sft trl-dpo trl-kto alpaca sharegpt \
    nvidia-flywheel argilla label-studio coco; do
    dir=notes
    [[ $format != label-studio && $format != coco ]] || dir=poles
    line=1
    [[ $format != alpaca && $format != argilla && $dir != poles ]] || line=2
    file=$cut/out/$format.x
    rm -rf single && cp -a $dir single
    find single/out -mindepth 1 ! -name "$format.x*" -delete
    "$engine" why "single/out/$format.x:$line" --json >told.json
    number=$(jq .record.record told.json)
    broken single "$format.x" $line export "an altered export" alter "$file"
    broken single "$format.x" - - "a deleted export" rm "$file"
    broken single "$format.x" $line manifest "a deleted manifest" rm "$file.manifest.json"
    broken single "$format.x" $line manifest "an altered manifest" \
        sed -i 's/"skip_bad":false/"skip_bad":true/' "$file.manifest.json"
    broken single "$format.x" $line answer "an altered answer" sqlite3 "$cut/.foundry/state.db" \
        "UPDATE payload SET body = CAST(replace(body, '\"by\"', '\"bx\"') AS BLOB) WHERE event = $number"
    formats_cut=$((formats_cut + 1))
done
equals "formats whose links were cut" "$formats_cut" 13

echo "-- without a link"
line=$(grep -n 'job-2\.png' "$sft" | cut -d: -f1)
"$engine" why "$sft:$line" --json >told.json
number=$(jq .record.record told.json)
request=$(jq .request.request told.json)
run=$(jq '.runs[-1].event' told.json)
pin=$(jq .pin.pin told.json)
artifact=$(jq -r .input.file told.json)
copy=$(jq -r '.runs[-1].sha256' told.json)
job=$("$engine" show jobs job-2.png --json | jq .job)
rm -f jobs/out/*.x jobs/out/*.x.* # the others have had their turn
exits 0 "whole, it is sound" "$engine" verify --deep jobs

# cut LINK WHAT PROGRAM…: in a copy of the job directory, which is $cut for PROGRAM.
cut() {
    local link=$1 what=$2
    shift 2
    rm -rf "$cut" && cp -a jobs "$cut"
    "$@" || not_ok "$what: cannot be cut"
    exits 1 "$what: verify is red" "$engine" verify --deep "$cut"
    exits 1 "$what: why is, too" "$engine" why "$cut" "$cut/out/gemini.jsonl:$line" --json
    # shellcheck disable=SC2016 # jq's variable
    holds "and names the $link" jq -e --arg link "$link" \
        '.broken | map(.link) | index($link) != null' "$out"
    "$engine" why "$cut" "$cut/out/gemini.jsonl:$line" >"$out" 2>"$err"
    says "to people, too" "broken at the $link"
}
# shellcheck disable=SC2317 # called by cut
sql() {
    sqlite3 "$cut/.foundry/state.db" "$1"
}
cut export "an altered export" alter "$cut/out/gemini.jsonl"
cut manifest "a deleted manifest" rm "$cut/out/gemini.jsonl.manifest.json"
cut manifest "an altered manifest" sed -i 's/"skip_bad":false/"skip_bad":true/' \
    "$cut/out/gemini.jsonl.manifest.json"
cut record "a deleted record" sql "DELETE FROM correction WHERE id = $number"
cut answer "a deleted answer" sql "DELETE FROM payload WHERE event = $number"
cut answer "an altered answer" sql \
    "UPDATE payload SET body = CAST(replace(body, 'ann', 'eve') AS BLOB) WHERE event = $number"
cut answer "a deleted event" sql "DELETE FROM event WHERE id = $number"
cut request "a deleted request" sql "DELETE FROM payload WHERE event = $request"
cut request "a request's deleted event" sql "DELETE FROM event WHERE id = $request"
cut output "a deleted corrected document" sql "DELETE FROM payload WHERE event = $number + 1"
cut prediction "a deleted prediction" sql "DELETE FROM payload WHERE event = $run"
cut prediction "a prediction's deleted event" sql "DELETE FROM event WHERE id = $run"
for event in $(jq '.runs[].event' told.json); do
    cut prediction "run $event, deleted" sql "DELETE FROM payload WHERE event = $event"
done
cut pin "a deleted pipeline" sql "DELETE FROM payload WHERE event = $pin"
cut job "a deleted job" sql "DELETE FROM payload WHERE event = $job"
cut plugin "a deleted plugin copy" rm -f "$cut/.foundry/plugins/$copy.so"
cut plugin "an altered plugin copy" alter "$cut/.foundry/plugins/$copy.so"
cut input "a deleted input" rm -f "$cut/$artifact"
cut input "an altered input" alter "$cut/$artifact"

echo "-- without a link, of a folder"
rm -f poles/out/*.x poles/out/*.x.*
exits 0 "whole, it is sound" "$engine" verify --deep poles
label=$(cd poles/out/yolo && find labels -size +0 -name '*.txt' | sort | head -1)
number=$((10#$(basename "$label" .txt)))
rows=$(cd poles/out/hf && find . -name metadata.jsonl | sort | head -1)
"$engine" why "poles/out/yolo/$label:1" --json >told.json
artifact=$(jq -r .input.file told.json)

# cut_folder LINK WHAT EXPORT PROGRAM…: LINK is what `why` of line 1 of EXPORT names; - for none.
cut_folder() {
    local link=$1 what=$2 export=$3
    shift 3
    rm -rf "$cut" && cp -a poles "$cut"
    "$@" || not_ok "$what: cannot be cut"
    exits 1 "$what: verify is red" "$engine" verify --deep "$cut"
    test "$link" != - || return 0
    exits 1 "$what: why is, too" "$engine" why "$cut" "$cut/out/$export:1" --json
    # shellcheck disable=SC2016 # jq's variable
    holds "and names the $link" jq -e --arg link "$link" \
        '.broken | map(.link) | index($link) != null' "$out"
}
# shellcheck disable=SC2317 # called by cut_folder
second() {
    chmod u+w "$1" && sed -i -e '1s/0\./0.0/' -e '1s/"bbox":\[\[/&1/' "$1"
}
cut_folder export "altered labels" "yolo/$label" second "$cut/out/yolo/$label"
cut_folder - "deleted labels" "yolo/$label" rm "$cut/out/yolo/$label"
cut_folder - "a deleted picture" "yolo/$label" \
    rm "$cut/out/yolo/$(cd poles/out/yolo && find images -type f | sort | head -1)"
cut_folder manifest "a deleted manifest of a folder" "yolo/$label" rm "$cut/out/yolo/manifest.json"
cut_folder manifest "an altered one" "yolo/$label" sed -i 's/"skip_bad":false/"skip_bad":true/' \
    "$cut/out/yolo/manifest.json"
cut_folder export "an altered row" "hf/$rows" second "$cut/out/hf/$rows"
cut_folder manifest "a deleted manifest of rows" "hf/$rows" rm "$cut/out/hf/manifest.json"
cut_folder record "a deleted record of a label" "yolo/$label" sql \
    "DELETE FROM correction WHERE id = $number"
cut_folder answer "an altered answer of a label" "yolo/$label" sql \
    "UPDATE payload SET body = CAST(replace(body, '\"by\"', '\"bx\"') AS BLOB) WHERE event = $number"
cut_folder output "a deleted document of a label" "yolo/$label" sql \
    "DELETE FROM payload WHERE event = $number + 1"
cut_folder input "a deleted picture of a job" "yolo/$label" rm -f "$cut/$artifact"
rm -rf "$cut" && cp -a jobs "$cut" && rm "$cut/out/gemini.jsonl"
exits 1 "a deleted export: verify is red" "$engine" verify --deep "$cut"
exits 5 "and why says that it is not there" "$engine" why "$cut" "$cut/out/gemini.jsonl:1"
finish
