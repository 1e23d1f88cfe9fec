#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A worker that is killed: its phase runs again and the one before does not; a phase that must not be
# repeated goes to a person; one engine and its workers are all there is.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

cat >slow.yaml <<'YAML'
foundry: v1
name: slow
inputs: {match: ["*.job.json"]}
defaults: {retry: {max: 2, backoff: 10ms, when: [transient, timeout, crash]}}
phases:
  - id: first
    uses: steps/flaky
    with: {succeed_at: 1}
  - id: second
    uses: steps/slow
    with: {ms: 1500}
YAML
mkdir jobs
echo '{}' >jobs/one.job.json
"$engine" run slow.yaml jobs --log-format json >"$out" 2>run.err &
run=$!
for ((i = 0; i < 200; i++)); do
    "$engine" status --json jobs 2>/dev/null | jq -e '.flight[0].phase == "second"' >/dev/null && break
    sleep 0.05
done
equals "the second phase runs" "$("$engine" status --json jobs | jq -r '.flight[0].phase')" second
mapfile -t workers < <(pgrep -P "$run" -f foundry-worker)
holds "its workers are the engine's children, and there is no other broker" test "${#workers[@]}" -ge 1
kill -KILL "${workers[@]}"
wait "$run"
equals "the run ends well" $? 0
equals "its log is a line an object, with its time" \
    "$(grep '^{' run.err | jq -r 'select(.level == "warning" and (.at | test("Z$"))) | .room' | sed -n 1p)" worker
"$engine" show --json jobs one.job.json >show.json
equals "the first phase ran once" \
    "$(jq '[.history[] | select(.phase == "first" and .kind == "output")] | length' show.json)" 1
equals "the second was retried" \
    "$(jq '[.history[] | select(.phase == "second" and .kind == "retry")] | length' show.json)" 1
equals "and named the signal" \
    "$(jq '[.history[] | select(.kind == "retry" and (.note | test("signal 9")))] | length' show.json)" 1

cat >once.yaml <<'YAML'
foundry: v1
name: once
inputs: {match: ["*.job.json"]}
defaults: {retry: {max: 2, backoff: 10ms, when: [transient, timeout, crash]}}
phases:
  - id: pay
    uses: steps/once
    with: {crash: true}
YAML
exits 3 "a phase that must not be repeated asks a person after a crash" "$engine" run once.yaml jobs
number=$("$engine" ask list --json --pipeline once jobs | jq .request)
equals "whether to run it again" \
    "$("$engine" ask show --json jobs "$number" | jq -r '.questions[0].kind')" REPEAT_PHASE
exits 1 "the answer must be one of its choices" "$engine" answer jobs "$number" --set repeat=maybe
exits 0 "run it again, says the person" "$engine" answer jobs "$number" --set repeat=run

cat >fail.yaml <<'YAML'
foundry: v1
name: fail
inputs: {match: ["*.job.json"]}
phases:
  - id: shout
    uses: text/uppercase
    with: {content: "${input.content}"}
YAML
exits 1 "a missing key fails the job" "$engine" run fail.yaml jobs
says "the key is named" "content" "$err"
says "and the phase" "failed at shout" "$err"
says "and a retry offered" "retry --failed" "$err"
exits 0 "logs say why" "$engine" logs --pipeline fail jobs one.job.json
says "with the key" "content"
exits 1 "retried as it is, it fails again" "$engine" retry --failed --pipeline fail jobs
exits 1 "one by name, too" "$engine" retry --pipeline fail jobs one.job.json
exits 9 "a failed job cannot be cancelled" "$engine" cancel --pipeline fail jobs one.job.json
exits 0 "the record is sound" "$engine" verify jobs
echo "-- inputs kept by reference"
for name in once again; do
    last='{id: last, uses: text/uppercase, with: {content: "${review.text}"}}'
    [[ $name == once ]] || last='{id: last, uses: text/read, with: {file: "${input.file}"}}'
    cat >$name.yaml <<YAML
foundry: v1
name: $name
inputs: {match: ["*.txt"], keep: reference}
phases:
  - {id: first, uses: text/read, with: {file: "\${input.file}"}}
  - {id: review, uses: foundry/human, with: {of: first, audit: 100%}}
  - $last
YAML
    mkdir $name
    echo "some words" >$name/note.txt
    exits 3 "$name: read and asked about" "$engine" run $name.yaml $name
    mv $name/note.txt $name.aside
done
equals "no copy is kept" "$(find once/.foundry/artifacts -type f | wc -l)" 0
exits 0 "a phase that does not name the input goes on without it" "$engine" answer once note.txt --accept
equals "to its end" "$("$engine" show once note.txt --phase last --json | jq -r .content)" "SOME WORDS"
echo "other words" >again/note.txt
exits 3 "one that names it is held" "$engine" answer again note.txt --accept
says "and said to be" "1 cannot go on: mend what is missing" "$err"
exits 0 "status says by what" "$engine" status again
says "a file that is not the one that came in" "not the one that came in"
mv again.aside again/note.txt
exits 0 "put back, it goes on" "$engine" run again.yaml again
equals "with the same bytes" "$("$engine" show again note.txt --phase last --json | jq -r .text)" "some words"
finish
