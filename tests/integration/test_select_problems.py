"""`unmask select-problems` against a selection of a few lines, on generated files of AceCode's form.

    python3 tests/integration/test_select_problems.py build/unmask

Means, deviations and percentiles are computed here again.  Pass rates are multiples of 1/16, so that sums of them are
exact in floating point, except in one test with any rates.
"""

import json
import math
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
MODELS = ("qwen_coder_2.5", "llama3_instruct")
LIMITS = {"hard": (0, 20, 40), "medium": (25, 75, 0), "easy": (75, 100, 0), "all": (0, 100, 0)}


def make_problem(rng, number, rates):
    """A line of AceCode's form; `rates` draws a pass rate."""
    subject = rng.choice(["the sum", "how often a value occurs", "what You are asked for", "the \u00fcber-list"])
    fence = rng.choice(["", "", "\nExample:\n```\nf(1)\n```\n"])
    programs = ["def f(x):\n    return x\n", "def f(x) -> int:\n    return 1\n", "  \n def g(a,\n b=2):\n  pass\n",
                "import math\ndef f(x):\n    return x\n", "def f(x): return x", "Sure! Here it is:\n```python\n```"]
    inferences = [{"model_name": model, "completion": rng.choice(programs), "pass_rate": rates(rng)}
                  for model in (*MODELS, "mistral", *rng.choices(MODELS, k=rng.choice([0, 3, 14])))]
    rng.shuffle(inferences)
    problem = {"id": f"oss_{number}", "source": "oss", "question": f"Find {subject} of x.{fence}",
               "test_cases": [f"assert f({i}) == {i}" for i in range(rng.randint(1, 4))], "inferences": inferences}
    if rng.random() < 0.2:
        del problem["source"]
    return problem


def sixteenths(rng):
    return rng.randint(0, 16) / 16


