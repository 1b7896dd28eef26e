"""How tasks of levels 1 to 5 are composed."""

from random import Random

from .atoms import NUMBER_REDUCERS, VOCABULARIES, Predicate, Reducer, Use, use
from .pipeline import ENTRY_POINTS, Pipeline, Source, draw_default, map_code, reducers_after
from .task import Parameter, Task

NUMBER_ARGUMENTS = ("n", "x", "number", "value")
TEXT_ARGUMENTS = ("text", "string", "word", "s")
PAIR_ARGUMENTS = (("a", "b"), ("x", "y"), ("first", "second"))
LIMIT_ARGUMENTS = ("k", "limit", "bound")


# Level 1: one operation on a number or a text.

def draw_scalar(random: Random) -> tuple[str, str, str]:
    """A vocabulary, an argument name and its kind for tasks on a single value."""
    if random.random() < 0.55:
        return "numbers", random.choice(NUMBER_ARGUMENTS), "number"
    return "words", random.choice(TEXT_ARGUMENTS), "text"


def scalar_map(random: Random) -> Task:
    vocabulary, name, kind = draw_scalar(random)
    chosen = use(random.choice(VOCABULARIES[vocabulary].maps), random)
    sentence = "Return " + chosen.fill(random.choice(chosen.atom.one), x=name) + "."
    return Task(1, (kind, f"map({chosen.name})"), sentence, random.choice(ENTRY_POINTS), (Parameter(name, kind),),
                "return " + map_code((chosen,), name), chosen.constants)


def scalar_predicate(random: Random) -> Task:
    vocabulary, name, kind = draw_scalar(random)
    chosen = use(random.choice(VOCABULARIES[vocabulary].predicates), random)
    pattern = random.choice(("Return True if {p}, else False.", "Return whether {p}.", "Check whether {p}."))
    sentence = pattern.format(p=f"{name} {chosen.fill(random.choice(chosen.atom.forms)[0])}")
    return Task(1, (kind, f"is({chosen.name})"), sentence, random.choice(ENTRY_POINTS), (Parameter(name, kind),),
                "return " + chosen.fill(chosen.atom.code, x=name), chosen.constants)


PAIR_OPERATIONS = (
    ("sum", "{a} + {b}", ("the sum of {a} and {b}", "{a} plus {b}")),
    ("difference", "{a} - {b}", ("{a} minus {b}", "the difference of {a} and {b}")),
    ("product", "{a} * {b}", ("the product of {a} and {b}", "{a} times {b}")),
    ("larger", "max({a}, {b})", ("the larger of {a} and {b}", "the maximum of {a} and {b}")),
    ("smaller", "min({a}, {b})", ("the smaller of {a} and {b}", "the minimum of {a} and {b}")),
    ("distance", "abs({a} - {b})", ("the absolute difference of {a} and {b}", "the distance between {a} and {b}")),
)


def scalar_pair(random: Random) -> Task:
    """A binary operation on two arguments, such as the larger of a and b."""
    name, code, nouns = random.choice(PAIR_OPERATIONS)
    first, second = random.choice(PAIR_ARGUMENTS)
    noun = random.choice(nouns).format(a=first, b=second)
    return Task(1, ("pair", name), f"Return {noun}.", random.choice(ENTRY_POINTS),
                (Parameter(first, "number"), Parameter(second, "number")),
                "return " + code.format(a=first, b=second))


def level_1(random: Random) -> Task:
    return random.choices((scalar_map, scalar_predicate, scalar_pair), (10, 10, 1))[0](random)


# Level 2: one filter, map or reduction over a sequence, or one choice.

def draw_source(random: Random, ranges: bool = True) -> Source:
    kinds, weights = ("numbers", "words", "characters", "range"), (45, 30, 20, 12 if ranges else 0)
    return Source.draw(random.choices(kinds, weights)[0], random)


def plain_reducers(reducers: tuple[Reducer, ...]) -> list[Reducer]:
    """Reducers that need neither a default nor a loop."""
    return [r for r in reducers if not r.default and not r.loop_only and r.name != "list"]


def named(reducers: tuple[Reducer, ...], name: str) -> Use:
    return Use(next(r for r in reducers if r.name == name))


