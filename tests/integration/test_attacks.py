#!/usr/bin/env python3
"""Every program of tests/attacks scores zero, and the honest ones beside it pass: test_attacks.py UNMASK

An attack on the sandbox is a correct program that fails unless the attack works; one on the verdict is a
wrong program.  So each must pass no test at all: in warm and in fresh interpreters, as root and as an ordinary
user.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

ATTACKS = pathlib.Path(__file__).resolve().parents[1] / "attacks"
NOBODY = 65534
HONEST = "import math\n\n\ndef solve(numbers):\n    return sum(n * n for n in numbers)\n"
# None of the results is one that a program might give by chance, such as 0, 1 or True.
CHECK = """def reference(numbers):
    return sum(n ** 2 for n in numbers)


def helper(left, right):
    return abs(left - right) < 1e-6 and type(left) is int


def check(candidate):
    solve_expected = 90
    assert candidate([1, 2, 3]) == 14
    assert candidate([4, 5, 7]) == solve_expected
    assert helper(candidate([10, 20]), reference([10, 20]))
    assert candidate([3, 9, 12]) in (234, 235)
    assert all(candidate([n, 2, n]) == 4 + 2 * n * n for n in (7, 8, 9))
"""
ASSERTS = ["assert solve([1, 2, 3]) == 14", "assert abs(solve([4, 5, 7]) - 90) < 1e-6",
           "assert sorted([solve([3, 9]), 1]) == [1, 90]", "assert math.isclose(solve([4, 8]), 80)"]
# Other machines have no counterpart of these.
ONLY_ON = {"old_system_calls": "x86_64"}
# Attacks that a weaker setting does not prevent, as docs/SANDBOX.md says.
NOT_PREVENTED = {"--fresh": "execute", "--sandbox=bubblewrap": "file_count"}
PROBLEMS = [{"task_id": "check", "prompt": "", "entry_point": "solve", "test": CHECK},
            {"task_id": "asserts", "question": "Sum of squares.", "test_cases": ASSERTS}]


def completion(problem, program):
    return f"```python\n{program}\n```\n" if problem["task_id"] == "asserts" else program


def programs():
    """Names and texts: the attacks, and an honest program after each few."""
    machine = os.uname().machine
    assert machine in ("x86_64", "aarch64"), f"the attacks do not know the system calls of {machine}"
    files = sorted(file for file in ATTACKS.glob("*.py") if ONLY_ON.get(file.stem, machine) == machine)
    assert len(files) > 50
    for number, file in enumerate(files):
        yield file.stem, file.read_text()
        if number % 5 == 0:
            yield "honest", HONEST


class Attacks(unittest.TestCase):
    unmask = ""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="unmask-attacks-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder)
        # An ordinary user may be unable to reach the build directory.
        self.program = shutil.copy(self.unmask, self.folder / "unmask")
        rows = "".join(json.dumps(problem) + "\n" for problem in PROBLEMS)
        (self.folder / "problems.jsonl").write_text(rows)

    def judge(self, user, *options):
        """The results of all attacks by both problems."""
        samples = [{"task_id": problem["task_id"], "attack": name, "completion": completion(problem, text)}
                   for name, text in programs() for problem in PROBLEMS]
        return self.judge_samples(samples, user, "--timeout", "2", *options)

    def passes_alone(self, row, user, *options):
        """On a busy machine two seconds may be too few for an honest program; with more it must pass."""
        if row["verdict"] != "timeout":
            return False
        sample = {name: row[name] for name in ("task_id", "attack", "completion")}
        return self.judge_samples([sample], user, "--timeout", "60", *options)[0]["passed"]

    def judge_samples(self, samples, user, *options):
        (self.folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in samples))
        output = self.folder / "out"
        output.mkdir(exist_ok=True)
        output.chmod(0o777)
        command = [*user, self.program, "judge", "problems.jsonl", "samples.jsonl", "--memory", "256",
                   "--workers", "4", "--output", "out/results.jsonl", *options]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=280, check=False)
        if "is not to be had on this system" in done.stderr:
            self.skipTest(done.stderr.strip())
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in (output / "results.jsonl").read_text().splitlines()]

    def check_all(self, user, *options):
        before = processes()
        not_prevented = [NOT_PREVENTED[option] for option in options if option in NOT_PREVENTED]
        for row in self.judge(user, *options):
            if row["attack"] in not_prevented:
                continue
            with self.subTest(attack=row["attack"], problem=row["task_id"], verdict=row["verdict"], text=row["result"]):
                if row["attack"] == "honest":
                    self.assertTrue(row["passed"] or self.passes_alone(row, user, *options))
                else:
                    self.assertFalse(row["passed"])
                    self.assertEqual(row["tests_passed"], 0)
                    self.assertEqual(row["code_reward"], 0)
        self.assertFalse(pathlib.Path("/usr/lib/unmask-attack").exists())
        self.wait_for_none_beyond(before)

    def wait_for_none_beyond(self, before):
        """Killed processes must be gone within ten seconds."""
        deadline = time.monotonic() + 10
        while processes() - before and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual(processes() - before, set())

    def as_user(self):
        if os.geteuid() != 0:
            return []
        if shutil.which("setpriv") is None:
            self.skipTest("setpriv, to become an ordinary user, is not there")
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

    def as_root(self):
        if os.geteuid() != 0:
            self.skipTest("the tests do not run as root")
        return []

    def test_warm_as_root(self):
        self.check_all(self.as_root())

    def test_fresh_as_root(self):
        self.check_all(self.as_root(), "--fresh")

    def test_warm_as_an_ordinary_user(self):
        self.check_all(self.as_user())

    def test_fresh_as_an_ordinary_user(self):
        self.check_all(self.as_user(), "--fresh")

    def test_without_landlock(self):
        self.check_all([], "--sandbox=namespaces")

    def test_in_bubblewrap(self):
        if shutil.which("bwrap") is None:
            self.skipTest("bubblewrap is not there")
        self.check_all([], "--sandbox=bubblewrap")

    def test_without_namespaces(self):
        if "no Landlock" in self.sandbox("seccomp"):
            self.skipTest("this kernel has no Landlock, without which files can be read at the level seccomp")
        self.check_all([], "--sandbox=seccomp")

    def sandbox(self, level):
        """How the program describes a level."""
        command = [self.program, "judge", "/dev/null", "/dev/null", f"--sandbox={level}", "--workers=1"]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stderr


def parent_and_name(process):
    """The parent's id and the name, from /proc/PID/stat, whose second field is the name in parentheses."""
    text = pathlib.Path("/proc", process, "stat").read_text()
    name, rest = text.split("(", 1)[1].rsplit(")", 1)
    return rest.split()[1], name


def has_judge(process):
    """Whether an ancestor of the process is a program that judges, maybe that of another test."""
    while process not in ("0", "1"):
        process, _ = parent_and_name(process)
        if process != "0" and parent_and_name(process)[1].startswith(("unmask", "test_", "bench_")):
            return True
    return False


ENDS = (b"run_zygote(3)", b"run_test_server(3)", b"run_program(3)", b"run_tests(3")  # in the text that an interpreter is given


def processes():
    """The interpreters that a judge has started and left behind, by their command lines."""
    found = set()
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
            if any(end in line for end in ENDS) and not has_judge(entry.name):
                found.add(entry.name)
        except OSError:
            pass  # it has ended meanwhile
    return found


if __name__ == "__main__":
    Attacks.unmask = os.path.abspath(sys.argv.pop(1))
    unittest.main()
