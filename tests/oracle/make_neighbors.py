#!/usr/bin/env python3
"""Neighbours and clusters by scikit-learn (1.9), for tests/neighbors/test_oracle.c.

Each row: four columns, its six nearest others (row, distance) by Euclidean distance, the same by cosine
distance, whether DBSCAN (eps 0.5, 5 samples) has it as a core, and its label there."""
import csv
import pathlib

import numpy as np
from sklearn.cluster import DBSCAN
from sklearn.neighbors import NearestNeighbors

K = 6
rng = np.random.default_rng(5)
x = rng.normal(size=(240, 4)) * rng.choice([0.2, 0.3, 1], size=(240, 1))
x += rng.normal(size=(4, 4))[rng.integers(0, 4, 240)] * 2
x[200:] = x[:40] + rng.normal(size=(40, 4)) * 1e-3
found = {}
for metric in ("euclidean", "cosine"):
    algorithm = "kd_tree" if metric == "euclidean" else "brute"  # brute would lose digits
    near = NearestNeighbors(n_neighbors=K, metric=metric, algorithm=algorithm).fit(x)
    found[metric] = near.kneighbors()  # without the row itself
clusters = DBSCAN(eps=0.5, min_samples=5).fit(x)
core = np.zeros(len(x), int)
core[clusters.core_sample_indices_] = 1
with open(pathlib.Path(__file__).parent / "neighbors.csv", "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow([f"x{j}" for j in range(4)] + [
        f"{metric}_{what}{k}" for metric in found for what in ("row", "distance") for k in range(K)
    ] + ["core", "label"])
    for i in range(len(x)):
        cells = [repr(float(v)) for v in x[i]]
        for metric in found:
            distance, row = found[metric]
            cells += [int(v) for v in row[i]] + [repr(float(v)) for v in distance[i]]
        out.writerow(cells + [core[i], clusters.labels_[i]])
