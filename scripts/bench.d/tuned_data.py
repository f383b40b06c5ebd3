"""What searches are measured on: the 114k tracks' matrix as a CSV file, and the space of gbdt."""
import csv

import h5py
import numpy as np

import trees_data
from segue_runs import WORK

RANGES = {"learning_rate": {"low": 0.01, "high": 0.3, "log": True},
          "max_leaves": {"low": 8, "high": 255, "log": True},
          "min_samples_leaf": {"low": 5, "high": 200, "log": True},
          "feature_share": {"low": 0.2, "high": 1.0},
          "l2": {"low": 0.001, "high": 30, "log": True}}


def fold_of(n, seed, folds):
    fold = np.arange(n, dtype=np.int64) % folds
    np.random.default_rng(seed).shuffle(fold)
    return fold


class Rows:
    """The rows of a seed: the stored matrix, a fold for each training row, and all as a CSV file."""

    def __init__(self, folder, seed, folds):
        self.file, self.seed = trees_data.tracks(folder, seed), seed
        with h5py.File(self.file, "r", locking=False) as file:
            self.x = np.concatenate([file["train/x"][()], file["test/x"][()]])
            self.y = np.concatenate([file["train/popularity"][()], file["test/popularity"][()]])
            self.n = file["train/x"].shape[0]
        self.fold = fold_of(self.n, seed, folds)
        WORK.mkdir(parents=True, exist_ok=True)
        self.folds, self.csv = WORK / f"folds-{seed}-{folds}.bin", WORK / f"tuned-{seed}.csv"
        self.fold.tofile(self.folds)
        self.names = [f"x{j}" for j in range(self.x.shape[1])]

    def write(self):
        with self.csv.open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow([*self.names, "popularity", "part", "fold"])
            for i, row in enumerate(self.x):
                train = i < self.n
                out.writerow([*("" if np.isnan(v) else repr(float(v)) for v in row),
                              repr(float(self.y[i])), "train" if train else "test",
                              self.fold[i] if train else ""])
