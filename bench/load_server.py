#!/usr/bin/env python3
"""Measure a running `unmask serve`: answers and tokens a second, and waiting times, by number of clients.

    load_server.py URL PROBLEMS.jsonl [--clients 1,2,4,8] [--requests 64] [--rounds 3] [--tokens 80]

PROBLEMS has lines with "prompt", and "suffix" if wanted, as `recipes/tiny/tasks.py problems` writes them; those in the
form of a chat are left out.  Each client sends its next request when the last one is answered.  The numbers of clients
take turns, round by round; medians over the rounds are printed as Markdown, with the rate as a ratio to that of the first.
"""

import argparse
import concurrent.futures
import json
import sys
import time
import urllib.request
from statistics import median


def read_problems(path: str, count: int, tokens: int) -> list[bytes]:
    """The bodies of `count` requests."""
    with open(path, encoding="utf-8") as lines:
        problems = [problem for problem in map(json.loads, lines) if problem.get("format") != "chat"]
    if not problems:
        raise SystemExit(f"{path}: no problem to ask")
    return [json.dumps({"prompt": problem["prompt"], "suffix": problem.get("suffix", ""), "max_tokens": tokens}).encode()
            for problem in (problems * (count // len(problems) + 1))[:count]]


def ask(url: str, body: bytes) -> tuple[float, int]:
    """The seconds that an answer takes, and its tokens."""
    began = time.monotonic()
    with urllib.request.urlopen(urllib.request.Request(url + "/v1/completions", body)) as answer:
        tokens = json.load(answer)["usage"]["completion_tokens"]
    return time.monotonic() - began, tokens


def load(url: str, bodies: list[bytes], clients: int) -> tuple[float, float, float, float]:
    """Answers and tokens a second, median and longest waiting time in seconds."""
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(lambda body: ask(url, body), bodies))
    seconds = time.monotonic() - began
    waits = [wait for wait, _ in answers]
    return len(bodies) / seconds, sum(tokens for _, tokens in answers) / seconds, median(waits), max(waits)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("problems")
    parser.add_argument("--clients", default="1,2,4,8")
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=80)
    options = parser.parse_args()
    bodies = read_problems(options.problems, options.requests, options.tokens)
    numbers = [int(number) for number in options.clients.split(",")]
    load(options.url, bodies[:8], 1)  # the first answers also read the weights
    rounds = [[load(options.url, bodies, number) for number in numbers] for _ in range(options.rounds)]
    print("| clients | answers/s | ratio | tokens/s | median wait, ms | longest, ms |\n|---|---|---|---|---|---|")
    for place, number in enumerate(numbers):
        answers, tokens, wait, longest = (median(one[place][part] for one in rounds) for part in range(4))
        ratio = median(one[place][0] / one[0][0] for one in rounds)
        print(f"| {number} | {answers:.1f} | {ratio:.2f} | {tokens:.0f} | {1000 * wait:.0f} | {1000 * longest:.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
