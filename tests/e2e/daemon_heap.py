"""Tells hakmemd of a program's sites and checks all that can be asked of them.

Usage: daemon_heap.py PROGRAM DIRECTORY
PROGRAM is daemon_heap_program.c, compiled; files go to DIRECTORY.
"""
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import xml.dom.minidom

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from daemon_peer import (CONTROL, DONE, ERROR, EXPORT, HELLO, MODULES, PROCESSES,
                         SITES, SITE_TABLE, STACK, STATE, Peer, decode,
                         hello, module, number, site, state, struct)

PROGRAM, WHERE = sys.argv[1:3]
PID = os.getpid()
BIAS = 0x555555554000
SAMPLE = 524288


def tool(*command):
    return subprocess.run(command, check=True, capture_output=True,
                          text=True).stdout


def call(caller, callee):
    """Address of the call and of what follows it."""
    body = re.search(r"^\w+ <%s>:\n(.*?)\n\n" % caller,
                     tool("objdump", "-d", PROGRAM) + "\n\n", re.M | re.S)[1]
    found = re.search(r"^ *(\w+):.*call +\w+ <%s[>@].*\n *(\w+):" % callee,
                      body, re.M)
    return BIAS + int(found[1], 16), BIAS + int(found[2], 16)


BUILD_ID = bytes.fromhex(re.search(r"Build ID: (\w+)",
                                   tool("readelf", "-n", PROGRAM))[1])
CALLERS = [call("middle", "leaf")[1], call("main", "middle")[1]]
DEEP = [call("leaf", "malloc")[0]] + CALLERS


def figures(live, allocated, index=0):
    """A class of a site whose objects have 100 bytes, a sample every 500."""
    return dict(
        class_index=index, samples=int(allocated / 500),
        live_samples=int(live / 500), alloc_objects=allocated / 100,
        alloc_objects_var=allocated / 10, alloc_bytes=allocated,
        alloc_bytes_var=allocated * 1000, live_objects=live / 100,
        live_objects_var=live / 10, live_bytes=live,
        live_bytes_var=live * 1000, peak_bytes=live * 2,
        peak_objects=live / 50, highest_bytes=live * 3,
        peak_bytes_var=live * 2000, peak_objects_var=live / 5,
        live_birth_seconds=live * (time.monotonic() - 100),
        lifetimes=[0.0] * 10 + [3.0] + [0.0] * 8 + [1.0])


def connect(session):
    program = Peer()
    program.frame(HELLO, hello(session=session, command="the program"))
    program.frame(STATE, state((100, 0), (40, 0), sample_bytes=SAMPLE))
    program.frame(MODULES, module(
        1, PROGRAM, BIAS, BIAS + 0x5000, BIAS, (BIAS + 0x1000, 0x1000, 0x1000),
        BUILD_ID))
    program.frame(SITES, site(3, DEEP, classes=[figures(10000.5, 2e6)]) +
                  site(4, CALLERS, classes=[figures(5000.25, 8e3),
                                            figures(1000, 2e3, 2)]) +
                  site(1, classes=[figures(700, 900)]))
    return program


def double(message, field):
    return struct.unpack("<d", message[field][0])[0] if field in message else 0


def ask(viewer, kind, what, **more):
    viewer.ask(what, pid=PID, **more)
    got, answer = viewer.next()
    assert got == kind, (got, answer)
    return answer


def refused(viewer, text, what, **more):
    answer = ask(viewer, ERROR, what, **more)[2][0].decode()
    assert text in answer and "\n" not in answer, answer


def table(viewer, **more):
    """(head, rows) of the site table once all names are known."""
    for _ in range(1200):
        rows, head = [], ask(viewer, SITE_TABLE, 4, **more)
        answer = head
        rows += answer.get(5, [])
        while answer.get(6, [0])[0]:
            answer = viewer.next()[1]
            rows += answer.get(5, [])
        if not head.get(10, [0])[0]:
            return head, [decode(row) for row in rows]
        time.sleep(0.05)
    raise AssertionError("names never come")


