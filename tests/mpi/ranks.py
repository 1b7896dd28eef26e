"""What the tests of training in several processes share: a small task, and runs under mpirun."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))  # tests/
import small_training

RESULTS = small_training.RESULTS
TIMES = ("seconds", "tokens_per_second", "share_of_peak", "rollout_seconds", "reward_seconds",
         "reward_waiting_seconds", "update_seconds")
KINDS = ("step", "validation")

CONFIG = small_training.model_config(48, 128, 3)

# Four micro-batches a step: with three ranks the last round is not full.
RECIPE = {
    "model": "model", "initialise": True, "train": "train.shard", "validation": "validation.shard",
    "objective": "diffusion", "steps": 12, "batch_tokens": 64, "gradient_accumulation": 4,
    "context_length": 32, "learning_rate": 0.003, "validation_interval": 5,
}

# Lets any user start more ranks than there are processors.
MPIRUN = ["mpirun", "--oversubscribe", "--bind-to", "none"]
ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_mpi_yield_when_idle": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Open MPI itself leaks memory.
    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0",
}


def environment():
    return {**os.environ, **ENVIRONMENT}


def children(process):
    """Process ids of the ranks that mpirun started, by rank."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == process.pid:
                variables = (entry / "environ").read_bytes().split(b"\0")
                found[int(next(v for v in variables if v.startswith(b"OMPI_COMM_WORLD_RANK="))
                          .split(b"=")[1])] = int(entry.name)
        except (OSError, ValueError, IndexError, StopIteration):
            continue
    return found


class Ranks(unittest.TestCase):
    """Runs in a folder of their own."""

    program = ""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="unmask-ranks-")
        cls.addClassCleanup(folder.cleanup)
        cls.work = pathlib.Path(folder.name)
        causal = {key: value for key, value in CONFIG.items() if key != "mask_token_id"}
        for name, config in (("model", CONFIG), ("causal", causal)):
            (cls.work / name).mkdir()
            (cls.work / name / "config.json").write_text(json.dumps(config))
        cls.write_recipe("recipe.json")
        small_training.write_shard(cls.work / "train.shard", 1, 90, 28)
        small_training.write_shard(cls.work / "validation.shard", 2, 30, 28)

    @classmethod
    def write_recipe(cls, name, **members):
        (cls.work / name).write_text(json.dumps({**RECIPE, **members}))
        return name

    def train(self, output, recipe="recipe.json", *options, program=None):
        return [program or self.program, "train", str(self.work / recipe),
                "--output", str(self.work / output), "--threads", "1", *options]

    def start(self, ranks, *arguments, **keywords):
        """Start the run with so many ranks; one rank runs without mpirun."""
        command = self.train(*arguments, **keywords)
        if ranks > 1:
            command = [*MPIRUN, "-n", str(ranks), *command]
        return subprocess.Popen(command, env=environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, process, status=0):
        messages, _ = process.communicate(timeout=240)
        self.assertEqual(process.returncode, status, messages)
        return messages

    def run_ranks(self, ranks, *arguments, **keywords):
        return self.finish(self.start(ranks, *arguments, **keywords))

    def steps_logged(self, output):
        metrics = self.work / output / "metrics.jsonl"
        return metrics.read_text().count('"kind": "step"') if metrics.exists() else 0

    def wait_for_steps(self, process, output, count):
        while process.poll() is None and self.steps_logged(output) < count:
            time.sleep(0.01)
        self.assertIsNone(process.poll(), "the run ended too early")

    def numbers(self, output, kinds=KINDS):
        """Steps and validations of a run, without the members that depend on the machine's speed."""
        lines = [json.loads(line) for line in
                 (self.work / output / "metrics.jsonl").read_text().splitlines()]
        return [{key: value for key, value in line.items() if key not in TIMES}
                for line in lines if line["kind"] in kinds]

    def assert_same_run(self, one, other, kinds=KINDS):
        """A run that was stopped lacks the validation of its last step: compare the kind "step" only."""
        for result in RESULTS:
            self.assertEqual((self.work / one / result).read_bytes(),
                             (self.work / other / result).read_bytes(), f"{other}/{result}")
        self.assertEqual(self.numbers(one, kinds), self.numbers(other, kinds))


def main():
    """test_NAME.py PROGRAM: skipped, with exit status 77, if there is no Open MPI to start ranks."""
    Ranks.program = sys.argv.pop(1)
    if shutil.which("mpirun") is None:
        print("skipped: mpirun is not installed (openmpi-bin)")
        sys.exit(77)
    version = subprocess.run(["mpirun", "--version"], capture_output=True, text=True, check=False)
    if "Open MPI" not in version.stdout:
        print("skipped: mpirun is not that of Open MPI, whose options these tests use")
        sys.exit(77)
    unittest.main()
