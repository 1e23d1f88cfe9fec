# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What tests of `demo` share: a person at the API, and what was told.
# shellcheck disable=SC2154 # url is the caller's

# api METHOD PATH [CURL OPTION…]: as the page asks, by cookie and origin.
api() {
    local method=$1 path=$2
    shift 2
    curl --silent --show-error --fail-with-body --cookie cookies --header "Origin: $url" \
        --header 'Content-Type: application/json' --request "$method" "$@" "$url$path"
}

# answer_open SAMPLES: every card that is there, from the truth beside the samples.
answer_open() {
    local ask claim truth body
    for ask in $(api GET '/v1/asks?state=open&limit=200' 2>/dev/null | jq -r '.items[].id'); do
        claim=$(api POST "/v1/asks/$ask/claim" --data '{}') || continue
        truth=$1/$(jq -r '.job.path | sub("\\.[^.]*$"; "")' <<<"$claim").truth.json
        body=$(jq -c --slurpfile truth "$truth" '
            def at($p): ($p | split("/")[1:] | map(if test("^[0-9]+$") then tonumber else . end))
                as $way | try ($truth[0] | getpath($way)) catch null;
            [.questions[].pointer // ""] as $asked
            | [$asked[] | . as $p | select([$asked[] | . as $q | select($p | startswith($q + "/"))] == [])
                | {pointer: $p, value: at($p)}] as $fields
            | {version, fence: .lease.fence, act: "set", seconds: 2,
               values: ($fields | map(select(.value != null) | {key: .pointer, value: .value})
                   | from_entries),
               removed: ($fields | map(select(.value == null and (.pointer | test("/[0-9]+$")))
                   | .pointer))}' <<<"$claim")
        api POST "/v1/asks/$ask/answer" --data "$body" >reply ||
            { not_ok "the answer to $ask is taken"; cat reply; return 1; }
    done
}

# answer_all SAMPLES PID: every card until the demo has ended.
answer_all() {
    while kill -0 "$2" 2>/dev/null; do
        answer_open "$1" || return 1
        sleep 0.1
    done
}

# reported FIELD: the number behind a line's name.
reported() { sed -n "s/^$1  *\([0-9.]*\).*/\1/p" report; }

# wider_than_80 TYPESCRIPT: the lines that a terminal of 80 columns had to break, after what was typed at it.
wider_than_80() {
    sed 's/\x1b\[[0-9;]*[A-Za-z]//g; s/^.*\[1\]: //; s/^.*\[0\.9\]: //' "$1" | tr '\r' '\n' |
        grep -E '^.{81,}' || true
}
