"""Reads the health of canaries by works that only read, for as long as others wait behind them."""

import asyncio
from collections.abc import Callable, Collection, Mapping
from random import Random
from typing import Protocol
from uuid import uuid4

import structlog
from msgspec import Struct

from ibgu.controller.inspections.reading_works import TOO_OLD, ReadingWorkKind, ReadingWorks
from ibgu.core.drivers.canary_health import (
    SELECTOR,
    WORK,
    HealthAnswer,
    health_answer,
    health_body,
    health_patch,
)
from ibgu.core.engine.state.health_observations import HealthFinding, ObservedCheck
from ibgu.core.model import ClusterView
from ibgu.core.model.kinds import ManifestWork
from ibgu.flowcontrol.deadline import Deadline
from ibgu.flowcontrol.fair import interleaved
from ibgu.hub.discovery import Served
from ibgu.hub.port import Hub
from ibgu.hub.writing.writer import WriteResult
from ibgu.settings import Settings

log = structlog.get_logger("ibgu.canaries")

CHECKS = frozenset({ObservedCheck.CLUSTER_OPERATORS, ObservedCheck.NODES})
INTERVAL = 60.0
"""Seconds from an answer of a cluster to the next question."""
PATIENCE = 180.0
"""Seconds after which a question is put again that a cluster has not answered."""
AGGREGATION = 5.0
"""Seconds after which a cluster is asked again that has not given its agent the rights yet."""
RETRY = 15.0
"""Seconds after which a question is sent again that the hub has refused."""
MAX_CLUSTERS = 200
"""Canaries that are read at once, in all namespaces: each holds its answer about some 40
objects."""
TOO_MANY = "ibgu reads its operators and nodes only of so many canaries at once: have fewer of them"
_TURN = 1.0
"""Seconds between two looks for canaries."""
_WORKS = ReadingWorkKind(name=WORK, selector=SELECTOR, share=8)


class CanarySource(Protocol):
    """CanarySource has those that have to be observed, and what is noted of them."""

    def wanted(self, checks: frozenset[ObservedCheck]) -> Mapping[str, "WantedCanary"]: ...

    def note(self, check: ObservedCheck, cluster: ClusterView, answer: HealthFinding) -> None: ...

    def note_trouble(self, check: ObservedCheck, cluster: ClusterView, trouble: str) -> None: ...


class WantedCanary(Protocol):
    """WantedCanary is a canary, with the uid of a rollout that waits for it and its checks."""

    @property
    def rollout(self) -> str: ...

    @property
    def cluster(self) -> ClusterView: ...

    @property
    def checks(self) -> frozenset[ObservedCheck]: ...


class _Asked(Struct):
    """_Asked is the last question to a cluster."""

    id: str
    checks: frozenset[ObservedCheck]
    again_at: float
    """When the next question is due, by the loop's time."""
    answer: HealthAnswer | None = None
    """What the cluster has answered to it."""


def read_at_once(
    wanted: Mapping[str, WantedCanary],
    asked: Collection[str],
    namespace_of: Callable[[str], str],
) -> frozenset[str]:
    """Returns the clusters that are read, by turns of the namespaces. Of one namespace, those that
    have been `asked` already keep their places."""
    names = sorted(wanted, key=lambda name: name not in asked)
    in_turns = interleaved(names, lambda name: namespace_of(wanted[name].rollout))
    return frozenset(in_turns[:MAX_CLUSTERS])


