"""Finds mistakes in an IBGU's own annotations: a typing error must not pass unnoticed."""

from collections.abc import Iterator, Mapping

from ibgu.core.drivers.ibu.backup import asked_backup
from ibgu.core.engine.decide.rollout.skippable import beside_all, contradicts
from ibgu.core.engine.decide.rollout.unknown_annotations import (
    MAX_NAMED,
    OURS,
    does_nothing,
    unknown,
)
from ibgu.core.engine.gates import SWITCHES
from ibgu.core.engine.timing.rate_limits import misread, rate_limits_of
from ibgu.core.model import names

WHO_AND_WHAT = "say who has cleaned up, and what"


def mistakes(annotations: Mapping[str, str], kind: str = names.IBGU) -> list[str]:
    """Returns messages that name the annotation and the expected value; empty: no mistake. `kind`:
    of the object that has them."""
    return [*_mistakes(annotations), *_of_backup(annotations, kind)]


def _mistakes(annotations: Mapping[str, str]) -> Iterator[str]:
    found = unknown(annotations)
    yield from map(does_nothing, found[:MAX_NAMED])
    if (more := len(found) - MAX_NAMED) > 0:
        yield f"{more} more annotations with the prefix {OURS} do nothing"
    breaker = annotations.get(names.CIRCUIT_BREAKER, names.CIRCUIT_BREAKER_OFF)
    if breaker != names.CIRCUIT_BREAKER_OFF:
        yield misread(names.CIRCUIT_BREAKER, breaker, names.CIRCUIT_BREAKER_OFF)
    if others := beside_all(annotations.get(names.SKIP, "")):
        yield f"{names.SKIP}: {contradicts(others)}"
    for key, switch in SWITCHES.items():
        value = annotations.get(key)
        if value is not None and switch.values and value.strip().lower() not in switch.values:
            yield misread(key, value, " or ".join(switch.values))
    if not annotations.get(names.MANUAL_CLEANUP_DONE, "-").strip():
        yield f"{names.MANUAL_CLEANUP_DONE} needs a value: {WHO_AND_WHAT}"
    if problem := rate_limits_of(annotations).problem:
        yield problem


def _of_backup(annotations: Mapping[str, str], kind: str) -> Iterator[str]:
    if kind != names.IBGU:
        for key in sorted(annotations.keys() & set(names.BACKUP_ANNOTATIONS)):
            yield f"the annotation {key} does nothing: name the backup in spec.update.backup"
        return
    asked = asked_backup(annotations)
    if asked is not None and asked.problem:
        yield asked.problem
