#!/bin/bash
# python3 works through a good deal of its library: same output.
. "$(dirname "$0")/lib.bash"
need python3
daemon_start
cat >"$T/work.py" <<'PY'
import array, bz2, collections, concurrent.futures, copy, csv, decimal
import fractions, gzip, hashlib, heapq, io, itertools, json, lzma
import multiprocessing, pickle, random, re, sqlite3, struct, subprocess
import sys, tempfile, textwrap, threading, xml.etree.ElementTree as tree, zlib

random.seed(7)


def digest(value):
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def texts():
    words = ["".join(random.choices("abcdefg ", k=random.randint(1, 40)))
             for _ in range(20000)]
    text = " ".join(words)
    found = re.findall(r"(a[b-f]+)(g?)", text)
    data = json.loads(json.dumps({"words": words, "found": found}))
    return digest((len(found), data["words"][-3:], textwrap.wrap(text)[:9]))


def packed():
    data = bytes(random.getrandbits(6) for _ in range(300000))
    for module in zlib, bz2, lzma, gzip:
        assert module.decompress(module.compress(data)) == data
    return digest(pickle.loads(pickle.dumps([data, {"a": data}])))


def database():
    with tempfile.NamedTemporaryFile() as file:
        base = sqlite3.connect(file.name)
        base.execute("create table t (a integer primary key, b text)")
        base.executemany("insert into t (b) values (?)",
                         ((str(random.random()) * 5,) for _ in range(20000)))
        base.execute("create index i on t (b)")
        return digest(base.execute("select count(*), min(b), max(b), "
                                   "sum(a) from t").fetchall())


def numbers():
    heap = [random.random() for _ in range(50000)]
    heapq.heapify(heap)
    low = [heapq.heappop(heap) for _ in range(1000)]
    big = sum(decimal.Decimal(i).sqrt() for i in range(3000))
    part = sum((fractions.Fraction(1, i) for i in range(1, 300)),
               fractions.Fraction())
    return digest((low, big, part, 3 ** 20000 % 10 ** 50))


def markup():
    root = tree.Element("root")
    for i in range(5000):
        tree.SubElement(root, "item", number=str(i)).text = "x" * (i % 50)
    again = tree.fromstring(tree.tostring(root))
    return digest([e.get("number") for e in again.iter("item")][::50])


def square(number):
    return len(bytearray(number)) + number * number


def parallel():
    total = collections.Counter()
    lock = threading.Lock()

    def count(seed):
        for i in range(2000):
            key = str((seed * 7919 + i) % 500) * 3
            with lock:
                total[key] += 1

    threads = [threading.Thread(target=count, args=(s,)) for s in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        squares = list(pool.map(square, range(3000)))
    with multiprocessing.Pool(3) as pool:
        assert pool.map(square, range(3000)) == squares
    return digest((sorted(total.items()), sum(squares)))


def children():
    out = [subprocess.run([sys.executable, "-c", f"print('x' * {i * 1000})"],
                          capture_output=True, check=True).stdout
           for i in range(8)]
    pipe = subprocess.run("seq 1 20000 | sort -rn | head -3", shell=True,
                          capture_output=True, check=True).stdout
    return digest((out, pipe))


for job in texts, packed, database, numbers, markup, parallel, children:
    print(job.__name__, job())
PY
same work "$(python_real)" "$T/work.py"
same regrtest "$(python_real)" -X dev -c '
import ctypes, mmap, gc, weakref
buffers = [ctypes.create_string_buffer(n) for n in range(1, 5000, 7)]
gc.collect()
print(sum(len(b) for b in buffers))'
