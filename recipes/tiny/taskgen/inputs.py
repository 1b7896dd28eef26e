"""Test inputs, the reference's results on them, and the text of the tests."""

from random import Random
from typing import Any, Callable

from .atoms import Name
from .task import Task

WORD_LETTERS = "abcdeinorst"
RANDOM_CASES = 12
ATTEMPTS = 90

Case = tuple[tuple[Any, ...], Any]


class Degenerate(Exception):
    """The reference gives (almost) the same result for every input, so tests could not tell it from a constant."""


def draw_number(constants: list[int], random: Random) -> int:
    """An integer, often near one of the task's constants, where off-by-one errors show."""
    if constants and random.random() < 0.5:
        base = random.choice(constants)
        return random.choice((base - 1, base, base + 1, 2 * base, 3 * base, -base))
    return random.randint(-30, 40) if random.random() < 0.85 else random.randint(-300, 300)


def draw_word(letters: list[str], random: Random, minimum: int = 1) -> str:
    """A short word; sometimes a palindrome, with digits, longer, in upper or in mixed case."""
    alphabet = WORD_LETTERS + "".join(letters) * 3
    word = "".join(random.choice(alphabet) for _ in range(random.randint(minimum, 8 if random.random() < 0.85 else 11)))
    style = random.random()
    if style < 0.12:
        return word.upper()
    if style < 0.2:
        return word.capitalize()
    if style < 0.28:
        return word[:3] + word[:3][::-1]
    if style < 0.36:
        return str(random.randint(0, 9999))
    if style < 0.42:
        return word[:2] + str(random.randint(0, 99)) + word[2:4]
    if letters and style < 0.6:
        return random.choice(letters) + word if random.random() < 0.5 else word + random.choice(letters)
    return word


def draw_text(letters: list[str], random: Random) -> str:
    words = [draw_word(letters, random) for _ in range(random.randint(1, 3))]
    return random.choice((" ", " ", "")).join(words)


def draw_list(draw: Callable[[], Any], random: Random, longest: int = 10) -> list[Any]:
    """A list in which some elements occur more than once."""
    items = [draw() for _ in range(random.randint(1, longest))]
    return items + random.choices(items, k=random.randint(0, 3))


def draw_pairs(letters: list[str], number: Callable[[], int], random: Random) -> list[tuple[str, int]]:
    """Pairs of a word and a number; some numbers occur more than once."""
    numbers = draw_list(number, random, 4)
    return [(draw_word(letters, random), value) for value in numbers]


def draw(kind: str, numbers: list[int], letters: list[str], random: Random) -> Any:
    """A random input of the kind."""
    def number() -> int:
        return draw_number(numbers, random)

    makers: dict[str, Callable[[], Any]] = {
        "number": number,
        "count": lambda: random.randint(1, 40) if random.random() < 0.85 else random.randint(90, 130),
        "positive": lambda: random.choice((random.randint(1, 60), random.randint(1, 2000))),
        "numbers": lambda: draw_list(number, random),
        "small_numbers": lambda: draw_list(lambda: random.randint(-5, 8), random),
        "rows": lambda: [draw_list(number, random, 4) for _ in range(random.randint(1, 4))],
        "words": lambda: draw_list(lambda: draw_word(letters, random), random, 7),
        "text": lambda: draw_text(letters, random) if random.random() < 0.7 else draw_word(letters, random),
        "table": lambda: dict(draw_pairs(letters, number, random)),
        "pairs": lambda: draw_pairs(letters, number, random),
        "key": lambda: draw_word(letters, random),
        "small": lambda: random.randint(1, 20),
        "modulus": lambda: random.randint(2, 9),
        "digit": lambda: random.randint(0, 9),
        "length": lambda: random.randint(1, 7),
        "take": lambda: random.randint(1, 6),
        "letter": lambda: random.choice(WORD_LETTERS[:6]),
    }
    return makers[kind]()


def edge_values(kind: str) -> list[Any]:
    """Edge inputs of the kind: empty, zero, negative, one element, repeated elements."""
    edges: dict[str, list[Any]] = {
        "number": [0, 1, -1, -12],
        "count": [0, 1, 2, -3],
        "positive": [1, 2, 10],
        "numbers": [[], [0], [-7], [4, 4, 4]],
        "small_numbers": [[], [0], [-2], [2, 2, 2]],
        "rows": [[], [[]], [[0]], [[-3, -3], []]],
        "words": [[], ["a"], ["Ab", "Ab"]],
        "text": ["", "a", "A", "aa", "0 1"],
        "table": [{}, {"a": 0}, {"Ab": -7, "b": 4, "c": 4}],
        "pairs": [[], [("a", 0)], [("Ab", -7), ("b", 4), ("b", 4)]],
    }
    return edges.get(kind, [])


