#!/bin/bash
# Many more threads than cores, that end, and that free each other's blocks:
# memory stays in proportion to what lives, and an operation costs about what it
# costs with two threads.
. "$(dirname "$0")/lib.bash"
daemon_start
export BENCH_SECONDS=0.3

# figures NAME PROGRAM ARGS...: "CPU picoseconds an operation, peak KiB".
figures() {
	local line

	line=$(LD_PRELOAD=$LIB "$B/tests/bench/$1" "${@:2}") || return 1
	case $line in *lib=libhakmem.so*) ;; *) return 1 ;; esac
	sed -E 's/.* cpu_ns_per_op=([0-9]+)\.([0-9]{3}).* peak_rss_kb=([0-9]+).*/\1\2 \3/' <<<"$line"
}

# holds MOST_KIB FEW... -- MANY...: against the run with few threads.
holds() {
	local most=$1 few=() cost base peak

	shift
	while [ "$1" != -- ]; do few+=("$1"); shift; done
	shift
	read -r base _ < <(figures "${few[@]}") || fail "no figures of ${few[*]}"
	read -r cost peak < <(figures "$@") || fail "no figures of $*"
	[ "$cost" -lt $((6 * base)) ] ||
		fail "$*: $cost ps an operation, $base with few threads"
	[ "$peak" -lt "$most" ] || fail "$*: $peak KiB, more than $most"
}

# What lives is 32, 126 and 65 MiB.
holds 70000 larson 2 8 1000 -- larson 64 8 1000
holds 230000 larson 2 8 1000 -- larson 256 8 1000
holds 150000 ring 4 16 1024 -- ring 64 16 1024
