"""Tables of artifacts, read by h5dump into plain Python lists: no numpy, no h5py needed."""
import csv
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from support import skip

REAL, INTEGER, BOOLEAN, CATEGORY, TEXT, LIST, DATE = range(7)
MISSING_INTEGER, MISSING_BOOLEAN, MISSING_DATE = -2 ** 63, 255, -2 ** 31


def need_h5dump():
    if not shutil.which("h5dump"):
        skip("h5dump is not installed (package hdf5-tools)")


class TableFile:
    def __init__(self, path, part="table"):
        self.path, self.part = Path(path), part

    def array(self, name, code):
        """A data set; code is that of struct: d q i B."""
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "values"
            done = subprocess.run(["h5dump", "-b", "LE", "-o", str(out), "-d",
                                   f"/{self.part}/{name}", str(self.path)], capture_output=True,
                                  text=True, cwd=self.path.parent, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"h5dump {self.path} {name}: {done.stderr}")
            raw = out.read_bytes() if out.exists() else b""
        return list(struct.unpack(f"<{len(raw) // struct.calcsize(code)}{code}", raw))

    def names(self):
        """Columns in order."""
        listed = subprocess.run(["h5dump", "-n", "1", str(self.path)], capture_output=True,
                                text=True, check=True).stdout
        begin, end = f"/{self.part}/columns/", "/position"
        found = [line.split()[-1][len(begin):-len(end)] for line in listed.splitlines()
                 if line.split() and line.split()[-1].startswith(begin) and line.endswith(end)]
        return sorted(found, key=lambda name: self.array(f"columns/{name}/position", "q"))

    def row_ids(self):
        return self.array("rows/id", "q")

    def dictionary(self, place):
        offset = self.array(f"{place}/dictionary/offset", "q")
        raw = bytes(self.array(f"{place}/dictionary/bytes", "B"))
        return [raw[a:b].decode() for a, b in zip(offset, offset[1:])]

    def flat(self, place, kind):
        """Values of one item a row; None where it is missing."""
        code = {REAL: "d", INTEGER: "q", BOOLEAN: "B", CATEGORY: "i", DATE: "i"}[kind]
        values = self.array(f"{place}/value", code)
        if kind == CATEGORY:
            words = self.dictionary(place) + [None]  # the code of a missing value is -1
            return [words[value] for value in values]
        missing = {INTEGER: MISSING_INTEGER, BOOLEAN: MISSING_BOOLEAN, DATE: MISSING_DATE}
        return [None if value != value or value == missing.get(kind) else value
                for value in values]

    def ragged(self, place, kind):
        items = self.array(f"{place}/bytes", "B") if kind == TEXT else \
            self.array(f"{place}/codes", "i")
        words = self.dictionary(place) if kind == LIST else None
        out, at = [], 0
        for length, missing in zip(self.array(f"{place}/length", "i"),
                                   self.array(f"{place}/missing", "B")):
            part = items[at:at + length]
            at += length
            value = bytes(part).decode() if kind == TEXT else [words[code] for code in part]
            out.append(None if missing else value)
        return out

    def column(self, name):
        """(kind, values); lists are lists of words, dates whole numbers YYYYMMDD."""
        place = f"columns/{name}"
        kind = self.array(f"{place}/type", "q")[0]
        return kind, (self.ragged if kind in (TEXT, LIST) else self.flat)(place, kind)


def field(kind, value):
    """As a field of CSV that reads back as the very same value."""
    if value is None:
        return ""
    if kind == REAL:
        return repr(value)
    if kind == BOOLEAN:
        return "true" if value else "false"
    if kind == LIST:
        return ";".join(value)
    if kind == DATE:
        year, month, day = value // 10000, value // 100 % 100, value % 100
        parts = [f"{year:04d}", *(f"{part:02d}" for part in (month, day) if part)]
        return "-".join(parts)
    return str(value)


def write_csv(path, table, wanted=None):
    """All columns of the rows for which wanted(row) holds, rows being places in the table."""
    names = table.names()
    columns = [table.column(name) for name in names]
    rows = [row for row in range(len(table.row_ids())) if wanted is None or wanted(row)]
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(names)
        for row in rows:
            writer.writerow([field(kind, values[row]) for kind, values in columns])
    return rows
