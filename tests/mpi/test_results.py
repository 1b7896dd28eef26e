"""Ranks and results: the same bytes for any number of ranks, or the stated rounding.

    python3 tests/mpi/test_results.py build/unmask
"""

import json
import pathlib
import signal
import struct

import ranks
import small_training

MEMBERS = {
    "diffusion": {"weights": "bf16", "attention_annealing_steps": 6, "answer_length": 9},
    "causal": {"objective": "causal", "model": "causal", "prompt_loss_weight": 0.5, "gradient_accumulation": 3},
    # One micro-batch a step: the other ranks have none but take part all the same.
    "single": {"gradient_accumulation": 1, "steps": 4},
}


class Results(ranks.Ranks):
    def test_any_number_of_ranks_gives_the_same_bytes(self):
        for name, members in MEMBERS.items():
            recipe = self.write_recipe(f"{name}.json", **members)
            self.run_ranks(1, f"{name}-1", recipe)
            for count in (2, 3):
                with self.subTest(recipe=name, ranks=count):
                    messages = self.run_ranks(count, f"{name}-{count}", recipe)
                    self.assertIn(f"{count} ranks", messages)
                    self.assert_same_run(f"{name}-1", f"{name}-{count}")

    def test_a_run_continues_on_any_number_of_ranks(self):
        first = self.write_recipe("first.json", steps=2)
        self.run_ranks(1, "first", first)
        recipe = self.write_recipe("moving.json", model="first", initialise=False, steps=80,
                                   weights="bf16", attention_annealing_steps=6)
        self.run_ranks(1, "whole", recipe)
        for stop, count in ((2, 2), (5, 3), (None, 1)):
            process = self.start(count, "moving", recipe,
                                 *(["--set", "checkpoint_minutes=0.001"] if stop is None else []))
            if stop is not None:
                self.wait_for_steps(process, "moving", stop)
                process.send_signal(signal.SIGUSR1 if count > 1 else signal.SIGINT)
                process.communicate(timeout=120)
                self.assertFalse((self.work / "moving" / "DONE").exists())
            else:
                self.finish(process)
        self.assert_same_run("whole", "moving", kinds=("step",))

    def weights(self, name):
        data = (self.work / name / "model.safetensors").read_bytes()
        size, = struct.unpack("<Q", data[:8])
        return data[8 + size:]

    def test_the_fast_reduction_rounds_as_stated(self):
        recipe = self.write_recipe("fast.json", reduction="fast", steps=2, saved_weights="f32",
                                   gradient_clip=0)
        ordered = self.write_recipe("slow.json", steps=2, saved_weights="f32", gradient_clip=0)
        self.run_ranks(1, "ordered", ordered)
        expected = self.numbers("ordered")
        for count in (1, 2, 3):
            self.run_ranks(count, f"fast-{count}", recipe)
            found = self.numbers(f"fast-{count}")
            # The first step's loss is of the same weights, and losses are summed in one order.
            self.assertEqual(found[0]["loss"], expected[0]["loss"])
            for one, other in zip(expected, found):
                for key in ("loss", "gradient_norm"):
                    if key in one:
                        self.assertAlmostEqual(one[key] / other[key], 1, delta=1e-5)

    def test_ranks_find_out_that_they_have_another_recipe_or_shard(self):
        other = self.write_recipe("other.json", seed=9)
        small_training.write_shard(self.work / "other.shard", 3, 90, 28)
        shard = self.write_recipe("shard.json", train="other.shard")
        for name, recipe, text in (("recipe", other, "has another recipe than rank 0"),
                                   ("shard", shard, "is not the file that rank 0 has")):
            with self.subTest(name):
                messages = self.run_differing(name, self.train(f"other-{name}", recipe))
                self.assertEqual(messages.count("unmask: "), 1, messages)
                self.assertIn("unmask: rank 1 (", messages)
                self.assertIn(text, messages)

    def write_corpus(self, folder, change):
        """An index of two shards, in the second of which the last token is changed."""
        (self.work / folder).mkdir()
        names, documents, tokens = ["part-00001.shard", "part-00002.shard"], 0, 0
        for number, name in enumerate(names):
            small_training.write_shard(self.work / folder / name, number + 5, 40, 28)
            contents = bytearray((self.work / folder / name).read_bytes())
            documents += struct.unpack_from("<Q", contents, 16)[0]
            tokens += struct.unpack_from("<Q", contents, 24)[0]
            contents[-2] ^= change * number
            (self.work / folder / name).write_bytes(contents)
        index = {"format": "unmask shard index", "version": 2, "documents": documents, "tokens": tokens,
                 "shards": names}
        (self.work / folder / "train.json").write_text(json.dumps(index))
        return self.write_recipe(f"{folder}.json", train=f"{folder}/train.json", steps=2)

    def test_ranks_find_out_that_they_have_another_shard_of_an_index(self):
        first = self.write_corpus("corpus", 0)
        same = self.write_corpus("copy", 0)
        other = self.write_corpus("changed", 1)
        self.assertEqual((self.work / "corpus/train.json").read_bytes(),
                         (self.work / "changed/train.json").read_bytes())
        messages = self.run_differing("index", self.train("other-index", other), first)
        self.assertIn("unmask: rank 1 (", messages)
        self.assertIn("changed/train.json (\"train\") is not the file that rank 0 has, or names shards", messages)
        self.run_differing("index", self.train("other-index", same), first, 0)

    def test_ranks_find_out_that_they_run_another_program(self):
        other = self.work / "unmask"
        other.write_bytes(pathlib.Path(self.program).read_bytes() + b"\0")
        other.chmod(0o755)
        messages = self.run_differing("program", self.train("program", program=str(other)))
        self.assertIn("runs another unmask than rank 0", messages)

    def run_differing(self, output, other, recipe="recipe.json", status=1):
        """Rank 0 makes the plain run, rank 1 the `other` one."""
        command = [*ranks.MPIRUN, "-n", "1", *self.train(output, recipe), ":", "-n", "1", *other]
        process = ranks.subprocess.run(command, env=ranks.environment(), timeout=120, text=True,
                                       stdin=ranks.subprocess.DEVNULL, capture_output=True,
                                       check=False)
        self.assertEqual(process.returncode, status, process.stderr)
        self.assertEqual((self.work / output / "training.state").exists(), status == 0)
        return process.stderr

    def test_an_error_of_one_rank_is_told_once(self):
        for count in (1, 2, 3):
            process = self.start(count, "recipe.json/deep", "recipe.json")
            messages = self.finish(process, 1)
            self.assertEqual(messages.count("unmask: "), 1, messages)
            self.assertIn("cannot make the directory", messages)


if __name__ == "__main__":
    ranks.main()
