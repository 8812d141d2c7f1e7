#!/bin/bash
# The manuals know every option, verb, key, format and setting that the programs
# have: what --help prints is made from the tables that are understood.
. "$(dirname "$0")/lib.bash"
DOCS=$E2E/../../docs
ROOT=$E2E/../..

# has FILE WORD WHAT: the manual has it as a word.
has() {
	grep -qE -- "(^|[^[:alnum:]-])$(sed 's/[][\.*^$+?(){}|/]/\\&/g' <<<"$2")([^[:alnum:]-]|\$)" "$1" ||
		fail "$(basename "$1") does not tell $3 $2"
}

count=0
each() {
	local file=$1 what=$2 word

	while read -r word; do
		has "$file" "$word" "$what"
		count=$((count + 1))
	done
}

"$B/hakmemd" --help >"$T/daemon"
each "$DOCS/DAEMON.md" "the option" < <(grep -oE '^  --[a-z-]+' "$T/daemon" | tr -d ' ')
"$B/hakmem-top" --help >"$T/top"
sed -n '/^Options:/,/^Keys:/p' "$T/top" >"$T/options"
each "$DOCS/VIEWER.md" "the option" < <(grep -oE '^ +(-[a-zA-Z], )?--[a-z-]+' "$T/options" | grep -oE -- '--[a-z-]+')
each "$DOCS/VIEWER.md" "the verb" < <(grep -oE '^ +hakmem-top [a-z]+' "$T/top" | awk '{ print "hakmem-top " $2 }')
sed -n '/^Keys:/,/^$/p' "$T/top" | grep '^  ' | sed -E 's/^  //; s/   *.*//' >"$T/keys"
each "$DOCS/VIEWER.md" "the key" < <(tr ' ' '\n' <"$T/keys")
each "$DOCS/VIEWER.md" "the format" < <(grep -oE '^FORMAT\(\w+, "\w+' "$ROOT/proto/formats.def" | grep -oE '\w+$')
each "$ROOT/README.md" "the setting" < <(grep -oE '"HAKMEM_\w+' "$ROOT/proto/settings.def" | tr -d '"')
[ $count -gt 70 ] || fail "only $count words were looked for"
"$B/hakmem-top" --figures >"$T/figures"
awk 'NF < 4 { print; bad = 1 } END { exit bad || NR < 40 }' "$T/figures" ||
	fail "a figure without a meaning"
exit 0
