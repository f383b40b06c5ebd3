"""One peer's turn for scripts/bench-discovery: `discovery_peers.py WHAT PEER FILE` prints a line of JSON.

In a process of its own, so that its threads are counted before it is imported. Seconds are of the work
alone: the file is read and the library imported before."""
import json
import sys
import time
from pathlib import Path

from limits import THREADS, limit_threads

NEIGHBORS, EPS, SAMPLES, PERPLEXITY, ITERATIONS, EARLY = 90, 1.0, 10, 30, 750, 250
CLUSTERS, STARTS, TREE_ROWS = 12, 10, 30_000


def read_rows(path):
    import numpy as np
    with open(path, "rb") as file:
        n, d = np.fromfile(file, np.int64, 2)
        return np.fromfile(file).reshape(n, d)


def nearest_sklearn(x):
    from sklearn.neighbors import NearestNeighbors
    yield
    NearestNeighbors(n_neighbors=NEIGHBORS, algorithm="kd_tree", n_jobs=THREADS).fit(x).kneighbors()
    yield {}


def nearest_faiss(x):
    import faiss
    import numpy as np
    faiss.omp_set_num_threads(THREADS)
    yield
    index = faiss.IndexFlatL2(x.shape[1])
    single = x.astype(np.float32)
    index.add(single)
    index.search(single, NEIGHBORS + 1)
    yield {}


def kmeans_with(x, KMeans):
    model = KMeans(n_clusters=CLUSTERS, n_init=STARTS, max_iter=300, tol=1e-4, random_state=1)
    yield
    model.fit(x)
    yield {"inertia": float(model.inertia_)}


def kmeans_sklearn(x):
    from sklearn.cluster import KMeans
    yield from kmeans_with(x, KMeans)


def kmeans_intel(x):
    from sklearnex.cluster import KMeans
    yield from kmeans_with(x, KMeans)


def dbscan_sklearn(x):
    from sklearn.cluster import DBSCAN
    yield
    found = DBSCAN(eps=EPS, min_samples=SAMPLES, n_jobs=THREADS).fit(x)
    yield {"clusters": int(found.labels_.max()) + 1, "noise": int((found.labels_ < 0).sum())}


def ward_fastcluster(x):
    """On some of the rows; the caller knows that time is quadratic."""
    import fastcluster
    import numpy as np
    some = np.ascontiguousarray(x[np.random.default_rng(1).permutation(len(x))[:TREE_ROWS]])
    yield
    heights = fastcluster.linkage_vector(some, "ward")[:, 2]
    yield {"last": float(heights[-1])}


def silhouette_sklearn(x):
    """Of the labels that bench_discovery left behind."""
    import os
    import numpy as np
    from sklearn.metrics import silhouette_score
    label = np.fromfile(Path(os.environ["SEGUE_BENCH_OUT"]) / "twelve.bin", dtype=np.int32)
    yield
    yield {"mean": float(silhouette_score(x, label))}


def tsne_opentsne(x):
    """With the settings that bench_discovery has."""
    import os
    import numpy as np
    import openTSNE
    rate = len(x) / 12
    yield
    affinities = openTSNE.affinity.PerplexityBasedNN(x, perplexity=PERPLEXITY, n_jobs=THREADS,
                                                     random_state=1)
    start = openTSNE.initialization.pca(x, random_state=1)
    places = openTSNE.TSNEEmbedding(start, affinities, negative_gradient_method="fft",
                                    n_jobs=THREADS, random_state=1)
    places = places.optimize(EARLY, exaggeration=12, momentum=0.5, learning_rate=rate)
    places = places.optimize(ITERATIONS - EARLY, momentum=0.8, learning_rate=rate)
    np.ascontiguousarray(places, dtype=np.float64).tofile(
        Path(os.environ["SEGUE_BENCH_OUT"]) / "opentsne.map")
    yield {}


WORK = {("nearest", "scikit-learn"): nearest_sklearn, ("nearest", "faiss"): nearest_faiss,
        ("kmeans", "scikit-learn"): kmeans_sklearn, ("kmeans", "scikit-learn-intelex"): kmeans_intel,
        ("dbscan", "scikit-learn"): dbscan_sklearn, ("ward", "fastcluster"): ward_fastcluster,
        ("silhouette", "scikit-learn"): silhouette_sklearn, ("tsne", "openTSNE"): tsne_opentsne}


def main():
    limit_threads()
    what, name, path = sys.argv[1:]
    work = WORK[what, name](read_rows(path))
    next(work)
    begun = time.perf_counter()
    done = next(work)
    print(json.dumps({"seconds": time.perf_counter() - begun, **done}))


if __name__ == "__main__":
    main()
