#!/bin/bash
# Rates are per second of the states' time, whatever the poll's interval; a list
# in several frames is one list.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
feeder rates
"$B/hakmem-top" --text -n 3 -d 0.2 --socket "$SOCK" >"$T/out" || fail "batch"
[ "$(grep -c ' steady$' "$T/out")" = 3 ] || fail "reports: $(cat "$T/out")"
grep ' steady$' "$T/out" | tail -n 1 | grep -qE ' 100 +50\.0 ' ||
	fail "the rate is not 100/s and 50/s: $(cat "$T/out")"
screen_start 100 20 "'$B/hakmem-top' --socket '$SOCK' -d 0.3"
shows "Allocs/s 100  Frees/s 50.0"
# Frozen: the clock stands and says so; sorting and help still work.
press Space
shows "FROZEN"
before=$(screen)
sleep 1.2
[ "$before" = "$(screen)" ] || fail "something moves while frozen"
press I F1
shows "KEYS"
press Escape z
hides "FROZEN"
# The mark: what was added since, not rates.
press m
shows "+ALLOCS"
shows_like "[+][1-9](00|[.][0-9]0k)"
press M
hides "+ALLOCS"
press d 9 9 9 9 Enter
shows "want 0.1 to 3600 seconds"
press d 7 Enter
shows "every 7s"
press +
shows "every 10s"
press - -
shows "every 2s"
feeder_end
feeder split
"$B/hakmem-top" --json -n 1 --socket "$SOCK" | python3 -c 'import json, sys
report = json.loads(sys.stdin.readline())
assert [p["pid"] for p in report["processes"]] == [4100, 4101, 4102], report' ||
	fail "a list in several frames"
exit 0
