#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What rules of `redact:` take out is in no byte of any export, its manifest, what lies beside it, or
# what `why` says: values are planted wherever a record has room, and looked for as they are, in
# base64 and as URIs have them.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

name="Zebulon Quartz & Co" # by pointer, masked
card="4929-1234-5678-9012" # by pattern, hashed
word="Unobtainium sprocket" # by pointer in a list, dropped
who="mallorymandrake"       # by pattern, masked
planted=("$name" "$card" "$word" "$who")

# forms VALUE: the value as it is, percent-encoded, and its middle in base64 at each of three offsets.
forms() {
    local skip rest
    printf '%s\n' "$1"
    jq -rn --arg v "$1" '$v | @uri'
    jq -rn --arg v "$1" '$v | tojson | .[1:-1]'
    for skip in 0 1 2; do
        rest=${1:skip}
        printf '%s' "${rest:0:$((${#rest} / 3 * 3))}" | base64 -w0
        echo
        rest=$(jq -rn --arg v "$1" '$v | @uri')
        rest=${rest:skip}
        printf '%s' "${rest:0:$((${#rest} / 3 * 3))}" | base64 -w0
        echo
    done
}
for value in "${planted[@]}"; do
    forms "$value"
done | sort -u >forms.txt
equals "the forms are looked for" "$(grep -cF "$(printf '%s' "$name" | base64 -w0 | cut -c1-24)" forms.txt)" 1

# clean WHAT FILE…: none of the forms is in the files, or in what base64 of 40 bytes or more there
# says.
clean() {
    local what=$1 found
    shift
    found=$(LC_ALL=C grep -aoFf forms.txt -- "$@" | sort | uniq -c | head -5)
    for file in "$@"; do
        found+=$(grep -aoE '[A-Za-z0-9+/]{40,}={0,2}' "$file" | while IFS= read -r text; do
            base64 -d <<<"$text" 2>/dev/null | LC_ALL=C grep -aoFf forms.txt
        done)
    done
    if [[ -z $found ]]; then
        ok "$what: nothing of it is told"
    else
        not_ok "$what: $found"
    fi
}

# clean_folder WHAT FOLDER DIR: no byte of its files, none of their names, and nothing of what `why`
# says of their lines; made again, it is the same.
clean_folder() {
    local what=$1 folder_out=$2 dir=$3 file files line
    mapfile -t files < <(find "$folder_out" -type f | sort)
    clean "$what" "${files[@]}"
    find "$folder_out" >names
    clean "$what, names" names
    : >told
    for file in "${files[@]}"; do
        case $file in
        *metadata.jsonl | */data/*.jsonl | */labels/*.txt | */data.yaml) ;;
        *) continue ;;
        esac
        for ((line = 1; line <= $(wc -l <"$file"); line++)); do
            "$engine" why "$dir" "$file:$line" --json
            "$engine" why "$dir" "$file:$line"
        done
    done >>told 2>/dev/null
    holds "why has its say" test -s told
    clean "$what, why" told
    exits 0 "$what, made again" "$engine" export "$dir" --manifest "$folder_out/manifest.json" \
        -o "$folder_out.again"
    holds "is the same" diff -r "$folder_out" "$folder_out.again"
}

# pipeline FILE NAME MATCH INPUT RULES
pipeline() {
    cat >"$1" <<YAML
foundry: v1
name: $2
inputs: {match: ["$3"]}
params: {house: {type: string, default: "$name"}}
phases:
  - id: extract
    uses: playback/play
    with:
      name: "\${input.name}"
      results:
        - supplier_name: {value: "$name", confidence: 0.5}
          note: {value: "paid by $name with $card", confidence: 0.6}
          "key of $name": {value: 1, confidence: 0.9}
          code: {value: Q7Z, confidence: 0.3}
          total: {value: 12.50, confidence: 0.4}
          line_items:
            - {item_description: {value: "$word", confidence: 0.5}, quantity: {value: 1.0, confidence: 0.5}}
            - {item_description: {value: "Nail of $word", confidence: 0.9}, quantity: {value: 2.0, confidence: 0.9}}
          boxes:
            - {label: {value: "box of $name", confidence: 0.9}, box: {value: [0, 0, 1, 1], confidence: 0.9}}
  - id: review
    uses: foundry/human
    with: {of: extract, detectors: [{uses: detect/low-confidence, with: {below: 0.95}}]}
export:
  redact:
$4
YAML
}
rules='    - {pointer: /supplier_name, action: mask}
    - {pattern: "\\b[0-9]{4}(-[0-9]{4}){3}\\b", action: hash}
    - {pointer: "/line_items/*/item_description", action: drop}
    - {pointer: /code}
    - {pattern: "mallory[a-z]*"}'

