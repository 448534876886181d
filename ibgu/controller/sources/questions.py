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
    HealthFinding,
    MetricQuestion,
    SourceQuestion,
)
from ibgu.core.model import ClusterView, Rollout
from ibgu.core.model.rollout_policy import SourceKind
from ibgu.core.notify import HealthSource

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

Questions = Mapping[tuple[str, SourceQuestion], ClusterView]
"""The clusters to ask about, by uid and question."""


class QuestionedCanaries(Protocol):
    """QuestionedCanaries has the canaries that sources are asked about, and what is noted of
    them."""

    def questions(self) -> Questions: ...

    def ask(self, question: SourceQuestion, cluster: ClusterView) -> Asking | None: ...

    def note(
        self,
        check: SourceQuestion,
        cluster: ClusterView,
        answer: HealthFinding,
        asking: Asking | None,
    ) -> None: ...

    def note_trouble(self, check: SourceQuestion, cluster: ClusterView, trouble: str) -> None: ...


class _Asked(Struct):
    """_Asked is one question about one canary."""

    question: SourceQuestion
    cluster: ClusterView
    due: float = 0.0
    """When it is put again, by the loop's time."""


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
        self._askers = {each.name: _Asker(each, canaries, rollout) for each in sources}
        self._kinds = {each.name: each.kind for each in sources}

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
        """Gives each source the questions that there are, and says what is wrong with the
        others."""
        found: dict[str, list[_Asked]] = {}
        for (_, question), cluster in self._canaries.questions().items():
            if wrong := source_fault(question.source, _needed(question), self._kinds):
                self._canaries.note_trouble(question, cluster, wrong)
            else:
                found.setdefault(question.source, []).append(_Asked(question, cluster))
        for name, asker in self._askers.items():
            asker.take(found.get(name, ()))


class _Asker:
    """_Asker puts the questions to one source."""

    def __init__(
        self,
        source: HealthSource,
        canaries: QuestionedCanaries,
        rollout: Callable[[str], Rollout | None],
    ) -> None:
        self.source = source
        self._canaries = canaries
        self._rollout = rollout
        self._asked: dict[tuple[str, SourceQuestion], _Asked] = {}
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
            asked.cluster = each.cluster

    async def run(self) -> None:
        while True:
            try:
                await self._round()
            except Exception:
                log.exception("will ask about canaries later", source=self.source.name)
                await asyncio.sleep(INTERVAL)
            await asyncio.sleep(_TURN)

    async def _round(self) -> None:
        now = self._now()
        due = [each for each in self._asked.values() if each.due <= now]
        if not due:
            return
        limit = asyncio.Semaphore(_AT_A_TIME)
        try:
            async with (
                source_client(self.source, _AT_A_TIME) as client,
                asyncio.TaskGroup() as all_,
            ):
                for each in due:
                    all_.create_task(self._ask(client, limit, each))
        except UnusableAnswer as error:
            for each in due:
                each.due = now + INTERVAL
                self._note_trouble(each, str(error))

    async def _ask(self, client: SourceClient, limit: asyncio.Semaphore, asked: _Asked) -> None:
        async with limit:
            if self._asked.get((asked.cluster.uid, asked.question)) is not asked:
                return  # Nobody waits for the answer any more.
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

    async def _answer(self, client: SourceClient, asked: _Asked, asking: Asking) -> HealthFinding:
        question, cluster = asked.question, asked.cluster
        if isinstance(question, MetricQuestion):
            finding = metrics.lacking(question, cluster)
            return finding or await client.metric(question, cluster, _points(asking))
        rollout = self._rollout(question.rollout)
        if rollout is None:
            raise UnusableAnswer("its rollout is gone")
        return await client.webhook(question, rollout, cluster)

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


def _needed(question: SourceQuestion) -> SourceKind:
    """Returns the kind of source that can be asked so."""
    metric = isinstance(question, MetricQuestion)
    return SourceKind.PROMETHEUS if metric else SourceKind.WEBHOOK
