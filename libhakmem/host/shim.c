/*
 * The shim: the only exported names (libhakmem.map), each a thin cover over
 * heap, with glibc's errors. Also the doors of the host that must be watched:
 * dlopen, whose RTLD_DEEPBIND would split the heap between two mallocs;
 * dlclose, after which other code may stand in the same place; pthread_create,
 * whose thread notes its stack and after which streaming may have a thread of
 * its own.
 */
#include "libhakmem/memory/arena.h"
#include "libhakmem/heap/heap.h"
#include "libhakmem/host/init.h"
#include "libhakmem/stream/publish.h"
#include "libhakmem/stream/snapshot.h"
#include "libhakmem/memory/span.h"
#include "libhakmem/unwind/stack.h"
#include "libhakmem/memory/stats.h"
#include "libhakmem/unwind/unwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

EXPORT void *malloc(size_t n)
{
	return heap_malloc(n);
}

EXPORT void free(void *ptr)
{
	heap_free(ptr);
}

EXPORT void *calloc(size_t count, size_t size)
{
	return heap_calloc(count, size);
}

EXPORT void *realloc(void *ptr, size_t n)
{
	return heap_realloc(ptr, n);
}

EXPORT void *reallocarray(void *ptr, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return no_memory();
	return heap_realloc(ptr, bytes);
}

