#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A program of the user's trains: what it is given, what it may leave, and what becomes of it and of
# all that it starts when it is killed, hangs, dies, prints rubbish, writes no model or one that is
# too large, or when its engine is killed.
# shellcheck source-path=SCRIPTDIR source=lib.sh
script=$(realpath "$0")
source "$(dirname "$0")/lib.sh"

# pipeline SIN [TIMEOUT] [COMMAND]: the pipeline file with that trainer, and $target if one is set.
turn=0 target=
pipeline() {
    turn=$((turn + 1)) # no file is ever the same as one before
    labels_pipeline "audit: 100%${target:+, target_error: $target}" <<YAML
    trainer:
      command: ${3:-[./train.sh, deep]}
      env: {TOLD: "$folder/told", SIN: "$1"}
      with: {turn: "$turn"}
      timeout: ${2:-2m}
YAML
    "$engine" run labels.yaml jobs >/dev/null 2>&1
}

cat >train.sh <<'SH'
#!/bin/sh
echo $$ >"$TOLD"
echo '{"progress":0.25,"note":"epoch 1, loss 0.75"}'
case $SIN in
    well)
        test "$(wc -l <examples.jsonl)" -eq "$(grep -c '"human":{"label"' examples.jsonl)" || exit 9
        test "$(cat artifacts/* | grep -c onions)" -gt 0 || exit 8
        grep -q '"with":{"turn":"[0-9]*"}' request.json || exit 7
        { env; echo "args $*"; echo "nice $(nice)"; echo "folder $(pwd)"; } >model
        echo '{"metrics":{"loss":0.5},"calibration":[]}' >result.json ;;
    steps)
        if test -f artifacts/checkpoint; then
            cat artifacts/checkpoint >model
            exit
        fi
        echo "half way" >checkpoint
        echo '{"progress":0.5,"note":"epoch 2, loss 0.5","checkpoint":true}'
        echo "epoch 2" >>"$TOLD"
        while :; do sleep 1; done ;;
    end)
        echo "kept at the end" >checkpoint
        kill -KILL $$ ;;
    deaf)
        trap '' TERM
        while :; do sleep 1; done ;;
    family)
        setsid sleep 600 &
        echo $! >>"$TOLD"
        (trap '' TERM HUP; while :; do sleep 600; done) &
        echo $! >>"$TOLD"
        echo well >model ;;
    rubbish)
        head -c 300000 /dev/urandom
        printf '\n[1]\n{"progress":7}\n{"note":5}\n{"progress":"x","note":"caf\303\251'
        head -c 70000 /dev/zero | tr '\0' x
        printf '"}\nno json\n{"progress":0.9'
        echo well >model ;;
    parts) # as many models as there are parts, and one of all
        test "$(cat examples.jsonl artifacts/* | grep -c '"human":')" -eq "$(wc -l <examples.jsonl)" || exit 6
        wc -l <examples.jsonl >>"$TOLD.parts"
        grep -c '"previous":null,"checkpoint":null' request.json >>"$TOLD.previous"
        echo "half way" >checkpoint
        echo '{"checkpoint":true}'
        test -f "$TOLD.hold" && while test -f "$TOLD.hold" && test "$(wc -l <"$TOLD.parts")" -eq 3; do sleep 0.1; done
        cat "$TOLD.model" >model ;;
    third) # the second part's
        echo >>"$TOLD.count"
        test "$(wc -l <"$TOLD.count")" -eq 3 && echo "no memory left" >&2 && exit 4
        cat "$TOLD.model" >model ;;
    nothing) ;;
    empty) : >model ;;
    link) ln -s /etc/hostname model ;;
    pipe) mkfifo model ;;
    large) truncate -s 700M model ;;
    result) echo well >model && echo '[1]' >result.json ;;
    exit) echo "cannot find the GPU" >&2 && exit 3 ;;
    full) head -c 20000000 /dev/zero >model ;;
    double) head -c 5000000 /dev/urandom >model ;;
esac
SH
chmod +x train.sh

# told NUMBER: the pid on that line of what the trainer said of itself.
told() { sed -n "$1p" told 2>/dev/null; }

# gone PID…: none of them runs any more.
# shellcheck disable=SC2317 # called by holds
gone() {
    local pid i
    for pid in "$@"; do
        for ((i = 0; i < 600; i++)); do
            [[ -n $pid && ! -e /proc/$pid ]] && continue 2
            grep -q 'State:.Z' "/proc/$pid/status" 2>/dev/null && continue 2
            sleep 0.1
        done
        return 1
    done
}

