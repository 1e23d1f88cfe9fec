#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# examples/fastapi, flask and celery against a real server: hand in, hear of it by a signed webhook,
# answer from the application's own form, hear that it is completed. Debian's Python has the packages.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
unset FOUNDRY_PLUGIN_PATH
export PYTHONDONTWRITEBYTECODE=1 FOUNDRY_SECRET_HOOK=a-secret-of-this-test-only
python=/usr/bin/python3
examples=$FOUNDRY_SOURCE_ROOT/examples

free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# until_true WHAT COMMAND…: asks for a minute.
until_true() {
    local what=$1 i
    shift
    for ((i = 0; i < 600; i++)); do
        "$@" >/dev/null 2>&1 && { ok "$what"; return 0; }
        sleep 0.1
    done
    not_ok "$what: not within a minute: $*"
    return 1
}
# shellcheck disable=SC2317 # called by until_true
heard() { curl --silent --fail "$app/events" | grep -q "$1"; }
# shellcheck disable=SC2317
is_up() { curl --silent --output /dev/null "$app/events"; }
# shellcheck disable=SC2317
state_is() { [[ $(curl --silent --fail "$app/texts/$id" | jq -r .state) == "$1" ]]; }

# signed BODY SECONDS SECRET: the header that Foundry would send.
signed() {
    printf 't=%s,v1=%s' "$2" "$(printf '%s.%s' "$2" "$1" |
        openssl dgst -sha256 -hmac "$3" -hex | sed 's/.* //')"
}
# hook_says WHAT CODE SIGNATURE
hook_says() {
    equals "$1" "$(curl --silent --output /dev/null --write-out '%{http_code}' --data-binary "$body" \
        --header 'Content-Type: application/json' --header "Foundry-Signature: $3" "$app/hook")" "$2"
}

# example NAME PROGRAM…: the story; the program runs in the example's folder, on $port.
example() {
    local name=$1 pids=() ask
    shift
    echo "-- $name"
    mkdir "jobs-$name"
    cp "$examples/common/approve.yaml" "$name.yaml"
    sed -i "s/127.0.0.1:8090/127.0.0.1:$port/" "$name.yaml"
    rm -f listening
    "$engine" serve "jobs-$name" --json --listen 127.0.0.1:0 --pipeline "$name.yaml" >listening \
        2>"$name.engine" &
    pids+=($!)
    until [[ -s listening ]] || ! kill -0 "${pids[0]}" 2>/dev/null; do sleep 0.05; done
    FOUNDRY_URL=$(jq -r .url listening) FOUNDRY_TOKEN=$(jq -r .token listening)
    export FOUNDRY_URL FOUNDRY_TOKEN
    (cd "$examples/$name" && exec "$@") >"$name.log" 2>&1 &
    pids+=($!)
    app=http://127.0.0.1:$port
    until_true "$name: the application is up" is_up || tail -5 "$name.log"
    id=$(curl --silent --header 'Content-Type: application/json' \
        --data '{"text": "please refund me"}' "$app/texts" | jq -r '.job // .task')
    until_true "$name: it hears of the question by webhook" heard asked || tail -5 "$name.log"
    curl --silent "$app/" >page
    says "$name: the form shows the question" "mentions &quot;refund&quot;" page
    ask=$(sed -n 's|.*action="\(/answer/[^"]*\)".*|\1|p' page)
    equals "$name: an answer by the form is taken" "$(curl --silent --output /dev/null \
        --write-out '%{http_code}' --data-urlencode 'content=PLEASE HELP ME' "$app$ask")" 303
    until_true "$name: the job is completed" state_is completed || tail -5 "$name.log"
    until_true "$name: it hears of that, too" heard completed
    equals "$name: with what was answered" \
        "$(curl --silent "$app/texts/$id" | jq -r .reviewed.content 2>/dev/null)" "PLEASE HELP ME"
    equals "$name: which is in its file" "$(cat "jobs-$name"/out/* | jq -r .content)" "PLEASE HELP ME"

    body='{"delivery":"forged","type":"completed","job":{"id":"x","path":"x"}}'
    hook_says "$name: a webhook without a signature is refused" 401 ""
    hook_says "$name: one under another secret" 401 "$(signed "$body" "$(date +%s)" another)"
    hook_says "$name: one of an hour ago" 401 \
        "$(signed "$body" "$(($(date +%s) - 3600))" "$FOUNDRY_SECRET_HOOK")"
    hook_says "$name: one whose body was changed" 401 \
        "$(signed "$body " "$(date +%s)" "$FOUNDRY_SECRET_HOOK")"
    holds "$name: none of them was heard" test "$(curl --silent "$app/events" | grep -c forged)" -eq 0
    kill "${pids[@]}"
    wait "${pids[@]}" 2>/dev/null
}

# has MODULE…: whether Debian's Python has them; a skip is told.
has() {
    local module
    for module in "$@"; do
        "$python" -c "import $module" 2>/dev/null && continue
        echo "        skipped: $python has no module $module (./dev deps test installs it)"
        return 1
    done
}

if has fastapi uvicorn; then
    port=$(free_port)
    example fastapi "$python" -m uvicorn app:app --port "$port" --log-level warning
fi
if has flask; then
    port=$(free_port)
    example flask "$python" -m flask --app app run --port "$port"
fi
if has celery flask redis && command -v redis-server >/dev/null; then
    port=$(free_port)
    redis=$(free_port)
    export REDIS_URL=redis://127.0.0.1:$redis/0
    redis-server --port "$redis" --bind 127.0.0.1 --save '' --appendonly no --dir "$folder" >redis.log &
    cat >celery.sh <<SH
$python -m celery -A tasks worker --pool solo --loglevel warning &
worker=\$!
trap 'kill \$worker \$web; wait' TERM
$python -m flask --app app run --port $port &
web=\$!
wait
SH
    example celery bash "$folder/celery.sh"
fi
finish
