#!/usr/bin/env python3
"""Evaluations that are killed go on without losing or repeating a sample: test_eval.py UNMASK

A run that is killed again and again, with another batch size each time, ends with the same bytes of samples.jsonl as one that is not.
"""

import json
import random
import signal
import time

import eval_runs
from eval_runs import TIMEOUT


class Evaluations(eval_runs.EvalRuns):
    count = 6

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        done = cls.start("straight").communicate(timeout=TIMEOUT)
        cls.straight = (cls.work / "straight" / "samples.jsonl").read_bytes()
        assert cls.straight.count(b"\n") == 24, done

    @classmethod
    def start(cls, name, *options):
        return cls.begin("eval", name, "-n", "4", "--temperature", "0.8", "--length", "24", *options)

    def lines(self, name, file="samples.jsonl"):
        path = self.work / name / file
        return path.read_text().count("\n") if path.exists() else 0

    def wait_for_lines(self, process, name, count, file="samples.jsonl"):
        end = time.monotonic() + TIMEOUT
        while process.poll() is None and self.lines(name, file) < count and time.monotonic() < end:
            time.sleep(0.002)

    def finish(self, name, *options):
        return self.report_of(self.start(name, *options))

    def verdicts(self, name):
        rows = [json.loads(line) for line in (self.work / name / "results.jsonl").read_text().splitlines()]
        return [(row["task_id"], row["sample"], row["verdict"]) for row in rows]

    def test_a_killed_run_goes_on(self):
        moments = random.Random()
        seed = moments.randrange(1 << 30)
        moments.seed(seed)
        with self.subTest(seed=seed):
            kills = 0
            for kill in range(5):
                process = self.start("killed", "--batch", str(moments.randrange(1, 9)))
                file = moments.choice(["samples.jsonl", "results.jsonl"])
                self.wait_for_lines(process, "killed", min(23, self.lines("killed", file) + moments.randrange(6)), file)
                process.send_signal(signal.SIGKILL)
                process.communicate(timeout=TIMEOUT)
                kills += process.returncode == -signal.SIGKILL
                if kill == 2 and (self.work / "killed" / "samples.jsonl").exists():
                    with open(self.work / "killed" / "samples.jsonl", "a") as samples:
                        samples.write('{"task_id":"p/1","samp')
            self.assertGreater(kills, 0)
            report = self.finish("killed")
            self.assertEqual((self.work / "killed" / "samples.jsonl").read_bytes(), self.straight)
            self.assertEqual(self.verdicts("killed"), self.verdicts("straight"))
            self.assertEqual(report["all"]["samples"], 24)
            straight = json.loads((self.work / "straight" / "report.json").read_text())
            for member in ("all", "groups", "verdicts", "results", "settings"):
                self.assertEqual(report[member], straight[member])

    def test_control_c_stops_cleanly_and_says_how_to_go_on(self):
        process = self.start("stopped")
        self.wait_for_lines(process, "stopped", 2)
        process.send_signal(signal.SIGINT)
        output, messages = process.communicate(timeout=TIMEOUT)
        if process.returncode == 0:
            self.skipTest("the run ended before it was stopped")
        self.assertEqual(process.returncode, 130, messages)
        self.assertEqual(output, "")
        self.assertRegex(messages.splitlines()[-1], "^unmask: stopped with [0-9]+ of 24 samples judged; run the same command again to continue in .*stopped$")
        self.assertTrue((self.work / "stopped" / "samples.jsonl").read_bytes().endswith(b"\n"))
        self.finish("stopped")
        self.assertEqual((self.work / "stopped" / "samples.jsonl").read_bytes(), self.straight)

    def test_samples_that_harm_are_judged_like_others(self):
        """They are samples of a run that goes on: a gigabyte of output, too much memory, and an endless loop."""
        self.finish("harm", "--timeout", "5")
        folder = self.work / "harm"
        rows = [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]
        bodies = ["    import sys\n    for _ in range(1024):\n        sys.stdout.write('x' * (1 << 20))\n    return n + 1\n",
                  "    return len([0] * (1 << 40))\n", "    while True:\n        pass\n", "    return n + 1\n"]
        for row, body in zip(rows, bodies):
            row["completion"] = body
        (folder / "samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "results.jsonl").unlink()
        self.finish("harm", "--timeout", "5")
        verdicts = self.verdicts("harm")
        self.assertEqual(len(verdicts), 24)
        self.assertEqual([verdict for _, _, verdict in verdicts[1:4]], ["failed", "timeout", "passed"])

    def test_mbpp_is_asked_with_solved_examples_or_as_a_message(self):
        rows = [{"task_id": number, "text": f"Write f{number}.", "code": f"def f{number}():\n    return {number}",
                 "test_list": [f"assert f{number}() == {number}"]} for number in (2, 11, 12)]
        path = self.work / "mbpp.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        report = self.report_of(self.begin("eval", "few", "--problems", str(path), "--shots", "1", "--length", "8"))
        self.assertEqual([result["task_id"] for result in report["results"]], ["11", "12"])
        self.assertEqual(report["settings"]["form"], "mbpp")
        self.assertEqual(report["settings"]["shots"], 1)
        report = self.report_of(self.begin("eval", "asked", "--problems", str(path), "--instruct", "--length", "8"))
        self.assertEqual(len(report["results"]), 3)
        self.assertEqual(report["settings"]["instruct"], True)


if __name__ == "__main__":
    eval_runs.main()
