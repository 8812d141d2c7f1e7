/*
 * Configuration: the HAKMEM_* variables of the environment, read once into one
 * struct. proto/settings.def has a row for each: what it may be, and what holds
 * without it. A bad value is noted as an error line and the default is used.
 *
 * Written by conf_load only, before a second thread can be there; but the
 * interval, which the daemon may change.
 */
#ifndef LIBHAKMEM_CONF_H
#define LIBHAKMEM_CONF_H

#include "libhakmem/base/util.h"

#define CONF_ERRORS_MAX 8
#define CONF_LINE_MAX	192

/* Nothing points into the environment. */
struct conf {
	bool stream;
	bool look;
	bool corruption_abort;
	uint32_t interval_ms;
	uint32_t tick_ms;
	uint64_t sample_bytes;
	uint64_t histogram_bytes;
	const char *socket;	     /* NULL: the default rule */
	const char *xdg_runtime_dir; /* NULL when unset */
	const char *log;	     /* NULL: none */
	unsigned errors;
	char error[CONF_ERRORS_MAX][CONF_LINE_MAX];
};

extern HIDDEN struct conf conf;

/* Reads `environment` (NULL: all defaults) into conf. */
void conf_load(char *const *environment);

#endif
