"""A generated task and its textual forms."""

from dataclasses import dataclass
from textwrap import indent


@dataclass(frozen=True)
class Parameter:
    """An argument of the task's function; `kind` says how test inputs are drawn (see `inputs.draw`)."""

    name: str
    kind: str


@dataclass(frozen=True)
class Task:
    """One task: what it asks, the reference body and what is needed to test it.

    `key` is the tuple of operations that decides the split; it contains no constants and no wording.
    `constants` are the numbers and letters that occur in the task, around which test inputs are drawn.
    `examples` are doctest lines (call, result) shown after the sentence.
    """

    level: int
    key: tuple[str, ...]
    sentence: str
    entry_point: str
    parameters: tuple[Parameter, ...]
    body: str
    constants: tuple[int | str, ...] = ()
    examples: tuple[tuple[str, str], ...] = ()

    @property
    def signature(self) -> str:
        return f"def {self.entry_point}({', '.join(p.name for p in self.parameters)}):"

    @property
    def prompt(self) -> str:
        """Signature and docstring, ending in a newline."""
        if not self.examples:
            return f'{self.signature}\n    """{self.sentence}"""\n'
        shown = "".join(f"    >>> {call}\n    {result}\n" for call, result in self.examples)
        return f'{self.signature}\n    """{self.sentence}\n\n{shown}    """\n'

    @property
    def completion(self) -> str:
        """The reference body, indented by four spaces and ending in a newline."""
        return indent(self.body, "    ") + "\n"

    @property
    def key_text(self) -> str:
        return "/".join(self.key)
