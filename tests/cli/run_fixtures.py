#!/usr/bin/env python3
"""Run command-line fixtures: run_fixtures.py --program build/unmask FILE.test...

A fixture file has lines of `key: value`.  Blank lines and lines that start with # are skipped.

    case: TEXT           start a case: a name and a fresh, empty working directory
    file: NAME TEXT      append the line TEXT to the file NAME of that directory
    run: COMMAND         one command of the case, split into words as a shell would, but run without
                         a shell; the word `unmask` is the program under test

The keys after a `run` belong to it:

    env: NAME=VALUE      set a variable (the environment is otherwise PATH, HOME and LANG=C)
    stdin: TEXT          one line of its standard input, which is empty without this key
    timeout: SECONDS     stop it and fail after this time (default 60)
    exit: N              the expected exit status (default 0)
    stdout: REGEX        is found in the output; ^ and $ match at every line
    stdout-not: REGEX    is not found
    stdout-is: TEXT      one line of the whole output, which must be exactly these lines
    stderr: ..., stderr-not: ..., stderr-is: ...   the same for standard error
    empty: STREAM        stdout or stderr holds nothing at all
    contains: NAME REGEX the file NAME of the directory exists and REGEX is found in it

`run`, `file`, `env` and `stdin` replace ${source} by the root of the repository and ${work} by the
working directory; $$ is a dollar sign.  A program that dies from a signal always fails.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shlex
import string
import subprocess
import sys
import tempfile

SOURCE_ROOT = pathlib.Path(__file__).resolve().parents[2]
DEFAULT_TIMEOUT = 60.0
STREAMS = ("stdout", "stderr")


class FixtureError(Exception):
    """A fixture file that is not in the format above."""


@dataclasses.dataclass
class Step:
    """One `run` and what is expected of it."""

    command: str
    line: int
    environment: list = dataclasses.field(default_factory=list)
    stdin: list = dataclasses.field(default_factory=list)
    timeout: float = DEFAULT_TIMEOUT
    exit: int = 0
    found: list = dataclasses.field(default_factory=list)  # (stream, pattern)
    absent: list = dataclasses.field(default_factory=list)  # (stream, pattern)
    exact: dict = dataclasses.field(default_factory=dict)  # stream -> lines
    contains: list = dataclasses.field(default_factory=list)  # (file name, pattern)


@dataclasses.dataclass
class Case:
    name: str
    files: list = dataclasses.field(default_factory=list)  # (file name, line)
    steps: list = dataclasses.field(default_factory=list)


def compile_pattern(text):
    try:
        return re.compile(text, re.MULTILINE)
    except re.error as error:
        raise FixtureError(f"bad regular expression: {error}") from error


def number(kind, text):
    try:
        return kind(text)
    except ValueError as error:
        raise FixtureError(f"{text!r} is not a number") from error


def name_and_rest(text):
    """Split "NAME rest"; the rest may be empty and keeps its further spaces."""
    name, _, rest = text.partition(" ")
    if not name or name.startswith("/") or ".." in name.split("/"):
        raise FixtureError("a file name below the working directory must come first")
    return name, rest


def add_expectation(step, key, value):
    """Apply one key that belongs to a `run`."""
    stream, _, kind = key.partition("-")
    if key == "env":
        if "=" not in value:
            raise FixtureError("env is NAME=VALUE")
        step.environment.append(value)
    elif key == "stdin":
        step.stdin.append(value)
    elif key == "timeout":
        step.timeout = number(float, value)
    elif key == "exit":
        step.exit = number(int, value)
    elif key == "empty":
        if value not in STREAMS:
            raise FixtureError("empty is stdout or stderr")
        step.exact[value] = []
    elif key == "contains":
        name, pattern = name_and_rest(value)
        step.contains.append((name, compile_pattern(pattern)))
    elif stream in STREAMS and kind == "":
        step.found.append((stream, compile_pattern(value)))
    elif stream in STREAMS and kind == "not":
        step.absent.append((stream, compile_pattern(value)))
    elif stream in STREAMS and kind == "is":
        step.exact.setdefault(stream, []).append(value)
    else:
        raise FixtureError(f"unknown key {key!r}")


def add_line(cases, line_number, key, value):
    """Apply one line of a fixture file to the list of cases."""
    if key == "case":
        cases.append(Case(value))
        return
    if not cases:
        raise FixtureError("the first key must be case")
    case = cases[-1]
    if key == "file":
        case.files.append(name_and_rest(value))
    elif key == "run":
        case.steps.append(Step(value, line_number))
    elif not case.steps:
        raise FixtureError(f"{key!r} must come after a run")
    else:
        add_expectation(case.steps[-1], key, value)


def parse(text):
    """Return the cases of a fixture file; FixtureError names the line that is wrong."""
    cases = []
    for line_number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, colon, value = line.partition(":")
        try:
            if not colon:
                raise FixtureError("expected `key: value`")
            add_line(cases, line_number, key.strip(), value.removeprefix(" "))
        except FixtureError as error:
            raise FixtureError(f"line {line_number}: {error}") from error
    for case in cases:
        if not case.steps:
            raise FixtureError(f"case {case.name!r} runs nothing")
    if not cases:
        raise FixtureError("there is no case in it")
    return cases


def expand(text, work):
    return string.Template(text).substitute(source=SOURCE_ROOT, work=work)


def step_environment(step, work):
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(work), "LANG": "C"}
    # Variables of the sanitizers and the build machine, such as ASAN_OPTIONS and UNMASK_KERNELS.
    environment.update(
        (name, value)
        for name, value in os.environ.items()
        if name.endswith("SAN_OPTIONS") or name.startswith(("UNMASK_", "OPENBLAS_"))
    )
    environment.update(expand(text, work).split("=", 1) for text in step.environment)
    return environment


def join_lines(lines):
    return "".join(line + "\n" for line in lines)


def execute(program, step, work):
    """Run one step and return its CompletedProcess; TimeoutExpired passes through."""
    words = [program if word == "unmask" else expand(word, work) for word in shlex.split(step.command)]
    return subprocess.run(
        words,
        input=expand(join_lines(step.stdin), work),
        env=step_environment(step, work),
        cwd=work,
        timeout=step.timeout,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def check_files(step, work):
    for name, pattern in step.contains:
        file = work / name
        if not file.is_file():
            yield f"{name} was not written"
        elif not pattern.search(file.read_text(errors="replace")):
            yield f"{name} does not contain /{pattern.pattern}/"


def check_step(step, result, work):
    """Yield what differs from the expectations of a step."""
    if result.returncode < 0:
        yield f"died from signal {-result.returncode}"
    elif result.returncode != step.exit:
        yield f"exit status {result.returncode}, expected {step.exit}"
    streams = {"stdout": result.stdout, "stderr": result.stderr}
    for stream, pattern in step.found:
        if not pattern.search(streams[stream]):
            yield f"{stream} lacks /{pattern.pattern}/"
    for stream, pattern in step.absent:
        if pattern.search(streams[stream]):
            yield f"{stream} has /{pattern.pattern}/"
    for stream, lines in step.exact.items():
        if streams[stream] != join_lines(lines):
            yield f"{stream} is not exactly {join_lines(lines)!r}"
    yield from check_files(step, work)


def show(result):
    return f"stdout: {result.stdout[-2000:]!r}\n    stderr: {result.stderr[-4000:]!r}"


def run_case(program, case):
    """Return the problems of one case as text, each starting with its line; none if it passed."""
    with tempfile.TemporaryDirectory(prefix="unmask-fixture-") as folder:
        work = pathlib.Path(folder)
        for name, line in case.files:
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            with (work / name).open("a") as file:
                file.write(expand(line, work) + "\n")
        for step in case.steps:
            try:
                result = execute(program, step, work)
            except subprocess.TimeoutExpired:
                return [f"line {step.line}: still running after {step.timeout:g} s"]
            except OSError as error:
                return [f"line {step.line}: cannot run {step.command}: {error}"]
            problems = list(check_step(step, result, work))
            if problems:
                return [f"line {step.line}: {text}" for text in problems] + [show(result)]
    return []


def run_file(program, path):
    """Run every case of a file, print the result of each and return the number that failed."""
    failures = 0
    for case in parse(path.read_text(encoding="utf-8")):
        problems = run_case(program, case)
        print(f"{'FAILED' if problems else 'ok':6} {path.name}: {case.name}")
        for problem in problems:
            print(f"    {problem}")
        failures += bool(problems)
    return failures


def main():
    parser = argparse.ArgumentParser(description="Run command-line fixtures.")
    parser.add_argument("--program", required=True, type=pathlib.Path)
    parser.add_argument("fixtures", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    program = str(arguments.program.resolve())
    failures = 0
    for path in arguments.fixtures:
        try:
            failures += run_file(program, path)
        except FixtureError as error:
            print(f"{path}: {error}", file=sys.stderr)
            return 2
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
