#!/usr/bin/env python3
"""Bad input: one clear message that names the place, the right exit status, on one and on three
ranks alike, no hang, and what was there before still whole."""
import json
import os
import shutil
import subprocess
import sys

from support import Folder, check, finish, hashes, segue, write_config

GOOD = "id,x,word,flag\n" + "".join(f"t{i},{i}.5,w{i % 3},{i % 2}\n" for i in range(40))
COLUMNS = {"id": "text", "x": "real", "word": "category", "flag": "boolean"}


def stages(path, columns=None, **options):
    return {"rows": {"kind": "read_csv", "path": str(path), "columns": columns or COLUMNS, **options},
            "split": {"kind": "split", "input": "rows"},
            "value": {"kind": "train", "input": "split", "target": "x", "features": ["flag"],
                      "group": None, "model": {"kind": "constant"}},
            "report": {"kind": "report"}}


def alike(what, words, status, parts, fresh=None):
    """Runs on 1 and 3 ranks: same exit status, same message, holding all parts.

    fresh: a folder that is removed before each run."""
    said = []
    for ranks in (1, 3):
        if fresh:
            shutil.rmtree(fresh, ignore_errors=True)
        done = segue(*words, ranks=ranks)
        lines = [line for line in done.stderr.splitlines() if "error:" in line]
        check(done.returncode == status, f"{what} on {ranks} ranks: exit {done.returncode}, not "
                                         f"{status}: {done.stderr}")
        check(len(lines) == 1, f"{what} on {ranks} ranks: not one message: {done.stderr!r}")
        said.append(lines[0] if lines else "")
        for part in parts:
            check(part in done.stderr, f"{what}: \"{part}\" is not in {done.stderr!r}")
    check(said[0] == said[1], f"{what}: messages differ:\n  {said[0]}\n  {said[1]}")


def files(folder):
    """Files that cannot be read as they are."""
    def case(name, content, parts, columns=None, **options):
        path = folder / f"{name}.csv"
        if content is not None:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        config = write_config(folder, stages(path, columns, **options))
        alike(name, ["run", config, "--quiet", "--run-dir", folder / "run"], 1,
              [f"{name}.csv", *parts])

    case("missing", None, ["No such file"])
    case("empty", "", ["empty"])
    case("no-column", GOOD.replace("word", "wort"), ["word", "wort"])
    case("few-fields", GOOD + "t99,1\n", [":42", "2"])
    case("many-fields", GOOD + "t99,1,w,0,5,6\n", [":42", "6"])
    case("open-quote", GOOD + '"t99,1,w,0\n', [":42", "quote"])
    case("no-number", GOOD + "t99,12o.5,w,0\n", [":42", '"x"', "12o.5"])
    case("no-boolean", GOOD + "t99,1,w,perhaps\n", [":42", '"flag"', "perhaps"])
    case("nul-byte", GOOD + "t\x0099,1,w,0\n", [":42", "NUL"])
    case("not-utf8", GOOD.encode() + b"t\xff,1,w,0\n", [":42", "UTF-8"])
    case("out-of-range", GOOD + "t99,1e999,w,0\n", [":42", "1e999"])
    case("long-line", GOOD + "t99," + "9" * (20 << 20) + ",w,0\n", [":42", "long"])
    (folder / "folder.csv").mkdir()
    config = write_config(folder, stages(folder / "folder.csv"))
    alike("folder", ["run", config, "--quiet", "--run-dir", folder / "run"], 1, ["folder"])


def one_gigabyte(folder):
    """A line of a gigabyte, sparse on disk: a message, and no gigabyte of memory."""
    path = folder / "huge.csv"
    with open(path, "wb") as out:
        out.write(GOOD.encode() + b"t99,")
        out.seek(1 << 30, os.SEEK_CUR)
        out.write(b",w,0\n")
    config = write_config(folder, stages(path))
    alike("huge", ["run", config, "--quiet", "--run-dir", folder / "run"], 1, ["huge.csv:42"])
    path.unlink()


