"""Segue's search beside Optuna with the peers, on the same rows, with as many folds and trials. See
scripts/quality-tuned.

Segue reads the prepared matrix of a seed as a CSV file, so it searches, refits and predicts as any
job does. Differences are means over the seeds; their intervals come from a paired bootstrap of the
test rows, which are recordings, within each seed."""
import argparse
import importlib.metadata
import json
import os
import statistics
import sys
import time
from pathlib import Path

import h5py
import numpy as np

from bench_parts import facts, note
from limits import limit_threads
from segue_runs import TOP, WORK, Run, call, write_config
from tables import TableFile
from tuned_data import RANGES, Rows
from tuned_score import score_of

HERE = Path(__file__).resolve().parent
FOLDS = 3
REPLICATES = 200
ROUNDS = 300
HIT = 71
LIBRARIES = ("optuna", "lightgbm", "xgboost", "scikit-learn", "numpy")
# what, limit of a hit, peers, is Segue to be better or not worse?
TASKS = [("hit, average precision", HIT, ("XGBoost", "scikit-learn")),
         ("popularity, RMSE", None, ("LightGBM",))]


# Leaves are held back as XGBoost's are where a class is rare: by weight, not by rows.
BY_WEIGHT = RANGES | {"min_samples_leaf": 1,
                      "min_child_weight": {"low": 0.1, "high": 100, "log": True}}


def config(data, above, trials):
    ranges = RANGES if above is None else BY_WEIGHT
    return {"name": "tuned", "seed": data.seed, "stages": {
        "rows": {"kind": "read_csv", "path": str(data.csv), "columns": {
            **{name: "real" for name in data.names}, "popularity": "real", "part": "category",
            "fold": "integer"}},
        "folds": {"kind": "folds", "input": "rows", "split": "part", "folds": FOLDS},
        "search": {"kind": "search", "input": "rows", "folds": "folds", "split": "part",
                   "group": None, "target": "popularity", "above": above, "features": data.names,
                   "models": [{"kind": "gbdt", "trees": ROUNDS, **ranges}], "trials": trials,
                   "score": "average_precision" if above is not None else "rmse",
                   "replicates": 0},
        "report": {"kind": "report"}}}


def segue_result(segue, data, above, trials):
    """Predictions of the test rows, and seconds."""
    if not data.csv.exists():
        data.write()
    name = f"tuned-{'hit' if above is not None else 'popularity'}-{data.seed}"
    with Run(segue, write_config(name, config(data, above, trials))) as run:
        with TableFile(run.path / "stages" / "search.h5", "predictions") as table:
            row = table.columns.parent["rows"]["id"][()]
            if above is None:
                value = table.numbers("prediction")
            else:
                value = table.numbers("probability")
                no = table.words("prediction") == "false"
                value[no] = 1 - value[no]
        out = np.empty(len(data.y) - data.n)
        out[row - data.n] = value
        return out, run.seconds


def peer_result(peer, data, above, trials):
    out = WORK / f"tuned-{os.getpid()}.bin"
    task = {"peer": peer, "data": str(data.file), "target": "popularity", "above": above,
            "folds": str(data.folds), "trials": trials, "seed": data.seed}
    try:
        _, text = call([sys.executable, HERE / "tuned_peers.py", json.dumps(task), out])
        return np.fromfile(out), json.loads(text)["seconds"]
    finally:
        out.unlink(missing_ok=True)


def paired(data, ours, theirs, hit):
    """Ours minus theirs in every replicate."""
    truth = data.y[data.n:]
    truth = (truth > HIT).astype(int) if hit else truth
    random = np.random.default_rng(data.seed)
    differences = []
    for _ in range(REPLICATES):
        rows = random.integers(0, len(truth), len(truth))
        differences.append(score_of(truth[rows], ours[rows], hit) -
                           score_of(truth[rows], theirs[rows], hit))
    return np.array(differences), score_of(truth, ours, hit), score_of(truth, theirs, hit)


class Kept:
    """Results of earlier attempts, by who, task, seed and trials. Begins nothing after `minutes`."""

    def __init__(self, resume, minutes, versions):
        self.file, self.versions = TOP / ".bench" / "tuned.jsonl", versions
        self.until = time.monotonic() + 60 * minutes if minutes else None
        if not resume:
            self.file.unlink(missing_ok=True)
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        self.known = {json.dumps(item["key"]): item for item in map(json.loads, lines)}

    def get(self, key, measure):
        key = [self.versions[key[0] == "Segue"], *key]
        text = json.dumps(key)
        if text not in self.known:
            if self.until and time.monotonic() >= self.until:
                note("time is up; --resume goes on")
                sys.exit(75)
            note(" ".join(map(str, key[1:])))
            prediction, seconds = measure()
            item = {"key": key, "seconds": seconds, "prediction": prediction.tolist()}
            with self.file.open("a") as file:
                file.write(json.dumps(item) + "\n")
            self.known[text] = item
        item = self.known[text]
        return np.array(item["prediction"]), item["seconds"]


def line(what, above, peer, pairs, seconds):
    """A row of the table, and whether the goal is reached."""
    hit = above is not None
    mean = np.mean([difference for difference, _, _ in pairs], axis=0)
    low, high = np.percentile(mean, [2.5, 97.5])
    ours = statistics.mean(own for _, own, _ in pairs)
    theirs = statistics.mean(other for _, _, other in pairs)
    good = ours > theirs if hit else ours <= theirs * 1.001
    goal = "better" if hit else "not worse"
    cells = [what, peer, f"{ours:.4f}", f"{theirs:.4f}", f"{ours - theirs:+.4f} ({low:+.4f} to "
             f"{high:+.4f})", f"{goal}: {'reached' if good else '**MISS**'}",
             f"{statistics.mean(seconds[0]):.0f} s", f"{statistics.mean(seconds[1]):.0f} s"]
    return f"| {' | '.join(cells)} |", good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--segue", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--minutes", type=int)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    limit_threads()
    peers = {name: importlib.metadata.version(name) for name in LIBRARIES}
    own = call([options.segue, "--version"])[1].splitlines()[0]
    kept, all_good = Kept(options.resume, options.minutes, [peers, own]), True
    data = [Rows(options.data, seed, FOLDS) for seed in range(1, options.seeds + 1)]
    print("| work | peer | Segue | its | difference (95 %) | goal | Segue | peer |\n"
          "|---|---|---:|---:|---|---|---:|---:|", flush=True)
    for what, above, others in TASKS:
        ours = [kept.get(["Segue", what, rows.seed, options.trials],
                         lambda r=rows: segue_result(options.segue, r, above, options.trials))
                for rows in data]
        for peer in others:
            theirs = [kept.get([peer, what, rows.seed, options.trials],
                               lambda r=rows: peer_result(peer, r, above, options.trials))
                      for rows in data]
            pairs = [paired(rows, mine[0], other[0], above is not None)
                     for rows, mine, other in zip(data, ours, theirs)]
            text, good = line(what, above, peer, pairs,
                              [[mine[1] for mine in ours], [other[1] for other in theirs]])
            print(text, flush=True)
            all_good &= good
    print(f"\n{options.seeds} seeds, {options.trials} trials on {FOLDS} folds, {ROUNDS} rounds. "
          f"{facts(options.segue, cores, LIBRARIES)}")
    sys.exit(0 if all_good else 1)


main()
