#!/usr/bin/env python3
"""Make shap_gbdt.csv: small boosted models of LightGBM's and what the shap package says of them.

Needs numpy, lightgbm and shap (made with lightgbm 4.7.0 and shap 0.51.0); run it by hand after a
change:
    python tests/oracle/make_shap_gbdt.py > tests/oracle/shap_gbdt.csv

Lines: node,OUTPUTS,TREE,FEATURE,BIN,DISTANCE,VALUE,COVER   in preorder; FEATURE -1: a leaf, VALUE in
                                                   units of 2^-24; else codes <= BIN go left, and the
                                                   right child is DISTANCE nodes away
       row,OUTPUTS,CLASS,CODE x 6,SHAP x 6,EXPECTED         of the raw value of CLASS
"""
import lightgbm
import numpy as np
import shap

FEATURES = 6

random = np.random.default_rng(12)
x = random.integers(0, 12, (500, FEATURES)).astype(float)
signal = x[:, 0] * x[:, 1] / 121 + (x[:, 2] > 5) * x[:, 3] / 11 + np.sin(x[:, 4])
signal = signal + 0.1 * random.random(500)


def preorder(node, out):
    """(feature, bin, distance, value, cover) of the subtree appended to out."""
    at = len(out)
    out.append(None)
    if "leaf_value" in node:
        value = round(node["leaf_value"] * 2**24)
        out[at] = (-1, 0, 0, value, node.get("leaf_count", len(x)))
        return
    preorder(node["left_child"], out)
    distance = len(out) - at
    preorder(node["right_child"], out)
    out[at] = (node["split_feature"], int(np.floor(node["threshold"])), distance, 0,
               node["internal_count"])


def write(outputs, target, **options):
    model = lightgbm.train({"num_leaves": 12, "learning_rate": 0.3, "verbose": -1, "num_threads": 1,
                            "min_data_in_leaf": 5, **options},
                           lightgbm.Dataset(x, target), num_boost_round=15)
    for number, tree in enumerate(model.dump_model()["tree_info"]):
        nodes = []
        preorder(tree["tree_structure"], nodes)
        for node in nodes:
            print("node", outputs, number, *node, sep=",")
    rows = x[:25]
    explainer = shap.TreeExplainer(model)
    values = np.asarray(explainer.shap_values(rows)).reshape(len(rows), FEATURES, outputs)
    expected = np.ravel(explainer.expected_value)
    raw = model.predict(rows, raw_score=True).reshape(len(rows), outputs)
    assert np.allclose(values.sum(1) + expected, raw)
    for number, row in enumerate(rows):
        k = number % outputs
        print("row", outputs, k, *(int(code) for code in row),
              *(repr(float(v)) for v in values[number, :, k]), repr(float(expected[k])), sep=",")


write(1, (signal > np.median(signal)).astype(int), objective="binary")
write(3, np.digitize(signal, np.quantile(signal, [0.3, 0.6])), objective="multiclass", num_class=3)
