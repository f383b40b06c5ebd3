#!/usr/bin/env python3
"""Part of scripts/bench-search: how far each sampler is from the least value, as a Markdown table.

  search_table.py NAME=FILE...     files of bench_search and search_optuna.py"""
import collections
import statistics
import sys

LEAST = {"branin": 0.39788735772973816, "hartmann6": -3.322368011415515, "mixed": 0.09299,
         "conditional": 0.1}


def main():
    print("| function | sampler | seeds | after 16 | after 32 | after 64 |\n|---|---|---:|---:|---:|---:|")
    found = {}
    for word in sys.argv[1:]:
        name, path = word.split("=", 1)
        found[name] = collections.defaultdict(list)
        for line in open(path):
            function, _, *best = line.split()
            found[name][function].append([float(v) - LEAST[function] for v in best])
    for function in LEAST:
        for name, results in found.items():
            if not results[function]:
                continue
            medians = [statistics.median(column) for column in zip(*results[function])]
            cells = " | ".join(f"{max(m, 0):.2g}" for m in medians)
            print(f"| {function} | {name} | {len(results[function])} | {cells} |")


main()
