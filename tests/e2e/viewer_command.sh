#!/bin/bash
# hakmem-top -- COMMAND on a terminal: live, with the output kept out of the
# screen; Ctrl-C is for the command; the summary, its status, nothing left.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
export LC_ALL=C.UTF-8
unset HAKMEM_SOCKET
export XDG_RUNTIME_DIR=$T TMPDIR=$T
python=$(python_real)
cat >"$T/work.py" <<'PY'
import os, signal, sys, time
def caught(*_):
    print("caught SIGINT", flush=True)
    sys.exit(33)
signal.signal(signal.SIGINT, caught)
print("this is the output", flush=True)
print("and this an error", file=sys.stderr, flush=True)
assert sys.stdin.read() == ""
keep = [bytearray(50000) for _ in range(200)]
child = os.fork()
for i in range(int(sys.argv[1])):
    keep.append([bytearray(1023) for _ in range(100)])
while not os.path.exists("go"):
    time.sleep(0.02)
if child == 0:
    sys.exit(0)
os.wait()
sys.exit(7)
PY
# none_left: private daemons and their directories are gone.
none_left() {
	! find "$T" -name 'hakmem-top-*' | grep -q . || return 1
	! pgrep -f "hakmemd --foreground --socket $T/" >/dev/null
}

screen_start 120 40 "'$B/hakmem-top' -d 0.2 -- '$python' work.py 40"
shows "runs; output in $T/hakmem-"
shows "work.py"
shows "2 running"
screen | grep -q "this is the output" && fail "output on the screen"
touch "$T/go"
shows "EXIT 7"
screen >"$T/summary"
for line in "ended with   exit status 7" "peak live    " "allocations  " \
	"1024 bytes   8," "rejects      0" "top sizes" "processes    2;"; do
	grep -qF "$line" "$T/summary" || {
		cat "$T/summary"
		fail "the summary lacks '$line'"
	}
done
grep -qE 'peak live +1[0-9]\.[0-9]M' "$T/summary" ||
	fail "peak: $(cat "$T/summary")"
output=$(sed -n 's/^  output in *//p' "$T/summary")
grep -qx "this is the output" "$output" || fail "the output is not in $output"
grep -qx "and this an error" "$output" || fail "the error is not in $output"
[ "$(stat -c %a "$output")" = 600 ] || fail "others may read the output"
until_true none_left || fail "something is left: $(find "$T" -name 'hakmem-top-*')"

rm "$T/go"
# Ctrl-C goes to the command, which may do what it likes.
screen_start 100 30 "'$B/hakmem-top' -d 0.2 -o out.txt -- '$python' work.py 40"
shows "work.py"
shows "output in out.txt"
until_true grep -q "this is the output" "$T/out.txt" || fail "no output"
press C-c
shows "EXIT"
screen | grep -q "EXIT 33" || {
	screen
	fail "SIGINT: $(cat "$T/out.txt")"
}
grep -q "caught SIGINT" "$T/out.txt" || fail "SIGINT: $(cat "$T/out.txt")"
# One that will not hear ends at the third.
screen_start 100 30 "'$B/hakmem-top' -- bash -c \
'trap : INT TERM; while :; do sleep 0.2; done'"
shows "bash"
press C-c
shows "SIGINT sent to bash"
press C-c
shows "SIGTERM sent"
press C-c
shows "signal 9 (SIGKILL)"
shows "EXIT 137"
# q leaves the screen, not the command.
screen_start 100 30 "'$B/hakmem-top' -- '$python' work.py 60"
shows "work.py"
press q
shows "goes on; Ctrl-C interrupts it"
touch "$T/go"
shows "EXIT 7"
# --stay keeps the screen.
screen_start 100 30 "'$B/hakmem-top' --stay -d 0.2 -- sh -c 'exit 4'"
shows "sh ended; output in"
press q
shows "EXIT 4"
screen_start 100 30 "'$B/hakmem-top' -- /no/such/thing"
shows "cannot run '/no/such/thing': No such file or directory"
shows "EXIT 127"
until_true none_left || fail "something is left: $(find "$T" -name 'hakmem-top-*')"

# With a daemon that runs, that one is used and stays; others' processes are
# not shown.
export HAKMEM_SOCKET=$SOCK
daemon_start
host_start
tell churn 100
rm "$T/go"
screen_start 120 30 "'$B/hakmem-top' -d 0.2 -- '$python' work.py 60"
shows "work.py"
shows "2 running"
screen | grep -q host.py && fail "a stranger on the screen"
touch "$T/go"
shows "EXIT 7"
kill -0 "$DAEMON" || fail "the daemon was ended"
find "$T" -name 'hakmem-top-*' | grep -q . && fail "a private daemon all the same"
# LD_PRELOAD that was there stays first.
LD_PRELOAD=/lib/x86_64-linux-gnu/libpthread.so.0 "$B/hakmem-top" -- \
	sh -c 'echo "$LD_PRELOAD"' >"$T/out" 2>/dev/null
grep -qx "/lib/x86_64-linux-gnu/libpthread.so.0:$LIB" "$T/out" ||
	fail "LD_PRELOAD: $(cat "$T/out")"
HAKMEM_LIB=/no/lib.so "$B/hakmem-top" -- true 2>"$T/err" && fail "HAKMEM_LIB"
grep -q "HAKMEM_LIB=/no/lib.so: No such file" "$T/err" || fail "$(cat "$T/err")"
exit 0
