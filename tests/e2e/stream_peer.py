"""A daemon by hand: listens, takes what a program sends, answers with Control.

Only the standard library. decode() is that of the other peer, which needs a
socket in its environment; so it stands here again in its small form.
"""
import os
import select
import socket
import struct
import time

HELLO, STATE, MODULES, SITES, CONTROL = 1, 2, 3, 4, 16
HEADER = struct.Struct("<4sHHII")


def decode(raw):
    """A message as a dictionary: field -> list of ints, bytes or doubles."""
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
        if key & 7 == 0:
            value = take()
        elif key & 7 == 2:
            length = take()
            value = raw[at:at + length]
            at += length
        else:
            value = raw[at:at + 8]
            at += 8
        fields.setdefault(key >> 3, []).append(value)
    return fields


def varints(raw):
    out, value, shift = [], 0, 0
    for byte in raw:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            out.append(value)
            value = shift = 0
    return out


def words(raw):
    return list(struct.unpack("<%dQ" % (len(raw) // 8), raw))


def real(fields, number):
    return struct.unpack("<d", fields[number][0])[0] if number in fields else 0


def integer(fields, number):
    return fields.get(number, [0])[0]


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


class Peer:
    """One connection, and what was said on it."""

    def __init__(self, listener, seconds=60):
        if not select.select([listener], [], [], seconds)[0]:
            raise AssertionError("no connection")
        self.socket = listener.accept()[0]
        self.buffer = b""
        self.sequence = 0
        self.hello = None
        self.state = {}
        self.figures = {}  # name -> value
        self.states = 0
        self.modules = {}
        self.sites = {}    # id -> its newest figures
        self.stacks = {}   # id -> ((pc, module) ...)
        self.frames = []   # types, in order
        self.largest = 0

    def take(self, kind, raw):
        self.frames.append(kind)
        self.largest = max(self.largest, len(raw))
        fields = decode(raw)
        if kind == HELLO:
            self.hello = fields
        elif kind == STATE:
            self.state = fields
            self.figures = dict(zip(self.hello[14][0].decode().split(),
                                    varints(fields[2][0])))
            self.states += 1
        elif kind == MODULES:
            for raw_module in fields.get(1, []):
                module = decode(raw_module)
                self.modules[integer(module, 1)] = module
        elif kind == SITES:
            for raw_site in fields.get(1, []):
                self.take_site(decode(raw_site))

    def take_site(self, site):
        number = integer(site, 1)
        if 2 in site:
            if number in self.stacks:
                raise AssertionError("a stack was sent twice")
            self.stacks[number] = tuple(zip(words(site[2][0]),
                                            varints(site[3][0])))
        self.sites[number] = site

    def read(self, seconds):
        """Takes what comes for so long; False at the end of file."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return True
            if not select.select([self.socket], [], [], left)[0]:
                return True
            try:
                got = self.socket.recv(1 << 18)
            except ConnectionResetError:
                return False
            if not got:
                return False
            self.buffer += got
            self.cut()

    def cut(self):
        while len(self.buffer) >= HEADER.size:
            magic, version, kind, length, sequence = HEADER.unpack(
                self.buffer[:HEADER.size])
            if (magic, version, sequence) != (b"HKM1", 2, self.sequence):
                raise AssertionError("a bad frame")
            if length > 256 * 1024:
                raise AssertionError("a frame above the limit")
            if len(self.buffer) < HEADER.size + length:
                return
            self.take(kind, self.buffer[HEADER.size:HEADER.size + length])
            self.buffer = self.buffer[HEADER.size + length:]
            self.sequence += 1

    def wait(self, truth, seconds=60, what="what was waited for"):
        end = time.monotonic() + seconds
        while not truth():
            if time.monotonic() > end or not self.read(0.05):
                raise AssertionError(what + " did not come")

    def wait_states(self, count):
        upto = self.states + count
        self.wait(lambda: self.states >= upto, what="a state")

    def control(self, sample=0, off=False, interval=0, pieces=1):
        raw = b"".join(varint(field << 3) + varint(int(value))
                       for field, value in ((1, sample), (2, off),
                                            (3, interval)) if value)
        raw = HEADER.pack(b"HKM1", 2, CONTROL, len(raw), 0) + raw
        step = (len(raw) + pieces - 1) // pieces
        for at in range(0, len(raw), step):
            self.socket.sendall(raw[at:at + step])
            time.sleep(0.01 if pieces > 1 else 0)

    def close(self):
        self.socket.close()


def listen(path):
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(5)
    return listener
