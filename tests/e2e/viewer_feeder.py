#!/usr/bin/env python3
"""A daemon that says what the real one never would, for the viewer's tests.

Usage: viewer_feeder.py SOCKET MODE
  fixed    the same three processes for ever, of the first one sites and
           stacks: golden screens
  growing  the same; each site grows by a MiB with each answer
  nosites  knows no sites, as an older daemon
  rates    one process, 100 allocations and 50 frees more per state second
  split    the list in three frames joined by `more`
  hostile  escapes, bad UTF-8, lone columns, huge numbers, NaN
  many     20,000 processes, each with 20,000 sites
  garbage  bytes that are no frame
  large    a frame length above the cap
  trickle  a frame of which the end never comes
  silent   accepts, reads, never answers
  error    an ERROR frame for every question, then closes
Ends with its parent's SIGTERM.
"""
import functools
import os
import socket
import struct
import sys
import threading

import figures

PROCESSES, DETAIL, HISTORY, EXPORT, ERROR = 48, 49, 50, 51, 63
SITE_TABLE, STACK, DONE = 52, 53, 54
SECOND = 10**9


def varint(value):
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    if isinstance(value, str):
        value = value.encode()
    return varint(field << 3 | 2) + varint(len(value)) + value


def real(field, value):
    return varint(field << 3 | 1) + struct.pack("<d", value)


def reals(field, values):
    return data(field, b"".join(struct.pack("<d", value) for value in values))


def packed(field, values):
    return data(field, b"".join(varint(value) for value in values))


def message(fields):
    out = b""
    for field, value in fields.items():
        if isinstance(value, float):
            out += real(field, value)
        elif isinstance(value, int):
            out += number(field, value)
        elif isinstance(value, list):
            out += packed(field, value)
        else:
            out += data(field, value)
    return out


def process(ident, pid, command, **more):
    fields = {1: ident, 2: pid, 3: 1, 5: 7 * pid, 6: command,
              7: "/usr/bin/" + str(pid), 14: 100 * SECOND, 33: 75 * SECOND}
    named = {key: more.pop(key) for key in list(more) if key in figures.NAMES}
    fields.update({int(key[1:]): value for key, value in more.items()})
    return message(fields) + data(20, figures.zigzag(figures.values(**named)))


def fixed_processes():
    return [
        process(1, 4100, "/usr/bin/python3 serve.py --port 80", live_bytes=12913664,
                live_objects=105000, rss_bytes=34603008, allocs_total=123456789, frees_total=123351789,
                requests_1024_total=1234567, fallback_1024_total=12, page_boundary_total=4321, mincore_total=7, sample_bytes=524288,
                peak_live_bytes=15728640, histogram_bytes=16384,
                rejects_double_free=1, rejects_interior=2, refills_total=7777,
                flushes_total=6666, slabs_live=108, committed_bytes=20971520,
                returned_bytes_total=4194304, mapped_bytes=1048576,
                cached_bytes=262144, threads_live=3, threads_total=5,
                metadata_bytes=131072, messages_total=51, reconnects_total=1,
                stack_samples_total=4321, sites_live=7, sites_max=16383,
                site_overflow_total=2, no_stack_total=1,
                unwind_truncated_total=3, unwind_ns_total=250000000,
                sample_configured_bytes=524288, limiter_raised_total=1),
        process(2, 4101, "/usr/bin/python3 worker.py", f3=4100, f16=1,
                live_bytes=1048576, live_objects=900, rss_bytes=9437184, allocs_total=10000, frees_total=9100,
                requests_1024_total=1000, header_rejects_total=3, peak_live_bytes=2097152),
        process(3, 4102, "gcc -O2 -c big.c", f8=3, f11=11, live_bytes=0, allocs_total=500000,
                frees_total=499000, peak_live_bytes=99614720),
    ]


def with_base(row, **named):
    """The row of a process that has a baseline, from second 40."""
    return row + data(34, figures.zigzag(figures.values(**named))) + number(
        35, 40 * SECOND)


def processes_of(rows, now=100 * SECOND, more=None):
    out = message({2: now, 3: "0.1.0", 4: 4000, 8: figures.TEXT})
    out += b"".join(data(5, row) for row in rows)
    if more:
        out += number(7, 1)
    return out


def size_class(stride, low, high):
    return message({1: stride, 2: low, 3: high, 4: high, 5: 65536})


