"""End to end with the shipped model: functions written by models/tiny run and are right.

test_shipped_model.py PROGRAM

The functions come from the model in the repository and are the same every time, so they run here without a sandbox.
"""

import json
import subprocess
import sys
import unittest
from pathlib import Path

MODEL = Path(__file__).resolve().parents[2] / "models" / "tiny"
PROGRAM = ""

# Prompt, arguments, results.
TASKS = [
    ('def is_even(n):\n    """Return whether n is even."""\n', [4, 7], [True, False]),
    ('def count_even(numbers):\n    """Return the number of the elements of numbers that are even."""\n', [[1, 2, 4], []], [2, 0]),
    ('def get_result(values):\n    """Return the sum of the values in values that are greater than 3."""\n',
     [[1, 5, 4], []], [9, 0]),
]


def generate(prompt: str, *options: str) -> dict:
    run = subprocess.run([PROGRAM, "generate", "--model", str(MODEL), "--json", *options, prompt],
                         capture_output=True, text=True, timeout=120, check=True)
    return json.loads(run.stdout)


@unittest.skipUnless((MODEL / "model.safetensors").exists(), "models/tiny holds no model")
class ShippedModel(unittest.TestCase):
    def test_its_files_agree_with_each_other(self) -> None:
        run = subprocess.run([PROGRAM, "inspect", "--json", str(MODEL)], capture_output=True, text=True, check=True)
        self.assertEqual(json.loads(run.stdout)["findings"], [])

    def test_it_writes_functions_that_work(self) -> None:
        for prompt, arguments, results in TASKS:
            with self.subTest(prompt=prompt):
                names: dict = {}
                exec(generate(prompt)["text"], names)
                function = next(value for name, value in names.items() if callable(value) and name != "__builtins__")
                self.assertEqual([function(argument) for argument in arguments], results)

    def test_threads_and_kernels_do_not_change_the_answer(self) -> None:
        prompt = TASKS[0][0]
        options = ("--temperature", "0.7", "--seed", "5")
        answers = [generate(prompt, "--threads", threads, *options)["ids"] for threads in ("1", "2", "3")]
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0], answers[2])
        reference = generate(prompt, "--kernels", "reference")["text"]
        self.assertEqual(reference, generate(prompt)["text"])

    def test_early_stop_does_not_change_the_answer(self) -> None:
        prompt = TASKS[1][0]
        self.assertEqual(generate(prompt)["completion"], generate(prompt, "--early-stop", "false")["completion"])

    def test_it_fills_a_hole_with_code_on_both_sides_in_view(self) -> None:
        prompt = TASKS[1][0] + "    count = 0\n    for x in numbers:\n        if"
        suffix = ":\n            count += 1\n    return count\n"
        self.assertIn("2 == 0", generate(prompt, "--suffix", suffix, "--length", "7")["completion"])


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
