#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# People are asked less: `demo --flywheel` over drawn streets, by the settings that ship but for its
# size: of 24 streets some 60 values are known, which can prove the demo's 30 %. All of it is drawn, answered and learned from one seed, so
# that it is the same on each machine.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
unset FOUNDRY_PLUGIN_PATH # nothing but what ships
if ((${FOUNDRY_FLOOR:-10} < 100)); then
    echo "five rounds are run at FOUNDRY_FLOOR=100, by ./dev gate; flywheel.sh has three"
    exit 77
fi

if [[ ! -x $FOUNDRY_BUILD_ROOT/tools/samples/foundry-streets ]]; then
    exits 5 "without the program that draws" "$engine" demo --flywheel --case poles streets
    finish
fi

# total NAME ROUND…: over these rounds.
total() {
    local name=$1
    shift
    jq -s --arg name "$name" --arg rounds " $* " '[.[] | select(.type == "round")
        | select(.round as $round | $rounds | contains(" \($round) "))
        | .[$name] | if type == "boolean" then (if . then 1 else 0 end) else . end] | add' rounds
}

exits 0 "five rounds of eight streets" "$engine" demo --flywheel --json --case poles --documents 8 \
    --rounds 5 streets
cp "$out" rounds
jq -c 'select(.type == "round")
    | [.round, .version, .handled, .flagged, .accepted, .silent_wrong, .proven, .took]' rounds
first=$(total flagged 1 2) last=$(total flagged 4 5)
equals "the rules read the first two: all is asked" "$(total handled 1 2)" 16
equals "nothing is silently wrong there" "$(total accepted 1 2)" 0
equals "the last two are proven" "$(total proven 4 5)" 2
holds "people are asked about a third at most ($first values, then $last)" \
    test $((3 * last)) -le "$first"
holds "of what nobody was asked about no more is wrong than the target ($(total silent_wrong 1 2 3 4 5) of $(total accepted 1 2 3 4 5))" \
    test $((100 * $(total silent_wrong 1 2 3 4 5))) -le $((30 * $(total accepted 1 2 3 4 5)))
says "a version went to work by the test, and none by hand" "promoted by the sign test: 1, by hand: 0" rounds

echo "-- the curve says so, from the record"
"$engine" models curve --json streets >curve
equals "values asked" "$(jq '[.versions[].all.flagged] | add' curve)" "$(total flagged 1 2 3 4 5)"
equals "those who read the first streets let nothing pass" "$(jq '.versions[0].all.unasked' curve)" 0
exits 0 "models curve" "$engine" models curve streets
says "a plain sentence" "people are asked less: about"
exits 0 "the record is whole" "$engine" verify streets
finish
