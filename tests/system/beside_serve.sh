#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Every command beside `serve`, which holds the directory all the while: each has a case here that
# looks at what came of it, most through the server. The list of commands is the program's own.
# shellcheck disable=SC2317 # the cases are called by their names
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

# at PATH: what the server says of it.
at() { curl -sS -H "Authorization: Bearer $token" "$url$1"; }
# told PATH JQ: a value of that.
told() { at "$1" | jq -r "$2"; }
# job PATH: the server's id of a job; ask PATH: of its question.
job() { told '/v1/jobs?limit=200' ".items[] | select(.path == \"$1\") | .id"; }
ask() { told "/v1/jobs/$(job "$1")" '.wait.ask'; }
# number PATH: of its question, open or answered, as commands take it.
number() { sqlite3 jobs/.foundry/state.db "SELECT max(r.id) FROM request r JOIN step s ON s.id = r.step JOIN job j ON j.id = s.job WHERE j.path = '$1'"; }
# state PATH: where a job stands, as the server sees it.
state() { told "/v1/jobs/$(job "$1")" .state; }
state_is() { [[ $(state "$1") == "$2" ]]; }
# comes WHAT PATH STATE: the server's engine takes the job there.
comes() { holds "$1" until_so state_is "$2" "$3"; }
# of_ask PATH JQ: a value of its question.
of_ask() { told "/v1/asks/$(ask "$1")" "$2"; }

# --- the scene ---------------------------------------------------------------------------------

invoice_pipeline invoice.yaml
sed -i -e 's/^      audit: 0%/&\n      undo: 10m/' -e 's/default: 0.95/default: 0.999/' invoice.yaml
echo 'notify: [{url: "http://127.0.0.1:9/", on: [asked], allow_private: true}]' >>invoice.yaml
cat >link.yaml <<'YAML'
foundry: v1
name: link
inputs: {match: ["*.link.job.json"]}
phases:
  - id: link
    uses: link/product
    with:
      items: "${input.items}"
      choices: [{id: 101, name: Tavern Ham}, {id: 102, name: Yellow Onions}]
YAML
cat >dies.yaml <<'YAML'
foundry: v1
name: dies
inputs: {match: ["*.dies.job.json"]}
defaults: {retry: {max: 0}}
phases:
  - {id: a, uses: fault/segv}
YAML
labels_pipeline "audit: 100%" <<'YAML'
    trainer: {uses: learner/train, timeout: 2m}
    promote: {minimum: 3, alpha: 0.2}
YAML
invoices jobs
echo '{"items": [{"description": "ONIONS YELLOW JBO"}]}' | tee jobs/1.link.job.json >jobs/2.link.job.json
for i in 1 2 3 4 5 6; do echo '{}' >jobs/$i.dies.job.json; done

"$engine" serve jobs --json --listen 127.0.0.1:0 --no-watch -j 1 --pipeline invoice.yaml \
    --pipeline link.yaml --pipeline dies.yaml --pipeline labels.yaml >listening 2>serve.err &
server=$!
holds "it listens" until_so test -s listening || { cat serve.err; finish; }
url=$(jq -r .url listening) token=$(jq -r .token listening)
# A second server tries for 5 s; the demo has a folder of its own. Both go on meanwhile.
"$engine" serve jobs --listen 127.0.0.1:0 >second.out 2>second.err &
second=$!
env -u FOUNDRY_PLUGIN_PATH "$engine" demo --case poles --no-browser --port 18500 mine >demo.out 2>demo.err </dev/null &
demo=$!

# --- a case each: what runs it is of its name --------------------------------------------------

