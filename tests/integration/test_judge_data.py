#!/usr/bin/env python3
"""The references of published problem sets pass in the sandbox as in plain Python: test_judge_data.py UNMASK

UNMASK_DATA names a directory with human-eval/HumanEval.jsonl.gz, mbpp/mbpp.jsonl, mbpp/sanitized-mbpp.json, the sets of
human-eval-infilling/ and, if the interpreter of the sandbox has NumPy, evalplus/HumanEvalPlus-OriginFmt.jsonl.gz and
evalplus/MbppPlus-OriginFmt.jsonl.gz.  With or without it, a few problems of this file are judged that have what those sets
have: helpers, changed arguments, floats, set-up code.

References that are changed so that they cannot be right must fail; those with one operator or number changed must get the
verdict of plain Python.
"""

import ast
import gzip
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import unittest

OWN = [
    {"task_id": "helper", "prompt": "def shift(s):\n    return s[1:] + s[:1]\n\n\ndef unshift(s):\n    \"\"\"Undo shift.\"\"\"\n",
     "entry_point": "unshift", "canonical_solution": "    return s[-1:] + s[:-1]\n",
     "test": "METADATA = {}\n\n\ndef check(candidate):\n    from random import choice\n    import copy\n    import string\n"
             "    letters = string.ascii_lowercase\n    for _ in range(100):\n        text = ''.join(choice(letters) for _ in range(9))\n"
             "        assert candidate(copy.deepcopy(shift(text))) == text\n"},
    {"task_id": "float", "prompt": "from typing import List\nimport math\n\n\ndef mean(xs: List[float]) -> float:\n",
     "entry_point": "mean", "canonical_solution": "    return sum(xs) / len(xs)\n",
     "test": "def check(candidate):\n    assert math.fabs(candidate([0.1, 0.2]) - 0.15) < 1e-6\n    assert tuple(candidate([i, i]) for i in "
             "range(3)) == (0.0, 1.0, 2.0)\n"},
    {"task_id": 3, "text": "Depth.", "code": "class Node:\n    def __init__(self, v):\n        self.v, self.left = v, None\n\n\ndef depth(n):\n"
                                             "    return 0 if n is None else 1 + depth(n.left)\n",
     "test_setup_code": "root = Node(1)\r\nroot.left = Node(2)", "test_list": ["assert depth(root) == 2", "assert depth(root.left)==1"]},
    {"task_id": 4, "text": "Shadow a built-in function.", "code": "def sum(a, b):\n    return a + b\n",
     "test_list": ["assert sum(1, 2) == 3", "assert sum(-1, 1) == 0"]},
    {"task_id": 5, "text": "Shadow a built-in function, with a script.", "code": "def sum(a, b):\n    return a + b\n",
     "test_list": ["assert sum(1, 2) == 3"],
     "test": "def assertion(out, exp):\n    assert out == exp\n\n\nfor i in range(9):\n    assertion(sum(i, 1), i + 1)\n"},
]


def plain(problem, timeout=30):
    """Whether the reference passes in plain Python."""
    if "test_list" in problem:
        parts = [problem["code"], *problem.get("test_imports", []), problem.get("test_setup_code", ""), *problem["test_list"],
                 problem.get("test", "")]
    else:
        parts = [problem["prompt"] + problem["canonical_solution"], problem["test"], f"check({problem['entry_point']})"]
    try:
        done = subprocess.run(["/usr/bin/python3", "-c", "\n".join(parts)], capture_output=True, timeout=timeout, check=False,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30)))
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def raising(body):
    """A body that raises at once."""
    return "    raise RuntimeError\n" + body


class Slip(ast.NodeTransformer):
    """Changes the first operator, comparison or integer of a function, in the order of the visit, into another one."""

    OTHERS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Mod: ast.FloorDiv, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
              ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.And: ast.Or,
              ast.Or: ast.And}

    def __init__(self):
        self.done = False

    def visit(self, node):
        node = self.generic_visit(node)
        if not self.done and type(node) in self.OTHERS:
            self.done = True
            return self.OTHERS[type(node)]()
        if not self.done and isinstance(node, ast.Constant) and type(node.value) is int:
            self.done = True
            return ast.Constant(node.value + 1)
        return node


def with_a_slip(problem):
    """The problem with a reference changed by Slip, or None if there is nothing to change."""
    tree = ast.parse(problem["prompt"] + problem["canonical_solution"])
    slip = Slip()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == problem["entry_point"]:
            node.body = [slip.visit(part) for part in node.body]
    whole = ast.unparse(tree) + "\n"
    return {**problem, "prompt": "\n", "canonical_solution": whole} if slip.done else None


