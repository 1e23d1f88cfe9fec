#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One test of the review page: run.sh NAME. Without node, npm or chromium it is skipped, and says so.
set -euo pipefail

: "${FOUNDRY_BUILD_ROOT:?the build folder}" "${FOUNDRY_SOURCE_ROOT:?the tree}"
name=$1
here=$FOUNDRY_SOURCE_ROOT/tests/page
page=$FOUNDRY_SOURCE_ROOT/engine/serve/page

needs() {
    local program
    for program in "$@"; do
        if ! command -v "$program" >/dev/null; then
            echo "skipped: there is no $program; ./dev deps test installs it"
            exit 77
        fi
    done
}

# The modules that a lockfile names, once a folder and lockfile.
modules() {
    local from=$1 to=$2 stamp
    mkdir -p "$to"
    exec 9>"$to/.lock"
    flock 9
    stamp=$(sha256sum <"$from/package-lock.json")
    if [[ ! -f $to/.stamp || $(<"$to/.stamp") != "$stamp" ]]; then
        cp -- "$from/package.json" "$from/package-lock.json" "$to/"
        (cd "$to" && npm ci --no-audit --no-fund --no-progress --loglevel=error)
        printf '%s' "$stamp" >"$to/.stamp"
    fi
    exec 9>&-
}

case $name in
unit)
    needs node
    exec node "$here/unit.mjs"
    ;;
openapi)
    needs node npm
    modules "$here" "$FOUNDRY_BUILD_ROOT/page-modules"
    PAGE_MODULES=$FOUNDRY_BUILD_ROOT/page-modules exec node "$here/openapi.mjs"
    ;;
bundle)
    needs node npm
    work=$FOUNDRY_BUILD_ROOT/page-bundle
    modules "$page" "$work"
    rm -rf -- "$work/src"
    cp -r -- "$page/src" "$page/build.mjs" "$work/"
    (cd "$work" && node build.mjs)
    if diff -rq -- "$work/dist" "$page/dist"; then
        echo "1 passed, 0 failed"
    else
        echo "dist/ is not what src/ makes: run ./dev page and commit it"
        echo "0 passed, 1 failed"
        exit 1
    fi
    ;;
demo_*)
    DEMO_CASE=${name#demo_}
    export DEMO_CASE
    exec bash "$0" demo
    ;;
stories_*)
    STORY_HAND=${name#stories_}
    export STORY_HAND
    exec bash "$0" stories
    ;;
*)
    file=$here/$name.mjs
    [[ $name != bench ]] || file=$FOUNDRY_SOURCE_ROOT/bench/page.mjs # ./dev bench measures there
    needs node npm
    CHROMIUM=${CHROMIUM:-$(command -v chromium || true)}
    export CHROMIUM
    needs "${CHROMIUM:-chromium}"
    modules "$here" "$FOUNDRY_BUILD_ROOT/page-modules"
    PAGE_MODULES=$FOUNDRY_BUILD_ROOT/page-modules exec node "$file"
    ;;
esac
