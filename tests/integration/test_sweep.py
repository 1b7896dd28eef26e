#!/usr/bin/env python3
"""Sweeps that are killed or stopped go on without losing or repeating a sample: test_sweep.py UNMASK"""

import json
import signal
import time

import eval_runs
from eval_runs import TIMEOUT

POINTS = 6


class Sweeps(eval_runs.EvalRuns):
    count = 3

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        done = cls.start("straight").communicate(timeout=TIMEOUT)
        cls.straight = cls.samples("straight")
        assert len(cls.straight) == POINTS, done

    @classmethod
    def start(cls, name):
        return cls.begin("sweep", name, "-n", "2", "--temperatures", "0,0.8", "--steps", "1/2,1/4", "--length", "16", "--batch", "2")

    @classmethod
    def samples(cls, name):
        return {path.parent.name: path.read_bytes() for path in (cls.work / name).glob("*/samples.jsonl")}

    def wait_for_samples(self, process, name, count):
        end = time.monotonic() + TIMEOUT
        while process.poll() is None and time.monotonic() < end:
            if sum(lines.count(b"\n") for lines in self.samples(name).values()) >= count:
                return
            time.sleep(0.002)

    def finish(self, name):
        return self.report_of(self.start(name))

    def rates(self, report):
        return [(point["directory"], part["passed"], part["pass@1"]) for point in report["points"] for part in point["formats"]]

    def test_a_killed_sweep_goes_on(self):
        kills = 0
        for count in (1, 7, 13, 20):
            process = self.start("killed")
            self.wait_for_samples(process, "killed", count)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=TIMEOUT)
            kills += process.returncode == -signal.SIGKILL
        self.assertGreater(kills, 0)
        report = self.finish("killed")
        self.assertEqual(self.samples("killed"), self.straight)
        straight = json.loads((self.work / "straight" / "report.json").read_text())
        self.assertEqual(self.rates(report), self.rates(straight))
        self.assertEqual(report["comparisons"], straight["comparisons"])
        self.assertEqual(report, json.loads((self.work / "killed" / "report.json").read_text()))
        self.assertTrue((self.work / "killed" / "report.html").exists())

    def test_control_c_stops_cleanly_and_says_how_to_go_on(self):
        process = self.start("stopped")
        self.wait_for_samples(process, "stopped", 5)
        process.send_signal(signal.SIGINT)
        output, messages = process.communicate(timeout=TIMEOUT)
        if process.returncode == 0:
            self.skipTest("the sweep ended before it was stopped")
        self.assertEqual(process.returncode, 130, messages)
        self.assertEqual(output, "")
        self.assertRegex(messages.splitlines()[-1],
                         f"^unmask: stopped with [0-5] of {POINTS} evaluations done; run the same command again to continue in .*stopped$")
        self.finish("stopped")
        self.assertEqual(self.samples("stopped"), self.straight)


if __name__ == "__main__":
    eval_runs.main()
