#!/usr/bin/env python3
"""Make tests/golden/training: losses, gradients and optimiser steps as PyTorch computes them.

usage: make_training_goldens.py

Batches: a model of tests/golden/transformer, documents, and what a recipe makes of them.  The
random draws, the masks, the targets and their weights are made here from the description in
docs/TRAINING.md, the losses and gradients by PyTorch.  One safetensors file for each case, all f32:

  lengths, prompts, suffixes [documents]   of the clean documents
  tokens                         their tokens, one after the other
  noised                         the batch as the model sees it, padding included
  weights                        of the targets, normalisation included, in their order
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
DOCUMENTS = [(5, 2, 0), (19, 7, 0), (1, 0, 0), (11, 0, 0), (8, 3, 0)]  # length, prompt, suffix
INFILLING = [(5, 2, 0), (19, 7, 4), (1, 0, 0), (11, 0, 3), (8, 3, 5), (9, 4, 0)]
CONTEXT = 96
DEFAULTS = dict(documents=DOCUMENTS, minimum_mask_rate=0.001, mask_prompt_probability=1.0,
                unconditional=0.0, random_truncation_probability=0.0, clean_prefix_probability=0.0,
                loss_weighting="inverse_rate", loss_normalisation="tokens", answer_length=0,
                answer_padding="random", cart_probability=0.1, piece_length=0, annealing=None)
SEED, STEP = 11, 4

# ---- Random numbers: Philox4x32-10 -----------------------------------------

MASK, MASK_RATE, ATTENTION, DATA = 3, 4, 7, 99
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


def below_rate(probability, sequence, position):
    return uniform(SEED, MASK_RATE, sequence, STEP, position) < probability


class Document:
    """Tokens of a batch's document: prompt, answer, pads, suffix."""

    def __init__(self, tokens, prompt, suffix, sequence, case):
        kept = min(len(tokens), CONTEXT)
        self.truncated = below_rate(case["random_truncation_probability"], sequence, 2)
        if self.truncated:
            kept = 1 + below(kept, SEED, MASK_RATE, sequence, STEP, 3)
        self.sequence = sequence
        self.prompt = min(prompt, kept)
        self.answer_end = min(len(tokens) - suffix, kept)
        self.tokens = tokens[:kept]
        self.pads = 0
        longest = self.prompt + case["answer_length"] + kept - self.answer_end
        if case["answer_length"] and not self.truncated and longest > kept:
            if case["answer_padding"] == "fixed":
                self.pad(min(longest, CONTEXT))
            elif case["answer_padding"] == "random" and longest <= CONTEXT:
                self.pad(kept + below(longest - kept + 1, SEED, MASK_RATE, sequence, STEP, 1))

    def pad(self, length):
        self.pads = length - len(self.tokens)
        at = self.answer_end
        self.tokens = self.tokens[:at] + [base.PAD] * self.pads + self.tokens[at:]


def cart(noised, masked, p):
    """For each masked token, half the sum of p (1 - p)^(distance - 1) over the unmasked ones."""
    plain = [j for j in range(len(noised)) if j not in masked]
    return [0.5 * sum(p * (1 - p) ** (abs(n - j) - 1) for j in plain) for n in masked]


def noise_causal(document, case):
    tokens = document.tokens
    weights = [case["prompt_loss_weight"] if i < document.prompt else 1.0
               for i in range(len(tokens))]
    return tokens, [(i - 1, tokens[i], weights[i]) for i in range(1, len(tokens))]


def noise(document, case):
    """The tokens as the model sees them, and (row, target, weight) of each token that it is to predict."""
    if case["objective"] == "causal":
        return noise_causal(document, case)
    tokens, sequence = document.tokens, document.sequence
    spread = uniform(SEED, MASK_RATE, LOW, STEP, 0) + sequence * (math.sqrt(5) - 1) / 2
    least = case["minimum_mask_rate"]
    rate = least + (1 - least) * (spread - math.floor(spread))
    share = case["mask_prompt_probability"]
    share += (1 - share) * case["unconditional"]
    if below_rate(share, sequence, 0):
        first, end, text_end = 0, len(tokens), len(tokens)
    else:
        first, end, text_end = document.prompt, document.answer_end + document.pads, document.answer_end
    first = max(first, 1)  # the models here are shifted
    text = text_end - first
    if text > 1 and below_rate(case["clean_prefix_probability"], sequence, 4):
        first += 1 + below(text - 1, SEED, MASK_RATE, sequence, STEP, 5)
    masked = [i for i in range(first, end) if uniform(SEED, MASK, sequence, STEP, i) < rate]
    noised = [base.MASK if i in masked else token for i, token in enumerate(tokens)]
    weights = {"inverse_rate": [1 / rate] * len(masked), "none": [1.0] * len(masked),
               "cart": cart(noised, masked, case["cart_probability"])}[case["loss_weighting"]]
    maskable = max(0, end - first)
    if case["loss_normalisation"] == "answers":
        weights = [weight / maskable for weight in weights]
    case["maskable"] += maskable
    case["scored"] += maskable > 0
    return noised, [(i - 1, tokens[i], weight) for i, weight in zip(masked, weights)]


