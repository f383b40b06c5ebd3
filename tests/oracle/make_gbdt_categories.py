#!/usr/bin/env python3
"""Make gbdt_categories.csv: categories and how LightGBM splits them, for
tests/tree/test_oracle_categories.c.

Two categories as codes (3 and 24 of them, some rare) and a small whole number, the target, its class;
then, by LightGBM: the leaf of every row in one tree of the target and in one of the class, with
LightGBM's own defaults for categories, and raw values after ROUNDS rounds without cat_l2 (which
LightGBM adds to the values of leaves, too) and with sets as small as they come.

Needs lightgbm (made with 4.7.0) and numpy. Run it in this folder.
"""
import lightgbm
import numpy

ROWS, ROUNDS, SEED = 4000, 4, 5

rng = numpy.random.default_rng(SEED)
few = rng.integers(0, 3, ROWS)
many = numpy.minimum(rng.geometric(0.09, ROWS) - 1, 23)
number = rng.integers(0, 40, ROWS)
effect = rng.normal(0, 1, 24)
other = rng.normal(0, 1, (3, 24))
y = effect[many] + 0.5 * other[few, many] + number / 25 + rng.normal(0, 0.5, ROWS)
y = numpy.round(y, 4)
label = (y + rng.normal(0, 0.5, ROWS) > 1).astype(float)
x = numpy.column_stack([few, many, number]).astype(float)

common = dict(learning_rate=0.3, max_bin=255, min_data_in_bin=1, lambda_l2=1.0, min_data_in_leaf=10,
              min_sum_hessian_in_leaf=1e-3, num_leaves=12, verbose=-1, num_threads=1,
              deterministic=True, feature_pre_filter=False, force_col_wise=True)


def fit(target, rounds, **more):
    params = dict(common, **more)
    data = lightgbm.Dataset(x, target, params=params, categorical_feature=[0, 1])
    return lightgbm.train(params, data, rounds)


leaf = fit(y, 1, objective="regression").predict(x, pred_leaf=True).ravel()
leaf_class = fit(label, 1, objective="binary").predict(x, pred_leaf=True).ravel()
plain = fit(y, ROUNDS, objective="regression", cat_l2=0.0, cat_smooth=1.0,
            min_data_per_group=1).predict(x)

with open("gbdt_categories.csv", "w") as out:
    out.write("few,many,number,target,class,leaf,class_leaf,plain\n")
    for i in range(ROWS):
        out.write("%d,%d,%d,%.4f,%d,%d,%d,%.7g\n" % (few[i], many[i], number[i], y[i], label[i],
                                                     leaf[i], leaf_class[i], plain[i]))
