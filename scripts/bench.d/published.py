"""Hold audits of configs/published beside what was published: published.py RUNS NAME...

A number counts as reproduced when ours, under the same careless protocol, lies within the spread: that of
a drawn test part and, where the notebook does not tell its settings, of those."""
import json
import sys
from pathlib import Path

# config; what; published; spread; score; where ours is: ("by row", ...) of the table `scores`, or the
# beginning of a row of `careless`; where the honest twin is.
WITHOUT = "by recording"
LABELS = {"r2": "R²", "auc": "AUC", "average_precision": "average precision", "top_k_accuracy": "top-k accuracy"}
ROWS = [
    ("boosted", "boosted regression, features made of the target: R²", 0.9991, 0.004, "r2",
     "frequency of the target", WITHOUT),
    ("boosted", "the same without those features, by row: R²", 0.425, 0.03, "r2", "by row", WITHOUT),
    ("boosted", "the same, by id: R²", 0.387, 0.03, "r2", "by id", WITHOUT),
    ("encoded", "encodings fitted on all rows: R²", 0.707, 0.03, "r2", "recipe fitted on all rows, split by row",
     WITHOUT),
    ("encoded", "encodings fitted on training rows, by row: R²", 0.605, 0.03, "r2", "by row", WITHOUT),
    ("popular", "popular or not, forest, balanced before the split: accuracy", 0.797, 0.03, "accuracy",
     "classes balanced before", "training rows balanced"),
    ("popular", "the same balance, test rows as they come: AUC", 0.896, 0.02, "auc", "training rows balanced",
     WITHOUT),
    ("popular", "a plain forest: average precision", 0.238, 0.03, "average_precision", "by row", WITHOUT),
    ("genre", "114 genres, forest: accuracy", 0.306, 0.02, "accuracy", "by row", WITHOUT),
    ("genre", "114 genres, forest: top-3 accuracy", 0.484, 0.02, "top_k_accuracy", "by row", WITHOUT),
    ("small", "forest on 227 rows, best of a grid: R²", 0.319, 0.15, "r2", "by row", WITHOUT),
    ("small", "the same, grouped and repeated: R²", 0.183, 0.15, "r2", WITHOUT, "by artist"),
]


def tables(run):
    report = json.loads((run / "report.json").read_text())
    stage = next(stage for stage in report["stages"].values() if stage["kind"] == "audit")
    return {table["name"]: table for table in stage["tables"]}


def value(found, score, where):
    """The score in the row that begins so; its deviation over draws, where there are several."""
    for name, column in (("scores", score), ("careless", f"{LABELS.get(score, score)}, careless")):
        table = found[name]
        for row in table["rows"]:
            if row[0].startswith(where) and column in table["columns"]:
                number = row[table["columns"].index(column)]
                sd = f"{score} sd"
                spread = row[table["columns"].index(sd)] if sd in table["columns"] else None
                return number, spread
    return None, None


def text(number, spread):
    if number is None:
        return "–"
    return f"{number:.3f}" + (f" ± {spread:.3f}" if spread else "")


def main():
    folder, names = Path(sys.argv[1]), sys.argv[2:]
    missed = 0
    print("| | published | ours, as careless | | honest twin |\n|---|---|---|---|---|")
    for name, what, published, spread, score, careless, honest in ROWS:
        if name not in names:
            continue
        found = tables(folder / name)
        ours = value(found, score, careless)
        fits = ours[0] is not None and abs(ours[0] - published) <= spread
        missed += not fits
        print(f"| {what} | {published:g} | {text(*ours)} | {'reproduced' if fits else 'differs'} | "
              f"{text(*value(found, score, honest))} ({honest}) |")
    return 1 if missed else 0


sys.exit(main())
