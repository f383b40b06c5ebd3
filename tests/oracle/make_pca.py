#!/usr/bin/env python3
"""Make pca.csv and pca_results.csv: small data and what scikit-learn makes of it, for tests/embed/test_pca.c.

Five columns of unlike units, far from 0, nearly collinear in part. Results: means, variances (and their total),
components, and the coordinates of the first row.

Needs numpy and scikit-learn (made with 2.4 and 1.9). Run it in this folder.
"""
import numpy
from sklearn.decomposition import PCA

ROWS, SEED = 300, 5
rng = numpy.random.default_rng(SEED)
x = rng.normal(size=(ROWS, 5)) * [1, 20, 0.5, 5, 1] + [0, 1000, 3, -2, 10]
x[:, 4] = 0.7 * x[:, 0] + 0.2 * rng.normal(size=ROWS) + 10
x = numpy.round(x, 6)
pca = PCA(svd_solver="full").fit(x)

with open("pca.csv", "w") as out:
    out.write("a,b,c,d,e\n")
    for row in x:
        out.write(",".join("%.6f" % v for v in row) + "\n")

with open("pca_results.csv", "w") as out:
    out.write("what,a,b,c,d,e\n")
    rows = [("mean", pca.mean_), ("variance", pca.explained_variance_),
            *[("component", c) for c in pca.components_], ("first", pca.transform(x[:1])[0])]
    for what, values in rows:
        out.write(what + "," + ",".join("%.17g" % v for v in values) + "\n")
