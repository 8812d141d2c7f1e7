#!/bin/bash
# SIGSTOP of the daemon: programs go on without a pause and drop what does not
# fit; after SIGCONT all is as if nothing had been.
. "$(dirname "$0")/lib.bash"
daemon_start
host_start HAKMEM_INTERVAL_MS=10
tell alloc 1024 1000
tell churn 300
soon "$HOST" 'requests_1024_total >= 1000'
kill -STOP "$DAEMON"
tell alloc 1024 7000
tell pace 3000
[ "$ANSWER" -lt 200 ] || fail "a pause of $ANSWER ms while the daemon is stopped"
hakmem "$(python_real)" -c 'print("fine")' >"$T/out" 2>&1 ||
	fail "a program that starts while the daemon is stopped: $(cat "$T/out")"
[ "$(cat "$T/out")" = fine ] || fail "other output: $(cat "$T/out")"
kill -CONT "$DAEMON"
tell pace 500
soon "$HOST" "state == 'running' and requests_1024_total >= 8000"
[ -s "$T/host.err" ] && fail "stderr: $(cat "$T/host.err")"
exit 0
