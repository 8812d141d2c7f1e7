#!/bin/bash
# Forked children appear as processes of their own that name their parent;
# a make that starts compilers is seen with all of them.
. "$(dirname "$0")/lib.bash"
need make gcc
daemon_start
host_start
tell alloc 1024 5000
tell churn 200
tell fork 5
read -ra children <<<"$ANSWER"
[ ${#children[@]} = 5 ] || fail "no children: $ANSWER"
started "${children[@]}"
soon "$HOST" "state == 'running'"
parent=$(python3 -c '
import json, sys
for p in json.load(open(sys.argv[1]))["processes"]:
    if p["pid"] == int(sys.argv[2]):
        print(p["process_id"])' "$T/report.json" "$HOST")
for child in "${children[@]}"; do
	soon "$child" "state == 'running' and parent_pid == $HOST"
	soon "$child" "parent_process_id == $parent and live_bytes > 500000"
	kill "$child"
	soon "$child" "state == 'signalled' and exit_signal == 15"
done
holds "$HOST" "state == 'running'" || fail "the parent is gone"

for i in 1 2 3; do
	echo "int f$i(int x) { return x * $i; }" >"$T/f$i.c"
done
printf 'all: f1.o f2.o f3.o\n%%.o: %%.c\n\tgcc -O2 -c $< -o $@\n' >"$T/Makefile"
hakmem make -C "$T" -j2 >"$T/make.log" 2>&1 || fail "make: $(cat "$T/make.log")"
processes >"$T/report.json"
python3 - "$T/report.json" <<'PY' || fail "make and its compilers: $(cat "$T/report.json")"
import json
import re
import sys

processes = json.load(open(sys.argv[1]))["processes"]
by_id = {p["process_id"]: p for p in processes}
compilers = [p for p in processes if re.search(r"\bcc1\b", p["command"])]
assert len(compilers) == 3, len(compilers)
for process in compilers:
    assert process["state"] == "exited" and process["allocs_total"] > 100
    assert "gcc" in by_id[process["parent_process_id"]]["command"], process
assert len({p["process_id"] for p in processes}) == len(processes)
PY
exit 0
