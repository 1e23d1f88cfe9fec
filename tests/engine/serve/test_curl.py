#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The examples in examples/curl, run as they stand against a real server."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import SOURCE, TOKENS, Server  # noqa: E402

failed = 0


def check(what, good, more=""):
    global failed
    failed += not good
    print(("ok      " if good else "FAILED  ") + what, "" if good else more)


def main():
    with Server() as server:
        def example(name, *arguments, **environment):
            return subprocess.run(
                [f"{SOURCE}/examples/curl/{name}.sh", *arguments], capture_output=True, text=True,
                check=False, timeout=120, env=dict(os.environ, FOUNDRY_URL=server.url,
                                                   FOUNDRY_TOKEN=TOKENS["ann"], **environment))
        first = example("submit", "hello", KEY="k")
        check("a text is handed in and followed", "HELLO" in first.stdout, first)
        again = example("submit", "hello", KEY="k")
        check("the same key is the same job", first.stdout.split()[0] == again.stdout.split()[0])
        check("no text at all is refused", example("submit").returncode != 0)
        up = example("upload", "invoice", server.jobs + "/job-2.png")
        check("a file becomes a job", len(up.stdout.strip()) == 36, up)
        check("an unknown pipeline is named",
              "no pipeline nothing" in example("upload", "nothing", __file__).stderr)
        ask = server.open_ask()["id"]
        wrong = example("answer", ask, "/line_items/0/quantity", "10")
        check("a wrong answer is told by field", wrong.returncode == 1 and
              "/line_items/0" in wrong.stderr and "150" in wrong.stderr, wrong)
        right = example("answer", ask, "/supplier_name", "Hardware & Son",
                        "/line_items/0/quantity", "10", "/line_items/0/total_cost", "150")
        check("a right one is taken", right.returncode == 0 and ask in right.stdout, right)
        made = example("export", "foundry", server.folder + "/set.jsonl")
        check("the dataset comes with its hash", made.returncode == 0 and
              "lines" in made.stdout, made)
    print(f"{'all passed' if failed == 0 else str(failed) + ' failed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
