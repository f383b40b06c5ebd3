"""configs/spotify.json in pandas and scikit-learn, two threads: the same steps, the same settings.

    python spotify_sklearn.py FILE FOLDER

Writes models and predictions to FOLDER and prints, as JSON, the seconds of each stage of the config
and the scores. Imports are not counted. Everything is vectorised; nothing is done that the config
does not ask for, and these are left out although Segue does them: storing the tables between the
stages, a hash and a checksum of everything stored, SHAP values of 1,000 rows of the boosted trees,
their importance by gain, the HTML report.

The scores are near Segue's, not equal: the two divide the recordings by other random numbers."""
import json
import sys
import time
from pathlib import Path

from limits import THREADS, limit_threads

limit_threads()

import joblib
import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.ensemble import (HistGradientBoostingRegressor, RandomForestClassifier,
                              RandomForestRegressor)
from sklearn.metrics import (average_precision_score, precision_recall_fscore_support,
                             roc_auc_score)
from sklearn.model_selection import StratifiedKFold, train_test_split

SEED = 7
REPLICATES = 200
HIGH = 71
IMPOSSIBLE_ZERO = ["tempo", "time_signature", "duration_ms", "danceability"]
AUDIO = ["duration_ms", "danceability", "energy", "loudness", "speechiness", "acousticness",
         "instrumentalness", "liveness", "valence", "tempo"]
NUMBERS = ["duration_ms", "explicit", "danceability", "energy", "key", "loudness", "mode",
           "speechiness", "acousticness", "instrumentalness", "liveness", "valence", "tempo",
           "time_signature"]
COLUMNS = ["track_id", "artists", "track_name", "popularity", "track_genre", *NUMBERS]


class Clock:
    """Seconds of each part, in order."""

    def __init__(self):
        self.parts = {}
        self.begun = self.last = time.perf_counter()

    def part(self, name):
        now = time.perf_counter()
        self.parts[name] = self.parts.get(name, 0) + now - self.last
        self.last = now


# ---- read, clean, split ----

def read(path):
    return pd.read_csv(path, usecols=COLUMNS, dtype={"track_genre": "category"})


def components(table):
    """Number of the recording of each row: rows that share any key, also through other rows."""
    artists = table["artists"].str.split(";").map(lambda names: ";".join(sorted(set(names))))
    keys = [[table["track_id"]], [artists, table["track_name"]], [table[c] for c in AUDIO]]
    rows, columns, width = [], [], 0
    for key in keys:
        frame = pd.concat(key, axis=1)
        number = frame.groupby(list(frame.columns), sort=False).ngroup()
        number = number.fillna(-1).to_numpy(np.int64)
        known = np.flatnonzero(number >= 0)  # a key with a missing value says nothing
        rows.append(known)
        columns.append(number[known] + width)
        width += int(number.max()) + 1
    rows, columns = np.concatenate(rows), np.concatenate(columns) + len(table)
    n = len(table) + width
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(n, n))
    return connected_components(graph, directed=False)[1][:len(table)]


def genre_sets(table):
    """The genres of each recording, as lists; agg(list) would take seconds."""
    pairs = table[["recording", "track_genre"]].drop_duplicates()
    pairs = pairs.sort_values("recording", kind="stable")
    number, words = pairs["recording"].to_numpy(), pairs["track_genre"].astype(object).tolist()
    begin = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    sets = [words[a:b] for a, b in zip(begin, np.r_[begin[1:], len(words)])]
    return pd.Series(sets, index=number[begin])


def clean(table):
    table = table.dropna(subset=["track_name", "artists"]).reset_index(drop=True)
    for column in IMPOSSIBLE_ZERO:
        table[column] = table[column].where(table[column] != 0)
    table["recording"] = components(table)
    by = table.groupby("recording", sort=False)
    merged = by.first()
    merged["popularity"] = by["popularity"].mean()
    merged["track_genre"] = genre_sets(table).reindex(merged.index)
    merged["artists"] = merged["artists"].str.split(";")
    return merged.reset_index()


