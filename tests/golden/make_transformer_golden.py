#!/usr/bin/env python3
"""Make tests/golden/transformer: tiny models, and what PyTorch computes with them.

usage: make_transformer_golden.py [--dream DIRECTORY] [--llada DIRECTORY]

Each case is a checkpoint directory (config.json, model.safetensors) with a directory "expected"
that holds one more model.safetensors, all f32:

  lengths [S], tokens [R]    sequences of unequal length, one after the other
  dlogits [R, vocabulary]    d loss / d logits
  KIND.logits                for each attention kind: full, causal, block (blocks of 3), links
  KIND.grad.NAME             gradients of sum(logits * dlogits), for some kinds
  links [sum of length^2]    allowed pairs beside the causal ones, for "links"
  sparse.rows, sparse.logits the last sequence's tokens placed at positions far apart
  partial.*                  a dual-cache step: see dream_partial

Every sequence runs alone, so nothing is padded.  Models are those of transformers with explicit
attention masks, in f32 on the stored (rounded) weights.  DIRECTORY of --dream holds the authors'
modeling_dream.py (dream/model of https://github.com/NVlabs/Fast-dLLM): "full" and "partial" of
the case dream come from it.  DIRECTORY of --llada is llada/model of the same repository; the
plain implementation below, which makes the case llada, is then compared with it.
Needs torch, transformers 4.57, safetensors, and einops for --llada.
"""

import argparse
import importlib
import importlib.util
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import (LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config,
                          Qwen3ForCausalLM)

ROOT = pathlib.Path(__file__).parent / "transformer"
VOCABULARY = 37
PAD, MASK = 35, 36
LENGTHS = [5, 19, 11]
BLOCK = 3

COMMON = dict(vocab_size=VOCABULARY, max_position_embeddings=512, num_hidden_layers=2,
              hidden_act="silu", rms_norm_eps=1e-6, bos_token_id=1, eos_token_id=2,
              pad_token_id=PAD, mask_token_id=MASK)


def masks(length, kind, links=None):
    """Additive mask [length, length], query by key."""
    at = torch.arange(length)
    if kind == "full":
        allowed = torch.ones(length, length, dtype=torch.bool)
    elif kind == "block":
        allowed = at[None] // BLOCK <= at[:, None] // BLOCK
    else:
        allowed = at[None] <= at[:, None]
    if kind == "links":
        allowed = allowed | (links != 0)
    return torch.where(allowed, 0.0, float("-inf"))


def initialise(named, generator):
    """Large weights, so that a wrong rotation, mask or norm changes the logits."""
    with torch.no_grad():
        for name, tensor in named:
            noise = torch.randn(tensor.shape, generator=generator)
            norm = "norm" in name or "ln_f" in name
            tensor.copy_(noise * (0.5 if tensor.ndim == 1 else 0.3) + (1.0 if norm else 0.0))


class Transformers:
    """A model of the transformers library."""

    def __init__(self, model_class, config_class, settings):
        self.model = model_class(config_class(**settings, attn_implementation="eager")).float()
        self.parameters = dict(self.model.named_parameters())

    def __call__(self, tokens, mask, positions=None):
        positions = torch.arange(len(tokens)) if positions is None else positions
        return self.model(input_ids=tokens[None], attention_mask=mask[None, None],
                          position_ids=positions[None]).logits[0]