def export(viewer, form, **more):
    viewer.ask(3, pid=PID, export="heap", form=form, **more)
    out = viewer.exported()
    assert isinstance(out, bytes), out
    return out


def check_table(viewer):
    head, rows = table(viewer)
    assert [row[1][0] for row in rows] == [3, 4, 1], rows
    assert [row[2][0].decode() for row in rows] == [
        "inlined", "middle", "[no stack]"], rows
    assert re.search(rb"daemon_heap_program\.c:\d+$", rows[0][3][0]), rows[0]
    assert rows[0][4][0].decode() == os.path.basename(PROGRAM)
    assert double(rows[0], 5) == 10000.5
    assert abs(double(rows[0], 6) - (10000.5 * 1000) ** 0.5) < 1e-6
    assert double(rows[1], 5) == 6000.25
    assert abs(double(rows[0], 16) - 100) < 5
    assert double(rows[0], 17) == 0.75
    assert head[4] == [SAMPLE] and double(head, 7) == 16700.75
    assert abs(double(head, 8) - (16700.75 * 1000) ** 0.5) < 1e-6
    # 100 requests counted, 20,109 estimated: that must be seen.
    assert double(head, 9) < -3, double(head, 9)


def check_stack(viewer):
    answer = ask(viewer, STACK, 5, site_id=3)
    frames = [decode(frame) for frame in answer[3]]
    names = [frame[2][0].decode() for frame in frames]
    assert names == ["inlined", "leaf", "middle", "main"], names
    assert [frame.get(7, [0])[0] for frame in frames] == [1, 0, 0, 0]
    assert frames[2][5][0].decode() == PROGRAM
    assert frames[2][6][0] == CALLERS[0] - BIAS
    assert decode(answer[2][0])[1] == [3]
    lifetimes = struct.unpack("<20d", answer[5][0])
    assert lifetimes[10] == 3 and lifetimes[19] == 1
    answer = ask(viewer, STACK, 5, site_id=4)
    assert len(answer[6]) == 2
    refused(viewer, "no site 77", 5, site_id=77)


def pprof(path, *options):
    run = subprocess.run(["go", "tool", "pprof", *options, path],
                         capture_output=True, text=True,
                         env=dict(os.environ, HOME=WHERE))
    assert run.returncode == 0, run.stderr
    assert not run.stderr.strip(), "pprof says: " + run.stderr
    return run.stdout


def check_pprof(viewer):
    path = WHERE + "/heap.pb.gz"
    with open(path, "wb") as file:
        file.write(export(viewer, "pprof"))
    if not shutil.which("go"):
        print("go is not installed: pprof files are not opened")
        return
    top = pprof(path, "-top")
    assert "Type: inuse_space" in top and "Main binary" not in top, top
    assert "of 16701B total" in top, top
    raw = pprof(path, "-raw")
    assert "inuse_space/bytes[dflt]" in raw, raw
    rows = re.findall(r"^ *(\d+) +(\d+) +(\d+) +(\d+): [\d ]+$", raw, re.M)
    sums = [sum(int(row[i]) for row in rows) for i in range(4)]
    assert sums == [20109, 2010900, 167, 16701], sums
    assert BUILD_ID.hex() in raw and PROGRAM in raw
    assert re.search(r"inlined .*\n +leaf ", raw), raw
    assert "Period: %d" % SAMPLE in raw
    traces = pprof(path, "-traces", "-sample_index=alloc_space")
    assert re.search(r"inlined.*\n *leaf\n *middle\n *main", traces), traces
    with open(path, "wb") as file:
        file.write(export(viewer, "pprof", sample="peak"))
    assert "of 32.62kB total" in pprof(path, "-top")


