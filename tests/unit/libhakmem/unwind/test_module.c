#include "libhakmem/unwind/module.h"

#include "tests/unit/libhakmem/unit.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/stat.h>

static uint32_t id_of_function(void (*function)(void))
{
	return module_of((uintptr_t)function);
}

static void code(void)
{
	__asm__ volatile("");
}

static struct module_info info_of(uint32_t id)
{
	struct module_info info;

	assert_true(module_info(id, &info));
	assert_int_equal(info.id, id);
	return info;
}

static void test_program(void **unused)
{
	struct module_info info = info_of(id_of_function(code));
	char path[1024] = {0};

	(void)unused;
	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	assert_string_equal(info.path, path);
	assert_true((uintptr_t)code >= info.text_start &&
		    (uintptr_t)code - info.text_start < info.text_bytes);
	assert_true(info.start <= info.text_start &&
		    info.text_start + info.text_bytes <= info.end);
	assert_int_equal(info.bias, info.start);
	assert_false(info.unloaded);
	assert_true(module_stays(info.id));
}

struct wanted {
	const char *name;
	uint8_t id[MODULE_ID_BYTES];
	size_t bytes;
	uintptr_t bias;
};

static void find_note(struct wanted *out, const ElfW(Phdr) * header)
{
	uintptr_t at = out->bias + header->p_vaddr;
	uintptr_t end = at + header->p_memsz;

	while (at + sizeof(ElfW(Nhdr)) < end) {
		const ElfW(Nhdr) *head = (const ElfW(Nhdr) *)at;
		uintptr_t name = at + sizeof(*head);
		uintptr_t content = name + (head->n_namesz + 3) / 4 * 4;

		if (head->n_type == NT_GNU_BUILD_ID &&
		    strcmp((const char *)name, "GNU") == 0) {
			out->bytes = head->n_descsz;
			memcpy(out->id, (const void *)content, out->bytes);
			return;
		}
		at = content + (head->n_descsz + 3) / 4 * 4;
	}
}

static int find(struct dl_phdr_info *info, size_t bytes, void *arg)
{
	struct wanted *out = arg;

	(void)bytes;
	if (!strstr(info->dlpi_name, out->name))
		return 0;
	out->bias = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_NOTE && out->bytes == 0)
			find_note(out, &info->dlpi_phdr[i]);
	return 1;
}

static void test_build_ids(void **unused)
{
	static const char *const names[] = {"/libc.so.6", "/libcmocka.so",
					    "/ld-linux"};

	(void)unused;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct wanted wanted = {.name = names[i]};
		bool found = false;

		assert_int_equal(dl_iterate_phdr(find, &wanted), 1);
		for (uint32_t id = 1; id <= module_count(); id++) {
			struct module_info info = info_of(id);

			if (!strstr(info.path, names[i]))
				continue;
			found = true;
			assert_int_equal(info.bias, wanted.bias);
			assert_int_equal(info.build_id_bytes, wanted.bytes);
			assert_memory_equal(info.build_id, wanted.id,
					    wanted.bytes);
			assert_int_equal(module_of(info.text_start), id);
		}
		assert_true(found);
	}
}

static void test_vdso(void **unused)
{
	uintptr_t start = getauxval(AT_SYSINFO_EHDR);
	bool found = false;

	(void)unused;
	if (!start)
		skip();
	for (uint32_t id = 1; id <= module_count(); id++)
		if (info_of(id).start == start) {
			assert_string_equal(info_of(id).path, "[vdso]");
			found = true;
		}
	assert_true(found);
}

static void test_no_module(void **unused)
{
	static int data;
	void *block = malloc(100);

	(void)unused;
	errno = 321;
	assert_int_equal(module_of(0), MODULE_NONE);
	assert_int_equal(module_of((uintptr_t)block), MODULE_NONE);
	assert_int_equal(module_of((uintptr_t)&block), MODULE_NONE);
	/* In the file, but no code. */
	assert_int_equal(module_of((uintptr_t)&data), MODULE_NONE);
	assert_int_equal(module_of(UINTPTR_MAX), MODULE_NONE);
	assert_int_equal(errno, 321);
	assert_false(module_info(0, &(struct module_info){0}));
	assert_false(module_info(module_count() + 1, &(struct module_info){0}));
	assert_false(module_info(MODULE_UNKNOWN, &(struct module_info){0}));
	free(block);
}

