#!/usr/bin/env python3
"""Make linear.csv and linear_results.csv: small data and what SciPy, NumPy and scikit-learn make of it, for
tests/linear/test_oracle.c.

Five features of unlike units, nearly collinear in part, a target and row weights. Results by model: intercept,
coefficients; for least squares also standard errors and p values, plain and weighted.

Needs numpy, scipy and scikit-learn (made with 2.4, 1.17 and 1.9). Run it in this folder.
"""
import numpy
import scipy.stats
from sklearn.linear_model import ElasticNet, Ridge

ROWS, SEED = 400, 3
rng = numpy.random.default_rng(SEED)
x = rng.normal(size=(ROWS, 5)) * [1, 200, 0.01, 5, 1] + [0, 1000, 3, -2, 10]
x[:, 4] = 0.7 * x[:, 0] + 0.02 * rng.normal(size=ROWS) + 10
y = 30 + 2 * x[:, 0] - 0.05 * x[:, 1] + 150 * x[:, 2] + rng.normal(0, 3, ROWS)
w = numpy.round(rng.uniform(0.25, 4, ROWS), 3)
x, y = numpy.round(x, 6), numpy.round(y, 6)


def least_squares(w):
    a = numpy.column_stack([numpy.ones(ROWS), x])
    root = numpy.sqrt(w)[:, None]
    q, r = numpy.linalg.qr(a * root)
    b = scipy.linalg.solve_triangular(r, q.T @ (y * root[:, 0]))
    left = ROWS - 6
    sigma2 = (w * (y - a @ b) ** 2).sum() / left
    inverse = scipy.linalg.solve_triangular(r, numpy.eye(6))
    error = numpy.sqrt(sigma2 * (inverse ** 2).sum(axis=1))
    return b, error, 2 * scipy.stats.t.sf(abs(b / error), left)


z = (x - x.mean(0)) / x.std(0)
ridge = Ridge(alpha=25, solver="cholesky").fit(x, y)
scaled = Ridge(alpha=25, solver="cholesky").fit(z, y)
net = ElasticNet(alpha=0.4, l1_ratio=0.7, tol=1e-14, max_iter=1000000).fit(z, y)

with open("linear.csv", "w") as out:
    out.write("a,b,c,d,e,target,weight\n")
    for i in range(ROWS):
        out.write(",".join(["%.6f" % v for v in x[i]] + ["%.6f" % y[i], "%.3f" % w[i]]) + "\n")

with open("linear_results.csv", "w") as out:
    out.write("what,intercept,a,b,c,d,e\n")

    def row(what, *values):
        out.write(what + "," + ",".join("%.16g" % v for v in values) + "\n")

    for name, weight in (("plain", numpy.ones(ROWS)), ("weighted", w)):
        b, error, p = least_squares(weight)
        row(name, *b)
        row(name + " error", *error)
        row(name + " p", *p)
    row("ridge", ridge.intercept_, *ridge.coef_)
    for name, fit in (("standardized ridge", scaled), ("elastic net", net)):
        b = fit.coef_ / x.std(0)
        row(name, fit.intercept_ - (b * x.mean(0)).sum(), *b)
