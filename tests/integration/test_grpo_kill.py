"""A coupled-GRPO run killed at any moment and started again: the model is that of a straight run.

    python3 tests/integration/test_grpo_kill.py build/unmask

The shipped model writes a few tokens for an easy problem; programs run in their own processes, but
without a sandbox, as not every machine that runs tests offers one.
"""

import json
import pathlib
import time

import killed_runs
import small_training

MODEL = pathlib.Path(__file__).resolve().parents[2] / "models" / "tiny"
STEPS = 6

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


class GrpoKill(killed_runs.KilledRuns):
    results = (*small_training.RESULTS, "rewards.journal")
    timeout = 150

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.work / "problems.jsonl").write_text(json.dumps(PROBLEM) + "\n")
        (cls.work / "recipe.json").write_text(json.dumps(RECIPE))
        began = time.monotonic()
        cls.finish("straight")
        cls.seconds = time.monotonic() - began

    def judged(self, name):
        """How much a run has judged, as a share of the straight run's journal."""
        journal = self.work / name / "rewards.journal"
        return journal.stat().st_size / (self.work / "straight" / "rewards.journal").stat().st_size if journal.exists() else 0

    def wait(self, process, moments):
        """Wait a random share of the straight run's time.  That run may have been a slow one, so a run that has not yet
        judged the second of the three batches waits no longer than until it has."""
        end = time.monotonic() + moments.uniform(0.2, 0.7) * self.seconds
        begun_early = self.judged("killed") < 0.6
        while process.poll() is None and time.monotonic() < end and not (begun_early and self.judged("killed") > 0.6):
            time.sleep(0.005)

    def test_kills_at_random_moments(self):
        self.kill_and_finish(4, self.wait)

    def test_an_interrupt_saves_the_state_and_exits_130(self):
        process = self.start("interrupted")
        while process.poll() is None and self.judged("interrupted") < 0.3:
            time.sleep(0.01)  # until the first batch is judged
        self.assert_interrupt(process, "interrupted", STEPS)
        self.finish("interrupted")
        self.assert_like_straight("interrupted")


if __name__ == "__main__":
    killed_runs.main()