def fixed_detail(ident, marked):
    rows = fixed_processes()
    hello = message({1: "0.1.0", 2: 4100, 6: "/usr/bin/python3.11",
                     13: 1000, 14: figures.TEXT})
    for stride, low, high in ((16, 0, 15), (32, 16, 31), (64, 32, 63),
                              (1040, 897, 1024)):
        hello += data(10, size_class(stride, low, high))
    hello += data(12, "HAKMEM_SAMPLE=lots: want bytes; using 524288")
    state = message({1: 50 * SECOND, 10: [100000000, 20000000, 2222222, 1234567],
                     11: [99950000, 19960000, 2211222, 1230567],
                     12: [13, 20, 11, 64]})
    sizes = b""
    for low, high, requests, live, error in (
            (0, 15, 100000000, 50000, 0.0),
            (16, 31, 20000000, 40000, 0.0),
            (32, 47, 1500000, 6000, 12000.0),
            (48, 63, 722222, 5000, 12000.0),
            (1024, 1024, 1234567, 4000, 0.0)):
        sizes += data(6, message({1: low, 2: high, 3: requests,
                                  4: requests * low, 5: requests * (high + 1),
                                  6: live, 7: live * (high + 1)}) +
                      real(8, error))
    row = rows[ident - 1] if 1 <= ident <= len(rows) else rows[0]
    if marked:
        row = with_base(row)
    return (number(2, 100 * SECOND) + data(3, row) + data(4, hello) +
            data(5, state) + sizes)


def fixed_history(ident):
    times = [SECOND * second for second in range(1, 121)]
    live = [100000 * (second % 40 + 1) for second in range(120)]
    return (number(2, ident) + packed(3, times) +
            data(4, "live_bytes rss_bytes ") +
            data(5, figures.zigzag(live + live)))


KIB, MIB = 1024.0, 1048576.0


def site(ident, function, location, module, **more):
    fields = {1: ident, 2: function, 3: location, 4: module}
    fields.update({int(key[1:]): value for key, value in more.items()})
    return message(fields)


def fixed_sites():
    return [
        site(3, "json_loads_impl", "json_reader.c:412", "libjson.so.5",
             f5=7.25 * MIB, f6=0.4 * MIB, f7=61000.0, f8=3300.0, f9=340,
             f10=310.0 * MIB, f11=8.0 * MIB, f12=2.6e6, f13=14300,
             f14=2.5 * MIB, f15=7.9 * MIB, f16=187.0, f17=0.97, f21=4107,
             f22="worker-3", f23=4, f24=8.1 * MIB),
        site(7, "Cache::insert(std::string const&, Entry&&)", "cache.cc:88",
             "serve", f5=3.5 * MIB, f6=0.3 * MIB, f7=9000.0, f8=800.0,
             f9=130, f10=3.6 * MIB, f11=0.3 * MIB, f12=9300.0, f13=133,
             f14=20 * KIB, f15=3.1 * MIB, f16=2520.0, f17=0.01, f18=1,
             f19=1400.0, f20=42.0, f21=4100, f22="main", f23=1,
             f24=3.5 * MIB),
        site(5, "load_table", "", "serve", f5=1.5 * MIB, f6=0.0,
             f7=1.0, f8=0.0, f9=1, f10=1.5 * MIB, f11=0.0, f12=1.0, f13=1,
             f15=1.5 * MIB, f16=4000.0, f21=4100, f22="main", f23=1,
             f24=1.5 * MIB),
        site(9, "libplugin.so+0x1f30", "", "libplugin.so", f5=0.9 * MIB,
             f6=0.65 * MIB, f7=30.0, f8=20.0, f9=2, f10=5.0 * MIB,
             f11=1.6 * MIB, f12=170.0, f13=10, f14=60 * KIB, f16=12.0, f17=0.8,
             f21=4108, f23=2, f24=2.0 * MIB),
        site(11, "PyObject_Malloc", "obmalloc.c:615", "python3.11", f9=0,
             f10=80.0 * MIB, f11=6.0 * MIB, f12=700000.0, f13=160, f17=1.0,
             f21=4100, f22="main", f23=255, f24=6.0 * MIB),
        site(1, "", "", "", f5=0.5 * MIB, f6=0.5 * MIB, f7=40.0,
             f8=40.0, f9=1, f10=0.5 * MIB, f11=0.5 * MIB, f12=40.0, f13=1,
             f16=3.0),
    ]


def grown_sites(times, since):
    """So many MiB more each, in 20 samples a MiB."""
    more = 0.2 * MIB * times ** 0.5
    grown = times - since
    change = message({1: MIB * grown, 2: more, 5: 20 * grown, 6: MIB * grown,
                      7: more, 10: 20 * grown})
    return [row + data(30, change) + message({5: 2.0 * MIB + MIB * times, 6: more,
                           9: 100 + 20 * times, 10: 9.0 * MIB + MIB * times,
                           11: more, 13: 500 + 20 * times})
            for row in fixed_sites()]


