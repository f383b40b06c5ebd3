"""Matrices that every engine trains on, each made once and kept in .bench/data as HDF5: train/x and
test/x (floats, row by row), train/NAME and test/NAME for each target (doubles; attribute "classes":
0 for a number). Missing values are NaN.

    tracks     the 114k tracks by the recipe of configs/spotify.json, divided by recording
    songs      the 32k songs, their sound and year, divided by recording
    synthetic  rows of Segue's `synthesize` stage by the same recipe, divided by track"""
import os

import h5py
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupShuffleSplit, train_test_split

import spotify_sklearn as recipe
from segue_runs import TOP, Run, write_config
from tables import TableFile

STORE = TOP / ".bench" / "data"
POPULAR = 50  # a track is popular from here
SYNTHETIC_MOST = 5_000_000
SYNTHETIC_TEST = 250_000
TEST = 0.25
FEATURES = [*recipe.NUMBERS, "energy_dance_ratio", "acoustic_electronic_spectrum",
            "artists_frequency", "track_genre_target", "artists_target"]
SOUND = ["danceability", "energy", "key", "loudness", "mode", "speechiness", "acousticness",
         "instrumentalness", "liveness", "valence", "tempo", "duration_ms"]


def popular(target):
    return (target >= POPULAR).astype(float)


def store(path, parts, classes):
    """parts: name -> (x, {target: y}). In place when whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    with h5py.File(unfinished, "w") as file:
        for part, (x, targets) in parts.items():
            file[f"{part}/x"] = np.ascontiguousarray(x, np.float32)
            for name, y in targets.items():
                file[f"{part}/{name}"] = np.asarray(y, np.float64)
                file[f"{part}/{name}"].attrs["classes"] = np.int64(classes[name])
    os.replace(unfinished, path)
    return path


# ---- the published files ----

def tracks(data, seed):
    path = STORE / f"tracks-{seed}.h5"
    if path.exists():
        return path
    table = recipe.clean(recipe.read(data / "spotify_tracks_114k.csv"))
    train, test = (part.copy() for part in
                   train_test_split(table, test_size=TEST, random_state=seed))
    target = train["popularity"].to_numpy(float)
    recipe.impute(train, test)
    recipe.derive(train)
    recipe.derive(test)
    recipe.frequency_encode(train, test, "artists")
    fold = recipe.encoding_folds(train, target)
    for column in ("track_genre", "artists"):
        recipe.target_encode(train, test, target, column, fold)
    parts = {}
    for name, part in (("train", train), ("test", test)):
        y = part["popularity"].to_numpy(float)
        parts[name] = (part[FEATURES].to_numpy(np.float32), {"popularity": y,
                                                             "popular": popular(y)})
    return store(path, parts, {"popularity": 0, "popular": 2})


def songs(data, seed):
    path = STORE / f"songs-{seed}.h5"
    if path.exists():
        return path
    table = pd.read_csv(data / "spotify_songs_32k.csv")
    table = table.dropna(subset=["track_name", "track_artist"]).reset_index(drop=True)
    names = table["track_artist"].str.casefold() + "\t" + table["track_name"].str.casefold()
    group = pd.factorize(names)[0]  # a track under two ids has one name
    table["year"] = table["track_album_release_date"].str[:4].astype(float)
    table["genre"] = pd.factorize(table["playlist_genre"], sort=True)[0]
    x = table[[*SOUND, "year"]].to_numpy(np.float32)
    y = table["track_popularity"].to_numpy(float)
    targets = {"popularity": y, "popular": popular(y), "genre": table["genre"].to_numpy(float)}
    divide = GroupShuffleSplit(1, test_size=TEST, random_state=seed)
    train, test = next(divide.split(x, groups=group))
    parts = {name: (x[rows], {key: value[rows] for key, value in targets.items()})
             for name, rows in (("train", train), ("test", test))}
    return store(path, parts, {"popularity": 0, "popular": 2, "genre": 6})


# ---- made-up rows ----

class Listed:
    """A list column of made-up tracks: code and row of every word."""

    def __init__(self, code, length):
        self.code, self.length = code, length
        self.row = np.repeat(np.arange(len(length)), length)

    def mean(self, value_of_word):
        value = value_of_word[self.code]
        return np.bincount(self.row, value, len(self.length)) / self.length

    def frequency(self, train):
        count = np.bincount(self.code, train[self.row], self.code.max() + 1)
        return self.mean(count / train.sum())

    def target(self, train, y, fold, smoothing=20):
        """Smoothed means of the target: out of fold for training rows, of all of them for others,
        which are in a fold of their own, 5."""
        k, weight = int(self.code.max()) + 1, train.astype(float)
        cell = self.code * 6 + fold[self.row]
        total = np.bincount(cell, (y * weight)[self.row], 6 * k).reshape(k, 6)
        count = np.bincount(cell, weight[self.row], 6 * k).reshape(k, 6)
        sums, sizes = np.bincount(fold, y * weight, 6), np.bincount(fold, weight, 6)
        prior = (sums.sum() - sums) / (sizes.sum() - sizes)
        encoding = ((total.sum(1, keepdims=True) - total + smoothing * prior) /
                    (count.sum(1, keepdims=True) - count + smoothing))
        value = encoding[self.code, fold[self.row]]
        return np.bincount(self.row, value, len(self.length)) / self.length


def synthetic_columns(path):
    with TableFile(path) as table:
        columns = {name: table.numbers(name) for name in [*recipe.NUMBERS, "popularity"]}
        group = table.columns["artists"]
        artists = Listed(group["codes"][()].astype(np.int64), group["length"][()].astype(np.int64))
        genre = table.columns["track_genre"]["value"][()].astype(np.int64)
        ids = table.columns["track_id"]["bytes"][()].reshape(len(genre), -1)
    return columns, artists, Listed(genre, np.ones(len(genre), np.int64)), ids


def synthetic_matrix(path):
    """Features, target, and which rows may be trained on: all of a track's or none."""
    columns, artists, genre, ids = synthetic_columns(path)
    y = columns.pop("popularity")
    words = np.zeros((len(ids), 24), np.uint8)
    words[:, :ids.shape[1]] = ids[:, :24]
    mixed = (words.view(np.uint64) * np.array([[3, 5, 7]], np.uint64)).sum(1)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xbf58476d1ce4e5b9) >> np.uint64(40)
    train = mixed % np.uint64(20) != 0
    fold = np.where(train, np.random.default_rng(1).integers(0, 5, len(y)), 5)
    columns["energy_dance_ratio"] = columns["energy"] / np.maximum(columns["danceability"], 0.05)
    columns["acoustic_electronic_spectrum"] = (0.4 * columns["energy"] + 0.3 *
                                               columns["danceability"] -
                                               0.3 * columns["acousticness"] + 0.3)
    columns["artists_frequency"] = artists.frequency(train)
    columns["track_genre_target"] = genre.target(train, y, fold)
    columns["artists_target"] = artists.target(train, y, fold)
    x = np.empty((len(y), len(FEATURES)), np.float32)
    for j, name in enumerate(FEATURES):
        x[:, j] = columns.pop(name)
    return x, y, train


