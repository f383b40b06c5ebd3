"""The scores that tuning goes by."""
import numpy as np
from sklearn.metrics import average_precision_score


def score_of(truth, prediction, hit):
    """Average precision of hits, RMSE of numbers."""
    if hit:
        return float(average_precision_score(truth, prediction))
    return float(np.sqrt(np.mean((prediction - truth) ** 2)))
