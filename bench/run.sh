#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The engine beside the limit of this disk, in one run. Each figure is the median of ROUNDS runs in
# fresh folders; the limit and Foundry take turns, so that a slow minute hits both.
#   bench/run.sh BUILD_FOLDER [ROUNDS | quick]
# quick: one round, a small store and no HTTP, for development; its figures say little.
# BENCH_STORED=N jobs in the file (1,000,000), BENCH_RECORDS=N corrections to export (100,000),
# BENCH_PLOTS=FOLDER where the plots of growth go (docs/bench; none with quick).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: bench/run.sh BUILD_FOLDER [ROUNDS | quick]}" && pwd)
rounds=${2:-5}
# Each rate goes over a good part of a second: of less, the start would be a part.
jobs=20000 few=4000 one=1000 stored=${BENCH_STORED:-1000000} plots=${BENCH_PLOTS:-$here/../docs/bench}
quick=
if [[ $rounds == quick ]]; then
    rounds=1 jobs=1000 few=100 one=100 stored=${BENCH_STORED:-20000} quick=yes
    plots=${BENCH_PLOTS:-}
fi
work=$(mktemp -d "${BENCH_FOLDER:-${TMPDIR:-/tmp}}/foundry-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
export FOUNDRY_PLUGIN_PATH="$build/tests/plugins"
export FOUNDRY_WORKER="$build/engine/worker/foundry-worker"
export XDG_CACHE_HOME="$work/cache"
asks=4000
bench=$build/bench/foundry-bench limits=$build/bench/limit

field() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; }
median() { sort -g | awk '{v[NR]=$1} END {print v[int((NR+1)/2)]}'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", (b > 0) ? a / b : 0}'; }
part() { echo "$(date +%T) $*" >&2; }

inputs() { # FOLDER COUNT [KIB NAME]: jobs of NAME with a text of 320 bytes, behind KIB of others
    mkdir -p "$1"
    awk -v n="$2" -v kib="${3:-0}" -v name="${4:-job}" 'BEGIN {
        rest = sprintf("%1024s", ""); gsub(" ", "x", rest)
        for (i = 1; i <= n; i++) {
            text = "";
            for (k = 0; k < 40; k++) { text = text sprintf("%08x", (i * 2654435761 + k * 40503) % 4294967296) }
            printf "{\"id\":\"%s-%06d\",", name, i
            if (kib > 0) { printf "\"rest\":\""; for (k = 0; k < kib; k++) { printf "%s", rest }; printf "\"," }
            printf "\"text\":\"%s\"}\n", text
        }
    }' > "$1/jobs.jsonl"
}
fresh() { rm -rf "$work/run"; inputs "$work/run" "$@"; }
engine() { # PIPELINE ISOLATION WORKERS FLIGHT JOBS -> JSON
    fresh "$5"
    "$bench" run "$work/run" "$here/$1.yaml" "$2" "$3" "$4"
}
limit() { # MODE ... -> JSON
    rm -rf "$work/limit"
    mkdir -p "$work/limit"
    "$limits" "$1" "$work/limit" "${@:2}"
}
keep() { # NAME FIELD: of the JSON on stdin
    local found
    found=$(field "$2")
    echo "${found:?no $2 for $1}" >> "$work/$1"
}
m() { median < "$work/$1"; }

commit=$(git -C "$here" rev-parse --short HEAD 2> /dev/null || echo unknown)
model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)
echo "machine: $(nproc) x ${model:-unknown}, $(uname -sr), $(stat -f -c %T "$work") at ${work%/*}"
echo "commit $commit, $(date -u +%Y-%m-%d), medians of $rounds, load $(cut -d' ' -f1-3 /proc/loadavg)"
[[ -z $quick ]] || echo "quick: one round each, which says little"
engine bench inline 1 256 100 > /dev/null # warm: plugin descriptions, page cache

