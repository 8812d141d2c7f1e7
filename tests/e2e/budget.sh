#!/bin/bash
# malloc and free keep to their budget of instructions, and so do a refill and
# a flush.
. "$(dirname "$0")/lib.bash"
need valgrind
"$E2E/../bench/budget" --build "$B" --check >"$T/out" 2>&1 ||
	fail "$(cat "$T/out")"
