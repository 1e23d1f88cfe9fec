# SPDX-License-Identifier: MIT
# Exports as programs that are not ours read them: Python's json, PyYAML, Pillow. Each check is a
# line "ok      …" or "FAILED  …"; the exit code is 0 if none failed.
#   readers.py lines FOUNDRY FORMAT=FILE…   the corrected documents of each, number by number
#   readers.py boxes FOUNDRY FOLDER         coco.x, studio.x, yolo and hf in FOLDER, box by box
import json
import os
import re
import sys

import yaml
from PIL import Image

failed = 0


def check(what, right, found=""):
    global failed
    failed += not right
    print("ok      " + what if right else "FAILED  %s: %s" % (what, found))


class Number(str):
    """A number by its text: 1.10 is not 1.1."""


def pairs(members):
    keys = [key for key, _ in members]
    if len(keys) != len(set(keys)):
        raise ValueError("doubled keys: %s" % keys)
    return dict(members)


def never(name):
    raise ValueError("%s is no JSON" % name)


def read(text):
    return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=never,
                      object_pairs_hook=pairs)


def whole(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        return file.read()


def rows(path):
    text = whole(path)
    if not text.endswith("\n") or "\r" in text:
        raise ValueError("%s: lines end otherwise than by LF" % path)
    return [read(line) for line in text.split("\n")[:-1]]


PLACES = {
    "gemini": ("contents", 1, "parts", 0, "text"),
    "openai-chat": ("messages", -1, "content"),
    "openai-dpo": ("preferred_output", 0, "content"),
    "trl-sft": ("completion", 0, "content"),
    "trl-dpo": ("chosen", 0, "content"),
    "alpaca": ("output",),
    "sharegpt": ("conversations", 1, "value"),
    "argilla": ("output.responses", 0),
    "nvidia-flywheel": ("response", "choices", 0, "message", "content"),
    "hf": ("output",),
}


def lines(foundry, exports):
    records = rows(foundry)
    for name, path in (one.split("=", 1) for one in exports):
        array = name in ("alpaca", "argilla")
        if name == "hf": # by its splits; its rows have the records' ids
            parts = sorted(os.listdir(os.path.join(path, "data")))
            by_id = {row["id"]: row for part in parts
                     for row in rows(os.path.join(path, "data", part))}
            found = [by_id[one["id"]] for one in records]
        else:
            found = read(whole(path)) if array else rows(path)
        wanted = [one["human_output"] for one in records]
        if name == "trl-kto":
            wanted = [one["human_output"] if one["verdict"] == "accepted" else one["model_output"]
                      for one in records]
            said = [one["verdict"] == "accepted" for one in records]
            check("trl-kto: labels are verdicts", [one["label"] for one in found] == said)
        documents = []
        for value in found:
            for step in PLACES.get(name, PLACES["trl-sft"]):
                value = value[step]
            documents.append(read(value))
        check("%s: %d documents, digit by digit" % (name, len(documents)),
              len(documents) > 0 and documents == wanted, str(documents)[:300])


def box_of(one):
    left, top, right, bottom = (float(v) for v in one["box"])
    return (left, top, right - left, bottom - top, one["label"])


def near(left, right, limit):
    return len(left) == len(right) and all(
        a[4] == b[4] and all(abs(x - y) <= limit for x, y in zip(a[:4], b[:4]))
        for a, b in zip(sorted(left), sorted(right)))


def coco_boxes(path):
    data = read(whole(path))
    names = {one["id"]: one["name"] for one in data["categories"]}
    boxes = {one["file_name"]: [] for one in data["images"]}
    files = {one["id"]: one["file_name"] for one in data["images"]}
    for one in data["annotations"]:
        x, y, width, height = (float(v) for v in one["bbox"])
        check("coco: annotation %s: area is width times height" % one["id"],
              abs(float(one["area"]) - width * height) < 1e-3, one["area"])
        boxes[files[one["image_id"]]].append((x, y, width, height, names[one["category_id"]]))
    return boxes, {one["file_name"]: (int(one["width"]), int(one["height"]))
                   for one in data["images"]}


def studio_boxes(path):
    boxes = []
    for task in read(whole(path)):
        found = []
        for one in task["annotations"][0]["result"]:
            value = {key: float(one["value"][key]) for key in ("x", "y", "width", "height")}
            width, height = float(one["original_width"]), float(one["original_height"])
            found.append((value["x"] * width / 100, value["y"] * height / 100,
                          value["width"] * width / 100, value["height"] * height / 100,
                          one["value"]["rectanglelabels"][0]))
        boxes.append(found)
    return boxes


def yolo_boxes(folder):
    data = yaml.safe_load(whole(os.path.join(folder, "data.yaml")))
    check("yolo: names count from 0", list(data["names"]) == list(range(len(data["names"]))),
          data["names"])
    boxes = {}
    for part in ("train", "val", "test"):
        if part not in data:
            continue
        images = os.path.join(folder, data[part])
        check("yolo: %s is a folder" % part, os.path.isdir(images), images)
        for name in sorted(os.listdir(images)):
            with Image.open(os.path.join(images, name)) as picture:
                picture.load()
                wide, high = picture.size
            labels = os.path.join(images.replace("images", "labels", 1),
                                  os.path.splitext(name)[0] + ".txt")
            found = []
            for line in whole(labels).splitlines():
                kind, x, y, width, height = line.split(" ")
                width, height = float(width) * wide, float(height) * high
                found.append((float(x) * wide - width / 2, float(y) * high - height / 2, width,
                              height, data["names"][int(kind)]))
            boxes[int(os.path.splitext(name)[0])] = found
    return boxes


def hf_boxes(folder):
    card = whole(os.path.join(folder, "README.md"))
    head = yaml.safe_load(card.split("---\n")[1])
    names = {int(number): re.sub(r"\\(.)", r"\1", name) for number, name in
             re.findall(r"^\| (\d+) \| (\S+) \|$", card, re.MULTILINE)}
    boxes = {}
    for one in head["configs"][0]["data_files"]:
        paths = one["path"] if isinstance(one["path"], list) else [one["path"]]
        for path in paths:
            base = os.path.join(folder, path.split("*")[0])
            rows_at = base if base.endswith(".jsonl") else os.path.join(base, "metadata.jsonl")
            check("hf: the card's %s is there" % path, os.path.isfile(rows_at), rows_at)
            for row in rows(rows_at):
                file = os.path.join(os.path.dirname(rows_at), row["file_name"])
                with Image.open(file) as picture:
                    picture.load()
                boxes[int(os.path.splitext(row["file_name"])[0])] = [
                    tuple(float(v) for v in box) + (names[int(kind)],) for box, kind in
                    zip(row["objects"]["bbox"], row["objects"]["categories"])]
    return boxes, head


def boxes(foundry, folder):
    records = rows(foundry)
    wanted = [[box_of(one) for one in record["human_output"]["boxes"]] for record in records]
    numbers = [int(record["provenance"]["record"]) for record in records]
    total = sum(len(one) for one in wanted)
    found, sizes = coco_boxes(os.path.join(folder, "coco.x"))
    paths = [record["provenance"]["path"] for record in records]
    check("coco: %d boxes of %d pictures" % (total, len(wanted)), total > 0 and all(
        near(found[path], boxes_of, 1e-6) for path, boxes_of in zip(paths, wanted)), found)
    for path in paths:
        with Image.open(os.path.join(folder, "..", path)) as picture:
            check("coco: %s has the size that is told" % path, picture.size == sizes[path],
                  picture.size)
    found = studio_boxes(os.path.join(folder, "studio.x"))
    check("label-studio: the same", len(found) == len(wanted) and all(
        near(a, b, 1e-6) for a, b in zip(found, wanted)), found)
    found = yolo_boxes(os.path.join(folder, "yolo"))
    check("yolo: the same, to its six decimals", sorted(found) == sorted(numbers) and all(
        near(found[number], boxes_of, 2e-6 * max(sizes[path])) for number, path, boxes_of in
        zip(numbers, paths, wanted)), found)
    found, head = hf_boxes(os.path.join(folder, "hf"))
    check("hf: the same", sorted(found) == sorted(numbers) and all(
        near(found[number], boxes_of, 1e-6) for number, boxes_of in zip(numbers, wanted)), found)
    check("hf: the card's head has a licence and one configuration",
          isinstance(head["license"], str) and len(head["configs"]) == 1 and
          head["configs"][0]["config_name"] == "default", head)


{"lines": lambda args: lines(args[0], args[1:]),
 "boxes": lambda args: boxes(args[0], args[1])}[sys.argv[1]](sys.argv[2:])
sys.exit(failed > 0)
