#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# upload.sh PIPELINE FILE: a file becomes a job.
# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
api POST /v1/jobs --form "pipeline=${1:?a pipeline}" --form "file=@${2:?a file}" | jq -r .id
