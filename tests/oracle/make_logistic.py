#!/usr/bin/env python3
"""Make logistic.csv and logistic_results.csv: small data and what NumPy and scikit-learn make of it, for
tests/linear/test_logistic.c.

Four features of unlike units, a class of two, one of three, row weights. Results by model: for each output its
intercept and coefficients; for two classes without a penalty also standard errors.

Needs numpy and scikit-learn (made with 2.4 and 1.9). Run it in this folder.
"""
import numpy
from sklearn.linear_model import LogisticRegression

ROWS, SEED = 300, 7
rng = numpy.random.default_rng(SEED)
x = numpy.round(rng.normal(size=(ROWS, 4)) * [1, 50, 0.1, 2] + [0, 300, 1, -4], 6)
score = 0.8 * x[:, 0] - 0.02 * (x[:, 1] - 300) + 4 * (x[:, 2] - 1)
two = (score + rng.logistic(size=ROWS) > 0.4).astype(int)
three = numpy.argmax(numpy.column_stack([score, -score, 0.5 * x[:, 3] + 2])
                     + rng.gumbel(size=(ROWS, 3)), axis=1)
weight = numpy.round(rng.uniform(0.25, 4, ROWS), 3)


def newton(w):
    a = numpy.column_stack([numpy.ones(ROWS), (x - x.mean(0)) / x.std(0)])
    b = numpy.zeros(5)
    for _ in range(50):
        p = 1 / (1 + numpy.exp(-a @ b))
        hessian = a.T @ (a * (w * p * (1 - p))[:, None])
        b += numpy.linalg.solve(hessian, a.T @ (w * (two - p)))
    error = numpy.sqrt(numpy.diag(numpy.linalg.inv(hessian)))[1:] / x.std(0)
    slope = b[1:] / x.std(0)
    return numpy.concatenate([[b[0] - slope @ x.mean(0)], slope]), error


def peer(y, standardize, w=None, **options):
    mean = numpy.average(x, axis=0, weights=w)
    scale = numpy.sqrt(numpy.average((x - mean) ** 2, axis=0, weights=w)) if standardize else numpy.ones(4)
    model = LogisticRegression(tol=1e-14, max_iter=200000, **options)
    model.fit((x - mean) / scale, y, sample_weight=w)
    slope = model.coef_ / scale
    return numpy.column_stack([model.intercept_ - slope @ mean, slope])


with open("logistic.csv", "w") as out:
    out.write("a,b,c,d,two,three,weight\n")
    for i in range(ROWS):
        out.write(",".join(["%.6f" % v for v in x[i]] + ["%d,%d,%.3f" % (two[i], three[i], weight[i])]) + "\n")

with open("logistic_results.csv", "w") as out:
    out.write("what,intercept,a,b,c,d\n")

    def rows(what, values):
        for value in numpy.atleast_2d(values):
            out.write(what + "," + ",".join("%.16g" % v for v in value) + "\n")

    for name, w in (("free", numpy.ones(ROWS)), ("weighted", weight)):
        b, error = newton(w)
        rows(name, b)
        rows(name + " error", numpy.concatenate([[0], error]))
    rows("ridge", peer(two, True, C=1 / 5))
    rows("raw ridge", peer(two, False, C=1 / 5, solver="newton-cholesky"))
    rows("lasso", peer(two, True, C=1 / 8, l1_ratio=1, solver="saga"))
    rows("three", peer(three, True, w=weight, C=1 / 2))
    rows("three lasso", peer(three, True, C=1 / 6, l1_ratio=1, solver="saga"))