part "rates beside SQLite"
for ((i = 0; i < rounds; i++)); do
    limit sync 1000 | keep sync rate
    limit append 20000 | keep append rate
    limit engine "$jobs" 5 256 | keep limit256 rate
    engine bench inline 1 256 "$jobs" | keep inline256 rate
    limit engine "$jobs" 5 256 | keep limit256 rate
    engine bench sandbox 2 256 "$jobs" | keep sandbox256 rate
    limit engine "$jobs" 5 256 | keep limit256 rate
    engine work sandbox 2 256 "$jobs" | keep work256 rate
    engine bench process 2 256 "$jobs" | keep process256 rate
    limit engine "$few" 5 8 | keep limit8 rate
    engine bench inline 1 8 "$few" | keep inline8 rate
    limit single "$one" | keep limit1 rate
    engine bench inline 1 1 "$one" | keep inline1 rate
    limit answers "$few" 256 | keep limit_bulk rate
    fresh "$few"
    "$bench" answers "$work/run" "$here/answer.yaml" 256 | keep bulk rate
    limit answers "$one" 1 | keep limit_each rate
    fresh "$one"
    "$bench" answers "$work/run" "$here/answer.yaml" 1 | keep each rate
    rm -rf "$work/limit"; mkdir "$work/limit"
    "$limits" time "$limits" start "$work/limit" 5 2> /dev/null | keep limit_start us
    fresh 1
    "$limits" time "$build/foundry-engine" run "$here/bench.yaml" "$work/run" --isolation inline \
        2> /dev/null | keep startup us
    "$build/bench/foundry-bench-calls" "$FOUNDRY_WORKER" "$FOUNDRY_PLUGIN_PATH/noop.so" > "$work/calls"
    for name in inline_ns service_ns trip_us bare_us near_trip_us near_bare_us; do
        keep "$name" "$name" < "$work/calls"
    done
    engine bench inline 1 256 1000 | keep rss1000 rss_kib
done

# Documents: the job brings one along, and twenty phases either write it anew or change 1 KiB. The
# clock starts with the jobs on record, so that each begins with reading its document back.
pipeline() { # SIZE
    printf 'foundry: v1\nname: documents\ninputs: {match: ["*.jsonl"]}\nphases:\n'
    local i before=input
    # shellcheck disable=SC2016 # the engine reads ${...}, not the shell
    for ((i = 1; i <= 20; i++)); do
        printf '  - {id: p%d, uses: noop/mix, with: {text: "${%s.text}", size: %d}}\n' \
            "$i" "$before" "$1"
        before=p$i
    done
}
part "documents"
pipeline 1024 > "$work/change.yaml"
sizes="1 4 16 64 100"
[[ -z $quick ]] || sizes=100
for ((i = 0; i < rounds; i++)); do
    for kib in $sizes; do
        pipeline "$((kib * 1024))" > "$work/rewrite.yaml"
        limit engine 30 20 30 $((kib * 1024)) | keep "limit_rewrite_$kib" rate
        fresh 30
        "$bench" run "$work/run" "$work/rewrite.yaml" inline 1 30 stored | keep "rewrite_$kib" rate
        fresh 60 "$kib"
        "$bench" run "$work/run" "$work/change.yaml" inline 1 60 stored | keep "change_$kib" rate
    done
done

if [[ -z $quick ]]; then
    part "jobs in flight"
    flights="1 2 4 8 16 32 64 128 256 512"
    for ((i = 0; i < (rounds < 3 ? rounds : 3); i++)); do
        for flight in $flights; do
            count=$((flight < 16 ? 100 : flight < 64 ? 400 : 2000))
            limit engine "$count" 5 "$flight" | keep "flight_limit_$flight" rate
            engine bench inline 1 "$flight" "$count" | keep "flight_inline_$flight" rate
            engine bench sandbox 2 "$flight" "$count" | keep "flight_sandbox_$flight" rate
        done
    done
fi

# Stores that have been in use: the file grows by the jobs of each round, which says nothing.
old_runs() { # NAME: jobs over the full store, and beside each over a fresh one
    local i
    for ((i = 0; i < rounds; i++)); do
        engine bench inline 1 256 1000 | keep "$1_fresh" rate
        inputs "$work/old" 1000 0 "$1-$i"
        "$bench" run "$work/old" "$here/bench.yaml" inline 1 256 > "$work/one"
        keep "$1" rate < "$work/one"
        keep "$1_rss" rss_kib < "$work/one"
    done
}
counts="1000 10000 100000"
[[ -z $quick ]] || counts=""
for count in $counts "$stored"; do
    part "$count stored jobs"
    rm -rf "$work/old"
    mkdir "$work/old"
    "$bench" fill "$work/old" "$here/stored.yaml" "$count" | keep "stored_$count" seconds
    old_runs "old_$count"
done
for ((i = 0; i < rounds; i++)); do
    inputs "$work/old" 1000 0 "live-$i"
    # Dies of SIGKILL with 1000 jobs under way, which the shell says.
    { "$bench" run "$work/old" "$here/bench.yaml" inline 1 1000 kill 1000 || true; } 2> /dev/null
    rm "$work/old/jobs.jsonl"
    "$limits" time "$bench" run "$work/old" "$here/bench.yaml" inline 1 256 2> "$work/one" \
        > /dev/null
    keep restart first_us < "$work/one"
done
size_old=$(du -m "$work/old/.foundry/state.db" | cut -f1)
rm -rf "$work/old"

