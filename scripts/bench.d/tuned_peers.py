"""One peer, tuned by Optuna's TPE: python tuned_peers.py TASK PREDICTIONS, see tuned.py.

TASK is JSON: peer, data (a file of trees_data), target, above, folds (the file of each training row's
fold), trials, seed. Writes the test rows' predictions as doubles, prints the best score of the folds
and the seconds."""
import json
import sys
import time
from pathlib import Path

from limits import THREADS, limit_threads

limit_threads()

import h5py
import numpy as np
import optuna

from tuned_score import score_of

ROUNDS = 300


def lightgbm(trial, hit):
    import lightgbm as lgb
    settings = {"n_estimators": ROUNDS, "learning_rate": trial.suggest_float("rate", .01, .3, log=True),
                "num_leaves": trial.suggest_int("leaves", 8, 255, log=True),
                "min_child_samples": trial.suggest_int("leaf", 5, 200, log=True),
                "colsample_bytree": trial.suggest_float("columns", .2, 1),
                "reg_lambda": trial.suggest_float("l2", 1e-3, 30, log=True),
                "n_jobs": THREADS, "verbose": -1, "max_bin": 255}
    return (lgb.LGBMClassifier if hit else lgb.LGBMRegressor)(**settings)


def xgboost(trial, hit):
    import xgboost as xgb
    settings = {"n_estimators": ROUNDS, "learning_rate": trial.suggest_float("rate", .01, .3, log=True),
                "max_leaves": trial.suggest_int("leaves", 8, 255, log=True), "max_depth": 0,
                "grow_policy": "lossguide", "tree_method": "hist",
                "min_child_weight": trial.suggest_float("weight", .1, 100, log=True),
                "colsample_bytree": trial.suggest_float("columns", .2, 1),
                "reg_lambda": trial.suggest_float("l2", 1e-3, 30, log=True), "n_jobs": THREADS}
    return (xgb.XGBClassifier if hit else xgb.XGBRegressor)(**settings)


def sklearn(trial, hit):
    from sklearn import ensemble
    settings = {"max_iter": ROUNDS, "learning_rate": trial.suggest_float("rate", .01, .3, log=True),
                "max_leaf_nodes": trial.suggest_int("leaves", 8, 255, log=True),
                "min_samples_leaf": trial.suggest_int("leaf", 5, 200, log=True),
                "max_features": trial.suggest_float("columns", .2, 1),
                "l2_regularization": trial.suggest_float("l2", 1e-3, 30, log=True),
                "early_stopping": False}
    return (ensemble.HistGradientBoostingClassifier if hit else
            ensemble.HistGradientBoostingRegressor)(**settings)


PEERS = {"LightGBM": lightgbm, "XGBoost": xgboost, "scikit-learn": sklearn}


def predict(model, x, hit):
    return model.predict_proba(x)[:, 1] if hit else model.predict(x)


def main():
    task, out = json.loads(sys.argv[1]), Path(sys.argv[2])
    hit, make = task["above"] is not None, PEERS[task["peer"]]
    with h5py.File(task["data"], "r", locking=False) as file:
        x, test_x = file["train/x"][()], file["test/x"][()]
        y = file[f"train/{task['target']}"][()]
    y = (y > task["above"]).astype(int) if hit else y
    fold = np.fromfile(task["folds"], np.int64)

    def objective(trial):
        scores = []
        for f in range(fold.max() + 1):
            model = make(trial, hit).fit(x[fold != f], y[fold != f])
            scores.append(score_of(y[fold == f], predict(model, x[fold == f], hit), hit))
        return float(np.mean(scores))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    begun = time.monotonic()
    study = optuna.create_study(direction="maximize" if hit else "minimize",
                                sampler=optuna.samplers.TPESampler(seed=task["seed"]))
    study.optimize(objective, n_trials=task["trials"])
    model = make(study.best_trial, hit).fit(x, y)
    predict(model, test_x, hit).astype(np.float64).tofile(out)
    print(json.dumps({"best": study.best_value, "seconds": time.monotonic() - begun,
                      "settings": study.best_params}))


main()
