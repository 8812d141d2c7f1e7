#!/bin/bash
# postgres: initdb, pgbench with 8 clients, a sort and a hash join, a clean stop.
. "$(dirname "$0")/lib.bash"
# Debian keeps the server's programs out of PATH.
for bin in /usr/lib/postgresql/*/bin; do
	PATH=$bin:$PATH
done
need initdb postgres pgbench psql
daemon_start
as=
if [ "$(id -u)" = 0 ]; then
	# Its own user, who must be able to reach the library and the socket.
	user=postgres
	id $user >/dev/null 2>&1 || user=nobody
	as="runuser -u $user --"
	chown $user "$T"
	cp "$LIB" "$T/libhakmem.so"
	LIB=$T/libhakmem.so
fi
$as env LC_ALL=C true || skip "cannot become $user"
in_preload() {
	$as env LD_PRELOAD="$LIB" HAKMEM_SOCKET="$SOCK" HAKMEM_INTERVAL_MS=100 \
		LC_ALL=C PATH="$PATH" "$@"
}
cd "$T" || fail "cd"
in_preload initdb -D "$T/data" -A trust -N -U test >"$T/initdb.log" 2>&1 ||
	fail "initdb: $(tail -n 5 "$T/initdb.log")"
in_preload postgres -D "$T/data" -k "$T" -c listen_addresses= -F \
	-c max_parallel_workers_per_gather=2 >"$T/postgres.log" 2>&1 &
started "$!"
sql() {
	in_preload psql -h "$T" -U test -d postgres -X -A -t -q -v ON_ERROR_STOP=1 "$@"
}
until_true sql -c 'select 1' || fail "did not come up: $(tail -n 3 "$T/postgres.log")"
postgres=$(head -n 1 "$T/data/postmaster.pid")
preloaded "$postgres" || fail "postgres runs without the library"
in_preload pgbench -h "$T" -U test -i -q -s 2 postgres >"$T/pgbench.log" 2>&1 ||
	fail "pgbench -i: $(tail -n 3 "$T/pgbench.log")"
in_preload pgbench -h "$T" -U test -c 8 -j 2 -t 150 postgres >"$T/pgbench.log" 2>&1 ||
	fail "pgbench: $(tail -n 3 "$T/pgbench.log")"
grep -q 'actually processed: 1200/1200' "$T/pgbench.log" ||
	fail "pgbench: $(cat "$T/pgbench.log")"
[ "$(sql -c 'select sum(abalance) - (select sum(delta) from pgbench_history)
	from pgbench_accounts')" = 0 ] || fail "accounts do not balance"
got=$(sql <<'SQL'
create table t as select i, md5(i::text) m from generate_series(1, 100000) i;
select count(*), max(length(x)) from (select string_agg(m, ',' order by m) x
	from t group by i % 100) s;
select count(*) from t a join t b on a.m = b.m;
select md5(string_agg(m, '')) from (select m from t order by m) o;
do $$ begin for i in 1..2000 loop perform repeat('x', i); end loop; end $$;
SQL
)
[ "$got" = "100|32999
100000
$(sql -c "select md5(string_agg(m, '' order by m)) from t")" ] || fail "queries: $got"
kill -INT "$postgres"
until_true sh -c "! kill -0 $postgres" || fail "does not stop"
grep -E 'PANIC|terminated by signal|^hakmem: ' "$T/postgres.log" && fail "it complained"
exit 0
