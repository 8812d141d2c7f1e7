#!/bin/bash
# Who is who: storms of forks, exec, a socket that outlives its process, what
# ends while the daemon does not look, zombies, and how all of them ended.
. "$(dirname "$0")/lib.bash"
need python3
daemon_start
P=$(python_real)

# A thousand short processes: each is known, how it ended is known, none twice.
hakmem /bin/bash -c 'for ((i = 0; i < 1000; i++)); do
	(exit $((i % 200))) &
	echo $! $((i % 200))
	((i % 50 == 49)) && wait
done
wait' >"$T/storm" || fail "the storm failed"
cat >"$T/storm.py" <<'PY'
import json
import sys

rows = json.loads(open(sys.argv[1] + "/report.json").readlines()[-1])["processes"]
known = {}
for row in rows:
    assert row["pid"] not in known, ("twice", row)
    known[row["pid"]] = row
storm = [tuple(map(int, line.split())) for line in open(sys.argv[1] + "/storm")]
seen = [known[pid] for pid, _ in storm if pid in known]
assert len(seen) >= 950, "%d of 1000 were seen" % len(seen)
for pid, status in storm:
    row = known.get(pid)
    if row:
        assert row["state"] == "exited" and row["exit_status"] == status, (
            status, row)
PY
told() {
	processes >"$T/report.json" &&
		python3 "$T/storm.py" "$T" >"$T/storm.log" 2>&1
}
until_true told || fail "the storm is not told right: $(tail -n 3 "$T/storm.log")"
grep -c refused "$T/daemon.log" >/dev/null && fail "$(grep refused "$T/daemon.log" | head -n 1)"
kb=$(awk '/VmRSS/ { print $2 }' "/proc/$DAEMON/status")
[ "$kb" -lt 60000 ] || [ -n "${DAEMON_SLOW:-}" ] || fail "$kb KiB after 1000 processes"

# The daemon does not look for a while; what came and went is told right.
kill -STOP "$DAEMON"
for i in {1..40}; do
	hakmem /bin/bash -c 'exec /bin/bash -c "exit 5"'
	[ $? = 5 ] || fail "a stopped daemon changes an exit status"
done
hakmem "$P" -c 'import os; print(os.getpid(), flush=True); x = [bytes(1000) for i in range(5000)]; os.kill(os.getpid(), 11)' >"$T/pid" 2>/dev/null
kill -CONT "$DAEMON"
soon "$(cat "$T/pid")" "state == 'signalled' and exit_signal == 11"
python3 - "$T" <<'PY' || fail "exec while nobody looked"
import json
import sys

rows = json.loads(open(sys.argv[1] + "/report.json").readlines()[-1])["processes"]
rows = [row for row in rows if "exit 5" in row["command"]]
pids = [row["pid"] for row in rows]
assert len(rows) == len(set(pids)) >= 30, (len(rows), len(set(pids)))
assert all(row["exit_status"] == 5 for row in rows), rows
PY

# A zombie has ended, though nobody has asked how.
cat >"$T/zombie.py" <<'PY'
import os
import time
pid = os.fork()
if pid == 0:
    x = [bytes(500) for _ in range(3000)]
    time.sleep(0.3)
    raise SystemExit(9)
print(pid, flush=True)
time.sleep(600)
PY
background zombie "$P" "$T/zombie.py"
until_true test -s "$T/zombie.log"
soon "$(cat "$T/zombie.log")" "state == 'exited' and exit_status == 9"
kill "$PID"

# A process whose socket somebody else still holds has ended all the same.
cat >"$T/holder.py" <<'PY'
import os
import sys
import time
sys.path.insert(0, sys.argv[1])
from daemon_peer import *
peer = Peer().frame(HELLO, hello()).frame(STATE, state())
if os.fork() == 0:
    time.sleep(600)
    os._exit(0)
print(os.getpid(), flush=True)
os._exit(4)
PY
PYTHONDONTWRITEBYTECODE=1 python3 "$T/holder.py" "$E2E" >"$T/holder" 2>/dev/null
soon "$(cat "$T/holder")" "state == 'exited' and exit_status == 4"

# One that closes its connection but lives on is neither running nor ended.
cat >"$T/mute.py" <<'PY'
import os
import sys
import time
sys.path.insert(0, sys.argv[1])
from daemon_peer import *
peer = Peer().frame(HELLO, hello()).frame(STATE, state())
peer.close()
print(os.getpid(), flush=True)
while not os.path.exists(sys.argv[2]):
    time.sleep(0.02)
PY
PYTHONDONTWRITEBYTECODE=1 python3 "$T/mute.py" "$E2E" "$T/go" >"$T/mute" &
STARTED+=($!)
until_true test -s "$T/mute"
soon "$(cat "$T/mute")" "state == 'disconnected'"
touch "$T/go"
soon "$(cat "$T/mute")" "state == 'exited' and exit_status == 0"
exit 0
