#!/bin/bash
# The size histogram of a finished process: every request is in exactly one bin.
. "$(dirname "$0")/lib.bash"
daemon_start
host_start
tell alloc 1024 3000
tell alloc 1023 500
tell alloc 1025 700
tell alloc 40 20000
tell alloc 300000 40
tell alloc 5000000 3
tell churn 300
echo "exit 0" >&"$TO_HOST"
soon "$HOST" "state == 'exited' and exit_status == 0"
top() {
	"$B/hakmem-top" "$@" >"$T/out" 2>"$T/err"
}
top export --pid "$HOST" --what sizes --format csv || fail "csv: $(cat "$T/err")"
cp "$T/out" "$T/sizes.csv"
top export --pid "$HOST" --what sizes --format json || fail "json: $(cat "$T/err")"
cp "$T/out" "$T/sizes.json"
top export --pid "$HOST" --what classes --format csv || fail "classes: $(cat "$T/err")"
cp "$T/out" "$T/classes.csv"
top export --pid "$HOST" --what sizes --format csv -o "$T/file.csv" ||
	fail "to a file: $(cat "$T/err")"
cmp "$T/file.csv" "$T/sizes.csv" || fail "a file is not what stdout is"
python3 - "$T" "$HOST" <<'PY' || fail "the exports are wrong"
import csv
import json
import sys
import time

where, pid = sys.argv[1], int(sys.argv[2])
report = json.load(open(where + "/report.json"))
process = next(p for p in report["processes"] if p["pid"] == pid)
text = open(where + "/sizes.csv").read()
assert text.split("\n")[0] == (
    "low_bytes,high_bytes,requests,requested_bytes,reserved_bytes,"
    "live_objects,live_bytes,requests_stderr"), text.split("\n")[0]
rows = [{k: float(v) for k, v in row.items()}
        for row in csv.DictReader(text.splitlines())]
assert sum(r["requests"] for r in rows) == process["allocs_total"], (
    sum(r["requests"] for r in rows), process["allocs_total"])
assert sum(r["live_objects"] for r in rows) == process["live_objects"]
assert all(a["high_bytes"] < b["low_bytes"] for a, b in zip(rows, rows[1:]))
for row in rows:
    assert row["requested_bytes"] <= row["reserved_bytes"], row
    assert row["requested_bytes"] >= row["requests"] * row["low_bytes"] * .999
    assert 0 <= row["requests_stderr"] <= process["allocs_total"], row


def bin_of(size):
    return next(r for r in rows if r["low_bytes"] <= size <= r["high_bytes"])


row = bin_of(1024)
assert row["low_bytes"] == row["high_bytes"] == 1024
assert row["requests"] == process["requests_1024_total"] >= 3000
assert row["requests_stderr"] == 0
assert 40 <= bin_of(300000)["requests"] < 200
assert 3 <= bin_of(5000000)["requests"] < 10
assert bin_of(40)["requests"] >= 20000
other = json.load(open(where + "/sizes.json"))
assert 0 <= time.time() - other["time_s"] < 60, other["time_s"]
assert [o["requests"] for o in other["rows"]] == [r["requests"] for r in rows]
classes = list(csv.DictReader(open(where + "/classes.csv")))
assert sum(int(c["allocs"]) for c in classes) <= process["allocs_total"]
assert sum(int(c["allocs"]) for c in classes) >= 24200
PY
expect() {
	local status=$1

	shift
	top "$@"
	[ $? = "$status" ] || fail "hakmem-top $*: not exit status $status"
	[ "$(wc -l <"$T/err")" = 1 ] || fail "hakmem-top $*: $(cat "$T/err")"
	[ -s "$T/out" ] && fail "hakmem-top $*: output all the same"
}
expect 1 export --pid 4000000 --what sizes --format csv
expect 1 export --pid "$HOST" --what sizes -o "$T/no/such/dir.csv"
expect 2 export --what sizes --format csv
expect 2 export --pid "$HOST" --what nothing
expect 2 export --pid x --what sizes
expect 2 --batch -n 0
expect 2 --no-such-option
expect 1 --socket "$T/nobody" --batch -n 1
exit 0
