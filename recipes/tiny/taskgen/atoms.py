"""What the vocabulary is made of: predicates, maps and reducers, each with its wording and its code.

Wordings and code are format strings.  `{x}` is the operand and `{k}`, `{m}` are the constants of one use; `{t}` is code for
the first constant as a text.
"""

from dataclasses import dataclass
from random import Random

LETTERS = "abcdefghijklmnoprstuvw"
SEPARATORS = ("-", ",", " ", "_", "+")

Constants = tuple[int | str, ...]


@dataclass(frozen=True)
class Predicate:
    """A yes/no question about one element.

    `forms` are pairs of a singular and a plural verb phrase ("is even", "are even").  Predicates of one `family`
    overlap in meaning, so two of them are never joined in one task.
    """

    name: str
    family: str
    code: str
    forms: tuple[tuple[str, str], ...]
    constant: str = ""


@dataclass(frozen=True)
class Map:
    """A function of one element.

    `one` and `many` are noun phrases around the operand, `act` is an imperative for a pipeline sentence.
    `atomic` says that the result of `code` needs no brackets as the operand of other code.
    """

    name: str
    code: str
    one: tuple[str, ...]
    many: tuple[str, ...]
    act: tuple[str, ...]
    constant: str = ""
    result: str = "number"
    atomic: bool = False


@dataclass(frozen=True)
class Reducer:
    """A function of a sequence.

    `body` is code over `{gen}` (a generator's inside or an iterable), `{lst}` (a list expression), `{d}` (the default)
    and the constants.  `loop`, if given, is (initial statement, update statement over `{v}`, returned expression).
    `noun` is a phrase around the operand, `act` names the result in a pipeline sentence.  `maps` is false for a
    reducer whose result does not depend on the elements' values.
    """

    name: str
    body: str
    noun: tuple[str, ...]
    act: tuple[str, ...]
    constant: str = ""
    default: str = ""
    loop: tuple[str, str, str] | None = None
    loop_only: bool = False
    maps: bool = True


@dataclass(frozen=True)
class Use:
    """One atom together with the constants chosen for it."""

    atom: Predicate | Map | Reducer
    constants: Constants = ()

    @property
    def name(self) -> str:
        return self.atom.name

    def fill(self, template: str, **fields: str) -> str:
        """Format a wording or code template with this use's constants; `{t}` is the text of the first one."""
        names = dict(zip(("k", "m"), map(show, self.constants)))
        if self.constants and "{t}" in template:
            names["t"] = f"str({names['k']})" if isinstance(self.constants[0], Name) else f'"{names["k"]}"'
        return template.format(**names, **fields)

    def named(self, argument: str) -> "Use":
        """The same use with its first constant replaced by an argument's name."""
        return Use(self.atom, (Name(argument),))


class Name(str):
    """A constant that is an argument's name, so it is shown without quotes."""


def show(constant: int | str) -> str:
    """Source text of a constant; the same in docstrings and in code."""
    if isinstance(constant, str) and not isinstance(constant, Name):
        return f'"{constant}"'
    return str(constant)


def draw_constants(kind: str, random: Random) -> Constants:
    """Constants for an atom whose `constant` is `kind`."""
    if kind == "":
        return ()
    if kind == "small":
        return (random.randint(1, 20),)
    if kind == "modulus":
        return (random.randint(3, 12),)
    if kind == "digit":
        return (random.randint(0, 9),)
    if kind == "length":
        return (random.randint(2, 7),)
    if kind == "take":
        return (random.randint(2, 5),)
    if kind == "letter":
        return (random.choice(LETTERS),)
    if kind == "letters":
        return tuple(random.sample(LETTERS, 2))
    if kind == "letter_range":
        return tuple(sorted(random.sample(LETTERS, 2)))
    if kind == "residue":
        modulus = random.randint(3, 9)
        return (modulus, random.randint(1, modulus - 1))
    if kind == "places":
        return (random.randint(2, 3),)
    if kind == "separator":
        return (random.choice(SEPARATORS),)
    if kind == "range":
        low = random.randint(1, 12)
        return (low, low + random.randint(2, 9))
    raise ValueError(f"unknown kind of constant: {kind}")


def use(atom: Predicate | Map | Reducer, random: Random) -> Use:
    """The atom with randomly drawn constants."""
    return Use(atom, draw_constants(atom.constant, random))
