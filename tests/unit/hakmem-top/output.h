/*
 * What a function writes to stdout or stderr, caught in a file without a name.
 */
#ifndef TESTS_OUTPUT_H
#define TESTS_OUTPUT_H

#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int output_file = -1, output_kept = -1, output_of = -1;

/* From here on what goes to `fd`, 1 or 2, is caught. */
static inline void output_catch(int fd)
{
	fflush(stdout);
	output_of = fd;
	output_kept = fcntl(fd, F_DUPFD_CLOEXEC, 10);
	output_file = memfd_create("output", MFD_CLOEXEC);
	output_file = fcntl(output_file, F_DUPFD_CLOEXEC, 10);
	dup2(output_file, fd);
}

/* Ends that; the text until then, to be freed. Harmless when not begun. */
static inline char *output_end(void)
{
	off_t length;
	char *text;

	if (output_of < 0)
		return NULL;
	fflush(stdout);
	__fpurge(stdout); /* what could not be written goes nowhere else */
	length = lseek(output_file, 0, SEEK_END);
	text = calloc(1, (size_t)length + 1);
	if (pread(output_file, text, (size_t)length, 0) != length)
		text[0] = '\0';
	if (output_kept >= 0)
		dup2(output_kept, output_of);
	else
		close(output_of);
	close(output_kept);
	close(output_file);
	output_of = -1;
	return text;
}

#endif
