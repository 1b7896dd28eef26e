#!/usr/bin/env python3
"""Make tests/golden/gguf with the `gguf` package of the format's authors.

usage: make_gguf_golden.py --ggml LIBRARY

  blocks.gguf     for each quantised type T: T.blocks, random blocks, and T.values, as the
                  package dequantises them (F32); for Q8_0 and Q4_0 T.blocks is not random but
                  quantised from T.source; and "numbers", rows of several kinds, with
                  T.reference for Q4_K and Q6_K, the sum of squared errors that the
                  reference's own search leaves in each of the rows
  llama.gguf, llada.gguf
                  the models of ../transformer as llama.cpp's converter writes them: rows of
                  queries and keys in the order of the interleaved rotation
  tokenizer.gguf  ../tokenizer/qwen_style as metadata, no tensors

LIBRARY is libggml-base.so of llama.cpp.  Needs numpy, safetensors and gguf.
"""

import argparse
import ctypes
import json
import pathlib

import gguf
import numpy
from gguf import GGMLQuantizationType as Type
from safetensors.numpy import load_file

HERE = pathlib.Path(__file__).parent
OUT = HERE / "gguf"

LLAMA_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
    "input_layernorm.weight": "attn_norm.weight",
    "self_attn.q_proj.weight": "attn_q.weight",
    "self_attn.k_proj.weight": "attn_k.weight",
    "self_attn.v_proj.weight": "attn_v.weight",
    "self_attn.o_proj.weight": "attn_output.weight",
    "post_attention_layernorm.weight": "ffn_norm.weight",
    "mlp.gate_proj.weight": "ffn_gate.weight",
    "mlp.up_proj.weight": "ffn_up.weight",
    "mlp.down_proj.weight": "ffn_down.weight",
}
LLADA_NAMES = {
    "model.transformer.wte.weight": "token_embd.weight",
    "model.transformer.ln_f.weight": "output_norm.weight",
    "model.transformer.ff_out.weight": "output.weight",
    "attn_norm.weight": "attn_norm.weight",
    "q_proj.weight": "attn_q.weight",
    "k_proj.weight": "attn_k.weight",
    "v_proj.weight": "attn_v.weight",
    "attn_out.weight": "attn_output.weight",
    "ff_norm.weight": "ffn_norm.weight",
    "ff_proj.weight": "ffn_gate.weight",
    "up_proj.weight": "ffn_up.weight",
    "ff_out.weight": "ffn_down.weight",
}


def interleave(rows, heads):
    """From halves (i, i + d/2) to neighbours (2i, 2i + 1) within each head."""
    halves = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return numpy.ascontiguousarray(halves.swapaxes(1, 2).reshape(rows.shape))


def add_model(writer, folder, names, layers, heads, kv_heads):
    for name, data in load_file(folder / "model.safetensors").items():
        new = names.get(name)
        if new is None:
            layer, rest = name.removeprefix(layers).split(".", 1)
            new = f"blk.{layer}.{names[rest]}"
        if new.endswith("attn_q.weight"):
            data = interleave(data, heads)
        elif new.endswith("attn_k.weight"):
            data = interleave(data, kv_heads)
        writer.add_tensor(new, data)


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def make_llama():
    folder = HERE / "transformer/llama"
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(OUT / "llama.gguf", "llama")
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    for token, add in (("bos", writer.add_bos_token_id), ("eos", writer.add_eos_token_id),
                       ("pad", writer.add_pad_token_id), ("mask", writer.add_mask_token_id)):
        add(config[f"{token}_token_id"])
    add_model(writer, folder, LLAMA_NAMES, "model.layers.", config["num_attention_heads"],
              config["num_key_value_heads"])
    finish(writer)


