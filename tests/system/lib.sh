# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the whole-job tests share: a folder of their own, checks that count, the fixtures.
#
# FOUNDRY_ENGINE       the program under test
# FOUNDRY_BUILD_ROOT   the build folder: workers, plugins, fixtures
# FOUNDRY_SOURCE_ROOT  the tree
# TEST_SMALL           set: keep random programmes short (sanitizer builds)
# TEST_SEED            repeat a random run
set -uo pipefail

: "${FOUNDRY_BUILD_ROOT:?the build folder}" "${FOUNDRY_SOURCE_ROOT:?the tree}"
engine=${FOUNDRY_ENGINE:-$FOUNDRY_BUILD_ROOT/foundry-engine}
data=$FOUNDRY_SOURCE_ROOT/tests/system/data
fixtures=$FOUNDRY_BUILD_ROOT/tests/plugins
# The program finds the build tree's own plugins and its worker by itself.
export FOUNDRY_PLUGIN_PATH=$fixtures
export LC_ALL=C.UTF-8
# Descriptions of plugins are kept between runs of one test, never between tests.
folder=$(mktemp -d "${TMPDIR:-/tmp}/foundry-test.XXXXXX")
export XDG_CACHE_HOME=$folder/cache
cd "$folder" || exit 1
passed=0 failed=0
out=$folder/.out err=$folder/.err

cleanup() {
    local pid
    # A program that is begun in the background is this shell for a moment: what a signal ends then
    # must not take the folder away.
    ((BASHPID == $$)) || return 0
    for pid in $(jobs -p); do
        kill -KILL "$pid" 2>/dev/null
    done
    cd / && chmod -R u+rwx "$folder" 2>/dev/null
    rm -rf -- "$folder"
}
trap cleanup EXIT

ok() {
    passed=$((passed + 1))
    echo "ok      $1"
}

# not_ok WHAT
not_ok() {
    failed=$((failed + 1))
    echo "FAILED  $1"
}

# The last program's output, for a check that failed on it.
show_output() {
    sed 's/^/        out: /' "$out" 2>/dev/null | head -20
    sed 's/^/        err: /' "$err" 2>/dev/null | head -20
}

# exits CODE WHAT PROGRAM…: runs it, keeps its output in $out and $err.
exits() {
    local want=$1 what=$2 code=0
    shift 2
    "$@" >"$out" 2>"$err" || code=$?
    if ((code == want)); then
        ok "$what (exit $code)"
    else
        not_ok "$what: exit $code, expected $want: $*"
        show_output
        return 1
    fi
}

# holds WHAT TEST…: a plain condition.
holds() {
    local what=$1
    shift
    if "$@"; then
        ok "$what"
    else
        not_ok "$what: $*"
        return 1
    fi
}

# until_so TEST…: wait for it, for as long as a test may take.
until_so() {
    local i
    for ((i = 0; i < 2400; i++)); do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}

# says WHAT TEXT [FILE]: the last program's stdout (or FILE) holds TEXT.
says() {
    if grep -qF -- "$2" "${3:-$out}"; then
        ok "$1"
    else
        not_ok "$1: \"$2\" is not in ${3:-its output}"
        show_output
        return 1
    fi
}

# equals WHAT GOT WANTED
equals() {
    if [[ $2 == "$3" ]]; then
        ok "$1: $3"
    else
        not_ok "$1: got \"$2\", expected \"$3\""
        return 1
    fi
}

finish() {
    echo "$passed passed, $failed failed"
    ((failed == 0)) || exit 1
    exit 0
}

# counts DIR STATE [PIPELINE]: jobs in that state.
counts() {
    "$engine" status --json "$1" 2>/dev/null | jq "[.pipelines[].$2] | add // 0"
}

# request DIR JOB: the number of the open request of a job.
request() {
    "$engine" ask list --json "$1" | jq --arg path "$2" 'select(.path == $path) | .request'
}

