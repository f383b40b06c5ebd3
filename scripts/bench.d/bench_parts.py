"""What the benchmarks share: the rows of their tables, the time budget, the machine."""
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from segue_runs import TOP


def note(text):
    print(f"{Path(sys.argv[0]).stem}: {text}", file=sys.stderr, flush=True)


# ---- rows of the table ----

def short(seconds):
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.1f} s" if seconds < 100 else f"{seconds:.0f} s"


def median_text(samples):
    text = short(statistics.median(samples))
    if len(samples) > 1:
        text += f" ({short(min(samples))} to {short(max(samples))})"
    return text


def verdict(goal, share):
    """share: of the goal that is reached, 1 or more where it is met."""
    return f"{goal}: reached" if share >= 1 else f"{goal}: **MISS: {share:.2g} of the goal**"


class Table:
    def __init__(self):
        self.lines = []

    def row(self, ratio, goal, what, ours, theirs):
        self.lines.append(f"| {ratio} | {goal} | {what} | {ours} | {theirs} |")

    def faster(self, what, ours, theirs, goal=None):
        ratio = statistics.median(theirs) / statistics.median(ours)
        text = f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2g}"
        self.row(f"**{text}**" if goal else text, verdict(goal, ratio / goal) if goal else "",
                 what, median_text(ours), median_text(theirs))

    def missing(self, what, goal, why):
        self.row("-", f"{goal}: **not measured**", what, why, "")

    def text(self):
        head = ["| times faster | goal | work | Segue, 2 ranks | peer, 2 threads |",
                "|---:|---|---|---|---|"]
        return "\n".join(head + self.lines)


class Budget:
    def __init__(self, minutes, rounds):
        self.end = time.monotonic() + 60 * minutes
        self.most = rounds

    def left(self):
        return max(self.end - time.monotonic(), 1.0)

    def rounds(self, what, share, times=1):
        """Round numbers, times as many as asked for, while another one fits into this share of what
        is left."""
        begun, limit, longest = time.monotonic(), self.left() * share, 0.0
        most = times * self.most
        for number in range(most):
            used = time.monotonic() - begun
            if number > 0 and used + longest > limit:
                return
            note(f"{what}, round {number + 1} of at most {most}")
            round_begun = time.monotonic()
            yield number
            longest = max(longest, time.monotonic() - round_begun)


# ---- the machine ----

def cpu_model():
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def first_line(words):
    out = subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()
    return out[0] if out else "?"


def facts(segue, cores, libraries):
    """The machine and all versions, in a line."""
    peers = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in libraries)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 ** 30
    return (f"{cpu_model()}, {cores} cores, {memory:.0f} GiB; {first_line([segue, '--version'])}, "
            f"{first_line(['mpirun', '--version'])}; Python {platform.python_version()}, {peers}. "
            f"{time.strftime('%Y-%m-%d')}.")


def write_readme(text, name):
    """Put text between the markers of that name."""
    path = TOP / "README.md"
    readme = path.read_text()
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    if readme.count(begin) != 1 or readme.count(end) != 1:
        raise SystemExit(f"README.md lacks {begin} and {end}, between which the table goes")
    head, rest = readme.split(begin)
    path.write_text(f"{head}{begin}\n{text}\n{end}{rest.split(end)[1]}")
