#!/usr/bin/env python3
"""Make gbdt_splits.csv: single trees of LightGBM and XGBoost, split by split, for
tests/tree/test_oracle_gbdt.c.

The data is not stored: both sides make it from the same whole numbers (splitmix64). All features are
small whole numbers, so that every value is a bin of its own for everybody; one has missing values.
Rows weigh 1 to 3. Leaf by leaf grown trees are LightGBM's, level by level grown ones XGBoost's.

Each line is a node, in preorder: tree, feature (-1: a leaf), the last value that goes left, whether
missing values go left, and the lead: how far the node's best gain is above that of the best other
division of its rows, as a share. Gains are computed here by brute force, in double precision; that
the peer's split is the one found here is checked wherever the lead is above LEAD.

Needs lightgbm (made with 4.7.0), xgboost (3.2.0) and numpy. Run it in this folder.
"""
import json
import math

import lightgbm
import numpy
import xgboost

ROWS, VALUES, LEAD = 20000, (97, 60, 83, 100, 31, 7), 1e-4
LEAVES, DEPTH = 95, 7
LEAST = {"squared": 40.5, "logistic": 8.03}  # sum of hessians in a leaf
# LightGBM passes over a feature below a node where no split on it gained anything, which the penalty
# makes of weak ones: a shortcut, not a rule, so the penalty of the logistic loss is small.
L2 = {"squared": 1.0, "logistic": 0.01}


def mixed(stream):
    """splitmix64 of row * 16 + stream, the upper 31 bits."""
    with numpy.errstate(over="ignore"):
        z = numpy.arange(ROWS, dtype=numpy.uint64) * numpy.uint64(16) + numpy.uint64(stream)
        z = (z + numpy.uint64(1)) * numpy.uint64(0x9e3779b97f4a7c15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xbf58476d1ce4e5b9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94d049bb133111eb)
        return ((z ^ (z >> numpy.uint64(31))) >> numpy.uint64(33)).astype(numpy.int64)


def rows():
    x = [mixed(j) % k for j, k in enumerate(VALUES)]
    missing = mixed(8) % 8 == 0
    y = 3 * numpy.minimum(x[0], 40) + numpy.where(x[1] > 30, 2 * x[2], 110 - x[2])
    y = y + numpy.where(missing, 35, abs(x[3] - 50)) + (x[4] * x[5]) // 2 + mixed(9) % 90
    label = y + mixed(10) % 60 > 250
    x = numpy.column_stack(x).astype(float)
    x[missing, 3] = numpy.nan
    return x, y.astype(float), label.astype(float), (1 + mixed(11) % 3).astype(float)


class Node:
    def __init__(self, feature, limit, missing_left, left, right):
        self.feature, self.limit, self.missing_left = feature, limit, missing_left
        self.left, self.right = left, right

    def goes_left(self, x):
        value = x[:, self.feature]
        return numpy.where(numpy.isnan(value), self.missing_left, value <= self.limit)


# ---- the peers' trees ----

def lightgbm_tree(x, y, weight, objective, least, l2):
    settings = {"objective": objective, "num_leaves": LEAVES, "learning_rate": 0.5, "max_bin": 255,
                "min_data_in_bin": 1, "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": least,
                "lambda_l2": l2, "verbose": -1, "num_threads": 1, "deterministic": True,
                "force_col_wise": True, "feature_pre_filter": False}
    data = lightgbm.Dataset(x, y, weight=weight, params=settings)
    found = lightgbm.train(settings, data, 1).dump_model()["tree_info"][0]["tree_structure"]

    def node(part):
        if "split_feature" not in part:
            return None
        return Node(part["split_feature"], math.floor(part["threshold"]), part["default_left"],
                    node(part["left_child"]), node(part["right_child"]))
    return node(found)


def xgboost_tree(x, y, weight, objective, least, l2):
    base = numpy.average(y, weights=weight)
    settings = {"objective": objective, "max_depth": DEPTH, "grow_policy": "depthwise", "eta": 0.5,
                "tree_method": "hist", "max_bin": 256, "min_child_weight": least, "lambda": l2,
                "base_score": base, "nthread": 1}
    model = xgboost.train(settings, xgboost.DMatrix(x, y, weight=weight), 1)
    found = json.loads(model.get_dump(dump_format="json")[0])

    def node(part):
        if "leaf" in part:
            return None
        child = {c["nodeid"]: c for c in part["children"]}
        # A value goes left below the condition.
        return Node(int(part["split"][1:]), math.ceil(part["split_condition"]) - 1,
                    part["missing"] == part["yes"], node(child[part["yes"]]),
                    node(child[part["no"]]))
    return node(found)


