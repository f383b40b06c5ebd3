"""Train one peer on one stored matrix and print, as JSON, its seconds, losses, memory and rates:

    python trees_peers.py '{"peer": "lightgbm", "data": FILE, "target": NAME, "model": {...}, ...}'

model is Segue's, as in a config; every peer gets the same settings where it has them. Training is
from arrays in memory; what a peer needs to make of them first (DMatrix, Dataset, Pool) is told
apart. Peers get single-precision arrays, which is what they are fastest with."""
import json
import math
import os
import pickle
import sys
import time
import warnings

import limits

TASK = json.loads(sys.argv[1])
limits.limit_threads(TASK.get("threads", limits.THREADS))
THREADS = TASK.get("threads", limits.THREADS)
warnings.filterwarnings("ignore")

import numpy as np

from trees_data import Data, loss_of

PREDICTED = 100_000
PREDICTIONS = 5
SINGLES = 200


class Timed:
    """What was trained, and how it is asked: each way of prediction takes rows."""

    def __init__(self, construct, train, model, ways, size):
        self.construct, self.train, self.model = construct, train, model
        self.ways, self.size = ways, size


def clock(work):
    begun = time.perf_counter()
    result = work()
    return time.perf_counter() - begun, result


def second_column(values):
    return values[:, 1] if values.ndim == 2 and values.shape[1] == 2 else values


# ---- boosting ----

def xgboost_parameters(model, classes, seed):
    objective = {0: "reg:squarederror", 2: "binary:logistic"}.get(classes, "multi:softprob")
    out = {"objective": objective, "tree_method": "hist", "max_bin": 255, "nthread": THREADS,
           "eta": model["learning_rate"], "lambda": 1, "min_child_weight": model["min_child_weight"],
           "seed": seed, "verbosity": 0}
    if classes > 2:
        out["num_class"] = classes
    if model["growth"] == "leaf_wise":
        out |= {"grow_policy": "lossguide", "max_leaves": model["max_leaves"], "max_depth": 0}
    else:
        out |= {"grow_policy": "depthwise", "max_depth": model["max_depth"], "max_leaves": 0}
    return out


def xgboost_ways(booster):
    import xgboost
    return {"inplace_predict": booster.inplace_predict,
            "predict(DMatrix)": lambda x: booster.predict(xgboost.DMatrix(x, nthread=THREADS))}


def xgboost_gbdt(data, model, seed, _):
    import xgboost
    out = xgboost_parameters(model, data.classes, seed)
    construct, matrix = clock(lambda: xgboost.QuantileDMatrix(data.x, data.y, max_bin=255,
                                                              nthread=THREADS))
    train, booster = clock(lambda: xgboost.train(out, matrix, model["trees"]))
    booster.set_param({"nthread": THREADS})
    return Timed(construct, train, booster, xgboost_ways(booster),
                 lambda: len(booster.save_raw("ubj")))


def lightgbm_train(data, settings, rounds):
    import lightgbm
    settings = settings | {"num_threads": THREADS, "verbose": -1}
    construct, matrix = clock(lambda: lightgbm.Dataset(data.x, data.y,
                                                       params=settings).construct())
    train, booster = clock(lambda: lightgbm.train(settings, matrix, rounds))
    ways = {"predict": lambda x: booster.predict(x, num_threads=THREADS)}
    return Timed(construct, train, booster, ways, lambda: len(booster.model_to_string()))


def lightgbm_gbdt(data, model, seed, more):
    objective = {0: "regression", 2: "binary"}.get(data.classes, "multiclass")
    settings = {"objective": objective, "learning_rate": model["learning_rate"], "max_bin": 255,
                "lambda_l2": 1, "min_data_in_leaf": 1, "seed": seed, "feature_pre_filter": False,
                "min_sum_hessian_in_leaf": model["min_child_weight"]} | more
    if data.classes > 2:
        settings["num_class"] = data.classes
    if model["growth"] == "leaf_wise":
        settings |= {"num_leaves": model["max_leaves"], "max_depth": -1}
    else:
        settings |= {"num_leaves": 2 ** model["max_depth"], "max_depth": model["max_depth"]}
    return lightgbm_train(data, settings, model["trees"])


