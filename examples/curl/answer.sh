#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# answer.sh ASK POINTER VALUE…: values are JSON where they can be read as such, else text.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
ask=${1:?an ask, as /v1/asks lists them}
shift
values='{}'
while (($# >= 2)); do
    values=$(jq -c --arg at "$1" --arg text "$2" '.[$at] = ($text | try fromjson catch $text)' \
        <<<"$values")
    shift 2
done
claim=$(api POST "/v1/asks/$ask/claim" --header 'Content-Type: application/json' --data '{}')
body=$(jq -c --argjson values "$values" \
    '{version, fence: .lease.fence, act: "set", values: $values, seconds: 1}' <<<"$claim")
api POST "/v1/asks/$ask/answer" --header 'Content-Type: application/json' --data-binary "$body" |
    jq -c '{ask, event, version}'
