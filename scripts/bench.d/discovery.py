"""The benchmark of discovery; scripts/bench-discovery starts it. Markdown on stdout, progress on stderr.

Segue on two ranks beside the peers on two threads, then Segue alone at growing numbers of rows. What
would not fit into the time budget is left out and says so."""
import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

from bench_parts import Budget, cpu_model, facts, note, short, write_readme
from discovery_growth import GROWTH, Growth
from discovery_peers import EPS, ITERATIONS, NEIGHBORS, SAMPLES, TREE_ROWS, WORK
from limits import limit_threads
from segue_runs import RANKS, TOP, OutOfTime, call

HERE, STORE = Path(__file__).resolve().parent, TOP / ".bench" / "data"
COLUMNS = ["danceability", "energy", "loudness", "speechiness", "acousticness", "instrumentalness",
           "liveness", "valence", "tempo", "duration_ms"]
LIBRARIES = ("scikit-learn", "scikit-learn-intelex", "faiss-cpu", "openTSNE", "fastcluster", "numpy")
# What Segue has to be: so many times as fast as the peer.
GOALS = {("nearest", "scikit-learn"): 10, ("nearest", "faiss"): 1, ("kmeans", "scikit-learn"): 2,
         ("kmeans", "scikit-learn-intelex"): 2, ("dbscan", "scikit-learn"): 10,
         ("ward", "fastcluster"): 10, ("silhouette", "scikit-learn"): 1, ("tsne", "openTSNE"): 3}
NUMBERS = {"nearest": (NEIGHBORS,), "dbscan": (EPS, SAMPLES), "tsne": (ITERATIONS,)}
TITLES = {"nearest": f"{NEIGHBORS} nearest, exact", "kmeans": "k-means, 12 clusters, 10 starts",
          "dbscan": f"DBSCAN, eps {EPS:g}, {SAMPLES} samples", "ward": "Ward, all rows",
          "silhouette": "silhouette, exact", "tsne": f"t-SNE, {ITERATIONS} iterations"}
MOST_BYTES = {"dbscan": 300e6, "ward": 500e6}
MOST_KL, MOST_SILHOUETTE, LIMIT = 1.01, 10, 600
EXPLANATION = """89,741 distinct tracks of the 114k file, ten audio columns with mean 0 and deviation 1;
peers get the same rows in double precision (faiss: single). Seconds are of the work alone; Segue's are
the least of some rounds, peers' of one (k-means: as many). fastcluster clusters 30,000 of the rows, and
its seconds grow with the square. Growth is on made-up rows in 40 groups of unlike widths; on one rank
in brackets; t-SNE by iteration, perplexity 5."""


# ---- rows ----

def write_rows(path, x):
    import numpy as np
    STORE.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        np.array(x.shape, dtype=np.int64).tofile(file)
        np.ascontiguousarray(x, dtype=np.float64).tofile(file)


def tracks():
    """Distinct tracks, every column with mean 0 and deviation 1."""
    import pandas as pd
    table = pd.read_csv(Path(os.environ["SEGUE_DATA"]) / "spotify_tracks_114k.csv", index_col=0)
    x = table.drop_duplicates("track_id")[COLUMNS].to_numpy(float)
    path = STORE / "tracks.rows"
    write_rows(path, (x - x.mean(0)) / x.std(0))
    return path


def made_up(n):
    """Rows in 40 groups of unlike widths; made once."""
    import numpy as np
    path = STORE / f"made_up_{n}.rows"
    if not path.exists() or path.stat().st_size != 16 + 80 * n:
        rng = np.random.default_rng(1)
        group = rng.integers(0, 40, n)
        centre, width = rng.normal(size=(40, 10)), rng.uniform(0.2, 0.8, size=(40, 1))
        write_rows(path, centre[group] + width[group] * rng.normal(size=(n, 10)))
    return path


# ---- measuring ----

class Measurer:
    """Runs pieces within the budget and keeps what they gave, to go on with --resume."""

    def __init__(self, program, budget, resume):
        self.program, self.budget = Path(program).resolve(), budget
        self.engine = hashlib.sha256(self.program.read_bytes()).hexdigest()[:16]
        self.file = TOP / ".bench" / "discovery.jsonl"
        if not resume:
            self.file.unlink(missing_ok=True)
        self.kept = dict(self.read())

    def read(self):
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        for line in lines:
            try:
                item = json.loads(line)
                yield json.dumps(item["key"]), item["result"]
            except ValueError:
                continue  # the line that was being written when it was stopped

    def once(self, key, words):
        key = [cpu_model(), *key]
        if json.dumps(key) in self.kept:
            return self.kept[json.dumps(key)]
        note(" ".join(str(part) for part in key[2:]))
        seconds, out = call(words, min(LIMIT, self.budget.left()))
        result = json.loads(out.strip().splitlines()[-1]) | {"wall": seconds}
        self.kept[json.dumps(key)] = result
        with self.file.open("a") as file:
            file.write(json.dumps({"key": key, "result": result}) + "\n")
        return result

    def segue(self, what, rows, n, *numbers, ranks=RANKS, turn=0):
        return self.once([self.engine, "segue", what, n, list(numbers), ranks, turn],
                         ["mpirun", "-n", ranks, self.program, what, rows, *numbers])

    def peer(self, what, name, rows, turn=0):
        return self.once(["", name, what, turn],
                         [sys.executable, HERE / "discovery_peers.py", what, name, rows])


