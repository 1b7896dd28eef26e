"""Documents and problems of synthetic tasks in their three formats."""

import ast
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import unittest
from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "tiny"
sys.path.insert(0, str(RECIPE))

import tasks  # noqa: E402
from taskgen import formats, generate, splits  # noqa: E402

# The whole answer: one block and no other text but a newline after the closing fence.
FENCED = re.compile(r"```python\n((?:(?!```).)*)```\n", re.DOTALL)
EQUAL = {name: 1.0 for name in formats.FORMATS}


def program(row: dict) -> str:
    """The program that a problem and its canonical solution make."""
    if row["format"] == "chat":
        return FENCED.fullmatch(row["canonical_solution"]).group(1)
    return row["prompt"] + row["canonical_solution"] + row.get("suffix", "")


def passes(row: dict, source: str) -> bool:
    names: dict[str, object] = {}
    try:
        exec(source, names)
        exec(row["test"], names)
        names["check"](names[row["entry_point"]])
    except Exception:
        return False
    return True


class Documents(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.rows = list(generate.documents("train", 4, 1500, formats=EQUAL))

    def of(self, name: str) -> list[dict]:
        return [row for row in self.rows if row["format"] == name]

    def test_formats_come_in_their_shares(self) -> None:
        for name in formats.FORMATS:
            self.assertAlmostEqual(len(self.of(name)), 500, delta=80)
        rows = generate.documents("train", 4, 300, formats={"completion": 0.0, "chat": 2.0})
        self.assertEqual({row["format"] for row in rows}, {"chat"})

    def test_a_chat_has_a_request_and_one_fenced_program(self) -> None:
        for row in self.of("chat"):
            roles = [message["role"] for message in row["messages"]]
            self.assertEqual(roles, ["user", "assistant"])
            request, answer = (message["content"] for message in row["messages"])
            code = FENCED.fullmatch(answer)
            self.assertIsNotNone(code, answer)
            function = ast.parse(code.group(1)).body[0]
            self.assertIn(function.name, request)
            for argument in function.args.args:
                self.assertIn(argument.arg, request)

    def test_requests_are_worded_in_many_ways(self) -> None:
        starts = Counter(row["messages"][0]["content"][:14] for row in self.of("chat"))
        self.assertGreater(len([start for start, count in starts.items() if count > 5]), 8)
        contents = [row["messages"][0]["content"] for row in self.of("chat")]
        for part in ("```python\ndef ", "assert ", ">>> "):
            self.assertTrue(any(part in content for content in contents), part)

    def test_examples_in_requests_hold(self) -> None:
        checked = 0
        for row in self.of("chat"):
            request, answer = (message["content"] for message in row["messages"])
            for statement in re.findall(r"^.*?(assert .*)$", request, re.MULTILINE):
                names: dict[str, object] = {}
                exec(FENCED.fullmatch(answer).group(1), names)
                exec(statement, names)
                checked += 1
        self.assertGreater(checked, 50)

    def test_a_hole_and_what_is_around_it_make_the_function(self) -> None:
        kinds = Counter()
        for row in self.of("infilling"):
            prompt, hole, suffix = row["prompt"], row["completion"], row["suffix"]
            body = ast.parse(prompt + hole + suffix).body[0].body
            self.assertGreaterEqual(len(body), 2)
            self.assertTrue(hole.strip() and suffix)
            self.assertGreaterEqual(prompt.count('"""'), 2, "the docstring is given")
            whole_lines = prompt.endswith("\n") and suffix.startswith("\n")
            kinds["lines" if whole_lines else "tokens" if "\n" in hole.strip() else "span"] += 1
            before, after = prompt.rpartition('"""\n')[2].strip(), suffix.strip()
            self.assertTrue(before or after, "a hole is not the whole body")
        self.assertGreater(min(kinds["lines"], kinds["span"], kinds["tokens"]), 5, kinds)

    def test_texts_are_short(self) -> None:
        for row in self.rows:
            texts = [m["content"] for m in row["messages"]] if row["format"] == "chat" else \
                [row["prompt"], row["completion"], row.get("suffix", "")]
            self.assertLess(sum(map(len, texts)), 800)


class Problems(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.rows = list(generate.problems("validation", 0, 24))

    def test_levels_and_formats_are_balanced(self) -> None:
        counts = Counter((row["level"], row["format"]) for row in self.rows)
        self.assertEqual(counts, {(level, name): 8 for level in generate.LEVELS for name in formats.FORMATS})
        self.assertEqual(len({row["task_id"] for row in self.rows}), len(self.rows))

    def test_canonical_solutions_pass_and_their_absence_fails(self) -> None:
        for row in self.rows:
            self.assertTrue(passes(row, program(row)), row["task_id"])
            absent = f"def {row['entry_point']}(*arguments):\n    return None\n"
            self.assertFalse(passes(row, absent), row["task_id"])

    def test_only_infilling_has_a_suffix(self) -> None:
        for row in self.rows:
            self.assertEqual("suffix" in row, row["format"] == "infilling")

    def test_problems_for_training_come_from_training_keys(self) -> None:
        rows = list(generate.problems("train", 1, 20, levels=(5, 6), formats=("completion", "chat")))
        self.assertEqual(len(rows), 40)
        self.assertEqual({(row["level"], row["format"]) for row in rows},
                         {(level, name) for level in (5, 6) for name in ("completion", "chat")})
        held_out = {row["key"] for split in splits.HELD_OUT for row in generate.problems(split, 0, 20, levels=(5, 6))}
        self.assertFalse(held_out & {row["key"] for row in rows})

    def test_splits_share_no_problem(self) -> None:
        prompts = {split: {(row["prompt"], row.get("suffix")) for row in generate.problems(split, 0, 15)}
                   for split in (splits.TRAIN, *splits.EVALUATION)}
        self.assertEqual(len(set().union(*prompts.values())), sum(map(len, prompts.values())))


class Commands(unittest.TestCase):
    def output(self, *arguments: str, hash_seed: str = "0") -> bytes:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run([sys.executable, RECIPE / "tasks.py", *arguments], env=environment, check=True,
                              stdout=subprocess.PIPE).stdout

    def test_output_is_the_same_for_the_same_seed_whatever_the_hash_seed(self) -> None:
        for arguments in (("documents", "--count", "300", "--formats", "completion=1,chat=1,infilling=1"),
                          ("problems", "--per-level", "6", "--split", "test")):
            one, other = (self.output(*arguments, hash_seed=seed) for seed in ("1", "2"))
            self.assertEqual(one, other)
            self.assertNotEqual(one, self.output(*arguments, "--seed", "1"))

    def test_count_is_divided_among_the_levels(self) -> None:
        lines = self.output("problems", "--count", "10", "--split", "train", "--levels", "5,6", "--formats", "chat")
        rows = [json.loads(line) for line in lines.splitlines()]
        self.assertEqual(Counter((row["level"], row["format"]) for row in rows), {(5, "chat"): 5, (6, "chat"): 5})

    def test_wrong_options_are_refused(self) -> None:
        for option in (("--formats", "prose"), ("--formats", "chat=-1"), ("--formats", "chat=0"), ("--weights", "1,2"),
                       ("--formats", "chat=many"), ("--formats", "chat,chat")):
            with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
                tasks.parse_arguments(["documents", "--count", "1", *option])
        with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
            tasks.parse_arguments(["problems", "--count", "1", "--split", "test", "--levels", "7"])


class Holes(unittest.TestCase):
    def test_a_body_of_one_short_line_has_a_hole(self) -> None:
        weights = (1, 0, 0, 0, 0, 0)
        random = Random(1)
        for task in islice(generate.distinct_tasks(1, generate.TRAIN, weights), 100):
            form = formats.infilling(task, random)
            self.assertEqual(form.prompt + form.completion + form.suffix, task.prompt + task.completion)
            self.assertNotEqual(form.completion.strip(), task.body)


if __name__ == "__main__":
    unittest.main()