page= code=0 # why it was not measured
if [[ -z $quick ]]; then
    part "HTTP"
    for ((i = 0; i < (rounds < 3 ? rounds : 3); i++)); do
        FOUNDRY_BUILD_ROOT=$build FOUNDRY_SOURCE_ROOT=$here/.. PYTHONDONTWRITEBYTECODE=1 TMPDIR=$work \
            python3 "$here/serve.py" "$asks" > "$work/http"
        while read -r name value; do echo "$value" >> "$work/http_$name"; done < "$work/http"
    done
    part "page"
    FOUNDRY_BUILD_ROOT=$build FOUNDRY_SOURCE_ROOT=$here/.. FOUNDRY_ENGINE=$build/foundry-engine \
        TMPDIR=$work bash "$here/../tests/page/run.sh" bench > "$work/page" || code=$?
    while read -r name value; do
        [[ $name != *_ms ]] || echo "$value" > "$work/$name"
    done < "$work/page"
    ((code == 0)) || page=$(tail -1 "$work/page")
    ((code == 0 || code == 77)) || page="failed, as told above"
    part "export"
    # What people corrected as a file, each time a new one. BENCH_RECORDS=1000000 is the full size.
    records=${BENCH_RECORDS:-100000}
    mkdir -p "$work/export"
    for ((i = 0; i < rounds; i++)); do
        rm -f "$work"/export/export.out*
        "$build/bench/foundry-bench-export" "$work/export" "$records" openai-chat 2> /dev/null > "$work/exported"
        for name in rate copy_rate rss_kib; do keep "export_$name" "$name" < "$work/exported"; done
    done
fi

void=""
if awk -v a="$(m limit256)" -v b="$(m append)" 'BEGIN {exit !(a < 0.7 * b)}'; then
    void=" (below 0.7 of the bare append loop: the rows beside it are void)"
fi
echo
printf '%-58s %12s\n' "fdatasync of 4 KiB, a second" "$(m sync)"
printf '%-58s %12s\n' "SQLite, bare append of the same rows, rows/s" "$(m append)"
printf '%-58s %12s%s\n' "SQLite, engine-shaped, 256 in flight, transitions/s" "$(m limit256)" "$void"
printf '%-58s %12s\n' "SQLite, the same, 8 in flight" "$(m limit8)"
printf '%-58s %12s\n' "SQLite, one commit a transition, transitions/s" "$(m limit1)"
printf '%-58s %12s\n' "SQLite, answers and the phase behind them, 256 a commit" "$(m limit_bulk)"
printf '%-58s %12s\n' "SQLite, the same, one by one" "$(m limit_each)"
printf '%-58s %12s\n' "SQLite, 100 KiB written anew, transitions/s" "$(m limit_rewrite_100)"
[[ -n $quick ]] || printf '%-58s %12s\n' \
    "bare libmicrohttpd, replies as long as a job's, a second" "$(m http_hello_rate)"
