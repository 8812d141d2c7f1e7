#!/bin/bash
# Without a daemon the viewer says so and how to start one; it goes on by itself
# when one comes, goes, is killed, or is another one.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
export LC_ALL=C.UTF-8
screen_start 100 24 "'$B/hakmem-top'"
shows "No hakmemd at this socket:"
shows "$SOCK"
shows "the socket does not exist"
shows "hakmemd --daemon"
shows "NO DAEMON"
daemon_start
shows "No program runs under hakmem yet."
hides "NO DAEMON"
host_start
tell churn 300
shows "$HOST "
shows "1 running, 0 ended"
press Enter
shows "MEMORY"
{
	kill -9 "$DAEMON"
	wait "$DAEMON"
} 2>/dev/null
shows "NO DAEMON"
shows "MEMORY" # what was known stays
daemon_start
hides "NO DAEMON"
shows "no link"
shows "MEMORY"
# An idle program need not notice a new daemon.
until_true working off_screen "no link" || fail "the link stays away"
shows "running, age"
shows "pid $DAEMON" # the same process, found again at another daemon
shows "PID $HOST"
press Escape
shows "$HOST "
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
until_true processes || fail "the daemon does not serve" # it listens by now
kill -STOP "$DAEMON"
timeout $PATIENCE "$B/hakmem-top" -b -n 1 >"$T/out" 2>"$T/err"
[ $? = 1 ] || fail "a stopped daemon: not 1"
grep -q "did not answer in 5 s" "$T/err" || fail "stopped: $(cat "$T/err")"
kill -CONT "$DAEMON"
until_true working on_screen "$HOST " || fail "never seen of $HOST"
# Somebody else could have made the socket: not trusted, unless it is named.
mkdir -m 777 "$T/open"
HAKMEM_SOCKET=$T/open/sock "$B/hakmem-top" -b -n 1 2>"$T/err" &&
	fail "an open directory is trusted"
grep -q "not trusted" "$T/err" || fail "open directory: $(cat "$T/err")"
exit 0
