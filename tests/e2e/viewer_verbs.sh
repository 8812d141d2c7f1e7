#!/bin/bash
# The verbs about the heap: what they ask, what they write, how they fail.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
feeder fixed

top() {
	"$B/hakmem-top" "$@" >"$T/out" 2>"$T/err" </dev/null
}
# says TEXT VERB...: succeeds with this one line.
says() {
	local text=$1

	shift
	top "$@" || fail "$*: $(cat "$T/err")"
	[ "$(cat "$T/out")" = "$text" ] || fail "$*: $(cat "$T/out")"
	[ -s "$T/err" ] && fail "$*: $(cat "$T/err")"
}
# refuses STATUS TEXT VERB...: fails with one line that holds the text.
refuses() {
	local status=$1 text=$2

	shift 2
	top "$@"
	[ $? = "$status" ] || fail "$*: not exit status $status"
	[ -s "$T/out" ] && fail "$*: output"
	[ "$(wc -l <"$T/err")" = 1 ] || fail "$*: $(cat "$T/err")"
	grep -qF -- "$text" "$T/err" || fail "$*: $(cat "$T/err")"
}

says "pid 4100: before " mark --pid 4100 before
says "pid 4100:  1=262144,3=500" set --pid 4100 --sample 256K --interval-ms 500
says "pid 4100:  2=1" set --pid 4100 --sample off
says "pid 4100:  3=10" set --pid 4100 --interval-ms 10
says "folded of inuse since start" \
	export --pid 4100 --what heap --format folded
says "svg of peak since before" export --pid 4100 --what heap --format svg \
	--sample peak --diff before
says "csv of alloc since start" export --pid 4100 --what heap --sample alloc

# A profile is bytes: in a pipe and in a file all of them, on a terminal none.
python3 -c 'import sys
sys.stdout.buffer.write(b"\x1f\x8b" + bytes(range(256)) * 1200)' >"$T/wanted"
"$B/hakmem-top" export --pid 4100 --what heap --format pprof |
	cmp - "$T/wanted" || fail "the profile in a pipe"
says "" export --pid 4100 --what heap --format pprof -o "$T/file"
cmp "$T/file" "$T/wanted" || fail "the profile in a file"
screen_start 100 10 \
	"'$B/hakmem-top' export --pid 4100 --what heap --format pprof"
shows "EXIT 2"
shows "pprof is binary and not for a terminal: use -o FILE or a pipe"
screen_start 100 10 \
	"'$B/hakmem-top' export --pid 4100 --what heap --format folded"
shows "EXIT 0"

top sites --pid 4100 || fail "sites: $(cat "$T/err")"
grep -qF "1 sample in 1.00M  live 13.6M +-1.86M  z -0.6" "$T/out" ||
	fail "sites: $(cat "$T/out")"
grep -qE '^<3.00M n=0 .* obmalloc.c:615 +PyObject_Malloc$' "$T/out" ||
	fail "sites: $(cat "$T/out")"
LC_ALL=C grep -q $'[\200-\377]' "$T/out" && fail "sites: not ASCII"
top sites --pid 4100 -n 2 || fail "sites -n: $(cat "$T/err")"
[ "$(sed -n 5p "$T/out")" = "4 more" ] || fail "sites -n: $(cat "$T/out")"
top sites --pid 4100 --csv -n 3 || fail "sites --csv: $(cat "$T/err")"
[ "$(wc -l <"$T/out")" = 4 ] || fail "sites --csv: $(cat "$T/out")"
top sites --pid 4100 --json || fail "sites --json: $(cat "$T/err")"
python3 -c 'import json, sys
table = json.load(open(sys.argv[1]))
assert table["schema"] == 1 and table["pid"] == 4100
assert table["what"] == "sites" and len(table["rows"]) == 6
assert table["rows"][1]["growing"] is True' "$T/out" || fail "sites --json"
"$B/hakmem-top" sites --pid 4100 >/dev/full 2>"$T/err" &&
	fail "a full disk is no success"

# Names that are still being looked up are waited for, but not without end.
begin=$SECONDS
top sites --pid 4101 || fail "sites: $(cat "$T/err")"
[ $((SECONDS - begin)) -ge 1 ] || fail "names were not waited for"
[ $((SECONDS - begin)) -le $PATIENCE ] || fail "waited for names too long"
grep -q "names are being looked up" "$T/out" || fail "$(cat "$T/out")"

refuses 1 "no baseline 'unknown' of pid 4100" \
	export --pid 4100 --what heap --diff unknown
refuses 2 "mark needs a NAME" mark --pid 4100
refuses 2 "bad --sample" set --pid 4100 --sample lots
refuses 2 "--diff belongs to: hakmem-top export" sites --pid 4100 --diff x
refuses 2 "belong to --what heap" export --pid 4100 --what sizes --format svg
feeder_end
refuses 1 "no hakmemd at" sites --pid 4100
refuses 1 "no hakmemd at" mark --pid 4100 x

# What a hostile daemon sends moves no cursor and breaks no line.
feeder hostile
refuses 1 "unexpected answer" export --pid 1 --what heap --format folded
export LC_ALL=C.UTF-8
for verb in "mark --pid 1 x" "set --pid 1 --sample 1M" "sites --pid 1" \
	"sites --pid 1 --csv" "sites --pid 1 --json"; do
	# shellcheck disable=SC2086 # words
	top $verb || fail "hostile $verb: $(cat "$T/err")"
	[ -s "$T/out" ] || fail "hostile $verb: no output"
	LC_ALL=C grep -q $'[\001-\011\013-\037\177]' "$T/out" &&
		fail "a control character of $verb"
	iconv -f UTF-8 -t UTF-8 "$T/out" >/dev/null || fail "bad UTF-8: $verb"
done
python3 -c 'import json, sys
assert len(json.load(open(sys.argv[1]))["rows"]) > 100' "$T/out" ||
	fail "hostile: no JSON"
exit 0
