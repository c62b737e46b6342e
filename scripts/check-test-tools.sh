#!/bin/sh
# The tests use real programs that pip cannot bring; this says which are missing and how to get them.
set -eu

missing=
has() { # name of the package, then the places where its program may be
    package=$1
    shift
    for program; do
        if command -v "$program" >/dev/null 2>&1; then return; fi
    done
    missing="$missing $package"
}
has chromium chromium chromium-browser google-chrome "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
has postgresql-15 /usr/lib/postgresql/15/bin/postgres /opt/homebrew/opt/postgresql@15/bin/postgres /usr/local/opt/postgresql@15/bin/postgres
has pgbouncer pgbouncer /usr/sbin/pgbouncer
if [ -n "$missing" ]; then
    echo "The tests also need:$missing." >&2
    echo "Debian: apt-get install$missing. macOS: brew install postgresql@15 pgbouncer, and --cask chromium." >&2
    exit 1
fi