class References(unittest.TestCase):
    unmask = ""

    def judge(self, problems, *options, timeout=60):
        """Names of the problems whose reference does not pass, with what went wrong."""
        with tempfile.TemporaryDirectory() as folder:
            source, target = pathlib.Path(folder, "problems.jsonl"), pathlib.Path(folder, "results.jsonl")
            source.write_text("".join(json.dumps(row) + "\n" for row in problems))
            done = subprocess.run([self.unmask, "judge", source, "--reference", "--timeout", str(timeout), "--output", target, *options],
                                  capture_output=True, text=True, timeout=280, check=False)
            if "is not to be had on this system" in done.stderr and not options:
                return self.judge(problems, "--sandbox=none", timeout=timeout)
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = [json.loads(line) for line in target.read_text().splitlines()]
        self.assertEqual(len(rows), len(problems))
        return {str(row["task_id"]): row["result"] for row in rows if not row["passed"]}

    def assert_as_plain(self, problems):
        """Nearly all references must pass; one that does not must fail in plain Python too."""
        by_id = {str(problem["task_id"]): problem for problem in problems}
        failed = self.judge(problems)
        self.assertLess(len(failed), 5, failed)
        for name, text in failed.items():
            self.assertFalse(plain(by_id[name]), f"{name}: {text}")

    def judge_mutants(self, problems, mutate, reference):
        """Judge each reference after a change that no test may accept; return the names of those that pass."""
        mutants = [{**problem, reference: mutate(problem[reference])} for problem in problems]
        return {str(problem["task_id"]) for problem in problems} - set(self.judge(mutants))

    def lines(self, name):
        with gzip.open(self.data(name), "rt") as lines:
            return [json.loads(line) for line in lines]

    def plus(self, name, every):
        """Every `every`th problem of a set that needs NumPy: all of them would take long."""
        if subprocess.run(["/usr/bin/python3", "-c", "import numpy"], capture_output=True, check=False).returncode != 0:
            self.skipTest("/usr/bin/python3 has no NumPy (python3-numpy)")
        return self.lines(name)[::every]

    def data(self, name):
        folder = os.environ.get("UNMASK_DATA")
        if not folder or not pathlib.Path(folder, name).exists():
            self.skipTest(f"UNMASK_DATA names no directory with {name}")
        return pathlib.Path(folder, name)

    def test_own_problems(self):
        for problem in OWN:
            self.assertTrue(plain(problem), problem["task_id"])
        self.assertEqual(self.judge(OWN), {})

    def test_human_eval(self):
        problems = self.lines("human-eval/HumanEval.jsonl.gz")
        self.assertEqual(len(problems), 164)
        self.assertEqual(self.judge(problems), {})

    def test_human_eval_infilling(self):
        problems = self.lines("human-eval-infilling/HumanEval-RandomSpanInfillingLight.jsonl.gz")
        self.assertEqual(len(problems), 164)
        self.assertEqual(self.judge(problems), {})

    def test_human_eval_infilling_of_lines(self):
        for name, every in (("SingleLine", 8), ("MultiLine", 40)):
            problems = self.lines(f"human-eval-infilling/HumanEval-{name}Infilling.jsonl.gz")[::every]
            self.assertGreater(len(problems), 100)
            self.assertEqual(self.judge(problems), {})

    def test_plus_versions(self):
        """One published test is wrong itself (HumanEval/32 of HumanEval+)."""
        self.assert_as_plain(self.plus("evalplus/HumanEvalPlus-OriginFmt.jsonl.gz", 16))
        self.assert_as_plain(self.plus("evalplus/MbppPlus-OriginFmt.jsonl.gz", 60))

    def test_changed_references_fail(self):
        self.assertEqual(self.judge_mutants(OWN[:2], raising, "canonical_solution"), set())
        self.assertEqual(self.judge_mutants(OWN[2:], lambda code: code + "\nraise ValueError\n", "code"), set())

    def test_changed_references_of_human_eval_fail(self):
        problems = self.lines("human-eval/HumanEval.jsonl.gz")
        self.assertEqual(self.judge_mutants(problems, lambda body: "    return object()\n", "canonical_solution"), set())

    def test_changed_references_of_mbpp_fail(self):
        problems = json.loads(self.data("mbpp/sanitized-mbpp.json").read_text())
        self.assertEqual(self.judge_mutants(problems, lambda code: code + "\nraise ValueError\n", "code"), set())

    def test_a_slip_gets_the_verdict_of_plain_python(self):
        slips = [slip for slip in map(with_a_slip, [OWN[1], *self.lines("human-eval/HumanEval.jsonl.gz")]) if slip]
        self.assertGreater(len(slips), 140)
        failed = self.judge(slips, timeout=10)
        self.assertGreater(len(failed), 100)
        for slip in slips:
            with self.subTest(slip["task_id"]):
                if plain(slip, timeout=2):
                    self.assertNotIn(slip["task_id"], failed)
                else:  # including an endless one
                    self.assertIn(slip["task_id"], failed)

    def test_mbpp(self):
        problems = [json.loads(line) for line in self.data("mbpp/mbpp.jsonl").read_text().splitlines()]
        self.assertEqual(len(problems), 974)
        self.assertEqual(self.judge(problems), {})

    def test_mbpp_sanitized(self):
        problems = json.loads(self.data("mbpp/sanitized-mbpp.json").read_text())
        self.assertEqual(self.judge(problems), {})


if __name__ == "__main__":
    References.unmask = os.path.abspath(sys.argv.pop(1))
    unittest.main()
