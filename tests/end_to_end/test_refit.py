#!/usr/bin/env python3
"""`refit`: the model that is kept is the one of all rows, everything that is told is of the one
before, and no later stage measures the kept one on rows that it has seen."""
import json

from support import Folder, check, finish, hashes, segue, write_config
from tables import TableFile, need_h5dump, write_csv

FEATURES = ["danceability", "energy", "loudness", "track_genre", "artists"]
STAGES = ("train", "search", "matrix")


def job(**more):
    return {"kind": "train", "input": "split", "target": "popularity", "above": 45,
            "replicates": 0, "features": FEATURES,
            "recipe": [{"step": "target_encode", "columns": ["track_genre", "artists"]}], **more}


def rows():
    return {"tracks": {"kind": "synthesize", "rows": 2500, "genres": 8},
            "clean": {"kind": "clean", "input": "tracks",
                      "recording": [["track_id"], ["artists", "track_name"]],
                      "rules": {"track_genre": "set", "popularity": "mean"}},
            "split": {"kind": "split", "input": "clean", "group": "recording"},
            "folds": {"kind": "folds", "input": "split", "group": "recording", "folds": 3}}


def plan(refit):
    model = {"kind": "gbdt", "trees": 12}
    return {**rows(),
            "train": job(folds="folds", model=model, refit=refit),
            "search": job(kind="search", folds="folds", trials=3, refit=refit, models=[
                {"kind": "gbdt", "trees": {"low": 5, "high": 20}}]),
            "matrix": job(kind="matrix", folds="folds", refit=refit, models={
                "line": {"model": "logistic"}, "trees": {"model": model}}),
            "whole": job(model=model, split=None),
            "report": {"kind": "report"}}


def predict(bundle, file, out):
    done = segue("predict", bundle, file, "-o", out)
    check(done.returncode == 0, f"predict by {bundle}: {done.stderr}")
    return out.read_bytes()


def kept(folder):
    """Scores and predictions as without, another bundle, the same on 3 ranks."""
    found, told, ran = {}, {}, {}
    for name, refit, ranks in (("none", "none", 1), ("all", "all", 1), ("all-3", "all", 3)):
        ran[name] = folder / name
        done = segue("run", write_config(folder, plan(refit), block=64), "--quiet", "--run-dir",
                     ran[name], ranks=ranks)
        check(done.returncode == 0, f"{name}: {done.stderr}")
        found[name] = hashes(ran[name])
        told[name] = json.loads((ran[name] / "report.json").read_text())["stages"]
    check(found["all"] == found["all-3"], "other results on 3 ranks")
    file = folder / "rows.csv"
    write_csv(file, TableFile(ran["all"] / "stages" / "split.h5"))
    for stage in STAGES:
        check(told["none"][stage]["metrics"] == told["all"][stage]["metrics"],
              f"{stage}: scores of another model")
        check("fitted again on all" in json.dumps(told["all"][stage]["notes"]), f"{stage}: no note")
        check(found["none"][stage] != found["all"][stage], f"{stage}: nothing was fitted again")
        files = [TableFile(ran[name] / "stages" / f"{stage}.h5", "predictions")
                 for name in ("none", "all")]
        for column in files[0].names():
            check(files[0].column(column) == files[1].column(column),
                  f"{stage}: predictions of another model ({column})")
    texts = {name: predict(ran[run] / "stages" / f"{stage}.h5", file, folder / f"{name}.csv")
             for name, run, stage in (("again", "all", "train"), ("whole", "all", "whole"),
                                      ("before", "none", "train"))}
    check(texts["again"] == texts["whole"], "the model kept is not that of all rows")
    check(texts["again"] != texts["before"], "the model kept is that of the training part")


def refused(folder):
    """Nobody measures a model that has seen all rows."""
    made = {**rows(), "model": job(model="logistic", refit="all"),
            "other": job(model="logistic", features=["energy"], recipe=[])}
    after = {"input": "split", "folds": "folds", "model": "model"}
    compare = {"kind": "compare", "input": "split", "models": ["other", "model"], "above": 45,
               "target": "popularity"}
    for stage, option in (({"kind": "calibrate", **after}, "model"),
                          ({"kind": "threshold", **after}, "model"), (compare, "models/1")):
        done = segue("check", write_config(folder, {**made, "last": stage}))
        check(done.returncode == 2 and f"/stages/last/{option}: it was fitted again" in done.stderr,
              f"{stage['kind']} after a refit: {done.returncode} {done.stderr}")
    done = segue("check", write_config(folder, {**rows(), "model": job(
        model="logistic", split=None, refit="all")}))
    check(done.returncode == 2 and "/stages/model/refit: split is null" in done.stderr,
          f"refit without a split: {done.returncode} {done.stderr}")


def main():
    need_h5dump()
    for case in (kept, refused):
        with Folder() as folder:
            case(folder)
    finish("refit")


main()
