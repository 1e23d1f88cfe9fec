#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# job.sh PLUGIN: whole jobs through a plugin in Rust, in the sandbox, which `plugins test` passes.
plugin=$(realpath -- "$1")
# shellcheck source-path=SCRIPTDIR source=../../system/lib.sh
source "$(dirname "$0")/../../system/lib.sh"

mkdir plugins jobs
cp "$plugin" plugins/rust-words.so
export FOUNDRY_PLUGIN_PATH=$PWD/plugins
cat >rust.yaml <<'YAML'
foundry: v1
name: rust
inputs: {match: ["*.jsonl"]}
phases:
  - id: turn
    uses: rust-words/turn
    with: {text: "${input.text}", least: 2}
  - id: again
    uses: rust-words/turn
    with: {text: "${turn.turned}"}
YAML
printf '%s\n' '{"id":"a","text":"from rust to c"}' '{"id":"b","text":"short"}' >jobs/in.jsonl

exits 0 "it is described by a worker" "$engine" plugins inspect rust-words
says "with its phase" "rust-words/turn" "$out"
exits 0 "it stands being misused" "$engine" plugins test rust-words
exits 1 "one job completes, one fails" "$engine" run rust.yaml jobs
"$engine" show --json jobs in.jsonl#a >show.json
equals "the first came out as it went in" "$(jq -r .outputs.again.turned show.json)" \
    "from rust to c"
equals "in the sandbox" "$(jq -r '[.history[].isolation // empty] | unique | join(" ")' show.json)" \
    sandbox
exits 0 "the second says why" "$engine" show jobs in.jsonl#b
says "in the plugin's words" "fewer words than" "$out"
exits 0 "the record is whole" "$engine" verify jobs
finish