def catboost_gbdt(data, model, seed, more):
    import catboost
    kind = catboost.CatBoostClassifier if data.classes else catboost.CatBoostRegressor
    # Its fastest way to regular trees; symmetric ones are its own shape.
    settings = {"iterations": model["trees"], "learning_rate": model["learning_rate"],
                "border_count": 254, "l2_leaf_reg": 1, "thread_count": THREADS,
                "random_seed": seed, "verbose": 0, "allow_writing_files": False} | more
    if settings.get("grow_policy") == "Lossguide":
        settings |= {"max_leaves": model["max_leaves"], "min_data_in_leaf": 20}
        settings.setdefault("depth", 16)
    else:
        settings["depth"] = model.get("max_depth") or 8
    target = data.y.astype(int) if data.classes else data.y
    construct, pool = clock(lambda: catboost.Pool(data.x, target, thread_count=THREADS))
    train, booster = clock(lambda: kind(**settings).fit(pool))
    form = "Probability" if data.classes else "RawFormulaVal"
    ways = {"predict": lambda x: booster.predict(x, prediction_type=form, thread_count=THREADS)}

    def size():
        path = f"/tmp/catboost-{os.getpid()}.cbm"
        booster.save_model(path)
        found = os.path.getsize(path)
        os.unlink(path)
        return found
    return Timed(construct, train, booster, ways, size)


def sklearn_ways(model, classes):
    return {"predict": model.predict_proba if classes else model.predict}


def histogram_gbdt(data, model, seed, _):
    from sklearn.ensemble import (HistGradientBoostingClassifier, HistGradientBoostingRegressor)
    kind = HistGradientBoostingClassifier if data.classes else HistGradientBoostingRegressor
    leaf_wise = model["growth"] == "leaf_wise"
    out = kind(learning_rate=model["learning_rate"], max_iter=model["trees"], max_bins=255,
               max_leaf_nodes=model["max_leaves"] if leaf_wise else None,
               max_depth=None if leaf_wise else model["max_depth"], min_samples_leaf=20,
               l2_regularization=1, early_stopping=False, random_state=seed)
    train, _ = clock(lambda: out.fit(data.x, data.y))
    return Timed(None, train, out, sklearn_ways(out, data.classes), lambda: len(pickle.dumps(out)))


# ---- forests ----

def share_of(model, d):
    words = {"all": d, "sqrt": int(math.sqrt(d)), "auto": d}
    wanted = model["max_features"]
    return (words[wanted] if wanted in words else max(int(wanted * d), 1)) / d


def fit_forest(kinds, data, model, seed, more):
    kind = kinds[1] if data.classes else kinds[0]
    features = max(round(share_of(model, data.x.shape[1]) * data.x.shape[1]), 1)
    out = kind(model["trees"], max_features=features, n_jobs=THREADS, random_state=seed,
               min_samples_leaf=model.get("min_samples_leaf", 1), **more)
    train, _ = clock(lambda: out.fit(data.x, data.y))
    return Timed(None, train, out, sklearn_ways(out, data.classes), lambda: len(pickle.dumps(out)))


def sklearn_forest(data, model, seed, more):
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    return fit_forest((RandomForestRegressor, RandomForestClassifier), data, model, seed, more)


def intelex_forest(data, model, seed, more):
    from sklearnex.ensemble import RandomForestClassifier, RandomForestRegressor
    more = {"max_bins": 255, "min_bin_size": 1} | more
    return fit_forest((RandomForestRegressor, RandomForestClassifier), data, model, seed, more)


