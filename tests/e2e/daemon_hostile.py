"""What the world throws at hakmemd; each function is one enemy. After each the
daemon must answer a viewer at once, with its memory and descriptors bounded.

Usage: daemon_hostile.py DAEMON_PID [NAME...]
"""
import array
import os
import random
import socket
import struct
import sys
import time

import figures

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon_peer import (DETAIL, ERROR, HELLO, MODULES, QUERY, SITES, STATE,
                         Peer, data, hello, module, number, packed,
                         processes, reals, refused_total, site, state)


def wants(text, expected):
    assert text is not None and expected in text, (text, expected)


def garbage():
    for raw in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 64, b"HKM2" + b"\0" * 12,
                random.randbytes(100000)):
        peer = Peer()
        try:
            peer.raw(raw)
        except (BrokenPipeError, ConnectionResetError):
            pass
        wants(peer.refused(), "magic")


def lengths():
    for length in (2**18 + 1, 2**31, 2**32 - 1):
        peer = Peer().frame(HELLO, b"", length=length)
        wants(peer.refused(), "larger than 256 KiB")
    wants(Peer().frame(STATE, b"").refused(), "neither HELLO nor QUERY")
    Peer().frame(HELLO, b"").close()


def versions():
    wants(Peer().frame(HELLO, hello(), version=3).refused(), "version")
    peer = Peer().frame(HELLO, hello())
    wants(peer.frame(STATE, state(), sequence=7).refused(), "was due")


def order():
    wants(Peer().frame(QUERY, b"").frame(HELLO, hello()).next()
          and Peer().frame(DETAIL, b"").refused(), "neither")
    wants(Peer().frame(HELLO, hello()).frame(HELLO, hello()).refused(),
          "out of place")
    wants(Peer().frame(HELLO, hello()).frame(QUERY, b"").refused(),
          "out of place")
    wants(Peer().frame(STATE, state()).refused(), "neither")


def truncated():
    for raw in (b"H", b"HKM1\2\0", struct.pack("<4sHHII", b"HKM1", 2, HELLO,
                                               1000, 0) + b"x" * 500):
        peer = Peer()
        peer.raw(raw)
        peer.close()


def trickle():
    """The handshake has a deadline, however busily bytes trickle in."""
    begin, peers = time.monotonic(), [Peer() for _ in range(20)]
    raw = struct.pack("<4sHHII", b"HKM1", 2, HELLO, 1000, 0) + b"x" * 900
    for step in range(600):
        for peer in peers:
            try:
                peer.raw(raw[step:step + 1])
            except (BrokenPipeError, ConnectionResetError):
                assert time.monotonic() - begin > 4
                wants(peer.refused(), "in time")
                return
        time.sleep(0.1)
    raise AssertionError("never disconnected")


def messages():
    """Messages that make no sense, or would cost more than they weigh."""
    bad = [
        b"\xff" * 100, b"\x0a\xff\xff\xff\xff\x0f",
        b"\x52\0" * 120000, b"\x5a\0" * 120000, b"\x62\0" * 120000,
        b"".join(number(field, 1) for field in range(1000, 60000)),
        hello(classes=((16, 0, 15),) * 300),
        hello(classes=((16, 9, 3),)), hello(classes=((0, 0, 0),)),
        hello(classes=((16, 0, 99),)),
        hello(cells=((9, 3),)), hello(cells=((1, 5000),)),
        hello(cells=((1, 0),)), hello(cells=((1, 63), (1, 63))),
        hello(cells=((1, 63),) * 9000),
        hello(names="live_bytes  rss_bytes"), hello(names="live_bytes\n"),
        hello(names="live_bytes rss_bytes live_bytes"),
        hello(names="x " * 513), hello(names="x" * 100 + " \xff"),
    ]
    for payload in bad:
        wants(Peer().frame(HELLO, payload[:2**18]).refused(), "HELLO")
    for extra in (reals(21, [float("nan")] * 2), reals(21, [float("inf")] * 2),
                  reals(22, [1e300] * 2), reals(21, [1.0] * 9),
                  packed(20, [1] * 70000), packed(10, [2**64 - 1] * 2),
                  data(15, number(1, 400)),
                  data(15, number(1, 4)) + data(15, number(1, 4)),
                  b"\x7a\0" * 120000):
        peer = Peer().frame(HELLO, hello(session=random.getrandbits(63)))
        wants(peer.frame(STATE, state(extra=extra)[:2**18]).refused(), "STATE")


