#!/usr/bin/env python3
"""Part of scripts/bench-search: Optuna's samplers on the functions of bench_search.c.

  search_optuna.py tpe|gp SEEDS     a line "FUNCTION SEED BEST16 BEST32 BEST64" for each"""
import math
import sys
import warnings

import numpy as np
import optuna

warnings.filterwarnings("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
A = np.array([[10, 3, 17, 3.5, 1.7, 8], [.05, 10, 17, .1, 8, 14], [3, 3.5, 1.7, 10, 17, 8],
              [17, 8, .05, 10, .1, 14]])
Q = 1e-4 * np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
                     [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])
ALPHA = np.array([1, 1.2, 3, 3.2])


def branin(trial):
    x, y = trial.suggest_float("x", -5, 10), trial.suggest_float("y", 0, 15)
    return ((y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6)**2
            + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10)


def hartmann6(trial):
    x = np.array([trial.suggest_float(f"x{j}", 0, 1) for j in range(6)])
    return -float((ALPHA * np.exp(-(A * (x - Q)**2).sum(1))).sum())


def mixed(trial):
    rate = math.log10(trial.suggest_float("rate", 1e-3, 1, log=True)) + 1.2
    size = math.log2(trial.suggest_int("size", 2, 256, log=True)) - 5
    share = trial.suggest_float("share", .1, 1) - .6
    category = trial.suggest_categorical("category", [0, 1, 2, 3])
    switch = trial.suggest_categorical("switch", [False, True])
    loss = .5 * rate**2 + .1 * size**2 + .6 * share**2 + .15 * rate * size
    return loss + [.3, 0, .15, .4][category] + (.05 * size + .1 if switch else .08 * rate + .2)


def conditional(trial):
    if trial.suggest_categorical("kind", [0, 1]) == 0:
        return (.3 + (math.log10(trial.suggest_float("a", 1e-5, 1, log=True)) + 2)**2
                + .5 * (trial.suggest_float("b", 0, 1) - .3)**2)
    return (.1 + 2 * (trial.suggest_float("c", 0, 1) - .8)**2
            + .02 * abs(trial.suggest_int("d", 1, 40) - 12)
            + .2 * (trial.suggest_float("e", 0, 1) - .2)**2)


def main():
    for function in (branin, hartmann6, mixed, conditional):
        for seed in range(int(sys.argv[2])):
            sampler = (optuna.samplers.GPSampler(seed=seed) if sys.argv[1] == "gp"
                       else optuna.samplers.TPESampler(seed=seed))
            study = optuna.create_study(sampler=sampler)
            study.optimize(function, n_trials=64)
            best = np.minimum.accumulate([t.value for t in study.trials])
            print(function.__name__, seed, best[15], best[31], best[63], flush=True)


main()
