#!/usr/bin/env python3
"""Make tests/golden/training: losses, gradients and optimiser steps as PyTorch computes them.

usage: make_training_goldens.py

Batches: a model of tests/golden/transformer, documents, and what a recipe makes of them.  The
random draws, the masks, the targets and their weights are made here from the description in
docs/TRAINING.md, the losses and gradients by PyTorch.  One safetensors file a case, all f32:

  lengths, prompts [documents]   of the clean documents
  tokens                         their tokens, one after the other
  noised                         the batch as the model sees it, padding included
  loss, token_loss               the objective and the mean cross-entropy, [1]
  grad.NAME                      gradients of the objective

AdamW: torch.optim.AdamW on a tiny model, matrices with weight decay and vectors without, gradients
clipped, learning rate after warm-up and cosine.  In training/adamw: start.NAME, stepN.grad.NAME,
and end.NAME after the last step.

Needs torch, transformers 4.57, safetensors.
"""

import json
import math
import pathlib

import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen2Config, Qwen2ForCausalLM

import make_transformer_golden as base

ROOT = pathlib.Path(__file__).parent / "training"
DOCUMENTS = [(5, 2), (19, 7), (1, 0), (11, 0), (8, 3)]  # length, prompt
SEED, STEP = 11, 4

# ---- Random numbers: Philox4x32-10 -----------------------------------------

MASK, MASK_RATE, DATA = 3, 4, 99
LOW = 0xFFFFFFFF


def philox(seed, purpose, sequence, step, position):
    counter = [position, step, sequence, purpose]
    key = [seed & LOW, seed >> 32]
    for _ in range(10):
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [(b >> 32) ^ counter[1] ^ key[0], b & LOW, (a >> 32) ^ counter[3] ^ key[1], a & LOW]
        key = [(key[0] + 0x9E3779B9) & LOW, (key[1] + 0xBB67AE85) & LOW]
    return counter


def bits(*place):
    words = philox(*place)
    return words[0] << 32 | words[1]


def uniform(*place):
    return (bits(*place) >> 11) / 2.0**53


def below(bound, *place):
    return bits(*place) * bound >> 64


# ---- Batches ---------------------------------------------------------------


def pad(tokens, prompt, sequence, answer_length):
    longest = prompt + answer_length
    if longest <= len(tokens):
        return tokens
    extra = below(longest - len(tokens) + 1, SEED, MASK_RATE, sequence, STEP, 1)
    return tokens + [base.PAD] * extra


def noise(tokens, prompt, sequence, case):
    """The tokens as the model sees them, and (row, target, weight) of what it is to predict."""
    if case["objective"] == "causal":
        weights = [case["prompt_loss_weight"] if i < prompt else 1.0 for i in range(len(tokens))]
        return tokens, [(i - 1, tokens[i], weights[i]) for i in range(1, len(tokens))]
    spread = uniform(SEED, MASK_RATE, LOW, STEP, 0) + sequence * (math.sqrt(5) - 1) / 2
    least = case["minimum_mask_rate"]
    rate = least + (1 - least) * (spread - math.floor(spread))
    whole = uniform(SEED, MASK_RATE, sequence, STEP, 0) < case["mask_prompt_probability"]
    first = 1 if whole else max(1, prompt)  # the models here are shifted
    weight = 1 / rate if case["loss_weighting"] == "inverse_rate" else 1.0
    noised, targets = list(tokens), []
    for i in range(first, len(tokens)):
        if uniform(SEED, MASK, sequence, STEP, i) < rate:
            noised[i] = base.MASK
            targets.append((i - 1, tokens[i], weight))
    case["maskable"] += len(tokens) - first
    return noised, targets


