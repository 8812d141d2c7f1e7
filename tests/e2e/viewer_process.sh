#!/bin/bash
# A real program on every screen: the figures that it made are there.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
export LC_ALL=C.UTF-8
daemon_start
host_start HAKMEM_SAMPLE=nonsense
tell alloc 1024 5000
tell alloc 100000 300
tell wrong 4
tell churn 300
soon 5 "$HOST" 'live_bytes > 30000000'
screen_start 120 40 "'$B/hakmem-top' -d 0.2"
shows 5 "$HOST"
shows 5 "host.py"
screen | grep "^ *$HOST " | grep -qE ' 3[0-9]\.[0-9]M .* running *$' || {
	screen
	fail "the row lacks live bytes or state"
}
screen | grep "^ *$HOST " | grep -qE ' 4 +[0-9.]+s running' || {
	screen
	fail "the row lacks the 4 rejects"
}
press Enter
shows 5 "MEMORY"
shows 5 "Of 1024 B"
shows 5 "LARGEST SIZES"
shows 5 "BUSY CLASSES"
shows 5 "LIVE BYTES  the last"
shows 5 "see Health"
screen | grep -qE 'Live +3[0-9]\.[0-9]M in [0-9.]+k blocks' || {
	screen
	fail "no live bytes"
}
press 2
shows 5 "1024 bytes: 5,"
shows 5 "WASTE%"
press L
sleep 0.3
screen | sed -n 7p | grep -qE ' (29\.|30\.)[0-9]M ' || {
	screen
	fail "100,000 bytes x 300 are not the first of the sizes by live bytes"
}
screen | sed -n 7p | grep -q '██████████' || fail "no bar"
press / 1 0 2 4 Enter
press F4 1 0 2 4 Enter
shows 3 "Filter: 1024"
screen | grep -qE '^ +1024 +5\.[0-9]+k ' || {
	screen
	fail "the bin of 1024 is not there"
}
press e Enter
shows 3 "wrote hakmem-$HOST-sizes.csv"
grep -qE '^1024,1024,5[0-9]{3},' "$T/hakmem-$HOST-sizes.csv" ||
	fail "export: $(cat "$T/hakmem-$HOST-sizes.csv")"
[ "$(wc -l <"$T/hakmem-$HOST-sizes.csv")" = 2 ] || fail "not what is shown"
press Escape Tab
shows 5 "STRIDE"
press Tab Tab
shows 5 "REJECTED POINTERS"
shows 5 "HAKMEM_SAMPLE"
screen | grep -qE '(Foreign|Unknown code|Double free|Interior|Misaligned) +4 ' || {
	screen
	fail "the 4 rejects have no kind"
}
# Frozen, nothing of it moves; then the end is seen.
press 1
shows 5 "MEMORY"
press z
shows 3 "FROZEN"
sleep 0.5
before=$(screen)
tell alloc 100000 100
tell churn 300
sleep 1
[ "$before" = "$(screen)" ] || fail "something moves while frozen"
press z
shows 5 "96.0K-104K  39."
press m 2 R
shows 5 "+REQUESTS"
tell alloc 50000 77
tell churn 300
shows 5 "+77"
press M
echo "exit 3" >&"$TO_HOST"
shows 5 "exit 3"
press Escape
shows 5 "0 running, 1 ended"
shows 5 "exit 3"
press q
shows 5 "EXIT 0"
exit 0