# answered DIR: two are corrected by somebody whose name may not be told, one is accepted.
answered() {
    local paths path
    mapfile -t paths < <("$engine" ask list --json "$1" | jq -r .path)
    for path in "${paths[@]:1}"; do
        exits 0 "an answer is taken" "$engine" answer "$1" "$path" --as "$who" \
            --set "supplier_name=$name Ltd" --set total=13.50 --set "note=asked $who about $card" \
            --set /line_items/0/item_description="$word, large"
    done
    exits 0 "another is right" "$engine" answer "$1" "${paths[0]}" --as "$who" --accept
}

echo "-- the file is checked"
pipeline images.yaml images '*.png' "$rules"
exits 0 "a pipeline with rules is valid" "$engine" validate images.yaml
for wrong in '    - {pointer: supplier_name}' '    - {pattern: "(["}' '    - {action: mask}' \
    '    - {pointer: /a, pattern: b}' '    - {pointer: /a, action: hide}' \
    '    - {pointer: /a, image: blur}' '    - {pointer: /a, colour: red}' '    []'; do
    pipeline wrong.yaml wrong '*.png' "$wrong"
    exits 4 "refused: ${wrong#    - }" "$engine" validate wrong.yaml
done
"$engine" schema >schema.json
equals "the schema for editors knows them" \
    "$(jq -c '.properties.export.properties.redact.items.properties | keys' schema.json)" \
    '["action","image","pattern","pointer"]'

