"""One measurement: Segue's bench_trees on ranks, or a peer on threads, in a process of its own.

Measurements are kept in a file of .bench, with who was measured and on which machine, so that a
benchmark that was stopped goes on with --resume."""
import hashlib
import importlib.metadata
import json
import os
import shlex
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

import trees_data
import trees_profile
from bench_parts import cpu_model, note
from segue_runs import RANKS, TOP, WORK, OutOfTime, call

HERE = Path(__file__).resolve().parent
LIBRARIES = ("xgboost", "lightgbm", "catboost", "scikit-learn", "scikit-learn-intelex", "numpy")


class Measurer:
    """program: bench_trees; prefix: words before every measured command; kept: the file of what was
    measured, used again when resume."""

    def __init__(self, program, segue, data, prefix, kept, resume, budget):
        self.program, self.segue, self.data = Path(program), segue, data
        self.prefix, self.budget = shlex.split(prefix), budget
        engine = hashlib.sha256(self.program.read_bytes()).hexdigest()[:16]
        versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
        self.engine, self.peers = [cpu_model(), engine], [cpu_model(), versions]
        self.file = TOP / ".bench" / kept
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if not resume:
            self.file.unlink(missing_ok=True)
        self.kept = self.read()

    def read(self):
        kept = {}
        if self.file.exists():
            for line in self.file.read_text().splitlines():
                try:
                    item = json.loads(line)
                except ValueError:
                    continue  # the line that was being written when it was stopped
                if "failed" not in item["result"]:  # that is tried again
                    kept[json.dumps(item["key"])] = item["result"]
        return kept

    def path(self, work, seed=1):
        """The stored matrix, made when it is not there. Not timed."""
        if work.size:
            return trees_data.synthetic(self.segue, work.size)
        make = trees_data.songs if work.songs else trees_data.tracks
        return make(self.data, seed if work.anew else 1)

    def once(self, key, limit, measure):
        """The kept result, or a new one: {"over": limit} when it took longer, {"failed": why}."""
        text = json.dumps(key)
        if text in self.kept:
            return self.kept[text]
        allowed = min(limit, self.budget.left())
        begun = time.monotonic()
        try:
            result = measure(allowed)
        except OutOfTime:
            if allowed < limit:
                raise
            result = {"over": limit}
        except SystemExit as reason:  # what a child said when it failed
            note(str(reason))
            result = {"failed": str(reason).strip().splitlines()[-1][:120]}
        note(f"{key[1:]}: {time.monotonic() - begun:.1f} s")
        self.kept[text] = result
        with self.file.open("a") as file:
            file.write(json.dumps({"key": key, "result": result}) + "\n")
        return result

    def segue_result(self, work, trees, seed, ranks=RANKS, more=None, profile=False):
        settings = work.settings(trees) | (more or {})
        key = [self.engine, "segue", work.name, settings, seed, ranks, profile]
        return self.once(key, work.limit + 60,
                         lambda limit: self.run_segue(work, settings, seed, ranks, limit, profile))

    def side_by_side(self, work, trees, seed, more=None):
        """As many runs of one rank as there are ranks, at once and knowing nothing of each other: what
        the machine's memory and caches leave of its cores. Mean seconds."""
        settings = work.settings(trees) | (more or {})

        def measure(limit):
            with ThreadPoolExecutor(RANKS) as pool:
                results = list(pool.map(lambda name: self.run_segue(
                    work, settings, seed, 1, limit, False, f"-{name}"), range(RANKS)))
            return results[0] | {"fit": sum(result["fit"] for result in results) / RANKS}

        self.path(work, seed)
        key = [self.engine, "side by side", work.name, settings, seed, RANKS]
        return self.once(key, work.limit + 60, measure)

    def run_segue(self, work, settings, seed, ranks, limit, profile, name=""):
        file, kept = self.path(work, seed), WORK / f"predictions-{os.getpid()}{name}.bin"
        kept.parent.mkdir(parents=True, exist_ok=True)
        samples = WORK / f"samples-{os.getpid()}"
        extra = ["--profile", samples] if profile else []
        try:
            _, out = call([*self.prefix, "mpirun", "-n", ranks, self.program, file, work.target,
                           json.dumps(settings), seed, "--predictions", kept, *extra], limit)
            result = json.loads(out)
            if profile:
                result["parts"] = trees_profile.shares(self.program, samples)
            data = trees_data.Truth(file, work.target)
            prediction = np.fromfile(kept).reshape(len(data.y), -1)
            result |= trees_data.loss_of(data.y, prediction if data.classes else prediction[:, 0],
                                         data.classes)
        finally:
            kept.unlink(missing_ok=True)
        return result

    def probe(self):
        """Updates, bytes and rows a second that this machine can do."""
        program = self.program.parent / "bench_probe"
        return self.once([cpu_model(), "probe"], 60, lambda limit: json.loads(
            call([*self.prefix, "mpirun", "-n", RANKS, program], limit)[1]))

    def peer_result(self, work, peer, trees, seed, threads=RANKS, predict=True, limit=None):
        settings = work.settings(trees)
        key = [self.peers, "peer", work.name, peer.label, settings, peer.more, seed, threads,
               predict]
        task = {"peer": peer.name, "data": str(self.path(work, seed)), "target": work.target,
                "model": settings, "more": peer.more, "seed": seed, "threads": threads,
                "predict": predict}
        return self.once(key, min(work.limit, limit or work.limit), lambda allowed: json.loads(
            call([*self.prefix, sys.executable, HERE / "trees_peers.py", json.dumps(task)],
                 allowed)[1]))
