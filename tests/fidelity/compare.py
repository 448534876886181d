"""Compares the real trace of a scene with those that the model can show."""

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from tests.fidelity.trace import Fields, Trace

READ_FROM_SPEC = frozenset({"stage", "generation", "uid", "run", "probe"})
"""Fed-back values that only someone else's write changes."""


class Difference(Struct, frozen=True):
    step: str
    field: str
    real: object
    model: tuple[object, ...]

    def __str__(self) -> str:
        can = " or ".join(map(repr, self.model)) or "nothing"
        return f"{self.step}: {self.field} is {self.real!r}, and on the model {can}"


def differences(names: Sequence[str], real: Trace, models: Sequence[Trace]) -> list[Difference]:
    """Returns fields in which a step ends otherwise than on the model, and values that a field has
    on the way and can't have on the model: the model has one trace for each seed. A step begins
    with what the one before it ended with: several objects that change at once on the model change
    one after the other on a server, and the real agent may read them in between."""
    found: list[Difference] = []
    for number, name in enumerate(names):
        found += _ends(name, real.ends[number], [model.ends[number] for model in models])
        before = [model.ends[number - 1] for model in models if number]
        possible = [*before, *(shown for model in models for shown in model.steps[number])]
        found += _ways(name, real.steps[number], possible)
    return found


def _ends(step: str, real: Fields, models: Sequence[Fields]) -> Iterator[Difference]:
    if real in models:
        return
    nearest = min(models, key=lambda model: len(_unequal(real, model)))
    for field in _unequal(real, nearest):
        yield Difference(f"{step}, at its end", field, real.get(field), (nearest.get(field),))


def _unequal(one: Fields, other: Fields) -> list[str]:
    return [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]


def _ways(step: str, real: Sequence[Fields], possible: Sequence[Fields]) -> Iterator[Difference]:
    told: set[tuple[str, str]] = set()
    for shown in real:
        for field, value in _of_the_agent(shown):
            known = [each[field] for each in possible if field in each]
            possible_now = (
                value in known or _is_between(value, known) or _is_its_own_count(value, shown)
            )
            if not possible_now and (field, repr(value)) not in told:
                told.add((field, repr(value)))
                yield Difference(f"{step}, on its way", field, value, _distinct(known))


def _is_between(value: object, known: Sequence[object]) -> bool:
    """Whether the value counts objects on their way from one count that the model shows to another:
    the real agent reads them while it applies them, the model all at one moment."""
    count = _unavailable(value)
    counts = [each for each in map(_unavailable, known) if each is not None]
    return count is not None and bool(counts) and min(counts) < count < max(counts)


def _is_its_own_count(value: object, shown: Fields) -> bool:
    """Whether the value counts the objects that the same state shows as unavailable; whether each
    of them can be is a question of its own."""
    own = [name for name in shown if name.endswith(": Available.status")]
    return bool(own) and _unavailable(value) == sum(shown[name] != "True" for name in own)


def _unavailable(value: object) -> int | None:
    if value == "All resources are available":
        return 0
    found = re.fullmatch(r"(\d+) of \d+ resources are not available", str(value))
    return int(found[1]) if found else None


def _of_the_agent(shown: Fields) -> Iterator[tuple[str, object]]:
    """Yields the fields that the work agent decides on. The rest is what it has read of the
    ImageBasedUpgrade, in whichever of its short phases."""
    for field, value in shown.items():
        name = field.partition(": feedback.")[2].partition(".")[0]
        if name in READ_FROM_SPEC or not (name or field.endswith(": values")):
            yield field, value


def _distinct(values: Sequence[object]) -> tuple[object, ...]:
    return tuple({repr(value): value for value in values}.values())
