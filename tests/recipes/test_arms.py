"""The driver of reinforcement learning beside its alternatives, with a stand-in for the program that does the work."""

import json
import tempfile
import unittest
from pathlib import Path

import stand_in

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "tiny"

# In place of `unmask`: notes its arguments; a run of stage 4 takes 30 seconds, by its metrics.
PROGRAM = """#!{python}
import json, os, sys
from pathlib import Path
with open(os.environ["NOTES"], "a") as notes:
    notes.write(json.dumps(sys.argv[1:]) + "\\n")
output = Path(sys.argv[sys.argv.index("--output") + 1])
if sys.argv[1] == "train":
    output.mkdir()
    (output / "DONE").touch()
    (output / "metrics.jsonl").write_text('{{"kind": "validation", "seconds": 5}}\\n' + '{{"kind": "step", "seconds": 15}}\\n' * 2)
else:
    output.touch()
"""


class Arms(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.data = cls.folder / "data"
        (cls.data / "stage3").mkdir(parents=True)
        (cls.data / "stage3" / "metrics.jsonl").write_text('{"kind": "step", "seconds": 600}\n')
        stand_in.make(cls.folder, PROGRAM)
        cls.first = cls.run_driver("first", SEEDS="1 2")
        cls.second = cls.run_driver("second", SEEDS="1 2 3", ARMS="coupled")
        cls.others = cls.run_driver("others", SEEDS="1", ARMS="one_token_full_mask paper")
        cls.changed = cls.run_driver("changed", expected=1, SEEDS="4", STEPS="7")

    @classmethod
    def run_driver(cls, name: str, expected: int = 0, **extra: str) -> list[list[str]]:
        """The program's calls."""
        status, calls = stand_in.run(RECIPE / "arms.sh", cls.folder, name,
                                     **{"CONTROLS": "8", "ARMS": "", "STEPS": "", "SUPERVISED_STEPS": "", **extra})
        assert status == expected
        return calls

    @staticmethod
    def members(call: list[str]) -> dict[str, str]:
        """What the call sets in its recipe."""
        pairs = [option.partition("=") for flag, option in zip(call, call[1:], strict=False) if flag == "--set"]
        return {name: value for name, _, value in pairs}

    def trained(self, calls: list[list[str]]) -> list[str]:
        return [Path(call[call.index("--output") + 1]).name for call in calls if call[0] == "train"]

    def test_each_arm_is_trained_with_each_seed(self) -> None:
        arms = ["one_token_coupled", "trajectory", "coupled", "full_mask", "decoupled", "supervised"]
        self.assertEqual(self.trained(self.first), [f"{arm}-{seed}" for seed in (1, 2) for arm in arms])

    def test_what_is_there_is_not_trained_again(self) -> None:
        self.assertEqual(self.trained(self.second), ["coupled-3"])

    def test_arms_of_other_sizes_are_not_mixed_with_these(self) -> None:
        self.assertEqual(self.changed, [])

    def reinforced(self, calls: list[list[str]]) -> dict[str, dict[str, str]]:
        """What each run of stage 4 sets, by its name."""
        return {Path(call[call.index("--output") + 1]).name: self.members(call)
                for call in calls if call[0] == "train" and call[1].endswith("stage4.json")}

    def test_arms_of_few_steps_differ_in_estimator_and_seed_alone(self) -> None:
        runs = {name: run for name, run in self.reinforced(self.first).items() if not name.startswith("one_token_")}
        self.assertEqual(len(runs), 8)
        first = next(iter(runs.values()))
        self.assertEqual(json.loads(first["rollout"])["algorithm"], "threshold")
        for name, run in runs.items():
            self.assertEqual(f"{run['estimator']}-{run['seed']}", name)
            self.assertEqual(Path(run["model"]), self.data / "stage3")
            self.assertEqual(run.pop("trajectory_states", None), "0" if name.startswith("trajectory") else None)
            self.assertEqual({**run, "estimator": "", "seed": ""}, {**first, "estimator": "", "seed": ""})

    def test_arms_of_one_token_a_step_are_stage_4_but_for_the_estimator(self) -> None:
        recipe = json.loads((RECIPE / "stage4.json").read_text())
        runs = {**self.reinforced(self.first), **self.reinforced(self.others)}
        files = {"model", "problems", "validation_problems"}
        for name, estimator in (("one_token_coupled-2", recipe["estimator"]), ("one_token_full_mask-1", "full_mask")):
            self.assertEqual({member: value for member, value in runs[name].items() if member not in files},
                             {"estimator": estimator, "seed": name[-1]})

    def test_the_settings_of_the_paper_are_those_of_few_steps_at_its_temperature(self) -> None:
        call = next(call for call in self.others if "inner_updates=2" in call)
        self.assertLess(next(at for at, option in enumerate(call) if option.startswith("rollout=")),
                        call.index("rollout.temperature=1.2"))
        self.assertIn("estimator=coupled", call)

    def test_the_control_trains_as_long_on_documents_of_its_own(self) -> None:
        packed = next(call for call in self.first if call[0] == "pack")
        self.assertEqual(len(Path(packed[1]).read_text().splitlines()), 8)
        steps = json.loads((RECIPE / "stage3.json").read_text())["steps"]
        for call in (call for call in self.first if call[0] == "train" and call[1].endswith("stage3.json")):
            self.assertEqual(self.members(call)["steps"], str(round(steps * 30 / 600)))
            self.assertEqual(self.members(call)["train"], packed[packed.index("--output") + 1])


if __name__ == "__main__":
    unittest.main()
