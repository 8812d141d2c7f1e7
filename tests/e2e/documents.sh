#!/bin/bash
# Every relative link of a document leads to a file, in the tree and where make
# install puts the documents; make uninstall leaves nothing.
. "$(dirname "$0")/lib.bash"
need make python3
cd "$E2E/../.." || exit 1

# resolve DIRECTORY: prints the links of its documents that lead nowhere.
resolve() {
	python3 - "$1" <<'PY'
import os
import re
import sys

count = 0
for where, folders, files in os.walk(sys.argv[1]):
    folders[:] = [f for f in folders if f not in ("build", ".git")]
    for name in files:
        if not name.endswith(".md"):
            continue
        path = os.path.join(where, name)
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"^```.*?^```|`[^`\n]*`", "", file.read(),
                          flags=re.M | re.S)
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
            if re.match(r"[a-z]+:", link):
                continue
            count += 1
            if not os.path.exists(os.path.join(where, link)):
                print("%s links to %s" % (path, link))
if count == 0:
    print("no links at all")
PY
}

dead=$(resolve .)
[ -z "$dead" ] || fail "$dead"

unset MAKEFLAGS MFLAGS MAKELEVEL
run_make() {
	make -s -o all MODE="$(basename "$B")" B="$B" DESTDIR="$T/root" \
		PREFIX=/opt "$1" >"$T/make.log" 2>&1 ||
		fail "make $1: $(tail -n 3 "$T/make.log")"
}
run_make install
for file in bin/hakmemd bin/hakmem-top lib/hakmem/libhakmem.so \
	share/doc/hakmem/README.md share/doc/hakmem/docs/VIEWER.md; do
	[ -f "$T/root/opt/$file" ] || fail "$file is not installed"
done
[ -z "$(find "$T/root" -type f -perm /022)" ] || fail "others may write to it"
dead=$(resolve "$T/root")
[ -z "$dead" ] || fail "installed: $dead"
"$T/root/opt/bin/hakmem-top" -- true >"$T/out" 2>&1 ||
	fail "the installed programs do not find each other: $(cat "$T/out")"
run_make uninstall
left=$(find "$T/root" ! -type d -o -name 'hakmem*')
[ -z "$left" ] || fail "uninstall leaves $left"
exit 0