def numbers():
    """Extreme figures are kept, and computed with, without harm."""
    top = 2**64 - 1
    peer = Peer().frame(HELLO, hello(session=77))
    extra = reals(21, [-1.0, 1e-300])
    extra += reals(22, [1e39, 1e39]) + reals(24, [-0.5, 0])
    extra += data(15, number(1, 368) + number(2, 2**56) + number(3, top) +
                  number(4, top) + number(5, 2**56) + number(6, top))
    peer.frame(STATE, state(allocs=(2**56, 2**56), frees=(2**56, 0),
                            extra=extra, **dict.fromkeys(figures.NAMES, top)))
    viewer = Peer()
    for what in (1, 2):
        viewer.ask(what, pid=os.getpid())
        assert viewer.next()[0] == 48 + what
    for what in ("sizes", "classes"):
        for form in ("csv", "json"):
            viewer.ask(3, pid=os.getpid(), export=what, form=form)
            kind, answer = viewer.next()
            assert kind == 51 and answer[3] == [1], (kind, answer)
            assert b"nan" not in answer[2][0] and b"inf" not in answer[2][0]
    peer.close()
    viewer.close()


def names():
    """Escapes, NULs, bad UTF-8 and lengths in what others chose."""
    evil = b"\x1b[2J\x1b]0;x\x07\xff\xfe\xc0\xaf\xed\xa0\x80\r\n\"\\" + b"A" * 60000
    plain = hello(session=5, command="")
    peer = Peer().frame(HELLO, plain + data(7, evil) + data(6, evil) +
                        data(1, evil) + b"".join(data(12, evil[:999])
                                                 for _ in range(60)))
    peer.frame(STATE, state())
    viewer = Peer()
    viewer.ask(3, pid=os.getpid(), export="sizes", form="json")
    kind, answer = viewer.next()
    import json
    command = json.loads(answer[2][0])["command"]
    assert kind == 51 and len(command) <= 4096 and "??" in command, command
    peer.close()
    viewer.close()
    peer = Peer().frame(HELLO, plain + data(7, b"ab\0cd"))
    until(lambda: [row for row in processes()
                   if row[2] == [os.getpid()]][-1][6][0] == b"ab", "the name")
    peer.close()


def heaps():
    """Sites and modules that make no sense, or would cost too much."""
    top = 2**64 - 1
    nan, inf = float("nan"), float("inf")
    bad = [
        (MODULES, b"\xff" * 9), (SITES, b"\xff" * 9),
        (MODULES, b"\x0a\0" * 120000), (SITES, b"\x0a\0" * 120000),
        (SITES, data(1, number(1, 3) + b"\x2a\0" * 120000)),
        (MODULES, module(0, "/x", 0, 1, 0)),
        (MODULES, module(2**17, "/x", 0, 1, 0)),
        (MODULES, module(1, "/x", 2, 1, 0)),
        (MODULES, module(1, "/x", 0, 1, 0, (top, top, 0))),
        (MODULES, module(1, "/x", 0, 1, 0, build_id=b"x" * 65)),
        (SITES, site(0)), (SITES, site(2**21)), (SITES, site(2**32 - 1)),
        (SITES, site(3, [1, 2], [1])), (SITES, site(3, [1], [2**20])),
        (SITES, site(3, [7] * 513)),
        (SITES, site(3, classes=[dict(class_index=3)])),
        (SITES, site(3, classes=[dict(class_index=1)] * 2)),
        (SITES, site(3, classes=[dict(lifetimes=[0.0] * 21)])),
        (SITES, site(3, classes=[dict(lifetimes=[nan])])),
    ] + [(SITES, site(3, classes=[{name: value}]))
         for name in ("alloc_bytes", "live_bytes_var", "live_birth_seconds",
                      "peak_objects") for value in (nan, inf, -inf, 1e300)]
    for kind, payload in bad:
        peer = Peer().frame(HELLO, hello(session=random.getrandbits(63)))
        peer.frame(STATE, state())
        wants(peer.frame(kind, payload[:2**18]).refused(),
              "SITES" if kind == SITES else "MODULES")
    peer = Peer().frame(HELLO, hello(session=random.getrandbits(63)))
    wants(peer.frame(SITES, site(3)).refused(), "before a state")
    wants(Peer().frame(SITES, site(3)).refused(), "neither")
    wants(Peer().frame(MODULES, b"").refused(), "neither")


