#!/bin/bash
# Each screen, in large and tiny terminals, UTF-8 and ASCII, as in tests/golden;
# GOLDEN=write makes them anew.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
GOLDENS=$E2E/../golden
feeder fixed

# golden NAME WIDTH HEIGHT ENVIRONMENT TEXT KEY...: the screen after the keys,
# when TEXT is on it.
golden() {
	local name=$1 width=$2 height=$3 environment=$4 text=$5

	shift 5
	screen_start "$width" "$height" \
		"env $environment '$B/hakmem-top' --socket '$SOCK'"
	shows "every 1s"
	[ $# = 0 ] || press "$@"
	shows "$text"
	if [ "${GOLDEN:-}" = write ]; then
		sleep 1.3 # the first poll has no rates
		steady >"$GOLDENS/viewer_$name.txt"
	elif ! until_true as_golden "$name"; then
		diff -u "$GOLDENS/viewer_$name.txt" "$T/$name"
		fail "$name is not as in tests/golden"
	fi
}

# The screen without what differs each time: the clock and the total's trend.
steady() {
	screen | sed -E 's/[0-9]{2}:[0-9]{2}:[0-9]{2}/HH:MM:SS/g
		s/^( Live .*Rejects [0-9]+).*/\1/'
}

as_golden() {
	steady >"$T/$1"
	cmp -s "$T/$1" "$GOLDENS/viewer_$1.txt"
}

utf8="LC_ALL=C.UTF-8 TERM=screen-256color"
vt100="LC_ALL=C TERM=vt100"
golden processes_80x24 80 24 "$utf8" SIGSEGV
golden processes_120x40 120 40 "$utf8" SIGSEGV
golden processes_40x10 40 10 "$utf8" SIGSEGV
golden processes_vt100 80 24 "$vt100" "\`-pytho" t
golden overview_80x24 80 24 "$utf8" "LIVE BYTES" Enter
golden overview_120x40 120 40 "$utf8" "LIVE BYTES" Enter
golden overview_vt100 80 24 "$vt100" "LIVE BYTES" Enter
golden sizes_100x20 100 20 "$utf8" "exact" Enter 2
golden classes_100x20 100 20 "$utf8" "STRIDE" Enter 3
golden health_100x24 100 24 "$utf8" "REJECTED" Enter 5
golden sites_80x24 80 24 "$utf8" "json_loads_impl" Enter 4
golden sites_120x40 120 40 "$utf8" "json_loads_impl" Enter 4
golden sites_40x10 40 10 "$utf8" "json_loads_impl" Enter 4
golden sites_vt100 80 24 "$vt100" "json_loads_impl" Enter 4 W
golden sites_filtered_100x20 100 20 "$utf8" "Filter: plugin" Enter 4 F4 p l u \
	g i n Enter
golden stack_80x24 80 24 "$utf8" "AGE AT FREE" Enter 4 Down Enter
golden stack_120x40 120 40 "$utf8" "AGE AT FREE" Enter 4 Enter
golden stack_40x10 40 10 "$utf8" "xmalloc" Enter 4 Enter
golden stack_vt100 80 24 "$vt100" "xmalloc" Enter 4 Enter
golden help_sites_100x70 100 70 "$utf8" "suspected leak" Enter 4 F1
golden sizes_40x10 40 10 "$utf8" "REQUESTS" Enter 2
golden help_100x60 100 60 "$utf8" "KEYS" F1
exit 0
