#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What keeps a job directory well: backup beside a live engine and from a dead one, a backup that is
# run, gc, a lost tail that a person accepts.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

cat >steps.yaml <<'YAML'
foundry: v1
name: steps
inputs: {match: ["*.job.json"]}
phases:
  - {id: copy, uses: steps/copy, with: {value: "${input}"}}
  - {id: keep, uses: steps/keep, with: {text: "${input.text}"}}
  - {id: review, uses: foundry/human, with: {of: copy, audit: 100%}}
  - {id: last, uses: steps/copy, with: {value: "${review}"}}
YAML
cat >slow.yaml <<'YAML'
foundry: v1
name: slow
inputs: {match: ["*.job.json"]}
phases:
  - {id: slow, uses: steps/slow, with: {ms: 600000}}
YAML
mkdir jobs
for name in one two three; do
    printf '{"name":"%s","text":"kept for %s"}\n' $name $name >jobs/$name.job.json
done

# flight DIR: wait until a phase runs there.
# shellcheck disable=SC2317 # called by holds
flight() {
    for ((i = 0; i < 400; i++)); do
        "$engine" status --json "$1" 2>/dev/null | jq -e '.flight | length > 0' >/dev/null &&
            return 0
        sleep 0.05
    done
    return 1
}

echo "-- backup"
exits 3 "three jobs wait" "$engine" run steps.yaml jobs
exits 0 "backed up" "$engine" backup --json jobs kept/ # its parent is this folder
equals "its folder is named" "$(jq -r .directory "$out")" kept
equals "its artifacts counted" "$(jq .artifacts "$out")" 3
equals "its plugin copies, too" "$(jq .plugins "$out")" 1
exits 9 "never over something" "$engine" backup jobs kept
says "and says so" "is there already" "$err"
exits 5 "nor into nowhere" "$engine" backup jobs no/such/kept
exits 0 "the backup is sound" "$engine" verify kept
exits 0 "its questions can be answered" "$engine" answer kept one.job.json --accept
equals "and its job ends there" "$(counts kept completed)" 1
equals "but not here" "$(counts jobs completed)" 0
cp jobs/*.job.json kept/
exits 3 "it runs on as a job directory" "$engine" run steps.yaml kept
equals "with no job twice" "$(($(counts kept completed) + $(counts kept paused)))" 3

echo "-- backup beside a live engine"
mkdir busy
cp jobs/*.job.json busy/
"$engine" run slow.yaml busy >live.out 2>&1 &
live=$!
holds "an engine is at work" flight busy
exits 0 "backed up meanwhile" "$engine" backup busy beside
exits 0 "the backup is sound" "$engine" verify beside
exits 7 "gc is refused while jobs run" "$engine" gc busy
says "with the reason" "jobs are running" "$err"
# Two that come at once count as one; the second one stops a phase that would go on for long.
while kill -TERM $live 2>/dev/null; do
    sleep 0.2
done
wait $live
exits 0 "the directory is sound" "$engine" verify busy
rm -rf beside

echo "-- a backup that is killed leaves no half one"
for ((i = 1; i <= 12; i++)); do
    "$engine" backup jobs killed >/dev/null 2>&1 &
    pid=$!
    disown $pid # no word of its end
    (sleep "0.00$i" && kill -KILL $pid) 2>/dev/null
    while kill -0 $pid 2>/dev/null; do sleep 0.01; done
    if [[ -e killed ]]; then
        "$engine" verify killed >"$out" 2>"$err" || not_ok "half a backup has its name"
        rm -rf killed
    fi
done
ok "12 backups were killed; none that had its name was not whole"
rm -rf .foundry-*.backup

echo "-- a damaged directory is not backed up"
cp -a jobs broken
artifact=$(find broken/.foundry/artifacts -type f | head -1)
printf X >>"$artifact"
exits 1 "refused" "$engine" backup broken never
says "with the file's name" "${artifact#broken/.foundry/}" "$err"
holds "and nothing is left" test ! -e never
exits 1 "nor does gc touch it" "$engine" gc broken
says "as what is named cannot be told" "nothing was removed" "$err"

echo "-- verify --deep"
cat >upper.yaml <<'YAML'
foundry: v1
name: upper
inputs: {match: ["*.job.json"]}
phases:
  - {id: shout, uses: text/uppercase, with: {content: "${input.text}"}}
  - {id: review, uses: foundry/human, with: {of: shout, audit: 100%}}
YAML
mkdir upper
cp jobs/*.job.json upper/
exits 3 "three jobs wait" "$engine" run upper.yaml upper
exits 0 "one is answered" "$engine" answer upper one.job.json --set content='BY HAND'
exits 0 "and exported" "$engine" export upper --format foundry
exits 0 "a plain verify" "$engine" verify upper
says "says what it does not look at" "--deep" "$err"
exits 0 "a deep one finds nothing wrong" "$engine" verify --deep --json upper
equals "compiles the pin" "$(jq .deep.pins "$out")" 1
equals "checks all outputs" "$(jq .deep.outputs "$out")" 4
equals "makes the export again" "$(jq .deep.exports "$out")" 1
sed -i 's/BY HAND/BY HANS/' upper/out/foundry.jsonl
exits 0 "a changed export is nothing to a plain verify" "$engine" verify upper
exits 1 "it is to a deep one" "$engine" verify --deep upper
says "which names it" "out/foundry.jsonl: its bytes are not what its manifest tells of"
exits 0 "made again" "$engine" export upper --manifest upper/out/foundry.jsonl.manifest.json
exits 0 "it is fine" "$engine" verify --deep upper
chmod u+w upper/.foundry/plugins/*.so
printf X >>"$(find upper/.foundry/plugins -name '*.so' | head -1)"
exits 1 "an altered plugin copy" "$engine" verify --deep upper
says "does not compile" "does not compile"

echo "-- gc"
exits 0 "nothing is left over" "$engine" gc jobs
says "which it says" "0 artifacts, 0 plugin copies, 0 temporary files"
orphan=$(printf 'nobody named me' | sha256sum | cut -c1-64)
mkdir -p "jobs/.foundry/artifacts/${orphan:0:2}" jobs/out
printf 'nobody named me' >"jobs/.foundry/artifacts/${orphan:0:2}/${orphan:2}"
copy=$(printf 'an old plugin' | sha256sum | cut -c1-64)
printf 'an old plugin' >"jobs/.foundry/plugins/$copy.so"
bash -c 'echo $$' >dead.pid
echo half >"jobs/out/.foundry-$(<dead.pid)-0.tmp"
echo half >"jobs/out/.foundry-$$-0.tmp"
mkdir -p "jobs/out/.foundry-$(<dead.pid)-1.tmp/labels/train"
echo folder >"jobs/out/.foundry-$(<dead.pid)-1.tmp/labels/train/1.txt"
# The files there are, but for those that come and go with a connection.
files() { find jobs -type f ! -name 'state.db-*' ! -name lock | sort | sha256sum; }
before=$(files)
exits 0 "a dry run" "$engine" gc --dry-run jobs
says "tells of all" "1 artifacts, 1 plugin copies, 2 temporary files: 40 bytes would be freed"
equals "and removes nothing" "$(files)" "$before"
exits 0 "a real one" "$engine" gc --json jobs
equals "tells a line each" "$(jq -c 'select(.type == "gc") | .size' "$out" | sort -n | tr '\n' ' ')" \
    "5 7 13 15 "
equals "and the sum" "$(jq 'select(.type == "end") | .size' "$out")" 40
holds "half a folder is gone, too" test ! -e "jobs/out/.foundry-$(<dead.pid)-1.tmp"
holds "the artifact is gone" test ! -e "jobs/.foundry/artifacts/${orphan:0:2}/${orphan:2}"
holds "the plugin copy, too" test ! -e "jobs/.foundry/plugins/$copy.so"
holds "a live process's file is not" test -e "jobs/out/.foundry-$$-0.tmp"
rm "jobs/out/.foundry-$$-0.tmp"
exits 0 "all that is named is there" "$engine" verify jobs
exits 0 "and can be answered" "$engine" answer jobs two.job.json --accept --no-run

echo "-- gc beside an engine at rest"
mkdir watched
"$engine" run --watch steps.yaml watched >live.out 2>&1 &
live=$!
for ((i = 0; i < 400; i++)); do
    [[ $("$engine" status --json watched 2>/dev/null | jq .engine) == "$live" ]] && break
    sleep 0.05
done
mkdir -p "watched/.foundry/artifacts/${orphan:0:2}"
printf 'nobody named me' >"watched/.foundry/artifacts/${orphan:0:2}/${orphan:2}"
exits 0 "it does the work" "$engine" gc watched
says "and frees the file" "1 artifacts"
kill -TERM $live
wait $live

echo "-- a lost tail"
"$engine" run slow.yaml busy >live.out 2>&1 &
live=$!
holds "an engine is at work" flight busy
disown $live
kill -KILL $live
while kill -0 $live 2>/dev/null; do sleep 0.01; done
last=$(sqlite3 "file:busy/.foundry/state.db?immutable=1" 'SELECT max(id) FROM event')
holds "the log holds what was not yet taken into the record" test -s busy/.foundry/state.db-wal
rm busy/.foundry/state.db-wal
exits 1 "verify sees that its end is missing" "$engine" verify busy
exits 1 "an engine refuses it" "$engine" run steps.yaml busy
says "names the last event there is" "the record ends at $last)" "$err"
says "and what to do" "--accept-loss" "$err"
exits 3 "a person accepts the loss" "$engine" run --accept-loss steps.yaml busy
exits 0 "and the record is sound" "$engine" verify busy
equals "and says that it happened" \
    "$(sqlite3 "file:busy/.foundry/state.db" 'SELECT count(*) FROM event WHERE kind = 15')" 1
finish
