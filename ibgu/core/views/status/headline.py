"""The part of a status that its readers act on; the rest is counts, and how single clusters go
on."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.views.mistakes import mistakes
from ibgu.core.views.status.conditions import conditions
from ibgu.core.views.status.phase import Phase, phase_of


class Headline(Struct, frozen=True):
    """Headline is what a status says of the rollout as a whole."""

    phase: Phase
    generation: int
    steps: int
    failed: int
    """Clusters."""
    times: tuple[datetime | None, datetime | None]
    conditions: tuple[tuple[str, str, str], ...]
    """Type, status and reason: messages have counts in them."""


def headline_of(
    tracked: TrackedRollout, payload: PayloadState, annotations: Mapping[str, str], now: datetime
) -> Headline:
    """Returns the headline of the rollout's status, which takes much less than all of it.

    `annotations` are the IBGU's, as they are on the hub.
    """
    rollout, counts = tracked.rollout, tracked.counts
    wrong = mistakes(annotations, rollout.kind)
    status_conditions = conditions(tracked, payload, (), now, counted=True, mistakes=wrong)
    return Headline(
        phase=phase_of(rollout, tracked.newest, counts),
        generation=rollout.generation,
        steps=len(tracked.steps),
        failed=counts.failed,
        times=(rollout.started_at, rollout.completed_at),
        conditions=tuple(
            (each["type"], each["status"], each["reason"]) for each in status_conditions
        ),
    )
