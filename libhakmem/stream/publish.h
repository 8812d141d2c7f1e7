/*
 * Publishing: the connection to the daemon. Non-blocking throughout; whatever
 * fails is dropped, counted and tried again later. State, not events: a full
 * Hello and State on every connection, so nothing lost matters.
 *
 * In a program with one thread the snapshots go out from the heap's slow path
 * (publish_poll is its hook); once the program makes a second thread, from a
 * thread of ours with every signal blocked. errno is kept.
 */
#ifndef LIBHAKMEM_PUBLISH_H
#define LIBHAKMEM_PUBLISH_H

#include "libhakmem/base/lock.h"
#include "libhakmem/base/util.h"
#include "proto/hakmem.pb-c.h"

/* Connects and says hello, when streaming is on. Once, from the constructor. */
void publish_start(void);

/* Sends a snapshot if one is due. */
void publish_poll(uint64_t now_ns);

/* The program is about to have a second thread: starts ours, once. */
void publish_thread(int (*create)(void *thread, const void *attr,
				  void *(*run)(void *), void *arg));

/* The last snapshot, from the exiting thread; at most 100 ms. */
void publish_finish(void);

/* Closes the connection and says no more: no system call of ours follows. */
void publish_stop(void);

/* Fork takes it with all others; see fork.h. */
extern HIDDEN struct lock publish_lock;

/* Who this process is, and its state with the figures of the connection; `pid`
 * is what /proc calls it. Valid until the next call of either. */
Hakmem__Hello *publish_hello(uint32_t pid, uint32_t parent_pid);
Hakmem__State *publish_state(void);

/* In the child of a fork: a session of its own. */
void publish_child(void);

#endif
