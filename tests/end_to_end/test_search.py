#!/usr/bin/env python3
"""A search that is killed goes on with the same trials, on another number of ranks, past a torn record;
a longer one keeps the trials of a shorter one."""
import json
import os
import pathlib
import shutil

from support import check, finish, segue

FOLDER = pathlib.Path("search_runs")
CONFIG = {
    "name": "search", "seed": 3,
    "stages": {
        "tracks": {"kind": "synthesize", "rows": 1500},
        "clean": {"kind": "clean", "input": "tracks", "recording": [["track_id"]],
                  "rules": {"track_genre": "set", "popularity": "mean"}},
        "split": {"kind": "split", "input": "clean", "group": "recording", "test": 0.25},
        "folds": {"kind": "folds", "input": "split", "group": "recording", "folds": 2},
        "best": {"kind": "search", "input": "split", "folds": "folds", "target": "popularity",
                 "features": ["energy", "danceability", "loudness"], "trials": 7, "window": 2,
                 "warm_up": 3, "replicates": 0,
                 "models": [{"kind": "gbdt", "trees": 5, "max_leaves": {"low": 2, "high": 20},
                             "learning_rate": {"low": 0.05, "high": 0.9, "log": True}},
                            {"kind": "linear", "l2": {"low": 0.01, "high": 100, "log": True}}]},
        "report": {"kind": "report"}}}


def run(config, folder, ranks, *more, **environment):
    return segue("run", config, "--run-dir", FOLDER / folder, *more, ranks=ranks,
                 env={**os.environ, **environment})


def outcome(folder):
    """The hashes, and the rows of the table of trials by trial."""
    found = segue("hash", FOLDER / folder).stdout
    report = json.loads((FOLDER / folder / "report.json").read_text())
    tables = report["stages"]["best"]["tables"]
    table = tables["trials"] if isinstance(tables, dict) else next(
        t for t in tables if t["name"] == "trials")
    return found, sorted(table["rows"], key=lambda row: row[1])


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    config = FOLDER / "search.json"
    config.write_text(json.dumps(CONFIG))
    done = run(config, "whole", 1)
    if not check(done.returncode == 0, done.stderr):
        finish("search")
    hashes, trials = outcome("whole")
    check(len(trials) == 7, f"{len(trials)} trials")

    killed = run(config, "killed", 2, SEGUE_FAULT="kill@0:12")
    journals = sorted((FOLDER / "killed" / "studies").glob("best-*/*.journal"))
    check(killed.returncode != 0 and journals, "it was killed while searching")
    before = sum(path.stat().st_size for path in journals)
    if journals:  # a record that is torn
        with open(journals[0], "ab") as file:
            file.write(journals[0].read_bytes()[:40])
    done = run(config, "killed", 1)
    check(done.returncode == 0, done.stderr)
    check(outcome("killed") == (hashes, trials), "the killed search ended as the other one")
    size = sum(path.stat().st_size for path in journals)
    check(size > before, "it went on with the journal")

    done = run(config, "killed", 2, "--set", "/stages/best/trials=10")
    check(done.returncode == 0, done.stderr)
    longer = outcome("killed")[1]
    place = lambda rows: [row[1:] for row in rows]  # noqa: E731, the first cell is the place
    check(place(longer[:7]) == place(trials), "a longer search keeps the trials of the shorter one")
    done = run(config, "fresh", 2, "--set", "/stages/best/trials=10")
    check(outcome("fresh")[1] == longer, "and is the one that was long from the beginning")
    finish("search")


main()
