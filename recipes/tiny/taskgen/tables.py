"""Tasks on dictionaries from words to integers and on lists of (word, integer) tuples."""

from random import Random

from .atoms import Use, use
from .pipeline import map_code
from .scalars import clause, make, value_noun
from .task import Parameter, Task
from .vocabularies import NUMBERS, TEXTS

TABLE_ARGUMENTS = ("scores", "table", "prices", "ages", "stock")
PAIRS_ARGUMENTS = ("pairs", "entries", "rows", "records")
KEY_ARGUMENTS = ("key", "name", "word")


class Holder:
    """A dictionary or a list of tuples: its argument and how to go through it.

    A key or first item is called `k`, a value or second item `v`, in sentences as in code.
    """

    def __init__(self, random: Random) -> None:
        self.kind = random.choice(("table", "table", "pairs"))
        if self.kind == "table":
            self.argument = random.choice(TABLE_ARGUMENTS)
            self.each = random.choice(("key k and value v of the dictionary {a}",
                                       "entry k: v of the dictionary {a}")).format(a=self.argument)
            self.iterable = f"{self.argument}.items()"
        else:
            self.argument = random.choice(PAIRS_ARGUMENTS)
            self.each = random.choice(("tuple (k, v) in the list {a}", "pair k, v of the list {a}")).format(a=self.argument)
            self.iterable = self.argument

    @property
    def parameter(self) -> Parameter:
        return Parameter(self.argument, self.kind)


def part_predicate(random: Random) -> tuple[str, Use]:
    """A part, k or v, and a predicate for it."""
    if random.random() < 0.65:
        return "v", use(random.choice(NUMBERS.predicates), random)
    return "k", use(random.choice(TEXTS.predicates), random)


def part_map(random: Random) -> tuple[str, Use]:
    if random.random() < 0.6:
        return "v", use(random.choice(NUMBERS.maps), random)
    return "k", use(random.choice(TEXTS.maps), random)


COLLECTING = ("For each {e} where {p}, take {m}; return the list.",
              "Return a list of {m} for each {e} where {p}.",
              "Return the list that has {m} for each {e} for which {p}.")
COLLECTING_ALL = ("For each {e}, take {m}; return the list.", "Return a list of {m} for each {e}.",
                  "Return the list that has {m} for each {e}.")
MAPPING = ("Return a dictionary from {k} to {v} for each {e}{p}.",
           "Build a dictionary with key {k} and value {v} for each {e}{p}, and return it.")


def project(random: Random) -> Task:
    """The keys or the values of the entries that satisfy a predicate on either part."""
    holder = Holder(random)
    part, predicate = part_predicate(random)
    taken = random.choice(("k", "v"))
    sentence = random.choice(COLLECTING).format(e=holder.each, p=clause(predicate, part, random), m=taken)
    condition = predicate.fill(predicate.atom.code, x=part)
    return make(2, (holder.kind, taken, f"if({part},{predicate.name})"), sentence, (holder.parameter,),
                f"return [{taken} for k, v in {holder.iterable} if {condition}]", (predicate,), random)


def mapped_parts(random: Random) -> Task:
    """A list of a mapped part of every entry."""
    holder = Holder(random)
    part, chosen = part_map(random)
    sentence = random.choice(COLLECTING_ALL).format(e=holder.each, m=value_noun(chosen, part, random))
    return make(2, (holder.kind, f"map({part},{chosen.name})"), sentence, (holder.parameter,),
                f"return [{map_code((chosen,), part)} for k, v in {holder.iterable}]", (chosen,), random)


def keep_entries(random: Random) -> Task:
    """The dictionary of the entries that satisfy a predicate."""
    holder = Holder(random)
    part, predicate = part_predicate(random)
    sentence = random.choice(MAPPING).format(k="k", v="v", e=holder.each, p=f" where {clause(predicate, part, random)}")
    condition = predicate.fill(predicate.atom.code, x=part)
    return make(2, (holder.kind, "keep", f"if({part},{predicate.name})"), sentence, (holder.parameter,),
                f"return {{k: v for k, v in {holder.iterable} if {condition}}}", (predicate,), random)


def map_values(random: Random) -> Task:
    """The dictionary with a mapped value for each key."""
    holder = Holder(random)
    chosen = use(random.choice(NUMBERS.maps), random)
    sentence = random.choice(MAPPING).format(k="k", v=value_noun(chosen, "v", random), e=holder.each, p="")
    return make(2, (holder.kind, f"values({chosen.name})"), sentence, (holder.parameter,),
                f"return {{k: {map_code((chosen,), 'v')} for k, v in {holder.iterable}}}", (chosen,), random)


def lookup(random: Random) -> Task:
    """The mapped value of a key, or a default when it is absent."""
    table, key = random.choice(TABLE_ARGUMENTS), random.choice(KEY_ARGUMENTS)
    default = random.choice(("0", "-1", "None"))
    chosen = use(random.choice(NUMBERS.maps), random)
    found = f"{table}[{key}]"
    sentence = random.choice(("Return {m} if {k} is a key of the dictionary {t}, otherwise {d}.",
                              "Let v be the value of {k} in the dictionary {t}. Return {w}, or {d} if {k} is not a key.",
                              )).format(m=value_noun(chosen, found, random), w=value_noun(chosen, "v", random), k=key,
                                        t=table, d=default)
    body = random.choice((f"if {key} not in {table}:\n    return {default}\nreturn {map_code((chosen,), found)}",
                          f"if {key} in {table}:\n    return {map_code((chosen,), found)}\nreturn {default}"))
    return make(2, ("table", "lookup", f"map({chosen.name})"), sentence,
                (Parameter(table, "table"), Parameter(key, "key")), body, (chosen,), random)


