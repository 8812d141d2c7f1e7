#include "hakmemd/symbols/allocators.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void kind_is(enum allocators_kind kind, const char *const *names,
		    size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (allocators_kind(names[i]) != kind)
			fail_msg("%s", names[i]);
}

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void who_allocates_for_others_is_known(void **state)
{
	static const char *const names[] = {
		"malloc",
		"__libc_calloc",
		"realloc@plt",
		"malloc@@GLIBC_2.2.5",
		"__strdup",
		"xmalloc",
		"xmalloc.part.0",
		"xreallocarray.constprop.0",
		"g_malloc0_n",
		"g_strdup_printf",
		"zmalloc",
		"PyMem_RawMalloc",
		"_PyObject_GC_NewVar",
		"_emalloc_large",
		"_safe_erealloc",
		"Perl_safesysmalloc",
		"sqlite3DbMallocRawNN",
		"ngx_pcalloc",
		"MemoryContextAllocZeroAligned",
		"apr_palloc",
		"_talloc_zero",
		"CRYPTO_zalloc",
		"av_mallocz",
		"uv__strdup",
	};
	static const char *const cxx[] = {
		"operator new(unsigned long)",
		"operator new[](unsigned long, std::align_val_t)",
		"v8::internal::Malloced::operator new(unsigned long)",
		"std::allocator<int>::allocate(unsigned long)",
		"__gnu_cxx::new_allocator<std::pair<int const, char> >"
		"::allocate(unsigned long, void const*)",
		"void std::vector<int, std::allocator<int> >::"
		"_M_realloc_insert<int const&>(__gnu_cxx::__normal_iterator"
		"<int*, std::vector<int> >, int const&)",
		"std::vector<(anonymous namespace)::row>::push_back("
		"(anonymous namespace)::row&&)",
		"std::_Vector_base<int, std::allocator<int> >::_M_allocate("
		"unsigned long)",
		"std::__cxx11::basic_string<char>::_M_create(unsigned long&)",
		"std::shared_ptr<shop::box> std::make_shared<shop::box, int>("
		"int&&)",
		"std::_Rb_tree_node<std::pair<int const, int> >* "
		"std::_Rb_tree<int, int>::_M_create_node<int>(int&&)",
	};
	static const char *const rust[] = {
		"__rust_alloc",
		"__rustc::__rust_alloc",
		"alloc::alloc::exchange_malloc",
		"<alloc::raw_vec::RawVec<u8>>::grow_one",
		"alloc::raw_vec::RawVec<T,A>::reserve::do_reserve_and_handle",
		"alloc::vec::Vec<T,A>::reserve",
		"<alloc::vec::Vec<(u8, &str)> as core::iter::traits::collect::"
		"FromIterator<(u8, &str)>>::from_iter",
		"<str as alloc::string::ToString>::to_string",
		"<&str as core::convert::Into<alloc::string::String>>::into",
	};
	static const char *const go[] = {
		"runtime.mallocgc",
		"runtime.asmcgocall.abi0",
		"_cgo_1b2a3c_Cfunc__Cmalloc",
		"main._Cfunc__CMalloc",
	};

	(void)state;
	kind_is(ALLOCATORS_ALLOCATES, names, COUNT(names));
	kind_is(ALLOCATORS_ALLOCATES, cxx, COUNT(cxx));
	kind_is(ALLOCATORS_ALLOCATES, rust, COUNT(rust));
	kind_is(ALLOCATORS_ALLOCATES, go, COUNT(go));
}

static void who_allocates_for_itself_owns(void **state)
{
	static const char *const names[] = {
		"",
		"main",
		"mallocate",
		"my_malloc",
		"operator_new",
		"strdupa",
		"new_keys_object",
		"[no stack]",
		"app+0x1234",
		"PyMem_Free",
		"std::sort<int*>(int*, int*)",
		"std::thread::_State_impl<x>::_M_run()",
		"std::vector<int> shop::rows<int>(int)",
		"shop::fill(std::vector<int, std::allocator<int> >&)",
		"(anonymous namespace)::fill(std::vector<int>&)",
		"shop::operator<<(std::ostream&, std::vector<int> const&)",
		"std::vector<int> operator+(std::vector<int>, int)",
		"allocation::pool::grow",
		"<shop::Shop as core::convert::From<&str>>::from",
		"<shop::Shop as shop::Fill<alloc::string::String>>::fill",
		"main.main",
		"runtime.gcStart",
	};

	(void)state;
	kind_is(ALLOCATORS_OWNS, names, COUNT(names));
}

static void where_a_stack_begins_is_known(void **state)
{
	static const char *const names[] = {"start_thread", "_start",
					    "__libc_start_main_impl",
					    "__libc_start_main@@GLIBC_2.34"};

	(void)state;
	kind_is(ALLOCATORS_BEGINS, names, COUNT(names));
}

/* As long as a name can be, and almost what a pattern wants. */
static void a_hostile_name_costs_little(void **state)
{
	char name[1025];
	clock_t begin = clock();

	(void)state;
	memset(name, '<', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 100; i++)
		assert_int_equal(allocators_kind(name), ALLOCATORS_OWNS);
	memset(name, '_', sizeof(name) - 1);
	for (int i = 0; i < 100; i++)
		assert_int_equal(allocators_kind(name), ALLOCATORS_OWNS);
	assert_true(clock() - begin < 2 * CLOCKS_PER_SEC);
}

static void our_library_is_known_by_its_name(void **state)
{
	(void)state;
	assert_true(allocators_module("/usr/lib/hakmem/libhakmem.so"));
	assert_true(allocators_module("libhakmem.so"));
	assert_false(allocators_module("/usr/lib/libhakmem.so.d/other.so"));
	assert_false(allocators_module("/usr/lib/libc.so.6"));
	assert_false(allocators_module(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_allocates_for_others_is_known),
		cmocka_unit_test(who_allocates_for_itself_owns),
		cmocka_unit_test(where_a_stack_begins_is_known),
		cmocka_unit_test(a_hostile_name_costs_little),
		cmocka_unit_test(our_library_is_known_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
