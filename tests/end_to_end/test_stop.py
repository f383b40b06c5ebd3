#!/usr/bin/env python3
"""A stop on request: exit 75 within five seconds, finished units kept, resumed to the same results."""
import json
import os
import signal
import time

from support import Folder, check, finish, hashes, quick_config, ranks_of, segue, start, wait


def wait_for_units(run_dir, seconds=60):
    """Until the training stage has finished a unit."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if list(run_dir.glob("units/*/*.unit")):
            return True
        time.sleep(0.02)
    return False


def stop_by(how, process):
    if how == "SIGUSR1 to mpirun":
        os.kill(process.pid, signal.SIGUSR1)
        return
    for pid in ranks_of(process):
        os.kill(pid, getattr(signal, how.split()[0]))


def main():
    with Folder() as folder:
        config = quick_config(folder, rows=12000, trees=60)
        done = segue("run", config, "--run-dir", folder / "whole", ranks=2)
        check(done.returncode == 0, f"undisturbed run: {done.stderr}")
        want = hashes(folder / "whole")
        for how in ("SIGUSR1 to mpirun", "SIGTERM to the ranks", "SIGINT to the ranks"):
            run_dir = folder / how.replace(" ", "-")
            process = start("run", config, "--run-dir", run_dir, ranks=2)
            check(wait_for_units(run_dir), f"{how}: no unit was saved")
            begun = time.monotonic()
            stop_by(how, process)
            status = wait(process, 20)
            took = time.monotonic() - begun
            said = process.stderr.read()
            check(status == 75, f"{how}: exit {status}: {said}")
            check(took < 5, f"{how}: took {took:.1f} s")
            check("run again" in said, f"{how}: says {said}")
            state = json.loads((run_dir / "attempt.json").read_text())["state"]
            check(state == "stopped", f"{how}: state {state}")
            kept = len(list(run_dir.glob("units/*/*.unit")))
            check(kept > 0, f"{how}: no finished unit was kept")
            again = segue("run", config, "--run-dir", run_dir, ranks=3)
            check(again.returncode == 0, f"{how}: resumed: {again.stderr}")
            check("reused" in again.stderr, f"{how}: nothing was reused")
            check(hashes(run_dir) == want, f"{how}: other results when resumed on 3 ranks")
            check(not (run_dir / "units").exists(), f"{how}: units are left")
        # SIGTERM to mpirun kills the ranks within a second: the last finished units count.
        run_dir = folder / "term-mpirun"
        process = start("run", config, "--run-dir", run_dir, ranks=2)
        check(wait_for_units(run_dir), "SIGTERM to mpirun: no unit was saved")
        os.kill(process.pid, signal.SIGTERM)
        check(wait(process, 30) is not None, "SIGTERM to mpirun: goes on")
        again = segue("run", config, "--run-dir", run_dir, ranks=2)
        check(again.returncode == 0, f"SIGTERM to mpirun: resumed: {again.stderr}")
        check(hashes(run_dir) == want, "SIGTERM to mpirun: other results")
    finish("stop")


main()