def extremes():
    """Figures at the edge, names that bite: exported without harm."""
    import json
    import xml.dom.minidom
    top = 2**64 - 1
    evil = b"/\x1b]0;x\x07\xff\"<&>;\n\xef\xbf\xbf\xc2\x9b" + b"A" * 5000
    peer = Peer().frame(HELLO, hello(session=random.getrandbits(63),
                                     command=evil))
    peer.frame(STATE, state(sample_bytes=2**63 - 1))
    peer.frame(MODULES, module(1, evil, 0, top, 5, (1, 2, top)) +
               module(65536, "", top, top, top))
    huge = {name: 1e39 for name in (
        "alloc_objects alloc_objects_var alloc_bytes alloc_bytes_var "
        "live_objects live_objects_var live_bytes live_bytes_var peak_bytes "
        "peak_objects highest_bytes live_birth_seconds").split()}
    huge.update(samples=top, live_samples=top, lifetimes=[1e39] * 20)
    tiny = {name: -1e-300 for name in huge if "samples" not in name and
            name != "lifetimes"}
    tiny.update(samples=1)
    peer.frame(SITES, site(3, [0, top, 5] * 170, [1, 65536, 0] * 170,
                           classes=[huge],
                           extra=data(7, evil) + number(8, 2**32 - 1) +
                           number(9, top) + number(10, top) + number(4, 1)) +
               site(2**20, [1], [99], classes=[tiny]) + site(2, classes=[huge]))
    viewer = Peer(seconds=60)
    for sample in ("inuse", "alloc", "peak"):
        for form in ("pprof", "folded", "svg", "json", "csv"):
            viewer.ask(3, pid=os.getpid(), export="heap", form=form,
                       sample=sample)
            out = viewer.exported()
            assert isinstance(out, bytes) and out, (form, out)
            assert form == "pprof" or (b"\x1b" not in out and
                                       b"\xc2\x9b" not in out), form
            if form == "json":
                json.loads(out)
            elif form == "svg":
                xml.dom.minidom.parseString(out)
            elif form == "csv":
                assert b"nan" not in out and b"inf" not in out
    for what in dict(what=4), dict(what=5, site_id=3), dict(what=6, mark="m"):
        viewer.ask(pid=os.getpid(), **what)
        assert viewer.next()[0] in (52, 53, 54)
    viewer.ask(4, pid=os.getpid(), mark="m")
    assert viewer.next()[0] == 52
    viewer.close()
    peer.close()


def flood():
    """Sites without end are bounded, and what has no room is not kept."""
    peer = Peer(seconds=60).frame(HELLO, hello(session=random.getrandbits(63)))
    peer.frame(STATE, state())
    lots = [1.0] * 20
    for begin in range(1, 2**16, 64):
        peer.frame(SITES, b"".join(
            site(ident, [ident] * 120, [0] * 120, [dict(
                class_index=i, samples=1, live_bytes=1.0, lifetimes=lots)
                for i in range(3)]) for ident in range(begin, begin + 64)))
    processes()
    assert slow or memory() < 160 * 1024, "%d KiB" % memory()
    viewer = Peer(seconds=60)
    for i in range(40):
        viewer.ask(6, pid=os.getpid(), mark="m%d" % i)
        assert viewer.next()[0] in (54, ERROR)
    viewer.ask(4, pid=os.getpid())
    assert viewer.next()[0] == 52
    assert slow or memory() < 160 * 1024, "%d KiB" % memory()
    viewer.close()
    peer.close()
    # Another program: the memory is free again.
    peer = Peer().frame(HELLO, hello(session=random.getrandbits(63)))
    peer.frame(STATE, state())
    peer.close()


def passed():
    """Descriptors that come along are closed, and their bearer with them."""
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
    for _ in range(30):
        peer = Peer()
        peer.socket.sendmsg([b"HKM1"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                         array.array("i", files))])
        wants(peer.refused(), "descriptors")
    for file in files:
        os.close(file)


def crowd():
    """Thousands of connections: caps, and no harm to those who come after."""
    peers = []
    try:
        for _ in range(4000):
            peer = Peer()
            peer.socket.setblocking(False)
            peers.append(peer)
    except (BlockingIOError, OSError) as error:
        print("crowd: stopped at", len(peers), error)
    assert refused_total() >= 0
    for peer in peers:
        peer.close()