def site_table(ident, rows, more=False, pending=False, baseline=b""):
    return (message({2: ident, 3: 100 * SECOND, 4: 1048576, 7: 13.65 * MIB,
                     8: 0.95 * MIB, 9: -0.6, 10: int(pending), 11: baseline}) +
            b"".join(data(5, row) for row in rows) +
            (number(6, 1) if more else b""))


def frame(pc, function, path, line, module, **more):
    fields = {2: function, 3: path, 4: line, 5: module}
    fields.update({int(key[1:]): value for key, value in more.items()})
    return varint(1 << 3 | 1) + struct.pack("<Q", pc) + message(fields)


def fixed_stack(ident):
    rows = [row for row, number_ in zip(fixed_sites(), (3, 7, 5, 9, 11, 1))
            if number_ == ident] or fixed_sites()[:1]
    lib, exe = "/usr/lib/libjson.so.5", "/usr/bin/python3.11"
    frames = [
        frame(0x7f0000011f30, "xmalloc", "/build/json/src/alloc.h", 31, lib,
              f6=0x11f30, f7=1),
        frame(0x7f0000011f30, "json_loads_impl", "/build/json/src/json_reader.c",
              412, lib, f6=0x11f30),
        frame(0x7f0000012040, "json_loads", "/build/json/src/json_reader.c",
              518, lib, f6=0x12040),
        frame(0x55550004a0c0, "", "", 0, "/opt/app/plugins/libplugin.so",
              f6=0x1f30, f8="build-id differs"),
        frame(0x55550001a0c0, "_PyEval_EvalFrameDefault", "Python/ceval.c",
              4190, exe, f6=0x1a0c0),
        frame(0x1234, "", "", 0, "", f8="in no module"),
        frame(0x55550001b0d0, "main", "Programs/python.c", 15, exe, f6=0x1b0d0),
    ]
    out = data(2, rows[0])
    out += b"".join(data(3, one) for one in frames) + number(4, 1)
    out += reals(5, [0, 20, 100, 900, 4000, 9000, 22000, 30000, 26000, 15000,
                     8000, 3000, 900, 400, 200, 100, 50, 20, 0, 0])
    for index, live, allocated in ((2, 6.0 * MIB, 250 * MIB),
                                   (3, 1.25 * MIB, 60 * MIB)):
        out += data(6, message({1: index, 2: 900, 3: 300, 4: 2.0e6, 5: 4.0e8,
                                6: allocated, 7: 1e13, 10: live, 11: 1e11}))
    return out


def heap_export(format_, sample, mark):
    """As many bytes as two frames hold; every value of a byte is there."""
    if format_ == "pprof":
        return b"\x1f\x8b" + bytes(range(256)) * 1200
    return ("%s of %s since %s\n" % (format_, sample or "inuse",
                                     mark or "start")).encode()


EVIL = (b"/bin/\x1b]0;owned\x07\x1b[31mred\x1b[2J\r\n\tx\x7f "
        b"\xff\xfe\xc0\xaf \xe2\x80\xae rtl \xc2\x9b31m \xe2\x80\x8b "
        b"\xe4\xb8\xad\xe6\x96\x87 \"quoted\", comma ") + b"A" * 5000


@functools.lru_cache
def many_processes(marked):
    rows = [process(i, i, "process number %d" % i, live_bytes=i)
            for i in range(1, 20001)]
    base = with_base(b"")
    return [row + base for row in rows] if marked else rows


def hostile_processes():
    big = 2**63 - 1
    return [
        process(1, 1, EVIL, live_bytes=big, live_objects=big, rss_bytes=big, allocs_total=big, frees_total=big,
                requests_1024_total=big, fallback_1024_total=big, page_boundary_total=big, mincore_total=big, header_rejects_total=big, f33=big, peak_live_bytes=big),
        process(1, 1, EVIL[:20], f16=1, f8=99),
        process(2, 2**32 - 1, b"", f16=3, f8=3, f11=2**31),
        process(3, 5, b"circle", f16=2, f8=2, f9=1, f10=2**32 - 1),
    ]


