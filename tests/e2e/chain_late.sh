#!/bin/bash
# No daemon: programs run the same. A daemon that comes later learns of them
# within seconds, with all that they did before.
. "$(dirname "$0")/lib.bash"
same absent "$(python_real)" -c 'print(sum(len(str(i)) for i in range(300000)))'
[ -e "$SOCK" ] && fail "there is a socket already"
host_start
tell alloc 1024 5000
tell churn 500
tell pace 500
[ "$ANSWER" -lt 200 ] || fail "a pause of $ANSWER ms without a daemon"
daemon_start
soon "$HOST" "state == 'running' and requests_1024_total >= 5000"
[ -s "$T/host.err" ] && fail "stderr: $(cat "$T/host.err")"

# A directory for the socket that does not exist yet, a path that is too long,
# a file that is no socket: nothing of that disturbs a program.
for path in "$T/none/sock" "/$(printf 'x%.0s' {1..200})" /etc/passwd "$T"; do
	out=$(HAKMEM_SOCKET=$path LD_PRELOAD=$LIB /bin/echo fine 2>&1)
	[ "$out" = fine ] || fail "HAKMEM_SOCKET=$path: $out"
done
# A bad value is no reason to say anything, either.
out=$(HAKMEM_INTERVAL_MS=often HAKMEM_SAMPLE=-3 HAKMEM_STREAM=maybe \
	HAKMEM_CORRUPTION=x LD_PRELOAD=$LIB /bin/echo fine 2>&1)
[ "$out" = fine ] || fail "bad values: $out"
HAKMEM_LOG=$T/log HAKMEM_INTERVAL_MS=often hakmem /bin/true
grep -q HAKMEM_INTERVAL_MS "$T/log" || fail "HAKMEM_LOG does not name the bad value"
exit 0
