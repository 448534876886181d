"""Reads back an IBGU's status: what ibgu (or TALM) wrote before the journal was lost."""

from datetime import datetime

from msgspec import Struct, ValidationError, json

from ibgu.core.model.bounds import moment
from ibgu.core.model.kinds import Condition, ManagedFields, RolloutObject

MANAGER = "ibgu"
"""The writer's name as the API server records it: the product of our User-Agent."""


class StatusAction(Struct, frozen=True):
    action: str = ""
    message: str = ""


class StatusEntry(Struct, frozen=True, rename="camel"):
    """The status entry of one cluster."""

    name: str = ""
    completed_actions: tuple[StatusAction, ...] = ()
    failed_actions: tuple[StatusAction, ...] = ()
    current_action: StatusAction | None = None


_MAX_NAME = 253
"""The longest name of a ManagedCluster, in characters, that the API server accepts."""


class _Summary(Struct, frozen=True, rename="camel"):
    step: int = 0
    step_total: int = 0


class _StatusBody(Struct, frozen=True, rename="camel"):
    observed_generation: int = 0
    started_at: str | None = None
    completed_at: str | None = None
    conditions: list[Condition] = []
    clusters: list[StatusEntry] = []
    summary: _Summary = _Summary()


class FormerStatus(Struct, frozen=True):
    generation: int = 0
    started_at: datetime | None = None
    completed_at: datetime | None = None
    complete: bool = False
    """Whether the status shows all steps of the current plan as completed."""
    steps: int = 0
    """How many steps had members, if the status counts them."""
    clusters: dict[str, StatusEntry] = {}
    ours: bool = False
    """Whether ibgu wrote the status."""
    written_at: datetime | None = None
    """When ibgu wrote it last, by the hub's clock: all that it tells had ended by then."""

    @property
    def begun(self) -> bool:
        return self.complete or (self.ours and bool(self.started_at or self.clusters))


def read_status(found: RolloutObject) -> FormerStatus:
    """Returns the status read; empty if it can't be read."""
    try:
        status = json.decode(found.status, type=_StatusBody)
    except ValidationError:
        return FormerStatus()
    return FormerStatus(
        generation=status.observed_generation,
        started_at=moment(status.started_at or ""),
        completed_at=moment(status.completed_at or ""),
        complete=_complete(status, found),
        steps=max(0, status.summary.step - (0 if status.summary.step_total else 1)),
        clusters={one.name: one for one in status.clusters if len(one.name) <= _MAX_NAME},
        ours=bool(by_us := _by_us(found)),
        written_at=max(filter(None, (moment(each.time) for each in by_us)), default=None),
    )


def _complete(status: _StatusBody, found: RolloutObject) -> bool:
    """Whether the current plan is complete; a step that was appended since is not."""
    said = any(
        c.type == "Progressing" and c.status == "False" and c.reason == "Completed"
        for c in status.conditions
    )
    return said and status.observed_generation in (0, found.metadata.generation)


def _by_us(found: RolloutObject) -> list[ManagedFields]:
    """Returns the fields of the status that ibgu has written."""
    fields = found.metadata.managed_fields
    return [f for f in fields if f.manager == MANAGER and f.subresource == "status"]
