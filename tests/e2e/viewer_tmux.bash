# A terminal for the viewer's tests; source it after lib.bash.
# shellcheck shell=bash
#
#   screen_start W H COMMAND   in a terminal of that size; its end is shown as
#                              "EXIT status"
#   press KEY...               as tmux names them; each is done with before the
#                              next
#   shows TEXT                 the text comes to be on the screen
#   hides TEXT                 ... off it
#   shows_like REGEX           a line comes to match
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
		"cd '$T' && $3; echo EXIT \$?; sleep 600" || fail "tmux does not start"
	terminal set -g status off
	terminal set -g escape-time 0
	PANE=$(terminal display -p '#{pane_pid} #{pid}')
}

# idle PID...: all their threads wait for something.
idle() {
	local pid stat state

	for pid; do
		for stat in "/proc/$pid/task/"*/stat; do
			read -r state 2>/dev/null <"$stat" || continue
			case ${state##*) } in
			[SZ]*) ;;
			*) return 1 ;;
			esac
		done
	done
}

# Until nobody works on what was pressed: terminal, viewer and daemon wait for
# something at the same time, and a moment later still. A viewer that has always
# something to do gets five seconds.
settle() {
	local still=0 end=$((SECONDS + 5)) viewer=

	read -r viewer 2>/dev/null <"/proc/${PANE% *}/task/${PANE% *}/children"
	until [ $still = 2 ] || [ $SECONDS -ge $end ]; do
		sleep 0.02
		still=$((still + 1))
		# shellcheck disable=SC2086 # numbers
		idle $PANE $viewer ${FEEDER:-} $DAEMON || still=0
	done
}

press() {
	local key

	for key; do
		terminal send-keys "$key"
		settle
	done
}

screen() {
	terminal capture-pane -p
}

shows() {
	[ $# = 1 ] || fail "shows takes a text, not $*"
	until_true on_screen "$1" && return
	screen
	fail "not on the screen after $PATIENCE s: $1"
}

hides() {
	[ $# = 1 ] || fail "hides takes a text, not $*"
	until_true off_screen "$1" && return
	screen
	fail "still on the screen after $PATIENCE s: $1"
}

shows_like() {
	[ $# = 1 ] || fail "shows_like takes a regular expression, not $*"
	until_true screen_like "$1" && return
	screen
	fail "not on the screen after $PATIENCE s: /$1/"
}

screen_like() {
	screen | grep -qE -- "$1"
}

on_screen() {
	screen | grep -qF -- "$1"
}

off_screen() {
	! on_screen "$1"
}

# feeder MODE: a daemon that says what the real one never would, at $SOCK.
feeder() {
	"$(python_real)" "$E2E/viewer_feeder.py" "$SOCK" "$1" \
		2>"$T/feeder.err" &
	STARTED+=($!)
	FEEDER=$!
	until_true test -S "$SOCK" || fail "the feeder did not come up"
}

feeder_end() {
	kill "$FEEDER" 2>/dev/null
	wait "$FEEDER" 2>/dev/null
	FEEDER=
	rm -f "$SOCK"
}
