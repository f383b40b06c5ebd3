"""The benchmark; scripts/bench starts it. One Markdown table on stdout, progress on stderr.

Every number of Segue's stands beside one of a peer that was measured in the same round, one after
the other on the same two cores. A round that would not fit into the time budget is not begun."""
import argparse
import json
import os
import shutil
import statistics
import sys
from pathlib import Path

from bench_parts import Budget, Table, facts, median_text, note, short, verdict, write_readme
from limits import THREADS, limit_threads
from segue_runs import RANKS, TOP, WORK, OutOfTime, Run, call, write_config

HERE = Path(__file__).resolve().parent
TRACKS = "spotify_tracks_114k.csv"
READINGS = 5  # in one process; the first stands apart
PEERS = {"pandas_default": "pandas.read_csv",
         "pandas_typed": "pandas.read_csv with columns and types given",
         "pandas_arrow": 'pandas.read_csv(engine="pyarrow")',
         "polars_default": "polars.read_csv",
         "polars_typed": "polars.read_csv with columns and types given",
         "polars_same": "polars.read_csv with types, lists split, booleans made (as Segue does)"}
GIGABYTE = 1e9


# ---- reading ----

def reading_config(segue, budget):
    """A pipeline that reads the tracks several times over, each with all defaults written out."""
    part = TOP / "configs" / "parts" / "tracks.json"
    once = write_config("once", {"name": "once", "include": [str(part)]})
    with Run(segue, once, limit=budget.left()) as run:
        stage = json.loads((run.path / "config.json").read_text())["stages"]["tracks"]
    return write_config("read", {"name": "read",
                                 "stages": {f"tracks{k}": stage for k in range(READINGS)}})


def read_segue(segue, config, budget):
    """Seconds of each stage, and without hashing and storing what was read."""
    with Run(segue, config, limit=budget.left()) as run:
        stages = [run.stages[f"tracks{k}"] for k in range(READINGS)]
    return ([stage["seconds"] - stage["store_seconds"] for stage in stages],
            [stage["seconds"] for stage in stages])


def read_peer(path, name, budget):
    _, out = call([sys.executable, HERE / "read_peers.py", path, name, READINGS - 1], budget.left())
    return json.loads(out)


def reading(table, segue, data, budget):
    path = data / TRACKS
    config = reading_config(segue, budget)  # brings the file into the page cache
    warm, first, whole = [], [], []
    theirs = {name: [] for name in PEERS}
    theirs_first = {name: [] for name in PEERS}
    for _ in budget.rounds("reading", 0.25, times=3):
        alone, stages = read_segue(segue, config, budget)
        warm += alone[1:]
        first.append(alone[0])
        whole += stages[1:]
        for name in PEERS:
            found = read_peer(path, name, budget)
            theirs[name] += found["seconds"]
            theirs_first[name].append(found["first"])
    fastest = {}
    for library in ("pandas", "polars"):
        names = [f"{library}_default", f"{library}_typed"]
        fastest[library] = min(names, key=lambda name: statistics.median(theirs[name]))
    goals = {fastest["pandas"]: 5, fastest["polars"]: 1}
    for name in sorted(PEERS, key=lambda name: name not in goals):
        table.faster(f"reading the 114k CSV, to {PEERS[name]}", warm, theirs[name],
                     goals.get(name))
    for name in goals:
        table.faster(f"the first reading in a process, to {PEERS[name]}", first,
                     theirs_first[name])
    table.row("", "", "the stage `tracks`: reading, hashing, storing compressed with checksums",
              median_text(whole), "")


# ---- the main job ----

STAGES = {"tracks": ["tracks"], "clean": ["clean"], "split": ["split"],
          "popularity": ["popularity: recipe", "popularity: fit", "popularity: measure",
                         "popularity: store"],
          "popularity_gbdt": ["popularity_gbdt: recipe", "popularity_gbdt: fit",
                              "popularity_gbdt: measure", "popularity_gbdt: store"],
          "genre": ["genre: recipe", "genre: fit", "genre: measure", "genre: store"],
          "report": ["report"]}


