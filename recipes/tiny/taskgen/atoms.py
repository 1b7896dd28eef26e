"""The vocabulary: predicates, maps and reducers, each with its wording and its code.

Wordings and code are format strings.  `{x}` is the operand and `{k}`, `{m}` are the constants of one use.
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
    `code` brackets its operand where precedence needs it; `atomic` says that the result needs no brackets.
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
    and the constants.  `loop`, where given, is (initial statement, update statement over `{v}`, returned expression).
    `noun` is a phrase around the operand and `act` what a pipeline sentence returns.  `maps` is false for a reducer
    whose result does not depend on the elements' values.
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
        """Format a wording or code template with this use's constants."""
        names = dict(zip(("k", "m"), map(show, self.constants)))
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
    if kind == "separator":
        return (random.choice(SEPARATORS),)
    if kind == "range":
        low = random.randint(1, 12)
        return (low, low + random.randint(2, 9))
    raise ValueError(f"unknown kind of constant: {kind}")


def use(atom: Predicate | Map | Reducer, random: Random) -> Use:
    """The atom with randomly drawn constants."""
    return Use(atom, draw_constants(atom.constant, random))


NUMBER_PREDICATES = (
    Predicate("even", "parity", "{x} % 2 == 0", (("is even", "are even"), ("is divisible by 2", "are divisible by 2"))),
    Predicate("odd", "parity", "{x} % 2 == 1", (("is odd", "are odd"), ("is not even", "are not even"))),
    Predicate("positive", "size", "{x} > 0", (("is positive", "are positive"),
                                                 ("is greater than 0", "are greater than 0"))),
    Predicate("negative", "size", "{x} < 0", (("is negative", "are negative"), ("is less than 0", "are less than 0"))),
    Predicate("nonzero", "zero", "{x} != 0", (("is not zero", "are not zero"), ("is nonzero", "are nonzero"))),
    Predicate("greater", "size", "{x} > {k}", (("is greater than {k}", "are greater than {k}"),
                                               ("is more than {k}", "are more than {k}"),
                                               ("is above {k}", "are above {k}")), "small"),
    Predicate("less", "size", "{x} < {k}", (("is less than {k}", "are less than {k}"),
                                            ("is smaller than {k}", "are smaller than {k}"),
                                            ("is below {k}", "are below {k}")), "small"),
    Predicate("at_least", "size", "{x} >= {k}", (("is at least {k}", "are at least {k}"),
                                                 ("is {k} or more", "are {k} or more")), "small"),
    Predicate("at_most", "size", "{x} <= {k}", (("is at most {k}", "are at most {k}"),
                                                ("is {k} or less", "are {k} or less")), "small"),
    Predicate("divisible", "divisor", "{x} % {k} == 0", (("is divisible by {k}", "are divisible by {k}"),
                                                         ("is a multiple of {k}", "are multiples of {k}")), "modulus"),
    Predicate("not_divisible", "divisor", "{x} % {k} != 0", (
        ("is not divisible by {k}", "are not divisible by {k}"),
        ("is not a multiple of {k}", "are not multiples of {k}")), "modulus"),
    Predicate("between", "size", "{k} <= {x} <= {m}", (
        ("is between {k} and {m} inclusive", "are between {k} and {m} inclusive"),
        ("is from {k} to {m}", "are from {k} to {m}")), "range"),
    Predicate("outside", "size", "{x} < {k} or {x} > {m}", (
        ("is less than {k} or greater than {m}", "are less than {k} or greater than {m}"),), "range"),
    Predicate("differs", "value", "{x} != {k}", (("is not equal to {k}", "are not equal to {k}"),
                                                 ("is different from {k}", "are different from {k}")), "small"),
    Predicate("last_digit", "digit", "abs({x}) % 10 == {k}", (
        ("has last digit {k}", "have last digit {k}"), ("ends in the digit {k}", "end in the digit {k}")), "digit"),
    Predicate("magnitude", "magnitude", "abs({x}) > {k}", (
        ("has an absolute value greater than {k}", "have an absolute value greater than {k}"),
        ("is more than {k} away from 0", "are more than {k} away from 0")), "small"),
)

