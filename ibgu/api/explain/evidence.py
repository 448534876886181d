"""Adds to an explanation what was read on the cluster after its failure."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Request

from ibgu.api.context import Context
from ibgu.api.requests.async_dependency import async_dependency
from ibgu.core.drivers import KIND_TEXTS
from ibgu.core.drivers.ibu.failures.evidence import Evidence, evidence
from ibgu.core.drivers.ibu.preflight.inspection.velero import concerns_velero
from ibgu.core.model import RunResult
from ibgu.db.inspections import EVIDENCE_KEPT, Inspections
from ibgu.db.views import VisitRow

OFF = "inspections are off: set IBGU_PREFLIGHT_INSPECTIONS to read Velero's objects after a failure"
NOT_READ = "Velero's objects were not read after this failure"
OPEN = "Velero's objects are being read"
_FAILED = (RunResult.FAILED, RunResult.LIMIT)


class EvidenceOfCluster:
    """EvidenceOfCluster serves one request. Methods raise JournalUnavailable."""

    def __init__(self, request: Request) -> None:
        context: Context = request.app.state.context
        self._enabled = context.inspections.enabled
        self._store = Inspections(context.engine, context.hub)

    async def of(self, visits: Sequence[VisitRow]) -> Evidence | None:
        """Returns the evidence of the failure that ended the newest step. `visits`: newest first;
        None: the cluster has not failed there."""
        newest = visits[0]
        run = newest.runs[-1] if newest.runs else None
        if not newest.member.member.finished or run is None or run.result not in _FAILED:
            return None
        if commands := KIND_TEXTS.meanings(run.action).commands:
            return Evidence(commands=commands)
        if not concerns_velero(run.message):
            return evidence(run.message, None)
        if not self._enabled:
            return evidence(run.message, None, OFF)
        cluster = newest.member.member.cluster
        found = (await self._store.results([cluster], EVIDENCE_KEPT)).get(cluster)
        if found is None:
            return evidence(run.message, None, NOT_READ)
        problem = OPEN if found.open else found.problem or NOT_READ
        return evidence(run.message, found.facts, problem)


EvidenceOfRequest = Annotated[EvidenceOfCluster, Depends(async_dependency(EvidenceOfCluster))]
