#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# submit.sh TEXT: a job of the pipeline `uppercase`, followed until it has ended.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
body=$(jq -cn --arg text "${1:?a text}" '{pipeline: "uppercase", input: {content: $text}}')
key=()
[[ -z ${KEY:-} ]] || key=(--header "Idempotency-Key: $KEY")
job=$(api POST /v1/jobs --header 'Content-Type: application/json' --data-binary "$body" \
    "${key[@]}" | jq -r .id)
while :; do
    now=$(api GET "/v1/jobs/$job")
    state=$(jq -r .state <<<"$now")
    case $state in
    completed | failed | cancelled | paused) break ;;
    esac
    sleep 0.2
done
echo "$job $state"
jq -c '.outputs, (.error // empty)' <<<"$now"
[[ $state == completed ]]