def skipped_rows(folder):
    path = folder / "skip.csv"
    path.write_text(GOOD + "t99,1\nt98,12o.5,w,0\n" + "t97,3,w,1\n")
    config = write_config(folder, stages(path, on_bad_row="skip"))
    done = segue("run", config, "--quiet", "--run-dir", folder / "skip-run", ranks=3)
    check(done.returncode == 0, f"on_bad_row skip: {done.stderr}")
    report = (folder / "skip-run" / "report.json").read_text()
    check("skip.csv:42" in report, "the report shows the first skipped rows")


def degenerate(folder):
    """Odd but legitimate data runs through."""
    def case(name, content, columns=None, target="x", model=None):
        path = folder / f"{name}.csv"
        path.write_text(content)
        plan = stages(path, columns)
        plan["value"]["target"] = target
        plan["value"]["model"] = model or {"kind": "forest", "trees": 3}
        config = write_config(folder, plan)
        found = []
        for ranks in (1, 3):
            run_dir = folder / f"{name}-{ranks}"
            done = segue("run", config, "--quiet", "--run-dir", run_dir, ranks=ranks)
            check(done.returncode == 0, f"{name} on {ranks} ranks: {done.stderr}")
            found.append(hashes(run_dir))
        check(found[0] == found[1], f"{name}: other results on 3 ranks")

    case("all-missing", "id,x,word,flag\n" + "".join(f"t{i},{i},w,\n" for i in range(30)))
    case("one-class", "id,x,word,flag\n" + "".join(f"t{i},{i},w,1\n" for i in range(30)),
         target="word")
    case("two-rows", "id,x,word,flag\nt0,1,w,0\nt1,2,v,1\n")


def nested(folder):
    """Stacks, calibration and thresholds that cannot be."""
    path = folder / "nested.csv"
    path.write_text(GOOD)
    one_class = folder / "one_class.csv"
    one_class.write_text("id,x,word,flag\n" + "".join(f"t{i},{i}.5,w{i % 3},1\n" for i in range(40)))
    adjust = {"input": "split", "model": "value", "folds": "folds"}

    def plan(rows, stage, target="flag", features=("x",)):
        made = stages(rows)
        made["folds"] = {"kind": "folds", "input": "split", "folds": 2}
        made["value"].update(target=target, features=list(features))
        made["last"] = stage
        return write_config(folder, made)

    def stack(**changes):
        return {"kind": "stack", "input": "split", "folds": "folds", "target": "x", "group": None,
                "features": ["flag"], "members": {"a": {"model": "linear"}}, "meta": "linear",
                **changes}

    def case(name, config, status, parts):
        alike(name, ["run", config, "--quiet", "--run-dir", folder / "run"], status, parts,
              fresh=folder / "run")

    case("calibrate-number", plan(path, {"kind": "calibrate", **adjust}, "x", ["flag"]), 2,
         ['/stages/last/model: it predicts "x", a real', "calibrated"])
    case("threshold-of-three", plan(path, {"kind": "threshold", **adjust}, "word"), 1,
         ['"word" has 3 classes; a decision threshold is for two'])
    case("calibrate-one-class", plan(one_class, {"kind": "calibrate", **adjust}), 1,
         ["all of one class", "stratified"])
    case("threshold-one-class", plan(one_class, {"kind": "threshold", **adjust}), 1,
         ["all of one class", "stratified"])
    case("free-costs", plan(path, {"kind": "threshold", **adjust, "goal": "cost",
                                   "cost_false_positive": 0, "cost_false_negative": 0}), 2,
         ["/stages/last/cost_false_positive", "both costs are 0"])
    case("level-gap", plan(path, stack(members={"a": {"model": "linear"},
                                                "b": {"model": "linear", "level": 3}})), 2,
         ["/stages/last/members/b/level: 3, but no member is of level 2"])
    case("no-members", plan(path, stack(members={})), 2, ["/stages/last/members", "at least one"])
    case("member-as-column", plan(path, stack(members={"word": {"model": "linear"}})), 2,
         ['/stages/last/members/word: its predictions would be called "word"'])
    case("member-of-classes", plan(path, stack(members={"a": {"model": "logistic"}})), 2,
         ["/stages/last/members/a/model", "logistic", "regression"])
    case("score-of-classes", plan(path, stack(score="auc")), 2, ["/stages/last/score", "auc"])
    case("member-column", plan(path, stack(members={"a": {"model": "linear",
                                                          "features": ["flagg"]}})), 2,
         ["/stages/last/members/a/features", '"flag"'])


