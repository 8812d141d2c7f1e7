"""The allocators, the daemon, and one measured run of one of them."""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import time

RIVALS = ("jemalloc", "mimalloc", "tcmalloc")
ALL = ("glibc", "hakmem", *RIVALS)
# The two of the instruments table: hakmem with its defaults, and with none.
INSTRUMENTS = ON, BARE = ("hakmem-on", "hakmem-bare")
SYSTEM = {  # soname, Debian package
    "jemalloc": ("libjemalloc.so.2", "libjemalloc2"),
    "mimalloc": ("libmimalloc.so.2.0", "libmimalloc2.0"),
    "tcmalloc": ("libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
}
BARE_ENV = {"HAKMEM_SAMPLE": "0", "HAKMEM_HISTOGRAM": "0",
            "HAKMEM_STREAM": "off"}


class Failure(Exception):
    """One line for the user."""


def find(name, build):
    """The path to preload; "" for glibc."""
    if name == "glibc":
        return ""
    if name in ("hakmem", *INSTRUMENTS):
        path = os.path.abspath(os.path.join(build, "libhakmem.so"))
        if not os.path.exists(path):
            raise Failure(f"{path} does not exist; run make")
        return path
    if name not in SYSTEM:
        raise Failure(f"unknown allocator '{name}'; one of {', '.join(ALL)}")
    soname, package = SYSTEM[name]
    for place in ("/usr/lib/*-linux-gnu/", "/usr/lib64/", "/usr/lib/"):
        found = glob.glob(place + soname)
        if found:
            return found[0]
    raise Failure(f"{soname} not found; apt-get install {package}")


def version(name):
    if name in SYSTEM or name == "glibc":
        package = SYSTEM[name][1] if name in SYSTEM else "libc6"
        text = subprocess.run(["dpkg-query", "-W", "-f", "${Version}\n",
                               package], capture_output=True, text=True,
                              check=False).stdout
        return text.split("\n")[0] or "unknown"
    return "this tree"


class Daemon:
    """A real hakmemd on a private socket, or none where it is not built."""

    def __init__(self, build, directory):
        self.socket = os.path.join(directory, "sock")
        self.build = build
        self.process = None
        program = os.path.join(build, "hakmemd")
        if not os.path.exists(program):
            return
        self.process = subprocess.Popen(
            [program, "--foreground", "--socket", self.socket],
            stdin=subprocess.DEVNULL)
        for _ in range(100):
            if os.path.exists(self.socket):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        status = self.process.poll()
        self.stop()
        raise Failure(f"{program} did not open its socket" +
                      (" in 5 seconds" if status is None
                       else f" and ended with status {status}"))

    def running(self):
        return self.process is not None

    def check(self):
        if self.process and self.process.poll() is not None:
            raise Failure("hakmemd ended during the benchmark with status "
                          f"{self.process.returncode}")

    def programs(self):
        """How many programs the daemon has heard of, None if the viewer is
        not built: 0 means that nothing was streamed."""
        viewer = os.path.join(self.build, "hakmem-top")
        if not self.process or not os.path.exists(viewer):
            return None
        done = subprocess.run(
            [viewer, "--batch", "-n", "1", "--json"], capture_output=True,
            text=True, timeout=30, check=False,
            env={**os.environ, "HAKMEM_SOCKET": self.socket})
        if done.returncode != 0:
            raise Failure(f"{viewer} --batch ended with status "
                          f"{done.returncode}: {done.stderr.strip()[-300:]}")
        return len(json.loads(done.stdout.split("\n")[0])["processes"])

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def environment(name, socket, workload, seconds):
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C",
           "HOME": "/nonexistent", "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
           "BENCH_SECONDS": str(seconds), **dict(workload.env)}
    if name == BARE:
        env.update(BARE_ENV)
    else:
        env["HAKMEM_SOCKET"] = socket
    return env


def parse(line, path, what):
    figures = dict(pair.split("=", 1) for pair in line.split())
    wanted = os.path.basename(path) or "libc.so.6"
    if figures.get("lib") != wanted:
        raise Failure(f"{what}: {wanted} was not loaded, malloc is in "
                      f"{figures.get('lib')}")
    return {key: float(value) for key, value in figures.items()
            if key != "lib"}


def run(name, path, workload, build, socket, seconds):
    """One run; the figures the workload printed."""
    what = f"{workload.name} with {name}"
    env = environment(name, socket, workload, seconds)
    if workload.server:
        return serve(path, workload, env, os.path.dirname(socket), what)
    argv = [str(a).replace("{preload}", path) for a in workload.argv]
    argv[0] = os.path.join(build, "tests/bench", argv[0])
    if argv[0].endswith("/launch"):
        if not shutil.which(argv[3]):
            return None
    elif path:
        env["LD_PRELOAD"] = path
    try:
        done = subprocess.run(argv, env=env, capture_output=True, text=True,
                              timeout=300, check=False)
    except FileNotFoundError as error:
        raise Failure(f"{argv[0]} does not exist; run make tests") from error
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{what} took more than 300 seconds") from error
    if done.returncode != 0:
        raise Failure(f"{what} ended with status {done.returncode}: "
                      f"{done.stderr.strip()[-300:]}")
    return parse(done.stdout, path, what)


def serve(path, workload, env, directory, what):
    """redis-server under the preload, redis-benchmark without; the server's
    CPU time per request."""
    if not shutil.which("redis-server") or not shutil.which(workload.argv[0]):
        return None
    address = os.path.join(directory, "redis")
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", address, "--save", "",
         "--dir", directory], env={**env, **({"LD_PRELOAD": path} if path
                                             else {})},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if os.path.exists(address):
                break
            time.sleep(0.05)
        with open(f"/proc/{server.pid}/maps", encoding="ascii") as f:
            if path and os.path.basename(path) not in f.read():
                raise Failure(f"{what}: the allocator was not loaded")
        begin, cpu = time.monotonic(), server_cpu(server.pid)
        subprocess.run([*workload.argv, "-s", address, "-q"], check=True,
                       stdout=subprocess.DEVNULL, timeout=120)
        begin, cpu = time.monotonic() - begin, server_cpu(server.pid) - cpu
        requests = 5 * 40000
        with open(f"/proc/{server.pid}/status", encoding="ascii") as f:
            peak = float(re.search(r"VmHWM:\s+(\d+)", f.read())[1])
    except (subprocess.SubprocessError, OSError) as error:
        raise Failure(f"{what}: {error}") from error
    finally:
        server.kill()
        server.wait()
        if os.path.exists(address):
            os.unlink(address)
    return {"ns_per_op": begin * 1e9 / requests, "ops": requests,
            "cpu_ns_per_op": cpu * 1e9 / requests, "peak_rss_kb": peak}


def server_cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
