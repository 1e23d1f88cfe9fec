#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A plugin made by `new plugin`, built outside of the tree, dropped into the plugin folder: the next
# command knows it, and it pauses a job, with nothing of the engine built again.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

sha256sum "$engine" >engine.sum
exits 0 "a detector's folder is made" "$engine" new plugin too-large --kind detector || finish
says "its files are named" "too-large/plugin.c"
exits 9 "not twice" "$engine" new plugin too-large --kind detector
exits 2 "not of an unsound name" "$engine" new plugin ../up --kind phase
exits 2 "nor without a kind" "$engine" new plugin other
exits 0 "a phase's, too" "$engine" new plugin other --kind phase --dir elsewhere --json
equals "as JSON" "$(jq -r .directory "$out")" elsewhere
for made in too-large elsewhere; do
    exits 0 "$made builds and tests at once" make -s -C $made test CC="${CC:-cc}"
done
mkdir plugins
exits 5 "before it is dropped in, nobody knows it" "$engine" plugins inspect too-large
export FOUNDRY_PLUGIN_PATH=$fixtures:$folder/plugins
echo '{foundry: v1, name: idle, inputs: {match: ["*.idle"]}, phases: [{id: one, uses: steps/flaky, with: {succeed_at: 1}}]}' >idle.yaml
mkdir jobs
"$engine" run idle.yaml jobs --watch >watch.out 2>&1 &
watcher=$!
for ((i = 0; i < 100; i++)); do
    [[ $("$engine" status --json jobs 2>/dev/null | jq .engine) == "$watcher" ]] && break
    sleep 0.1
done
equals "an engine that began before" "$("$engine" status --json jobs | jq .engine)" "$watcher"
exits 0 "it can be named for one command" "$engine" plugins inspect too-large --plugin-path too-large
exits 0 "beside the ones that are there" "$engine" plugins inspect detect --plugin-path too-large
exits 0 "a folder may be named twice" "$engine" plugins inspect playback --plugin-path "$fixtures"
exits 5 "before it is dropped in, the next command does not know it" "$engine" plugins inspect too-large
cp too-large/too-large.so plugins/
exits 0 "dropped in, it is listed at the next command" "$engine" plugins list
says "by its name" "too-large"
exits 0 "and can be looked at" "$engine" plugins inspect too-large
says "with what it takes" "max: number"
cat >gate.yaml <<'YAML'
foundry: v1
name: gate
inputs: {match: ["*.job.json"]}
phases:
  - id: extract
    uses: playback/play
    with: {n: "${input.n}", results: [{total: 10}, {total: 5000}]}
  - id: review
    uses: foundry/human
    with:
      of: extract
      detectors: [{uses: too-large/check, with: {field: /total, max: 1000}}]
YAML
echo '{"n": 1}' >jobs/small.job.json
echo '{"n": 2}' >jobs/large.job.json
exits 3 "it pauses the job it is about" "$engine" run gate.yaml jobs
says "also in an engine that began before it was there" "pid $watcher has jobs" "$err"
equals "and that one alone" "$("$engine" ask list --json jobs | jq -c '[.path, .questions[0].pointer]')" \
    '["large.job.json","/total"]'
exits 0 "an answer lets it go on" "$engine" answer jobs large.job.json --set total=500
kill -TERM $watcher
wait $watcher 2>/dev/null
holds "nothing of the engine was built again" sha256sum --quiet -c engine.sum
exits 0 "the pipeline's schema knows it" "$engine" schema too-large/check
equals "as JSON Schema" "$(jq -r .properties.max.type "$out")" number
exits 0 "so does the schema of pipelines" "$engine" schema
says "with the phases on the path" '"playback/play"'
finish
