"""Which rows reach what they are to reach (workloads.TARGETS)."""
import re
import statistics

import report
import workloads

NEAR = 1.05


def added(row, metric):
    """hakmem's median less glibc's of the same round."""
    pairs = zip(row["runs"].get("hakmem", ()), row["runs"].get("glibc", ()))
    found = [a[metric] - b[metric] for a, b in pairs]
    return statistics.median(found) if found else None


def own(row, figure):
    if figure == "own":
        return row["median"].get("hakmem")
    if figure == "instruments":
        return row.get("instruments")
    return added(row, "peak_rss_kb" if figure == "added RSS"
                 else row["metric"])


def verdict(value, most):
    return "met" if value <= most else \
        "near" if value <= most * NEAR else "missed"


def checks(rows):
    """(row, figure, value, at most, unit) of each target that was measured."""
    for target in workloads.TARGETS:
        chosen = [row for row in rows if re.search(target.rows, row["name"])]
        if target.most:
            for row in chosen:
                yield (row["name"], target.figure, own(row, target.figure),
                       target.most, target.unit)
        for other in "glibc", "best":
            most = getattr(target, other)
            if not most:
                continue
            title = ("RSS vs " if target.figure == "rss" else "vs ") + other
            ratios = [(row["name"], row[target.figure][other])
                      for row in chosen]
            if target.mean and chosen:
                ratios = [(f"{target.mean}, geometric mean of {len(chosen)}",
                           report.geometric(r for _, r in ratios))]
            for name, value in ratios:
                yield name, title, value, most, ""


def table(rows):
    found = [(*check, verdict(check[2], check[3])) for check in checks(rows)
             if check[2] is not None]
    out = [report.line(["target", "figure", "measured", "at most", "verdict"]),
           report.line(["---", "---", "---:", "---:", "---"])]
    for name, title, value, most, unit, result in found:
        show = report.number if unit in ("ns", "KiB") else report.ratio
        out.append(report.line([
            name, title, *(f"{show(v)} {unit}".strip() for v in (value, most)),
            result if result != "missed" else "**missed**"]))
    counts = [f"{sum(f[5] == v for f in found)} {v}"
              for v in ("met", "near", "missed")]
    return "\n".join(out) + "\n\nTargets: " + ", ".join(counts) + ".\n"
