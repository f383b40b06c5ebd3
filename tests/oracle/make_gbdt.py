#!/usr/bin/env python3
"""Make gbdt.csv: small data and what LightGBM learns from it, for tests/tree/test_oracle_gbdt.c.

Features are small whole numbers (every value is a bin of its own, in LightGBM as in Segue), one with
missing values. Each row: five features, the target, its class, and LightGBM's raw values after ROUNDS
rounds: of the target grown leaf by leaf and to depth 4, and of the class.

Needs lightgbm (made with 4.7.0) and numpy. Run it in this folder.
"""
import lightgbm
import numpy

ROWS, ROUNDS, SEED = 1500, 5, 11

rng = numpy.random.default_rng(SEED)
x = numpy.column_stack([rng.integers(0, k, ROWS) for k in (40, 60, 5, 100, 30)]).astype(float)
x[rng.random(ROWS) < 0.15, 3] = numpy.nan
y = (numpy.sin(x[:, 0] / 6) + x[:, 1] / 30 * (x[:, 2] > 2) + numpy.nan_to_num(x[:, 3], nan=40) / 50
     + rng.normal(0, 0.3, ROWS))
y = numpy.round(y, 4)
label = (y + rng.normal(0, 0.5, ROWS) > 1.5).astype(float)

common = dict(learning_rate=0.3, max_bin=255, min_data_in_bin=1, lambda_l2=1.0, min_data_in_leaf=10,
              min_sum_hessian_in_leaf=1e-3, verbose=-1, num_threads=1, deterministic=True,
              feature_pre_filter=False, force_col_wise=True)


def fit(target, **more):
    data = lightgbm.Dataset(x, target, params=dict(common, **more))
    return lightgbm.train(dict(common, **more), data, ROUNDS).predict(x, raw_score=True)


leaf = fit(y, objective="regression", num_leaves=15)
depth = fit(y, objective="regression", num_leaves=16, max_depth=4)
logit = fit(label, objective="binary", num_leaves=15)

with open("gbdt.csv", "w") as out:
    out.write("a,b,c,d,e,target,class,leaf_wise,depth_wise,logistic\n")
    for i in range(ROWS):
        cells = ["" if numpy.isnan(v) else "%d" % v for v in x[i]]
        cells += ["%.4f" % y[i], "%d" % label[i]]
        cells += ["%.7g" % v for v in (leaf[i], depth[i], logit[i])]
        out.write(",".join(cells) + "\n")
