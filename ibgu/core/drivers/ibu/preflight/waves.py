"""P18: the order in which the Lifecycle Agent applies objects, by their annotation."""

import re
from collections.abc import Iterable, Iterator

from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.model.document import Document, ObjectField, shown

APPLY_WAVE = "lca.openshift.io/apply-wave"
LAST = 2**31 - 1
"""The wave of an object without one, as the Lifecycle Agent has it."""
MAX_WAVES = 9
"""Different waves whose order holds: the Lifecycle Agent writes each into a directory with its
number, and up to 4.21 reads directories by name after the reboot, 10 before 2."""
_MAX_WAVE = 2**63
_WHOLE = re.compile(r"([+-]?)0*([0-9]{1,19})")

P18 = PreflightRule(
    "P18",
    f"An apply-wave is an annotation with an integer in quotes, and at most {MAX_WAVES} differ",
    "15.1.2.4.1",
    f'Set the annotation to an integer in quotes, such as "4". Use at most {MAX_WAVES} different '
    "waves for Restores, and for extra manifests.",
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


def applied(wave: Iterable[Document]) -> list[Document]:
    """Returns extra manifests of a wave as they are applied: the Lifecycle Agent writes each into a
    file that begins with its number, and reads files by name, 10_ before 1_ before 2_."""
    files = {f"{number}_{each.kind}_": each for number, each in enumerate(wave, 1)}
    return [files[name] for name in sorted(files)]


def too_many_waves(documents: Iterable[Document], at: ObjectField) -> Iterator[PreflightFinding]:
    """Yields one finding for Restores or extra manifests, which are read after the reboot."""
    waves = len({wave(each) for each in documents})
    if waves > MAX_WAVES:
        words = f"has {waves} waves: Lifecycle Agents up to 4.21 apply the tenth before the second"
        yield P18.warning(at, words)


def unreadable_waves(documents: Iterable[Document]) -> Iterator[PreflightFinding]:
    for document in documents:
        value = document.annotation(APPLY_WAVE)
        if value not in (None, "") and _number(value) is None:
            words = (
                f"{shown(value)!r} isn't an integer"
                if isinstance(value, str)
                else f"{shown(value)} isn't a string: put the number in quotes"
            )
            yield P18.error(document.at("metadata", "annotations", APPLY_WAVE), words)
        if document.get("metadata", "labels", APPLY_WAVE) is not None:
            words = "is a label: the Lifecycle Agent reads the annotation of that name"
            yield P18.warning(document.at("metadata", "labels", APPLY_WAVE), words)


def _number(value: object) -> int | None:
    found = _WHOLE.fullmatch(value) if isinstance(value, str) else None
    number = int(found[1] + found[2]) if found is not None else _MAX_WAVE
    return number if -_MAX_WAVE <= number < _MAX_WAVE else None
