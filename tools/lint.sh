#!/usr/bin/env bash
# Every linter, one after the other; the first that complains ends it. CI and pre-commit call this.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH" AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0

step() { echo "== $*"; "$@"; }

step ruff check .
step ruff format --check .
step mypy
step lint-imports
step cfn-lint template.yaml repositories.yaml
step sam validate --lint
(cd playbooks && step ansible-lint --offline --profile production)
mapfile -t scripts < <(git ls-files '*.sh' .ci/run embedded/ami/bin embedded/ami/container/docker)
step shellcheck "${scripts[@]}"
