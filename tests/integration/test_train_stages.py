"""From random weights to an instruction-tuned diffusion model, in small: what is packed and trained is what is sampled.

    python3 tests/integration/test_train_stages.py build/unmask

All stages of docs/TRAINING.md, over completion, infilling and chat documents that a small model learns by heart in seconds.
Those that are not chats are programs, which validation runs.  Some have several answers that are equally likely, of which
only one passes the tests: reinforcement learning has to find it.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = ""
TOKENIZER = pathlib.Path(__file__).resolve().parents[1] / "golden" / "tokenizer" / "qwen_style"
FIM = {"<|fim_prefix|>": "<left>", "<|fim_suffix|>": "<right>", "<|fim_middle|>": "<both>"}
WORDS = ("K", "QQ", "Z7Z", "WXYZ")
HOLE = 8

CONFIG = {
    "model_type": "qwen2", "vocab_size": 820, "hidden_size": 48, "intermediate_size": 96,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 128, "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
    "tie_word_embeddings": True, "bos_token_id": None, "eos_token_id": 800, "pad_token_id": 800,
    "mask_token_id": 804, "unmask": {"attention": "causal", "logit_alignment": "shifted"},
}

COMMON = {"context_length": 96, "learning_rate": 0.005, "warmup_steps": 10, "weight_decay": 0,
          "batch_tokens": 700, "validation_problems": "problems.jsonl", "validation_interval": 25,
          "sandbox": "none"}
STAGES = {
    0: {"model": "model", "initialise": True, "train": "causal.shard", "objective": "causal",
        "steps": 150, "prompt_loss_weight": 0.1},
    1: {"model": "stage0", "train": "canvas.json", "objective": "diffusion", "steps": 100,
        "attention_annealing_steps": 30, "random_truncation_probability": 0.01,
        "clean_prefix_probability": 0.01, "loss_normalisation": "masked"},
    2: {"model": "stage1", "train": "canvas.json", "objective": "diffusion", "steps": 50},
    3: {"model": "stage2", "train": "canvas.json", "objective": "diffusion", "steps": 250,
        "mask_prompt_probability": 0, "mask_prompt_annealing_epochs": 1, "answer_length": HOLE,
        "answer_padding": "fixed", "pad_token": "<|dlm_pad|>", "loss_normalisation": "answers"},
}
REINFORCEMENT = {"model": "stage3", "problems": "choices.jsonl", "objective": "coupled_grpo", "steps": 40,
                 "validation_interval": 0, "validation_problems": "choices.jsonl", "answer_length": HOLE,
                 "problems_per_step": 2, "group_size": 16, "learning_rate": 0.001, "rollout": {"temperature": 1}}


FIRST = "def f(): return "


def repeat(word):
    return f"{word}=7; f=lambda: "


def follow(word):
    return f"\n{word}=7"


def problems():
    """The documents that are programs, without their answers."""
    check = {"entry_point": "f", "test": "def check(f):\n    assert f() == 7\n"}
    for word in WORDS:
        yield {"task_id": f"repeat/{word}", "level": 1, "prompt": repeat(word), **check}
        yield {"task_id": f"first/{word}", "level": 2, "format": "infilling", "prompt": FIRST,
               "suffix": follow(word), **check}


def choices():
    """Programs that any word completes; only with one word do they pass."""
    for word in WORDS[1:3]:
        yield {"task_id": f"choose/{word}", "level": 3, "prompt": f"{word}=7; g=lambda: ", "entry_point": "g",
               "test": "def check(g):\n    assert g() == 7\n"}


def documents():
    for choice in choices():
        for word in WORDS:
            yield {"prompt": choice["prompt"], "completion": word}
    for word in WORDS:
        yield {"prompt": repeat(word), "completion": word}
        yield {"prompt": FIRST, "completion": word, "suffix": follow(word)}
        yield {"messages": [{"role": "user", "content": f"say {word}"},
                            {"role": "assistant", "content": word}]}


def write_model(folder):
    """A configuration, and the tokenizer with the infilling tokens in place of three others."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        text = (TOKENIZER / name).read_text(encoding="utf-8")
        for new, old in FIM.items():
            text = text.replace(f'"{old}"', f'"{new}"')
        (folder / name).write_text(text, encoding="utf-8")


