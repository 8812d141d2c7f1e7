"""The rows of the benchmark: what is run and which figure of it counts."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    argv: tuple          # program of tests/bench and its arguments
    metric: str = "cpu_ns_per_op"  # or "value", where lower is better too
    unit: str = "ns"     # of the metric, as the table shows it
    rounds: int = 0      # at most so many rounds; 0 is no limit
    full: bool = False   # only with --full
    bar: bool = False    # --check wants hakmem below glibc here
    bare: bool = False   # is also run with all instruments off
    server: bool = False  # argv is redis-benchmark's, see contenders.serve
    env: tuple = ()
    means: bool = True   # counts in the geometric means


DENSITY = (8, 16, 24, 32, 64, 100, 128, 256, 512, 1000, 1024, 2048, 4096)


def synthetic():
    for size in (16, 128, 1024):
        yield Workload(f"pair {size}", ("pair", size), bar=True,
                       bare=size == 128)
    for n, size in ((100, 64), (1000, 64), (20000, 64)):
        for order in ("lifo", "fifo", "random"):
            yield Workload(f"batch {n} x {size} {order}",
                           ("batch", n, size, order),
                           bare=n == 1000 and order == "random")
    yield Workload("batch 100000 x 64 random",
                   ("batch", 100000, 64, "random"))
    for hi in (1024, 4096):
        for live in (1000, 20000):
            yield Workload(f"mixed 16-{hi}, {live} live",
                           ("mixed", 16, hi, live), bar=hi == 4096,
                           bare=hi == 1024)
    for lo, hi in ((128, 128), (8, 1000)):
        for threads in (1, 2, 4):
            size = f"{lo}-{hi}" if lo != hi else f"{lo}"
            yield Workload(f"larson {threads}T {size}",
                           ("larson", threads, lo, hi), bar=True,
                           bare=threads == 2)
    yield Workload("producer-consumer 64", ("prodcons", 64, 64))
    yield Workload("producer-consumer 16-1024", ("prodcons", 16, 1024))
    yield Workload("ring of 4, 16-1024", ("ring", 4, 16, 1024))
    yield Workload("realloc 1 B-64 MiB doubling", ("realloc_growth", "double"))
    yield Workload("realloc 1 B-64 MiB by 1 KiB", ("realloc_growth", "step"))
    yield Workload("calloc 4 KiB-4 MiB", ("calloc", 4096, 4 << 20))
    yield Workload("aligned 64", ("aligned", 64))
    yield Workload("aligned 4096", ("aligned", 4096))
    yield Workload("large 64 KiB-32 MiB", ("large", 64 << 10, 32 << 20))
    yield Workload("threads come and go", ("churn_threads",))
    yield Workload("startup of true", ("launch", 100, "{preload}", "/bin/true"),
                   means=False)


def memory():
    for size in DENSITY:
        yield Workload(f"density {size}", ("density", size), metric="value",
                       unit="RSS/byte", rounds=1)
    for how in ("single", "threads"):
        yield Workload(f"giveback {how}", ("giveback", how), metric="value",
                       unit="KiB", rounds=1)


def real(inputs):
    """Real programs on generated inputs; launch reports their CPU time with
    that of their children."""
    def row(name, count, *argv, env=()):
        return Workload(name, ("launch", count, "{preload}", *argv), full=True,
                        env=env, bare=True)

    yield row("gcc -O2", 1, "gcc", "-O2", "-S", "-o", "/dev/null",
              f"{inputs}/big.c")
    yield row("g++ -O2", 1, "g++", "-O2", "-S", "-o", "/dev/null",
              f"{inputs}/big.cc")
    yield row("python3, malloc", 1, "/usr/bin/python3", f"{inputs}/work.py",
              env=(("PYTHONMALLOC", "malloc"),))
    yield row("sqlite3", 1, "sqlite3", ":memory:", f".read {inputs}/work.sql")
    yield row("perl", 1, "perl", f"{inputs}/work.pl")
    yield row("lua5.4", 1, "lua5.4", f"{inputs}/work.lua")
    yield Workload("redis", ("redis-benchmark", "-n", "40000", "-d", "200",
                             "-r", "20000", "-t", "set,get,lpush,sadd,hset"),
                   full=True, server=True, bare=True, unit="ns")


def everything(inputs):
    return [*synthetic(), *memory(), *real(inputs)]
