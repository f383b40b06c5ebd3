#!/usr/bin/env python3
"""Folds go over ranks as whole units: stopped between two of them, a run goes on with the others, on
another number of ranks and in another way, to the same results."""
import json
import os
import signal
import time

from support import Folder, check, finish, hashes, ranks_of, segue, start, wait, write_config

RANKS = {"rows": 2, "folds": 2, "auto": 3}
MEASURED = ("seconds", "busy_seconds", "peak_bytes", "reused")


def config(folder):
    return write_config(folder, {
        "tracks": {"kind": "synthesize", "rows": 9000},
        "clean": {"kind": "clean", "input": "tracks",
                  "recording": [["track_id"], ["artists", "track_name"]],
                  "rules": {"track_genre": "set", "popularity": "mean"}},
        "split": {"kind": "split", "input": "clean", "group": "recording"},
        "folds": {"kind": "folds", "input": "split", "date": "release", "folds": 5,
                  "gap_days": 30, "group": "recording"},
        "popularity": {"kind": "train", "input": "split", "folds": "folds",
                       "target": "popularity",
                       "features": ["danceability", "energy", "tempo", "track_genre", "artists"],
                       "recipe": [{"step": "target_encode", "columns": ["track_genre", "artists"]}],
                       "model": {"kind": "forest", "trees": 30}},
        "report": {"kind": "report"}}, block=64)


def told(run_dir):
    """What the training stage tells, but for times and memory."""
    stage = json.loads((run_dir / "report.json").read_text())["stages"]["popularity"]
    return {key: value for key, value in stage.items() if key not in MEASURED}


def folds_saved(run_dir):
    """Units of whole folds; those of their trees have ten digits."""
    return [path for path in run_dir.glob("units/popularity*/*.unit")
            if path.name.startswith("folds") and len(path.stem.split("-")[-1]) == 6]


def wait_for_fold(process, run_dir, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        if folds_saved(run_dir):
            return True
        time.sleep(0.01)
    return False


def no_training_rows(folder):
    """The first fold in time has no target to train on: one message, the same on all ranks and in
    all ways, and no rank waits for another."""
    rows = "".join(f"t{i},{i % 7},{str(i % 3 > 0).lower() if i > 120 else ''},{1900 + i // 4}-01-01\n"
                   for i in range(400))
    (folder / "rows.csv").write_text("id,x,hit,release\n" + rows)
    columns = {"id": "text", "x": "real", "hit": "boolean", "release": "date"}
    path = write_config(folder, {
        "rows": {"kind": "read_csv", "path": str(folder / "rows.csv"), "columns": columns},
        "folds": {"kind": "folds", "input": "rows", "date": "release", "folds": 3, "group": None},
        "hit": {"kind": "train", "input": "rows", "folds": "folds", "target": "hit",
                "features": ["x"], "split": None, "group": None, "model": {"kind": "logistic"}},
        "report": {"kind": "report"}})
    said = set()
    for spread, ranks in (("rows", 1), ("rows", 3), ("folds", 2), ("folds", 3), ("folds", 5)):
        done = segue("run", path, "--set", f"/stages/hit/spread={spread}", "--run-dir",
                     folder / f"one-{spread}-{ranks}", "--quiet", ranks=ranks)
        check(done.returncode == 1, f"no target, {spread} on {ranks}: exit {done.returncode}")
        said.update(line for line in done.stderr.splitlines() if "error:" in line)
    check(len(said) == 1, f"no target: messages {said}")
    check("fold 1 of 3: no training rows" in str(said), f"no target: {said}")


def stopped(path, folder, spread, ranks, attempts=3):
    """Stop a run after its first fold: its command line, and how many folds are kept. On a busy machine
    all five may be there before the signal is; then another attempt is made."""
    for attempt in range(attempts):
        run_dir = folder / f"{spread}-{attempt}"
        words = ("run", path, "--set", f"/stages/popularity/spread={spread}", "--run-dir", run_dir)
        process = start(*words, ranks=ranks)
        check(wait_for_fold(process, run_dir), f"{spread}: no fold was saved")
        for pid in ranks_of(process):
            os.kill(pid, signal.SIGUSR1)
        status, kept = wait(process, 20), len(folds_saved(run_dir))
        if status == 75 and kept < 5:
            break
    check(status == 75, f"{spread}: exit {status}: {process.stderr.read()}")
    return words, kept


def main():
    with Folder() as folder:
        no_training_rows(folder)
        path = config(folder)
        done = segue("run", path, "--run-dir", folder / "whole")
        check(done.returncode == 0, f"undisturbed run: {done.stderr}")
        want, want_told = hashes(folder / "whole"), told(folder / "whole")
        check("rmse" in json.dumps(want_told["metrics"]["folds"]), f"no folds in {want_told}")
        for spread, ranks in RANKS.items():
            words, kept = stopped(path, folder, spread, ranks)
            check(1 <= kept < 5, f"{spread}: {kept} folds are kept")
            run_dir = words[-1]
            again = segue(*words, ranks=5 - ranks)
            check(again.returncode == 0, f"{spread}: resumed: {again.stderr}")
            check(hashes(run_dir) == want, f"{spread}: other results when resumed")
            check(told(run_dir) == want_told, f"{spread}: the report tells other things")
    finish("folds")


main()
