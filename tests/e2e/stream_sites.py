"""Sites of a program whose allocations are known, as a daemon gets them.

usage: stream_sites.py BUILD DIRECTORY
"""
import math
import os
import sys
import time

import stream_peer
from known import Known, check
from stream_peer import Peer, integer, real

BUILD, DIRECTORY = sys.argv[1:3]
SOCKET = os.path.join(DIRECTORY, "sock")
MEAN = 4096


def start():
    return Known(BUILD, MEAN, HAKMEM_SOCKET=SOCKET, HAKMEM_INTERVAL_MS="50")


def owner(program, stack):
    """The function of the program that the leaf of a stack lies in."""
    starts = sorted((address, name)
                    for name, address in program.address.items())
    found = [name for address, name in starts if address <= stack[0][0]]
    near = [a for a, name in starts if found and name == found[-1]]
    return found[-1] if found and stack[0][0] - near[0] < 400 else None


def sums(peer, numbers):
    """(bytes, objects) allocated and live, and their variances."""
    out = [0.0] * 8
    for number in numbers:
        for raw in peer.sites[number].get(5, []):
            part = stream_peer.decode(raw)
            for i, field in enumerate((6, 4, 10, 8, 7, 5, 11, 9)):
                out[i] += real(part, field)
    return out


def compare(program, peer):
    """Every function's estimate lies around its truth."""
    for name, truth in program.truth.items():
        numbers = [n for n, stack in peer.stacks.items()
                   if owner(program, stack) == name]
        check(numbers, name + " has no site")
        got = sums(peer, numbers)
        for i, what in enumerate(("bytes", "objects", "live bytes",
                                  "live objects")):
            z = (got[i] - truth[i]) / math.sqrt(max(got[4 + i], 1e-9))
            print("%-17s %-12s %9d truth %11.0f estimate  z %5.2f" %
                  (name, what, truth[i], got[i], z))
            check(abs(z) < 4.5, "%s: %s is off" % (name, what))


def check_modules(peer):
    """Each frame lies in the module it names."""
    for stack in peer.stacks.values():
        for pc, module in stack:
            check(module == 0 or module in peer.modules,
                  "a stack names an unknown module")
            if module:
                fields = peer.modules[module]
                start, end = (int.from_bytes(fields[i][0], "little")
                              for i in (4, 5))
                check(start <= pc <= end, "a frame lies outside its module")
    paths = [integer(m, 2) for m in peer.modules.values()]
    check(any(b"sites_known" in path for path in paths),
          "the program is no module")


def check_recursion(program, peer):
    depths = [sum(1 for pc, _ in stack
                  if owner(program, ((pc, 0),)) == "recurse")
              for stack in peer.stacks.values()
              if owner(program, stack) == "recurse"]
    check(depths == [21], "recursion of 21 calls is %s" % depths)


def check_state(peer):
    told = peer.figures
    samples = live = 0
    for site in peer.sites.values():
        for raw in site.get(5, []):
            part = stream_peer.decode(raw)
            samples += integer(part, 2)
            live += integer(part, 3)
    check(samples == told["stack_samples_total"], "samples do not add up: %d of %d" %
          (samples, told["stack_samples_total"]))
    check(live == told["stack_samples_live"], "live samples do not add up")
    check(told["sites_max"] > 16000, "no capacity")
    check(told["site_overflow_total"] == 0, "overflow")
    check(told["sample_configured_bytes"] == MEAN, "configured mean")
    check(told["sample_bytes"] >= MEAN, "mean in force")
    check(told["stack_peak_bytes"] > 0, "no peak")
    peak = sum(real(stream_peer.decode(raw), 12)
               for site in peer.sites.values() for raw in site.get(5, []))
    check(abs(peak - told["stack_peak_bytes"]) <= 1, "the peak does not add up")


def check_thread(program, peer):
    for number, stack in peer.stacks.items():
        site = peer.sites[number]
        mine = integer(site, 6) == program.process.pid
        check(mine != (owner(program, stack) == "in_thread"),
              "a site names the wrong thread")
        check(integer(site, 7) == b"sites_known", "a thread's name")
        check(integer(site, 8) >= 1, "no thread at a site")


def settle(peer):
    """All of a connection was said."""
    peer.wait_states(3)


def run():
    listener = stream_peer.listen(SOCKET)
    program = start()
    first = Peer(listener)
    settle(first)
    check(first.frames[:3] == [stream_peer.HELLO, stream_peer.STATE,
                               stream_peer.MODULES], "the order of frames")
    compare(program, first)
    check_modules(first)
    check_recursion(program, first)
    check_state(first)
    check_thread(program, first)

    # Only what changed comes again, and no stack twice (Peer looks).
    before = {n: id(site) for n, site in first.sites.items()}
    program.more()
    settle(first)
    changed = [n for n, site in first.sites.items() if before.get(n) != id(site)]
    leaks = [n for n in changed
             if owner(program, first.stacks.get(n, ((0, 0),))) == "leak_some"]
    check(leaks and len(changed) <= len(before), "the leak did not change")
    compare(program, first)

    # A daemon that starts later gets every site and every stack.
    listener.close()
    first.close()
    time.sleep(0.3)
    program.more()
    listener = stream_peer.listen(SOCKET)
    second = Peer(listener)
    settle(second)
    check(set(first.stacks.items()) <= set(second.stacks.items()),
          "stacks are missing on the new connection")
    check(set(first.sites) <= set(second.sites), "sites are missing")
    check(set(first.modules) <= set(second.modules), "modules are missing")
    compare(program, second)
    check_modules(second)
    check_state(second)

    # Control: another mean, in pieces; none; a shorter interval.
    second.control(sample=1 << 20, pieces=5)
    second.wait(lambda: second.figures["sample_bytes"] == 1 << 20,
                what="the new mean")
    check(second.figures["sample_configured_bytes"] == 1 << 20, "the new mean configured")
    before = second.figures["stack_samples_total"]
    program.more()
    settle(second)
    check(0 < second.figures["stack_samples_total"] - before < 100,
          "the new mean is not in force: %d" % (second.figures["stack_samples_total"] -
                                                before))
    second.control(off=True, interval=10)
    second.wait(lambda: second.figures["sample_bytes"] == 0, what="the end")
    before = second.figures["stack_samples_total"]
    program.more()
    settle(second)
    check(second.figures["stack_samples_total"] == before, "it samples when it is off")
    second.control(sample=2048)
    second.wait(lambda: second.figures["sample_bytes"] >= 2048, what="the return")
    program.more()
    program.more()
    settle(second)
    check(second.figures["stack_samples_total"] > before, "it does not sample again")

    # Nonsense ends the connection, not the program.
    second.socket.sendall(b"GET / HTTP/1.1\r\n\r\n")
    check(not second.read(60), "nonsense was accepted")
    third = Peer(listener)
    settle(third)
    check(set(second.stacks.items()) <= set(third.stacks.items()),
          "stacks are missing on the third connection")
    program.end()


run()