# recorded: the engine has told of the line that came with the checkpoint.
# shellcheck disable=SC2317 # called by holds
recorded() {
    local i
    for ((i = 0; i < 600; i++)); do
        grep -q "epoch 2" trained.err && return 0
        sleep 0.1
    done
    return 1
}

# model_file: the newest model's bytes.
model_file() {
    local hash
    hash=$("$engine" models show --json jobs words | sed -n '1s/.*"sha256":"\([0-9a-f]*\)".*/\1/p')
    find jobs/.foundry/artifacts -type f | grep "${hash:4}"
}

# answered COUNT: so many new texts to learn from, each with a person's label.
number=0
answered() {
    local left=$1 names=() name
    pipeline well
    uuid=$(sqlite3 jobs/.foundry/state.db "SELECT body ->> '$.uuid' FROM payload WHERE event = 1")
    while ((left > 0)); do
        number=$((number + 1))
        [[ $(split "t$number.txt") == train ]] || continue
        echo "onions leeks $number" >"jobs/t$number.txt"
        names+=("t$number.txt")
        left=$((left - 1))
    done
    "$engine" run labels.yaml jobs >/dev/null 2>&1
    for name in "${names[@]}"; do
        "$engine" answer jobs "$name" --as ann --set /label=food >/dev/null 2>&1 || return 1
    done
}

if [[ ${1:-} == inside ]]; then
    echo "-- a disk that is full"
    mkdir jobs
    mount -t tmpfs -o size=9m,mode=0700 tmpfs jobs || exit 77
    holds "people answer" answered 6
    pipeline full
    exits 1 "a program that fills the disk" "$engine" train jobs words
    says "fails in its own words" "No space left" "$err"
    holds "its folder is gone, and with it what filled the disk" test ! -e jobs/.foundry/training/3
    pipeline double
    exits 0 "a model that fits once: its folder is gone before it is kept" \
        "$engine" train jobs words
    pipeline well
    exits 0 "with space there is a model" "$engine" train jobs words
    exits 0 "the record is what was recorded" "$engine" verify jobs
    cd / && umount "$folder/jobs"
    finish
    exit
fi

mkdir jobs
holds "people answer" answered 6
echo "-- what it is given"
exits 0 "it trains" "$engine" train jobs words
model=$(model_file)
holds "a model is kept" test -n "$model"
equals "with the environment that is declared, and no more" \
    "$(grep -oE '^[A-Za-z_]+=' "$model" | grep -vE '^(PWD|OLDPWD|SHLVL|_)=' | sort | tr -d '\n')" \
    "HOME=LANG=PATH=SIN=TMPDIR=TOLD="
says "with its words" "args deep" "$model"
low=$(($(nice) + 10))
says "at low priority" "nice $((low < 19 ? low : 19))" "$model"
says "in a folder of its own" "folder $(realpath jobs)/.foundry/training/" "$model"
holds "that is gone" test -z "$(ls jobs/.foundry/training)"
exits 0 "models show" "$engine" models show --json jobs words
says "names the program" '"command":["./train.sh","deep"]'
says "and the file of it" "\"./train.sh\":\"$(sha256sum <train.sh | cut -d' ' -f1)\""
says "and that nothing confines it" '"isolation":"none"'
says "and what it measured" '"metrics":{"loss":0.5}'
exits 0 "for people, too" "$engine" models show jobs words
says "said in words" "not confined"

echo "-- what goes wrong"
# sin NAME WORD [TIMEOUT]: the training fails and says WORD.
sin() {
    pipeline "$1" "${3:-2m}" "${4:-}"
    exits 1 "$1: the training fails" "$engine" train jobs words
    says "$1: and says why" "$2" "$err"
    exits 0 "$1: it is listed" "$engine" models list jobs
    says "$1: as failed, with the reason" "$2"
}
sin nothing "without a model"
sin empty "without a model"
sin link "is a link"
sin pipe "model"
sin large "at most"
sin result "no object"
sin exit "exited (3); it said: cannot find the GPU"
sin missing "cannot be started" 2m "[no-such-program]"
sin deaf "2000 ms" 2s
holds "deaf: it is gone" gone "$(told 1)"
sin end "signal 9 (SIGKILL)"
pipeline rubbish
exits 0 "rubbish: it trains all the same" "$engine" train jobs words
says "rubbish: and that is told" "lines that are no progress" "$err"
pipeline family
exits 0 "family: it trains" "$engine" train jobs words
holds "family: nothing of it lives on" gone "$(told 2)" "$(told 3)"