NUMBER_MAPS = (
    Map("square", "{x} ** 2", ("the square of {x}", "{x} squared"), ("the squares of {x}",), ("square each",)),
    Map("cube", "{x} ** 3", ("the cube of {x}", "{x} cubed"), ("the cubes of {x}",), ("cube each",)),
    Map("double", "{x} * 2", ("twice {x}", "the double of {x}"), ("the doubles of {x}",), ("double each",)),
    Map("add", "{x} + {k}", ("{x} plus {k}", "the sum of {x} and {k}"), ("the results of adding {k} to {x}",),
        ("add {k} to each", "increase each by {k}"), "small"),
    Map("subtract", "{x} - {k}", ("{x} minus {k}",), ("the results of subtracting {k} from {x}",),
        ("subtract {k} from each", "decrease each by {k}"), "small"),
    Map("subtract_from", "{k} - {x}", ("{k} minus {x}",), ("the results of subtracting {x} from {k}",),
        ("subtract each from {k}",), "small"),
    Map("times", "{x} * {k}", ("{x} times {k}", "the product of {x} and {k}"),
        ("the results of multiplying {x} by {k}",),
        ("multiply each by {k}",), "modulus"),
    Map("quotient", "{x} // {k}", ("{x} divided by {k}, rounded down", "the floor of {x} divided by {k}"),
        ("the results of floor dividing {x} by {k}",), ("floor divide each by {k}",), "modulus"),
    Map("remainder", "{x} % {k}", ("{x} modulo {k}", "the remainder of {x} divided by {k}"),
        ("the remainders of {x} modulo {k}",), ("take each modulo {k}",), "modulus"),
    Map("negate", "-{x}", ("the negation of {x}", "{x} with its sign flipped"), ("the negations of {x}",),
        ("negate each",)),
    Map("absolute", "abs({x})", ("the absolute value of {x}",), ("the absolute values of {x}",),
        ("take the absolute value of each",), atomic=True),
    Map("last_digit", "abs({x}) % 10", ("the last digit of {x}",), ("the last digits of {x}",),
        ("take the last digit of each",)),
    Map("digit_count", "len(str(abs({x})))", ("the number of digits of {x}",), ("the numbers of digits of {x}",),
        ("count the digits of each",), atomic=True),
    Map("digit_sum", "sum(int(d) for d in str(abs({x})))", ("the sum of the digits of {x}",),
        ("the digit sums of {x}",), ("sum the digits of each",), atomic=True),
    Map("cap", "min({x}, {k})", ("the smaller of {x} and {k}",), ("the results of capping {x} at {k}",),
        ("cap each at {k}",), "small", atomic=True),
    Map("text", "str({x})", ("{x} as a string",), ("the string forms of {x}",), ("convert each to a string",),
        result="text", atomic=True),
)

TEXT_PREDICATES = (
    Predicate("longer", "length", "len({x}) > {k}", (("is longer than {k}", "are longer than {k}"),
                                                     ("has more than {k} characters", "have more than {k} characters")),
              "length"),
    Predicate("shorter", "length", "len({x}) < {k}", (("is shorter than {k}", "are shorter than {k}"),
                                                      ("has fewer than {k} characters",
                                                        "have fewer than {k} characters")),
              "length"),
    Predicate("exact_length", "length", "len({x}) == {k}", (
        ("has length {k}", "have length {k}"), ("has exactly {k} characters", "have exactly {k} characters")),
              "length"),
    Predicate("even_length", "length", "len({x}) % 2 == 0", (
        ("has an even length", "have an even length"),
        ("has an even number of characters", "have an even number of characters")), ""),
    Predicate("starts", "start", "{x}.startswith({k})", (("starts with {k}", "start with {k}"),
                                                         ("begins with {k}", "begin with {k}")), "letter"),
    Predicate("ends", "end", "{x}.endswith({k})", (("ends with {k}", "end with {k}"),
                                                   ("ends in {k}", "end in {k}")), "letter"),
    Predicate("contains", "contains", "{k} in {x}", (("contains {k}", "contain {k}"), ("includes {k}", "include {k}")),
              "letter"),
    Predicate("lacks", "contains", "{k} not in {x}", (("does not contain {k}", "do not contain {k}"),
                                                      ("lacks {k}", "lack {k}")), "letter"),
    Predicate("upper", "case", "{x}.isupper()", (("is in upper case", "are in upper case"),
                                                 ("is uppercase", "are uppercase"))),
    Predicate("lower", "case", "{x}.islower()", (("is in lower case", "are in lower case"),
                                                 ("is lowercase", "are lowercase"))),
    Predicate("palindrome", "palindrome", "{x} == {x}[::-1]", (
        ("is a palindrome", "are palindromes"),
        ("reads the same backwards", "read the same backwards"))),
    Predicate("digits", "class", "{x}.isdigit()", (("consists of digits", "consist of digits"),
                                                   ("is made of digits only", "are made of digits only"))),
)