def deaf():
    """A viewer that asks and never reads is bounded, then disconnected."""
    viewer = Peer(seconds=60)
    viewer.socket.settimeout(0.5)
    before = memory()
    asked = number(1, 0) + number(2, 1)
    sent = 0
    try:
        while sent < 200000:
            viewer.frame(QUERY, asked)
            sent += 1
    except (socket.timeout, BrokenPipeError, ConnectionResetError):
        pass
    assert slow or memory() < before + 30000, (before, memory())
    assert sent < 200000, "all questions were taken"
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            viewer.raw(b"H")
        except socket.timeout:
            pass
        except (BrokenPipeError, ConnectionResetError):
            return
        time.sleep(0.2)
    raise AssertionError("a deaf viewer is kept")


def questions():
    viewer = Peer()
    for ask in (dict(what=1, process_id=10**15), dict(what=2, pid=2**31),
                dict(what=3, pid=os.getpid(), export="x" * 9999, form="csv"),
                dict(what=3, pid=os.getpid(), export="sizes", form="\x1b"),
                dict(what=99)):
        viewer.ask(**ask)
        kind, answer = viewer.next()
        assert kind == ERROR and b"\n" not in answer[2][0], (kind, answer)
    viewer.ask(0)
    assert viewer.next()[0] == 48
    viewer.close()
    wants(Peer().frame(QUERY, b"\xff").refused(), "QUERY")
    viewer = Peer()
    viewer.ask(0)
    viewer.socket.shutdown(socket.SHUT_WR)
    assert viewer.next()[0] == 48, "half closed: no answer"
    assert viewer.next() is None


def identities():
    """pid and session are the kernel's and the connection's, not the peer's."""
    first = Peer().frame(HELLO, hello(session=1) + number(2, 1))
    first.frame(STATE, state())
    second = Peer().frame(HELLO, hello(session=2))
    second.frame(STATE, state())
    assert first.next() is None, "two connections of one process"
    rows = [row for row in processes() if row[2] == [os.getpid()]]
    assert len(rows) == 1 and row_of(1) == [], rows
    second.close()


def row_of(pid):
    return [row for row in processes() if row[2] == [pid]]


def mutants():
    """Bit flips in honest frames."""
    random.seed(4)
    for _ in range(1500):
        frames = bytearray(b"".join(
            struct.pack("<4sHHII", b"HKM1", 2, kind, len(payload), i) + payload
            for i, (kind, payload) in enumerate(
                ((HELLO, hello()), (STATE, state(extra=reals(21, [1, 2]))),
                 (MODULES, module(1, "/x", 1, 2, 1)),
                 (SITES, site(3, [1, 2], classes=[dict(live_bytes=1.0)]))))))
        for _ in range(random.randint(1, 4)):
            frames[random.randrange(len(frames))] = random.getrandbits(8)
        peer = Peer()
        peer.raw(frames)
        peer.close()


ENEMIES = [garbage, lengths, versions, order, truncated, messages, numbers,
           names, heaps, extremes, flood, passed, questions, identities, mutants, crowd, trickle, deaf]
daemon = int(sys.argv[1])
slow = bool(os.environ.get("DAEMON_SLOW"))  # under valgrind or a sanitizer


def until(true, what):
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "never: " + what
        time.sleep(0.02)


def memory():
    """Resident KiB of the daemon."""
    for line in open("/proc/%d/status" % daemon):
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("the daemon is gone")


def cpu():
    fields = open("/proc/%d/stat" % daemon).read().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def descriptors():
    return len(os.listdir("/proc/%d/fd" % daemon))


def main():
    before = descriptors()
    for enemy in ENEMIES:
        if len(sys.argv) > 2 and enemy.__name__ not in sys.argv[2:]:
            continue
        enemy()
        begin = cpu()
        processes()
        took = cpu() - begin
        assert slow or took < 100, "%s: an answer took %d ticks of work" % (
            enemy.__name__, took)
    # The symbol helper's and the look helper's may have come.
    until(lambda: descriptors() <= before + 2,
          "as few descriptors as before, %d" % before)
    if not slow:
        assert memory() < 64 * 1024, "%d KiB" % memory()
    ticks = cpu()
    time.sleep(1)
    assert cpu() - ticks <= (20 if slow else 5), "the daemon spins"


main()