def hostile_detail():
    hello = message({1: EVIL, 6: EVIL, 13: 2**32 - 1, 14: figures.TEXT})
    hello += data(10, size_class(2**32 - 1, 0, 2**32 - 1)) * 3
    hello += data(12, EVIL) * 40
    state = message({1: 2**64 - 1, 10: [2**64 - 1], 11: [0] * 9, 12: [],
                     2: [2**64 - 1] * 50})
    sizes = data(6, message({1: 0, 2: 2**64 - 1, 3: 2**64 - 1, 7: 2**64 - 1}) +
                 real(8, float("nan")))
    sizes += data(6, message({1: 9, 2: 3, 3: 0}) + real(8, float("-inf")))
    return (data(3, hostile_processes()[0]) + data(4, hello) + data(5, state) +
            sizes)


def hostile_history():
    return (number(2, 1) + packed(3, [2**64 - 1, 5, 0, 2**63]) +
            data(4, figures.TEXT + EVIL.decode("latin-1")) +
            data(5, figures.zigzag([2**63 - 1] * 9)))


def hostile_sites():
    """More rows than one may keep, every number of a kind that hurts."""
    bad = [float("nan"), float("inf"), -1e300, 1e308, -0.0, 5e-324]
    rows = []
    for index in range(160):
        fields = {field: bad[(index + field) % len(bad)]
                  for field in (5, 6, 7, 8, 10, 11, 12, 14, 15, 16, 17, 19, 20,
                                24)}
        fields.update({1: index % 7, 2: EVIL[:400], 3: EVIL[:200],
                       4: EVIL[:90], 9: 2**64 - index, 13: index,
                       18: index & 1, 21: 2**64 - 1, 22: EVIL[:50],
                       23: 2**32 - 1})
        rows.append(message(fields))
    return (message({2: 1, 4: 2**64 - 1, 7: float("nan"), 8: float("-inf"),
                     9: float("inf"), 10: 1, 11: EVIL[:100]}) +
            b"".join(data(5, row) for row in rows))


def hostile_stack():
    evil = frame(2**64 - 1, EVIL[:300], EVIL[:300], 2**32 - 1, EVIL[:300],
                 f6=2**64 - 1, f7=1, f8=EVIL[:300])
    empty = frame(0, "", "", 0, "")
    return (data(3, evil) * 60 + data(3, empty) * 3000 + number(4, 1) +
            reals(5, [float("nan"), float("inf"), -1.0, 1e308] * 20) +
            data(6, message({1: 2**32 - 1, 6: float("inf")})) * 2000)


