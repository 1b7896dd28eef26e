"""How tasks over sequences are composed: levels 2 to 5."""

from random import Random

from .atoms import Predicate, Reducer, Use, use
from .names import draw_entry_point
from .number_atoms import NUMBER_REDUCERS
from .pipeline import EACH, Pipeline, Source, draw_default, map_code, opened, reducers_after
from .scalars import PAIR_OPERATIONS, PAIR_TESTS, SCALAR_MAKERS, clause, draw_scalar, make, value_noun
from .tables import TABLE_MAKERS_2, TABLE_MAKERS_3, TABLE_MAKERS_5
from .task import Parameter, Task
from .vocabularies import VOCABULARIES

LIMIT_ARGUMENTS = ("k", "limit", "bound")


def draw_maker(makers: dict, random: Random):
    """One of the makers, drawn by their weights."""
    return random.choices(tuple(makers), tuple(makers.values()))[0]


# Level 2: one filter, map or reduction over a sequence, or one choice.

def draw_source(random: Random, ranges: bool = True) -> Source:
    kinds, weights = (("numbers", "words", "characters", "sentence", "entries", "range"),
                      (42, 24, 18, 10, 8, 12 if ranges else 0))
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


def without(random: Random) -> Task:
    """The elements that do not satisfy a predicate."""
    source = draw_source(random, ranges=False)
    predicate = use(random.choice(source.vocabulary.predicates), random)
    plural = predicate.fill(random.choice(predicate.atom.forms)[1])
    sentence = random.choice(("Return a list of {s}, leaving out those that {p}.",
                              "Drop those of {s} that {p} and return the list of the others.",
                              "Remove all of {s} that {p}; return the rest as a list.")).format(s=source.noun, p=plural)
    condition = predicate.fill(predicate.atom.code, x=source.variable)
    return make(2, (source.kind, f"without({predicate.name})"), sentence, (source.parameter,),
                f"return [{source.variable} for {source.variable} in {source.iterable} if not ({condition})]",
                (predicate,), random)


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
    """Whether all, any or none of the elements satisfy a predicate."""
    source = draw_source(random)
    predicate = use(random.choice(source.vocabulary.predicates), random)
    quantifier = random.choice(("all", "any", "none"))
    plural = predicate.fill(random.choice(predicate.atom.forms)[1])
    pattern = random.choice(("Return True if {q} of {s} {p}, else False.", "Check whether {q} of {s} {p}.",
                             "Return whether {q} of {s} {p}.", "Tell whether {q} of {s} {p}.",
                             "Return True if {q} of {s} {p} and False otherwise.", "Test if {q} of {s} {p}."))
    code = {"all": "return all({g})", "any": "return any({g})", "none": "return not any({g})"}[quantifier]
    generator = f"{predicate.fill(predicate.atom.code, x=source.variable)} for {source.variable} in {source.iterable}"
    return Task(2, (source.kind, f"{quantifier}({predicate.name})"),
                pattern.format(q=quantifier, s=source.noun, p=plural), draw_entry_point(random),
                (source.parameter,), code.format(g=generator), predicate.constants)


def level_2(random: Random) -> Task:
    makers = {only_filter: 14, without: 4, only_map: 12, only_reduce: 10, every_or_some: 11}
    return draw_maker(makers | SCALAR_MAKERS | TABLE_MAKERS_2, random)(random)


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


def each_choice(random: Random) -> Task:
    """For each element one of two values, chosen by a predicate; at most one of them is the element itself."""
    source = draw_source(random)
    predicate = use(random.choice(source.vocabulary.predicates), random)
    first, second = (use(m, random) for m in random.sample(source.vocabulary.same_type_maps(), 2))
    x = source.variable
    one, then = value_noun(first, x, random), map_code((first,), x)
    other, otherwise = value_noun(second, x, random), map_code((second,), x)
    uses, keys = (predicate, first, second), (first.name, second.name)
    if random.random() < 0.4:
        other, otherwise, uses, keys = f"{x} itself", x, (predicate, first), (first.name, "same")
    each = random.choice(EACH[source.kind]).format(a=source.argument)
    sentence = random.choice(("For each {e} take {a} if {p}, otherwise {b}; return the list.",
                              "Return a list with, for each {e}, {a} if {p} and {b} otherwise.",
                              "For each {e}: if {p}, take {a}, else take {b}. Return the results in a list.")).format(
        e=each, a=one, b=other, p=clause(predicate, x, random))
    condition = predicate.fill(predicate.atom.code, x=x)
    return make(3, (source.kind, f"each({predicate.name})", *keys), sentence, (source.parameter,),
                f"return [{then} if {condition} else {otherwise} for {x} in {source.iterable}]", uses, random)


