#!/usr/bin/env python3
"""Make tests/golden/tokenizer/trained: texts, and what the `tokenizers` library (0.23) learns from them.

    documents.jsonl   prompts and completions, infilling and chat documents
    text.txt          one text, with several scripts, marks that form C moves, and long runs of a character
    tokenizer.json    600 tokens, eight special ones among them, learned from both
    rare.json         the same, but merging only pairs that occur at least 60 times
"""
import json
import random
import sys
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools"))
import make_tokenizer_text as text_maker  # noqa: E402

OUT = HERE / "tokenizer" / "trained"
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
           r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>",
           "<|mask|>", "<|dlm_pad|>"]
WORDS = ["data", "value", "count", "total", "items", "even", "odd", "square", "largest", "smallest", "list"]


def documents():
    """Yield (document, its texts)."""
    rng = random.Random(5)
    for number in range(60):
        names = rng.sample(WORDS, 4)
        prompt = f'def {names[0]}({names[1]}):\n    """Return the {names[2]} {names[3]} of {names[1]}."""\n'
        body = f"    {names[2]} = [x * {rng.randint(2, 30)} for x in {names[1]} if x % {rng.randint(2, 9)} == 0]\n"
        end = f"    return sum({names[2]}) if {names[2]} else -{rng.randint(1, 12)}\n"
        if number % 3 == 0:
            yield {"prompt": prompt, "completion": body + end, "level": number}, [prompt, body + end]
        elif number % 3 == 1:
            yield {"prompt": prompt, "completion": body, "suffix": end}, [prompt, body, end]
        else:
            turns = [f"Write `{names[0]}`: it isn't hard\u2026", f"```python\n{prompt}{body}{end}```\n"]
            roles = ("user", "assistant")
            yield {"messages": [{"role": r, "content": t} for r, t in zip(roles, turns)]}, turns


def train(texts, minimum):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=600 - len(SPECIAL), min_frequency=minimum, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(iter(texts), trainer)
    tokenizer.add_special_tokens(SPECIAL)
    return tokenizer.to_str(pretty=True)


def main():
    OUT.mkdir(exist_ok=True)
    lines, texts = [], []
    for document, its_texts in documents():
        lines.append(json.dumps(document, ensure_ascii=len(lines) % 2 == 0) + "\n")
        texts += its_texts
    text = text_maker.make(6_000, seed=3).decode("utf-8", errors="replace")
    text += "e\u0334\u0301 A\u030angstro\u0308m\n" * 3 + "=" * 79 + "\n" + "aaaa" * 9 + " \t" * 7 + "\n"
    (OUT / "documents.jsonl").write_text("".join(lines), encoding="utf-8", newline="")
    (OUT / "text.txt").write_text(text, encoding="utf-8", newline="")
    (OUT / "tokenizer.json").write_text(train([*texts, text], 0), encoding="utf-8")
    (OUT / "rare.json").write_text(train([*texts, text], 60), encoding="utf-8")


if __name__ == "__main__":
    main()