# ---- lists: rows of words, as flat arrays ----

class Words:
    """A list column: code and row of every word."""

    def __init__(self, column, names=None):
        flat = column.explode()
        self.n = len(column)
        self.row = np.repeat(np.arange(self.n), column.map(len).to_numpy())
        if names is None:
            self.code, self.names = pd.factorize(flat, sort=True)
        else:
            self.code, self.names = pd.Index(names).get_indexer(flat), names
        self.length = np.bincount(self.row, minlength=self.n)

    def mean(self, value_of_word, unknown):
        """Mean over the words of each row."""
        value = np.where(self.code >= 0, value_of_word[self.code], unknown)
        return np.bincount(self.row, value, self.n) / self.length


# ---- the recipe of `popularity` ----

def impute(train, test):
    """Medians by genre, of all where the genre has none; of several genres their mean."""
    words = Words(train["track_genre"])
    other = Words(test["track_genre"], words.names)
    for column in IMPOSSIBLE_ZERO:
        whole = train[column].median()
        values = pd.Series(train[column].to_numpy()[words.row])
        medians = values.groupby(words.code).median().reindex(range(len(words.names)))
        medians = medians.fillna(whole).to_numpy()
        train[column] = train[column].fillna(pd.Series(words.mean(medians, whole), train.index))
        test[column] = test[column].fillna(pd.Series(other.mean(medians, whole), test.index))


def derive(table):
    table["energy_dance_ratio"] = table["energy"] / table["danceability"].clip(lower=0.05)
    table["acoustic_electronic_spectrum"] = (0.4 * table["energy"] + 0.3 * table["danceability"] -
                                             0.3 * table["acousticness"] + 0.3)


def frequency_encode(train, test, column):
    words = Words(train[column])
    share = np.bincount(words.code, minlength=len(words.names)) / len(train)
    train[column + "_frequency"] = words.mean(share, 0)
    test[column + "_frequency"] = Words(test[column], words.names).mean(share, 0)


def target_encode(train, test, target, column, fold, smoothing=20):
    """Out of fold for training rows, with the prior of the same folds; TargetEncoder knows no
    lists."""
    words = Words(train[column])
    folds, k = int(fold.max()) + 1, len(words.names)
    cell = words.code * folds + fold[words.row]
    total = np.bincount(cell, target[words.row], k * folds).reshape(k, folds)
    count = np.bincount(cell, minlength=k * folds).reshape(k, folds)
    sums, sizes = np.bincount(fold, target, folds), np.bincount(fold, minlength=folds)
    prior = (sums.sum() - sums) / (sizes.sum() - sizes)
    rest = total.sum(1, keepdims=True) - total, count.sum(1, keepdims=True) - count
    encoding = (rest[0] + smoothing * prior) / (rest[1] + smoothing)
    value = encoding[words.code, fold[words.row]]
    train[column + "_target"] = np.bincount(words.row, value, words.n) / words.length
    mean = target.mean()
    whole = (total.sum(1) + smoothing * mean) / (count.sum(1) + smoothing)
    test[column + "_target"] = Words(test[column], words.names).mean(whole, mean)


def encoding_folds(train, target):
    """Five, balanced in the target; a recording is one row by now."""
    tenth = pd.qcut(target, 10, labels=False, duplicates="drop")
    fold = np.empty(len(train), np.int64)
    splitter = StratifiedKFold(5, shuffle=True, random_state=SEED)
    for f, (_, out) in enumerate(splitter.split(tenth, tenth)):
        fold[out] = f
    return fold


# ---- metrics ----

def interval(replicates):
    replicates = replicates[~np.isnan(replicates)]
    return np.percentile(replicates, [2.5, 97.5]).tolist() if len(replicates) else None


def poisson_weights(n):
    return np.random.default_rng(SEED).poisson(1, (REPLICATES, n)).astype(np.float64)


