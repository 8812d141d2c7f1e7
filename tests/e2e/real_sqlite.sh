#!/bin/bash
# sqlite3: a file database, joins, full-text search, a window, a vacuum.
. "$(dirname "$0")/lib.bash"
need sqlite3
daemon_start
cat >"$T/work.sql" <<'SQL'
pragma journal_mode = wal;
create table t (a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
insert into t select i, printf('%08d-%s', i * 7919 % 60000, hex(i)), i / 7.0 from n;
create index by_b on t (b);
select count(*), min(b), max(b), round(sum(c), 3) from t;
select b, row_number() over (order by b desc) from t limit 5;
create virtual table words using fts5(body);
insert into words select group_concat(b, ' ') from t group by a % 500;
select count(*) from words where words match '00000777*';
select a.b, count(*) from t a join t b on a.a = b.a * 2 group by a.a % 9 order by 1 limit 9;
delete from t where a % 3 = 0;
update t set b = b || b where a % 5 = 0;
begin; update t set c = 0; rollback;
vacuum;
pragma integrity_check;
select count(*), length(group_concat(b)), round(sum(c), 3) from t;
select json_group_array(json_object('a', a, 'b', b)) from (select * from t limit 500);
SQL
same sqlite3 sh -c "sqlite3 base.db <'$T/work.sql'"
[ "$(grep -c ok "$T/sqlite3.out")" = 1 ] || fail "no integrity check"
