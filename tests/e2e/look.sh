#!/bin/bash
# What the daemon shows of programs that do nothing: after filling and freeing,
# after a fork, silent from the start, stopped, and after the daemon's restart;
# each against what the program did or the kernel says.
. "$(dirname "$0")/lib.bash"
need python3 gcc
export PYTHONMALLOC=malloc

cat >"$T/idle.c" <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* idle COUNT SIZE KEEP: makes blocks, keeps every KEEPth (0: none), says so and
 * waits. */
int main(int count, char **words)
{
	int blocks = atoi(words[1]), size = atoi(words[2]), keep = atoi(words[3]);
	char **all = calloc((size_t)blocks, sizeof(*all));
	int i;

	(void)count;
	usleep(300000); /* the first states are sent before */
	for (i = 0; i < blocks; i++)
		memset(all[i] = malloc((size_t)size), 1, (size_t)size);
	for (i = 0; i < blocks; i++)
		if (keep == 0 || i % keep)
			free(all[i]);
	if (write(1, "ready\n", 6) != 6)
		return 1;
	pause();
	return 0;
}
C
gcc -O1 -o "$T/idle" "$T/idle.c" || fail "gcc"

# shown PID EXPRESSION: true of p, the row of this process in the list.
shown() {
	"$B/hakmem-top" --json -n 1 >"$T/list" 2>"$T/err" &&
		python3 - "$T/list" "$1" "$2" <<'PY'
import json
import sys
rows = json.load(open(sys.argv[1]))["processes"]
p = next(row for row in rows if row["pid"] == int(sys.argv[2]))
rss = int(open("/proc/%d/statm" % p["pid"]).read().split()[1]) * 4096
sys.exit(not eval(sys.argv[3]))
PY
}

# shows WHAT PID EXPRESSION
shows() {
	until_true shown "$2" "$3" || fail "$1: $(cat "$T/list" "$T/err")"
}

# ready NAME: the program has done its work, and sleeps.
ready() {
	until_true grep -q ready "$T/$1.log" || fail "$1: $(cat "$T/$1.log")"
}

# 150,000 blocks of 64 bytes, of which 75,000 stay; the pointers are 1.2 MB more.
LIVE='p["live_bytes"] - 75000 * 64 - 1200000'
check_all() {
	shows "$1: filled" "$FILLED" "0 <= $LIVE < 20000"
	shows "$1: freed" "$FREED" 'p["live_bytes"] < 1300000 and p["frees_total"] >= 150000'
	shows "$1: silent" "$SILENT" "0 <= $LIVE < 20000"
	shows "$1: stopped" "$STOPPED" "0 <= $LIVE < 20000"
	for pid in $FILLED $FREED $SILENT $STOPPED; do
		shows "$1: RSS" "$pid" 'abs(p["rss_bytes"] - rss) < 100000'
		shows "$1: state" "$pid" 'p["state"] == "running"'
	done
}

daemon_start
background filled "$T/idle" 150000 64 2
FILLED=$PID
background freed "$T/idle" 150000 64 0
FREED=$PID
HAKMEM_STREAM=off background silent "$T/idle" 150000 64 2
SILENT=$PID
background stopped "$T/idle" 150000 64 2
STOPPED=$PID
ready filled
ready freed
ready silent
ready stopped
kill -STOP "$STOPPED"
check_all "first"

# Both sides of a fork, each with what it made since.
background fork "$(python_real)" -u -c '
import os, time
x = b"a" * 10_000_000
if os.fork() == 0:
    x += b"b" * 20_000_000
    print("child", os.getpid())
print("ready")
time.sleep(600)'
PARENT=$PID
until_true grep -q child "$T/fork.log" || fail "fork: $(cat "$T/fork.log")"
CHILD=$(awk '/child/ { print $2 }' "$T/fork.log")
started "$CHILD"
until_true test "$(grep -c ready "$T/fork.log")" = 2
shows "parent" "$PARENT" '10e6 <= p["live_bytes"] < 20e6'
shows "child" "$CHILD" '30e6 <= p["live_bytes"] < 40e6'
shows "child's parent" "$CHILD" "p[\"parent_pid\"] == $PARENT"

# A daemon that comes anew finds them all as they are.
kill "$DAEMON"
wait "$DAEMON"
daemon_start
check_all "restarted"
shows "restarted: parent" "$PARENT" '10e6 <= p["live_bytes"] < 20e6'
shows "restarted: child" "$CHILD" '30e6 <= p["live_bytes"] < 40e6'

# What it says is true now: a difference has the sign of what was done.
top() {
	timeout $PATIENCE "$B/hakmem-top" "$@" >"$T/out" 2>"$T/err"
}
background diff "$(python_real)" -u -c '
import os, sys, time
x = [b"a" * i for i in range(900, 20900)]
print("ready")
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
x.clear()
print("gone")
time.sleep(600)' "$T/go"
ready diff
top mark --pid "$PID" before || fail "mark: $(cat "$T/err")"
touch "$T/go"
until_true grep -q gone "$T/diff.log"
top export --pid "$PID" --what heap --format json --diff before ||
	fail "diff: $(cat "$T/err")"
python3 -c 'import json, sys
bytes = json.load(open(sys.argv[1]))["bytes"]
sys.exit(not -300e6 < bytes < -150e6)' "$T/out" || fail "diff: $(head -c 300 "$T/out")"
kill "$PID"

# With HAKMEM_LOOK=off it is what it last said, or nothing.
HAKMEM_STREAM=off HAKMEM_LOOK=off background closed "$T/idle" 1000 64 1
ready closed
shows "closed" "$PID" '"live_bytes" not in p and p["state"] == "disconnected"'
shows "closed: RSS" "$PID" 'abs(p["rss_bytes"] - rss) < 100000'

# What is torn or hostile ends as no figure, and the daemon lives.
cat >"$T/liar.c" <<'C'
#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

/* Fills the library's variables with pointers to nowhere, or into a circle. */
static int spoil(struct dl_phdr_info *info, size_t size, void *how)
{
	uintptr_t begin = 0, end = 0;

	(void)size;
	if (!strstr(info->dlpi_name, "libhakmem.so"))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uintptr_t stop = info->dlpi_addr + part->p_vaddr + part->p_memsz;

		if (part->p_type == PT_GNU_RELRO)
			begin = (stop + 4095) & ~4095ul;
		if (part->p_type == PT_LOAD && part->p_flags & PF_W)
			end = stop & ~7ul;
	}
	for (uintptr_t at = begin; at < end; at += 8)
		*(uint64_t *)at = *(char *)how == 'p'   ? 0x00007e1234567000
				  : *(char *)how == 'c' ? begin
							: *(uint64_t *)at ^ ~0ul >> (at % 61);
	return 1;
}

int main(int count, char **words)
{
	(void)count;
	if (write(1, "ready\n", 6) != 6)
		return 1;
	dl_iterate_phdr(spoil, words[1]);
	for (;;) {
		static volatile unsigned n;

		for (int i = 0; i < 100000; i++)
			n++;
		usleep(1000);
	}
}
C
gcc -D_GNU_SOURCE -O1 -o "$T/liar" "$T/liar.c" || fail "gcc"
for how in p c x; do
	HAKMEM_STREAM=off background "liar$how" "$T/liar" $how
	ready "liar$how"
	shows "liar $how" "$PID" 'p["rss_bytes"] > 0'
done
sleep 4
kill -0 "$DAEMON" || fail "the daemon: $(cat "$T/daemon.log")"
shows "beside liars" "$FILLED" "0 <= $LIVE < 20000"
exit 0
