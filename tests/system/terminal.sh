#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# On a terminal there is progress and colour, and NO_COLOR is respected; elsewhere there is neither.
# Completion for bash knows commands, options and choices; manual pages are sound roff.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

cat >slow.yaml <<'YAML'
foundry: v1
name: slow
inputs: {match: ["*.job.json"]}
phases:
  - {id: rest, uses: steps/slow, with: {ms: 20}}
  - {id: after, uses: steps/flaky, with: {succeed_at: 1}}
YAML
mkdir jobs
echo '{}' >jobs/one.job.json

# on_terminal PROGRAM…: with a terminal for stdout and stderr.
on_terminal() {
    TERM=xterm script -qec "$(printf '%q ' "$@")" /dev/null >"$out" 2>"$err" </dev/null
}
echo "-- a terminal"
on_terminal "$engine" run slow.yaml jobs
says "progress is on one line that is written again" $'\r\033[K'
says "and tells how far it is" "1 done"
says "the result stands below" "slow: 1 completed"
on_terminal "$engine" rnu
says "errors are red" $'\033[31merror:\033[0m'
NO_COLOR=1 on_terminal "$engine" rnu
says "not with NO_COLOR" ": error: "
holds "indeed not" test "$(grep -c $'\033\[31m' "$out")" -eq 0
exits 2 "elsewhere there is neither" "$engine" rnu
holds "indeed neither" test "$(cat "$out" "$err" | grep -c $'\033')" -eq 0
exits 0 "-q tells of errors only" "$engine" run -q slow.yaml jobs
holds "indeed only" test ! -s "$err"

exits 2 "an isolation that there is not is refused" "$engine" run --isolation glass slow.yaml jobs
says "by those there are" "sandbox, best-effort, process, inline" "$err"

echo "-- completion"
"$engine" _completion >completion.bash
exits 0 "is sound bash" bash -n completion.bash
# complete_line WORD…: what may stand in place of the last word.
complete_line() {
    bash -c 'source completion.bash
        compopt() { :; }
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _foundry_engine
        printf "%s\n" "${COMPREPLY[@]}"' - "$@" | sort | paste -sd' '
}
equals "commands" "$(complete_line foundry-engine r)" "replay retry rules run"
equals "a command's second word" "$(complete_line foundry-engine ask '')" "claim list release reopen show snooze undo"
equals "options" "$(complete_line foundry-engine run --up)" "--upgrade"
equals "choices" "$(complete_line foundry-engine new plugin x --kind '')" "detector phase"
equals "files" "$(complete_line foundry-engine run slow.y)" "slow.yaml"
equals "a command that is a group, too" "$(complete_line foundry-engine export val)" "validate"

echo "-- manual pages"
for command in "" run answer "ask list" "export validate"; do
    # shellcheck disable=SC2086 # words
    "$engine" _man $command >page.1
    exits 0 "foundry-engine ${command:-itself}" groff -man -Tutf8 -ww -z page.1
    holds "without a warning" test ! -s "$err"
done
finish
