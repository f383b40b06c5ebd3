#!/usr/bin/env python3
"""Make prepare.csv: generated rows and what pandas and scikit-learn make of them.

Needs numpy, pandas and scikit-learn (made with 2.4.6, 3.1.1 and 1.9.1); run by hand after a change:
    python tests/oracle/make_prepare.py > tests/oracle/prepare.csv

Lines: row,PART,FOLD,X,Y,K,GENRE,ARTISTS,RELEASE,TARGET,CLASS   empty: missing; lists joined by "|";
                                                              RELEASE as YYYYMMDD
       case,NAME            of the test, which knows the step and its options
       value,FEATURE,...    of that case: the training rows, then the other rows; empty: missing
       folds,NAME,...       encodings of the training rows out of the folds given above, with
                            the prior of the same folds; smoothing as in the case
Steps are fitted on the training rows (PART train) and applied to all.
"""
import sys

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (MinMaxScaler, MultiLabelBinarizer, OneHotEncoder, RobustScaler,
                                   StandardScaler, TargetEncoder)

TRAIN, OTHERS, FOLDS, SMOOTHING = 90, 30, 4, 7.5


def cell(value):
    if value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NaT:
        return ""
    if isinstance(value, (float, np.floating)):
        return repr(round(float(value), 13)) if value != int(value) else str(int(value))
    return str(value)


def line(*cells):
    print(",".join(cell(c) for c in cells))


def generate():
    rng = np.random.default_rng(20240607)
    n = TRAIN + OTHERS
    genres = np.array(["rock", "pop", "jazz", "folk", "k-pop"])
    genre = genres[rng.choice(5, n, p=[.35, .3, .2, .1, .05])].astype(object)
    names = np.array(["Ada", "Bo", "Cy", "Dee", "Émile", "Fay", "Gil"])
    artists = [list(rng.permutation(names)[:rng.choice([1, 1, 2, 3])]) for _ in range(n)]
    x = np.round(rng.normal(100, 30, n), 3)
    x[rng.random(n) < .2] = np.nan
    y = np.round(rng.choice([0, .25, .5, .75], n) + (rng.random(n) < .5) * rng.random(n), 2)
    k = rng.integers(0, 6, n).astype(float)
    k[rng.random(n) < .15] = np.nan
    days = pd.to_datetime("1958-03-01") + pd.to_timedelta(rng.integers(0, 24000, n), "D")
    release = pd.Series(days)
    release[rng.random(n) < .1] = pd.NaT
    target = np.round(20 + 10 * (genre == "pop") + 5 * np.nan_to_num(k) + rng.normal(0, 8, n), 1)
    frame = pd.DataFrame({"x": x, "y": y, "k": k, "genre": genre, "artists": artists,
                          "release": release, "target": target,
                          "label": rng.integers(0, 4, n), "fold": rng.integers(0, FOLDS, n)})
    frame.loc[frame.sample(8, random_state=3).index, "genre"] = None
    frame.loc[TRAIN, "genre"] = "unseen"
    frame.at[TRAIN + 1, "artists"] = ["New", "Ada"]
    frame.at[TRAIN + 2, "artists"] = ["New"]
    frame.at[3, "artists"] = None
    frame.at[TRAIN + 3, "artists"] = None
    return frame


def write_rows(frame):
    for i, r in frame.iterrows():
        date = "" if pd.isna(r.release) else r.release.strftime("%Y%m%d")
        line("row", "train" if i < TRAIN else "other", r.fold, r.x, r.y, r.k, r.genre,
             "" if r.artists is None else "|".join(r.artists), date, r.target, r.label)


def value(name, values):
    line("value", name, *[float(v) for v in np.asarray(values, dtype=float)])


def impute(frame, train):
    for method, strategy in [("mean", "mean"), ("median", "median"), ("most_frequent",) * 2]:
        line("case", "impute_" + method)
        imputer = SimpleImputer(strategy=strategy).fit(train[["x", "k"]].to_numpy())
        filled = imputer.transform(frame[["x", "k"]].to_numpy())
        value("x", filled[:, 0])
        value("k", filled[:, 1])
    for method in ["mean", "median"]:
        line("case", f"impute_{method}_by_genre")
        for column in ["x", "k"]:
            groups = train.groupby("genre")[column].agg(method)
            whole = train[column].agg(method)
            value(column, frame[column].fillna(frame.genre.map(groups)).fillna(whole))
    line("case", "impute_median_by_artists")
    groups = train.explode("artists").groupby("artists").x.median()
    whole = train.x.median()
    known = [np.mean([groups.get(a, whole) for a in words]) if words else whole
             for words in frame.artists]
    value("x", frame.x.fillna(pd.Series(known)))
    value("x_missing", frame.x.isna())


