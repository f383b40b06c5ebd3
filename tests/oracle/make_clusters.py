#!/usr/bin/env python3
"""Make clusters.csv, clusters_results.csv and linkage_ties.csv: small data with labels and what scikit-learn
and SciPy make of them, for tests/cluster/test_scores.c, test_ward.c and test_linkage.c.

Results: silhouette of every row (three values a line), means and scores, agreement of two labellings, and merge
heights of Ward, average and complete linkage.

Needs numpy, scipy and scikit-learn (made with 2.4, 1.17 and 1.9). Run it in this folder.
"""
import numpy
from scipy.cluster.hierarchy import linkage
from sklearn import metrics

ROWS, SEED = 240, 6
rng = numpy.random.default_rng(SEED)
place = rng.normal(size=(5, 3)) * 3
lump = rng.integers(0, 5, ROWS)
x = numpy.round(place[lump] + rng.normal(size=(ROWS, 3)), 6)
first = numpy.where(rng.uniform(size=ROWS) < 0.1, rng.integers(0, 5, ROWS), lump)
second = numpy.where(rng.uniform(size=ROWS) < 0.3, rng.integers(0, 4, ROWS), lump // 2)

with open("clusters.csv", "w") as out:
    out.write("x,y,z,first,second\n")
    for i in range(ROWS):
        out.write("%.6f,%.6f,%.6f,%d,%d\n" % (*x[i], first[i], second[i]))

with open("clusters_results.csv", "w") as out:
    out.write("what,a,b,c\n")

    def row(what, *values):
        out.write(what + "," + ",".join("%.17g" % v for v in values) + "\n")

    row("scores", metrics.silhouette_score(x, first), metrics.davies_bouldin_score(x, first),
        metrics.calinski_harabasz_score(x, first))
    row("agreement", metrics.adjusted_rand_score(first, second),
        metrics.normalized_mutual_info_score(first, second), 0)
    for values in metrics.silhouette_samples(x, first).reshape(-1, 3):
        row("silhouette", *values)
    heights = [linkage(x, method)[:, 2] for method in ("ward", "average", "complete")]
    for values in numpy.stack(heights, axis=1):
        row("height", *values)

# Every distance of a grid's places is tied with many: the order of ties is SciPy's.
grid = numpy.array([(i % 9, i // 9) for i in range(81)], dtype=float)
with open("linkage_ties.csv", "w") as out:
    out.write("left,right,height,size\n")
    for method in ("average", "complete"):
        for left, right, height, size in linkage(grid, method):
            out.write("%d,%d,%.17g,%d\n" % (left, right, height, size))
