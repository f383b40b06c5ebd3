#!/usr/bin/env python3
"""Make calibrate.csv: generated out-of-fold probabilities and what scikit-learn makes of them.

Needs numpy and scikit-learn (made with 2.4.6 and 1.9.1); run it by hand after a change:
    python tests/oracle/make_calibrate.py > tests/oracle/calibrate.csv

Lines: case,NAME,ROWS,CLASSES        then of that case
       expect,NAME,VALUE             scores: brier, and of two classes f1, recall_at, cost with their
                                     thresholds
       bin,PREDICTED,OBSERVED        of two classes: calibration_curve, ten bins, empty ones left out
       row,TRUTH,P...,SIGMOID...,ISOTONIC...   probabilities as given and as CalibratedClassifierCV
                                     maps them, a value for each class
Probabilities have few digits, so that ties occur. The sigmoid is fitted here once more to the end
by Newton's method: scikit-learn's own stops at a tolerance, and the two are held together."""
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import brier_score_loss, precision_recall_curve

PRECISION, FALSE_POSITIVE, FALSE_NEGATIVE = 0.8, 1, 3


class Given(ClassifierMixin, BaseEstimator):
    """Its features are the probabilities that it gives."""

    def __init__(self, k=2):
        self.k = k

    def fit(self, x, y):
        self.classes_ = np.arange(self.k)
        return self

    def predict_proba(self, x):
        return x

    def predict(self, x):
        return x.argmax(axis=1)


def line(*cells):
    print(",".join(c if isinstance(c, str) else repr(float(c)) if isinstance(c, float) else str(c)
                   for c in cells))


def calibrated(p, y, method):
    given = Given(p.shape[1]).fit(p, y)
    model = CalibratedClassifierCV(FrozenEstimator(given), method=method, ensemble=False)
    return model.fit(p, y).predict_proba(p)


def newton(s, y):
    """Platt's map to the end."""
    up, down = y.sum(), len(y) - y.sum()
    t = np.where(y, (up + 1) / (up + 2), 1 / (down + 2))
    a, b = 0.0, np.log((down + 1) / (up + 1))
    for _ in range(60):
        p = 1 / (1 + np.exp(a * s + b))
        g = np.array([np.sum(s * (t - p)), np.sum(t - p)])
        w = p * (1 - p)
        h = np.array([[np.sum(s * s * w), np.sum(s * w)], [np.sum(s * w), np.sum(w)]])
        a, b = np.array([a, b]) - np.linalg.solve(h, g)
    return 1 / (1 + np.exp(a * s + b))


def sigmoid(p, y):
    k = p.shape[1]
    if k == 2:
        up = newton(p[:, 1], y == 1)
        out = np.column_stack([1 - up, up])
    else:
        out = np.column_stack([newton(p[:, c], y == c) for c in range(k)])
        out /= out.sum(axis=1, keepdims=True)
    assert np.abs(out - calibrated(p, y, "sigmoid")).max() < 1e-4
    return out


def two_classes(p, y):
    precision, recall, threshold = precision_recall_curve(y, p)
    precision, recall = precision[:-1], recall[:-1]  # the last point has no threshold
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    best = np.flatnonzero(f1 > f1.max() - 1e-12)[0]  # thresholds rise: the lowest
    line("expect", "f1", float(f1[best]))
    line("expect", "f1_threshold", float(threshold[best]))
    enough = np.flatnonzero(precision >= PRECISION)
    most = enough[recall[enough] == recall[enough].max()]
    at = most[np.argmax(precision[most])]
    line("expect", "recall_at", float(recall[at]))
    line("expect", "recall_at_threshold", float(threshold[at]))
    cost = [FALSE_POSITIVE * np.sum((p >= t) & (y == 0)) + FALSE_NEGATIVE * np.sum((p < t) & (y == 1))
            for t in threshold]
    low = np.flatnonzero(np.array(cost) == min(cost))[0]
    line("expect", "cost", float(cost[low]))
    line("expect", "cost_threshold", float(threshold[low]))
    observed, predicted = calibration_curve(y, p, n_bins=10)
    for a, b in zip(predicted, observed):
        line("bin", float(a), float(b))


def case(rng, name, n, k, sharp):
    y = rng.integers(0, k, n)
    scores = rng.normal(0, 1, (n, k)) + 1.2 * (y[:, None] == np.arange(k))
    p = np.exp(sharp * scores)
    p = np.round(p / p.sum(axis=1, keepdims=True), 2)
    p[:, 0] = np.round(1 - p[:, 1:].sum(axis=1), 2)
    if k == 2:
        p[:, 0] = 1 - p[:, 1]
    line("case", name, n, k)
    line("expect", "brier", float(brier_score_loss(y, p[:, 1]) if k == 2 else
                                  np.mean(np.sum((p - np.eye(k)[y]) ** 2, axis=1))))
    if k == 2:
        two_classes(p[:, 1], y)
    both = np.column_stack([p, sigmoid(p, y), calibrated(p, y, "isotonic")])
    for i in range(n):
        line("row", int(y[i]), *map(float, both[i]))


def main():
    rng = np.random.default_rng(12)
    case(rng, "two", 300, 2, 2.0)
    case(rng, "few", 40, 2, 0.5)
    case(rng, "four", 300, 4, 1.5)


main()
