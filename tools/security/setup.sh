#!/usr/bin/env bash
# Makes .security/, where the rule sets live whose pins are not the project's own, and tools/security/node_modules.
# Node comes from a wheel, pinned by hash like the rest; nothing of the machine's is used but Python.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${PYTHON:-python3}
[ -x .security/bin/python ] || "$python" -m venv .security
.security/bin/pip install --quiet --require-hashes --requirement requirements/bootstrap.txt
.security/bin/uv pip sync --quiet --python .security/bin/python --require-hashes requirements/security.txt
PATH="$PWD/.security/bin:$PATH" npm ci --prefix tools/security --ignore-scripts --no-audit --no-fund --loglevel=error
touch .security/.complete
