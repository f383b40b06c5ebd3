#!/usr/bin/env python3
"""Models that were kept when their format was new are read for ever: `segue predict` gives what it
gave then, bit for bit, and their files are plain HDF5."""
import csv
import struct

from support import SOURCE, Folder, check, finish, segue
from tables import TableFile, need_h5dump

KEPT = SOURCE / "tests" / "kept"
FORMAT = 1  # BUNDLE_FORMAT of kernels/study/bundle.h; one kept set for each is there


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def bits(text):
    """Of a number; nothing for a value that is missing."""
    return struct.pack("<d", float(text)).hex() if text else ""


def compare(name, got, want):
    if not check(len(got) == len(want) and len(want) > 20, f"{name}: {len(got)} rows"):
        return
    check(list(got[0]) == list(want[0]), f"{name}: columns {list(got[0])}")
    for a, b in zip(got, want):
        for column in b:
            number = column == "probability" or (column == "prediction" and "probability" not in b)
            same = bits(a[column]) == bits(b[column]) if number else a[column] == b[column]
            check(same, f"{name}: row {b['row']}: {column} is {a[column]}, was {b[column]}")


def main():
    need_h5dump()
    models = sorted(KEPT.glob("*.h5"))
    check(len(models) >= 8, f"{len(models)} kept models")
    formats = set()
    with Folder() as folder:
        for number, model in enumerate(models):
            format_of = TableFile(model, "bundle").array("format", "q")
            formats.update(format_of)
            predictions = TableFile(model, "predictions")
            check("prediction" in predictions.names(), f"{model.name}: {predictions.names()}")
            check(len(predictions.row_ids()) > 5, f"{model.name}: no test rows")
            out = folder / f"{model.stem}.csv"
            done = segue("predict", model, KEPT / "inputs.csv", "-o", out, "--keep", "id",
                         ranks=1 + number % 3)
            if check(done.returncode == 0, f"{model.name}: {done.stderr}"):
                compare(model.name, rows_of(out), rows_of(KEPT / f"{model.stem}.csv"))
    check(formats == set(range(1, FORMAT + 1)), f"kept formats: {sorted(formats)}")
    finish("kept")


main()
