#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The link story: one request for the item that is not linked, an answer that is no choice, the right
# one, and the job goes on by itself.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

cat >link.yaml <<'YAML'
foundry: v1
name: link
inputs: {match: ["*.job.json"]}
phases:
  - id: link
    uses: link/product
    with:
      items: "${input.items}"
      choices: [{id: 101, name: Tavern Ham}, {id: 102, name: Yellow Onions}]
  - id: deliver
    uses: file/write
    with: {json: "${link}"}
    grant: {write: out}
YAML
mkdir jobs
cat >jobs/order.job.json <<'JSON'
{"items": [{"description": "TAVERN HAM WH", "linked_pantry_item_id": 101},
           {"description": "ONIONS YELLOW JBO"}]}
JSON
cp jobs/order.job.json order.before
exits 3 "the run waits for people" "$engine" run link.yaml jobs || finish
equals "one request of the kind LINK_PRODUCT" \
    "$("$engine" ask list --json jobs | jq -c '[.questions[].kind]')" '["LINK_PRODUCT"]'
number=$("$engine" ask list --json jobs | jq .request)
key=$("$engine" ask list --json jobs | jq -r '.questions[0].key')
holds "the input is not touched" cmp jobs/order.job.json order.before
exits 1 "an answer that is no choice is refused" "$engine" answer jobs "$number" --set "$key=999"
equals "and the request stays open" "$("$engine" ask list --json jobs | jq .request)" "$number"
exits 2 "an answer to another question is refused" "$engine" answer jobs "$number" --file nothing \
    --set "$key=1"
exits 0 "a choice is taken, and the job goes on by itself" "$engine" answer jobs "$number" \
    --set "$key=102"
equals "the last phase sees a number" \
    "$(jq -c '[.inventory_items[].linked_pantry_item_id]' jobs/out/order.json)" '[101,102]'
equals "two items" "$(jq '.inventory_items | length' jobs/out/order.json)" 2
exits 0 "run again, nothing is left to do" "$engine" run link.yaml jobs
exits 0 "the record is sound" "$engine" verify jobs
finish
