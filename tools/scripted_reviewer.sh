#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A reviewer for samples: reads open requests (`foundry-engine ask list --json`), writes answers for
# `foundry-engine answer JOBDIR -`. It knows nothing but the truth that lies beside each sample, and
# answers only the fields that were asked.
#   tools/scripted_reviewer.sh SAMPLES <requests >answers
set -euo pipefail
samples=${1:?usage: tools/scripted_reviewer.sh SAMPLES <requests >answers}
while IFS= read -r request; do
    path=$(jq -r .path <<<"$request")
    truth=$samples/${path%.*}.truth.json
    if [[ ! -f $truth ]]; then
        echo "scripted_reviewer: no truth for $path: expected $truth" >&2
        exit 1
    fi
    jq -c --slurpfile truth "$truth" '
        def at($p): ($p | split("/")[1:]
            | map(gsub("~1"; "/") | gsub("~0"; "~")
                | if test("^[0-9]+$") then tonumber else . end)) as $way
            | try ($truth[0] | getpath($way)) catch null;
        {request, version, by: "scripted reviewer"}
        + ([.questions[].pointer // ""] as $asked
            # A field inside one that is asked as a whole is answered with it.
            | [$asked[] | . as $p | select([$asked[] | . as $q | select($p | startswith($q + "/"))] == [])
                | {pointer: $p, value: at($p)}]
            | {values: (map(select(.value != null)
                   | {key: .pointer, value: .value}) | from_entries),
               removed: map(select(.value == null and (.pointer | test("/[0-9]+$")))
                   | .pointer)})' <<<"$request"
done
