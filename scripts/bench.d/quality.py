"""The forest's error beside scikit-learn's, on the same rows and features; see scripts/quality.

Each seed divides the recordings anew. Both forests get the training rows that the run divided off,
its numeric features, missing values as they are, and the settings of configs/spotify.json."""
import argparse
import json
import math
import sys
import time

from limits import THREADS, limit_threads

limit_threads()

import numpy as np
from sklearn.ensemble import RandomForestRegressor

from segue_runs import TOP, Run
from tables import TableFile

FEATURES = ["duration_ms", "explicit", "danceability", "energy", "key", "loudness", "mode",
            "speechiness", "acousticness", "instrumentalness", "liveness", "valence", "tempo",
            "time_signature"]
TARGET = "popularity"
WORST = 1.005  # mean error, as a multiple of scikit-learn's


def segue_error(options, seed):
    """A run's error on its test rows, and the rows."""
    settings = [f"/seed={seed}", f"/stages/{TARGET}/recipe=[]", f"/stages/{TARGET}/replicates=0",
                f"/stages/{TARGET}/features={json.dumps(FEATURES)}",
                '/stages/genre/model={"kind": "constant"}']
    with Run(options.segue, TOP / "configs" / "spotify.json", settings) as run:
        error = run.report()["stages"][TARGET]["metrics"]["test"]["rmse"]
        model = json.loads((run.path / "config.json").read_text())["stages"][TARGET]["model"]
        with TableFile(run.path / "stages" / "split.h5") as table:
            x = np.stack([table.numbers(name) for name in FEATURES], axis=1)
            y, part = table.numbers(TARGET), table.words("split")
    return error, model, x, y, part


def sklearn_error(model, seed, x, y, part):
    forest = RandomForestRegressor(
        model["trees"], max_depth=model["max_depth"], min_samples_leaf=model["min_samples_leaf"],
        min_samples_split=model["min_samples_split"], max_features=model["max_features"],
        bootstrap=model["bootstrap"], n_jobs=THREADS, random_state=seed)
    train, test = part == "train", part == "test"
    forest.fit(x[train].astype(np.float32), y[train])
    error = forest.predict(x[test].astype(np.float32)) - y[test]
    return math.sqrt(np.mean(error ** 2))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--segue", required=True)
    parser.add_argument("--seeds", type=int, required=True)
    options = parser.parse_args()
    ours, theirs = [], []
    print("| seed | Segue's RMSE | scikit-learn's RMSE | ratio |\n|---:|---:|---:|---:|")
    for seed in range(1, options.seeds + 1):
        begun = time.monotonic()
        error, model, x, y, part = segue_error(options, seed)
        ours.append(error)
        theirs.append(sklearn_error(model, seed, x, y, part))
        print(f"| {seed} | {ours[-1]:.4f} | {theirs[-1]:.4f} | {ours[-1] / theirs[-1]:.4f} |",
              flush=True)
        print(f"quality: seed {seed}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    ratio = np.mean(ours) / np.mean(theirs)
    print(f"| mean | {np.mean(ours):.4f} | {np.mean(theirs):.4f} | {ratio:.4f} |\n")
    verdict = "reached" if ratio <= WORST else f"MISS: worse by {100 * (ratio - 1):.2f} %"
    print(f"Goal: the mean at most {100 * (WORST - 1):.1f} % above scikit-learn's: {verdict}.")
    sys.exit(0 if ratio <= WORST else 1)


main()
