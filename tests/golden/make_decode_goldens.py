#!/usr/bin/env python3
"""Golden values for decoding, made by running the authors' sampling code on made-up logits.

    make_decode_goldens.py FAST_DLLM LLADA OPEN_DLLM

The arguments are checkouts of NVlabs/Fast-dLLM (Dream's sampler), ML-GSAI/LLaDA and
pengzhangzhi/Open-dLLM.  Writes decode/schedule.json, decode/sampler.json and decode/orders.json
beside this script.  Needs numpy, torch and transformers.

The logits are a function of integers that a C test evaluates to the same bits, so the files hold
results only.  Everything runs at temperature 0, or compares filtered distributions, so no random
number of torch matters.
"""

import json
import pathlib
import sys
import types

import numpy
import torch

HERE = pathlib.Path(__file__).resolve().parent / "decode"
WORD = 0xFFFFFFFF


def mix(row, column, salt):
    """A 32-bit hash of three integers; arrays broadcast."""
    h = (
        numpy.asarray(row, numpy.uint64) * 0x9E3779B1
        + numpy.asarray(column, numpy.uint64) * 0x85EBCA77
        + numpy.asarray(salt, numpy.uint64) * 0xC2B2AE3D
    ) & WORD
    h ^= h >> 15
    h = (h * 0x2C1B3C6D) & WORD
    h ^= h >> 12
    h = (h * 0x297A2D39) & WORD
    return h ^ (h >> 15)


def value(row, column, salt):
    """Multiples of 2^-17 in [-4, 4): sums of three are exact in float32."""
    return ((mix(row, column, salt) >> 12).astype(numpy.int64) - (1 << 19)) / float(1 << 17)


def position_logits(tokens, vocabulary, salt):
    """[length, vocabulary]: the made-up model's logits for each position of the row."""
    tokens = numpy.asarray(tokens)
    columns = numpy.arange(vocabulary)
    left = numpy.concatenate([[0], tokens[:-1]])
    right = numpy.concatenate([tokens[1:], [0]])
    positions = numpy.arange(len(tokens))
    total = (
        value(positions[:, None], columns, salt)
        + value(left[:, None], columns, salt + 1)
        + value(right[:, None], columns, salt + 2)
    )
    return total.astype(numpy.float32)


def fnv(words):
    h = 2166136261
    for word in words:
        h = ((h ^ int(word)) * 16777619) & WORD
    return h


def load(path, edit=lambda text: text):
    """Run one source file as a module."""
    module = types.ModuleType(path.stem)
    sys.modules[path.stem] = module
    exec(compile(edit(path.read_text()), str(path), "exec"), module.__dict__)
    return module


# ---- Schedules ---------------------------------------------------------------


def torch_commits(eps, steps, masks):
    """The counting rule of Dream's sampler with torch's own tensors."""
    timesteps = torch.linspace(1, eps, steps + 1)
    left, commits = torch.tensor(masks), []
    for i in range(steps):
        rate = 1 - timesteps[i + 1] / timesteps[i]
        count = int(left / 1 * rate) if i < steps - 1 else int(left)
        commits.append(count)
        left = left - count
    return timesteps.numpy(), commits


def make_schedules(llada):
    rows = []
    for eps in (1e-3, 1e-5, 1e-2, 0.1, 0.25, 1e-8, 0.3):
        for steps in (1, 2, 3, 5, 7, 8, 16, 31, 32, 33, 64, 100, 128, 255, 256, 257, 512, 1000, 1024):
            masks = (steps * 7) // 5 + 3
            timesteps, commits = torch_commits(eps, steps, masks)
            rows.append([eps, steps, masks, fnv(timesteps.view(numpy.uint32)), fnv(commits)])
    shares = []
    for masks, steps in ((32, 32), (32, 7), (7, 32), (128, 48), (1, 1), (100, 33)):
        index = torch.ones((1, masks), dtype=torch.bool)
        shares.append([masks, steps, llada.get_num_transfer_tokens(index, steps)[0].tolist()])
    return {"linspace": rows, "equal_share": shares}


# ---- Filtered distributions ----------------------------------------------------


def sampler_logits(vocabulary, salt, scale, grain):
    logits = value(numpy.arange(vocabulary), 0, salt) * scale
    if grain:
        logits = numpy.floor(logits / grain) * grain
    return logits.astype(numpy.float32)


def filtered(logits, temperature, top_p, top_k):
    """In float64: which ids are kept, the renormalised probabilities, and the distance of the nearest
    cumulative probability from top_p."""
    scaled = logits / numpy.float32(temperature) if temperature > 0 else logits
    x = scaled.astype(numpy.float64)
    order = numpy.argsort(-x, kind="stable")
    probabilities = numpy.exp(x[order] - x.max())
    cumulative = numpy.cumsum(probabilities / probabilities.sum())
    keep = numpy.zeros(len(x), bool)
    keep[order] = numpy.concatenate([[True], cumulative[:-1] <= top_p]) if top_p < 1 else True
    distance = numpy.abs(cumulative - top_p).min() if top_p < 1 else 1
    if 0 < top_k < len(x):
        limit = numpy.sort(numpy.where(keep, x, -numpy.inf))[-top_k]
        keep &= x >= limit
    p = numpy.where(keep, numpy.exp(x - x.max()), 0)
    return keep, p / p.sum(), distance


