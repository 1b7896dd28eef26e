"""`unmask train` killed at any moment and started again: the model is that of a straight run.

    python3 tests/integration/test_train_kill.py build/unmask
"""

import json
import signal
import subprocess
import time

import killed_runs
import small_training

STEPS = 50 if small_training.SANITIZED else 120

RECIPE = {
    "model": "model", "initialise": True, "train": "train.shard", "objective": "diffusion",
    "steps": STEPS, "batch_tokens": 32, "context_length": 32, "learning_rate": 0.003,
    "weights": "bf16", "attention_annealing_steps": STEPS // 2, "checkpoint_minutes": 0.001,
}


class TrainKill(killed_runs.KilledRuns):
    results = small_training.RESULTS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Large enough that a state takes some time to write.
        config = small_training.model_config(96, 256, 4)
        (cls.work / "model").mkdir()
        (cls.work / "model" / "config.json").write_text(json.dumps(config))
        (cls.work / "recipe.json").write_text(json.dumps(RECIPE))
        small_training.write_shard(cls.work / "train.shard", 1, 40, 20)
        began = time.monotonic()
        cls.finish("straight")
        cls.seconds = time.monotonic() - began

    def logged(self, name):
        metrics = self.work / name / "metrics.jsonl"
        return metrics.stat().st_size if metrics.exists() else 0

    def assert_steps_stand_once(self, name):
        """However often the run was killed, its metrics must be whole lines with each step once."""
        lines = (self.work / name / "metrics.jsonl").read_text().splitlines()
        lines = [json.loads(line) for line in lines]
        self.assertEqual(lines[0]["kind"], "run")
        self.assertEqual(lines[-1]["kind"], "end")
        self.assertEqual([line["step"] for line in lines if line["kind"] == "step"],
                         list(range(1, STEPS + 1)))
        straight = (self.work / "straight" / "metrics.jsonl").read_text().splitlines()
        losses = [json.loads(line).get("loss") for line in straight]
        self.assertEqual([line["loss"] for line in lines if "loss" in line],
                         [loss for loss in losses if loss is not None])

    def wait_for(self, process, condition):
        """Whether the condition came true before the process ended."""
        while process.poll() is None:
            if condition():
                return True
        return False

    def assert_like_straight(self, name):
        super().assert_like_straight(name)
        self.assertEqual(sorted(file.name for file in (self.work / name).iterdir()),
                         sorted(file.name for file in (self.work / "straight").iterdir()))

    def test_kills_at_random_moments(self):
        def wait(process, moments):
            before = self.logged("killed")
            self.wait_for(process, lambda: self.logged("killed") > before)
            time.sleep(moments.uniform(0, min(0.3, self.seconds / 4)))  # a fast machine is soon done
        self.kill_and_finish(5, wait)
        self.assert_steps_stand_once("killed")

    def test_kills_while_a_state_is_written(self):
        output = self.work / "torn"
        kills = 0
        for _ in range(4):
            process = self.start("torn")
            old = {file.name for file in output.glob("*.part-*")} if output.exists() else set()
            def writes():
                return any(file.name not in old for file in output.glob("training.state.part-*"))
            if self.wait_for(process, writes):
                self.end(process, signal.SIGKILL)
                kills += process.returncode == -signal.SIGKILL
            process.communicate()
        self.finish("torn")
        self.assertGreater(kills, 0)
        self.assert_like_straight("torn")
        self.assert_steps_stand_once("torn")

    def test_an_interrupt_saves_the_state_and_exits_130(self):
        """Slurm announces the end of a job with SIGUSR1, to a single process as to several."""
        for number in (signal.SIGINT, signal.SIGUSR1):
            name = f"interrupted-{number.name}"
            process = self.start(name)
            self.assertTrue(self.wait_for(process, lambda: self.logged(name) > 0))
            self.assert_interrupt(process, name, STEPS, number)
            self.assertFalse((self.work / name / "DONE").exists())
            self.finish(name)
            self.assert_like_straight(name)
            self.assert_steps_stand_once(name)

    def test_one_interrupt_sent_twice_saves_the_state_too(self):
        """As `timeout -s INT` and mpirun send it: to the process and to its group."""
        process = self.start("twice")
        self.assertTrue(self.wait_for(process, lambda: self.logged("twice") > 0))
        process.send_signal(signal.SIGINT)
        time.sleep(0.02)
        self.assert_interrupt(process, "twice", STEPS)

    def test_another_recipe_does_not_touch_the_state(self):
        state = (self.work / "straight" / "training.state").read_bytes()
        result = subprocess.run(
            [self.program, "train", self.work / "recipe.json", "--output", self.work / "straight",
             "--set", "seed=2"], capture_output=True, timeout=60, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("belongs to another recipe", result.stderr.decode())
        self.assertEqual((self.work / "straight" / "training.state").read_bytes(), state)


if __name__ == "__main__":
    killed_runs.main()
