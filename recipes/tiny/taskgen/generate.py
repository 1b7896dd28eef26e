"""Drawing tasks, and putting them into documents and problems: the entry point of this package."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from random import Random

from .formats import CHAT, COMPLETION, FORMATS, Form, render
from .inputs import Degenerate, make_cases, test_text
from .levels import level_2, level_3, level_4, level_5
from .loops import level_6, with_examples
from .scalars import level_1
from .splits import TRAIN, split_of
from .task import Task

LEVELS = {1: level_1, 2: level_2, 3: level_3, 4: level_4, 5: level_5, 6: level_6}
DEFAULT_WEIGHTS = (4, 22, 18, 22, 18, 16)
DEFAULT_FORMATS = {COMPLETION: 55.0, "infilling": 45.0}
# How often a request of levels 1 to 5 comes with an example; requests of level 6 always do.
CHAT_EXAMPLES = 0.25
ATTEMPTS = 2000


def draw_task(level: int, random: Random) -> Task:
    """One task of the level, without regard to splits.  Level 6 tasks have no examples yet."""
    return LEVELS[level](random)


def distinct_tasks(seed: int, split: str, weights: Sequence[float] = DEFAULT_WEIGHTS) -> Iterator[Task]:
    """A stream of tasks of one split, no two with the same signature and sentence; the same for the same seed.

    A level is dropped after 2,000 draws in a row without a new task; the stream ends when no level is left.
    """
    random = Random(f"{seed}/{split}")
    weights = list(weights)
    seen: set[str] = set()
    while any(weights):
        level = random.choices(range(1, 7), weights)[0]
        for _ in range(ATTEMPTS):
            task = draw_task(level, random)
            identity = task.signature + task.sentence
            if split_of(task) == split and identity not in seen:
                break
        else:
            weights[level - 1] = 0
            continue
        seen.add(identity)
        if level == 6:
            task = with_examples(task, random)
            if not task.examples:
                continue  # hardly any input gives a result worth showing
        yield task


def form_of(task: Task, name: str, random: Random) -> Form:
    """The task in a format; some of the chat requests get an example."""
    if name == CHAT and not task.examples and random.random() < CHAT_EXAMPLES:
        task = with_examples(task, random, most=1)
    return render(task, name, random)


def documents(split: str, seed: int, count: int, weights: Sequence[float] = DEFAULT_WEIGHTS,
              formats: Mapping[str, float] = DEFAULT_FORMATS) -> Iterator[dict[str, object]]:
    """`count` documents of a split, or fewer if the weights leave too few distinct ones; `formats` are shares."""
    random = Random(f"{seed}/{split}/formats")
    for task in islice(distinct_tasks(seed, split, weights), count):
        name = random.choices(tuple(formats), tuple(formats.values()))[0]
        yield {**form_of(task, name, random).document(), "format": name, "level": task.level, "key": task.key_text}


def problem(task: Task, task_id: str, name: str, random: Random) -> dict[str, object]:
    """The task as a problem in HumanEval form.  Raises Degenerate if its tests could not detect a wrong answer."""
    test = test_text(make_cases(task, random))
    form = form_of(task, name, random)
    suffix = {"suffix": form.suffix} if name == "infilling" else {}
    return {"task_id": task_id, "prompt": form.prompt, **suffix, "entry_point": task.entry_point,
            "canonical_solution": form.completion, "test": test, "format": name, "level": task.level,
            "key": task.key_text}


def level_problems(split: str, seed: int, level: int, count: int,
                   formats: Sequence[str] = FORMATS) -> Iterator[dict[str, object]]:
    """Up to `count` problems of a level, the formats in rotation, with as many different keys as possible."""
    weights = tuple(float(level == other) for other in LEVELS)
    random = Random(f"{seed}/{split}/tests/{level}")
    keys: dict[str, int] = {}
    made = 0
    # A key comes back only after the stream has shown that new keys are rare.
    for drawn, task in enumerate(islice(distinct_tasks(seed, split, weights), 30 * count)):
        if keys.get(task.key_text, 0) > drawn // (3 * count):
            continue
        name = formats[made % len(formats)]
        try:
            row = problem(task, f"tiny/{split}/{level}/{name}/{made}", name, random)
        except Degenerate:
            continue
        keys[task.key_text] = keys.get(task.key_text, 0) + 1
        made += 1
        yield row
        if made == count:
            break


def problems(split: str, seed: int, per_level: int, levels: Sequence[int] = tuple(LEVELS),
             formats: Sequence[str] = FORMATS) -> Iterator[dict[str, object]]:
    """Up to `per_level` problems of each of the levels."""
    for level in levels:
        yield from level_problems(split, seed, level, per_level, formats)
