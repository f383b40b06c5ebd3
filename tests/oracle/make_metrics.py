#!/usr/bin/env python3
"""Make metrics.csv: generated inputs and what scikit-learn says of them.

Needs numpy and scikit-learn (made with 2.4.6 and 1.9.1); run it by hand after a change:
    python tests/oracle/make_metrics.py > tests/oracle/metrics.csv

Lines: case,NAME,KIND,ROWS,CLASSES,TOP_K   then of that case
       expect,METRIC,VALUE                 (METRIC.c: of class c)
       interval,METRIC,LOW,HIGH            95 % percentiles of a bootstrap of whole groups
       by,LABEL,N,RMSE,MAE,R2,RECALL       of rows that have the label; LABEL -1: no label
       row,GROUP,TRUTH,LABELS,PREDICTIONS  LABELS joined by ";"
Scores have few digits, so that ties occur. Ties at the edge of the top k go to the lower class,
as in Segue; scikit-learn is given scores lowered by 1e-9 x class.
"""
import warnings

import numpy as np
from sklearn import metrics

warnings.filterwarnings("ignore")
THRESHOLD = 71
REPLICATES = 4000


def line(*cells):
    print(",".join(c if isinstance(c, str) else repr(float(c)) if isinstance(c, float) else str(c)
                   for c in cells))


def expect(name, value):
    line("expect", name, float(value))


def make_groups(rng, n):
    """Recordings of one to four rows, their numbers far apart."""
    sizes = rng.choice([1, 1, 2, 4], n)
    return rng.permutation(np.repeat(np.arange(n) * 7919 + 5, sizes)[:n])


def intervals(rng, groups, functions):
    """Draw as many groups as there are, with replacement, and take all rows of each."""
    rows_of = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    values = {name: [] for name in functions}
    for _ in range(REPLICATES):
        rows = np.concatenate([rows_of[i] for i in rng.integers(0, len(rows_of), len(rows_of))])
        for name, function in functions.items():
            values[name].append(function(rows))
    for name, v in values.items():
        low, high = np.nanpercentile(v, [2.5, 97.5])
        line("interval", name, float(low), float(high))


def recall_of(truth, prediction):
    high = truth > THRESHOLD
    return float(np.mean(prediction[high] > THRESHOLD)) if high.any() else float("nan")


def regression(rng, name, n, noise):
    truth = np.round(np.clip(rng.normal(45, 25, n), 0, 100))
    prediction = np.round(40 + 0.7 * (truth - 40) + rng.normal(3, noise, n), 2)
    groups = make_groups(rng, n)
    labels = [sorted(rng.choice(9, rng.integers(0, 4), replace=False)) for _ in range(n)]
    line("case", name, "regression", n, 0, 0)
    expect("rmse", metrics.root_mean_squared_error(truth, prediction))
    expect("mae", metrics.mean_absolute_error(truth, prediction))
    expect("r2", metrics.r2_score(truth, prediction))
    expect("bias", np.mean(prediction - truth))
    expect("high_recall", metrics.recall_score(truth > THRESHOLD, prediction > THRESHOLD))
    expect("high_precision", metrics.precision_score(truth > THRESHOLD, prediction > THRESHOLD))
    intervals(rng, groups, {
        "rmse": lambda r: metrics.root_mean_squared_error(truth[r], prediction[r]),
        "mae": lambda r: metrics.mean_absolute_error(truth[r], prediction[r]),
        "r2": lambda r: metrics.r2_score(truth[r], prediction[r]),
        "high_recall": lambda r: recall_of(truth[r], prediction[r])})
    for label in range(-1, 9):
        rows = np.array([label in l if label >= 0 else not l for l in labels])
        t, p = truth[rows], prediction[rows]
        line("by", label, int(rows.sum()), metrics.root_mean_squared_error(t, p),
             metrics.mean_absolute_error(t, p), metrics.r2_score(t, p), recall_of(t, p))
    for i in range(n):
        line("row", int(groups[i]), truth[i], ";".join(map(str, labels[i])), prediction[i])


def class_means(truth, probability, one):
    """Mean of a ranking metric over the classes that the truth has, one against the rest."""
    k = probability.shape[1]
    if k == 2:
        return one(truth == 1, probability[:, 1]) if 0 < np.sum(truth) < len(truth) else np.nan
    present = np.unique(truth)
    return np.mean([one(truth == c, probability[:, c]) for c in present])