class CanaryWorks:
    """CanaryWorks works while its term leads. Errors of its own are logged and end nothing."""

    def __init__(
        self,
        settings: Settings,
        client: Hub,
        served: Served,
        canaries: CanarySource,
        rng: Random,
        namespace_of: Callable[[str], str],
        talm_holds: Callable[[], bool],
    ) -> None:
        """`namespace_of` returns the namespace of the rollout with that uid; `talm_holds`: whether
        nothing may be written beside a live TALM."""
        self._client = client
        self._served = served
        self._canaries = canaries
        self._rng = rng
        self._namespace_of = namespace_of
        self._talm_holds = talm_holds
        self._limits = _WORKS.limits(settings)

    async def run(self, deadline: Deadline) -> None:
        # The first round removes what an earlier controller has left.
        left = True
        while True:
            try:
                if left or self._canaries.wanted(CHECKS):
                    await self._round(deadline)
                    left = False
            except Exception:
                log.exception("will read the health of canaries later")
                await asyncio.sleep(RETRY)
            await asyncio.sleep(_TURN)

    async def _round(self, deadline: Deadline) -> None:
        """Reads until nobody waits for a canary and no work is left."""
        round_ = _Round(self._canaries, self._namespace_of)
        works = ReadingWorks(
            _WORKS,
            self._client,
            self._served,
            self._limits,
            self._rng,
            round_.answered,
            self._talm_holds,
        )
        async with works.open(deadline):
            while round_.turn(works):
                await works.woken(_TURN)


class _Round:
    """_Round holds the questions that are under way."""

    def __init__(self, canaries: CanarySource, namespace_of: Callable[[str], str]) -> None:
        self._canaries = canaries
        self._namespace_of = namespace_of
        self._wanted: Mapping[str, WantedCanary] = {}
        self._asked: dict[str, _Asked] = {}
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    def turn(self, works: ReadingWorks) -> bool:
        """Takes each cluster one step further. Returns whether anything is left to do."""
        if not works.may_write():
            return True
        self._wanted = self._canaries.wanted(CHECKS)
        read = read_at_once(self._wanted, self._asked, self._namespace_of)
        for name in self._asked.keys() - read:
            del self._asked[name]
        for name, each in self._wanted.items():
            if not works.supported:
                self._note_trouble(each, TOO_OLD)
            elif name in read:
                self._advance(name, each, works)
            else:
                self._note_trouble(each, TOO_MANY)
        left = works.remove(lambda work: work.metadata.namespace in read)
        return bool(self._wanted) or left

    def answered(self, cluster: str, result: WriteResult) -> None:
        """Handles the hub's response to a write. A conflict is with a work from before, which the
        watch shows."""
        error = result.error
        asked, wanted = self._asked.get(cluster), self._wanted.get(cluster)
        if asked is None or wanted is None or asked.id != result.write.token:
            return
        if error is not None or result.superseded:
            asked.again_at = self._now() + RETRY
        if error is not None and not (error.conflict or error.not_found):
            self._note_trouble(wanted, f"the hub refused the work that reads them: {error}")

    def _advance(self, name: str, wanted: WantedCanary, works: ReadingWorks) -> None:
        work = works.get(name)
        if works.pending(name) or (work is not None and not works.is_there(work)):
            return
        asked = self._asked.get(name)
        if work is not None and asked is not None:
            self._read(work, asked, wanted)
        if asked is not None and asked.checks == wanted.checks and self._now() < asked.again_at:
            return
        asked = self._asked[name] = _Asked(uuid4().hex[:12], wanted.checks, self._now() + PATIENCE)
        if work is None:
            works.create(name, health_body(asked.id, asked.checks), asked.id)
        else:
            body = health_patch(work.metadata.uid, asked.id, asked.checks)
            works.patch(name, body, asked.id)

    def _read(self, work: ManifestWork, asked: _Asked, wanted: WantedCanary) -> None:
        """Notes what the cluster answers. What its agent reports later, unasked, is noted only if
        it is something else: nothing else proves that it has read again."""
        answer = health_answer(work, asked.id, asked.checks)
        if answer is None or answer == asked.answer:
            return
        if asked.answer is None:
            pause = AGGREGATION if answer.forbidden else INTERVAL
            asked.again_at = self._now() + pause
        asked.answer = answer
        for check, finding in answer.findings.items():
            self._canaries.note(check, wanted.cluster, finding)

    def _note_trouble(self, wanted: WantedCanary, trouble: str) -> None:
        for check in wanted.checks:
            self._canaries.note_trouble(check, wanted.cluster, trouble)
