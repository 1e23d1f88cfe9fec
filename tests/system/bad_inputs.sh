#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What people and file systems come up with: names with newlines and escape codes, folders that are
# empty, read-only, deep or from the future, pipelines that are no YAML. Each gets a clear answer.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

cat >plain.yaml <<'YAML'
foundry: v1
name: plain
inputs: {match: ["*.png"]}
phases:
  - id: step
    uses: steps/flaky
    with: {succeed_at: 1}
YAML

# quiet_terminal WHAT: nothing that drives a terminal is in the last output.
quiet_terminal() {
    # shellcheck disable=SC2016 # the inner shell's
    holds "$1" bash -c '! grep -q "$1" "$2" "$3"' - $'[\001-\010\013-\037]' "$out" "$err"
}

echo "-- names"
mkdir names
picture names/plain.png
picture names/$'new\nline.png'
picture names/$'escape\033[31mred.png'
picture names/$'no-utf8-\xff.png'
picture 'names/ leading and "quoted".png'
ln -s /etc/passwd names/link.png
code=0
"$engine" run -v plain.yaml names >"$out" 2>"$err" || code=$?
holds "odd names end neither badly nor in silence (exit $code)" test $code -eq 0 -o $code -eq 1
quiet_terminal "run prints no escape codes"
# shellcheck disable=SC2016 # the inner shell's
holds "a link is not followed" bash -c '! grep -q link.png "$1" "$2"' - "$out" "$err"
jobs=$(counts names completed)
holds "the sound names are jobs ($jobs)" test "$jobs" -ge 2
for command in "status names" "show names plain.png" "logs names plain.png" "ask list names"; do
    # shellcheck disable=SC2086 # words
    "$engine" $command >"$out" 2>"$err"
    quiet_terminal "$command prints no escape codes"
done
"$engine" show names $'escape\033[31mred.png' >"$out" 2>"$err"
quiet_terminal "nor does showing the one with the code"
"$engine" show names $'no such \033[31m job' >"$out" 2>"$err"
quiet_terminal "nor naming one that is not there"
exits 5 "which is not found" "$engine" show names $'no such \033[31m job'
exits 0 "the record is sound" "$engine" verify names

echo "-- folders"
mkdir empty
exits 0 "an empty folder is done at once" "$engine" run plain.yaml empty
says "and says so" "no inputs" "$err"
exits 5 "a folder that is not there is not found" "$engine" run plain.yaml nowhere
says "by name" "nowhere" "$err"
touch file
code=0
"$engine" run plain.yaml file >"$out" 2>"$err" || code=$?
holds "a file is no job directory (exit $code)" test $code -ne 0 -a $code -ne 70
"$engine" init whole >"$out" 2>"$err"
for line in "show whole" "logs whole" "cancel whole" "retry whole" "ask show whole" "answer whole --accept"; do
    # shellcheck disable=SC2086 # words of a command line
    exits 2 "a directory where a job is wanted: $line" "$engine" $line
    says "and says so" "whole is a job directory: name the" "$err"
done
exits 2 "operands in the wrong order" "$engine" run whole plain.yaml
says "and says so" "the PIPELINE comes before it" "$err"
exits 5 "status of a folder without a store" "$engine" status empty-not
cd empty || exit 1
rm -rf .foundry
code=0
"$engine" status >"$out" 2>"$err" || code=$?
equals "no job directory upward" $code 5
says "how to make one is told" "foundry-engine init" "$err"
cd "$folder" || exit 1
mkdir -p up/a/b
exits 0 "init makes one" "$engine" init up
exits 0 "init again changes nothing" "$engine" init up
exits 0 "an empty directory is no error" "$engine" run plain.yaml up
says "and what files would be jobs is said" "no inputs: the pipeline takes " "$err"
cd up/a/b || exit 1
exits 0 "it is found from below" "$engine" status --json
equals "by its path" "$(jq -r .directory "$out")" "$folder/up"
cd "$folder" || exit 1

