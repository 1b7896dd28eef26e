"""Tasks on one or two numbers or texts: level 1 and the part of level 2 that has no sequence."""

from random import Random

from .atoms import Map, Use, use
from .names import draw_entry_point
from .pipeline import map_code, opened
from .task import Parameter, Task
from .vocabularies import NUMBERS, TEXTS, Vocabulary

NUMBER_ARGUMENTS = ("n", "x", "number", "value", "num")
TEXT_ARGUMENTS = ("text", "string", "word", "s", "name")
PAIR_ARGUMENTS = (("a", "b"), ("x", "y"), ("first", "second"), ("m", "n"), ("p", "q"))

QUESTIONS = ("Return True if {p}, else False.", "Return whether {p}.", "Check whether {p}.", "Return True exactly when {p}.",
             "Tell whether {p}.", "Test if {p}.", "Return True if {p} and False otherwise.", "Decide whether {p}.")
CHOICES = ("Return {a} if {p}, otherwise {b}.", "If {p}, return {a}, else return {b}.", "Return {a} when {p} and {b} otherwise.",
           "If {p}, the result is {a}; otherwise it is {b}.", "Return {b}, unless {p}: then return {a}.",
           "Give {a} if {p}, else {b}.", "When {p}, return {a}; in all other cases return {b}.")
LABELS = (("yes", "no"), ("ok", "bad"), ("big", "small"), ("hit", "miss"), ("left", "right"), ("up", "down"),
          (1, 0), (1, -1), (0, 1), (10, 20), ("a", "b"), ("on", "off"))

PAIR_OPERATIONS = (
    ("sum", "{a} + {b}", ("the sum of {a} and {b}", "{a} plus {b}")),
    ("difference", "{a} - {b}", ("{a} minus {b}", "the result of subtracting {b} from {a}")),
    ("product", "{a} * {b}", ("the product of {a} and {b}", "{a} times {b}")),
    ("larger", "max({a}, {b})", ("the larger of {a} and {b}", "the maximum of {a} and {b}")),
    ("smaller", "min({a}, {b})", ("the smaller of {a} and {b}", "the minimum of {a} and {b}")),
    ("distance", "abs({a} - {b})", ("the absolute difference of {a} and {b}", "the distance between {a} and {b}")),
    ("square_sum", "{a} ** 2 + {b} ** 2", ("the sum of the squares of {a} and {b}", "{a} squared plus {b} squared")),
    ("twice_sum", "2 * ({a} + {b})", ("twice the sum of {a} and {b}", "the doubled sum of {a} and {b}")),
)
PAIR_TESTS = (
    ("greater", "{x} > {y}", ("is greater than", "is larger than")),
    ("less", "{x} < {y}", ("is less than", "is smaller than")),
    ("equal", "{x} == {y}", ("is equal to", "equals")),
    ("not_equal", "{x} != {y}", ("is different from", "is not equal to")),
    ("at_least", "{x} >= {y}", ("is at least", "is greater than or equal to")),
    ("multiple", "{y} != 0 and {x} % {y} == 0", ("is a multiple of the nonzero number",)),
)


def draw_scalar(random: Random) -> tuple[Vocabulary, Parameter]:
    """A vocabulary and the argument for tasks on a single value."""
    if random.random() < 0.55:
        return NUMBERS, Parameter(random.choice(NUMBER_ARGUMENTS), "number")
    return TEXTS, Parameter(random.choice(TEXT_ARGUMENTS), "text")


def draw_pair(random: Random) -> tuple[Parameter, Parameter]:
    first, second = random.choice(PAIR_ARGUMENTS)
    return Parameter(first, "number"), Parameter(second, "number")


def make(level: int, key: tuple[str, ...], sentence: str, parameters: tuple[Parameter, ...], body: str,
         uses: tuple[Use, ...], random: Random) -> Task:
    """The task with a drawn name and the constants of the uses."""
    return Task(level, key, sentence, draw_entry_point(random), parameters, body,
                tuple(c for u in uses for c in u.constants))


def value_noun(chosen: Use, operand: str, random: Random) -> str:
    return chosen.fill(random.choice(chosen.atom.one), x=operand)


def clause(predicate: Use, operand: str, random: Random) -> str:
    return f"{operand} {predicate.fill(random.choice(predicate.atom.forms)[0])}"


# Level 1: one operation.

def scalar_map(random: Random) -> Task:
    vocabulary, argument = draw_scalar(random)
    chosen = use(random.choice(vocabulary.maps), random)
    sentence = opened(value_noun(chosen, argument.name, random), argument.name, random)
    return make(1, (argument.kind, f"map({chosen.name})"), sentence, (argument,),
                "return " + map_code((chosen,), argument.name), (chosen,), random)


