"""Asks sources about canaries, for as long as others wait behind them (R50.18)."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import structlog
from msgspec import Struct

from ibgu import telemetry
from ibgu.controller.sources.asking import SourceClient, source_client
from ibgu.core.drivers.canary_health import metrics
from ibgu.core.drivers.canary_health.metrics import UnusableAnswer
from ibgu.core.engine.gates.policies import source_fault
from ibgu.core.engine.state.health_observations import (
    Asking,
    Canary,
    HealthFinding,
    MetricQuestion,
)
from ibgu.core.model import ClusterView, Rollout
from ibgu.core.notify import HealthSource
from ibgu.flowcontrol.fair import FairQueue, FairSlots

log = structlog.get_logger("ibgu.canaries")

INTERVAL = 60.0
"""Seconds from one question about a canary to the next."""
MAX_QUESTIONS = 1000
"""Questions that are put to one source."""
_AT_A_TIME = 4
"""Requests to one source at a time."""
_TURN = 1.0
"""Seconds between two looks for canaries."""
_REMIND = 600.0
"""Seconds between two lines of the log about one source."""
_TOO_MANY = f"ibgu puts at most {MAX_QUESTIONS} questions to one source: have fewer canaries"

Questions = Mapping[tuple[str, MetricQuestion], Canary]
"""The canaries to ask about, by uid and question."""


class QuestionedCanaries(Protocol):
    """QuestionedCanaries has the canaries that sources are asked about, and what is noted of
    them."""

    def questions(self) -> Questions: ...

    def ask(self, question: MetricQuestion, cluster: ClusterView) -> Asking | None: ...

    def note(
        self,
        check: MetricQuestion,
        cluster: ClusterView,
        answer: HealthFinding,
        asking: Asking | None,
    ) -> None: ...

    def note_trouble(self, check: MetricQuestion, cluster: ClusterView, trouble: str) -> None: ...


class _Asked(Struct):
    """_Asked is one question about one canary."""

    question: MetricQuestion
    cluster: ClusterView
    namespace: str
    """That of the rollout that waits for the answer."""
    due: float = 0.0
    """When it is put again, by the loop's time."""
    waits: bool = False
    """Whether it waits for its turn or for its answer."""


class HealthSources:
    """HealthSources works while its term leads. Errors of its own are logged and end nothing, and
    no source waits for another."""

    def __init__(
        self,
        sources: Sequence[HealthSource],
        canaries: QuestionedCanaries,
        rollout: Callable[[str], Rollout | None],
    ) -> None:
        """`rollout` returns the rollout with that uid."""
        self._canaries = canaries
        self._rollout = rollout
        self._askers = {each.name: _Asker(each, canaries) for each in sources}

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for asker in self._askers.values():
                tasks.create_task(asker.run())
            while True:
                try:
                    self._look()
                except Exception:
                    log.exception("will look for canaries to ask about later")
                await asyncio.sleep(_TURN)

    def _look(self) -> None:
        """Gives each source the questions that there are, by turns of the namespaces, and says what
        is wrong with the others."""
        found: dict[str, FairQueue[_Asked]] = {}
        for (_, question), canary in self._canaries.questions().items():
            if question.source not in self._askers:
                fault = source_fault(question.source)
                self._canaries.note_trouble(question, canary.cluster, fault)
                continue
            rollout = self._rollout(canary.rollout)
            namespace = rollout.namespace if rollout is not None else ""
            asked = _Asked(question, canary.cluster, namespace)
            found.setdefault(question.source, FairQueue()).push(namespace, asked)
        for name, asker in self._askers.items():
            asker.take(iter(found[name].pop, None) if name in found else ())