def reference_keeps(dream, logits, temperature, top_p, top_k):
    x = torch.tensor(logits)[None]
    if temperature > 0:
        x = x / temperature
    if top_p < 1:
        x = dream.top_p_logits(x, top_p)
    if top_k:
        x = dream.top_k_logits(x, top_k)
    return torch.softmax(x, -1)[0].numpy() > 0


def make_sampler(dream):
    rows = []
    settings = [(0, 1, 0), (1, 0.95, 0), (0.2, 0.95, 0), (0.7, 0.5, 0), (1, 0.999, 50), (1, 0.3, 7),
                (0.4, 1, 3), (1.2, 0.9, 200), (0, 0.8, 4), (1, 0, 0), (0.2, 1, 1)]
    shapes = [(151, 1, 0), (5003, 0.01, 0), (5003, 3, 0), (8191, 0.2, 0), (6007, 1, 0.25), (64, 1, 1)]
    for number, (vocabulary, scale, grain) in enumerate(shapes):
        for temperature, top_p, top_k in settings:
            for salt in range(100 * number, 100 * number + 100):
                logits = sampler_logits(vocabulary, salt, scale, grain)
                keep, p, distance = filtered(logits, temperature, top_p, top_k)
                if distance > 2.5e-7:
                    break
            else:
                sys.exit(f"no clear case for {vocabulary} {temperature} {top_p} {top_k}")
            if not grain:  # torch does not say which of equal logits it puts first
                visible = p > 1e-30
                same = reference_keeps(dream, logits, temperature, top_p, top_k)[visible]
                assert (same == keep[visible]).all(), "the reference keeps other tokens"
            first, second = numpy.sort(p)[::-1][:2]
            entropy = float((p * numpy.log(p + 1e-10)).sum())
            rows.append({
                "vocabulary": vocabulary, "salt": salt, "scale": scale, "grain": grain,
                "temperature": temperature, "top_p": top_p, "top_k": top_k,
                "kept": int(keep.sum()), "kept_hash": fnv(numpy.nonzero(keep)[0]),
                "best": int(p.argmax()), "probability": float(first),
                "margin": float(first - second), "negative_entropy": entropy,
            })
    return rows


# ---- Orders of commits ---------------------------------------------------------


def commits_between(before, after, mask, step):
    """[step, position, token] of each change; a token that became the mask again is -1."""
    return [
        [step, int(p), -1 if after[p] == mask else int(after[p])]
        for p in numpy.nonzero(before != after)[0]
    ]


class Recorder:
    """Turns the rows that a sampler shows, one a step, into commits."""

    def __init__(self, row, mask):
        self.row, self.mask, self.commits = numpy.array(row), mask, []

    def show(self, step, row):
        row = numpy.array(row)
        self.commits += commits_between(self.row, row, self.mask, step)
        self.row = row


def shifted_model(case):
    """Logits as a shifted model returns them: row i predicts position i + 1."""
    def forward(x):
        rows = []
        for tokens in x.tolist():
            logits = position_logits(tokens, case["vocabulary"], case["salt"])
            rows.append(numpy.concatenate([logits[1:], logits[:1]]))
        return torch.tensor(numpy.stack(rows))
    return forward


def run_dream(dream, case):
    forward = shifted_model(case)

    class Model(dream.DreamGenerationMixin):
        device = torch.device("cpu")

        def __call__(self, x, attention_mask, positions):
            return types.SimpleNamespace(logits=forward(x))

    recorder = Recorder(case["tokens"], case["mask"])
    config = types.SimpleNamespace(
        output_history=False, return_dict_in_generate=False, max_length=len(case["tokens"]),
        mask_token_id=case["mask"], steps=case["steps"], eps=case.get("eps", 1e-3),
        alg=case["algorithm"], alg_temp=0, temperature=0, top_p=case.get("top_p"),
        top_k=case.get("top_k"))

    def hook(step, x, logits):
        if step is not None:
            recorder.show(step, x[0])
        return x

    Model()._sample(torch.tensor([case["tokens"]]), None, config, hook, lambda i, x, logits: logits)
    return recorder.commits


def run_open_dllm(open_dllm, case):
    forward = shifted_model(case)

    class Model(open_dllm.MDMGenerationMixin):
        device = torch.device("cpu")
        config = types.SimpleNamespace(pad_token_id=None)

        def __call__(self, input_ids, attention_mask, is_causal):
            return types.SimpleNamespace(logits=forward(input_ids))

    config = types.SimpleNamespace(
        output_history=True, return_dict_in_generate=True, max_length=len(case["tokens"]),
        mask_token_id=case["mask"], steps=case["steps"], eps=1e-3, alg=case["algorithm"],
        alg_temp=0, temperature=0, top_p=case.get("top_p"), top_k=case.get("top_k"))
    result = Model()._mdm_sample(torch.tensor([case["tokens"]]), None, config)
    recorder = Recorder(case["tokens"], case["mask"])
    for step, row in enumerate(result.history):
        recorder.show(step, row[0])
    return recorder.commits


