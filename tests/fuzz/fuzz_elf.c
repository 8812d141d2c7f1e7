/*
 * The symbol index and the build-id of a file that anybody may have made. What
 * is found lies in the file; the same bytes give the same answer.
 */
#include <stdlib.h>
#include <string.h>

#include "hakmemd/symbols/elf.h"
#include "tests/fuzz/world.h"

static void look_up(Elf *file, size_t size)
{
	struct elf_index *index = elf_index_new(&file, 1);

	if (!index)
		return;
	must(elf_index_count(index) > 0);
	must(elf_index_count(index) <= size / 16 * 2 + 1);
	for (uint64_t at = 0; at < 1 << 20; at = at * 2 + 1) {
		const char *name = elf_index_find(index, at * 37);

		must(!name || strlen(name) < size);
		name = elf_index_find(index, ~at);
		must(!name || strlen(name) < size);
	}
	elf_index_free(index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t id[2][ELF_BUILD_ID_MAX];
	char *copy = malloc(size + 1);
	size_t bytes;
	Elf *file;

	must(copy);
	if (size)
		memcpy(copy, data, size);
	elf_version(EV_CURRENT);
	file = elf_memory(copy, size);
	if (file && elf_kind(file) == ELF_K_ELF) {
		bytes = elf_build_id(file, id[0]);
		must(bytes <= ELF_BUILD_ID_MAX);
		must(elf_build_id(file, id[1]) == bytes);
		must(memcmp(id[0], id[1], bytes) == 0);
		elf_has_section(file, ".debug_info");
		look_up(file, size);
	}
	if (file)
		elf_end(file);
	free(copy);
	return 0;
}
