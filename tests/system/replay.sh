#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Past jobs with another version of their plugin, in a shadow space: what it fixes, breaks, asks and
# asks no longer; what people answered holds where the question is the same; and nothing of the past
# is touched.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
other=$fixtures/other/playback.so

# footprint DIR: every file below a job directory with its bytes; reading makes no change to the
# store's own but to the index that SQLite keeps in shared memory.
footprint() {
    (cd "$1" && find . -type f ! -name '*.db-shm' ! -path './.foundry/lock' -print0 | sort -z |
        xargs -0 sha256sum)
    (cd "$1" && find . ! -name '*.db-shm' -printf '%p %m %s %T@\n' | grep -v 'foundry/shadow\|foundry [0-9]\|\.foundry/state.db-wal ' | sort)
}

invoice_pipeline invoice.yaml
invoices jobs
exits 3 "invoices run" "$engine" run invoice.yaml jobs -p threshold=0.95
exits 0 "one is corrected" "$engine" answer jobs job-2.png --as ann \
    --set "supplier_name=Hardware & Son" --set /line_items/0/quantity=10 \
    --set /line_items/0/total_cost=150.00
"$engine" verify jobs >/dev/null 2>&1
footprint jobs >before.txt

echo "-- with a later version"
exits 0 "what people corrected" "$engine" replay jobs --where verdict=corrected --plugin "$other" \
    --diff
says "which version" "playback 2.0.0"
says "one field is fixed" "fixed 1, broken 0, unchanged 8, still wrong 2"
says "and named, with what is right" \
    'fixed: job-2.png /supplier_name: "Hardwar & Son" → "Hardware & Son", right is "Hardware & Son"'
says "it is not asked any more" "no longer asked: job-2.png /supplier_name"
says "scored by a person's word" "1 with a person's word, 11 fields: right 9 (81.8 %), before 8 (72.7 %)"
footprint jobs >after.txt
holds "no byte of the past is another" cmp before.txt after.txt
exits 0 "and verify agrees" "$engine" verify --deep jobs
holds "the shadow space is gone" test -z "$(ls -A jobs/.foundry/shadow)"

exits 0 "all jobs" "$engine" replay jobs --plugin "$other" --json
equals "without a person's word a field is the same or differs" \
    "$(jq -c 'select(.type == "end") | [.jobs, .with_truth, .fixed, .broken, .differs, .newly_asked, .no_longer_asked]' "$out")" \
    '[4,1,1,0,2,3,1]'

echo "-- something broke"
exits 0 "job 1 was asked, and right" "$engine" run invoice.yaml jobs --upgrade -p threshold=0.95
mkdir more && cp jobs/job-1.png jobs/job-2.png jobs/job-3.png more/
exits 3 "all are asked" "$engine" run invoice.yaml more -p threshold=0.995
exits 0 "one is right" "$engine" answer more job-1.png --accept --as ann
exits 0 "another, too" "$engine" answer more job-3.png --accept --as ann
exits 0 "one is corrected" "$engine" answer more job-2.png --as ann --set "supplier_name=Hardware & Son" \
    --set /line_items/0/quantity=10 --set /line_items/0/total_cost=150.00
exits 1 "a field that was right and is wrong is a difference" "$engine" replay more --plugin "$other" --diff
says "it is named" 'broken: job-1.png /supplier_name: "Office Supplies Co." → "Orifice Supplies Co.", right is "Office Supplies Co."'
says "one is fixed all the same" "fixed: job-2.png /supplier_name"
says "the answer to the same question held" "answers that held 1"
exits 0 "the same version again: nothing is another" "$engine" replay more --plugin "$fixtures/playback.so" --json
equals "in nothing" \
    "$(jq -c '[.fixed, .broken, .differs, .newly_asked, .no_longer_asked, .answers_reused]' "$out")" '[0,0,0,0,0,3]'
exits 0 "one job by its path" "$engine" replay more --plugin "$other" --where 'path=*-2.png' --json
equals "and no other" "$(jq .jobs "$out")" 1

echo "-- values as inputs"
sed -e 's/^name: .*/name: notes/' -e 's/match: .*/match: ["*.job.json"]}/' \
    -e 's/input\.stem/input.name/' invoice.yaml >notes.yaml
mkdir notes
for i in 1 2; do
    printf '{"name":"note-%d","content":"note %d"}\n' $i $i >notes/note-$i.job.json
done
exits 3 "they run" "$engine" run notes.yaml notes -p threshold=0.995
exits 0 "one is right" "$engine" answer notes note-1.job.json --accept --as ann
exits 1 "and is broken then" "$engine" replay notes --plugin "$other" --json
equals "the other differs" "$(jq -c '[.jobs, .broken, .differs]' "$out")" '[2,1,1]'

echo "-- beside a live engine"
"$engine" run invoice.yaml more --watch -p threshold=0.995 >/dev/null 2>&1 &
watcher=$!
for ((i = 0; i < 200; i++)); do
    [[ $("$engine" status --json more 2>/dev/null | jq .engine) != null ]] && break
    sleep 0.1
done
exits 1 "it works, too" "$engine" replay more --plugin "$other" --where path=job-1.png
kill -TERM "$watcher"
wait "$watcher" 2>/dev/null

echo "-- what it refuses"
exits 2 "no plugin" "$engine" replay jobs
exits 2 "a condition that there is not" "$engine" replay jobs --plugin "$other" --where colour=red
says "those that there are are told" "pipeline=NAME, path=GLOB" "$err"
exits 5 "no such file" "$engine" replay jobs --plugin ./nowhere.so
exits 5 "no such job" "$engine" replay jobs --plugin "$other" --where path=none
exits 5 "a plugin that the pipeline does not use" "$engine" replay jobs --plugin "$fixtures/steps.so"
says "is named" "plugin steps" "$err"
exits 6 "no plugin at all" "$engine" replay jobs --plugin invoice.yaml
mkdir -p jobs/.foundry/shadow/999999999-x/jobs && touch jobs/.foundry/shadow/999999999-x/jobs/left
rm -f jobs/.foundry/artifacts/*/*
exits 1 "inputs that are gone are told" "$engine" replay jobs --plugin "$other"
says "by name" "job-2.png cannot be run again" "$err"
holds "and what a killed replay left is swept" test ! -e jobs/.foundry/shadow/999999999-x
finish
