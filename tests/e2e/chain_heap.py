"""The heap profile of a program whose allocations are known, through the real
library, daemon and viewer.

usage: chain_heap.py BUILD DIRECTORY

Says "start" when the program has allocated, and waits for a line: the daemon
runs.
"""
import csv
import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
import time
import xml.dom.minidom

from known import Known, check

BUILD, WHERE = sys.argv[1:3]
TOP = os.path.join(BUILD, "hakmem-top")
MEAN = 4096


class Program(Known):
    """A copy of the program, which may be replaced."""

    def __init__(self, name):
        self.path = os.path.join(WHERE, name)
        shutil.copy(os.path.join(BUILD, "tests/preload/sites_known"), self.path)
        super().__init__(BUILD, MEAN, self.path)

    def replace(self):
        """Another program under its name, as an update would do."""
        os.unlink(self.path)
        shutil.copy("/bin/true", self.path)

    def export(self, form, *options):
        """The file, as bytes."""
        return top("export", "--pid", self.pid, "--what", "heap", "--format",
                   form, *options)

    def rows(self, *options):
        text = self.export("csv", *options).decode()
        return list(csv.DictReader(io.StringIO(text)))


def top(*options):
    run = subprocess.run([TOP, *options], capture_output=True)
    check(run.returncode == 0, "%s: %s" % (options, run.stderr.decode()))
    check(not run.stderr, run.stderr.decode())
    return run.stdout


def until(true, what):
    end = time.monotonic() + 60
    while not true():
        check(time.monotonic() < end, "never: " + what)
        time.sleep(0.05)


def state_of(program):
    report = json.loads(top("--batch", "-n", "1", "-d", "0.1", "--json"))
    found = [p for p in report["processes"] if str(p["pid"]) == program.pid]
    return found[0] if found else {"state": None}


def known(program):
    """All of the program's functions have come."""
    run = subprocess.run(
        [TOP, "sites", "--pid", program.pid, "--json"], capture_output=True)
    if run.returncode != 0:
        return False
    names = {site["function"] for site in json.loads(run.stdout)["rows"]}
    return set(program.truth) <= names


def total(rows, column):
    return sum(float(row[column]) for row in rows)


def compare(program, rows):
    """Every function's estimate lies around its truth, by its own error."""
    columns = ("alloc_bytes", "alloc_objects", "live_bytes", "live_objects")
    for name, truth in program.truth.items():
        mine = [row for row in rows if row["function"] == name]
        check(mine, name + " has no site")
        for column, exact in zip(columns, truth):
            error = math.sqrt(sum(float(row[column + "_stderr"]) ** 2
                                  for row in mine))
            z = (total(mine, column) - exact) / error
            print("%-16s %-13s %9d truth %11.0f +-%.0f z %5.2f" %
                  (name, column, exact, total(mine, column), error, z))
            check(abs(z) < 4.5, "%s: %s is off" % (name, column))
    deep = [row for row in rows if row["function"] == "recurse"]
    check(len(deep) == 1 and
          deep[0]["stack"].count(";recurse") == 21, "the recursion")
    check(re.search(r"sites_known\.c:\d+$", deep[0]["location"]),
          deep[0]["location"])
    check({row["threads"] for row in deep} == {"1"}, "threads of a site")


def pprof(program, *options):
    path = os.path.join(WHERE, "heap.pb.gz")
    top("export", "--pid", program.pid, "--what", "heap", "--format", "pprof",
        "-o", path, *options)
    run = subprocess.run(
        ["go", "tool", "pprof", "-raw", path], capture_output=True,
        text=True, env=dict(os.environ, HOME=WHERE))
    check(run.returncode == 0 and not run.stderr.strip(), run.stderr)
    samples = re.findall(r"^ *(-?\d+) +(-?\d+) +(-?\d+) +(-?\d+): [\d ]+$",
                         run.stdout, re.M)
    return [sum(int(row[i]) for row in samples) for i in range(4)]


def folded(program, *options):
    lines = program.export("folded", *options).decode().splitlines()
    return sum(int(line.rsplit(" ", 1)[1]) for line in lines), lines


def near(a, b, slack):
    return abs(a - b) <= slack


