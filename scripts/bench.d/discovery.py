"""Called by scripts/bench-discovery: Segue's neighbours, clusters and maps beside the peers'."""
import argparse
import json
import math
import os
import sys
from pathlib import Path

from limits import THREADS, limit_threads
from segue_runs import RANKS, TOP, call

WORK = TOP / ".bench" / "data"
COLUMNS = ["danceability", "energy", "loudness", "speechiness", "acousticness", "instrumentalness",
           "liveness", "valence", "tempo", "duration_ms"]
NEIGHBORS, EPS, SAMPLES, PERPLEXITY, ITERATIONS, EARLY = 90, 1.0, 10, 30, 750, 250
# What Segue has to be: so many times as fast as the peer.
GOALS = {("nearest", "scikit-learn"): 10, ("nearest", "faiss"): 1, ("dbscan", "scikit-learn"): 10,
         ("tsne", "openTSNE"): 3}
MOST_BYTES, MOST_KL = 300e6, 1.01


# ---- rows ----

def write_rows(path, x):
    import numpy as np
    with open(path, "wb") as file:
        np.array(x.shape, dtype=np.int64).tofile(file)
        np.ascontiguousarray(x, dtype=np.float64).tofile(file)


def read_rows(path):
    import numpy as np
    with open(path, "rb") as file:
        n, d = np.fromfile(file, np.int64, 2)
        return np.fromfile(file).reshape(n, d)


def tracks():
    """Distinct tracks, every column with mean 0 and deviation 1."""
    import pandas as pd
    table = pd.read_csv(Path(os.environ["SEGUE_DATA"]) / "spotify_tracks_114k.csv", index_col=0)
    x = table.drop_duplicates("track_id")[COLUMNS].to_numpy(float)
    path = WORK / "tracks.rows"
    write_rows(path, (x - x.mean(0)) / x.std(0))
    return path


def made_up(n):
    """Rows in 40 groups of unlike widths."""
    import numpy as np
    rng = np.random.default_rng(1)
    group = rng.integers(0, 40, n)
    centre, width = rng.normal(size=(40, 10)), rng.uniform(0.2, 0.8, size=(40, 1))
    path = WORK / f"made_up_{n}.rows"
    write_rows(path, centre[group] + width[group] * rng.normal(size=(n, 10)))
    return path


# ---- who is measured ----

def segue(program, what, rows, *numbers, ranks=RANKS):
    os.environ["SEGUE_BENCH_OUT"] = str(WORK)
    _, out = call(["mpirun", "-n", ranks, program, what, rows, *numbers])
    return json.loads(out.strip().splitlines()[-1])


def peer(what, name, rows):
    """In a process of its own, so that its threads are counted before it is imported."""
    _, out = call([sys.executable, __file__, "--peer", what, name, rows])
    return json.loads(out.strip().splitlines()[-1])


def run_peer(what, name, rows):
    limit_threads()
    import time
    x = read_rows(rows)
    begun = time.perf_counter()
    done = {}
    if what == "nearest" and name == "scikit-learn":
        from sklearn.neighbors import NearestNeighbors
        begun = time.perf_counter()
        NearestNeighbors(n_neighbors=NEIGHBORS, algorithm="kd_tree", n_jobs=THREADS).fit(x).kneighbors()
    elif what == "nearest":
        import faiss
        import numpy as np
        faiss.omp_set_num_threads(THREADS)
        begun = time.perf_counter()
        index = faiss.IndexFlatL2(x.shape[1])
        single = x.astype(np.float32)
        index.add(single)
        index.search(single, NEIGHBORS + 1)
    elif what == "dbscan":
        from sklearn.cluster import DBSCAN
        begun = time.perf_counter()
        found = DBSCAN(eps=EPS, min_samples=SAMPLES, n_jobs=THREADS).fit(x)
        done = {"clusters": int(found.labels_.max()) + 1, "noise": int((found.labels_ < 0).sum())}
    else:
        done = run_opentsne(x)
        begun += done.pop("importing")
    print(json.dumps({"seconds": time.perf_counter() - begun, **done}))


