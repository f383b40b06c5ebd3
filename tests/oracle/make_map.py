#!/usr/bin/env python3
"""Make map.csv: rows of four columns, places of theirs on a map of two that keeps some of their neighbours, and how
well by scikit-learn, for tests/neighbors/test_map_quality.c.

The first lines: k, share of the k nearest rows that are among the k nearest on the map, trustworthiness, continuity
(trustworthiness with both spaces exchanged), two zeros.

Needs numpy and scikit-learn (made with 2.4 and 1.9). Run it in this folder.
"""
import numpy as np
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

rng = np.random.default_rng(8)
x = np.round(rng.normal(size=(180, 4)), 6)
places = np.round(x[:, :2] + 0.4 * rng.normal(size=(180, 2)), 6)


def nearest(rows, k):
    return NearestNeighbors(n_neighbors=k).fit(rows).kneighbors()[1]


with open("map.csv", "w") as out:
    out.write("a,b,c,d,x,y\n")
    for k in (1, 5, 30, 89):
        kept = np.mean([len(set(a) & set(b)) / k for a, b in zip(nearest(x, k), nearest(places, k))])
        out.write("%d,%.17g,%.17g,%.17g,0,0\n" % (k, kept, trustworthiness(x, places, n_neighbors=k),
                                                  trustworthiness(places, x, n_neighbors=k)))
    for i in range(len(x)):
        out.write("%.6f,%.6f,%.6f,%.6f,%.6f,%.6f\n" % (*x[i], *places[i]))
