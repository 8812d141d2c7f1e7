#!/bin/bash
# The sites of a program, as a feeder tells of them with true addresses: table,
# stack, marks, control, and every file a heap can be written as.
. "$(dirname "$0")/lib.bash"
need python3 gcc objdump readelf
gcc -O2 -g "$E2E/daemon_heap_program.c" -o "$T/pro;gram" ||
	fail "cannot compile the program"
daemon_start
timeout 500 "$(python_real)" "$E2E/daemon_heap.py" "$T/pro;gram" "$T" || {
	tail -n 5 "$T/daemon.log"
	fail "not as it should be"
}
kill "$DAEMON"
wait "$DAEMON" || fail "exit status $? after SIGTERM"
grep -E "runtime error|Sanitizer" "$T/daemon.log" && fail "a sanitizer speaks"
exit 0
