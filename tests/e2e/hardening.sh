#!/bin/bash
# How the three files are protected against those who find a bug in them.
. "$(dirname "$0")/lib.bash"
need readelf nm

# hardened FILE: anywhere in memory, all that the loader sets up is read-only
# before main, no stack that is code, no code that is written to.
hardened() {
	local dynamic segments

	dynamic=$(readelf -dW "$1")
	segments=$(readelf -lW "$1")
	grep -q 'Type: *DYN' <<<"$(readelf -hW "$1")" || fail "$1: a fixed address"
	grep -q GNU_RELRO <<<"$segments" || fail "$1: no RELRO"
	grep -q 'FLAGS) .*BIND_NOW' <<<"$dynamic" || fail "$1: binds lazily"
	grep -q 'FLAGS_1).* NOW' <<<"$dynamic" || fail "$1: binds lazily"
	grep -qE 'GNU_STACK .* RW +0x' <<<"$segments" ||
		fail "$1: an executable stack"
	grep -qE '^ *LOAD .* RWE ' <<<"$segments" &&
		fail "$1: a segment that is written and run"
	grep -q TEXTREL <<<"$dynamic" && fail "$1: text relocations"
}

# imports FILE REGEX
imports() {
	grep -qE " $2(@|\$)" <<<"$(nm -D --undefined-only "$1")" ||
		fail "$1: nothing of $2"
}

# guards OBJECT FEATURES: what -fcf-protection notes in what we compile; the
# linker drops it where the C library has none.
guards() {
	[ "$(uname -m)" = x86_64 ] || return 0
	grep -q "x86 feature: $2" <<<"$(readelf -nW "$1")" || fail "$1: no $2"
}

hardened "$LIB"
for program in hakmemd hakmem-top; do
	hardened "$B/$program"
	grep -q 'FLAGS_1).* PIE' <<<"$(readelf -dW "$B/$program")" ||
		fail "$program: not position independent"
	imports "$B/$program" __stack_chk_fail
	[ "$(basename "$B")" != release ] ||
		imports "$B/$program" '__v?snprintf_chk'
	guards "$B/app/$program/main.o" 'IBT, SHSTK'
done
guards "$B/lib/libhakmem/host/shim.o" SHSTK
exit 0
