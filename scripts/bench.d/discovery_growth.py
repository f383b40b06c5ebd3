"""How time grows with rows, for scripts/bench-discovery: Segue alone on made-up rows, on two ranks and
on one, with an exponent fitted over all sizes."""
import math

from bench_parts import note, short
from segue_runs import RANKS, OutOfTime

SUBQUADRATIC, QUADRATIC = (30_000, 90_000, 300_000, 1_000_000), (30_000, 90_000, 180_000)
# name: sizes, numbers for bench_discovery, the number of its answer that grows
GROWTH = {"pca": (SUBQUADRATIC, (), "seconds"),
          "kmeans": (SUBQUADRATIC, (), "seconds"),
          "dbscan": (SUBQUADRATIC, (0.5, 10), "seconds"),
          "nearest": (SUBQUADRATIC, (15,), "seconds"),
          "tsne": (SUBQUADRATIC, (24, 1, 5), "iteration"),
          "ward": (QUADRATIC, (), "seconds"),
          "silhouette": (QUADRATIC, (), "seconds")}
TITLES = {"nearest": "15 nearest", "tsne": "t-SNE, an iteration", "kmeans": "k-means, 10 starts",
          "dbscan": "DBSCAN, eps 0.5", "pca": "principal components", "ward": "Ward",
          "silhouette": "silhouette"}
GOAL = 1.8  # times as fast on two ranks


def exponent(points):
    """The slope of a line through the logarithms; NaN for a single point."""
    pairs = [(math.log(n), math.log(seconds)) for n, seconds in points]
    if len(pairs) < 2:
        return math.nan
    mean = [sum(values) / len(pairs) for values in zip(*pairs)]
    return (sum((a - mean[0]) * (b - mean[1]) for a, b in pairs) /
            sum((a - mean[0]) ** 2 for a, _ in pairs))


class Growth:
    """What was measured: seconds by name, rows and ranks."""

    def __init__(self, measurer, made_up, most):
        self.measurer, self.made_up = measurer, made_up
        self.sizes = [n for n in sorted({*SUBQUADRATIC, *QUADRATIC}) if n <= most]
        self.found, self.whole = {}, {}

    def expected(self, name, n, ranks):
        """Seconds of a whole run, from the largest smaller size, one power above what it shows."""
        before = [(m, r) for (what, m, r) in self.whole if what == name and m < n]
        if not before:
            return 0
        m, r = max(before, key=lambda key: (key[0], key[1] == ranks))
        return self.whole[name, m, r] * (n / m) ** (2 if n in QUADRATIC else 1.4) * r / ranks

    def measure(self, name, n, ranks):
        _, numbers, answer = GROWTH[name]
        budget = self.measurer.budget
        if self.expected(name, n, ranks) > budget.left():
            note(f"{name}, {n:,} rows, {ranks} ranks: would not fit into the time that is left")
            return
        try:
            result = self.measurer.segue(name, self.made_up(n), n, *numbers, ranks=ranks)
        except OutOfTime:
            return
        self.found[name, n, ranks] = result[answer]
        self.whole[name, n, ranks] = result["wall"]

    def run(self, only):
        """All work at a size before any at the next: what comes late is what may be left out."""
        names = [name for name in GROWTH if only in (None, name)]
        for n in self.sizes:
            for ranks in (RANKS, 1):
                for name in names:
                    if n in GROWTH[name][0]:
                        self.measure(name, n, ranks)

    def gains(self, name):
        """Times as fast on two ranks, from 90,000 rows on."""
        return [self.found[name, n, 1] / self.found[name, n, RANKS] for n in GROWTH[name][0]
                if n > QUADRATIC[0] and (name, n, 1) in self.found
                and (name, n, RANKS) in self.found]

    def cell(self, name, n):
        two, one = (self.found.get((name, n, ranks)) for ranks in (RANKS, 1))
        if n not in GROWTH[name][0]:
            return ""
        if two is None:
            return "-"
        return short(two) + (f" ({short(one)})" if one is not None else "")

    def table(self):
        sizes = self.sizes
        lines = ["| rows | " + " | ".join(f"{n:,}" for n in sizes) +
                 f" | exponent | {RANKS} ranks beside 1, goal {GOAL} |",
                 "|---|" + "---:|" * (len(sizes) + 2)]
        for name in GROWTH:
            points = [(n, self.found[name, n, RANKS]) for n in sizes if (name, n, RANKS) in self.found]
            if not points:
                continue
            gains, slope = self.gains(name), exponent(points)
            best = max(gains, default=math.nan)
            gain = "-" if not gains else f"{best:.2f}" + ("" if best >= GOAL else " **miss**")
            lines.append(f"| {TITLES[name]} | " + " | ".join(self.cell(name, n) for n in sizes) +
                         f" | {'-' if math.isnan(slope) else f'{slope:.2f}'} | {gain} |")
        return "\n".join(lines)
