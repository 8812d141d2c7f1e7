#!/bin/bash
# The daemon and the viewer under valgrind: no error, nothing lost, with a real
# program, its end, a batch, an export and a screen.
. "$(dirname "$0")/lib.bash"
need valgrind tmux
check=(valgrind --quiet --error-exitcode=99 --leak-check=full
	--errors-for-leak-kinds=definite --log-file="$T/valgrind.%p")

"${check[@]}" "$B/hakmemd" --foreground --socket "$SOCK" >"$T/daemon.log" 2>&1 &
DAEMON=$!
until_true test -S "$SOCK" || fail "no daemon: $(cat "$T"/valgrind.*)"
hakmem python3 -c 'import json; print(len(json.dumps(list(range(9999)))))' \
	>/dev/null || fail "python3 failed"
"${check[@]}" "$B/hakmem-top" --batch -n 2 -d 0.3 --json >"$T/json" ||
	fail "batch: exit $?: $(cat "$T"/valgrind.*)"
pid=$(python3 -c '
import json, sys
print(max(json.loads(sys.stdin.readline())["processes"],
          key=lambda p: p["allocs_total"])["pid"])' <"$T/json") ||
	fail "no process in $(cat "$T/json")"
for what in sizes classes; do
	"${check[@]}" "$B/hakmem-top" export --pid "$pid" --what $what \
		--format csv -o "$T/$what.csv" ||
		fail "export: exit $?: $(cat "$T"/valgrind.*)"
done
[ "$(wc -l <"$T/sizes.csv")" -gt 10 ] || fail "a short export"

screen() {
	tmux -L "e2e-$$" "$@"
}
screen -f /dev/null new-session -d -x 100 -y 30 \
	"${check[*]} $B/hakmem-top --socket $SOCK; echo \$? >$T/status"
shows() {
	screen capture-pane -p | grep -q "$1"
}
until_true shows 'PID COMMAND' || fail "no screen"
screen send-keys Enter
until_true shows 'Overview' || fail "no process on the screen"
screen send-keys 2
until_true shows 'REQUESTS' || fail "no sizes on the screen"
screen send-keys q
until_true test -s "$T/status" || fail "the viewer does not end"
[ "$(cat "$T/status")" = 0 ] || fail "screen: $(cat "$T"/valgrind.*)"
screen kill-server 2>/dev/null

kill "$DAEMON"
wait "$DAEMON"
status=$?
DAEMON=
[ $status = 0 ] || fail "daemon: exit $status: $(cat "$T"/valgrind.*)"
