"""Judging of generated programs and the statistics of the table."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes" / "tiny"))

import evaluate  # noqa: E402

TESTS = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 6\n"


def verdict(program: str) -> str:
    return evaluate.run_tests(program, TESTS, "double")


class Verdicts(unittest.TestCase):
    def test_a_right_program_passes(self) -> None:
        self.assertEqual(verdict("def double(x):\n    return 2 * x\n"), "passed")

    def test_wrong_broken_and_absent_functions_fail(self) -> None:
        for program in ("def double(x):\n    return x + 2\n", "def double(x)\n", "def triple(x):\n    return 2 * x\n"):
            self.assertEqual(verdict(program), "failed", program)

    def test_leaving_early_fails(self) -> None:
        for leave in ("import sys; sys.exit(0)", "import os; os._exit(0)", "print('passed'); raise SystemExit"):
            self.assertEqual(verdict(f"def double(x):\n    {leave}\n"), "failed", leave)
            self.assertEqual(verdict(leave + "\n"), "failed", leave)

    def test_an_endless_program_times_out(self) -> None:
        limits, evaluate.LIMITS = evaluate.LIMITS, evaluate.LIMITS | {"RLIMIT_CPU": 1}
        self.addCleanup(setattr, evaluate, "LIMITS", limits)
        self.assertEqual(verdict("def double(x):\n    while True:\n        pass\n"), "timeout")

    def test_memory_and_files_are_limited(self) -> None:
        self.assertEqual(verdict("def double(x):\n    y = bytearray(2 << 30)\n    return 2 * x\n"), "failed")
        self.assertEqual(verdict("def double(x):\n    with open('f', 'w') as f:\n        f.write('text')\n    return 2 * x\n"), "failed")


class Judging(unittest.TestCase):
    PROBLEM = {"task_id": "t/0", "level": 3, "prompt": "def double(x):\n", "entry_point": "double", "test": TESTS}

    def test_an_answer_is_appended_to_the_prompt(self) -> None:
        outcome = evaluate.judge(self.PROBLEM, {"completion": "    return 2 * x\n", "steps": 7, "seconds": 0.5})
        self.assertEqual(outcome, evaluate.Outcome("t/0", 3, "passed", 7, 0.5))

    def test_a_problem_without_an_answer_is_missing(self) -> None:
        self.assertEqual(evaluate.judge(self.PROBLEM, None).verdict, "missing")


class Summary(unittest.TestCase):
    def test_wilson_intervals_match_known_values(self) -> None:
        for passed, count, low, high in ((0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)):
            found = evaluate.wilson(passed, count)
            self.assertAlmostEqual(found[0], low, places=4)
            self.assertAlmostEqual(found[1], high, places=4)

    def test_levels_are_counted_apart(self) -> None:
        outcomes = [evaluate.Outcome("a", 1, "passed", 4), evaluate.Outcome("b", 1, "failed", 8),
                    evaluate.Outcome("c", 2, "timeout")]
        summary = evaluate.summarise(outcomes)
        self.assertEqual(summary["levels"]["1"]["pass_at_1"], 0.5)
        self.assertEqual(summary["levels"]["2"]["passed"], 0)
        self.assertEqual(summary["all"]["count"], 3)
        self.assertEqual(summary["mean_steps"], 6)
        self.assertIn("33.3%", evaluate.table(summary))


if __name__ == "__main__":
    unittest.main()