def make_llada():
    folder = HERE / "transformer/llada"
    config = json.loads((folder / "config.json").read_text())
    writer = gguf.GGUFWriter(OUT / "llada.gguf", "llada")
    writer.add_block_count(config["n_layers"])
    writer.add_context_length(config["max_sequence_length"])
    writer.add_embedding_length(config["d_model"])
    writer.add_feed_forward_length(config["mlp_hidden_size"])
    writer.add_head_count(config["n_heads"])
    writer.add_head_count_kv(config["n_kv_heads"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_rope_dimension_count(config["d_model"] // config["n_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_causal_attention(False)
    writer.add_diffusion_shift_logits(False)
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    writer.add_mask_token_id(config["mask_token_id"])
    add_model(writer, folder, LLADA_NAMES, "model.transformer.blocks.", config["n_heads"],
              config["n_kv_heads"])
    finish(writer)


def make_tokenizer():
    folder = HERE / "tokenizer/qwen_style"
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    config = json.loads((folder / "tokenizer_config.json").read_text())
    added = {token["id"]: token for token in tokenizer["added_tokens"]}
    by_id = {id_: text for text, id_ in tokenizer["model"]["vocab"].items()}
    by_id |= {id_: token["content"] for id_, token in added.items()}
    tokens, types = [], []
    for id_ in range(max(by_id) + 1):
        tokens.append(by_id.get(id_, f"[PAD{id_}]"))
        kind = gguf.TokenType.NORMAL if id_ in by_id else gguf.TokenType.UNUSED
        if id_ in added:
            special = added[id_]["special"]
            kind = gguf.TokenType.CONTROL if special else gguf.TokenType.USER_DEFINED
        types.append(kind)
    merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
    writer = gguf.GGUFWriter(OUT / "tokenizer.gguf", "dream")
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    ids = {text: id_ for id_, text in by_id.items()}
    for key, add in (("eos_token", writer.add_eos_token_id), ("pad_token", writer.add_pad_token_id),
                     ("bos_token", writer.add_bos_token_id),
                     ("mask_token", writer.add_mask_token_id)):
        token = config.get(key)
        if token:
            add(ids[token["content"] if isinstance(token, dict) else token])
    finish(writer)


def random_blocks(random, kind, count):
    """Blocks of random bytes whose f16 scales are small finite numbers."""
    _, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (count, size), dtype=numpy.uint8)
    places = {Type.Q4_K: (0, 2), Type.Q5_K: (0, 2), Type.Q6_K: (208,)}[kind]
    for at in places:
        scales = random.uniform(-0.1, 0.1, count).astype(numpy.float16)
        blocks[:, at:at + 2] = scales.view(numpy.uint8).reshape(count, 2)
    return blocks


def reference_errors(library, kind, numbers):
    """For each row the sum of squared errors after quantising by the reference and reading back."""
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    rows, columns = numbers.shape
    blocks = numpy.zeros((rows, columns // elements * size), dtype=numpy.uint8)
    chunk = library.ggml_quantize_chunk
    chunk.restype = ctypes.c_size_t
    chunk(ctypes.c_int(kind), numbers.ctypes.data_as(ctypes.c_void_p),
          blocks.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(0), ctypes.c_int64(rows),
          ctypes.c_int64(columns), ctypes.c_void_p(None))
    values = gguf.quants.dequantize(blocks, kind).astype(numpy.float64)
    return ((values - numbers) ** 2).sum(axis=1).astype(numpy.float32)


def search_numbers(random):
    """Rows of several kinds, such as normal, with outliers, of one sign, with an offset, sparse."""
    rows = random.standard_normal((10, 512))
    rows[1] = random.standard_t(3, 512)
    rows[2] = abs(rows[2])
    rows[3] = -abs(rows[3]) - 5
    rows[4] += 3
    rows[5] *= random.random(512) < 0.1
    rows[6] *= numpy.exp(random.standard_normal(512))
    rows[7] = random.uniform(-1, 1, 512)
    rows[8] *= 0.02
    rows[9] = numpy.sign(rows[9])
    return rows.astype(numpy.float32)


def make_blocks(library):
    random = numpy.random.default_rng(1)
    writer = gguf.GGUFWriter(OUT / "blocks.gguf", "blocks")
    for kind in (Type.Q8_0, Type.Q4_0):
        source = random.standard_normal((8, 64)).astype(numpy.float32)
        source[1] = 0
        source[2] *= 1e-5
        source[3, :32] = -1
        blocks = gguf.quants.quantize(source, kind)
        writer.add_tensor(f"{kind.name}.source", source)
        writer.add_tensor(f"{kind.name}.blocks", blocks, raw_dtype=kind)
        writer.add_tensor(f"{kind.name}.values", gguf.quants.dequantize(blocks, kind))
    numbers = search_numbers(random)
    writer.add_tensor("numbers", numbers)
    for kind in (Type.Q4_K, Type.Q6_K):
        writer.add_tensor(f"{kind.name}.reference", reference_errors(library, kind, numbers))
    for kind in (Type.Q4_K, Type.Q5_K, Type.Q6_K):
        blocks = random_blocks(random, kind, 4)
        writer.add_tensor(f"{kind.name}.blocks", blocks, raw_dtype=kind)
        writer.add_tensor(f"{kind.name}.values", gguf.quants.dequantize(blocks, kind))
    finish(writer)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ggml", required=True)
    library = ctypes.CDLL(parser.parse_args().ggml)
    OUT.mkdir(exist_ok=True)
    make_llama()
    make_llada()
    make_tokenizer()
    make_blocks(library)


if __name__ == "__main__":
    main()