def check_files(viewer):
    assert export(viewer, "folded") == (
        b"main;middle;leaf;inlined 10001\nmain;middle 6000\n"
        b"[no stack] 700\n")
    assert export(viewer, "folded", sample="alloc") == (
        b"main;middle;leaf;inlined 2000000\nmain;middle 10000\n"
        b"[no stack] 900\n")
    picture = xml.dom.minidom.parseString(export(viewer, "svg"))
    titles = [node.firstChild.data for node in
              picture.getElementsByTagName("title")]
    assert titles[0].startswith("all\n16.3 KiB ± 3.99 KiB, 100.00 %"), titles
    assert [title.split("\n")[0] for title in titles] == [
        "all", "main", "middle", "leaf", "inlined", "[no stack]"], titles
    assert "mean age 100" in titles[4] or "mean age 1.7 min" in titles[4]
    rows = list(csv.DictReader(io.StringIO(export(viewer, "csv").decode())))
    whole = json.loads(export(viewer, "json"))
    assert whole["bytes"] == 16700.75 and whole["pid"] == PID
    assert [row["site_id"] for row in whole["rows"]] == [3, 4, 1]
    for text, row in zip(rows, whole["rows"], strict=True):
        for name, value in row.items():
            if name in ("mean_age_s", "alloc_bytes_per_s", "frames"):
                continue
            if isinstance(value, bool):
                value = int(value)
            assert text[name] == str(value) or (
                float(text[name]) == value), (name, text[name], value)
    assert rows[0]["stack"] == "main;middle;leaf;inlined"
    assert [frame["function"] for frame in whole["rows"][0]["frames"]] == [
        "inlined", "leaf", "middle", "main"]


def check_marks(program, viewer):
    refused(viewer, "1 to 64 bytes", 6, mark="")
    refused(viewer, "1 to 64 bytes", 6, mark="x" * 65)
    # A table says that it has no changes since one that is not there.
    assert 11 not in ask(viewer, SITE_TABLE, 4, mark="none")
    answer = ask(viewer, DONE, 6, mark="before\x1b")
    assert b"before" in answer[2][0]
    program.frame(SITES, site(3, classes=[figures(4000.5, 3e6)]) +
                  site(9, CALLERS, classes=[figures(2000, 2e3)]))
    until(lambda: len(table(viewer)[1]) == 4)
    mark = dict(mark="before\x1b")
    head, rows = table(viewer, **mark)
    changes = {row[1][0]: double(decode(row[30][0]), 1) for row in rows}
    assert changes == {3: -6000, 4: 0, 1: 0, 9: 2000}, changes
    assert double(head, 7) == sum(double(row, 5) for row in rows)
    assert export(viewer, "folded", **mark) == b"main;middle 2000\n"
    assert export(viewer, "folded", sample="alloc", **mark) == (
        b"main;middle;leaf;inlined 1000000\nmain;middle 2000\n")
    whole = json.loads(export(viewer, "json", **mark))
    assert whole["mark"] == "before\x1b" and whole["bytes"] == -4000
    assert b"sites that shrank" in export(viewer, "svg", **mark)
    if shutil.which("go"):
        with open(WHERE + "/diff.pb.gz", "wb") as file:
            file.write(export(viewer, "pprof", **mark))
        assert " -6000: " in pprof(WHERE + "/diff.pb.gz", "-raw")
    for i in range(20):
        answer = ask(viewer, DONE, 6, mark="m%d" % i)[2][0].decode()
    assert "the oldest baseline" in answer, answer
    assert 11 not in ask(viewer, SITE_TABLE, 4, **mark)


def until(true):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if true():
            return
        time.sleep(0.02)
    raise AssertionError("never true")


def check_control(program, viewer):
    for control, text in (
            (None, "says nothing"), (b"", "says nothing"),
            (number(1, 2**50), "1 TiB"), (number(3, 1), "interval"),
            (number(1, 99) + number(2, 1), "off and")):
        refused(viewer, text, 7, control=control)
    answer = ask(viewer, DONE, 7, control=number(1, 65536))
    assert b"65536" in answer[2][0]
    assert program.next() == (CONTROL, {1: [65536]})


