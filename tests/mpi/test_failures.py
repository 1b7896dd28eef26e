"""Ranks that are stopped or killed, and programs that cannot have several.

    python3 tests/mpi/test_failures.py build/unmask [build/tests/mpi/unmask_without_mpi]
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import time

import ranks
import small_training

STEPS = 40  # at least
SECONDS = 4  # of one rank, at least: a signal has to find steps still to come, on fast machines too
BATCH_TOKENS = 100 if small_training.SANITIZED else 600
WITHOUT_MPI = sys.argv.pop(2) if len(sys.argv) > 2 and "/" in sys.argv[2] else None


class Failures(ranks.Ranks):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.steps = STEPS
        cls().run_ranks(1, "timed", cls.long_recipe("timed.json"))
        cls.steps = max(STEPS, round(SECONDS / cls().seconds_of_a_step("timed")))
        cls.recipe = cls.long_recipe("long.json")
        cls().run_ranks(1, "straight", cls.recipe)

    @classmethod
    def long_recipe(cls, name):
        return cls.write_recipe(name, steps=cls.steps, gradient_accumulation=4, batch_tokens=BATCH_TOKENS,
                                validation_interval=0, checkpoint_minutes=0.001)

    def seconds_of_a_step(self, output):
        rows = map(json.loads, (self.work / output / "metrics.jsonl").read_text().splitlines())
        return statistics.median(row["seconds"] for row in rows if row["kind"] == "step")

    def assert_continues(self, output, count):
        self.run_ranks(count, output, self.recipe)
        self.assert_same_run("straight", output)

    def test_a_killed_rank_ends_the_job_and_nothing_is_lost(self):
        for victim in (1, 0):
            output = f"killed-{victim}"
            process = self.start(2, output, self.recipe)
            self.wait_for_steps(process, output, self.steps // 3)
            os.kill(ranks.children(process)[victim], signal.SIGKILL)
            start = time.monotonic()
            messages, _ = process.communicate(timeout=60)
            self.assertLess(time.monotonic() - start, 30)
            self.assertNotEqual(process.returncode, 0)
            self.assertEqual(messages.count(f"process rank {victim} "), 1, messages)
            self.assertIn("(Killed)", messages)
            if victim != 0:
                self.assertEqual(messages.count("waiting for another rank"), 1, messages)
            self.assertFalse((self.work / output / "DONE").exists())
            self.assert_continues(output, 2)

    def test_signals_to_mpirun_save_the_state_of_one_step(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
            output = f"stopped-{number.name}"
            process = self.start(3, output, self.recipe)
            self.wait_for_steps(process, output, 5)
            process.send_signal(number)
            messages, _ = process.communicate(timeout=60)
            self.assertNotEqual(process.returncode, 0)
            self.assertEqual(messages.count(f"of {self.steps}; the same command continues there"), 1,
                             messages)
            self.assertFalse((self.work / output / "DONE").exists())
            stopped = self.steps_logged(output)
            self.assertIn(f"stopped after step {stopped} of", messages)
            self.assert_continues(output, 1)

    def test_another_number_of_ranks_than_asked_for_is_an_error(self):
        messages = self.finish(self.start(2, "counted", "recipe.json", "--ranks", "3"), 1)
        self.assertEqual(messages.count("--ranks 3, but 2 processes were started"), 1, messages)
        messages = self.finish(self.start(1, "counted", "recipe.json", "--ranks", "2"), 1)
        self.assertIn("--ranks 2, but 1 process was started; use `mpirun -n 2", messages)

    def test_a_build_without_mpi_says_so(self):
        if WITHOUT_MPI is None:
            self.skipTest("no program without MPI was named")
        process = self.start(2, "without", "recipe.json", program=WITHOUT_MPI)
        messages = self.finish(process, 1)
        self.assertEqual(messages.count("built without MPI"), 1, messages)
        self.assertFalse((self.work / "without").exists())
        process = self.start(1, "without", "recipe.json", "--ranks", "2", program=WITHOUT_MPI)
        self.assertIn("built without MPI", self.finish(process, 1))
        # Slurm's variables, as under srun.
        process = subprocess.run(self.train("without", program=WITHOUT_MPI), check=False, text=True,
                                 env={**ranks.environment(), "SLURM_STEP_NUM_TASKS": "4"},
                                 capture_output=True, timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn("4 processes are to train together", process.stderr)
        self.run_ranks(1, "without", "recipe.json", program=WITHOUT_MPI)


if __name__ == "__main__":
    ranks.main()
