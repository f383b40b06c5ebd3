#!/usr/bin/env python3
"""The house is in order: includes go one way and in no circle, every config passes `segue check`, and
the README's list of kinds is the one that segue prints."""
import re
import sys

from support import SOURCE, check, finish, segue

# What the files of a folder may include besides their own folder.
NUMERIC = {"kernels/base"}
TABLE = NUMERIC | {"kernels/numeric"}
ABOVE_TABLE = TABLE | {"kernels/table"}
ALLOWED = {
    "kernels/base": set(),
    "kernels/numeric": NUMERIC,
    "kernels/table": TABLE,
    "kernels": ABOVE_TABLE,  # model.h, constant.c
    "kernels/search": TABLE,
    "kernels/dataset": ABOVE_TABLE,
    "kernels/measure": ABOVE_TABLE,
    "kernels/calibrate": ABOVE_TABLE | {"kernels/measure"},
    "kernels/neighbors": ABOVE_TABLE,
    "kernels/embed": ABOVE_TABLE | {"kernels/neighbors"},
    "kernels/cluster": ABOVE_TABLE | {"kernels/neighbors"},
    "kernels/prepare": ABOVE_TABLE | {"kernels/embed", "kernels/cluster", "kernels/neighbors"},
    "kernels/tree": ABOVE_TABLE | {"kernels"},
    "kernels/linear": ABOVE_TABLE | {"kernels"},
    "kernels/resample": ABOVE_TABLE | {"kernels", "kernels/neighbors"},
    "kernels/study": ABOVE_TABLE | {"kernels", "kernels/dataset", "kernels/prepare",
                                    "kernels/resample",
                                    "kernels/measure", "kernels/calibrate",
                                    "kernels/search"},
    "kernels/audit": ABOVE_TABLE | {"kernels", "kernels/dataset", "kernels/prepare",
                                    "kernels/measure", "kernels/resample", "kernels/study"},
    "io": ABOVE_TABLE,
    "pipeline": None,  # anything
    "pipeline/stages": None,
}


def included(path):
    """Files of ours that a file includes, relative to the checkout."""
    for name in re.findall(r'^#include "([^"]+)"', path.read_text(), re.M):
        beside = path.parent / name
        found = beside if beside.exists() else SOURCE / name
        check(found.exists(), f"{path}: #include \"{name}\" is not there")
        if found.exists():
            yield found.resolve()


def arrows(files):
    for path in files:
        folder = str(path.parent.relative_to(SOURCE))
        allowed = ALLOWED.get(folder, "?")
        if not check(allowed != "?", f"{path}: tests/end_to_end/test_house.py does not know {folder}"):
            continue
        for target in included(path):
            other = str(target.parent.relative_to(SOURCE.resolve()))
            if allowed is not None and other != folder:
                check(other in allowed, f"{path.relative_to(SOURCE)} includes {other}/{target.name}: "
                                        "that arrow goes the wrong way")
            if folder != "pipeline" and folder != "pipeline/stages":
                check(not other.startswith("pipeline"), f"{path} includes pipeline")


def circles(files):
    graph = {path.resolve(): list(included(path)) for path in files}
    state = {}

    def visit(path, way):
        if state.get(path) == "closed":
            return
        if not check(state.get(path) != "open",
                     "includes in a circle: " + " -> ".join(p.name for p in [*way, path])):
            return
        state[path] = "open"
        for target in graph.get(path, []):
            visit(target, [*way, path])
        state[path] = "closed"

    for path in graph:
        visit(path, [])


def configs():
    folder = SOURCE / "configs"
    for path in sorted([*folder.glob("*.json"), *folder.glob("published/*.json")]):
        done = segue("check", path, cwd=SOURCE)
        check(done.returncode == 0, f"segue check {path.name}: {done.stderr}")


def readme():
    text = (SOURCE / "README.md").read_text()
    match = re.search(r"<!-- stages:begin -->\n(.*?)<!-- stages:end -->", text, re.S)
    if check(match, "README.md has no list of kinds"):
        listed = segue("stages", "--markdown").stdout
        check(match.group(1).strip() == listed.strip(),
              "README.md's list of kinds is old: put the output of `segue stages --markdown` there")


def main():
    if "--write" in sys.argv:  # bring the README's list up to date
        path = SOURCE / "README.md"
        listed = segue("stages", "--markdown").stdout.strip()
        path.write_text(re.sub(r"(<!-- stages:begin -->\n).*?(<!-- stages:end -->)",
                               lambda m: f"{m.group(1)}{listed}\n{m.group(2)}", path.read_text(),
                               flags=re.S))
    files = [path for folder in ("kernels", "io", "pipeline")
             for path in sorted((SOURCE / folder).rglob("*.[ch]"))]
    check(len(files) > 50, "the sources are there")
    arrows(files)
    circles(files)
    configs()
    readme()
    finish("house")


main()