# ---- gains by brute force ----

def score(g, h, l2):
    return g * g / (h + l2)


def candidates(x, g, h, least, l2):
    """Gain, feature, last value that goes left, missing left: of every division of the rows in two by one
    feature, each division once."""
    total_g, total_h = g.sum(), h.sum()
    out = []
    for j in range(x.shape[1]):
        value = x[:, j]
        absent = numpy.isnan(value)
        code = value[~absent].astype(int)
        size = VALUES[j]
        sum_g = numpy.bincount(code, g[~absent], size).cumsum()
        sum_h = numpy.bincount(code, h[~absent], size).cumsum()
        there = numpy.flatnonzero(numpy.bincount(code, minlength=size))
        extra_g, extra_h = g[absent].sum(), h[absent].sum()
        for cut in there:
            last = cut == there[-1]
            for left in ((False, True) if absent.any() else (False,)):
                if last and (left or not absent.any()):
                    continue
                left_g, left_h = sum_g[cut] + left * extra_g, sum_h[cut] + left * extra_h
                right_g, right_h = total_g - left_g, total_h - left_h
                if min(left_h, right_h) < least:
                    continue
                gain = (score(left_g, left_h, l2) + score(right_g, right_h, l2) -
                        score(total_g, total_h, l2))
                out.append((gain, j, int(cut), left))
    return sorted(out, reverse=True)


def describe(node, x, g, h, rules, lines):
    """A line for each node in preorder. Returns the node's best gain and its two children, for
    check_order."""
    found = candidates(x, g, h, *rules)
    best = found[0][0] if found else 0
    if not node:
        lines.append("-1,0,0,0")
        return best, None, None
    lead = (best - found[1][0]) / best if len(found) > 1 else 1
    left = node.goes_left(x).astype(bool)
    wanted = Node(*found[0][1:], None, None).goes_left(x).astype(bool)
    if lead > LEAD:
        assert (left == wanted).all(), "the peer's split is not the best one"
    lines.append(f"{node.feature},{node.limit},{int(node.missing_left)},{lead:.3g}")
    return (best, describe(node.left, x[left], g[left], h[left], rules, lines),
            describe(node.right, x[~left], g[~left], h[~left], rules, lines))


def check_order(tree):
    """Leaf by leaf, the largest gain is split first: where two are as good as equal, both have to be
    split in the end, or rounding would decide on the tree."""
    waiting = [tree]
    while any(node[1] for node in waiting):
        waiting.sort(key=lambda node: -node[0])
        assert waiting[0][1], "the largest gain is not split"
        near = [node for node in waiting if node[0] > waiting[0][0] * (1 - LEAD)]
        assert all(node[1] for node in near), "a tie decides which node is split"
        waiting += waiting.pop(0)[1:]


def main():
    x, y, label, weight = rows()
    p = numpy.average(label, weights=weight)
    gradients = {"squared": (y, (numpy.average(y, weights=weight) - y) * weight, weight),
                 "logistic": (label, (p - label) * weight, p * (1 - p) * weight)}
    names = {"squared": ("regression", "reg:squarederror"),
             "logistic": ("binary", "binary:logistic")}
    out = ["tree,feature,limit,missing_left,lead"]
    for objective, (target, g, h) in gradients.items():
        rules = LEAST[objective], L2[objective]
        for k, (peer, growth) in enumerate(((lightgbm_tree, "leaf"), (xgboost_tree, "depth"))):
            tree = peer(x, target, weight, names[objective][k], *rules)
            lines = []
            described = describe(tree, x, g, h, rules, lines)
            if growth == "leaf":
                check_order(described)
            leads = [float(line.split(",")[3]) for line in lines if not line.startswith("-1")]
            print(objective, growth, len(leads) + 1, "leaves,",
                  sum(lead <= LEAD for lead in leads), "splits near a tie")
            out += [f"{objective}_{growth},{line}" for line in lines]
    with open("gbdt_splits.csv", "w", encoding="ascii") as file:
        file.write("\n".join(out) + "\n")


main()
