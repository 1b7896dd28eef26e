"""Level 6: small loops with state, specified by a sentence and one or two doctest examples.

Each template is a loop with holes for a predicate or a map, so that a held-out combination is made of parts that
training shows.  Templates are written over `x`, the element; `{p}` is the predicate's code, `{v}` the map's code,
`{a}` the argument; in sentences `{that}` is the predicate's plural, `{is}` its singular verb phrase and
`{mapped}` the map's noun phrase of x.
"""

from dataclasses import dataclass, replace
from random import Random

from .atoms import NUMBER_MAPS, NUMBER_PREDICATES, Use, use
from .inputs import draw_arguments, reference
from .pipeline import ENTRY_POINTS
from .task import Parameter, Task

MAPS = tuple(m for m in NUMBER_MAPS if m.result == "number")
LISTS = ("data", "numbers", "values", "nums", "items")
NUMBERS = ("n", "number", "value")
ROWS = ("rows", "table", "grid", "matrix")


@dataclass(frozen=True)
class Template:
    """A loop with holes; `slots` says which of predicate and map it has."""

    name: str
    kind: str
    slots: str
    sentences: tuple[str, ...]
    body: str


def number_list(name: str, slots: str, sentences: tuple[str, ...], body: str) -> Template:
    return Template(name, "numbers", slots, sentences, body)


