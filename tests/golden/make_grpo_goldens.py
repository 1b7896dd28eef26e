#!/usr/bin/env python3
"""Make tests/golden/grpo: loss and gradients of a coupled-GRPO update as PyTorch computes them.

usage: make_grpo_goldens.py

A model of tests/golden/transformer, completions with advantages, and the update of docs/GRPO.md:
the masks are drawn here from its description; log-probabilities, loss and gradients are PyTorch's.
The reference is the same model with every weight times 0.97.  The old log-probabilities are the
current ones plus shifts that repeat in a cycle, so that ratios are clipped on both sides.  One
safetensors file for each case, all f32:

  completions [count, 4]   length, start of the answer, its length, counted tokens
  tokens                   of all canvases, one after the other
  advantages [count]
  old, estimates           [counted tokens]
  loss, kl, clip_low, clip_high  [1], the last three means over counted tokens
  grad.NAME                gradients of the loss

Needs torch, transformers 4.57, safetensors.
"""

import json
import pathlib

import torch
from safetensors.torch import load_file, save_file
from transformers import Qwen2Config, Qwen2ForCausalLM

import make_training_goldens as training
import make_transformer_golden as base

ROOT = pathlib.Path(__file__).parent / "grpo"
SEED, BATCH, INNER, UPDATES = 21, 3, 1, 2
COMPLETIONS = [(9, 3, 5, 4), (12, 4, 6, 6), (9, 3, 5, 5), (12, 4, 6, 2)]
ADVANTAGES = [0.75, -0.75, 0.25, -0.25]
# The step that decided each token of the answer; -1: none.
STEPS = [(2, 0, 2, 1, 3), (4, 1, 0, 3, 1, 2), (0, 0, 1, 1, 2), (1, 0, 3, 2, 2, -1)]
GROUP = 2
SHIFTS = [0.0, 0.7, -0.7, 0.05, -0.1]


def open_model():
    settings = json.loads((base.ROOT / "dream" / "config.json").read_text())
    settings.pop("model_type")
    model = base.Transformers(Qwen2ForCausalLM, Qwen2Config, settings)
    model.model.load_state_dict(load_file(base.ROOT / "dream" / "model.safetensors"), strict=False)
    model.model.get_input_embeddings().padding_idx = None
    return model


def draw(completion, pass_number, position):
    mask_set = BATCH * UPDATES + INNER
    return training.uniform(SEED, training.MASK, completion, mask_set, pass_number << 24 | position)


