#!/bin/bash
# How a process ended is seen and stays: exit, signal, kill -9; and what it was.
. "$(dirname "$0")/lib.bash"
daemon_start
host_start
tell alloc 1024 1000
tell churn 300
soon "$HOST" "state == 'running' and live_bytes > 1000000"
kill -9 "$HOST"
wait "$HOST" 2>/dev/null
soon "$HOST" "state == 'signalled' and exit_signal == 9"
holds "$HOST" 'live_bytes > 1000000 and requests_1024_total >= 1000' ||
	fail "the last state is lost: $(cat "$T/report.json")"
end() {
	hakmem "$(python_real)" -c "import os; print(os.getpid(), flush=True); $1" \
		2>/dev/null | head -n 1
}
killed=$HOST
exited=$(end 'raise SystemExit(7)')
aborted=$(end 'os.abort()')
soon "$exited" "state == 'exited' and exit_status == 7 and allocs_total > 1000"
soon "$aborted" "state == 'signalled' and exit_signal == 6"

# Tiny processes are seen, too, with their last figures.
hakmem /bin/ls / >/dev/null
until_true sh -c "'$B/hakmem-top' --batch -n 1 --json | grep -q '/bin/ls /'" ||
	fail "a short process left no trace"
sleep 2
soon "$killed" "state == 'signalled'"
soon "$exited" "state == 'exited'"

# exec: the same pid, another program; the new one is what is shown.
pid=$(hakmem bash -c 'for i in {1..300}; do x=$x$i; done; echo $$
	exec sleep 1' | head -n 1)
soon "$pid" "'sleep' in command"
exit 0