def make_batch(model_name, name, **case):
    settings = json.loads((base.ROOT / model_name / "config.json").read_text())
    settings.pop("model_type")
    model = base.Transformers(Qwen2ForCausalLM, Qwen2Config, settings)
    model.model.load_state_dict(load_file(base.ROOT / model_name / "model.safetensors"), strict=False)
    # PyTorch would leave the pad token's embedding without a gradient; here it is a token to learn.
    model.model.get_input_embeddings().padding_idx = None
    documents = []
    for index, (length, prompt) in enumerate(DOCUMENTS):
        documents.append([below(base.PAD, SEED, DATA, index, 0, i) for i in range(length)])
    case["maskable"] = 0
    divisor, weighted, plain, count, seen = 0.0, 0.0, 0.0, 0, []
    for index, tokens in enumerate(documents):
        prompt = DOCUMENTS[index][1]
        noised, targets = noise(pad(tokens, prompt, index, case["answer_length"]), prompt, index, case)
        seen += noised
        kind = "causal" if case["objective"] == "causal" else "full"
        logits = model(torch.tensor(noised), base.masks(len(noised), kind))
        for row, target, weight in targets:
            loss = torch.nn.functional.cross_entropy(logits[row], torch.tensor(target))
            weighted, plain, count = weighted + weight * loss, plain + loss.item(), count + 1
            divisor += weight
    if case["objective"] == "diffusion":
        divisor = case["maskable"] if case["loss_normalisation"] == "tokens" else count
    objective = weighted / divisor
    objective.backward()
    tensors = {"lengths": torch.tensor([float(length) for length, _ in DOCUMENTS]),
               "prompts": torch.tensor([float(prompt) for _, prompt in DOCUMENTS]),
               "tokens": torch.tensor(sum(documents, [])).float(),
               "noised": torch.tensor(seen).float(),
               "loss": objective.detach()[None], "token_loss": torch.tensor([plain / count])}
    for key, tensor in model.parameters.items():
        tensors[f"grad.{key}"] = tensor.grad
    directory = ROOT / name
    directory.mkdir(parents=True, exist_ok=True)
    save_file(tensors, directory / "model.safetensors")
    print(f"{name}: loss {objective.item():.6f}, {count} targets in {len(seen)} rows")


# ---- AdamW -----------------------------------------------------------------


def make_adamw():
    settings = dict(vocab_size=7, hidden_size=4, intermediate_size=6, num_hidden_layers=1,
                    num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=32,
                    rms_norm_eps=1e-6, rope_theta=10000.0, tie_word_embeddings=False,
                    hidden_act="silu", bos_token_id=None, eos_token_id=1, pad_token_id=1)
    named = dict(Qwen2ForCausalLM(Qwen2Config(**settings)).float().named_parameters())
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for tensor in named.values():
            tensor.copy_(torch.randn(tensor.shape, generator=generator))
    groups = [{"params": [p for p in named.values() if p.ndim > 1], "weight_decay": 0.3},
              {"params": [p for p in named.values() if p.ndim == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.0, betas=(0.8, 0.95), eps=1e-6)
    tensors = {f"start.{key}": tensor.detach().clone() for key, tensor in named.items()}
    steps, warmup, peak, ratio = 6, 2, 0.05, 0.1
    for step in range(steps):
        size = 10.0 if step % 2 else 0.01  # clipped every second time
        for key, tensor in named.items():
            tensor.grad = size * torch.randn(tensor.shape, generator=generator)
            tensors[f"step{step}.grad.{key}"] = tensor.grad.clone()
        torch.nn.utils.clip_grad_norm_(named.values(), 1.0)
        cosine = 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
        rate = (step + 1) / warmup if step < warmup else ratio + (1 - ratio) * cosine
        for group in optimizer.param_groups:
            group["lr"] = peak * rate
        optimizer.step()
    tensors.update({f"end.{key}": tensor.detach() for key, tensor in named.items()})
    directory = ROOT / "adamw"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(
        json.dumps({"model_type": "qwen2", **settings}, indent=1) + "\n")
    save_file(tensors, directory / "model.safetensors")


def main():
    torch.use_deterministic_algorithms(True)
    make_batch("dream", "diffusion", objective="diffusion", minimum_mask_rate=0.001,
               mask_prompt_probability=0.5, loss_weighting="inverse_rate",
               loss_normalisation="tokens", answer_length=12)
    make_batch("dream", "causal", objective="causal", prompt_loss_weight=0.25, answer_length=0)
    make_batch("qwen2_tied", "diffusion_tied", objective="diffusion", minimum_mask_rate=0.3,
               mask_prompt_probability=0.0, loss_weighting="none", loss_normalisation="masked",
               answer_length=0)
    make_adamw()


if __name__ == "__main__":
    main()
