"""Level 6: small loops with state, specified by a sentence and one or two doctest examples.

Each template is a loop with holes for a predicate or a map, so that a held-out combination is made of parts that
training shows.  Templates are written over `x`, the element; `{p}` is the predicate's code, `{v}` the map's code,
`{a}` the argument; in sentences `{that}` is the predicate's plural, `{is}` its singular verb phrase and
`{mapped}` the map's noun phrase of x.
"""

from dataclasses import dataclass, replace
from inspect import cleandoc
from random import Random

from .atoms import VOCABULARIES, use
from .inputs import draw_arguments, fixed_values, reference
from .pipeline import ENTRY_POINTS
from .task import Parameter, Task

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


def template(name: str, kind: str, slots: str, sentences: tuple[str, ...], body: str) -> Template:
    """A template whose body is written indented."""
    return Template(name, kind, slots, sentences, cleandoc(body))


TEMPLATES = (
    template("longest_run", "numbers", "p", (
        "Return the length of the longest run of consecutive elements of {a} that {that}.",
        "Find the longest stretch of neighbours in {a} that {that} and return its length."), """
        best = run = 0
        for x in {a}:
            run = run + 1 if {p} else 0
            best = max(best, run)
        return best
        """),
    template("first_index", "numbers", "p", (
        "Return the index of the first element of {a} that {is}, or -1 if there is none.",
        "Find the position of the first number in {a} that {is}, or -1."), """
        for i, x in enumerate({a}):
            if {p}:
                return i
        return -1
        """),
    template("last_index", "numbers", "p", (
        "Return the index of the last element of {a} that {is}, or -1 if there is none.",
        "Find the position of the last number in {a} that {is}, or -1."), """
        last = -1
        for i, x in enumerate({a}):
            if {p}:
                last = i
        return last
        """),
    template("indices", "numbers", "p", (
        "Return the indices of the elements of {a} that {that}.",
        "List the positions of the numbers in {a} that {that}."), """
        return [i for i, x in enumerate({a}) if {p}]
        """),
    template("take_while", "numbers", "pv", (
        "Return {mapped} for each x of {a}, stopping before the first x that {is}.",), """
        result = []
        for x in {a}:
            if {p}:
                break
            result.append({v})
        return result
        """),
    template("sum_until", "numbers", "p", (
        "Return the sum of the elements of {a} before the first one that {is}.",
        "Add up the numbers in {a} until the first one that {is}, which is not counted."), """
        total = 0
        for x in {a}:
            if {p}:
                break
            total += x
        return total
        """),
    template("drop_while", "numbers", "p", (
        "Return the elements of {a} from the first one that {is} on.",
        "Drop the numbers in {a} before the first one that {is} and return the rest."), """
        for i, x in enumerate({a}):
            if {p}:
                return {a}[i:]
        return []
        """),
    template("partition", "numbers", "p", (
        "Return two lists, the elements of {a} that {that} and the other ones.",
        "Split {a} into a list of the elements that {that} and a list of the rest, in a list."), """
        yes, no = [], []
        for x in {a}:
            (yes if {p} else no).append(x)
        return [yes, no]
        """),
    template("running_maximum", "numbers", "v", (
        "Return the running maximum of {mapped} for each x of {a}.",
        "For each x of {a} return the largest value so far of {mapped}."), """
        result = []
        for x in {a}:
            y = {v}
            result.append(max(result[-1], y) if result else y)
        return result
        """),
    template("running_count", "numbers", "p", (
        "For each element of {a} return how many so far {that}.",
        "Return the running count of the elements of {a} that {that}."), """
        count = 0
        result = []
        for x in {a}:
            if {p}:
                count += 1
            result.append(count)
        return result
        """),
    template("alternating_sum", "numbers", "v", (
        "Return the alternating sum (plus, minus, plus, ...) of {mapped} for each x of {a}.",), """
        total = 0
        sign = 1
        for x in {a}:
            total += sign * ({v})
            sign = -sign
        return total
        """),
    template("differences", "numbers", "v", (
        "Return the differences between neighbours of {mapped} for x in {a}, the later minus the earlier.",), """
        items = [{v} for x in {a}]
        return [y - x for x, y in zip(items, items[1:])]
        """),
    template("neighbours", "numbers", "p", (
        "Return the sums of neighbours in {a} that {that}.",
        "Add each two neighbours of {a} and return the sums that {that}."), """
        sums = [x + y for x, y in zip({a}, {a}[1:])]
        return [x for x in sums if {p}]
        """),
    template("run_lengths", "numbers", "v", (
        "Return the lengths of the runs of equal neighbours among {mapped} for each x of {a}.",), """
        runs = []
        last = None
        for x in {a}:
            y = {v}
            if y == last:
                runs[-1] += 1
            else:
                runs.append(1)
            last = y
        return runs
        """),
    template("squeeze", "numbers", "v", (
        "Return {mapped} for each x of {a}, leaving out a result equal to the one before.",), """
        result = []
        for x in {a}:
            y = {v}
            if not result or result[-1] != y:
                result.append(y)
        return result
        """),
    template("replace_if", "numbers", "pv", (
        "Return {a} with every x that {is} replaced by {mapped}.",
        "In {a} replace each x that {is} by {mapped} and return the list."), """
        return [{v} if {p} else x for x in {a}]
        """),
    template("unique_in_order", "numbers", "v", (
        "Return the distinct values of {mapped} for x in {a}, in order of first appearance.",), """
        result = []
        for x in {a}:
            y = {v}
            if y not in result:
                result.append(y)
        return result
        """),
    template("most_common", "numbers", "p", (
        "Return the most frequent of the elements of {a} that {that}, the first if tied, or None if there are none.",
        ), """
        items = [x for x in {a} if {p}]
        return max(items, key=items.count, default=None)
        """),
    template("gcd", "numbers", "p", (
        "Return the greatest common divisor of the elements of {a} that {that}, or 0 if there are none.",), """
        result = 0
        for x in {a}:
            if {p}:
                while x:
                    result, x = x, result % x
        return abs(result)
        """),
    template("gcd_map", "numbers", "v", (
        "Return the greatest common divisor of {mapped} for each x of {a}, or 0 if there are none.",), """
        result = 0
        for x in {a}:
            y = {v}
            while y:
                result, y = y, result % y
        return abs(result)
        """),
    template("digits", "positive", "p", (
        "Return the digits of {a} that {that}, from left to right.",
        "List the decimal digits of {a} that {that}."), """
        digits = [int(d) for d in str({a})]
        return [x for x in digits if {p}]
        """),
    template("digit_total", "positive", "v", (
        "Return the sum of {mapped} for each decimal digit x of {a}.",), """
        total = 0
        while {a} > 0:
            x = {a} % 10
            total += {v}
            {a} //= 10
        return total
        """),
    template("divisors", "positive", "p", (
        "Return the divisors of {a} that {that}, in ascending order.",
        "List the divisors of {a} that {that}."), """
        divisors = [d for d in range(1, {a} + 1) if {a} % d == 0]
        return [x for x in divisors if {p}]
        """),
    template("divisor_sum", "positive", "v", (
        "Return the sum of {mapped} for each divisor x of {a}.",), """
        total = 0
        for x in range(1, {a} + 1):
            if {a} % x == 0:
                total += {v}
        return total
        """),
    template("primes", "count", "p", (
        "Return the prime numbers up to {a} that {that}.",
        "List the primes from 2 to {a} that {that}."), """
        primes = [x for x in range(2, {a} + 1) if all(x % d for d in range(2, x))]
        return [x for x in primes if {p}]
        """),
    template("prime_map", "count", "v", (
        "Return {mapped} for each prime number x up to {a}.",), """
        result = []
        for x in range(2, {a} + 1):
            if all(x % d for d in range(2, x)):
                result.append({v})
        return result
        """),
    template("fibonacci", "count", "p", (
        "Return the Fibonacci numbers 1, 1, 2, 3, ... up to {a} that {that}.",), """
        result = []
        x, y = 1, 1
        while x <= {a}:
            if {p}:
                result.append(x)
            x, y = y, x + y
        return result
        """),
    template("row_counts", "rows", "p", (
        "For each row of {a} return how many of its elements {that}.",
        "Return the number of elements that {that} in each row of {a}."), """
        return [sum(1 for x in row if {p}) for row in {a}]
        """),
    template("row_sums", "rows", "v", (
        "For each row of {a} return the sum of {mapped} for its elements x.",), """
        return [sum({v} for x in row) for row in {a}]
        """),
    template("flatten", "rows", "pv", (
        "Flatten {a} and return {mapped} for each element x that {is}.",
        "Return {mapped} for each x that {is} in the rows of {a}, as one flat list."), """
        return [{v} for row in {a} for x in row if {p}]
        """),
    template("rows_with", "rows", "p", (
        "Return the rows of {a} in which some element {is}.",
        "Keep the rows of {a} that have an element that {is}."), """
        return [row for row in {a} if any({p} for x in row)]
        """),
    template("nested_total", "rows", "p", (
        "Return the sum of all elements of the rows of {a} that {that}.",), """
        total = 0
        for row in {a}:
            for x in row:
                if {p}:
                    total += x
        return total
        """),
)

