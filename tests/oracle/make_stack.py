#!/usr/bin/env python3
"""Make stack.csv: rows with given folds, and what scikit-learn's stacks predict.

Needs numpy and scikit-learn (made with 2.4.6 and 1.9.1); run it by hand after a change:
    python tests/oracle/make_stack.py > tests/oracle/stack.csv

Three members (least squares on single features and on two) under least squares, over given folds, and
two members (logistic regression without penalty) under logistic regression on their probabilities.
Rows of fold -1 are new to both. "held" is what the stack predicts for a row when its fold is held
out of members, their out-of-fold predictions and the model on top: a stack fitted without the fold.

Lines: x0,x1,x2,fold,y,flag,stack,held,classes   (classes: probability of flag by the second stack)"""
import warnings

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, StackingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

warnings.filterwarnings("ignore")
ROWS, FOLDS, SEED = 120, 4, 31
MEMBERS = ([0], [1, 2], [0, 2])


def on(columns, model):
    return make_pipeline(ColumnTransformer([("take", "passthrough", columns)]), model)


def splits(fold):
    return [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in np.unique(fold)]


def regression(x, y, fold):
    members = [(f"m{k}", on(columns, LinearRegression())) for k, columns in enumerate(MEMBERS)]
    return StackingRegressor(members, LinearRegression(), cv=splits(fold)).fit(x, y)


def logistic():
    return LogisticRegression(C=np.inf, tol=1e-12, max_iter=10000, solver="newton-cholesky")


def main():
    rng = np.random.default_rng(SEED)
    x = np.round(rng.normal(size=(ROWS, 3)), 4)
    y = np.round(x[:, 0] * 2 - x[:, 1] + 0.5 * x[:, 2] * x[:, 0] + rng.normal(size=ROWS), 4)
    flag = (y + rng.normal(size=ROWS) > 0.5).astype(int)
    fold = rng.integers(0, FOLDS, ROWS)
    fold[rng.choice(ROWS, 20, replace=False)] = -1
    known = fold >= 0
    stack = regression(x[known], y[known], fold[known]).predict(x)
    held = np.full(ROWS, np.nan)
    for f in range(FOLDS):
        rest = known & (fold != f)
        held[fold == f] = regression(x[rest], y[rest], fold[rest]).predict(x[fold == f])
    members = [(f"m{k}", on(columns, logistic())) for k, columns in enumerate(MEMBERS[:2])]
    classes = StackingClassifier(members, logistic(), cv=splits(fold[known]),
                                 stack_method="predict_proba").fit(x[known], flag[known])
    p = classes.predict_proba(x)[:, 1]
    for i in range(ROWS):
        print(",".join(repr(float(v)) for v in
                       (*x[i], fold[i], y[i], flag[i], stack[i], held[i], p[i])))


main()
