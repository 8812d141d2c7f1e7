#!/bin/bash
# Every name in the JSON and CSV of both programs is in docs/FORMATS.md, and
# every name there is written by one of them.
. "$(dirname "$0")/lib.bash"
. "$E2E/viewer_tmux.bash"
export LC_ALL=C.UTF-8
daemon_start
host_start HAKMEM_SAMPLE=16K
tell alloc 1024 2000
tell alloc 20000 300
top() {
	local name=$1

	shift
	"$B/hakmem-top" "$@" >"$T/$name" 2>"$T/err" </dev/null ||
		fail "$*: $(cat "$T/err")"
}
known() {
	"$B/hakmem-top" sites --pid "$HOST" --json >"$T/sites.json" \
		2>/dev/null && grep -q '"site_id"' "$T/sites.json"
}
until_true known || fail "no sites"
"$(python_real)" -c 'raise SystemExit' # one that ended, for exit_status
LD_PRELOAD=$LIB sh -c 'sleep 0.3; exit 3'
LD_PRELOAD=$LIB sh -c 'sleep 0.3; kill -9 $$'
for format in json csv; do
	top "processes.$format" --batch -n 1 "--$format"
	top "sites.$format" sites --pid "$HOST" "--$format"
	for what in sizes classes heap; do
		top "$what.$format" export --pid "$HOST" --what "$what" \
			--format "$format"
	done
done
screen_start 120 40 "'$B/hakmem-top' -d 0.2"
shows "$HOST"
press / "$HOST" Enter Enter
shows "ALLOCS"
press 4
shows "1 in "
press Enter
shows "AGE AT FREE"
shows "  0 "
press e C-u s t a c k . j s o n Enter
shows "wrote stack.json"
press e C-u s t a c k . c s v Enter
shows "wrote stack.csv"
press 2
shows "1024 bytes"
press e C-u s i z e s 2 . j s o n Enter
shows "wrote sizes2.json"
press 3
shows "STRIDE"
press e C-u c l a s s e s 2 . j s o n Enter
shows "wrote classes2.json"
python3 - "$T" "$E2E/../../docs/FORMATS.md" "$("$B/hakmem-top" --figures)" <<'PY' || fail "docs/FORMATS.md"
import csv
import glob
import json
import os
import re
import sys

where, path, manual = sys.argv[1:]
documented, section, title = {}, None, ""
for line in open(path, encoding="utf-8"):
    if line.startswith("## "):
        title = line[3:].strip().lower()
        documented[title] = []
    found = re.match(r"\| `(\w+)` \|", line)
    if found:
        documented[title].append(found.group(1))
whole = {name for names in documented.values() for name in names}
figures = set(re.findall(r"^(\w+) ", manual, re.M))
assert len(figures) > 40, figures
written, shape = set(), {}


def walk(value):
    if isinstance(value, dict):
        for name in value:
            written.add(name)
            walk(value[name])
    elif isinstance(value, list):
        for one in value:
            walk(one)


for name in glob.glob(where + "/*.json"):
    text = open(name, encoding="utf-8").read()
    assert text.startswith('{"schema":1,'), (name, text[:80])
    assert text.count("\n") == 1 and text.endswith("\n"), name
    one = json.loads(text)
    walk(one)
    what = os.path.basename(name)[:-5]
    if what != "processes":
        assert list(one)[:5] == ["schema", "time_s", "pid", "command",
                                 "what"], name
        assert list(one)[-1] == "rows" and one["rows"], name
        shape[what] = [key for key in one["rows"][0]]
for name in glob.glob(where + "/*.csv"):
    header = next(csv.reader(open(name, encoding="utf-8", newline="")))
    written.update(header)
    what = os.path.basename(name)[:-4]
    if what in ("sizes", "classes"):
        assert header == documented[what], (name, header)
    if what == "sites":
        assert header == documented[what][:len(header)], header
# The daemon and the viewer write the same thing alike.
assert shape["sizes"] == shape["sizes2"] == documented["sizes"]
assert shape["classes"] == shape["classes2"] == documented["classes"]
assert shape["heap"] == shape["sites"] + ["frames"], shape["heap"]
whole |= figures
assert written - whole == set(), "not documented: %s" % (written - whole)
assert whole - written == set(), "not written: %s" % (whole - written)
PY
exit 0