def contradictions(folder):
    """What a config says against itself is told before data is read."""
    path = folder / "contradictions.csv"
    path.write_text(GOOD)

    def case(name, parts, **changes):
        plan = stages(path)
        plan["value"].update(changes)
        alike(name, ["check", write_config(folder, plan)], 2, parts)

    classes = {"target": "flag", "features": ["x", "word"], "model": {"kind": "gbdt"}}
    case("smote-category", ["/stages/value/resample: smote", '"word" is a category', "smote_nc"],
         **classes, resample={"kind": "smote"})
    case("adasyn-category", ["/stages/value/resample: adasyn", "smote_nc"],
         **classes, resample={"kind": "adasyn"})
    case("weights-number", ["/stages/value/model: class_weight", '"x" asks for a regression'],
         target="x", features=["flag"], model={"kind": "gbdt", "class_weight": "balanced"})
    case("positive-number", ["/stages/value/model: class_weight and positive_weight"],
         target="x", features=["flag"], model={"kind": "forest", "positive_weight": 3})


def whole_before(folder):
    """A failing run leaves the last complete one as it was."""
    path = folder / "data.csv"
    path.write_text(GOOD)
    config = write_config(folder, stages(path))
    run_dir = folder / "whole"
    check(segue("run", config, "--quiet", "--run-dir", run_dir).returncode == 0, "good run")
    want, report = hashes(run_dir), (run_dir / "report.html").read_bytes()
    path.write_text(GOOD + "t99,12o.5,w,0\n")
    check(segue("run", config, "--quiet", "--run-dir", run_dir, ranks=3).returncode == 1, "bad run")
    check((run_dir / "report.html").read_bytes() == report, "the report is as before")
    manifest = json.loads((run_dir / "manifest.json").read_text())
    check(manifest["state"] == "complete", "the manifest is that of the complete run")
    path.write_text(GOOD)
    done = segue("run", config, "--run-dir", run_dir)
    check(done.returncode == 0 and done.stderr.count("reused") == 3, f"all reused: {done.stderr}")
    check(hashes(run_dir) == want, "the artifacts are as before")

    # Truncated and foreign artifacts are made again.
    artifact = next(p for p in (run_dir / "stages").glob("rows-*.h5"))
    for damage in (artifact.read_bytes()[:artifact.stat().st_size // 2], b"not HDF5 at all"):
        artifact.write_bytes(damage)
        done = segue("run", config, "--quiet", "--run-dir", run_dir, "--force", "value", ranks=2)
        check(done.returncode == 0, f"damaged artifact: {done.stderr}")
        check(hashes(run_dir) == want, "results after a damaged artifact")


def full_disk(folder):
    """A run folder on a tiny file system: a message, no hang, the old run whole."""
    small = folder / "small"
    small.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)],
        capture_output=True).returncode == 0
    if not mounted:
        print("not tested: a full disk (needs the right to mount a small tmpfs)")
        return
    try:
        path = folder / "big.csv"
        path.write_text("id,x,word,flag\n" + "".join(
            f"t{i:020d},{(i * 7919) % 10007 / 7:.17g},w{i % 999},1\n" for i in range(60000)))
        config = write_config(folder, stages(path))
        alike("full disk", ["run", config, "--quiet", "--run-dir", small / "run"], 1, ["space"],
              fresh=small / "run")
    finally:
        subprocess.run(["umount", str(small)], check=False)


