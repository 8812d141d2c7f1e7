#include "hakmemd/symbols/elf.h"

#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#define SECTIONS_MAX 65536u
#define BACK_MAX     16 /* how many nested symbols are looked through */

struct symbol {
	uint64_t begin, end;
	const char *name;
	uint32_t rank; /* smaller is better */
};

struct elf_index {
	size_t count, room;
	struct symbol *symbols; /* by begin */
};

/* Where code is; symbols without a type count there only. */
struct code {
	size_t count;
	struct range {
		uint64_t begin, end;
	} * ranges; /* by section */
};

static bool elf_find_code(Elf *file, struct code *code)
{
	Elf_Scn *section = NULL;
	size_t count;
	GElf_Shdr header;

	if (elf_getshdrnum(file, &count) != 0 || count > SECTIONS_MAX)
		return false;
	code->count = count;
	code->ranges = calloc(count + 1, sizeof(*code->ranges));
	if (!code->ranges)
		return false;
	while ((section = elf_nextscn(file, section))) {
		size_t at = elf_ndxscn(section);

		if (at < count && gelf_getshdr(section, &header) &&
		    header.sh_flags & SHF_EXECINSTR)
			code->ranges[at] =
				(struct range){header.sh_addr,
					       header.sh_addr + header.sh_size};
	}
	return true;
}

static struct symbol *elf_grow(struct elf_index *index)
{
	size_t room = index->room ? index->room * 2 : 256;
	struct symbol *symbols;

	if (index->count < index->room)
		return &index->symbols[index->count];
	if (index->count >= ELF_SYMBOLS_MAX)
		return NULL;
	symbols = realloc(index->symbols, room * sizeof(*symbols));
	if (!symbols)
		return NULL;
	index->symbols = symbols;
	index->room = room;
	return &symbols[index->count];
}

/* How good a name for its place: global, typed, few underscores. */
static uint32_t elf_rank_of(const GElf_Sym *symbol, const char *name)
{
	uint32_t rank = GELF_ST_TYPE(symbol->st_info) == STT_NOTYPE ? 64 : 0;

	if (symbol->st_size == 0)
		rank += 32;
	if (GELF_ST_BIND(symbol->st_info) == STB_LOCAL)
		rank += 16;
	else if (GELF_ST_BIND(symbol->st_info) == STB_WEAK)
		rank += 1; /* strong aliases of libc are the internal names */
	for (int i = 0; i < 4 && name[i] == '_'; i++)
		rank += 2;
	return rank;
}

/* Where a symbol begins and ends; false when it is not of a function here. */
static bool elf_place(const GElf_Sym *symbol, const struct code *code,
		      struct symbol *out)
{
	unsigned type = GELF_ST_TYPE(symbol->st_info);
	struct range in = {0, 0};

	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return false;
	if (symbol->st_shndx == SHN_UNDEF || symbol->st_value == 0)
		return false;
	if (symbol->st_shndx < code->count)
		in = code->ranges[symbol->st_shndx];
	if (type == STT_NOTYPE && symbol->st_size == 0 &&
	    (symbol->st_value < in.begin || symbol->st_value >= in.end))
		return false;
	out->begin = symbol->st_value;
	if (__builtin_add_overflow(out->begin, symbol->st_size, &out->end))
		out->end = UINT64_MAX;
	if (symbol->st_size == 0) /* up to the next one, at most */
		out->end = in.end > out->begin ? in.end : out->begin + 1;
	return true;
}

static void elf_add_table(struct elf_index *index, Elf *file, Elf_Scn *section,
			  const GElf_Shdr *header, const struct code *code)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t count;

	if (!data || header->sh_entsize == 0)
		return;
	count = data->d_size / header->sh_entsize;
	for (size_t i = 0; i < count && i <= INT32_MAX; i++) {
		struct symbol *to;
		GElf_Sym symbol;
		const char *name;

		if (!gelf_getsym(data, (int)i, &symbol))
			return;
		to = elf_grow(index);
		if (!to)
			return;
		if (!elf_place(&symbol, code, to))
			continue;
		name = elf_strptr(file, header->sh_link, symbol.st_name);
		if (!name || !*name || *name == '$')
			continue;
		to->name = name;
		to->rank = elf_rank_of(&symbol, name);
		index->count++;
	}
}

static void elf_add_file(struct elf_index *index, Elf *file)
{
	Elf_Scn *section = NULL;
	struct code code = {0, NULL};
	GElf_Shdr header;

	if (!elf_find_code(file, &code))
		return;
	while ((section = elf_nextscn(file, section)))
		if (gelf_getshdr(section, &header) &&
		    (header.sh_type == SHT_SYMTAB ||
		     header.sh_type == SHT_DYNSYM))
			elf_add_table(index, file, section, &header, &code);
	free(code.ranges);
}

