#!/usr/bin/env python3
"""Make a Hugging Face directory of a llama2.c checkpoint, such as stories260K of karpathy/tinyllamas.

    import_stories260k.py stories260K.bin tok512.bin OUTPUT

Reads the version 0 format of llama2.c (seven integers, then f32 weights) and its tokenizer.bin (score and text of
each token), and writes config.json, model.safetensors (f32), tokenizer.json and tokenizer_config.json.  OUTPUT must
not exist; it appears whole or not at all.

    unmask generate --model OUTPUT --special --completion-only --length 200 '<s>'

Two things differ between the formats.  llama2.c rotates neighbouring elements of a head's query and key together,
Hugging Face rotates element i with element i + half of the head, so the rows of both matrices are reordered.
tokenizer.bin has a score for each token, tokenizer.json an ordered list of merges: every way to make a token of two
others becomes a merge, and the merges are ordered by descending score of the token made.
"""

import argparse
import json
import shutil
import struct
import sys
import tempfile
from pathlib import Path

HEADER = struct.Struct("<7i")
CONTROL = ("<unk>", "<s>", "</s>")
BYTES = 256
SPACE = "\u2581"


class Malformed(Exception):
    """A file is not in the format that it should have."""


# ---- Weights ------------------------------------------------------------------------


class Weights:
    """The numbers behind the header, taken one matrix after another, as bytes."""

    def __init__(self, contents):
        self.contents, self.at = contents, HEADER.size

    def take(self, rows, columns):
        size = 4 * rows * columns
        if self.at + size > len(self.contents):
            raise Malformed(f"the checkpoint ends at byte {len(self.contents)}, within a tensor")
        self.at += size
        return self.contents[self.at - size:self.at]


def halves(matrix, heads, columns):
    """Reorder the rows of each head: the even-numbered ones first."""
    row = 4 * columns
    rows = [matrix[at:at + row] for at in range(0, len(matrix), row)]
    size = len(rows) // heads
    return b"".join(b"".join(rows[head + part:head + size:2]) for head in range(0, len(rows), size) for part in (0, 1))


def read_shape(contents):
    if len(contents) < HEADER.size:
        raise Malformed("the checkpoint is shorter than its header")
    names = ("dim", "hidden", "layers", "heads", "kv_heads", "vocabulary", "context")
    shape = dict(zip(names, HEADER.unpack_from(contents)))
    shape["tied"] = shape["vocabulary"] > 0
    shape["vocabulary"] = abs(shape["vocabulary"])
    sound = all(0 < shape[name] < 1 << 24 for name in names) and shape["heads"] % shape["kv_heads"] == 0
    if not sound or shape["dim"] % (2 * shape["heads"]) != 0:
        raise Malformed(f"not a checkpoint of version 0: its header says {shape}")
    return shape


def read_tensors(contents, shape):
    """{name: (shape, bytes)} with Hugging Face names."""
    dim, hidden, layers, vocabulary = (shape[name] for name in ("dim", "hidden", "layers", "vocabulary"))
    key_value = dim // shape["heads"] * shape["kv_heads"]
    weights = Weights(contents)
    tensors = {"model.embed_tokens.weight": ([vocabulary, dim], weights.take(vocabulary, dim))}

    def take_layers(name, rows, columns, heads=0):
        for layer in range(layers):
            taken = weights.take(rows, columns)
            tensors[f"model.layers.{layer}.{name}.weight"] = (
                [rows, columns] if rows > 1 else [columns], halves(taken, heads, columns) if heads else taken)

    take_layers("input_layernorm", 1, dim)
    take_layers("self_attn.q_proj", dim, dim, shape["heads"])
    take_layers("self_attn.k_proj", key_value, dim, shape["kv_heads"])
    take_layers("self_attn.v_proj", key_value, dim)
    take_layers("self_attn.o_proj", dim, dim)
    take_layers("post_attention_layernorm", 1, dim)
    take_layers("mlp.gate_proj", hidden, dim)
    take_layers("mlp.down_proj", dim, hidden)
    take_layers("mlp.up_proj", hidden, dim)
    tensors["model.norm.weight"] = ([dim], weights.take(1, dim))
    weights.take(shape["context"], dim // shape["heads"])  # cosines and sines, which follow from the positions
    if not shape["tied"]:
        tensors["lm_head.weight"] = ([vocabulary, dim], weights.take(vocabulary, dim))
    if weights.at != len(contents):
        raise Malformed(f"the checkpoint has {len(contents) - weights.at} bytes too many")
    return tensors


def safetensors(tensors):
    header, at = {}, 0
    for name, (shape, data) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(data for _, data in tensors.values())


def configuration(shape):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": shape["dim"],
            "intermediate_size": shape["hidden"], "num_hidden_layers": shape["layers"],
            "num_attention_heads": shape["heads"], "num_key_value_heads": shape["kv_heads"],
            "vocab_size": shape["vocabulary"], "max_position_embeddings": shape["context"], "hidden_act": "silu",
            "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "attention_bias": False, "tie_word_embeddings": shape["tied"],
            "bos_token_id": 1, "eos_token_id": 1, "torch_dtype": "float32"}


