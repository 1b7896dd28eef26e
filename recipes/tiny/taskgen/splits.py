"""The division of tasks into training and evaluation by a stable hash of their operations.

From level 2 up one operation key in ten is held out, and the held-out keys are divided among validation, test and
final test: those sets ask for combinations of operations that training never shows.  Level 1 has single operations,
which every split needs, so sentences are held out instead.  One sentence in twenty of the other tasks goes to the
`wording` test: its operations are known from training, but its constants or words are not.
"""

from hashlib import sha256

from .task import Task

TRAIN = "train"
WORDING = "wording"
HELD_OUT = ("validation", "test", "final")
EVALUATION = (*HELD_OUT, WORDING)


def bucket(text: str, count: int) -> int:
    """A stable pseudo-random number in [0, count) for the text."""
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") % count


def split_of(task: Task) -> str:
    """The only split that may hold the task."""
    if task.level == 1:
        number = bucket("sentence:" + task.sentence, 20)
        return EVALUATION[number] if number < len(EVALUATION) else TRAIN
    number = bucket("key:" + task.key_text, 30)
    if number < len(HELD_OUT):
        return HELD_OUT[number]
    return WORDING if bucket("wording:" + task.sentence, 20) == 0 else TRAIN
