#!/bin/bash
# The sites of a program whose allocations are known, as a daemon gets them:
# estimates around the truth, stacks and modules, reconnects, Control.
set -u
cd "$(dirname "$0")" || exit 1
build=$(cd ../.. && cd "$1" && pwd) || exit 1
exec python3 -B stream_sites.py "$build" "$TMPDIR"
