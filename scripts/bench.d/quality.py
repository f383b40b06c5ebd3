"""Are trees as good as the peers', with the same rows, features and settings? See scripts/quality.

Each seed divides the recordings anew. Boosting is held against the better one of XGBoost and
LightGBM, forests against scikit-learn. What is compared is the mean over the seeds."""
import argparse
import os
import statistics
import sys
from pathlib import Path

from bench_parts import Budget, facts
from limits import limit_threads
from segue_runs import OutOfTime
from trees_measure import LIBRARIES, Measurer
from trees_work import DEPTH_WISE, FOREST, LEAF_WISE, LIGHTGBM, SKLEARN, XGBOOST, Work

WORST = 1.005  # of the better peer's
BOOSTERS = [XGBOOST, LIGHTGBM[0]]
LEAVES_31 = LEAF_WISE | {"max_leaves": 31}
DEPTH_6 = DEPTH_WISE | {"max_depth": 6}
SPOTIFY = FOREST | {"min_samples_leaf": 2, "max_features": 0.4}  # as in configs/spotify.json
MINUTES = 10  # of one measurement at most


def work(title, target, model, peers, trees, songs=False):
    return Work(title, title, 0, target, model, peers, trees, trees, limit=60 * MINUTES,
                songs=songs, anew=True)


TRACKS, SONGS = "114k tracks", "32k songs"
ALL = [
    work(f"{TRACKS}, gbdt, 255 leaves, 300 rounds", "popularity", LEAF_WISE, BOOSTERS, 300),
    work(f"{TRACKS}, gbdt, 31 leaves, 300 rounds", "popularity", LEAVES_31, BOOSTERS, 300),
    work(f"{TRACKS}, gbdt, depth 8, 300 rounds", "popularity", DEPTH_WISE, BOOSTERS, 300),
    work(f"{TRACKS}, gbdt, 255 leaves, 100 rounds", "popular", LEAF_WISE, BOOSTERS, 100),
    work(f"{TRACKS}, gbdt, 255 leaves, 300 rounds", "popular", LEAF_WISE, BOOSTERS, 300),
    work(f"{TRACKS}, gbdt, depth 6, 300 rounds", "popular", DEPTH_6, BOOSTERS, 300),
    work(f"{SONGS}, gbdt, 31 leaves, 200 rounds", "popularity", LEAVES_31, BOOSTERS, 200, True),
    work(f"{SONGS}, gbdt, depth 6, 200 rounds", "popularity", DEPTH_6, BOOSTERS, 200, True),
    work(f"{SONGS}, gbdt, 31 leaves, 200 rounds", "popular", LEAVES_31, BOOSTERS, 200, True),
    work(f"{SONGS}, gbdt, depth 6, 200 rounds", "popular", DEPTH_6, BOOSTERS, 200, True),
    work(f"{SONGS}, gbdt, 31 leaves, 100 rounds", "genre", LEAVES_31, BOOSTERS, 100, True),
    work(f"{SONGS}, gbdt, depth 6, 100 rounds", "genre", DEPTH_6, BOOSTERS, 100, True),
    work(f"{TRACKS}, forest of spotify.json", "popularity", SPOTIFY, [SKLEARN], 100),
    work(f"{TRACKS}, forest, square root of the features", "popularity",
         FOREST | {"max_features": "sqrt"}, [SKLEARN], 100),
    work(f"{TRACKS}, forest, 100 full trees", "popular", FOREST | {"max_features": "sqrt"},
         [SKLEARN], 100),
    work(f"{SONGS}, forest, 100 full trees", "popularity", FOREST | {"max_features": "all"},
         [SKLEARN], 100, True),
]
METRICS = {"popularity": [("RMSE", "loss")], "genre": [("log loss, 6 classes", "loss")],
           "popular": [("log loss", "loss"), ("AUC", "auc")]}


def spread_text(values):
    return f"{statistics.mean(values):.4f} ({min(values):.4f} to {max(values):.4f})"


def line(item, name, key, ours, theirs):
    """A row of the table, and whether its goal is reached; AUC is better when larger."""
    means = {label: statistics.mean(result[key] for result in results)
             for label, results in theirs.items()}
    better = (max if key == "auc" else min)(means, key=means.get)
    mine = statistics.mean(result[key] for result in ours)
    ratio = means[better] / mine if key == "auc" else mine / means[better]
    good = ratio <= WORST
    verdict = "reached" if good else f"**MISS: {100 * (ratio - 1):.2f} % worse**"
    cells = [f"{ratio:.4f}", verdict, item.title, name,
             spread_text([result[key] for result in ours]), better,
             spread_text([result[key] for result in theirs[better]])]
    others = [f"{label} {mean:.4f}" for label, mean in means.items() if label != better]
    return f"| {' | '.join([*cells, ', '.join(others)])} |", good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--segue", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--seeds", type=int, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--minutes", type=float, default=24 * 60)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    limit_threads()
    measurer = Measurer(options.program, options.segue, options.data, options.prefix,
                        "quality.jsonl", options.resume, Budget(options.minutes, 1))
    print("| ratio | at most 1.005 | work | metric | Segue, mean (least to greatest) | better peer | "
          "its | other peer |\n|---:|---|---|---|---|---|---|---|", flush=True)
    all_good = True
    for item in ALL:
        if options.only not in item.title:
            continue
        seeds = range(1, options.seeds + 1)
        try:
            ours = [measurer.segue_result(item, item.trees, seed) for seed in seeds]
            theirs = {peer.label: [measurer.peer_result(item, peer, item.trees, seed, threads=1,
                                                        predict=False)
                                   for seed in seeds] for peer in item.peers}
        except OutOfTime:
            print(f"| | **not measured** | {item.title} | | the minutes ended; --resume goes on | | | |",
                  flush=True)
            all_good = False
            continue
        failed = [result for results in (ours, *theirs.values()) for result in results
                  if "loss" not in result]
        if failed:
            print(f"| | **not measured** | {item.title} | | {failed[0]} | | | |", flush=True)
            all_good = False
            continue
        for name, key in METRICS[item.target]:
            text, good = line(item, name, key, ours, theirs)
            print(text, flush=True)
            all_good &= good
    print(f"\n{options.seeds} seeds. {facts(options.segue, cores, LIBRARIES)}")
    sys.exit(0 if all_good else 1)


main()
