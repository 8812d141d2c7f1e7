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
    group: str = "synthetic"  # or "memory", "real"


@dataclasses.dataclass(frozen=True)
class Target:
    """What rows are to reach: at most `glibc` and `best` of those two, or at
    most `most` of hakmem's own figure."""
    rows: str            # regular expression of their names
    figure: str = "time"  # "rss", "own", "added" (to glibc's), "added RSS",
    #                       "instruments"
    glibc: float = 0     # 0: no target
    best: float = 0
    most: float = 0
    unit: str = ""       # of `most`
    mean: str = ""       # one figure, the geometric mean, called so


DENSITY = (8, 16, 24, 32, 64, 100, 128, 256, 512, 1000, 1024, 2048, 4096)


def synthetic():
    for size in (16, 128, 1024):
        yield Workload(f"pair {size}", ("pair", size), bar=True,
                       bare=size == 128)
    for n, size in ((100, 64), (1000, 64), (20000, 64),
                    (100, 512), (1000, 512), (20000, 512)):
        for order in ("lifo", "fifo", "random"):
            yield Workload(f"batch {n} x {size} {order}",
                           ("batch", n, size, order),
                           bare=(n, size, order) == (1000, 64, "random"))
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
    yield Workload("larson 64T 8-1000", ("larson", 64, 8, 1000, 200))
    yield Workload("larson 256T 8-1000", ("larson", 256, 8, 1000, 50))
    yield Workload("ring of 16, 16-1024", ("ring", 16, 16, 1024))
    yield Workload("ring of 64, 16-1024", ("ring", 64, 16, 1024))
    yield Workload("realloc 1 B-64 MiB doubling", ("realloc_growth", "double"))
    yield Workload("realloc 1 B-64 MiB by 1 KiB", ("realloc_growth", "step"))
    yield Workload("realloc 16-1024 by half, 1000 live",
                   ("resize", 16, 1024, 1000))
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
                       unit="RSS/byte", rounds=1, group="memory")
    for how in ("single", "threads"):
        yield Workload(f"giveback {how}", ("giveback", how), metric="value",
                       unit="KiB", rounds=1, group="memory")


def real(inputs):
    """Real programs on generated inputs; launch reports their CPU time with
    that of their children."""
    def row(name, count, *argv, env=()):
        return Workload(name, ("launch", count, "{preload}", *argv), full=True,
                        env=env, bare=True, group="real")

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
                   full=True, server=True, bare=True, group="real")


MICRO = r"^(pair|batch|mixed|larson|producer|ring|realloc|calloc|aligned|" \
    r"large|threads)"
REAL = r"^(gcc|g\+\+|python3|sqlite3|perl|lua|redis)"

TARGETS = (
    Target(r"^pair ", glibc=0.55, best=0.95),
    Target(r"^batch 100 .* lifo", glibc=0.65, best=1.0),
    Target(r"^batch 100 .* (fifo|random)", glibc=0.2, best=1.0),
    Target(r"^batch (1000|20000) ", glibc=0.2, best=1.0),
    Target(r"^batch 100000 ", glibc=0.3, best=1.0),
    Target(r"^mixed ", glibc=0.25, best=0.95),
    Target(r"^larson [124]T", glibc=0.6, best=0.95),
    Target(r"^(producer-consumer|ring of 4,)", glibc=0.4, best=0.9),
    Target(r"^(realloc|calloc|aligned|large) ", glibc=1.0, best=1.0),
    Target(r"^threads come and go", glibc=0.9, best=1.0),
    Target(REAL, glibc=0.97, best=1.0, mean="real programs"),
    Target(REAL, glibc=1.03),
    Target(f"{MICRO}|{REAL}", figure="rss", glibc=1.0, best=1.0,
           mean="peak RSS"),
    Target(r"^density ", glibc=0.85, best=1.0, mean="density"),
    Target(r"^density 8$", figure="own", most=17 / 8, unit="RSS/byte"),
    Target(r"^density 128$", figure="own", most=1.03, unit="RSS/byte"),
    Target(r"^density (512|1024)$", figure="own", most=1.01, unit="RSS/byte"),
    Target(r"^giveback ", glibc=0.1, best=0.5),
    Target(r"^startup ", figure="added", most=1e6, unit="ns"),
    Target(r"^startup ", figure="added RSS", most=700, unit="KiB"),
    Target(r"^startup ", best=1.0),
    Target(r"^startup ", figure="rss", best=1.0),
    Target(MICRO, figure="instruments", most=1.03),
    Target(REAL, figure="instruments", most=1.01),
)


def everything(inputs):
    return [*synthetic(), *memory(), *real(inputs)]