# ---- Tokenizer ----------------------------------------------------------------------


def read_tokens(contents, count):
    """[(text, score)] of `count` tokens; a space in a text is " ", not yet SPACE."""
    tokens, at = [], 4  # after the length of the longest token
    for number in range(count):
        if at + 8 > len(contents):
            raise Malformed(f"the tokenizer has {number} tokens, the checkpoint {count}")
        score, length = struct.unpack_from("<fi", contents, at)
        at += 8 + length
        if length < 0 or at > len(contents):
            raise Malformed(f"the tokenizer ends within token {number}")
        tokens.append((contents[at - length:at].decode(), score))
    if at != len(contents):
        raise Malformed(f"the tokenizer has more tokens than the checkpoint's {count}")
    expected = [f"<0x{byte:02X}>" for byte in range(BYTES)]
    if [text for text, _ in tokens[len(CONTROL):len(CONTROL) + BYTES]] != expected:
        raise Malformed("the tokens behind the first three are not those of the 256 bytes")
    return tokens


def merges_of(tokens):
    """Pairs of tokens that make a token, by descending score of that token."""
    ids = {text: number for number, (text, _) in enumerate(tokens) if number >= len(CONTROL) + BYTES}
    found = []
    for text, number in ids.items():
        for cut in range(1, len(text)):
            left, right = text[:cut], text[cut:]
            if left in ids and right in ids:
                found.append((-tokens[number][1], ids[left], ids[right], left, right))
    return [(left, right) for _, _, _, left, right in sorted(found)]


def tokenizer(tokens):
    texts = [*CONTROL, *(text.replace(" ", SPACE) for text, _ in tokens[len(CONTROL):])]
    if len(set(texts)) != len(texts):
        raise Malformed("two tokens have the same text")
    begin = {"SpecialToken": {"id": "<s>", "type_id": 0}}
    first, second = ({"Sequence": {"id": name, "type_id": number}} for number, name in enumerate("AB"))
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": number, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": True} for number, text in enumerate(CONTROL)],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": SPACE},
            {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}]},
        "pre_tokenizer": None,
        "post_processor": {"type": "TemplateProcessing", "single": [begin, first], "pair": [begin, first, second],
                           "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}, {"type": "ByteFallback"},
            {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                  "vocab": {text: number for number, text in enumerate(texts)},
                  "merges": [[part.replace(" ", SPACE) for part in pair] for pair in merges_of(tokens)]}}


# ---- Files --------------------------------------------------------------------------


def convert(checkpoint, tokens_file, output):
    contents = checkpoint.read_bytes()
    shape = read_shape(contents)
    # The training text has <s> between two stories, and </s> nowhere.
    names = {"bos_token": "<s>", "eos_token": "<s>", "unk_token": "<unk>", "add_bos_token": True,
             "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False}
    texts = {"config.json": configuration(shape),
             "tokenizer.json": tokenizer(read_tokens(tokens_file.read_bytes(), shape["vocabulary"])),
             "tokenizer_config.json": names}
    weights = safetensors(read_tensors(contents, shape))
    made = Path(tempfile.mkdtemp(prefix=f".{output.name}.", dir=output.parent))
    try:
        made.chmod(0o755)
        for name, value in texts.items():
            (made / name).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (made / "model.safetensors").write_bytes(weights)
        made.rename(output)
    except BaseException:
        shutil.rmtree(made)
        raise


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("output", type=Path)
    options = parser.parse_args(arguments)
    if options.output.exists():
        print(f"import_stories260k: {options.output} exists; name a new directory", file=sys.stderr)
        return 1
    try:
        convert(options.checkpoint, options.tokenizer, options.output)
    except (OSError, Malformed, UnicodeDecodeError) as problem:
        print(f"import_stories260k: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
