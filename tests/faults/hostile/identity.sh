#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A plugin changes while a job waits for a person. What happens to the file on the plugin path changes
# nothing: the pinned copy runs. What happens to the pinned copy stops the resume, before any code of
# it has run, and the job waits on until the copy is back.
#
#     identity.sh [--self-test]
# shellcheck source-path=SCRIPTDIR/../../system source=lib.sh disable=SC2317
source "$(dirname "$0")/../../system/lib.sh"

here=$FOUNDRY_BUILD_ROOT/tests/faults/hostile
mark=$here/mark-of-ident # where the constructors of all but the original leave a line
exec 9>"$mark.lock" # the self-test has the same
flock 9
mkdir plugins aside
export FOUNDRY_PLUGIN_PATH=$folder/plugins

# What becomes of the file on the path (PATH), or of the pinned copy (COPY), in the words of put().
on_path=(nothing deleted changed abi_next abi_last truncated crashing swapped_link no_object empty twin)
on_copy=(missing flipped changed crashing truncated empty swapped_link swapped_folder)
levels=(process sandbox inline)

# put FILE KIND: does that to a file.
put() {
    local file=$1 size
    case $2 in
    nothing) ;;
    deleted | missing) rm -f "$file" ;;
    changed) cp --remove-destination "$here/ident_changed.so" "$file" ;;
    abi_next | abi_last) cp --remove-destination "$here/ident_$2.so" "$file" ;;
    crashing) cp --remove-destination "$here/ident_crash.so" "$file" ;;
    truncated) chmod u+w "$file" && truncate -s 5000 "$file" ;;
    empty) chmod u+w "$file" && : >"$file" ;;
    no_object) rm -f "$file" && echo 'no object' >"$file" ;;
    swapped_link) rm -f "$file" && ln -s "$here/ident_changed.so" "$file" ;;
    swapped_folder) rm -f "$file" && mkdir "$file" ;;
    twin) cp "$here/ident_changed.so" plugins/twin.so ;;
    flipped) # a byte in the middle
        chmod u+w "$file"
        size=$(stat -c %s "$file")
        printf '\377' | dd of="$file" bs=1 seek=$((size / 2)) conv=notrunc status=none
        ;;
    esac
}

runs=0 violations=0
# wrong WHAT: a violation of the case at hand.
wrong() {
    violations=$((violations + 1)) verdict=BAD
    echo "  $level, $where $kind: $1"
    show_output
}

# begin: a directory with a job that waits, and the original on the path.
begin() {
    rm -rf plugins/* jobs aside/* "$mark"
    cp "$here/ident.so" plugins/ident.so
    mkdir jobs
    echo '{"content": "text"}' >jobs/a.job.json
    cat >ident.yaml <<YAML
foundry: v1
name: ident
inputs: {match: ["*.job.json"]}
defaults: {isolation: $level, retry: {max: 0}}
phases:
  - {id: one, uses: ident/give, with: {value: "\${input.content}"}}
  - {id: review, uses: foundry/human, with: {of: one, detectors: [], audit: 100%}}
  - {id: two, uses: ident/give, with: {value: "\${review.by}"}}
YAML
    "$engine" run ident.yaml jobs >"$out" 2>"$err"
    (($? == 3)) || wrong "the job does not wait"
    copy=$(ls jobs/.foundry/plugins/*.so)
    chmod u+w jobs/.foundry/plugins
}

state() {
    "$engine" show --json jobs a.job.json 2>/dev/null | jq -r .state
}
no_mark() {
    [[ ! -e $mark ]] || wrong "code ran that must not: $(tr '\n' ' ' <"$mark")"
}

completes() {
    "$engine" answer jobs a.job.json --accept >"$out" 2>"$err" || wrong "it does not resume"
    [[ $(state) == completed ]] || wrong "it is $(state), not completed"
    "$engine" show --json jobs a.job.json >"$out" 2>"$err"
    grep -q '"original"' "$out" || wrong "it did not run under the original"
    ! grep -qE '"(changed|next|last|crash)"' "$out" || wrong "something else ran"
}

path_case() {
    begin
    put plugins/ident.so "$kind"
    completes
    no_mark
    if [[ $kind == twin ]]; then # what is to be pinned anew must not be chosen by chance
        echo '{"content": "more"}' >jobs/b.job.json
        ! "$engine" run ident.yaml jobs >"$out" 2>"$err" || wrong "one of two was chosen"
        grep -q 'twin.so' "$err" || wrong "the twin is not named"
        grep -q 'ident.so' "$err" || wrong "the first is not named"
        no_mark
    fi
}

copy_case() {
    begin
    cp -p "$copy" aside/copy.so
    put "$copy" "$kind"
    ! "$engine" answer jobs a.job.json --accept >"$out" 2>"$err" || wrong "it resumed"
    grep -q "$(basename "$copy" .so)" "$err" || wrong "the copy is not named"
    ! grep -q 'SIG' "$err" || wrong "its code ran"
    no_mark
    [[ $(state) == paused ]] || wrong "it is $(state), not paused"
    rm -rf "$copy"
    cp -p aside/copy.so "$copy"
    completes
    no_mark
}

# one WHERE KIND: a case; prints its cell.
one() {
    where=$1 kind=$2 verdict=ok
    runs=$((runs + 1))
    "${where}_case"
    "$engine" verify jobs >"$out" 2>"$err" || wrong "the record is not sound"
}

table() {
    local w k l line
    printf '%-22s %-9s %-9s %-9s\n' 'between pause, resume' "${levels[@]}"
    for w in path copy; do
        local -n kinds=on_$w
        for k in "${kinds[@]}"; do
            line=$(printf '%-22s' "$w $k")
            for l in "${levels[@]}"; do
                level=$l
                one "$w" "$k"
                line+=$(printf ' %-9s' "$verdict")
            done
            echo "$line"
        done
    done
}

if [[ ${1:-} == --self-test ]]; then
    level=process where=copy kind=nothing
    on_copy=(nothing) on_path=()
    echo "-- planted: a copy that was not touched must not count as refused"
    table
    holds "it is found" test $violations -gt 0
    violations=0
    echo "-- planted: code that runs when it must not"
    no_mark_plain=$(declare -f no_mark)
    eval "real_${no_mark_plain}"
    no_mark() {
        echo planted >"$mark"
        real_no_mark
    }
    on_copy=(missing)
    table
    holds "it is found" test $violations -gt 0
    violations=0
    echo "-- planted: another plugin than the pinned one runs"
    eval "${no_mark_plain}"
    path_case() {
        begin
        "$engine" answer jobs a.job.json --reject --reason test >"$out" 2>"$err"
        rm -rf jobs/.foundry "$mark"
        cp "$here/ident_changed.so" plugins/ident.so
        "$engine" run ident.yaml jobs >"$out" 2>"$err"
        completes
    }
    on_copy=() on_path=(changed)
    table
    holds "it is found" test $violations -gt 0
    rm -f "$mark"
    finish
fi
table
floor=$(((${#on_path[@]} + ${#on_copy[@]}) * ${#levels[@]}))
rm -f "$mark"
echo "gate: plugin identity between pause and resume | runs $runs | violations $violations |" \
    "floor $floor | seed 0"
passed=$((runs - (violations > runs ? runs : violations))) failed=$violations
((runs >= floor)) || failed=$((failed + 1))
finish
