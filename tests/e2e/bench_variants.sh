#!/bin/sh
# The older designs of the header, which `make bench-history` measures, are a
# patch: it fits the library of today.
# time: 300
set -eu
tests/bench/variants/build "$TMPDIR/variants" --check >"$TMPDIR/out" 2>&1 || {
	cat "$TMPDIR/out"
	exit 1
}
