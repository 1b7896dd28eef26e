#!/usr/bin/env python3
"""Training beside PyTorch: the same model, documents and optimiser, by turns in one run.

    bench/compare_training.py --pairs 5 [--unmask build/unmask] [--python PYTHON] [--modes ...]

PYTHON is an interpreter that has torch.  The PyTorch model is written plainly, with
scaled_dot_product_attention, fused AdamW and clip_grad_norm_.  A mode says how its batch holds
documents of unequal length:

    padded    [documents, longest]: every product is computed for the padding too
    packed    rows without padding, as ours; queries, keys and values are put into
              [documents, longest] for the attention alone
    documents rows without padding; attention document by document

A mode with `+compile` runs under torch.compile, one with `+bf16` under autocast to bfloat16.
PyTorch's masks are drawn before the clock starts, ours while it runs.  Each turn is a process;
its first few steps are left out, and the median of the others counts.
"""

import argparse
import json
import os
import random
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time

SHAPE = dict(vocabulary=1024, hidden=192, intermediate=512, layers=6, heads=6, kv_heads=2,
             mask=1022)
SHORTEST, LONGEST = 60, 160
DOCUMENTS = 4000
LEFT_OUT = 3  # steps at the start of a turn


def make_documents():
    draw = random.Random(1)
    return [[min(1015, int(draw.paretovariate(0.6))) for _ in range(draw.randint(SHORTEST, LONGEST))]
            for _ in range(DOCUMENTS)]


def write_shard(path, documents):
    with open(path, "wb") as file:
        file.write(b"UMSHARD1" + struct.pack("<IIQQ", 2, 2, len(documents),
                                             sum(map(len, documents))))
        first = 0
        for document in documents:
            file.write(struct.pack("<QIIII", first, len(document), 0, 0, 0))
            first += len(document)
        for document in documents:
            file.write(struct.pack("<%dH" % len(document), *document))


def batches_of(documents, rows):
    batch, used = [], 0
    for document in documents:
        if used + len(document) > rows and batch:
            yield batch
            batch, used = [], 0
        batch.append(document)
        used += len(document)


# ---- PyTorch -------------------------------------------------------------------------


def make_model(torch, mode):
    nn, functional = torch.nn, torch.nn.functional
    hidden, heads, kv_heads = SHAPE["hidden"], SHAPE["heads"], SHAPE["kv_heads"]
    dim = hidden // heads

    class Norm(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(hidden))

        def forward(self, x):
            return functional.rms_norm(x, (hidden,), self.weight, 1e-6)

    def rotate(x, cosine, sine):
        a, b = x.chunk(2, dim=-1)
        return x * cosine + torch.cat((-b, a), dim=-1) * sine

    def attend(q, k, v, batch):
        """Rows [.., heads, dim] in and out."""
        attention = functional.scaled_dot_product_attention
        group = heads // kv_heads
        if mode == "documents":
            parts = []
            for first, end in batch["spans"]:
                part = [x[first:end].transpose(0, 1).unsqueeze(0) for x in (q, k, v)]
                parts.append(attention(*part, enable_gqa=True)[0].transpose(0, 1))
            return torch.cat(parts)
        if mode == "packed":
            count, longest = batch["mask"].shape[0], batch["mask"].shape[-1]
            q, k, v = [x.new_zeros(count * longest, x.shape[1], dim).index_copy(0, batch["places"], x)
                       .view(count, longest, x.shape[1], dim) for x in (q, k, v)]
        k, v = [x.repeat_interleave(group, dim=-2) for x in (k, v)]
        out = attention(*[x.transpose(1, 2) for x in (q, k, v)], attn_mask=batch["mask"])
        out = out.transpose(1, 2)
        if mode == "packed":
            out = out.reshape(-1, heads, dim).index_select(0, batch["places"])
        return out

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention_norm, self.mlp_norm = Norm(), Norm()
            self.qkv = nn.Linear(hidden, (heads + 2 * kv_heads) * dim)
            self.output = nn.Linear(hidden, hidden, bias=False)
            self.gate_up = nn.Linear(hidden, 2 * SHAPE["intermediate"], bias=False)
            self.down = nn.Linear(SHAPE["intermediate"], hidden, bias=False)

        def forward(self, x, batch):
            qkv = self.qkv(self.attention_norm(x)).unflatten(-1, (-1, dim))
            q, k, v = qkv.split((heads, kv_heads, kv_heads), dim=-2)
            q = rotate(q, batch["cosine"], batch["sine"])
            k = rotate(k, batch["cosine"], batch["sine"])
            x = x + self.output(attend(q, k, v, batch).flatten(-2))
            gate, up = self.gate_up(self.mlp_norm(x)).chunk(2, dim=-1)
            return x + self.down(functional.silu(gate) * up)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(SHAPE["vocabulary"], hidden)
            self.layers = nn.ModuleList(Layer() for _ in range(SHAPE["layers"]))
            self.norm = Norm()

        def forward(self, batch):
            x = self.embedding(batch["tokens"])
            for layer in self.layers:
                x = layer(x, batch)
            x = self.norm(x.flatten(0, -2).index_select(0, batch["rows"]))
            logits = functional.linear(x, self.embedding.weight)
            losses = functional.cross_entropy(logits.float(), batch["targets"], reduction="none")
            return (losses * batch["weights"]).sum()

    torch.manual_seed(1)
    model = Model()
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.02)
    return model