static int elf_by_place(const void *left, const void *right)
{
	const struct symbol *a = left, *b = right;

	if (a->begin != b->begin)
		return a->begin < b->begin ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return strncmp(a->name, b->name, 256); /* no matter in which order */
}

/* One symbol a place; one without a size ends where the next begins. */
static void elf_settle(struct elf_index *index)
{
	struct symbol *all = index->symbols;
	size_t kept = 0;

	for (size_t i = 0; i < index->count; i++)
		if (kept == 0 || all[kept - 1].begin != all[i].begin)
			all[kept++] = all[i];
	for (size_t i = 0; i + 1 < kept; i++)
		if (all[i].rank & 32 && all[i].end > all[i + 1].begin)
			all[i].end = all[i + 1].begin;
	index->count = kept;
}

struct elf_index *elf_index_new(Elf *const *files, size_t count)
{
	struct elf_index *index = calloc(1, sizeof(*index));
	struct symbol *exact;

	if (!index)
		return NULL;
	for (size_t i = 0; i < count; i++)
		elf_add_file(index, files[i]);
	if (index->count == 0) {
		elf_index_free(index);
		return NULL;
	}
	qsort(index->symbols, index->count, sizeof(*index->symbols),
	      elf_by_place);
	elf_settle(index);
	exact = realloc(index->symbols, index->count * sizeof(*exact));
	if (exact)
		index->symbols = exact;
	index->room = index->count;
	return index;
}

void elf_index_free(struct elf_index *index)
{
	if (!index)
		return;
	free(index->symbols);
	free(index);
}

const char *elf_index_find(const struct elf_index *index, uint64_t address)
{
	size_t low = 0, high = index->count;

	while (low < high) { /* the first that begins after it */
		size_t middle = low + (high - low) / 2;

		if (index->symbols[middle].begin <= address)
			low = middle + 1;
		else
			high = middle;
	}
	for (int i = 0; i < BACK_MAX && low > 0; i++)
		if (address < index->symbols[--low].end)
			return index->symbols[low].name;
	return NULL;
}

size_t elf_index_count(const struct elf_index *index)
{
	return index->count;
}

/* The build-id among notes; 0 = not there. */
static size_t elf_build_id_in(Elf_Data *data, uint8_t *out)
{
	size_t at = 0, name, text, next;
	GElf_Nhdr note;

	while (data && (next = gelf_getnote(data, at, &note, &name, &text))) {
		const char *bytes = data->d_buf;

		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(bytes + name, "GNU", 4) == 0 && note.n_descsz) {
			size_t size = note.n_descsz < ELF_BUILD_ID_MAX
					      ? note.n_descsz
					      : ELF_BUILD_ID_MAX;

			memcpy(out, bytes + text, size);
			return size;
		}
		at = next;
	}
	return 0;
}

static Elf_Type elf_notes_type(uint64_t align)
{
	return align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR;
}

/*
 * By section first: the segments of a separate debug file name bytes that are
 * not in it.
 */
size_t elf_build_id(Elf *file, uint8_t *out)
{
	Elf_Scn *section = NULL;
	size_t count, size = 0;
	GElf_Shdr header;
	GElf_Phdr segment;

	while (size == 0 && (section = elf_nextscn(file, section)))
		if (gelf_getshdr(section, &header) &&
		    header.sh_type == SHT_NOTE)
			size = elf_build_id_in(elf_getdata(section, NULL), out);
	if (elf_getphdrnum(file, &count) != 0)
		return size;
	for (size_t i = 0; size == 0 && i < count && i <= INT32_MAX; i++)
		if (gelf_getphdr(file, (int)i, &segment) &&
		    segment.p_type == PT_NOTE)
			size = elf_build_id_in(
				elf_getdata_rawchunk(
					file, (int64_t)segment.p_offset,
					segment.p_filesz,
					elf_notes_type(segment.p_align)),
				out);
	return size;
}

bool elf_has_section(Elf *file, const char *name)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;
	const char *found;
	size_t names;

	if (elf_getshdrstrndx(file, &names) != 0)
		return false;
	while ((section = elf_nextscn(file, section))) {
		if (!gelf_getshdr(section, &header) ||
		    header.sh_type == SHT_NOBITS)
			continue;
		found = elf_strptr(file, names, header.sh_name);
		if (found && strcmp(found, name) == 0)
			return true;
	}
	return false;
}
