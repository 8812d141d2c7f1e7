#!/bin/bash
# The heap profile through all three programs: a daemon that comes late, truth
# within the error bars, every export live and after the end, marks, control,
# a binary replaced on disk, and the screen.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
export LC_ALL=C.UTF-8

coproc TRUTH {
	exec timeout 500 "$(python_real)" -B "$E2E/chain_heap.py" "$B" "$T" 2>&1
}
# shellcheck disable=SC2153
TRUTH_JOB=$TRUTH_PID
started "$TRUTH_JOB"
exec {TO_TRUTH}>&"${TRUTH[1]}" {FROM_TRUTH}<&"${TRUTH[0]}"
read -r -t 30 -u "$FROM_TRUTH" answer
[ "$answer" = start ] || fail "the program does not start: $answer"
[ -e "$SOCK" ] && fail "there is a daemon already"
daemon_start
echo >&"$TO_TRUTH"
cat <&"$FROM_TRUTH" >"$T/truth.log"
wait "$TRUTH_JOB" || {
	tail -n 25 "$T/truth.log"
	fail "not as it should be"
}

# The same on the screen, of a program that runs.
mkfifo "$T/more"
HAKMEM_SAMPLE=4096 LD_PRELOAD=$LIB "$B/tests/preload/sites_known" wait \
	<"$T/more" >"$T/known.log" &
started $!
exec {MORE}>"$T/more"
until_true grep -q ready "$T/known.log" || fail "no sites_known"
screen_start 160 40 "'$B/hakmem-top' -d 0.2"
shows "sites_known"
press F4 s i t e s _ k Enter S S
shows "running"
press Enter 4
shows "allocate_large"
shows "leak_some"
shows "sites_known.c:"
press F4 l e a k _ Enter
hides "allocate_large"
press Enter
shows "AGE AT FREE"
shows "leak_some"
shows "main"
shows "sites_known.c:"
press q
shows "EXIT 0"
exec {MORE}>&-
exit 0