# ---- beside the peers ----

def best(found):
    return min(found, key=lambda result: result["seconds"])


class Comparison:
    def __init__(self, measurer, rounds):
        self.measurer, self.rounds, self.rows = measurer, rounds, tracks()
        self.lines, self.notes = [], []

    def run(self, only):
        for what in dict.fromkeys(what for what, _ in WORK):
            if only not in (None, what):
                continue
            try:
                self.compare(what)
            except OutOfTime:
                self.lines.append(f"| - | **not measured: no time left** | {TITLES[what]} | | |")

    def compare(self, what):
        measurer, turns = self.measurer, range(1 if what == "tsne" else self.rounds)
        ours = best([measurer.segue(what, self.rows, "tracks", *NUMBERS.get(what, ()), turn=turn)
                     for turn in turns])
        self.tell_limits(what, ours)
        for name in [name for work, name in WORK if work == what]:
            theirs = best([measurer.peer(what, name, self.rows, turn)
                           for turn in (turns if what == "kmeans" else range(1))])
            self.tell(what, name, ours, theirs)
            self.tell_quality(what, name, ours, theirs)

    def tell(self, what, name, ours, theirs):
        seconds = theirs["seconds"]
        if what == "ward":
            seconds *= (self.rows.stat().st_size / 80 / TREE_ROWS) ** 2
        ratio, goal = seconds / ours["seconds"], GOALS[what, name]
        verdict = f"{goal}: reached" if ratio >= goal else f"{goal}: **MISS**"
        self.lines.append(f"| **{ratio:.3g}** | {verdict} | {TITLES[what]} | "
                          f"{short(ours['seconds'])} | {name}: {short(seconds)} |")

    def tell_limits(self, what, ours):
        if what in MOST_BYTES:
            over = "" if ours["bytes"] <= MOST_BYTES[what] else " **MISS**"
            self.notes.append(f"{TITLES[what]}: {ours['bytes'] / 1e6:.0f} MB on both ranks above an empty "
                              f"run, goal {MOST_BYTES[what] / 1e6:.0f}{over}")
        if what == "silhouette":
            over = "" if ours["seconds"] <= MOST_SILHOUETTE else " **MISS**"
            self.notes.append(f"silhouette: goal {MOST_SILHOUETTE} s, {short(ours['seconds'])}{over}")

    def tell_quality(self, what, name, ours, theirs):
        if what == "dbscan":
            same = all(ours[key] == theirs[key] for key in ("clusters", "noise"))
            self.notes.append(f"DBSCAN: {ours['clusters']} clusters, {ours['noise']:,} noise rows, "
                              f"{'the same' if same else '**not those**'} as {name}")
        if what == "kmeans":
            share = ours["inertia"] / theirs["inertia"] - 1
            worse = " **worse**" if share > 1e-4 else ""
            self.notes.append(f"k-means: inertia {share:+.3%} beside {name}{worse}")
        if what == "silhouette":
            apart = abs(ours["mean"] - theirs["mean"])
            self.notes.append(f"silhouette: {ours['mean']:.6f}, {apart:.0e} from {name}'s")
        if what == "tsne":
            kl = [self.measurer.segue("divergence", self.rows, "tracks", str(STORE / map))["kl"]
                  for map in ("map.bin", "opentsne.map")]
            missed = "" if kl[0] <= MOST_KL * kl[1] else " **misses 1 %**"
            self.notes.append(f"t-SNE: exact divergence {kl[0]:.4f} beside {kl[1]:.4f}{missed}")

    def text(self):
        return "\n".join(["| times faster | goal | work | Segue, 2 ranks | peer, 2 threads |",
                          "|---:|---|---|---|---|", *self.lines, "",
                          *(f"- {line}" for line in self.notes)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--segue", required=True)
    parser.add_argument("--only", choices=sorted({*GROWTH, *TITLES}))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=28)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--most", type=int, default=1_000_000)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--readme", action="store_true")
    options = parser.parse_args()
    limit_threads()
    os.environ["SEGUE_BENCH_OUT"] = str(STORE)
    measurer = Measurer(options.program, Budget(options.minutes, options.rounds), options.resume)
    parts = []
    if not options.growth:
        comparison = Comparison(measurer, options.rounds)
        comparison.run(options.only)
        parts.append(comparison.text())
    growth = Growth(measurer, made_up, options.most)
    growth.run(options.only)
    parts += [growth.table(), EXPLANATION,
              facts(options.segue, len(os.sched_getaffinity(0)), LIBRARIES)]
    text = "\n\n".join(parts)
    print(text)
    if options.readme:
        write_readme(text, "bench-discovery")


main()
