/* Programs to look symbols up in: made anew by the compiler in a directory of
 * their own, so addresses and lines are what the tools of this machine say. */
#ifndef TESTS_UNIT_HAKMEMD_FIXTURE_H
#define TESTS_UNIT_HAKMEMD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hakmemd/symbols/elf.h"

static char fixture_directory[256];

static inline const char *fixture_path(const char *name)
{
	static char paths[8][512];
	static unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, 512, "%s/%s", fixture_directory, name);
	return path;
}

static inline void fixture_write(const char *name, const char *text)
{
	FILE *file = fopen(fixture_path(name), "w");

	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* A line for the shell, in the directory. */
__attribute__((format(printf, 1, 2))) static inline void
fixture_shell(const char *format, ...)
{
	char line[2048];
	va_list arguments;
	int used = snprintf(line, sizeof(line), "cd %s && ", fixture_directory);

	va_start(arguments, format);
	vsnprintf(line + used, sizeof(line) - (size_t)used, format, arguments);
	va_end(arguments);
	/* NOLINTNEXTLINE(cert-env33-c): the compiler is what is wanted */
	if (system(line) != 0)
		fail_msg("failed: %s", line);
}

static const char fixture_c[] =
	"__attribute__((noinline)) void leaf(volatile int *p) { *p += 1; }\n"
	"static inline __attribute__((always_inline)) int inner(int x)\n"
	"{\n"
	"	volatile int y = x;\n"
	"	leaf(&y);\n" /* line 5 */
	"	return y + 1;\n"
	"}\n"
	"static inline __attribute__((always_inline)) int middle(int x)\n"
	"{\n"
	"	return inner(x * 3) * 2;\n" /* line 10 */
	"}\n"
	"__attribute__((noinline)) int outer(int x)\n"
	"{\n"
	"	return middle(x) + 3;\n" /* line 14 */
	"}\n"
	"static __attribute__((noinline)) int hidden(int x)\n"
	"{\n"
	"	return outer(x) + outer(x + 1);\n"
	"}\n"
	"int main(int count, char **words)\n"
	"{\n"
	"	(void)words;\n"
	"	return hidden(count) == 12345;\n"
	"}\n";

static const char fixture_cc[] =
	"#include <string>\n"
	"#include <vector>\n"
	"#include <map>\n"
	"#include <cstdio>\n"
	"namespace shop {\n"
	"template <class T> struct box {\n"
	"	T value;\n"
	"	inline __attribute__((always_inline)) T twice() const {\n"
	"		return value + value;\n"
	"	}\n"
	"};\n"
	"__attribute__((noinline)) std::string greet(const std::string &who)\n"
	"{\n"
	"	box<std::string> b{who};\n"
	"	return b.twice();\n"
	"}\n"
	"namespace {\n"
	"__attribute__((noinline)) int count(const std::vector<int> &all)\n"
	"{\n"
	"	std::map<int, int> seen;\n"
	"	for (int one : all) seen[one]++;\n"
	"	return (int)seen.size();\n"
	"}\n"
	"}\n"
	"int run(int n)\n"
	"{\n"
	"	auto f = [n](int k) { return greet(std::to_string(n + k)); };\n"
	"	return (int)f(1).size() + count({1, 2, n});\n"
	"}\n"
	"}\n"
	"int main(int argc, char **argv)\n"
	"{\n"
	"	printf(\"%d %s\\n\", shop::run(argc), argv[0]);\n"
	"}\n";

static inline int fixture_begin(void **state)
{
	const char *where = getenv("TMPDIR");

	(void)state;
	elf_version(EV_CURRENT);
	snprintf(fixture_directory, sizeof(fixture_directory),
		 "%s/symbols-XXXXXX", where ? where : "/tmp");
	if (!mkdtemp(fixture_directory) || chmod(fixture_directory, 0755) != 0)
		return -1;
	fixture_write("one.c", fixture_c);
	fixture_write("two.cc", fixture_cc);
	/* One with DWARF 4: addr2line of binutils 2.40, which is compared with,
	 * confuses the files of some units of the other. */
	fixture_shell("gcc -g -O2 one.c -o one && strip one -o one.stripped && "
		      "g++ -g -gdwarf-4 -O2 two.cc -o two");
	return 0;
}

static inline int fixture_end(void **state)
{
	(void)state;
	fixture_shell("rm -rf %s", fixture_directory);
	return 0;
}

struct fixture_file {
	int fd;
	Elf *elf;
};

static inline struct fixture_file fixture_open(const char *name)
{
	struct fixture_file file;

	file.fd = open(fixture_path(name), O_RDONLY | O_CLOEXEC);
	assert_true(file.fd >= 0);
	file.elf = elf_begin(file.fd, ELF_C_READ_MMAP, NULL);
	assert_non_null(file.elf);
	return file;
}

static inline void fixture_close(struct fixture_file *file)
{
	elf_end(file->elf);
	close(file->fd);
}

/* Calls `each` for the functions of .symtab that have a size. */
static inline void fixture_functions(const char *name,
				     void (*each)(const GElf_Sym *symbol,
						  const char *text))
{
	struct fixture_file file = fixture_open(name);
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	GElf_Sym symbol;

	while ((section = elf_nextscn(file.elf, section))) {
		Elf_Data *data;

		assert_non_null(gelf_getshdr(section, &header));
		if (header.sh_type != SHT_SYMTAB)
			continue;
		data = elf_getdata(section, NULL);
		for (int i = 0; gelf_getsym(data, i, &symbol); i++)
			if (GELF_ST_TYPE(symbol.st_info) == STT_FUNC &&
			    symbol.st_size)
				each(&symbol,
				     elf_strptr(file.elf, header.sh_link,
						symbol.st_name));
	}
	fixture_close(&file);
}

static const char *fixture_sought;
static GElf_Sym fixture_found;

static inline void fixture_compare(const GElf_Sym *symbol, const char *text)
{
	if (strcmp(text, fixture_sought) == 0)
		fixture_found = *symbol;
}

/* A function's symbol, by its linked name. */
static inline GElf_Sym fixture_symbol(const char *name, const char *function)
{
	fixture_sought = function;
	fixture_found.st_value = 0;
	fixture_functions(name, fixture_compare);
	if (fixture_found.st_value == 0)
		fail_msg("%s has no function %s", name, function);
	return fixture_found;
}

static inline size_t fixture_build_id(const char *name, uint8_t *id)
{
	struct fixture_file file = fixture_open(name);
	size_t size = elf_build_id(file.elf, id);

	fixture_close(&file);
	return size;
}

#endif
