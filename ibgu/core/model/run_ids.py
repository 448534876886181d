"""Ids of runs, by which ibgu knows a run as its own even where the journal has forgotten it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from msgspec import Struct

from ibgu.core.model.actions import ActionName
from ibgu.core.model.bounds import YEARS

_DIGEST, _TIME, _STEP, _ATTEMPT = 16, 11, 2, 5
"""The hexadecimal digits of the parts of an id, in this order. Runs of many clusters begin at once,
with the same time, step and attempt: the digest alone tells them apart."""
_LENGTH = _DIGEST + _TIME + _STEP + _ATTEMPT
_HEX = frozenset("0123456789abcdef")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class RunOrigin(Struct, frozen=True, kw_only=True):
    """RunOrigin is what a run's id tells of it."""

    id: str
    action: ActionName
    step: int
    attempt: int
    intended_at: datetime
    """The time is in whole milliseconds."""


def run_id(
    rollout: str, cluster: str, action: ActionName, step: int, attempt: int, now: datetime
) -> str:
    """Returns the id of a run that begins now. `rollout` and `cluster` are uids."""
    time = (now - _EPOCH) // _MILLISECOND
    rest = f"{time:0{_TIME}x}{step:0{_STEP}x}{attempt:0{_ATTEMPT}x}"
    return _digest(rollout, cluster, action, rest) + rest


def origin_of(
    run: str, rollout: str, cluster: str, actions: Iterable[ActionName]
) -> RunOrigin | None:
    """Returns what the id tells of the run; None: ibgu has not made it for this rollout, cluster
    and one of the actions, or an ibgu has that made other ids.

    Nothing in it is secret: anyone who may change the object on a cluster can make one up for that
    cluster, as its agent can change its works (R31.2).
    """
    if len(run) != _LENGTH or not _HEX.issuperset(run):
        return None
    digest, rest = run[:_DIGEST], run[_DIGEST:]
    made = (each for each in actions if _digest(rollout, cluster, each, rest) == digest)
    action = next(made, None)
    if action is None:
        return None
    time, step, attempt = rest[:_TIME], rest[_TIME:-_ATTEMPT], rest[-_ATTEMPT:]
    began = _EPOCH + int(time, 16) * _MILLISECOND
    if began.year not in YEARS:
        return None
    return RunOrigin(
        id=run, action=action, step=int(step, 16), attempt=int(attempt, 16), intended_at=began
    )


def _digest(rollout: str, cluster: str, action: ActionName, rest: str) -> str:
    seed = f"{rollout}/{cluster}/{action}/{rest}"
    return sha256(seed.encode()).hexdigest()[:_DIGEST]
