#!/usr/bin/env python3
"""Makes the kept models: small bundles of the present format, and what they predict.

    SEGUE=build/release/segue tests/kept/make_kept.py [NAME ...]

Run it when a format is new, and then only for new files: what is kept of an older format is never
made again, since it stands for the files that users have. Every model lies beside this script as
NAME.h5 with its predictions in NAME.csv; all read inputs.csv. test_kept.py compares bit for bit."""
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SEGUE = Path(os.environ.get("SEGUE", "build/release/segue")).resolve()
GENRES = ("ambient", "blues", "choro", "dub")
COLUMNS = {"id": "text", "title": "text", "genre": "category", "artists": "list;",
           "energy": "real", "tempo": "real", "dance": "real", "explicit": "boolean",
           "key": "integer", "release": "date", "popularity": "real", "hit": "boolean"}
HEAD = list(COLUMNS)
NUMBERS = ["energy", "tempo", "dance", "key"]

# Every kind of step, in an order in which each has something to do.
STEPS = [
    {"step": "impute", "columns": ["tempo", "energy"], "by": "genre"},
    {"step": "ratio", "name": "drive", "numerator": "energy", "denominator": "dance"},
    {"step": "blend", "name": "mood", "weights": {"energy": 0.7, "dance": 0.3}},
    {"step": "date_part", "columns": ["release"], "parts": ["year", "month", "weekday"]},
    {"step": "frequency_encode", "columns": ["artists"], "keep": True},
    {"step": "target_encode", "columns": ["artists"], "folds": 3},
    {"step": "one_hot", "columns": ["genre"]},
    {"step": "log", "columns": ["tempo"]},
    {"step": "scale", "columns": ["dance"]},
    {"step": "drop", "columns": ["key"]}]
ALL = [*NUMBERS, "explicit", "release", "artists", "genre"]
FEW = [{"step": "impute", "columns": ["tempo", "energy"]}]
GBDT = {"kind": "gbdt", "trees": 4, "max_leaves": 5, "min_child_weight": 1}

MODELS = {
    "forest_value": ("popularity", ALL, STEPS, {"kind": "forest", "trees": 3, "max_depth": 4}),
    "forest_classes": ("genre", NUMBERS, FEW, {"kind": "forest", "trees": 3, "max_depth": 4}),
    "gbdt_value": ("popularity", [*NUMBERS, "explicit"], [], GBDT),
    "gbdt_categories": ("popularity", [*NUMBERS, "genre"], [], GBDT),
    "forest_categories": ("hit", [*NUMBERS, "genre"], [],
                          {"kind": "forest", "trees": 3, "max_depth": 4}),
    "gbdt_classes": ("genre", NUMBERS, [], GBDT),
    "gbdt_hit": ("hit", NUMBERS, [], GBDT),
    "constant_value": ("popularity", NUMBERS, FEW, {"kind": "constant"}),
    "constant_classes": ("genre", NUMBERS, FEW, {"kind": "constant"}),
    "linear": ("popularity", NUMBERS, FEW, {"kind": "linear"}),
    "elastic_net": ("popularity", NUMBERS, FEW, {"kind": "elastic_net"}),
    "logistic": ("genre", NUMBERS, FEW, {"kind": "logistic"})}


def row(rng, i):
    genre = rng.randrange(4)
    energy, dance = rng.random(), rng.random()
    popularity = 20 * genre + 30 * energy + 10 * dance * dance + 4 * rng.random()
    artists = ";".join(f"artist {rng.randrange(7)}" for _ in range(rng.randrange(1, 3)))
    return [f"t{i}", f"song {i}", GENRES[genre], artists, repr(round(energy, 4)),
            "" if i % 9 == 4 else repr(round(60 + 100 * rng.random(), 2)), repr(round(dance, 4)),
            str(i % 3 == 0).lower(), rng.randrange(12),
            f"{1990 + i % 30}-{i % 12 + 1:02d}-{i % 28 + 1:02d}", repr(round(popularity, 2)),
            str(popularity > 50).lower()]


def write_rows(path, seed, n, unseen=False):
    rng = random.Random(seed)
    rows = [row(rng, i) for i in range(n)]
    if unseen:  # what training did not have: other words, nothing at all
        rows[0][HEAD.index("genre")] = "zouk"
        rows[1][HEAD.index("artists")] = "nobody"
        rows[2] = [rows[2][0]] + [""] * (len(HEAD) - 1)
    with open(path, "w", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows([HEAD, *rows])


# What stands on other models; all stages of these run, the last one is kept.
FOLDS = {"kind": "folds", "input": "split", "group": "recording", "folds": 4}
NESTED = {
    "stack": {"kind": "stack", "input": "split", "folds": "folds", "target": "hit",
              "features": NUMBERS, "recipe": FEW, "replicates": 0, "guard": False,
              "members": {
                  "trees": {"model": {"kind": "forest", "trees": 3, "max_depth": 4}},
                  "boosted": {"model": GBDT, "features": [*NUMBERS, "genre"]},
                  "upper": {"level": 2, "model": "logistic"}},
              "meta": "logistic", "passthrough": True},
    "stack_value": {"kind": "stack", "input": "split", "folds": "folds", "target": "popularity",
                    "features": NUMBERS, "recipe": FEW, "replicates": 0, "guard": False,
                    "members": {"lines": {"model": "linear"}, "boosted": {"model": GBDT}},
                    "meta": "linear"},
    "calibrated": {"kind": "calibrate", "input": "split", "model": "forest_classes",
                   "folds": "folds", "replicates": 0},
    "isotonic": {"kind": "calibrate", "input": "split", "model": "gbdt_hit", "folds": "folds",
                 "method": "isotonic", "replicates": 0},
    "decided": {"kind": "threshold", "input": "split", "model": "isotonic", "folds": "folds",
                "goal": "cost", "cost_false_negative": 3, "replicates": 0}}


def stages():
    made = {"rows": {"kind": "read_csv", "path": "rows.csv", "columns": COLUMNS},
            "clean": {"kind": "clean", "input": "rows", "recording": [["id"]],
                      "impossible": {"tempo": {"equal": 0}}},
            "split": {"kind": "split", "input": "clean", "group": "recording", "test": 0.1}}
    for name, (target, features, recipe, model) in MODELS.items():
        made[name] = {"kind": "train", "input": "split", "target": target, "features": features,
                      "recipe": recipe, "model": model, "replicates": 0, "baseline": False}
    return {**made, "folds": FOLDS, **NESTED}


def segue(*words, cwd=None):
    subprocess.run([SEGUE, *map(str, words)], check=True, cwd=cwd)


def main():
    wanted = sys.argv[1:] or [*MODELS, *NESTED]
    if not (HERE / "inputs.csv").exists():
        write_rows(HERE / "inputs.csv", 2, 24, unseen=True)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write_rows(folder / "rows.csv", 1, 160)
        config = {"name": "kept", "seed": 3, "block": 64, "stages": stages()}
        (folder / "config.json").write_text(json.dumps(config))
        segue("run", "config.json", "--run-dir", "run", "--quiet", cwd=folder)
        for name in wanted:
            shutil.copyfile(folder / "run" / "stages" / f"{name}.h5", HERE / f"{name}.h5")
            segue("predict", HERE / f"{name}.h5", HERE / "inputs.csv", "-o", HERE / f"{name}.csv",
                  "--keep", "id")


main()
