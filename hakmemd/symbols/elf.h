/*
 * Tells which symbol an address is in: a sorted index of a file's function
 * symbols, made once. libdw's own search goes through all of them each time.
 *
 * The file may be anybody's: nothing in it is believed but what libelf has
 * checked, and counts are capped.
 */
#ifndef HAKMEMD_ELF_H
#define HAKMEMD_ELF_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_SYMBOLS_MAX	 (4u << 20)
#define ELF_BUILD_ID_MAX 64u

struct elf_index;

/*
 * The functions in .symtab and .dynsym of `count` files with the same addresses
 * (a file, its separate debug file); NULL when there are none, or no memory.
 * Names stay in the files, which must be kept open.
 */
struct elf_index *elf_index_new(Elf *const *files, size_t count);
void elf_index_free(struct elf_index *index);

/*
 * The symbol that covers `address`: its name, ending with a NUL unless the file
 * has changed since; NULL if there is none. Where several do: the innermost;
 * of those at one place the global one, with the fewest underscores before it.
 */
const char *elf_index_find(const struct elf_index *index, uint64_t address);

size_t elf_index_count(const struct elf_index *index);

/* The GNU build-id, at most ELF_BUILD_ID_MAX bytes of it; 0 = it has none. */
size_t elf_build_id(Elf *file, uint8_t *out);

/* Has a section of this name with contents? */
bool elf_has_section(Elf *file, const char *name);

#endif