def run_llada(llada, case):
    recorder = Recorder(case["tokens"], case["mask"])
    calls = []

    class Model:
        device = torch.device("cpu")

        def __call__(self, x, attention_mask):
            if calls:
                recorder.show(len(calls) - 1, x[0])
            calls.append(1)
            rows = [position_logits(t, case["vocabulary"], case["salt"]) for t in x.tolist()]
            return types.SimpleNamespace(logits=torch.tensor(numpy.stack(rows)))

    answer = case["tokens"].count(case["mask"])
    prompt = torch.tensor([case["tokens"][:-answer]])
    row = llada.generate(
        Model(), prompt, attention_mask=torch.ones_like(prompt), steps=case["steps"],
        gen_length=answer, block_length=case.get("block_length", answer), temperature=0.0,
        cfg_scale=case.get("cfg_scale", 0.0), remasking="low_confidence", mask_id=case["mask"],
        logits_eos_inf="suppress" in case, confidence_eos_eot_inf="suppress_confidence" in case)
    recorder.show(len(calls) - 1, row[0])
    return recorder.commits


EOS, END_OF_TURN = 5, 17


def order_cases():
    """Canvases: a prompt and an answer, and two holes between fixed tokens."""
    mask = 96
    prompt = [3, 1, 4, 1, 5]
    holes = [2, 7, mask, mask, mask, 1, 8, mask, mask, mask, mask, mask, 2, 8]

    def case(run, algorithm, tokens, steps, salt, **settings):
        return dict(run=run, algorithm=algorithm, tokens=tokens, steps=steps, salt=salt, mask=mask,
                    vocabulary=97, **settings)

    for number, algorithm in enumerate(("entropy", "maskgit_plus", "topk_margin")):
        answer = prompt + [mask] * 24
        for steps in (24, 12, 7, 1, 40):
            yield case("dream", algorithm, answer, steps, 1000 + 10 * number)
        yield case("dream", algorithm, holes, 8, 1100 + 10 * number)
        yield case("dream", algorithm, holes, 3, 1200 + 10 * number, eps=0.1)
        yield case("dream", algorithm, answer, 24, 1300 + 10 * number, top_k=5)
        yield case("dream", algorithm, answer, 12, 1400 + 10 * number, top_p=0.9999)
    answer = prompt + [mask] * 24
    for number, steps in enumerate((24, 12, 7, 1, 40)):
        yield case("open_dllm", "p2", answer, steps, 2000 + 10 * number)
    yield case("open_dllm", "p2", holes, 8, 2100)
    yield case("open_dllm", "p2", answer, 12, 2200, top_k=5)
    for number, (steps, block) in enumerate(((24, 24), (24, 8), (12, 6), (6, 8), (9, 8), (48, 8))):
        yield case("llada", "low_confidence", answer, steps, 3000 + 10 * number, block_length=block)
    yield case("llada", "low_confidence", answer, 12, 3100, block_length=8, cfg_scale=1.5)
    yield case("llada", "low_confidence", answer, 24, 3200, cfg_scale=0.5)
    yield case("llada", "low_confidence", answer, 24, 3300, suppress=[EOS])
    yield case("llada", "low_confidence", answer, 24, 3400, suppress_confidence=[EOS, END_OF_TURN])


def make_orders(dream, llada, open_dllm):
    runs = {"dream": (run_dream, dream), "llada": (run_llada, llada),
            "open_dllm": (run_open_dllm, open_dllm)}
    rows = []
    for case in order_cases():
        function, module = runs[case.pop("run")]
        rows.append(dict(case, commits=function(module, case)))
    return rows


def write(name, content):
    """Write a list with one element a line, or a dictionary as one line."""
    rows = content if isinstance(content, list) else [content]
    text = ",\n".join(json.dumps(row) for row in rows)
    (HERE / name).write_text(f"[\n{text}\n]\n")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    fast, llada_path, open_path = map(pathlib.Path, sys.argv[1:])
    dream = load(fast / "dream/model/generation_utils.py")
    # The authors' code contains the ids as numbers; the replacements are inside the small vocabulary.
    llada = load(llada_path / "generate.py",
                 lambda text: text.replace("126081", str(EOS)).replace("126348", str(END_OF_TURN)))
    open_dllm = load(open_path / "veomni/models/transformers/qwen2/generation_utils.py")
    HERE.mkdir(exist_ok=True)
    write("schedule.json", make_schedules(llada))
    write("sampler.json", make_sampler(dream))
    write("orders.json", make_orders(dream, llada, open_dllm))


if __name__ == "__main__":
    main()
