#!/usr/bin/env bash
# Calls the cron route as a scheduler does, until the run is complete, and shows what came of it.
#
#   scripts/test-cron-sync.sh [ADDRESS]      http://127.0.0.1:8000 unless given; CRON_SECRET from the environment or .env files
#
# Exit code: 0 succeeded, 1 the answer was a failure or no answer came, 2 CRON_SECRET is missing.
# For whoever starts it by `sh`.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -euo pipefail

address=${1:-http://127.0.0.1:8000}
python=$(dirname "$0")/../.venv/bin/python
[ -x "$python" ] || python=python3

if [ -z "${CRON_SECRET:-}" ]; then
    for file in .env.local .env; do
        if [ -f "$file" ] && [ -z "${CRON_SECRET:-}" ]; then
            CRON_SECRET=$(sed -n "s/^ *\(export *\)\{0,1\}CRON_SECRET *= *[\"']\{0,1\}\([^\"' ]*\).*/\2/p" "$file" | tail -n 1)
        fi
    done
fi
if [ -z "${CRON_SECRET:-}" ]; then
    echo "CRON_SECRET is not set: put the server's into the environment, .env.local or .env." >&2
    exit 2
fi

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
for ((slice = 1; slice <= 500; slice++)); do
    # The secret goes by a file descriptor: ps shows arguments.
    if ! code=$(curl --silent --show-error --output "$answer" --write-out '%{http_code}' --max-time 900 \
        --header @<(printf 'Authorization: Bearer %s\n' "$CRON_SECRET") "$address/api/cron/sync-customer-sales"); then
        echo "No answer from $address: is \`carteira serve\` running there?" >&2
        exit 1
    fi
    "$python" - "$answer" "$code" <<'PYTHON'
import json, sys

answer, code = sys.argv[1:]
try:
    told = json.load(open(answer, encoding="utf-8"))
except ValueError:
    sys.exit(f"HTTP {code}, and no JSON: this is not Carteira, or a proxy answered in its place.")
shown = ("state", "mode", "customers", "deals", "requests", "seconds", "run_id", "message")
print(f"HTTP {code}  " + "  ".join(f"{name}: {told[name]}" for name in shown if told.get(name) is not None))
PYTHON
    [ "$code" = 202 ] || break
done
[ "$code" = 200 ] || exit 1

carteira=$(dirname "$0")/../.venv/bin/carteira
if [ -x "$carteira" ]; then
    echo
    # head leaves early, which is no failure of the sync.
    "$carteira" export customers | head -n 6 || true
fi
