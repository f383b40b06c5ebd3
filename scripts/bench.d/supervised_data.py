"""Rows that linear models and resampling are measured on, made once in .bench/data from the 114k
tracks: numbers standardised, genres one-hot where the target is not the genre."""
import os

import numpy as np
import pandas as pd

from segue_runs import TOP

STORE = TOP / ".bench" / "data"
NUMBERS = ["duration_ms", "danceability", "energy", "key", "loudness", "mode", "speechiness",
           "acousticness", "instrumentalness", "liveness", "valence", "tempo", "time_signature"]
POPULAR = 71
# name -> (target, with one-hot genres)
FILES = {"popularity": ("popularity", True), "hit": ("hit", True), "hit_numbers": ("hit", False),
         "genre": ("genre", False)}


def write(path, x, y, classes):
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    with unfinished.open("wb") as file:
        np.array([*x.shape, classes], np.int64).tofile(file)
        np.ascontiguousarray(x, np.float64).tofile(file)
        np.asarray(y, np.float64).tofile(file)
    os.replace(unfinished, path)


def read(path):
    shape = np.fromfile(path, np.int64, 3)
    n, d, classes = (int(extent) for extent in shape)
    values = np.fromfile(path, np.float64, offset=24)
    return values[:n * d].reshape(n, d), values[n * d:], classes


def make(data, name):
    path = STORE / f"supervised-{name}.bin"
    if path.exists():
        return path
    table = pd.read_csv(data / "spotify_tracks_114k.csv").dropna(subset=NUMBERS)
    x = table[NUMBERS].to_numpy(float)
    x = (x - x.mean(0)) / x.std(0)
    target, one_hot = FILES[name]
    codes, words = pd.factorize(table["track_genre"], sort=True)
    if one_hot:
        x = np.hstack([x, np.eye(len(words))[codes][:, 1:]])
    popularity = table["popularity"].to_numpy(float)
    y, classes = {"popularity": (popularity, 0), "hit": (popularity > POPULAR, 2),
                  "genre": (codes, len(words))}[target]
    write(path, x, y, classes)
    return path
