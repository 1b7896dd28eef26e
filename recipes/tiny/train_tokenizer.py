#!/usr/bin/env python3
"""Train the byte-level BPE tokenizer of the small model.  Needs the `tokenizers` library of Hugging Face.

    train_tokenizer.py --output DIR [--vocabulary 1024] DOCUMENTS.jsonl ...

Writes DIR/tokenizer.json and DIR/tokenizer_config.json.  Normalisation, pre-tokenisation and decoding are those of
the Qwen family; the vocabulary is 256 bytes, merges, and the special tokens, which have the last ids.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

# A constant of the Qwen family's tokenizer format.
PATTERN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
           r"|\s+(?!\S)|\s+")
END_OF_TEXT, MASK = "<|endoftext|>", "<|mask|>"
SPECIAL_TOKENS = (END_OF_TEXT, "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", MASK,
                  "<|dlm_pad|>")


def texts(paths: list[Path]) -> Iterator[str]:
    """Prompts and completions, apart, as they are encoded for training."""
    for path in paths:
        with path.open() as lines:
            for line in lines:
                row = json.loads(line)
                yield row["prompt"]
                yield row["completion"]


def train(documents: Iterator[str], vocabulary: int) -> Tokenizer:
    """A tokenizer with `vocabulary` entries including the special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary - len(SPECIAL_TOKENS), show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(documents, trainer)
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


def configuration(tokenizer: Tokenizer) -> dict[str, object]:
    """The contents of tokenizer_config.json."""
    added = {str(tokenizer.token_to_id(token)): {"content": token, "lstrip": False, "normalized": False,
                                                 "rstrip": False, "single_word": False, "special": True}
             for token in SPECIAL_TOKENS}
    return {"add_prefix_space": False, "added_tokens_decoder": added, "bos_token": None,
            "clean_up_tokenization_spaces": False, "eos_token": END_OF_TEXT, "mask_token": MASK,
            "model_max_length": 512, "pad_token": END_OF_TEXT, "tokenizer_class": "PreTrainedTokenizerFast",
            "unk_token": None}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--vocabulary", type=int, default=1024)
    options = parser.parse_args(arguments)
    tokenizer = train(texts(options.documents), options.vocabulary)
    options.output.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(options.output / "tokenizer.json"))
    (options.output / "tokenizer_config.json").write_text(json.dumps(configuration(tokenizer), indent=2) + "\n")
    print(f"{tokenizer.get_vocab_size()} entries in {options.output}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