def level_3(random: Random) -> Task:
    makers = {filter_and_map: 38, filter_and_reduce: 28, map_and_reduce: 28}
    maker = draw_maker(makers | {each_choice: 10} | TABLE_MAKERS_3, random)
    return maker(random, draw_source(random)) if maker in makers else maker(random)


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
        source = Source.draw(random.choice(("words", "sentence")), random)
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
        sentence = random.choice(("Return a dictionary that maps each {x} of {e} to {m}.",
                                  "Build a dictionary: for each {x} of {e}, its key is {x} and its value is {m}.",
                                  "Return a dictionary from each {x} of {e} to {m}.")).format(
            x=variable, e=elements, m=mapped)
        condition = f" if {pipeline.condition()}" if predicates else ""
        body = f"return {{{variable}: {pipeline.value()} for {variable} in {source.iterable}{condition}}}"
    elif kind == "counter":
        sentence = random.choice(("Return a dictionary that counts each of {e}.",
                                  "Return a dictionary with how often each of {e} occurs.",
                                  "Count {e}: return a dictionary from each to how often it occurs.",
                                  "Return a dictionary of the counts of {e}.")).format(
            e=pipeline.mapped_noun(random))
        update = f"key = {pipeline.value()}\ncounts[key] = counts.get(key, 0) + 1"
        body = loop("counts = {}", source, filtering, update, "return counts")
    else:
        sentence = random.choice(("Group {e} into a dictionary of lists where the key of {x} is {m}.",
                                  "Return a dictionary of lists that groups {e}; the key of {x} is {m}.",
                                  "Return a dictionary that puts each {x} of {e} into the list under {m}.")).format(
            x=variable, e=elements, m=mapped)
        update = f"groups.setdefault({pipeline.value()}, []).append({variable})"
        body = loop("groups = {}", source, filtering, update, "return groups")
    return Task(5, (source.kind, kind, *(f"if({p.name})" for p in predicates), f"map({chosen.name})"), sentence,
                draw_entry_point(random), (source.parameter,), body, pipeline.constants())


def loop(initial: str, source: Source, condition: str, update: str, final: str) -> str:
    """A loop over the source, with an optional condition around the update."""
    lines = update.splitlines()
    if condition:
        lines = [condition] + ["    " + line for line in lines]
    header = f"for {source.variable} in {source.iterable}:"
    return "\n".join([initial, header, *("    " + line for line in lines), final])


def argument_constant(random: Random) -> Task:
    """A pipeline with a second argument in place of one constant."""
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


def two_lists(random: Random) -> Task:
    """Pairs of elements of two lists, or elements of one list that are (not) in another."""
    first, second = random.choice((("a", "b"), ("xs", "ys"), ("left", "right")))
    parameters = (Parameter(first, "small_numbers"), Parameter(second, "small_numbers"))
    shape = random.choice(("pairs", "where", "membership"))
    if shape == "membership":
        return membership(random, first, second)
    operation, code, nouns = random.choice(PAIR_OPERATIONS)
    reducer = use(random.choice([r for r in NUMBER_REDUCERS if r.maps and not r.loop_only]), random)
    default = draw_default(reducer.atom, random)
    condition, where, test = "", "", ()
    if shape == "where":
        test_name, test_code, phrases = random.choice(PAIR_TESTS)
        condition = " if " + test_code.format(x="x", y="y")
        where = f" where x {random.choice(phrases)} y"
        test = (f"if({test_name})",)
    generator = f"{code.format(a='x', b='y')} for x, y in zip({first}, {second}){condition}"
    noun = reducer.fill(random.choice(reducer.atom.noun),
                        x=f"{plural(random.choice(nouns))} for the pairs x, y of {first} and {second}{where}")
    ending = f", or {default} if there are none" if default else ""
    body = reducer.fill(reducer.atom.body, gen=generator, lst=f"[{generator}]", d=default)
    return make(5, ("zip", operation, *test, reducer.name), opened(noun + ending, f"{first} and {second}", random),
                parameters, body, (reducer,), random)


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


