"""The generator of synthetic tasks: references pass, wrong programs fail, splits are disjoint."""

import ast
import itertools
import re
import signal
import sys
import unittest
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes" / "tiny"))

from taskgen import generate, inputs, splits  # noqa: E402
from taskgen.task import Task  # noqa: E402

PER_LEVEL = 60
COMPARISONS = {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
               ast.In: ast.NotIn, ast.NotIn: ast.In}
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Mod: ast.FloorDiv, ast.FloorDiv: ast.Mod,
             ast.Pow: ast.Mult}
NAMES = {"min": "max", "max": "min", "all": "any", "any": "all", "startswith": "endswith", "endswith": "startswith",
         "upper": "lower", "lower": "upper", "isupper": "islower", "islower": "isupper"}


def passes(source: str, entry_point: str, test: str) -> bool:
    """Whether the program passes the tests.  The programs here come from the generator."""
    names: dict[str, object] = {}
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.05)  # a changed loop may never end
    try:
        exec(source, names)
        exec(test, names)
        names["check"](names[entry_point])
    except Exception:
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return True


def out_of_time(number: int, frame: object) -> None:
    raise TimeoutError


signal.signal(signal.SIGVTALRM, out_of_time)


def wrong_type(value: object) -> object:
    """A value that compares equal (or nearly so) and has another type."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return float(value)
    if isinstance(value, list):
        return tuple(value)
    return [value]


def mutants(source: str) -> list[str]:
    """The programs that differ from the source in one operator, function or letter."""
    results = []
    for index in itertools.count():
        tree = ast.parse(source)
        places = [node for node in ast.walk(tree) if mutable(node)]
        if index == len(places):
            return results
        change(places[index])
        results.append(ast.unparse(tree))


def mutable(node: ast.AST) -> bool:
    if isinstance(node, ast.Compare):
        return type(node.ops[0]) in COMPARISONS
    if isinstance(node, ast.BinOp):
        return type(node.op) in OPERATORS
    return (isinstance(node, ast.Name) and node.id in NAMES) or (isinstance(node, ast.Attribute) and node.attr in NAMES)


def change(node: ast.AST) -> None:
    if isinstance(node, ast.Compare):
        node.ops[0] = COMPARISONS[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp):
        node.op = OPERATORS[type(node.op)]()
    elif isinstance(node, ast.Name):
        node.id = NAMES[node.id]
    elif isinstance(node, ast.Attribute):
        node.attr = NAMES[node.attr]


def sample(level: int, count: int, split: str = "validation") -> list[Task]:
    weights = [float(level == other) for other in generate.LEVELS]
    return list(itertools.islice(generate.distinct_tasks(7, split, weights), count))


class References(unittest.TestCase):
    """What the tests of a task accept."""

    @classmethod
    def setUpClass(cls) -> None:
        random = Random(1)
        cls.checked = {}
        for level in generate.LEVELS:
            rows = []
            for task in sample(level, PER_LEVEL):
                try:
                    rows.append((task, inputs.make_cases(task, random)))
                except inputs.Degenerate:
                    continue
            cls.checked[level] = rows

    def test_few_tasks_are_degenerate(self) -> None:
        for level, rows in self.checked.items():
            self.assertGreater(len(rows), 0.85 * PER_LEVEL, f"level {level}")

    def test_references_pass_their_tests(self) -> None:
        for rows in self.checked.values():
            for task, cases in rows:
                source = task.prompt + task.completion
                self.assertTrue(passes(source, task.entry_point, inputs.test_text(cases)), source)

    def test_equal_values_of_another_type_fail(self) -> None:
        for rows in self.checked.values():
            for task, cases in rows[:40]:
                changed = [(arguments, wrong_type(result)) for arguments, result in cases]
                source = task.prompt + task.completion
                self.assertFalse(passes(source, task.entry_point, inputs.test_text(changed)), source)

    def test_almost_all_mutated_references_fail(self) -> None:
        for level, rows in self.checked.items():
            made = survived = 0
            for task, cases in rows[:40]:
                for source in mutants(task.prompt + task.completion):
                    made += 1
                    survived += passes(source, task.entry_point, inputs.test_text(cases))
            self.assertGreater(made, 15, f"level {level}")
            self.assertLess(survived, 0.1 * made, f"level {level}: {survived} of {made} mutants pass")

    def test_bodies_of_other_tasks_fail(self) -> None:
        for level, rows in self.checked.items():
            passed = 0
            for (task, cases), (other, _) in zip(rows, rows[1:]):
                if task.key != other.key:
                    source = f"def {task.entry_point}({', '.join(p.name for p in other.parameters)}):\n{other.completion}"
                    passed += passes(source, task.entry_point, inputs.test_text(cases))
            self.assertLessEqual(passed, 0.03 * len(rows), f"level {level}")

    def test_tests_hold_edge_cases(self) -> None:
        for rows in self.checked.values():
            for task, cases in rows:
                edges = inputs.edge_values(task.parameters[0].kind)
                self.assertEqual([arguments[0] for arguments, _ in cases[:len(edges)]], edges)
                self.assertGreaterEqual(len(cases), 8)


class Splits(unittest.TestCase):
    def test_level_2_holds_out_many_combinations(self) -> None:
        keys = {task.key_text for task in sample(2, 400, "test")}
        self.assertGreater(len(keys), 150)
        self.assertGreater(len({re.sub(r"\(.*?\)", "", key) for key in keys}), 25)

    def test_keys_of_training_and_of_held_out_splits_are_disjoint(self) -> None:
        keys = {split: {task.key for task in itertools.islice(
            generate.distinct_tasks(3, split, (0, 1, 1, 1, 1, 1)), 1500)} for split in (splits.TRAIN, *splits.HELD_OUT)}
        for one, other in itertools.combinations(keys, 2):
            self.assertFalse(keys[one] & keys[other], f"{one} and {other}")

    def test_sentences_of_level_1_are_in_one_split_only(self) -> None:
        sentences = {split: {task.sentence for task in sample(1, 150, split)}
                     for split in (splits.TRAIN, *splits.EVALUATION)}
        for one, other in itertools.combinations(sentences, 2):
            self.assertFalse(sentences[one] & sentences[other], f"{one} and {other}")

    def test_one_key_in_ten_is_held_out(self) -> None:
        random = Random(5)
        for level in (4, 5):
            found = {task.key_text: splits.split_of(task) for task in
                     (generate.draw_task(level, random) for _ in range(4000))}
            share = sum(split in splits.HELD_OUT for split in found.values()) / len(found)
            self.assertAlmostEqual(share, 0.1, delta=0.025)

    def test_every_operation_of_a_held_out_key_occurs_in_training(self) -> None:
        random = Random(6)
        seen: dict[bool, set[str]] = {True: set(), False: set()}
        for level in (2, 3, 4, 5, 6):
            for _ in range(2500):
                task = generate.draw_task(level, random)
                seen[splits.split_of(task) == splits.TRAIN].update(re.findall(r"\w+", task.key_text))
        self.assertFalse(seen[False] - seen[True])


class Texts(unittest.TestCase):
    def test_documents_are_distinct_and_well_formed(self) -> None:
        rows = list(generate.documents("train", 0, 2000, formats={"completion": 1}))
        self.assertEqual(len({row["prompt"].partition(">>>")[0] for row in rows}), len(rows))
        for row in rows:
            tree = ast.parse(row["prompt"] + row["completion"])
            self.assertEqual(len(tree.body), 1)
            self.assertIsNotNone(ast.get_docstring(tree.body[0]))
            self.assertTrue(row["completion"].startswith("    ") and row["completion"].endswith("\n"))

    def test_a_sentence_never_means_two_keys(self) -> None:
        random = Random(8)
        meaning: dict[tuple[str, str], tuple[str, str]] = {}
        for level in generate.LEVELS:
            for _ in range(2500):
                task = generate.draw_task(level, random)
                name = (task.sentence, task.signature.partition("(")[2])
                known = meaning.setdefault(name, (task.key_text, task.prompt + task.completion))
                self.assertEqual(known[0], task.key_text, task.prompt + task.completion + known[1])

    def test_examples_are_what_the_reference_gives(self) -> None:
        shown = 0
        for task in sample(6, 100):
            function = inputs.reference(task)
            for call, result in task.examples:
                self.assertEqual(repr(eval(call, {task.entry_point: function})), result)
                shown += 1
        self.assertGreaterEqual(shown, 100)


if __name__ == "__main__":
    unittest.main()
