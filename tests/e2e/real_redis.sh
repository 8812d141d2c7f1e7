#!/bin/bash
# redis-server and redis-benchmark on a Unix socket; persistence; the same data
# back after a restart; it finds a new daemon.
. "$(dirname "$0")/lib.bash"
need redis-server redis-cli redis-benchmark
daemon_start
mkdir "$T/db"
serve() {
	background redis redis-server --port 0 --unixsocket "$T/redis.sock" \
		--dir "$T/db" --save '' --appendonly yes --daemonize no
	REDIS=$PID
	until_true pong || fail "redis-server did not come up"
	preloaded "$REDIS" || fail "redis-server runs without the library"
}
redis() {
	redis-cli -s "$T/redis.sock" "$@"
}
pong() {
	[ "$(redis ping)" = PONG ]
}
serve
hakmem redis-benchmark -s "$T/redis.sock" -q -n 20000 -c 20 -r 5000 -d 100 \
	-t set,get,incr,lpush,rpush,lpop,sadd,hset,spop,zadd,lrange_100,mset \
	>"$T/bench.txt" 2>"$T/bench.err" || fail "redis-benchmark: $?"
grep -qi 'error\|refused' "$T/bench.txt" "$T/bench.err" &&
	fail "redis-benchmark: $(grep -i 'error\|refused' "$T/bench.txt")"
[ "$(grep -c 'requests per second' "$T/bench.txt")" -ge 12 ] ||
	fail "not all benchmarks ran: $(tail -c 300 "$T/bench.txt")"
for size in 10 1000 1024 100000 5000000; do
	head -c $size /dev/zero | tr '\0' x | redis -x set "key:$size" >/dev/null
	[ "$(redis strlen "key:$size")" = $size ] || fail "a value of $size"
done
[ "$(redis eval 'local t = {} for i = 1, 20000 do t[i] = tostring(i) end
	return #table.concat(t)' 0)" = 88894 ] || fail "Lua inside redis"
redis bgsave >/dev/null
until_true sh -c "redis-cli -s '$T/redis.sock' lastsave | grep -q ." ||
	fail "bgsave"
redis bgrewriteaof >/dev/null
until_true sh -c "redis-cli -s '$T/redis.sock' info persistence |
	grep -q aof_rewrite_in_progress:0" || fail "rewrite of the log"
keys=$(redis dbsize)
digest=$(redis debug digest 2>/dev/null)
redis shutdown nosave >/dev/null 2>&1
wait "$REDIS" || fail "redis-server ended with $?: $(tail -n 3 "$T/redis.log")"
serve
[ "$(redis dbsize)" = "$keys" ] || fail "other keys after a restart"
[ "$(redis debug digest 2>/dev/null)" = "$digest" ] || fail "other data"
# It has written its title over its environment, where the socket's path was.
kill -9 "$DAEMON"
wait "$DAEMON" 2>/dev/null
daemon_start
soon "$REDIS" "state == 'running'"
redis flushall >/dev/null
redis shutdown nosave >/dev/null 2>&1
wait "$REDIS" || fail "redis-server ended with $? the second time"
grep '^hakmem: ' "$T/redis.log" && fail "it complained"
exit 0
