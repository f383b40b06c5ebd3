"""One measurement: Segue's bench_trees on ranks, or a peer on threads, in a process of its own.

Measurements are kept in .bench/trees.jsonl, with who was measured and on which machine, so that a
benchmark that was stopped goes on with --resume."""
import hashlib
import importlib.metadata
import json
import os
import shlex
import sys
import time
from pathlib import Path

import numpy as np

import trees_data
from bench_parts import cpu_model, note
from segue_runs import RANKS, TOP, WORK, OutOfTime, call

HERE = Path(__file__).resolve().parent
KEPT = TOP / ".bench" / "trees.jsonl"
LIBRARIES = ("xgboost", "lightgbm", "catboost", "scikit-learn", "scikit-learn-intelex", "numpy")


class Measurer:
    """program: bench_trees; prefix: words before every measured command."""

    def __init__(self, program, segue, data, prefix, resume, budget):
        self.program, self.segue, self.data = Path(program), segue, data
        self.prefix, self.budget = shlex.split(prefix), budget
        engine = hashlib.sha256(self.program.read_bytes()).hexdigest()[:16]
        versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
        self.engine, self.peers = [cpu_model(), engine], [cpu_model(), versions]
        self.kept = self.read() if resume else {}
        if not resume:
            KEPT.parent.mkdir(parents=True, exist_ok=True)
            KEPT.write_text("")

    @staticmethod
    def read():
        kept = {}
        if KEPT.exists():
            for line in KEPT.read_text().splitlines():
                try:
                    item = json.loads(line)
                except ValueError:
                    continue  # the line that was being written when it was stopped
                kept[json.dumps(item["key"])] = item["result"]
        return kept

    def path(self, work):
        """The stored matrix, made when it is not there. Not timed."""
        if work.size:
            return trees_data.synthetic(self.segue, work.size)
        return trees_data.tracks(self.data, 1)

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
        with KEPT.open("a") as file:
            file.write(json.dumps({"key": key, "result": result}) + "\n")
        return result

    def segue_result(self, work, trees, seed, ranks=RANKS, more=None, profile=None):
        settings = work.settings(trees) | (more or {})
        key = [self.engine, "segue", work.name, settings, seed, ranks, bool(profile)]
        return self.once(key, work.limit + 60,
                         lambda limit: self.run_segue(work, settings, seed, ranks, limit, profile))

    def run_segue(self, work, settings, seed, ranks, limit, profile):
        file, kept = self.path(work), WORK / f"predictions-{os.getpid()}.bin"
        kept.parent.mkdir(parents=True, exist_ok=True)
        extra = ["--profile", profile] if profile else []
        try:
            _, out = call([*self.prefix, "mpirun", "-n", ranks, self.program, file, work.target,
                           json.dumps(settings), seed, "--predictions", kept, *extra], limit)
            result = json.loads(out)
            data = trees_data.Truth(file, work.target)
            prediction = np.fromfile(kept).reshape(len(data.y), -1)
            result |= trees_data.loss_of(data.y, prediction if data.classes else prediction[:, 0],
                                         data.classes)
        finally:
            kept.unlink(missing_ok=True)
        return result

    def peer_result(self, work, peer, trees, seed, threads=RANKS, predict=True):
        settings = work.settings(trees)
        key = [self.peers, "peer", work.name, peer.label, settings, peer.more, seed, threads,
               predict]
        task = {"peer": peer.name, "data": str(self.path(work)), "target": work.target,
                "model": settings, "more": peer.more, "seed": seed, "threads": threads,
                "predict": predict}
        return self.once(key, work.limit, lambda limit: json.loads(
            call([*self.prefix, sys.executable, HERE / "trees_peers.py", json.dumps(task)],
                 limit)[1]))
