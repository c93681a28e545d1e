#!/usr/bin/env bash
# Writes the lock files from pyproject.toml: every package pinned, with its hashes, for Python 3.11 and later.
# One resolution: the images' locks are held to the versions of the development one.
set -euo pipefail
cd "$(dirname "$0")/.."

compile() {
    local target=$1; shift
    uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-annotate --custom-compile-command tools/lock.sh --output-file "requirements/$target.txt" "$@"
}

compile dev --extra nlp --extra hcc --extra formats --extra parquet --extra cloud --extra fleet --extra tokens --extra lambda --extra embedded --extra dev
compile control --extra formats --extra cloud --extra fleet --extra tokens --extra lambda --constraint requirements/dev.txt
compile coder --extra nlp --extra hcc --extra formats --extra cloud --extra lambda --constraint requirements/dev.txt
# apart, since checkov holds many packages back
compile security --extra security
# apart, since neither an image nor most tests have it: beside .venv's packages (make test-ocr)
compile ocr --extra ocr --constraint requirements/dev.txt
# apart, since it is a program that asks the API over HTTP and shares nothing with it
compile fuzz --extra fuzz