def numbers(frame, train):
    for name, scaler in [("standard", StandardScaler()), ("min_max", MinMaxScaler()),
                         ("robust", RobustScaler())]:
        line("case", "scale_" + name)
        columns = make_column_transformer((scaler, ["x", "y", "k"])).fit(train)
        scaled = columns.transform(frame)
        for j, column in enumerate(["x", "y", "k"]):
            value(column, scaled[:, j])
    line("case", "log")
    value("y", np.log1p(frame.y))
    line("case", "ratio")
    value("q", frame.x / np.maximum(frame.y.where(frame.y != 0), .05))
    line("case", "blend")
    value("q", .4 * frame.x + .3 * frame.k + .3 * (1 - frame.y))
    line("case", "date_part")
    dates = frame.release.dt
    for part, values in [("year", dates.year), ("decade", dates.year // 10 * 10),
                         ("month", dates.month), ("day", dates.day), ("weekday", dates.day_of_week),
                         ("days", (frame.release - pd.Timestamp("1970-01-01")).dt.days)]:
        value("release_" + part, values)


def words(frame, train):
    line("case", "one_hot")
    hot = OneHotEncoder(handle_unknown="ignore").fit(train[["genre"]].dropna())
    ones = hot.transform(frame[["genre"]].fillna("")).toarray()
    for j, word in enumerate(hot.categories_[0]):
        value("genre=" + word, ones[:, j])
    binary = MultiLabelBinarizer().fit(train.artists.dropna())
    kept = [[w for w in (words or []) if w in binary.classes_] for words in frame.artists]
    ones = binary.transform(kept)
    for j, word in enumerate(binary.classes_):
        value("artists=" + word, ones[:, j])
    line("case", "frequency")
    shares = train.genre.value_counts() / len(train)
    value("genre_frequency", frame.genre.map(shares).fillna(0))
    shares = train.artists.explode().value_counts() / len(train)
    value("artists_frequency", [np.mean([shares.get(w, 0) for w in words]) if words else 0
                                for words in frame.artists])


def encode_lists(fit, prior, column, lists):
    """Mean over the words of smoothed means, less the mean of all rows; `fit` holds one row per row
    and word."""
    groups = fit.groupby("artists")[column].agg(["sum", "count"])
    values = (groups["sum"] + SMOOTHING * prior) / (groups["count"] + SMOOTHING)
    return [np.mean([values.get(w, prior) - prior for w in words]) if words else 0
            for words in lists]


def out_of_fold(train, column):
    out = pd.Series(np.nan, train.index)
    for f in range(FOLDS):
        fit = train[train.fold != f]
        rows = train[train.fold == f]
        out[rows.index] = encode_lists(fit.explode("artists"), fit[column].mean(), column,
                                       rows.artists)
    return out


def targets(frame, train):
    exploded = train.explode("artists")
    line("case", "target")
    # Rows without a genre count in the mean of all rows: a word of their own stands for them, and
    # another one, never seen, where encodings are asked for.
    encoder = TargetEncoder(smooth=SMOOTHING, target_type="continuous")
    encoder.fit(train[["genre"]].fillna("(none)"), train.target)
    encoded = pd.Series(encoder.transform(frame[["genre"]].fillna("(unknown)"))[:, 0])
    assert train.genre.isna().any() and abs(encoder.target_mean_ - train.target.mean()) < 1e-9
    value("genre_target", encoded[TRAIN:] - train.target.mean())
    value("artists_target", encode_lists(exploded, train.target.mean(), "target",
                                         frame.artists[TRAIN:]))
    line("folds", "target", *map(float, out_of_fold(train, "target")))
    line("case", "target_binary")
    binary = train.assign(label=(train.label == 1) * 1.0)
    value("artists_target", encode_lists(binary.explode("artists"), binary.label.mean(), "label",
                                         frame.artists[TRAIN:]))
    line("folds", "target_binary", *map(float, out_of_fold(binary, "label")))
    line("case", "target_classes")
    encoder = TargetEncoder(smooth=SMOOTHING, target_type="multiclass")
    encoder.fit(train[["genre"]].fillna("(none)"), train.label)
    encoded = encoder.transform(frame[["genre"]].fillna("(unknown)"))
    for c in range(4):
        value(f"genre_target_{c}", encoded[TRAIN:, c] - (train.label == c).mean())


def main():
    frame = generate()
    train = frame[:TRAIN]
    write_rows(frame)
    impute(frame, train)
    numbers(frame, train)
    words(frame, train)
    targets(frame, train)


if __name__ == "__main__":
    sys.exit(main())
