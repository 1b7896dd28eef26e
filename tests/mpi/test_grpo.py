"""Coupled-GRPO by several ranks: rollouts, rewards and updates shared out, the same bytes.

    python3 tests/mpi/test_grpo.py build/unmask build/tests/cli/make_random_model TOKENIZER
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

import ranks

# After a comment sign anything that a model writes is right, unless it begins a new line.
PROBLEMS = [{"task_id": f"p{i}", "prompt": f"def f(x):\n    return x + {i} #", "entry_point": "f",
             "test": f"def check(f):\n    assert f(1) == {i + 1}\n", "level": 1 + i % 3}
            for i in range(5)]

GRPO = {
    "model": "random", "objective": "coupled_grpo", "problems": "problems.jsonl",
    "validation_problems": "problems.jsonl", "steps": 6, "batch_tokens": 150,
    "context_length": 96, "answer_length": 12, "group_size": 4, "problems_per_step": 3,
    "learning_rate": 0.01, "validation_interval": 4, "judge_workers": 1,
    "rollout": {"algorithm": "threshold"}, "sandbox": "none",  # the answers are comments
}


class Grpo(ranks.Ranks):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        subprocess.run([cls.maker, cls.tokenizer, cls.work / "random"], check=True, timeout=60)
        lines = "".join(json.dumps(problem) + "\n" for problem in PROBLEMS)
        (cls.work / "problems.jsonl").write_text(lines)
        (cls.work / "grpo.json").write_text(json.dumps(GRPO))
        (cls.work / "trajectory.json").write_text(json.dumps({**GRPO, "steps": 3, "estimator": "trajectory"}))

    def test_any_number_of_ranks_gives_the_same_bytes(self):
        self.run_ranks(1, "grpo-1", "grpo.json")
        steps = [line for line in self.numbers("grpo-1") if line["kind"] == "step"]
        self.assertTrue(any(step["gradient_norm"] > 0 for step in steps))
        self.assertTrue(any(step.get("reward_deviation", 0) > 0 for step in steps))
        for count in (2, 3):
            with self.subTest(ranks=count):
                self.run_ranks(count, f"grpo-{count}", "grpo.json")
                self.assert_same_run("grpo-1", f"grpo-{count}")

    def test_ranks_send_the_steps_of_completions(self):
        self.run_ranks(1, "trajectory-1", "trajectory.json")
        self.run_ranks(2, "trajectory-2", "trajectory.json")
        self.assert_same_run("trajectory-1", "trajectory-2")

    def test_a_run_continues_on_any_number_of_ranks(self):
        """Stopped at times between the two updates of a batch, whose rollouts are in the state."""
        recipe = "stops.json"
        (self.work / recipe).write_text(json.dumps({**GRPO, "steps": 24}))
        self.run_ranks(1, "whole", recipe)
        for count, steps in ((2, 3), (3, 9)):
            process = self.start(count, "moving", recipe)
            self.wait_for_steps(process, "moving", steps)
            process.send_signal(signal.SIGUSR1)
            process.communicate(timeout=120)
            self.assertFalse((self.work / "moving" / "DONE").exists())
        self.run_ranks(1, "moving", recipe)
        self.assert_same_run("whole", "moving", kinds=("step",))

    def test_a_killed_rank_ends_the_job_and_nothing_is_lost(self):
        """At any moment: during rollouts, verdicts or updates."""
        recipe = "killed.json"
        (self.work / recipe).write_text(json.dumps({**GRPO, "steps": 20, "checkpoint_minutes": 0.001}))
        self.run_ranks(1, "unbroken", recipe)
        moments = random.Random()
        seed = moments.randrange(1 << 30)
        moments.seed(seed)
        for victim in (1, 0):
            with self.subTest(victim=victim, seed=seed):
                output = f"killed-{victim}"
                process = self.start(2, output, recipe)
                self.wait_for_steps(process, output, 3)
                time.sleep(0.1 * moments.random())
                os.kill(ranks.children(process)[victim], signal.SIGKILL)
                messages, _ = process.communicate(timeout=60)
                self.assertNotEqual(process.returncode, 0)
                self.assertEqual(messages.count(f"process rank {victim} "), 1, messages)
                self.assertFalse((self.work / output / "DONE").exists())
                self.run_ranks(2, output, recipe)
                self.assert_same_run("unbroken", output)


if __name__ == "__main__":
    Grpo.maker, Grpo.tokenizer = sys.argv[2:4]
    del sys.argv[2:4]
    ranks.main()