def filter_and_map_parts(random: Random) -> Task:
    """A list of a mapped part of the entries that satisfy a predicate."""
    holder = Holder(random)
    part, predicate = part_predicate(random)
    other, chosen = part_map(random)
    sentence = random.choice(COLLECTING).format(e=holder.each, p=clause(predicate, part, random),
                                                m=value_noun(chosen, other, random))
    condition = predicate.fill(predicate.atom.code, x=part)
    return make(3, (holder.kind, f"if({part},{predicate.name})", f"map({other},{chosen.name})"), sentence,
                (holder.parameter,), f"return [{map_code((chosen,), other)} for k, v in {holder.iterable} if {condition}]",
                (predicate, chosen), random)


def total_of_parts(random: Random) -> Task:
    """The sum of the values, or how many entries there are, among those that satisfy a predicate."""
    holder = Holder(random)
    part, predicate = part_predicate(random)
    name, noun, value = random.choice((("sum", "the sum of v", "v"), ("count", "the number of times that", "1")))
    condition = predicate.fill(predicate.atom.code, x=part)
    where = clause(predicate, part, random)
    if name == "sum":
        sentence = random.choice(("Return the sum of v for each {e} where {p}.", "Add up v for each {e} where {p}.",
                                  "Take each {e} where {p} and return the sum of the v.")).format(e=holder.each, p=where)
    else:
        sentence = random.choice(("Count for how many {p} over each {e}.", "For each {e} check if {p}; return how often.",
                                  "Return the number of times that {p}, over each {e}.")).format(e=holder.each, p=where)
    loop = f"total = 0\nfor k, v in {holder.iterable}:\n    if {condition}:\n        total += {value}\nreturn total"
    body = loop if random.random() < 0.4 else f"return sum({value} for k, v in {holder.iterable} if {condition})"
    return make(3, (holder.kind, name, f"if({part},{predicate.name})"), sentence, (holder.parameter,), body, (predicate,),
                random)


def rebuild(random: Random) -> Task:
    """A dictionary of the entries that satisfy a predicate, with mapped values."""
    holder = Holder(random)
    part, predicate = part_predicate(random)
    chosen = use(random.choice(NUMBERS.maps), random)
    sentence = random.choice(MAPPING).format(k="k", v=value_noun(chosen, "v", random), e=holder.each,
                                             p=f" where {clause(predicate, part, random)}")
    condition = predicate.fill(predicate.atom.code, x=part)
    return make(5, (holder.kind, f"if({part},{predicate.name})", f"values({chosen.name})"), sentence,
                (holder.parameter,),
                f"return {{k: {map_code((chosen,), 'v')} for k, v in {holder.iterable} if {condition}}}",
                (predicate, chosen), random)


def collect_by(random: Random) -> Task:
    """A dictionary of lists or sums of one part, grouped by a mapped value of the other."""
    holder = Holder(random)
    if random.random() < 0.5:
        by, part, chosen = "k", "v", use(random.choice(TEXTS.maps), random)
    else:
        by, part, chosen = "v", "k", use(random.choice(NUMBERS.maps), random)
    noun, code = value_noun(chosen, by, random), map_code((chosen,), by)
    if part == "v" and random.random() < 0.5:
        name = "sums"
        sentence = random.choice(("Return a dictionary that adds up v by {m}, for each {e}.",
                                  "For each {e} add v to the total under {m}; return the dictionary of totals."))
        update = f"key = {code}\n    groups[key] = groups.get(key, 0) + v"
    else:
        name = "groups"
        sentence = random.choice(("Return a dictionary of lists of {x} by {m}, for each {e}.",
                                  "For each {e} put {x} into the list under {m}; return the dictionary of lists."))
        update = f"groups.setdefault({code}, []).append({part})"
    body = f"groups = {{}}\nfor k, v in {holder.iterable}:\n    {update}\nreturn groups"
    return make(5, (holder.kind, name, f"by({by},{chosen.name})"), sentence.format(m=noun, e=holder.each, x=part),
                (holder.parameter,), body, (chosen,), random)


def best_entry(random: Random) -> Task:
    """The key or first item of the entry with the largest or smallest value among those that satisfy a predicate."""
    holder = Holder(random)
    part, predicate = part_predicate(random)
    name, relation = random.choice((("largest", ">"), ("smallest", "<")))
    sentence = random.choice(("Among each {e} where {p}, return the k with the {s} v (first if tied), or None if none.",
                              "Return k of the {s} v (the first if tied) for each {e} where {p}; None if there are none.",
                              )).format(e=holder.each, p=clause(predicate, part, random), s=name)
    condition = predicate.fill(predicate.atom.code, x=part)
    joined = f"({condition})" if " or " in condition else condition
    body = (f"best = None\nfor k, v in {holder.iterable}:\n"
            f"    if {joined} and (best is None or v {relation} best[1]):\n        best = (k, v)\n"
            "return best[0] if best else None")
    return make(5, (holder.kind, name, f"if({part},{predicate.name})"), sentence, (holder.parameter,), body, (predicate,),
                random)


TABLE_MAKERS_2 = {project: 5, mapped_parts: 4, keep_entries: 4, map_values: 3, lookup: 3}
TABLE_MAKERS_3 = {filter_and_map_parts: 8, total_of_parts: 5}
TABLE_MAKERS_5 = {rebuild: 5, collect_by: 5, best_entry: 4}