/* glibc rounds an odd alignment up and refuses one above half the range. */
EXPORT void *memalign(size_t align, size_t n)
{
	void *ptr;

	if (align > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	align = round_up_power(align);
	ptr = heap_aligned_hit(align, n);
	return likely(ptr != NULL) ? ptr : heap_aligned(align, n);
}

EXPORT void *aligned_alloc(size_t align, size_t n)
{
	return memalign(align, n);
}

static NOINLINE int shim_posix_memalign_miss(void **out, size_t align, size_t n)
{
	int saved = errno;
	void *ptr = heap_aligned(align, n);

	errno = saved;
	if (!ptr)
		return ENOMEM;
	*out = ptr;
	return 0;
}

EXPORT int posix_memalign(void **out, size_t align, size_t n)
{
	void *ptr;

	if (unlikely(align < sizeof(void *) || !is_power_of_two(align)))
		return EINVAL;
	ptr = heap_aligned_hit(align, n);
	if (unlikely(!ptr))
		return shim_posix_memalign_miss(out, align, n);
	*out = ptr;
	return 0;
}

static size_t shim_page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

EXPORT void *valloc(size_t n)
{
	return heap_aligned(shim_page_bytes(), n);
}

EXPORT void *pvalloc(size_t n)
{
	size_t page = shim_page_bytes();

	if (n > SIZE_MAX - page)
		return no_memory();
	return heap_aligned(page, align_up(n, page));
}

EXPORT size_t malloc_usable_size(void *ptr)
{
	return heap_usable(ptr);
}

EXPORT int malloc_trim(size_t pad)
{
	(void)pad;
	return heap_trim();
}

/* Sizes are hints the header makes needless; a wrong one harms nothing. */
EXPORT void free_sized(void *ptr, size_t n);
EXPORT void free_sized(void *ptr, size_t n)
{
	(void)n;
	heap_free(ptr);
}

EXPORT void free_aligned_sized(void *ptr, size_t align, size_t n);
EXPORT void free_aligned_sized(void *ptr, size_t align, size_t n)
{
	(void)align;
	(void)n;
	heap_free(ptr);
}

EXPORT void cfree(void *ptr);
EXPORT void cfree(void *ptr)
{
	heap_free(ptr);
}

EXPORT int mallopt(int parameter, int value)
{
	(void)parameter;
	(void)value;
	return 1;
}

EXPORT struct mallinfo2 mallinfo2(void)
{
	struct mallinfo2 info = {0};
	struct snapshot_totals totals;
	size_t mapped = stats_get(FIGURE_MAPPED_BYTES);

	snapshot_totals(&totals);
	info.arena = arena.committed[0] + arena.committed[1];
	info.hblkhd = mapped;
	info.uordblks = totals.live_bytes - mapped;
	info.fordblks = info.arena - min_size(info.arena, info.uordblks);
	info.keepcost = span_dirty_bytes();
	return info;
}

static int shim_clamp(size_t value)
{
	return value > INT_MAX ? INT_MAX : (int)value;
}

EXPORT struct mallinfo mallinfo(void)
{
	struct mallinfo2 wide = mallinfo2();

	return (struct mallinfo){
		.arena = shim_clamp(wide.arena),
		.hblkhd = shim_clamp(wide.hblkhd),
		.uordblks = shim_clamp(wide.uordblks),
		.fordblks = shim_clamp(wide.fordblks),
		.keepcost = shim_clamp(wide.keepcost),
	};
}

EXPORT int malloc_info(int options, FILE *stream)
{
	struct mallinfo2 info;

	if (options != 0)
		return EINVAL;
	info = mallinfo2();
	fprintf(stream,
		"<malloc version=\"hakmem-" HAKMEM_VERSION "\">\n"
		"<system type=\"current\" size=\"%zu\"/>\n"
		"<total type=\"mmap\" size=\"%zu\"/>\n"
		"<total type=\"live\" size=\"%zu\"/>\n"
		"<total type=\"rest\" size=\"%zu\"/>\n"
		"</malloc>\n",
		info.arena, info.hblkhd, info.uordblks, info.fordblks);
	return 0;
}

EXPORT void malloc_stats(void)
{
	struct mallinfo2 info = mallinfo2();

	dprintf(STDERR_FILENO,
		"hakmem " HAKMEM_VERSION "\n"
		"arena bytes     = %12zu\n"
		"in use bytes    = %12zu\n"
		"mapped bytes    = %12zu\n",
		info.arena, info.uordblks + info.hblkhd, info.hblkhd);
}

/* The names under which glibc's own parts and old programs reach malloc. */
#define ALIAS(name, of)                                                        \
	EXPORT extern __typeof__(of) name __attribute__((alias(#of), copy(of)))
ALIAS(__libc_malloc, malloc);
ALIAS(__libc_calloc, calloc);
ALIAS(__libc_realloc, realloc);
ALIAS(__libc_free, free);
ALIAS(__libc_memalign, memalign);
ALIAS(__libc_valloc, valloc);
ALIAS(__libc_pvalloc, pvalloc);

typedef void *(*dlopen_function)(const char *, int);
typedef int (*create_function)(void *, const void *, void *(*)(void *), void *);

/*
 * glibc's dlopen looks at its return address to learn who calls: the caller's
 * RUNPATH and namespace count. So this must be a jump, not a call.
 */
static void *shim_first_dlopen(const char *file, int flags);
__attribute__((used)) static dlopen_function shim_next_dlopen =
	shim_first_dlopen;

static void *shim_first_dlopen(const char *file, int flags)
{
	dlopen_function next = (dlopen_function)dlsym(RTLD_NEXT, "dlopen");

	if (!next)
		return NULL;
	__atomic_store_n(&shim_next_dlopen, next, __ATOMIC_RELAXED);
	return next(file, flags);
}

_Static_assert(RTLD_DEEPBIND == 8, "the mask below");
#if defined(__x86_64__)
__asm__(".text\n"
	".globl dlopen\n"
	".type dlopen, @function\n"
	"dlopen:\n"
	"	endbr64\n"
	"	andl $~8, %esi\n"
	"	jmp *shim_next_dlopen(%rip)\n"
	".size dlopen, .-dlopen\n");
#elif defined(__aarch64__)
__asm__(".text\n"
	".globl dlopen\n"
	".type dlopen, %function\n"
	"dlopen:\n"
	"	and w1, w1, #~8\n"
	"	adrp x16, shim_next_dlopen\n"
	"	ldr x16, [x16, #:lo12:shim_next_dlopen]\n"
	"	br x16\n"
	".size dlopen, .-dlopen\n");
#endif

EXPORT int dlclose(void *handle)
{
	static int (*next)(void *);
	int (*call)(void *) = __atomic_load_n(&next, __ATOMIC_RELAXED);
	int error;

	if (!call) {
		call = (int (*)(void *))dlsym(RTLD_NEXT, "dlclose");
		if (!call)
			return -1;
		__atomic_store_n(&next, call, __ATOMIC_RELAXED);
	}
	unwind_unload_begin();
	error = call(handle);
	unwind_unload_end();
	return error;
}

EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
			  void *(*run)(void *), void *arg)
{
	static create_function next;
	create_function create = __atomic_load_n(&next, __ATOMIC_RELAXED);
	int error;

	if (!create) {
		create = (create_function)dlsym(RTLD_NEXT, "pthread_create");
		if (!create)
			return EAGAIN;
		__atomic_store_n(&next, create, __ATOMIC_RELAXED);
	}
	unwind_before_thread();
	stack_wrap(attributes, &run, &arg);
	error = create(thread, attributes, run, arg);
	if (error == 0)
		publish_thread(create);
	else
		stack_unwrap(run, arg);
	return error;
}

/*
 * A program that installs a seccomp filter may die of any call it did not
 * think of, so streaming stops first. (A filter installed by a bare
 * syscall(SYS_seccomp) is not seen: HAKMEM_STREAM=off is for that.)
 */
EXPORT int prctl(int option, ...)
{
	unsigned long argument[4];
	va_list list;

	va_start(list, option);
	for (int i = 0; i < 4; i++)
		argument[i] = va_arg(list, unsigned long);
	va_end(list);
	if (option == PR_SET_SECCOMP)
		publish_stop();
	return (int)syscall(SYS_prctl, option, argument[0], argument[1],
			    argument[2], argument[3]);
}

__attribute__((constructor(101))) static void shim_begin(void)
{
	dlopen_function next = (dlopen_function)dlsym(RTLD_NEXT, "dlopen");

	if (next)
		__atomic_store_n(&shim_next_dlopen, next, __ATOMIC_RELAXED);
	init_begin();
}

__attribute__((destructor)) static void shim_end(void)
{
	init_end();
}