def scalar_predicate(random: Random) -> Task:
    vocabulary, argument = draw_scalar(random)
    chosen = use(random.choice(vocabulary.predicates), random)
    sentence = random.choice(QUESTIONS).format(p=clause(chosen, argument.name, random))
    return make(1, (argument.kind, f"is({chosen.name})"), sentence, (argument,),
                "return " + chosen.fill(chosen.atom.code, x=argument.name), (chosen,), random)


def scalar_pair(random: Random) -> Task:
    """A binary operation on two arguments, such as the larger of a and b."""
    name, code, nouns = random.choice(PAIR_OPERATIONS)
    first, second = draw_pair(random)
    noun = random.choice(nouns).format(a=first.name, b=second.name)
    return make(1, ("pair", name), opened(noun, f"{first.name} and {second.name}", random), (first, second),
                "return " + code.format(a=first.name, b=second.name), (), random)


def pair_test(random: Random) -> Task:
    """A comparison of two arguments."""
    name, code, phrases = random.choice(PAIR_TESTS)
    first, second = draw_pair(random)
    sentence = random.choice(QUESTIONS).format(p=f"{first.name} {random.choice(phrases)} {second.name}")
    return make(1, ("pair", f"is({name})"), sentence, (first, second),
                "return " + code.format(x=first.name, y=second.name), (), random)


def level_1(random: Random) -> Task:
    makers = (scalar_map, scalar_predicate, scalar_pair, pair_test)
    return random.choices(makers, (20, 20, 2, 1))[0](random)


# Level 2: one choice, two steps, or two results.

def choice_body(condition: str, then: str, otherwise: str, random: Random) -> str:
    style = random.random()
    if style < 0.6:
        return f"if {condition}:\n    return {then}\nreturn {otherwise}"
    if style < 0.75:
        return f"if {condition}:\n    return {then}\nelse:\n    return {otherwise}"
    return f"return {then} if {condition} else {otherwise}"


def two_maps_of_one_type(vocabulary: Vocabulary, random: Random) -> tuple[Map, Map]:
    """Two different maps with results of one type, mostly the vocabulary's own."""
    own = vocabulary.same_type_maps()
    other = tuple(m for m in vocabulary.maps if m not in own)
    first, second = random.sample(other if len(other) > 2 and random.random() < 0.25 else own, 2)
    return first, second


def choice(random: Random) -> Task:
    """One of two values, chosen by a predicate: two mapped values, or a mapped one and the argument or a constant."""
    vocabulary, argument = draw_scalar(random)
    name = argument.name
    predicate = use(random.choice(vocabulary.predicates), random)
    first, second = (use(m, random) for m in two_maps_of_one_type(vocabulary, random))
    values = [(first.name, value_noun(first, name, random), map_code((first,), name)),
              (second.name, value_noun(second, name, random), map_code((second,), name))]
    uses = (predicate, first, second)
    shape = random.random()
    if shape < 0.5:
        unchanged = shape < 0.25 and first.atom.result == vocabulary.element
        constant = random.choice(("0", "1", "-1") if first.atom.result == "number" else ('""', '"none"', '"?"'))
        plain = ("same", f"{name} itself" if random.random() < 0.5 else f"{name} unchanged", name)
        values[1] = plain if unchanged else ("constant", constant, constant)
        uses = (predicate, first)
        random.shuffle(values)
    (one_key, one, then), (other_key, other, otherwise) = values
    sentence = random.choice(CHOICES).format(a=one, b=other, p=clause(predicate, name, random))
    condition = predicate.fill(predicate.atom.code, x=name)
    return make(2, (argument.kind, f"if({predicate.name})", one_key, other_key), sentence, (argument,),
                choice_body(condition, then, otherwise, random), uses, random)


def label(random: Random) -> Task:
    """One of two constants, chosen by a predicate."""
    vocabulary, argument = draw_scalar(random)
    predicate = use(random.choice(vocabulary.predicates), random)
    one, other = (f'"{v}"' if isinstance(v, str) else str(v) for v in random.choice(LABELS))
    sentence = random.choice(CHOICES).format(a=one, b=other, p=clause(predicate, argument.name, random))
    condition = predicate.fill(predicate.atom.code, x=argument.name)
    return make(2, (argument.kind, f"label({predicate.name})"), sentence, (argument,),
                choice_body(condition, one, other, random), (predicate,), random)


def pair_choice(random: Random) -> Task:
    """One of two operations on two arguments, chosen by comparing them."""
    first, second = draw_pair(random)
    names = {"a": first.name, "b": second.name}
    test_name, test_code, phrases = random.choice(PAIR_TESTS)
    (one_key, one_code, ones), (other_key, other_code, others) = random.sample(PAIR_OPERATIONS, 2)
    sentence = random.choice(CHOICES).format(a=random.choice(ones).format(**names),
                                             b=random.choice(others).format(**names),
                                             p=f"{first.name} {random.choice(phrases)} {second.name}")
    body = choice_body(test_code.format(x=first.name, y=second.name), one_code.format(**names),
                       other_code.format(**names), random)
    return make(2, ("pair", f"if({test_name})", one_key, other_key), sentence, (first, second), body, (), random)