def classification(rng, name, n, k, top_k, signal, absent, digits):
    usable = np.setdiff1d(np.arange(k), absent)
    share = rng.dirichlet(np.full(len(usable), 2.0))
    if k == 2:
        share = np.array([0.88, 0.12])
    truth = rng.choice(usable, n, p=share)
    logits = rng.normal(0, 1, (n, k)) + signal * (np.arange(k) == truth[:, None])
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    # Whole units that sum to one, so that a row's sum is not in question.
    units = np.floor(probability * 10**digits)
    units[np.arange(n), units.argmax(axis=1)] += 10**digits - units.sum(axis=1)
    probability = units / 10**digits
    predicted = probability.argmax(axis=1)
    groups = make_groups(rng, n)
    listed = [sorted(set(rng.choice(k, rng.integers(0, 3), replace=False)) | {t})
              if rng.random() < 0.7 else [] for t in truth]
    line("case", name, "classification", n, k, top_k)
    expect("accuracy", metrics.accuracy_score(truth, predicted))
    expect("balanced_accuracy", metrics.balanced_accuracy_score(truth, predicted))
    for average in ("macro", "weighted"):
        p, r, f, _ = metrics.precision_recall_fscore_support(truth, predicted, average=average,
                                                             zero_division=0)
        for metric, value in (("precision", p), ("recall", r), ("f1", f)):
            expect(f"{metric}_{average}", value)
    expect("auc", class_means(truth, probability, metrics.roc_auc_score))
    expect("average_precision", class_means(truth, probability, metrics.average_precision_score))
    expect("log_loss", metrics.log_loss(truth, probability, labels=np.arange(k)))
    if k > top_k:
        lowered = probability - 1e-9 * np.arange(k)
        if k == 2:
            lowered = np.maximum(lowered[:, 1], 0)  # below 0 it would not be taken as probability
        expect("top_k_accuracy", metrics.top_k_accuracy_score(truth, lowered, k=top_k,
                                                              labels=np.arange(k)))
    expect("any_listed_accuracy", np.mean([p == t or p in l
                                           for p, t, l in zip(predicted, truth, listed)]))
    expect("majority_share", np.bincount(truth).max() / n)
    p, r, f, s = metrics.precision_recall_fscore_support(truth, predicted, labels=np.arange(k),
                                                         zero_division=0)
    for c in range(k):
        for metric, value in (("precision", p), ("recall", r), ("f1", f), ("n", s)):
            expect(f"{metric}.{c}", value[c])
        if s[c] > 0 and (k > 2 or c == 1):
            expect(f"auc.{c}", metrics.roc_auc_score(truth == c, probability[:, c]))
            expect(f"average_precision.{c}",
                   metrics.average_precision_score(truth == c, probability[:, c]))
    if k <= 6:
        intervals(rng, groups, {
            "accuracy": lambda i: np.mean(truth[i] == predicted[i]),
            "balanced_accuracy": lambda i: metrics.recall_score(
                truth[i], predicted[i], average="macro", labels=np.unique(truth[i])),
            "f1_macro": lambda i: metrics.f1_score(truth[i], predicted[i], average="macro"),
            "auc": lambda i: class_means(truth[i], probability[i], metrics.roc_auc_score),
            "average_precision": lambda i: class_means(truth[i], probability[i],
                                                       metrics.average_precision_score),
            "log_loss": lambda i: metrics.log_loss(truth[i], probability[i], labels=np.arange(k))})
    for i in range(n):
        line("row", int(groups[i]), int(truth[i]), ";".join(map(str, listed[i])),
             *[f"{v:.{digits}f}" for v in probability[i]])


def main():
    rng = np.random.default_rng(20240607)
    regression(rng, "popularity", 400, 15)
    classification(rng, "binary_ties", 400, 2, 1, 0.9, [], 2)
    classification(rng, "binary_fine", 250, 2, 3, 1.2, [], 6)
    classification(rng, "six", 250, 6, 3, 1.3, [], 3)
    classification(rng, "many", 160, 35, 3, 2.0, [4, 11, 34], 3)


main()
