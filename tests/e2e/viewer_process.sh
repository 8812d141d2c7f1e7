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
soon "$HOST" 'live_bytes > 30000000'
screen_start 120 40 "'$B/hakmem-top' -d 0.2"
shows "$HOST"
shows "host.py"
screen | grep "^ *$HOST " | grep -qE ' 3[0-9]\.[0-9]M .* running *$' || {
	screen
	fail "the row lacks live bytes or state"
}
screen | grep "^ *$HOST " | grep -qE ' 4 +[0-9.]+s running' || {
	screen
	fail "the row lacks the 4 rejects"
}
press Enter
shows "MEMORY"
shows "Of 1024 B"
shows "LARGEST SIZES"
shows "BUSY CLASSES"
shows "LIVE BYTES  the last"
shows "see Health"
screen | grep -qE 'Live +3[0-9]\.[0-9]M in [0-9.]+k blocks' || {
	screen
	fail "no live bytes"
}
press 2
shows "1024 bytes: 5,"
shows "WASTE%"
press L
largest() {
	screen | sed -n 7p | grep -qE ' (29\.|30\.)[0-9]M '
}
until_true largest || {
	screen
	fail "100,000 bytes x 300 are not the first of the sizes by live bytes"
}
screen | sed -n 7p | grep -q '██████████' || fail "no bar"
press / 1 0 2 4 Enter
press F4 1 0 2 4 Enter
shows "Filter: 1024"
screen | grep -qE '^ +1024 +5\.[0-9]+k ' || {
	screen
	fail "the bin of 1024 is not there"
}
press e Enter
shows "wrote hakmem-$HOST-sizes.csv"
grep -qE '^1024,1024,5[0-9]{3},' "$T/hakmem-$HOST-sizes.csv" ||
	fail "export: $(cat "$T/hakmem-$HOST-sizes.csv")"
[ "$(wc -l <"$T/hakmem-$HOST-sizes.csv")" = 2 ] || fail "not what is shown"
press Escape Tab
shows "STRIDE"
press Tab Tab
shows "REJECTED POINTERS"
shows "HAKMEM_SAMPLE"
screen | grep -qE '(Foreign|Unknown code|Double free|Interior|Misaligned) +4 ' || {
	screen
	fail "the 4 rejects have no kind"
}
# Frozen, nothing of it moves; then the end is seen.
press 1
shows "MEMORY"
press z
shows "FROZEN"
before=$(screen)
tell alloc 100000 100
tell churn 300
sleep 1
[ "$before" = "$(screen)" ] || fail "something moves while frozen"
press z
shows "96.0K-104K  39."
press m 2 R
shows "+REQUESTS"
tell alloc 50000 77
tell churn 300
shows "+77"
press M
echo "exit 3" >&"$TO_HOST"
shows "exit 3"
press Escape
shows "0 running, 1 ended"
shows "exit 3"
press q
shows "EXIT 0"
exit 0