def sorted_by(random: Random) -> Task:
    """The elements ordered by a mapped value, or the first one with the largest or smallest mapped value."""
    source = draw_source(random)
    chosen = use(random.choice([m for m in source.vocabulary.maps if m.result == "number"]), random)
    predicates = (use(random.choice(source.vocabulary.predicates), random),) if random.random() < 0.5 else ()
    pipeline = Pipeline(source, predicates, (), Use(NUMBER_REDUCERS[0]))
    elements, items, x = pipeline.filtered_noun(random), pipeline.list_code(), source.variable
    by, code = value_noun(chosen, x, random), map_code((chosen,), x)
    shape = random.choice(("ascending", "descending", "largest", "smallest"))
    if shape in ("ascending", "descending"):
        order = "from smallest to largest" if shape == "ascending" else "from largest to smallest"
        sentence = random.choice(("Return a list of {e}, each {x} ordered by {b}, {o}, ties in their given order.",
                                  "Sort {e} by {b} for each {x}, {o} (ties keep their order); return the list.")).format(
            e=elements, x=x, b=by, o=order)
        reverse = ", reverse=True" if shape == "descending" else ""
        body = f"return sorted({items}, key=lambda {x}: {code}{reverse})"
    else:
        sentence = random.choice(("Return the first {x} of {e} for which {b} is {s}, or None if there are none.",
                                  "Among {e} find the {x} for which {b} is {s} (the first if tied, None if none).")).format(
            x=x, e=elements, b=by, s=shape)
        function = "max" if shape == "largest" else "min"
        body = f"return {function}({items}, key=lambda {x}: {code}, default=None)"
    return make(5, (source.kind, shape, *(f"if({p.name})" for p in predicates), f"by({chosen.name})"), sentence,
                (source.parameter,), body, (*predicates, chosen), random)


def three_way(random: Random) -> Task:
    """One of three values, chosen by two predicates on one argument."""
    vocabulary, argument = draw_scalar(random)
    name = argument.name
    first = use(random.choice(vocabulary.predicates), random)
    second = use(random.choice([p for p in vocabulary.predicates if p.family != first.atom.family]), random)
    maps = [use(m, random) for m in random.sample(vocabulary.same_type_maps(), 3)]
    nouns, codes = [value_noun(m, name, random) for m in maps], [map_code((m,), name) for m in maps]
    conditions = [p.fill(p.atom.code, x=name) for p in (first, second)]
    sentence = random.choice(("If {p}, return {a}; else if {q}, return {b}; otherwise return {c}.",
                              "Return {a} if {p}; if not, return {b} if {q}, and {c} otherwise.",
                              "If {p}, give {a}. If not, but {q}, give {b}. In all other cases give {c}.")).format(
        p=clause(first, name, random), q=clause(second, name, random), a=nouns[0], b=nouns[1], c=nouns[2])
    keyword = random.choice(("if", "elif"))
    body = (f"if {conditions[0]}:\n    return {codes[0]}\n{keyword} {conditions[1]}:\n    return {codes[1]}\n"
            f"return {codes[2]}")
    return make(5, (argument.kind, f"if({first.name})", f"elif({second.name})", *(m.name for m in maps)), sentence,
                (argument,), body, (first, second, *maps), random)


def choice_and_reduce(random: Random) -> Task:
    """The sum or product over the elements of one of two mapped values, chosen by a predicate."""
    source = Source.draw(random.choice(("numbers", "entries", "range")), random)
    predicate = use(random.choice(source.vocabulary.predicates), random)
    first, second = (use(m, random) for m in random.sample(source.vocabulary.same_type_maps(), 2))
    one, other = (value_noun(u, "x", random) for u in (first, second))
    then, otherwise = (map_code((u,), "x") for u in (first, second))
    each = random.choice(EACH[source.kind]).format(a=source.argument)
    name, noun, initial, update = random.choice((("sum", "the sum", "total = 0", "total += {v}"),
                                                 ("product", "the product", "total = 1", "total *= {v}")))
    sentence = random.choice(("Return {n} of, for each {e}, {a} if {p} and {b} otherwise.",
                              "For each {e} take {a} if {p}, otherwise {b}. Return {n} of these.",
                              "Go through each {e}: take {a} if {p}, else {b}; return {n} of all that was taken.")).format(
        n=noun, e=each, a=one, b=other, p=clause(predicate, "x", random))
    condition = predicate.fill(predicate.atom.code, x="x")
    if name == "sum" and random.random() < 0.5:
        body = f"return sum({then} if {condition} else {otherwise} for x in {source.iterable})"
    else:
        body = "\n".join((initial, f"for x in {source.iterable}:", f"    if {condition}:",
                          "        " + update.format(v=then), "    else:", "        " + update.format(v=otherwise),
                          "return total"))
    return make(5, (source.kind, name, f"each({predicate.name})", first.name, second.name), sentence,
                (source.parameter,), body, (predicate, first, second), random)


def level_5(random: Random) -> Task:
    makers = {two_predicates: 26, two_maps: 18, dictionary: 18, argument_constant: 18, two_lists: 13, sorted_by: 10,
              three_way: 8, choice_and_reduce: 8}
    return draw_maker(makers | TABLE_MAKERS_5, random)(random)
