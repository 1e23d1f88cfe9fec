#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A disk that fills under `run --watch`: it says so, loses nothing, serves who reads, and goes on by
# itself once there is space.
# shellcheck source-path=SCRIPTDIR source=lib.sh
script=$(realpath "$0")
source "$(dirname "$0")/lib.sh"

if [[ ${1:-} != inside ]]; then
    unshare -m true 2>"$err" || {
        echo "skipped: no file system can be mounted here ($(<"$err"))"
        exit 77
    }
    cd / && rm -rf -- "$folder"
    exec unshare -m bash "$script" inside
fi

cat >steps.yaml <<'YAML'
foundry: v1
name: steps
inputs: {match: ["*.job.json"]}
phases:
  - {id: copy, uses: steps/copy, with: {value: "${input}"}}
  - {id: keep, uses: steps/keep, with: {text: "${input.text}"}}
YAML
mkdir jobs
mount -t tmpfs -o size=8m,mode=0700 tmpfs jobs || exit 77

# job NAME: hand in an input whose outputs take 100 kB.
job() {
    printf '{"name":"%s","text":"%s"}\n' "$1" "$(head -c 50000 /dev/zero | tr '\0' x)" >"$1.tmp"
    mv "$1.tmp" "jobs/$1.job.json"
}

# reaches STATE COUNT: wait until that many jobs are in that state.
# shellcheck disable=SC2317 # called by holds
reaches() {
    for ((i = 0; i < 1200; i++)); do
        [[ $(counts jobs "$1") == "$2" ]] && return 0
        sleep 0.1
    done
    return 1
}

# told TEXT: wait until the engine has said it.
# shellcheck disable=SC2317 # called by holds
told() {
    for ((i = 0; i < 1200; i++)); do
        grep -qF -- "$1" live.err && return 0
        sleep 0.1
    done
    return 1
}

job first
"$engine" run --watch steps.yaml jobs >live.out 2>live.err &
live=$!
holds "a job is done" reaches completed 1
for name in second third fourth; do
    job $name
done
# All that is free but what the inputs' first rows may take.
dd if=/dev/zero of=jobs/.filler bs=4k 2>/dev/null
truncate -s -64k jobs/.filler
holds "the engine says that the storage is full" told "storage full"
says "and where, and that nothing was lost" "nothing acknowledged was lost" live.err
holds "and that it waits" told "waiting for space"
exits 0 "others can read meanwhile" "$engine" status jobs
exits 0 "and verify" "$engine" verify jobs
holds "what was completed still is" test "$(counts jobs completed)" -ge 1
holds "the engine is still there" kill -0 $live
rm jobs/.filler
holds "there is space, and all jobs are done without a restart" reaches completed 4
holds "it says so" told "is open again: going on"
kill -TERM $live
wait $live
equals "it stops when told to" $? 143
exits 0 "the record is sound" "$engine" verify jobs
equals "no phase has two results" "$(for name in first second third fourth; do
    "$engine" show --json jobs $name.job.json |
        jq '[.history[] | select(.kind == "output") | .phase] | length'
done | tr '\n' ' ')" "2 2 2 2 "
cd / && umount "$folder/jobs"
finish
