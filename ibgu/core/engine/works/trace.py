"""Traces: what stage works show of the runs that they were written for."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from ibgu.core.model import ActionName, RunResult, WorkView, declared, names, traits
from ibgu.core.model.bounds import moment
from ibgu.core.model.shown import HubObject

_DIGITS = 6
_MAX_RUN = 64
"""Characters: ours have 20, and an index of the journal limits the length."""
_RESULTS = {result.value: result for result in RunResult}


class Trace(Struct, frozen=True, kw_only=True):
    """The newest run of one cluster in one rollout, from the annotations of its stage work."""

    cluster: str
    work: WorkView
    action: ActionName
    attempt: int
    started: datetime | None
    limit: datetime | None
    outcome: RunResult | None

    @property
    def run(self) -> str:
        return self.work.run

    @property
    def taken(self) -> bool:
        """Whether the cluster echoes the run: it has taken the stage (R9.1)."""
        ibu = self.work.feedback
        return ibu is not None and ibu.run == self.run and ibu.stage == traits(self.action).stage


def traces_of(works: Iterable[HubObject[WorkView]]) -> dict[str, Trace]:
    """Returns the traces by cluster; works that only carried a probe have none."""
    found = (_trace(work) for work in works)
    return {trace.cluster: trace for trace in found if trace is not None}


def _trace(work: HubObject[WorkView]) -> Trace | None:
    marks = work.metadata.annotations
    action = marks.get(names.ACTION, "")
    if not 0 < len(work.view.run) <= _MAX_RUN or not declared(action):
        return None
    return Trace(
        cluster=work.metadata.namespace,
        work=work.view,
        action=action,
        attempt=_attempt(marks.get(names.ATTEMPT, "")),
        started=moment(marks.get(names.STARTED, "")),
        limit=moment(marks.get(names.LIMIT, "")),
        outcome=_RESULTS.get(marks.get(names.OUTCOME, "")),
    )


def _attempt(value: str) -> int:
    """Returns the attempt, bounded: anybody may have edited it, and the journal limits the
    number."""
    return int(value) if value.isdecimal() and len(value) <= _DIGITS else 1
