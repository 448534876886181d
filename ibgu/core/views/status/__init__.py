"""The IBGU's status: `status_of` builds all of it from TrackedRollout and the IBGU."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from msgspec import to_builtins

from ibgu.core.engine.state import TrackedRollout
from ibgu.core.engine.state.snapshot import PayloadState
from ibgu.core.model.kinds import Condition, JsonObject
from ibgu.core.text.spans import utc
from ibgu.core.views.mistakes import mistakes
from ibgu.core.views.status.conditions import conditions, held_only, unlisted
from ibgu.core.views.status.headline import Headline, headline_of
from ibgu.core.views.status.listing import StatusListing
from ibgu.core.views.status.phase import Phase, complete, hold_of, kept_by, phase_of
from ibgu.core.views.status.size import fit

__all__ = [
    "OPTIONAL_FIELDS",
    "Headline",
    "Phase",
    "StatusListing",
    "complete",
    "headline_of",
    "held_status",
    "hold_of",
    "kept_by",
    "phase_of",
    "status_of",
    "summary_of",
]

NO_ANNOTATIONS: Mapping[str, str] = MappingProxyType({})


def status_of(
    tracked: TrackedRollout,
    payload: PayloadState,
    before: Iterable[Condition],
    served: frozenset[str],
    now: datetime,
    listing: StatusListing | None = None,
    annotations: Mapping[str, str] = NO_ANNOTATIONS,
) -> JsonObject:
    """Returns the status to write; `served` names the optional fields that the hub's CRD declares.

    `annotations` are the IBGU's, as they are on the hub. `listing` is the rollout's from the last
    call, updated here. `clusters` is encoded already; a field that is None is to be removed (JSON
    merge patch).
    """
    listing = listing or StatusListing()
    listing.update(tracked)
    rollout, old = tracked.rollout, list(before)
    wrong, counted = mistakes(annotations, tracked.rollout.kind), "summary" in served
    status: JsonObject = {
        "observedGeneration": rollout.generation,
        "startedAt": _stamp(rollout.started_at),
        "completedAt": _stamp(rollout.completed_at) if complete(rollout, tracked.newest) else None,
        "conditions": conditions(tracked, payload, old, now, counted=counted, mistakes=wrong),
        "phase": phase_of(rollout, tracked.newest, tracked.counts),
        "summary": summary_of(tracked),
        "hidden": None,
    }
    last = tracked.steps[-1].members if tracked.steps else ()
    fitting = fit(status, listing, last, unlisted(tracked, old, now))
    unsent = (OPTIONAL_FIELDS - served) | _talms(tracked)
    return {key: value for key, value in fitting.items() if key not in unsent}


def held_status(
    tracked: TrackedRollout, before: Iterable[Condition], served: frozenset[str], now: datetime
) -> JsonObject:
    """Returns the status of a quarantined rollout: its hold; all else stays as the hub shows it.
    That was not compared with the journal, and may prove that the journal is behind."""
    status: JsonObject = {
        "conditions": held_only(tracked, before, now),
        "phase": phase_of(tracked.rollout, tracked.newest, tracked.counts),
    }
    return {key: value for key, value in status.items() if key not in OPTIONAL_FIELDS - served}


OPTIONAL_FIELDS = frozenset({"phase", "summary", "hidden"})


def _talms(tracked: TrackedRollout) -> frozenset[str]:
    """Returns the fields that stay as TALM wrote them until ibgu adopts the rollout and its
    clusters."""
    waits = tracked.rollout.awaits_adoption and not tracked.steps
    return frozenset({"clusters"}) if waits else frozenset()


def _stamp(at: datetime | None) -> str | None:
    return utc(at) if at else None


def summary_of(tracked: TrackedRollout) -> dict[str, int] | None:
    """Returns the counts of the whole rollout, and the newest step (from 1); None before it.

    `stepTotal` is of that step alone, 0 while it opens: a rebuild of a lost journal reads from it
    whether the step has members.
    """
    if not tracked.steps:
        return None
    total = tracked.steps[-1].step.total
    return {"step": len(tracked.steps), "stepTotal": total, **to_builtins(tracked.counts)}
