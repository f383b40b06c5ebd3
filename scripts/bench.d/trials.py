"""Trials of a search in time: 64 sets of parameters of gbdt on five folds by Segue's `search`, on one
rank and on two, and the same sets by LightGBM on two threads. See scripts/bench-search --trials.

The sets are Segue's own random ones. LightGBM bins the rows of a fold once for all sets, as Segue
does; reading the rows and the first look at them are counted for neither."""
import argparse
import importlib.metadata
import json
import os
import statistics
import sys
import time
from pathlib import Path

import limits
from bench_parts import facts, note
from segue_runs import TOP, WORK, call, write_config
from tuned_data import RANGES, Rows

FOLDS = 5
FASTER, SCALES = 1.5, 1.9


def config(data, trials, rounds):
    return {"name": "trials", "seed": 1, "stages": {
        "rows": {"kind": "read_csv", "path": str(data.csv), "columns": {
            **{name: "real" for name in data.names}, "popularity": "real", "part": "category",
            "fold": "integer"}},
        "folds": {"kind": "folds", "input": "rows", "split": "part", "folds": FOLDS},
        "search": {"kind": "search", "input": "rows", "folds": "folds", "split": "part",
                   "group": None, "target": "popularity", "features": data.names,
                   "models": [{"kind": "gbdt", "trees": rounds, **RANGES}], "trials": trials,
                   "method": "random", "score": "rmse", "replicates": 0},
        "report": {"kind": "report"}}}


def segue(program, ranks, data, trials, rounds):
    """Seconds of the stage, the fit of the best one included, and the trials in order."""
    folder = WORK / f"trials-{os.getpid()}"
    plan = write_config("trials", config(data, trials, rounds))
    try:
        call(["mpirun", "-n", ranks, program, "run", plan, "--quiet", "--run-dir", folder])
        stage = json.loads((folder / "report.json").read_text())["stages"]["search"]
    finally:
        call(["rm", "-rf", folder])
    table = next(table for table in stage["tables"] if table["name"] == "trials")
    rows = sorted((dict(zip(table["columns"], row)) for row in table["rows"]),
                  key=lambda row: row["trial"])
    return {"seconds": stage["seconds"], "sets": rows, "rmse": [row["rmse"] for row in rows]}


def lightgbm(data, sets, rounds):
    import lightgbm as lgb
    import numpy as np
    train = np.arange(len(data.y)) < data.n
    x, y = data.x[train].astype(np.float64), data.y[train]
    rmse = [[] for _ in sets]
    begun = time.perf_counter()
    for f in range(FOLDS):
        out = data.fold == f
        rows = lgb.Dataset(x[~out], y[~out], free_raw_data=False, params={
            "max_bin": 255, "feature_pre_filter": False, "verbose": -1,
            "num_threads": limits.THREADS}).construct()
        for at, own in enumerate(sets):
            model = lgb.train({
                "objective": "regression", "verbose": -1, "num_threads": limits.THREADS,
                "feature_pre_filter": False, "max_bin": 255,
                "learning_rate": own["learning_rate"], "num_leaves": own["max_leaves"],
                "min_data_in_leaf": own["min_samples_leaf"], "lambda_l2": own["l2"],
                "feature_fraction": own["feature_share"], "seed": at}, rows, rounds)
            rmse[at].append(float(np.sqrt(np.mean((model.predict(x[out]) - y[out]) ** 2))))
    return {"seconds": time.perf_counter() - begun, "rmse": [statistics.mean(r) for r in rmse]}


class Kept:
    """Parts that an earlier attempt measured, of as many trials and rounds."""

    def __init__(self, resume, key):
        self.file, self.key = TOP / ".bench" / "trials.json", key
        known = json.loads(self.file.read_text()) if resume and self.file.exists() else {}
        self.parts = known.get("parts", {}) if known.get("key") == key else {}
        self.measured = 0

    def get(self, name, measure, one):
        if name not in self.parts:
            if one and self.measured:
                note("one part is measured; --resume goes on")
                sys.exit(75)
            note(name)
            self.parts[name] = measure()
            self.measured += 1
            self.file.write_text(json.dumps({"key": self.key, "parts": self.parts}))
        return self.parts[name]


def row(what, ratio, goal, text):
    reached = "reached" if ratio >= goal else "**MISS**"
    print(f"| {what} | **{ratio:.2f}** | {goal}: {reached} | {text} |")
    return ratio >= goal


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--segue", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--one", action="store_true")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    limits.limit_threads()
    n, rounds = options.trials, options.rounds
    data = Rows(options.data, 1, FOLDS)
    if not data.csv.exists():
        data.write()
    version = call([options.segue, "--version"])[1].splitlines()[0]
    kept = Kept(options.resume, [version, importlib.metadata.version("lightgbm"), n, rounds])
    one, two = (kept.get(f"Segue on {ranks}", lambda r=ranks: segue(
        options.segue, r, data, n, rounds), options.one) for ranks in (1, 2))
    peer = kept.get("LightGBM", lambda: lightgbm(data, two["sets"], rounds), options.one)
    assert one["rmse"] == two["rmse"], "other trials on one rank"
    print("| what | ratio | goal | |\n|---|---:|---|---|")
    good = row(f"{n} trials of {rounds} rounds on {FOLDS} folds, to LightGBM",
               peer["seconds"] / two["seconds"], FASTER,
               f"{two['seconds']:.1f} s, mean RMSE {statistics.mean(two['rmse']):.3f}; LightGBM "
               f"{peer['seconds']:.1f} s, {statistics.mean(peer['rmse']):.3f}")
    good &= row("trials a second on two ranks, to one", one["seconds"] / two["seconds"], SCALES,
                f"{n / two['seconds']:.2f} and {n / one['seconds']:.2f}")
    print(f"\n{facts(options.segue, cores, ('lightgbm',))}")
    sys.exit(0 if good else 1)


main()
