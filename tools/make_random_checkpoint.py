#!/usr/bin/env python3
"""Write a checkpoint of a published shape with random weights, to try sizes and speeds without the real files.

    make_random_checkpoint.py diffucoder-7b DIR [--tokenizer tokenizer.json]

The directory has the layout of the published one: sharded bf16 safetensors with an index, config.json, and, if a
Qwen tokenizer.json is given, vocab.json, merges.txt, added_tokens.json and tokenizer_config.json made from it.
Weights are normal with standard deviation 0.02, cut from one block at random offsets; norms are 1, the last one --peak.
Needs only the standard library.
"""

import argparse
import json
import random
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

SHAPES = {
    "diffucoder-7b": dict(hidden=3584, intermediate=18944, layers=28, heads=28, kv_heads=4, vocabulary=152064,
                          tied=False),
    "open-dcoder-0.5b": dict(hidden=896, intermediate=4864, layers=24, heads=14, kv_heads=2, vocabulary=151936,
                             tied=True),
}
SHARD_BYTES = 4_900_000_000
BLOCK_VALUES = 1 << 20
END, BEGIN, MASK, PAD = 151643, 151665, 151666, 151667
ADDED = {"<|endoftext|>": END, "<|im_start|>": 151644, "<|im_end|>": 151645, "<|beginoftext|>": BEGIN,
         "<|mask|>": MASK, "<|dlm_pad|>": PAD}


def config(shape: dict) -> dict:
    return {
        "architectures": ["DreamModel"], "model_type": "Dream", "vocab_size": shape["vocabulary"],
        "auto_map": {"AutoConfig": "configuration_dream.DreamConfig", "AutoModel": "modeling_dream.DreamModel"},
        "hidden_size": shape["hidden"], "intermediate_size": shape["intermediate"],
        "num_hidden_layers": shape["layers"], "num_attention_heads": shape["heads"],
        "num_key_value_heads": shape["kv_heads"], "hidden_act": "silu", "rms_norm_eps": 1e-06,
        "rope_theta": 1000000.0, "rope_scaling": None, "max_position_embeddings": 131072,
        "tie_word_embeddings": shape["tied"], "attention_dropout": 0.0, "initializer_range": 0.02,
        "max_window_layers": shape["layers"], "sliding_window": None, "use_sliding_window": False,
        "use_mrope": False, "use_cache": False, "torch_dtype": "bfloat16", "mask_token_id": MASK,
        "pad_token_id": END, "bos_token_id": END, "eos_token_id": END,
    }


def tensors(shape: dict) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Name and shape of every tensor, in the order in which they are stored."""
    hidden, intermediate = shape["hidden"], shape["intermediate"]
    kv = hidden // shape["heads"] * shape["kv_heads"]
    yield "model.embed_tokens.weight", (shape["vocabulary"], hidden)
    for layer in range(shape["layers"]):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", (hidden,)
        for name, rows in (("q", hidden), ("k", kv), ("v", kv)):
            yield f"{prefix}self_attn.{name}_proj.weight", (rows, hidden)
            yield f"{prefix}self_attn.{name}_proj.bias", (rows,)
        yield prefix + "self_attn.o_proj.weight", (hidden, hidden)
        yield prefix + "post_attention_layernorm.weight", (hidden,)
        yield prefix + "mlp.gate_proj.weight", (intermediate, hidden)
        yield prefix + "mlp.up_proj.weight", (intermediate, hidden)
        yield prefix + "mlp.down_proj.weight", (hidden, intermediate)
    yield "model.norm.weight", (hidden,)
    if not shape["tied"]:
        yield "lm_head.weight", (shape["vocabulary"], hidden)


def size_of(dimensions: tuple[int, ...]) -> int:
    count = 1
    for dimension in dimensions:
        count *= dimension
    return 2 * count


def split_into_shards(shape: dict) -> list[list[tuple[str, tuple[int, ...]]]]:
    shards, used = [[]], 0
    for name, dimensions in tensors(shape):
        size = size_of(dimensions)
        if shards[-1] and used + size > SHARD_BYTES:
            shards.append([])
            used = 0
        shards[-1].append((name, dimensions))
        used += size
    return shards


def bf16(value: float) -> bytes:
    return struct.pack("<f", value)[2:]


def write_tensor(stream, name: str, size: int, block: bytes, source: random.Random, peak: float) -> None:
    if name == "model.norm.weight":
        stream.write(bf16(peak) * (size // 2))
        return
    if name.endswith("norm.weight"):
        stream.write(bf16(1.0) * (size // 2))
        return
    while size > 0:
        start = 2 * source.randrange(len(block) // 4)
        piece = block[start:start + size]
        stream.write(piece)
        size -= len(piece)


def write_shard(path: Path, members: list[tuple[str, tuple[int, ...]]], block: bytes, source: random.Random,
                peak: float) -> None:
    header, at = {"__metadata__": {"format": "pt"}}, 0
    for name, dimensions in members:
        end = at + size_of(dimensions)
        header[name] = {"dtype": "BF16", "shape": list(dimensions), "data_offsets": [at, end]}
        at = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for name, dimensions in members:
            write_tensor(stream, name, size_of(dimensions), block, source, peak)


def write_tokenizer(source: Path, directory: Path) -> None:
    model = json.loads(source.read_text())["model"]
    merges = (merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"])
    (directory / "vocab.json").write_text(json.dumps(model["vocab"], ensure_ascii=False))
    (directory / "merges.txt").write_text("#version: 0.2\n" + "".join(merge + "\n" for merge in merges))
    (directory / "added_tokens.json").write_text(json.dumps(ADDED, indent=2))
    (directory / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "DreamTokenizer", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
        "bos_token": None, "mask_token": "<|mask|>",
        "added_tokens_decoder": {str(number): {"content": content, "special": True}
                                 for content, number in ADDED.items()}}, indent=2))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--tokenizer", type=Path, help="a Qwen tokenizer.json")
    parser.add_argument("--peak", type=float, default=1.0,
                        help="weight of the final norm: larger ones make the logits more peaked (default 1)")
    options = parser.parse_args()
    shape = SHAPES[options.shape]
    source = random.Random(1)
    block = b"".join(bf16(source.gauss(0, 0.02)) for _ in range(BLOCK_VALUES))
    options.directory.mkdir(parents=True, exist_ok=True)
    (options.directory / "config.json").write_text(json.dumps(config(shape), indent=2))
    shards = split_into_shards(shape)
    index = {"metadata": {"total_size": sum(size_of(d) for _, d in tensors(shape))}, "weight_map": {}}
    for number, members in enumerate(shards, 1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        write_shard(options.directory / name, members, block, source, options.peak)
        index["weight_map"].update({tensor: name for tensor, _ in members})
    (options.directory / "model.safetensors.index.json").write_text(json.dumps(index, indent=2))
    if options.tokenizer:
        write_tokenizer(options.tokenizer, options.directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
