"""Rebuilds the steps of a rollout: which have begun, and who belongs to them."""

from collections import Counter
from collections.abc import Container, Iterator
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from ibgu.core.engine.state import TrackedRollout, TrackedStep
from ibgu.core.engine.works.trace import Trace
from ibgu.core.model import ClusterView, Step, StepState, carry_payload
from ibgu.core.model.bounds import int32
from ibgu.core.model.records import UNKNOWN_PAYLOAD
from ibgu.core.plan import EVERYWHERE, select
from ibgu.core.recover.found import FoundRollout
from ibgu.core.recover.placing import StepPart, place, step_of
from ibgu.core.text.natural import natural_key


class StepLayout(Struct, frozen=True):
    """The hub's signs by step and cluster."""

    steps: int
    """How many steps have begun."""
    parts: list[dict[str, StepPart]]
    traces: list[dict[str, Trace]]


def lay_out(tracked: TrackedRollout, found: FoundRollout, foreign: Container[str]) -> StepLayout:
    """Lays out the signs; `foreign`: runs that the journal does not know."""
    plan = found.plan
    parts: list[dict[str, StepPart]] = [{} for _ in plan]
    for name, entry in found.status.clusters.items():
        for index, part in place(plan, entry).items():
            parts[index][name] = part
    begun = max(_begun(tracked, found), max((i + 1 for i, p in enumerate(parts) if p), default=0))
    traces: list[dict[str, Trace]] = [{} for _ in plan]
    for name, trace in found.traces.items():
        place_ = step_of(trace.action, plan, begun)
        if place_ is not None and trace.run in foreign:
            traces[place_][name] = trace
    last = max((i + 1 for i, t in enumerate(traces) if t), default=0)
    return StepLayout(max(begun, last), parts, traces)


def _begun(tracked: TrackedRollout, found: FoundRollout) -> int:
    if found.status.complete:
        return len(found.plan)
    known = [step for step in tracked.steps if step.step.state is not StepState.OPENING]
    return min(len(found.plan), max(found.status.steps, len(known), 1 if found.begun else 0))


def record(
    found: FoundRollout, uid: str, index: int, known: TrackedStep | None, over: bool, now: datetime
) -> Step:
    """Returns the step's record without its members. A running one has its whole timeout again: how
    long its clock has stood is not known."""
    if known is not None and known.step.state is StepState.FINISHED:
        return known.step
    item = found.object.spec.plan[index]
    step = (
        known.step
        if known is not None
        else Step(
            rollout=uid,
            index=index,
            actions=tuple(item.actions),
            max_concurrency=int32(item.rollout_strategy.max_concurrency),
            timeout=timedelta(minutes=int32(item.rollout_strategy.timeout)),
        )
    )
    first = found.status.started_at if index == 0 else None
    started = step.started_at or first or now
    if not over:
        return replace(
            step,
            state=StepState.RUNNING,
            started_at=started,
            stopped=max(timedelta(), now - started),
            stopped_since=None,
            payload_digest=_payload(found, step),
        )
    ended = max(started, found.status.completed_at or now)
    return replace(
        step,
        state=StepState.FINISHED,
        started_at=started,
        finished_at=ended,
        hold=None,
        stopped_since=None,
    )


def _payload(found: FoundRollout, step: Step) -> str:
    """Returns the digest of what the running step carries, by the works that carry it."""
    if step.payload_digest or step.started_at is not None or not carry_payload(step.actions):
        return step.payload_digest
    newest = Counter(found.payloads).most_common(1)
    return newest[0][0] if newest else UNKNOWN_PAYLOAD


def new_members(
    found: FoundRollout, layout: StepLayout, index: int, known: TrackedStep | None, over: bool
) -> list[str]:
    """Returns members that the journal does not know, in natural order."""
    names = {*layout.parts[index], *layout.traces[index]}
    if known is not None and known.step.state is not StepState.OPENING:
        return sorted(names - set(known.members), key=natural_key)
    if index == 0:
        names |= set(found.status.clusters)
    elif not over:
        names |= set(_waiting(found, index))
    return sorted(names, key=natural_key)


def _waiting(found: FoundRollout, index: int) -> Iterator[str]:
    """Yields waiting members: the status has only their names; their labels say whether they may
    start."""
    views = [found.cluster(name) for name in found.status.clusters]
    there = [view for view in views if view is not None]
    action = found.plan[index][0]
    selectors = found.object.spec.cluster_label_selectors
    chosen: list[ClusterView] = select(there, selectors, action, {}, (), EVERYWHERE)
    yield from (view.name for view in chosen)
