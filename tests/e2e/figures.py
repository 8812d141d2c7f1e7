"""The figures of proto/figures.def, for peers that speak the wire by hand."""
import os
import re

PROTO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../proto")
VERSION = 2  # of the frame


def _rows(name, pattern):
    with open(os.path.join(PROTO, name), encoding="utf-8") as source:
        text = re.sub(r"/\*.*?\*/", "", source.read(), flags=re.S)
    return re.findall(pattern, text)


def _names():
    rejects = ["rejects_" + name
               for name in _rows("rejects.def", r"REJECT\(\w+, (\w+),")]
    names = []
    for name in _rows("figures.def", r'FIGURE\(\w+, "(\w+)"|(#include)'):
        names += rejects if name[1] else [name[0]]
    return [name for name in names if not name.endswith("rejects_")]


NAMES = _names()
TEXT = "".join(name + " " for name in NAMES)


def values(**named):
    """All figures in order; those that are not named are 0."""
    unknown = set(named) - set(NAMES)
    assert not unknown, unknown
    return [named.get(name, 0) for name in NAMES]


def varint(value):
    value &= 2**64 - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(figures):
    """As sint64, what a repeated field holds."""
    return b"".join(varint(value << 1 ^ value >> 63) for value in figures)


def unzigzag(raw):
    """name -> value of a packed sint64 field; -1: not known."""
    out, value, shift = [], 0, 0
    for byte in raw:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            out.append(value >> 1 ^ -(value & 1))
            value = shift = 0
    return dict(zip(NAMES, out))
