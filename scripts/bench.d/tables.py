"""Read the tables of a run folder's artifacts with h5py: what README.md shows, as numpy arrays."""
import h5py
import numpy as np

MISSING_INTEGER = np.iinfo(np.int64).min
MISSING_BOOLEAN = 255


class TableFile:
    """One artifact; columns that an older artifact holds are found there by HDF5 itself."""

    def __init__(self, path, part="table"):
        self.file = h5py.File(path, "r", locking=False)
        self.columns = self.file[part]["columns"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def numbers(self, name):
        """Reals, integers and booleans as doubles, missing values as NaN."""
        value = self.columns[name]["value"][()]
        missing = {np.dtype(np.int64): MISSING_INTEGER, np.dtype(np.uint8): MISSING_BOOLEAN}
        out = value.astype(np.float64)
        if value.dtype in missing:
            out[value == missing[value.dtype]] = np.nan
        return out

    def words(self, name):
        """A category column as an array of text, None where it is missing."""
        group = self.columns[name]
        offset = group["dictionary"]["offset"][()]
        raw = group["dictionary"]["bytes"][()].tobytes()
        dictionary = [raw[a:b].decode() for a, b in zip(offset, offset[1:])]
        return np.array([*dictionary, None], dtype=object)[group["value"][()]]
