#!/bin/bash
# A hostile daemon neither moves the cursor nor ends the viewer, and no output
# holds a control character or bad UTF-8.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
export LC_ALL=C.UTF-8

alive() {
	screen | grep -q '^EXIT' && {
		screen
		fail "$1: the viewer ended"
	}
	screen | grep -q 'hakmem-top' || {
		screen
		fail "$1: the screen is not the viewer's"
	}
}

feeder hostile
screen_start 100 24 "'$B/hakmem-top' --socket '$SOCK'"
shows "^[]0;owned^G"
shows "SIG"
for key in 1 2 3 4 Down Enter G I F6 Down Enter Escape m F4 \[ Enter Escape 5 \
	Escape t F6 Escape m I; do
	press "$key"
	alive hostile
done
press Escape Escape
shows "circle"
[ "$(terminal display -p '#{pane_title}')" != owned ] || fail "the title is set"
press 2
shows "0-max"
press e Enter
shows "wrote hakmem-1-sizes.csv"
grep -q "^0,18446744073709551615,18446744073709551615,0,0,0,18446744073709551615,0.000$" \
	"$T/hakmem-1-sizes.csv" || fail "$(cat "$T/hakmem-1-sizes.csv")"
for format in json csv text; do
	timeout $PATIENCE "$B/hakmem-top" --batch -n 2 -d 0.1 --$format \
		--socket "$SOCK" >"$T/out" || fail "batch --$format"
	LC_ALL=C grep -q $'[\001-\011\013-\037\177]' "$T/out" &&
		fail "a control character in --$format"
	iconv -f UTF-8 -t UTF-8 "$T/out" >/dev/null || fail "bad UTF-8: $format"
done
timeout $PATIENCE "$B/hakmem-top" --json -n 2 -d 0.1 --socket "$SOCK" |
	python3 -c 'import json, sys
lines = [json.loads(line) for line in sys.stdin]
assert len(lines) == 2
assert lines[0]["processes"][0]["command"].startswith("/bin/\x1b]0;owned\x07")
assert lines[0]["processes"][0]["live_bytes"] == 2**63 - 1' ||
	fail "the JSON is not what was sent"
feeder_end

# Bytes that are no protocol: said in one line, never waited for without end.
for mode in garbage large trickle silent error; do
	feeder $mode
	timeout $PATIENCE "$B/hakmem-top" -b -n 1 --socket "$SOCK" >"$T/out" \
		2>"$T/err" </dev/null
	[ $? = 1 ] || fail "$mode: not exit status 1"
	[ "$(wc -l <"$T/err")" = 1 ] || fail "$mode: $(cat "$T/err")"
	[ -s "$T/out" ] && fail "$mode: output"
	LC_ALL=C grep -q $'[\001-\011\013-\037\177]' "$T/err" &&
		fail "$mode: a control character in the message"
	screen_start 80 24 "'$B/hakmem-top' --socket '$SOCK'"
	shows "$SOCK"
	case $mode in
	garbage) shows "not a hakmem frame" ;;
	large) shows "frame larger than 256 KiB" ;;
	trickle | silent) shows "did not answer in 5 s" ;;
	error) shows "no such^[[31m process" ;;
	esac
	alive $mode
	feeder_end
done

# Rows and memory have an end.
feeder many
screen_start 80 24 "exec '$B/hakmem-top' --socket '$SOCK' -d 5"
shows "16384 running"
press G
shows " 1B "
pid=$(terminal display -p '#{pane_pid}')
rss=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")
[ "$rss" -lt 200000 ] || fail "$rss KiB for 20,000 processes"
alive many
press Enter 4
shows "function number 16386"
shows "3616 more sites"
press G
shows "3B ±2B  "
press Enter
shows "AGE AT FREE"
press Escape
shows "3B ±2B  "
press m
shows "+LIVE"
rss=$(awk '/VmRSS/ { print $2 }' "/proc/$pid/status")
[ "$rss" -lt 250000 ] || fail "$rss KiB for 20,000 sites"
alive many
exit 0
