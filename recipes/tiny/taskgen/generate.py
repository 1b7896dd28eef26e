"""Drawing tasks: the entry point of this package."""

from collections.abc import Iterator, Sequence
from random import Random

from .levels import level_1, level_2, level_3, level_4, level_5
from .loops import level_6, with_examples
from .splits import TRAIN, split_of
from .task import Task

LEVELS = {1: level_1, 2: level_2, 3: level_3, 4: level_4, 5: level_5, 6: level_6}
DEFAULT_WEIGHTS = (5, 15, 20, 30, 15, 15)


def draw_task(level: int, random: Random) -> Task:
    """One task of the level, without regard to splits.  Level 6 tasks have no examples yet."""
    return LEVELS[level](random)


def distinct_tasks(seed: int, split: str, weights: Sequence[float] = DEFAULT_WEIGHTS) -> Iterator[Task]:
    """An endless stream of tasks of one split with distinct sentences-and-signatures; the same for the same seed.

    A level whose supply runs out is dropped: after 2,000 draws in a row without a new task.
    """
    random = Random(f"{seed}/{split}")
    weights = list(weights)
    seen: set[str] = set()
    while any(weights):
        level = random.choices(range(1, 7), weights)[0]
        for _ in range(2000):
            task = draw_task(level, random)
            identity = task.signature + task.sentence
            if split_of(task) == split and identity not in seen:
                break
        else:
            weights[level - 1] = 0
            continue
        seen.add(identity)
        yield with_examples(task, random) if level == 6 else task


def training_tasks(seed: int, count: int, weights: Sequence[float] = DEFAULT_WEIGHTS) -> Iterator[Task]:
    """The first `count` training tasks."""
    for _, task in zip(range(count), distinct_tasks(seed, TRAIN, weights)):
        yield task