class PlainLlada:
    """LLaDA's llama block under its own tensor names, written out."""

    def __init__(self, settings):
        self.settings = settings
        hidden, inner = settings["d_model"], settings["mlp_hidden_size"]
        key = hidden // settings["n_heads"] * settings["n_kv_heads"]
        shapes = {"model.transformer.wte.weight": (VOCABULARY, hidden),
                  "model.transformer.ln_f.weight": (hidden,),
                  "model.transformer.ff_out.weight": (VOCABULARY, hidden)}
        block = {"attn_norm": (hidden,), "ff_norm": (hidden,), "q_proj": (hidden, hidden),
                 "k_proj": (key, hidden), "v_proj": (key, hidden), "attn_out": (hidden, hidden),
                 "ff_proj": (inner, hidden), "up_proj": (inner, hidden), "ff_out": (hidden, inner)}
        for layer in range(settings["n_layers"]):
            for name, shape in block.items():
                shapes[f"model.transformer.blocks.{layer}.{name}.weight"] = shape
        self.parameters = {name: torch.zeros(shape, requires_grad=True)
                           for name, shape in shapes.items()}

    def norm(self, x, weight):
        scale = torch.rsqrt((x * x).mean(-1, keepdim=True) + self.settings["rms_norm_eps"])
        return x * scale * weight

    def heads(self, x, positions):
        """[rows, heads * dim] to [heads, rows, dim], rotated unless positions is None."""
        dim = self.settings["d_model"] // self.settings["n_heads"]
        x = x.view(len(x), -1, dim).transpose(0, 1)
        if positions is None:
            return x
        frequency = 1.0 / self.settings["rope_theta"] ** (torch.arange(0, dim, 2).float() / dim)
        angle = positions.float()[:, None] * frequency
        a, b = x.split(dim // 2, dim=-1)
        return torch.cat([a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()], -1)

    def __call__(self, tokens, mask, positions=None):
        positions = torch.arange(len(tokens)) if positions is None else positions
        weights = self.parameters
        group = self.settings["n_heads"] // self.settings["n_kv_heads"]
        x = weights["model.transformer.wte.weight"][tokens]
        for layer in range(self.settings["n_layers"]):
            def linear(y, name):
                return y @ weights[f"model.transformer.blocks.{layer}.{name}.weight"].T

            h = self.norm(x, weights[f"model.transformer.blocks.{layer}.attn_norm.weight"])
            q = self.heads(linear(h, "q_proj"), positions)
            k = self.heads(linear(h, "k_proj"), positions).repeat_interleave(group, 0)
            v = self.heads(linear(h, "v_proj"), None).repeat_interleave(group, 0)
            scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5 + mask
            attended = (scores.softmax(-1) @ v).transpose(0, 1).reshape(len(tokens), -1)
            x = x + linear(attended, "attn_out")
            h = self.norm(x, weights[f"model.transformer.blocks.{layer}.ff_norm.weight"])
            gate = torch.nn.functional.silu(linear(h, "ff_proj"))
            x = x + linear(gate * linear(h, "up_proj"), "ff_out")
        x = self.norm(x, weights["model.transformer.ln_f.weight"])
        return x @ weights["model.transformer.ff_out.weight"].T


def import_authors(directory, package, module):
    """`module` of the directory, whose relative imports need a package around it."""
    if package not in sys.modules:
        path = pathlib.Path(directory).resolve()
        spec = importlib.util.spec_from_file_location(package, path / "__init__.py",
                                                      submodule_search_locations=[str(path)])
        sys.modules[package] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[package])
    return importlib.import_module(f"{package}.{module}")


class AuthorsDream:
    """The authors' Dream class with the weights of another model; full attention only."""

    def __init__(self, directory, settings, weights):
        module = import_authors(directory, "authors_dream", "modeling_dream")
        config = module.DreamConfig(**settings, attn_implementation="sdpa")
        self.model = module.DreamModel(config).float().eval()
        self.model.load_state_dict(weights)
        self.parameters = dict(self.model.named_parameters())

    def __call__(self, tokens, mask, positions=None):
        assert positions is None and bool((mask == 0).all())
        return self.model(input_ids=tokens[None]).logits[0]

    def partial(self, before, after, rows):
        """Fill the cache with `before`, then compute `rows` of `after` over it."""
        with torch.no_grad():
            cache = self.model(input_ids=before[None], use_cache=True).past_key_values
            replace = torch.zeros(1, len(before), dtype=torch.bool)
            replace[0, rows] = True
            return self.model(input_ids=after[None, rows], past_key_values=cache, use_cache=True,
                              dual_cache=True, replace_position=replace).logits[0]


def run(model, kind, sequences, links, dlogits):
    """Logits of all rows, and gradients by name."""
    for tensor in model.parameters.values():
        tensor.grad = None
    logits = torch.cat([model(tokens, masks(len(tokens), kind, link))
                        for tokens, link in zip(sequences, links)])
    (logits * dlogits).sum().backward()
    return logits.detach().clone(), {name: tensor.grad.clone()
                                     for name, tensor in model.parameters.items()}


def dream_partial(dream, tokens):
    """A dual-cache step on a sequence: rows 6 to 9 have changed since the cache was filled."""
    rows = torch.arange(6, 10)
    after = tokens.clone()
    after[rows] = (after[rows] + 7) % PAD
    return {"partial.before": tokens.float(), "partial.after": after.float(),
            "partial.rows": rows.float(), "partial.logits": dream.partial(tokens, after, rows)}


