#include "hakmemd/symbols/allocators.h"

#include <stddef.h>
#include <string.h>

/* A name that ends in '*' stands for all that begin so. */
static const char *const allocators_names[] = {
	/* C, and the C library's helpers */
	"malloc", "calloc", "realloc", "reallocarray", "memalign",
	"aligned_alloc", "posix_memalign", "valloc", "pvalloc", "__libc_*alloc",
	"__libc_malloc*", "__libc_calloc", "__libc_realloc*", "strdup",
	"__strdup", "strndup", "__strndup", "wcsdup", "asprintf", "__asprintf*",
	"vasprintf", "__vasprintf*", "getdelim", "open_memstream",
	/* C++, and what its containers do for their owner */
	"operator new*", "std::allocator<*", "std::__new_allocator<*",
	"std::allocator_traits<*", "__gnu_cxx::new_allocator<*",
	"__gnu_cxx::__alloc_traits<*", "std::_Vector_base<*", "std::vector<*",
	"void std::vector<*", "std::_Deque_base<*", "std::deque<*",
	"void std::deque<*", "std::_Rb_tree<*", "std::map<*", "std::set<*",
	"std::_Hashtable<*", "std::__detail::*", "std::unordered_map<*",
	"std::__cxx11::basic_string<*", "void std::__cxx11::basic_string<*",
	"std::__cxx11::list<*", "std::__allocate_guarded*",
	"std::pmr::new_delete_resource*", "std::__shared_count<*",
	"std::make_unique<*", "std::make_shared<*",
	/* Rust */
	"__rust_alloc*", "__rust_realloc*", "__rdl_*", "alloc::alloc::*",
	"alloc::raw_vec::*", "<alloc::alloc::Global as *",
	/* the usual wrappers */
	"xmalloc*", "xcalloc*", "xrealloc*", "xreallocarray*", "x2realloc*",
	"x2nrealloc*", "xnmalloc*", "xnrealloc*", "xzalloc*", "xpalloc*",
	"ximalloc*", "xicalloc*", "xirealloc*", "xmemdup*", "xstrdup*",
	"xstrndup*", "xasprintf*", "safe_malloc*", "safe_realloc*", "emalloc*",
	"ecalloc*", "erealloc*",
	/* libraries and programs */
	"g_malloc*", "g_realloc*", "g_try_malloc*", "g_try_realloc*",
	"g_slice_alloc*", "g_slice_copy", "g_strdup*", "g_strndup", "g_memdup*",
	"g_aligned_alloc*", "g_rc_box_alloc*", "CRYPTO_malloc*",
	"CRYPTO_zalloc*", "CRYPTO_realloc*", "CRYPTO_strdup", "CRYPTO_memdup",
	"apr_palloc*", "apr_pcalloc*", "apr_allocator_alloc", "talloc_*",
	"_talloc_*", "zmalloc*", "zcalloc*", "zrealloc*", "ztrymalloc*",
	"ztrycalloc*", "zstrdup", "sqlite3_malloc*", "sqlite3_realloc*",
	"sqlite3Malloc*", "sqlite3Realloc*", "sqlite3DbMalloc*",
	"sqlite3DbRealloc*", "sqlite3MemMalloc", "sqlite3MemRealloc",
	"ngx_alloc", "ngx_calloc", "ngx_memalign", "ngx_palloc*", "ngx_pcalloc",
	"ngx_pnalloc", "PyMem_*alloc", "PyMem_Raw*alloc", "PyObject_Malloc",
	"PyObject_Calloc", "PyObject_Realloc", "_PyMem_*", "_PyObject_Malloc*",
	"_PyObject_Calloc*", "_PyObject_Realloc*", "_PyObject_GC_*Malloc*",
	"Perl_safesysmalloc", "Perl_safesyscalloc", "Perl_safesysrealloc",
	"_emalloc*", "_ecalloc*", "_erealloc*", "_safe_*alloc", "palloc*",
	"repalloc*", "MemoryContextAlloc*", "AllocSetAlloc*", "AllocSetRealloc",
	"luaM_malloc_", "luaM_realloc_", "luaM_growaux_", "l_alloc",
	"v8::internal::Malloced::operator new*", "node::Malloc*",
	"node::Realloc*", "node::UncheckedMalloc*"};

/* True if `text` begins as the pattern; '*' stands for any run, greedy enough
 * for patterns of two. */
static bool allocators_fits(const char *text, const char *pattern)
{
	for (; *pattern && *pattern != '*'; text++, pattern++)
		if (*text != *pattern)
			return false;
	if (*pattern == '\0')
		return *text == '\0' || *text == '(' || *text == '@';
	if (*++pattern == '\0')
		return true;
	for (; *text; text++)
		if (allocators_fits(text, pattern))
			return true;
	return false;
}

bool allocators_function(const char *name)
{
	for (size_t i = 0;
	     i < sizeof(allocators_names) / sizeof(allocators_names[0]); i++)
		if (allocators_fits(name, allocators_names[i]))
			return true;
	return false;
}

bool allocators_module(const char *path)
{
	const char *base = strrchr(path, '/');

	return strcmp(base ? base + 1 : path, "libhakmem.so") == 0;
}
