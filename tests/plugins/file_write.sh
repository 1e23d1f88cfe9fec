#!/bin/sh
# SPDX-License-Identifier: MIT
# file_write.sh CONFORM FILE_PLUGIN ISOLATION: what file/write leaves in its folder.
set -u
conform=$1
plugin=$2
isolation=$3
folder=$(mktemp -d) || exit 1
trap 'chmod -R u+w "$folder"; rm -rf "$folder"' EXIT
failures=0

fail() {
    echo "FAIL: $1"
    failures=$((failures + 1))
}

# run CONFIG [NAME]: calls the phase, prints what it says.
run() {
    "$conform" "$plugin" --isolation "$isolation" --use write --config "$1" --run \
        "{\"grant\":{\"write\":\"$folder/out\"},\"name\":\"${2:-in/job-1.png}\"}" 2>&1
}

# is NAME CONTENT: the file in the folder has this content.
is() {
    printf '%s' "$2" >"$folder/expected"
    cmp -s "$folder/expected" "$folder/out/$1" || fail "$1 has not the expected content"
}

# says WHAT TEXT: what was printed has a text in it.
says() {
    case $said in
    *"$2"*) ;;
    *) fail "$1: \"$2\" is not in: $said" ;;
    esac
}

said=$(run '{"json":{"a":1.10,"b":[],"c":[1,{"d":"x, y: {z}\""}]}}')
says "a pretty file" '"done"'
is in_job-1.png.json '{
  "a": 1.10,
  "b": [],
  "c": [
    1,
    {
      "d": "x, y: {z}\""
    }
  ]
}
'
sum=$(sha256sum <"$folder/out/in_job-1.png.json" | cut -d' ' -f1)
says "its hash" "\"sha256\": \"$sum\""
says "its size" "\"size\": $(wc -c <"$folder/out/in_job-1.png.json")"
says "its name" '"file": "in_job-1.png.json"'

said=$(run '{"json":{"a":1.10,"b":[],"c":[1,{"d":"x, y: {z}\""}]}}')
says "the same again" "$sum"

run '{"json":{"a": [1, 2], "b": {}},"format":"compact","name":"small.json"}' >/dev/null
is small.json '{"a":[1,2],"b":{}}
'
run '{"text":"as it is\n\n"}' 'letter.job.json' >/dev/null
is letter.txt 'as it is

'
run '{"json":1,"name":"../../../etc/passwd"}' >/dev/null
is _._.._.._etc_passwd '1
'
run '{"json":2,"name":"a\tb\\c/d\n.json"}' >/dev/null
is 'a_b_c_d_.json' '2
'
long=$(printf '%0300d' 7)
run "{\"json\":3,\"name\":\"$long.json\"}" >/dev/null
run "{\"json\":4,\"name\":\"${long}1.json\"}" >/dev/null
[ "$(find "$folder/out" -name '0000*.json' | wc -l)" -eq 2 ] || fail "two long names are not two"
[ "$(find "$folder/out" -type f -printf '%f\n' | awk 'length > 200' | wc -l)" -eq 0 ] ||
    fail "a name is too long"

said=$(run '{"json":1,"name":"///"}')
says "a name of nothing" '"bad_name"'
said=$(run '{"json":1,"text":"x"}')
says "two contents" '"two_contents"'
said=$("$conform" "$plugin" --isolation "$isolation" --use write --config '{"json":1}' 2>&1)
says "no grant" '"no_grant"'
says "the remedy" 'grant: {write: FOLDER}'
mkdir "$folder/out/taken.json"
said=$(run '{"json":1,"name":"taken.json"}')
says "a folder in the way" '"write_failed"'
says "its outcome" '"permanent"'
[ "$(find "$folder/out" -name '.*' | wc -l)" -eq 0 ] || fail "a temporary file was left"
ln -s /nonexistent/there "$folder/out/link.json"
run '{"json":5,"name":"link.json"}' >/dev/null
[ ! -L "$folder/out/link.json" ] || fail "a link was followed"
is link.json '5
'
if [ "$(id -u)" -ne 0 ]; then
    chmod a-w "$folder/out"
    said=$(run '{"json":1,"name":"new.json"}')
    says "a folder that may not be written to" '"write_failed"'
fi
[ "$failures" -eq 0 ] && echo "all as expected"
exit $((failures > 0))
