#!/usr/bin/env python3
"""Prose for a model of code: descriptions of functions, and stories.

    prose.py descriptions TASKS.jsonl > descriptions.jsonl             the sentence of a function is to be written
    prose.py stories SAMPLES.jsonl > stories.jsonl                         a story is to be continued
    prose.py stories SAMPLES.jsonl --prompts 100 > prompts.jsonl           the same stories' beginnings, for `unmask analyze`

TASKS are documents of `tasks.py documents`.  SAMPLES are lines of `unmask generate --json`, each a story from its beginning;
every fiftieth is held out for prompts.  Both print documents for `unmask pack`.
"""

import argparse
import itertools
import json
import re
import sys
from typing import Any, Iterable, Iterator

QUOTES = '"""'
HELD_OUT = 50
# A sentence with the quotation mark that may follow it.
SENTENCE = re.compile(r"[^.!?]*[.!?]+\"?\s*")
LONGEST_BEGINNING = 200
LONGEST_CONTINUATION = 120


def description_of(document: dict[str, Any]) -> dict[str, str] | None:
    """The document with a hole where the function is described; None where it holds no whole function."""
    if document.get("format") != "completion":
        return None
    parts = document["prompt"].split(QUOTES)
    if len(parts) != 3:
        return None
    heading, described, rest = parts
    sentence, examples = (described.split("\n", 1) + [""])[:2]
    suffix = ("\n" + examples if examples else "") + QUOTES + rest + document["completion"]
    return {"prompt": heading + QUOTES, "completion": sentence, "suffix": suffix}


def continuations_of(story: str) -> Iterator[dict[str, str]]:
    """Pairs of some sentences and the two behind them, at every second sentence of the story."""
    sentences = SENTENCE.findall(story.split("\n\n")[0])
    for index in range(1, len(sentences) - 1, 2):
        start = index - 1
        while start > 0 and sum(map(len, sentences[start - 1:index])) <= LONGEST_BEGINNING:
            start -= 1
        continuation = "".join(sentences[index:index + 2]).rstrip()
        if len(continuation) <= LONGEST_CONTINUATION:
            yield {"prompt": "".join(sentences[start:index]), "completion": continuation + "\n"}


def descriptions(documents: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return filter(None, map(description_of, documents))


def stories(samples: Iterable[dict[str, Any]], prompts: int) -> Iterator[dict[str, Any]]:
    """Documents of all stories but those held out, or so many prompts of these: the longest beginning of each."""
    told = [sample["completion"] for sample in samples]
    if prompts == 0:
        for index, story in enumerate(told):
            if index % HELD_OUT != 0:
                yield from continuations_of(story)
        return
    held = (list(continuations_of(story))[-1:] for story in told[::HELD_OUT])
    for number, document in enumerate(itertools.islice(itertools.chain.from_iterable(held), prompts)):
        yield {"task_id": f"story/{number}", "prompt": document["prompt"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("descriptions", "stories"))
    parser.add_argument("file", help="JSON Lines")
    parser.add_argument("--prompts", type=int, default=0, metavar="N", help="print N prompts of held-out stories")
    options = parser.parse_args()
    try:
        with open(options.file, encoding="utf-8") as lines:
            rows = map(json.loads, lines)
            made = descriptions(rows) if options.kind == "descriptions" else stories(rows, options.prompts)
            for row in made:
                print(json.dumps(row))
    except BrokenPipeError:
        sys.exit(1)
    except (OSError, ValueError, KeyError) as reason:
        sys.exit(f"prose.py: {reason}")


if __name__ == "__main__":
    main()
