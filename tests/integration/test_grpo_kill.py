"""A coupled-GRPO run killed at any moment and started again: the model is that of a straight run.

    python3 tests/integration/test_grpo_kill.py build/unmask

The shipped model writes a few tokens for an easy problem; programs run in their own processes, but
without a sandbox, as not every machine that runs tests offers one.
"""

import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = ""
MODEL = pathlib.Path(__file__).resolve().parents[2] / "models" / "tiny"
STEPS = 6
RESULTS = ("training.state", "model.safetensors", "config.json", "DONE", "rewards.journal")

PROBLEM = {
    "task_id": "double", "level": 1, "entry_point": "double",
    "prompt": 'def double(x):\n    """Return twice x."""\n',
    "test": "def check(double):\n    assert double(2) == 4\n    assert double(0) == 0\n",
}

RECIPE = {
    "model": str(MODEL), "problems": "problems.jsonl", "objective": "coupled_grpo", "steps": STEPS,
    "batch_tokens": 512, "context_length": 96, "answer_length": 12, "learning_rate": 1e-4,
    "group_size": 4, "problems_per_step": 1, "rollout": {"steps": 4}, "sandbox": "none",
    "reference_interval": 2, "checkpoint_minutes": 0.01,
}


class KilledRuns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="unmask-grpo-")
        cls.addClassCleanup(folder.cleanup)
        cls.work = pathlib.Path(folder.name)
        (cls.work / "problems.jsonl").write_text(json.dumps(PROBLEM) + "\n")
        (cls.work / "recipe.json").write_text(json.dumps(RECIPE))
        began = time.monotonic()
        cls.finish("straight")
        cls.seconds = time.monotonic() - began

    @classmethod
    def start(cls, name):
        return subprocess.Popen(
            [PROGRAM, "train", cls.work / "recipe.json", "--output", cls.work / name,
             "--threads", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @classmethod
    def finish(cls, name):
        process = cls.start(name)
        _, messages = process.communicate(timeout=300)
        if process.returncode != 0:
            raise AssertionError(messages.decode())

    def assert_like_straight(self, name):
        for result in RESULTS:
            expected = (self.work / "straight" / result).read_bytes()
            self.assertEqual((self.work / name / result).read_bytes(), expected, result)

    def end(self, process, number):
        process.send_signal(number)
        _, messages = process.communicate(timeout=120)
        return messages.decode()

    def test_kills_at_random_moments(self):
        moments = random.Random()
        seed = moments.randrange(1 << 30)
        moments.seed(seed)
        kills = 0
        with self.subTest(seed=seed):
            for _ in range(4):
                process = self.start("killed")
                time.sleep(moments.uniform(0.2, 0.7) * self.seconds)
                self.end(process, signal.SIGKILL)
                kills += process.returncode == -signal.SIGKILL
            self.finish("killed")
            self.assertGreater(kills, 0)
            self.assert_like_straight("killed")

    def test_an_interrupt_saves_the_state_and_exits_130(self):
        process = self.start("interrupted")
        journal = self.work / "interrupted" / "rewards.journal"
        while process.poll() is None and not (journal.exists() and journal.stat().st_size > 100):
            time.sleep(0.01)  # until the first batch is judged
        messages = self.end(process, signal.SIGINT)
        self.assertEqual(process.returncode, 130, messages)
        self.assertIn(f"of {STEPS}; the same command continues there", messages)
        self.assertTrue((self.work / "interrupted" / "training.state").exists())
        self.finish("interrupted")
        self.assert_like_straight("interrupted")


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