def boundary_values(kind: str, numbers: list[int], letters: list[str]) -> list[Any]:
    """Inputs at the task's constants, where off-by-one comparisons show."""
    near = list(dict.fromkeys(value for number in numbers[:2] for value in (number - 1, number, number + 1)))
    words = [("aB" * 10)[:length] for length in near if 0 < length < 12]
    words += [word for letter in letters[:2] for word in (letter + "xy", "xy" + letter)]
    boundaries: dict[str, list[Any]] = {
        "number": near,
        "count": near,
        "numbers": [[value] for value in near],
        "rows": [[[value]] for value in near],
        "words": [[word] for word in words],
        "text": words,
        "table": [{"ab": value} for value in near] + [{word: 5} for word in words],
        "pairs": [[("ab", value)] for value in near] + [[(word, 5)] for word in words],
    }
    return boundaries.get(kind, [])


def literal_constants(task: Task) -> tuple[list[int], list[str]]:
    """The integers and the letters among a task's constants; a letter argument adds some letters."""
    numbers = [c for c in task.constants if isinstance(c, int)]
    letters = [c for c in task.constants if isinstance(c, str) and not isinstance(c, Name) and c.isalpha()]
    if any(p.kind == "letter" for p in task.parameters):
        letters += WORD_LETTERS[:3]
    return numbers, letters


def fixed_values(task: Task) -> list[Any]:
    """The first arguments that every test has: edges, then boundaries."""
    kind = task.parameters[0].kind
    return edge_values(kind) + boundary_values(kind, *literal_constants(task))


def draw_arguments(task: Task, random: Random) -> list[tuple[Any, ...]]:
    """Candidate argument tuples: the fixed ones, then random ones."""
    numbers, letters = literal_constants(task)
    first_kind = task.parameters[0].kind

    def fill(first: Any) -> tuple[Any, ...]:
        return (first, *(draw(p.kind, numbers, letters, random) for p in task.parameters[1:]))

    def fill_random() -> tuple[Any, ...]:
        arguments = fill(draw(first_kind, numbers, letters, random))
        if task.parameters[-1].kind == "key" and arguments[0] and random.random() < 0.7:
            return (arguments[0], random.choice(list(arguments[0])))  # so that the key looked up is mostly present
        if first_kind == "numbers" and isinstance(arguments[-1], int) and random.random() < 0.6:
            arguments[0].extend((arguments[-1], arguments[-1] + 1))  # so that a limit argument is met exactly
        return arguments

    return [fill(value) for value in fixed_values(task)] + [fill_random() for _ in range(ATTEMPTS)]


def reference(task: Task) -> Callable[..., Any]:
    """The compiled reference function."""
    names: dict[str, Any] = {}
    exec(task.prompt + task.completion, names)  # the text is this generator's own
    return names[task.entry_point]


def run_reference(task: Task, random: Random) -> list[Case]:
    """Every candidate argument tuple with the reference's result."""
    function = reference(task)
    cases = []
    for arguments in draw_arguments(task, random):
        text = repr(arguments)
        cases.append((arguments, function(*arguments)))
        if text != repr(arguments):
            raise AssertionError(f"the reference changes its argument: {task.prompt}{task.completion}")
    return cases


def make_cases(task: Task, random: Random) -> list[Case]:
    """The fixed cases and some random ones, preferring those whose results were not seen before.

    Raises Degenerate if the results do not vary.
    """
    cases = run_reference(task, random)
    distinct = {repr(result) for _, result in cases}
    booleans = all(isinstance(result, bool) for _, result in cases)
    if len(distinct) < (2 if booleans else 3):
        raise Degenerate(task.sentence)
    fixed, drawn = cases[:len(fixed_values(task))], cases[len(fixed_values(task)):]
    seen = {repr(result) for _, result in fixed}
    fresh, spare = [], []
    for case in drawn:
        (spare if repr(case[1]) in seen else fresh).append(case)
        seen.add(repr(case[1]))
    return fixed + (fresh + spare)[:RANDOM_CASES]


CHECK = '''def same(actual, expected):
    if type(actual) is not type(expected):
        return False
    if type(expected) is list:
        return len(actual) == len(expected) and all(map(same, actual, expected))
    if type(expected) is dict:
        return actual.keys() == expected.keys() and all(same(actual[k], expected[k]) for k in expected)
    return actual == expected


def check(candidate):
'''


def test_text(cases: list[Case]) -> str:
    """Tests in HumanEval form; each compares value and type."""
    lines = [f"    assert same(candidate({', '.join(map(repr, arguments))}), {result!r})\n"
             for arguments, result in cases]
    return CHECK + "".join(lines)
