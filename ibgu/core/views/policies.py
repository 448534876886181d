"""Finds what is wrong with RolloutPolicies in files, before they are applied."""

import re
from collections.abc import Iterator
from enum import StrEnum
from types import NoneType
from typing import Any, get_args

import msgspec
from msgspec import Struct

from ibgu.core.drivers import declared
from ibgu.core.engine.gates.policies import Sources, faults, source_faults
from ibgu.core.model.document import Document
from ibgu.core.model.rollout_policy import RolloutPolicy, RolloutPolicySpec
from ibgu.core.text.broken_manifest import broken_manifest, split

_VERSION = "ibgu.dev/v1alpha1"


class PolicyFinding(Struct, frozen=True):
    """PolicyFinding is why a policy can't be read or followed."""

    policy: str
    """The policy's name; empty: it is not known."""
    file: str
    line: int
    message: str


def findings_of(document: Document, sources: Sources | None = None) -> Iterator[PolicyFinding]:
    """Yields what is wrong. `sources` of health that are set up; None: they are not known."""
    for message in _messages(document, sources):
        yield PolicyFinding(document.name, document.file, document.line, message)


def _messages(document: Document, sources: Sources | None) -> Iterator[str]:
    if document.problem:
        yield document.problem
        return
    if document.api_version != _VERSION:
        yield f'apiVersion is "{document.api_version}", and should be {_VERSION}'
    if not document.name:
        yield "metadata.name is missing"
    try:
        policy = msgspec.convert(document.body, RolloutPolicy)
    except msgspec.ValidationError as error:
        text = str(error)
        yield broken_manifest(text, _values_at(split(text)[1]))
        return
    spec = policy.spec
    # As the drivers have it: to import them is to declare the actions of every kind.
    yield from faults(spec, declared)
    if sources is not None:
        found = source_faults(spec, sources)
        yield from (f"spec.canaries.health: {fault}" for fault in found)
    if not _holds(spec):
        yield "spec has no limit, time, canaries, budget, breaker, approval or demand"
    if spec.fit and not spec.windows:
        yield "spec.fit: there is no window in which anything could fit"


def _values_at(path: str) -> tuple[str, ...]:
    """Returns the values that a field of a policy may have; empty: they are not listed."""
    found: Any = RolloutPolicy
    for name in re.sub(r"\[.*?\]", "", path).split("."):
        fields = msgspec.structs.fields(found) if _is(found, Struct) else ()
        types = {each.encode_name: each.type for each in fields}
        found = _meant(types.get(name))
    return tuple(map(str, found)) if _is(found, StrEnum) else ()


def _is(found: Any, kind: type) -> bool:
    return isinstance(found, type) and issubclass(found, kind)


def _meant(of: Any) -> Any:
    """Returns the type of what an optional field or a list has."""
    args = [each for each in get_args(of) if each is not NoneType]
    return args[0] if args else of


def _holds(spec: RolloutPolicySpec) -> bool:
    limits = spec.in_flight or spec.per_topology or spec.never_together
    failures = spec.canaries or spec.failure_budget or spec.breaker
    demands = spec.approval or spec.preflight or spec.warnings or spec.backup
    return bool(limits or spec.windows or spec.freezes or failures or demands)
