/*
 * Signals as something to poll: SIGINT, SIGTERM, SIGHUP and SIGCHLD are
 * blocked and come out of a descriptor. SIGPIPE and SIGXFSZ are ignored, for
 * the errors that write returns instead. Main thread only.
 */
#ifndef HAKMEM_TOP_SIGNALS_H
#define HAKMEM_TOP_SIGNALS_H

#include <stdbool.h>

/* Sets all that up; false with errno. */
bool signals_open(void);

int signals_fd(void);

/*
 * The next signal, 0 when there is none. `*by_terminal` tells that the
 * terminal sent it, to the whole foreground process group.
 */
int signals_next(bool *by_terminal);

/* In a child before exec: everything as it was before signals_open. */
void signals_restore(void);

#endif
