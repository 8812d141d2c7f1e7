#!/bin/bash
# A program that is aborted for corrupting the heap: what it had counted up to
# that moment is known, the reject and its kind as well; without a daemon that
# listens it ends as fast.
. "$(dirname "$0")/lib.bash"
need gcc python3
cat >"$T/wrong.c" <<'C'
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* wrong KIND: fills 20 MB, so long after its last state that nothing is due,
 * and does what it should not. */
int main(int count, char **words)
{
	char *volatile block;
	int i;

	(void)count;
	usleep(150000);
	for (i = 0; i < 20000; i++)
		memset(malloc(1000), 1, 1000);
	block = malloc(100);
	if (*words[1] == 'd') {
		free(block);
		free(block);
	} else if (*words[1] == 'i') {
		free(block + 16);
	} else {
		block[-1] = 0;
		free(block);
	}
	return 0;
}
C
gcc -O0 -o "$T/wrong" "$T/wrong.c" 2>/dev/null || fail "gcc"
ulimit -c 0
daemon_start
for kind in double_free interior overwritten_header; do
	(export HAKMEM_INTERVAL_MS=60000 HAKMEM_LOOK=off
	hakmem "$T/wrong" $kind) 2>"$T/err"
	status=$?
	[ $status = 134 ] || fail "$kind: exit status $status: $(cat "$T/err")"
	known() {
		"$B/hakmem-top" --json -n 1 >"$T/list" && python3 - "$T/list" "$kind" <<'PY'
import json
import sys
rows = json.load(open(sys.argv[1]))["processes"]
row = next(r for r in rows if r["command"].endswith(sys.argv[2]))
sys.exit(not (row["state"] == "signalled" and row["exit_signal"] == 6 and
              row["header_rejects_total"] == 1 and
              row["rejects_" + sys.argv[2]] == 1 and
              row["allocs_total"] >= 20001 and
              row["live_bytes"] >= 20000000))
PY
	}
	until_true known || fail "$kind: $(cat "$T/list")"
done
kill -STOP "$DAEMON"
begin=$(date +%s%N)
hakmem "$T/wrong" double_free 2>"$T/err"
[ $? = 134 ] || fail "beside a daemon that does not read"
took=$((($(date +%s%N) - begin) / 1000000))
kill -CONT "$DAEMON"
[ $took -lt 20000 ] || fail "the abort waited $took ms"
exit 0