def lightgbm_forest(data, model, seed, more):
    """Samples are drawn without replacement, of the size that one with it has distinct rows of."""
    settings = {"objective": "binary" if data.classes else "regression", "boosting": "rf",
                "bagging_freq": 1, "bagging_fraction": 0.632, "num_leaves": 131072,
                "min_data_in_leaf": 1, "min_sum_hessian_in_leaf": 0, "max_bin": 255, "seed": seed,
                "feature_fraction_bynode": share_of(model, data.x.shape[1]), "lambda_l2": 0,
                "feature_pre_filter": False, "histogram_pool_size": 1024} | more
    return lightgbm_train(data, settings, model["trees"])


def xgboost_forest(data, model, seed, _):
    import xgboost
    out = {"objective": "binary:logistic" if data.classes else "reg:squarederror",
           "tree_method": "hist", "max_bin": 255, "nthread": THREADS, "eta": 1, "lambda": 0,
           "min_child_weight": 0, "subsample": 0.632, "max_depth": 0, "grow_policy": "depthwise",
           "colsample_bynode": share_of(model, data.x.shape[1]), "seed": seed, "verbosity": 0,
           "num_parallel_tree": model["trees"]}
    construct, matrix = clock(lambda: xgboost.QuantileDMatrix(data.x, data.y, max_bin=255,
                                                              nthread=THREADS))
    train, booster = clock(lambda: xgboost.train(out, matrix, 1))
    booster.set_param({"nthread": THREADS})
    return Timed(construct, train, booster, xgboost_ways(booster),
                 lambda: len(booster.save_raw("ubj")))


ENGINES = {("gbdt", "xgboost"): xgboost_gbdt, ("gbdt", "lightgbm"): lightgbm_gbdt,
           ("gbdt", "catboost"): catboost_gbdt, ("gbdt", "hist"): histogram_gbdt,
           ("forest", "sklearn"): sklearn_forest, ("forest", "sklearnex"): intelex_forest,
           ("forest", "lightgbm"): lightgbm_forest, ("forest", "xgboost"): xgboost_forest}


# ---- measuring ----

def peak_bytes():
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


def peak_forget():
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def rate(ways, x):
    """Rows a second of the fastest way, and which it is."""
    n = max(len(x), PREDICTED)
    many = np.ascontiguousarray(np.resize(x, (n, x.shape[1])))
    found = {}
    for name, way in ways.items():
        seconds = [clock(lambda: way(many))[0]]
        while len(seconds) < PREDICTIONS and sum(seconds) < 2:
            seconds.append(clock(lambda: way(many))[0])
        found[name] = n / min(seconds)
    best = max(found, key=found.get)
    return found[best], best


def single(ways, x):
    """Median seconds of one row, by the faster way."""
    fastest = math.inf
    for way in ways.values():
        took, begun = [], time.perf_counter()
        for k in range(SINGLES):
            took.append(clock(lambda: way(x[k:k + 1]))[0])
            if time.perf_counter() - begun > 1:
                break
        fastest = min(fastest, sorted(took)[len(took) // 2])
    return fastest


def main():
    data = Data(TASK["data"], TASK["target"])
    engine = ENGINES[TASK["model"]["kind"], TASK["peer"]]
    peak_forget()
    loaded = peak_bytes()
    timed = engine(data, TASK["model"], TASK["seed"], TASK.get("more", {}))
    peak = peak_bytes()
    first = next(iter(timed.ways.values()))
    prediction = second_column(np.asarray(first(data.test_x)))
    out = {"fit": (timed.construct or 0) + timed.train, "construct": timed.construct,
           "loaded_bytes": loaded, "peak_bytes": peak, "model_bytes": timed.size()}
    out |= loss_of(data.test_y, prediction, data.classes)
    if TASK.get("predict", True):
        out["predict_rate"], out["predict_way"] = rate(timed.ways, data.test_x)
        out["single"] = single(timed.ways, data.test_x)
    print(json.dumps(out))


if __name__ == "__main__":
    main()
