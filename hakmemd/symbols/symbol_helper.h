/*
 * The helper process that opens the files which symbol.h names addresses of. It
 * knows nothing but its socket, keeps some files open, and may die at any time.
 */
#ifndef HAKMEMD_SYMBOL_HELPER_H
#define HAKMEMD_SYMBOL_HELPER_H

#include <stdbool.h>

struct symbol_helper_settings {
	bool debuginfod;
	const char *debug_path;
};

/* Answers what comes through `channel` until it is closed; then exits. */
_Noreturn void symbol_helper_run(int channel,
				 const struct symbol_helper_settings *settings);

#endif