class Stages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="unmask-stages-")
        cls.addClassCleanup(folder.cleanup)
        cls.work = pathlib.Path(folder.name)
        write_model(cls.work / "model")
        for name, rows in (("documents", documents()), ("problems", problems()), ("choices", choices())):
            (cls.work / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        cls.unmask("pack", "documents.jsonl", "-m", "model", "--infilling", "fim", "-o", "causal.shard")
        cls.unmask("pack", "documents.jsonl*2", "-m", "model", "--shard-tokens", "400", "-o",
                   "canvas.json")
        for stage, members in {**STAGES, 4: REINFORCEMENT}.items():
            recipe = f"recipe{stage}.json"
            (cls.work / recipe).write_text(json.dumps({**COMMON, **members}))
            cls.unmask("train", recipe, "--output", f"stage{stage}", "--threads", "1", "--log", f"stage{stage}.log")

    @classmethod
    def unmask(cls, *arguments):
        result = subprocess.run([PROGRAM, *arguments], cwd=cls.work, capture_output=True, timeout=600,
                                check=False)
        if result.returncode != 0:
            raise AssertionError(f"unmask {' '.join(arguments)}: {result.stderr.decode()}")
        return result.stdout.decode()

    def answers(self, model, length):
        """(expected, given) of every document."""
        pairs = []
        for word in WORDS:
            for options in ([repeat(word)], ["--suffix", follow(word), FIRST],
                            ["--chat", f"say {word}"]):
                text = self.unmask("generate", "--model", model, "--length", str(length), "--threads",
                                   "1", "--completion-only", *options)
                pairs.append((word + "\n", text))
        return pairs

    def test_the_autoregressive_model_completes_infills_and_chats(self):
        for expected, given in self.answers("stage0", HOLE):
            self.assertEqual(expected, given)

    def test_the_tuned_model_completes_infills_and_chats(self):
        for expected, given in self.answers("stage3", HOLE):
            self.assertEqual(expected, given)

    def test_pads_end_answers(self):
        config = json.loads((self.work / "stage3" / "config.json").read_text())
        self.assertEqual(config["pad_token_id"], 805)
        tokenizer = json.loads((self.work / "stage3" / "tokenizer_config.json").read_text())
        self.assertEqual(tokenizer["pad_token"], "<|dlm_pad|>")
        line = json.loads(self.unmask("generate", "--model", "stage3", "--length", str(HOLE), "--json",
                                      "--suffix", follow("K"), FIRST))
        self.assertEqual(line["finish_reason"], "stop")
        self.assertEqual(line["completion"], "K")

    def test_a_finished_run_measures_another_shard(self):
        before = (self.work / "stage3" / "model.safetensors").read_bytes()
        self.unmask("train", "recipe3.json", "--output", "stage3", "--set", "validation=canvas.json",
                    "--threads", "1", "--log", "validation.log")
        lines = map(json.loads, (self.work / "validation.log").read_text().splitlines())
        line = next(line for line in lines if line["kind"] == "validation")
        self.assertEqual(line["step"], STAGES[3]["steps"])
        self.assertLess(line["loss"], 0.3)  # where any of four words may follow, the loss stays at ln(4)
        self.assertEqual((self.work / "stage3" / "model.safetensors").read_bytes(), before)

    def validations(self, log):
        lines = map(json.loads, (self.work / log).read_text().splitlines())
        return [line for line in lines if line["kind"] == "validation"]

    def test_more_and_more_problems_are_passed(self):
        for stage, members in STAGES.items():
            validations = self.validations(f"stage{stage}.log")
            self.assertEqual([line["step"] for line in validations], list(range(25, members["steps"] + 1, 25)))
        first, *_, last = self.validations("stage0.log")
        self.assertLess(first["pass_rate"], 0.5)
        self.assertEqual(last["pass_rate"], 1)
        last = self.validations("stage3.log")[-1]
        self.assertEqual([last["pass_rate"], last["pass_rate_level_1"], last["pass_rate_level_2"]], [1, 1, 1])

    def test_reinforcement_finds_the_answer_that_passes(self):
        lines = map(json.loads, (self.work / "stage4.log").read_text().splitlines())
        rates = [line["pass_rate"] for line in lines if line["kind"] == "step" and "pass_rate" in line]
        self.assertEqual(len(rates), REINFORCEMENT["steps"] // 2)  # two updates for each batch of completions
        self.assertLess(sum(rates[:3]) / 3, 0.6)
        self.assertGreater(sum(rates[-3:]) / 3, 0.9)
        self.assertEqual(self.validations("stage4.log")[-1]["pass_rate"], 1)

    def test_judged_completions_are_shown(self):
        lines = map(json.loads, (self.work / "stage3.log").read_text().splitlines())
        samples = [line for line in lines if line["kind"] == "sample" and line["step"] == 250]
        self.assertEqual(len(samples), 6)
        for sample in samples:
            self.assertEqual((sample["verdict"], sample["completion"]), ("passed", sample["task_id"].split("/")[1]))
        page = self.unmask("report", "stage3.log", "--json")
        self.assertEqual(json.loads(page)["runs"][0]["validation"]["pass_rate"]["last"], 1)

    def test_a_model_without_infilling_leaves_those_problems_out(self):
        config = {**CONFIG}
        (self.work / "plain").mkdir()
        (self.work / "plain" / "config.json").write_text(json.dumps(config))
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (self.work / "plain" / name).write_bytes((TOKENIZER / name).read_bytes())
        recipe = {**COMMON, **STAGES[0], "model": "plain", "steps": 1}
        (self.work / "plain.json").write_text(json.dumps(recipe))
        result = subprocess.run([PROGRAM, "train", "plain.json", "--output", "plain.run"], cwd=self.work,
                                capture_output=True, timeout=600, check=True)
        self.assertIn("4 of 8 validation problems are left out", result.stderr.decode())
        self.assertEqual(self.validations("plain.run/metrics.jsonl")[0]["pass_rate_level_1"], 0)

    def test_losses_fall_in_each_stage(self):
        for stage in STAGES:
            lines = (self.work / f"stage{stage}.log").read_text().splitlines()
            losses = [json.loads(line).get("token_loss") for line in lines]
            losses = [loss for loss in losses if loss is not None]
            self.assertLess(losses[-1], losses[0])


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main()
