"""Fit a peer of a linear model, or resample with one, some times, and print what bench_supervised
prints:

    python supervised_peers.py '{"peer": "scikit-learn", "file": FILE, "work": {...}, "rounds": 3}'"""
import json
import sys
import time
import warnings

import limits

limits.limit_threads(limits.THREADS)
TASK = json.loads(sys.argv[1])
warnings.filterwarnings("ignore")

if TASK["peer"] == "scikit-learn-intelex":
    from sklearnex import patch_sklearn
    patch_sklearn(verbose=False)

import numpy as np
from sklearn.linear_model import ElasticNet, LinearRegression, LogisticRegression

from supervised_data import read


def engine(work):
    options = work.get("peer", {})
    if work["kind"] == "linear":
        return LinearRegression()
    if work["kind"] == "elastic_net":
        return ElasticNet(**options)
    if work["kind"] == "logistic":
        return LogisticRegression(C=1, **options)
    from imblearn import over_sampling
    return {"smote": over_sampling.SMOTE, "adasyn": over_sampling.ADASYN}[work["kind"]](
        random_state=1)


def loss_of(model, x, y, classes):
    if not classes:
        return float(np.mean((model.predict(x) - y) ** 2))
    chosen = model.predict_proba(x)[np.arange(len(y)), y.astype(int)]
    return float(-np.log(np.maximum(chosen, 1e-300)).mean())


def main():
    x, y, classes = read(TASK["file"])
    work, seconds = TASK["work"], []
    for _ in range(TASK["rounds"]):
        model = engine(work)
        begun = time.perf_counter()
        if hasattr(model, "fit_resample"):
            told = {"rows": len(model.fit_resample(x, y)[1])}
            seconds.append(time.perf_counter() - begun)
        else:
            model.fit(x, y)
            seconds.append(time.perf_counter() - begun)
            told = {"loss": loss_of(model, x, y, classes)}
    print(json.dumps({"seconds": seconds, **told}))


main()