TEXT_MAPS = (
    Map("upper", "{x}.upper()", ("{x} in upper case", "{x} converted to upper case"), ("the upper case forms of {x}",),
        ("convert each to upper case",), result="text", atomic=True),
    Map("lower", "{x}.lower()", ("{x} in lower case", "{x} converted to lower case"), ("the lower case forms of {x}",),
        ("convert each to lower case",), result="text", atomic=True),
    Map("capitalize", "{x}.capitalize()", ("{x} capitalized",), ("the capitalized forms of {x}",),
        ("capitalize each",), result="text", atomic=True),
    Map("reverse", "{x}[::-1]", ("{x} reversed", "the reverse of {x}"), ("the reversals of {x}",),
        ("reverse each",), result="text", atomic=True),
    Map("twice", "{x} * 2", ("{x} repeated twice", "two copies of {x} in a row"), ("the doublings of {x}",),
        ("repeat each twice",), result="text"),
    Map("append", "{x} + {k}", ("{x} followed by {k}", "{x} with {k} appended"),
        ("the results of appending {k} to {x}",),
        ("append {k} to each",), "letter", "text"),
    Map("prepend", "{k} + {x}", ("{k} followed by {x}", "{x} with {k} prepended"),
        ("the results of prepending {k} to {x}",), ("prepend {k} to each",), "letter", "text"),
    Map("replace", "{x}.replace({k}, {m})", ("{x} with every {k} replaced by {m}",),
        ("the results of replacing {k} by {m} in {x}",), ("replace {k} by {m} in each",), "letters", "text", True),
    Map("remove", '{x}.replace({k}, "")', ("{x} without every {k}", "{x} with every {k} removed"),
        ("the results of removing {k} from {x}",), ("remove {k} from each",), "letter", "text", True),
    Map("initial", "{x}[:1]", ("the first character of {x} (if any)",), ("the first characters of {x}",),
        ("take the first character of each",), result="text", atomic=True),
    Map("final", "{x}[-1:]", ("the last character of {x} (if any)",), ("the last characters of {x}",),
        ("take the last character of each",), result="text", atomic=True),
    Map("head", "{x}[:{k}]", ("the first {k} characters of {x}",), ("the prefixes of length {k} of {x}",),
        ("take the first {k} characters of each",), "take", "text", True),
    Map("length", "len({x})", ("the length of {x}", "the number of characters in {x}"), ("the lengths of {x}",),
        ("take the length of each",), result="number", atomic=True),
    Map("count_letter", "{x}.count({k})", ("how many times {k} occurs in {x}", "the number of times {k} occurs in {x}"),
        ("the counts of {k} in {x}",), ("count {k} in each",), "letter", "number", True),
)

CHARACTER_PREDICATES = (
    Predicate("vowel", "vowel", '{x} in "aeiou"', (("is a lower case vowel", "are lower case vowels"),
                                                   ('is one of "aeiou"', 'are in "aeiou"'))),
    Predicate("not_vowel", "vowel", '{x} not in "aeiou"', (("is not a lower case vowel", "are not lower case vowels"),
                                                           ('is not one of "aeiou"', 'are not in "aeiou"'))),
    Predicate("digit", "class", "{x}.isdigit()", (("is a digit", "are digits"),)),
    Predicate("not_digit", "class", "not {x}.isdigit()", (("is not a digit", "are not digits"),)),
    Predicate("letter", "class", "{x}.isalpha()", (("is a letter", "are letters"),)),
    Predicate("not_letter", "class", "not {x}.isalpha()", (("is not a letter", "are not letters"),)),
    Predicate("uppercase", "case", "{x}.isupper()", (("is in upper case", "are in upper case"),
                                                     ("is uppercase", "are uppercase"))),
    Predicate("lowercase", "case", "{x}.islower()", (("is in lower case", "are in lower case"),
                                                     ("is lowercase", "are lowercase"))),
    Predicate("equals", "value", "{x} == {k}", (("is {k}", "are {k}"), ("is equal to {k}", "are equal to {k}")),
              "letter"),
    Predicate("differs", "value", "{x} != {k}", (("is not {k}", "are not {k}"),
                                                 ("is different from {k}", "are different from {k}")), "letter"),
    Predicate("after", "order", "{x} > {k}", (("comes after {k}", "come after {k}"),), "letter"),
    Predicate("before", "order", "{x} < {k}", (("comes before {k}", "come before {k}"),), "letter"),
    Predicate("not_space", "space", '{x} != " "', (("is not a space", "are not spaces"),)),
)