static void test_holds(void **unused)
{
	static const int constant = 5;
	uint32_t id = id_of_function(code);
	struct module_info info = info_of(id);

	(void)unused;
	assert_true(module_holds(id, (uintptr_t)&constant, 4));
	assert_true(module_holds(id, info.text_start, 8));
	assert_false(module_holds(id, info.start - 8, 8));
	assert_false(module_holds(id, info.end, 1));
	assert_false(module_holds(id, info.text_start + info.text_bytes - 4,
				  info.end - info.start));
	assert_false(module_holds(id, info.text_start, SIZE_MAX));
}

/* --- loading and unloading ----------------------------------------------- */

static char folder[64];

static void plugin_path(char *out, size_t bytes, const char *name)
{
	char path[512] = {0};

	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	*strrchr(path, '/') = '\0';
	snprintf(out, bytes, "%s/../../../preload/plugin/%s", path, name);
}

/* Puts plugin `name` where the loader finds it as `at`. */
static void put(const char *name, const char *at)
{
	char from[600], to[128], command[800];

	plugin_path(from, sizeof(from), name);
	snprintf(to, sizeof(to), "%s/%s", folder, at);
	unlink(to);
	snprintf(command, sizeof(command), "cp '%s' '%s'", from, to);
	assert_int_equal(system(command), 0);
}

static void *load(const char *at)
{
	char path[128];
	void *handle;

	snprintf(path, sizeof(path), "%s/%s", folder, at);
	handle = dlopen(path, RTLD_NOW);
	assert_non_null(handle);
	return handle;
}

static uint32_t id_in(void *handle)
{
	return module_of((uintptr_t)dlsym(handle, "plugin_deep"));
}

static int make_folder(void **unused)
{
	(void)unused;
	strcpy(folder, "/tmp/test_module.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **unused)
{
	char command[128];

	(void)unused;
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

static void test_changes_are_numbered(void **unused)
{
	uint64_t start = module_generation();
	uint32_t id;
	void *handle;

	(void)unused;
	assert_int_equal(module_changed_since(start, 0), 0);
	assert_int_equal(module_changed_since(0, 0), 1);
	put("deep_a.so", "one.so");
	handle = load("one.so");
	id = id_in(handle);
	assert_true(id == module_count() && !module_stays(id));
	assert_string_equal(strrchr(info_of(id).path, '/'), "/one.so");
	assert_int_equal(module_changed_since(start, 0), id);
	assert_int_equal(module_changed_since(start, id), 0);

	start = module_generation();
	module_refresh();
	assert_int_equal(module_generation(), start);
	assert_int_equal(dlclose(handle), 0);
	module_refresh();
	assert_true(info_of(id).unloaded);
	assert_int_equal(module_changed_since(start, 0), id);
}

/* Another file of the same name where the first was: another module. The same
 * file back in its place: the same module. */
static void test_reload(void **unused)
{
	uint32_t id[2] = {0};
	uintptr_t start[2] = {0};
	bool met = false, back = false;

	(void)unused;
	for (unsigned i = 0; i < 40; i++) {
		unsigned which = i / 2 % 2;
		struct module_info info;
		uint32_t now;
		void *handle;

		put(which ? "deep_b.so" : "deep_a.so", "two.so");
		handle = load("two.so");
		now = id_in(handle);
		info = info_of(now);
		assert_false(info.unloaded);
		if (id[which] && start[which] == info.start) {
			assert_int_equal(now, id[which]);
			back = true;
		}
		if (id[!which] && start[!which] == info.start) {
			assert_int_not_equal(now, id[!which]);
			assert_true(info_of(id[!which]).unloaded);
			met = true;
		}
		id[which] = now;
		start[which] = info.start;
		assert_int_equal(dlclose(handle), 0);
	}
	assert_true(met && back);
	assert_true(module_replaced() > 0);
}

static int start(void **unused)
{
	(void)unused;
	module_start();
	return module_count() >= 4 ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_build_ids),
		cmocka_unit_test(test_vdso),
		cmocka_unit_test(test_no_module),
		cmocka_unit_test(test_holds),
		cmocka_unit_test_setup_teardown(test_changes_are_numbered,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_reload, make_folder,
						remove_folder),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
