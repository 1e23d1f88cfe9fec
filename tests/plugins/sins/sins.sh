#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# sins.sh CONFORM FOLDER: `foundry-conform --misuse` on FOLDER/SIN.so finds each sin by its own check,
# and nothing wrong with the plugin that has none.
set -u
conform=$1
folder=$2
passed=0 failed=0
messages=$(mktemp) || exit 1
trap 'rm -f "$messages"' EXIT

# found SIN CHECK TEXT: the check fails, and its message has the text; the plugin without a sin
# passes every check, this one too.
found() {
    local sin=$1 check=$2 text=$3 said code=0
    said=$("$conform" "$folder/$sin.so" --misuse --json --check "$check" 2>"$messages") || code=$?
    if ((code == 1)) && jq -e --arg check "$check" --arg text "$text" \
        '.checks | any(.check == $check and .result == "failed" and (.message | contains($text)))' \
        >/dev/null <<<"$said"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL: $sin: exit $code; check $check with \"$text\" was expected, failed did:"
        jq -r '.checks[]? | select(.result == "failed") | "  \(.use) \(.check): \(.message)"' \
            <<<"$said" || cat "$messages"
    fi
}

if said=$("$conform" "$folder/none.so" --misuse 2>&1); then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo "FAIL: the plugin without a sin:"
    grep -A1 '^FAIL' <<<"$said"
fi

found entry_changes entry 'another struct'
found unknown_outcome runs 'returned 99'
found ends_process runs 'ended the process (exit 3)'
found pause_without_question pause 'without a question'
found undeclared_output output 'lenght'
found detector_writes denied 'json_set()'
found crash_on_type config '(SIGABRT), while running with /config/text left out'
found free_twice config 'crashed: signal'
found crash_on_answers answers 'crashed: signal'
found small_buffer huge 'crashed: signal'
found deaf cancel 'after it was cancelled'
found leak_memory leak 'bytes of memory'
found leak_descriptor leak 'descriptors open'
found leftover leftover 'service call 1 fails'
found not_concurrent threads 'one instance on two threads'
found passes_over services 'json_set() gave FOUNDRY_E_NO_MEMORY'
found counts same 'two results'
found prints stdout 'to stdout'
found changes_folder place 'working directory'
found changes_signal place 'SIGUSR1'
found changes_environment place 'environment'
found changes_locale place 'locale from C to C.UTF-8'
found late_thread late 'log() when its function had returned'
found abroad late 'json_set() on another thread'
found keeps_host kept 'crashed: signal'
found reads_secrets worker 'with other effects'

if "$conform" "$folder/none.so" --misuse --check nothing 2>"$messages" || (($? != 2)) ||
    ! grep -q 'there is no check nothing; there are entry' "$messages"; then
    failed=$((failed + 1))
    echo "FAIL: a check that there is not: $(cat "$messages")"
fi
echo "$passed passed, $failed failed"
((failed == 0))
