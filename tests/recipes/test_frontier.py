"""Settings, driver, statistics, table and plot of the measurement of quality against cost."""

import argparse
import json
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "recipes" / "tiny"))

import frontier  # noqa: E402
import frontier_report  # noqa: E402
from frontier_settings import BASELINE, DEFAULT, cached, grid, threshold  # noqa: E402


# In place of `unmask`: answers contain the options that they were made with; those of even problems pass.
PROGRAM = """#!{python}
import json, sys
command, options = sys.argv[1], sys.argv[2:]
after = lambda name: options[options.index(name) + 1]
read = lambda path: [json.loads(line) for line in open(path)]
if command == "generate":
    for row in read(after("--prompts")):
        print(json.dumps({{**row, "completion": row["prompt"] + " ".join(options), "forwards": 4, "rows": 8, "answer_tokens": 2,
                          "prompt_tokens": 3}}))
elif after("--workers") == "0":
    sys.exit(3)
else:
    with open(after("--output"), "w") as out:
        for row in read(options[1]):
            out.write(json.dumps({{**row, "passed": row["completion"].startswith("even")}}) + "\\n")
"""


def record(name: str, passed: str, forwards: float, rows: float, problem_set: str = "validation") -> dict[str, Any]:
    return {"kind": "quality", "setting": name, "arguments": [], "set": problem_set, "count": len(passed),
            "passed": passed, "levels": "123456" * (len(passed) // 6), "forwards": forwards, "rows": rows,
            "answer_tokens": 20, "prompt_tokens": 30, "cpu_seconds": rows / 1e4}


def time_of(name: str, seconds: float, disturbed: bool = False, threads: int = 2) -> dict[str, Any]:
    return {"kind": "time", "setting": name, "set": "validation", "threads": threads, "seconds": seconds,
            "disturbed": disturbed}


class Settings(unittest.TestCase):
    def test_names_are_unique_and_the_baseline_comes_first(self) -> None:
        settings = grid()
        self.assertEqual(len({setting.name for setting in settings}), len(settings))
        self.assertEqual(settings[0], BASELINE)
        self.assertIn(DEFAULT, settings)

    def test_names_and_arguments_tell_the_same(self) -> None:
        setting = threshold(0.9, 8, cached("delayed", 4))
        self.assertEqual(setting.name, "threshold, 0.9, blocks of 8, cache delayed every 4")
        self.assertEqual(setting.arguments, ["--algorithm", "threshold", "--confidence-threshold", "0.9",
                                             "--block-length", "8", "--cache", "delayed", "--cache-refresh", "4"])


class Driver(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.unmask = self.folder / "unmask"
        self.unmask.write_text(PROGRAM.format(python=sys.executable))
        self.unmask.chmod(0o755)
        self.problems = [{"task_id": str(i), "prompt": ("even", "odd")[i % 2], "test": "", "level": 1} for i in range(3)]

    def measure(self, workers: int = 1) -> dict[str, Any]:
        options = argparse.Namespace(unmask=str(self.unmask), model=Path("m"), model_hash="0", problems_hash="p", batch=2, threads=1,
                                     set="validation")
        judged = frontier.Judge(self.folder / "verdicts", options.unmask, workers)
        return frontier.measure_quality(options, BASELINE, self.problems, judged)

    def test_answers_are_generated_and_judged(self) -> None:
        found = self.measure()
        self.assertEqual((found["setting"], found["passed"], found["levels"]), (BASELINE.name, "101", "111"))
        self.assertEqual((found["count"], found["forwards"], found["rows"]), (3, 4, 8))

    def test_known_verdicts_are_not_judged_again(self) -> None:
        first = frontier.Judge(self.folder / "verdicts", str(self.unmask), 1)
        self.assertEqual(first(self.problems, ["even", "odd", "even"]), [True, False, True])
        again = frontier.Judge(self.folder / "verdicts", str(self.folder / "absent"), 1)
        self.assertEqual(again(self.problems, ["even", "odd", "even"]), [True, False, True])
        rows = [json.loads(line) for line in (self.folder / "verdicts").read_text().splitlines()]
        self.assertEqual([row["passed"] for row in rows], [True, False])

    def test_a_verdict_without_its_end_is_judged_again(self) -> None:
        verdicts = self.folder / "verdicts"
        frontier.Judge(verdicts, str(self.unmask), 1)(self.problems, ["even", "odd", "even"])
        whole = verdicts.read_bytes()
        verdicts.write_bytes(whole[:-3])
        again = frontier.Judge(verdicts, str(self.unmask), 1)
        self.assertEqual(again(self.problems, ["even", "odd", "even"]), [True, False, True])
        self.assertEqual(verdicts.read_bytes(), whole)

    def test_results_of_another_model_or_of_other_problems_are_refused(self) -> None:
        results = self.folder / "results"
        frontier.check_results(results, "0", "validation", "p")
        frontier.append(results, self.measure())
        frontier.check_results(results, "0", "validation", "p")
        frontier.check_results(results, "0", "test", "q")
        with self.assertRaisesRegex(SystemExit, "another model"):
            frontier.check_results(results, "1", "validation", "p")
        with self.assertRaisesRegex(SystemExit, "other problems that are also called validation"):
            frontier.check_results(results, "0", "validation", "q")
        self.assertEqual(frontier.problems_hash(self.problems), frontier.problems_hash([*self.problems]))
        self.assertNotEqual(frontier.problems_hash(self.problems), frontier.problems_hash(self.problems[1:]))
        (self.folder / "model.safetensors").write_bytes(b"weights")
        self.assertEqual(frontier.model_hash(self.folder), frontier.model_hash(self.folder / "model.safetensors"))

    def test_failures_of_the_program_end_the_run(self) -> None:
        with self.assertRaisesRegex(SystemExit, "exit status 3"):
            self.measure(workers=0)
        with self.assertRaisesRegex(SystemExit, "--unmask"):
            frontier.run([str(self.folder / "absent")])


class Statistics(unittest.TestCase):
    def test_a_part_of_the_problems_is_the_same_part_everywhere(self) -> None:
        rows = [{"task_id": i} for i in range(600)]
        for limit in (1, 7, 100, 300):
            taken = frontier.spread(rows, limit)
            self.assertEqual(len(taken), limit)
            bits = "".join("01"[i % 3 == 0] for i in range(600))
            self.assertEqual(frontier_report.subset(bits, limit),
                             "".join("01"[row["task_id"] % 3 == 0] for row in taken))
        self.assertEqual(frontier.spread(rows, 0), rows)

    def test_problems_are_compared_in_pairs(self) -> None:
        rows = frontier_report.rows_of([record(BASELINE.name, "110011" * 2, 64, 6400),
                                        record("b", "100111", 8, 300), record("b", "1", 8, 300)], "validation")
        row = next(row for row in rows if row.name == "b")
        self.assertEqual(row.bits, "100111")  # the run with the most problems
        self.assertEqual(row.base, "101101")
        self.assertEqual((row.gained, row.lost), (1, 1))

    def test_the_frontier_has_no_setting_that_another_beats(self) -> None:
        wide = 50
        records = [record(BASELINE.name, "111110" * wide + "111111", 64, 6400),
                   record("cheap", "100000" * wide + "111111", 4, 400),
                   record("beaten", "100000" * wide + "111111", 5, 300), record("good", "111100" * wide, 8, 900),
                   record("narrow", "111111", 2, 100)]
        rows = frontier_report.rows_of(records, "validation")
        self.assertEqual([row.name for row in frontier_report.frontier(rows, "forwards")],
                         ["cheap", "good", BASELINE.name])
        self.assertEqual([row.name for row in frontier_report.frontier(rows, "rows")],
                         ["beaten", "good", BASELINE.name])

    def test_disturbed_times_and_those_on_other_threads_do_not_count(self) -> None:
        records = [record(BASELINE.name, "111111", 64, 6400), time_of(BASELINE.name, 50, threads=1),
                   time_of(BASELINE.name, 1), time_of(BASELINE.name, 3),
                   time_of(BASELINE.name, 2), time_of(BASELINE.name, 90, disturbed=True)]
        row, = frontier_report.rows_of(records, "validation")
        self.assertEqual(row.milliseconds, 2000)

    def test_factors_are_of_rounds_that_disturbed_neither(self) -> None:
        disturbed = ((BASELINE.name, 1), (DEFAULT.name, 2))  # setting and round
        times = [time_of(name, seconds * 2 ** number, disturbed=(name, number) in disturbed)
                 for number in range(4) for name, seconds in ((BASELINE.name, 1.0), (DEFAULT.name, 0.1))]
        rows = {row.name: row for row in frontier_report.rows_of(
            [record(BASELINE.name, "1", 64, 6400), record(DEFAULT.name, "1", 8, 320), *times], "validation")}
        self.assertEqual(frontier_report.factors(rows[BASELINE.name].times, rows[DEFAULT.name].times),
                         "; in 2 rounds 10.0 to 10.0 times")


class Report(unittest.TestCase):
    def write(self, records: list[dict[str, Any]]) -> tuple[str, str]:
        with tempfile.TemporaryDirectory() as folder:
            table, plot = Path(folder) / "table.md", Path(folder) / "plot.svg"
            frontier_report.write(records, table, plot)
            return table.read_text(), plot.read_text()

    def test_table_and_plot_are_written(self) -> None:
        records = [record(BASELINE.name, "111111" * 60, 64, 6400), record(DEFAULT.name, "111110" * 60, 8, 320),
                   record("klass, 0.9", "100000", 4, 400)]
        table, plot = self.write(records)
        self.assertIn("8.0 times fewer forwards and 20.0 times fewer rows", table)
        self.assertIn("pass@1 changes by -16.7 points on 360 problems", table)
        self.assertNotIn("less time", table)
        self.assertIn(f"| **{DEFAULT.name}** | 360 | 83.3% |", table)
        root = ElementTree.fromstring(plot)
        self.assertEqual(len(root.findall(".//{*}title")), 6)
        table, _ = self.write([*records, time_of(BASELINE.name, 0.5), time_of(DEFAULT.name, 0.05)])
        self.assertIn("10.0 times less time (50.0 instead of 500.0 ms)", table)
        self.assertIn("on 2 threads.", table)

    def test_other_problems_are_told_apart(self) -> None:
        records = [record(BASELINE.name, "111111", 64, 6400), record(BASELINE.name, "100000", 64, 6400, "test")]
        table, _ = self.write(records)
        self.assertIn("## Problems that had no part in the choice", table)


if __name__ == "__main__":
    unittest.main()