def closed_folder(folder):
    """A folder that cannot be written (root may write anywhere, so a file stands in the way)."""
    path = folder / "ok.csv"
    path.write_text(GOOD)
    config = write_config(folder, stages(path))
    (folder / "blocked").write_text("a file")
    alike("blocked", ["run", config, "--quiet", "--run-dir", folder / "blocked" / "run"], 1,
          ["blocked"])


def configs(folder):
    """Configs that are wrong: exit 2, nothing run."""
    path = folder / "ok.csv"
    path.write_text(GOOD)

    def case(name, text, parts):
        config = folder / f"{name}.json"
        config.write_text(text if isinstance(text, str) else json.dumps(text))
        alike(name, ["run", config, "--run-dir", folder / f"{name}-run"], 2, parts)
        check(not (folder / f"{name}-run").exists(), f"{name}: a run folder was made")

    good = {"name": "x", "stages": stages(path)}

    def changed(change):
        copy = json.loads(json.dumps(good))
        change(copy)
        return copy

    case("not-json", '{"name": "x",\n "stages": {,}}', ["not-json.json:2:"])
    case("duplicate", '{"name": "x", "name": "y", "stages": {}}', ["name"])
    case("unknown-key", changed(lambda c: c["stages"]["value"].update(modle={})),
         ["/stages/value/modle", '"model"'])
    case("unknown-kind", changed(lambda c: c["stages"]["value"].update(kind="trian")),
         ["/stages/value/kind", '"train"'])
    case("unknown-stage", changed(lambda c: c["stages"]["split"].update(input="rowz")),
         ["/stages/split/input", '"rows"'])
    case("out-of-range", changed(lambda c: c["stages"]["split"].update(test=1.5)),
         ["/stages/split/test", "1.5"])
    case("wrong-type", changed(lambda c: c["stages"]["value"].update(target=5)),
         ["/stages/value/target"])
    case("unknown-column", changed(lambda c: c["stages"]["value"].update(features=["flagg"])),
         ["/stages/value/features", '"flag"'])
    case("text-feature", changed(lambda c: c["stages"]["value"].update(features=["word"])),
         ["/stages/value/features", "encode"])
    case("target-feature", changed(lambda c: c["stages"]["value"].update(features=["x"])),
         ["/stages/value/features", "target"])

    def circle(c):
        c["stages"]["split"]["input"] = "again"
        c["stages"]["again"] = {"kind": "split", "input": "split", "column": "other"}
    case("circle", changed(circle), ["circle", "again"])
    case("wrong-port", changed(lambda c: c["stages"]["value"].update(folds="split")),
         ["/stages/value/folds", "folds"])
    alike("missing config", ["run", folder / "nowhere.json"], 2, ["nowhere.json"])


def predictions(folder):
    """predict: a file that lacks a column, and artifacts that are no bundle."""
    path = folder / "ok.csv"
    path.write_text(GOOD)
    config = write_config(folder, stages(path))
    run_dir = folder / "served"
    check(segue("run", config, "--quiet", "--run-dir", run_dir).returncode == 0, "run to serve")
    lacking = folder / "lacking.csv"
    lacking.write_text("id,x\na,1\n")
    out = folder / "out.csv"
    out.write_text("from before")
    alike("predict without a column",
          ["predict", run_dir / "stages/value.h5", lacking, "-o", out], 1, ["lacking.csv", "flag"])
    check(out.read_text() == "from before", "the old predictions are whole")
    alike("predict by a table", ["predict", run_dir / "stages/rows.h5", path, "-o", out], 1,
          ["bundle"])
    alike("predict by no artifact", ["predict", lacking, path, "-o", out], 1, ["lacking.csv"])


def main():
    cases = [files, one_gigabyte, skipped_rows, degenerate, nested, contradictions, whole_before,
             full_disk, closed_folder, configs, predictions]
    wanted = sys.argv[1:]
    for case in cases:
        if wanted and case.__name__ not in wanted:
            continue
        with Folder() as folder:
            case(folder)
            shutil.rmtree(folder / "run", ignore_errors=True)
    finish("bad input")


main()
