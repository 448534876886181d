"""Breaks how the health of canaries is known that must be well while they soak (R50.16, R50.18)."""

from collections.abc import Collection
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from ibgu.controller.lookups import policy_compliance
from ibgu.controller.sources import questions
from ibgu.core.engine.gates.policies import policy
from ibgu.core.engine.state import canaries, canary_health, health_observations
from ibgu.core.engine.state.health_observations import HealthFinding, HealthObservations
from tests.simulation.breaking import Patches
from tests.simulation.breaking import replace_part as _set

_LONG = timedelta(days=1)


def health_ignored(stack: ExitStack) -> None:
    """Canaries need only be available."""
    _set(stack, canaries, "health_findings", lambda *asked: iter(()))


def answers_ignored(stack: ExitStack) -> None:
    """Whatever clusters, policies and sources answer, canaries are well."""
    _set(stack, HealthObservations, "finding", lambda self, check, *asked: HealthFinding())


def breaks_forgotten(stack: ExitStack) -> None:
    """A canary that is well again goes on with its soak."""
    _set(stack, health_observations, "_well_since", lambda *asked: asked[3] - _LONG)


def silence_forgotten(stack: ExitStack) -> None:
    """However long nothing was heard of a canary, its soak goes on."""
    _set(stack, health_observations, "VALID", _LONG)


def silent_source_counts(stack: ExitStack) -> None:
    """A canary stays well while its source does not answer."""
    of_source = health_observations._of_source

    def known(question: Any, found: Any, now: datetime) -> HealthFinding:
        return of_source(question, replace(found, trouble=""), now)

    _set(stack, health_observations, "_of_source", known)


def own_times_ignored(stack: ExitStack) -> None:
    """A break between two questions does not show, although the cluster says when it was."""
    note = HealthObservations.note

    def timeless(
        self: HealthObservations, check: Any, cluster: Any, answer: Any, *more: Any
    ) -> bool:
        return note(self, check, cluster, replace(answer, since=None), *more)

    _set(stack, HealthObservations, "note", timeless)


def condition_times_ignored(stack: ExitStack) -> None:
    """A condition that is as it must be says nothing of a break before."""
    condition = canary_health._condition

    def timeless(wanted: Any, cluster: Any) -> HealthFinding:
        return replace(condition(wanted, cluster), since=None)

    _set(stack, canary_health, "_condition", timeless)


def short_breaks_missed(stack: ExitStack) -> None:
    """A metric is asked about now alone, and not about the time since the last answer."""
    _set(stack, questions, "_points", lambda asking: 0)


def unbound_complies(stack: ExitStack) -> None:
    """A cluster to which no policy is bound complies."""
    compliance = vars(policy_compliance)["compliance"]

    def complies(policies: Collection[Any]) -> HealthFinding:
        return compliance(policies) if policies else HealthFinding()

    _set(stack, policy_compliance, "compliance", complies)


def unknown_source_starts(stack: ExitStack) -> None:
    """Clusters start although ibgu does not know the source that is to say whether they are
    well."""
    _set(stack, policy, "source_faults", lambda spec, known: iter(()))


PATCHES: tuple[tuple[Patches, int], ...] = (
    (health_ignored, 67),
    (answers_ignored, 327),
    (breaks_forgotten, 1009),
    (silence_forgotten, 8649),
    (silent_source_counts, 13297),
    (own_times_ignored, 327),
    (condition_times_ignored, 449),
    (unbound_complies, 1823),
    (unknown_source_starts, 186),
)
"""The patches, with the first seed of each."""
