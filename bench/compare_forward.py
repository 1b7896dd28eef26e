#!/usr/bin/env python3
"""Time one denoising forward of unmask and of llama.cpp's diffusion example, by turns, on the same GGUF files.

    compare_forward.py --peer PATH/llama-diffusion-cli [--unmask build/unmask] [--positions 32,128,256]
                       [--threads 2] [--pairs 5] MODEL.gguf...

The peer's time is its "time per step" less its "sampling time per step" over two steps of a canvas of that many positions;
it always projects every position to the vocabulary.  Ours is `unmask bench --only forward`, once with logits for all rows
and once without any; a real step, which projects the masked rows only, lies between them.  If other processes took more
than --quiet-limit percent of all processors' time during a pair, the pair is repeated, at most --pairs times in all.
Prints a Markdown table of medians.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

STEP = re.compile(r"time per step: ([\d.]+)ms, sampling time per step: ([\d.]+)ms")


def busy_seconds() -> float:
    """Processor time of all processes since the machine started."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, _idle, _wait, irq, softirq, steal = (int(field) for field in fields)
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def run(command: list[str]) -> tuple[str, float]:
    """The output of a command, and the share of all processors' time that other processes took meanwhile."""
    start, busy, own = time.monotonic(), busy_seconds(), os.times()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          check=False)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed with {done.returncode}:\n{done.stdout[-2000:]}")
    after = os.times()
    mine = after.children_user + after.children_system - own.children_user - own.children_system
    others = max(0.0, busy_seconds() - busy - mine)
    return done.stdout, others / ((time.monotonic() - start) * (os.cpu_count() or 1))


def time_peer(options: argparse.Namespace, model: str, positions: int) -> tuple[float, float]:
    output, others = run([options.peer, "-m", model, "-p", "def", "-ub", str(positions), "-b", str(positions), "-c",
                          str(max(positions, 64)), "--diffusion-steps", "2", "--diffusion-eps", "0.001",
                          "--diffusion-algorithm", "4", "--temp", "0", "-t", str(options.threads)])
    match = STEP.search(output)
    if not match:
        sys.exit(f"no step time in the peer's output:\n{output[-2000:]}")
    return float(match[1]) - float(match[2]), others


def time_ours(options: argparse.Namespace, model: str, positions: int) -> tuple[float, float, float]:
    output, others = run([options.unmask, "bench", "--model", model, "--only", "forward", "--rows", str(positions),
                          "--threads", str(options.threads), "--repetitions", "1", "--quiet-limit", "100", "--json"])
    forward = json.loads(output.splitlines()[-1])["forwards"][0]
    times = [forward[part]["milliseconds"]["median"] for part in ("with_logits", "without_logits")]
    return times[0], times[1], others


def measure(options: argparse.Namespace, model: str, positions: int) -> str:
    kept: list[tuple[float, float, float]] = []
    disturbed = 0
    for _ in range(2 * options.pairs):
        peer, peer_others = time_peer(options, model, positions)
        with_logits, without, our_others = time_ours(options, model, positions)
        if max(peer_others, our_others) > options.quiet_limit / 100:
            disturbed += 1
            if disturbed <= options.pairs:
                continue
        kept.append((peer, with_logits, without))
        if len(kept) == options.pairs:
            break
    peer, with_logits, without = (statistics.median(column) for column in zip(*kept, strict=True))
    ratios = [row[0] / row[1] for row in kept]
    return (f"| {Path(model).stem} | {positions} | {peer:.0f} | {with_logits:.0f} | {without:.0f} | {peer / with_logits:.2f} "
            f"({min(ratios):.2f} to {max(ratios):.2f}) | {peer / without:.2f} | {len(kept)}, {disturbed} disturbed |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", metavar="MODEL.gguf")
    parser.add_argument("--peer", required=True)
    parser.add_argument("--unmask", default="build/unmask")
    parser.add_argument("--positions", default="32,128,256")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quiet-limit", type=float, default=10, help="percent of others' time (default 10)")
    options = parser.parse_args()
    print("| model | positions | peer, ms | ours, all logits | ours, no logits | ratio | ratio without logits | pairs |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for model in options.models:
        for positions in options.positions.split(","):
            print(measure(options, model, int(positions)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
