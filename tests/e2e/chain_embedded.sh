#!/bin/bash
# hakmem-top -- COMMAND in a pipe: a private daemon, the command's own status,
# its output in order, a summary; nothing is left behind.
. "$(dirname "$0")/lib.bash"
unset HAKMEM_SOCKET
export XDG_RUNTIME_DIR=$T
top() {
	"$B/hakmem-top" "$@" >"$T/out" 2>"$T/err" </dev/null
}
top -- sh -c 'exit 5'
[ $? = 5 ] || fail "the command's exit status is lost: $(cat "$T/err")"
top --batch --json -d 0.3 -- "$(python_real)" -c '
import time
keep = [bytearray(100000) for _ in range(300)]
while len(open("'"$T/out"'").readlines()) < 4:
    keep.append([bytearray(1000) for _ in range(200)])
    time.sleep(0.05)' || fail "batch: $? $(cat "$T/err")"
grep -q $'\033' "$T/out" && fail "an escape sequence"
python3 - "$T/out" <<'PY' || fail "reports: $(head -c 600 "$T/out")"
import json
import sys

lines = [json.loads(line) for line in open(sys.argv[1]) if line[0] == "{"]
assert len(lines) >= 4, len(lines)
peak = max(p["live_bytes"] for l in lines for p in l["processes"])
assert peak >= 30000000, peak
assert all(a["time_s"] <= b["time_s"] for a, b in zip(lines, lines[1:]))
PY
top -- /no/such/program
[ $? = 127 ] || fail "a missing command"
top -- sh -c 'kill -9 $$'
[ $? = 137 ] || fail "a killed command"
none_left() {
	! find "$T" -name 'hakmem-top-*' | grep .
}
until_true none_left || fail "left behind: $(find "$T" -name 'hakmem-top-*')"
exit 0