echo "-- pictures"
mkdir images
picture "images/$name 1.png"
picture "images/card $card.png"
picture images/plain-1.png
for file in images/*.png; do
    printf '%s' "$name $card $word $who" >>"$file" # behind the picture's end
done
exits 3 "they run" "$engine" run images.yaml images
answered images
mkdir out
for format in foundry gemini openai-chat trl-sft trl-dpo alpaca sharegpt nvidia-flywheel argilla; do
    exits 0 "as $format" "$engine" export images --format $format --prompt "As JSON." \
        --uri-prefix https://example.com/in/ -o "out/$format"
    clean "$format" out/"$format"*
    "$engine" export images --manifest "out/$format.manifest.json" -o "out/$format.again" >/dev/null 2>&1
    holds "the same bytes again" cmp "out/$format" "out/$format.again"
    for line in 1 2 3; do
        "$engine" why images "out/$format:$line" --json
        "$engine" why images "out/$format:$line"
    done >told 2>/dev/null
    holds "why has its say" test -s told
    clean "$format, why" told
done
exits 0 "without a prefix, too" "$engine" export images --format openai-chat --prompt "As JSON." \
    -o out/embedded
clean "pictures in lines" out/embedded*
equals "a picture that shows it is dropped" "$(grep -c 'data:image' out/embedded)" 0
exits 0 "as gemini it says so" "$engine" export validate out/gemini --as gemini
for format in coco label-studio yolo; do
    exits 1 "$format needs the picture, and is refused" "$engine" export images --format $format -o out/x
    clean "$format, what it says" "$err"
done
exits 0 "hf tells texts only" "$engine" export images --format hf -o out/hf
clean_folder "hf without pictures" out/hf images
equals "no picture is in it" "$(find out/hf -name '*.png' | wc -l)" 0
equals "and withheld inputs are not taken for duplicates" \
    "$(jq -c .near_duplicates out/hf/manifest.json)" null
equals "the manifest tells what was done" \
    "$(jq -c '[.redact.counts | .records, .inputs_dropped, .paths, .values > 0, .quoted > 0]' out/foundry.manifest.json)" \
    '[3,3,2,true,true]'
equals "and by which rules" "$(jq -c '[.redact.rules.images[] | .action + " " + .image]' out/foundry.manifest.json)" \
    '["mask drop","hash drop","drop drop","mask drop","mask drop"]'
exits 0 "foundry's rules hold for what is left" "$engine" export validate out/foundry --as foundry
equals "a question about a short value has no words" "$(grep -c Q7Z out/foundry)" 0
equals "a masked value" "$(sed -n 2p out/foundry | jq -r .human_output.supplier_name)" "[redacted]"
equals "a dropped one" "$(sed -n 2p out/foundry | jq -c '.human_output.line_items[0] | keys')" '["quantity"]'
equals "what else was changed is still told" \
    "$(sed -n 2p out/foundry | grep -o '"/total":{[^}]*}')" \
    '"/total":{"from":12.50,"to":13.50,"confidence":0.4,"source":"human"}'
equals "one hash for one value of a document" \
    "$(jq -c '[.model_output, .human_output, .fields]' out/foundry | grep -o '\[hash:[0-9a-f]*\]' | sort -u | wc -l)" 1
equals "a file has another name, and one" \
    "$(jq -r '.input.path' out/foundry | grep -c '^redacted-[0-9a-f]\{16\}\.png$')" 2
exits 0 "the record itself is whole" "$engine" verify images
says "the original is still on record" "$name" <("$engine" show images plain-1.png --json)

echo "-- prompts"
for prompt in "Read the invoice of $name" "pay $card"; do
    exits 1 "a prompt that tells it is refused" "$engine" export images --format gemini \
        --prompt "$prompt" --uri-prefix gs://bucket/ -o out/prompt
    holds "and nothing written" test ! -e out/prompt
done

echo "-- texts"
pipeline texts.yaml texts '*.job.json' "$rules"
mkdir texts
for i in 1 2 3; do
    jq -nc --arg i $i --arg name "$name" --arg card "$card" --arg word "$word" --arg who "$who" \
        '{name: "note-\($i)", content: "from \($name): \($card), \($word)",
          supplier_name: "\($name)", more: {("of \($who)"): [$card, {deep: $name}]}}' \
        >"texts/note-$i.job.json"
done
exits 3 "they run" "$engine" run texts.yaml texts
answered texts
for format in foundry gemini openai-chat openai-dpo trl-sft trl-dpo trl-kto alpaca sharegpt \
    nvidia-flywheel argilla; do
    exits 0 "as $format" "$engine" export texts --format $format --prompt "As JSON." -o "out/t-$format"
    clean "$format" out/t-"$format"*
    "$engine" export texts --manifest "out/t-$format.manifest.json" -o "out/t-$format.again" >/dev/null 2>&1
    holds "the same bytes again" cmp "out/t-$format" "out/t-$format.again"
done
exits 0 "as hf" "$engine" export texts --format hf -o out/t-hf
clean_folder "hf, texts" out/t-hf texts

echo "-- a rule that came later"
pipeline late.yaml late '*.job.json' '    - {pattern: "nothing of that kind"}'
sed -i '/redact:/,$d; /^export:/d' late.yaml
mkdir late && cp texts/note-1.job.json late
exits 3 "a job without rules" "$engine" run late.yaml late
exits 0 "is answered" "$engine" answer late note-1.job.json --as "$who" --set total=1
exits 0 "and exported" "$engine" export late --format foundry -o out/late
says "as it is" "$name" out/late
plain=$(jq -r '.records[0][1]' out/late.manifest.json)
pipeline late.yaml late '*.job.json' "$rules"
cp texts/note-2.job.json late
exits 3 "rules hold for all that is exported from then on" "$engine" run late.yaml late
exits 0 "exported" "$engine" export late --format foundry -o out/late
clean "an older record" out/late*
holds "the hash of its record is keyed: who knows all but one value could guess that" \
    test "$(jq -r '.records[0][1]' out/late.manifest.json)" != "$plain"

echo "-- pictures that are kept"
pipeline kept.yaml kept '*.png' '    - {pointer: /supplier_name, image: keep}
    - {pattern: "\\b[0-9]{4}(-[0-9]{4}){3}\\b", action: hash, image: keep}
    - {pointer: "/line_items/*/item_description", action: drop, image: keep}'
mkdir kept && picture kept/plain-1.png
exits 3 "runs" "$engine" run kept.yaml kept
exits 0 "is answered" "$engine" answer kept plain-1.png --set total=1
exits 0 "as coco" "$engine" export kept --format coco -o out/kept.coco
for format in yolo hf; do
    exits 0 "as $format" "$engine" export kept --format $format -o out/kept.$format
    clean_folder "$format" out/kept.$format kept
    equals "its picture is there" "$(find out/kept.$format -name '*.png' | wc -l)" 1
done
says "and a class is named without it" 'box of [redacted]' out/kept.yolo/data.yaml
exits 0 "with the picture" "$engine" export kept --format openai-chat --prompt "As JSON." -o out/kept
equals "in the line" "$(grep -c 'data:image/png' out/kept)" 1
equals "and without the value" "$(grep -cF "$name" out/kept)" 0
equals "which the manifest tells" "$(jq -r '.redact.rules.kept[0].image' out/kept.manifest.json)" keep
finish
