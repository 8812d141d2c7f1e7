#!/bin/bash
# How the daemon begins and ends: one per path, stale sockets, paths that are
# not to be used, detaching, idle exit, signals, usage.
. "$(dirname "$0")/lib.bash"
need python3
D=$B/hakmemd

# expect STATUS TEXT COMMAND...: ends with that status and one line with TEXT.
expect() {
	local status=$1 text=$2 got

	shift 2
	timeout $PATIENCE "$@" >"$T/out" 2>&1
	got=$?
	[ $got = "$status" ] || fail "$*: exit status $got, not $status: $(cat "$T/out")"
	grep -qF -- "$text" "$T/out" || fail "$*: no '$text' in: $(cat "$T/out")"
	[ "$status" = 0 ] || [ "$(wc -l <"$T/out")" = 1 ] ||
		fail "$*: more than one line: $(cat "$T/out")"
}
clean() {
	[ ! -e "$1" ] && [ ! -e "$1.lock" ] || fail "$1 or its lock left behind"
}
stop() {
	kill "-${1:-TERM}" "$DAEMON"
	wait "$DAEMON" || fail "exit status $? after SIG${1:-TERM}"
	DAEMON=
	clean "$SOCK"
}

expect 2 "unknown option '--nonsense'" "$D" --nonsense
expect 2 "--socket needs PATH" "$D" --socket
expect 2 "--idle-exit: '-1'" "$D" --idle-exit -1
expect 2 "--idle-exit: '0'" "$D" --idle-exit=0
expect 2 "--retain: '9x'" "$D" --retain 9x
expect 2 "--help takes no value" "$D" --help=x
expect 0 "hakmemd " "$D" --version
for option in --socket --foreground --daemon --idle-exit --retain; do
	expect 0 "$option" "$D" --help
done

# Only one serves a path; a dead one's socket and lock are in nobody's way.
daemon_start
expect 1 "another hakmemd (pid $DAEMON) serves $SOCK" "$D" --socket "$SOCK"
expect 1 "another hakmemd (pid $DAEMON) serves $SOCK" "$D" --daemon --socket "$SOCK"
rm "$SOCK.lock" # someone tidied up: the socket itself still tells
expect 1 "another hakmemd serves $SOCK" "$D" --socket "$SOCK"
[ -S "$SOCK" ] || fail "the second instance removed the first one's socket"
kill -9 "$DAEMON"
wait "$DAEMON" 2>/dev/null
daemon_start
until_true processes || fail "does not replace a stale socket"
stop INT
daemon_start
stop HUP
daemon_start
stop TERM

# Twenty at once: exactly one serves.
for i in {1..20}; do
	"$D" --daemon --idle-exit 60 --socket "$SOCK" 2>"$T/race.$i" &&
		echo "$i" >>"$T/won" &
done
wait
[ "$(wc -l <"$T/won")" = 1 ] || fail "of 20 at once, $(wc -l <"$T/won") serve"
[ "$(cat "$T"/race.* | grep -c 'another hakmemd')" = 19 ] || fail "$(cat "$T"/race.*)"
DAEMON=$(cat "$SOCK.lock")
STARTED+=("$DAEMON")
[ "$(ps -o tty= -p "$DAEMON" | tr -d ' ')" = "?" ] || fail "not detached"
kill "$DAEMON"
until_true sh -c "! kill -0 $DAEMON" || fail "no end of a detached one"
DAEMON=
clean "$SOCK"
[ -f "$SOCK.log" ] || fail "no log of the detached one"

# Paths that are not to be used.
ln -s "$T/elsewhere" "$T/link"
expect 1 "is not a socket" "$D" --socket "$T/link"
touch "$T/file"
expect 1 "is not a socket" "$D" --socket "$T/file"
[ -f "$T/file" ] && [ -L "$T/link" ] || fail "removed what is not a socket"
mkfifo "$T/fifo"
expect 1 "is not a socket" "$D" --socket "$T/fifo"
ln -s "$T/precious" "$T/trap.lock"
expect 1 "lock" "$D" --socket "$T/trap"
[ ! -e "$T/precious" ] || fail "wrote through a symbolic link"
long=$T/$(printf 'x%.0s' {1..120})
expect 1 "the system takes 107" "$D" --socket "$long"
expect 1 "the system takes 107" env HAKMEM_SOCKET="$long" "$D"
expect 1 "No such file" "$D" --socket "$T/missing/sock"
expect 1 "No such file" "$D" --daemon --socket "$T/missing/sock"
mkdir -m 777 "$T/open"
expect 1 "not to be trusted" "$D" --socket "$T/open/sock"
expect 1 "no path" "$D" --socket "$T/"