echo
missed=0
say() { # NAME FIGURE WHAT GOAL VERDICT
    printf '| %-56s | %10s | %-24s | %-9s | %s |\n' "$@"
}
judge() { # CONDITION -> verdict; counts what is missed
    verdict=reached
    if ! awk "BEGIN {exit !($1)}"; then verdict="**not reached**"; missed=$((missed + 1)); fi
}
row() { # NAME FIGURE LIMIT GOAL: at least GOAL of the limit
    local r; r=$(ratio "$2" "$3")
    judge "$r >= $4"
    say "$1" "$2" "$r of $3" ">= $4" "$verdict"
}
over() { # NAME FIGURE LIMIT GOAL: at most GOAL times the limit
    local r; r=$(ratio "$2" "$3")
    judge "$r <= $4"
    say "$1" "$2" "$r x $3" "<= $4 x" "$verdict"
}
bound() { # NAME FIGURE UNIT GOAL
    judge "$2 < $4"
    say "$1" "$2" "$3" "< $4" "$verdict"
}
reach() { # NAME FIGURE LIMIT GOAL
    judge "$2 >= $4"
    say "$1" "$2" "$(ratio "$2" "$3") of $3" ">= $4" "$verdict"
}
mib() { awk -v k="$1" 'BEGIN {printf "%.1f", k / 1024}'; }
ms() { awk -v u="$1" 'BEGIN {printf "%.1f", u / 1000}'; }
say "what" "figure" "beside" "goal" ""
say "---" "---:" "---" "---" "---"
row "in line, 256 in flight, transitions/s" "$(m inline256)" "$(m limit256)" 0.80
row "two sandboxed workers, 256 in flight" "$(m sandbox256)" "$(m limit256)" 0.70
row "the same, each call works 20 us" "$(m work256)" "$(m limit256)" 0.35
row "two process workers, 256 in flight" "$(m process256)" "$(m limit256)" 0.70
row "in line, 8 in flight" "$(m inline8)" "$(m limit8)" 0.70
row "in line, one in flight" "$(m inline1)" "$(m limit1)" 0.85
row "answers in bulk, jobs resumed to their end, jobs/s" "$(m bulk)" "$(m limit_bulk)" 0.60
row "answers one by one, jobs/s" "$(m each)" "$(m limit_each)" 0.85
over "process start to the first job's end, new folder, ms" "$(ms "$(m startup)")" "$(ms "$(m limit_start)")" 2
row "rate with $stored jobs stored" "$(m "old_$stored")" "$(m "old_${stored}_fresh")" 0.90
bound "restart behind kill -9: $stored stored, 1000 live" "$(ms "$(m restart)")" "ms to its first output" 50
bound "peak RSS at 1000 jobs" "$(mib "$(m rss1000)")" "MiB" 16
bound "peak RSS with $stored jobs in the file" "$(mib "$(m "old_${stored}_rss")")" "MiB; file: $size_old MiB" 40
row "100 KiB document, a phase changes 1 KiB, transitions/s" "$(m change_100)" "$(m limit_rewrite_100)" 10
bound "a phase called in line, us" "$(ms "$(m inline_ns)")" "us" 0.2
bound "a service of the SDK called in line, us" "$(ms "$(m service_ns)")" "us" 0.2
over "round trip, sandboxed worker on the other processor, us" "$(m trip_us)" "$(m bare_us)" 1.3
over "the same with both on one processor, us" "$(m near_trip_us)" "$(m near_bare_us)" 1.3
if [[ -z $quick ]]; then
    reach "GET /v1/jobs/{id}, replies a second" "$(m http_read_rate)" "$(m http_hello_rate)" 5000
    bound "GET /v1/jobs/{id} at 5,000 a second, p99" "$(m http_read_at_goal_p99_ms)" "ms" 20
    # An answer commits its record and two more transitions of its job.
    reach "answers over HTTP, a second" "$(m http_answer_rate)" "$(m limit256)" 1000
    bound "answers at 1,000 a second (open loop), p99" "$(m http_answer_at_goal_p99_ms)" "ms" 20
    bound "GET /v1/asks?limit=10 as fast as it goes, p99" "$(m http_asks_p99_ms)" "ms" 20
    bound "peak RSS of serve at $asks jobs" "$(m http_rss_mib)" "MiB" 200
    ((code == 0 || code == 77)) || missed=$((missed + 1))
    if [[ -z $page ]]; then
        bound "page: next card" "$(m next_card_ms)" "ms; bare: $(m bare_swap_ms)" 100
        bound "page: first paint" "$(m first_paint_ms)" "ms; bare: $(m bare_paint_ms)" 1000
    fi
    # 200 MB/s or half a plain copy of the same bytes, whichever is less, and below 64 MiB.
    row "export of $records corrections, MB/s" "$(m export_rate)" \
        "$(awk -v c="$(m export_copy_rate)" 'BEGIN {print c < 400 ? c : 400}')" 0.50
    bound "peak RSS of that export" "$(mib "$(m export_rss_kib)")" "MiB" 64
fi
echo
echo "$missed rows not reached"
[[ -z $page ]] || echo "page: $page"

if [[ -n $plots ]]; then
    mkdir -p "$plots"
    line() { # PLOT SERIES X FIGURE
        printf '%s\t%s\t%s\t%s\n' "$@" >> "$work/points"
    }
    for kib in $sizes; do
        line documents "SQLite, written anew" "$kib" "$(m "limit_rewrite_$kib")"
        line documents "Foundry, written anew" "$kib" "$(m "rewrite_$kib")"
        line documents "Foundry, 1 KiB of it changes" "$kib" "$(m "change_$kib")"
    done
    for flight in ${flights:-}; do
        line flight "SQLite, engine-shaped" "$flight" "$(m "flight_limit_$flight")"
        line flight "Foundry, in line" "$flight" "$(m "flight_inline_$flight")"
        line flight "Foundry, two sandboxed workers" "$flight" "$(m "flight_sandbox_$flight")"
    done
    for count in $counts "$stored"; do
        line jobs "Foundry, in line, that many stored" "$count" "$(m "old_$count")"
        line jobs "Foundry, in line, a fresh store" "$count" "$(m "old_${count}_fresh")"
        line memory "peak RSS" "$count" "$(mib "$(m "old_${count}_rss")")"
    done
    python3 "$here/plot.py" "$plots" "$commit, $(date -u +%Y-%m-%d), $(nproc) x ${model:-unknown}" \
        < "$work/points"
    echo "plots: $plots"
fi