echo "-- killed"
pipeline steps
rm -f told trained.err
"$engine" train jobs words --wait >trained.out 2>trained.err &
engine_pid=$!
holds "it trains" recorded
kill -KILL "$(told 1)"
wait "$engine_pid"
equals "the trainer is killed: the training fails" $? 1
says "by what killed it" "signal 9 (SIGKILL)" trained.err
says "its progress was told, with the loss" "50 %: epoch 2, loss 0.5" trained.err
exits 0 "the retry goes on from its checkpoint" "$engine" train jobs words
equals "which came back whole" "$(cat "$(model_file)")" "half way"
exits 0 "the record is what was recorded" "$engine" verify jobs

holds "another record: there is nothing to go on from" answered 1
pipeline steps
rm -f told trained.err
"$engine" train jobs words --wait >trained.out 2>trained.err &
engine_pid=$!
holds "it trains, and its checkpoint is on record" recorded
kill -KILL "$engine_pid"
wait "$engine_pid" 2>/dev/null
holds "the engine is killed: the trainer is gone" gone "$(told 1)"
exits 0 "the retry goes on from the checkpoint that was on record" "$engine" train jobs words
equals "whole" "$(cat "$(model_file)")" "half way"

holds "another record" answered 1
pipeline steps
rm -f told trained.err
"$engine" train jobs words --wait >trained.out 2>trained.err &
engine_pid=$!
holds "it trains, and its checkpoint is on record" recorded
kill -TERM "$engine_pid"
wait "$engine_pid" 2>/dev/null
holds "the engine is stopped: the trainer is gone" gone "$(told 1)"
exits 0 "models list" "$engine" models list jobs
says "tells that it was stopped" "stopped"
holds "nothing is left of its folder" test -z "$(ls jobs/.foundry/training 2>/dev/null)"
exits 0 "the record is what was recorded" "$engine" verify jobs

echo "-- how sure its model may be"
target=10%
holds "people answer, with a target error rate" answered 6
# A model of the learner's own, so that the phase can use it.
cat >learner.yaml <<YAML
$(sed '/^    trainer:/,$d' labels.yaml)
    trainer: {uses: learner/train}
YAML
"$engine" run learner.yaml jobs >/dev/null 2>&1
exits 0 "a plugin makes a model" "$engine" train jobs words
cp "$(model_file)" told.model
exits 0 "that works on" "$engine" models promote jobs words --as ann --reason "to go on from" \
    --model-version "$("$engine" models show --json jobs words | jq .version)"
before=$(sqlite3 jobs/.foundry/state.db "SELECT count(*) FROM event WHERE kind = 26")
pipeline parts
: >told.hold
"$engine" train jobs words --wait >trained.out 2>trained.err &
engine_pid=$!
# shellcheck disable=SC2317 # called by holds
third() {
    local i
    for ((i = 0; i < 600; i++)); do
        [[ $(wc -l <told.parts 2>/dev/null) == 3 ]] && return 0
        sleep 0.1
    done
    return 1
}
holds "with a target error rate the program is started again, on parts" third
equals "which status tells" "$("$engine" status --json jobs | jq -r '.trainings[0].state')" checking
rm -f told.hold
wait "$engine_pid"
equals "and all goes well" $? 0
all=$(head -n 1 told.parts)
equals "once with all examples, then five times" "$(wc -l <told.parts)" 6
equals "which leave each of them out once" "$(($(tail -n 5 told.parts | paste -sd+)))" $((4 * all))
equals "with nothing to go on from" "$(tail -n 5 told.previous | sort -u)" 1
equals "the first goes on from what is in production" "$(head -n 1 told.previous)" 0
equals "and its checkpoint alone is kept" \
    "$(sqlite3 jobs/.foundry/state.db "SELECT count(*) FROM event WHERE kind = 26")" $((before + 1))
"$engine" models show --json jobs words >shown.json
equals "each example that was looked at under the target was a check" \
    "$(jq '.result.checked' shown.json)" 6
pipeline third
exits 0 "a program that fails on a part has made a model all the same" "$engine" train jobs words
"$engine" models show jobs words >"$out"
says "that is called unproven" "unproven beforehand"
says "and why" "exited (4); it said: no memory left"

target=
if unshare -m true 2>/dev/null; then
    unshare -m bash "$script" inside
    equals "a disk that is full" $? 0
else
    echo "skipped: no file system can be mounted here"
fi
finish
