#!/usr/bin/env python3
"""A daemon that says what the real one never would, for the viewer's tests.

Usage: viewer_feeder.py SOCKET MODE
  fixed    the same three processes for ever: golden screens
  rates    one process, 100 allocations and 50 frees more per state second
  split    the list in three frames joined by `more`
  hostile  escapes, bad UTF-8, lone columns, huge numbers, NaN
  many     20,000 processes
  garbage  bytes that are no frame
  large    a frame length above the cap
  trickle  a frame of which the end never comes
  silent   accepts, reads, never answers
  error    an ERROR frame for every question, then closes
Ends with its parent's SIGTERM.
"""
import os
import socket
import struct
import sys
import threading

PROCESSES, DETAIL, HISTORY, EXPORT, ERROR = 48, 49, 50, 51, 63
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
              7: "/usr/bin/" + str(pid), 14: 50 * SECOND, 33: 75 * SECOND}
    fields.update({int(key[1:]): value for key, value in more.items()})
    return message(fields)


def fixed_processes():
    return [
        process(1, 4100, "/usr/bin/python3 serve.py --port 80", f20=12913664,
                f21=105000, f22=34603008, f23=123456789, f24=123351789,
                f25=1234567, f26=12, f27=4321, f28=7, f30=524288,
                f32=15728640),
        process(2, 4101, "/usr/bin/python3 worker.py", f3=4100, f16=1,
                f20=1048576, f21=900, f22=9437184, f23=10000, f24=9100,
                f25=1000, f29=3, f32=2097152),
        process(3, 4102, "gcc -O2 -c big.c", f8=3, f11=11, f20=0, f23=500000,
                f24=499000, f32=99614720),
    ]


def processes_of(rows, now=100 * SECOND, more=None):
    out = message({2: now, 3: "0.1.0", 4: 4000})
    out += b"".join(data(5, row) for row in rows)
    if more:
        out += number(7, 1)
    return out


def size_class(stride, low, high):
    return message({1: stride, 2: low, 3: high, 4: high, 5: 65536})


def fixed_detail(ident):
    rows = fixed_processes()
    hello = message({1: "0.1.0", 2: 4100, 6: "/usr/bin/python3.11",
                     13: 1000})
    for stride, low, high in ((16, 0, 15), (32, 16, 31), (64, 32, 63),
                              (1040, 897, 1024)):
        hello += data(10, size_class(stride, low, high))
    hello += data(12, "HAKMEM_SAMPLE=lots: want bytes; using 524288")
    state = message({1: 50 * SECOND, 10: [100000000, 20000000, 2222222, 1234567],
                     11: [99950000, 19960000, 2211222, 1230567],
                     12: [13, 20, 11, 64], 28: 16384, 42: [1, 0, 0, 2, 0, 0],
                     50: 7777, 51: 6666, 52: 108, 53: 20971520, 54: 4194304,
                     55: 1048576, 57: 262144, 58: 3, 59: 5, 60: 131072,
                     70: 51, 72: 1})
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
    return (number(2, 100 * SECOND) + data(3, row) + data(4, hello) +
            data(5, state) + sizes)


def fixed_history(ident):
    times = [SECOND * second for second in range(1, 121)]
    live = [100000 * (second % 40 + 1) for second in range(120)]
    return (number(2, ident) + packed(3, times) + packed(4, live) +
            packed(6, live) + packed(7, live))


EVIL = (b"/bin/\x1b]0;owned\x07\x1b[31mred\x1b[2J\r\n\tx\x7f "
        b"\xff\xfe\xc0\xaf \xe2\x80\xae rtl \xc2\x9b31m \xe2\x80\x8b "
        b"\xe4\xb8\xad\xe6\x96\x87 \"quoted\", comma ") + b"A" * 5000


def hostile_processes():
    big = 2**64 - 1
    return [
        process(1, 1, EVIL, f20=big, f21=big, f22=big, f23=big, f24=big,
                f25=big, f26=big, f27=big, f28=big, f29=big, f33=big, f32=big),
        process(1, 1, EVIL[:20], f16=1, f8=99),
        process(2, 2**32 - 1, b"", f16=3, f8=3, f11=2**31),
        process(3, 5, b"circle", f16=2, f8=2, f9=1, f10=2**32 - 1),
    ]