def check_formats(program):
    """Every format holds the same sums; rounded where it counts in integers."""
    rows = program.rows()
    live, allocated = total(rows, "live_bytes"), total(rows, "alloc_bytes")
    slack = len(rows) + 1
    whole = json.loads(program.export("json"))
    check(near(whole["bytes"], live, 1), "json and csv differ")
    check(abs(whole["z"]) < 4.5, "z is %.2f" % whole["z"])
    check(whole["sample_bytes"] >= MEAN, "the interval")  # the limiter
    leaf = {site["function"]: [frame["function"] for frame in site["frames"]]
            for site in whole["rows"]}
    check(leaf["leak_some"][:2] == ["leak_some", "main"], leaf["leak_some"])
    check(near(folded(program)[0], live, slack), "folded and csv differ")
    check(near(folded(program, "--sample", "alloc")[0], allocated, slack),
          "folded and csv differ in what was allocated")
    peak = folded(program, "--sample", "peak")[0]
    check(peak >= 0.9 * live, "the peak is below what lives")
    picture = xml.dom.minidom.parseString(program.export("svg"))
    titles = [node.firstChild.data
              for node in picture.getElementsByTagName("title")]
    for name in program.truth:
        check(any(title.split("\n")[0] == name for title in titles),
              "no box of " + name)
    if shutil.which("go"):
        sums = pprof(program)
        check(near(sums[3], live, slack) and near(sums[1], allocated, slack),
              "pprof's totals %s" % sums)
    return rows


def check_difference(program):
    """Since a mark only the leak has grown, and by what it says."""
    before = program.truth["leak_some"]
    top("mark", "--pid", program.pid, "before")
    program.more()
    since = [now - then for now, then in zip(program.truth["leak_some"], before)]

    def arrived():
        mine = [row for row in program.rows("--diff", "before")
                if row["function"] == "leak_some"]
        return all(abs(total(mine, column) - exact) < 4.5 * math.sqrt(sum(
            float(row[column + "_stderr"]) ** 2 for row in mine))
                   for column, exact in (("alloc_bytes", since[0]),
                                         ("live_bytes", since[2])))
    until(arrived, "what was allocated since the baseline, %s" % since)
    rows = program.rows("--diff", "before")
    others = [row for row in rows if row["function"] in program.truth
              and row["function"] != "leak_some"]
    check(all(float(row["alloc_bytes"]) == 0 for row in others),
          "others grew since the baseline")
    lines = folded(program, "--diff", "before")[1]
    check(lines and all(";leak_some " in line for line in lines), lines)


def check_control(program):
    for value, mean in (("1M", 1 << 20), ("off", 0), ("64K", 65536)):
        top("set", "--pid", program.pid, "--sample", value)
        until(lambda: state_of(program)["sample_bytes"] == mean,
              "a sample every " + value)


def check_replaced():
    """Not looked up while it ran, and replaced on disk: said, not guessed."""
    program = Program("replaced")
    until(lambda: state_of(program)["state"] == "running", "the program")
    time.sleep(0.5)  # its sites have come: nobody has asked for them
    program.replace()
    program.end()
    until(lambda: state_of(program)["state"] == "exited", "its end")
    whole = json.loads(program.export("json"))
    frames = [frame for site in whole["rows"] for frame in site["frames"]
              if frame["module"].startswith(program.path)]
    check(frames, "no frame lies in the program")
    for frame in frames:
        check(re.match(r"replaced\+0x[0-9a-f]+$", frame["function"]), frame)
        check(frame["note"] == "build-id differs", frame)


def check_ended(program):
    rows = program.rows()
    live = total(rows, "live_bytes")
    check(near(folded(program)[0], live, len(rows) + 1), "folded at the end")
    if shutil.which("go"):
        check(near(pprof(program)[3], live, len(rows) + 1), "pprof at the end")


def main():
    program = Program("known")
    print("start", flush=True)
    sys.stdin.readline()  # the daemon runs
    until(lambda: known(program), "the sites of what lived before the daemon")
    compare(program, program.rows())
    check_formats(program)
    check_difference(program)
    compare(program, program.rows())
    check_control(program)

    # What is known of it stays when it has ended, and its file was replaced.
    before = folded(program)
    program.replace()
    check(folded(program) == before, "names went with the file")
    top("set", "--pid", program.pid, "--sample", "off")
    program.end()
    until(lambda: state_of(program)["state"] == "exited", "the end")
    compare(program, program.rows())
    check_ended(program)
    check_replaced()


main()
