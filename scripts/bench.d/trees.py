"""The benchmark of trees; scripts/bench-trees starts it. Markdown on stdout, progress on stderr.

Each piece of work is done by Segue on two ranks and by every peer on two threads, one after the
other on the same two cores. In later rounds only those take part who may be the fastest. A round
that would not fit into the time budget is not begun."""
import argparse
import os
from pathlib import Path

from bench_parts import Budget, Table, facts, note, write_readme
from limits import limit_threads
from segue_runs import OutOfTime
from trees_extras import Extras
from trees_measure import LIBRARIES, Measurer
from trees_tables import Contest, details, headline, predictions
from trees_work import MILLION, WORK

CONTENDER = 1.6  # who needs more than so many times the seconds of the fastest is measured once
EXPLANATION = """Training is from the matrix in memory to the finished model, binning included; for
peers from a single-precision array, what they make of it first (Dataset, DMatrix, Pool) included. All
get the same rows, features and settings: 255 bins, learning rate 0.1, L2 1, at least about 20 rows in
a leaf (forests: 1). A ratio is to the fastest peer whose mean test loss is at most 0.5 % above
Segue's, so one that is better counts too; of the ways that a library has, the fastest counts.
Medians (least to greatest) of rounds in which Segue and its peers take turns. On 1 and 5 million
made-up rows fewer trees are grown and seconds go in proportion: the difference of two numbers of trees
gives the cost of one. Who was several times slower than the fastest is left out of later rounds and
larger sizes. Memory is what training needs beyond the data, summed over ranks."""


def report(contests, extras, machine):
    table = Table()
    for contest in contests:
        headline(table, contest)
    for contest in contests:
        predictions(table, contest)
    extras.rows(table)
    return "\n\n".join([table.text(), EXPLANATION, machine, "<details><summary>All engines, parts of "
                        "training, and the floor</summary>",
                        *(details(contest) for contest in contests), extras.text(), "</details>"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--segue", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--rounds", type=int, required=True)
    parser.add_argument("--prefix", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--readme", action="store_true")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    limit_threads()
    budget = Budget(options.minutes, options.rounds)
    measurer = Measurer(options.program, options.segue, options.data, options.prefix,
                        "trees.jsonl", options.resume, budget)
    works = [work for work in WORK if options.only in work.name and
             (work.size or options.data) and not (work.size and options.quick)]
    contests = {}
    for work in works:  # smaller ones come first
        before = [other for other in contests.values() if other.work.base == work.base]
        contests[work.name] = Contest(work, before[-1] if before else None)
    extras = Extras(measurer, contests)
    try:
        for number in range(options.rounds):
            for contest in contests.values():
                if number == 0 and contest.work.size > MILLION:
                    extras.measure_once(range(1, 3))  # before what may take all that is left
                if number == 0 or contest.worth(CONTENDER) < budget.left():
                    note(f"{contest.work.title}, round {number + 1} of at most {options.rounds}")
                    contest.round(measurer, number + 1, CONTENDER)
            if number == 0:
                extras.measure_once(range(1, 3))
    except OutOfTime:
        note("the time budget ended")
    text = report(contests.values(), extras, facts(options.segue, cores, LIBRARIES))
    print(text)
    if options.readme:
        write_readme(text, "bench-trees")


main()