def synthetic(segue, rows, most=SYNTHETIC_MOST):
    path = STORE / f"synthetic-{rows}.h5"
    if path.exists():
        return path
    config = write_config("synthetic", {"name": "synthetic", "seed": 7, "stages": {
        "tracks": {"kind": "synthesize", "rows": int(most * 1.06) + 1000}}})
    with Run(segue, config) as run:
        x, y, train = synthetic_matrix(run.path / "stages" / "tracks.h5")
    order = np.random.default_rng(2).permutation(len(y))
    chosen, other = order[train[order]][:most], order[~train[order]][:SYNTHETIC_TEST]
    test = (x[other], {"popularity": y[other], "popular": popular(y[other])})
    for n in sorted({rows, most, 1_000_000}):
        part = chosen[:n]
        store(STORE / f"synthetic-{n}.h5",
              {"train": (x[part], {"popularity": y[part], "popular": popular(y[part])}),
               "test": test}, {"popularity": 0, "popular": 2})
    return path


class Data:
    """A stored file, read whole."""

    def __init__(self, path, target):
        with h5py.File(path, "r", locking=False) as file:
            self.x, self.test_x = file["train/x"][()], file["test/x"][()]
            self.y, self.test_y = file[f"train/{target}"][()], file[f"test/{target}"][()]
            self.classes = int(file[f"train/{target}"].attrs["classes"])


class Truth:
    """The targets of a stored file's test rows."""

    def __init__(self, path, target):
        with h5py.File(path, "r", locking=False) as file:
            self.y = file[f"test/{target}"][()]
            self.classes = int(file[f"test/{target}"].attrs["classes"])


def rows_of(path):
    """Training rows of a stored file."""
    with h5py.File(path, "r", locking=False) as file:
        return file["train/x"].shape[0]


# ---- judging ----

def loss_of(truth, prediction, classes):
    """RMSE or mean log loss, and AUC of two classes."""
    if not classes:
        return {"loss": float(np.sqrt(np.mean((prediction - truth) ** 2)))}
    tiny = 1e-15
    if prediction.ndim == 1:
        prediction = np.stack([1 - prediction, prediction], axis=1)
    chosen = prediction[np.arange(len(truth)), truth.astype(int)]
    out = {"loss": float(-np.log(np.clip(chosen, tiny, 1)).mean()),
           "brier": float(np.mean((prediction - np.eye(classes)[truth.astype(int)]) ** 2))}
    if classes == 2:
        out["auc"] = float(roc_auc_score(truth, prediction[:, 1]))
    return out
