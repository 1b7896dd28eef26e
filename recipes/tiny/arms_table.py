#!/usr/bin/env python3
"""Several runs of one arm less other runs, on the same problems: the table of docs/RESULTS.md.

    arms_table.py ARM=DIR[,DIR...] OTHER=DIR[,DIR...] ...

DIR are output directories of `unmask eval`, all on the same problems; an arm's directories are of models of different
seeds.  Prints Markdown: the mean of each arm, and the first arm's lead over each other one, in points.  Intervals are
95%: of a lead by bootstrap over problems, which ignores the spread between seeds; of an arm's mean by Student's t over
its seeds, if it has several.
"""

import math
import sys
from statistics import mean, stdev

from intervals import bootstrap
from reports import read_shares

# Student's t for 95%, by degrees of freedom.
T_95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def student_95(degrees: int) -> float:
    """Beyond the table its expansion in 1 / degrees, whose error is below 0.003 there."""
    return T_95.get(degrees) or 1.96 + 2.372 / degrees + 2.82 / degrees ** 2


def read_arm(argument: str) -> tuple[str, list[dict[str, float]]]:
    name, separator, folders = argument.partition("=")
    if not separator:
        raise SystemExit(f"{argument}: expected ARM=DIR,DIR...")
    return name, [read_shares(folder) for folder in folders.split(",")]


def over_problems(runs: list[dict[str, float]], problems: list[str]) -> list[float]:
    """The mean over the runs for each problem."""
    return [mean(run[problem] for run in runs) for problem in problems]


def over_seeds(values: list[float]) -> str:
    """The interval of a mean over seeds; empty for one seed."""
    degrees = len(values) - 1
    if degrees == 0:
        return ""
    half = student_95(degrees) * stdev(values) / math.sqrt(len(values))
    return f"{100 * (mean(values) - half):.1f} to {100 * (mean(values) + half):.1f}"


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    arms = [read_arm(argument) for argument in arguments]
    problems = sorted(arms[0][1][0])
    if any(sorted(run) != problems for _, runs in arms for run in runs):
        raise SystemExit("the runs are not of the same problems")
    first_name, first_runs = arms[0]
    first = over_problems(first_runs, problems)
    print(f"| arm | pass@1 of its runs | mean | over seeds | {first_name} less it |\n| --- | --- | --- | --- | --- |")
    for name, runs in arms:
        rates = [mean(run.values()) for run in runs]
        row = [name, ", ".join(f"{100 * rate:.1f}" for rate in rates), f"{100 * mean(rates):.1f}", over_seeds(rates), ""]
        if runs is not first_runs:
            differences = [own - other for own, other in zip(first, over_problems(runs, problems))]
            low, high = bootstrap(differences)
            row[-1] = f"{100 * mean(differences):+.1f} ({100 * low:.1f} to {100 * high:.1f})"
        print("| " + " | ".join(row) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