def percentile(values, percent):
    """Linear interpolation, from the nearer end."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * (percent / 100)
    low = math.floor(place)
    share = place - low
    if share == 0:
        return ordered[low]
    step = ordered[low + 1] - ordered[low]
    return ordered[low] + step * share if share < 0.5 else ordered[low + 1] - step * (1 - share)


def statistics(problem, models):
    rates = [i["pass_rate"] for i in problem["inferences"] if i["model_name"] in models]
    mean = sum(rates) / len(rates)
    return mean, math.sqrt(sum((rate - mean) ** 2 for rate in rates) / len(rates))


def versions(problem):
    """The lines to be written for a problem that is kept."""
    question, tests = problem["question"], problem["test_cases"]
    prompts = {"": question if "\n```\n" in question else question + "\nTest cases: " + tests[0]}
    best = problem["inferences"][0]
    for inference in problem["inferences"]:
        best = inference if inference["pass_rate"] > best["pass_rate"] else best
    head, colon, _ = best["completion"].partition(":\n")
    if colon and "you" not in question.lower() and head.strip().startswith("def "):
        prompts["/completion"] = ("Please complete the following problem:\n```\n" + head.strip() +
                                  ':\n    """\n    ' + question + '\n    """\n```\n')
    for ending, prompt in prompts.items():
        line = {"task_id": problem["id"] + ending, "format": "chat", "prompt": prompt, "test_cases": tests}
        yield {**line, "source": problem["source"]} if "source" in problem else line


def selected(problems, limits, models=MODELS):
    both = [statistics(problem, models) for problem in problems]
    means, deviations = [mean for mean, _ in both], [deviation for _, deviation in both]
    low, high = percentile(means, limits[0]), percentile(means, limits[1])
    spread = percentile(deviations, limits[2])
    return [line for problem, (mean, deviation) in zip(problems, both)
            if low <= mean <= high and deviation >= spread for line in versions(problem)]


class SelectProblems(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="unmask-select-")
        self.addCleanup(folder.cleanup)
        self.work = pathlib.Path(folder.name)
        self.output = self.work / "out.jsonl"

    def run_on(self, lines, *options):
        made = self.work / "in.jsonl"
        made.write_bytes(b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"
                                  for line in lines))
        return subprocess.run([PROGRAM, "select-problems", made, "--output", self.output, *options],
                              capture_output=True, timeout=120, check=False)

    def written(self):
        return [json.loads(line) for line in self.output.read_text(encoding="utf-8").splitlines()]

    def test_each_difficulty_keeps_what_the_restatement_keeps(self):
        for seed, count in ((1, 1), (2, 2), (3, 7), (4, 101), (5, 400)):
            rng = random.Random(seed)
            problems = [make_problem(rng, number, sixteenths) for number in range(count)]
            for name, limits in LIMITS.items():
                wanted = selected(problems, limits)
                result = self.run_on(problems, "--difficulty", name)
                if wanted:
                    self.assertEqual(result.returncode, 0, result.stderr)
                    self.assertEqual(self.written(), wanted, (seed, name))
                else:
                    self.assertEqual(result.returncode, 1)

    def test_any_rates_and_percentiles(self):
        rng = random.Random(9)
        problems = [make_problem(rng, number, random.Random.random) for number in range(300)]
        result = self.run_on(problems, "--mean-from", "3.5", "--mean-to", "71", "--deviation-from", "12.25")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.written(), selected(problems, (3.5, 71, 12.25)))

    def test_hard_is_the_default_and_models_can_be_named(self):
        rng = random.Random(10)
        problems = [make_problem(rng, number, sixteenths) for number in range(60)]
        self.assertEqual(self.run_on(problems).returncode, 0)
        self.assertEqual(self.written(), selected(problems, LIMITS["hard"]))
        self.assertEqual(self.run_on(problems, "--model", "mistral", "--difficulty", "easy").returncode, 0)
        self.assertEqual(self.written(), selected(problems, LIMITS["easy"], ("mistral",)))

    def test_every_defect_is_one_clear_line(self):
        good = make_problem(random.Random(11), 0, sixteenths)
        inference = good["inferences"][0]

        def without(key):
            return {name: value for name, value in good.items() if name != key}

        def inferred(**changes):
            return {**good, "inferences": [{**inference, "model_name": MODELS[0], **changes}]}

        cases = (
            (without("id"), b'"id" is missing'),
            ({**good, "id": [1]}, b'"id" is an array, expected a string'),
            (without("question"), b'"question" is missing'),
            ({**good, "question": 3}, b'"question" is not a string'),
            (without("test_cases"), b'"test_cases" is missing'),
            ({**good, "test_cases": []}, b'"test_cases" is not a list of at least one string'),
            ({**good, "test_cases": ["assert f()", 3]}, b'"test_cases" is not a list of at least one string'),
            (without("inferences"), b'"inferences" is missing'),
            ({**good, "inferences": {}}, b'"inferences" is an object, expected an array'),
            ({**good, "inferences": []}, b"no inference of the models that are counted"),
            ({**good, "inferences": [7]}, b"inference 0: not an object"),
            (inferred(model_name="other"), b"no inference of the models that are counted"),
            (inferred(model_name=3), b'inference 0: "model_name" is not a string'),
            (inferred(completion=None), b'inference 0: "completion" is not a string'),
            (inferred(pass_rate="0.5"), b'inference 0: "pass_rate" is a string, expected a number'),
            (inferred(pass_rate=1.5), b'inference 0: "pass_rate" is 1.5, expected 0 to 1'),
            (inferred(pass_rate=math.nan), b", column "),
            (inferred(pass_rate=math.inf), b", column "),
            (b'{"id": "\xff"}\n', b", column "),
            (b'{"id": "1"\n', b", column "),
            (b"[" * 100_000 + b"\n", b", column "),
            ([1], b"not a JSON object"),
            (good, b"an earlier problem has the id"),
        )
        for line, message in cases:
            first = good if line is good else {**good, "id": "another"}
            result = self.run_on([first, b"  \n", line])
            self.assertEqual(result.returncode, 1, line)
            self.assertEqual(result.stderr.count(b"\n"), 1, result.stderr)
            self.assertIn(b"in.jsonl: line 3", result.stderr)
            self.assertIn(message, result.stderr)
            self.assertFalse(self.output.exists())

    def test_a_huge_line_is_refused(self):
        result = self.run_on([b'{"id": "' + b"x" * (65 << 20) + b'"}\n'])
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"in.jsonl: line 1: 68157450 bytes, at most 67108864 are read", result.stderr)

    def test_the_problems_are_not_replaced_by_their_selection(self):
        made = self.work / "in.jsonl"
        made.write_text(json.dumps(make_problem(random.Random(3), 0, sixteenths)) + "\n")
        before = made.read_bytes()
        for output, message in ((made, b"is also an input"), (self.work / "no" / "out", b"cannot create")):
            result = subprocess.run([PROGRAM, "select-problems", made, "--output", output], capture_output=True,
                                    timeout=120, check=False)
            self.assertEqual((result.returncode, message in result.stderr), (1, True), result.stderr)
            self.assertEqual(made.read_bytes(), before)

    def test_what_is_asked_for_has_to_make_sense(self):
        good = make_problem(random.Random(12), 0, sixteenths)
        for options, code, message in ((["--difficulty", "simple"], 2, b"is none of hard, medium, easy and all"),
                                       (["--mean-to", "101"], 2, b"--mean-to"),
                                       (["--mean-from", "nan"], 2, b"--mean-from"),
                                       (["--deviation-from", ""], 2, b"--deviation-from")):
            result = self.run_on([good], *options)
            self.assertEqual((result.returncode, message in result.stderr), (code, True), result.stderr)
        result = self.run_on([])
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"there is no problem to select from", result.stderr)
        apart = [{**good, "id": number, "inferences": [{**good["inferences"][0], "model_name": MODELS[0],
                                                         "pass_rate": number / 2}]} for number in range(3)]
        result = self.run_on(apart, "--mean-from", "100", "--mean-to", "0")
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"none of 3 problems", result.stderr)
        self.assertEqual(self.run_on(apart, "--difficulty", "all").returncode, 0)
        self.assertEqual(self.written()[0]["task_id"], "0")


if __name__ == "__main__":
    PROGRAM = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main()
