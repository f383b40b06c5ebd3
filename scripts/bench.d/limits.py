"""Two threads for every peer, as segue gets two ranks. To be called before a peer is imported."""
import os

THREADS = 2


def limit_threads(threads=THREADS):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                 "POLARS_MAX_THREADS", "NUMEXPR_MAX_THREADS"):
        os.environ[name] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:threads])
