#include "hakmemd/peers/procfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hakmemd/core/clock.h"

/* The file's first room - 1 bytes as a string; false when unreadable. */
static bool procfs_slurp(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t used = 0;
	ssize_t got;

	if (fd < 0)
		return false;
	while (used < room - 1 &&
	       (got = read(fd, text + used, room - 1 - used)) > 0)
		used += (size_t)got;
	close(fd);
	text[used] = '\0';
	return used > 0;
}

/* Where field `number` begins; the text starts with field 3. NULL if short. */
static const char *procfs_field(const char *text, unsigned number)
{
	for (unsigned at = 3; at < number; at++) {
		text = strchr(text, ' ');
		if (!text)
			return NULL;
		text++;
	}
	return text;
}

bool procfs_stat(pid_t pid, struct procfs_stat *out)
{
	char path[64], text[2048];
	const char *at, *ticks, *status;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || !procfs_slurp(path, text, sizeof(text)))
		return false;
	at = strrchr(text, ')'); /* the name may hold blanks and ')' */
	if (!at || at[1] != ' ')
		return false;
	at += 2;
	ticks = procfs_field(at, 22);
	status = procfs_field(at, 52);
	if (!ticks)
		return false;
	out->state = *at;
	out->parent = (pid_t)strtol(procfs_field(at, 4), NULL, 10);
	out->start_ticks = strtoull(ticks, NULL, 10);
	out->exit_status = status ? (int)strtol(status, NULL, 10) : 0;
	return true;
}

bool procfs_rss(pid_t pid, uint64_t *bytes)
{
	unsigned long pages;
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if (pid <= 0 || !procfs_slurp(path, text, sizeof(text)) ||
	    sscanf(text, "%*u %lu", &pages) != 1)
		return false;
	*bytes = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

bool procfs_cpu_ns(pid_t pid, uint64_t *ns)
{
	struct timespec time;
	clockid_t clock;

	if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 ||
	    clock_gettime(clock, &time) != 0)
		return false;
	*ns = (uint64_t)time.tv_sec * CLOCK_SECOND + (uint64_t)time.tv_nsec;
	return true;
}

bool procfs_is_ours(pid_t pid)
{
	unsigned real, effective, saved, us = geteuid();
	char path[64], text[4096];
	const char *at;

	if (us == 0)
		return true;
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (!procfs_slurp(path, text, sizeof(text)))
		return false;
	at = strstr(text, "\nUid:");
	return at &&
	       sscanf(at + 5, "%u %u %u", &real, &effective, &saved) == 3 &&
	       real == us && effective == us && saved == us;
}

bool procfs_environment(pid_t pid, const char *name, char *out, size_t room)
{
	size_t length = strlen(name), size = 0;
	char path[64], *line = NULL;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	file = fopen(path, "re");
	while (file && !found && getdelim(&line, &size, '\0', file) > 0) {
		found = strncmp(line, name, length) == 0 && line[length] == '=';
		if (found)
			snprintf(out, room, "%s", line + length + 1);
	}
	if (file)
		fclose(file);
	free(line);
	return found;
}

bool procfs_is_called(pid_t pid, const char *name)
{
	char path[64], text[32];

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	if (!procfs_slurp(path, text, sizeof(text)))
		return false;
	text[strcspn(text, "\n")] = '\0';
	return strcmp(text, name) == 0;
}

void procfs_executable(pid_t pid, char *out, size_t room)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	length = readlink(path, out, room - 1);
	out[length > 0 ? length : 0] = '\0';
}

void procfs_command(pid_t pid, char *out, size_t room)
{
	char path[64];
	int fd;
	ssize_t got = 0;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		got = read(fd, out, room - 1);
		close(fd);
	}
	while (got > 0 && out[got - 1] == '\0')
		got--;
	for (ssize_t i = 0; i < got; i++)
		if (out[i] == '\0')
			out[i] = ' ';
	out[got > 0 ? got : 0] = '\0';
}

uint64_t procfs_start_ns(uint64_t start_ticks)
{
	uint64_t hertz = (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t since_boot = clock_read(CLOCK_BOOTTIME), start, age;

	if (start_ticks == 0 || start_ticks > UINT64_MAX / CLOCK_SECOND)
		return 0;
	start = start_ticks * (CLOCK_SECOND / hertz);
	age = since_boot > start ? since_boot - start : 0;
	return clock_ns() > age ? clock_ns() - age : 0;
}

/* The number after NAME at the start of a line; 0 if it is not there. */
static uint64_t procfs_counter(const char *text, const char *name)
{
	size_t length = strlen(name);

	while (text) {
		if (strncmp(text, name, length) == 0 && text[length] == ' ')
			return strtoull(text + length + 1, NULL, 10);
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return 0;
}

/* Where the kernel counts the kills of a cgroup, by the line that names it. */
static const struct {
	const char *line, *directory, *file;
} procfs_hierarchies[] = {
	{"0::/", "/sys/fs/cgroup", "memory.events.local"},
	{":memory:/", "/sys/fs/cgroup/memory", "memory.oom_control"},
};

void procfs_oom_events(pid_t pid, char events[PROCFS_EVENTS_MAX])
{
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (!procfs_slurp(path, text, sizeof(text)))
		text[0] = '\0';
	for (size_t i = 0;
	     i < sizeof(procfs_hierarchies) / sizeof(procfs_hierarchies[0]);
	     i++) {
		const char *group = strstr(text, procfs_hierarchies[i].line);
		int length;

		if (!group)
			continue;
		group += strlen(procfs_hierarchies[i].line) - 1;
		length = snprintf(events, PROCFS_EVENTS_MAX, "%s%.*s/%s",
				  procfs_hierarchies[i].directory,
				  (int)strcspn(group, "\n"), group,
				  procfs_hierarchies[i].file);
		if (length < (int)PROCFS_EVENTS_MAX &&
		    access(events, R_OK) == 0)
			return;
	}
	events[0] = '\0';
}

bool procfs_oom_kills(const char *events, uint64_t *kills)
{
	char text[16384];

	if (!procfs_slurp(events ? events : "/proc/vmstat", text, sizeof(text)))
		return false;
	*kills = procfs_counter(text, "oom_kill");
	return true;
}
