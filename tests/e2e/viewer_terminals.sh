#!/bin/bash
# Terminals: tiny, growing, shrinking, dumb, unknown, without colors, none.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
feeder fixed
export LC_ALL=C.UTF-8
screen_start 120 40 "'$B/hakmem-top' --socket '$SOCK'"
shows "STATE"
for size in "40 10" "39 9" "1 1" "2 30" "300 3" "40 10" "200 50" "80 24"; do
	# shellcheck disable=SC2086
	set -- $size
	for key in Escape 1 2 3 4 F1 Escape; do
		press $key
	done
	terminal resize-window -x "$1" -y "$2"
	settle
	screen | grep -q EXIT && fail "it ended at $1x$2"
done
press Escape Escape
shows "PGB/S"
terminal resize-window -x 30 -y 8
shows "want 40x10"
terminal resize-window -x 80 -y 24
shows "SIGSEGV"
press C-l
shows "SIGSEGV"
# Ctrl-Z gives the terminal back, fg takes it again.
screen_start 80 24 "bash --norc -i"
press "'$B/hakmem-top' --socket '$SOCK'" Enter
shows "SIGSEGV"
press C-z
shows "Stopped"
press "fg" Enter
shows "SIGSEGV"
press q
hides "SIGSEGV"
press 'echo mode $(stty -a | grep -o "[-]*icanon")' Enter
shows "mode icanon"
# A click on a header sorts by it, a second turns the order round; on a row it
# selects. --no-mouse leaves clicks alone.
click() { # ROW COLUMN, from 0
	terminal send-keys -H 1b 5b 4d 20 "$(printf %x $(($2 + 33)))" \
		"$(printf %x $(($1 + 33)))"
	terminal send-keys -H 1b 5b 4d 23 "$(printf %x $(($2 + 33)))" \
		"$(printf %x $(($1 + 33)))"
	settle
}
screen_start 80 24 "env TERM=screen '$B/hakmem-top' --socket '$SOCK'"
shows "SIGSEGV"
first() {
	screen | sed -n 5p | awk '{ print $1 }'
}
first_is() {
	[ "$(first)" = "$1" ]
}
first_is_not() {
	[ "$(first)" != "$1" ]
}
until_true first_is 4100 || fail "not sorted by live bytes: $(first)"
click 3 61 # REJ
until_true first_is 4101 || fail "a click on REJ: $(first) is first"
click 3 61
until_true first_is_not 4101 || fail "a second click: 4101 is still first"
click 5 10
press Enter
shows "PID 4102"
screen_start 80 24 "env TERM=screen '$B/hakmem-top' --no-mouse --socket '$SOCK'"
shows "SIGSEGV"
click 3 61
first_is 4100 || fail "--no-mouse: $(first) is first"
# No colors: NO_COLOR and -C leave only plain attributes.
for how in "NO_COLOR=1 '$B/hakmem-top'" "'$B/hakmem-top' -C"; do
	screen_start 80 24 "env TERM=screen-256color $how --socket '$SOCK'"
	shows "SIGSEGV"
	terminal capture-pane -p -e | grep -qE $'\033\\[[0-9;]*[34][0-7]' &&
		fail "colors all the same: $how"
done
screen_start 80 24 "env TERM=screen-256color '$B/hakmem-top' --socket '$SOCK'"
shows "SIGSEGV"
terminal capture-pane -p -e | grep -qE $'\033\\[[0-9;]*[34][0-7]' ||
	fail "no colors"
screen_start 80 24 "env TERM=dumb '$B/hakmem-top' --socket '$SOCK'"
shows "'dumb' cannot place its cursor: set TERM"
shows "EXIT 1"
screen_start 80 24 "env TERM=nonesuch '$B/hakmem-top' --socket '$SOCK'"
shows "unknown terminal type 'nonesuch'"
shows "EXIT 1"
# Keys come from the terminal even when stdin is a pipe.
screen_start 80 24 "true | '$B/hakmem-top' --socket '$SOCK'"
shows "SIGSEGV"
press q
shows "EXIT 0"
# In a pipe there are reports, and never an escape; who reads enough may go.
timeout $PATIENCE "$B/hakmem-top" --socket "$SOCK" -d 0.1 2>"$T/err" | head -n 12 \
	>"$T/out"
[ "${PIPESTATUS[0]}" = 0 ] || fail "a closed pipe: ${PIPESTATUS[0]}"
[ -s "$T/err" ] && fail "a closed pipe: $(cat "$T/err")"
grep -q $'\033' "$T/out" && fail "an escape in a pipe"
grep -q SIGSEGV "$T/out" || fail "no report: $(cat "$T/out")"
# Ctrl-C and SIGTERM end it with the terminal in order.
screen_start 80 24 "'$B/hakmem-top' --socket '$SOCK'"
shows "SIGSEGV"
press C-c
shows "EXIT 0"
exit 0
