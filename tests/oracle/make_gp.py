#!/usr/bin/env python3
"""Makes gp.txt and log_h.txt: Gaussian processes by scikit-learn, and log(phi(u) + u Phi(u)) with 60
digits by mpmath. Needs numpy, scikit-learn and mpmath."""
import pathlib

import numpy as np
from mpmath import mp, mpf, log, npdf, ncdf
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

HERE = pathlib.Path(__file__).parent


def row(values):
    return " ".join(repr(float(v)) for v in np.ravel(values)) + "\n"


def gp_case(rng, n, d, m, noise):
    x, at = rng.uniform(size=(n, d)), rng.uniform(size=(m, d))
    y = np.sin(5 * x[:, 0]) + x.sum(axis=1) + 0.1 * rng.normal(size=n)
    y = (y - y.mean()) / (y.std() or 1)
    lengths, variance = rng.uniform(0.2, 2, size=d), rng.uniform(0.5, 3)
    kernel = ConstantKernel(variance) * Matern(lengths, nu=2.5) + WhiteKernel(noise)
    model = GaussianProcessRegressor(kernel, optimizer=None, alpha=0).fit(x, y)
    likelihood, gradient = model.log_marginal_likelihood(model.kernel_.theta, eval_gradient=True)
    order = [*range(1, d + 1), 0, d + 1]  # theirs: variance, lengths, noise
    theta = model.kernel_.theta[order]
    mean, deviation = model.predict(at, return_std=True)
    variances = deviation**2 - noise  # of the process, without noise
    text = f"{n} {d} {m}\n" + row(theta) + row(x) + row(y) + row([likelihood]) + row(gradient[order])
    for k in range(m):
        text += row([*at[k], mean[k], variances[k]])
    return text


def main():
    rng = np.random.default_rng(31)
    cases = [gp_case(rng, n, d, 6, noise)
             for n, d, noise in ((1, 1, 0.1), (8, 2, 1e-2), (20, 3, 1e-3), (40, 6, 0.3), (33, 4, 1e-4))]
    (HERE / "gp.txt").write_text(f"{len(cases)}\n" + "".join(cases))
    mp.dps = 60
    points = [*np.linspace(-12, 6, 145), -2.0000001, -1.9999999, -37.5, -1e2, -1e4, -1e7, 20, 37, 1e3]
    lines = []
    for u in map(float, points):
        mp.dps = 60 if u > -50 else 120
        t = mpf(u)
        if u > -50:
            h = npdf(t) + t * ncdf(t)
            value, ratio = log(h), ncdf(t) / h
        else:  # the tail as an asymptotic series, with more digits than are asked for
            s, term = mpf(0), mpf(1)
            series_h = series_c = mpf(0)
            # Phi(-a) = phi(a)/a (1 - 1/a^2 + 3/a^4 ...); h = phi(a)/a^2 (1 - 3/a^2 + 15/a^4 ...)
            a = -t
            c = h_ = mpf(1)
            term_c, term_h = mpf(1), mpf(1)
            for k in range(1, 12):
                term_c *= -(2 * k - 1) / a**2
                term_h *= -(2 * k + 1) / a**2
                c += term_c
                h_ += term_h
            value = -a**2 / 2 - log(2 * mp.pi) / 2 - 2 * log(a) + log(h_)
            ratio = a * c / h_
        lines.append(f"{u!r} {float(value)!r} {float(ratio)!r}\n")
    (HERE / "log_h.txt").write_text(f"{len(lines)}\n" + "".join(lines))


main()
