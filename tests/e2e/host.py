"""A python3 that allocates as it is told: one command a line on stdin, one
line "done" on stdout for each. Calls malloc by itself, so figures are exact.

  alloc SIZE COUNT     keeps COUNT blocks of SIZE bytes
  free                 frees all that alloc kept
  churn MS             allocates and frees for so long, and with a good part of
                       it on a processor
  pace MS              the same, slowly; prints for how many ms it was blocked
                       at most
  boundary COUNT       frees blocks whose header is on the page before
  wrong COUNT          frees foreign pointers
  thread               starts a thread that does nothing
  fork COUNT           children that keep 100 blocks of 5000 bytes; prints pids
  exit STATUS
"""
import ctypes
import mmap
import os
import resource
import sys
import threading
import time

libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.memalign.restype = ctypes.c_void_p
libc.memalign.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

kept = []
foreign = mmap.mmap(-1, 16384)
foreign_at = ctypes.addressof(ctypes.c_char.from_buffer(foreign))


def alloc(size, count):
    kept.extend(libc.malloc(size) for _ in range(count))


def free():
    while kept:
        libc.free(kept.pop())


def churn(ms):
    end, work = time.monotonic() + ms / 1000, time.thread_time() + ms / 4000
    while time.monotonic() < end or time.thread_time() < work:
        for _ in range(50):
            libc.free(libc.malloc(100000))


def pace(ms):
    end, longest, rounds = time.monotonic() + ms / 1000, 0, ms // 10
    while True:
        begin, waits = time.monotonic(), waited()
        if begin > end and rounds <= 0:
            return round(longest * 1000)
        for _ in range(40):
            libc.free(libc.malloc(100000))
        if waited() != waits:
            longest = max(longest, time.monotonic() - begin)
        rounds -= 1
        time.sleep(0.005)


def waited():
    """How often it gave up the processor; not how often it was taken away."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def boundary(count):
    for _ in range(count):
        libc.free(libc.memalign(4096, 100000))


def wrong(count):
    for _ in range(count):
        libc.free(foreign_at + 8192 + 64)


def thread():
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()


def fork(count):
    pids = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            alloc(5000, 100)
            pace(10 ** 9)
        pids.append(pid)
    return " ".join(map(str, pids))


def leave(status):
    sys.exit(status)


commands = dict(alloc=alloc, free=free, churn=churn, pace=pace,
                boundary=boundary, wrong=wrong, thread=thread, fork=fork,
                exit=leave)
for line in sys.stdin:
    name, *numbers = line.split()
    result = commands[name](*map(int, numbers))
    print("done" if result is None else result, flush=True)
