# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the examples share: where the server is, and one call.
set -euo pipefail
: "${FOUNDRY_URL:=http://127.0.0.1:7420}" "${FOUNDRY_TOKEN:?the token that serve printed}"

# api METHOD PATH [CURL OPTION…]: the reply's body; a refusal goes to stderr and ends with 1.
api() {
    local method=$1 path=$2 reply status
    shift 2
    reply=$(curl --silent --show-error --request "$method" --write-out '\n%{http_code}' \
        --header "Authorization: Bearer $FOUNDRY_TOKEN" "$@" "$FOUNDRY_URL$path")
    status=${reply##*$'\n'}
    reply=${reply%$'\n'*}
    if ((status >= 400)); then
        jq -r '"\(.status) \(.code): \(.detail)", (.errors[]? | "  \(.pointer): \(.message)")' \
            <<<"$reply" >&2
        return 1
    fi
    printf '%s\n' "$reply"
}