def lay_out(documents, case):
    """The documents of a batch, from (tokens, prompt, suffix)."""
    if case["piece_length"]:
        stream, length = sum((tokens for tokens, _, _ in documents), []), case["piece_length"]
        documents = [(stream[i:i + length], 0, 0) for i in range(0, len(stream), length)]
    laid = [Document(*document, index, case) for index, document in enumerate(documents)]
    if case["answer_padding"] == "batch":
        longest = max(len(document.tokens) for document in laid)
        for document in laid:
            if not document.truncated:
                document.pad(longest)
    return laid


def attention(length, longest, case):
    if case["objective"] == "causal":
        return base.masks(length, "causal")
    if case["annealing"] is None:
        return base.masks(length, "full")
    links = [[uniform(SEED, ATTENTION, 0, STEP, row * longest + column) < case["annealing"]
              for column in range(length)] for row in range(length)]
    return base.masks(length, "links", torch.tensor(links))


def load_model(model_name):
    settings = json.loads((base.ROOT / model_name / "config.json").read_text())
    settings.pop("model_type")
    model = base.Transformers(Qwen2ForCausalLM, Qwen2Config, settings)
    model.model.load_state_dict(load_file(base.ROOT / model_name / "model.safetensors"), strict=False)
    # PyTorch would leave the pad token's embedding without a gradient; here it is a token to learn.
    model.model.get_input_embeddings().padding_idx = None
    return model


def divisor_of(weights, case):
    if case["objective"] == "causal":
        return sum(weights)
    return {"tokens": case["maskable"], "masked": len(weights),
            "answers": case["scored"]}[case["loss_normalisation"]]


def make_batch(model_name, name, **case):
    case = {**DEFAULTS, **case, "maskable": 0, "scored": 0}
    model = load_model(model_name)
    lengths = case["documents"]
    clean = [[below(base.PAD, SEED, DATA, index, 0, i) for i in range(length)]
             for index, (length, _, _) in enumerate(lengths)]
    laid = lay_out([(tokens, prompt, suffix)
                    for tokens, (_, prompt, suffix) in zip(clean, lengths)], case)
    longest = max(len(document.tokens) for document in laid)
    losses, weights, seen = [], [], []
    for document in laid:
        noised, targets = noise(document, case)
        seen += noised
        logits = model(torch.tensor(noised), attention(len(noised), longest, case))
        for row, target, weight in targets:
            losses.append(torch.nn.functional.cross_entropy(logits[row], torch.tensor(target)))
            weights.append(weight)
    divisor = divisor_of(weights, case)
    weights = [weight / divisor for weight in weights]
    objective = sum(weight * loss for weight, loss in zip(weights, losses))
    objective.backward()
    plain = sum(loss.item() for loss in losses)
    tensors = {key: torch.tensor([float(numbers[i]) for numbers in lengths])
               for i, key in enumerate(("lengths", "prompts", "suffixes"))}
    tensors |= {"tokens": torch.tensor(sum(clean, [])).float(),
                "noised": torch.tensor(seen).float(), "weights": torch.tensor(weights).float(),
                "loss": objective.detach()[None], "token_loss": torch.tensor([plain / len(losses)])}
    for key, tensor in model.parameters.items():
        tensors[f"grad.{key}"] = tensor.grad
    directory = ROOT / name
    directory.mkdir(parents=True, exist_ok=True)
    save_file(tensors, directory / "model.safetensors")
    print(f"{name}: loss {objective.item():.6f}, {len(losses)} targets in {len(seen)} rows")


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
    make_batch("dream", "diffusion", objective="diffusion", mask_prompt_probability=0.5,
               answer_length=12)
    make_batch("dream", "causal", objective="causal", prompt_loss_weight=0.25)
    make_batch("qwen2_tied", "diffusion_tied", objective="diffusion", minimum_mask_rate=0.3,
               mask_prompt_probability=0.0, loss_weighting="none", loss_normalisation="masked")
    make_batch("dream", "adaptation", objective="diffusion", loss_normalisation="masked",
               random_truncation_probability=0.5, clean_prefix_probability=0.5, annealing=0.4)
    make_batch("dream", "fixed_length", objective="diffusion", piece_length=10)
    make_batch("dream", "tuning", objective="diffusion", documents=INFILLING,
               mask_prompt_probability=0.0, unconditional=0.4, answer_length=12,
               answer_padding="fixed", loss_normalisation="answers", clean_prefix_probability=0.5)
    make_batch("dream", "flexible", objective="diffusion", documents=INFILLING,
               mask_prompt_probability=0.0, answer_padding="batch", loss_weighting="cart",
               cart_probability=0.3)
    make_adamw()


if __name__ == "__main__":
    main()
