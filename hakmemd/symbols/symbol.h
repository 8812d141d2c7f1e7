/*
 * Names for addresses: function, inlined frames, file and line.
 *
 * Files that strangers mapped are read by a helper process of ours, never by
 * the daemon itself: one that crashes or hangs the reader costs only the
 * helper, which is replaced, and the file is not asked again. So a lookup
 * answers from memory, or queues a request and says "not known yet":
 *
 *   symbol_lookup --+-- known: its frames
 *                   +-- not known: 0, and a request to the helper; the answer
 *                       comes through the event loop, `settled` says when the
 *                       last one has come
 *
 * A file counts only when its build-id is the one that the process had mapped
 * (a file without one: when it has not changed since the process started).
 * Answers outlive the process. Users do not share them: a file of one user
 * cannot name the functions of another. All of it is bounded; what was not
 * asked for longest goes first. Main thread only.
 */
#ifndef HAKMEMD_SYMBOL_H
#define HAKMEMD_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "hakmemd/core/loop.h"

#define SYMBOL_FRAMES_MAX   32u	  /* of one address: 31 inlined ones, one not */
#define SYMBOL_TEXT_MAX	    1024u /* bytes of a name or path, without NUL */
#define SYMBOL_BUILD_ID_MAX 64u	  /* bytes; a longer one counts as cut */

/* A mapped file, as the program told of it. Only read during the call. */
struct symbol_module {
	const char *path;	 /* "[vdso]", or absolute; else never opened */
	const uint8_t *build_id; /* NULL when it has none */
	size_t build_id_bytes;
	uint64_t bias; /* address - bias = address in the file's tables */
	/* The process, to see the file as it does; 0 once it has ended. */
	pid_t pid;
	uid_t uid;
	uint64_t started_ns; /* CLOCK_MONOTONIC; 0 = not known */
};

/*
 * A function that the address is in. All strings are valid UTF-8 of at most
 * SYMBOL_TEXT_MAX bytes, but may hold control characters. They stay until the
 * caller returns to the event loop, however many lookups follow.
 */
struct symbol_frame {
	const char *function; /* demangled; "module+0xoffset" if not known */
	const char *file;     /* "" if not known */
	uint32_t line;	      /* 0 if not known */
	bool inlined;	      /* into the next frame */
	const char *note;     /* why there is no name; "" if there is one; a
			       * string that stays for ever */
};

struct symbol_settings {
	bool debuginfod; /* may ask the servers of $DEBUGINFOD_URLS */
	/* Called from the loop when no request is open any more; or NULL. */
	void (*settled)(void *argument);
	void *argument;
	/* For tests; 0 = the default. */
	uint64_t patience_ns;	/* that the helper gets for an answer */
	uint64_t idle_ns;	/* after which it is ended */
	uint64_t retry_ns;	/* after which a missing file is tried again */
	size_t cache_bytes;	/* of answers */
	const char *debug_path; /* instead of /usr/lib/debug */
};

struct symbols;

/* NULL with errno. The helper is started by the first request. */
struct symbols *symbols_new(struct loop *loop,
			    const struct symbol_settings *settings);
void symbols_free(struct symbols *symbols);

/*
 * The frames of `pc`, innermost first: inlined ones, then the one they are
 * inlined into. `module` NULL: in no file (code made at run time).
 * `return_address`: the call before it is meant; true for all frames of a
 * stack but the leaf. Returns how many frames were written: at most `max` (1 ..
 * SYMBOL_FRAMES_MAX), of more the outermost is kept as the last of them. 0 =
 * not known yet, and a request under way; call again when it has settled. (Of
 * very many at once some are not even asked before then.)
 */
size_t symbol_lookup(struct symbols *symbols,
		     const struct symbol_module *module, uint64_t pc,
		     bool return_address, struct symbol_frame *out, size_t max);

/*
 * "module+0xoffset" (or "0xaddress" for module NULL) into `out`, for who does
 * not want to wait. Returns the length; cut to fit.
 */
size_t symbol_raw(const struct symbol_module *module, uint64_t pc, char *out,
		  size_t room);

/* Requests without an answer. Each is answered in bounded time. */
size_t symbols_pending(const struct symbols *symbols);

/* Figures of the cache and of the helper. */
struct symbols_figures {
	uint64_t answers, answer_bytes, modules; /* now in the cache */
	uint64_t asked_total, failed_total;	 /* failed: no name found */
	uint64_t helpers_total, helpers_lost;	 /* started; crashed or hung */
	pid_t helper;				 /* 0 = none runs */
};
void symbols_figures(const struct symbols *symbols,
		     struct symbols_figures *figures);

#endif
