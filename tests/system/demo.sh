#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `demo` without a terminal, both use cases: log in by the printed link, answer every card through
# the API from the samples' truth, and read the report and the exported file.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=demo_lib.sh
source "$FOUNDRY_SOURCE_ROOT/tests/system/demo_lib.sh" || exit 1
unset FOUNDRY_PLUGIN_PATH # nothing but what ships
unset DISPLAY WAYLAND_DISPLAY

# demo CASE SAMPLES [OPTION…]: from start to export; leaves stdout in report, the exit code in code.
demo() {
    local samples=$FOUNDRY_SOURCE_ROOT/pipelines/$2/samples pid i
    rm -f cookies report
    "$engine" demo --case "$1" --no-browser "${@:3}" jobs-"$1" >report 2>progress </dev/null &
    pid=$!
    for ((i = 0; i < 1200; i++)); do
        [[ -s report ]] && break
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05 # the line is not there yet
    done
    link=$(head -1 report)
    url=${link%%/login*}
    equals "$1: the login link logs in" "$(curl --silent --cookie-jar cookies --output /dev/null \
        --write-out '%{http_code}' "$link")" 303
    answer_all "$samples" "$pid"
    code=0
    wait "$pid" || code=$?
    equals "$1: it ends when the last card is answered" "$code" 0
    sed 's/^/        /' progress | tail -40
    sed -n '2,6s/^/        /p' report
}

start=$(date +%s.%N)
demo poles pole-detection --threshold 0.8 --port 18000
took=$(jq -n --arg from "$start" --arg to "$(date +%s.%N)" '(($to|tonumber) - ($from|tonumber)) * 10 | round / 10')
echo "        poles: $took s from start to export"
says "poles: it says that it goes by rules" "by rules" progress
says "poles: and tells of jobs that move" "pole-002.jpg: answered, goes on" progress
# Before anything was learnt nobody can say that no pole is missing: each picture is asked.
equals "poles: auto-accepted" "$(reported auto-accepted)" 0
says "poles: asked" "12: " <(sed -n 's/^asked  *//p' report)
holds "poles: fields were changed" test "$(reported 'fields changed')" -ge 4
equals "poles: twelve answers of two seconds" "$(reported seconds)" 24.0
file=$(sed -n 's/^exported  *\(.*\) (.*/\1/p' report)
equals "poles: the file has a line for each" "$(grep -c . "$file")" 12
equals "poles: the first corrected line is shown as it is in the file" \
    "$(tail -1 report)" "$(grep -m1 '"verdict":"corrected"' "$file")"
for i in 01 02 03 04 05 06 07 08 09 10 11 12; do
    equals "poles: pole-0$i is as its truth has it" "$(jq -c '[.boxes[].box]' "jobs-poles/out/pole-0$i.json")" \
        "$(jq -c '[.boxes[].box]' "$FOUNDRY_SOURCE_ROOT/pipelines/pole-detection/samples/pole-0$i.truth.json")"
done
exits 0 "poles: the record is whole" "$engine" verify jobs-poles

echo "-- what it refuses"
exits 9 "a folder that is not empty" timeout 60 "$engine" demo --case poles --no-browser jobs-poles
says "is named" "jobs-poles is no empty folder" "$err"
exits 2 "a threshold that is none" timeout 60 "$engine" demo --threshold 90
exits 2 "a port that is none" timeout 60 "$engine" demo --port http
exits 2 "a case that there is not" timeout 60 "$engine" demo --case cats

echo "-- a taken port, Ctrl-C"
python3 -c 'import socket, time
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True)
time.sleep(600)' >taken &
holder=$!
until [[ -s taken ]]; do sleep 0.05; done
port=$(<taken)
rm -f report
"$engine" demo --case poles --no-browser --json --port "$port" jobs-taken >report 2>progress </dev/null &
pid=$!
until [[ -s report ]] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
found=$(head -1 report | jq -r '.login | capture(":(?<port>[0-9]+)/").port')
holds "the next free port is taken" test "$found" -gt "$port"
kill -INT "$pid"
code=0
wait "$pid" || code=$?
equals "Ctrl-C ends it" "$code" 130
equals "with a report all the same" "$(tail -1 report | jq -c '[.type, .corrected, .line]')" '["end",0,null]'
kill "$holder"

echo "-- a terminal is asked"
mkfifo keys
script -qec "stty cols 80; $(printf '%q ' "$engine" demo --no-browser --port 18200 jobs-asked)" /dev/null \
    <keys >typescript 2>&1 &
pid=$!
exec 8>keys
printf '3\n2\nhigh\n0.7\n' >&8
for ((i = 0; i < 600; i++)); do
    grep -q 'login?token' typescript && break
    sleep 0.1
done
equals "an answer that is none is asked again" "$(grep -o 'Use case:' typescript | grep -c .)" 2
says "the answers are heeded" "Pole Detection over 12 pictures in jobs-asked, asking below 0.7" typescript
printf '\003' >&8 # Ctrl-C
code=0
wait "$pid" || code=$?
exec 8>&-
equals "Ctrl-C on the terminal ends it" "$code" 130
says "with its report" "nothing was corrected" typescript
equals "nothing is wider than 80 columns" "$(wider_than_80 typescript)" ""

if "$engine" plugins inspect tesseract >"$out" 2>"$err"; then
    start=$(date +%s.%N)
    demo invoice invoice-ocr --port 18100
    took=$(jq -n --arg from "$start" --arg to "$(date +%s.%N)" '(($to|tonumber) - ($from|tonumber)) * 10 | round / 10')
    echo "        invoice: $took s from start to export"
    auto=$(reported auto-accepted)
    asked=$(sed -n 's/^asked  *\([0-9]*\).*/\1/p' report)
    equals "invoice: all twelve are accounted for" $((auto + asked)) 12
    holds "invoice: some were corrected" test "$(sed -n 's/^asked.*: \([0-9]*\) corrected.*/\1/p' report)" -ge 1
    file=$(sed -n 's/^exported  *\(.*\) (.*/\1/p' report)
    equals "invoice: the file has a line for each that was asked" "$(grep -c . "$file")" "$asked"
    equals "invoice: the first corrected line is shown" "$(tail -1 report)" "$(grep -m1 '"verdict":"corrected"' "$file")"
    exits 0 "invoice: the file is sound" "$engine" export validate "$file" --as foundry
else
    echo "        skipped: this build has no tesseract"
fi
finish
