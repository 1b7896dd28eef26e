"""The driver of all stages, with a stand-in for the program that does the work."""

import json
import tempfile
import unittest
from pathlib import Path

import stand_in

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "tiny"

# In place of `unmask`: notes its arguments, and makes the files that the real one would.
PROGRAM = """#!{python}
import json, os, sys
from pathlib import Path
with open(os.environ["NOTES"], "a") as notes:
    notes.write(json.dumps(sys.argv[1:]) + "\\n")
command, options = sys.argv[1], sys.argv[2:]
after = lambda name: Path(options[options.index(name) + 1])
if command == "train":
    if options[0].endswith(os.environ.get("BREAK", "none")):
        sys.exit(1)
    after("--output").mkdir(exist_ok=True)
    (after("--output") / "DONE").touch()
elif command == "train-tokenizer":
    (after("--output") / "tokenizer.json").touch()
elif command == "pack":
    after("--output").touch()
elif command == "eval":
    after("--output").mkdir(exist_ok=True)
    (after("--output") / "report.json").touch()
"""
CODE = {"prompt": 'def f(x):\n    """Return twice the value of x."""\n', "completion": "    return 2 * x\n"}


class Driver(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.data = cls.folder / "data"
        cls.data.mkdir()
        (cls.data / "code.jsonl").write_text(json.dumps(CODE) + "\n")
        stand_in.make(cls.folder, PROGRAM)
        cls.broken = cls.run_driver("first", BREAK="stage2.json")
        cls.continued = cls.run_driver("second")
        cls.again = cls.run_driver("third")
        (cls.data / "results" / "stage1" / "report.json").unlink()
        cls.measured_again = cls.run_driver("fourth")
        cls.reinforced = cls.run_driver("fifth", LAST="4")
        cls.compared = cls.run_driver("sixth", BASELINE="1")
        cls.changed = cls.run_driver("seventh", STEPS="8")

    @classmethod
    def run_driver(cls, name: str, **extra: str) -> tuple[int, list[list[str]]]:
        """Exit status and the program's calls."""
        return stand_in.run(RECIPE / "build.sh", cls.folder, name,
                            **{"DOCUMENTS": "20", "PER_LEVEL": "3", "REWARDS": "4", "LAST": "3", "STEPS": "7", "BASELINE": "0", **extra})

    @staticmethod
    def after(call: list[str], option: str) -> Path:
        """The path that follows the option."""
        return Path(call[call.index(option) + 1])

    def test_a_failing_stage_ends_the_run(self) -> None:
        status, calls = self.broken
        self.assertNotEqual(status, 0)
        self.assertEqual(Path(calls[-1][1]).name, "stage2.json")

    def test_the_next_run_goes_on_where_the_last_one_ended(self) -> None:
        status, calls = self.continued
        self.assertEqual(status, 0)
        trained = [Path(call[1]).name for call in calls if call[0] == "train"]
        self.assertEqual(trained, ["stage2.json", "stage3a.json", "stage3b.json", "stage3.json"])
        self.assertFalse([call for call in calls if call[0] in ("pack", "train-tokenizer")])
        self.assertEqual([self.after(call, "--model").name for call in calls if call[0] == "eval"],
                         ["stage0", "stage1", "stage2", "stage3a", "stage3b", "stage3"])
        self.assertEqual(self.again, (0, []))

    def test_measuring_goes_on_until_there_is_a_report(self) -> None:
        status, calls = self.measured_again
        self.assertEqual(status, 0)
        self.assertEqual([(call[0], self.after(call, "--model").name) for call in calls], [("eval", "stage1")])

    def test_models_are_measured_on_what_they_have_learnt(self) -> None:
        for call in (call for call in self.continued[1] if call[0] == "eval"):
            model = self.after(call, "--model")
            self.assertEqual(model.parent, self.data)
            self.assertEqual(self.after(call, "--output"), self.data / "results" / model.name)
            rows = [json.loads(line) for line in self.after(call, "--problems").read_text().splitlines()]
            formats = {"completion", "infilling"} | ({"chat"} if model.name.startswith("stage3") else set())
            self.assertEqual({row["format"] for row in rows}, formats)
            self.assertEqual({row["task_id"].split("/")[1] for row in rows}, {"validation"})
            self.assertEqual(call[call.index("--length") + 1], "80")
            self.assertEqual(call[call.index("--infilling-length") + 1], "40")

    def test_each_stage_starts_from_the_one_before(self) -> None:
        calls = self.broken[1] + self.continued[1]
        starts = {Path(call[1]).stem: {Path(option.partition("=")[2]).name for option in call if option.startswith("model=")}
                  for call in calls if call[0] == "train"}
        self.assertEqual(starts, {"stage0": {"init"}, "stage1": {"stage0"}, "stage2": {"stage1"}, "stage3a": {"stage2"},
                                  "stage3b": {"stage3a"}, "stage3": {"stage3b"}})
        self.assertTrue(all("steps=7" in call for call in calls if call[0] == "train"))

    def test_a_stage_is_validated_with_problems_of_the_formats_it_learns(self) -> None:
        calls = self.broken[1] + self.continued[1]
        for call in (call for call in calls if call[0] == "train"):
            problems = next(Path(option.partition("=")[2]) for option in call if option.startswith("validation_problems="))
            rows = [json.loads(line) for line in problems.read_text().splitlines()]
            self.assertEqual({row["level"] for row in rows}, {1, 2, 3, 4, 5, 6})
            if not Path(call[1]).stem.startswith("stage3"):
                self.assertFalse([row for row in rows if row["format"] == "chat"])
            recipe = json.loads((RECIPE / Path(call[1]).name).read_text())
            self.assertEqual(Path(recipe["validation_problems"]).name, problems.name)
            self.assertEqual(recipe["validation_maximum"], 180)

    def test_the_baseline_goes_on_where_stage_0_ends(self) -> None:
        status, calls = self.compared
        self.assertEqual(status, 0)
        starts, shards = ({Path(call[1]).stem: Path(option.partition("=")[2]).name for call in calls if call[0] == "train"
                           for option in call if option.startswith(member)} for member in ("model=", "train="))
        self.assertEqual(starts, {"baseline1": "stage0", "baseline2": "baseline1", "baseline3a": "baseline2",
                                  "baseline3b": "baseline3a", "baseline3": "baseline3b"})
        self.assertEqual(shards, {"baseline1": "stage0.shard", **{name: f"{name}.shard" for name in list(starts)[1:]}})
        packed = {self.after(call, "--output").name: call[call.index("--infilling") + 1] for call in calls if call[0] == "pack"}
        self.assertEqual(packed, dict.fromkeys(("baseline2.shard", "baseline3a.shard", "baseline3b.shard", "baseline3.shard",
                                                "baseline3.validation.shard"), "fim"))
        self.assertEqual([self.after(call, "--model").name for call in calls if call[0] == "eval"], list(starts))

    def test_results_of_other_sizes_are_not_taken_for_these(self) -> None:
        status, calls = self.changed
        self.assertNotEqual(status, 0)
        self.assertEqual(calls, [])

    def test_reinforcement_is_measured_as_it_is_trained_too(self) -> None:
        status, calls = self.reinforced
        self.assertEqual(status, 0)
        self.assertEqual([call[0] for call in calls], ["train", "eval", "eval", "eval"])
        self.assertIn(f"problems={self.data / 'rewards.problems.jsonl'}", calls[0])
        self.assertIn(f"model={self.data / 'stage3'}", calls[0])
        self.assertEqual([(self.after(call, "--model").name, self.after(call, "--output").name) for call in calls[1:]],
                         [("stage4", "stage4"), ("stage3", "stage3.as-trained"), ("stage4", "stage4.as-trained")])
        rollout = json.loads((RECIPE / "stage4.json").read_text())["rollout"]
        for call in calls[2:]:
            given = {option: call[call.index("--" + option.replace("_", "-")) + 1] for option in rollout}
            self.assertEqual(given, {option: str(value) for option, value in rollout.items()})

    def test_a_causal_stage_is_packed_with_the_suffix_first(self) -> None:
        forms = {Path(call[call.index("--output") + 1]).name: call[call.index("--infilling") + 1]
                 for call in self.broken[1] if call[0] == "pack"}
        self.assertEqual(forms.pop("stage0.shard"), "fim")
        self.assertEqual(forms.pop("stage0.validation.shard"), "fim")
        self.assertEqual(set(forms.values()), {"canvas"})

    def test_files_of_half_a_step_are_not_left(self) -> None:
        self.assertFalse(list(self.data.rglob("*.part")))


class Recipes(unittest.TestCase):
    def test_stages_fit_each_other(self) -> None:
        names = ["0", "1", "2", "3a", "3b", "3"]
        recipes = {name: json.loads((RECIPE / f"stage{name}.json").read_text()) for name in names}
        self.assertEqual(recipes["0"]["objective"], "causal")
        self.assertTrue(recipes["0"]["initialise"])
        for before, name in zip(names, names[1:], strict=False):
            self.assertEqual(recipes[name]["model"], f"data/stage{before}")
            self.assertEqual(recipes[name]["objective"], "diffusion")
            self.assertEqual(recipes[name]["answer_length"], 80 if name.startswith("3") else 72)
        self.assertEqual(len({recipe["seed"] for recipe in recipes.values()}), len(names))

    def test_holes_are_as_long_in_training_as_in_measuring(self) -> None:
        for name in ("1", "2", "3a", "3b", "3", "4"):
            recipe = json.loads((RECIPE / f"stage{name}.json").read_text())
            self.assertEqual(recipe["infilling_length"], 40)


if __name__ == "__main__":
    unittest.main()