def only_filter(random: Random) -> Task:
    source = draw_source(random)
    predicate = use(random.choice(source.vocabulary.predicates), random)
    reducer = named(source.vocabulary.reducers, random.choice(("list", "count")))
    return Pipeline(source, (predicate,), (), reducer).task(2, random)


def only_map(random: Random) -> Task:
    source = draw_source(random)
    chosen = use(random.choice(source.vocabulary.maps), random)
    reducers = reducers_after(source.vocabulary, (chosen,))
    return Pipeline(source, (), (chosen,), named(reducers, "list")).task(2, random)


def only_reduce(random: Random) -> Task:
    source = draw_source(random, ranges=False)
    reducer = use(random.choice([r for r in source.vocabulary.reducers if r.name != "list"]), random)
    return Pipeline(source, (), (), reducer, default=draw_default(reducer.atom, random)).task(2, random)


def every_or_some(random: Random) -> Task:
    """Whether all or any of the elements satisfy a predicate."""
    source = draw_source(random)
    predicate = use(random.choice(source.vocabulary.predicates), random)
    quantifier = random.choice(("all", "any", "none"))
    plural = predicate.fill(random.choice(predicate.atom.forms)[1])
    pattern = random.choice(("Return True if {q} of {s} {p}, else False.", "Check whether {q} of {s} {p}.",
                             "Return whether {q} of {s} {p}."))
    code = {"all": "return all({g})", "any": "return any({g})", "none": "return not any({g})"}[quantifier]
    generator = f"{predicate.fill(predicate.atom.code, x=source.variable)} for {source.variable} in {source.iterable}"
    return Task(2, (source.kind, f"{quantifier}({predicate.name})"),
                pattern.format(q=quantifier, s=source.noun, p=plural), random.choice(ENTRY_POINTS),
                (source.parameter,), code.format(g=generator), predicate.constants)


def choice(random: Random) -> Task:
    """One of two values by a predicate on a number or a text."""
    vocabulary, name, kind = draw_scalar(random)
    atoms = VOCABULARIES[vocabulary]
    predicate = use(random.choice(atoms.predicates), random)
    first, second = (use(m, random) for m in random.sample(atoms.same_type_maps(), 2))
    condition = predicate.fill(predicate.atom.code, x=name)
    clause = f"{name} {predicate.fill(random.choice(predicate.atom.forms)[0])}"
    one, other = (u.fill(random.choice(u.atom.one), x=name) for u in (first, second))
    sentence = random.choice(("Return {a} if {p}, otherwise {b}.", "If {p}, return {a}, else return {b}.")).format(
        a=one, b=other, p=clause)
    then, otherwise = map_code((first,), name), map_code((second,), name)
    if random.random() < 0.75:
        body = f"if {condition}:\n    return {then}\nreturn {otherwise}"
    else:
        body = f"return {then} if {condition} else {otherwise}"
    return Task(2, (kind, f"if({predicate.name})", first.name, second.name), sentence, random.choice(ENTRY_POINTS),
                (Parameter(name, kind),), body, predicate.constants + first.constants + second.constants)


def level_2(random: Random) -> Task:
    makers = (only_filter, only_map, only_reduce, every_or_some, choice)
    return random.choices(makers, (25, 20, 20, 15, 35))[0](random)


# Level 3: filter and map, or one of them with a reducer.

def filter_and_map(random: Random, source: Source) -> Task:
    predicate = use(random.choice(source.vocabulary.predicates), random)
    chosen = use(random.choice(source.vocabulary.maps), random)
    reducer = named(reducers_after(source.vocabulary, (chosen,)), "list")
    return Pipeline(source, (predicate,), (chosen,), reducer).task(3, random)


def filter_and_reduce(random: Random, source: Source) -> Task:
    predicate = use(random.choice(source.vocabulary.predicates), random)
    reducer = use(random.choice(plain_reducers(source.vocabulary.reducers)), random)
    return Pipeline(source, (predicate,), (), reducer).task(3, random)


def map_and_reduce(random: Random, source: Source) -> Task:
    chosen = use(random.choice(source.vocabulary.maps), random)
    reducer = use(random.choice(plain_reducers(reducers_after(source.vocabulary, (chosen,)))), random)
    return Pipeline(source, (), (chosen,), reducer).task(3, random)


def level_3(random: Random) -> Task:
    maker = random.choices((filter_and_map, filter_and_reduce, map_and_reduce), (40, 30, 30))[0]
    return maker(random, draw_source(random))