CHARACTER_MAPS = (
    Map("upper", "{x}.upper()", ("{x} in upper case",), ("the upper case forms of {x}",),
        ("convert each to upper case",), result="text", atomic=True),
    Map("lower", "{x}.lower()", ("{x} in lower case",), ("the lower case forms of {x}",),
        ("convert each to lower case",), result="text", atomic=True),
    Map("swap_case", "{x}.swapcase()", ("{x} with its case swapped",), ("the swapped case forms of {x}",),
        ("swap the case of each",), result="text", atomic=True),
    Map("twice", "{x} * 2", ("{x} repeated twice",), ("the doublings of {x}",), ("repeat each twice",), result="text"),
    Map("append", "{x} + {k}", ("{x} followed by {k}",), ("the results of appending {k} to {x}",),
        ("append {k} to each",), "letter", "text"),
    Map("code", "ord({x})", ("the code point of {x}",), ("the code points of {x}",), ("take the code point of each",),
        result="number", atomic=True),
)

NUMBER_REDUCERS = (
    Reducer("list", "return {lst}", ("{x}", "a list of {x}"), ("the results", "the results as a list"),
            loop=("result = []", "result.append({v})", "result")),
    Reducer("sum", "return sum({gen})", ("the sum of {x}", "the total of {x}"), ("their sum", "their total"),
            loop=("total = 0", "total += {v}", "total")),
    Reducer("product", "", ("the product of {x}",), ("their product",),
            loop=("result = 1", "result *= {v}", "result"), loop_only=True),
    Reducer("count", "return len({lst})", ("the number of {x}", "the count of {x}"),
            ("how many there are", "their number"), loop=("count = 0", "count += 1", "count"), maps=False),
    Reducer("largest", "return max({lst}, default={d})", ("the largest of {x}", "the maximum of {x}"),
            ("the largest", "the maximum"), default="number"),
    Reducer("smallest", "return min({lst}, default={d})", ("the smallest of {x}", "the minimum of {x}"),
            ("the smallest", "the minimum"), default="number"),
    Reducer("first", "items = {lst}\nreturn items[0] if items else {d}", ("the first of {x}",), ("the first",),
            default="number"),
    Reducer("last", "items = {lst}\nreturn items[-1] if items else {d}", ("the last of {x}",), ("the last",),
            default="number"),
    Reducer("ascending", "return sorted({gen})", ("{x} in ascending order", "a sorted list of {x}"),
            ("them in ascending order", "them sorted")),
    Reducer("descending", "return sorted({lst}, reverse=True)", ("{x} in descending order",),
            ("them in descending order",)),
    Reducer("reversed", "return {lst}[::-1]", ("{x} in reverse order",), ("them in reverse order",)),
    Reducer("distinct", "return sorted(set({gen}))", ("the distinct values of {x} in ascending order",),
            ("the distinct ones in ascending order",)),
    Reducer("distinct_count", "return len(set({gen}))", ("the number of distinct values of {x}",),
            ("how many distinct values there are",)),
    Reducer("running_totals", "", ("the running totals of {x}", "the cumulative sums of {x}"),
            ("their running totals", "their cumulative sums"),
            loop=("total = 0\nresult = []", "total += {v}\nresult.append(total)", "result"), loop_only=True),
    Reducer("first_few", "return {lst}[:{k}]", ("the first {k} of {x}",), ("the first {k}",), "take"),
    Reducer("last_few", "return {lst}[-{k}:]", ("the last {k} of {x}",), ("the last {k}",), "take"),
    Reducer("largest_few", "return sorted({gen})[-{k}:]", ("the {k} largest of {x} in ascending order",),
            ("the {k} largest in ascending order",), "take"),
    Reducer("every_second", "return {lst}[::2]", ("every second one of {x}, starting with the first",),
            ("every second one, starting with the first",)),
    Reducer("spread", "items = {lst}\nreturn max(items) - min(items) if items else {d}",
            ("the difference between the largest and the smallest of {x}",),
            ("the difference between the largest and the smallest",), default="number"),
    Reducer("mean", "items = {lst}\nreturn sum(items) / len(items) if items else {d}",
            ("the average of {x}", "the mean of {x}"), ("their average", "their mean"), default="number"),
    Reducer("member", "return {k} in {lst}", ("whether {k} is one of {x}", "True if {k} is among {x}, else False"),
            ("whether {k} is among them",), "small"),
)

