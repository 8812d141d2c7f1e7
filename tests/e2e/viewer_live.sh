#!/bin/bash
# Sites of a real program, through library, daemon and viewer: what the screen,
# the verbs and the summary say of memory that is known.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
export LC_ALL=C.UTF-8
daemon_start
host_start HAKMEM_SAMPLE=16384
tell alloc 100000 300
tell pace 300
top() {
	"$B/hakmem-top" "$@" >"$T/out" 2>"$T/err" </dev/null
}
known() {
	top sites --pid "$HOST" --json && grep -q '"site_id"' "$T/out"
}
top sites --pid "$HOST" || ! grep -q "no query of kind" "$T/err" ||
	skip "this daemon knows no sites"
until_true known || skip "this library sends no sites: $(cat "$T/err")"
# The limiter may have widened the interval: the errors tell.
cat >"$T/right.py" <<'PY'
import json
import sys
table = json.load(open(sys.argv[1]))
assert table["sample_bytes"] >= 16384 and abs(table["z"]) < 6
top = table["rows"][0]
assert abs(table["live_bytes"] - 31e6) < 5 * table["live_bytes_stderr"] + 2e6
assert top["live_bytes"] > 5e6 and top["live_samples"] > 0, top
PY
right() {
	known && python3 "$T/right.py" "$T/out"
}
until_true right || fail "the sites: $(head -c 600 "$T/out")"
screen_start 120 40 "'$B/hakmem-top' -d 0.2"
shows "$HOST"
press Enter 4
shows "1 in "
shows "exact 3"
screen | sed -n 7p | grep -qE '^[0-9.]+M(-[0-9.]+M n=[0-9]| ±[0-9.]+[KM]) ' || {
	screen
	fail "the first site is not a figure with its error"
}
press Enter
shows "AGE AT FREE"
shows "  0 "
press e Enter
shows "wrote hakmem-$HOST-stack.csv"
press Escape
shows "1 in "
press m
shows "+LIVE"
tell alloc 100000 400
tell pace 300
shows_like "^[+][1-9][0-9.]+M ±" # 40 MB since the baseline
for format in pb.gz:1f8b folded: svg:3c; do
	press e C-u "f.${format%%:*}" Enter
	shows "wrote f.${format%%:*}"
	head -c 2 "$T/f.${format%%:*}" | od -An -tx1 | tr -d ' \n' |
		grep -q "^${format##*:}" || fail "f.${format%%:*}"
done
grep -qE '^[^ ].* [0-9]+$' "$T/f.folded" || fail "$(head "$T/f.folded")"
top mark --pid "$HOST" before || fail "mark: $(cat "$T/err")"
tell alloc 1000000 40
tell pace 300
since() {
	top export --pid "$HOST" --what heap --format folded --diff before &&
		awk '{ sum += $NF } END { exit !(sum > 20e6 && sum < 60e6) }' \
			"$T/out"
}
until_true since ||
	fail "not the 40 MB since the baseline: $(head -c 600 "$T/out")"
top set --pid "$HOST" --sample 64K || fail "set: $(cat "$T/err")"
tell pace 500 # an idle program hears nothing
shows_like "1 in 64.0K|limiter from 64.0K"
top set --pid "$HOST" --sample off || fail "set: $(cat "$T/err")"
tell pace 500
until_true working on_screen "sampling is off" || fail "sampling goes on"
press q
shows "EXIT 0"
HAKMEM_SAMPLE=16384 "$B/hakmem-top" -- "$(python_real)" -c \
	'keep = [bytearray(100000) for _ in range(1000)]' >"$T/out" 2>&1
grep -A1 -E '^  top sites    allocated +left live +function$' "$T/out" |
	grep -qE '^ +[0-9.]+M (\+-|exact)' || fail "$(cat "$T/out")"
exit 0