case_help() {
    exits 0 "help" "$engine" help ask claim
    says "of the command" "usage: foundry-engine ask claim"
}
case_init() {
    exits 0 "init" "$engine" init --json jobs/inner
    holds "a folder within is one of its own" test -e jobs/inner/.foundry/state.db
    exits 0 "init of what is served" "$engine" init --json jobs
    equals "is one already" "$(jq -r .directory "$out")" "$folder/jobs"
    rm -rf jobs/inner
}
case_validate() {
    exits 0 "validate" "$engine" validate --json invoice.yaml
    equals "the file that is served" "$(jq -c '[.valid, .name]' "$out")" '[true,"invoice"]'
}
case_schema() {
    exits 0 "schema" "$engine" schema
    equals "knows what the plugins hold" \
        "$(jq '[.. | objects | select(.const? == "playback/play")] | length' "$out")" 1
}
case_plugins_list() {
    exits 0 "plugins list" "$engine" plugins list --json
    equals "with the one that is running" "$(jq -r 'select(.id == "playback") | .phases[]' "$out")" play
}
case_plugins_inspect() {
    exits 0 "plugins inspect" "$engine" plugins inspect --json playback
    equals "its phase" "$(jq -r '.phases[].name' "$out")" play
}
case_plugins_test() {
    exits 0 "plugins test" "$engine" plugins test "$fixtures/inquiry.so"
    says "of its phase" ask
}
case_new_plugin() {
    exits 0 "new plugin" "$engine" new plugin words --kind phase
    holds "with its source" grep -q foundry_plugin_entry words/*.c
}
case_run() {
    exits 3 "run hands over to the server" "$engine" run invoice.yaml jobs
    says "and says so" "pid $server has jobs: handed over to it" "$err"
    equals "its engine took all four in" "$(told '/v1/jobs?pipeline=invoice' '[.items[].state] | join(" ")')" \
        "paused paused paused paused"
    exits 3 "another pipeline" "$engine" run link.yaml jobs
    equals "in the same engine" "$(state 1.link.job.json)" paused
}
case_status() {
    exits 0 "status" "$engine" status --json jobs
    equals "the engine is the server" "$(jq .engine "$out")" "$server"
    equals "and it counts as the server does" "$(jq '[.pipelines[].paused] | add' "$out")" \
        "$(told '/v1/jobs?state=paused&limit=200' '.items | length')"
}
case_serve() {
    local code=0
    wait "$second" || code=$?
    equals "serve, a second one, is refused" "$code" 7
    says "says who has it" "pid $server" second.err
    equals "the first goes on" "$(told /readyz .status)" ready
}
case_show() {
    exits 0 "show" "$engine" show --json jobs job-2.png
    equals "the job that the server shows" "$(jq -r '"\(.path) \(.pipeline) \(.state) \(.phase)"' "$out")" \
        "$(told "/v1/jobs/$(job job-2.png)" '"\(.path) \(.pipeline) \(.state) \(.phase)"')"
}
case_logs() {
    exits 0 "logs" "$engine" logs --json jobs 1.dies.job.json
    says "what its worker died of" "SIGSEGV"
}
case_ask_list() {
    exits 0 "ask list" "$engine" ask list --json jobs
    equals "as many as the server has" "$(jq -s length "$out")" "$(told '/v1/asks?state=open' '.items | length')"
}
case_ask_show() {
    exits 0 "ask show" "$engine" ask show --json jobs job-2.png
    equals "the question that the server shows" "$(jq -c '[.questions[].pointer] | sort' "$out")" \
        "$(at "/v1/asks/$(ask job-2.png)" | jq -c '[.questions[].pointer] | sort')"
}
case_ask_claim() {
    exits 0 "ask claim" "$engine" ask claim jobs job-2.png --as ann
    equals "the server knows who has it" "$(of_ask job-2.png .lease.by)" ann
}
case_ask_release() {
    exits 0 "ask release" "$engine" ask release jobs job-2.png --as ann
    equals "nobody has it" "$(of_ask job-2.png .lease)" null
}
case_ask_snooze() {
    exits 0 "ask snooze" "$engine" ask snooze jobs job-3.png --for 2h --as ann
    equals "it sleeps" "$(of_ask job-3.png '.snoozed_until != null')" true
}
fix=(--as ann --set "supplier_name=Hardware & Son" --set /line_items/0/quantity=10 --set /line_items/0/total_cost=150.00)
case_answer() {
    exits 0 "answer" "$engine" answer jobs job-2.png "${fix[@]}"
    comes "the server's engine takes the job to its end" job-2.png completed
    equals "with the value" "$(jq -r .supplier_name jobs/out/job-2.json)" "Hardware & Son"
}
case_ask_undo() {
    exits 0 "one is answered" "$engine" answer jobs job-1.png --accept --as ann
    exits 0 "ask undo" "$engine" ask undo jobs "$(number job-1.png)" --as ann
    comes "it is open again" job-1.png paused
}
case_ask_reopen() {
    exits 0 "ask reopen" "$engine" ask reopen jobs "$(number job-2.png)" --as ann --reason "look again"
    comes "its job waits again" job-2.png paused
    exits 0 "and is answered again" "$engine" answer jobs job-2.png "${fix[@]}"
    comes "to its end" job-2.png completed
}
case_notify_list() {
    exits 0 "notify list" "$engine" notify list --all --json jobs
    equals "a message for each that was asked" "$(jq -s length "$out")" 4
}
case_rules_list() {
    exits 0 "an answer for its twins" "$engine" answer jobs 1.link.job.json --as ann --twins \
        --set "$("$engine" ask show --json jobs 1.link.job.json | jq -r '.questions[0].key')=102"
    comes "settles the other" 2.link.job.json completed
    exits 0 "rules list" "$engine" rules list --json jobs
    equals "the one that the server has" "$(jq -s length "$out")" "$(told /v1/rules '.items | length')"
    rule=$(jq .rule "$out")
}
case_rules_revoke() {
    exits 0 "rules revoke" "$engine" rules revoke jobs "$rule" --as ann --reason "too broad"
    equals "it holds no more" "$(told /v1/rules '.items[0].state')" revoked
    comes "and what it settled is open" 2.link.job.json paused
}
case_cancel() {
    exits 0 "cancel" "$engine" cancel jobs 2.link.job.json --as ann --reason "sent twice"
    comes "it is cancelled" 2.link.job.json cancelled
}
case_retry() {
    exits 3 "retry" "$engine" retry jobs 2.link.job.json
    comes "it asks again" 2.link.job.json paused
}
case_plugins_release() {
    local hash
    exits 1 "a plugin whose worker dies again and again" "$engine" run dies.yaml jobs
    equals "one job is held for it" "$(told '/v1/jobs?pipeline=dies&state=paused' '.items | length')" 1
    hash=$(sha256sum "$fixtures/fault.so" | cut -d' ' -f1)
    exits 0 "plugins release" "$engine" plugins release jobs "${hash:0:16}"
    exits 1 "it runs again" "$engine" run dies.yaml jobs
    comes "as the server's engine sees" 6.dies.job.json failed
}

case_export() {
    exits 0 "export" "$engine" export jobs --format foundry
    equals "a line for each correction that the server has" "$(grep -c . jobs/out/foundry.jsonl)" \
        "$(told '/v1/corrections?limit=200' '.items | length')"
}
case_export_validate() {
    exits 0 "export validate" "$engine" export validate --json jobs/out/foundry.jsonl --as foundry
    equals "finds nothing wrong" "$(jq -c 'select(.type == "end") | [.valid, .errors]' "$out")" '[true,0]'
}
case_why() {
    local line
    line=$(grep -n '"verdict":"corrected"' jobs/out/foundry.jsonl | head -1 | cut -d: -f1)
    exits 0 "why" "$engine" why --json "jobs/out/foundry.jsonl:$line:supplier_name"
    equals "goes back to who said so" "$(jq -r .answer.by "$out")" ann
}
case_replay() {
    exits 0 "replay" "$engine" replay jobs --plugin "$fixtures/other/playback.so" --where path=job-2.png --json
    equals "fixes what a person corrected" "$(jq 'select(.type == "end") | .fixed' "$out")" 1
}
# teach COUNT SPLIT: so many new texts there, in jobs/ and with their labels in labels.tsv.
text=0
teach() {
    local left=$1
    while ((left > 0)); do
        text=$((text + 1))
        [[ $(split "t$text.txt") == "$2" ]] || continue
        left=$((left - 1))
        if ((text % 2)); then
            echo "onions leeks number$text" >"jobs/t$text.txt"
            printf 't%d.txt\tfood\n' "$text" >>labels.tsv
        else
            echo "nails screws number$text" >"jobs/t$text.txt"
            printf 't%d.txt\ttools\n' "$text" >>labels.tsv
        fi
    done
}
# label NAME: what the server's engine says of a new text about food.
label() {
    echo "onions leeks $1" >"jobs/$1.txt"
    "$engine" run labels.yaml jobs >/dev/null 2>&1
    "$engine" show jobs "$1.txt" --phase label --json | jq -r .label
}
case_train() {
    local uuid
    uuid=$(sqlite3 jobs/.foundry/state.db "SELECT body ->> '$.uuid' FROM payload WHERE event = 1")
    equals "before, a text goes by the rules" "$(label before)" other
    teach 8 train
    teach 4 eval
    "$engine" run labels.yaml jobs >/dev/null 2>&1
    "$engine" ask list --json jobs | jq -c --rawfile labels labels.tsv '
        ($labels | split("\n") | map(select(. != "") | split("\t") | {key: .[0], value: .[1]}) | from_entries)
            as $right | select($right[.path]) | {request, by: "ann", values: {"/label": $right[.path]}}' >answers
    exits 0 "people answer" "$engine" answer jobs - <answers
    exits 0 "train" "$engine" train jobs words --wait
    equals "the server's engine goes by what was learned" "$(label after)" food
}
case_models_list() {
    exits 0 "models list" "$engine" models list --json jobs
    equals "the version that it goes by" "$(jq -c '[.version, .state]' "$out")" '[1,"production"]'
}
case_models_show() {
    exits 0 "models show" "$engine" models show --json jobs words
    equals "what it was tried on" "$(jq .result.evaluation.documents "$out")" 4
}
case_models_promote() {
    exits 0 "models promote" "$engine" models promote jobs words --model-version 0 --as ann --reason trial
    equals "the server's engine goes by the rules" "$(label by-rules)" other
    exits 0 "and again" "$engine" models promote jobs words --model-version 1 --as ann --reason trial
    equals "by version 1" "$(label by-version-1)" food
}
case_models_rollback() {
    exits 0 "models rollback" "$engine" models rollback jobs words --as ann --reason back
    equals "the server's engine goes by the rules" "$(label back)" other
}
case_models_curve() {
    exits 0 "models curve" "$engine" models curve --json --pipeline labels jobs
    equals "the curve that the server has" "$(jq -cS .versions "$out")" \
        "$(at '/v1/curve?pipeline=labels' | jq -cS '.items[0].versions')"
}
case_import() {
    local corrections
    mkdir elsewhere
    cp jobs/job-2.png elsewhere/
    "$engine" run invoice.yaml elsewhere >/dev/null 2>&1
    exits 0 "another directory's correction" "$engine" answer elsewhere job-2.png "${fix[@]}"
    "$engine" export elsewhere --format foundry >/dev/null 2>&1
    corrections=$(told '/v1/corrections?limit=200' '.items | length')
    exits 0 "import" "$engine" import --json foundry elsewhere/out/foundry.jsonl jobs
    equals "of one record" "$(jq -c '[.examples, .records, .known]' "$out")" "[1,1,0]"
    equals "the server has it" "$(told '/v1/corrections?limit=200' '.items | length')" $((corrections + 1))
    exits 0 "the same again" "$engine" import --json foundry elsewhere/out/foundry.jsonl jobs
    equals "is known" "$(jq -c '[.examples, .records, .known]' "$out")" "[1,0,1]"
    jq -c '.id = (.id[:-3] + "000") | .provenance.path = "large.png" | .provenance.note = ("x" * 8400000)' \
        elsewhere/out/foundry.jsonl >large.jsonl
    exits 1 "one that no request can hold" "$engine" import foundry large.jsonl jobs
    says "is told, and what to do" "end that engine, and import again" "$err"
    echo '{}' >none.jsonl
    exits 1 "what is none" "$engine" import foundry none.jsonl jobs
    says "is refused by its line" 'line 1: is missing "id"' "$err"
}
case_verify() {
    exits 0 "verify" "$engine" verify --json jobs
    equals "nothing is wrong" "$(jq -c .flaws "$out")" "[]"
}
case_backup() {
    exits 0 "backup" "$engine" backup --json jobs kept
    exits 0 "it is sound" "$engine" verify kept
    equals "and holds what the server has" "$("$engine" status --json kept | jq '[.pipelines[].completed] | add')" \
        "$(counts jobs completed)"
}
case_gc() {
    local orphan
    orphan=$(printf 'nobody named me' | sha256sum | cut -c1-64)
    mkdir -p "jobs/.foundry/artifacts/${orphan:0:2}"
    printf 'nobody named me' >"jobs/.foundry/artifacts/${orphan:0:2}/${orphan:2}"
    exits 0 "gc" "$engine" gc jobs
    holds "the server's engine removed it" test ! -e "jobs/.foundry/artifacts/${orphan:0:2}/${orphan:2}"
}
case_demo() {
    holds "demo begins on a port of its own" until_so grep -q '^http://localhost:' demo.out
    kill -INT "$demo" 2>/dev/null
    wait "$demo"
    demo=
    says "and ends with its report" "exported" demo.out
}

# --- all of them, in an order in which each finds what it needs ----------------------------------

order=(help init validate schema "plugins list" "plugins inspect" "plugins test" "new plugin" run status
    serve show "ask list" "ask show" "ask claim" "ask release" "ask snooze" answer "ask undo" "ask reopen"
    "notify list" "rules list" "rules revoke" cancel retry "plugins release" logs export
    "export validate" why replay train "models list" "models show" "models promote" "models rollback"
    "models curve" import verify backup gc demo)
for command in "${order[@]}"; do
    echo "-- $command"
    before=$passed
    "case_${command// /_}"
    # That it ended with the code that was wanted, and that something came of it.
    holds "$command has been seen at work" test $((passed - before)) -ge 2
    holds "the server is ready" test "$(told /readyz .status)" = ready
done
echo "-- none is left out"
"$engine" help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\( [a-z]\+\)*\)  .*/\1/p' | sort >commands
holds "the program has commands" test "$(wc -l <commands)" -ge 40
printf '%s\n' "${order[@]}" | sort >cases
equals "each command has a case here, and each case a command" "$(comm -3 commands cases)" ""
kill -TERM "$server"
wait "$server"
equals "the server went on all the while, and ends as it is told to" $? 143

echo "-- an import whose server is killed"
jq -c '. as $line | range(400) | . as $i | $line | .id = (.id[:-3] + ($i + 100 | tostring))
    | .provenance.path = "many/\($i).png"' elsewhere/out/foundry.jsonl >many.jsonl
: >listening
"$engine" serve jobs --json --listen 127.0.0.1:0 --no-watch >listening 2>serve.err &
server=$!
disown "$server" # no word of its end
holds "it listens" until_so test -s listening
"$engine" import --json foundry many.jsonl jobs >many.out 2>many.err &
import=$!
imported() { sqlite3 "file:jobs/.foundry/state.db?mode=ro" "SELECT count(*) FROM job WHERE path LIKE 'many/%'" 2>/dev/null; }
some_are_in() { (($(imported) >= 1)); }
holds "it has begun" until_so some_are_in
kill -STOP "$import"
kill -KILL "$server"
holds "and is not at its end" test "$(imported)" -lt 400
kill -CONT "$import"
wait "$import"
equals "it takes the dead one's place" $? 0
equals "and each record comes in once" "$(imported)" 400
exits 0 "the record is sound" "$engine" verify jobs
finish
