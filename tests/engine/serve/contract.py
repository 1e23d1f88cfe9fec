# SPDX-License-Identifier: MIT
"""What openapi.json declares, and whether a reply is as it declares."""
import json
import re

import jsonschema
from server import SOURCE

with open(SOURCE + "/engine/serve/openapi.json", encoding="utf-8") as document:
    API = json.load(document)


def operation(method, path):
    """The operation of a path; literal segments go before parameters."""
    plain = path.split("?")[0]
    for template, item in sorted(API["paths"].items(), key=lambda p: "{" in p[0]):
        pattern = re.sub(r"\{[^}]*\}", "[^/]+", template)
        if re.fullmatch(pattern, plain) and method.lower() in item:
            return item[method.lower()]
    return None


def valid(schema, value):
    whole = dict(schema, components=API["components"])
    jsonschema.Draft202012Validator(whole).validate(value)


REFUSED = API["components"]["responses"]["Refused"]


def may_refuse(status, code):
    """Whether any request may be refused so, whatever else its operation declares."""
    return code in REFUSED["x-codes"].get(str(status), [])


def misfits(method, path, reply):
    """What a reply has that is not declared: its status, type, schema or code; [] for none. Of a
    path or method that is not served, only refusals are."""
    spec = operation(method, path)
    if spec is None and reply.status < 400:
        return ["is in the document"]
    declared = spec["responses"].get(str(reply.status)) if spec is not None else None
    if declared is None and reply.status < 400:
        return [f"status {reply.status} is declared"]
    declared = declared or REFUSED
    media = reply.headers.get("Content-Type", "").split(";")[0]
    content = declared.get("content", {})
    schema = content.get(media, {}).get("schema")
    found = []
    if reply.body and schema is not None and media.endswith("json"):
        try:
            valid(schema, reply.json())
        except jsonschema.ValidationError as e:
            found.append(f"fits its schema: {list(e.path)}: {e.message[:300]}")
    elif reply.body and media not in content and "*/*" not in content:
        found.append(f"{media} is declared")
    if reply.status >= 400 and not found:
        code, own = reply.json()["code"], declared["x-codes"]
        if not may_refuse(reply.status, code) and (declared is REFUSED or code not in own):
            found.append(f"code {code} is declared")
    return found
