#!/bin/bash
# What the fuzzers found interesting goes through the daemon once more, under
# the address and undefined-behavior sanitizers.
cd "$(dirname "$0")/../.." || exit 1
echo 'int main(void) { return 0; }' >"$TMPDIR/probe.c"
cc -fsanitize=address,undefined "$TMPDIR/probe.c" -o "$TMPDIR/probe" \
	2>/dev/null && "$TMPDIR/probe" || {
	echo "the compiler has no sanitizers"
	exit 77
}
exec tests/fuzz/run --replay
