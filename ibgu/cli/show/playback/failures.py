"""Groups failures so far as the REST API does."""

from collections.abc import Mapping

from msgspec import Struct

from ibgu.client.responses import FailureGroupResponse, FailuresResponse
from ibgu.core.drivers.ibu.failures import KnownFailure, explain
from ibgu.core.model import Action


class ReplayedFailure(Struct, frozen=True):
    step: int
    action: str | None
    outcome: str
    cause: str | None
    message: str | None

    @property
    def known(self) -> KnownFailure | None:
        if self.action not in list(Action) or not self.message:
            return None
        return explain(Action(self.action), self.message)


def failures_of(
    failed: Mapping[tuple[int, str], ReplayedFailure], aborted: Mapping[str, int]
) -> FailuresResponse:
    """Returns the groups; `failed` by step and cluster, `aborted`: the newest step, from 0, that
    took each cluster back to Idle."""
    groups: dict[tuple[object, ...], list[tuple[str, ReplayedFailure]]] = {}
    for (_, cluster), found in failed.items():
        known = found.known
        key = (found.step, found.action, found.outcome, found.cause, known and known.name)
        groups.setdefault(key, []).append((cluster, found))
    items = [_group(members, aborted) for members in groups.values()]
    items.sort(key=lambda group: -group.count)
    return FailuresResponse(total=len(failed), items=tuple(items))


def _group(
    members: list[tuple[str, ReplayedFailure]], aborted: Mapping[str, int]
) -> FailureGroupResponse:
    first = members[0][1]
    known = first.known
    return FailureGroupResponse(
        step=first.step + 1,
        action=first.action,
        outcome=first.outcome,
        cause=first.cause,
        failure=known.name if known else None,
        means=known.means if known else None,
        remedy=known.remedy if known else None,
        message=first.message or "",
        count=len(members),
        clusters=tuple(cluster for cluster, _ in members),
        aborted=tuple(
            cluster for cluster, found in members if aborted.get(cluster, found.step) > found.step
        ),
    )