class Peer:
    def __init__(self, connection, mode):
        self.connection, self.mode, self.sequence = connection, mode, 0
        self.polls = self.sites = 0
        self.marks = {}  # polls and sites answered then, by name

    def send(self, kind, payload):
        self.connection.sendall(
            struct.pack("<4sHHII", b"HKM1", figures.VERSION, kind, len(payload),
                        self.sequence) + payload)
        self.sequence += 1

    def question(self):
        """The fields of the next query."""
        header = self.exactly(16)
        body = self.exactly(struct.unpack("<I", header[8:12])[0])
        fields, at = {}, 0
        while at < len(body):
            key, at = self.varint(body, at)
            value, at = self.varint(body, at)
            if key & 7 == 2:
                value, at = body[at:at + value], at + value
            fields[key >> 3] = value
        return fields

    @staticmethod
    def varint(body, at):
        value = shift = 0
        while True:
            byte = body[at]
            value |= (byte & 127) << shift
            at, shift = at + 1, shift + 7
            if byte < 128:
                return value, at

    def exactly(self, count):
        got = b""
        while len(got) < count:
            more = self.connection.recv(count - len(got))
            if not more:
                raise EOFError
            got += more
        return got

    def answer_sites(self, ident, pid, baseline):
        self.sites += 1
        if self.mode == "nosites":
            self.send(ERROR, data(2, "no query of kind 4: this is hakmemd "
                                     "0.1.0"))
            return
        if self.mode == "many":
            rows = [site(i, "function number %d" % i, "file.c:%d" % i, "many",
                         f5=float(i), f6=1.0, f9=99) for i in range(3, 20003)]
            for at in range(0, 20000, 2000):
                self.send(SITE_TABLE, site_table(ident, rows[at:at + 2000],
                                                 at < 18000, False, baseline))
            return
        rows = [] if ident not in (0, 1) or pid == 4101 else (
            grown_sites(self.sites, self.marks.get(baseline, (0, 0))[1])
            if self.mode == "growing"
            else fixed_sites())
        pending = ident == 1 or pid == 4101
        self.send(SITE_TABLE, site_table(ident, rows[:4], True, pending,
                                         baseline))
        self.send(SITE_TABLE, site_table(ident, rows[4:], False, pending,
                                         baseline))

    def answer_export(self, fields):
        words = [fields.get(field, b"").decode() for field in (6, 7, 8, 9)]
        if words[0] != "heap":
            self.send(EXPORT, data(2, "low_bytes,"))
            self.send(EXPORT, data(2, "high_bytes\n0,15\n") + number(3, 1))
        elif words[3] == "unknown":
            self.send(ERROR, data(2, "no baseline 'unknown' of pid 4100"))
        else:
            text = heap_export(*words[1:])
            self.send(EXPORT, data(2, text[:200000]))
            self.send(EXPORT, data(2, text[200000:]) + number(3, 1))

    def done(self, fields):
        """Says what the question was: MARK and CONTROL."""
        control, at, told = fields.get(11, b""), 0, []
        while at < len(control):
            key, at = self.varint(control, at)
            value, at = self.varint(control, at)
            told.append("%d=%d" % (key >> 3, value))
        self.send(DONE, data(2, "pid %d: %s %s" % (
            fields.get(4, 0), fields.get(9, b"").decode("utf-8", "replace"),
            ",".join(told))))

    def answer(self, fields):
        mode = self.mode
        what, ident = fields.get(1, 0), fields.get(3, 0)
        baseline = fields.get(9, b"")
        if what == 6:
            self.marks[baseline] = (self.polls, self.sites)
        elif what == 8:
            self.marks.pop(baseline, None)
        elif baseline not in self.marks and what != 3:
            baseline = b""
        if mode == "hostile":
            kind, text = {
                0: (PROCESSES, processes_of(hostile_processes())),
                1: (DETAIL, hostile_detail()),
                2: (HISTORY, hostile_history()),
                4: (SITE_TABLE, hostile_sites()),
                5: (STACK, hostile_stack()),
            }.get(what, (DONE, data(2, EVIL[:900])))
            self.send(kind, text)
        elif mode == "split" and what == 0:
            rows = fixed_processes()
            self.send(PROCESSES, processes_of(rows[:1], more=True))
            self.send(PROCESSES, processes_of(rows[1:2], more=True))
            self.send(PROCESSES, processes_of(rows[2:]))
        elif mode == "rates" and what == 0:
            self.polls += 1
            now = 100 + self.polls
            row = process(1, 77, "steady", f14=now * SECOND, allocs_total=100 * now,
                          frees_total=50 * now, live_bytes=1000)
            if baseline:
                then = 100 + self.marks[baseline][0]
                row = with_base(row, allocs_total=100 * then,
                                frees_total=50 * then, live_bytes=1000)
            self.send(PROCESSES, processes_of([row], now * SECOND))
        elif mode == "many" and what == 0:
            rows = many_processes(bool(baseline))
            for at in range(0, 20000, 1000):
                self.send(PROCESSES, processes_of(rows[at:at + 1000],
                                                  more=at < 19000))
        elif what == 0:
            rows = fixed_processes()
            if baseline:
                rows = [with_base(row) for row in rows]
            self.send(PROCESSES, processes_of(rows))
        elif what == 1:
            self.send(DETAIL, fixed_detail(ident, baseline))
        elif what == 2:
            self.send(HISTORY, fixed_history(ident))
        elif what == 3:
            self.answer_export(fields)
        elif what == 4:
            self.answer_sites(ident, fields.get(4, 0), baseline)
        elif what == 5:
            self.send(STACK, fixed_stack(fields.get(10, 0)))
        else:
            self.done(fields)

    def serve(self):
        mode = self.mode
        if mode == "garbage":
            self.connection.sendall(b"\x1b[2JHTTP/1.1 200 OK\r\n\r\n" * 9)
        if mode == "large":
            self.connection.sendall(
                struct.pack("<4sHHII", b"HKM1", figures.VERSION, PROCESSES, 2**32 - 1, 0))
        while True:
            fields = self.question()
            if mode in ("silent", "garbage", "large"):
                continue
            if mode == "trickle":
                self.connection.sendall(
                    struct.pack("<4sHHII", b"HKM1", figures.VERSION, PROCESSES, 100, 0) +
                    b"\x10")
                continue
            if mode == "error":
                self.send(ERROR, data(2, b"no such\x1b[31m process\nline 2"))
                self.connection.close()
                return
            self.answer(fields)


def main():
    path, mode = sys.argv[1], sys.argv[2]
    listener = socket.socket(socket.AF_UNIX)
    if os.path.exists(path):
        os.unlink(path)
    listener.bind(path)
    listener.listen(8)
    while True:
        connection, _ = listener.accept()

        def serve(peer=Peer(connection, mode)):
            try:
                peer.serve()
            except (EOFError, OSError):
                peer.connection.close()
        threading.Thread(target=serve, daemon=True).start()


main()
