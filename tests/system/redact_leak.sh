#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A marker is planted in every place of a record that a rule of `redact:` reaches, with characters that
# some encoding changes. Then everything is said that can be said of the records: every format, made and
# made again, checked, every line asked for its why, exports that fail. The marker is in none of it: in
# no file, no file's name, nothing printed; neither as it is nor as hex, base64, URI or JSON have it.
# Which characters, and which rule does what, comes from the seed of the round.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

first=${TEST_SEED:-1}
rounds=2
[[ -z ${TEST_SMALL:-} && -z ${TEST_SEED:-} ]] || rounds=1

# draw N: a number below N; the same for a seed.
draw() {
    state=$(((state * 1103515245 + 12345) % 2147483648))
    drawn=$((state / 65536 % $1))
}

# forms TEXT: the text and its encodings, a line each; what is shorter than 8 is no evidence.
forms() {
    local json hex
    json=$(jq -rn --arg v "$1" '$v | tojson | .[1:-1]')
    hex=$(printf '%s' "$1" | od -An -v -tx1 | tr -d ' \n')
    {
        printf '%s\n' "$1" "$json" "$hex" "${hex^^}" "$(sed 's/~/~0/g; s|/|~1|g' <<<"$1")"
        jq -rn --arg v "$1" '$v | @uri, (@uri | gsub("%20"; "+")), (@uri | ascii_downcase)'
        jq -rn --arg v "$json" '$v | tojson | .[1:-1]'
        jq -rn --arg v "$1" '$v | @html'
        jq -ran --arg v "$1" '$v | tojson | .[1:-1]' | jq -r . 2>/dev/null
        jq -an --arg v "$1" '$v' | sed 's/^"//; s/"$//'
        for text in "$1" "$json"; do
            for skip in 0 1 2; do
                rest=$(printf '%s' "$text" | tail -c +$((skip + 1)) | base64 -w0)
                rest=${rest%%=*}
                printf '%s\n' "${rest:0:$((${#rest} / 4 * 4))}"
            done
        done
    } | awk 'length($0) >= 8' | sort -u
}

# silent WHAT: nothing that was said or written tells.
silent() {
    local found file
    found=$(LC_ALL=C grep -raoFf forms.txt said.* out | sort | uniq -c | head -5)
    found+=$(find out | LC_ALL=C grep -aoFf forms.txt | head -5)
    while IFS= read -r file; do
        found+=$(grep -aoE '[A-Za-z0-9+/]{40,}={0,2}' "$file" | while IFS= read -r text; do
            base64 -d <<<"$text" 2>/dev/null | LC_ALL=C grep -aoFf forms.txt
        done | sed "s|^|$file, in base64: |" | head -3)
    done < <(find out said.* -type f)
    if [[ -z $found ]]; then
        ok "$1: nothing is told by $(find out said.* -type f | wc -l) files"
    else
        not_ok "$1 (TEST_SEED=$seed): $found"
    fi
}

# say PROGRAM…: what it prints is kept; 0 or 1 is what it ends with.
say() {
    local code=0
    "$@" >>said.out 2>>said.err || code=$?
    ((code <= 1)) || not_ok "exit $code: $(printf '%q ' "$@" | cut -c1-300)"
}

# pipeline FILE NAME MATCH IMAGE
pipeline() {
    local results
    results=$(jq -cn --arg mark "$mark" --arg tag "$tag" '{
        secret: {value: $mark, confidence: 0.5},
        note: {value: "\($tag) is \($mark)", confidence: 0.6},
        json: {value: ({said: $mark} | tojson), confidence: 0.9},
        uri: {value: "https://example.org/?q=\($mark | @uri)", confidence: 0.9},
        form: {value: "https://example.org/?q=\($mark | @uri | gsub("%20"; "+"))", confidence: 0.9},
        page: {value: "<p>\($mark | @html) \($tag | @html)</p>", confidence: 0.9},
        "key \($mark)": {value: 1, confidence: 0.9},
        "key \($tag)": {value: 1, confidence: 0.9},
        deep: {list: [{secret: {value: "in \($tag)", confidence: 0.3}}]},
        total: {value: 12, confidence: 0.4},
        boxes: [{label: {value: "box \($mark) \($tag)", confidence: 0.9},
                 box: {value: [0, 0, 1, 1], confidence: 0.9}}]}')
    cat >"$1" <<YAML
foundry: v1
name: $2
inputs: {match: ["$3"]}
phases:
  - id: extract
    uses: playback/play
    with: {name: "\${input.name}", results: [$results]}
  - id: review
    uses: foundry/human
    with: {of: extract, detectors: [{uses: detect/low-confidence, with: {below: 0.95}}]}
export:
  redact:
    - {pointer: /secret, action: ${actions[0]}, image: $4}
    - {pattern: "ZQX-[0-9]+-K", action: ${actions[1]}, image: $4}
YAML
}