def make(name, model, config, kinds, gradients, dtype=torch.float32, authors=None, full=None):
    """One case.  `full` makes another model of the weights, to compute the kind "full"."""
    generator = torch.Generator().manual_seed(sum(name.encode()))
    initialise(model.parameters.items(), generator)
    with torch.no_grad():
        for tensor in model.parameters.values():
            tensor.copy_(tensor.to(dtype).float())
    sequences = [torch.randint(0, PAD, (length,), generator=generator) for length in LENGTHS]
    links = [(torch.rand(length, length, generator=generator) < 0.3).float() for length in LENGTHS]
    dlogits = torch.randn(sum(LENGTHS), VOCABULARY, generator=generator)
    expected = {"lengths": torch.tensor(LENGTHS).float(), "tokens": torch.cat(sequences).float(),
                "dlogits": dlogits}
    for kind in kinds:
        logits, grads = run(model, kind, sequences, links, dlogits)
        if kind == "full" and full:
            other = full({key: tensor.detach() for key, tensor in model.parameters.items()})
            others, grads = run(other, kind, sequences, links, dlogits)
            assert torch.allclose(logits, others, rtol=1e-4, atol=1e-4), name
            logits = others
            expected.update(dream_partial(other, sequences[1]))
        expected[f"{kind}.logits"] = logits
        if kind in gradients:
            expected.update({f"{kind}.grad.{key}": grad for key, grad in grads.items()})
    if "links" in kinds:
        expected["links"] = torch.cat([link.flatten() for link in links])
    rows = torch.tensor([0, 3, 4, 60, 61, 127, 128, 129, 250, 400, 511])
    with torch.no_grad():
        expected["sparse.rows"] = rows.float()
        expected["sparse.logits"] = model(sequences[2], masks(len(rows), "full"), rows)
    if authors:
        authors(model, sequences)
    directory = ROOT / name / "expected"
    directory.mkdir(parents=True, exist_ok=True)
    (ROOT / name / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    save_file({key: tensor.detach().to(dtype) for key, tensor in model.parameters.items()},
              ROOT / name / "model.safetensors")
    save_file(expected, directory / "model.safetensors")


def compare_llada(directory, settings):
    """Return a check that the plain implementation and the authors' class compute the same."""
    module = import_authors(directory, "authors_llada", "modeling_llada")
    configuration = import_authors(directory, "authors_llada", "configuration_llada")

    def check(model, sequences):
        config = configuration.LLaDAConfig(**settings, init_device="cpu", flash_attention=False,
                                           attention_dropout=0.0, residual_dropout=0.0,
                                           embedding_dropout=0.0)
        theirs = module.LLaDAModelLM(config).float().eval()
        weights = {key: tensor.detach() for key, tensor in model.parameters.items()}
        missing, unexpected = theirs.load_state_dict(weights, strict=False)
        assert not missing and not unexpected, (missing, unexpected)
        for tokens in sequences:
            with torch.no_grad():
                logits = theirs(input_ids=tokens[None]).logits[0]
                ours = model(tokens, masks(len(tokens), "full"))
            assert torch.allclose(logits, ours, rtol=1e-4, atol=1e-4)

    return check


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dream", help="directory of the authors' modeling_dream.py")
    parser.add_argument("--llada", help="directory of the authors' modeling_llada.py")
    options = parser.parse_args()
    torch.use_deterministic_algorithms(True)

    def settings(hidden, inner, heads, kv_heads, base, tied, **more):
        return dict(COMMON, hidden_size=hidden, intermediate_size=inner, num_attention_heads=heads,
                    num_key_value_heads=kv_heads, rope_theta=base, tie_word_embeddings=tied, **more)

    every = ["full", "causal", "block", "links"]
    dream = settings(28, 20, 7, 1, 1000000.0, False)
    authors = (lambda weights: AuthorsDream(options.dream, dream, weights)) if options.dream else None
    make("dream", Transformers(Qwen2ForCausalLM, Qwen2Config, dream),
         {"model_type": "Dream", **dream}, every, ["full", "causal", "links"], full=authors)
    make("dream_bf16", Transformers(Qwen2ForCausalLM, Qwen2Config, dream),
         {"model_type": "Dream", **dream}, ["full"], [], torch.bfloat16)

    tied = settings(24, 17, 4, 2, 10000.0, True)
    make("qwen2_tied", Transformers(Qwen2ForCausalLM, Qwen2Config, tied),
         {"model_type": "qwen2", **tied}, ["full", "causal"], ["full"])

    qwen3 = settings(20, 24, 4, 2, 10000.0, False, head_dim=6)
    make("qwen3", Transformers(Qwen3ForCausalLM, Qwen3Config, qwen3),
         {"model_type": "qwen3", **qwen3}, every, ["full", "links"])
    make("qwen3_f16", Transformers(Qwen3ForCausalLM, Qwen3Config, qwen3),
         {"model_type": "qwen3", **qwen3}, ["causal"], [], torch.float16)

    llama = settings(24, 33, 3, 3, 500000.0, False)
    make("llama", Transformers(LlamaForCausalLM, LlamaConfig, llama),
         {"model_type": "llama", **llama}, ["causal", "block"], ["block"])

    llada = dict(d_model=24, n_heads=4, n_kv_heads=2, n_layers=2, mlp_hidden_size=18,
                 vocab_size=VOCABULARY, embedding_size=VOCABULARY, max_sequence_length=512,
                 rms_norm_eps=1e-5, rope_theta=500000.0, rope=True, block_type="llama",
                 activation_type="silu", layer_norm_type="rms", weight_tying=False,
                 include_bias=False, include_qkv_bias=False, alibi=False, scale_logits=False,
                 input_emb_norm=False, attention_layer_norm=False, bias_for_layer_norm=False,
                 multi_query_attention=None, block_group_size=1, mask_token_id=MASK,
                 eos_token_id=2, pad_token_id=PAD)
    make("llada", PlainLlada(llada), {"model_type": "llada", **llada}, ["full"], ["full"],
         authors=compare_llada(options.llada, llada) if options.llada else None)


if __name__ == "__main__":
    main()
