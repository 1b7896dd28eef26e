"""`unmask eval` by several ranks: the same samples, verdicts and report as by one.

    python3 tests/mpi/test_eval.py build/unmask build/tests/cli/make_random_model TOKENIZER
"""

import json
import os
import signal
import subprocess
import sys
import time

import ranks

# After a comment sign anything that a model writes is right, unless it begins a new line.
PROBLEMS = [{"task_id": f"p{i}", "prompt": f"def f(x):\n    return x + {i} #", "entry_point": "f",
             "test": f"def check(f):\n    assert f(1) == {i + 1}\n", "level": 1 + i % 3}
            for i in range(7)]


class Eval(ranks.Ranks):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        subprocess.run([cls.maker, cls.tokenizer, cls.work / "random"], check=True, timeout=60)
        lines = "".join(json.dumps(problem) + "\n" for problem in PROBLEMS)
        (cls.work / "problems.jsonl").write_text(lines)
        cls.finish(1, "eval-1")

    @classmethod
    def start_eval(cls, count, output, *options):
        launcher = [*ranks.MPIRUN, "-n", str(count)] if count > 1 else []
        return subprocess.Popen(
            [*launcher, cls.program, "eval", "--model", "random", "--problems", "problems.jsonl",
             "--output", output, "-n", "3", "--temperature", "1", "--length", "24", "--threads",
             "1", "--workers", "1", "--sandbox", "none", "--json", *options],
            cwd=cls.work, env=ranks.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True)

    @classmethod
    def finish(cls, count, output, *options):
        process = cls.start_eval(count, output, *options)
        printed, messages = process.communicate(timeout=240)
        if process.returncode != 0:
            raise AssertionError(messages)
        return printed

    def wait_for_samples(self, process, output):
        """Wait until a few of a run's samples are written."""
        end = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < end:
            written = (self.work / output).glob("samples.rank-*")
            if sum(path.read_text().count("\n") for path in written) >= 2:
                return
            time.sleep(0.005)

    def verdicts(self, output):
        lines = (self.work / output / "results.jsonl").read_text().splitlines()
        return [(row["task_id"], row["sample"], row["verdict"]) for row in map(json.loads, lines)]

    def assert_like_one(self, output):
        self.assert_like("eval-1", output)
        self.assertEqual(len(self.verdicts(output)), 21)

    def assert_like(self, other, output):
        self.assertEqual((self.work / output / "samples.jsonl").read_bytes(),
                         (self.work / other / "samples.jsonl").read_bytes())
        self.assertEqual(self.verdicts(output), self.verdicts(other))
        left = [path.name for path in (self.work / output).iterdir() if "rank" in path.name]
        self.assertEqual(left, [])

    def test_any_number_of_ranks_gives_the_same_run(self):
        for count in (2, 3):
            with self.subTest(ranks=count):
                report = json.loads(self.finish(count, f"eval-{count}"))  # one report, of rank 0
                self.assert_like_one(f"eval-{count}")
                one = json.loads((self.work / "eval-1" / "report.json").read_text())
                for member in ("all", "groups", "verdicts", "results", "settings"):
                    self.assertEqual(report[member], one[member])

    def test_a_killed_run_goes_on_with_another_number_of_ranks(self):
        process = self.start_eval(3, "moving")
        self.wait_for_samples(process, "moving")
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        self.finish(2, "moving")
        self.assert_like_one("moving")

    def test_a_killed_rank_ends_the_run_and_nothing_is_lost(self):
        many = ("-n", "40")  # so that the signal finds it still running
        self.finish(1, "many", *many)
        for victim in (0, 2):
            output = f"killed-{victim}"
            process = self.start_eval(3, output, *many)
            self.wait_for_samples(process, output)
            os.kill(ranks.children(process)[victim], signal.SIGKILL)
            _, messages = process.communicate(timeout=60)
            self.assertNotEqual(process.returncode, 0)
            self.assertEqual(messages.count(f"process rank {victim} "), 1, messages)
            self.finish(1, output, *many)
            self.assert_like("many", output)

    def test_a_sweep_is_the_same_too(self):
        found = []
        for count in (1, 2):
            launcher = [*ranks.MPIRUN, "-n", str(count)] if count > 1 else []
            subprocess.run(
                [*launcher, self.program, "sweep", "--model", "random", "--problems", "problems.jsonl",
                 "--output", f"sweep-{count}", "-n", "2", "--temperatures", "0,1", "--steps", "1/2",
                 "--length", "12", "--threads", "1", "--workers", "1", "--sandbox", "none"],
                cwd=self.work, env=ranks.environment(), capture_output=True, check=True, timeout=240)
            found.append({path.parent.name: path.read_bytes()
                          for path in (self.work / f"sweep-{count}").glob("*/samples.jsonl")})
        self.assertEqual(len(found[0]), 4)
        self.assertEqual(found[0], found[1])
        report = json.loads((self.work / "sweep-2" / "report.json").read_text())
        self.assertEqual(len(report["points"]), 4)

    def test_a_failure_has_one_line(self):
        process = self.start_eval(2, "eval-1", "--seed", "5")
        _, messages = process.communicate(timeout=240)
        self.assertNotEqual(process.returncode, 0)
        self.assertEqual(messages.count("holds a run with other settings"), 1, messages)


if __name__ == "__main__":
    Eval.tokenizer = sys.argv.pop(3)
    Eval.maker = sys.argv.pop(2)
    ranks.main()
