"""What the benchmark of trees measures: work (data, target, model), and who does it."""
from dataclasses import dataclass, field

GBDT = {"kind": "gbdt", "learning_rate": 0.1, "min_samples_leaf": 1}
LEAF_WISE = GBDT | {"growth": "leaf_wise", "max_leaves": 255}
DEPTH_WISE = GBDT | {"growth": "depth_wise", "max_leaves": None, "max_depth": 8}
FOREST = {"kind": "forest", "oob": False}
# A leaf of about twenty rows: of squared error each counts 1, of log loss p (1 - p).
WEIGHT = {"popularity": 20, "popular": 3, "genre": 3}


@dataclass(frozen=True)
class Peer:
    """One way to do the work; those of a family differ in settings that change no result's kind."""
    family: str
    label: str
    name: str
    more: dict = field(default_factory=dict, hash=False)
    shape: bool = True  # does it grow trees of the same shape?
    slow: bool = False  # where work is extrapolated, it grows the few trees only


QUANTISED = {"use_quantized_grad": True}
RENEWED = QUANTISED | {"quant_train_renew_leaf": True}
XGBOOST = Peer("XGBoost", "XGBoost hist", "xgboost")
HISTOGRAM = Peer("scikit-learn", "scikit-learn HistGradientBoosting", "hist")


def lightgbm(label, more):
    return Peer(label, label, "lightgbm", more)


# Left to itself LightGBM tries once which way of building is faster.
LIGHTGBM = [lightgbm("LightGBM", {}), lightgbm("LightGBM quantised", QUANTISED),
            lightgbm("LightGBM quantised, leaves renewed", RENEWED)]
FORCED = [Peer(peer.family, f"{peer.label}, {way}-wise", "lightgbm",
               peer.more | {f"force_{way}_wise": True})
          for peer in LIGHTGBM for way in ("row", "col")]
SYMMETRIC = Peer("CatBoost", "CatBoost, symmetric trees of depth 8", "catboost", shape=False)
LOSSGUIDE = Peer("CatBoost Lossguide", "CatBoost Lossguide", "catboost",
                 {"grow_policy": "Lossguide"})
DEPTHWISE = Peer("CatBoost Depthwise", "CatBoost Depthwise", "catboost",
                 {"grow_policy": "Depthwise", "min_data_in_leaf": 20})
LEAF_PEERS = [XGBOOST, *LIGHTGBM, HISTOGRAM, SYMMETRIC, LOSSGUIDE]
ALL_WAYS = [*LEAF_PEERS, *FORCED]
DEPTH_PEERS = [XGBOOST, *LIGHTGBM, HISTOGRAM, SYMMETRIC, DEPTHWISE]

SKLEARN = Peer("scikit-learn", "scikit-learn RandomForest", "sklearn", slow=True)
INTELEX = Peer("scikit-learn-intelex", "scikit-learn-intelex RandomForest", "sklearnex")
FOREST_PEERS = [SKLEARN, INTELEX, Peer("LightGBM", "LightGBM rf", "lightgbm"),
                Peer("XGBoost", "XGBoost rf", "xgboost")]


@dataclass(frozen=True)
class Work:
    """trees: grown in the measurement, few: in a shorter one before, of whole: seconds of `whole`
    trees are those of few and the rest in proportion. whole = trees: nothing is extrapolated."""
    name: str
    title: str
    size: int  # training rows; 0: the tracks
    target: str
    model: dict = field(hash=False)
    peers: list = field(hash=False)
    whole: int
    trees: int
    few: int = 0
    limit: float = 90  # seconds of one measurement; who takes longer is told so
    songs: bool = False  # the 32k songs instead of the tracks
    anew: bool = False  # each seed divides the recordings anew

    def settings(self, trees):
        out = dict(self.model, trees=trees)
        if out["kind"] == "gbdt":
            out["min_child_weight"] = WEIGHT[self.target]
        return out

    @property
    def base(self):
        """Its name without the size."""
        return self.name.rsplit("-", 1)[0]

    @property
    def forest(self):
        return self.model["kind"] == "forest"


def sizes(name, title, target, model, peers, large):
    """The same work on the tracks, and on 1 and 5 million rows with fewer trees."""
    whole = 100 if model["kind"] == "forest" else 300
    out = [Work(f"{name}-tracks", f"{title}, the 114k tracks", 0, target, model, peers, whole,
                whole)]
    for rows, (trees, few) in large.items():
        out.append(Work(f"{name}-{rows}", f"{title}, {rows // 1000000} million rows", rows, target,
                        model, peers, whole, trees, few, limit=90 + rows / 25000))
    return out


MILLION = 1_000_000
BOOSTED = {MILLION: (40, 4), 5 * MILLION: (12, 2)}
GROWN = {MILLION: (8, 2), 5 * MILLION: (4, 2)}
WORK = sorted([
    *sizes("gbdt-leaf", "gbdt, 255 leaves", "popularity", LEAF_WISE, ALL_WAYS, BOOSTED),
    *sizes("gbdt-leaf-binary", "gbdt, 255 leaves, popular or not", "popular", LEAF_WISE, LEAF_PEERS,
           {MILLION: (40, 4)}),
    *sizes("gbdt-depth", "gbdt, depth 8", "popularity", DEPTH_WISE, DEPTH_PEERS, BOOSTED),
    *sizes("gbdt-depth-binary", "gbdt, depth 8, popular or not", "popular", DEPTH_WISE, DEPTH_PEERS,
           {}),
    *sizes("forest-all", "forest, all features", "popularity", FOREST | {"max_features": "all"},
           FOREST_PEERS, GROWN),
    *sizes("forest-sqrt", "forest, square root of the features", "popularity",
           FOREST | {"max_features": "sqrt"}, FOREST_PEERS, GROWN),
], key=lambda work: work.size)
