"""The status of an IBGU, read back: what ibgu (or TALM) had told before the journal was lost."""

from datetime import datetime

from msgspec import Struct, ValidationError, json

from ibgu.core.kinds import Condition, Ibgu
from ibgu.core.moments import moment

MANAGER = "ibgu"
"""As the API server names who wrote: the product of our User-Agent."""


class ToldAction(Struct, frozen=True):
    action: str = ""
    message: str = ""


class Entry(Struct, frozen=True, rename="camel"):
    """One cluster."""

    name: str = ""
    completed_actions: tuple[ToldAction, ...] = ()
    failed_actions: tuple[ToldAction, ...] = ()
    current_action: ToldAction | None = None


_LONGEST_NAME = 253
"""Characters of a ManagedCluster's name: the API server takes no more."""


class _Summary(Struct, frozen=True, rename="camel"):
    step: int = 0
    step_total: int = 0


class _Status(Struct, frozen=True, rename="camel"):
    observed_generation: int = 0
    started_at: str | None = None
    completed_at: str | None = None
    conditions: list[Condition] = []
    clusters: list[Entry] = []
    summary: _Summary = _Summary()


class Told(Struct, frozen=True):
    generation: int = 0
    started_at: datetime | None = None
    completed_at: datetime | None = None
    complete: bool = False
    """All steps of the plan, as it is now, were said to be completed."""
    steps: int = 0
    """How many steps had members, where the status counts them."""
    clusters: dict[str, Entry] = {}
    ours: bool = False
    """ibgu wrote it."""

    @property
    def begun(self) -> bool:
        return self.complete or (self.ours and bool(self.started_at or self.clusters))


def told(found: Ibgu) -> Told:
    """A status that can't be read says nothing."""
    try:
        status = json.decode(found.status, type=_Status)
    except ValidationError:
        return Told()
    return Told(
        generation=status.observed_generation,
        started_at=moment(status.started_at or ""),
        completed_at=moment(status.completed_at or ""),
        complete=_complete(status, found),
        steps=max(0, status.summary.step - (0 if status.summary.step_total else 1)),
        clusters={one.name: one for one in status.clusters if len(one.name) <= _LONGEST_NAME},
        ours=_ours(found),
    )


def _complete(status: _Status, found: Ibgu) -> bool:
    """The step that was appended since is no part of it."""
    said = any(
        c.type == "Progressing" and c.status == "False" and c.reason == "Completed"
        for c in status.conditions
    )
    return said and status.observed_generation in (0, found.metadata.generation)


def _ours(found: Ibgu) -> bool:
    fields = found.metadata.managed_fields
    return any(f.manager == MANAGER and f.subresource == "status" for f in fields)
