#!/usr/bin/env python3
"""Compare warm with fresh interpreters of `unmask judge`: verdicts a second, and processor time for each.

    compare_judging.py PROBLEMS.jsonl [--unmask build/unmask] [--workers N] [--rounds N] [--sandbox LEVEL]

Judges the problems' own solutions both ways in turn, at the same sandbox level.  On a machine that does other work the
processor time says more than the wall time.  The start of the judge is not counted.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile


def measure(options, problems, fresh):
    """Wall seconds of judging, processor seconds of everything, and the number of attempts."""
    command = [options.unmask, "judge", problems, "--reference", "--json", "--timeout", "60", "--workers", str(options.workers),
               "--sandbox", options.sandbox, *(["--fresh"] if fresh else [])]
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = os.times()
    report = json.loads(done.stdout)
    if report["all"]["passed"] != report["all"]["samples"]:
        raise SystemExit(f"not all solutions pass: {done.stdout}")
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return report["seconds"], processor, report["all"]["samples"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("problems")
    parser.add_argument("--unmask", default="build/unmask")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sandbox", default="full")
    options = parser.parse_args()
    with open(options.problems) as lines, tempfile.NamedTemporaryFile("w", suffix=".jsonl") as first:
        first.write(lines.readline())
        first.flush()
        rates, costs = {False: [], True: []}, {False: [], True: []}
        for _ in range(options.rounds):
            for fresh in (False, True):
                start = measure(options, first.name, fresh)
                wall, processor, count = measure(options, options.problems, fresh)
                if count < 2:
                    sys.exit(f"compare_judging.py: {options.problems} has one problem; the time of two or more is needed")
                rates[fresh].append(count / wall)
                costs[fresh].append(1000 * (processor - start[1]) / (count - 1))
    for name, fresh in (("warm", False), ("fresh", True)):
        print(f"{name}: {statistics.median(rates[fresh]):.1f} verdicts/s ({min(rates[fresh]):.1f} to {max(rates[fresh]):.1f}), "
              f"{statistics.median(costs[fresh]):.2f} ms of processor time each ({min(costs[fresh]):.2f} to {max(costs[fresh]):.2f})")
    print(f"warm is {statistics.median(w / f for w, f in zip(rates[False], rates[True])):.1f} times as fast (median of rounds), "
          f"and takes 1/{statistics.median(f / w for w, f in zip(costs[False], costs[True])):.1f} of the processor time")


if __name__ == "__main__":
    main()
