"""A peer of hakmemd that speaks the wire by hand: program, viewer or enemy.

Only the standard library; the encoder of messages is the feeder's.
"""
import os
import socket
import struct
import time

import figures

HELLO, STATE, MODULES, SITES, CONTROL, QUERY = 1, 2, 3, 4, 16, 32
PROCESSES, DETAIL, HISTORY, EXPORT, SITE_TABLE, STACK, DONE, ERROR = (
    48, 49, 50, 51, 52, 53, 54, 63)
SITE_CLASS = ("class_index samples live_samples alloc_objects "
              "alloc_objects_var alloc_bytes alloc_bytes_var live_objects "
              "live_objects_var live_bytes live_bytes_var peak_bytes "
              "peak_objects highest_bytes lifetimes live_birth_seconds "
              "peak_bytes_var peak_objects_var").split()
PATH = os.environ["HAKMEM_SOCKET"]


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


def packed(field, values):
    return data(field, b"".join(varint(value) for value in values))


def reals(field, values):
    return data(field, struct.pack("<%dd" % len(values), *values))


def real(field, value):
    return varint(field << 3 | 1) + struct.pack("<d", value)


def fixed(field, value):
    return varint(field << 3 | 1) + struct.pack("<Q", value)


def fixeds(field, values):
    return data(field, struct.pack("<%dQ" % len(values), *values))


def decode(raw):
    """A message as a dictionary: field -> list of ints or bytes."""
    fields, at = {}, 0

    def take():
        nonlocal at
        value = shift = 0
        while True:
            byte = raw[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(raw):
        key = take()
        kind = key & 7
        if kind == 0:
            value = take()
        elif kind == 2:
            length = take()
            value = raw[at:at + length]
            at += length
        else:
            width = 8 if kind == 1 else 4
            value = raw[at:at + width]
            at += width
        fields.setdefault(key >> 3, []).append(value)
    return fields


def hello(session=1, command="enemy", classes=((16, 0, 15), (1024, 897, 1023)),
          cells=((1, 56), (1, 63)), extra=b"", names=figures.TEXT):
    out = (data(1, "0.1.0") + number(2, os.getpid()) + data(6, "/bin/enemy") +
           data(7, command) + number(13, 100))
    out += varint(4 << 3 | 1) + struct.pack("<Q", session)
    for stride, low, high in classes:
        out += data(10, number(1, stride) + number(2, low) + number(3, high) +
                    number(4, high))
    for index, cell_bin in cells:
        out += data(11, number(1, index) + number(2, cell_bin))
    return out + data(14, names) + extra


def state(allocs=(100, 50), frees=(40, 20), extra=b"", **named):
    named.setdefault("allocs_total", sum(allocs))
    named.setdefault("frees_total", sum(frees))
    named.setdefault("live_objects", sum(allocs) - sum(frees))
    return (number(1, time.monotonic_ns()) +
            packed(2, figures.values(**named)) +
            packed(10, allocs) + packed(11, frees) + extra)


def module(ident, path, start, end, bias, text=(0, 0, 0), build_id=b"",
           extra=b""):
    """A Module; `text` is address, length and offset in the file."""
    return data(1, number(1, ident) + data(2, path) + data(3, build_id) +
                fixed(4, start) + fixed(5, end) + fixed(6, bias) +
                fixed(7, text[0]) + number(8, text[1]) + number(9, text[2]) +
                extra)


def site_class(**sums):
    out = b""
    for field, name in enumerate(SITE_CLASS, 1):
        value = sums.pop(name, None)
        if value is None:
            continue
        if field <= 3:
            out += number(field, value)
        elif name == "lifetimes":
            out += reals(field, value)
        else:
            out += real(field, value)
    assert not sums, sums
    return out


def site(ident, pcs=(), modules=None, classes=(), extra=b""):
    """A Site; a class is a dictionary of site_class."""
    if modules is None:
        modules = [1] * len(pcs)
    out = number(1, ident) + fixeds(2, pcs) + packed(3, modules)
    for sums in classes:
        out += data(5, site_class(**sums))
    return data(1, out + extra)


class Peer:
    def __init__(self, path=PATH, seconds=60):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)  # waits while the queue is full
        self.socket.settimeout(seconds)
        self.sequence = 0
        self.buffer = b""

    def raw(self, raw):
        self.socket.sendall(raw)

    def frame(self, kind, payload, version=figures.VERSION, length=None, sequence=None):
        if sequence is None:
            sequence = self.sequence
        self.sequence += 1
        head = struct.pack("<4sHHII", b"HKM1", version, kind,
                           len(payload) if length is None else length,
                           sequence)
        self.raw(head + payload)
        return self

    def next(self):
        """(type, message) of the next frame; None at the end."""
        while True:
            if len(self.buffer) >= 16:
                length = struct.unpack_from("<I", self.buffer, 8)[0]
                if len(self.buffer) >= 16 + length:
                    kind = struct.unpack_from("<H", self.buffer, 6)[0]
                    payload = self.buffer[16:16 + length]
                    self.buffer = self.buffer[16 + length:]
                    return kind, decode(payload)
            try:
                more = self.socket.recv(1 << 20)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self.buffer += more

    def refused(self):
        """The text of the ERROR, after which the connection must end."""
        got = self.next()
        if got is None:
            return None
        assert got[0] == ERROR, got
        text = got[1].get(2, [b""])[0].decode()
        assert self.next() is None, "not closed after: " + text
        return text

    def ask(self, what, process_id=0, pid=0, export="", form="", sample="",
            mark="", site_id=0, control=None):
        query = number(1, what) + number(2, self.sequence + 1)
        query += number(3, process_id) + number(4, pid)
        query += data(6, export) + data(7, form) + data(8, sample)
        query += data(9, mark) + number(10, site_id)
        if control is not None:
            query += data(11, control)
        self.frame(QUERY, query)

    def exported(self):
        """The file of an EXPORT answer, or the text of an ERROR."""
        out = b""
        while True:
            kind, answer = self.next()
            if kind == ERROR:
                return answer[2][0].decode()
            assert kind == EXPORT, kind
            out += answer.get(2, [b""])[0]
            if answer.get(3, [0])[0]:
                return out

    def close(self):
        self.socket.close()


def processes(path=PATH):
    """All rows of the process table, as decoded messages."""
    viewer, rows = Peer(path), []
    viewer.ask(0)
    while True:
        kind, answer = viewer.next()
        assert kind == PROCESSES, (kind, answer)
        rows += [decode(row) for row in answer.get(5, [])]
        if not answer.get(7, [0])[0]:
            viewer.close()
            return rows


def refused_total(path=PATH):
    viewer = Peer(path)
    viewer.ask(0)
    answer = viewer.next()[1]
    viewer.close()
    return answer.get(6, [0])[0]
