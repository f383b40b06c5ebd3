#!/usr/bin/env python3
"""SIGKILL at random moments (all ranks, one rank, mpirun), started again at once: the results are
those of an undisturbed run. SEGUE_TEST_KILLS sets how many (scripts/verify uses twenty and more)."""
import os
import random
import signal
import time

from support import Folder, check, finish, hashes, quick_config, ranks_of, segue, start, wait

KILLS = int(os.environ.get("SEGUE_TEST_KILLS", "8"))
SEED = int(os.environ.get("SEGUE_TEST_SEED", "20261120"))


def kill(launcher, what, rng):
    ranks = ranks_of(launcher)
    targets = {"all": ranks, "one": ranks and [rng.choice(ranks)], "mpirun": [launcher.pid]}[what]
    for pid in targets or []:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def main():
    rng = random.Random(SEED)
    print(f"seed {SEED}, {KILLS} kills")
    with Folder() as folder:
        config = quick_config(folder, trees=24)
        begun = time.monotonic()
        done = segue("run", config, "--run-dir", folder / "whole", ranks=2)
        length = time.monotonic() - begun
        check(done.returncode == 0, f"undisturbed run: {done.stderr}")
        want = hashes(folder / "whole")
        run_dir, killed = folder / "killed", 0
        while killed < KILLS:
            what = ("all", "one", "mpirun")[killed % 3]
            process = start("run", config, "--run-dir", run_dir, "--quiet", ranks=2)
            time.sleep(rng.uniform(0.25, max(0.5, length)))
            if process.poll() is not None:  # it was done before: a new folder for the next kill
                check(process.returncode == 0, f"run after a kill: {process.stderr.read()}")
                check(hashes(run_dir) == want, f"results after {killed} kills")
                run_dir = folder / f"killed-{killed}"
                killed += 1
                continue
            kill(process, what, rng)
            killed += 1
            # Started again at once, while ranks may outlive their mpirun for a moment.
            again = segue("run", config, "--run-dir", run_dir, "--quiet", ranks=2)
            wait(process, 30)
            check(again.returncode == 0, f"after killing {what}: {again.stderr}")
            check(hashes(run_dir) == want, f"results after killing {what}")
            run_dir = folder / f"killed-{killed}"
    finish("kill")


main()