def check_refusals(viewer):
    refused(viewer, "csv, json, pprof, folded, svg", 3, export="heap",
            form="\x1b[2J\n")
    refused(viewer, "inuse, alloc, peak", 3, export="heap", form="csv",
            sample="x")
    refused(viewer, "no difference", 3, export="heap", form="csv",
            sample="peak", mark="m19")
    refused(viewer, "no baseline", 3, export="heap", form="csv", mark="none")


def check_large(program):
    """More than a viewer is owed at once: fed as it reads, and in order."""
    sites = [site(100 + i, [BIAS + 0x2000 + 64 * i + j for j in range(60)],
                  classes=[figures(1000.0 + i, 1e5)]) for i in range(1500)]
    for i in range(0, len(sites), 100):
        program.frame(SITES, b"".join(sites[i:i + 100]))
    viewer = Peer(seconds=60)
    until(lambda: len(table(viewer)[1]) == 1504)
    viewer.ask(3, pid=PID, export="heap", form="json")
    viewer.ask(0)
    viewer.ask(4, pid=PID)
    time.sleep(0.5)
    other = Peer()
    other.ask(0)
    assert other.next()[0] == PROCESSES  # does not wait for the export
    out = viewer.exported()
    assert len(json.loads(out)["rows"]) == 1504 and len(out) > 10 << 20
    assert viewer.next()[0] == PROCESSES, "answers out of order"
    more = True
    while more:  # of so many sites a table is more than one frame
        kind, part = viewer.next()
        assert kind == SITE_TABLE, kind
        more = part.get(6, [0])[0]
    print("%.1f MiB of JSON" % (len(out) / 2**20))
    # Half closed, and gone in the middle: what they had asked for is free.
    leaver = Peer(seconds=60)
    leaver.ask(3, pid=PID, export="heap", form="json")
    leaver.socket.shutdown(1)
    assert len(leaver.exported()) > 10 << 20
    assert leaver.next() is None
    for _ in range(2 + 256 * 2**20 // len(out)):
        leaver = Peer(seconds=60)
        leaver.ask(3, pid=PID, export="heap", form="json")
        assert leaver.next()[0] == EXPORT
        leaver.close()
    assert b"middle" in export(viewer, "folded")
    other.ask(0)
    assert other.next()[0] == PROCESSES


def main():
    viewer = Peer()
    early = Peer()
    early.frame(HELLO, hello(session=1)).frame(STATE, state())
    until(lambda: (viewer.ask(0), viewer.next())[1][1].get(5))
    refused(viewer, "told of no sites", 3, export="heap", form="csv")
    program = connect(2)
    assert early.next() is None
    # The first export waits for names, whatever it may take.
    until(lambda: ask(viewer, SITE_TABLE, 4).get(5))
    check_files(viewer)
    check_table(viewer)
    check_stack(viewer)
    check_pprof(viewer)
    check_marks(program, viewer)
    check_control(program, viewer)
    check_refusals(viewer)
    check_large(program)
    # What is known stays when the program is not connected any more.
    program.close()
    until(lambda: b"not connected" in ask(viewer, ERROR, 7,
                                          control=number(1, 9))[2][0]
          if closed(viewer) else False)
    assert b"main;middle;leaf;inlined" in export(viewer, "folded")
    # Another program in the same process begins anew.
    again = Peer().frame(HELLO, hello(session=3)).frame(STATE, state())
    until(lambda: not table(viewer)[1])
    assert 11 not in ask(viewer, SITE_TABLE, 4, mark="m19")
    again.close()


def closed(viewer):
    row = decode(ask(viewer, PROCESSES, 0)[5][-1])
    return row.get(8, [0])[0] != 0


main()
