#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Packs a small job directory, made by a build of this tree, as tests/data/stores/vN/jobs.tar.gz.
# Run it once for each schema version, with the last engine that writes it; never again.
#
#     make.sh BUILD [FOLDER]     FOLDER: else vN beside this script
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
build=$(cd -- "${1:?the build folder}" && pwd -P)
engine=$build/foundry-engine
version=$(sed -n 's/.*FND_STORE_VERSION = \([0-9]*\),.*/\1/p' "$here/../../../engine/store/store.h")
target=${2:-$here/v$version}
work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
mkdir "$work/plugins" "$work/jobs"
strip -o "$work/plugins/steps.so" "$build/tests/plugins/steps.so"
export FOUNDRY_PLUGIN_PATH=$work/plugins XDG_CACHE_HOME=$work/cache
cp "$here/pipeline.yaml" "$work/"
cd "$work"
for name in answered paused cancelled rejected; do
    printf '{"name":"%s","text":"kept for %s"}\n' $name $name >jobs/$name.job.json
done
printf '{"name":"failed"}\n' >jobs/failed.job.json # the phase keep finds no text
code=0
"$engine" run pipeline.yaml jobs || code=$?
((code == 1)) || { echo "make.sh: run: exit $code" >&2; exit 1; }
"$engine" answer jobs answered.job.json --as keeper --set /value/name=corrected >&2 || true
"$engine" answer jobs rejected.job.json --as keeper --reject --reason 'not ours' >&2 || true
"$engine" cancel jobs cancelled.job.json --as keeper --reason 'sent twice' >&2
"$engine" export jobs --format foundry --out "$work/jobs/out.jsonl" >&2
rm jobs/out.jsonl*
"$engine" verify jobs
[[ ! -s jobs/.foundry/state.db-wal ]] || { echo "make.sh: the log was not taken into the record" >&2; exit 1; }
rm -f jobs/.foundry/engine.sock jobs/.foundry/lock jobs/.foundry/state.db-wal jobs/.foundry/state.db-shm
mkdir -p "$target"
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - jobs | gzip -9n >"$target/jobs.tar.gz"
ls -l "$target/jobs.tar.gz"
