#!/usr/bin/env python3
"""Make distribution.csv: tails of distributions by SciPy's, for tests/numeric/test_distribution.c.

Needs scipy (made with 1.17). Run it in this folder.
"""
from scipy import special, stats

with open("distribution.csv", "w") as out:
    out.write("what,x,a,b,value\n")

    def row(what, x, a, b, value):
        out.write("%s,%.17g,%.17g,%.17g,%.17g\n" % (what, x, a, b, value))

    for df in (1, 2.5, 30, 60694):
        for t in (0, 0.3, -1.96, 12, 35):
            row("student", t, df, 0, 2 * stats.t.sf(abs(t), df))
    for a, b in ((1, 1), (3, 700), (18, 60681), (2, 5)):
        for f in (0.01, 0.9, 4.5, 60):
            row("fisher", f, a, b, stats.f.sf(f, a, b))
    for a, b in ((0.5, 0.5), (2, 3), (40, 0.5), (300, 200)):
        for x in (0, 1e-9, 0.3, 0.61, 0.999, 1):
            row("beta", x, a, b, special.betainc(a, b, x))
    for z in (0, 0.1, 1.96, -8, 30):
        row("normal", z, 0, 0, 2 * stats.norm.sf(abs(z)))
