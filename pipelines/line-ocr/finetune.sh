#!/bin/sh
# SPDX-License-Identifier: MIT
# An example of a program as a trainer (engine/pipeline/README.md): pairs of picture and text for a
# script that fine-tunes a recogniser on a GPU. Set FINETUNE in the trainer's `env` to that script;
# it is called with the pairs, the previous model or "", the checkpoint or "", and writes `model`
# (and `checkpoint`, beside and then renamed). Never run on a GPU, only with a stand-in for it.
set -eu
: "${FINETUNE:?set env: {FINETUNE: /path/to/script} in the trainer}"
field() { python3 -c 'import json, sys; print(json.load(open("request.json"))[sys.argv[1]] or "")' "$1"; }
python3 - <<'PY' >pairs.jsonl
import json
for line in open("examples.jsonl", encoding="utf-8"):
    example = json.loads(line)
    picture = example["with"].get("image")
    if example["human"] and picture:
        print(json.dumps({"image": "artifacts/" + picture, "text": example["human"]["text"]}))
PY
echo "{\"progress\":0.05,\"note\":\"$(wc -l <pairs.jsonl) pairs\"}"
exec "$FINETUNE" pairs.jsonl "$(field previous)" "$(field checkpoint)"