# Level 4: filter, map and reduce, with defaults for the empty case and loops.

def level_4(random: Random) -> Task:
    source = draw_source(random)
    shape = random.choices(("both", "filter", "map"), (70, 15, 15))[0]
    predicates = (use(random.choice(source.vocabulary.predicates), random),) if shape != "map" else ()
    maps = (use(random.choice(source.vocabulary.maps), random),) if shape != "filter" else ()
    reducers = reducers_after(source.vocabulary, maps)
    if shape == "both":
        allowed = [r for r in reducers if r.name != "list"]
    else:
        allowed = [r for r in reducers if r.default or r.loop_only] or [r for r in reducers if r.default]
    reducer = use(random.choice(allowed), random)
    default = draw_default(reducer.atom, random)
    return Pipeline(source, predicates, maps, reducer, default=default).task(4, random)


# Level 5: two predicates or two maps, dictionaries, two arguments.

def two_predicates(random: Random) -> Task:
    source = draw_source(random)
    atoms = [p for p in source.vocabulary.predicates if p.name != "outside"]
    first = random.choice(atoms)
    second = random.choice([p for p in atoms if p.family != first.family])
    maps = (use(random.choice(source.vocabulary.maps), random),) if random.random() < 0.4 else ()
    reducer = use(random.choice(reducers_after(source.vocabulary, maps)), random)
    return Pipeline(source, (use(first, random), use(second, random)), maps, reducer, random.choice(("and", "or")),
                    draw_default(reducer.atom, random)).task(5, random)


def two_maps(random: Random) -> Task:
    source = draw_source(random)
    if source.kind == "characters":
        source = Source.draw("words", random)
    first = random.choice(source.vocabulary.same_type_maps())
    second = random.choice([m for m in source.vocabulary.maps if m.name != first.name])
    maps = (use(first, random), use(second, random))
    predicates = (use(random.choice(source.vocabulary.predicates), random),) if random.random() < 0.4 else ()
    reducer = use(random.choice(reducers_after(source.vocabulary, maps)), random)
    return Pipeline(source, predicates, maps, reducer, default=draw_default(reducer.atom, random)).task(5, random)


def dictionary(random: Random) -> Task:
    """A dictionary from elements to mapped elements, of counts, or of groups."""
    source = draw_source(random)
    predicates = (use(random.choice(source.vocabulary.predicates), random),) if random.random() < 0.6 else ()
    chosen = use(random.choice(source.vocabulary.maps), random)
    variable = source.variable
    pipeline = Pipeline(source, predicates, (chosen,), named(NUMBER_REDUCERS, "list"))
    elements = pipeline.filtered_noun(random)
    mapped = chosen.fill(random.choice(chosen.atom.one), x=variable)
    kind = random.choice(("mapping", "counter", "groups"))
    filtering = f"if {pipeline.condition()}:" if predicates else ""
    if kind == "mapping":
        sentence = f"Return a dictionary that maps each {variable} of {elements} to {mapped}."
        condition = f" if {pipeline.condition()}" if predicates else ""
        body = f"return {{{variable}: {pipeline.value()} for {variable} in {source.iterable}{condition}}}"
    elif kind == "counter":
        sentence = random.choice(("Return a dictionary that counts each of {e}.",
                                  "Return a dictionary with how often each of {e} occurs.")).format(
            e=pipeline.mapped_noun(random))
        update = f"key = {pipeline.value()}\ncounts[key] = counts.get(key, 0) + 1"
        body = loop("counts = {}", source, filtering, update, "return counts")
    else:
        sentence = f"Group {elements} into a dictionary of lists where the key of {variable} is {mapped}."
        update = f"groups.setdefault({pipeline.value()}, []).append({variable})"
        body = loop("groups = {}", source, filtering, update, "return groups")
    return Task(5, (source.kind, kind, *(f"if({p.name})" for p in predicates), f"map({chosen.name})"), sentence,
                random.choice(ENTRY_POINTS), (source.parameter,), body, pipeline.constants())


def loop(initial: str, source: Source, condition: str, update: str, final: str) -> str:
    """A loop over the source around an optional condition."""
    lines = update.splitlines()
    if condition:
        lines = [condition] + ["    " + line for line in lines]
    header = f"for {source.variable} in {source.iterable}:"
    return "\n".join([initial, header, *("    " + line for line in lines), final])