TEMPLATES = (
    number_list("longest_run", "p", (
        "Return the length of the longest run of consecutive elements of {a} that {that}.",
        "Find the longest stretch of neighbours in {a} that {that} and return its length."),
        "best = run = 0\nfor x in {a}:\n    run = run + 1 if {p} else 0\n    best = max(best, run)\nreturn best"),
    number_list("first_index", "p", (
        "Return the index of the first element of {a} that {is}, or -1 if there is none.",
        "Find the position of the first number in {a} that {is}, or -1."),
        "for i, x in enumerate({a}):\n    if {p}:\n        return i\nreturn -1"),
    number_list("last_index", "p", (
        "Return the index of the last element of {a} that {is}, or -1 if there is none.",
        "Find the position of the last number in {a} that {is}, or -1."),
        "last = -1\nfor i, x in enumerate({a}):\n    if {p}:\n        last = i\nreturn last"),
    number_list("indices", "p", (
        "Return the indices of the elements of {a} that {that}.",
        "List the positions of the numbers in {a} that {that}."),
        "return [i for i, x in enumerate({a}) if {p}]"),
    number_list("take_while", "pv", (
        "Return {mapped} for each x of {a}, stopping before the first x that {is}.",),
        "result = []\nfor x in {a}:\n    if {p}:\n        break\n    result.append({v})\nreturn result"),
    number_list("sum_until", "p", (
        "Return the sum of the elements of {a} before the first one that {is}.",
        "Add up the numbers in {a} until the first one that {is}, which is not counted."),
        "total = 0\nfor x in {a}:\n    if {p}:\n        break\n    total += x\nreturn total"),
    number_list("drop_while", "p", (
        "Return the elements of {a} from the first one that {is} on.",
        "Drop the numbers in {a} before the first one that {is} and return the rest."),
        "for i, x in enumerate({a}):\n    if {p}:\n        return {a}[i:]\nreturn []"),
    number_list("partition", "p", (
        "Return two lists, the elements of {a} that {that} and the other ones.",
        "Split {a} into a list of the elements that {that} and a list of the rest, in a list."),
        "yes, no = [], []\nfor x in {a}:\n    (yes if {p} else no).append(x)\nreturn [yes, no]"),
    number_list("running_maximum", "v", (
        "Return the running maximum of {mapped} for each x of {a}.",
        "For each x of {a} return the largest value so far of {mapped}."),
        "result = []\nfor x in {a}:\n    y = {v}\n    result.append(max(result[-1], y) if result else y)\nreturn result"),
    number_list("running_count", "p", (
        "For each element of {a} return how many so far {that}.",
        "Return the running count of the elements of {a} that {that}."),
        "count = 0\nresult = []\nfor x in {a}:\n    if {p}:\n        count += 1\n    result.append(count)\nreturn result"),
    number_list("alternating_sum", "v", (
        "Return the alternating sum (plus, minus, plus, ...) of {mapped} for each x of {a}.",),
        "total = 0\nsign = 1\nfor x in {a}:\n    total += sign * ({v})\n    sign = -sign\nreturn total"),
    number_list("differences", "v", (
        "Return the differences between neighbours of {mapped} for x in {a}, the later minus the earlier.",),
        "items = [{v} for x in {a}]\nreturn [y - x for x, y in zip(items, items[1:])]"),
    number_list("neighbours", "p", (
        "Return the sums of neighbours in {a} that {that}.",
        "Add each two neighbours of {a} and return the sums that {that}."),
        "sums = [x + y for x, y in zip({a}, {a}[1:])]\nreturn [x for x in sums if {p}]"),
    number_list("run_lengths", "v", (
        "Return the lengths of the runs of equal neighbours among {mapped} for each x of {a}.",),
        "runs = []\nlast = None\nfor x in {a}:\n    y = {v}\n    if y == last:\n        runs[-1] += 1\n    else:\n"
        "        runs.append(1)\n    last = y\nreturn runs"),
    number_list("squeeze", "v", (
        "Return {mapped} for each x of {a}, leaving out a result equal to the one before.",),
        "result = []\nfor x in {a}:\n    y = {v}\n    if not result or result[-1] != y:\n        result.append(y)\nreturn result"),
    number_list("replace_if", "pv", (
        "Return {a} with every x that {is} replaced by {mapped}.",
        "In {a} replace each x that {is} by {mapped} and return the list."),
        "return [{v} if {p} else x for x in {a}]"),
    number_list("unique_in_order", "v", (
        "Return the distinct values of {mapped} for x in {a}, in order of first appearance.",),
        "result = []\nfor x in {a}:\n    y = {v}\n    if y not in result:\n        result.append(y)\nreturn result"),
    number_list("most_common", "p", (
        "Return the most frequent of the elements of {a} that {that}, the first if tied, or None if there are none.",),
        "items = [x for x in {a} if {p}]\nreturn max(items, key=items.count, default=None)"),
    number_list("gcd", "p", (
        "Return the greatest common divisor of the elements of {a} that {that}, or 0 if there are none.",),
        "result = 0\nfor x in {a}:\n    if {p}:\n        while x:\n            result, x = x, result % x\nreturn abs(result)"),
    number_list("gcd_map", "v", (
        "Return the greatest common divisor of {mapped} for each x of {a}, or 0 if there are none.",),
        "result = 0\nfor x in {a}:\n    y = {v}\n    while y:\n        result, y = y, result % y\nreturn abs(result)"),
    Template("digits", "positive", "p", (
        "Return the digits of {a} that {that}, from left to right.",
        "List the decimal digits of {a} that {that}."),
        "digits = [int(d) for d in str({a})]\nreturn [x for x in digits if {p}]"),
    Template("digit_total", "positive", "v", (
        "Return the sum of {mapped} for each decimal digit x of {a}.",),
        "total = 0\nwhile {a} > 0:\n    x = {a} % 10\n    total += {v}\n    {a} //= 10\nreturn total"),
    Template("divisors", "positive", "p", (
        "Return the divisors of {a} that {that}, in ascending order.",
        "List the divisors of {a} that {that}."),
        "divisors = [d for d in range(1, {a} + 1) if {a} % d == 0]\nreturn [x for x in divisors if {p}]"),
    Template("divisor_sum", "positive", "v", (
        "Return the sum of {mapped} for each divisor x of {a}.",),
        "total = 0\nfor x in range(1, {a} + 1):\n    if {a} % x == 0:\n        total += {v}\nreturn total"),
    Template("primes", "count", "p", (
        "Return the prime numbers up to {a} that {that}.",
        "List the primes from 2 to {a} that {that}."),
        "primes = [x for x in range(2, {a} + 1) if all(x % d for d in range(2, x))]\nreturn [x for x in primes if {p}]"),
    Template("prime_map", "count", "v", (
        "Return {mapped} for each prime number x up to {a}.",),
        "result = []\nfor x in range(2, {a} + 1):\n    if all(x % d for d in range(2, x)):\n        result.append({v})\nreturn result"),
    Template("fibonacci", "count", "p", (
        "Return the Fibonacci numbers 1, 1, 2, 3, ... up to {a} that {that}.",),
        "result = []\nx, y = 1, 1\nwhile x <= {a}:\n    if {p}:\n        result.append(x)\n    x, y = y, x + y\nreturn result"),
    Template("row_counts", "rows", "p", (
        "For each row of {a} return how many of its elements {that}.",
        "Return the number of elements that {that} in each row of {a}."),
        "return [sum(1 for x in row if {p}) for row in {a}]"),
    Template("row_sums", "rows", "v", (
        "For each row of {a} return the sum of {mapped} for its elements x.",),
        "return [sum({v} for x in row) for row in {a}]"),
    Template("flatten", "rows", "pv", (
        "Flatten {a} and return {mapped} for each element x that {is}.",
        "Return {mapped} for each x that {is} in the rows of {a}, as one flat list."),
        "return [{v} for row in {a} for x in row if {p}]"),
    Template("rows_with", "rows", "p", (
        "Return the rows of {a} in which some element {is}.",
        "Keep the rows of {a} that have an element that {is}."),
        "return [row for row in {a} if any({p} for x in row)]"),
    Template("nested_total", "rows", "p", (
        "Return the sum of all elements of the rows of {a} that {that}.",),
        "total = 0\nfor row in {a}:\n    for x in row:\n        if {p}:\n            total += x\nreturn total"),
)