ARGUMENTS = {"numbers": LISTS, "rows": ROWS, "positive": NUMBERS, "count": ("n", "limit", "stop")}


def level_6(random: Random) -> Task:
    """A task of a random template, without examples."""
    chosen_loop = random.choice(TEMPLATES)
    argument = random.choice(ARGUMENTS[chosen_loop.kind])
    # The positive elements of these templates are drawn from the vocabulary of a range.
    vocabulary = VOCABULARIES["range" if chosen_loop.kind in ("positive", "count") else "numbers"]
    predicate = use(random.choice(vocabulary.predicates), random)
    chosen = use(random.choice(vocabulary.same_type_maps()), random)
    fields, key = {"a": argument}, [chosen_loop.kind, chosen_loop.name]
    constants = ()
    if "p" in chosen_loop.slots:
        singular, plural = random.choice(predicate.atom.forms)
        fields |= {"p": predicate.fill(predicate.atom.code, x="x"), "is": predicate.fill(singular),
                   "that": predicate.fill(plural)}
        key.append(f"if({predicate.name})")
        constants += predicate.constants
    if "v" in chosen_loop.slots:
        fields |= {"v": chosen.fill(chosen.atom.code, x="x"),
                   "mapped": chosen.fill(random.choice(chosen.atom.one), x="x")}
        key.append(f"map({chosen.name})")
        constants += chosen.constants
    return Task(6, tuple(key), random.choice(chosen_loop.sentences).format(**fields), random.choice(ENTRY_POINTS),
                (Parameter(argument, chosen_loop.kind),), chosen_loop.body.format(**fields), constants)


def with_examples(task: Task, random: Random, longest: int = 36) -> Task:
    """The task with one or two examples in its docstring, chosen among short inputs with telling results."""
    function = reference(task)
    lines, results = [], set()
    for arguments in draw_arguments(task, random)[len(fixed_values(task)):]:
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
