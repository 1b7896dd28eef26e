"""Names of the functions that tasks ask for: half of them from a short list, half composed of two words.

Names say nothing about what is asked, so a model has to read the sentence, and in a conversation it has to copy a name that
it may never have seen.
"""

from random import Random

FREQUENT = ("solve", "compute", "process", "calculate", "answer", "evaluate", "run", "get_result", "f", "func",
            "task", "transform", "apply", "solution", "find", "helper")
FIRST = ("add", "build", "check", "collect", "convert", "count", "derive", "do", "extract", "filter", "first", "get",
         "has", "is", "join", "last", "list", "make", "map", "merge", "my", "new", "pick", "reduce", "remove", "select",
         "sort", "split", "sum", "take", "to", "update")
SECOND = ("all", "answer", "best", "chars", "code", "data", "elements", "entry", "even", "five", "good", "groups", "index",
          "items", "key", "large", "length", "letters", "list", "number", "numbers", "odd", "one", "pairs", "parts",
          "pieces", "result", "series", "short", "small", "text", "total", "two", "value", "values", "word", "words")
COMPOSED = 0.5


def draw_entry_point(random: Random) -> str:
    if random.random() < COMPOSED:
        return f"{random.choice(FIRST)}_{random.choice(SECOND)}"
    return random.choice(FREQUENT)
