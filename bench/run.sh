#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The engine beside the limit of this disk, in one run. Each figure is the median of ROUNDS runs in
# fresh folders; the limit and Foundry take turns, so that a slow minute hits both.
#   bench/run.sh BUILD_FOLDER [ROUNDS]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: bench/run.sh BUILD_FOLDER [ROUNDS]}" && pwd)
rounds=${2:-5}
work=$(mktemp -d "${BENCH_FOLDER:-${TMPDIR:-/tmp}}/foundry-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
export FOUNDRY_PLUGIN_PATH="$build/tests/plugins"
export FOUNDRY_WORKER="$build/engine/worker/foundry-worker"
export XDG_CACHE_HOME="$work/cache"
jobs=1000
asks=4000

field() { sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p"; }
median() { sort -g | awk '{v[NR]=$1} END {print v[int((NR+1)/2)]}'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", (b > 0) ? a / b : 0}'; }

inputs() { # FOLDER COUNT
    mkdir -p "$1"
    awk -v n="$2" 'BEGIN {
        for (i = 1; i <= n; i++) {
            text = "";
            for (k = 0; k < 40; k++) { text = text sprintf("%08x", (i * 2654435761 + k * 40503) % 4294967296) }
            printf "{\"id\":\"job-%06d\",\"text\":\"%s\"}\n", i, text
        }
    }' > "$1/jobs.jsonl"
}

engine() { # ISOLATION WORKERS FLIGHT JOBS -> JSON
    local folder="$work/run"
    rm -rf "$folder"
    inputs "$folder" "$4"
    "$build/bench/foundry-bench" "$folder" "$here/bench.yaml" "$1" "$2" "$3"
}

limit() { rm -rf "$work/limit"; mkdir -p "$work/limit"; "$build/bench/limit" "$1" "$work/limit" "${@:2}"; }

echo "machine: $(nproc) cores, $(uname -sr), $(stat -f -c %T "$work") at ${work%/*}, $(date -u +%Y-%m-%d)"
engine inline 1 256 100 > /dev/null # warm: plugin descriptions, page cache
for ((i = 0; i < rounds; i++)); do
    limit sync 1000 | field rate >> "$work/sync"
    limit append 20000 | field rate >> "$work/append"
    limit engine "$jobs" 5 256 | field rate >> "$work/limit256"
    engine inline 1 256 "$jobs" > "$work/one"
    field rate < "$work/one" >> "$work/inline256"
    field rss_kib < "$work/one" >> "$work/rss"
    engine process 2 256 "$jobs" | field rate >> "$work/process256"
    engine sandbox 2 256 "$jobs" | field rate >> "$work/sandbox256"
    limit single 1000 | field rate >> "$work/limit1"
    engine inline 1 1 200 | field rate >> "$work/inline1"
    rm -rf "$work/start"; inputs "$work/start" 1
    start=$(date +%s%N)
    "$build/foundry-engine" run "$here/bench.yaml" "$work/start" --isolation inline > /dev/null 2>&1
    echo $((($(date +%s%N) - start) / 1000)) >> "$work/startup"
done

for ((i = 0; i < (rounds < 3 ? rounds : 3); i++)); do
    FOUNDRY_BUILD_ROOT=$build FOUNDRY_SOURCE_ROOT=$here/.. PYTHONDONTWRITEBYTECODE=1 TMPDIR=$work \
        python3 "$here/serve.py" "$asks" > "$work/http"
    while read -r name value; do echo "$value" >> "$work/http_$name"; done < "$work/http"
done
# What people corrected as a file: once, as it takes its time. BENCH_RECORDS=1000000 is the full size.
records=${BENCH_RECORDS:-100000}
mkdir -p "$work/export"
"$build/bench/foundry-bench-export" "$work/export" "$records" openai-chat 2> /dev/null > "$work/exported"
for name in rate copy_rate rss_kib; do field "$name" < "$work/exported" > "$work/export_$name"; done

m() { median < "$work/$1"; }
void=""
if awk -v a="$(m limit256)" -v b="$(m append)" 'BEGIN {exit !(a < 0.7 * b)}'; then
    void=" (below 0.7 of the bare append loop: the rows beside it are void)"
fi
printf '%-58s %12s\n' "fdatasync of 4 KiB, a second" "$(m sync)"
printf '%-58s %12s\n' "SQLite, bare append of the same rows, rows/s" "$(m append)"
printf '%-58s %12s%s\n' "SQLite, engine-shaped, 256 in flight, transitions/s" "$(m limit256)" "$void"
printf '%-58s %12s\n' "SQLite, one commit a transition, transitions/s" "$(m limit1)"
printf '%-58s %12s\n' "bare libmicrohttpd, replies as long as a job's, a second" "$(m http_hello_rate)"
echo
missed=0
row() { # NAME FIGURE LIMIT GOAL
    local r; r=$(ratio "$2" "$3")
    local verdict=reached
    if awk -v r="$r" -v g="$4" 'BEGIN {exit !(r < g)}'; then verdict="not reached"; missed=$((missed + 1)); fi
    printf '%-46s %10s  %5s of the limit  goal %5s  %s\n' "$1" "$2" "$r" "$4" "$verdict"
}
bound() { # NAME FIGURE UNIT GOAL
    local verdict=reached
    if awk -v r="$2" -v g="$4" 'BEGIN {exit !(r >= g)}'; then verdict="not reached"; missed=$((missed + 1)); fi
    printf '%-46s %10s  %-18s goal < %4s  %s\n' "$1" "$2" "$3" "$4" "$verdict"
}
reach() { # NAME FIGURE LIMIT GOAL
    local r; r=$(ratio "$2" "$3")
    local verdict=reached
    if awk -v v="$2" -v g="$4" 'BEGIN {exit !(v < g)}'; then verdict="not reached"; missed=$((missed + 1)); fi
    printf '%-46s %10s  %5s of the limit  goal %5s  %s\n' "$1" "$2" "$r" "$4" "$verdict"
}
row "in line, 256 in flight, transitions/s" "$(m inline256)" "$(m limit256)" 0.50
row "warm process workers (2), 256 in flight" "$(m process256)" "$(m limit256)" 0.40
row "warm sandboxed workers (2), 256 in flight" "$(m sandbox256)" "$(m limit256)" 0.40
row "in line, one in flight" "$(m inline1)" "$(m limit1)" 0.70
bound "process start to first job done, new folder" "$(awk -v u="$(m startup)" 'BEGIN {printf "%.1f", u / 1000}')" "ms" 50
bound "peak RSS of the host at $jobs jobs" "$(awk -v k="$(m rss)" 'BEGIN {printf "%.1f", k / 1024}')" "MiB" 16
reach "GET /v1/jobs/{id}, replies a second" "$(m http_read_rate)" "$(m http_hello_rate)" 5000
bound "GET /v1/jobs/{id} at 5,000 a second, p99" "$(m http_read_at_goal_p99_ms)" "ms" 20
# An answer commits its record and two more transitions of its job.
reach "answers over HTTP, a second" "$(m http_answer_rate)" "$(m limit256)" 1000
bound "answers at 1,000 a second (open loop), p99" "$(m http_answer_at_goal_p99_ms)" "ms" 20
bound "GET /v1/asks?limit=10 as fast as it goes, p99" "$(m http_asks_p99_ms)" "ms" 20
bound "peak RSS of serve at $asks jobs" "$(m http_rss_mib)" "MiB" 200
# 200 MB/s or half a plain copy of the same bytes, whichever is less, and below 64 MiB.
row "export of $records corrections, MB/s" "$(m export_rate)" \
    "$(awk -v c="$(m export_copy_rate)" 'BEGIN {print c < 400 ? c : 400}')" 0.50
bound "peak RSS of that export" "$(awk -v k="$(m export_rss_kib)" 'BEGIN {printf "%.1f", k / 1024}')" "MiB" 64
echo
echo "$missed rows not reached"
