#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The line station: archives of line pictures, honest and hostile ones, unpacked, read, corrected by
# the keyboard's two answers, and exported as pairs of picture and text.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
pipelines=$FOUNDRY_SOURCE_ROOT/pipelines/line-ocr

cat >archives.py <<'PY'
import struct, sys, zipfile, zlib

def png(number):
    """A grey picture of 8 by 8 pixels, another one for each number."""
    rows = b"".join(b"\0" + bytes([number % 256] * 8) for _ in range(8))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))

def plain(path, count, first=0):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for i in range(first, first + count):
            out.writestr("line-%d.png" % (i + 1), png(i))

def hostile(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name in ["good.png", "below/good.png", "../evil.png", "/abs.png", "a/../../b.png",
                     "a/./b.png", "a//b.png", "back\\slash.png", "C:evil.png", ".hidden.png",
                     "run.sh", "tab\there.png", "x" * 300 + ".png"]:
            out.writestr(zipfile.ZipInfo(name), png(1))
        link = zipfile.ZipInfo("link.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        out.writestr(link, "/etc/passwd")
        pipe = zipfile.ZipInfo("pipe.png")
        pipe.create_system, pipe.external_attr = 3, 0o010644 << 16
        out.writestr(pipe, "")
        out.writestr("bomb.png", b"\0" * (64 << 20))
        out.writestr("twice.png", png(2))
        out.writestr("twicf.png", png(3))
        out.writestr("liar.png", b"\0" * 100000)
        out.writestr("checked.png", png(4))
        out.writestr("locked.png", png(5))
        out.writestr("moved.png", png(6))
        out.writestr("odd.png", png(7))
    data = bytearray(open(path, "rb").read())
    def listed(name):
        at = data.index(b"PK\1\2")
        while data[at + 46:at + 46 + len(name)] != name:
            at = data.index(b"PK\1\2", at + 4)
        return at
    def local(name):
        return struct.unpack_from("<I", data, listed(name) + 42)[0]
    for at in (listed(b"twicf.png") + 46, local(b"twicf.png") + 30):
        data[at:at + 9] = b"twice.png"
    struct.pack_into("<I", data, listed(b"liar.png") + 24, 100)       # says less than it is
    struct.pack_into("<I", data, listed(b"checked.png") + 16, 1)      # another checksum
    data[listed(b"locked.png") + 8] |= 1                              # encrypted
    struct.pack_into("<I", data, listed(b"moved.png") + 42, 0)        # another file's header
    struct.pack_into("<H", data, listed(b"odd.png") + 10, 14)         # LZMA
    open(path, "wb").write(data)

def overlapping(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as out:
        out.writestr("a00.png", b"\0" * 100000)
    data = open(path, "rb").read()
    at = data.index(b"PK\1\2")
    one = data[at:data.index(b"PK\5\6")]
    all = b"".join(one.replace(b"a00", b"a%02d" % i) for i in range(10))
    open(path, "wb").write(data[:at] + all + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 10, 10,
                                                         len(all), at, 0))

def crop(source, path, box):
    """The pixels of a box out of a grey PNG without interlacing."""
    data, at, idat = open(source, "rb").read(), 8, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack_from(">IIBB", data, at + 8)
        idat += data[at + 8:at + 8 + size] if kind == b"IDAT" else b""
        at += 12 + size
    assert colour == 0 and depth in (1, 2, 4, 8), (depth, colour)
    raw, rows, size = zlib.decompress(idat), [], (width * depth + 7) // 8
    before = bytearray(size)
    for y in range(height):
        kind = raw[y * (size + 1)]
        row = bytearray(raw[y * (size + 1) + 1:(y + 1) * (size + 1)])
        for i in range(size):
            left = row[i - 1] if i > 0 else 0
            up, corner = before[i], before[i - 1] if i > 0 else 0
            p = left + up - corner
            paeth = min((abs(p - left), 0, left), (abs(p - up), 1, up), (abs(p - corner), 2, corner))[2]
            row[i] = (row[i] + [0, left, up, (left + up) // 2, paeth][kind]) & 255
        most = (1 << depth) - 1
        rows.append([(row[x * depth // 8] >> (8 - depth - x * depth % 8) & most) * 255 // most
                     for x in range(width)])
        before = row
    x, y, w, h = box
    body = b"".join(b"\0" + bytes(rows[j][x:x + w]) for j in range(y, y + h))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b""))

what = sys.argv[1]
if what == "plain":
    plain(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
elif what == "crop":
    crop(sys.argv[2], sys.argv[3], [int(part) for part in sys.argv[4:8]])
else:
    {"hostile": hostile, "overlapping": overlapping}[what](sys.argv[2])
PY
archive() {
    python3 archives.py "$@"
}

# result DIR ARCHIVE FILTER
result() {
    "$engine" show "$1" "$2" --phase unpack --json | jq -c "$3"
}

echo "-- an honest archive"
mkdir jobs
archive plain jobs/first.zip 60 0
exits 0 "60 lines are unpacked" "$engine" run "$pipelines/unpack.yaml" jobs
equals "all of them" "$(result jobs first.zip '[.folder, .entries, .written, .refused_count]')" '["first",60,60,0]'
equals "as files" "$(find jobs/lines/first -name '*.png' | wc -l)" 60
python3 -c 'import zipfile; zipfile.ZipFile("jobs/first.zip").extractall("expected")'
holds "with the bytes that they had" diff -r expected jobs/lines/first
find jobs/lines -type f -exec sha256sum {} + | sort >before.txt
archive plain jobs/second.zip 5 100
exits 0 "a later archive" "$engine" run "$pipelines/unpack.yaml" jobs
find jobs/lines/first -type f -exec sha256sum {} + | sort >after.txt
holds "deletes nothing" cmp before.txt after.txt
equals "and has its own folder" "$(find jobs/lines/second -name '*.png' | wc -l)" 5

echo "-- hostile ones"
mkdir bad
archive hostile bad/hostile.zip
exits 0 "what is good in it is unpacked" "$engine" run "$pipelines/unpack.yaml" bad
equals "three files" "$(find bad -path bad/.foundry -prune -o -type f ! -name hostile.zip -print | sort | tr '\n' ' ')" \
    "bad/lines/hostile/below/good.png bad/lines/hostile/good.png bad/lines/hostile/twice.png "
result bad hostile.zip '.refused[]' >refused.txt
while IFS='|' read -r name why; do
    equals "refused: $name" "$(jq -r --arg name "$name" 'select(.name == $name) | .why' refused.txt)" "$why"
done <<'WHY'
../evil.png|its name leads out of the folder, or around in it
/abs.png|its name is no relative path
a/../../b.png|its name leads out of the folder, or around in it
a/./b.png|its name leads out of the folder, or around in it
a//b.png|its name leads out of the folder, or around in it
C:evil.png|its name is no relative path
.hidden.png|its name is hidden
run.sh|it is none of the kinds that `endings` names
tab\x09here.png|its name is no UTF-8, or holds control characters
link.png|it is a link
pipe.png|it is no regular file
bomb.png|it is larger than entry_max
twice.png|the archive has that name twice
liar.png|it is damaged, or larger than it says
checked.png|its checksum is another: it is damaged
locked.png|it is encrypted
moved.png|it does not lie where the list says
odd.png|its way of compression is not known here
WHY
says "a name that is too long, too" "its name is too long" refused.txt
equals "each of them" "$(wc -l <refused.txt)" 20
mkdir worse
archive overlapping worse/overlapping.zip
head -c 200 jobs/first.zip >worse/cut.zip
tail -c 500 jobs/first.zip >worse/tail.zip
echo "no archive" >worse/text.zip
: >worse/empty.zip
archive plain worse/many.zip 12 0
sed 's/into: .*/&\n      entries_max: 10/' "$pipelines/unpack.yaml" >few.yaml
exits 1 "archives that are none fail by name" "$engine" run few.yaml worse
for name in overlapping.zip cut.zip tail.zip text.zip empty.zip many.zip; do
    "$engine" show worse $name --json | jq -r '.history[] | select(.kind == "fail") | .note' >"$out"
    case $name in
    overlapping.zip) says "$name" "lie over each other" ;;
    many.zip) says "$name" "has 12 entries, and 10 are allowed" ;;
    *) says "$name" "cannot be unpacked" ;;
    esac
done
equals "and leave nothing" "$(find worse/lines -type f 2>/dev/null | grep -vc overlapping)" 0
mkdir -p mine/lines/first && echo "mine" >mine/lines/first/line-1.png && archive plain mine/first.zip 2 0
exits 0 "a file that is there" "$engine" run "$pipelines/unpack.yaml" mine
equals "is not replaced" "$(cat mine/lines/first/line-1.png)" mine
equals "but told" "$(result mine first.zip '[.written, .refused[0].why]')" \
    '[1,"another file of that name is there already"]'

echo "-- corrected, and exported as pairs"
# shellcheck disable=SC2016 # the pipeline's own references
sed -e 's|uses: tesseract/line|uses: playback/play|' -e '/lang: eng/d' \
    -e '/- id: judge/,/model:/d' -e 's/of: judge/of: read/' -e '/^models:/,/promote:/d' \
    -e 's|image: "${input.file}"|name: "${input.name}"\n      results: [{text: {value: right, confidence: 0.99}}, {text: {value: rihgt, confidence: 0.5}}, {text: {value: wrong, confidence: 0.6}}]|' \
    "$pipelines/line-ocr.yaml" >canned.yaml
cp "$pipelines/line.schema.json" .
exits 3 "65 lines are read" "$engine" run canned.yaml jobs
equals "a third passed unasked" "$(counts jobs completed line-ocr)" 23
mapfile -t asked < <("$engine" ask list --json jobs | jq -r '"\(.request) \(.subject.text // .questions[0].value)"')
equals "the others are asked" "${#asked[@]}" 44
for ((i = 0; i < 10; i++)); do
    read -r request text <<<"${asked[i]}"
    if [[ $text == wrong ]]; then # Enter on a right reading
        printf '{"request":%d,"accept":true,"by":"ann"}\n' "$request"
    else
        printf '{"request":%d,"values":{"/text":"right"},"by":"ann"}\n' "$request"
    fi
done >answers
exits 0 "ten are reviewed" "$engine" answer jobs - <answers
equals "the others wait" "$(counts jobs paused line-ocr)" 34
right=$(grep -c accept answers)
exits 0 "pairs" "$engine" export jobs --name pairs
equals "of picture and text" "$(wc -l <jobs/out/pairs.jsonl)" 10
equals "each with its picture" "$(grep -c 'data:image/png;base64' jobs/out/pairs.jsonl)" 10
path=$("$engine" export jobs --format foundry -o - 2>/dev/null | sed -n 1p | jq -r .input.path)
equals "which is the line's own, to the byte" \
    "$(sed -n 1p jobs/out/pairs.jsonl | jq -r '.messages[0].content[0].image_url.url' | sed 's/.*,//' | base64 -d | sha256sum)" \
    "$(sha256sum <"jobs/$path")"
# Which lines were asked first is for the workers to say, so the texts are counted.
jq -r '.messages[1].content | fromjson | .text' jobs/out/pairs.jsonl >texts
equals "and the text as a person left it: put right" "$(grep -cx right texts)" $((10 - right))
equals "or accepted" "$(grep -cx wrong texts)" "$right"
"$engine" export jobs --format foundry -o all.jsonl 2>/dev/null
equals "a right reading is accepted, no correction" \
    "$(jq -r .verdict all.jsonl | sort | uniq -c | tr -s ' \n' ' ')" " $right accepted $((10 - right)) corrected "
exits 0 "and why leads back to the picture" "$engine" why jobs/out/pairs.jsonl:1:text
says "with its name" "input $path"
exits 0 "the record is whole" "$engine" verify --deep jobs

if ! "$engine" plugins inspect tesseract >"$out" 2>"$err"; then
    echo "        skipped: this build has no tesseract"
    finish
fi
echo "-- read by Tesseract"
mkdir -p real/lines/one
archive crop "$FOUNDRY_SOURCE_ROOT/pipelines/invoice-ocr/samples/invoice-002.png" real/lines/one/name.png 675 92 480 60
"$engine" run "$pipelines/line-ocr.yaml" real -p threshold=0 >/dev/null 2>&1
equals "a real line" "$("$engine" show real lines/one/name.png --phase read --json | jq -r .text)" "Rosewood Nurseries"
finish
