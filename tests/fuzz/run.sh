#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# run.sh BUILD RUNS [TARGET…]: feed each target RUNS inputs (0: the floor) that libFuzzer makes,
# beginning with its corpus, then see that planted faults are found. `./dev fuzz` builds and calls this.
# FOUNDRY_SEED: another seed. FUZZ_KEEP: a folder that takes inputs which reach new code.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
build=$(cd -- "$1" && pwd -P)
runs=$2
shift 2
floor=$((300000 * ${FOUNDRY_FLOOR:-100} / 100))
((runs > 0)) || runs=$floor
((runs >= floor)) || floor=$runs # a person asked for less
seed=${FOUNDRY_SEED:-1}
found=$build/fuzz-found
targets=("$@")
if ((${#targets[@]} == 0)); then
    for program in "$build"/tests/fuzz/fuzz_*; do
        [[ -x $program && ! -d $program && $program != *fuzz_plant_* ]] &&
            targets+=("${program##*/fuzz_}")
    done
fi
work=$(mktemp -d "$([[ -w /dev/shm ]] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/foundry-fuzz.XXXXXX")
# shellcheck disable=SC2046 # a word for each process
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf -- "$work"' EXIT
export TMPDIR=$work
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ASAN_OPTIONS=detect_leaks=1:max_malloc_fill_size=0:quarantine_size_mb=16
mkdir -p -- "$found"

# fuzz NAME CORPUS RUNS LOG FIRST_CORPUS SEED: the runs that were done, on stdout.
fuzz() {
    local name=$1 corpus=$2 count=$3 log=$4 first=$5 from=$6 arguments=() code=0
    local words=$here/${name/#plant_*/json}.dict
    [[ -f $words ]] && arguments+=("-dict=$words")
    local longest=4096
    [[ $name == inputs ]] && longest=1024 # a line is a job, and each is looked at twice
    # A run of over 10 seconds or 1 GiB is a fault, as is one report of a sanitizer.
    "$build/tests/fuzz/fuzz_$name" -runs="$count" -seed="$from" -timeout=10 -rss_limit_mb=1024 \
        -malloc_limit_mb=512 -max_len=$longest -print_final_stats=1 -artifact_prefix="$found/$name-" \
        "${arguments[@]}" "$corpus" "$first" >"$log" 2>&1 </dev/null || code=$?
    sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1
    return "$code"
}

# part NAME N OF: a share of a target's inputs, from a seed of its own; what came of it is left in
# $work/NAME.N.count and .wrong.
part() {
    local name=$1 number=$2 parts=$3 log=$work/$1.$2.log begin=$SECONDS count input wrong=0
    local corpus=${FUZZ_KEEP:+$FUZZ_KEEP/$name}
    corpus=${corpus:-$work/$name.$number}
    mkdir -p -- "$corpus"
    echo "fuzz $name: part $number of $parts begins" >&2
    count=$(fuzz "$name" "$corpus" $(((runs + parts - 1) / parts)) "$log" "$here/corpus/$name" \
        $((seed + number - 1))) || wrong=1
    if ((wrong > 0)); then
        tail -n 60 "$log" >&2
        input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
        echo "fuzz $name: the input is kept; to see it again:" >&2
        echo "  $build/tests/fuzz/fuzz_$name ${input:-(none was written)}" >&2
    fi
    echo "${count:-0}" >"$work/$name.$number.count"
    echo "$wrong" >"$work/$name.$number.wrong"
    echo "fuzz $name: $((SECONDS - begin)) s, $(grep -c . < <(ls "$corpus")) new inputs" >&2
}

# The slow target is halved, so that both processors have something to do to the end.
parts_of() { [[ $1 == store ]] && echo 2 || echo 1; }

sum() { cat -- "$@" 2>/dev/null | awk '{ all += $1 } END { print all + 0 }'; }

for name in "${targets[@]}"; do
    [[ -x $build/tests/fuzz/fuzz_$name ]] || {
        echo "run.sh: there is no target $name in $build/tests/fuzz" >&2
        exit 2
    }
done
# As many at once as there are processors, the slow ones first.
mapfile -t targets < <(printf '%s\n' "${targets[@]}" |
    awk '{ print ($1 == "store" ? 0 : $1 == "inputs" ? 1 : 2), $1 }' | sort -s -k1,1n | cut -d' ' -f2)
running=0
for name in "${targets[@]}"; do
    parts=$(parts_of "$name")
    for ((number = 1; number <= parts; number++)); do
        if ((running >= ${JOBS:-$(nproc)})); then
            wait -n
            running=$((running - 1))
        fi
        part "$name" "$number" "$parts" &
        running=$((running + 1))
    done
done
wait

failed=0
for name in "${targets[@]}"; do
    count=$(sum "$work/$name".*.count)
    violations=$(sum "$work/$name".*.wrong)
    if ((violations > 0 || count < floor)); then
        failed=$((failed + 1))
    fi
    echo "gate: fuzz $name | runs $count | violations $violations | floor $floor | seed $seed"
done

for program in "$build"/tests/fuzz/fuzz_plant_*; do
    [[ -x $program && ! -d $program ]] || continue
    name=${program##*/fuzz_}
    mkdir -p -- "$work/$name"
    if fuzz "$name" "$work/$name" 300000 "$work/$name.log" "$here/corpus/json" "$seed" >/dev/null; then
        echo "fuzz $name: the planted fault was not found" >&2
        failed=$((failed + 1))
    fi
    rm -f -- "$found/$name"-*
done
exit $((failed > 0))
