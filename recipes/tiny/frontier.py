#!/usr/bin/env python3
"""Quality against cost: pass@1, forwards, rows and time of `unmask generate` for many settings.

    frontier.py --unmask build/unmask --problems validation.problems.jsonl [--only REGEX] [--limit N]
    frontier.py --unmask build/unmask --problems validation.problems.jsonl --time --threads 2 [--only REGEX]
    frontier.py --list | --report

Results are added to frontier.jsonl beside this script, one line per setting.  A setting that is there is not measured
again, except with --time.  Each run ends by rewriting docs/FRONTIER.md and docs/images/frontier.svg, or, with --results
OTHER.jsonl, OTHER.md and OTHER.svg.  Completions, forwards and rows do not depend on the machine's load; --time
measures seconds, which do: it notes how busy other processes kept the processors, and repeats disturbed measurements.
"""

import argparse
import hashlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import frontier_report
from frontier_settings import LENGTH, Setting, grid

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "frontier.jsonl"
ROOT = HERE.parent.parent
REPETITIONS_AT_MOST = 3  # times --repetitions, if other processes disturb some


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file; ends the program with a message if it cannot be read."""
    try:
        with path.open() as lines:
            return [json.loads(line) for line in lines if line.strip()]
    except OSError as problem:
        raise SystemExit(f"{path}: {problem.strerror}") from None
    except ValueError as problem:
        raise SystemExit(f"{path}: {problem}") from None


def cut_torn_line(path: Path) -> None:
    """Take off the last line of a file if a killed process left it without its end."""
    with path.open("rb+") as file:
        file.truncate(file.read().rfind(b"\n") + 1)


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
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


def spread(rows: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """`limit` rows at equal distances, so that every level has its share; 0: all."""
    if limit == 0 or limit >= len(rows):
        return rows
    return [rows[i * len(rows) // limit] for i in range(limit)]


def judge(unmask: str, problems: list[dict[str, Any]], answers: list[dict[str, Any]],
          workers: int) -> list[dict[str, Any]]:
    """The answers, in their order, with `passed`."""
    with tempfile.TemporaryDirectory() as folder:
        problem_file, answer_file, results = (Path(folder) / name for name in ("problems", "answers", "results"))
        write_rows(problem_file, problems)
        write_rows(answer_file, answers)
        run([unmask, "judge", str(problem_file), str(answer_file), "--output", str(results), "--json",
             "--workers", str(workers)])
        return read_rows(results)


class Judge:
    """Verdicts on completions by `unmask judge`; the same completion is tested once."""

    def __init__(self, path: Path, unmask: str, workers: int) -> None:
        self.path, self.unmask, self.workers = path, unmask, workers
        if path.exists():
            cut_torn_line(path)
        self.known = {row["key"]: row["passed"] for row in read_rows(path)} if path.exists() else {}

    def __call__(self, problems: list[dict[str, Any]], completions: list[str]) -> list[bool]:
        pairs = list(zip(problems, completions, strict=True))
        keys = [hashlib.sha256((problem["prompt"] + completion + "\n" + problem["test"]).encode()).hexdigest()[:32]
                for problem, completion in pairs]
        new = {key: pair for key, pair in zip(keys, pairs, strict=True) if key not in self.known}
        if new:
            results = judge(self.unmask, [{**problem, "task_id": key} for key, (problem, _) in new.items()],
                            [{"task_id": key, "completion": completion} for key, (_, completion) in new.items()],
                            self.workers)
            verdicts = [{"key": result["task_id"], "passed": result["passed"]} for result in results]
            self.known |= {row["key"]: row["passed"] for row in verdicts}
            with self.path.open("a") as out:
                out.writelines(json.dumps(row) + "\n" for row in verdicts)
        return [self.known[key] for key in keys]


def busy_seconds() -> float:
    """Processor seconds that all processes have used since the machine was started; 0 without /proc/stat."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return 0.0
    user, nice, system, _, _, irq, softirq, steal = (int(field) for field in fields[:8])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def generate(options: argparse.Namespace, setting: Setting, problems: list[dict[str, Any]],
             batch: int) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """What `unmask generate` prints for each problem; its processor seconds, and others' share of the processors."""
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as prompts:
        write_rows(Path(prompts.name), ({"task_id": row["task_id"], "prompt": row["prompt"]} for row in problems))
        command = [options.unmask, "generate", "--model", str(options.model), "--json", "--prompts", prompts.name,
                   "--length", str(LENGTH), "--batch", str(batch), "--threads", str(options.threads),
                   *setting.arguments]
        before, busy, started = resource.getrusage(resource.RUSAGE_CHILDREN), busy_seconds(), time.monotonic()
        printed = run(command)
        wall, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    own = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    others = max(0.0, busy_seconds() - busy - own) / (wall * (os.cpu_count() or 1))
    answers = {answer["task_id"]: answer for answer in map(json.loads, printed.splitlines())}
    return [answers[row["task_id"]] for row in problems], {"cpu": own, "others": others}


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def measure_quality(options: argparse.Namespace, setting: Setting, problems: list[dict[str, Any]],
                    judged: Judge) -> dict[str, Any]:
    """The record of a setting: in `passed` one digit for each problem, and means over the answers."""
    answers, seconds = generate(options, setting, problems, options.batch)
    passed = judged(problems, [answer["completion"] for answer in answers])
    counts = {key: mean([answer[key] for answer in answers])
              for key in ("forwards", "rows", "answer_tokens", "prompt_tokens")}
    return {"kind": "quality", "model": options.model_hash, "setting": setting.name, "arguments": setting.arguments, "set": options.set,
            "problems": options.problems_hash, "count": len(problems), "passed": "".join("01"[value] for value in passed),
            "levels": "".join(str(problem["level"]) for problem in problems), **counts,
            "cpu_seconds": seconds["cpu"] / len(problems)}


