#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The OCR station, all of it: an archive of 60 line pictures comes in over HTTP, is unpacked, read,
# reviewed and learned from; a second archive is read with what was learned, and the curve tells.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
pipelines=$FOUNDRY_SOURCE_ROOT/pipelines/line-ocr
make_lines=$FOUNDRY_BUILD_ROOT/tools/samples/foundry-lines
if ! "$engine" plugins inspect tesseract >"$out" 2>"$err" || [[ ! -x $make_lines ]]; then
    echo "skipped: this build has no tesseract, or no generator of lines"
    exit 77
fi

# archive NAME FIRST: 60 lines as a ZIP archive; their truth is added to truth.tsv.
archive() {
    mkdir "$1" && "$make_lines" 7 "$2" 60 "$1" >>truth.tsv &&
        python3 -c 'import sys, zipfile, os
with zipfile.ZipFile(sys.argv[1] + ".zip", "w") as out:
    for name in sorted(os.listdir(sys.argv[1])):
        out.write(os.path.join(sys.argv[1], name), name)
    for name in sys.argv[2:]:
        out.writestr(name, b"evil")' "$@"
}
archive first 0
archive second 60

# shellcheck disable=SC2317 # called by until_so
rested() {
    [[ $("$engine" status --json jobs |
        jq '.pipelines[] | select(.pipeline == "line-ocr") | .paused + .completed') == "$1" ]]
}

# shellcheck disable=SC2317 # called by until_so
chosen() {
    [[ $("$engine" status --json jobs | jq -c \
        '.pipelines[] | select(.pipeline == "line-ocr") | [.paused, .completed]') == "[$1,$2]" ]]
}

mkdir jobs
cp "$pipelines/unpack.yaml" "$pipelines/line.schema.json" .
sed 's/default: "0%"/default: "100%"/' "$pipelines/line-ocr.yaml" >line-ocr.yaml
# listen: serve, with the pipelines as they are now.
listen() {
    : >listening
    "$engine" serve jobs --json --listen 127.0.0.1:0 --pipeline unpack.yaml --pipeline line-ocr.yaml \
        >listening 2>serve.err &
    server=$!
    holds "it listens" until_so test -s listening || { cat serve.err; finish; }
    url=$(jq -r .url listening) token=$(jq -r .token listening)
}
listen
# upload FILE: hand an archive in.
upload() {
    curl -sS -H "Authorization: Bearer $token" -F pipeline=line-unpack -F "file=@$1" "$url/v1/jobs"
}

echo "-- an archive comes in over HTTP"
upload first.zip >reply.json
holds "it is a job" jq -e '.id != null' reply.json
holds "60 lines are read, and wait" until_so rested 60
equals "each of them" "$(find jobs/lines -name '*.png' | wc -l)" 60

echo "-- people review"
"$engine" ask list --json jobs | jq -r '"\(.request)\t\(.path)\t\(.subject.text)"' >cards
equals "all are asked about in this round" "$(wc -l <cards)" 60
while IFS=$'\t' read -r request path read_as; do
    truth=$(awk -F'\t' -v name="${path##*/}" '$1 == name {print $2}' truth.tsv)
    if [[ $truth == "$read_as" ]]; then # Enter on a right reading
        printf '{"request":%d,"accept":true,"by":"ann"}\n' "$request"
    else
        jq -cn --argjson request "$request" --arg text "$truth" \
            '{request: $request, values: {"/text": $text}, by: "ann"}'
    fi
done <cards >answers
exits 0 "a person answers them" "$engine" answer jobs - <answers
right=$(grep -c '"accept":true' answers)
"$engine" export jobs --format foundry -o all.jsonl 2>/dev/null
equals "summary: 60 reviewed; a right reading is accepted, no correction" \
    "$(jq -r .verdict all.jsonl | sort | uniq -c | tr -s ' \n' ' ')" \
    " $right accepted $((60 - right)) corrected "
holds "lines were corrected" test "$right" -lt 60

echo "-- it learns"
exits 0 "train" "$engine" train jobs lines --wait
"$engine" models show --json jobs lines >model.json
holds "a model is in the registry, by its hash" jq -e '.sha256 | length == 64' model.json
holds "that was learned from records by their hashes" \
    jq -e '.training.manifest | length == 64' model.json
holds "tried on lines that it never saw" jq -e '.result.evaluation.documents > 0' model.json
holds "words were learned" jq -e '.result.metrics.words > 10' model.json
hash=$(jq -r .sha256 model.json)
exits 0 "train again" "$engine" train jobs lines
equals "the same records give the same model" \
    "$("$engine" models show --json jobs lines | jq -r .sha256)" "$hash"
