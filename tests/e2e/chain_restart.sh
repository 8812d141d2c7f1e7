#!/bin/bash
# kill -9 of the daemon in mid-stream: programs are unharmed, and a new daemon
# gets their whole state, nothing doubled.
. "$(dirname "$0")/lib.bash"
count() {
	holds "$HOST" True || return 1
	python3 -c '
import json, sys
for p in json.load(open(sys.argv[1]))["processes"]:
    if p["pid"] == int(sys.argv[2]):
        print(p[sys.argv[3]])' "$T/report.json" "$HOST" "$1"
}
daemon_start
host_start
tell alloc 1024 200000
tell churn 300
soon "$HOST" 'requests_1024_total >= 200000'
for round in 1 2 3; do
	allocs=$(count allocs_total)
	requests=$(count requests_1024_total)
	kill -9 "$DAEMON"
	wait "$DAEMON" 2>/dev/null
	tell pace 400
	[ "$ANSWER" -lt 200 ] || fail "a pause of $ANSWER ms after the kill"
	daemon_start
	soon "$HOST" "allocs_total >= $allocs and requests_1024_total >= $requests"
	holds "$HOST" "requests_1024_total < $requests + 1000" ||
		fail "doubled after restart $round: $(cat "$T/report.json")"
	holds "$HOST" "200000 <= live_objects < 400000" || fail "live objects"
done
[ -s "$T/host.err" ] && fail "stderr: $(cat "$T/host.err")"
exit 0
