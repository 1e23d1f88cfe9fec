#!/bin/sh
# SPDX-License-Identifier: MIT
# conform.sh CONFORM PLUGIN: the exit codes and messages of foundry-conform itself. PLUGIN is
# steps.so.
set -u
conform=$1
plugin=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
failures=0

# expect CODE TEXT ARGUMENTS...: exit code and a part of what is printed.
expect() {
    code=$1
    text=$2
    shift 2
    said=$("$conform" "$@" 2>&1)
    got=$?
    case $got:$said in
    "$code":*"$text"*) ;;
    *)
        echo "FAIL: foundry-conform $*: exit $got (expected $code), said: $said"
        failures=$((failures + 1))
        ;;
    esac
}

printf '{"use":"copy","config":{"value":1},"expect":{"output":{"value":2}}}' >"$folder/differs.json"
printf '{"use":"copy","config":{"value":1},"expect":{"output":{"value":1}}}' >"$folder/fits.json"
printf '{"use":"copy","config":{"value":1}}' >"$folder/no_expect.json"
printf '{"use":"copi","expect":{}}' >"$folder/unknown.json"
printf '{"use":"copy","config":{"valu":1},"expect":{}}' >"$folder/config.json"
printf '{"use":' >"$folder/cut.json"
printf '[]' >"$folder/empty.json"

expect 0 '"id": "steps"' "$plugin"
expect 0 '1 of 1 cases passed' "$plugin" "$folder/fits.json"
expect 1 '/output/value differs: expected 2, found 1' "$plugin" "$folder/differs.json"
expect 1 '1 of 2 cases passed' "$plugin" "$folder/fits.json" "$folder/differs.json"
expect 1 'has no "expect"' "$plugin" "$folder/no_expect.json"
expect 1 'must name a phase or detector of steps: flaky' "$plugin" "$folder/unknown.json"
expect 1 'config/valu' "$plugin" "$folder/config.json"
expect 1 'FAIL' "$plugin" "$folder/cut.json"
expect 1 '0 of 0' "$plugin" "$folder/empty.json"
expect 1 'not_there.json' "$plugin" "$folder/not_there.json"
expect 0 '"value": 1.10' "$plugin" --use copy --config '{"value":1.10}'
expect 2 'no option --confg' "$plugin" --confg '{}'
expect 2 '--config takes a value' "$plugin" --use copy --config
expect 2 'usage' --help
expect 6 'cannot open' "$folder/none.so"
[ "$failures" -eq 0 ] && echo "all as expected"
exit $((failures > 0))
