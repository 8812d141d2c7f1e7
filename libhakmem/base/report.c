#include "libhakmem/base/report.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct line {
	char text[256];
	size_t used;
};

static void report_add(struct line *line, const char *text)
{
	while (*text && line->used < sizeof(line->text))
		line->text[line->used++] = *text++;
}

static void report_add_number(struct line *line, uint64_t value, unsigned base)
{
	char digits[24], *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do {
		*--at = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	report_add(line, at);
}

/* Not write(): a raw call is no cancellation point. */
static void report_put(int fd, const struct line *line)
{
	int saved = errno;
	long done;

	do
		done = syscall(SYS_write, fd, line->text, line->used);
	while (done < 0 && errno == EINTR);
	errno = saved;
}

static void report_put_file(const char *path, const struct line *line)
{
	int saved = errno;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path,
			      O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC |
				      O_NOFOLLOW | O_NONBLOCK,
			      0600);

	if (fd >= 0) {
		report_put(fd, line);
		syscall(SYS_close, fd);
	}
	errno = saved;
}

void report_corruption(enum reject_kind kind, const void *ptr, uint32_t stride,
		       bool aborting, const char *log)
{
	struct line line = {.used = 0};

	report_add(&line, "hakmem: ");
	report_add(&line, figures_reject_text[kind]);
	report_add(&line, ": pointer 0x");
	report_add_number(&line, (uintptr_t)ptr, 16);
	report_add(&line, ", class ");
	if (stride == REPORT_CLASS_UNKNOWN)
		report_add(&line, "unknown");
	else if (stride == REPORT_CLASS_LARGE)
		report_add(&line, "large");
	else
		report_add_number(&line, stride, 10);
	if (aborting)
		report_add(&line, " (HAKMEM_CORRUPTION=report carries on)");
	report_add(&line, "\n");
	report_put(STDERR_FILENO, &line);
	if (log)
		report_put_file(log, &line);
}

void report_log(const char *path, const char *text)
{
	struct line line = {.used = 0};

	report_add(&line, "hakmem: ");
	report_add(&line, text);
	report_add(&line, "\n");
	report_put_file(path, &line);
}