def rate_of(completion, pass_number, case):
    if pass_number == 0:
        return 1.0
    owner = training.LOW if case["shared_pair_rate"] else completion
    u = training.uniform(SEED, training.MASK_RATE, owner, BATCH * UPDATES + INNER,
                         (pass_number - 1) // 2)
    first = 0.2 + (0.8 - 0.2) * u
    return 1 - first if pass_number % 2 == 0 else first


def hides(completion, pass_number, position, case):
    if pass_number == 0:
        return True
    if pass_number % 2 == 0 and case["estimator"] == "coupled":
        return not hides(completion, pass_number - 1, position, case)
    return draw(completion, pass_number, position) < rate_of(completion, pass_number, case)


def states_of(index):
    """The steps that decided the counted tokens, in the order of the answer."""
    return list(dict.fromkeys(step for step in STEPS[index][:COMPLETIONS[index][3]] if step >= 0))


def drawn_states(index, case):
    steps = states_of(index)
    for i in range(min(case["trajectory_states"], len(steps))):
        u = training.uniform(SEED, training.MASK_RATE, index, BATCH * UPDATES + INNER, i)
        other = i + int(u * (len(steps) - i))
        steps[i], steps[other] = steps[other], steps[i]
    return steps[:case["trajectory_states"]]


def estimate_from_states(model, index, tokens, case):
    """The same, estimated from the states that the sampler went through."""
    length, start, answer, counted = COMPLETIONS[index]
    total = torch.zeros(counted)
    drawn = drawn_states(index, case)
    for state in drawn:
        seen = list(tokens)
        for i in range(length):
            inside = start <= i < start + answer
            step = STEPS[index][i - start] if inside else None
            if (step < 0 or step >= state) if inside else (
                    draw(index, 0, i) < case["mask_prompt_probability"]):
                seen[i] = base.MASK
        logits = model(torch.tensor(seen), base.masks(length, "full"))
        logs = torch.log_softmax(logits, dim=-1)
        for j in range(counted):
            if STEPS[index][j] == state:
                weight = len(states_of(index)) / len(drawn)
                total[j] = total[j] + weight * logs[start + j - 1, tokens[start + j]]
    return total


def estimate(model, index, tokens, case):
    """The estimator's log-probabilities of the counted tokens."""
    if case["estimator"] == "trajectory":
        return estimate_from_states(model, index, tokens, case)
    length, start, answer, counted = COMPLETIONS[index]
    owner = index // GROUP if case["shared_group_masks"] else index
    pairs = 0 if case["estimator"] == "full_mask" else case["mask_pairs"]
    total = torch.zeros(counted)
    for number in range(1 + 2 * pairs):
        seen = list(tokens)
        for i in range(length):
            inside = start <= i < start + answer
            if hides(owner, number, i, case) if inside else (
                    draw(owner, 0, i) < case["mask_prompt_probability"]):
                seen[i] = base.MASK
        logits = model(torch.tensor(seen), base.masks(length, "full"))
        logs = torch.log_softmax(logits, dim=-1)
        for j in range(counted):
            if hides(owner, number, start + j, case):
                weight = 1 / rate_of(owner, number, case) / (pairs + 1)
                total[j] = total[j] + weight * logs[start + j - 1, tokens[start + j]]
    return total


def make_case(name, **case):
    model, reference = open_model(), open_model()
    with torch.no_grad():
        for tensor in reference.model.parameters():
            tensor.mul_(0.97)
    canvases = [[training.below(base.PAD, SEED, training.DATA, index, 0, i)
                 for i in range(shape[0])] for index, shape in enumerate(COMPLETIONS)]
    counted = sum(shape[3] for shape in COMPLETIONS)
    positions = sum(shape[2] for shape in COMPLETIONS)
    low, high, beta = 1 - case["clip_low"], 1 + case["clip_high"], case["kl_coefficient"]
    loss, kls, lows, highs, olds, estimates = 0.0, 0.0, 0, 0, [], []
    for index, tokens in enumerate(canvases):
        advantage = ADVANTAGES[index]
        current = estimate(model, index, tokens, case)
        with torch.no_grad():
            known = estimate(reference, index, tokens, case)
        shifts = torch.tensor([SHIFTS[(len(olds) + j) % len(SHIFTS)] for j in range(len(current))])
        old = current.detach() + shifts
        ratio = torch.exp(current - old)
        surrogate = torch.min(ratio * advantage, torch.clamp(ratio, low, high) * advantage)
        kl = torch.exp(known - current) - (known - current) - 1
        terms = -surrogate + beta * kl
        weight = {"completions": 1 / len(COMPLETIONS) / len(current), "tokens": 1 / counted,
                  "positions": 1 / positions}[case["completion_normalisation"]]
        loss = loss + weight * terms.sum()
        kls += kl.sum().item()
        lows += ((ratio < low) & (advantage < 0)).sum().item()
        highs += ((ratio > high) & (advantage > 0)).sum().item()
        olds += old.tolist()
        estimates += current.tolist()
    loss.backward()
    tensors = {"completions": torch.tensor(COMPLETIONS).float(),
               "tokens": torch.tensor(sum(canvases, [])).float(),
               "advantages": torch.tensor(ADVANTAGES), "old": torch.tensor(olds),
               "estimates": torch.tensor(estimates), "loss": loss.detach()[None],
               "kl": torch.tensor([kls / counted]),
               "clip_low": torch.tensor([lows / counted]),
               "clip_high": torch.tensor([highs / counted])}
    if case["estimator"] == "trajectory":
        tensors["steps"] = torch.tensor(sum(STEPS, ())).float()
        tensors["states"] = torch.tensor([len(states_of(i)) for i in range(len(STEPS))]).float()
    for key, tensor in model.parameters.items():
        tensors[f"grad.{key}"] = tensor.grad
    directory = ROOT / name
    directory.mkdir(parents=True, exist_ok=True)
    save_file(tensors, directory / "model.safetensors")
    print(f"{name}: loss {loss.item():.6f}, {lows} and {highs} of {counted} tokens clipped")


def main():
    torch.use_deterministic_algorithms(True)
    make_case("coupled", estimator="coupled", mask_pairs=2, mask_prompt_probability=0.3,
              shared_pair_rate=False, clip_low=0.2, clip_high=0.4, kl_coefficient=0.3,
              shared_group_masks=False, completion_normalisation="completions")
    make_case("decoupled", estimator="decoupled", mask_pairs=1, mask_prompt_probability=0.0,
              shared_pair_rate=True, clip_low=0.5, clip_high=0.5, kl_coefficient=0.01,
              shared_group_masks=False, completion_normalisation="tokens")
    make_case("full_mask", estimator="full_mask", mask_pairs=1, mask_prompt_probability=0.15,
              shared_pair_rate=False, clip_low=0.2, clip_high=0.2, kl_coefficient=0.04,
              shared_group_masks=False, completion_normalisation="positions")
    make_case("group_masks", estimator="coupled", mask_pairs=1, mask_prompt_probability=0.3,
              shared_pair_rate=False, clip_low=0.3, clip_high=0.3, kl_coefficient=0.1,
              shared_group_masks=True, completion_normalisation="tokens")
    make_case("trajectory", estimator="trajectory", trajectory_states=2, shared_group_masks=False,
              mask_prompt_probability=0.2, clip_low=0.3, clip_high=0.3, kl_coefficient=0.1,
              completion_normalisation="tokens")


if __name__ == "__main__":
    main()