def regression_scores(truth, prediction):
    error = prediction - truth
    high, said = truth > HIGH, prediction > HIGH
    sums = np.stack([np.ones_like(truth), error ** 2, np.abs(error), error, truth, truth ** 2,
                     high, said, high & said], axis=1)

    def scores(s):
        n, squares, absolute, bias, total, total2, n_high, n_said, n_hit = np.moveaxis(s, -1, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            return {"rmse": np.sqrt(squares / n), "mae": absolute / n, "bias": bias / n,
                    "r2": 1 - squares / (total2 - total ** 2 / n), "high_recall": n_hit / n_high,
                    "high_precision": n_hit / n_said}
    whole = scores(sums.sum(0))
    replicates = scores(poisson_weights(len(truth)) @ sums)
    return {name: {"value": float(whole[name]), "interval": interval(replicates[name])}
            for name in whole}


def errors_by(words, truth, prediction):
    frame = pd.DataFrame({"word": words.code, "error": (prediction - truth)[words.row]})
    frame["square"], frame["absolute"] = frame["error"] ** 2, frame["error"].abs()
    return frame.groupby("word").mean()


def class_scores(listed, probability, classes):
    """A row counts under each of its words; one that is any of them is a hit once."""
    best = probability.argmax(1)
    order = np.argpartition(-probability, 2, axis=1)[:, :3]
    truth, row = listed.code, listed.row
    hit = best[row] == truth
    any_hit = np.bincount(row, hit, listed.n) > 0
    top = (order[row] == truth[:, None]).any(1)
    chosen = np.clip(probability[row, truth], 2.0 ** -52, 1)
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, best[row], labels=np.arange(len(classes)), zero_division=0)
    scores = {"accuracy": hit.mean(), "any_listed_accuracy": any_hit.mean(),
              "top_3_accuracy": top.mean(), "log_loss": -np.log(chosen).mean(),
              "precision_macro": precision.mean(), "balanced_accuracy": recall.mean(),
              "f1_macro": f1.mean()}
    one_hot = np.zeros((len(row), len(classes)), np.int8)
    one_hot[np.arange(len(row)), truth] = 1
    scores["auc"] = roc_auc_score(one_hot, probability[row], average="macro")
    scores["average_precision"] = average_precision_score(one_hot, probability[row])
    confusion = coo_matrix((np.ones(len(row)), (truth, best[row])),
                           shape=(len(classes),) * 2).toarray()
    weights = poisson_weights(listed.n)
    by_row = np.stack([np.bincount(row, value, listed.n) for value in
                       (np.ones(len(row)), hit, top, -np.log(chosen))] + [any_hit], axis=1)
    sums = weights @ by_row
    intervals = {name: interval(sums[:, k] / sums[:, 0]) for k, name in
                 ((1, "accuracy"), (2, "top_3_accuracy"), (3, "log_loss"))}
    intervals["any_listed_accuracy"] = interval(sums[:, 4] / weights.sum(1))

    def by_class(code, value):
        return weights @ csr_matrix((value, (row, code)), shape=(listed.n, len(classes)))
    n_class = by_class(truth, np.ones(len(row)))
    n_said = by_class(best[row], np.ones(len(row)))
    n_hit = by_class(truth, hit.astype(float))
    with np.errstate(divide="ignore", invalid="ignore"):
        intervals["balanced_accuracy"] = interval(np.nanmean(n_hit / n_class, axis=1))
        intervals["f1_macro"] = interval(np.nanmean(2 * n_hit / (n_class + n_said), axis=1))
    return ({name: {"value": float(value), "interval": intervals.get(name)}
             for name, value in scores.items()}, confusion)


# ---- the two train stages ----

FEATURES = [*NUMBERS, "energy_dance_ratio", "acoustic_electronic_spectrum", "artists_frequency",
            "track_genre_target", "artists_target"]


def popularity_recipe(train, test, target):
    train, test = train.copy(), test.copy()
    impute(train, test)
    derive(train)
    derive(test)
    frequency_encode(train, test, "artists")
    fold = encoding_folds(train, target)
    for column in ("track_genre", "artists"):
        target_encode(train, test, target, column, fold)
    return train, test


