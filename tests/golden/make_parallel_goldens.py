#!/usr/bin/env python3
"""Golden orders of the algorithms that commit several tokens a step, from the authors' code.

    make_parallel_goldens.py FAST_DLLM KLASS DINFER

The arguments are checkouts of NVlabs/Fast-dLLM (threshold, for Dream with a budget and for LLaDA in
blocks), shkim0116/KLASS (klass) and inclusionAI/dInfer (hierarchical, credit).  Writes
decode/parallel_orders.json beside this script, in the form of decode/orders.json and with the same
made-up logits.  Needs numpy, torch and transformers.

Everything runs at temperature 0 in float32.  Cases in which the model would choose the mask itself
are skipped, since the published loops would not end.
"""

import pathlib
import sys
import types

import numpy
import torch

from make_decode_goldens import HERE, Recorder, load, position_logits, shifted_model, write

MASK, VOCABULARY, CALLS = 96, 97, 200


class ChoosesMask(Exception):
    """The made-up model prefers the mask somewhere."""


def checked_logits(tokens, salt):
    logits = position_logits(tokens, VOCABULARY, salt)
    if (logits[numpy.array(tokens) == MASK].argmax(-1) == MASK).any():
        raise ChoosesMask
    return logits


# ---- The published loops ---------------------------------------------------------


def run_dream(module, case, **settings):
    """A Dream-style _sample, which shows its rows to a hook."""
    recorder = Recorder(case["tokens"], MASK)
    forward = shifted_model(dict(case, vocabulary=VOCABULARY))

    class Model(module.DreamGenerationMixin):
        device = torch.device("cpu")
        config = types.SimpleNamespace(vocab_size=VOCABULARY)

        def __call__(self, x, attention_mask, positions):
            checked_logits(x[0].tolist(), case["salt"])
            return types.SimpleNamespace(logits=forward(x))

    config = types.SimpleNamespace(
        output_history=False, return_dict_in_generate=False, max_length=len(case["tokens"]),
        mask_token_id=MASK, eps=1e-3, alg_temp=0, temperature=0, top_p=None, top_k=None, **settings)

    def hook(step, x, logits):
        if step is not None:
            recorder.show(step, x[0])
        return x

    extra = [case["confidence_threshold"]] if case["algorithm"] == "threshold" else []
    Model()._sample(torch.tensor([case["tokens"]]), None, config, hook,
                    lambda i, x, logits: logits, *extra)
    return recorder.commits


def run_budget(module, case):
    return run_dream(module, case, alg="confidence_threshold", steps=case["steps"])


def run_klass(module, case):
    return run_dream(
        module, case, alg="klass", steps=CALLS, unmask_strategy="all", save_steps=False,
        conf_threshold=case["confidence_threshold"], kl_threshold=case["kl_threshold"],
        kl_history_length=case["history"])


def run_llada(module, case):
    recorder = Recorder(case["tokens"], MASK)
    calls = []

    class Model:
        device = torch.device("cpu")

        def __call__(self, x):
            if calls:
                recorder.show(len(calls) - 1, x[0])
            calls.append(1)
            return types.SimpleNamespace(
                logits=torch.tensor(checked_logits(x[0].tolist(), case["salt"]))[None])

    answer = case["tokens"].count(MASK)
    row, _ = module.generate(
        Model(), torch.tensor([case["tokens"][:-answer]]), steps=answer, gen_length=answer,
        block_length=case["block_length"], mask_id=MASK, threshold=case["confidence_threshold"])
    recorder.show(len(calls) - 1, row[0])
    return recorder.commits


def run_blocks(case, decode):
    """Blocks from left to right, each until decode(logits, start, end, x) leaves no mask in it."""
    recorder = Recorder(case["tokens"], MASK)
    x = torch.tensor([case["tokens"]])
    first = case["tokens"].index(MASK)
    step = 0
    for start in range(first, len(case["tokens"]), case["block_length"]):
        end = min(start + case["block_length"], len(case["tokens"]))
        while (x[0, start:end] == MASK).any():
            logits = torch.tensor(checked_logits(x[0].tolist(), case["salt"]))[None, start:end]
            decode(logits, start, end, x)
            recorder.show(step, x[0])
            step += 1
    return recorder.commits


def run_hierarchical(module, case):
    decoder = module.HierarchyDecoder(0, mask_id=MASK, threshold=case["confidence_threshold"],
                                      low_threshold=case["lower_threshold"])
    return run_blocks(case, decoder.decode)


def run_credit(module, case):
    decoder = module.CreditThresholdParallelDecoder(
        temperature=0, threshold=case["confidence_threshold"], mask_id=MASK)
    return run_blocks(case, decoder.decode)


# ---- Cases -----------------------------------------------------------------------


def order_cases():
    answer = [3, 1, 4, 1, 5] + [MASK] * 24
    for number, steps in enumerate((24, 12, 8, 6, 3, 1)):
        yield "budget", dict(algorithm="threshold", tokens=answer, steps=steps,
                             salt=5000 + 100 * number, confidence_threshold=0.35)
    for number, (block, threshold) in enumerate(((24, 0.35), (8, 0.3), (6, 0.5), (4, 1.5))):
        yield "llada", dict(algorithm="threshold", tokens=answer, salt=6000 + 100 * number,
                            block_length=block, confidence_threshold=threshold)
    for number, (history, threshold, limit) in enumerate(
            ((2, 0.2, 1e-3), (1, 0.3, 1e-3), (3, 0.2, 0.5))):
        yield "klass", dict(algorithm="klass", tokens=answer, salt=7000 + 100 * number,
                            confidence_threshold=threshold, history=history, kl_threshold=limit)
    for number, (block, threshold, lower) in enumerate(
            ((24, 0.5, 0.3), (8, 0.4, 0.2), (7, 0.9, 0.25))):
        yield "hierarchical", dict(algorithm="hierarchical", tokens=answer,
                                   salt=8000 + 100 * number, block_length=block,
                                   confidence_threshold=threshold, lower_threshold=lower)
    for number, (block, threshold) in enumerate(((24, 0.4), (8, 0.5), (5, 0.6))):
        yield "credit", dict(algorithm="credit", tokens=answer, salt=9000 + 100 * number,
                             block_length=block, confidence_threshold=threshold)


def first_that_works(run, module, case):
    for salt in range(case["salt"], case["salt"] + 90):
        case = dict(case, salt=salt, mask=MASK, vocabulary=VOCABULARY)
        try:
            return dict(case, commits=run(module, case))
        except ChoosesMask:
            continue
    sys.exit(f"the mask is chosen in every case of {case}")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    fast, klass_path, dinfer_path = map(pathlib.Path, sys.argv[1:])
    dinfer = load(dinfer_path / "python/dinfer/decoding/parallel_strategy.py",
                  lambda text: text.replace("@ torch.compile(dynamic=True)", "").replace(
                      "from .utils import", "from dinfer_utils import"))
    runs = {
        "budget": (run_budget, load(fast / "dream/model/generation_utils.py")),
        "llada": (run_llada, load(fast / "llada/generate.py", lambda text: "\n".join(
            line for line in text.split("\n") if not line.startswith("from model")))),
        "klass": (run_klass, load(klass_path / "src/model/dream_klass.py")),
        "hierarchical": (run_hierarchical, dinfer),
        "credit": (run_credit, dinfer),
    }
    HERE.mkdir(exist_ok=True)
    write("parallel_orders.json",
          [first_that_works(*runs[name], case) for name, case in order_cases()])


if __name__ == "__main__":
    main()