# Which lines are kept apart is drawn for each job directory anew: seldom they alone prove it.
if [[ $("$engine" models list --json jobs | jq -sr '.[0].state') != production ]]; then
    exits 0 "a person puts it to work" \
        "$engine" models promote jobs lines --model-version 1 --as ann --reason "first batch"
fi

echo "-- a second archive, of which people look at the ten least certain"
kill -TERM "$server"
wait "$server" 2>/dev/null
equals "it stops as it was told to, to start with another choice" $? 143
sed -i -e 's/default: "100%"/default: "0%"/' -e 's/^\(  most: .*default: \)0,/\110,/' line-ocr.yaml
says "of each archive ten" "default: 10," line-ocr.yaml
listen
sha256sum jobs/lines/*/*.png >before.sums
upload second.zip >reply.json
# Lines that wait for the rest of their archive are paused as well: the choice is made once there are
# as many cards as it is to ask for, and everything else is done.
holds "60 more lines are read with it, of which ten wait for people" until_so chosen 10 110
holds "nothing of the first was touched" sha256sum --quiet -c before.sums
"$engine" ask list --json jobs | jq -r .path | sort >asked
equals "exactly ten cards" "$(wc -l <asked)" 10
find jobs/lines -name '*.png' | sed 's,^jobs/,,' | sort >all
sed 's/^[0-9a-f]*  jobs.//' before.sums | sort | comm -13 - all >fresh
equals "of the second archive" "$(comm -12 asked fresh | wc -l)" 10
# How sure the engine is of each line's text, as on record of the phase that is reviewed, the second.
sqlite3 -separator ' ' jobs/.foundry/state.db "SELECT j.path,
    min(json_extract(CAST(p.meta AS TEXT), '\$.confidence.\"/text\"')) FROM event e
    JOIN payload p ON p.event = e.id JOIN step s ON s.id = e.step JOIN job j ON j.id = s.job
    WHERE e.phase = 1 AND json_extract(CAST(p.meta AS TEXT), '\$.confidence.\"/text\"') IS NOT NULL
    GROUP BY j.path" | sort | join fresh - >sure
equals "each of which has its confidence" "$(wc -l <sure)" 60
most=$(join asked sure | cut -d' ' -f2 | sort -g | tail -1)
least=$(join -v 2 asked sure | cut -d' ' -f2 | sort -g | head -1)
echo "        asked about up to $most, not asked from $least on"
holds "they are the least certain" awk -v most="$most" -v least="$least" 'BEGIN {exit !(most <= least)}'
put=0 put_right=0
while IFS= read -r path; do
    text=$("$engine" show jobs "$path" --phase judge --json | jq -r .text)
    truth=$(awk -F'\t' -v name="${path##*/}" '$1 == name {print $2}' truth.tsv)
    read_as=$("$engine" show jobs "$path" --phase read --json | jq -r .text)
    if [[ $read_as != "$text" ]]; then
        put=$((put + 1))
        [[ $text == "$truth" ]] && put_right=$((put_right + 1))
    fi
done <fresh
echo "        $put lines were changed by what was learned, $put_right of them are right now"
holds "what is changed is mostly right" test $((2 * put_right)) -ge "$put"
exits 0 "the curve" "$engine" models curve jobs
says "tells in a sentence what people are asked" "values in 100 documents"
exits 0 "the record is whole" "$engine" verify jobs
kill -TERM "$server"
wait "$server" 2>/dev/null
equals "it stops as it was told to" $? 143

echo "-- the past by another version"
# files: all of the job directory, by their bytes.
files() { find jobs -type f -not -path 'jobs/.foundry/shadow/*' ! -name '*-shm' -exec sha256sum {} + | sort; }
files >before.sums
exits 0 "by the rules, as all of the first archive was read" \
    "$engine" replay jobs --where pipeline=line-ocr --where verdict=corrected --model lines --model-version 0 --json
equals "nothing comes out otherwise" "$(jq -c '[.fixed, .broken, .differs]' "$out")" '[0,0,0]'
"$engine" replay jobs --where pipeline=line-ocr --where verdict=corrected --model lines --model-version 1 --json >"$out"
# Which are fixed and which are broken goes with which records it learned from, and those are drawn.
holds "by the model each field is counted once" jq -es \
    'last | .fields > 0 and .fixed + .broken + .unchanged + .still_wrong == .fields' "$out"
says "with the model's name" '"model":"lines"'
files >after.sums
holds "and nothing of it is in the record" cmp before.sums after.sums
exits 5 "a version that is not there" "$engine" replay jobs --where pipeline=line-ocr --model lines --model-version 9
exits 5 "a model that is not there" "$engine" replay jobs --where pipeline=line-ocr --model words
exits 2 "both at once" "$engine" replay jobs --model lines --plugin x.so
finish
