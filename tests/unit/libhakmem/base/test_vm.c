#include "libhakmem/base/vm.h"
#include "tests/unit/libhakmem/unit.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define BYTES (8 * VM_PAGE)

static bool is_zero(const char *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (at[i] != 0)
			return false;
	return true;
}

static void maps_are_zeroed_and_writable(void **state)
{
	char *at = vm_map(BYTES);

	(void)state;
	assert_non_null(at);
	assert_true(is_aligned((uintptr_t)at, VM_PAGE));
	assert_true(is_zero(at, BYTES));
	memset(at, 1, BYTES);
	vm_unmap(at, BYTES);
	assert_false(vm_readable((uintptr_t)at));
}

static void a_place_that_is_taken_is_refused(void **state)
{
	char *at = vm_map(BYTES);

	(void)state;
	at[0] = 'x';
	assert_false(vm_map_at(at, BYTES));
	assert_false(vm_map_at(at - VM_PAGE, 2 * VM_PAGE));
	assert_int_equal(at[0], 'x');
	vm_unmap(at, BYTES);
	assert_true(vm_map_at(at, BYTES));
	assert_true(is_zero(at, BYTES));
	vm_unmap(at, BYTES);
}

static void write_uncommitted(void)
{
	volatile char *at = vm_reserve(BYTES);

	vm_commit((void *)(uintptr_t)at, VM_PAGE);
	at[VM_PAGE - 1] = 1;
	must(at[VM_PAGE - 1] == 1);
	at[VM_PAGE] = 1;
}

static void reserved_memory_needs_a_commit(void **state)
{
	char *at = vm_reserve(BYTES);

	(void)state;
	assert_non_null(at);
	assert_true(vm_commit(at + VM_PAGE, VM_PAGE));
	assert_true(is_zero(at + VM_PAGE, VM_PAGE));
	at[VM_PAGE] = 1;
	vm_unmap(at, BYTES);
	assert_child_dies(write_uncommitted, SIGSEGV);
}

static void purged_memory_reads_as_zeros(void **state)
{
	char *at = vm_map(BYTES);

	(void)state;
	memset(at, 1, BYTES);
	assert_true(vm_purge(at + VM_PAGE, 2 * VM_PAGE));
	assert_int_equal(at[VM_PAGE - 1], 1);
	assert_true(is_zero(at + VM_PAGE, 2 * VM_PAGE));
	assert_int_equal(at[3 * VM_PAGE], 1);
	vm_unmap(at, BYTES);
}

static void a_purge_that_is_refused_changes_nothing(void **state)
{
	char *at = vm_map(VM_PAGE);

	(void)state;
	/* by a bare call: sanitizers make mlock do nothing */
	if (syscall(SYS_mlock, at, VM_PAGE) != 0)
		skip();
	memset(at, 1, VM_PAGE);
	assert_false(vm_purge(at, VM_PAGE));
	assert_int_equal(at[0], 1);
	vm_unmap(at, VM_PAGE);
}

static void remapping_keeps_contents(void **state)
{
	char *at = vm_map(BYTES), *moved;

	(void)state;
	memset(at, 7, BYTES);
	moved = vm_remap(at, BYTES, 1024 * BYTES);
	assert_non_null(moved);
	assert_int_equal(moved[0], 7);
	assert_int_equal(moved[BYTES - 1], 7);
	assert_true(is_zero(moved + BYTES, 1023 * BYTES));
	moved = vm_remap(moved, 1024 * BYTES, VM_PAGE);
	assert_int_equal(moved[VM_PAGE - 1], 7);
	assert_false(vm_readable((uintptr_t)moved + VM_PAGE));
	/* what cannot be had leaves the old mapping */
	assert_null(vm_remap(moved, VM_PAGE, (size_t)1 << 60));
	assert_int_equal(moved[0], 7);
	vm_unmap(moved, VM_PAGE);
}

static void readable_asks_for_the_page_of_the_address(void **state)
{
	char *at = vm_map(3 * VM_PAGE);
	uintptr_t middle = (uintptr_t)at + VM_PAGE;

	(void)state;
	vm_unmap(at, VM_PAGE);
	vm_unmap(at + 2 * VM_PAGE, VM_PAGE);
	assert_false(vm_readable(middle - 1));
	assert_true(vm_readable(middle));
	assert_true(vm_readable(middle + VM_PAGE - 1));
	assert_false(vm_readable(middle + VM_PAGE));
	assert_false(vm_readable(0));
	assert_false(vm_readable(UINTPTR_MAX));
	vm_unmap((void *)middle, VM_PAGE);
}

static void refusals_keep_errno(void **state)
{
	char *at = vm_map(VM_PAGE);

	(void)state;
	errno = 77;
	assert_null(vm_map((size_t)1 << 60));
	assert_null(vm_reserve((size_t)1 << 60));
	assert_false(vm_map_at(at, VM_PAGE));
	assert_null(vm_remap(at, VM_PAGE, (size_t)1 << 60));
	vm_unmap(at, VM_PAGE);
	assert_false(vm_commit(at, VM_PAGE));
	assert_false(vm_purge(at, VM_PAGE));
	vm_unmap(at + 1, VM_PAGE); /* misaligned: refused */
	assert_false(vm_readable((uintptr_t)at));
	vm_limit();
	assert_int_equal(errno, 77);
}

static void limit_address_space(void)
{
	struct rlimit limit = {GIB, RLIM_INFINITY};

	must(vm_limit() == SIZE_MAX);
	must(getrlimit(RLIMIT_AS, &limit) == 0);
	limit.rlim_cur = GIB;
	must(setrlimit(RLIMIT_AS, &limit) == 0);
	must(vm_limit() == GIB);
	must(vm_map(2 * GIB) == NULL);
}

static void the_limit_is_that_of_the_process(void **state)
{
	(void)state;
	if (SANITIZED || vm_limit() != SIZE_MAX)
		skip(); /* the shadow is beyond any limit */
	assert_child_passes(limit_address_space);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_are_zeroed_and_writable),
		cmocka_unit_test(a_place_that_is_taken_is_refused),
		cmocka_unit_test(reserved_memory_needs_a_commit),
		cmocka_unit_test(purged_memory_reads_as_zeros),
		cmocka_unit_test(a_purge_that_is_refused_changes_nothing),
		cmocka_unit_test(remapping_keeps_contents),
		cmocka_unit_test(readable_asks_for_the_page_of_the_address),
		cmocka_unit_test(refusals_keep_errno),
		cmocka_unit_test(the_limit_is_that_of_the_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
