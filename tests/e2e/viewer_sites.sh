#!/bin/bash
# Sites and stacks on the screen: order, filter, mark, freeze, the way in and
# back, files of both and of the heap; a daemon that knows no sites.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
export LC_ALL=C.UTF-8

# first TEXT: the first row of the table comes to hold it.
first() {
	until_true first_row "$1" || {
		screen
		fail "'$1' is not in the first row"
	}
}

first_row() {
	screen | grep -A1 "FUNCTION" | tail -n 1 | grep -qF -- "$1"
}

other_than() {
	[ "$1" != "$(screen)" ]
}

feeder fixed
screen_start 160 40 "'$B/hakmem-top' --socket '$SOCK' -d 0.2"
shows "serve.py"
press Enter 4
shows "1 in 1.00M  live 13.6M ±1.86M, exact 12.3M  z -0.6"
shows "names are being looked up"
shows "raised by the limiter from 512K"
shows "<3.00M n=0"
shows "worker-3 +3"
first "json_loads_impl"
press W
first "Cache::insert"
press B I
first "PyObject_Malloc"
press F
first "[no"
press L
first "json_loads_impl"
# Each in turn as big as it may be: no column is lost for ever.
press Right Right Right Right
shows "SHORT%"
press Left Left Left Left

# Into a stack and back: the filter waits, the stack has one of its own.
press F4 c a c h e Enter
shows "Filter: cache"
hides "json_loads_impl"
press Enter
shows "AGE AT FREE"
shows "leak? +82.0K/m for 42m00s"
shows "xmalloc"
shows "json_reader.c:412"
shows "(build-id differs)"
shows "libplugin.so+0x1f30"
shows "the stack goes on"
shows "4 Sites > Stack"
screen | grep -qE '^ +0 inl xmalloc' || fail "no mark of the inlined frame"
press F4 p y Enter
shows "Filter: py"
hides "xmalloc"
press Escape
shows "xmalloc"
press e Enter
shows "wrote hakmem-4100-stack.csv"
grep -qx "xmalloc,/build/json/src/alloc.h,31,/usr/lib/libjson.so.5,0x11f30,0x7f0000011f30,1,\"\"" \
	"$T/hakmem-4100-stack.csv" || fail "$(cat "$T/hakmem-4100-stack.csv")"
press e C-u s t . j s o n Enter
shows "wrote st.json"
python3 - "$T/st.json" <<'PY' || fail "the JSON of the stack"
import json
import sys
stack = json.load(open(sys.argv[1]))
assert stack["pid"] == 4100 and stack["site"]["site_id"] == 7
assert stack["site"]["truncated"] is True and len(stack["rows"]) == 7
assert stack["rows"][0]["inlined"] is True
assert stack["lifetimes"][7] == {"age_us": 4096, "objects": 30000.0}
PY
press Escape
shows "Filter: cache"
press e Enter
shows "wrote hakmem-4100-sites.csv"
[ "$(wc -l <"$T/hakmem-4100-sites.csv")" = 2 ] || fail "not what is shown"
press Escape
shows "json_loads_impl"
press e C-u s . j s o n Enter
shows "wrote s.json"
python3 -c 'import json, sys
table = json.load(open(sys.argv[1]))
assert table["sample_bytes"] == 2**20 and table["z"] == -0.6
assert [s["site_id"] for s in table["rows"]] == [3, 7, 5, 9, 1, 11]' \
	"$T/s.json" || fail "$(cat "$T/s.json")"
# The heap comes from the daemon, every byte of it.
press e C-u h . p b . g z Enter
shows "wrote h.pb.gz"
python3 -c 'import sys
assert open(sys.argv[1], "rb").read() == b"\x1f\x8b" + bytes(range(256)) * 1200' \
	"$T/h.pb.gz" || fail "the export is not what was sent"
press e C-u h . s v g Enter
shows "wrote h.svg"
grep -qx "svg of inuse since start" "$T/h.svg" || fail "$(cat "$T/h.svg")"
# Tab and digits leave a stack, too.
press Enter
shows "AGE AT FREE"
press Tab
shows "REJECTED POINTERS"
press 4
shows "json_loads_impl"
press Escape
shows "SIGSEGV"
feeder_end

# What grows: changes since the baseline, that a frozen screen does not follow.
feeder growing
screen_start 160 40 "'$B/hakmem-top' --socket '$SOCK' -d 0.2"
shows "serve.py"
press Enter 4
shows "json_loads_impl"
press m
shows "+LIVE"
shows_like "[+]([3-9]|[0-9]{2,})[.][0-9]+M ±"
press z
shows "FROZEN"
before=$(screen)
sleep 1
[ "$before" = "$(screen)" ] || fail "something moves while frozen"
press Enter
shows "AGE AT FREE"
shows "FROZEN"
press Escape
shows "+LIVE"
[ "$before" = "$(screen)" ] || {
	screen
	fail "coming back the frozen screen is another"
}
press z
until_true other_than "$before" || fail "still frozen"
press M
hides "+LIVE"
# Set on another screen, the mark holds for the sites as well.
press 2
shows "1024 bytes"
press m
shows "+REQUESTS"
press 4
shows "+LIVE"
shows_like "[+]([2-9]|[0-9]{2,})[.][0-9]+M ±"
feeder_end

# A daemon that knows no sites says so; the process stays open.
feeder nosites
screen_start 100 24 "'$B/hakmem-top' --socket '$SOCK' -d 0.2"
shows "serve.py"
press Enter 4
shows "no query of kind 4"
sleep 0.5
shows "5 Health" # not closed by it
press e C-u x . s v g Enter
shows "wrote x.svg"
press 2
shows "1024 bytes"
# No file with --readonly, also none of the heap.
screen_start 100 24 "'$B/hakmem-top' --readonly --socket '$SOCK' -d 0.2"
shows "serve.py"
press Enter 4 e
shows "--readonly: no files are written"
exit 0
