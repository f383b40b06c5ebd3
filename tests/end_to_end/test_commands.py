#!/usr/bin/env python3
"""The command line: help, hints, exit statuses (also through mpirun, without a banner of its own),
clean outputs, and what lies in a run folder for monitors and scripts."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from support import (FAILURES, SEGUE, SOURCE, Folder, check, finish, hashes, quick_config, ranks_of,
                     segue, start, wait, write_config)

COMMANDS = ("run", "check", "predict", "stages", "schema", "status", "hash")
VERSION = (SOURCE / "VERSION").read_text().split()[0]
NEEDED = {"predict": ["a", "b", "-o", "c"], "stages": [], "schema": []}


def one_message(what, done, status, *parts):
    """One line of ours on stderr that holds all parts, nothing on stdout, the exit status."""
    lines = done.stderr.splitlines()
    check(done.returncode == status, f"{what}: exit {done.returncode}, not {status}: {done.stderr}")
    check(done.stdout == "", f"{what}: on stdout: {done.stdout!r}")
    check(len(lines) == 1 and lines[0].startswith("segue"), f"{what}: not one line: {done.stderr!r}")
    for part in parts:
        check(part in done.stderr, f"{what}: \"{part}\" is not in {done.stderr!r}")


def helps(_folder):
    for words in (["--help"], ["-h"], ["help"], *([c, "--help"] for c in COMMANDS),
                  *([c, "x", "-h"] for c in COMMANDS)):
        for ranks in (1, 2) if words[0] in ("--help", "run") else (1,):
            done = segue(*words, ranks=ranks)
            check(done.returncode == 0, f"{words}: exit {done.returncode}")
            check(done.stderr == "", f"{words}: on stderr: {done.stderr!r}")
            check(done.stdout.count("usage: segue") == 1, f"{words} on {ranks}: {done.stdout!r}")
            check(max(map(len, done.stdout.splitlines())) <= 110, f"{words}: long lines")
    whole = segue("--help").stdout
    for command in COMMANDS:
        check(f"\n  {command} " in whole, f"--help does not tell of {command}")
    for ranks in (1, 2):
        done = segue("--version", ranks=ranks)
        check(done.stdout == f"segue {VERSION}\n", f"--version: {done.stdout!r}")
    done = segue()
    check(done.returncode == 2 and done.stdout == "" and "usage: segue" in done.stderr,
          "without words: the help on stderr, exit 2")


def mistakes(folder):
    config = quick_config(folder)
    for ranks in (1, 2):
        one_message("unknown command", segue("rnu", ranks=ranks), 2, '"rnu"', 'did you mean "run"')
        one_message("unknown option", segue("run", config, "--ste", "/seed=1", ranks=ranks), 2,
                    "--ste", '"--set"')
        one_message("unknown forced stage", segue("run", config, "--force", "spilt", ranks=ranks), 2,
                    "--force spilt", '"split"')
        one_message("bad --set", segue("run", config, "--set", "/stages/nowhere/rows=5",
                                       ranks=ranks), 2, "/stages/nowhere")
    for command in COMMANDS:
        one_message(command, segue(command, *NEEDED.get(command, ["x"]), "--nonsense"), 2,
                    "--nonsense", f"segue {command} --help")
        if command not in ("stages", "schema"):
            one_message(f"{command} without words", segue(command), 2, "is missing")
    one_message("no value", segue("run", config, "--run-dir", "--quiet"), 2, "--run-dir needs")
    one_message("empty folder", segue("run", config, "--run-dir", ""), 2, "empty name")
    one_message("long folder", segue("run", config, "--run-dir", "n" * 5000), 2, "3583")
    one_message("own config", segue("run", config, "--run-dir", folder), 2, "config.json",
                "overwrite")
    one_message("unknown kind", segue("stages", "forrest"), 2, '"forest"')
    one_message("status of nothing", segue("status", folder / "nowhere"), 1, "no run is here")
    one_message("hash of nothing", segue("hash", folder / "nowhere", ranks=2), 1, "no run is here")
    check(not (folder / "nowhere").exists(), "a folder was made by asking for it")


def about_kinds(folder):
    done = segue("stages")
    check(done.returncode == 0 and done.stderr == "", f"stages: {done.stderr}")
    for kind in ("read_csv", "split", "train", "report", "forest", "constant", "target_encode"):
        check(re.search(rf"\b{kind}\b", done.stdout), f"stages does not tell of {kind}")
        one = segue("stages", kind)
        check(one.returncode == 0 and kind in one.stdout, f"stages {kind}: {one.stderr}")
    schema = json.loads(segue("schema").stdout)
    check("stages" in schema["properties"], "schema: no stages")
    check(json.loads(segue("schema", ranks=2).stdout) == schema, "schema on 2 ranks: not one text")
    config = quick_config(folder)
    done = segue("check", config, ranks=2)
    check(done.returncode == 0 and done.stdout.count("ok, 6 stages") == 1, f"check: {done.stdout!r}")
    done = segue("check", config, "--set", "/stages/split/test=0.4")
    check(done.returncode == 0, f"check --set: {done.stderr}")
    # A config through a pipe.
    done = subprocess.run([SEGUE, "check", "/dev/stdin"], input=config.read_text(), text=True,
                          capture_output=True, timeout=60, check=False)
    check(done.returncode == 0 and "ok, 6 stages" in done.stdout, f"check by a pipe: {done.stderr}")
    done = segue("check", config, "--set", "/stages/split/test=0.4x")
    one_message("check of a wrong value", done, 2, "/stages/split/test")


def settings(folder):
    """--set by pointer: JSON or plain text, several, new keys."""
    config = write_config(folder, {"tracks": {"kind": "synthesize", "rows": 10},
                                   "split": {"kind": "split", "input": "tracks"}})
    run_dir = folder / "with blanks, ünicode"
    done = segue("run", config, "--run-dir", run_dir, "--set", "/stages/tracks/rows=20",
                 "--set=/stages/split/column=part one", "--set", "/seed=11", "--set",
                 '/stages/split/test=0.5', "--set", "/name=other")
    check(done.returncode == 0, f"--set: {done.stderr}")
    check(done.stdout == "", f"run: on stdout: {done.stdout!r}")
    resolved = json.loads((run_dir / "config.json").read_text())
    check(resolved["stages"]["tracks"]["rows"] == 20, "--set of a number")
    check(resolved["stages"]["split"]["column"] == "part one", "--set of a text")
    check(resolved["seed"] == 11 and resolved["name"] == "other", "--set of the head")
    # The resolved config makes the same run.
    done = segue("run", run_dir / "config.json", "--run-dir", run_dir)
    check(done.returncode == 0 and done.stderr.count("reused") == 2, f"resolved: {done.stderr}")


def folder_of_a_run(folder):
    config = quick_config(folder, rows=1500, trees=4)
    run_dir = folder / "run"
    for _ in range(2):
        done = segue("run", config, "--run-dir", run_dir, ranks=2)
        check(done.returncode == 0 and done.stdout == "", f"run: {done.stderr}")
    check("popularity" in done.stderr and "rmse" in done.stderr, f"no results: {done.stderr}")
    quiet = segue("run", config, "--run-dir", run_dir, "--quiet", ranks=2)
    check(quiet.stderr == "" and quiet.stdout == "", f"--quiet: {quiet.stderr!r}")
    status = segue("status", run_dir, ranks=2)
    check(status.stdout.count("complete") == 1, f"status: {status.stdout!r}")
    for stage in json.loads(config.read_text())["stages"]:
        check(re.search(rf"^  {stage} .*(reused|done)", status.stdout, re.M), f"status: no {stage}")
    lines = segue("hash", run_dir).stdout
    check(re.fullmatch(r"([0-9a-f]{32}  \w+\n){5}", lines), f"hash: {lines!r}")
    check(segue("hash", run_dir, ranks=3).stdout == lines, "hash on 3 ranks")
    manifest = json.loads((run_dir / "manifest.json").read_text())
    for name, stage in manifest["stages"].items():
        if name != "report":
            check(f"{stage['content']}  {name}\n" in lines, f"manifest: content of {name}")
            check((run_dir / stage["file"]).is_file(), f"manifest: file of {name}")
        check(len(stage["busy_seconds"]) == 2 and stage["peak_bytes"] > 0, f"manifest: {name}")
    report = json.loads((run_dir / "report.json").read_text())
    check(report["stages"]["popularity"]["metrics"]["test"]["rmse"] > 0, "report.json")
    events(run_dir)
    # A tool that changed an artifact is found out.
    artifact = run_dir / manifest["stages"]["tracks"]["file"]
    other = segue("run", config, "--run-dir", folder / "other", "--set", "/seed=99", "--quiet")
    check(other.returncode == 0, "another run")
    shutil.copy(next((folder / "other/stages").glob("tracks-*.h5")), artifact)
    done = segue("hash", run_dir, ranks=2)
    check(done.returncode == 1 and "no longer what was written" in done.stderr,
          f"hash of a changed artifact: {done.stderr}")
    done = segue("run", config, "--run-dir", run_dir, "--quiet", ranks=2)
    check(done.returncode == 0 and segue("hash", run_dir).stdout == lines, "the run repairs it")


def events(run_dir):
    said = [json.loads(line) for line in (run_dir / "events.jsonl").read_text().splitlines()]
    for event in said:
        check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"]), f"event: {event}")
    names = [event["event"] for event in said]
    check(names[0] == "run_begun" and names[-1] == "run_complete", f"events: {names}")
    check(names.count("run_begun") == 3 and names.count("run_complete") == 3, f"events: {names}")
    begun = [e["stage"] for e in said if e["event"] == "stage_begun"]
    done = [e["stage"] for e in said if e["event"] == "stage_done" and e["seconds"] >= 0]
    check(begun == done and set(begun) >= {"tracks", "popularity", "report"}, f"events: {begun}")
    check(names.count("stage_reused") == 10, f"events: {names}")


def endings(folder):
    """Exit statuses through mpirun are ours, and nothing but our words is said."""
    config = quick_config(folder, rows=1500, trees=4)
    bad = folder / "bad.csv"
    bad.write_text("x\n1\noops\n")
    failing = folder / "failing.json"
    failing.write_text(json.dumps({"name": "failing", "stages": {
        "rows": {"kind": "read_csv", "path": str(bad), "columns": {"x": "real"}}}}))
    for ranks in (1, 3):
        run_dir = folder / f"run-{ranks}"
        done = segue("run", config, "--run-dir", run_dir, "--quiet", ranks=ranks)
        check(done.returncode == 0 and not done.stderr and not done.stdout,
              f"0 on {ranks} ranks: {done.returncode}, {done.stderr!r}")
        one_message(f"1 on {ranks} ranks",
                    segue("run", failing, "--run-dir", run_dir / "f", "--quiet", ranks=ranks), 1,
                    "bad.csv:3", "oops", 'stage "rows"')
        said = [json.loads(line) for line in
                (run_dir / "f/events.jsonl").read_text().splitlines()]
        check([e["event"] for e in said] == ["run_begun", "stage_begun", "stage_failed",
                                             "run_failed"], f"events of a failure: {said}")
        check("oops" in said[-1]["message"] and "oops" in said[-2]["message"], f"events: {said}")
        one_message(f"2 on {ranks} ranks", segue("run", folder / "nowhere.json", ranks=ranks), 2,
                    "nowhere.json")
        one_message(f"predict on {ranks} ranks",
                    segue("predict", run_dir / "nowhere.h5", bad, "-o", folder / "out.csv",
                          ranks=ranks), 1, "nowhere.h5")
    for ranks in (1, 2):
        process = start("run", config, "--run-dir", folder / f"stopped-{ranks}", "--quiet", "--set",
                        "/stages/popularity/model/trees=4000", ranks=ranks)
        time.sleep(1.5)
        if ranks == 1:
            os.kill(process.pid, signal.SIGINT)
        else:  # one rank alone hears of it
            os.kill(ranks_of(process)[-1], signal.SIGUSR2)
        status = wait(process, 20)
        said = process.stderr.read()
        check(status == 75, f"75 on {ranks} ranks: exit {status}: {said}")
        check(len(said.splitlines()) == 1 and "run again" in said, f"75: says {said!r}")
        shown = segue("status", folder / f"stopped-{ranks}").stdout
        check("stopped" in shown, f"status of a stopped run: {shown}")
    # Killed: told from a run that goes on.
    process = start("run", config, "--run-dir", folder / "killed", "--quiet", "--set",
                    "/stages/popularity/model/trees=4000", ranks=1)
    time.sleep(1)
    shown = segue("status", folder / "killed").stdout
    check(", running," in shown, f"status of a run that goes on: {shown}")
    process.kill()
    process.wait()
    shown = segue("status", folder / "killed").stdout
    check(", killed" in shown, f"status of a killed run: {shown}")


def unlike_cpus(folder):
    config = quick_config(folder, rows=500, trees=2)
    words = ["run", str(config), "--run-dir", str(folder / "run"), "--quiet"]
    done = subprocess.run(
        ["mpirun", "-n", "1", "-x", "OPENBLAS_CORETYPE=HASWELL", SEGUE, *words, ":", "-n", "1",
         "-x", "OPENBLAS_CORETYPE=SANDYBRIDGE", SEGUE, *words], capture_output=True, text=True,
        timeout=60, check=False)
    if "x86" in os.uname().machine:
        one_message("unlike CPUs", done, 2, "Haswell", "Sandybridge", "-x OPENBLAS_CORETYPE=HASWELL")
        check(not (folder / "run").exists(), "unlike CPUs: something was run")


def two_at_once(folder):
    """Attempts that begin together take turns, and the results are those of one."""
    config = quick_config(folder, rows=1500, trees=4)
    check(segue("run", config, "--run-dir", folder / "one", "--quiet").returncode == 0, "one run")
    for _ in range(3):
        attempts = [start("run", config, "--run-dir", folder / "many", "--quiet", ranks=1)
                    for _ in range(4)]
        for attempt in attempts:
            check(wait(attempt, 60) == 0, f"at once: {attempt.stderr.read()}")
        check(hashes(folder / "many") == hashes(folder / "one"), "at once: other results")
        shutil.rmtree(folder / "many")


def folder_goes_away(folder):
    """The run folder is removed, or taken by another attempt, while a run goes on."""
    config = quick_config(folder, rows=1500)
    for how in ("removed", "taken"):
        run_dir = folder / how
        process = start("run", config, "--run-dir", run_dir, "--quiet", "--set",
                        "/stages/popularity/model/trees=600", ranks=2)
        until = time.monotonic() + 30
        while not list(run_dir.glob("units/*/*.unit")) and time.monotonic() < until:
            time.sleep(0.02)
        if how == "removed":
            shutil.rmtree(run_dir, ignore_errors=True)
        else:
            (run_dir / "owner.json").write_text('{"token": "another"}')
            before = (run_dir / "attempt.json").read_text()
        status = wait(process, 60)
        said = process.stderr.read()
        check(status == 1 and ("removed or taken" in said or "another attempt" in said),
              f"{how}: exit {status}: {said}")
        if how == "taken":
            check((run_dir / "attempt.json").read_text() == before, "taken: wrote into it still")
            check("another" in (run_dir / "owner.json").read_text(), "taken: removed its owner")


def odd_outputs(folder):
    config = quick_config(folder, rows=500, trees=2)
    # Started without stdin, stdout and stderr: messages do not end up in artifacts.
    done = subprocess.run(["/bin/sh", "-c", 'exec "$0" "$@" <&- >&- 2>&-', SEGUE, "run", config,
                           "--run-dir", folder / "closed"], timeout=60, check=False)
    check(done.returncode == 0, f"closed files: exit {done.returncode}")
    check(segue("run", config, "--run-dir", folder / "open").returncode == 0, "open files")
    check(hashes(folder / "closed") == hashes(folder / "open"), "closed files: other results")
    with open("/dev/full", "w", encoding="utf-8") as full:
        for words in (["--help"], ["schema"], ["status", folder / "open"], ["hash", folder / "open"],
                      ["check", config]):
            done = subprocess.run([SEGUE, *map(str, words)], stdout=full, stderr=subprocess.PIPE,
                                  text=True, timeout=60, check=False)
            check(done.returncode == 1, f"{words} > /dev/full: exit {done.returncode}")
    # Commands that have nothing to save die of a signal.
    waiting = subprocess.Popen([SEGUE, "check", "/dev/stdin"], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    waiting.send_signal(signal.SIGINT)
    if not check(wait(waiting, 10) == -signal.SIGINT, "check does not die of SIGINT"):
        waiting.kill()
    # A device is written to, not replaced.
    rows = folder / "rows.csv"
    bundle = folder / "open/stages/popularity.h5"
    features = json.loads(config.read_text())["stages"]["popularity"]["features"]
    rows.write_text(",".join(features) + "\n" + ",".join(["1"] * len(features)) + "\n")
    done = segue("predict", bundle, rows, "-o", "/dev/stdout")
    check(done.returncode == 0 and done.stdout.startswith("row,prediction\n0,"),
          f"predict to stdout: {done.stdout!r} {done.stderr!r}")
    check(os.path.islink("/dev/stdout"), "/dev/stdout was replaced")


def full_disk_for_units(folder):
    """Units that cannot be saved cost the resume, not the result, and are told of."""
    config = quick_config(folder, rows=1500, trees=6)
    (folder / "run").mkdir()
    (folder / "run/units").write_text("a file in the way")
    done = segue("run", config, "--run-dir", folder / "run", ranks=2)
    check(done.returncode == 0, f"no units: {done.stderr}")
    check(done.stderr.count("warning: finished units could not be saved") == 1 and
          "units" in done.stderr, f"no units: {done.stderr}")


def installed(folder):
    """The product holds no path of the build machine."""
    build = os.path.dirname(SEGUE)
    done = subprocess.run(["cmake", "--install", build, "--prefix", str(folder / "usr")],
                          capture_output=True, text=True, timeout=60, check=False)
    if not check(done.returncode == 0, f"cmake --install: {done.stderr}"):
        return
    program = folder / "usr/bin/segue"
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    check(done.stdout == f"segue {VERSION}\n", "the installed program runs")
    for path in (p for p in (folder / "usr").rglob("*") if p.is_file()):
        content = path.read_bytes()
        if b"\0.debug_info\0" in content:
            print(f"not tested: paths in {path.name}, which has debugging information")
            continue
        for secret in (str(SOURCE), build):
            check(f"{secret}/".encode() not in content, f"{path.name} holds {secret}")
    check(subprocess.run([program, "check", folder / "usr/share/segue/configs/quick.json"],
                         capture_output=True, check=False).returncode == 0, "installed configs")


def main():
    cases = [helps, mistakes, about_kinds, settings, folder_of_a_run, endings, unlike_cpus,
             two_at_once, folder_goes_away, odd_outputs, full_disk_for_units, installed]
    wanted = sys.argv[1:]
    for case in cases:
        if wanted and case.__name__ not in wanted:
            continue
        before, begun = len(FAILURES), time.monotonic()
        with Folder() as folder:
            case(folder)
        word = "ok" if len(FAILURES) == before else "FAILED"
        print(f"{case.__name__}: {word}, {time.monotonic() - begun:.1f} s", flush=True)
    finish("commands")


main()
