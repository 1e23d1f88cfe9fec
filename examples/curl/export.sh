#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# export.sh FORMAT FILE: the corrections so far as a dataset, checked against its hash.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
file=${2:?where to put it}
made=$(api POST /v1/exports --header 'Content-Type: application/json' \
    --data "$(jq -cn --arg format "${1:?a format}" '{format: $format}')")
api GET "$(jq -r .url <<<"$made")" --output "$file" >/dev/null
echo "$(jq -r .sha256 <<<"$made")  $file" | sha256sum --check --quiet
jq -r '"\(.lines) lines"' <<<"$made"