def measure_times(options: argparse.Namespace, setting: Setting, problems: list[dict[str, Any]]) -> dict[str, Any]:
    """One repetition at batch 1: seconds of decoding, without opening the model."""
    answers, seconds = generate(options, setting, problems, 1)
    decoding = sum(answer["seconds"] for answer in answers)
    tokens = sum(answer["answer_tokens"] for answer in answers)
    return {"kind": "time", "model": options.model_hash, "setting": setting.name, "threads": options.threads, "set": options.set,
            "problems": options.problems_hash, "count": len(problems), "seconds": decoding / len(problems), "tokens_per_second": tokens / decoding,
            "forwards": mean([answer["forwards"] for answer in answers]), "others": seconds["others"]}


def append(path: Path, record: dict[str, Any]) -> None:
    with path.open("a") as out:
        out.write(json.dumps(record) + "\n")


def model_hash(model: Path) -> str:
    """A hash of the weights: results of different models must not be mixed."""
    return hashlib.sha256((model / "model.safetensors" if model.is_dir() else model).read_bytes()).hexdigest()[:16]


def problems_hash(problems: list[dict[str, Any]]) -> str:
    """A hash of the problems: verdicts are compared by their places among these."""
    return hashlib.sha256("".join(problem["prompt"] + problem["test"] for problem in problems).encode()).hexdigest()[:16]


def check_results(path: Path, model: str, problem_set: str, problems: str) -> None:
    """End the program if the results are of another model, or, under the same name, of other problems."""
    for row in read_rows(path) if path.exists() else ():
        other = "another model" if row["model"] != model else None
        if row["set"] == problem_set and row.get("problems", problems) != problems:
            other = f"other problems that are also called {problem_set}"
        if other:
            raise SystemExit(f"{path}: holds results of {other}; name another file with --results, or move it away")


