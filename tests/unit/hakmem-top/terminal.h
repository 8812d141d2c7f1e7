/*
 * A terminal for the tests: a pseudo terminal in the place of stdin and stdout,
 * with a thread that reads what is drawn so that no drawing ever waits. What
 * stands on the screen is read back from the cells of curses.
 *
 * One at a time; works with stdin closed and without a controlling terminal.
 */
#ifndef TESTS_TERMINAL_H
#define TESTS_TERMINAL_H

/* curses also has macros of names like refresh. */
#define NCURSES_NOMACROS
#include <curses.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "hakmem-top/term/term.h"

static struct {
	int master, slave;
	int kept[2]; /* stdin and stdout of before, -1 = closed */
	int stop[2]; /* a pipe; a byte in it ends the reader */
	pthread_t reader;
	bool reading;
	pthread_mutex_t lock; /* of what follows */
	size_t used;
	char written[1 << 18]; /* the bytes that came out, a string */
} terminal = {.master = -1, .lock = PTHREAD_MUTEX_INITIALIZER};

static inline void *terminal_reader(void *unused)
{
	struct pollfd pollers[] = {{.fd = terminal.master, .events = POLLIN},
				   {.fd = terminal.stop[0], .events = POLLIN}};
	char bytes[4096];
	ssize_t got;

	while (poll(pollers, 2, -1) > 0 && !pollers[1].revents &&
	       (got = read(terminal.master, bytes, sizeof(bytes))) > 0) {
		pthread_mutex_lock(&terminal.lock);
		if ((size_t)got < sizeof(terminal.written) - terminal.used) {
			memcpy(terminal.written + terminal.used, bytes,
			       (size_t)got);
			terminal.used += (size_t)got;
			terminal.written[terminal.used] = '\0';
		}
		pthread_mutex_unlock(&terminal.lock);
	}
	return unused;
}

/* A thread of the tests takes no signal away from the main thread. */
static inline int terminal_thread(pthread_t *thread, void *(*run)(void *))
{
	sigset_t all, old;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(thread, NULL, run, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return error;
}

/* Takes closed standard descriptors, so that nothing opened later gets them. */
static inline void terminal_fill(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	close(fd);
}

/* Puts the terminal in place; false when the system has none to give. */
static inline bool terminal_open(int rows, int columns, const char *type)
{
	const struct winsize size = {.ws_row = (unsigned short)rows,
				     .ws_col = (unsigned short)columns};
	int master, slave;

	setlocale(LC_ALL, "C.UTF-8");
	setenv("TERM", type, 1);
	unsetenv("LINES");
	unsetenv("COLUMNS");
	fflush(stdout);
	if (openpty(&master, &slave, NULL, NULL, &size) != 0)
		return false;
	for (int fd = 0; fd < 2; fd++)
		terminal.kept[fd] = fd == master || fd == slave
					    ? -1
					    : fcntl(fd, F_DUPFD_CLOEXEC, 10);
	terminal.master = fcntl(master, F_DUPFD_CLOEXEC, 10);
	terminal.slave = fcntl(slave, F_DUPFD_CLOEXEC, 10);
	close(master);
	close(slave);
	dup2(terminal.slave, 0);
	dup2(terminal.slave, 1);
	terminal.used = 0;
	terminal.written[0] = '\0';
	terminal.reading =
		pipe2(terminal.stop, O_CLOEXEC) == 0 &&
		terminal_thread(&terminal.reader, terminal_reader) == 0;
	return terminal.reading;
}

/* The other end goes away, as when a window is closed. */
static inline void terminal_hang_up(void)
{
	if (terminal.reading && write(terminal.stop[1], "", 1) == 1) {
		pthread_join(terminal.reader, NULL);
		close(terminal.stop[0]);
		close(terminal.stop[1]);
		terminal.reading = false;
	}
	if (terminal.master >= 0)
		close(terminal.master);
	terminal.master = -1;
}

/* Closes the screen, if one is open, and puts back what was there before. */
static inline void terminal_close(void)
{
	term_close();
	fflush(stdout);
	for (int fd = 0; fd < 2; fd++) {
		if (terminal.kept[fd] < 0) {
			close(fd);
			continue;
		}
		dup2(terminal.kept[fd], fd);
		close(terminal.kept[fd]);
	}
	close(terminal.slave);
	terminal_hang_up();
}

/* The same with a screen on it; `ascii` as in struct term_conf. */
static inline bool terminal_screen(int rows, int columns, bool ascii)
{
	const struct term_conf conf = {.ascii = ascii, .color = true};
	char why[256];

	return terminal_open(rows, columns, "xterm") &&
	       term_open(&conf, why, sizeof(why));
}

/* Types; the keys are there for term_key when this returns. */
static inline void terminal_type(const char *keys)
{
	struct pollfd poller = {.fd = terminal.slave, .events = POLLIN};

	if (write(terminal.master, keys, strlen(keys)) > 0)
		poll(&poller, 1, 60000);
}

/*
 * The bytes that were written hold `text` behind the first `*from`, or do
 * within a minute; `*from` is then the place behind it.
 */
static inline bool terminal_wrote_since(const char *text, size_t *from)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	const char *found = NULL;

	for (int tries = 0; !found && tries < 30000; tries++) {
		pthread_mutex_lock(&terminal.lock);
		if (*from <= terminal.used)
			found = strstr(terminal.written + *from, text);
		if (found)
			*from = (size_t)(found - terminal.written) +
				strlen(text);
		pthread_mutex_unlock(&terminal.lock);
		if (!found)
			nanosleep(&pause, NULL);
	}
	return found != NULL;
}

static inline bool terminal_wrote(const char *text)
{
	size_t from = 0;

	return terminal_wrote_since(text, &from);
}

/* As if nothing had been written. */
static inline void terminal_forget(void)
{
	pthread_mutex_lock(&terminal.lock);
	terminal.used = 0;
	terminal.written[0] = '\0';
	pthread_mutex_unlock(&terminal.lock);
}

/* `columns` cells of the screen from y, x on, without blanks at the end. */
static inline const char *terminal_text(int y, int x, int columns)
{
	static char text[8192];
	wchar_t cells[1024];
	size_t used;

	if (mvinnwstr(y, x, cells, columns) == ERR)
		return "(not on the screen)";
	used = wcstombs(text, cells, sizeof(text) - 1);
	if (used == (size_t)-1)
		return "(not text)";
	while (used > 0 && text[used - 1] == ' ')
		used--;
	text[used] = '\0';
	return text;
}

/* A whole row, without blanks at the end. */
static inline const char *terminal_row(int y)
{
	return terminal_text(y, 0, getmaxx(stdscr));
}

/* The row that holds `text`, -1 when none does. */
static inline int terminal_find(const char *text)
{
	for (int y = 0; y < getmaxy(stdscr); y++)
		if (strstr(terminal_row(y), text))
			return y;
	return -1;
}

#endif