ARGUMENTS = {"numbers": LISTS, "rows": ROWS, "positive": NUMBERS, "count": ("n", "limit", "stop")}


def level_6(random: Random) -> Task:
    """A task of a random template, without examples."""
    template = random.choice(TEMPLATES)
    argument = random.choice(ARGUMENTS[template.kind])
    predicate, chosen = use(random.choice(NUMBER_PREDICATES), random), use(random.choice(MAPS), random)
    fields, key = {"a": argument}, [template.kind, template.name]
    constants = ()
    if "p" in template.slots:
        singular, plural = random.choice(predicate.atom.forms)
        fields |= {"p": predicate.fill(predicate.atom.code, x="x"), "is": predicate.fill(singular),
                   "that": predicate.fill(plural)}
        key.append(f"if({predicate.name})")
        constants += predicate.constants
    if "v" in template.slots:
        fields |= {"v": chosen.fill(chosen.atom.code, x="x"), "mapped": chosen.fill(random.choice(chosen.atom.one), x="x")}
        key.append(f"map({chosen.name})")
        constants += chosen.constants
    return Task(6, tuple(key), random.choice(template.sentences).format(**fields), random.choice(ENTRY_POINTS),
                (Parameter(argument, template.kind),), template.body.format(**fields), constants)


def with_examples(task: Task, random: Random, longest: int = 36) -> Task:
    """The task with one or two examples in its docstring, chosen among short inputs with telling results."""
    function = reference(task)
    lines, results = [], set()
    for arguments in draw_arguments(task, random)[4:]:
        call = f"{task.entry_point}({', '.join(map(repr, arguments))})"
        if len(call) > longest:
            continue
        result = repr(function(*arguments))
        if len(result) > 24 or result in results or result in ("[]", "0", "-1", "None"):
            continue
        results.add(result)
        lines.append((call, result))
        if len(lines) == 2:
            break
    return replace(task, examples=tuple(lines[:random.choice((1, 1, 2))]))