def run_opentsne(x):
    """With the settings that bench_discovery has."""
    import time
    begun = time.perf_counter()
    import numpy as np
    import openTSNE
    importing, rate = time.perf_counter() - begun, len(x) / 12
    affinities = openTSNE.affinity.PerplexityBasedNN(x, perplexity=PERPLEXITY, n_jobs=THREADS,
                                                     random_state=1)
    start = openTSNE.initialization.pca(x, random_state=1)
    places = openTSNE.TSNEEmbedding(start, affinities, negative_gradient_method="fft",
                                    n_jobs=THREADS, random_state=1)
    places = places.optimize(EARLY, exaggeration=12, momentum=0.5, learning_rate=rate)
    places = places.optimize(ITERATIONS - EARLY, momentum=0.8, learning_rate=rate)
    np.ascontiguousarray(places, dtype=np.float64).tofile(WORK / "opentsne.map")
    return {"importing": importing}


# ---- tables ----

def best(measure, rounds):
    return min((measure() for _ in range(rounds)), key=lambda found: found["seconds"])


def tell(what, name, ours, theirs):
    ratio, goal = theirs["seconds"] / ours["seconds"], GOALS[what, name]
    missed = "" if ratio >= goal else f" **misses {goal}**"
    print(f"| {what} | {ours['seconds']:.2f} | {name} | {theirs['seconds']:.2f} | {ratio:.1f}{missed} |",
          flush=True)


def compare(program, only, rounds):
    rows = tracks()
    works = {"nearest": ["scikit-learn", "faiss"], "dbscan": ["scikit-learn"], "tsne": ["openTSNE"]}
    numbers = {"nearest": [NEIGHBORS], "dbscan": [EPS, SAMPLES], "tsne": [ITERATIONS]}
    notes = []
    print(f"| work | segue, {RANKS} ranks, s | peer, {THREADS} threads | s | times |")
    print("|---|---|---|---|---|", flush=True)
    for what, names in works.items():
        if only not in (None, what):
            continue
        often = 1 if what == "tsne" else rounds
        ours = best(lambda: segue(program, what, rows, *numbers[what]), often)
        for name in names:
            theirs = best(lambda: peer(what, name, rows), 1)
            tell(what, name, ours, theirs)
            notes += note(program, what, rows, ours, theirs)
    print("\n" + "\n".join(f"- {line}" for line in notes))


def note(program, what, rows, ours, theirs):
    if what == "dbscan":
        same = all(ours[key] == theirs[key] for key in ("clusters", "noise"))
        more = "" if ours["bytes"] <= MOST_BYTES else " **misses 300**"
        return [f"dbscan: {ours['clusters']} clusters, {ours['noise']} noise rows, "
                f"{'the same' if same else '**not those**'} as scikit-learn; "
                f"{ours['bytes'] / 1e6:.0f} MB above an empty run{more}"]
    if what == "tsne":
        kl = [segue(program, "divergence", rows, WORK / name)["kl"]
              for name in ("map.bin", "opentsne.map")]
        missed = "" if kl[0] <= MOST_KL * kl[1] else " **misses 1 %**"
        return [f"tsne: exact divergence {kl[0]:.4f} beside {kl[1]:.4f}{missed}"]
    return []


def growth(program):
    print(f"| work | rows | segue, {RANKS} ranks, s | 1 rank, s |")
    print("|---|---|---|---|", flush=True)
    for what, numbers in (("nearest", [15]), ("dbscan", [0.5, SAMPLES])):
        points = []
        for n in (30_000, 90_000, 300_000, 1_000_000):
            rows = made_up(n)
            two, one = (segue(program, what, rows, *numbers, ranks=ranks)["seconds"]
                        for ranks in (RANKS, 1))
            rows.unlink()
            points.append((math.log(n), math.log(two)))
            print(f"| {what} | {n:,} | {two:.2f} | {one:.2f} |", flush=True)
        mean = [sum(values) / len(points) for values in zip(*points)]
        slope = (sum((a - mean[0]) * (b - mean[1]) for a, b in points) /
                 sum((a - mean[0]) ** 2 for a, _ in points))
        print(f"| {what} | exponent | {slope:.2f} | |", flush=True)


def main():
    if sys.argv[1:2] == ["--peer"]:
        run_peer(*sys.argv[2:5])
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--only", choices=["nearest", "dbscan", "tsne"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", action="store_true")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    if options.growth:
        growth(options.program)
    else:
        compare(options.program, options.only, options.rounds)


main()
