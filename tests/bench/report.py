"""From raw runs to ratios and the table."""
import math
import statistics

from contenders import ALL, BARE, ON, RIVALS


def paired(runs, metric, other, own="hakmem"):
    """The median over rounds of own/other of the same round, or None."""
    pairs = zip(runs.get(own, ()), runs.get(other, ()))
    ratios = [a[metric] / b[metric] for a, b in pairs if b[metric] > 0]
    return statistics.median(ratios) if ratios else None


def middle(runs, name, metric):
    got = runs.get(name, ())
    return statistics.median(r[metric] for r in got) if got else None


def ratios(runs, metric):
    """Against each allocator, and `best`: against the strongest rival, which
    is where the ratio is highest."""
    out = {name: paired(runs, metric, name) for name in ALL
           if name != "hakmem"}
    known = [out[name] for name in RIVALS if out[name] is not None]
    out["best"] = max(known) if known else None
    return out


def summarize(workload, runs):
    row = {"name": workload.name, "metric": workload.metric,
           "unit": workload.unit, "bar": workload.bar,
           "means": workload.means, "group": workload.group, "runs": runs,
           "time": ratios(runs, workload.metric),
           "rss": ratios(runs, "peak_rss_kb"),
           "median": {name: middle(runs, name, workload.metric)
                      for name in runs}}
    if BARE in runs:
        row["instruments"] = paired(runs, workload.metric, BARE, ON)
        row["instruments_rss"] = paired(runs, "peak_rss_kb", BARE, ON)
    return row


def geometric(values):
    logs = [math.log(v) for v in values if v]
    return math.exp(sum(logs) / len(logs)) if logs else None


def means(rows, figure, pick):
    return {name: geometric(row[figure][name] for row in rows
                            if row["means"] and pick(row))
            for name in (*[n for n in ALL if n != "hakmem"], "best")}


def failures(rows):
    """Rows of the bar where hakmem is not faster than glibc."""
    return [row for row in rows if row["bar"] and
            (row["time"]["glibc"] is None or row["time"]["glibc"] >= 1.0)]


def number(value):
    if value is None:
        return "-"
    if value >= 1e6:
        return f"{value / 1e6:.1f}M"
    return f"{value:.0f}" if value >= 100 else \
        f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value):
    return "-" if value is None else f"{value:.2f}"


def line(cells):
    return "| " + " | ".join(cells) + " |"


def ratio_table(rows):
    names = ("glibc", *RIVALS, "best")
    out = [line(["workload", "glibc", "hakmem", *[f"vs {n}" for n in names],
                 "RSS vs glibc", "RSS vs best"]),
           line(["---"] + ["---:"] * 9)]

    def cells(title, left, time, rss):
        return line([title, *left, *[ratio(time[n]) for n in names],
                     ratio(rss["glibc"]), ratio(rss["best"])])

    for row in rows:
        unit = "" if row["unit"] == "ns" else " " + row["unit"]
        left = [number(row["median"].get(n)) + unit
                for n in ("glibc", "hakmem")]
        out.append(cells(row["name"], left, row["time"], row["rss"]))
    for title, groups in (("synthetic rows", ("synthetic",)),
                          ("real programs", ("real",)),
                          ("both", ("synthetic", "real")),
                          ("memory rows", ("memory",))):
        def chosen(row, groups=groups):
            return row["group"] in groups
        if len(groups) > 1 and not any(row["group"] == "real" for row in rows):
            continue
        title = f"**geometric mean, {title}**"
        if sum(chosen(row) and row["means"] for row in rows) > 1:
            out.append(cells(title, ["", ""], means(rows, "time", chosen),
                             means(rows, "rss", chosen)))
    return out


def instruments_table(rows):
    rows = [row for row in rows if row.get("instruments") is not None]
    if not rows:
        return []
    out = ["", "Instruments: hakmem with its defaults against the same library "
           "with `HAKMEM_SAMPLE=0 HAKMEM_HISTOGRAM=0 HAKMEM_STREAM=off`.", "",
           line(["workload", "time", "peak RSS"]), line(["---", "---:", "---:"])]
    out += [line([row["name"], ratio(row["instruments"]),
                  ratio(row["instruments_rss"])]) for row in rows]
    for title, group in ("synthetic rows", "synthetic"), ("real programs",
                                                          "real"):
        chosen = [row for row in rows if row["group"] == group]
        if chosen:
            out.append(line([f"**geometric mean, {title}**"] + [ratio(geometric(
                r[figure] for r in chosen)) for figure in
                ("instruments", "instruments_rss")]))
    return out


def markdown(result):
    machine = result["machine"]
    out = [f"{machine['cpu']}, {machine['cores']} cores, Linux "
           f"{machine['kernel']}, THP {machine['thp']}, load "
           f"{machine['load_begin']} to {machine['load_end']}; "
           f"{result['date']}; {result['rounds']} rounds of "
           f"{result['seconds']} s; `{result['command']}`", "",
           "Versions: " + ", ".join(f"{k} {v}" for k, v in
                                    result["versions"].items()) + ".", ""]
    if result["daemon"]:
        heard = result.get("programs_streamed")
        out += ["hakmem streams to a hakmemd, at the default sampling rate" +
                (f"; it heard of {heard} programs." if heard else ".")]
    else:
        out += ["**NO DAEMON: hakmemd was not built, so nothing was streamed; "
                "the figures lack that cost.**"]
    out += ["", "Time is CPU time (user and system, all threads) per operation,"
            " in ns; ratios below 1 mean that hakmem is better.", ""]
    return "\n".join(out + ratio_table(result["rows"]) +
                     instruments_table(result["rows"])) + "\n"
