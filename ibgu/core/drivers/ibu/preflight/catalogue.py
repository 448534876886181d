"""P41, and P32 by labels: the catalogue's entry of the seed, and the clusters it was made for."""

from collections import Counter
from collections.abc import Iterator

from ibgu.core.drivers.ibu.preflight.facts import Lookup, PreflightFacts, SeedImageFacts, grouped
from ibgu.core.drivers.ibu.preflight.hardware import P32
from ibgu.core.drivers.ibu.preflight.model import PreflightFinding, PreflightRule
from ibgu.core.drivers.ibu.preflight.seed import SEED
from ibgu.core.model.document import shown
from ibgu.core.model.kinds import SeedImageRef
from ibgu.core.model.seed_image import SEED_IMAGE, digest

_VALUES = 10
"""The most values of a label that have a finding of their own."""
_NONE = SeedImageFacts("", Lookup.MISSING)

P41 = PreflightRule(
    "P41",
    f"The seed is the SeedImage that the annotation {SEED_IMAGE} names",
    "15.1.2.3",
    "Correct the annotation, or apply a new ImageBasedGroupUpgrade with the image by its digest "
    "and the release of the SeedImage.",
)


def profiled(facts: PreflightFacts) -> bool:
    """Returns whether there is a profile to compare the clusters with."""
    entry = facts.payload.seed_image
    return bool(facts.clusters and facts.seed and entry and entry.spec.profile)


def is_the_entry(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    entry = facts.payload.seed_image or _NONE
    at, name = facts.at(f"metadata.annotations[{SEED_IMAGE}]"), shown(entry.name)
    match entry.lookup:
        case Lookup.FORBIDDEN:
            yield P41.unknown(at, f"{name} was not compared: you may not read SeedImages")
        case Lookup.FOUND:
            yield from _same(facts, facts.seed or SeedImageRef(), entry)
        case _:
            yield P41.error(at, f"names {name!r}, which is not in the catalogue")


def _same(
    facts: PreflightFacts, seed: SeedImageRef, entry: SeedImageFacts
) -> Iterator[PreflightFinding]:
    """A mirror has the same image under another address, so digests are compared."""
    name, wanted, found = shown(entry.name), digest(entry.spec.image), digest(seed.image)
    if not found:
        words = f"names no digest; SeedImage {name} is {wanted}"
        yield P41.error(facts.at(f"{SEED}.image"), words)
    elif found != wanted:
        words = f"is {found}, but SeedImage {name} is {wanted}"
        yield P41.error(facts.at(f"{SEED}.image"), words)
    if seed.version != entry.spec.release:
        words = f"is {shown(seed.version)!r}, but SeedImage {name} has {shown(entry.spec.release)}"
        yield P41.error(facts.at(f"{SEED}.version"), words)


def like_the_seed(facts: PreflightFacts) -> Iterator[PreflightFinding]:
    entry = facts.payload.seed_image or _NONE
    for key in sorted(entry.spec.profile):
        yield from _by_label(facts, entry, key)


def _by_label(facts: PreflightFacts, entry: SeedImageFacts, key: str) -> Iterator[PreflightFinding]:
    wanted, label = entry.spec.profile[key], entry.spec.label(key)
    made_for = f"SeedImage {shown(entry.name)} is for {key} {wanted!r}"
    found = [(each.name, each.labels.get(label)) for each in facts.clusters]
    other = Counter(value for _, value in found if value not in (None, wanted))
    named = {value for value, _ in other.most_common(_VALUES)}
    wrong = (
        (name, f"have {repr(value) if value in named else 'other values'}, but {made_for}")
        for name, value in found
        if value in other
    )
    silent = ((name, f"lack this label; {made_for}") for name, value in found if value is None)
    field = f"metadata.labels[{label}]"
    yield from grouped(wrong, field, P32.error)
    yield from grouped(silent, field, P32.unknown)
