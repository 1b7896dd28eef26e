"""The three forms in which a task is asked: completion, chat and infilling.

A form splits the task's text into the given part and the wanted part; both documents and problems are made from it.
"""

import ast
import re
from dataclasses import dataclass
from random import Random

from .task import Task

COMPLETION, CHAT, INFILLING = FORMATS = ("completion", "chat", "infilling")

# `{f}` is the call form, `{n}` the name, `{a}` the arguments, `{s}` the sentence, `{r}` a sentence that starts with
# "Return", after that word.
REQUESTS = ("Write a Python function {f}. {s}",
            "Write a Python function `{f}`: {s}",
            "{s} Write this as a Python function {f}.",
            "Implement the function {f} in Python. {s}",
            "Please write a Python function named {n} with {a}. {s}",
            "I need a Python function {f}. It should do this: {s}",
            "Define {f} in Python. {s}",
            "Can you write {f} for me? {s}",
            "Task: {s} Function: {f}")
RETURNING = ("Write a Python function {f} that returns {r}",
             "Implement {f} so that it returns {r}",
             "I need a function {f} which returns {r}")
FENCED = ("Please complete the following problem:\n```python\n{p}```",
          "Complete this function:\n```python\n{p}```",
          "Write the body of this Python function:\n```python\n{p}```")
EXAMPLES = ("\nTest cases: {e}", "\nExample: {e}", "\n{e}", "\nFor example: {e}")
SHARES = {"returning": 0.2, "fenced": 0.2}
# Expressions that would be too easy as a hole.
TRIVIAL = (ast.Name, ast.Constant, ast.Attribute)
TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True)
class Form:
    """One task in one format: the text before the answer, the answer, and the text after it (infilling only)."""

    format: str
    prompt: str
    completion: str
    suffix: str = ""

    def document(self) -> dict[str, object]:
        """The members of a training document."""
        if self.format == CHAT:
            return {"messages": [{"role": "user", "content": self.prompt},
                                 {"role": "assistant", "content": self.completion}]}
        members: dict[str, object] = {"prompt": self.prompt, "completion": self.completion}
        return members | {"suffix": self.suffix} if self.format == INFILLING else members


def completion(task: Task) -> Form:
    return Form(COMPLETION, task.prompt, task.completion)


def named_arguments(task: Task) -> str:
    """`the argument n`, `the arguments a and b`."""
    names = [p.name for p in task.parameters]
    return f"the argument {names[0]}" if len(names) == 1 else f"the arguments {' and '.join(names)}"


def chat(task: Task, random: Random) -> Form:
    """A request in words, with the task's first example as an assertion, and the whole function in one fenced block.

    The answer ends with the closing fence and a newline.
    """
    answer = f"```python\n{task.signature}\n{task.completion}```\n"
    call = task.signature.removeprefix("def ").removesuffix(":")
    form = random.random()
    if form < SHARES["fenced"]:
        return Form(CHAT, random.choice(FENCED).format(p=task.prompt), answer)
    returned = task.sentence.removeprefix("Return ")
    patterns = RETURNING if form < sum(SHARES.values()) and returned != task.sentence else REQUESTS
    request = random.choice(patterns).format(f=call, n=task.entry_point, a=named_arguments(task), s=task.sentence,
                                             r=returned)
    if task.examples:
        call, result = task.examples[0]
        request += random.choice(EXAMPLES).format(e=f"assert {call} == {result}")
    return Form(CHAT, request, answer)


def infilling(task: Task, random: Random) -> Form:
    """A hole in the body: some lines, an expression, or a stretch of tokens.  The hole is never the whole body."""
    source, begin = task.prompt + task.completion, len(task.prompt)
    lines = task.completion.count("\n")
    kinds = (line_hole, expression_hole, token_hole)
    for kind in random.choices(kinds, (45 if lines > 1 else 0, 35, 20), k=8):
        start, end = kind(source, begin, random)
        if source[start:end].strip() not in ("", task.completion.strip()):
            return Form(INFILLING, source[:start], source[start:end], source[end:])
    cut = begin + 4  # after the indentation of the first line, which is never the whole line
    return Form(INFILLING, source[:cut], source[cut:-1], source[-1:])


def line_hole(source: str, begin: int, random: Random) -> tuple[int, int]:
    """One to three whole lines, without the last newline; the indentation is part of the hole."""
    starts = [begin] + [match.end() for match in re.finditer("\n", source) if match.end() > begin]
    first = random.randrange(len(starts) - 1)
    last = min(len(starts) - 1, first + random.choice((1, 1, 2, 3)))
    return starts[first], starts[last] - 1


def expression_hole(source: str, begin: int, random: Random) -> tuple[int, int]:
    """An expression of the body that lies on one line."""
    offsets = [0]
    for line in source.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    spans = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.expr) and not isinstance(node, TRIVIAL) and node.lineno == node.end_lineno:
            start = offsets[node.lineno - 1] + node.col_offset
            end = offsets[node.end_lineno - 1] + node.end_col_offset
            if start >= begin and end - start > 1:
                spans.add((start, end))
    return random.choice(sorted(spans)) if spans else (begin, begin)


def token_hole(source: str, begin: int, random: Random) -> tuple[int, int]:
    """A stretch between two token boundaries."""
    cuts = [match.start() for match in TOKEN.finditer(source, begin) if not match.group().isspace()] + [len(source) - 1]
    if len(cuts) < 3:
        return begin, begin
    start, end = sorted(random.sample(range(len(cuts)), 2))
    return cuts[start], cuts[min(end, start + 12)]


def render(task: Task, form: str, random: Random) -> Form:
    """The task in a format."""
    if form == COMPLETION:
        return completion(task)
    return chat(task, random) if form == CHAT else infilling(task, random)
