#!/bin/bash
# Without a daemon the viewer says so and how to start one; it goes on by itself
# when one comes, goes, is killed, or is another one.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
export LC_ALL=C.UTF-8
screen_start 100 24 "'$B/hakmem-top'"
shows 5 "No hakmemd at this socket:"
shows 5 "$SOCK"
shows 5 "the socket does not exist"
shows 5 "hakmemd --daemon"
shows 5 "NO DAEMON"
daemon_start
shows 5 "No program runs under hakmem yet."
hides 3 "NO DAEMON"
host_start
tell churn 300
shows 5 "$HOST "
shows 5 "1 running, 0 ended"
press Enter
shows 5 "MEMORY"
{
	kill -9 "$DAEMON"
	wait "$DAEMON"
} 2>/dev/null
shows 5 "NO DAEMON"
shows 2 "MEMORY" # what was known stays
daemon_start
hides 5 "NO DAEMON"
shows 5 "no link"
shows 2 "MEMORY"
tell churn 3000 # an idle program need not notice a new daemon
hides 5 "no link"
shows 5 "running, age"
shows 5 "pid $DAEMON" # the same process, found again at another daemon
shows 5 "PID $HOST"
press Escape
shows 5 "$HOST "
# Batch and export: one line, exit 1; with a stopped daemon no endless wait.
kill "$DAEMON"
wait "$DAEMON" 2>/dev/null
for what in "--batch -n 1" "export --pid $HOST --what sizes"; do
	# shellcheck disable=SC2086
	"$B/hakmem-top" $what >"$T/out" 2>"$T/err"
	[ $? = 1 ] || fail "$what without a daemon: not 1"
	[ "$(wc -l <"$T/err")" = 1 ] || fail "$what: $(cat "$T/err")"
	grep -q "no hakmemd at $SOCK .*hakmemd --daemon" "$T/err" ||
		fail "$what: $(cat "$T/err")"
done
daemon_start
until_true 5 processes || fail "the daemon does not serve" # it listens by now
kill -STOP "$DAEMON"
timeout 15 "$B/hakmem-top" -b -n 1 >"$T/out" 2>"$T/err"
[ $? = 1 ] || fail "a stopped daemon: not 1"
grep -q "did not answer in 5 s" "$T/err" || fail "stopped: $(cat "$T/err")"
kill -CONT "$DAEMON"
tell churn 3000
shows 8 "$HOST "
# Somebody else could have made the socket: not trusted, unless it is named.
mkdir -m 777 "$T/open"
HAKMEM_SOCKET=$T/open/sock "$B/hakmem-top" -b -n 1 2>"$T/err" &&
	fail "an open directory is trusted"
grep -q "not trusted" "$T/err" || fail "open directory: $(cat "$T/err")"
exit 0
