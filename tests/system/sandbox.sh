#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The sandbox is the default, what it came to is on record, a plugin that dies again and again is held
# until somebody lifts that, and people can see what a plugin may do.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

level() { "$engine" show --json "$1" "$2" | jq -r '[.history[] | select(.kind == "output") | .isolation][0]'; }

cat >small.yaml <<'YAML'
foundry: v1
name: small
inputs: {match: ["*.job.json"]}
phases:
  - {id: a, uses: steps/copy, with: {value: "${input.value}"}}
  - {id: b, uses: file/write, with: {json: "${a}"}, grant: {write: out}}
YAML

echo "-- by default, and as asked"
for isolation in "" sandbox best-effort process inline; do
    jobs=jobs-${isolation:-default}
    mkdir "$jobs"
    echo '{"value": 1.10}' >"$jobs/one.job.json"
    exits 0 "a job runs, isolation ${isolation:-not said}" \
        "$engine" run ${isolation:+--isolation "$isolation"} small.yaml "$jobs"
    case $isolation in
    process | inline) wanted=$isolation ;;
    *) wanted=sandbox ;;
    esac
    equals "what it came to is on record" "$(level "$jobs" one.job.json)" "$wanted"
    equals "the granted folder was written in" "$(tr -d ' \n' <"$jobs/out/one.json")" '{"value":1.10}'
done
exits 0 "the record is whole" "$engine" verify jobs-default

echo "-- who runs it"
if [[ $(id -u) -eq 0 ]]; then
    mkdir jobs-root jobs-owner && chown 4321:4321 jobs-owner
    echo '{"value": 1}' | tee jobs-root/one.job.json >jobs-owner/one.job.json
    chmod 755 "$folder"
    exits 0 "root may be kept" "$engine" run --allow-root small.yaml jobs-root
    equals "which is on record" "$(level jobs-root one.job.json)" "sandbox as root"
    exits 0 "a job directory of somebody else" "$engine" run small.yaml jobs-owner
    equals "its results are that user's" "$(stat -c %u jobs-owner/out jobs-owner/out/one.json | sort -u)" 4321
    equals "a worker without a grant is nobody's" "$(level jobs-owner one.job.json)" sandbox
fi

echo "-- no other folder through a link"
mkdir jobs-link secret && ln -s "$folder/secret" jobs-link/out
echo '{"value": 1}' >jobs-link/one.job.json
exits 3 "a job with a link for its folder waits" "$engine" run small.yaml jobs-link
says "and says why" "a link" "$err"
equals "nothing was written behind the link" "$(ls secret)" ""

echo "-- the store"
cp "$FOUNDRY_BUILD_ROOT/tests/engine/worker/hostile.so" .
for isolation in sandbox process; do
    for act in path-read path-write engine-files; do
        jobs=$act-$isolation
        mkdir "$jobs"
        echo '{}' >"$jobs/one.job.json"
        cat >hostile.yaml <<YAML
foundry: v1
name: hostile
inputs: {match: ["*.job.json"]}
phases:
  - {id: a, uses: ./hostile.so#try, with: {act: $act, engine: 0, path: "$folder/$jobs/.foundry/state.db"}}
YAML
        "$engine" run --isolation "$isolation" hostile.yaml "$jobs" >"$out" 2>"$err"
        wanted=0 # a plain worker may: the test shows something
        [[ $isolation == process ]] || wanted=13
        equals "$act on it, isolation $isolation, is error" \
            "$("$engine" show --phase a "$jobs" one.job.json | jq .error)" "$wanted"
    done
done

echo "-- what is shipped"
for pipeline in uppercase invoice-ocr; do
    shipped=$FOUNDRY_SOURCE_ROOT/pipelines/$pipeline
    if [[ $pipeline == invoice-ocr && ! -e $FOUNDRY_BUILD_ROOT/plugins/tesseract/tesseract.so ]]; then
        continue
    fi
    mkdir "$pipeline"
    find "$shipped/samples" \( -name '*-003.*' -o -name '*.job.json' \) ! -name '*.truth.json' \
        -exec cp {} "$pipeline" \;
    "$engine" run "$shipped/$pipeline.yaml" "$pipeline" >"$out" 2>"$err"
    equals "$pipeline fails nowhere" "$(counts "$pipeline" failed)" 0
    equals "$pipeline runs sandboxed" "$(level "$pipeline" "$(basename "$pipeline"/[!o]*)")" sandbox
done

echo "-- quarantine"
cat >dies.yaml <<'YAML'
foundry: v1
name: dies
inputs: {match: ["*.job.json"]}
defaults: {retry: {max: 0}}
phases:
  - {id: a, uses: fault/segv}
YAML
mkdir dying
for i in 1 2 3 4 5 6 7 8; do echo '{}' >"dying/$i.job.json"; done
exits 1 "a plugin dies with each of eight jobs" "$engine" run -j 1 dies.yaml dying
equals "five of them failed" "$(counts dying failed)" 5
equals "the others are held" "$(counts dying paused)" 3
hash=$(sha256sum "$fixtures/fault.so" | cut -d' ' -f1)
"$engine" run dies.yaml dying >"$out" 2>"$err"
says "also in the next engine, by its hash" "$hash" "$err"
says "with the way out" "plugins release" "$err"
exits 5 "another hash is not there to be released" "$engine" plugins release dying 0123456789
says "and the one that is, is named" "${hash:0:16}" "$err"
exits 0 "it is released" "$engine" plugins release dying "${hash:0:16}"
says "by its whole hash" "$hash"
"$engine" run dies.yaml dying >"$out" 2>"$err"
equals "and runs again, which does it no good" "$(counts dying failed)" 8

echo "-- what people see"
exits 0 "the profile of a phase" "$engine" plugins inspect file
says "layers" "seccomp"
says "what it writes" "the folder that is granted"
holds "in lines that fit" test "$(awk '/in the sandbox/ {on = 1} on' "$out" | wc -L)" -le 80
exits 0 "as JSON" "$engine" plugins inspect --json file
equals "calls that change folders" "$(jq -c '.phases[0].sandbox | .write, (.calls | index("renameat2") != null)' "$out" | tr '\n' ' ')" "true true "
exits 0 "another" "$engine" plugins inspect --json text
equals "not for those that do not ask" "$(jq -c '.phases[0].sandbox.calls | index("renameat2")' "$out")" null
finish