def popularity_stage(name, model, train, test, folder, clock):
    """Fit, measure and store a model; returns the fitted model and its scores."""
    target, truth = train["popularity"].to_numpy(float), test["popularity"].to_numpy(float)
    train, test = popularity_recipe(train, test, target)
    clock.part(f"{name}: recipe")
    model.fit(train[FEATURES].to_numpy(np.float32), target)
    importance = getattr(model, "feature_importances_", None)
    clock.part(f"{name}: fit")
    prediction = model.predict(test[FEATURES].to_numpy(np.float32))
    scores = regression_scores(truth, prediction)
    errors_by(Words(test["track_genre"]), truth, prediction)
    regression_scores(truth, np.full(len(truth), target.mean()))
    clock.part(f"{name}: measure")
    joblib.dump(model, folder / f"{name}.joblib")
    pd.DataFrame({"popularity": truth, "prediction": prediction}).to_parquet(
        folder / f"{name}.parquet")
    clock.part(f"{name}: store")
    return {"test": scores, "importance": None if importance is None else
            dict(zip(FEATURES, importance.tolist()))}


def popularity(train, test, folder, clock):
    model = RandomForestRegressor(100, min_samples_leaf=2, max_features=0.4, oob_score=True,
                                  n_jobs=THREADS, random_state=SEED)
    return popularity_stage("popularity", model, train, test, folder, clock)


def popularity_gbdt(train, test, folder, clock):
    model = HistGradientBoostingRegressor(max_iter=200, learning_rate=0.06, max_leaf_nodes=63,
                                          max_features=0.5, l2_regularization=1,
                                          min_samples_leaf=20, early_stopping=False,
                                          random_state=SEED)
    return popularity_stage("popularity_gbdt", model, train, test, folder, clock)


def genre(train, test, folder, clock):
    features = [*NUMBERS, "popularity"]
    words = Words(train["track_genre"])
    x = train[features].to_numpy(np.float32)[words.row]
    clock.part("genre: recipe")
    model = RandomForestClassifier(50, max_depth=15, oob_score=True, n_jobs=THREADS,
                                   random_state=SEED)
    model.fit(x, words.code)
    importance = model.feature_importances_
    clock.part("genre: fit")
    probability = model.predict_proba(test[features].to_numpy(np.float32))
    listed = Words(test["track_genre"], words.names)
    scores, confusion = class_scores(listed, probability, words.names)
    share = np.bincount(words.code, minlength=len(words.names)) / len(words.code)
    class_scores(listed, np.tile(share, (len(test), 1)), words.names)
    clock.part("genre: measure")
    joblib.dump(model, folder / "genre.joblib")
    pd.DataFrame({"prediction": words.names[probability.argmax(1)],
                  "probability": probability.max(1)}).to_parquet(folder / "genre.parquet")
    clock.part("genre: store")
    return {"oob_accuracy": float(model.oob_score_), "test": scores,
            "importance": dict(zip(features, importance.tolist())),
            "confused": int(confusion.sum() - np.trace(confusion))}


def main():
    path, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    table = read(path)
    clock.part("tracks")
    cleaned = clean(table)
    clock.part("clean")
    train, test = train_test_split(cleaned, test_size=0.25, random_state=SEED)
    clock.part("split")
    report = {"rows": len(cleaned), "popularity": popularity(train, test, folder, clock),
              "popularity_gbdt": popularity_gbdt(train, test, folder, clock),
              "genre": genre(train, test, folder, clock)}
    (folder / "report.json").write_text(json.dumps(report))
    clock.part("report")
    json.dump({"seconds": clock.last - clock.begun, "parts": clock.parts, "rows": len(cleaned),
               "rmse": report["popularity"]["test"]["rmse"]["value"],
               "boosted": report["popularity_gbdt"]["test"]["rmse"]["value"],
               "accuracy": report["genre"]["test"]["accuracy"]["value"]}, sys.stdout)


if __name__ == "__main__":
    main()
