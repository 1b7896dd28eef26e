"""Which atoms apply to the elements of which source."""

from dataclasses import dataclass

from .atoms import Map, Predicate, Reducer
from .number_atoms import NUMBER_MAPS, NUMBER_PREDICATES, NUMBER_REDUCERS
from .text_atoms import (CHARACTER_MAPS, CHARACTER_PREDICATES, CHARACTER_REDUCERS, TEXT_MAPS, TEXT_PREDICATES,
                         TEXT_REDUCERS)


@dataclass(frozen=True)
class Vocabulary:
    """The atoms that apply to the elements of one kind of source; `element` is their type, number or text."""

    element: str
    predicates: tuple[Predicate, ...]
    maps: tuple[Map, ...]
    reducers: tuple[Reducer, ...]

    def same_type_maps(self) -> tuple[Map, ...]:
        """The maps with results of the elements' own type."""
        return tuple(m for m in self.maps if m.result == self.element)

    def reducers_after(self, result: str) -> tuple[Reducer, ...]:
        """The reducers for elements that maps have turned into type `result`, without those that ignore the values."""
        reducers = self.reducers
        if result != self.element:
            reducers = NUMBER_REDUCERS if result == "number" else TEXT_REDUCERS
        return tuple(r for r in reducers if r.maps)


# For integers from 1 up, each of these predicates is always true, never true, or the same as another one.
SIGN_PREDICATES = ("positive", "negative", "nonzero", "magnitude")
NUMBERS = Vocabulary("number", NUMBER_PREDICATES, NUMBER_MAPS, NUMBER_REDUCERS)
TEXTS = Vocabulary("text", TEXT_PREDICATES, TEXT_MAPS, TEXT_REDUCERS)

VOCABULARIES = {
    "numbers": NUMBERS,
    "entries": NUMBERS,
    "range": Vocabulary("number", tuple(p for p in NUMBER_PREDICATES if p.name not in SIGN_PREDICATES),
                        tuple(m for m in NUMBER_MAPS if m.name != "absolute"),
                        tuple(r for r in NUMBER_REDUCERS if r.name != "by_magnitude")),
    "words": TEXTS,
    "sentence": TEXTS,
    "characters": Vocabulary("text", CHARACTER_PREDICATES, CHARACTER_MAPS, CHARACTER_REDUCERS),
}
