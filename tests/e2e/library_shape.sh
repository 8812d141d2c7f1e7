#!/bin/bash
# The library as a file: what it exports, what it needs, how much static TLS it
# takes; and that it can be loaded late, where it is of no use but no harm.
. "$(dirname "$0")/lib.bash"
need readelf nm python3
libc=$(ldd "$LIB" | awk '$1 == "libc.so.6" { print $3 }')
[ -e "$libc" ] || fail "no libc.so.6 among its libraries"

# Exactly these, in any order: what an application may call, and by which name.
cat >"$T/wanted" <<'NAMES'
malloc calloc realloc free reallocarray
posix_memalign aligned_alloc memalign valloc pvalloc
malloc_usable_size mallinfo mallinfo2 mallopt malloc_trim malloc_info
malloc_stats
free_sized free_aligned_sized cfree
__libc_malloc __libc_calloc __libc_realloc __libc_free
__libc_memalign __libc_valloc __libc_pvalloc
dlopen dlclose pthread_create prctl
hakmem_look
NAMES
exported() {
	nm -D --defined-only "$1" | awk '{ sub(/@.*/, "", $3); print $3 }' | sort -u
}
exported "$LIB" >"$T/exported"
tr ' ' '\n' <"$T/wanted" | sort -u | diff - "$T/exported" >"$T/diff" ||
	fail "exports (> has, < should have): $(grep '[<>]' "$T/diff")"
# Nothing but names that stand in for libc's, or for C23's; and what a daemon
# looks for.
own=$(exported "$libc" | comm -23 "$T/exported" - |
	grep -vxE 'cfree|free_sized|free_aligned_sized|hakmem_look')
[ -z "$own" ] || fail "exported, but no name of libc: $own"

needed=$(readelf -dW "$LIB" | awk '/NEEDED/ { print $5 }' |
	grep -vxE '\[(libc\.so\.6|ld-linux-x86-64\.so\.2|ld-linux-aarch64\.so\.1)\]')
[ -z "$needed" ] || fail "needs more than libc: $needed"
tls=$(readelf -lW "$LIB" | awk '$1 == "TLS" { print $6 }')
[ $((tls)) -le 512 ] || fail "$((tls)) bytes of static TLS"
readelf -dW "$LIB" | grep -q 'NODELETE' || fail "can be unloaded"

"$(python_real)" -c '
import ctypes, sys
library = ctypes.CDLL(sys.argv[1], mode=ctypes.RTLD_GLOBAL)
print(sum(len("x" * n) for n in range(5000)))
library.malloc.restype = ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]
for n in range(0, 100000, 77):
    library.free(library.malloc(n))' "$LIB" >"$T/out" 2>&1 ||
	fail "loaded late: $(cat "$T/out")"

# Nothing is said, whatever runs.
out=$(hakmem /bin/echo fine 2>&1)
[ "$out" = fine ] || fail "echo: $out"
exit 0
