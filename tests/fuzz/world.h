/*
 * The daemon without its listener, for the fuzzers: a registry, one program's
 * and one viewer's connection over real sockets, and the real loop. What the
 * fuzzer says goes through conn, session, query and all that they call.
 *
 *   world_open()  world_frame(...) and the like, any number  world_run()
 *
 * Frames are queued, then sent one by one, each when the daemon has nothing
 * left to do with those before it.
 */
#ifndef TESTS_FUZZ_WORLD_H
#define TESTS_FUZZ_WORLD_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

enum world_peer { WORLD_PROGRAM, WORLD_VIEWER, WORLD_PEERS };

/* Builds everything anew, with no process known. */
void world_open(void);

/* Queues bytes as they are, the payload of a frame, or a message. */
void world_bytes(enum world_peer peer, const void *bytes, size_t length);
void world_frame(enum world_peer peer, uint16_t type, const void *payload,
		 size_t length);
void world_message(enum world_peer peer, uint16_t type,
		   const ProtobufCMessage *message);

/* Queues a Hello of three classes with four cells. */
void world_hello(void);

/* Queues a module and two sites; they need a hello and a state before. */
void world_sites(void);

/* Queues every query about the first process. */
void world_ask(void);

/*
 * Sends what was queued, looks at whatever comes back, takes everything down.
 * Answers must be frames in order, their messages readable; size tables must
 * add up. Returns the number of frames that came to `peer` of each kind.
 */
struct world_count {
	unsigned answers[WORLD_PEERS], errors[WORLD_PEERS];
};
struct world_count world_run(void);

/* Ends the fuzzer with a message if `truth` does not hold. */
#define must(truth)                                                            \
	do {                                                                   \
		if (!(truth))                                                  \
			world_failed(__FILE__, __LINE__, #truth);              \
	} while (0)
_Noreturn void world_failed(const char *file, int line, const char *what);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
