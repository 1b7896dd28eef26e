"""Driving generation and judging, and the statistics of the table."""

import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes" / "tiny"))

import evaluate  # noqa: E402

# In place of `unmask`: answers say which options they were made with; those of even problems pass.
PROGRAM = """#!{python}
import json, sys
command, options = sys.argv[1], sys.argv[2:]
read = lambda path: [json.loads(line) for line in open(path)]
if command == "generate":
    for row in read(options[options.index("--prompts") + 1]):
        for _ in range(int(options[options.index("--samples") + 1])):
            print(json.dumps({{"task_id": row["task_id"], "completion": " ".join(options), "given": sorted(row),
                              "steps": 4, "seconds": 0.5}}))
elif "--sandbox" in options and options[options.index("--sandbox") + 1] == "broken":
    sys.exit(3)
else:
    with open(options[options.index("--output") + 1], "w") as out:
        for row in read(options[1]):
            passed = int(row["task_id"]) % 2 == 0
            out.write(json.dumps({{**row, "passed": passed, "verdict": "passed" if passed else "failed"}}) + "\\n")
"""
PROBLEMS = [{"task_id": "0", "prompt": "a", "level": 1, "format": "completion"},
            {"task_id": "1", "prompt": "b", "level": 1, "format": "chat"},
            {"task_id": "2", "prompt": "c", "suffix": "d", "level": 2, "format": "infilling"},
            {"task_id": "3", "prompt": "e"}]


class Driver(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.unmask = self.folder / "unmask"
        self.unmask.write_text(PROGRAM.format(python=sys.executable))
        self.unmask.chmod(0o755)
        self.problems = self.folder / "problems.jsonl"
        evaluate.write_rows(self.problems, PROBLEMS)

    def run_main(self, *arguments: str) -> dict:
        output = self.folder / "out.json"
        with contextlib.redirect_stdout(io.StringIO()):
            evaluate.main(["--problems", str(self.problems), "--unmask", str(self.unmask), "--output", str(output),
                           *arguments])
        return json.loads(output.read_text())

    def test_chat_problems_have_a_run_of_their_own(self) -> None:
        answers = evaluate.generate(str(self.unmask), Path("m"), PROBLEMS, 1, ["--steps", "8"])
        made = {answer["task_id"]: answer for answer in answers}
        self.assertEqual({key for key, answer in made.items() if "--chat" in answer["completion"]}, {"1"})
        self.assertTrue(all(answer["completion"].endswith("--steps 8") for answer in answers))

    def test_a_suffix_is_passed_on_and_nothing_else(self) -> None:
        answers = evaluate.generate(str(self.unmask), Path("m"), PROBLEMS, 1, [])
        given = {answer["task_id"]: answer["given"] for answer in answers}
        self.assertEqual(given["2"], ["prompt", "suffix", "task_id"])
        self.assertEqual(given["0"], ["prompt", "task_id"])

    def test_results_are_counted_by_level_and_format(self) -> None:
        summary = self.run_main("--model", "m")
        self.assertEqual(summary["all"]["pass@1"]["mean"], 0.5)
        self.assertEqual(summary["both"]["1 chat"]["passed"], 0)
        self.assertEqual(summary["levels"]["1"]["problems"], 2)
        self.assertEqual(summary["formats"]["completion"]["problems"], 2)
        self.assertEqual(summary["verdicts"], {"failed": 2, "passed": 2})
        self.assertEqual(summary["mean_steps"], 4)
        self.assertNotIn("pass@10", summary["all"])

    def test_ten_samples_give_pass_at_10(self) -> None:
        summary = self.run_main("--model", "m", "--samples", "10")
        self.assertEqual(summary["all"]["samples"], 40)
        self.assertEqual(summary["all"]["pass@10"]["mean"], 0.5)

    def test_a_problem_without_an_answer_has_failed(self) -> None:
        answers = self.folder / "answers.jsonl"
        evaluate.write_rows(answers, [{"task_id": "0", "completion": "x"}])
        self.assertEqual(self.run_main("--answers", str(answers))["all"]["pass@1"]["mean"], 0.25)

    def test_answers_that_do_not_fit_are_refused(self) -> None:
        for rows in ([{"task_id": "9", "completion": ""}],
                     [{"task_id": "0", "completion": ""}] * 2 + [{"task_id": "1", "completion": ""}]):
            with self.assertRaises(SystemExit):
                evaluate.sample_counts(PROBLEMS, rows)

    def test_failures_of_the_program_end_the_run(self) -> None:
        with self.assertRaisesRegex(SystemExit, "exit status 3"):
            self.run_main("--model", "m", "--sandbox", "broken")
        with self.assertRaisesRegex(SystemExit, "--unmask"):
            evaluate.run([str(self.folder / "absent")])


class Statistics(unittest.TestCase):
    def test_wilson_intervals_match_known_values(self) -> None:
        for passed, count, low, high in ((0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (81, 263, 0.2553, 0.3662)):
            found = evaluate.wilson(passed, count)
            self.assertAlmostEqual(found[0], low, places=4)
            self.assertAlmostEqual(found[1], high, places=4)

    def test_pass_at_k_is_the_share_of_sets_that_hold_a_pass(self) -> None:
        self.assertAlmostEqual(evaluate.pass_at(1, 10, 3), 0.3)
        self.assertAlmostEqual(evaluate.pass_at(2, 4, 1), 0.5)
        self.assertEqual(evaluate.pass_at(10, 10, 1), 1.0)
        self.assertEqual(evaluate.pass_at(10, 10, 0), 0.0)

    def test_intervals_of_means_are_around_them_and_repeatable(self) -> None:
        values = [0.1, 0.9, 0.5, 0.3] * 20
        low, high = evaluate.interval(values)
        self.assertLess(low, 0.45)
        self.assertGreater(high, 0.45)
        self.assertLess(high - low, 0.2)
        self.assertEqual(evaluate.interval(values), (low, high))
        self.assertEqual(evaluate.interval([1.0, 0.0] * 5), evaluate.wilson(5, 10))

    def test_the_table_names_what_it_shows(self) -> None:
        results = [{"task_id": "0", "passed": True}, {"task_id": "1", "passed": False}, {"task_id": "2", "passed": True}]
        text = evaluate.table(evaluate.summarise(PROBLEMS, results, [1]))
        for part in ("1 chat", "level 2", "infilling", "all", "50.0%"):
            self.assertIn(part, text)


if __name__ == "__main__":
    unittest.main()
