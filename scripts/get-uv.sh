#!/bin/sh
# Puts uv into .uv, a venv of its own, with the first Python 3.11 or newer that is found.
set -eu

for python in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        found=$python
        break
    fi
done
if [ -z "${found:-}" ]; then
    echo "Carteira needs Python 3.11 or newer and finds none: install one, or name it, as in PYTHON=/path/to/python3 make setup." >&2
    exit 1
fi
if ! "$found" -c 'import ensurepip, venv' 2>/dev/null; then
    echo "$found has no venv module: install it (Debian and Ubuntu: apt-get install python3-venv), then run make again." >&2
    exit 1
fi
rm -rf .uv
"$found" -m venv .uv
.uv/bin/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