def two_steps(random: Random) -> Task:
    """Two maps one after the other."""
    vocabulary, argument = draw_scalar(random)
    first = use(random.choice(vocabulary.maps), random)
    following = NUMBERS if first.atom.result == "number" else TEXTS
    second = use(random.choice([m for m in following.maps if m.name != first.name]), random)
    start = first.fill(random.choice(first.atom.act)).replace("each", argument.name, 1)
    then = second.fill(random.choice(second.atom.act)).replace("each", "the result", 1)
    sentence = random.choice(("{A}, then {b}; return the outcome.", "{A}, {b}, and return the outcome.",
                              "First {a}, then {b}. Return the outcome.", "{A} and then {b}. Return what you get.",
                              "Return what you get when you {a} and then {b}.")).format(
        A=start[0].upper() + start[1:], a=start, b=then)
    body = "return " + map_code((first, second), argument.name)
    if random.random() < 0.25:
        body = (f"result = {map_code((first,), argument.name)}\n"
                f"return {map_code((second,), 'result')}")
    return make(2, (argument.kind, f"map({first.name})", f"map({second.name})"), sentence, (argument,), body,
                (first, second), random)


def joined_predicates(random: Random) -> Task:
    """Whether both, or at least one, of two predicates hold."""
    vocabulary, argument = draw_scalar(random)
    atoms = [p for p in vocabulary.predicates if p.name != "outside"]
    first = use(random.choice(atoms), random)
    second = use(random.choice([p for p in atoms if p.family != first.atom.family]), random)
    connective = random.choice(("and", "or"))
    one, other = (p.fill(random.choice(p.atom.forms)[0]) for p in (first, second))
    joined = random.choice(("{x} {p} {c} {q}", "{x} {p} {c} {x} {q}")).format(x=argument.name, p=one, q=other, c=connective)
    codes = (p.fill(p.atom.code, x=argument.name) for p in (first, second))
    names = ",".join(sorted((first.name, second.name)))
    return make(2, (argument.kind, f"{connective}({names})"), random.choice(QUESTIONS).format(p=joined), (argument,),
                "return " + f" {connective} ".join(codes), (first, second), random)


def negated(random: Random) -> Task:
    """Whether a predicate does not hold."""
    vocabulary, argument = draw_scalar(random)
    predicate = use(random.choice(vocabulary.predicates), random)
    sentence = random.choice(("Return False if {p}, else True.", "Return False if {p} and True otherwise.",
                              "Return True unless {p}; then return False.")).format(
        p=clause(predicate, argument.name, random))
    return make(2, (argument.kind, f"not({predicate.name})"), sentence, (argument,),
                f"return not ({predicate.fill(predicate.atom.code, x=argument.name)})", (predicate,), random)


def two_results(random: Random) -> Task:
    """A tuple or a list of two values of one argument, or of two operations on two arguments."""
    if random.random() < 0.7:
        vocabulary, argument = draw_scalar(random)
        uses = tuple(use(m, random) for m in random.sample(vocabulary.maps, 2))
        parameters: tuple[Parameter, ...] = (argument,)
        nouns = [value_noun(u, argument.name, random) for u in uses]
        codes = [map_code((u,), argument.name) for u in uses]
        names = [f"map({u.name})" for u in uses]
    else:
        parameters = draw_pair(random)
        fields = {"a": parameters[0].name, "b": parameters[1].name}
        operations = random.sample(PAIR_OPERATIONS, 2)
        uses = ()
        nouns = [random.choice(forms).format(**fields) for _, _, forms in operations]
        codes = [code.format(**fields) for _, code, _ in operations]
        names = [name for name, _, _ in operations]
    container, opening, closing = random.choice((("tuple", "(", ")"), ("tuple", "(", ")"), ("list", "[", "]")))
    sentence = random.choice(("Return a {c} with two items: {a}, and {b}.",
                              "Return a {c} whose first item is {a} and whose second item is {b}.",
                              "Return a {c} of two values, first {a}, then {b}.",
                              "Compute {a}, and {b}, and return the two in a {c}.")).format(
        c=container, a=nouns[0], b=nouns[1])
    return make(2, (parameters[0].kind if len(parameters) == 1 else "pair", container, *names), sentence, parameters,
                f"return {opening}{codes[0]}, {codes[1]}{closing}", uses, random)


SCALAR_MAKERS = {choice: 26, label: 6, pair_choice: 7, two_steps: 12, joined_predicates: 12, negated: 3, two_results: 10}