def hostile_detail():
    hello = message({1: EVIL, 6: EVIL, 13: 2**32 - 1})
    hello += data(10, size_class(2**32 - 1, 0, 2**32 - 1)) * 3
    hello += data(12, EVIL) * 40
    state = message({1: 2**64 - 1, 10: [2**64 - 1], 11: [0] * 9, 12: [],
                     42: [2**64 - 1] * 50})
    sizes = data(6, message({1: 0, 2: 2**64 - 1, 3: 2**64 - 1, 7: 2**64 - 1}) +
                 real(8, float("nan")))
    sizes += data(6, message({1: 9, 2: 3, 3: 0}) + real(8, float("-inf")))
    return (data(3, hostile_processes()[0]) + data(4, hello) + data(5, state) +
            sizes)


def hostile_history():
    return (number(2, 1) + packed(3, [2**64 - 1, 5, 0, 2**63]) +
            packed(4, [2**64 - 1] * 9) + packed(6, [1] * 5) + packed(7, [1] * 5))


class Peer:
    def __init__(self, connection, mode):
        self.connection, self.mode, self.sequence = connection, mode, 0
        self.polls = 0

    def send(self, kind, payload):
        self.connection.sendall(
            struct.pack("<4sHHII", b"HKM1", 1, kind, len(payload),
                        self.sequence) + payload)
        self.sequence += 1

    def question(self):
        """The `what` and process_id of the next query."""
        header = self.exactly(16)
        body = self.exactly(struct.unpack("<I", header[8:12])[0])
        fields, at = {}, 0
        while at < len(body):
            key, at = self.varint(body, at)
            value, at = self.varint(body, at)
            if key & 7 == 2:
                value, at = body[at:at + value], at + value
            fields[key >> 3] = value
        return fields.get(1, 0), fields.get(3, 0)

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

    def answer(self, what, ident):
        mode = self.mode
        if mode == "hostile":
            if what == 0:
                self.send(PROCESSES, processes_of(hostile_processes()))
            elif what == 1:
                self.send(DETAIL, hostile_detail())
            else:
                self.send(HISTORY, hostile_history())
        elif mode == "split" and what == 0:
            rows = fixed_processes()
            self.send(PROCESSES, processes_of(rows[:1], more=True))
            self.send(PROCESSES, processes_of(rows[1:2], more=True))
            self.send(PROCESSES, processes_of(rows[2:]))
        elif mode == "rates" and what == 0:
            self.polls += 1
            now = 100 + self.polls
            self.send(PROCESSES, processes_of(
                [process(1, 77, "steady", f14=now * SECOND, f23=100 * now,
                         f24=50 * now, f20=1000)], now * SECOND))
        elif mode == "many" and what == 0:
            rows = [process(i, i, "process number %d" % i, f20=i)
                    for i in range(1, 20001)]
            for at in range(0, 20000, 2000):
                self.send(PROCESSES, processes_of(rows[at:at + 2000],
                                                  more=at < 18000))
        elif what == 0:
            self.send(PROCESSES, processes_of(fixed_processes()))
        elif what == 1:
            self.send(DETAIL, fixed_detail(ident))
        elif what == 2:
            self.send(HISTORY, fixed_history(ident))
        else:
            self.send(EXPORT, data(2, "low_bytes,"))
            self.send(EXPORT, data(2, "high_bytes\n0,15\n") + number(3, 1))

    def serve(self):
        mode = self.mode
        if mode == "garbage":
            self.connection.sendall(b"\x1b[2JHTTP/1.1 200 OK\r\n\r\n" * 9)
        if mode == "large":
            self.connection.sendall(
                struct.pack("<4sHHII", b"HKM1", 1, PROCESSES, 2**32 - 1, 0))
        while True:
            what, ident = self.question()
            if mode in ("silent", "garbage", "large"):
                continue
            if mode == "trickle":
                self.connection.sendall(
                    struct.pack("<4sHHII", b"HKM1", 1, PROCESSES, 100, 0) +
                    b"\x10")
                continue
            if mode == "error":
                self.send(ERROR, data(2, b"no such\x1b[31m process\nline 2"))
                self.connection.close()
                return
            self.answer(what, ident)


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
