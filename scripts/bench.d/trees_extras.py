"""What is printed beside the contests: ranks against ranks, one core against one, cost by rows, where
the time goes, and the floor."""
import re
import subprocess

from bench_parts import median_text, note, short, verdict
from segue_runs import RANKS
from trees_data import FEATURES, rows_of
from trees_profile import ORDER
from trees_tables import Entry
from trees_work import MILLION

SPEEDUP = 1.85  # of two ranks over one, at a million rows
GROWTH = 1.1    # cost per row and tree that still counts as flat
SCALED = ("gbdt-leaf-1000000", "gbdt-depth-1000000", "forest-all-1000000")
ALONE = ("gbdt-leaf-tracks", "gbdt-leaf-1000000", "forest-all-tracks")
PROFILED = ("gbdt-leaf-tracks", "gbdt-leaf-1000000", "gbdt-depth-1000000", "forest-all-tracks",
            "forest-all-1000000")
CODES_AND_SUMS = 32  # bytes of a row that a histogram needs: 24 of codes, 8 of sums


def ways_to_spread(segue, kind):
    """The words of the option `spread`, None where there is none."""
    text = subprocess.run([segue, "stages", kind], capture_output=True, text=True,
                          check=True).stdout
    found = re.search(r"^  spread\b(.*?)(?:;|\n  \w)", text, re.MULTILINE | re.DOTALL)
    words = re.findall(r'"(\w+)"', found.group(1)) if found else []
    return [word for word in words if word != "auto"] or [None]


