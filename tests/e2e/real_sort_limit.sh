#!/bin/bash
# sort with an address space of 16 to 32 MB works as it does without preload.
. "$(dirname "$0")/lib.bash"
need sort seq
daemon_start
seq 1 300000 | awk '{ print ($1 * 7919) % 300007, "text of the line", $1 }' >"$T/in"
sort -n "$T/in" | sha256sum >"$T/expected"
for limit in 16 18 20 24 32; do
	for arguments in "-n" "-n -S 4M" "-n -S 4M --parallel=2"; do
		# shellcheck disable=SC2086
		(ulimit -v $((limit * 1024)) && exec env LD_PRELOAD="$LIB" \
			sort $arguments -T "$T" "$T/in") >"$T/out" 2>"$T/err"
		status=$?
		# shellcheck disable=SC2086
		(ulimit -v $((limit * 1024)) && exec sort $arguments -T "$T" \
			"$T/in") >/dev/null 2>"$T/err0"
		plain=$?
		[ $plain = 0 ] || continue
		[ $status = 0 ] || fail "sort $arguments at $limit MB: $status," \
			"0 without preload: $(head -n 2 "$T/err")"
		sha256sum <"$T/out" | cmp -s - "$T/expected" ||
			fail "sort $arguments at $limit MB: wrong order"
		ran=1
	done
done
[ "${ran:-0}" = 1 ] || fail "sort never ran"
