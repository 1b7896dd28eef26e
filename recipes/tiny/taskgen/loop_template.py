"""A loop with holes for a predicate or a map, from which tasks of level 6 are made.

Code and sentences are format strings.  `{a}` is the argument and `{b}` the second one, if there is one; the element
is `x` (numbers), `c` (characters of a text) or `w` (words).  `{p}` is the predicate's code, `{q}` the same in brackets
where `and` or `not` needs them, `{v}` the map's code; in sentences `{that}` is the predicate's plural, `{is}` its
singular verb phrase and `{mapped}` the map's noun phrase of the element.
"""

from dataclasses import dataclass
from inspect import cleandoc


@dataclass(frozen=True)
class Template:
    """`kind` is the kind of the argument, `slots` the holes (p, v or both), `second` a second argument's kind or empty."""

    name: str
    kind: str
    slots: str
    sentences: tuple[str, ...]
    body: str
    second: str


def template(name: str, kind: str, slots: str, sentences: tuple[str, ...], body: str, second: str = "") -> Template:
    """A template from a body that is written indented."""
    return Template(name, kind, slots, sentences, cleandoc(body), second)