def make_batch(torch, documents, mode, draw):
    longest = max(map(len, documents))
    lengths = [len(document) for document in documents]
    rows = sum(lengths)
    padded = mode == "padded"
    stride = lambda i: i * longest if padded else sum(lengths[:i])
    size = len(documents) * longest if padded else rows
    tokens, positions = torch.zeros(size, dtype=torch.long), torch.zeros(size)
    places, wanted, targets, weights = [], [], [], []
    for i, document in enumerate(documents):
        first, rate = stride(i), draw.uniform(0.001, 1)
        for j, token in enumerate(document):
            masked = j > 0 and draw.random() < rate
            tokens[first + j] = SHAPE["mask"] if masked else token
            positions[first + j] = j
            places.append(i * longest + j)
            if masked:
                wanted.append(first + j - 1)
                targets.append(token)
                weights.append(1 / rate / rows)
    dim = SHAPE["hidden"] // SHAPE["heads"]
    angles = positions[:, None] * 10000.0 ** (-torch.arange(0, dim, 2) / dim)
    angles = torch.cat((angles, angles), dim=-1)
    mask = torch.arange(longest)[None, :] < torch.tensor(lengths)[:, None]
    shape = (len(documents), longest) if padded else (size,)
    return dict(tokens=tokens.view(shape), cosine=angles.cos().view(*shape, 1, dim),
                sine=angles.sin().view(*shape, 1, dim), mask=mask[:, None, None, :],
                places=torch.tensor(places), rows=torch.tensor(wanted),
                targets=torch.tensor(targets), weights=torch.tensor(weights),
                spans=[(stride(i), stride(i) + n) for i, n in enumerate(lengths)]), rows


