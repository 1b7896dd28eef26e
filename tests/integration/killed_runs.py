"""What the tests of killed training runs share: runs of one recipe, and how they are ended."""

import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/, for small_training


class KilledRuns(unittest.TestCase):
    """Runs of recipe.json in a folder of their own; the one that is not ended early is `straight`."""

    program = ""
    results = ()  # files that must be the same in two runs
    timeout = 60  # most seconds that a run takes to end after a signal; a whole run may take twice as many

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="unmask-killed-")
        cls.addClassCleanup(folder.cleanup)
        cls.work = pathlib.Path(folder.name)

    @classmethod
    def start(cls, name):
        return subprocess.Popen(
            [cls.program, "train", cls.work / "recipe.json", "--output", cls.work / name,
             "--threads", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @classmethod
    def finish(cls, name):
        process = cls.start(name)
        _, messages = process.communicate(timeout=2 * cls.timeout)
        if process.returncode != 0:
            raise AssertionError(messages.decode())

    def end(self, process, number):
        process.send_signal(number)
        _, messages = process.communicate(timeout=self.timeout)
        return messages.decode()

    def assert_like_straight(self, name):
        for result in self.results:
            expected = (self.work / "straight" / result).read_bytes()
            self.assertEqual((self.work / name / result).read_bytes(), expected, result)

    def kill_and_finish(self, times, wait):
        """Kill the run `killed` so many times, each time when wait(process, random) returns; then finish it."""
        moments = random.Random()
        seed = moments.randrange(1 << 30)
        moments.seed(seed)
        kills = 0
        with self.subTest(seed=seed):
            for _ in range(times):
                process = self.start("killed")
                wait(process, moments)
                self.end(process, signal.SIGKILL)
                kills += process.returncode == -signal.SIGKILL
            self.finish("killed")
            self.assertGreater(kills, 0)
            self.assert_like_straight("killed")

    def assert_interrupt(self, process, name, steps, number=signal.SIGINT):
        """Ctrl-C, or the signal of that number, saves the state and exits with 130."""
        messages = self.end(process, number)
        self.assertEqual(process.returncode, 130, messages)
        self.assertIn(f"of {steps}; the same command continues there", messages)
        self.assertTrue((self.work / name / "training.state").exists())


def main():
    KilledRuns.program = sys.argv.pop(1)
    unittest.main()
