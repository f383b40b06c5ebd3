"""The work of scripts/bench-supervised: linear models and resampling, Segue on two ranks beside peers
on two threads, in turns, each in a process of its own that does it some times; medians of the best of
every process."""
import argparse
import json
import os
import sys
from pathlib import Path

import limits
import supervised_data
from bench_parts import Budget, Table, facts, note, write_readme
from segue_runs import RANKS, OutOfTime, call

HERE = Path(__file__).resolve().parent
SKLEARN, INTEL, IMBLEARN = "scikit-learn", "scikit-learn-intelex", "imbalanced-learn"
TIMES = 3  # in a process: the first one also warms up; short work is done more often
AT_LEAST, SMOTE_GOAL = 1, 10
# What is asked of a peer is what reaches the loss that Segue's defaults reach, as the table shows.
WORK = [
    {"name": "linear: popularity, 126 features", "file": "popularity", "kind": "linear",
     "times": 9, "peers": [SKLEARN, INTEL]},
    {"name": "elastic net: popularity, 126 features", "file": "popularity", "kind": "elastic_net",
     "segue": {"alpha": 0.05, "l1_ratio": 0.5, "standardize": False},
     "peer": {"alpha": 0.05, "l1_ratio": 0.5}, "peers": [SKLEARN, INTEL]},
    {"name": "logistic: hit or not, 126 features", "file": "hit", "kind": "logistic",
     "segue": {"standardize": False}, "peer": {"max_iter": 1000}, "peers": [SKLEARN, INTEL]},
    {"name": "logistic: hit or not, 13 features", "file": "hit_numbers", "kind": "logistic",
     "times": 9, "segue": {"standardize": False}, "peer": {"max_iter": 1000}, "peers": [SKLEARN, INTEL]},
    {"name": "logistic: 114 genres, 13 features", "file": "genre", "kind": "logistic",
     "times": 1, "segue": {"standardize": False}, "peer": {"max_iter": 1000},
     "peers": [SKLEARN, INTEL]},
    {"name": "SMOTE: hit or not", "file": "hit_numbers", "kind": "smote", "times": 9,
     "peers": [IMBLEARN]},
    {"name": "ADASYN: hit or not", "file": "hit_numbers", "kind": "adasyn", "peers": [IMBLEARN]},
]


def ours(program, file, work, limit):
    kind = json.dumps({"kind": work["kind"], **work.get("segue", {})})
    _, out = call(["mpirun", "-n", RANKS, program, file, kind, work.get("times", TIMES)], limit)
    return json.loads(out)


def theirs(peer, file, work, limit):
    task = {"peer": peer, "file": str(file), "work": work, "rounds": work.get("times", TIMES)}
    _, out = call([sys.executable, HERE / "supervised_peers.py", json.dumps(task)], limit)
    return json.loads(out.splitlines()[-1])


def told_by(result):
    return f"loss {result['loss']:.6g}" if "loss" in result else f"{result['rows']:.0f} rows"


def measure(work, arguments, budget, share, table):
    file = supervised_data.make(Path(arguments.data), work["file"])
    samples, told, out = {}, {}, {}
    for _ in budget.rounds(work["name"], share):
        for who in ["Segue", *work["peers"]]:
            if who in out:
                continue
            try:
                result = (ours(arguments.program, file, work, budget.left()) if who == "Segue"
                          else theirs(who, file, work, budget.left()))
            except (Exception, SystemExit) as reason:  # the others are worth measuring
                if who == "Segue":
                    raise
                note(f"{work['name']}, {who}: {reason!r}")
                out[who] = "time was out" if isinstance(reason, OutOfTime) else "it failed"
                continue
            samples.setdefault(who, []).append(min(result["seconds"]))
            told[who] = told_by(result)
    goal = SMOTE_GOAL if work["kind"] in ("smote", "adasyn") else AT_LEAST
    for peer in work["peers"]:
        if peer not in samples:
            table.missing(f"{work['name']}, beside {peer}", goal, out.get(peer, "time was out"))
            continue
        table.faster(f"{work['name']}, beside {peer} ({told['Segue']}; {told[peer]})",
                     samples["Segue"], samples[peer], goal)


def main():
    parser = argparse.ArgumentParser()
    for name in ("--program", "--segue", "--data"):
        parser.add_argument(name, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--readme", action="store_true")
    arguments = parser.parse_args()
    chosen = [work for work in WORK if arguments.only in work["name"]]
    if not chosen:
        raise SystemExit(f"--only {arguments.only}: no work's name holds this")
    budget, table = Budget(arguments.minutes, arguments.rounds), Table()
    for at, work in enumerate(chosen):
        try:
            measure(work, arguments, budget, 1 / (len(chosen) - at), table)
        except Exception as reason:  # the others are worth measuring
            note(f"{work['name']}: {reason!r}")
            table.missing(work["name"], "goal", "it failed, or time was out")
    text = table.text() + "\n\n" + facts(
        arguments.segue, len(os.sched_getaffinity(0)),
        ["scikit-learn", "scikit-learn-intelex", "imbalanced-learn", "numpy"])
    print(text)
    if arguments.readme:
        write_readme(text, "bench-supervised")


limits.limit_threads(len(os.sched_getaffinity(0)))
main()
