"""Who took part in a piece of work, what it took, and the tables of it."""
import statistics

from bench_parts import median_text, short, verdict
from trees_work import MILLION

EQUAL = 1.005  # mean test loss beside Segue's
GOALS = {"gbdt": 1.5, "forest": 1.5}
AGAINST_SKLEARN = 10
PREDICTION = 2
BEHIND = 2.5  # times the seconds of the fastest
BEHIND_LARGE = 1.6  # the same for what takes minutes
HOPELESS, LEAST_PATIENCE = 12, 20  # times Segue's seconds, and seconds to begin and to predict


class Entry:
    """Results of one engine at one piece of work: one of `trees` trees and, where seconds are
    extrapolated, one of `few`, a round."""

    def __init__(self, label, work, shape=True, slow=False):
        self.label, self.work, self.shape = label, work, shape
        self.proportional = slow and work.few > 0
        self.results, self.fewer, self.trouble = [], [], ""

    def take(self, measure):
        """measure(trees): the result."""
        work = self.work
        few = measure(work.few) if work.few else None
        result = few if self.proportional else measure(work.trees)
        for found in (few, result):
            if found and ("over" in found or "failed" in found):
                over = found.get("over")
                self.trouble = f"more than {over:.0f} s" if over else f"failed: {found['failed']}"
                return
        self.results.append(result)
        self.fewer.append(few)

    def seconds(self):
        """Of the whole number of trees, for each round."""
        work, out = self.work, []
        for result, few in zip(self.results, self.fewer):
            if self.proportional:
                out.append(result["fit"] * work.whole / work.few)
            elif few:
                tree = (result["fit"] - few["fit"]) / (work.trees - work.few)
                out.append(few["fit"] + max(tree, 0) * (work.whole - work.few))
            else:
                out.append(result["fit"])
        return out

    def spent(self):
        return sum(result["fit"] for result in [*self.results, *filter(None, self.fewer)])

    def median(self):
        return statistics.median(self.seconds())

    def mean(self, key, fewer=False):
        return statistics.mean(result[key] for result in (self.fewer if fewer else self.results))

    def middle(self, key):
        found = [result[key] for result in self.results if result.get(key) is not None]
        return statistics.median(found) if found else None


class Contest:
    """before: the same work at the next smaller size; who was far behind there is left out."""

    def __init__(self, work, before=None):
        self.work, self.before, self.complete = work, before, False
        self.ours = Entry("Segue", work)
        self.peers = {peer: Entry(peer.label, work, peer.shape, peer.slow) for peer in work.peers}

    def round(self, measurer, seed, most):
        """Segue and every peer, in turns; after the first round those that matter."""
        work, predict = self.work, not self.work.few
        chosen = self.first() if not self.ours.results else self.contenders(most)
        self.ours.take(lambda trees: measurer.segue_result(work, trees, seed))
        for peer in chosen:
            limit = None if peer.slow or not self.ours.results else self.patience()
            self.peers[peer].take(lambda trees, peer=peer, limit=limit: measurer.peer_result(
                work, peer, trees, seed, predict=predict, limit=limit))
        self.complete = True

    def patience(self):
        """Seconds after which a peer is far too slow to be the fastest."""
        return LEAST_PATIENCE + HOPELESS * self.ours.results[-1]["fit"]

    def first(self):
        """Who takes part in the first round."""
        if not self.before or not self.before.complete:
            return list(self.peers)
        large = self.work.size > MILLION
        near = {peer.label for peer in self.before.contenders(BEHIND_LARGE if large else BEHIND)}
        return [peer for peer in self.peers if peer.label in near or (peer.slow and not large)]

    def worth(self, most):
        """Seconds that another round takes, about."""
        chosen = [self.ours, *(self.peers[peer] for peer in self.contenders(most))]
        return 1.3 * sum(entry.spent() / max(len(entry.results), 1) + 4 for entry in chosen)

    def loss(self, entry):
        """An engine's loss as a multiple of ours, of as many trees."""
        ours = self.ours.mean("loss", fewer=entry.proportional)
        return entry.mean("loss") / ours

    def equal(self, entry):
        return self.loss(entry) <= EQUAL

    def measured(self):
        return {peer: entry for peer, entry in self.peers.items() if entry.results}

    def families(self):
        """The fastest way of each library, by speed."""
        best = {}
        for peer, entry in self.measured().items():
            if peer.family not in best or entry.median() < best[peer.family].median():
                best[peer.family] = entry
        return dict(sorted(best.items(), key=lambda item: item[1].median()))

    def fastest(self):
        equal = [entry for entry in self.measured().values() if self.equal(entry)]
        return min(equal, key=lambda entry: entry.median()) if equal else None

    def contenders(self, most):
        """Who may be the fastest of its library and is near the fastest of all."""
        fastest = self.fastest()
        if not fastest:
            return list(self.measured())
        near = {id(entry) for entry in self.families().values()
                if entry.median() <= most * fastest.median()}
        near.add(id(fastest))
        return [peer for peer, entry in self.peers.items() if id(entry) in near]


