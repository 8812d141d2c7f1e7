#!/bin/bash
# What a program does is seen in the viewer, exactly.
. "$(dirname "$0")/lib.bash"
daemon_start
host_start
tell churn 300
soon "$HOST" "state == 'running' and 'host.py' in command"
holds "$HOST" 'allocs_total > 1000 and sample_bytes >= 524288 and uid == '"$(id -u)" ||
	fail "implausible: $(cat "$T/report.json")"
before=$(python3 -c '
import json, sys
for p in json.load(open(sys.argv[1]))["processes"]:
    if p["pid"] == int(sys.argv[2]):
        print(p["requests_1024_total"], p["page_boundary_total"],
              p["live_bytes"])' "$T/report.json" "$HOST")
read -r requests_1024 boundary live <<<"$before"
tell alloc 100000 500
tell alloc 1024 777
tell boundary 60
tell wrong 5
tell churn 300
soon "$HOST" "live_bytes >= $live + 50000000 + 777 * 1024"
holds "$HOST" "live_bytes < $live + 70000000" || fail "too much is live"
holds "$HOST" 'rss_bytes > 5000000' || fail "no RSS"
holds "$HOST" 'allocs_total - frees_total == live_objects' || fail "objects"
holds "$HOST" "777 <= requests_1024_total - $requests_1024 < 900" ||
	fail "requests of 1024: $(cat "$T/report.json")"
holds "$HOST" 'fallback_1024_total == 0' || fail "fallbacks"
holds "$HOST" "60 <= page_boundary_total - $boundary < 100" ||
	fail "page-boundary hits: $(cat "$T/report.json")"
holds "$HOST" 'header_rejects_total == 5' || fail "rejects"
holds "$HOST" 'dropped_total == 0' || fail "dropped"
tell free
tell churn 300
soon "$HOST" "live_bytes < $live + 5000000"

"$B/hakmem-top" --batch -n 2 -d 0.2 --text >"$T/text" 2>"$T/err" ||
	fail "batch text: $(cat "$T/err")"
grep -q "$HOST" "$T/text" || fail "not in the text: $(cat "$T/text")"
grep -q $'\033' "$T/text" && fail "an escape sequence in batch output"
tell thread
tell churn 300
holds "$HOST" "state == 'running'" || fail "a second thread"
[ -s "$T/host.err" ] && fail "stderr: $(cat "$T/host.err")"
exit 0
