#!/usr/bin/env python3
"""Make shap.csv: a small forest of scikit-learn's and what the shap package says of it.

Needs numpy, scikit-learn and shap (made with scikit-learn 1.9.1 and shap 0.51.0); run it by
hand after a change:
    python tests/oracle/make_shap.py > tests/oracle/shap.csv

Lines: node,TREE,FEATURE,BIN,DISTANCE,VALUE,COVER   in preorder; FEATURE -1: a leaf, VALUE in units
                                                    of 2^-30; else codes <= BIN go left, and the
                                                    right child is DISTANCE nodes away
       row,CODE x 8,SHAP x 8,EXPECTED               of the mean over trees
"""
import numpy as np
import shap
from sklearn.ensemble import RandomForestRegressor

FEATURES, TREES = 8, 3

random = np.random.default_rng(11)
x = random.integers(0, 12, (400, FEATURES)).astype(float)
y = (x[:, 0] * x[:, 1] / 121 + (x[:, 2] > 5) * x[:, 3] / 11 + np.sin(x[:, 4])) / 3
y = (y - y.min()) / (y.max() - y.min()) + 0.1 * random.random(400)
model = RandomForestRegressor(TREES, min_samples_leaf=4, random_state=5).fit(x, y / y.max())
for number, estimator in enumerate(model.estimators_):
    tree = estimator.tree_
    for i in range(tree.node_count):
        leaf = tree.children_left[i] < 0
        assert leaf or tree.children_left[i] == i + 1
        cover = tree.weighted_n_node_samples[i]
        assert cover == int(cover)
        print("node", number, -1 if leaf else tree.feature[i],
              0 if leaf else int(np.floor(tree.threshold[i])),
              0 if leaf else tree.children_right[i] - i,
              round(tree.value[i, 0, 0] * 2**30) if leaf else 0, int(cover), sep=",")
rows = random.integers(0, 12, (25, FEATURES)).astype(float)
explainer = shap.TreeExplainer(model, feature_perturbation="tree_path_dependent")
values = explainer.shap_values(rows, check_additivity=True)
expected = float(np.ravel(explainer.expected_value)[0])
for row, value in zip(rows, values):
    print("row", *(int(code) for code in row), *(repr(float(v)) for v in value), repr(expected),
          sep=",")
