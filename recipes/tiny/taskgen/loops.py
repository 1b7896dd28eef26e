"""Level 6: small loops with state, specified by a sentence and one or two doctest examples.

Each task is a template filled with a predicate, a map or both, so that a held-out combination is made of parts that
training shows.
"""

from dataclasses import replace
from random import Random

from .atoms import use
from .inputs import draw_arguments, fixed_values, reference
from .names import draw_entry_point
from .number_loops import NUMBER_TEMPLATES
from .pipeline import ARGUMENTS as SEQUENCE_ARGUMENTS
from .pipeline import opened
from .task import Parameter, Task
from .text_loops import TEXT_TEMPLATES
from .vocabularies import VOCABULARIES

TEMPLATES = NUMBER_TEMPLATES + TEXT_TEMPLATES
ARGUMENTS = {"numbers": SEQUENCE_ARGUMENTS["numbers"], "rows": ("rows", "table", "grid", "matrix"),
             "positive": ("n", "number", "value"), "count": ("n", "limit", "stop"),
             "text": SEQUENCE_ARGUMENTS["characters"], "words": SEQUENCE_ARGUMENTS["words"]}
SECOND_ARGUMENTS = {"take": ("k", "size"), "small": ("limit", "bound"), "small_numbers": ("others", "ys")}
# The vocabulary for a template's elements.  Those of a template on one integer are positive, as those of a range are.
WORD_KINDS = {"numbers": "numbers", "rows": "numbers", "positive": "range", "count": "range", "text": "characters",
              "words": "words"}
# Results that would say little in an example.
UNTELLING = ("[]", "{}", "''", "0", "-1", "None")
VARIABLES = {"text": "c", "words": "w"}


def level_6(random: Random) -> Task:
    """A task of a random template, without examples."""
    loop = random.choice(TEMPLATES)
    argument = random.choice(ARGUMENTS[loop.kind])
    parameters = (Parameter(argument, loop.kind),)
    vocabulary, variable = VOCABULARIES[WORD_KINDS[loop.kind]], VARIABLES.get(loop.kind, "x")
    predicate = use(random.choice(vocabulary.predicates), random)
    chosen = use(random.choice(vocabulary.same_type_maps()), random)
    fields, key = {"a": argument}, [loop.kind, loop.name]
    constants = ()
    if loop.second:
        fields["b"] = random.choice(SECOND_ARGUMENTS[loop.second])
        parameters += (Parameter(fields["b"], loop.second),)
    if "p" in loop.slots:
        singular, plural = random.choice(predicate.atom.forms)
        code = predicate.fill(predicate.atom.code, x=variable)
        fields |= {"p": code, "q": f"({code})" if " or " in code else code, "is": predicate.fill(singular),
                   "that": predicate.fill(plural)}
        key.append(f"if({predicate.name})")
        constants += predicate.constants
    if "v" in loop.slots:
        fields |= {"v": chosen.fill(chosen.atom.code, x=variable),
                   "mapped": chosen.fill(random.choice(chosen.atom.one), x=variable)}
        key.append(f"map({chosen.name})")
        constants += chosen.constants
    sentence = random.choice(loop.sentences).format(**fields)
    if sentence.startswith("Return ") and ". " not in sentence and random.random() < 0.5:
        sentence = opened(sentence.removeprefix("Return ")[:-1], " and ".join(p.name for p in parameters), random)
    return Task(6, tuple(key), sentence, draw_entry_point(random), parameters, loop.body.format(**fields), constants)


def with_examples(task: Task, random: Random, longest: int = 30, most: int = 2) -> Task:
    """The task with one or two examples in its docstring (at most `most`; none if no input suits), chosen among short
    inputs with informative results."""
    function = reference(task)
    lines, results = [], set()
    for arguments in draw_arguments(task, random)[len(fixed_values(task)):]:
        call = f"{task.entry_point}({', '.join(map(repr, arguments))})"
        if len(call) > longest:
            continue
        result = repr(function(*arguments))
        if len(result) > 20 or result in results or result in UNTELLING:
            continue
        results.add(result)
        lines.append((call, result))
        if len(lines) == 2:
            break
    return replace(task, examples=tuple(lines[:min(most, random.choice((1, 1, 2)))]))
