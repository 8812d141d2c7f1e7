# A terminal for the viewer's tests; source it after lib.bash.
# shellcheck shell=bash
#
#   screen_start W H COMMAND   in a terminal of that size; its end is shown as
#                              "EXIT status"
#   press KEY...               as tmux names them
#   shows SECONDS TEXT         the text is on the screen within so long
#   hides SECONDS TEXT         ... is off it
#   screen                     what is on it now

need tmux
export TMUX_TMPDIR=$T
TMUX_SERVER=0
unset TMUX NO_COLOR

terminal() {
	tmux -L "$TMUX_SERVER" "$@"
}

# Each terminal is a server of its own: one that ends takes a while to.
screen_end() {
	terminal kill-server 2>/dev/null
}
trap 'screen_end; cleanup' EXIT

screen_start() {
	screen_end
	TMUX_SERVER=$((TMUX_SERVER + 1))
	terminal -f /dev/null -u new-session -d -x "$1" -y "$2" \
		"cd '$T' && $3; echo EXIT \$?; sleep 60" || fail "tmux does not start"
	terminal set -g status off
	terminal set -g escape-time 0
}

press() {
	local key

	for key; do
		terminal send-keys "$key"
		sleep 0.1
	done
}

screen() {
	terminal capture-pane -p
}

shows() {
	local end=$((SECONDS + $1 + 1))

	until screen | grep -qF -- "$2"; do
		[ $SECONDS -lt $end ] || {
			screen
			fail "not on the screen after $1 s: $2"
		}
		sleep 0.05
	done
}

hides() {
	local end=$((SECONDS + $1 + 1))

	while screen | grep -qF -- "$2"; do
		[ $SECONDS -lt $end ] || {
			screen
			fail "still on the screen after $1 s: $2"
		}
		sleep 0.05
	done
}

# feeder MODE: a daemon that says what the real one never would, at $SOCK.
feeder() {
	"$(python_real)" "$E2E/viewer_feeder.py" "$SOCK" "$1" \
		2>"$T/feeder.err" &
	STARTED+=($!)
	FEEDER=$!
	until_true 5 test -S "$SOCK" || fail "the feeder did not come up"
}

feeder_end() {
	kill "$FEEDER" 2>/dev/null
	wait "$FEEDER" 2>/dev/null
	rm -f "$SOCK"
}
