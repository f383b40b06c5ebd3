#!/usr/bin/env python3
"""`segue predict` on the test rows gives the run's own test predictions, bit for bit: for a
regression with encodings and for a classification, for a stack, a calibrated model and one that
decides by a threshold, with a lineage that made its rows up and one
that read them from a file, on one and on three ranks."""
import csv
import struct

from support import Folder, check, finish, segue, write_config
from tables import TableFile, need_h5dump, write_csv

FEATURES = ["danceability", "energy", "loudness", "acousticness", "valence", "tempo", "duration_ms",
            "explicit", "key"]


def stages(source):
    return {
        "tracks": source,
        "clean": {"kind": "clean", "input": "tracks", "impossible": {"tempo": {"equal": 0}},
                  "recording": [["track_id"], ["artists", "track_name"]],
                  "rules": {"track_genre": "set", "popularity": "mean"}},
        "split": {"kind": "split", "input": "clean", "group": "recording"},
        "folds": {"kind": "folds", "input": "split", "group": "recording", "folds": 4},
        "popularity": {
            "kind": "train", "input": "split", "target": "popularity", "replicates": 0,
            "features": [*FEATURES, "track_genre", "artists", "release"],
            "recipe": [
                {"step": "impute", "columns": ["tempo"], "method": "median", "by": "track_genre"},
                {"step": "ratio", "name": "energy_dance_ratio", "numerator": "energy",
                 "denominator": "danceability"},
                {"step": "frequency_encode", "columns": ["artists"], "keep": True},
                {"step": "target_encode", "columns": ["track_genre", "artists"]},
                {"step": "date_part", "columns": ["release"], "parts": ["year"]}],
            "model": {"kind": "forest", "trees": 15, "max_features": 0.4, "interval": 0.8}},
        "genre": {"kind": "train", "input": "split", "target": "track_genre", "replicates": 0,
                  "features": [*FEATURES, "popularity"],
                  "model": {"kind": "forest", "trees": 10, "max_depth": 8}},
        "stacked": {
            "kind": "stack", "input": "split", "folds": "folds", "target": "popularity",
            "above": 45, "replicates": 0, "features": [*FEATURES, "artists"],
            "recipe": [{"step": "target_encode", "columns": ["artists"]}],
            "members": {
                "z_trees": {"model": {"kind": "forest", "trees": 8, "max_depth": 6}},
                "boosted": {"model": {"kind": "gbdt", "trees": 6}},
                "lines": {"model": "logistic", "features": ["energy", "loudness"], "recipe": []},
                "upper": {"level": 2, "model": {"kind": "gbdt", "trees": 3}},
                "over": {"level": 2, "model": "logistic"}},
            "meta": "logistic"},
        "calibrated": {"kind": "calibrate", "input": "split", "model": "stacked",
                       "folds": "folds", "method": "isotonic", "replicates": 0},
        "decided": {"kind": "threshold", "input": "split", "model": "calibrated", "goal": "cost",
                    "cost_false_negative": 3, "folds": "folds", "replicates": 0},
        "blended": {
            "kind": "stack", "input": "split", "folds": "folds", "target": "popularity",
            "replicates": 0, "features": ["energy", "loudness"], "guard": False,
            "members": {"boosted": {"model": {"kind": "gbdt", "trees": 6}},
                        "lines": {"model": "linear"}},
            "meta": "linear", "passthrough": True}}


def bits(value):
    return struct.pack("<d", float(value))


def own_predictions(bundle):
    """The run's own, and their row ids."""
    table = TableFile(bundle, "predictions")
    return {name: table.column(name)[1] for name in table.names()}, table.row_ids()


def served(bundle, rows, out, ranks):
    done = segue("predict", bundle, rows, "-o", out, "--keep", "track_id", ranks=ranks)
    if not check(done.returncode == 0, f"predict on {ranks} ranks: {done.stderr}"):
        return [], b""
    with open(out, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines)), out.read_bytes()


def compare(what, bundle, rows, ids, track_ids):
    """Predictions of the file `rows`, whose rows have these ids, against the run's own."""
    own, own_ids = own_predictions(bundle)
    check(own_ids == ids, f"{what}: the run predicted other rows than those of its test part")
    told = own["probability"] if "probability" in own else own["prediction"]
    check(len(set(told)) > 5, f"{what}: predictions that tell rows apart")
    found, text = served(bundle, rows, rows.with_name(f"{what}-1.csv"), 1)
    _, text_on_3 = served(bundle, rows, rows.with_name(f"{what}-3.csv"), 3)
    check(text == text_on_3, f"{what}: other predictions on 3 ranks")
    if not check(len(found) == len(ids), f"{what}: {len(found)} predictions of {len(ids)} rows"):
        return
    check([row["track_id"] for row in found] == track_ids, f"{what}: kept column")
    wrong = 0
    probabilities = own.get("probability", [None] * len(ids))
    for at, (row, prediction, probability) in enumerate(zip(found, own["prediction"],
                                                            probabilities)):
        if probability is None:
            same = bits(row["prediction"]) == bits(prediction) and \
                all(bits(row[name]) == bits(own[name][at]) for name in ("low", "high")
                    if name in own)
        else:
            same = row["prediction"] == prediction and \
                bits(row["probability"]) == bits(probability)
        wrong += not same
        if not same and wrong <= 3:
            check(False, f"{what}: row {row['row']}: {row}, not {prediction} {probability}")
    check(wrong == 0, f"{what}: {wrong} of {len(ids)} predictions differ")


def pipeline(folder, name, source):
    """Run it, and serve its own test rows. Returns the run folder."""
    (folder / name).mkdir()
    config = write_config(folder / name, stages(source), block=64)
    run_dir = folder / name / "run"
    done = segue("run", config, "--quiet", "--run-dir", run_dir, ranks=2)
    if not check(done.returncode == 0, f"{name}: {done.stderr}"):
        finish("predict")
    table = TableFile(run_dir / "stages" / "split.h5")
    _, part = table.column("split")
    _, track_ids = table.column("track_id")
    rows = folder / name / "rows.csv"
    wanted = write_csv(rows, table, lambda row: part[row] == "test")
    all_ids = table.row_ids()
    ids = [all_ids[row] for row in wanted]
    check(len(ids) > 300, f"{name}: only {len(ids)} test rows")
    for stage in ("popularity", "genre", "stacked", "calibrated", "decided", "blended"):
        compare(f"{name}-{stage}", run_dir / "stages" / f"{stage}.h5", rows, ids,
                [track_ids[row] for row in wanted])
    return run_dir


def main():
    need_h5dump()
    with Folder() as folder:
        made = pipeline(folder, "made", {"kind": "synthesize", "rows": 4000, "genres": 12})
        # The same rows from a file: types are those of the file, not of the cleaned table.
        source = folder / "tracks.csv"
        write_csv(source, TableFile(made / "stages" / "tracks.h5"))
        types = {"track_id": "text", "artists": "list;", "track_name": "text",
                 "track_genre": "category", "explicit": "boolean", "key": "integer",
                 "release": "date", "popularity": "real",
                 **dict.fromkeys([name for name in FEATURES if name not in ("explicit", "key")],
                                 "real")}
        pipeline(folder, "read", {"kind": "read_csv", "path": str(source), "columns": types})
    finish("predict")


main()
