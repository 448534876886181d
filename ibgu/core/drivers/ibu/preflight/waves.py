"""P18: the order in which the Lifecycle Agent applies objects, by their annotation."""

import re
from collections.abc import Iterable, Iterator

from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.model.document import Document, shown

APPLY_WAVE = "lca.openshift.io/apply-wave"
LAST = 2**31 - 1
"""The wave of an object without one, as the Lifecycle Agent has it."""
_MAX_WAVE = 2**63
_WHOLE = re.compile(r"[+-]?0*[0-9]{1,19}")

P18 = PreflightRule(
    "P18",
    "An apply-wave is a whole number in quotes",
    "15.1.2.4.1",
    'Write a whole number in quotes, such as "4".',
)


def wave(document: Document) -> int:
    """Returns the wave; LAST if there is none or it can't be read."""
    found = _number(document.annotation(APPLY_WAVE))
    return LAST if found is None else found


def grouped(documents: Iterable[Document]) -> list[tuple[int, list[Document]]]:
    """Returns the waves in order; within a wave by name, as the Lifecycle Agent sorts."""
    waves: dict[int, list[Document]] = {}
    for document in sorted(documents, key=lambda each: (wave(each), each.name)):
        waves.setdefault(wave(document), []).append(document)
    return list(waves.items())


def unreadable_waves(documents: Iterable[Document]) -> Iterator[PreflightFinding]:
    for document in documents:
        value = document.annotation(APPLY_WAVE)
        if value not in (None, "") and _number(value) is None:
            words = (
                f"{shown(value)!r} is not a whole number"
                if isinstance(value, str)
                else f"{shown(value)} is not a string: put the value in quotes"
            )
            yield P18.error(document.at("metadata", "annotations", APPLY_WAVE), words)


def labels_without_quotes(document: Document) -> Iterator[tuple[str, ...]]:
    """Yields the labels and annotations whose values are no texts, without the wave."""
    for group in ("labels", "annotations"):
        values = document.get("metadata", group)
        for key, value in values.items() if isinstance(values, dict) else ():
            if key != APPLY_WAVE and not isinstance(value, str):
                yield ("metadata", group, key)


def _number(value: object) -> int | None:
    if isinstance(value, str) and _WHOLE.fullmatch(value) and -_MAX_WAVE <= int(value) < _MAX_WAVE:
        return int(value)
    return None
