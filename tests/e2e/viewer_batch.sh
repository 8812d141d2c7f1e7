#!/bin/bash
# Reports and exports for scripts: names, types, exit statuses; files are
# written whole or not at all.
. "$(dirname "$0")/lib.bash"
daemon_start
host_start
tell alloc 1024 2000
tell churn 300
soon "$HOST" "requests_1024_total > 2000"
top() {
	"$B/hakmem-top" "$@" >"$T/out" 2>"$T/err" </dev/null
}
top --batch -n 3 -d 0.2 --json || fail "json: $(cat "$T/err")"
python3 - "$T/out" "$HOST" <<'PY' || fail "the JSON: $(cat "$T/out")"
import json
import sys
import time

lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) == 3
assert abs(lines[0]["time_s"] - time.time()) < 60
assert 0.15 < lines[1]["time_s"] - lines[0]["time_s"] < 60
names = """live_bytes live_objects rss_bytes allocs_total frees_total
requests_1024_total fallback_1024_total page_boundary_total mincore_total
header_rejects_total sample_bytes dropped_total""".split()
for line in lines:
    (process,) = line["processes"]
    assert process["pid"] == int(sys.argv[2])
    assert process["state"] == "running" and "host.py" in process["command"]
    for name in names:
        assert type(process[name]) is int and process[name] >= 0, name
    assert process["live_objects"] == (
        process["allocs_total"] - process["frees_total"])
PY
# Each line is there at once, and a reader that leaves is no error.
timeout $PATIENCE "$B/hakmem-top" --json -d 0.2 2>"$T/err" | head -n 2 >"$T/two"
[ "${PIPESTATUS[0]}" = 0 ] || fail "EPIPE: ${PIPESTATUS[0]}"
[ -s "$T/err" ] && fail "EPIPE: $(cat "$T/err")"
[ "$(wc -l <"$T/two")" = 2 ] || fail "not flushed"
top --csv -n 2 -d 0.1 || fail "csv: $(cat "$T/err")"
[ "$(head -n 1 "$T/out" | cut -d, -f1,2,5,6)" = time_s,pid,command,state ] ||
	fail "csv: $(head -n 1 "$T/out")"
[ "$(grep -c time_s "$T/out")" = 1 ] || fail "the header comes once"
"$B/hakmem-top" -b -n 1 >/dev/full 2>"$T/err" && fail "a full disk is no success"
grep -q "cannot write to stdout: No space left" "$T/err" || fail "$(cat "$T/err")"
# With stdout closed the report does not go to whatever is opened next.
"$B/hakmem-top" -b -n 1 <&- >&- 2>"$T/err" && fail "no stdout is no success"
grep -q "cannot write to stdout: Bad file descriptor" "$T/err" ||
	fail "stdout closed: $(cat "$T/err")"
rm "$T/out" # what it says is what we wait for
"$B/hakmem-top" -d 30 >"$T/out" 2>"$T/err" &
pid=$!
until_true grep -q host.py "$T/out" || fail "no report in a file"
kill -INT $pid
wait $pid || fail "SIGINT: exit $?"

# Files: whole, or the old one.
top export --pid "$HOST" --what classes --format json -o "$T/file" ||
	fail "export: $(cat "$T/err")"
python3 -m json.tool "$T/file" >/dev/null || fail "not JSON"
cp "$T/file" "$T/before"
(
	ulimit -f 1
	top export --pid "$HOST" --what classes --format csv -o "$T/file"
)
[ $? = 1 ] || fail "a file-size limit: not 1"
cmp -s "$T/file" "$T/before" || fail "the old file is gone"
mkfifo "$T/fifo"
ln -s "$T/elsewhere" "$T/link"
for target in "$T/fifo" "$T/link" "$T" /dev/null; do
	timeout $PATIENCE "$B/hakmem-top" export --pid "$HOST" --what sizes \
		-o "$target" 2>"$T/err"
	[ $? = 1 ] || fail "$target: not 1"
	grep -q "not a regular file" "$T/err" || fail "$target: $(cat "$T/err")"
done
[ -e "$T/elsewhere" ] && fail "a link was followed"
find "$T" -name '.hakmem*' | grep -q . && fail "a temporary file is left"
for wrong in "--wrong" "-n 5" "--batch -d 0" "export" "extra" "--" \
	"--socket $(printf '%0200d' 0)" "--json --csv"; do
	# shellcheck disable=SC2086
	top $wrong
	[ $? = 2 ] || fail "hakmem-top $wrong: not 2"
	[ "$(wc -l <"$T/err")" = 1 ] || fail "$wrong: $(cat "$T/err")"
done
top --help || fail "--help"
for word in --batch "F1 h ?" ALLOC/S HAKMEM_SOCKET "128+N"; do
	grep -qF -- "$word" "$T/out" || fail "--help lacks $word"
done
top --figures || fail "--figures"
PYTHONPATH=$E2E python3 -c 'import figures, sys
lines = [line.split(None, 2) for line in open(sys.argv[1])]
assert [line[0] for line in lines] == figures.NAMES, lines
assert {line[1] for line in lines} == {"counter", "gauge"}, lines
assert all(len(line[2]) > 5 for line in lines)' "$T/out" || fail "--figures"
top --version || fail "--version"
grep -qE '^hakmem-top [0-9.]+$' "$T/out" || fail "--version: $(cat "$T/out")"
exit 0