def train_with_torch(options):
    import torch
    torch.set_num_threads(options.threads)
    mode, *extras = options.worker.split("+")
    draw = random.Random(2)
    steps = options.steps + LEFT_OUT
    batches = []
    for documents in batches_of(make_documents(), options.rows):
        batches.append(make_batch(torch, documents, mode, draw))
        if len(batches) == steps:
            break
    if len(batches) < steps:
        sys.exit(f"compare_training.py: {DOCUMENTS} documents are {len(batches)} batches of {options.rows} rows, and "
                 f"{steps} are needed: ask for fewer --rows or --steps")
    model = make_model(torch, mode)
    run = torch.compile(model, dynamic=True) if "compile" in extras else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.95),
                                  weight_decay=0.1, fused=True)
    rates = []
    clock = time.process_time if options.processor_time else time.perf_counter
    for batch, rows in batches:
        start = clock()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled="bf16" in extras):
            loss = run(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        rates.append(rows / (clock() - start))
    print(json.dumps({"rate": statistics.median(rates[LEFT_OUT:]), "loss": loss.item()}))


# ---- Turns ---------------------------------------------------------------------------


def turn_of_torch(options, mode, threads):
    command = [options.python, os.path.abspath(__file__), "--worker", mode, "--threads",
               str(threads), "--rows", str(options.rows), "--steps", str(options.steps)]
    if options.processor_time:
        command.append("--processor-time")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{mode}, {threads} threads: {(done.stderr.strip().splitlines() or ['no message'])[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])["rate"]


def run_unmask(program, directory, threads, settings):
    """The steps in the log, and the processor time of the whole run."""
    output = tempfile.mkdtemp(dir=directory)
    log = os.path.join(output, "log")
    command = [program, "train", os.path.join(directory, "recipe.json"), "--output", output,
               "--threads", str(threads), "--log", log]
    for setting in settings:
        command += ["--set", setting]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit(f"{program}: {done.stderr}")
    with open(log) as file:
        steps = [entry for entry in map(json.loads, file) if entry["kind"] == "step"]
    return steps, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def turn_of_unmask(program, options, directory, threads, settings):
    if options.processor_time:
        # The start and end of a run cost the same in both runs and cancel.
        short, spent = run_unmask(program, directory, threads, settings + [f"steps={LEFT_OUT}"])
        steps, longer = run_unmask(program, directory, threads, settings)
        return sum(entry["rows"] for entry in steps[len(short):]) / (longer - spent)
    steps, _ = run_unmask(program, directory, threads, settings)
    return statistics.median(entry["rows"] / entry["seconds"] for entry in steps[LEFT_OUT:])


def prepare(options, directory):
    write_shard(os.path.join(directory, "train.shard"), make_documents())
    recipe = dict(model=os.path.abspath(options.model), initialise=True, train="train.shard",
                  objective="diffusion", steps=options.steps + LEFT_OUT,
                  batch_tokens=options.rows, context_length=256, learning_rate=0.002,
                  checkpoint_minutes=1000)
    with open(os.path.join(directory, "recipe.json"), "w") as file:
        json.dump(recipe, file)


def show(name, rates, ours):
    ratios = [a / b for a, b in zip(ours, rates)]
    print(f"{name:<34} {statistics.median(rates):8.0f} rows/s   ours/this: median "
          f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}), "
          f"{len(ratios)} pairs")


def compare(options):
    contestants = []
    for mode in options.modes.split(","):
        for threads in map(int, options.torch_threads.split(",")):
            contestants.append((f"torch {mode}, {threads} threads",
                                lambda m=mode, t=threads: turn_of_torch(options, m, t)))
    if options.against:
        contestants.append((options.against, lambda: turn_of_unmask(
            options.against, options, directory, options.threads, [])))
    for setting in filter(None, options.settings.split(",")):
        contestants.append((f"ours with {setting}", lambda s=setting: turn_of_unmask(
            options.unmask, options, directory, options.threads, [s])))
    ours, rates = [], {name: [] for name, _ in contestants}
    with tempfile.TemporaryDirectory() as directory:
        prepare(options, directory)
        for _ in range(options.pairs):
            ours.append(turn_of_unmask(options.unmask, options, directory, options.threads, []))
            print(f"ours: {ours[-1]:.0f} rows/s", file=sys.stderr, flush=True)
            for name, turn in contestants:
                rate = turn()
                if rate:
                    rates[name].append(rate)
                    print(f"{name}: {rate:.0f} rows/s", file=sys.stderr, flush=True)
    print(f"{'ours, ' + str(options.threads) + ' threads':<34} {statistics.median(ours):8.0f} rows/s")
    for name, _ in contestants:
        if len(rates[name]) == len(ours):
            show(name, rates[name], ours)
        else:
            print(f"{name:<34} failed in {len(ours) - len(rates[name])} of {len(ours)} turns")


def main():
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--unmask", default=os.path.join(root, "build", "unmask"))
    parser.add_argument("--against", help="another build of unmask")
    parser.add_argument("--settings", default="", help="KEY=VALUE,... of the recipe, each a row")
    parser.add_argument("--model", default=os.path.join(root, "models", "tiny"))
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--modes", default="padded,packed,documents,packed+compile")
    parser.add_argument("--torch-threads", default="1,2")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--processor-time", action="store_true",
                        help="rows a second of processor time: for one thread on a busy machine")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        train_with_torch(options)
    else:
        compare(options)


if __name__ == "__main__":
    main()
