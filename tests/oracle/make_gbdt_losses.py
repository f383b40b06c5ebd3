#!/usr/bin/env python3
"""Make gbdt_losses.csv: what LightGBM reaches on the rows of gbdt.csv, for
tests/tree/test_oracle_gbdt_losses.c.

Lines: OBJECTIVE,LOSS of the training rows after ROUNDS rounds: mean absolute error, mean quantile
loss at ALPHA, and mean Poisson deviance of floor(3 max(target, 0)). Peers take other steps for these
objectives (quantiles between two values, second derivatives that are made larger), so losses are
compared and not trees. And raw values of the first rows with L1, which are the same: shrunk,VALUE.
(min_gain_to_split is left out: LightGBM's trees are others there, for a reason not found.)

Needs lightgbm (made with 4.7.0) and numpy. Run it in this folder:
    python make_gbdt_losses.py > gbdt_losses.csv
"""
import lightgbm
import numpy

ROUNDS, ALPHA, ROWS = 60, 0.8, 200

table = numpy.genfromtxt("gbdt.csv", delimiter=",", skip_header=1)
x, y = table[:, :5], table[:, 5]
count = numpy.floor(3 * numpy.maximum(y, 0))
common = dict(learning_rate=0.1, num_leaves=15, max_bin=255, min_data_in_bin=1, lambda_l2=1.0,
              min_data_in_leaf=10, min_sum_hessian_in_leaf=1e-3, verbose=-1, num_threads=1,
              deterministic=True, feature_pre_filter=False, force_col_wise=True)


def fit(target, rounds=ROUNDS, **more):
    data = lightgbm.Dataset(x, target, params=dict(common, **more))
    return lightgbm.train(dict(common, **more), data, rounds)


absolute = numpy.abs(y - fit(y, objective="regression_l1").predict(x)).mean()
error = y - fit(y, objective="quantile", alpha=ALPHA).predict(x)
quantile = numpy.maximum(ALPHA * error, (ALPHA - 1) * error).mean()
mean = fit(count, objective="poisson").predict(x)
with numpy.errstate(divide="ignore", invalid="ignore"):
    log = numpy.where(count > 0, count * numpy.log(count / mean), 0)
deviance = 2 * (log - count + mean).mean()
print("absolute,%.7g" % absolute)
print("quantile,%.7g" % quantile)
print("poisson,%.7g" % deviance)
model = fit(y, 5, objective="regression", learning_rate=0.3, lambda_l1=4.0)
for value in model.predict(x[:ROWS], raw_score=True):
    print("shrunk,%.7g" % value)
