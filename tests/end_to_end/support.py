"""What the end-to-end tests share: starting segue on ranks, checks, skips. Standard library only.

Scripts get SEGUE (the program) and SEGUE_SOURCE (the checkout) from CTest."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEGUE = os.environ["SEGUE"]
SOURCE = Path(os.environ["SEGUE_SOURCE"])
FAILURES = []


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def check(condition, what):
    """Note a failure and go on."""
    if not condition:
        FAILURES.append(what)
        print(f"FAILED: {what}", file=sys.stderr)
    return bool(condition)


def finish(name):
    print(f"{name}: {'FAILED' if FAILURES else 'passed'}")
    sys.exit(1 if FAILURES else 0)


class Folder:
    """A temporary folder that goes away at the end."""

    def __init__(self, base=None):
        self.path = Path(tempfile.mkdtemp(prefix="segue-test-", dir=base))

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def command(ranks, *words):
    start = [] if ranks == 1 else ["mpirun", "-n", str(ranks)]
    return [*start, SEGUE, *map(str, words)]


def segue(*words, ranks=1, timeout=120, env=None, cwd=None):
    """Run to the end. A hang is a failure of the test, with the output so far."""
    try:
        return subprocess.run(command(ranks, *words), capture_output=True, text=True, cwd=cwd,
                              timeout=timeout, env={**os.environ, **(env or {})})
    except subprocess.TimeoutExpired as late:
        check(False, f"hang: segue {' '.join(map(str, words))} on {ranks} ranks")
        return subprocess.CompletedProcess(late.args, -1, "", str(late.stderr or ""))


def start(*words, ranks=2, env=None):
    """Start in a process group of its own."""
    return subprocess.Popen(command(ranks, *words), stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, text=True, start_new_session=True,
                            env={**os.environ, **(env or {})})


def hashes(run_dir):
    """Stage -> content hash, checked against the files."""
    done = segue("hash", run_dir)
    check(done.returncode == 0, f"segue hash {run_dir}: {done.stderr}")
    return {line.split()[1]: line.split()[0] for line in done.stdout.splitlines()}


def ranks_of(launcher):
    """Process ids of the segue ranks below a launcher."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            session = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[3])
        except (OSError, IndexError, ValueError):
            continue
        if session == launcher.pid and words and words[0].decode(errors="replace") == SEGUE:
            found.append(int(entry.name))
    return sorted(found)


def write_config(folder, stages, name="test", **rest):
    path = Path(folder) / "config.json"
    path.write_text(json.dumps({"name": name, **rest, "stages": stages}))
    return path


def quick_config(folder, rows=4000, trees=12):
    """A pipeline of a second or two with every kind of stage that keeps units."""
    return write_config(folder, {
        "tracks": {"kind": "synthesize", "rows": rows},
        "clean": {"kind": "clean", "input": "tracks",
                  "recording": [["track_id"], ["artists", "track_name"]],
                  "rules": {"track_genre": "set", "popularity": "mean"}},
        "split": {"kind": "split", "input": "clean", "group": "recording"},
        "folds": {"kind": "folds", "input": "split", "group": "recording", "folds": 2},
        "popularity": {"kind": "train", "input": "split", "folds": "folds", "target": "popularity",
                       "features": ["danceability", "energy", "tempo", "track_genre", "loudness",
                                    "valence", "duration_ms", "acousticness"],
                       "recipe": [{"step": "target_encode", "columns": ["track_genre"]}],
                       "model": {"kind": "forest", "trees": trees}},
        "report": {"kind": "report"}}, block=64)


def wait(process, seconds):
    """Exit status, None when it goes on."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    return process.returncode


def seconds_since(begun):
    return time.monotonic() - begun
