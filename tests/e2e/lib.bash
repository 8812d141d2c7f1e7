# What the scripts here share; source it with the build directory in $1.
# shellcheck shell=bash
#
#   $B build directory   $T private directory, removed at the end
#   $LIB the library     $SOCK the socket of the private daemon
#
# A script fails by fail, is skipped by skip or need; all that it started with
# background is ended with it.

set -u -o pipefail
B=$(cd "${1:?usage: $0 BUILD_DIR}" && pwd)
LIB=$B/libhakmem.so
E2E=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
T=$(mktemp -d "${TMPDIR:-/tmp}/e2e-XXXXXX")
chmod 755 "$T"
SOCK=$T/sock
DAEMON=
STARTED=()
export HAKMEM_SOCKET=$SOCK HAKMEM_INTERVAL_MS=100
unset LD_PRELOAD HAKMEM_STREAM HAKMEM_CORRUPTION HAKMEM_LOG HAKMEM_SAMPLE

# The start time of a process, which tells it from a later one of its number.
ticks() {
	sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20
}

# started PID...: to be ended with the script.
started() {
	local pid

	for pid; do
		STARTED+=("$pid:$(ticks "$pid")")
	done
}

# still_runs PID:TICKS, or PID alone.
still_runs() {
	case $1 in
	*:?*) [ "$(ticks "${1%%:*}")" = "${1#*:}" ] ;;
	*:) false ;;
	*) kill -0 "$1" 2>/dev/null ;;
	esac
}

cleanup() {
	local one

	for one in "${STARTED[@]}"; do
		still_runs "$one" || continue
		kill -CONT "${one%%:*}" 2>/dev/null
		kill "${one%%:*}" 2>/dev/null
	done
	for one in "${STARTED[@]}"; do
		for _ in {1..500}; do
			still_runs "$one" || continue 2
			sleep 0.02
		done
		kill -9 "${one%%:*}" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$T"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

fail() {
	echo "$(basename "$0"): $*"
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

need() {
	local program

	for program; do
		command -v "$program" >/dev/null ||
			skip "$program is not installed"
	done
}

[ -e "$LIB" ] || fail "$LIB is not built"

# What is waited for comes within so many seconds also on a crowded machine.
PATIENCE=60

# until_true COMMAND...: repeats it until it succeeds; its output is thrown away.
until_true() {
	local end=$((SECONDS + PATIENCE))

	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

# Starts the daemon and waits for its socket; its pid is in $DAEMON.
daemon_start() {
	"$B/hakmemd" --foreground --socket "$SOCK" >>"$T/daemon.log" 2>&1 &
	DAEMON=$!
	started "$DAEMON"
	until_true test -S "$SOCK" || {
		cat "$T/daemon.log"
		fail "hakmemd did not come up"
	}
}

# hakmem COMMAND...: under the preload, streaming to the private daemon.
hakmem() {
	LD_PRELOAD=$LIB "$@"
}

# background NAME COMMAND...: under the preload in the background; output to
# $T/NAME.log, pid in $PID.
background() {
	local name=$1

	shift
	LD_PRELOAD=$LIB "$@" >"$T/$name.log" 2>&1 </dev/null &
	PID=$!
	started "$PID"
}

# same NAME COMMAND...: output, errors and exit status with and without the
# preload must be the same; $T/NAME.out keeps the output. The command runs in
# an empty directory of its own each time, named ./work by both.
same() {
	local name=$1 plain preloaded

	shift
	rm -rf "$T/work"
	mkdir "$T/work"
	(cd "$T/work" && "$@") >"$T/$name.out" 2>"$T/$name.err" </dev/null
	plain=$?
	rm -rf "$T/work"
	mkdir "$T/work"
	(cd "$T/work" && hakmem "$@") >"$T/$name.out2" 2>"$T/$name.err2" \
		</dev/null
	preloaded=$?
	[ $plain = $preloaded ] || {
		tail -n 5 "$T/$name.err2"
		fail "$name: exit status $preloaded, $plain without preload"
	}
	cmp -s "$T/$name.out" "$T/$name.out2" || {
		diff "$T/$name.out" "$T/$name.out2" | head -n 10
		fail "$name: other output than without preload"
	}
	cmp -s "$T/$name.err" "$T/$name.err2" || {
		diff "$T/$name.err" "$T/$name.err2" | head -n 10
		fail "$name: other messages than without preload"
	}
	[ $plain = 0 ] || {
		tail -n 5 "$T/$name.err"
		fail "$name: exit status $plain even without preload"
	}
}

# The python that python3 stands for, not a wrapper script in front of it.
python_real() {
	python3 -c 'import sys; print(sys.executable)'
}

# preloaded PID: the process does have the library.
preloaded() {
	grep -q libhakmem.so "/proc/$1/maps"
}

# processes: one report of hakmem-top as JSON.
processes() {
	"$B/hakmem-top" --batch -n 1 -d 0.1 --json
}

# host_start [VARIABLE=VALUE...]: host.py under the preload; pid in $HOST.
host_start() {
	coproc HOSTS {
		exec env LD_PRELOAD="$LIB" "$@" "$(python_real)" \
			"$E2E/host.py" 2>"$T/host.err"
	}
	# shellcheck disable=SC2153
	HOST=$HOSTS_PID
	exec {TO_HOST}>&"${HOSTS[1]}" {FROM_HOST}<&"${HOSTS[0]}"
	started "$HOST"
}

host_end() {
	exec {TO_HOST}>&- {FROM_HOST}<&-
	kill "$HOST"
	wait "$HOST"
	HOST=
} 2>/dev/null

# tell COMMAND ARGS...: one command for the host; its answer is in $ANSWER.
tell() {
	# In a subshell: SIGPIPE must not be the end of the script.
	(echo "$*" >&"$TO_HOST") || fail "the host is gone: $(cat "$T/host.err")"
	read -r -t $PATIENCE -u "$FROM_HOST" ANSWER ||
		fail "no answer to '$*': $(cat "$T/host.err")"
}

# holds PID EXPRESSION: a python expression of the process's fields is true.
holds() {
	processes >"$T/report.json" || return 1
	python3 - "$1" "$2" "$T/report.json" <<'PY'
import json
import sys

pid, expression = int(sys.argv[1]), sys.argv[2]
for line in open(sys.argv[3], encoding="utf-8"):
    for process in json.loads(line)["processes"]:
        if process["pid"] == pid and eval(expression, {}, process):
            sys.exit(0)
sys.exit(1)
PY
}

# working COMMAND...: the command, after the host has worked a little if it still
# runs: an idle program says nothing new.
working() {
	if [ -n "${HOST:-}" ] && (echo churn 20 >&"$TO_HOST"); then
		read -r -t $PATIENCE -u "$FROM_HOST"
	fi
	"$@"
}

# soon PID EXPRESSION: it comes to hold, or the test fails.
soon() {
	[ $# = 2 ] || fail "soon takes PID EXPRESSION, not $*"
	if [ "$1" = "${HOST:-}" ]; then
		until_true working holds "$1" "$2" && return
	else
		until_true holds "$1" "$2" && return
	fi
	python3 -m json.tool "$T/report.json" 2>/dev/null | head -n 60
	fail "never seen of $1: $2"
}
