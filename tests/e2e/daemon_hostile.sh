#!/bin/bash
# Whatever a peer sends, the daemon answers others at once and stays small; its
# log is bounded and holds no control characters; other users see nothing.
. "$(dirname "$0")/lib.bash"
need python3
ulimit -n 8192 2>/dev/null
chmod 755 "$T"
daemon_start
timeout 500 python3 "$E2E/daemon_hostile.py" "$DAEMON" || {
	tail -n 5 "$T/daemon.log"
	fail "an enemy got through"
}
LC_ALL=C grep -qP '[^\x20-\x7e]' "$T/daemon.log" &&
	fail "control characters in the log"
[ "$(wc -c <"$T/daemon.log")" -lt 400000 ] || fail "the log grew too large"

# Another user may be watched, but watches nothing.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	cat >"$T/other.py" <<'PY'
from daemon_peer import *
text = Peer().frame(QUERY, number(1, 0)).refused()
assert text and "serves user" in text, text
peer = Peer().frame(HELLO, hello(command="other user")).frame(STATE, state())
peers = []
for _ in range(400):
    peers.append(Peer(seconds=1))
last = peers[-1].refused()
assert last and "one user" in last, last
PY
	PYTHONPATH=$E2E PYTHONDONTWRITEBYTECODE=1 setpriv --reuid 65534 \
		--regid 65534 --clear-groups "$(python_real)" "$T/other.py" ||
		skip "python3 cannot run as another user, or the rule is broken"
	until_true eval 'processes | grep -q "other user"' ||
		fail "a program of another user is not seen"
fi
kill "$DAEMON"
wait "$DAEMON" || fail "exit status $? after SIGTERM"
[ -e "$SOCK" ] || [ -e "$SOCK.lock" ] && fail "socket or lock left behind"
grep -qE "runtime error|Sanitizer" "$T/daemon.log" &&
	fail "$(grep -E 'runtime error|Sanitizer' "$T/daemon.log" | head -n 1)"
exit 0
