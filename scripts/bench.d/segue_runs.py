"""Start segue on two ranks and read what it left behind."""
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

RANKS = 2
TOP = Path(__file__).resolve().parents[2]
WORK = TOP / ".bench" / "runs"


class OutOfTime(Exception):
    pass


def call(words, limit=None):
    """Run to the end; seconds and what it printed."""
    begun = time.perf_counter()
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, cwd=TOP, start_new_session=True)
    try:
        out, err = process.communicate(timeout=limit)
    except BaseException as reason:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(reason, subprocess.TimeoutExpired):
            raise OutOfTime() from None
        raise
    if process.returncode != 0:
        raise SystemExit(f"{Path(str(words[0])).name} ended with status {process.returncode}:\n"
                         f"{err[-2000:]}")
    return time.perf_counter() - begun, out


def write_config(name, config):
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"{name}.json"
    path.write_text(json.dumps(config))
    return path


class Run:
    """A finished run in a folder of its own, gone after `with`."""

    def __init__(self, segue, config, settings=(), limit=None):
        self.path = WORK / f"{Path(config).stem}-{os.getpid()}"
        shutil.rmtree(self.path, ignore_errors=True)
        WORK.mkdir(parents=True, exist_ok=True)
        sets = [word for setting in settings for word in ("--set", setting)]
        try:
            self.seconds, _ = call(["mpirun", "-n", RANKS, segue, "run", config, "--quiet",
                                    "--run-dir", self.path, *sets], limit)
        except BaseException:
            self.__exit__()
            raise
        self.stages = json.loads((self.path / "manifest.json").read_text())["stages"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def report(self):
        return json.loads((self.path / "report.json").read_text())
