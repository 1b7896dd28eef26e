"""The settings whose quality and cost frontier.py measures: algorithm, steps, blocks and cache."""

from collections.abc import Iterator
from dataclasses import dataclass

LENGTH = 64  # masks of an answer


@dataclass(frozen=True)
class Setting:
    """Options of `unmask generate`, and what to call them."""

    algorithm: str
    detail: str = ""
    cache: str = "none"
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Unique among the settings, and the key of their results."""
        cache = "" if self.cache == "none" else f"cache {self.cache}"
        return ", ".join(part for part in (self.algorithm, self.detail, cache) if part)

    @property
    def arguments(self) -> list[str]:
        """The options as arguments of the command line."""
        return ["--algorithm", self.algorithm, *self.options]


BASELINE = Setting("entropy", f"{LENGTH} steps", "none", ("--steps", str(LENGTH)))

# A cache is a pair: what it is called, and its options.
NO_CACHE: tuple[str, tuple[str, ...]] = ("none", ())


def cached(kind: str, refresh: int | None = None, window: int | None = None) -> tuple[str, tuple[str, ...]]:
    """A cache, with its refresh interval and window if they are not the defaults."""
    name, options = kind, ["--cache", kind]
    if window is not None:
        name += f" of {window} rows"
        options += ["--cache-window", str(window)]
    if refresh is not None:
        name += f" every {refresh}"
        options += ["--cache-refresh", str(refresh)]
    return name, tuple(options)


def parallel(algorithm: str, rule: str, options: dict[str, float], block: int | None = None,
             cache: tuple[str, tuple[str, ...]] = NO_CACHE) -> Setting:
    """An algorithm that commits several tokens a step by a rule, on blocks of `block` positions or the whole answer."""
    given = [text for name, value in options.items() for text in (f"--{name}", f"{value:g}")]
    detail = rule
    if block is not None:
        detail += f", blocks of {block}"
        given += ["--block-length", str(block)]
    return Setting(algorithm, detail, cache[0], (*given, *cache[1]))


def scheduled(algorithm: str, steps: int, block: int | None = None,
              cache: tuple[str, tuple[str, ...]] = NO_CACHE) -> Setting:
    """An algorithm with a fixed number of steps."""
    return parallel(algorithm, f"{steps} steps", {"steps": steps}, block, cache)


def threshold(value: float, block: int | None = None, cache: tuple[str, tuple[str, ...]] = NO_CACHE) -> Setting:
    return parallel("threshold", f"{value:g}", {"confidence-threshold": value}, block, cache)


def entropy_bounded(bound: float, block: int | None = None,
                    cache: tuple[str, tuple[str, ...]] = NO_CACHE) -> Setting:
    return parallel("entropy_bounded", f"{bound:g}", {"entropy-bound": bound}, block, cache)


def factor(value: float, block: int | None = None, cache: tuple[str, tuple[str, ...]] = NO_CACHE) -> Setting:
    return parallel("factor", f"{value:g}", {"factor": value}, block, cache)


def klass(value: float, divergence: float) -> Setting:
    return parallel("klass", f"{value:g} and {divergence:g}",
                    {"confidence-threshold": value, "kl-threshold": divergence})


def rules() -> Iterator[Setting]:
    """Every rule that commits several tokens a step, on the whole answer and without a cache."""
    for value in (0.7, 0.8, 0.9, 0.95, 0.98, 0.99):
        yield threshold(value)
    for value in (0.1, 0.25, 0.5, 1):
        yield factor(value)
    for bound in (0.01, 0.03, 0.1, 0.2, 0.5):
        yield entropy_bounded(bound)
    for value, divergence in ((0.8, 0.01), (0.9, 0.001), (0.9, 0.01), (0.6, 0.01)):
        yield klass(value, divergence)
    for low in (0.4, 0.7):
        yield parallel("hierarchical", f"0.9 and {low:g}", {"confidence-threshold": 0.9, "lower-threshold": low})
    for value in (0.9, 0.95):
        yield parallel("credit", f"{value:g}", {"confidence-threshold": value})
    for steps in (LENGTH, LENGTH // 2):
        yield scheduled("prophet", steps)


def small_blocks() -> Iterator[Setting]:
    """Rules that commit several tokens a step, on small blocks, which alone are recomputed."""
    dual = cached("dual")
    for block in (4, 8):
        for value in (0.8, 0.9, 0.95, 0.98):
            yield threshold(value, block, dual)
    for bound in (0.1, 0.2, 0.4):
        yield entropy_bounded(bound, 8, dual)
    for value in (0.25, 0.5, 1):
        yield factor(value, 8, dual)
    for algorithm in ("hierarchical", "credit"):
        yield parallel(algorithm, "0.9", {"confidence-threshold": 0.9}, 8, dual)
    yield threshold(0.9, 8, cached("dual", 4))
    yield threshold(0.9, 8, cached("vicinity", None, 8))


def caches() -> Iterator[Setting]:
    """Rules that commit several tokens a step, with blocks and caches."""
    for value in (0.9, 0.95):
        for block in (8, 16, 32):
            yield threshold(value, block)
            yield threshold(value, block, cached("prefix"))
            yield threshold(value, block, cached("dual"))
        for refresh in (2, 4, 8):
            yield threshold(value, None, cached("delayed", refresh))
        yield threshold(value, 32, cached("dual", 4))
        yield threshold(value, 16, cached("vicinity", None, 16))
    for bound in (0.03, 0.1):
        for refresh in (2, 4):
            yield entropy_bounded(bound, None, cached("delayed", refresh))
        yield entropy_bounded(bound, None, cached("prefix"))
        yield entropy_bounded(bound, 32, cached("dual"))
    for value in (0.9, 0.95):
        yield threshold(value, None, cached("prefix"))
    yield threshold(0.9, None, cached("prefix", 2))


def schedules() -> Iterator[Setting]:
    """The algorithms with a fixed number of steps, from few steps to one token a step."""
    for divisor in (8, 4, 2, 1):
        steps = LENGTH // divisor
        for algorithm in ("entropy", "maskgit_plus", "topk_margin", "low_confidence", "random", "origin", "p2"):
            yield scheduled(algorithm, steps)
    for cache in (cached("prefix"), cached("delayed"), cached("delayed", 4), cached("delayed", 2)):
        yield scheduled("entropy", LENGTH, None, cache)
    for block in (16, 32):
        for cache in (NO_CACHE, cached("prefix"), cached("dual"), cached("vicinity")):
            yield scheduled("entropy", LENGTH, block, cache)


def grid() -> list[Setting]:
    """All settings, each once: the baseline first, and cheap ones before expensive ones."""
    return list(dict.fromkeys([BASELINE, *small_blocks(), *rules(), *caches(), *schedules()]))


# What `unmask generate` does without options (src/decode/default_options.c).
DEFAULT = threshold(0.95, 16, cached("dual"))
