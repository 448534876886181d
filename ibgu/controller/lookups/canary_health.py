"""Keeps what is observed of the health of canaries while others wait behind them (R50.16)."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.state.health_observations import (
    Asking,
    Canary,
    HealthCheck,
    HealthFinding,
    HealthObservations,
    MetricQuestion,
    ObservedCheck,
)
from ibgu.core.model import ClusterView


class ObservedCanary(Struct, frozen=True):
    """ObservedCanary is a cluster that has to be observed, whichever rollouts wait for it."""

    rollout: str
    """uid of the first of them."""
    cluster: ClusterView
    checks: frozenset[ObservedCheck]


class _Term(Struct, frozen=True):
    """_Term is what a term gives while it leads."""

    now: Callable[[], datetime]
    to_observe: Callable[[datetime], Iterable[Canary]]
    touch: Callable[[str], None]


class CanaryHealth:
    """CanaryHealth outlives the terms of one process, so that a term after an error does not begin
    a soak again. Between terms it observes nothing, and silence counts as a break."""

    def __init__(self) -> None:
        self._observations = HealthObservations()
        self._term: _Term | None = None
        self._rollouts: dict[str, set[str]] = {}
        """The rollouts that wait for a canary, by its uid."""

    def begin(
        self,
        now: Callable[[], datetime],
        to_observe: Callable[[datetime], Iterable[Canary]],
        touch: Callable[[str], None],
    ) -> None:
        """Works for a term from now on. `touch`: decides on a rollout again."""
        self._term = _Term(now, to_observe, touch)

    def end(self) -> None:
        """Lets go of the term, and keeps what was observed."""
        self._term, self._rollouts = None, {}

    def finding(self, check: HealthCheck, cluster: ClusterView, now: datetime) -> HealthFinding:
        """Returns what was observed of a canary."""
        return self._observations.finding(check, cluster, now)

    def wanted(self, checks: frozenset[ObservedCheck]) -> dict[str, ObservedCanary]:
        """Returns the canaries to observe by any of these checks, by cluster."""
        found: dict[str, ObservedCanary] = {}
        for each in self._to_observe():
            name, asked = each.cluster.name, each.checks & checks
            if before := found.get(name):
                found[name] = replace(before, checks=before.checks | asked)
            elif asked:
                found[name] = ObservedCanary(each.rollout, each.cluster, asked)
        return found

    def questions(self) -> dict[tuple[str, MetricQuestion], Canary]:
        """Returns the canaries that sources are asked about, by uid and question."""
        return {
            (each.cluster.uid, question): each
            for each in self._to_observe()
            for question in each.questions
        }

    def _to_observe(self) -> Sequence[Canary]:
        """Returns the canaries to observe, and forgets what was observed of others."""
        if self._term is None:
            return ()
        now = self._term.now()
        found = tuple(self._term.to_observe(now))
        self._rollouts, wanted = {}, set[tuple[str, HealthCheck]]()
        for each in found:
            uid = each.cluster.uid
            self._rollouts.setdefault(uid, set()).add(each.rollout)
            wanted.update((uid, check) for check in each.checks)
            wanted.update((uid, question) for question in each.questions)
        self._observations.keep(wanted, now)
        return found

    def ask(self, question: MetricQuestion, cluster: ClusterView) -> Asking | None:
        """Returns what is known of a question that is put to a source now; None: nobody waits for
        its answer any more."""
        if self._term is None:
            return None
        return self._observations.ask(question, cluster, self._term.now())

    def note(
        self,
        check: HealthCheck,
        cluster: ClusterView,
        answer: HealthFinding,
        asking: Asking | None = None,
    ) -> None:
        """Notes an answer, and has the rollouts decided on again that it may let go. `asking`: the
        question that a source has answered."""
        if self._term is not None and self._observations.note(
            check, cluster, answer, self._term.now(), asking
        ):
            self._touch(cluster)

    def note_trouble(self, check: HealthCheck, cluster: ClusterView, trouble: str) -> None:
        """Notes why a canary can't be asked."""
        if self._term is not None and self._observations.note_trouble(
            check, cluster, trouble, self._term.now()
        ):
            self._touch(cluster)

    def _touch(self, cluster: ClusterView) -> None:
        for uid in self._rollouts.get(cluster.uid, ()):
            if self._term is not None:
                self._term.touch(uid)