class _Asker:
    """_Asker puts the questions to one source."""

    def __init__(self, source: HealthSource, canaries: QuestionedCanaries) -> None:
        self.source = source
        self._canaries = canaries
        self._asked: dict[tuple[str, MetricQuestion], _Asked] = {}
        self._slots = FairSlots(_AT_A_TIME)
        self._warned: float | None = None
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    def take(self, wanted: Iterable[_Asked]) -> None:
        """Asks these from now on."""
        known, self._asked = self._asked, {}
        for each in wanted:
            key = (each.cluster.uid, each.question)
            if len(self._asked) >= MAX_QUESTIONS:
                self._canaries.note_trouble(each.question, each.cluster, _TOO_MANY)
                continue
            asked = self._asked[key] = known.get(key, each)
            asked.cluster, asked.namespace = each.cluster, each.namespace
            asked.due = asked.due or self._now()

    async def run(self) -> None:
        while True:
            try:
                if self._due():
                    await self._session()
            except UnusableAnswer as error:
                self._note_all(str(error))
            except Exception:
                log.exception("will ask about canaries later", source=self.source.name)
                await asyncio.sleep(INTERVAL)
            await asyncio.sleep(_TURN)

    async def _session(self) -> None:
        """Asks for a while by one connection: then the files of the source are read again. Raises
        UnusableAnswer if they can't be used."""
        try:
            async with (
                source_client(self.source, _AT_A_TIME) as client,
                asyncio.TaskGroup() as tasks,
            ):
                # From now: to read the trusted certificates takes a busy machine its time.
                ends = self._now() + INTERVAL
                while self._now() < ends:
                    for each in self._due():
                        each.waits = True
                        tasks.create_task(self._in_turn(client, each, ends))
                    await asyncio.sleep(_TURN)
        finally:
            for each in self._asked.values():
                each.waits = False

    def _due(self) -> list[_Asked]:
        """Returns the questions that are due, the one that has waited longest first."""
        now = self._now()
        found = (each for each in self._asked.values() if each.due <= now and not each.waits)
        return sorted(found, key=lambda each: each.due)

    async def _in_turn(self, client: SourceClient, asked: _Asked, ends: float) -> None:
        """Asks once it is the question's turn, if that comes before the session ends. Namespaces
        take turns, so that the slow answers of one keep no other waiting."""
        try:
            async with self._slots.of(asked.namespace):
                wanted = self._asked.get((asked.cluster.uid, asked.question)) is asked
                if wanted and self._now() < ends:
                    await self._ask(client, asked)
        finally:
            asked.waits = False

    async def _ask(self, client: SourceClient, asked: _Asked) -> None:
        asked.due = self._now() + INTERVAL
        asking = self._canaries.ask(asked.question, asked.cluster)
        if asking is None:
            return
        try:
            finding = await self._answer(client, asked, asking)
        except UnusableAnswer as error:
            self._note_trouble(asked, str(error))
            return
        except Exception as error:
            log.exception("a source can't be asked", source=self.source.name)
            self._note_trouble(asked, f"{type(error).__name__} in asking {self.source.name}")
            return
        self._count("unwell" if finding.problem else "well")
        self._canaries.note(asked.question, asked.cluster, finding, asking)

    def _note_all(self, words: str) -> None:
        for each in self._due():
            each.due = self._now() + INTERVAL
            self._note_trouble(each, words)

    async def _answer(self, client: SourceClient, asked: _Asked, asking: Asking) -> HealthFinding:
        question, cluster = asked.question, asked.cluster
        finding = metrics.lacking(question, cluster)
        return finding or await client.metric(question, cluster, _points(asking))

    def _note_trouble(self, asked: _Asked, words: str) -> None:
        self._count("failed")
        self._canaries.note_trouble(asked.question, asked.cluster, words)
        now = self._now()
        if self._warned is None or now - self._warned >= _REMIND:
            self._warned = now
            log.warning("a source does not say whether a canary is well", error=words)

    def _count(self, result: str) -> None:
        telemetry.HEALTH_QUESTIONS.labels(self.source.name, result).inc()


def _points(asking: Asking) -> int:
    """Returns how many points in time the query is about, so that a break since the last answer
    shows."""
    if asking.since is None:
        return 0
    return metrics.span((asking.at - asking.since).total_seconds())
