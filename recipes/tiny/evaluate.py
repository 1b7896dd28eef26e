#!/usr/bin/env python3
"""Measure pass@1 and pass@k by level and format: answer each problem, judge the answers, count.

    evaluate.py --model DIR --problems problems.jsonl [--samples 10] [--output results.json] [-- OPTIONS OF GENERATE]
    evaluate.py --answers FILE.jsonl --problems problems.jsonl
    evaluate.py --reference --problems problems.jsonl

`unmask generate` writes the answers, one run for the chat problems and one for the others, and `unmask judge` runs them
with their tests in its sandbox.  The intervals are of the problems: another draw of the same kind of problem would give
a share within them in 19 of 20 cases.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

Row = dict[str, Any]
Z_95 = 1.959964
RESAMPLES = 2000


def read_rows(path: Path) -> list[Row]:
    """The objects of a JSON Lines file."""
    with path.open() as lines:
        return [json.loads(line) for line in lines if line.strip()]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def run(command: list[str]) -> str:
    """What the command prints; its messages go to standard error, and its failure ends this program."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError:
        raise SystemExit(f"{command[0]}: no such program; --unmask names it") from None
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: exit status {done.returncode}; its message is above")
    return done.stdout


def format_of(problem: Row) -> str:
    return problem.get("format", "completion")


def generate(unmask: str, model: Path, problems: list[Row], samples: int, options: list[str]) -> list[Row]:
    """Answers with task_id, completion, steps and seconds.  The chat template is applied to chat problems."""
    answers = []
    for chat in (False, True):
        chosen = [problem for problem in problems if (format_of(problem) == "chat") == chat]
        if not chosen:
            continue
        with tempfile.TemporaryDirectory() as folder:
            prompts = Path(folder) / "prompts.jsonl"
            write_rows(prompts, ({name: problem[name] for name in ("task_id", "prompt", "suffix") if name in problem}
                                 for problem in chosen))
            command = [unmask, "generate", "--model", str(model), "--json", "--prompts", str(prompts),
                       "--samples", str(samples), *(["--chat"] if chat else []), *options]
            answers += [json.loads(line) for line in run(command).splitlines() if line.strip()]
    return answers


def judge(unmask: str, problems: list[Row], answers: list[Row], options: list[str]) -> list[Row]:
    """The answers, in their order, with `passed` and `verdict`."""
    with tempfile.TemporaryDirectory() as folder:
        problem_file, answer_file, results = (Path(folder) / name for name in ("problems", "answers", "results"))
        write_rows(problem_file, problems)
        write_rows(answer_file, answers)
        run([unmask, "judge", str(problem_file), str(answer_file), "--output", str(results), "--json", *options])
        return read_rows(results)


def pass_at(k: int, samples: int, passed: int) -> float:
    """The unbiased estimate of the share of sets of k samples that hold one that passes (arXiv 2107.03374, eq. 1)."""
    return 1.0 - math.comb(samples - passed, k) / math.comb(samples, k)


