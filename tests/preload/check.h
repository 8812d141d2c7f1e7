/*
 * What every program here needs and nothing of hakmem: these programs run
 * under any malloc. The comment at the top of a program tells tests/run how to
 * run it; the words are listed in tests/run itself.
 */
#ifndef TESTS_PRELOAD_CHECK_H
#define TESTS_PRELOAD_CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Says where and ends the process at once, from any thread or child. */
static inline void check_failed(const char *file, int line, const char *what)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "%s:%d: failed: %s (errno %d)\n",
			 file, line, what, errno);

	if (write(2, text, (size_t)n) < 0)
		_exit(9);
	_exit(1);
}

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition))                                              \
			check_failed(__FILE__, __LINE__, #condition);          \
	} while (0)

/* The pointer, but the compiler does not know where it comes from. */
static inline void *hide(void *ptr)
{
	__asm__ volatile("" : "+r"(ptr) : : "memory");
	return ptr;
}

static inline size_t hide_size(size_t n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

static inline int aligned_to(const void *ptr, size_t alignment)
{
	return ((uintptr_t)ptr & (alignment - 1)) == 0;
}

/* Fills `n` bytes so that a shift, a swap or a foreign store is seen. */
static inline void fill(void *ptr, size_t n, unsigned seed)
{
	unsigned char *bytes = (unsigned char *)ptr;

	for (size_t i = 0; i < n; i++)
		bytes[i] = (unsigned char)(seed * 31 + i * 7 + (i >> 8));
}

static inline int filled(const void *ptr, size_t n, unsigned seed)
{
	const unsigned char *bytes = (const unsigned char *)ptr;

	for (size_t i = 0; i < n; i++)
		if (bytes[i] != (unsigned char)(seed * 31 + i * 7 + (i >> 8)))
			return 0;
	return 1;
}

static inline int all_zero(const void *ptr, size_t n)
{
	const unsigned char *bytes = (const unsigned char *)ptr;

	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return 0;
	return 1;
}

static inline void sleep_ms(long ms)
{
	struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

	while (nanosleep(&pause, &pause) != 0 && errno == EINTR)
		;
}

static inline long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Resident bytes of this process, without a malloc. */
static inline long rss_bytes(void)
{
	char text[128] = {0};
	long size, resident = -1;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ||
	    sscanf(text, "%ld %ld", &size, &resident) != 2)
		check_failed(__FILE__, __LINE__, "read /proc/self/statm");
	close(fd);
	return resident * 4096;
}

/* A number from a line "NAME:  N" of /proc/self/status. */
static inline long status_number(const char *name)
{
	static char text[8192];
	char *at;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		check_failed(__FILE__, __LINE__, "read /proc/self/status");
	close(fd);
	text[n] = '\0';
	at = strstr(text, name);
	return at ? strtol(at + strlen(name) + 1, NULL, 10) : -1;
}

/* The path of a plugin: built into plugin/ beside the program. */
static inline const char *plugin_path(const char *name)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);

	if (n <= 0)
		check_failed(__FILE__, __LINE__, "readlink /proc/self/exe");
	path[n] = '\0';
	strcpy(strrchr(path, '/') + 1, "plugin/");
	strcat(path, name);
	return path;
}

/* For the tests of corruption: the names that the expectation refers to. */
static inline void announce(const char *name, const void *ptr, size_t n)
{
	char text[128];
	int length = snprintf(text, sizeof(text), "pointer 0x%lx\nclass %s",
			      (unsigned long)(uintptr_t)ptr, name);

	if (n)
		length += snprintf(text + length, sizeof(text) - (size_t)length,
				   "%zu", (n + 15) / 16 * 16);
	text[length++] = '\n';
	if (write(1, text, (size_t)length) != length)
		_exit(9);
}

/* The block's pointer and its stride: the usable size is the stride, or one
 * byte less where the block has a header. */
static inline void announce_small(void *ptr)
{
	announce("", ptr, malloc_usable_size(ptr));
}

#endif
