/*
 * The command line. One table is what is understood and what --help shows.
 */
#ifndef HAKMEMD_OPTIONS_H
#define HAKMEMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
	const char *socket; /* NULL = by the rule of proto/path.h */
	bool detach, debuginfod, help, version;
	uint64_t idle_seconds, retain_seconds;
};

/* Parses; false after one line on stderr that names what was wrong. */
bool options_parse(struct options *options, int count, char **words);

/* Writes the help to stdout. */
void options_help(void);

#endif
