#!/bin/bash
# The kernel's out-of-memory kill is told from a kill -9, and one such kill
# explains one end only. Needs a memory cgroup that may be made.
. "$(dirname "$0")/lib.bash"
if mkdir "/sys/fs/cgroup/memory/hakmem-$$" 2>/dev/null; then
	group=/sys/fs/cgroup/memory/hakmem-$$
	limit=memory.limit_in_bytes
elif mkdir "/sys/fs/cgroup/hakmem-$$" 2>/dev/null; then
	group=/sys/fs/cgroup/hakmem-$$
	limit=memory.max
else
	skip "no memory cgroup can be made here"
fi
trap 'cleanup; rmdir "$group" 2>/dev/null' EXIT
echo 60M >"$group/$limit" 2>/dev/null || skip "no memory limit can be set here"
[ ! -e "$group/memory.swap.max" ] || echo 0 >"$group/memory.swap.max"
daemon_start
P=$(python_real)
waits=()

# Two that wait: one in the group, one outside.
for where in in out; do
	cat >"$T/wait.$where" <<SH
[ $where = in ] && echo \$\$ >"$group/cgroup.procs"
LD_PRELOAD=$LIB exec "$P" -c 'import time; x = [bytes(1000) for _ in range(3000)]; time.sleep(600)'
SH
	sh "$T/wait.$where" &
	STARTED+=($!)
	waits+=($!)
done
for pid in "${waits[@]}"; do
	soon "$pid" "state == 'running'"
done
cat >"$T/eater" <<SH
echo \$\$ >"$group/cgroup.procs"
echo 1000 >/proc/self/oom_score_adj
LD_PRELOAD=$LIB exec "$P" -c '
import os, time
x = []
while True:
    x.append(os.urandom(100000))
'
SH
sh "$T/eater" &
eater=$!
STARTED+=("$eater")
wait "$eater" 2>/dev/null
[ $? = 137 ] || skip "the kernel killed nobody"
soon "$eater" "state == 'oom-killed'"
for pid in "${waits[@]}"; do
	kill -9 "$pid"
	soon "$pid" "state == 'signalled' and exit_signal == 9"
done
exit 0