# answered DIR: one corrected, one accepted, one rejected with a reason, all by somebody who is the tag.
answered() {
    local paths
    mapfile -t paths < <("$engine" ask list --json "$1" | jq -r .path)
    ((${#paths[@]} >= 3)) || not_ok "$1: ${#paths[@]} ask"
    exits 0 "one is corrected" "$engine" answer "$1" "${paths[0]}" --as "ann $tag" \
        --set "secret=$mark Ltd" --set "note=asked $tag about $mark" --set total=13
    exits 0 "one is right" "$engine" answer "$1" "${paths[1]}" --as "ann $tag" --accept
    exits 1 "one is rejected" "$engine" answer "$1" "${paths[2]}" --as "ann $tag" --reject \
        --reason "it says $mark, and $tag"
}

# told DIR FORMAT NAME [OPTION…]: all that can be said of an export.
told() {
    local dir=$1 format=$2 name=$3 file line manifest
    shift 3
    say "$engine" export "$dir" --format "$format" -o "out/$name" "$@"
    test -e "out/$name" || {
        not_ok "$dir as $format: nothing was made: $(tail -2 said.err)"
        return
    }
    say "$engine" export validate "out/$name" --as "$format"
    manifest=out/$name.manifest.json
    test -e "$manifest" || manifest=out/$name/manifest.json
    say "$engine" export "$dir" --manifest "$manifest" -o "out/$name.again"
    holds "$dir as $format, the same again" diff -r "out/$name" "out/$name.again"
    while IFS= read -r file; do
        for ((line = 1; line <= $(wc -l <"$file"); line++)); do
            "$engine" why "$dir" "$file:$line" --json
            "$engine" why "$dir" "$file:$line"
        done >>said.out 2>>said.err
    done < <(find "out/$name" -type f ! -name '*.png' ! -name manifest.json ! -name README.md)
}

texts_formats=(foundry gemini openai-chat openai-dpo trl-sft trl-dpo trl-kto alpaca sharegpt
    nvidia-flywheel argilla hf)
pictures_formats=(foundry gemini openai-chat trl-sft trl-dpo alpaca sharegpt nvidia-flywheel argilla hf)

for ((seed = first; seed < first + rounds; seed++)); do
    echo "-- round $seed"
    state=$seed
    rm -rf out said.* texts drop keep && mkdir out texts drop keep
    : >said.out && : >said.err
    specials=(' ' '"' "\\" '/' '~' 'é' '&' '<' '%' '+' "'" '🦊' '[]' '_' '#' ': ')
    draw 900000
    tag=ZQX-$((100000 + drawn))-K
    draw 90000
    mark=Mark$((10000 + drawn))
    for ((i = 0; i < 7; i++)); do
        draw ${#specials[@]}
        mark+=${specials[drawn]}$((i + 1))
    done
    kinds=(mask hash drop)
    draw 3
    actions=("${kinds[drawn]}")
    draw 3
    actions+=("${kinds[drawn]}")
    echo "seed $seed: $mark, ${actions[*]}"
    # Half of it is as bad: what is quoted may be cut off.
    { forms "$mark" && forms "$tag" && forms "${mark:0:9}" && forms "${tag:0:10}"; } >forms.txt
    holds "it is looked for as hex, too" grep -qF \
        "$(printf '%s' "$tag" | od -An -v -tx1 | tr -d ' \n')" forms.txt

    pipeline texts.yaml texts '*.job.json' drop
    for i in 1 2 3; do
        jq -nc --arg i $i --arg mark "$mark" --arg tag "$tag" \
            '{name: "note-\($i)", content: "\($tag) from \($mark)", secret: $mark,
              more: {"of \($mark)": [$tag, {deep: $mark}]}}' >"texts/n$i $tag.job.json"
    done
    exits 3 "texts run" "$engine" run texts.yaml texts
    answered texts
    for format in "${texts_formats[@]}"; do
        told texts "$format" "t-$format" --prompt "As JSON."
    done

    for kind in drop keep; do
        pipeline $kind.yaml $kind '*.png' $kind
        for i in 1 2 3; do
            picture "$kind/p$i $tag ${mark//\//_}.png"
            [[ $kind == keep ]] || printf '%s' "$mark $tag" >>"$kind/p$i $tag ${mark//\//_}.png"
        done
        exits 3 "pictures run" "$engine" run $kind.yaml $kind
        answered $kind
        for format in "${pictures_formats[@]}"; do
            told $kind "$format" "$kind-$format" --prompt "As JSON." \
                --uri-prefix https://example.com/in/
        done
    done
    for format in coco label-studio yolo; do
        told keep $format "keep-$format"
        say "$engine" export drop --format $format -o out/none
        say "$engine" export texts --format $format -o out/none
        say "$engine" export drop --format $format --skip-bad -o "out/skipped-$format"
    done
    for dir in texts drop keep; do
        say "$engine" export $dir --format gemini --prompt "Read $mark" -o out/none
        say "$engine" export $dir --format gemini --prompt "of $tag" --system "of $mark" -o out/none
        say "$engine" export $dir --format openai-dpo --prompt "As JSON." -o out/none
        say "$engine" export $dir --format gemini --prompt "As JSON." -o out/none
        say "$engine" export $dir --format trl-sft --prompt "As JSON." --split test -o out/split
    done
    holds "something was said" test "$(wc -c <said.out)" -gt 10000
    silent "$(wc -c <said.out) bytes"
done
finish