# A small picture that every tool takes for one.
picture() {
    base64 -d >"$1" <<'PNG'
iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==
PNG
}

# invoice_pipeline FILE: the invoice story's pipeline over canned results.
invoice_pipeline() {
    local results
    results=$(tr -d '\n' <"$data/invoice-results.json") # numbers keep their text: 1.0
    cat >"$1" <<YAML
foundry: v1
name: invoice
inputs: {match: ["*.png"]}
params: {threshold: {type: number, default: 0.95, min: 0, max: 1}}
phases:
  - id: extract
    uses: playback/play
    with: {name: "\${input.name}", results: $results}
  - id: review
    uses: foundry/human
    with:
      of: extract
      detectors:
        - {uses: detect/low-confidence, with: {below: "\${params.threshold}"}}
        - {uses: detect/arithmetic, with: {rule: "quantity * unit_price == total_cost", each: /line_items}}
      audit: 0%
      schema: invoice.schema.json
  - id: finish
    uses: file/write
    with: {json: "\${review}", name: "\${input.stem}.json"}
    grant: {write: out}
export:
  sft: {format: gemini, prompt: "Extract the invoice as JSON.", of: review}
YAML
    cat >"$(dirname "$1")/invoice.schema.json" <<'JSON'
{"type": "object", "required": ["supplier_name", "line_items"], "properties": {
  "supplier_name": {"type": "string", "minLength": 1},
  "invoice_date": {"type": "string"}, "invoice_number": {"type": "string"},
  "line_items": {"type": "array", "items": {"type": "object", "properties": {
    "item_description": {"type": "string"}, "quantity": {"type": "number"},
    "unit_price": {"type": "number"}, "total_cost": {"type": "number"}}}}}}
JSON
}

# invoices DIR: the story's four pictures; results 1, 2, 3, 1 belong to them.
invoices() {
    mkdir -p "$1"
    local i
    for i in 1 2 3 4; do
        picture "$1/job-$i.png"
    done
}

# notes DIR: three texts in place of pictures, by notes.yaml, which invoice.yaml is made into; each asks.
notes() {
    sed -e 's/^name: .*/name: notes/' -e 's/match: .*/match: ["*.job.json"]}/' \
        -e 's/input\.stem/input.name/' -e 's/"\*.job.json"]}}/"*.job.json"]}/' invoice.yaml >notes.yaml
    mkdir -p "$1"
    local i
    for i in 1 2 3; do
        printf '{"name":"note-%d","content":"supplier and sums of note %d"}\n' "$i" "$i" \
            >"$1/note-$i.job.json"
    done
    exits 3 "texts run" "$engine" run notes.yaml "$1" -p threshold=0.99
}

# labels_pipeline GATE: labels.yaml, whose texts get a label from what people taught model words. The
# model's further lines are on stdin.
labels_pipeline() {
    local lines
    lines=$(cat)
    cat >labels.yaml <<YAML
foundry: v1
name: labels
inputs: {match: ["*.txt"]}
phases:
  - id: label
    uses: learner/label
    with: {file: "\${input.file}", model: "\${models.words}"}
  - id: review
    uses: foundry/human
    with: {of: label, detectors: [], $1}
models:
  words:
    phase: label
    of: review
$lines
YAML
}

# production: the version of it in production, "" for the rules.
production() {
    "$engine" models list --json jobs | sed -n 's/.*"version":\([0-9]*\),.*"state":"production".*/\1/p'
}

# split NAME: where a text of $uuid's store belongs, as the engine draws it (engine/dataset/README.md,
# Splits).
split() {
    local drawn
    drawn=$(printf '%s\0labels\0%s' "$uuid" "$1" | sha256sum | cut -c1-8)
    drawn=$(((16#$drawn * 1000) >> 32))
    if ((drawn < 800)); then echo train; elif ((drawn < 900)); then echo eval; else echo test; fi
}