long=$(printf 'd%.0s' {1..180})
mkdir "$long"
picture "$long/one.png"
exits 0 "a path of 180 bytes works" "$engine" run plain.yaml "$long"
"$engine" run plain.yaml "$long" --watch >/dev/null 2>&1 &
watcher=$!
for ((i = 0; i < 200; i++)); do
    [[ $("$engine" status --json "$long" | jq .engine) == null ]] || break
    sleep 0.05
done
equals "and its engine is reached there" "$("$engine" status --json "$long" | jq .engine)" $watcher
kill -INT $watcher
wait $watcher
equals "which ends when interrupted" $? 130

mkdir readonly
picture readonly/one.png
chmod 555 readonly
as=()
if ((EUID == 0)); then
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
    chmod 755 "$folder"
fi
if "${as[@]}" test -x "$engine" && ! "${as[@]}" test -w readonly; then
    code=0
    XDG_CACHE_HOME=/nonexistent "${as[@]}" "$engine" run plain.yaml readonly >"$out" 2>"$err" ||
        code=$?
    equals "a read-only folder is refused" $code 8
    says "by name" "readonly" "$err"
else
    echo "skipped a read-only folder: nobody here may not write"
fi

echo "-- a limit on file sizes"
mkdir limited
picture limited/one.png
exits 1 "it stops a run as a full disk does" \
    bash -c 'ulimit -f 16; exec "$@"' limit "$engine" run plain.yaml limited
says "and the word is on it" "storage full" "$err"
exits 0 "without it the next run goes on" "$engine" run plain.yaml limited

echo "-- a store of a newer version"
cp -r names newer
sqlite3 newer/.foundry/state.db 'PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE);' \
    >/dev/null
sha256sum newer/.foundry/state.db >sum
for command in "run plain.yaml newer" "status newer" "verify newer" "init newer"; do
    code=0
    # shellcheck disable=SC2086 # words
    "$engine" $command >"$out" 2>"$err" || code=$?
    equals "$command is refused" $code 1
    says "because it is newer" "newer" "$err"
done
holds "and the store is untouched" sha256sum --quiet -c sum

echo "-- damage"
cp -r names damaged
chmod -R u+w damaged/.foundry
artifact=$(find damaged/.foundry/artifacts -type f | head -1)
if [[ -n $artifact ]]; then
    printf 'X' | dd of="$artifact" bs=1 seek=10 conv=notrunc status=none
    exits 1 "one byte of an artifact is found by verify" "$engine" verify damaged
    says "which names it" "$(basename "$artifact" | cut -c1-16)"
fi
exits 1 "as a list for programs, too" "$engine" verify --json damaged
equals "with one flaw" "$(jq '.flaws | length' "$out")" 1

echo "-- pipelines"
printf 'foundry: v1\n\tname: x\n' >tab.yaml
printf 'foundry: v1\nname: [x\n' >open.yaml
printf 'foundry: v1\nname: x\nname: y\nphases: []\n' >twice.yaml
printf '\xff\xfe' >bytes.yaml
head -c 100000 /dev/zero | tr '\0' '[' >bomb.yaml
head -c 2000000 /dev/zero | tr '\0' 'a' >big.yaml
: >nothing.yaml
for name in tab open twice bytes bomb big nothing; do
    began=$(date +%s%N)
    exits 4 "$name.yaml is refused" "$engine" validate $name.yaml
    took=$((($(date +%s%N) - began) / 1000000))
    holds "$name.yaml costs no time ($took ms)" test $took -lt 3000
    says "$name.yaml is named" "$name.yaml" "$err"
done
exits 4 "for programs as JSON" "$engine" validate --json twice.yaml
equals "with a place" "$(jq -c '.errors[0] | [.line, has("column"), has("code")]' "$err")" \
    '[3,true,true]'
exits 5 "a pipeline that is not there" "$engine" validate nowhere.yaml
exits 2 "a command line that is wrong" "$engine" rnu
says "says what was meant" "did you mean 'run'" "$err"
exits 2 "no command at all" "$engine"
exits 0 "--version" "$engine" --version
"$engine" --help >/dev/full 2>"$err"
holds "a full stdout is no crash (exit $?)" test $? -lt 128
finish
