"""Filter, map and reduce over one source: the composition behind most tasks."""

from dataclasses import dataclass
from random import Random

from .atoms import Reducer, Use
from .names import draw_entry_point
from .task import Parameter, Task
from .vocabularies import VOCABULARIES, Vocabulary

ARGUMENTS = {
    "numbers": ("data", "numbers", "values", "nums", "items", "xs"),
    "entries": ("scores", "table", "prices", "ages"),
    "range": ("n", "limit", "stop", "size"),
    "words": ("words", "strings", "names", "parts"),
    "sentence": ("sentence", "phrase", "message"),
    "characters": ("text", "string", "line", "s"),
}
NOUNS = {
    "numbers": ("the elements of {a}", "the numbers in {a}", "the values in {a}", "the items of {a}"),
    "entries": ("the values of the dictionary {a}", "the values in the dictionary {a}"),
    "range": ("the integers from 1 to {a}", "the numbers from 1 up to {a}", "the integers from 1 to {a} inclusive"),
    "words": ("the words in {a}", "the strings in {a}", "the elements of {a}"),
    "sentence": ("the words of the text {a}", "the blank-separated words of {a}"),
    "characters": ("the characters of {a}", "the characters in {a}"),
}
# How a sentence introduces a variable for one element.
EACH = {
    "numbers": ("element x of {a}", "number x in {a}", "x in {a}"),
    "entries": ("value x of the dictionary {a}",),
    "range": ("integer x from 1 to {a}", "x from 1 to {a}"),
    "words": ("word w in {a}", "string w in {a}", "w in {a}"),
    "sentence": ("word w of the text {a}",),
    "characters": ("character c of {a}", "character c in {a}"),
}
VARIABLES = {"numbers": "x", "entries": "x", "range": "x", "words": "w", "sentence": "w", "characters": "c"}
KINDS = {"numbers": "numbers", "entries": "table", "range": "count", "words": "words", "sentence": "text",
         "characters": "text"}
ITERABLES = {"entries": "{a}.values()", "range": "range(1, {a} + 1)", "sentence": "{a}.split()"}
LISTS = ("numbers", "words", "sentence")
DEFAULTS = {"number": ("-1", "0", "None"), "text": ('""', "None"), "none": ("None",)}
DEFAULT_CLAUSES = (", or {d} if there are none", ", or {d} if there are none", ", or {d} when there are none",
                   " ({d} if there are none)", ", using {d} if there are none")
OPENINGS = ("Return {n}.", "Return {n}.", "Return {n}.", "Compute {n}.", "Find {n}.", "Given {p}, return {n}.",
            "Determine {n}.", "Calculate and return {n}.", "Give {n}.", "The result is {n}.")
KEEPING = ("keep", "take", "select", "pick")
JOINING = ((", ", ", and return "), (", then ", ", then return "), ("; ", "; return "), (", ", ", finally return "))


@dataclass(frozen=True)
class Source:
    """A sequence of elements: a list argument, a text, or a range up to an integer argument."""

    kind: str
    argument: str
    noun: str

    @staticmethod
    def draw(kind: str, random: Random) -> "Source":
        argument = random.choice(ARGUMENTS[kind])
        return Source(kind, argument, random.choice(NOUNS[kind]).format(a=argument))

    @property
    def vocabulary(self) -> Vocabulary:
        return VOCABULARIES[self.kind]

    @property
    def variable(self) -> str:
        return VARIABLES[self.kind]

    @property
    def iterable(self) -> str:
        return ITERABLES.get(self.kind, "{a}").format(a=self.argument)

    @property
    def parameter(self) -> Parameter:
        return Parameter(self.argument, KINDS[self.kind])


def map_code(uses: tuple[Use, ...], operand: str) -> str:
    """Code of the maps applied in order to `operand`."""
    bare = True
    for use in uses:
        bare = bare or "({x}" in use.atom.code
        operand = use.fill(use.atom.code, x=operand if bare else f"({operand})")
        bare = use.atom.atomic
    return operand


def reducers_after(vocabulary: Vocabulary, maps: tuple[Use, ...]) -> tuple[Reducer, ...]:
    """The reducers for the results of the maps, without those that ignore the values."""
    return vocabulary.reducers_after(maps[-1].atom.result) if maps else vocabulary.reducers


def opened(noun: str, parameters: str, random: Random) -> str:
    """A sentence that asks for what the noun phrase names."""
    if noun.startswith("True if"):
        return f"Return {noun}."
    return random.choice(OPENINGS).format(n=noun, p=parameters)


