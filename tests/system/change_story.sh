#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Pipeline and plugin change while jobs wait: they finish on what they started with; a missing copy is
# named by its hash; a dry run says what could move, and --upgrade moves it.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

mkdir plugins
cp "$fixtures/playback.so" plugins/
export FOUNDRY_PLUGIN_PATH=$folder/plugins
invoice_pipeline invoice.yaml
for name in jobs gone moved swept; do
    invoices $name
    exits 3 "$name: jobs wait" "$engine" run invoice.yaml $name -p threshold=0.99 || finish
done
"$engine" show --json jobs job-1.png >before.json

echo "-- the YAML is edited, the plugin swapped"
# shellcheck disable=SC2016 # the pipeline's own ${…}
sed -i 's/name: "${input.stem}.json"/name: "changed-${input.stem}.json"/' invoice.yaml
cp "$fixtures/noop.so" plugins/playback.so
exits 4 "a run shows that the plugin is gone" "$engine" run invoice.yaml jobs -p threshold=0.99
says "and which" "there is no plugin \"playback\"" "$err"
cp "$fixtures/playback.so" plugins/playback.new
printf '\0' >>plugins/playback.new # another file of the same plugin
mv plugins/playback.new plugins/playback.so
exits 3 "a run shows the difference" "$engine" run invoice.yaml jobs -p threshold=0.99
says "of the pipeline" "changed-" "$err"
says "and of the plugin" "plugin playback" "$err"
says "and what could be done" "--upgrade" "$err"
"$engine" ask list --json jobs | jq -c '{request, accept: true}' >answers.ndjson
equals "four wait" "$(wc -l <answers.ndjson)" 4
exits 0 "they are answered" "$engine" answer jobs - <answers.ndjson
holds "and finish on what they started with" test -f jobs/out/job-1.json
holds "not on what changed" test ! -e jobs/out/changed-job-1.json
equals "under the pin they came in with" \
    "$("$engine" show --json jobs job-1.png | jq .pin)" "$(jq .pin before.json)"

echo "-- a pinned copy is gone"
chmod u+w gone/.foundry/plugins gone/.foundry/plugins/*
hash=$(sha256sum "$fixtures/playback.so" | cut -c1-64)
detect=$(sha256sum "$FOUNDRY_BUILD_ROOT/plugins/detect/detect.so" | cut -c1-64)
holds "the copy is named by its hash" test -f "gone/.foundry/plugins/$hash.so"
rm "gone/.foundry/plugins/$detect.so"
number=$(request gone job-2.png)
code=0
"$engine" answer gone "$number" --accept >"$out" 2>"$err" || code=$?
holds "an answer cannot go on" test $code -ne 0
says "and says which hash is missing" "$detect" "$err"

exits 0 "an answered job whose copy is gone" "$engine" answer moved job-1.png --accept --no-run
chmod u+w moved/.foundry/plugins moved/.foundry/plugins/*
mv "moved/.foundry/plugins/$hash.so" aside.so
for again in "is held" "is still held at the next run"; do
    exits 3 "$again" "$engine" run invoice.yaml moved -p threshold=0.99
    says "and says so, with the phase" "job-1.png: waits at finish: " "$err"
    says "with the missing hash" "$hash" "$err"
    says "and what to do" "1 cannot go on: mend what is missing" "$err"
    says "beside those that wait for people" "3 jobs wait for people" "$err"
done
exits 0 "status says why" "$engine" status moved
says "with the hash" "$hash"
equals "as JSON, too" "$("$engine" status --json moved | jq -r '.held[].path')" job-1.png
mv aside.so "moved/.foundry/plugins/$hash.so"
exits 3 "put back, it goes on" "$engine" run invoice.yaml moved -p threshold=0.99
holds "to its end" test -f moved/out/job-1.json
equals "nothing is held any more" "$("$engine" status --json moved | jq -c '.held')" "[]"

echo "-- moved to what is there now"
pin=$("$engine" show --json moved job-3.png | jq .pin)
exits 0 "a dry run moves nothing" "$engine" run invoice.yaml moved -p threshold=0.99 --upgrade \
    --dry-run
equals "and lists the three that have not ended" "$(grep -c 'moves' "$out")" 3
equals "nothing has moved" "$("$engine" show --json moved job-3.png | jq .pin)" "$pin"
sed 's/id: extract/id: fetch/; s/of: extract/of: fetch/' invoice.yaml >renamed.yaml
code=0
"$engine" run renamed.yaml moved -p threshold=0.99 --upgrade --dry-run >"$out" 2>"$err" || code=$?
equals "under a pipeline that they cannot follow, none of the three would" \
    "$(grep -c 'moves' "$out") $(grep -c 'stays' "$out")" "0 3"
says "and each says why" "job-3.png: stays, phase 1 was extract and is fetch now; it has run or stands there"
equals "nothing has moved there, either" "$("$engine" show --json moved job-3.png | jq .pin)" "$pin"
exits 3 "an upgrade moves them" "$engine" run invoice.yaml moved -p threshold=0.99 --upgrade
holds "to another pin" test "$("$engine" show --json moved job-3.png | jq .pin)" -gt "$pin"
"$engine" ask list --json moved | jq -c '{request, accept: true}' >answers.ndjson
exits 0 "answered" "$engine" answer moved - <answers.ndjson
holds "they finish on what changed" test -f moved/out/changed-job-3.json
exits 0 "the record is sound" "$engine" verify moved

echo "-- nobody stands under the old pin any more, but what its plugin said is still asked about"
exits 3 "an upgrade moves all" "$engine" run invoice.yaml swept -p threshold=0.99 --upgrade
exits 0 "gc" "$engine" gc swept
says "leaves the copy that said the values" "0 plugin copies"
"$engine" ask list --json swept | jq -c '{request, accept: true}' >answers.ndjson
exits 0 "the answers become records" "$engine" answer swept - <answers.ndjson
exits 0 "whose makers are all there" "$engine" verify swept
exits 0 "for gc, too" "$engine" gc swept
exits 0 "and after it" "$engine" verify swept
chmod u+w swept/.foundry/plugins
rm -f "swept/.foundry/plugins/$hash.so"
exits 1 "a lost one is a flaw" "$engine" verify swept
says "by which records came to be" "plugins/$hash.so is missing"
says "and what would do" "put that very file there again"
cp "$fixtures/playback.so" "swept/.foundry/plugins/$hash.so"
exits 0 "put back, it is none" "$engine" verify swept
finish
