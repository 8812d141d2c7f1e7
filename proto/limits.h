/*
 * Limits that both sides check: a program what a setting or a Control asks for,
 * the daemon and the viewer what they are to send. Plain numbers, so that
 * LIMIT_TEXT can put them into a message.
 */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

#define LIMIT_INTERVAL_MS_MIN 10
#define LIMIT_INTERVAL_MS_MAX 3600000
#define LIMIT_TICK_MS_MIN     1
#define LIMIT_TICK_MS_MAX     3600000

/* The sampling interval, in bytes; people write it in GiB. */
#define LIMIT_SAMPLE_GIB       1024
#define LIMIT_SAMPLE_BYTES_MAX ((uint64_t)LIMIT_SAMPLE_GIB << 30)

#define LIMIT_TEXT_(number) #number
#define LIMIT_TEXT(number)  LIMIT_TEXT_(number)

#define LIMIT_INTERVAL_TEXT                                                    \
	LIMIT_TEXT(LIMIT_INTERVAL_MS_MIN)                                      \
	" to " LIMIT_TEXT(LIMIT_INTERVAL_MS_MAX) " milliseconds"
#define LIMIT_TICK_TEXT                                                        \
	LIMIT_TEXT(LIMIT_TICK_MS_MIN)                                          \
	" to " LIMIT_TEXT(LIMIT_TICK_MS_MAX) " milliseconds"
#define LIMIT_SAMPLE_TEXT "bytes up to " LIMIT_TEXT(LIMIT_SAMPLE_GIB) "G, or 0"

#endif