def run_quality(options: argparse.Namespace, settings: list[Setting], problems: list[dict[str, Any]]) -> None:
    done = {(row["setting"], row["set"]): row["count"] for row in read_rows(options.results)
            if row["kind"] == "quality"} if options.results.exists() else {}
    open_settings = [s for s in settings if done.get((s.name, options.set), 0) < len(problems)]
    options.verdicts.parent.mkdir(parents=True, exist_ok=True)
    judged = Judge(options.verdicts, options.unmask, options.jobs)
    for number, setting in enumerate(open_settings, 1):
        started = time.monotonic()
        record = measure_quality(options, setting, problems, judged)
        append(options.results, record)
        print(f"[{number}/{len(open_settings)}] {setting.name}: {record['passed'].count('1')} of {len(problems)} pass, "
              f"{record['forwards']:.2f} forwards, {record['rows']:.0f} rows, {record['cpu_seconds']:.3f} s of CPU, "
              f"took {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def run_times(options: argparse.Namespace, settings: list[Setting], problems: list[dict[str, Any]]) -> None:
    """Repetitions of all settings in turn, so that a slow minute hits all of them."""
    good: dict[str, int] = dict.fromkeys((setting.name for setting in settings), 0)
    for _ in range(REPETITIONS_AT_MOST * options.repetitions):
        started = time.time()
        for setting in settings:
            if good[setting.name] >= options.repetitions:
                continue
            record = measure_times(options, setting, problems)
            record["round"] = started
            record["disturbed"] = record["others"] > options.quiet
            good[setting.name] += not record["disturbed"]
            append(options.results, record)
            print(f"{setting.name}: {1000 * record['seconds']:.1f} ms an answer, others {record['others']:.0%}"
                  f"{', disturbed' if record['disturbed'] else ''}", file=sys.stderr, flush=True)


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--unmask", default="unmask", help="the program (default: the one on the path)")
    parser.add_argument("--model", type=Path, default=ROOT / "models/tiny")
    parser.add_argument("--problems", type=Path, help="JSON Lines of tasks.py problems; completions only")
    parser.add_argument("--set", help="what to call the problems (default: the file's name up to the first dot)")
    parser.add_argument("--only", metavar="REGEX", help="settings whose name contains this")
    parser.add_argument("--limit", type=int, default=0, help="so many of the problems, at equal distances")
    parser.add_argument("--batch", type=int, default=16, help="of the quality runs; no result depends on it")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="programs that are tested at a time")
    parser.add_argument("--time", action="store_true", help="measure seconds at batch 1, of the table's settings")
    parser.add_argument("--repetitions", type=int, default=5, help="undisturbed ones, with --time")
    parser.add_argument("--quiet", type=float, default=0.05, help="others' share of the processors that disturbs")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--verdicts", type=Path, default=HERE / "data/verdicts.jsonl", help="known ones are kept here")
    parser.add_argument("--list", action="store_true", help="print the settings")
    parser.add_argument("--report", action="store_true", help="write the table and the plot only")
    options = parser.parse_args(arguments)
    if not (options.list or options.report) and not options.problems:
        parser.error("--problems is missing")
    options.set = options.set or (options.problems.name.split(".")[0] if options.problems else "validation")
    return options


def chosen(options: argparse.Namespace) -> list[Setting]:
    settings = grid()
    if options.time and not options.only:
        names = frontier_report.timed_settings(read_rows(options.results))
        settings = [setting for setting in settings if setting.name in names]
    return [setting for setting in settings if re.search(options.only or "", setting.name)]


def main(arguments: list[str]) -> int:
    options = parse_arguments(arguments)
    settings = chosen(options)
    if options.list:
        for setting in settings:
            print(f"{setting.name}: {' '.join(setting.arguments)}")
        return 0
    if not options.report:
        completions = [row for row in read_rows(options.problems) if row.get("format", "completion") == "completion"]
        problems = spread(completions, options.limit)
        options.model_hash = model_hash(options.model)
        options.problems_hash = problems_hash(completions)
        check_results(options.results, options.model_hash, options.set, options.problems_hash)
        measure: Callable[..., None] = run_times if options.time else run_quality
        measure(options, settings, problems)
    page, plot = ROOT / "docs/FRONTIER.md", ROOT / "docs/images/frontier.svg"
    if options.results.resolve() != RESULTS.resolve():
        page, plot = options.results.with_suffix(".md"), options.results.with_suffix(".svg")
    frontier_report.write(read_rows(options.results), page, plot)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
