#!/usr/bin/env python3
"""Make tests/oracle/resample.csv and resample_counts.csv: what imbalanced-learn finds.

resample.csv: rows of three features and a class; for rows of class 1 their five neighbours in it, by
row number, and how many rows ADASYN makes of each. resample_counts.csv: rows by class after kinds with
a ratio (of the smaller class over the larger)."""
import csv
from pathlib import Path

import imblearn
import numpy as np
from imblearn.over_sampling import ADASYN, SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler

HERE = Path(__file__).resolve().parent
LARGE, SMALL = 157, 43


def rows():
    random = np.random.default_rng(5)
    x = np.vstack([random.normal(0, 1, (LARGE, 3)), random.normal(0.9, 1.1, (SMALL, 3))])
    y = np.repeat([0, 1], [LARGE, SMALL])
    order = random.permutation(len(y))
    return x[order].round(6), y[order]


def neighbours(x, y):
    smote = SMOTE(k_neighbors=5, random_state=1)
    smote.fit_resample(x, y)
    own = np.flatnonzero(y == 1)
    return own, own[smote.nn_k_.kneighbors(x[own], return_distance=False)[:, 1:]]


def made_by_adasyn(x, y):
    """What ADASYN asks of each row of class 1, caught where it repeats their numbers."""
    caught, repeat = [], np.repeat

    def watch(values, repeats, *others, **named):
        if np.ndim(repeats) == 1:
            caught.append(np.asarray(repeats))
        return repeat(values, repeats, *others, **named)

    np.repeat = watch
    try:
        ADASYN(n_neighbors=5, random_state=1).fit_resample(x, y)
    finally:
        np.repeat = repeat
    counts = [c for c in caught if len(c) == (y == 1).sum()]
    assert len(counts) == 1
    return counts[0].astype(int)


def main():
    x, y = rows()
    own, near = neighbours(x, y)
    made = made_by_adasyn(x, y)
    with (HERE / "resample.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["a", "b", "c", "class", *(f"n{k}" for k in range(1, 6)), "adasyn"])
        place = {row: at for at, row in enumerate(own)}
        for i, (values, label) in enumerate(zip(x, y)):
            more = [*near[place[i]], made[place[i]]] if i in place else [-1] * 6
            out.writerow([*values, label, *more])
    kinds = {"over": RandomOverSampler, "smote": SMOTE, "under": RandomUnderSampler}
    with (HERE / "resample_counts.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["kind", "ratio", "class_0", "class_1"])
        for name, kind in kinds.items():
            for ratio in (1.0, 0.61, 0.333):
                counts = np.bincount(kind(sampling_strategy=ratio, random_state=1)
                                     .fit_resample(x, y)[1])
                out.writerow([name, ratio, *counts])
    print(f"imbalanced-learn {imblearn.__version__}: {len(y)} rows, {made.sum()} made by ADASYN")


main()