@dataclass(frozen=True)
class Pipeline:
    """A source, predicates joined by one connective, maps, a reducer and the default for an empty sequence."""

    source: Source
    predicates: tuple[Use, ...]
    maps: tuple[Use, ...]
    reducer: Use
    connective: str = "and"
    default: str = ""

    def condition(self) -> str:
        """Code of the predicates over the source's variable; empty without predicates."""
        return f" {self.connective} ".join(p.fill(p.atom.code, x=self.source.variable) for p in self.predicates)

    def value(self) -> str:
        """Code of the mapped element."""
        return map_code(self.maps, self.source.variable)

    def generator(self) -> str:
        """The inside of a generator expression, or the bare iterable if nothing is filtered or mapped."""
        condition = f" if {self.condition()}" if self.predicates else ""
        if not condition and not self.maps:
            return self.source.iterable
        return f"{self.value()} for {self.source.variable} in {self.source.iterable}{condition}"

    def list_code(self) -> str:
        if self.predicates or self.maps:
            return f"[{self.generator()}]"
        return self.source.iterable if self.source.kind in LISTS else f"list({self.source.iterable})"

    def body(self, loop: bool = False) -> str:
        """The reference body: an explicit loop if the reducer has only that, or has one and `loop` is set."""
        reducer = self.reducer.atom
        if reducer.loop and (loop or reducer.loop_only):
            return self.loop_body()
        body, items = reducer.body, self.list_code()
        if items == self.source.argument and body.startswith("items = {lst}\n"):
            body = body.partition("\n")[2].replace("items", items)
        return self.reducer.fill(body, gen=self.generator(), lst=items, d=self.default)

    def loop_body(self) -> str:
        initial, update, result = self.reducer.atom.loop
        lines = update.format(v=self.value()).splitlines()
        if self.predicates:
            lines = [f"if {self.condition()}:"] + ["    " + line for line in lines]
        lines = [f"for {self.source.variable} in {self.source.iterable}:"] + ["    " + line for line in lines]
        return "\n".join([initial, *lines, f"return {result}"])

    def filtered_noun(self, random: Random) -> str:
        """The source's noun phrase with its relative clause."""
        if not self.predicates:
            return self.source.noun
        clauses = [p.fill(random.choice(p.atom.forms)[1]) for p in self.predicates]
        return f"{self.source.noun} {random.choice(('that', 'that', 'which'))} {f' {self.connective} '.join(clauses)}"

    def mapped_noun(self, random: Random) -> str:
        noun = self.filtered_noun(random)
        for use in self.maps:
            noun = use.fill(random.choice(use.atom.many), x=noun)
        return noun

    def default_clause(self, random: Random) -> str:
        return random.choice(DEFAULT_CLAUSES).format(d=self.default) if self.default else ""

    def noun_sentence(self, random: Random) -> str:
        """`Return the sum of the squares of the elements of data that are even.`"""
        noun = self.reducer.fill(random.choice(self.reducer.atom.noun), x=self.mapped_noun(random))
        return opened(noun + self.default_clause(random), self.source.argument, random)

    def steps_sentence(self, random: Random) -> str:
        """`Keep the elements of data that are even, square each, and return their sum.`"""
        acts = [use.fill(random.choice(use.atom.act)) for use in self.maps]
        if self.predicates:
            steps = [f"{random.choice(KEEPING)} {self.filtered_noun(random)}", *acts]
        elif acts:
            steps = [acts[0].replace("each", f"each of {self.source.noun}", 1), *acts[1:]]
        else:
            steps = [f"take {self.source.noun}"]
        between, last = random.choice(JOINING)
        joined = between.join(steps)
        if len(steps) == 1:
            last = " and return "
        final = self.reducer.fill(random.choice(self.reducer.atom.act))
        return f"{joined[0].upper()}{joined[1:]}{last}{final}{self.default_clause(random)}."

    def each_sentence(self, random: Random) -> str:
        """`For each x in data that is even, take x squared; return their sum.`  For pipelines of one map."""
        each = random.choice(EACH[self.source.kind]).format(a=self.source.argument)
        clauses = [p.fill(random.choice(p.atom.forms)[0]) for p in self.predicates]
        where = f" that {f' {self.connective} '.join(clauses)}" if clauses else ""
        mapped = self.maps[0].fill(random.choice(self.maps[0].atom.one), x=self.source.variable)
        final = self.reducer.fill(random.choice(self.reducer.atom.act))
        pattern = random.choice(("For each {e}{w}, take {m}; return {f}{d}.", "For each {e}{w} take {m} and return {f}{d}.",
                                 "Take {m} for each {e}{w}, and return {f}{d}."))
        return pattern.format(e=each, w=where, m=mapped, f=final, d=self.default_clause(random))

    def sentence(self, random: Random) -> str:
        form = random.random()
        if len(self.maps) == 1 and form < 0.25:
            return self.each_sentence(random)
        return self.noun_sentence(random) if form < 0.7 else self.steps_sentence(random)

    def key(self) -> tuple[str, ...]:
        """The operations, without constants, default and wording."""
        parts = [self.source.kind]
        names = sorted(p.name for p in self.predicates)
        if len(names) > 1:
            parts.append(f"{self.connective}({','.join(names)})")
        elif names:
            parts.append(f"if({names[0]})")
        parts += [f"map({m.name})" for m in self.maps]
        return (*parts, self.reducer.name)

    def constants(self) -> tuple[int | str, ...]:
        return tuple(c for u in (*self.predicates, *self.maps, self.reducer) for c in u.constants)

    def task(self, level: int, random: Random, loop: float = 0.15, extra: tuple[Parameter, ...] = ()) -> Task:
        """The task of this pipeline; `loop` is the share of loop bodies, `extra` are further arguments."""
        return Task(level, self.key() + tuple(p.kind for p in extra), self.sentence(random),
                    draw_entry_point(random), (self.source.parameter, *extra),
                    self.body(random.random() < loop), self.constants())


def draw_default(reducer: Reducer, random: Random) -> str:
    return random.choice(DEFAULTS[reducer.default]) if reducer.default else ""
