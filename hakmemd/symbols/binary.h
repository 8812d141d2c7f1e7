/*
 * The file that a process had mapped, and its separate debug file.
 *
 * A path is only a hint: it is tried as the process sees it while it lives, as
 * we see it, and the file found is taken when its build-id is the one wanted.
 * Paths come from strangers: only regular files are ever opened for reading,
 * and a path of another mount namespace does not leave it by symbolic links.
 */
#ifndef HAKMEMD_BINARY_H
#define HAKMEMD_BINARY_H

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BINARY_PATH_MAX	  4096u
#define BINARY_ID_MAX	  64u
#define BINARY_DEBUG_PATH "/usr/lib/debug"

struct binary_wanted {
	const char *path; /* absolute, or "[vdso]" */
	const uint8_t *id;
	size_t id_bytes; /* build-id; 0 = it has none */
	pid_t pid;	 /* 0 = it has ended */
	/* CLOCK_REALTIME; 0 = not known. Without a build-id a file counts if
	 * nothing changed it since. */
	uint64_t started_ns;
};

enum binary_result {
	BINARY_FOUND,
	BINARY_ABSENT,	   /* no file there */
	BINARY_UNREADABLE, /* not for us */
	BINARY_NO_ELF,
	BINARY_DIFFERS, /* another build-id */
	BINARY_UNSURE,	/* no build-id, and it may have changed */
};

/* An open file; `elf` is NULL when there is none. */
struct binary {
	Elf *elf;
	int fd; /* -1 = none */
};

/* Opens the file; on any result but BINARY_FOUND `*binary` is empty. */
enum binary_result binary_open(struct binary *binary,
			       const struct binary_wanted *wanted);

/*
 * Opens the file with the symbols and lines of `wanted` that was kept apart:
 * by build-id below `debug_path`, here or where the process lives; or by the
 * debug link of `binary`, which may be empty. False if there is none, or no
 * build-id to know it by.
 */
bool binary_open_debug(struct binary *debug, const struct binary_wanted *wanted,
		       const struct binary *binary, const char *debug_path);

/* Takes `fd`, a file that must have the build-id wanted. */
bool binary_adopt(struct binary *binary, int fd,
		  const struct binary_wanted *wanted);

/* Closes and empties it. */
void binary_close(struct binary *binary);

#endif
