#!/usr/bin/env python3
"""Measure pass@1 by level: generate a completion for each problem, run it with the problem's tests, count.

    evaluate.py --model DIR --problems test.jsonl [--unmask PATH] [--output results.json] [-- OPTIONS OF GENERATE]
    evaluate.py --completions FILE.jsonl --problems test.jsonl
    evaluate.py --reference --problems test.jsonl

The programs run in a child process with limits on time, memory and file size.  That protects from accidents, not from
malice: it is no security boundary, so evaluate only models that you trust.
"""

import argparse
import json
import math
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

WALL_SECONDS = 8.0
LIMITS = {"RLIMIT_CPU": 3, "RLIMIT_AS": 1 << 30, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0}
Z_95 = 1.959964

# The child limits itself and reads [program, tests, nonce, entry point] from standard input.  Only after the last test
# has passed does it write the nonce to the verdict pipe, so an early exit or printing "passed" counts as a failure.
RUNNER = """
import json, os, resource, sys
for name, limit in json.loads(sys.argv[2]).items():
    resource.setrlimit(getattr(resource, name), (limit, limit))
verdict = int(sys.argv[1])
program, tests, nonce, entry_point = json.loads(sys.stdin.read())
names = {"__name__": "candidate"}
exec(compile(program, "candidate", "exec"), names)
candidate = names[entry_point]
trusted = {"__name__": "tests"}
exec(compile(tests, "tests", "exec"), trusted)
trusted["check"](candidate)
os.write(verdict, nonce.encode())
"""


@dataclass(frozen=True)
class Outcome:
    """What became of one problem: `passed`, `failed`, `timeout` or `missing`."""

    task_id: str
    level: int
    verdict: str
    steps: int = 0
    seconds: float = 0.0


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file."""
    with path.open() as lines:
        return [json.loads(line) for line in lines if line.strip()]


def generate(unmask: str, model: Path, problems: list[dict[str, Any]], options: list[str]) -> list[dict[str, Any]]:
    """Completions from `unmask generate`, which reads task_id and prompt and writes task_id, completion, steps and
    seconds, all as JSON Lines."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as prompts:
        for row in problems:
            prompts.write(json.dumps({"task_id": row["task_id"], "prompt": row["prompt"]}) + "\n")
        prompts.flush()
        command = [unmask, "generate", "--model", str(model), "--json", "--prompts", prompts.name, *options]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit status {done.returncode}; its message is above")
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def run_tests(program: str, tests: str, entry_point: str) -> str:
    """The verdict on a program: `passed`, `failed` or `timeout`."""
    nonce = secrets.token_hex(16)
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-I", "-S", "-B", "-c", RUNNER, str(writing), json.dumps(LIMITS)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   cwd=folder, env={}, pass_fds=(writing,), start_new_session=True)
        os.close(writing)
        try:
            process.communicate(json.dumps([program, tests, nonce, entry_point]).encode(), timeout=WALL_SECONDS)
            timed_out = process.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            kill_group(process)
            process.wait()
    with os.fdopen(reading, "rb") as pipe:
        written = b"" if timed_out else pipe.read(64)
    if timed_out:
        return "timeout"
    return "passed" if written == nonce.encode() and process.returncode == 0 else "failed"


def judge(problem: dict[str, Any], answer: dict[str, Any] | None) -> Outcome:
    """The outcome of one problem."""
    task_id, level = problem["task_id"], problem.get("level", 0)
    if answer is None:
        return Outcome(task_id, level, "missing")
    program = problem["prompt"] + answer["completion"] + "\n"
    verdict = run_tests(program, problem["test"], problem["entry_point"])
    return Outcome(task_id, level, verdict, answer.get("steps", 0), answer.get("seconds", 0.0))


def wilson(passed: int, count: int) -> tuple[float, float]:
    """The 95% Wilson score interval of a proportion; (0, 1) for no data."""
    if count == 0:
        return 0.0, 1.0
    share, square = passed / count, Z_95 * Z_95
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = Z_95 * math.sqrt(share * (1 - share) / count + square / (4 * count * count)) / (1 + square / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def summarise(outcomes: list[Outcome]) -> dict[str, Any]:
    """Counts, pass@1 and intervals for each level and for all."""
    def row(chosen: list[Outcome]) -> dict[str, Any]:
        passed, count = sum(o.verdict == "passed" for o in chosen), len(chosen)
        low, high = wilson(passed, count)
        return {"count": count, "passed": passed, "pass_at_1": passed / count if count else 0.0,
                "low": low, "high": high, "verdicts": dict(Counter(o.verdict for o in chosen))}

    levels = sorted({o.level for o in outcomes})
    answered = [o for o in outcomes if o.steps]
    return {"levels": {str(level): row([o for o in outcomes if o.level == level]) for level in levels},
            "all": row(outcomes),
            "mean_steps": sum(o.steps for o in answered) / len(answered) if answered else None,
            "generation_seconds": sum(o.seconds for o in outcomes)}


def table(summary: dict[str, Any]) -> str:
    """The summary as text."""
    lines = ["level  passed   count  pass@1  95% interval"]
    for name, row in [*summary["levels"].items(), ("all", summary["all"])]:
        lines.append(f"{name:>5}  {row['passed']:>6}  {row['count']:>6}  {100 * row['pass_at_1']:5.1f}%"
                     f"  {100 * row['low']:.1f} to {100 * row['high']:.1f}%")
    if summary["mean_steps"]:
        lines.append(f"steps a completion: {summary['mean_steps']:.1f}; "
                     f"generation: {summary['generation_seconds']:.1f} s")
    return "\n".join(lines)


def answers_for(options: argparse.Namespace, problems: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Completions from where the options say."""
    if options.reference:
        return [{"task_id": p["task_id"], "completion": p["canonical_solution"]} for p in problems]
    if options.completions:
        return read_rows(options.completions)
    return generate(options.unmask, options.model, problems, options.options)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, help="directory of the model to run")
    source.add_argument("--completions", type=Path, help="completions made earlier, as JSON Lines")
    source.add_argument("--reference", action="store_true", help="test the reference solutions themselves")
    parser.add_argument("--problems", type=Path, required=True)
    parser.add_argument("--unmask", default="unmask", help="the program (default: the one on the path)")
    parser.add_argument("--output", type=Path, help="write the summary and every outcome as JSON")
    parser.add_argument("--save-completions", type=Path, help="write the completions as JSON Lines")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("options", nargs="*", help="options of `unmask generate`, after --")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    problems = read_rows(options.problems)
    started = time.monotonic()
    answers = {row["task_id"]: row for row in answers_for(options, problems)}
    elapsed = time.monotonic() - started
    if options.save_completions:
        options.save_completions.write_text("".join(json.dumps(row) + "\n" for row in answers.values()))
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(lambda problem: judge(problem, answers.get(problem["task_id"])), problems))
    summary = summarise(outcomes) | {"wall_seconds": elapsed, "options": options.options}
    print(table(summary))
    if options.output:
        options.output.write_text(json.dumps(summary | {"outcomes": [asdict(o) for o in outcomes]}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
