"""pass@k and its 95% intervals, of another draw of the same kind of problems; and whether a difference may be chance."""

import math
from random import Random

Z_95 = 1.959964
RESAMPLES = 2000


def pass_at(k: int, samples: int, passed: int) -> float:
    """The unbiased estimate of the chance that at least one of k samples passes (arXiv 2107.03374, eq. 1)."""
    return 1.0 - math.comb(samples - passed, k) / math.comb(samples, k)


def wilson(passed: int, count: int) -> tuple[float, float]:
    """The Wilson score interval of a proportion; (0, 1) for no data."""
    if count == 0:
        return 0.0, 1.0
    share, square = passed / count, Z_95 * Z_95
    centre = (share + square / (2 * count)) / (1 + square / count)
    half = Z_95 * math.sqrt(share * (1 - share) / count + square / (4 * count * count)) / (1 + square / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap(values: list[float]) -> tuple[float, float]:
    """The bootstrap interval of the mean of the values, with a fixed seed."""
    random = Random(0)
    means = sorted(sum(random.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES))
    return means[round(0.025 * RESAMPLES)], means[round(0.975 * RESAMPLES) - 1]


def interval(values: list[float]) -> tuple[float, float]:
    """The interval of the mean over problems: Wilson's if every value is 0 or 1, else a bootstrap with a fixed seed."""
    if all(value in (0.0, 1.0) for value in values):
        return wilson(round(sum(values)), len(values))
    return bootstrap(values)


def sign_test(gained: int, lost: int) -> float:
    """The exact two-sided p: the chance of a split at least as uneven, if gain and loss were equally likely."""
    count, fewer = gained + lost, min(gained, lost)
    tail = sum(math.comb(count, k) for k in range(fewer + 1)) / 2 ** count
    return min(1.0, 2 * tail)