# The directory of a derived path is made, for us alone.
mkdir -m 700 "$T/run"
HAKMEM_SOCKET='' XDG_RUNTIME_DIR=$T/run "$D" --idle-exit 60 2>/dev/null &
DAEMON=$!
until_true test -S "$T/run/hakmem/sock" || fail "no derived path"
[ "$(stat -c %a "$T/run/hakmem")" = 700 ] || fail "mode of the directory"
kill "$DAEMON"
wait "$DAEMON" || fail "exit status of the derived one"
DAEMON=
clean "$T/run/hakmem/sock"

# Nobody there: it ends; somebody there: it stays.
begin=$SECONDS
"$D" --idle-exit 1 --socket "$T/idle" 2>/dev/null || fail "idle exit: status $?"
[ $((SECONDS - begin)) -le $PATIENCE ] || fail "idle exit took $((SECONDS - begin)) s"
clean "$T/idle"
"$D" --idle-exit 2 --socket "$T/idle" 2>/dev/null &
DAEMON=$!
until_true test -S "$T/idle"
python3 - "$T/idle" <<'PY' || fail "callers that say nothing keep it alive"
import socket
import sys
import time
for _ in range(600):
    try:
        peer = socket.socket(socket.AF_UNIX)
        peer.connect(sys.argv[1])
        peer.close()
    except OSError:
        sys.exit(0)
    time.sleep(0.1)
sys.exit(1)
PY
wait "$DAEMON" || fail "idle exit among callers: status $?"
DAEMON=
# The program has a second to come; on a crowded machine it may need another try.
for _ in {1..20}; do
	host_start
	"$D" --idle-exit 1 --socket "$SOCK" 2>/dev/null &
	DAEMON=$!
	until_true test -S "$SOCK"
	until_true eval 'working holds "$HOST" True || ! kill -0 "$DAEMON"'
	kill -0 "$DAEMON" 2>/dev/null && break
	host_end
done
sleep 2
kill -0 "$DAEMON" || fail "ended under a program that runs"
host_end
wait "$DAEMON" || fail "idle exit after a program: status $?"
DAEMON=
clean "$SOCK"

# What ended is dropped when its time is over.
"$D" --retain 4 --socket "$SOCK" 2>/dev/null &
DAEMON=$!
until_true test -S "$SOCK"
hakmem "$(python_real)" -c 'import os; print(os.getpid())' >"$T/pid"
holds "$(cat "$T/pid")" "state == 'exited'" || fail "not retained"
dropped() {
	! holds "$(cat "$T/pid")" True
}
until_true dropped || fail "retained for longer than --retain"
stop

# Closed standard descriptors must not become the socket.
"$D" --socket "$SOCK" <&- >&- 2>&- &
DAEMON=$!
until_true test -S "$SOCK" || fail "does not start with closed descriptors"
processes >/dev/null || fail "does not answer with closed descriptors"
stop

# Few descriptors: it says no, does not spin, and serves on.
(ulimit -n 100 && exec "$D" --socket "$SOCK") 2>"$T/few.log" &
DAEMON=$!
until_true test -S "$SOCK"
python3 - "$SOCK" "$DAEMON" <<'PY' || fail "with few descriptors: $(tail -n 3 "$T/few.log")"
import os
import socket
import sys
import time


def ticks():
    text = open("/proc/%s/stat" % sys.argv[2]).read().rsplit(")", 1)[1]
    return sum(map(int, text.split()[11:13]))


peers = []
for _ in range(300):
    peers.append(socket.socket(socket.AF_UNIX))
    peers[-1].connect(sys.argv[1])
before = ticks()
time.sleep(1)
assert ticks() - before < 10, "spins"
peers.clear()
PY
processes >/dev/null || fail "does not answer after a crowd"
stop
exit 0
