"""Metrics that follow from decisions and from the world in memory."""

from collections import Counter
from collections.abc import Iterable

from ibgu import telemetry
from ibgu.core.book import World
from ibgu.core.model import Decision, Kind, MemberState, OnMember, Run
from ibgu.core.status import Phase, phase_of


def count(decisions: Iterable[Decision]) -> None:
    """After the commit: what was decided has happened."""
    for decision in decisions:
        if isinstance(decision, OnMember) and decision.kind is Kind.RUN_ENDED:
            assert decision.member.run is not None
            _ended(decision.member.run)


def _ended(run: Run) -> None:
    result = run.result or ""
    telemetry.ACTIONS.labels(run.action, result, run.cause or "").inc()
    if run.arming_at and run.ended_at:
        seconds = (run.ended_at - run.arming_at).total_seconds()
        telemetry.ACTION_SECONDS.labels(run.action, result).observe(seconds)


def gauge(world: World) -> None:
    """The gauges that show the present; called when somebody asks for them."""
    phases: Counter[str] = Counter()
    states: Counter[str] = Counter()
    used = limit = 0
    for book in world.books.values():
        phases[phase_of(book.rollout, book.newest)] += 1
        step = book.current
        if step is not None:
            used += len(step.slots)
            limit += step.step.max_concurrency
            states.update({state: step.counts[state] for state in MemberState})
    for phase in frozenset(Phase) - {Phase.DELETED}:
        telemetry.ROLLOUTS.labels(phase).set(phases[phase])
    for state in (MemberState.WAITING, MemberState.IN_FLIGHT):
        telemetry.MEMBERS.labels(state).set(states[state])
    telemetry.SLOTS.labels("used").set(used)
    telemetry.SLOTS.labels("limit").set(limit)