def wilson(passed: int, count: int) -> tuple[float, float]:
    """The 95% Wilson score interval of a proportion; (0, 1) for no data."""
    if count == 0:
        return 0.0, 1.0
    share, square = passed / count, Z_95 * Z_95
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = Z_95 * math.sqrt(share * (1 - share) / count + square / (4 * count * count)) / (1 + square / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def interval(values: list[float]) -> tuple[float, float]:
    """A 95% interval of the mean over problems: Wilson's for shares of 0 and 1, else a bootstrap with a fixed seed."""
    if all(value in (0.0, 1.0) for value in values):
        return wilson(round(sum(values)), len(values))
    random = Random(0)
    means = sorted(sum(random.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES))
    return means[round(0.025 * RESAMPLES)], means[round(0.975 * RESAMPLES) - 1]


def summarise_group(counts: list[tuple[int, int]], ks: list[int]) -> Row:
    """Of problems with (samples, passed): for each k the mean and its interval."""
    row: Row = {"problems": len(counts), "samples": sum(s for s, _ in counts), "passed": sum(p for _, p in counts)}
    for k in ks:
        # Without an answer a problem counts as failed.
        values = [pass_at(k, samples, passed) if samples >= k else 0.0 for samples, passed in counts]
        low, high = interval(values)
        row[f"pass@{k}"] = {"mean": sum(values) / len(values) if values else 0.0, "low": low, "high": high}
    return row


def summarise(problems: list[Row], results: list[Row], ks: list[int]) -> Row:
    """Counts, pass@k and intervals for all, by level, by format, and by both."""
    tally: dict[str, list[int]] = {problem["task_id"]: [0, 0] for problem in problems}
    for result in results:
        tally[result["task_id"]][0] += 1
        tally[result["task_id"]][1] += bool(result["passed"])
    groups: dict[str, dict[str, list[tuple[int, int]]]] = {name: defaultdict(list) for name in ("levels", "formats", "both")}
    for problem in problems:
        level, name, counts = str(problem.get("level", 0)), format_of(problem), tuple(tally[problem["task_id"]])
        for group, key in (("levels", level), ("formats", name), ("both", f"{level} {name}")):
            groups[group][key].append(counts)
    summary: Row = {group: {key: summarise_group(counts, ks) for key, counts in sorted(parts.items())}
                    for group, parts in groups.items()}
    steps = [result["steps"] for result in results if result.get("steps")]
    return summary | {"all": summarise_group([tuple(counts) for counts in tally.values()], ks),
                      "verdicts": dict(sorted(Counter(result.get("verdict", "") for result in results).items())),
                      "mean_steps": sum(steps) / len(steps) if steps else None,
                      "generation_seconds": sum(result.get("seconds", 0.0) for result in results)}


def table(summary: Row) -> str:
    """The summary as text."""
    ks = [name for name in summary["all"] if name.startswith("pass@")]
    lines = [f"{'level, format':<16} {'problems':>8}" + "".join(f"  {name:>8}  95% interval   " for name in ks)]
    parts = [*summary["both"].items(), *(("level " + k, v) for k, v in summary["levels"].items()),
             *summary["formats"].items(), ("all", summary["all"])]
    for name, row in parts:
        cells = (f"  {100 * row[k]['mean']:7.1f}%  {100 * row[k]['low']:5.1f} to {100 * row[k]['high']:5.1f}%" for k in ks)
        lines.append(f"{name:<16} {row['problems']:>8}" + "".join(cells))
    if summary["mean_steps"]:
        lines.append(f"steps a completion: {summary['mean_steps']:.1f}; "
                     f"generation: {summary['generation_seconds']:.1f} s")
    return "\n".join(lines)


def sample_counts(problems: list[Row], answers: list[Row]) -> int:
    """How many answers each problem has.  Ends the program where that differs, or a problem is not known."""
    counts = Counter(answer["task_id"] for answer in answers)
    unknown = sorted(set(counts) - {problem["task_id"] for problem in problems})
    if unknown:
        raise SystemExit(f"answers to {unknown[0]}, which is not among the problems")
    most = max(counts.values(), default=1)
    short = [task_id for task_id, count in counts.items() if count < most]
    if short:
        raise SystemExit(f"{short[0]} has {counts[short[0]]} answers, others have {most}")
    return most


def answers_for(options: argparse.Namespace, problems: list[Row]) -> list[Row]:
    """Answers from where the options say."""
    if options.reference:
        return [{"task_id": p["task_id"], "completion": p["canonical_solution"]} for p in problems]
    if options.answers:
        return read_rows(options.answers)
    return generate(options.unmask, options.model, problems, options.samples, options.options)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, help="directory of the model to run")
    source.add_argument("--answers", type=Path, help="answers made earlier, as JSON Lines")
    source.add_argument("--reference", action="store_true", help="judge the reference solutions themselves")
    parser.add_argument("--problems", type=Path, required=True)
    parser.add_argument("--formats", help="only the problems of these, such as completion,infilling")
    parser.add_argument("--samples", type=int, default=1, help="answers a problem; more need --temperature after --")
    parser.add_argument("--unmask", default="unmask", help="the program (default: the one on the path)")
    parser.add_argument("--sandbox", help="level of `unmask judge` (default: its own)")
    parser.add_argument("--output", type=Path, help="write the summary and every result as JSON")
    parser.add_argument("--save-answers", type=Path, help="write the answers as JSON Lines")
    parser.add_argument("options", nargs="*", help="options of `unmask generate`, after --")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    problems = read_rows(options.problems)
    if options.formats:
        problems = [problem for problem in problems if format_of(problem) in options.formats.split(",")]
        if not problems:
            raise SystemExit(f"{options.problems}: no problem in any of these formats: {options.formats}")
    started = time.monotonic()
    answers = answers_for(options, problems)
    elapsed = time.monotonic() - started
    if options.save_answers:
        write_rows(options.save_answers, answers)
    samples = sample_counts(problems, answers)
    results = judge(options.unmask, problems, answers, ["--sandbox", options.sandbox] if options.sandbox else [])
    summary = summarise(problems, results, [k for k in (1, 10, 100) if k <= samples])
    summary |= {"wall_seconds": elapsed, "options": options.options}
    print(table(summary))
    if options.output:
        kept = ("task_id", "passed", "verdict", "steps", "seconds")
        outcomes = [{name: result[name] for name in kept if name in result} for result in results]
        options.output.write_text(json.dumps(summary | {"outcomes": outcomes}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
