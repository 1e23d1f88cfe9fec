#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Inputs that the store keeps no copy of: `keep: reference`, and records of another directory. Every
# room finds the user's own file, sees that its bytes are those that came in, and says so where they
# are not: the review page, exports that hold pictures, training, promotion, import.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

# copies DIR: how many artifacts its store keeps.
copies() { find "$1/.foundry/artifacts" -type f | wc -l; }
# pictures FILE: the hashes of the pictures that its lines hold, by themselves.
pictures() {
    local url
    jq -r '.messages[].content | arrays | .[].image_url.url // empty' "$1" | while read -r url; do
        base64 -d <<<"${url#data:image/png;base64,}" | sha256sum
    done | cut -d' ' -f1 | sort
}
# hashes FILE…
hashes() { sha256sum "$@" | cut -d' ' -f1 | sort; }

echo "-- pictures by reference: page, answers, exports"
invoice_pipeline invoice.yaml
sed -i -e 's/^inputs: .*/inputs: {match: ["*.png", "*\/*.png"], keep: reference}/' \
    -e 's/default: 0.95/default: 1/' invoice.yaml
invoices jobs
mkdir jobs/far
mv jobs/job-4.png jobs/far
for name in job-1 job-2 job-3 far/job-4; do # no two alike, and no decoder reads behind a picture's end
    echo "$name" >>"jobs/$name.png"
done
exits 3 "they are read and asked about" "$engine" run invoice.yaml jobs
equals "no copy is kept" "$(copies jobs)" 0

"$engine" serve jobs --json --listen 127.0.0.1:0 --no-watch --pipeline invoice.yaml >listening 2>serve.err &
server=$!
holds "it listens" until_so test -s listening || { cat serve.err; finish; }
url=$(jq -r .url listening) token=$(jq -r .token listening)
# at PATH [CURL…]: what the server sends, into $out; its status on stdout.
at() { curl -sS -o "$out" -w '%{http_code}' -H "Authorization: Bearer $token" "${@:2}" "$url$1"; }
at '/v1/jobs?limit=200' >/dev/null
id() { jq -r --arg path "$1" '.items[] | select(.path == $path) | .id' "$folder/jobs.json"; }
cp "$out" "$folder/jobs.json"
for name in job-2.png far/job-4.png; do
    at "/v1/jobs/$(id "$name")" >/dev/null
    equals "$name is among what a job has" \
        "$(jq -r '.artifacts[] | select(.name == "input") | .sha256' "$out")" "$(hashes "jobs/$name")"
    equals "its picture is sent" "$(at "/v1/jobs/$(id "$name")/artifacts/input")" 200
    holds "as it lies there" cmp "$out" "jobs/$name"
done
equals "a part of it" "$(at "/v1/jobs/$(id job-2.png)/artifacts/input" -H 'Range: bytes=1-3')" 206
equals "is that part" "$(cat "$out")" PNG
cp jobs/job-2.png aside.png
echo more >>jobs/job-2.png
equals "another file of that name is not sent" "$(at "/v1/jobs/$(id job-2.png)/artifacts/input")" 500
says "and said to be another" "is not the one that came in"
rm jobs/job-2.png
equals "nor one that is gone" "$(at "/v1/jobs/$(id job-2.png)/artifacts/input")" 404
says "and said to be" "cannot open the input job-2.png, which was kept by reference"
cp aside.png jobs/job-2.png
equals "put back, it is" "$(at "/v1/jobs/$(id job-2.png)/artifacts/input")" 200
kill -TERM "$server"
wait "$server"

for name in job-1 job-2 job-3 far/job-4; do
    exits 0 "$name is answered" "$engine" answer jobs "$name.png" --as ann --accept
done
equals "still no copy is kept" "$(copies jobs)" 0
exits 0 "what holds pictures is exported" \
    "$engine" export jobs --format openai-chat --prompt Read. --out chat.jsonl
equals "with the pictures" "$(pictures chat.jsonl)" "$(hashes jobs/*.png jobs/far/*.png)"
exits 0 "a folder of pictures, too" "$engine" export jobs --format hf --prompt Read. --out hf
equals "with all of them" "$(find hf -name '*.png' -exec sha256sum {} + | cut -d' ' -f1 | sort)" \
    "$(hashes jobs/*.png jobs/far/*.png)"
exits 0 "a line leads to the file" "$engine" why chat.jsonl:1 jobs
echo more >>jobs/far/job-4.png
exits 1 "one that was changed is named" \
    "$engine" export jobs --format openai-chat --prompt Read. --out changed.jsonl
says "with the reason" "far/job-4.png, which was kept by reference, is not the one that came in" "$err"
holds "and there is no file" test ! -e changed.jsonl
exits 0 "without it there is" \
    "$engine" export jobs --format openai-chat --prompt Read. --out changed.jsonl --skip-bad
