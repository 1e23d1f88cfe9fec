#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Job directories that earlier engines wrote (tests/data/stores): the present engine opens each, an
# older schema is raised behind a backup, nothing is lost, and the job that waits is finished.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

stores=$FOUNDRY_SOURCE_ROOT/tests/data/stores
present=$(sed -n 's/.*FND_STORE_VERSION = \([0-9]*\),.*/\1/p' \
    "$FOUNDRY_SOURCE_ROOT/engine/store/store.h")
holds "the schema version is known ($present)" test -n "$present"
holds "there is a store of schema version $present (tests/data/stores/make.sh packs one)" \
    test -f "$stores/v$present/jobs.tar.gz"

# schema FILE: the schema version of a SQLite file, without changing anything beside it.
schema() { sqlite3 "file:$1?immutable=1" 'PRAGMA user_version' 2>/dev/null; }

# backups FOLDER N: records of schema N in it, besides the one that is used.
backups() {
    local file count=0
    while IFS= read -r -d '' file; do
        if head -c 15 "$file" | grep -qaF "SQLite format 3" && [[ $(schema "$file") == "$2" ]]; then
            count=$((count + 1))
        fi
    done < <(find "$1" -type f ! -path "$1/state.db" -print0)
    echo $count
}

# past FOLDER: each event's number, kind and chain value: what may never change.
past() { sqlite3 "file:$1/state.db?immutable=1" 'SELECT id, kind, hex(chain) FROM event ORDER BY id'; }

# abi_refused: the engine would not load a plugin copy because of its ABI, as it must before 1.0
# where minors differ.
abi_refused() { grep -qi 'abi' "$err"; }

# old_store N: all that is asked of the store in vN.
old_store() {
    local version=$1 jobs=v$1/jobs before code=0
    mkdir "v$version"
    tar -xzf "$stores/v$version/jobs.tar.gz" -C "v$version" || return 1
    equals "v$version: the packed record has that schema" "$(schema "$jobs/.foundry/state.db")" \
        "$version"
    past "$jobs/.foundry" >"v$version.before"
    # Anything that writes raises the schema; cancelling a job that has ended changes nothing else.
    exits 9 "v$version: opened for writing" "$engine" cancel "$jobs" answered.job.json --as test
    exits 0 "v$version: verify finds nothing wrong" "$engine" verify --json "$jobs"
    equals "v$version: its schema is the present one" "$(schema "$jobs/.foundry/state.db")" \
        "$present"
    if ((version < present)); then
        holds "v$version: a backup of the old schema was made first" \
            test "$(backups "$jobs/.foundry" "$version")" -ge 1
    fi
    past "$jobs/.foundry" >"v$version.after"
    before=$(wc -l <"v$version.before")
    head -n "$before" "v$version.after" >"v$version.kept"
    holds "v$version: its $before events are what they were" \
        cmp -s "v$version.before" "v$version.kept"
    equals "v$version: one job is completed" "$(counts "$jobs" completed)" 1
    equals "v$version: one waits" "$(counts "$jobs" paused)" 1
    equals "v$version: two failed" "$(counts "$jobs" failed)" 2
    equals "v$version: one is cancelled" "$(counts "$jobs" cancelled)" 1
    equals "v$version: the correction is what it was" \
        "$("$engine" show "$jobs" answered.job.json --phase last --json | jq -r .value.value.name)" \
        corrected
    exits 0 "v$version: its corrections can be exported" \
        "$engine" export "$jobs" --format foundry --out "v$version.jsonl"
    equals "v$version: both of them" "$(wc -l <"v$version.jsonl")" 2
    "$engine" answer "$jobs" paused.job.json --as test --accept >"$out" 2>"$err" || code=$?
    if ((code != 0)) && abi_refused; then
        echo "        its plugin copy has another ABI: taking the present plugin, as a person would"
        exits 0 "v$version: upgraded" "$engine" run --upgrade "$stores/pipeline.yaml" "$jobs"
        code=0
        "$engine" answer "$jobs" paused.job.json --as test --accept >"$out" 2>"$err" || code=$?
    fi
    equals "v$version: the job that waits is answered and ends" "$code" 0
    equals "v$version: it is completed" "$(counts "$jobs" completed)" 2
    exits 0 "v$version: the record is sound" "$engine" verify "$jobs"
}

found=0
for old in "$stores"/v*/; do
    old=$(basename "$old")
    old_store "${old#v}"
    found=$((found + 1))
done
holds "every folder of tests/data/stores was opened ($found)" test $found -ge 1
finish