def argument_constant(random: Random) -> Task:
    """A pipeline one of whose constants is a second argument."""
    source = draw_source(random, ranges=False)
    kinds = ("small", "modulus", "digit", "length", "letter")
    name = random.choice(LIMIT_ARGUMENTS)
    by_predicate = random.random() < 0.6
    atoms = source.vocabulary.predicates if by_predicate else source.vocabulary.maps
    atom = random.choice([a for a in atoms if a.constant in kinds])
    if atom.constant == "letter":
        name = random.choice(("letter", "char"))
    chosen = Use(atom).named(name)
    if by_predicate:
        predicates, maps = (chosen,), ()
        if random.random() < 0.5:
            maps = (use(random.choice(source.vocabulary.maps), random),)
    else:
        predicates, maps = (), (chosen,)
        if random.random() < 0.5:
            predicates = (use(random.choice(source.vocabulary.predicates), random),)
    reducer = use(random.choice(reducers_after(source.vocabulary, maps)), random)
    return Pipeline(source, predicates, maps, reducer, default=draw_default(reducer.atom, random)).task(
        5, random, extra=(Parameter(name, atom.constant),))


PAIR_TESTS = (
    ("greater", "{x} > {y}", "is greater than"),
    ("less", "{x} < {y}", "is less than"),
    ("equal", "{x} == {y}", "is equal to"),
    ("not_equal", "{x} != {y}", "is different from"),
)


def two_lists(random: Random) -> Task:
    """Pairs of elements of two lists, or elements of one list that are (not) in another."""
    first, second = random.choice((("a", "b"), ("xs", "ys"), ("left", "right")))
    parameters = (Parameter(first, "small_numbers"), Parameter(second, "small_numbers"))
    entry_point = random.choice(ENTRY_POINTS)
    shape = random.choice(("pairs", "where", "membership"))
    if shape == "membership":
        return membership(random, first, second)
    operation, code, nouns = random.choice(PAIR_OPERATIONS)
    reducer = use(random.choice([r for r in NUMBER_REDUCERS if r.maps and not r.loop_only]), random)
    default = draw_default(reducer.atom, random)
    condition, clause, test = "", "", ()
    if shape == "where":
        test_name, test_code, phrase = random.choice(PAIR_TESTS)
        condition = " if " + test_code.format(x="x", y="y")
        clause = f" where x {phrase} y"
        test = (f"if({test_name})",)
    generator = f"{code.format(a='x', b='y')} for x, y in zip({first}, {second}){condition}"
    noun = reducer.fill(random.choice(reducer.atom.noun),
                        x=f"{plural(random.choice(nouns))} for the pairs x, y of {first} and {second}{clause}")
    ending = f", or {default} if there are none" if default else ""
    body = reducer.fill(reducer.atom.body, gen=generator, lst=f"[{generator}]", d=default)
    return Task(5, ("zip", operation, *test, reducer.name), f"Return {noun}{ending}.", entry_point, parameters, body,
                reducer.constants)


def plural(noun: str) -> str:
    """The noun phrase of a pair operation for many pairs."""
    return "the values of " + noun.format(a="x", b="y")


def membership(random: Random, first: str, second: str) -> Task:
    negated = random.random() < 0.5
    atoms = VOCABULARIES["numbers"]
    maps = (use(random.choice(atoms.maps), random),) if random.random() < 0.6 else ()
    reducer = use(random.choice(reducers_after(atoms, maps)), random)
    source = Source("numbers", first, f"the elements of {first}")
    test = Predicate("not_in" if negated else "in", "member", f"{{x}} {'not in' if negated else 'in'} {second}",
                     ((f"is {'not ' if negated else ''}in {second}", f"are {'not ' if negated else ''}in {second}"),))
    pipeline = Pipeline(source, (Use(test),), maps, reducer, default=draw_default(reducer.atom, random))
    task = pipeline.task(5, random)
    parameters = (Parameter(first, "small_numbers"), Parameter(second, "small_numbers"))
    return Task(5, ("two_lists", *task.key[1:]), task.sentence, task.entry_point, parameters, task.body, task.constants)


def level_5(random: Random) -> Task:
    makers = (two_predicates, two_maps, dictionary, argument_constant, two_lists)
    return random.choices(makers, (30, 20, 20, 20, 15))[0](random)