equals "one line less" "$(grep -c . changed.jsonl)" 3
echo far/job-4 >far.end
picture jobs/far/job-4.png
cat far.end >>jobs/far/job-4.png

echo "-- records of that directory in another one"
exits 0 "they go out" "$engine" export jobs --format foundry --out records.jsonl
mkdir there
for name in with without others names; do
    exits 0 "a directory is made" "$engine" init "$name"
done
cp -r jobs/*.png jobs/far there # what lies beside the file, and one that is another
echo more >>there/job-3.png
cp records.jsonl there
exits 0 "they come in" "$engine" import --json foundry there/records.jsonl with
equals "one without its file" "$(jq -c '[.records, .without_file]' "$out")" '[4,1]'
equals "the others are kept" "$(copies with)" 3
exits 0 "out again" "$engine" export with --format foundry --out again.jsonl
equals "what a record says of its file is as it was" \
    "$(jq -c '[.id, .input]' again.jsonl | sort)" "$(jq -c '[.id, .input]' records.jsonl | sort)"
exits 5 "the one without is named" \
    "$engine" export with --format openai-chat --prompt Read. --out with.jsonl
says "with what is missing" "cannot open the input job-3.png, which was kept by reference" "$err"
cp jobs/job-3.png with
exits 0 "put there, it is found" \
    "$engine" export with --format openai-chat --prompt Read. --out with.jsonl
equals "all pictures are the same" "$(pictures with.jsonl)" "$(pictures chat.jsonl)"
exits 0 "and is no new job: it is known" "$engine" run invoice.yaml with
equals "as it was" "$(counts with completed)" 4
exits 0 "the same again" "$engine" import foundry there/records.jsonl with
says "is on record" "0 records imported, 4 on record from before"
exits 0 "the record is sound" "$engine" verify with

exits 0 "without any file they come in" "$engine" import foundry records.jsonl without
says "and that is said" "4 of them without their file: none of its name and hash is there (--images says where)"
exits 0 "told where, with all" "$engine" import --json foundry records.jsonl others --images jobs
equals "of them" "$(jq -c '[.records, .without_file]' "$out")" '[4,0]'
equals "kept" "$(copies others)" 4
exits 0 "sound, too" "$engine" verify others

echo "-- names that lead out, and inputs that tell of no file"
line=$(sed -n 1p records.jsonl)
cp jobs/job-1.png outside.png
mkdir in
jq -c '.input += {path: "../outside.png", name: ".."}' <<<"$line" >in/out.jsonl
jq -c '.id = "x" | .input.sha256 = "no hash" | .provenance.path = "p"' <<<"$line" >>in/out.jsonl
exits 0 "they come in" "$engine" import --json foundry in/out.jsonl names
equals "with no file from outside" "$(jq -c '[.records, .without_file]' "$out") $(copies names)" '[2,1] 0'
exits 5 "nor is it found later" "$engine" export names --format openai-chat --prompt Read. --out names.jsonl
holds "whatever it says" test ! -e names.jsonl
exits 0 "what is no file is a value" "$engine" export names --format foundry --out names.jsonl
equals "as it was" "$(jq -r 'select(.id == "x").input.value.sha256' names.jsonl)" "no hash"
exits 0 "the record is sound" "$engine" verify names

echo "-- a model from texts by reference"
labels_pipeline "audit: 100%" <<'YAML'
    trainer: {uses: learner/train, timeout: 2m}
    promote: {minimum: 3, alpha: 0.2}
YAML
sed -i 's/^inputs: .*/inputs: {match: ["*.txt"], keep: reference}/' labels.yaml
mkdir texts
"$engine" run labels.yaml texts >/dev/null 2>&1
uuid=$(sqlite3 texts/.foundry/state.db "SELECT body ->> '$.uuid' FROM payload WHERE event = 1")
number=0
# texts COUNT SPLIT: so many new ones.
texts() {
    local left=$1
    while ((left > 0)); do
        number=$((number + 1))
        [[ $(split "t$number.txt") == "$2" ]] || continue
        left=$((left - 1))
        if ((number % 2)); then echo "onions leeks $number"; else echo "nails screws $number"; fi >"texts/t$number.txt"
    done
}
texts 16 train
texts 8 eval
exits 3 "they are labelled and asked about" "$engine" run labels.yaml texts
for name in texts/*.txt; do
    label=tools
    grep -q onions "$name" && label=food
    "$engine" answer texts "${name#texts/}" --as ann --set "/label=$label" >/dev/null 2>"$err" ||
        not_ok "$name is answered: $(cat "$err")"
done
equals "no copy is kept" "$(copies texts)" 0
exits 0 "a model is trained, tried and promoted" "$engine" train texts
equals "by the texts" "$("$engine" models list --json texts | jq -r 'select(.state == "production").version')" 1
exits 0 "the record is sound" "$engine" verify texts
finish