TEXT_REDUCERS = (
    Reducer("list", "return {lst}", ("{x}", "a list of {x}"), ("the results", "the results as a list"),
            loop=("result = []", "result.append({v})", "result")),
    Reducer("count", "return len({lst})", ("the number of {x}", "the count of {x}"),
            ("how many there are", "their number"), loop=("count = 0", "count += 1", "count"), maps=False),
    Reducer("join", "return {k}.join({gen})", ("{x} joined by {k}", "a string of {x} separated by {k}"),
            ("them joined by {k}",), "separator"),
    Reducer("concatenate", 'return "".join({gen})', ("the concatenation of {x}", "{x} joined into one string"),
            ("them joined into one string", "their concatenation"), loop=('result = ""', "result += {v}", "result")),
    Reducer("longest", "return max({lst}, key=len, default={d})", ("the longest (first if tied) of {x}",),
            ("the longest (first if tied)",), default="text"),
    Reducer("shortest", "return min({lst}, key=len, default={d})", ("the shortest (first if tied) of {x}",),
            ("the shortest (first if tied)",), default="text"),
    Reducer("first", "items = {lst}\nreturn items[0] if items else {d}", ("the first of {x}",), ("the first",),
            default="text"),
    Reducer("last", "items = {lst}\nreturn items[-1] if items else {d}", ("the last of {x}",), ("the last",),
            default="text"),
    Reducer("ascending", "return sorted({gen})", ("{x} in sorted order", "a sorted list of {x}"),
            ("them in sorted order", "them sorted")),
    Reducer("by_length", "return sorted({lst}, key=len)", ("{x} sorted by length",), ("them sorted by length",)),
    Reducer("reversed", "return {lst}[::-1]", ("{x} in reverse order",), ("them in reverse order",)),
    Reducer("distinct", "return sorted(set({gen}))", ("the distinct values of {x} in sorted order",),
            ("the distinct ones in sorted order",)),
    Reducer("distinct_count", "return len(set({gen}))", ("the number of distinct values of {x}",),
            ("how many distinct values there are",)),
    Reducer("total_length", 'return len("".join({gen}))', ("the total length of {x}",), ("their total length",)),
    Reducer("first_few", "return {lst}[:{k}]", ("the first {k} of {x}",), ("the first {k}",), "take"),
    Reducer("last_few", "return {lst}[-{k}:]", ("the last {k} of {x}",), ("the last {k}",), "take"),
)

# Characters can be gathered into a list or into a string, so here every wording says which.
CHARACTER_REDUCERS = tuple(r for r in TEXT_REDUCERS if r.name in (
    "count", "join", "concatenate", "first", "last", "distinct_count")) + (
    Reducer("list", "return {lst}", ("a list of {x}",), ("a list of them",),
            loop=("result = []", "result.append({v})", "result")),
    Reducer("ascending", "return sorted({gen})", ("a sorted list of {x}",), ("a sorted list of them",)),
    Reducer("distinct", "return sorted(set({gen}))", ("a sorted list of the distinct values of {x}",),
            ("a sorted list of the distinct ones",)),
    Reducer("sorted_text", 'return "".join(sorted({gen}))', ("a string of {x} in sorted order",),
            ("a string of them in sorted order",)),
    Reducer("reversed_text", 'return "".join({lst}[::-1])', ("a string of {x} in reverse order",),
            ("a string of them in reverse order",)),
)


@dataclass(frozen=True)
class Vocabulary:
    """The atoms that apply to the elements of one kind of source."""

    predicates: tuple[Predicate, ...]
    maps: tuple[Map, ...]
    reducers: tuple[Reducer, ...]

    def same_type_maps(self) -> tuple[Map, ...]:
        """Maps whose result is of the elements' own type."""
        own = "number" if self.reducers is NUMBER_REDUCERS else "text"
        return tuple(m for m in self.maps if m.result == own)


# Of the integers from 1 up, these predicates are always or never true or repeat another one.
SIGN_PREDICATES = ("positive", "negative", "nonzero", "magnitude")

VOCABULARIES = {
    "numbers": Vocabulary(NUMBER_PREDICATES, NUMBER_MAPS, NUMBER_REDUCERS),
    "range": Vocabulary(tuple(p for p in NUMBER_PREDICATES if p.name not in SIGN_PREDICATES),
                        tuple(m for m in NUMBER_MAPS if m.name != "absolute"), NUMBER_REDUCERS),
    "words": Vocabulary(TEXT_PREDICATES, TEXT_MAPS, TEXT_REDUCERS),
    "characters": Vocabulary(CHARACTER_PREDICATES, CHARACTER_MAPS, CHARACTER_REDUCERS),
}
