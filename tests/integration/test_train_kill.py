"""`unmask train` killed at any moment and started again: the model is that of a straight run.

    python3 tests/integration/test_train_kill.py build/unmask
"""

import json
import pathlib
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = ""
STEPS = 120
RESULTS = ("training.state", "model.safetensors", "config.json", "DONE")

# Large enough that a state takes some time to write.
CONFIG = {
    "model_type": "qwen2", "vocab_size": 64, "hidden_size": 96, "intermediate_size": 256,
    "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 64, "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
    "tie_word_embeddings": False, "bos_token_id": None, "eos_token_id": 62, "pad_token_id": 62,
    "mask_token_id": 63,
}

RECIPE = {
    "model": "model", "initialise": True, "train": "train.shard", "objective": "diffusion",
    "steps": STEPS, "batch_tokens": 32, "context_length": 32, "learning_rate": 0.003,
    "weights": "bf16", "attention_annealing_steps": STEPS // 2, "checkpoint_minutes": 0.001,
}


def write_shard(path):
    """Documents of unequal length, a third of each its prompt."""
    numbers = random.Random(1)
    documents = [[numbers.randrange(60) for _ in range(numbers.randrange(4, 20))] for _ in range(40)]
    index, first = b"", 0
    for tokens in documents:
        index += struct.pack("<QII", first, len(tokens), len(tokens) // 3)
        first += len(tokens)
    tokens = sum(documents, [])
    header = struct.pack("<8sIIQQ", b"UMSHARD1", 1, 2, len(documents), len(tokens))
    path.write_bytes(header + index + struct.pack(f"<{len(tokens)}H", *tokens))


class KilledRuns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="unmask-train-")
        cls.addClassCleanup(folder.cleanup)
        cls.work = pathlib.Path(folder.name)
        (cls.work / "model").mkdir()
        (cls.work / "model" / "config.json").write_text(json.dumps(CONFIG))
        (cls.work / "recipe.json").write_text(json.dumps(RECIPE))
        write_shard(cls.work / "train.shard")
        cls.finish("straight")

    @classmethod
    def start(cls, name):
        return subprocess.Popen(
            [PROGRAM, "train", cls.work / "recipe.json", "--output", cls.work / name,
             "--threads", "1"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @classmethod
    def finish(cls, name):
        process = cls.start(name)
        _, messages = process.communicate(timeout=120)
        if process.returncode != 0:
            raise AssertionError(messages.decode())

    def logged(self, name):
        metrics = self.work / name / "metrics.jsonl"
        return metrics.stat().st_size if metrics.exists() else 0

    def assert_steps_stand_once(self, name):
        """However often the run was killed, its metrics are whole lines with each step once."""
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

    def end(self, process, number):
        process.send_signal(number)
        _, messages = process.communicate(timeout=60)
        return messages.decode()

    def assert_like_straight(self, name):
        for result in RESULTS:
            expected = (self.work / "straight" / result).read_bytes()
            self.assertEqual((self.work / name / result).read_bytes(), expected, result)
        self.assertEqual(sorted(file.name for file in (self.work / name).iterdir()),
                         sorted(file.name for file in (self.work / "straight").iterdir()))

    def test_kills_at_random_moments(self):
        moments = random.Random()
        seed = moments.randrange(1 << 30)
        moments.seed(seed)
        kills = 0
        with self.subTest(seed=seed):
            for _ in range(5):
                process = self.start("killed")
                before = self.logged("killed")
                self.wait_for(process, lambda size=before: self.logged("killed") > size)
                time.sleep(moments.uniform(0, 0.3))
                self.end(process, signal.SIGKILL)
                kills += process.returncode == -signal.SIGKILL
            self.finish("killed")
            self.assertGreater(kills, 0)
            self.assert_like_straight("killed")
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
        process = self.start("interrupted")
        self.assertTrue(self.wait_for(process, lambda: self.logged("interrupted") > 0))
        messages = self.end(process, signal.SIGINT)
        self.assertEqual(process.returncode, 130, messages)
        self.assertIn(f"of {STEPS}; the same command continues there", messages)
        self.assertTrue((self.work / "interrupted" / "training.state").exists())
        self.assertFalse((self.work / "interrupted" / "DONE").exists())
        self.finish("interrupted")
        self.assert_like_straight("interrupted")
        self.assert_steps_stand_once("interrupted")

    def test_another_recipe_does_not_touch_the_state(self):
        state = (self.work / "straight" / "training.state").read_bytes()
        result = subprocess.run(
            [PROGRAM, "train", self.work / "recipe.json", "--output", self.work / "straight",
             "--set", "seed=2"], capture_output=True, timeout=60, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("belongs to another recipe", result.stderr.decode())
        self.assertEqual((self.work / "straight" / "training.state").read_bytes(), state)


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