class Extras:
    """Measurements beside the contests; each is kept as soon as it is made."""

    def __init__(self, measurer, contests):
        self.measurer, self.contests = measurer, contests
        self.scaled, self.alone, self.parts, self.probe = [], [], {}, None
        self.measured = False

    def measure_once(self, seeds):
        if self.measured:
            return
        self.measured = True
        for measure in (self.floor, self.scale, self.profile, self.single):
            measure(seeds)

    def fair(self, names):
        return [self.contests[name] for name in names
                if name in self.contests and self.contests[name].ours.results]

    def floor(self, _):
        self.probe = self.measurer.probe()

    def scale(self, seeds):
        for contest in self.fair(SCALED):
            work = contest.work
            beside = Entry("Segue", work)
            for seed in seeds:
                note(f"{work.title}, {RANKS} runs of one rank side by side")
                beside.take(lambda trees, seed=seed:
                            self.measurer.side_by_side(work, trees, seed))
            for spread in ways_to_spread(self.measurer.segue, work.model["kind"]):
                more = {"spread": spread} if spread else {}
                entries = {ranks: Entry("Segue", work) for ranks in (1, RANKS)}
                for seed in seeds:
                    for ranks, entry in entries.items():
                        note(f"{work.title}, {ranks} ranks, spread {spread}")
                        entry.take(lambda trees, ranks=ranks, seed=seed, more=more:
                                   self.measurer.segue_result(work, trees, seed, ranks, more))
                if all(entry.results for entry in (*entries.values(), beside)):
                    self.scaled.append((work, spread, entries, beside))

    def profile(self, _):
        for contest in self.fair(PROFILED):
            work = contest.work
            note(f"{work.title}, profile")
            result = self.measurer.segue_result(work, work.trees, 1, profile=True)
            if result.get("parts"):
                self.parts[work.name] = (work, result)

    def single(self, _):
        for contest in self.fair(ALONE):
            work, fastest = contest.work, contest.fastest()
            if not fastest:
                continue
            peer = next(peer for peer, entry in contest.peers.items() if entry is fastest)
            ours, theirs = Entry("Segue", work), Entry(peer.label, work, slow=peer.slow)
            note(f"{work.title}, one rank beside one thread")
            ours.take(lambda trees, work=work: self.measurer.segue_result(work, trees, 1, 1))
            theirs.take(lambda trees, work=work, peer=peer: self.measurer.peer_result(
                work, peer, trees, 1, threads=1, predict=False))
            if ours.results and theirs.results:
                self.alone.append((work, ours, theirs))

    # ---- rows of the first table ----

    def rows(self, table):
        for work, spread, entries, beside in self.scaled:
            one, two = entries[1], entries[RANKS]
            ratio, most = one.median() / two.median(), RANKS * one.median() / beside.median()
            way = f", spread by {spread}" if spread else ""
            limit = f"; two runs of one rank side by side: {most:.3g}"
            table.row(f"**{ratio:.3g}**", verdict(SPEEDUP, ratio / SPEEDUP),
                      f"two ranks to one: {work.title}{way}{limit}", median_text(two.seconds()),
                      f"{median_text(one.seconds())} (Segue, 1 rank)")
        for work, ours, theirs in self.alone:
            table.row(f"{theirs.median() / ours.median():.2g}", "",
                      f"one rank to one thread: {work.title}, to {theirs.label}",
                      median_text(ours.seconds()), median_text(theirs.seconds()))
        for base in ("gbdt-leaf", "gbdt-depth", "forest-all", "forest-sqrt"):
            self.cost(table, base)

    def cost(self, table, base):
        names = [f"{base}-{size}" for size in ("tracks", MILLION, 5 * MILLION)]
        contests = self.fair(names)
        if len(contests) < 2 or contests[0].work.size:
            return
        cost = [contest.ours.median() / contest.work.whole / rows_of(self.measurer.path(contest.work))
                for contest in contests]
        growth = max(cost) / cost[0]
        text = ", ".join(f"{1e9 * value:.3g} ns" for value in cost)
        goal = "" if contests[0].work.forest else verdict("flat", GROWTH / growth)
        table.row(f"{1 / growth:.2g}", goal,
                  f"cost per row and tree, {contests[0].work.title.rsplit(',', 1)[0]}: the tracks, "
                  "then 1 and 5 million rows", text, "")

    # ---- tables of their own ----

    def text(self):
        return "\n\n".join(part for part in (self.profile_text(), self.floor_text()) if part)

    def profile_text(self):
        """Seconds per part of training: a sample of where ranks are, times the seconds."""
        if not self.parts:
            return ""
        shown = [part for part in ORDER
                 if any(part in result["parts"] for _, result in self.parts.values())]
        out = ["**Seconds per part of training**, by sampling both ranks; waiting counts as "
               "communication", "", f"| work | seconds | {' | '.join(shown)} |",
               f"|---|---|{'---|' * len(shown)}"]
        for work, result in self.parts.values():
            cells = [short(result["parts"].get(part, 0) * result["fit"]) for part in shown]
            out.append(f"| {work.title}, {work.trees} trees | {short(result['fit'])} | "
                       f"{' | '.join(cells)} |")
        return "\n".join(out)

    def floor_text(self):
        if not self.probe or "updates" not in self.probe:
            return ""
        updates, gathers = self.probe["updates"], self.probe["gathers"]
        out = [f"**The floor of histograms.** Two cores of this machine do {updates / 1e9:.2g} thousand "
               f"million packed updates a second, read {self.probe['stream'] / 1e9:.3g} GB/s in order "
               f"and fetch {gathers / 1e6:.3g} million rows of {CODES_AND_SUMS} bytes a second from all "
               "over memory.", "",
               "| work | updates | at that rate | rows fetched | at that rate | training | share of the "
               "floor in it |", "|---|---|---|---|---|---|---|"]
        for contest in self.contests.values():
            work = contest.work
            if work.forest or not contest.ours.results:
                continue
            rows = contest.ours.middle("rows_a_tree") * work.whole
            count = rows * len(FEATURES)
            floor = max(count / updates, rows / gathers)
            out.append(f"| {work.title}, {work.whole} trees | {count / 1e9:.3g}e9 | "
                       f"{short(count / updates)} | {rows / 1e6:.3g}e6 | {short(rows / gathers)} | "
                       f"{short(contest.ours.median())} | {floor / contest.ours.median():.2g} |")
        return "\n".join(out) if len(out) > 4 else ""
