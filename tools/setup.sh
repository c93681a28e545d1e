#!/usr/bin/env bash
# Makes .venv with everything: the locked packages, Ansible's amazon.aws and this checkout (editable).
# Needs python3 (3.11 to 3.13); on Debian it adds python3-venv and curl where they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || {
    echo "setup: $("$python" --version) found; expected Python 3.11, 3.12 or 3.13. Set PYTHON to one of them" >&2
    exit 1
}

# What Debian ships apart: Python's venv module, curl, which a boot script asks the metadata service with, and what makes
# machine code of the coder's innermost loops (elsewhere than on Debian the coder does without, slower).
lacking=()
if command -v apt-get >/dev/null; then
    command -v cc >/dev/null || lacking+=(gcc libc6-dev)
    [ -e "$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ] || lacking+=(python3-dev)
fi
"$python" -c 'import ensurepip' 2>/dev/null || lacking+=(python3-venv)
command -v curl >/dev/null || lacking+=(curl)
if [ ${#lacking[@]} -gt 0 ]; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    command -v apt-get >/dev/null || { echo "setup: please install ${lacking[*]}" >&2; exit 1; }
    echo "setup: installing ${lacking[*]}"
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${lacking[@]}" >/dev/null
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/pip install --quiet --require-hashes --requirement requirements/bootstrap.txt
.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements/dev.txt
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --editable .
.venv/bin/python tools/install_collections.py
touch .venv/.complete