# ---- the first table ----

def headline(table, contest):
    work, ours = contest.work, contest.ours
    goal = GOALS[work.model["kind"]]
    if not ours.results:
        table.missing(work.title, goal, ours.trouble or "the time budget ended")
        return
    if not contest.complete:
        table.missing(work.title, goal, "the time budget ended before all peers were measured")
        return
    about = "" if not work.few else f" (from {work.trees} of {work.whole} trees)"
    fastest = contest.fastest()
    if fastest:
        table.faster(f"{work.title}{about}, to {fastest.label}", ours.seconds(), fastest.seconds(),
                     goal)
    else:
        table.missing(f"{work.title}{about}", goal, "no peer of equal quality was measured")
    sklearn = next((entry for peer, entry in contest.peers.items() if peer.name == "sklearn"), None)
    if sklearn and sklearn.results and sklearn is not fastest:
        table.faster(f"{work.title}{about}, to {sklearn.label}", ours.seconds(), sklearn.seconds(),
                     AGAINST_SKLEARN)
    elif sklearn and sklearn.trouble:
        table.row("", "", f"{work.title}, to {sklearn.label}", "", sklearn.trouble)


def rate(value):
    return f"{value / 1e6:.3g} M rows/s" if value >= 1e6 else f"{value / 1e3:.3g} k rows/s"


def predictions(table, contest):
    """Batch prediction and one row, of the models of the whole number of trees."""
    ours = contest.ours
    if contest.work.few or not ours.results or contest.work.target != "popularity":
        return
    mine = ours.middle("predict_rate")
    rivals = [entry for entry in contest.measured().values() if entry.middle("predict_rate")]
    same = [entry for entry in rivals if entry.shape]
    for chosen, goal in ((same, PREDICTION), ([e for e in rivals if not e.shape], None)):
        if not chosen:
            continue
        best = max(chosen, key=lambda entry: entry.middle("predict_rate"))
        theirs = best.middle("predict_rate")
        ratio = mine / theirs
        text = f"**{ratio:.2g}**" if goal else f"{ratio:.2g}"
        other = "" if goal else " (trees of another shape)"
        table.row(text, verdict(goal, ratio / goal) if goal else "",
                  f"predicting in batch: {contest.work.title}, to {best.label}{other}", rate(mine),
                  rate(theirs))
    if same:
        best = min(same, key=lambda entry: entry.middle("single"))
        table.row(f"{best.middle('single') / ours.middle('single'):.2g}", "",
                  f"predicting one row: {contest.work.title}, to {best.label}",
                  short_time(ours.middle("single")), short_time(best.middle("single")))


# ---- everybody ----

def short_time(seconds):
    return f"{seconds * 1e6:.3g} us" if seconds < 1e-3 else short(seconds)


def megabytes(value):
    return "" if value is None else f"{value / 1e6:.{0 if value > 1e7 else 1}f} MB"


def quality(ratio):
    if 1 / EQUAL <= ratio <= EQUAL:
        return "equal"
    return f"{100 * abs(ratio - 1):.1f} % {'worse' if ratio > 1 else 'better'}"


def line(contest, entry):
    work, ours = contest.work, contest.ours
    mine = entry is ours
    ratio = "" if mine else f"{entry.median() / ours.median():.2g}"
    construct = entry.middle("construct")
    speed, single = entry.middle("predict_rate"), entry.middle("single")
    size = None if work.few else entry.middle("model_bytes")
    loss = f"{entry.mean('loss'):.4f}"
    if entry.proportional:
        loss += f" of {work.few} trees"
    memory = entry.middle("peak_bytes") - entry.middle("loaded_bytes")
    cells = [ratio, entry.label, median_text(entry.seconds()),
             "" if construct is None else short(construct), loss,
             "" if mine else quality(contest.loss(entry)), megabytes(memory), megabytes(size),
             rate(speed) if speed and not work.few else "",
             short_time(single) if single and not work.few else ""]
    return f"| {' | '.join(cells)} |"


def details(contest):
    """All engines at a piece of work, Segue first, then by speed."""
    work, ours = contest.work, contest.ours
    if not ours.results:
        return f"{work.title}: not measured."
    loss = "RMSE" if work.target == "popularity" else "log loss"
    few = f"; {work.trees} trees grown" if work.few else ""
    out = [f"**{work.title}, {work.whole} trees{few}**", "",
           f"| times Segue's | engine | seconds | of them, its data set | {loss} | quality | "
           "memory beyond the data | model | prediction | one row |",
           "|---:|---|---|---|---|---|---|---|---|---|", line(contest, ours)]
    out += [line(contest, entry) for entry in contest.families().values()]
    for entry in contest.peers.values():
        if entry.trouble and not entry.results:
            out.append(f"| | {entry.label} | {entry.trouble} | | | | | | | |")
    return "\n".join(out)