def main_job(table, segue, data, budget):
    ours, theirs = [], []
    for _ in budget.rounds("spotify.json", 0.7):
        with Run(segue, TOP / "configs" / "spotify.json", limit=budget.left()) as run:
            metrics = run.report()["stages"]
            ours.append({"seconds": run.seconds, "stages": run.stages,
                         "rmse": metrics["popularity"]["metrics"]["test"]["rmse"],
                         "boosted": metrics["popularity_gbdt"]["metrics"]["test"]["rmse"],
                         "accuracy": metrics["genre"]["metrics"]["test"]["accuracy"]})
        folder = WORK / "sklearn"
        try:
            _, out = call([sys.executable, HERE / "spotify_sklearn.py", data / TRACKS, folder],
                          budget.left())
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        theirs.append(json.loads(out))
    table.faster("the whole of spotify.json, to pandas and scikit-learn",
                 [run["seconds"] for run in ours], [run["seconds"] for run in theirs], goal=5)
    for stage, parts in STAGES.items():
        table.faster(f"of that: `{stage}`", [run["stages"][stage]["seconds"] for run in ours],
                     [sum(run["parts"][part] for part in parts) for run in theirs])
    table.row("", "", "its results: RMSE of popularity by forest and boosting, accuracy of genre",
              *(f"{run['rmse']:.3f}, {run['boosted']:.3f}, {run['accuracy']:.4f}"
                for run in (ours[0], theirs[0])))


# ---- large ----

def large_run(segue, rows, budget):
    note(f"large.json, {rows} rows")
    with Run(segue, TOP / "configs" / "large.json", [f"/stages/tracks/rows={rows}"],
             limit=budget.left()) as run:
        peak = max(stage["peak_bytes"] for stage in run.stages.values())
        return run.seconds, RANKS * peak, run.stages


def large(table, segue, budget):
    small_seconds, small_bytes, _ = large_run(segue, 1000000, budget)
    seconds, peak, stages = large_run(segue, 5000000, budget)
    room = 8 * GIGABYTE / peak
    table.row(f"**{room:.2g}**", verdict("8 GB", room),
              "large.json, 5 million rows: memory, twice the larger rank's peak",
              f"{peak / GIGABYTE:.2g} GB", "")
    per_row, per_row_small = peak / 5e6, small_bytes / 1e6
    table.row(f"**{per_row_small / per_row:.2g}**",
              verdict("no growth", 1.05 * per_row_small / per_row),
              "memory per row at 5 million rows, beside that at 1 million",
              f"{per_row:.0f} bytes, {per_row_small:.0f} bytes", "")
    table.row("", "", "large.json: seconds at 5 million rows, at 1 million",
              f"{short(seconds)}, {short(small_seconds)}", "")
    for name, stage in stages.items():
        table.row("", "", f"of that at 5 million: `{name}`", short(stage["seconds"]), "")


# ---- the words around ----

LIBRARIES = ("pandas", "polars", "scikit-learn", "numpy", "pyarrow")
EXPLANATION = """Medians (least to greatest) of rounds in which Segue and its peers take turns on
the same two cores, the file being in the page cache. Reading: from the call to the table in memory,
in a process that has read it before; the first reading is told apart. Segue reads the 19 columns
that the config names, splits lists and makes dictionaries. A goal is held against the faster of a
library's two usual ways. spotify.json: Segue's seconds are those of all of `mpirun`, its start
included; those of the peers are without their imports. Both measure out of bag and by bootstrap;
Segue alone also hashes and stores every table."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--segue", required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--reading", action="store_true")
    parser.add_argument("--readme", action="store_true")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    limit_threads()
    table = Table()
    budget = Budget(options.minutes, options.rounds)
    parts = [("reading the 114k CSV", 5, options.data,
              lambda: reading(table, options.segue, options.data, budget)),
             ("the whole of spotify.json", 5, options.data,
              lambda: main_job(table, options.segue, options.data, budget)),
             ("large.json", "8 GB", options.large, lambda: large(table, options.segue, budget))]
    for what, goal, wanted, measure in parts[:1] if options.reading else parts:
        if not wanted:
            why = "needs --large" if what == "large.json" else "there is no real data"
            table.missing(what, goal, why)
            continue
        try:
            measure()
        except OutOfTime:
            table.missing(what, goal, "the time budget ended")
    text = f"{table.text()}\n\n{EXPLANATION}\n\n{facts(options.segue, cores, LIBRARIES)}"
    print(text)
    if options.readme:
        write_readme(text, "bench")


main()
